/*
** graph.c -- plans as CUDA graphs.  Between plan_begin and plan_end the commands of the thread go to a mirror of its
** current stream, which captures them instead of running them; the graph that comes of it is made ready once and then
** started with one call.
**
** Memory of a captured kernel must stay its own: the core keeps the blocks of tensors, and the scratch of the
** commands is kept here until plan_free.  What fails inside a capture ends it there and then, so that no stream is
** left capturing; the later calls are told the first cause.
*/
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

/* a mirror of the stream that no capture uses now; NULL: see why */
static cu_Stream *mirror_of (cu_Gpu *g, cu_Stream *home) {
  cu_Stream *s;
  pthread_mutex_lock(&g->lock);
  for (s = home->mirrors; s && s->taken; s = s->next) { }
  if (s) s->taken = 1;
  pthread_mutex_unlock(&g->lock);
  if (s) return s;
  s = calloc(1, sizeof *s);
  if (!s) { cu_say(g, TL_NOMEM, "not enough memory"); return NULL; }
  if (cu_stream_start(g, s, home->priority)) { free(s); return NULL; }
  s->home = home;
  s->id = -1;
  s->taken = 1;
  pthread_mutex_lock(&g->lock);
  s->next = home->mirrors;
  home->mirrors = s;
  pthread_mutex_unlock(&g->lock);
  return s;
}

/* the capture is over, well or not: streams and the thread are as they were before it */
static void leave (cu_Plan *p) {
  cu_Gpu *g = p->gpu;
  for (int i = 0; i < cu_count(g); i++)
    if (g->stream[i].plan == p) g->stream[i].plan = NULL;
  p->mirror->plan = NULL;
  __atomic_store_n(&p->mirror->taken, 0, __ATOMIC_RELEASE);
  __atomic_fetch_sub(&g->captures, 1, __ATOMIC_ACQ_REL);
}

static int begin (tl_Device *d) {
  cu_Gpu *g = cu_gpu(d);
  cu_Plan *p;
  int reason;
  if (cu_is_broken(g)) return TL_BROKEN;
  if (cu_thread.plan) return cu_say(g, TL_BROKEN, "this thread is capturing a step already");
  p = calloc(1, sizeof *p);
  if (!p) return cu_say(g, TL_NOMEM, "not enough memory");
  cu_enter(g);
  p->gpu = g;
  p->home = p->outer = cu_current(g);
  p->mirror = mirror_of(g, p->home);
  if (!p->mirror) { free(p); return TL_BROKEN; }
  __atomic_fetch_add(&g->captures, 1, __ATOMIC_ACQ_REL);
  /* relaxed: what the libraries and the allocator take meanwhile is no part of the graph */
  reason = cu_fail(g, cudaStreamBeginCapture(p->mirror->queue, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  if (reason) {
    leave(p);
    free(p);
    return reason;
  }
  p->mirror->plan = p;
  cu_thread.plan = p;
  cu_thread.stream[g->index] = p->mirror;
  return TL_DONE;
}

int cu_plan_drop (cu_Gpu *g, int reason) {
  cu_Plan *p = cu_plan(g);
  cudaGraph_t graph = NULL;
  if (!p || p->dropped || reason == TL_DONE) return reason;
  p->dropped = 1;
  memcpy(p->why, cu_thread.why, sizeof p->why);
  cu_enter(g);
  cudaStreamEndCapture(p->mirror->queue, &graph);
  if (graph) cudaGraphDestroy(graph);
  cudaGetLastError();
  leave(p);
  return reason;
}

int cu_plan_fits (cu_Gpu *g, cu_Stream *s) {
  cu_Plan *p = cu_plan(g);
  if (!p) return TL_DONE;
  if (p->dropped) return cu_say(g, TL_BROKEN, "the capture was given up: %s", p->why);
  if (s->plan == p) return TL_DONE;
  cu_say(g, TL_BROKEN, "inside a captured step the current stream must be the one it began on, or wait for it");
  return cu_plan_drop(g, TL_BROKEN);
}

cu_Block *cu_plan_scratch (cu_Gpu *g, size_t bytes) {
  cu_Plan *p = cu_plan(g);
  cu_Stream *s = cu_current(g);
  cu_Block *b, *best = NULL;
  for (b = p->scratch; b; b = b->next)       /* one that an earlier command of this stream has done with */
    if (!b->lent && b->side == s && b->bytes >= bytes && b->bytes / 2 <= bytes && (!best || b->bytes < best->bytes))
      best = b;
  if (!best) {
    best = cu_take(g, p->home, bytes);
    if (!best) return NULL;
    best->side = s;
    best->next = p->scratch;
    p->scratch = best;
  }
  best->lent = 1;
  return best;
}

void cu_plan_scratch_done (cu_Plan *p) {
  for (cu_Block *b = p->scratch; b; b = b->next) b->lent = 0;
}

static void free_plan (tl_Device *d, void *plan) {
  cu_Plan *p = plan;
  cu_Gpu *g = cu_gpu(d);
  if (p->exec && !cu_over && !cu_is_broken(g)) {
    cu_enter(g);
    cudaGraphExecDestroy(p->exec);           /* one that runs now is gone when it is done */
    cudaGetLastError();
  }
  while (p->scratch) {
    cu_Block *b = p->scratch;
    p->scratch = b->next;
    cu_give(g, b);
  }
  free(p);
}

static cudaError_t make_ready (cudaGraphExec_t *exec, cudaGraph_t graph) {
#if CUDART_VERSION >= 12000
  return cudaGraphInstantiate(exec, graph, 0);
#else
  return cudaGraphInstantiateWithFlags(exec, graph, 0);
#endif
}

static void *end (tl_Device *d) {
  cu_Gpu *g = cu_gpu(d);
  cu_Plan *p = cu_plan(g);
  cudaGraph_t graph = NULL;
  int reason;
  if (!p) { cu_say(g, TL_BROKEN, "this thread is capturing no step"); return NULL; }
  cu_enter(g);
  if (!p->dropped) {
    reason = cu_fail(g, cudaStreamEndCapture(p->mirror->queue, &graph), "cudaStreamEndCapture");
    leave(p);
    if (!reason && !graph) reason = cu_say(g, TL_BROKEN, "nothing came of the capture");
    if (!reason) reason = cu_fail(g, make_ready(&p->exec, graph), "cudaGraphInstantiate");
  }
  else reason = cu_say(g, TL_BROKEN, "the capture was given up: %s", p->why);
  if (graph) cudaGraphDestroy(graph);
  cu_thread.plan = NULL;
  cu_thread.stream[g->index] = p->outer;
  if (!reason) return p;
  free_plan(d, p);
  return NULL;
}

/* on another stream than its home: after what the home has queued, and before what it will queue */
static int cross (cu_Gpu *g, cu_Stream *first, cu_Stream *then) {
  cudaEvent_t e;
  int reason;
  if (first == then) return TL_DONE;
  reason = cu_fail(g, cu_event_mark(g, first, &e), "cudaEventRecord");
  if (reason) return reason;
  reason = cu_fail(g, cudaStreamWaitEvent(then->queue, e, 0), "cudaStreamWaitEvent");
  cu_event_give(g, 0, e);                    /* a wait that is queued keeps to the mark it was given */
  return reason;
}

static int run_plan (tl_Device *d, void *plan, tl_Env *env) {
  cu_Gpu *g = cu_gpu(d);
  cu_Plan *p = plan;
  cu_Stream *s = cu_current(g);
  int reason;
  if (cu_is_broken(g)) return TL_BROKEN;
  if (cu_plan(g)) return cu_say(g, TL_BROKEN, "a captured step can't run inside another capture");
  cu_enter(g);
  pthread_mutex_lock(&g->replay);            /* plans of one home share memory: no other thread's may start in between */
  reason = cross(g, p->home, s);
  if (!reason) reason = cu_fail(g, cudaGraphLaunch(p->exec, s->queue), "cudaGraphLaunch");
  cu_touch(s);
  if (!reason) reason = cross(g, s, p->home);
  pthread_mutex_unlock(&g->replay);
  if (!reason && g->blocking) {
    reason = cu_wait(g, s);
    if (!reason) reason = cu_told(g, env);
  }
  return reason;
}

void cu_graph_into (tl_Device *d) {
  d->plan_begin = begin;
  d->plan_end = end;
  d->plan_run = run_plan;
  d->plan_free = free_plan;
}
