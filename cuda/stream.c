/*
** stream.c -- queues of work and the marks ("events") between them, and the places where the host waits.
**
** A card's own stream is one that does not wait for the legacy stream, which could not be captured.  Streams are handed
** out again and never destroyed: blocks in the allocator's pools and threads that made one current keep pointing
** at it.  Beyond CU_STREAMS two holders share one, which is slower and not wrong.
*/
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

typedef struct Event {
  cudaEvent_t event;
  int timed, recorded;
  cu_Plan *plan;                             /* recorded inside this capture */
} Event;

_Thread_local cu_Thread cu_thread;

/* the runtime knows the thread's card without asking the driver; a host program may have changed it */
void cu_enter (cu_Gpu *g) {
  int now;
  if (cudaGetDevice(&now) != cudaSuccess || now != g->index) cudaSetDevice(g->index);
}

cu_Stream *cu_current (cu_Gpu *g) {
  cu_Stream *s = cu_thread.stream[g->index];
  return s ? s : &g->stream[0];
}

cu_Stream *cu_home (cu_Gpu *g) {
  cu_Plan *p = cu_plan(g);
  return p ? p->home : cu_current(g);
}

cu_Stream *cu_stream_of (cu_Gpu *g, void *handle) { return handle ? handle : &g->stream[0]; }

void cu_count_wait (cu_Gpu *g) { __atomic_fetch_add(&g->waits, 1, __ATOMIC_RELAXED); }

/* ---- streams ---- */

int cu_stream_start (cu_Gpu *g, cu_Stream *s, int priority) {
  int least = 0, most = 0, ticket = __atomic_fetch_add(&g->ticketed, 2, __ATOMIC_RELAXED);
  if (ticket + 2 > CU_TICKETS) return cu_say(g, TL_NOMEM, "too many steps are being captured at a time");
  cudaDeviceGetStreamPriorityRange(&least, &most);       /* the smaller the number the more urgent */
  s->gpu = g;
  s->home = s;
  s->priority = priority;
  s->ticket = &g->tickets[ticket];
  if (priority > least) priority = least;
  if (priority < most) priority = most;
  return cu_fail(g, cudaStreamCreateWithPriority(&s->queue, cudaStreamNonBlocking, priority), "cudaStreamCreate");
}

/* under the lock; one that nobody holds, else NULL */
static cu_Stream *spare_stream (cu_Gpu *g, int priority) {
  for (int i = 1; i < g->streams; i++)
    if (!g->stream[i].holders && g->stream[i].priority == priority) return &g->stream[i];
  return NULL;
}

/* under the lock; the least shared one, of this priority where there is one */
static cu_Stream *shared_stream (cu_Gpu *g, int priority) {
  cu_Stream *best = NULL;
  for (int i = 1; i < g->streams; i++) {
    cu_Stream *s = &g->stream[i];
    int better = best && (s->priority == priority) - (best->priority == priority);
    if (!best || better > 0 || (better == 0 && s->holders < best->holders)) best = s;
  }
  return best;
}

static void *stream_new (tl_Device *d, int priority) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s, fresh = { 0 };
  if (cu_is_broken(g)) return NULL;
  cu_enter(g);
  pthread_mutex_lock(&g->lock);
  s = spare_stream(g, priority);
  if (!s && g->streams == CU_STREAMS) s = shared_stream(g, priority);
  if (s) s->holders++;
  pthread_mutex_unlock(&g->lock);
  if (s) return s;
  if (cu_stream_start(g, &fresh, priority)) return NULL;
  pthread_mutex_lock(&g->lock);
  if (g->streams < CU_STREAMS) {
    s = &g->stream[g->streams];
    *s = fresh;
    s->home = s;
    s->id = g->streams;
    __atomic_store_n(&g->streams, g->streams + 1, __ATOMIC_RELEASE);
  }
  else {                                                 /* another thread took the last place meanwhile */
    cudaStreamDestroy(fresh.queue);
    s = shared_stream(g, priority);
  }
  s->holders++;
  pthread_mutex_unlock(&g->lock);
  return s;
}

static void stream_free (tl_Device *d, void *stream) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s = cu_stream_of(g, stream);
  pthread_mutex_lock(&g->lock);
  if (s->id > 0 && s->holders > 0) s->holders--;
  pthread_mutex_unlock(&g->lock);
}

static void *stream_here (tl_Device *d) {
  cu_Stream *s = cu_current(cu_gpu(d));
  return s == &cu_gpu(d)->stream[0] ? NULL : s;
}

static void stream_set (tl_Device *d, void *stream) {
  cu_thread.stream[cu_gpu(d)->index] = cu_stream_of(cu_gpu(d), stream);
}

int cu_wait (cu_Gpu *g, cu_Stream *s) {
  __atomic_store_n(&s->busy, 0, __ATOMIC_RELAXED);       /* before: what is queued meanwhile marks it again */
  return cu_fail(g, cudaStreamSynchronize(s->queue), "cudaStreamSynchronize");
}

/* all but those whose work is being captured; idle ones too, since another thread may be waiting there just now */
int cu_wait_all (cu_Gpu *g) {
  int n = cu_count(g), reason = TL_DONE;
  for (int i = 0; i < n && !reason; i++) {
    cu_Stream *s = &g->stream[i];
    if (!s->plan) reason = cu_wait(g, s);
  }
  return reason;
}

/* 0 when the host may wait now; else the reason, and a capture is at its end */
static int may_wait (cu_Gpu *g) {
  if (cu_is_broken(g)) return TL_BROKEN;
  if (cu_plan(g)) {
    cu_say(g, TL_BROKEN, "the host can't wait for the device inside a step that is being captured");
    return cu_plan_drop(g, TL_BROKEN);
  }
  cu_enter(g);
  cu_count_wait(g);
  return TL_DONE;
}

int cu_sync (tl_Device *d, tl_Env *env) {
  cu_Gpu *g = cu_gpu(d);
  int reason = may_wait(g);
  if (!reason) reason = cu_wait_all(g);
  return reason ? reason : cu_told(g, env);
}

static int stream_sync (tl_Device *d, void *stream, tl_Env *env) {
  cu_Gpu *g = cu_gpu(d);
  int reason = may_wait(g);
  if (!reason) reason = cu_wait(g, cu_stream_of(g, stream));
  return reason ? reason : cu_told(g, env);
}

/* 1 or 0, or -1 with words: the answer of a query */
static int answer (cu_Gpu *g, cudaError_t e, const char *call) {
  if (e == cudaErrorNotReady) {
    cudaGetLastError();
    return 0;
  }
  return cu_fail(g, e, call) ? -1 : 1;
}

static int stream_idle (tl_Device *d, void *stream) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s = cu_stream_of(g, stream);
  if (cu_is_broken(g)) return -1;
  if (s->plan) return cu_say(g, -1, "a stream that is being captured can't be asked");
  cu_enter(g);
  return answer(g, cudaStreamQuery(s->queue), "cudaStreamQuery");
}

static uint64_t waits (tl_Device *d) { return __atomic_load_n(&cu_gpu(d)->waits, __ATOMIC_RELAXED); }

/* ---- events ---- */

cudaError_t cu_event_take (cu_Gpu *g, int timed, cudaEvent_t *e) {
  int found = 0;
  pthread_mutex_lock(&g->lock);
  if (g->events[timed]) {
    *e = g->event[timed][--g->events[timed]];
    found = 1;
  }
  pthread_mutex_unlock(&g->lock);
  return found ? cudaSuccess : cudaEventCreateWithFlags(e, timed ? cudaEventDefault : cudaEventDisableTiming);
}

/* *e marks what the stream has queued; NULL where that failed */
cudaError_t cu_event_mark (cu_Gpu *g, cu_Stream *s, cudaEvent_t *e) {
  cudaError_t error = cu_event_take(g, 0, e);
  if (error == cudaSuccess) {
    error = cudaEventRecord(*e, s->queue);
    if (error == cudaSuccess) return error;
    cu_event_give(g, 0, *e);
  }
  *e = NULL;
  return error;
}

void cu_event_give (cu_Gpu *g, int timed, cudaEvent_t e) {
  pthread_mutex_lock(&g->lock);
  if (g->events[timed] == g->room[timed]) {
    int room = g->room[timed] ? 2 * g->room[timed] : 32;
    cudaEvent_t *more = realloc(g->event[timed], (size_t)room * sizeof *more);
    if (more) {
      g->event[timed] = more;
      g->room[timed] = room;
    }
  }
  if (g->events[timed] < g->room[timed]) g->event[timed][g->events[timed]++] = e;      /* else it is lost, not wrong */
  pthread_mutex_unlock(&g->lock);
}

static void *event_new (tl_Device *d, int timed) {
  cu_Gpu *g = cu_gpu(d);
  Event *e;
  if (cu_is_broken(g)) return NULL;
  e = calloc(1, sizeof *e);
  if (!e) { cu_say(g, TL_NOMEM, "not enough memory"); return NULL; }
  cu_enter(g);
  e->timed = timed != 0;
  if (!cu_fail(g, cu_event_take(g, e->timed, &e->event), "cudaEventCreate")) return e;
  free(e);
  return NULL;
}

static void event_free (tl_Device *d, void *event) {
  Event *e = event;
  cu_event_give(cu_gpu(d), e->timed, e->event);
  free(e);
}

static int event_record (tl_Device *d, void *event, void *stream) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s = cu_stream_of(g, stream);
  Event *e = event;
  int reason;
  if (cu_is_broken(g)) return TL_BROKEN;
  cu_enter(g);
  reason = cu_fail(g, cudaEventRecord(e->event, s->queue), "cudaEventRecord");
  if (reason) return reason;
  e->recorded = 1;
  e->plan = s->plan;
  return TL_DONE;
}

/* a stream that waits for an event of a capture becomes part of that capture */
static int event_wait (tl_Device *d, void *event, void *stream) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s = cu_stream_of(g, stream);
  Event *e = event;
  int reason;
  if (cu_is_broken(g)) return TL_BROKEN;
  if (!e->recorded) return TL_DONE;
  if (e->plan && e->plan != cu_plan(g))
    return cu_say(g, TL_BROKEN, "the event was recorded inside a captured step and can't be waited for outside");
  if (!e->plan && s->plan) s = s->plan->home;            /* what came before the capture comes before its runs */
  cu_enter(g);
  reason = cu_fail(g, cudaStreamWaitEvent(s->queue, e->event, 0), "cudaStreamWaitEvent");
  if (reason) return cu_plan_drop(g, reason);
  if (e->plan) s->plan = e->plan;
  cu_touch(s);
  return TL_DONE;
}

/* 0 when the event may be asked about by the host */
static int outside (cu_Gpu *g, const Event *e) {
  if (cu_is_broken(g)) return TL_BROKEN;
  if (!e->plan) return TL_DONE;
  return cu_say(g, TL_BROKEN, "the event was recorded inside a captured step and tells the host nothing");
}

static int event_sync (tl_Device *d, void *event, tl_Env *env) {
  cu_Gpu *g = cu_gpu(d);
  Event *e = event;
  int reason = outside(g, e);
  if (!reason) reason = may_wait(g);
  if (!reason && e->recorded) reason = cu_fail(g, cudaEventSynchronize(e->event), "cudaEventSynchronize");
  return reason ? reason : cu_told(g, env);
}

static int event_done (tl_Device *d, void *event) {
  cu_Gpu *g = cu_gpu(d);
  Event *e = event;
  if (outside(g, e)) return -1;
  if (!e->recorded) return 1;
  cu_enter(g);
  return answer(g, cudaEventQuery(e->event), "cudaEventQuery");
}

static int event_between (tl_Device *d, void *from, void *to, double *milliseconds) {
  cu_Gpu *g = cu_gpu(d);
  Event *a = from, *b = to;
  float f = 0;
  int reason = outside(g, a) ? TL_BROKEN : outside(g, b);
  cudaError_t e;
  if (reason) return reason;
  if (!a->timed || !b->timed) return cu_say(g, TL_BROKEN, "both events must be made with enable_timing=true");
  if (!a->recorded || !b->recorded)
    return cu_say(g, TL_BROKEN, "both events must be recorded before the time between them is asked for");
  cu_enter(g);
  e = cudaEventElapsedTime(&f, a->event, b->event);
  if (e == cudaErrorNotReady) {
    cudaGetLastError();
    return cu_say(g, TL_BROKEN, "the device has not reached both events yet: synchronize first");
  }
  *milliseconds = (double)f;
  return cu_fail(g, e, "cudaEventElapsedTime");
}

void cu_streams_into (tl_Device *d) {
  d->sync = cu_sync;
  d->waits = waits;
  d->stream_new = stream_new;
  d->stream_free = stream_free;
  d->stream = stream_here;
  d->stream_set = stream_set;
  d->stream_sync = stream_sync;
  d->stream_idle = stream_idle;
  d->event_new = event_new;
  d->event_free = event_free;
  d->event_record = event_record;
  d->event_wait = event_wait;
  d->event_sync = event_sync;
  d->event_done = event_done;
  d->event_between = event_between;
}
