/*
** sim_stream.cpp -- streams as queues of work, events as marks in them, launches.  When the queues run is the order
** of TLUA_CUDA_SIM_ORDER: a stream is in order in all of them, and a wait for an event first runs the event's stream
** up to its mark; apart from that anything goes, as on a card.
*/
#include <time.h>

#include "sim_inside.h"

std::set<CUstream_st *> &sim_streams () { static auto *s = new std::set<CUstream_st *>(); return *s; }
static std::set<CUevent_st *> &events () { static auto *s = new std::set<CUevent_st *>(); return *s; }
static std::map<const void *, size_t> &limits () { static auto *m = new std::map<const void *, size_t>(); return *m; }

double sim_seconds () {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

CUstream_st *sim_stream (cudaStream_t s) {
  if (s == nullptr || s == cudaStreamLegacy) return sim_card()->legacy;
  return sim_streams().count(s) ? s : nullptr;
}

/* ---- running ---- */
static void step (CUstream_st *s) {
  if (s->queue.empty()) return;
  sim_Op op = std::move(s->queue.front());
  s->queue.pop_front();
  while (op.wait && !op.wait->done) step(op.wait->stream);
  if (op.work && s->card->broken == cudaSuccess)
    if (cudaError_t e = op.work()) sim_break(s->card, e);
  if (op.record) {
    op.record->done = true;
    op.record->time = sim_seconds();
  }
}

/* one operation of any stream that has some */
static bool step_any () {
  std::vector<CUstream_st *> some;
  for (sim_Card *c : sim_cards())
    if (!c->legacy->queue.empty()) some.push_back(c->legacy);
  for (CUstream_st *s : sim_streams())
    if (!s->queue.empty()) some.push_back(s);
  if (some.empty()) return false;
  step(some[sim_random() % some.size()]);
  return true;
}
static void step_toward (CUstream_st *s) {
  if (sim_settings().order == sim_Settings::SHUFFLE) step_any();
  else step(s);
}

/* open from first to last: giving and taking access costs more than a small kernel */
void sim_drain (CUstream_st *s) {
  if (s->queue.empty()) return;
  sim_open(s->card);
  while (!s->queue.empty()) step_toward(s);
  sim_close(s->card);
}
void sim_drain_all (sim_Card *c) {
  for (sim_Card *card : sim_cards())
    if (c == nullptr || card == c) sim_drain(card->legacy);
  for (CUstream_st *s : sim_streams())
    if (c == nullptr || s->card == c) sim_drain(s);
}

cudaError_t sim_put (CUstream_st *s, sim_Op op) {
  if (s->capture) return sim_capture(s, op);
  if (s == s->card->legacy) {                /* it comes after all blocking streams, and they after it */
    if (cudaError_t e = sim_spoil_card(s->card, true, cudaErrorStreamCaptureImplicit)) return e;
    for (CUstream_st *other : sim_streams())
      if (other->card == s->card && !(other->flags & cudaStreamNonBlocking)) sim_drain(other);
  } else if (!(s->flags & cudaStreamNonBlocking)) sim_drain(s->card->legacy);
  s->queue.push_back(std::move(op));
  switch (sim_settings().order) {
    case sim_Settings::NOW: sim_drain(s); break;
    case sim_Settings::LATE: while (s->queue.size() > 1024) step(s); break;   /* a card's queue is no longer */
    case sim_Settings::SHUFFLE: for (unsigned n = sim_random() % 3; n > 0; n--) step_any(); break;
  }
  return cudaSuccess;
}

cudaError_t sim_queue (cudaStream_t handle, const char *, sim_Work work) {
  std::lock_guard<std::recursive_mutex> held(sim_lock);
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return cudaErrorInvalidResourceHandle;
  if (s->card->broken != cudaSuccess) return s->card->broken;
  sim_Card *c = s->card;
  sim_Op op;
  op.type = cudaGraphNodeTypeKernel;
  op.work = [c, work] () {
    sim_open(c);
    cudaError_t e = work();
    sim_close(c);
    return e;
  };
  return sim_put(s, std::move(op));
}

/* ---- kernels ---- */
size_t sim_shared_limit (const void *kernel) {
  auto i = limits().find(kernel);
  return i == limits().end() ? (size_t)SIM_SHARED_PLAIN - 1024 : i->second;      /* room for the kernel's own */
}

cudaError_t sim_launch_it (const std::shared_ptr<sim_Launch> &l, cudaStream_t handle) {
  SIM_CALL("cudaLaunchKernel");
  const dim3 &g = l->grid, &b = l->block;
  if (b.x == 0 || b.y == 0 || b.z == 0 || b.x > 1024 || b.y > 1024 || b.z > 64 ||
      (size_t)b.x * b.y * b.z > SIM_MAX_THREADS || g.x == 0 || g.y == 0 || g.z == 0 || g.x > 0x7FFFFFFF ||
      g.y > 65535 || g.z > 65535)
    return sim_fail(cudaErrorInvalidConfiguration);
  if (l->shared > sim_shared_limit(l->kernel)) return sim_fail(cudaErrorInvalidValue);
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  if (s->card != sim_card()) return sim_fail(cudaErrorInvalidResourceHandle);
  sim_Card *c = s->card;
  sim_Op op;
  op.type = cudaGraphNodeTypeKernel;
  op.work = [l, c] () {
    for (int i = 0; i < l->npointers; i++) {
      const void *p = l->pointers[i];
      if (p == nullptr || sim_card_of(p) == c || sim_is_pinned(p, 1)) continue;
      sim_tell("a kernel was given " + sim_name_address(p) + ", which is neither memory of its card nor pinned");
      return cudaErrorIllegalAddress;
    }
    return sim_run_kernel(*l, c);
  };
  return sim_fail(sim_put(s, std::move(op)));
}

extern "C" {

cudaError_t cudaFuncSetAttribute (const void *kernel, cudaFuncAttribute what, int value) {
  SIM_CALL("cudaFuncSetAttribute");
  if (what != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || value > SIM_SHARED_MOST) return sim_fail(cudaErrorInvalidValue);
  limits()[kernel] = (size_t)value;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor (int *n, const void *, int threads, size_t shared) {
  SIM_CALL("cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  if (threads <= 0 || threads > SIM_MAX_THREADS) return sim_fail(cudaErrorInvalidValue);
  int by_threads = SIM_RESIDENT / threads, by_shared = shared == 0 ? 32 : (int)(SIM_SHARED_MOST / shared);
  *n = min(min(by_threads, by_shared), 32);
  return cudaSuccess;
}

/* ---- streams ---- */
cudaError_t cudaStreamCreateWithPriority (cudaStream_t *s, unsigned flags, int priority) {
  SIM_CALL("cudaStreamCreate");
  if (flags > cudaStreamNonBlocking) return sim_fail(cudaErrorInvalidValue);
  CUstream_st *made = new CUstream_st();
  made->card = sim_card();
  made->flags = flags;
  made->priority = priority > 0 ? 0 : priority < -5 ? -5 : priority;
  sim_streams().insert(*s = made);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags (cudaStream_t *s, unsigned flags) {
  return cudaStreamCreateWithPriority(s, flags, 0);
}
cudaError_t cudaStreamCreate (cudaStream_t *s) { return cudaStreamCreateWithPriority(s, cudaStreamDefault, 0); }

cudaError_t cudaStreamDestroy (cudaStream_t handle) {
  SIM_CALL("cudaStreamDestroy");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr || s == s->card->legacy) return sim_fail(cudaErrorInvalidResourceHandle);
  if (s->capture) return sim_fail(sim_spoil(s, cudaErrorStreamCaptureUnsupported));
  sim_drain(s);
  sim_streams().erase(s);
  delete s;
  return cudaSuccess;
}

/* a wait of any kind for a stream: what a capture says to it */
static cudaError_t may_wait (CUstream_st *s) {
  if (s == nullptr) return cudaErrorInvalidResourceHandle;
  if (s->capture) return sim_spoil(s, cudaErrorStreamCaptureUnsupported);
  if (s == s->card->legacy)
    if (cudaError_t e = sim_spoil_card(s->card, true, cudaErrorStreamCaptureImplicit)) return e;
  return sim_unsafe();
}
static void legacy_waits (CUstream_st *s) {
  if (s != s->card->legacy) return;
  for (CUstream_st *other : sim_streams())
    if (other->card == s->card && !(other->flags & cudaStreamNonBlocking)) sim_drain(other);
}

cudaError_t cudaStreamSynchronize (cudaStream_t handle) {
  SIM_CALL("cudaStreamSynchronize");
  CUstream_st *s = sim_stream(handle);
  if (cudaError_t e = may_wait(s)) return sim_fail(e);
  legacy_waits(s);
  sim_drain(s);
  return sim_fail(s->card->broken);
}
cudaError_t cudaStreamQuery (cudaStream_t handle) {
  SIM_CALL("cudaStreamQuery");
  CUstream_st *s = sim_stream(handle);
  if (cudaError_t e = may_wait(s)) return sim_fail(e);
  if (!s->queue.empty()) step_toward(s);
  if (s->card->broken != cudaSuccess) return sim_fail(s->card->broken);
  return sim_fail(s->queue.empty() ? cudaSuccess : cudaErrorNotReady);
}
cudaError_t cudaDeviceSynchronize () {
  SIM_CALL("cudaDeviceSynchronize");
  if (cudaError_t e = sim_spoil_card(sim_card(), false, cudaErrorStreamCaptureUnsupported)) return sim_fail(e);
  sim_drain_all(sim_card());
  return sim_fail(sim_card()->broken);
}
cudaError_t cudaDeviceReset () {
  std::lock_guard<std::recursive_mutex> held(sim_lock);
  sim_Card *c = sim_card();
  c->broken = cudaErrorUnknown;              /* what is queued is dropped */
  sim_drain_all(c);
  sim_forget_memory(c);
  c->broken = cudaSuccess;
  sim_tell("");
  cudaGetLastError();
  return cudaSuccess;
}
cudaError_t cudaStreamGetFlags (cudaStream_t handle, unsigned *flags) {
  SIM_CALL("cudaStreamGetFlags");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  *flags = s->flags;
  return cudaSuccess;
}
cudaError_t cudaStreamGetPriority (cudaStream_t handle, int *priority) {
  SIM_CALL("cudaStreamGetPriority");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  *priority = s->priority;
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc (cudaStream_t handle, cudaHostFn_t call, void *data) {
  SIM_CALL("cudaLaunchHostFunc");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  sim_Op op;
  op.type = cudaGraphNodeTypeHost;
  op.work = [call, data] () {
    sim_in_host_function = true;
    call(data);
    sim_in_host_function = false;
    return cudaSuccess;
  };
  return sim_fail(sim_put(s, std::move(op)));
}

/* ---- events ---- */
cudaError_t cudaEventCreateWithFlags (cudaEvent_t *e, unsigned flags) {
  SIM_CALL("cudaEventCreate");
  CUevent_st *made = new CUevent_st();
  made->flags = flags;
  events().insert(*e = made);
  return cudaSuccess;
}
cudaError_t cudaEventCreate (cudaEvent_t *e) { return cudaEventCreateWithFlags(e, cudaEventDefault); }
cudaError_t cudaEventDestroy (cudaEvent_t e) {
  SIM_CALL("cudaEventDestroy");
  if (events().erase(e) == 0) return sim_fail(cudaErrorInvalidResourceHandle);
  delete e;
  return cudaSuccess;
}

cudaError_t cudaEventRecord (cudaEvent_t e, cudaStream_t handle) {
  SIM_CALL("cudaEventRecord");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr || !events().count(e)) return sim_fail(cudaErrorInvalidResourceHandle);
  if (s->capture) {
    if (s->capture->invalid) return sim_fail(cudaErrorStreamCaptureInvalidated);
    e->capture = s->capture;
    e->frontier = s->frontier;
    e->mark = nullptr;
    return cudaSuccess;
  }
  e->capture = nullptr;
  e->mark = std::make_shared<sim_Mark>(sim_Mark{ s, false, 0 });
  sim_Op op;
  op.type = cudaGraphNodeTypeEmpty;
  op.record = e->mark;
  return sim_fail(sim_put(s, std::move(op)));
}

cudaError_t cudaStreamWaitEvent (cudaStream_t handle, cudaEvent_t e, unsigned) {
  SIM_CALL("cudaStreamWaitEvent");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr || !events().count(e)) return sim_fail(cudaErrorInvalidResourceHandle);
  if (s->capture || e->capture) return sim_fail(sim_capture_wait(s, e));
  if (!e->mark || e->mark->done) return cudaSuccess;
  sim_Op op;
  op.type = cudaGraphNodeTypeEmpty;
  op.wait = e->mark;
  return sim_fail(sim_put(s, std::move(op)));
}

static cudaError_t event_look (cudaEvent_t e) {
  if (!events().count(e)) return cudaErrorInvalidResourceHandle;
  if (e->capture) {
    if (e->capture->active) e->capture->invalid = true;
    return cudaErrorCapturedEvent;
  }
  return sim_unsafe();
}
cudaError_t cudaEventSynchronize (cudaEvent_t e) {
  SIM_CALL("cudaEventSynchronize");
  if (cudaError_t wrong = event_look(e)) return sim_fail(wrong);
  while (e->mark && !e->mark->done) step_toward(e->mark->stream);
  return sim_fail(sim_card()->broken);
}
cudaError_t cudaEventQuery (cudaEvent_t e) {
  SIM_CALL("cudaEventQuery");
  if (cudaError_t wrong = event_look(e)) return sim_fail(wrong);
  if (e->mark && !e->mark->done) step_toward(e->mark->stream);
  if (sim_card()->broken != cudaSuccess) return sim_fail(sim_card()->broken);
  return sim_fail(!e->mark || e->mark->done ? cudaSuccess : cudaErrorNotReady);
}
cudaError_t cudaEventElapsedTime (float *ms, cudaEvent_t a, cudaEvent_t b) {
  SIM_CALL("cudaEventElapsedTime");
  if (!events().count(a) || !events().count(b) || ((a->flags | b->flags) & cudaEventDisableTiming) ||
      !a->mark || !b->mark)
    return sim_fail(cudaErrorInvalidResourceHandle);
  if (!a->mark->done || !b->mark->done) return sim_fail(cudaErrorNotReady);
  *ms = (float)(1e3 * (b->mark->time - a->mark->time));
  return cudaSuccess;
}

}
