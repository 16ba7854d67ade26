/*
** sim_memory.cpp -- allocations of device memory and of pinned host memory, and the copies between them.
** In the arena: [zone] bytes, filled up to a multiple of 512, [zone].  First fit from the start, so that the part in
** use stays small; how much a card has is a matter of counting, not of where things lie.
*/
#include <stdlib.h>
#include <sys/mman.h>

#include "sim_inside.h"

static const size_t grain = 512, zone = 512, huge = 2 << 20;

struct Pinned { size_t size; bool ours; int card; };
static std::map<uintptr_t, Pinned> &pinned () { static auto *m = new std::map<uintptr_t, Pinned>(); return *m; }

static size_t rounded (size_t n) { return n == 0 ? grain : (n + grain - 1) / grain * grain; }

/* ---- what an address is ---- */
bool sim_is_pinned (const void *p, size_t n) {
  auto i = pinned().upper_bound((uintptr_t)p);
  if (i == pinned().begin()) return false;
  --i;
  return (uintptr_t)p + n <= i->first + i->second.size;
}
bool sim_is_block (const void *p, size_t n) {
  sim_Card *c = sim_card_of(p);
  if (c == nullptr) return false;
  size_t at = (size_t)((const char *)p - c->base);
  auto i = c->blocks.upper_bound(at);
  if (i == c->blocks.begin()) return false;
  --i;
  return at + n <= i->first + i->second.size;
}

/* ---- red zones ---- */
std::string sim_zones (sim_Card *c) {
  if (SIM_ASAN) return "";
  auto damaged = [] (const char *p, size_t n) -> long {
    static unsigned char clean[grain + zone];
    if (clean[0] == 0) memset(clean, SIM_ZONE_BYTE, sizeof clean);
    if (memcmp(p, clean, n) == 0) return -1;
    for (size_t i = 0; i < n; i++)
      if ((unsigned char)p[i] != SIM_ZONE_BYTE) return (long)i;
    return -1;
  };
  for (auto &b : c->blocks) {
    char *p = c->base + b.first;
    size_t n = b.second.size;
    long i = damaged(p + n, rounded(n) - n + zone), before = damaged(p - zone, zone);
    if (i < 0 && before < 0) continue;
    memset(p + n, SIM_ZONE_BYTE, rounded(n) - n + zone);
    memset(p - zone, SIM_ZONE_BYTE, zone);
    std::string of = " of an allocation of " + std::to_string(n) + " bytes";
    if (i >= 0) return "written past the end" + of + " (byte " + std::to_string((long)n + i) + ")";
    return "written before the start" + of + " (byte " + std::to_string(before - (long)zone) + ")";
  }
  return "";
}

void sim_forget_memory (sim_Card *c) {
  SIM_HIDE(c->base, c->high);
  c->blocks.clear();
  c->used = 0;
}

/* ---- allocation ---- */
static void *allocate (sim_Card *c, size_t n) {
  size_t size = rounded(n), at = 0;
  if (n > sim_settings().memory || c->used + size > sim_settings().memory) return nullptr;
  for (auto &b : c->blocks) {                /* the first gap that is large enough */
    if (b.first - zone >= at + zone + size + zone) break;
    at = b.first + rounded(b.second.size) + zone;
  }
  at += zone;
  size_t end = at + size + zone;
  if (end > c->span) return nullptr;
  if (end > c->high) {
    size_t high = (end + huge - 1) / huge * huge;
    SIM_HIDE(c->base + c->high, high - c->high);
    if (c->open > 0) mprotect(c->base, high, PROT_READ | PROT_WRITE);
    c->high = high;
  }
  char *p = c->base + at;
  sim_open(c);
  if (!SIM_ASAN) {
    memset(p - zone, SIM_ZONE_BYTE, zone);
    memset(p + n, SIM_ZONE_BYTE, size - n + zone);
  }
  SIM_SHOW(p, n);
  memset(p, SIM_POISON, n < ((size_t)64 << 20) ? n : (size_t)64 << 20);   /* a very large one: its beginning */
  sim_close(c);
  c->blocks[at] = { n };
  c->used += size;
  return p;
}

static void release (sim_Card *c, std::map<size_t, sim_Block>::iterator b) {
  size_t at = b->first, size = rounded(b->second.size);
  SIM_HIDE(c->base + at, size);
  size_t from = (at + huge - 1) / huge * huge, to = (at + size) / huge * huge;
  if (to > from) madvise(c->base + from, to - from, MADV_DONTNEED);
  c->used -= size;
  c->blocks.erase(b);
}

static cudaError_t host_allocate (void **p, size_t n) {
  *p = nullptr;
  if (cudaError_t e = sim_unsafe()) return e;
  if (posix_memalign(p, 4096, rounded(n)) != 0) return cudaErrorMemoryAllocation;
  memset(*p, SIM_POISON, rounded(n));
  SIM_HIDE((char *)*p + n, rounded(n) - n);
  pinned()[(uintptr_t)*p] = { n, true, sim_card()->index };
  return cudaSuccess;
}

/* ---- copies ---- */
enum Side { PAGEABLE, PINNED, DEVICE };
static Side side (const void *p, size_t n) {
  return sim_card_of(p) != nullptr ? DEVICE : sim_is_pinned(p, n) ? PINNED : PAGEABLE;
}

static void open_both (const void *a, const void *b, bool open) {
  for (const void *p : { a, b })
    if (sim_Card *c = sim_card_of(p)) { if (open) sim_open(c); else sim_close(c); }
}

/* rows x width bytes; the operands are looked at again, since a graph may run after they were freed */
static cudaError_t copy_now (void *to, size_t tp, const void *from, size_t fp, size_t width, size_t rows) {
  size_t all_to = (rows - 1) * tp + width, all_from = (rows - 1) * fp + width;
  if ((sim_card_of(to) && !sim_is_block(to, all_to)) || (sim_card_of(from) && !sim_is_block(from, all_from))) {
    sim_tell("a copy from " + sim_name_address(from) + " to " + sim_name_address(to) + " of " +
             std::to_string(width * rows) + " bytes, when one of them is freed");
    return cudaErrorIllegalAddress;
  }
  open_both(to, from, true);
  for (size_t i = 0; i < rows; i++) memmove((char *)to + i * tp, (const char *)from + i * fp, width);
  open_both(to, from, false);
  return cudaSuccess;
}

static cudaError_t put_copy (cudaStream_t handle, void *to, size_t tp, const void *from, size_t fp,
                             size_t width, size_t rows, cudaMemcpyKind kind, bool wait) {
  if (width == 0 || rows == 0) return cudaSuccess;
  size_t all_to = (rows - 1) * tp + width, all_from = (rows - 1) * fp + width;
  Side a = side(to, all_to), b = side(from, all_from);
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind != cudaMemcpyDefault && ((a == DEVICE) != to_device || (b == DEVICE) != from_device))
    return cudaErrorInvalidValue;
  if ((a == DEVICE && !sim_is_block(to, all_to)) || (b == DEVICE && !sim_is_block(from, all_from)))
    return cudaErrorInvalidValue;
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return cudaErrorInvalidResourceHandle;
  bool pageable = a == PAGEABLE || b == PAGEABLE;
  if (wait) {
    if (cudaError_t e = sim_unsafe()) return e;
  } else if (pageable && s->capture) return sim_spoil(s, cudaErrorStreamCaptureUnsupported);
  sim_Op op;
  op.type = cudaGraphNodeTypeMemcpy;
  if (b == PAGEABLE && a == DEVICE) {        /* staged: the source may be reused at once */
    auto stage = std::make_shared<std::vector<char>>(rows * width);
    for (size_t i = 0; i < rows; i++) memcpy(stage->data() + i * width, (const char *)from + i * fp, width);
    op.work = [=] () { return copy_now(to, tp, stage->data(), width, width, rows); };
  } else op.work = [=] () { return copy_now(to, tp, from, fp, width, rows); };
  cudaError_t e = sim_put(s, std::move(op));
  if (e == cudaSuccess && (wait || a == PAGEABLE)) {
    sim_drain(s);
    e = s->card->broken;
  }
  return e;
}

static cudaError_t put_set (cudaStream_t handle, void *p, int value, size_t n, bool wait) {
  if (n == 0) return cudaSuccess;
  if (side(p, n) == PAGEABLE || (sim_card_of(p) && !sim_is_block(p, n))) return cudaErrorInvalidValue;
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return cudaErrorInvalidResourceHandle;
  if (wait) { if (cudaError_t e = sim_unsafe()) return e; }
  sim_Op op;
  op.type = cudaGraphNodeTypeMemset;
  op.work = [=] () {
    sim_Card *c = sim_card_of(p);
    if (c != nullptr && !sim_is_block(p, n)) {
      sim_tell("memory set at " + sim_name_address(p) + " when it is freed");
      return cudaErrorIllegalAddress;
    }
    if (c != nullptr) sim_open(c);
    memset(p, value, n);
    if (c != nullptr) sim_close(c);
    return cudaSuccess;
  };
  return sim_put(s, std::move(op));
}

extern "C" {

cudaError_t cudaMalloc (void **p, size_t n) {
  SIM_CALL("cudaMalloc");
  *p = nullptr;
  if (cudaError_t e = sim_unsafe()) return sim_fail(e);
  if (n == 0) return cudaSuccess;
  *p = allocate(sim_card(), n);
  return sim_fail(*p != nullptr ? cudaSuccess : cudaErrorMemoryAllocation);
}

/* waits for the whole card, as a card does */
cudaError_t cudaFree (void *p) {
  SIM_CALL("cudaFree");
  if (cudaError_t e = sim_unsafe()) return sim_fail(e);
  if (p == nullptr) return cudaSuccess;
  sim_Card *c = sim_card_of(p);
  if (c == nullptr) return sim_fail(cudaErrorInvalidValue);
  sim_drain_all(c);
  auto b = c->blocks.find((size_t)((char *)p - c->base));
  if (b == c->blocks.end()) return sim_fail(cudaErrorInvalidValue);
  release(c, b);
  return sim_fail(c->broken);
}

cudaError_t cudaMemGetInfo (size_t *free, size_t *total) {
  SIM_CALL("cudaMemGetInfo");
  *total = sim_settings().memory;
  *free = *total - sim_card()->used;
  return cudaSuccess;
}

cudaError_t cudaMallocHost (void **p, size_t n) {
  SIM_CALL("cudaMallocHost");
  return sim_fail(host_allocate(p, n));
}
cudaError_t cudaHostAlloc (void **p, size_t n, unsigned flags) {
  SIM_CALL("cudaHostAlloc");
  if (flags > 7) return sim_fail(cudaErrorInvalidValue);
  return sim_fail(host_allocate(p, n));
}
cudaError_t cudaFreeHost (void *p) {
  SIM_CALL("cudaFreeHost");
  if (cudaError_t e = sim_unsafe()) return sim_fail(e);
  if (p == nullptr) return cudaSuccess;
  auto i = pinned().find((uintptr_t)p);
  if (i == pinned().end() || !i->second.ours) return sim_fail(cudaErrorInvalidValue);
  sim_drain_all(nullptr);
  SIM_SHOW(p, rounded(i->second.size));
  pinned().erase(i);
  free(p);
  return cudaSuccess;
}
cudaError_t cudaHostRegister (void *p, size_t n, unsigned) {
  SIM_CALL("cudaHostRegister");
  if (p == nullptr || n == 0) return sim_fail(cudaErrorInvalidValue);
  if (sim_is_pinned(p, 1)) return sim_fail(cudaErrorHostMemoryAlreadyRegistered);
  pinned()[(uintptr_t)p] = { n, false, sim_card()->index };
  return cudaSuccess;
}
cudaError_t cudaHostUnregister (void *p) {
  SIM_CALL("cudaHostUnregister");
  auto i = pinned().find((uintptr_t)p);
  if (i == pinned().end() || i->second.ours) return sim_fail(cudaErrorHostMemoryNotRegistered);
  sim_drain_all(nullptr);
  pinned().erase(i);
  return cudaSuccess;
}
cudaError_t cudaHostGetDevicePointer (void **device, void *p, unsigned) {
  SIM_CALL("cudaHostGetDevicePointer");
  if (!sim_is_pinned(p, 1)) return sim_fail(cudaErrorInvalidValue);
  *device = p;
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes (cudaPointerAttributes *a, const void *p) {
  SIM_CALL("cudaPointerGetAttributes");
  memset(a, 0, sizeof *a);
  a->device = sim_card()->index;
  a->hostPointer = (void *)p;
  if (sim_is_block(p, 1)) {
    a->type = cudaMemoryTypeDevice;
    a->device = sim_card_of(p)->index;
    a->devicePointer = (void *)p;
    a->hostPointer = nullptr;
  } else if (sim_is_pinned(p, 1)) {
    a->type = cudaMemoryTypeHost;
    a->devicePointer = (void *)p;
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy (void *to, const void *from, size_t n, cudaMemcpyKind kind) {
  SIM_CALL("cudaMemcpy");
  return sim_fail(put_copy(nullptr, to, n, from, n, n, 1, kind, true));
}
cudaError_t cudaMemcpyAsync (void *to, const void *from, size_t n, cudaMemcpyKind kind, cudaStream_t s) {
  SIM_CALL("cudaMemcpyAsync");
  return sim_fail(put_copy(s, to, n, from, n, n, 1, kind, false));
}
cudaError_t cudaMemcpyPeer (void *to, int, const void *from, int, size_t n) {
  SIM_CALL("cudaMemcpyPeer");
  return sim_fail(put_copy(nullptr, to, n, from, n, n, 1, cudaMemcpyDeviceToDevice, true));
}
cudaError_t cudaMemcpyPeerAsync (void *to, int, const void *from, int, size_t n, cudaStream_t s) {
  SIM_CALL("cudaMemcpyPeerAsync");
  return sim_fail(put_copy(s, to, n, from, n, n, 1, cudaMemcpyDeviceToDevice, false));
}
cudaError_t cudaMemcpy2DAsync (void *to, size_t tp, const void *from, size_t fp, size_t width, size_t rows,
                               cudaMemcpyKind kind, cudaStream_t s) {
  SIM_CALL("cudaMemcpy2DAsync");
  if (width > tp || width > fp) return sim_fail(cudaErrorInvalidPitchValue);
  return sim_fail(put_copy(s, to, tp, from, fp, width, rows, kind, false));
}
cudaError_t cudaMemset (void *p, int value, size_t n) {
  SIM_CALL("cudaMemset");
  return sim_fail(put_set(nullptr, p, value, n, true));
}
cudaError_t cudaMemsetAsync (void *p, int value, size_t n, cudaStream_t s) {
  SIM_CALL("cudaMemsetAsync");
  return sim_fail(put_set(s, p, value, n, false));
}

}
