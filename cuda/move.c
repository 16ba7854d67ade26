/*
** move.c -- bytes between host and card.
**
** Inwards the source may be reused at once and the queue must not stop: what is small goes through a ring of pinned
** memory of its stream, what is large through two buffers in turn, one being filled while the card reads the other.
** The host waits (and that is counted) only where the card is behind by a whole ring or by both buffers.
** Outwards waits by its nature.  While a step is being captured, moves inwards still happen at once, on the stream
** that the step will run on.
*/
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

#define SMALL     ((size_t)64 << 10)
#define PARTS     4
#define PART      (2 * SMALL)                /* of a ring; each is guarded by one event */
#define BUFFER    ((size_t)4 << 20)
#define ITSELF    ((size_t)4 << 20)          /* pinned memory from here on is read in place, and waited for */

typedef struct cu_Ring {
  char *memory;                              /* PARTS * PART */
  cudaEvent_t event[PARTS];
  int marked[PARTS], part;
  size_t at;                                 /* in the part */
} cu_Ring;

typedef struct cu_Stage {
  char *memory[2];
  cudaEvent_t event[2];
  int marked[2], turn;
} cu_Stage;

/* until the card has passed the mark */
static int pass (cu_Gpu *g, cudaEvent_t e, int *marked) {
  cudaError_t state;
  if (!*marked) return TL_DONE;
  state = cudaEventQuery(e);
  if (state == cudaErrorNotReady) {
    cudaGetLastError();
    cu_count_wait(g);
    state = cudaEventSynchronize(e);
  }
  *marked = 0;
  return cu_fail(g, state, "cudaEventSynchronize");
}

static int note (cu_Gpu *g, cudaEvent_t e, int *marked, cu_Stream *s) {
  *marked = 1;
  return cu_fail(g, cudaEventRecord(e, s->queue), "cudaEventRecord");
}

static int queue (cu_Gpu *g, cu_Stream *s, void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind) {
  cudaError_t e = cudaMemcpyAsync(to, from, bytes, kind, s->queue);
  cu_touch(s);
  return cu_fail(g, e, "cudaMemcpyAsync");
}

/* ---- inwards ---- */

static cu_Ring *ring_of (cu_Gpu *g, cu_Stream *s) {
  cu_Ring *r = s->ring;
  if (r) return r;
  r = calloc(1, sizeof *r);
  if (r && (r->memory = cu_pin(PARTS * PART)) != NULL) {
    int made = 0;
    while (made < PARTS && cu_event_take(g, 0, &r->event[made]) == cudaSuccess) made++;
    if (made == PARTS) return s->ring = r;
    while (made-- > 0) cu_event_give(g, 0, r->event[made]);
    cudaGetLastError();
    cu_unpin(r->memory);
  }
  free(r);
  return NULL;
}

static cu_Stage *stage_of (cu_Gpu *g) {
  cu_Stage *t = g->stage;
  if (t) return t;
  t = calloc(1, sizeof *t);
  if (!t) return NULL;
  for (int i = 0; i < 2; i++) {
    t->memory[i] = cu_pin(BUFFER);
    if (t->memory[i] && cu_event_take(g, 0, &t->event[i]) == cudaSuccess) continue;
    cudaGetLastError();
    if (t->memory[i]) cu_unpin(t->memory[i]);
    if (i) { cu_unpin(t->memory[0]); cu_event_give(g, 0, t->event[0]); }
    free(t);
    return NULL;
  }
  return g->stage = t;
}

static int through_ring (cu_Gpu *g, cu_Stream *s, cu_Ring *r, void *to, const void *from, size_t bytes) {
  int reason;
  char *here;
  if (r->at + bytes > PART) {                /* on to the next part, which the card may still be reading */
    reason = note(g, r->event[r->part], &r->marked[r->part], s);
    if (reason) return reason;
    r->part = (r->part + 1) % PARTS;
    r->at = 0;
    reason = pass(g, r->event[r->part], &r->marked[r->part]);
    if (reason) return reason;
  }
  here = r->memory + (size_t)r->part * PART + r->at;
  r->at += (bytes + 63) & ~(size_t)63;
  if (r->at > PART) r->at = PART;
  memcpy(here, from, bytes);
  return queue(g, s, to, here, bytes, cudaMemcpyHostToDevice);
}

static int through_buffers (cu_Gpu *g, cu_Stream *s, cu_Stage *t, char *to, const char *from, size_t bytes) {
  int reason = TL_DONE;
  while (bytes && !reason) {
    size_t n = bytes < BUFFER ? bytes : BUFFER;
    int i = t->turn;
    t->turn = !i;
    reason = pass(g, t->event[i], &t->marked[i]);
    if (reason) break;
    memcpy(t->memory[i], from, n);
    reason = queue(g, s, to, t->memory[i], n, cudaMemcpyHostToDevice);
    if (!reason) reason = note(g, t->event[i], &t->marked[i], s);
    to += n;
    from += n;
    bytes -= n;
  }
  return reason;
}

/* straight from the source, until it has been read */
static int in_place (cu_Gpu *g, cu_Stream *s, void *to, const void *from, size_t bytes) {
  int reason = queue(g, s, to, from, bytes, cudaMemcpyHostToDevice);
  if (reason) return reason;
  cu_count_wait(g);
  return cu_wait(g, s);
}

static int inwards (cu_Gpu *g, cu_Stream *s, void *to, const void *from, size_t bytes, int later) {
  cu_Ring *r = NULL;
  cu_Stage *t = NULL;
  int reason;
  if (later && cu_pin_use(from, bytes, s)) return queue(g, s, to, from, bytes, cudaMemcpyHostToDevice);
  if (bytes >= ITSELF && cu_pin_use(from, bytes, s)) return in_place(g, s, to, from, bytes);
  pthread_mutex_lock(&g->staging);
  if (bytes <= SMALL) r = ring_of(g, s);
  else t = stage_of(g);
  if (r) reason = through_ring(g, s, r, to, from, bytes);
  else if (t) reason = through_buffers(g, s, t, to, from, bytes);
  else reason = in_place(g, s, to, from, bytes);         /* nothing can be pinned any more */
  pthread_mutex_unlock(&g->staging);
  return reason;
}

/* ---- outwards ---- */

static int outwards (cu_Gpu *g, cu_Stream *s, void *to, const void *from, size_t bytes, int later, tl_Env *env) {
  void *landing;
  int reason, busy = __atomic_load_n(&s->busy, __ATOMIC_RELAXED);
  if (later && cu_pin_use(to, bytes, s)) return queue(g, s, to, from, bytes, cudaMemcpyDeviceToHost);
  landing = bytes <= SMALL ? cu_pin(bytes) : NULL;       /* the driver's way for pageable memory is slow for little */
  reason = queue(g, s, landing ? landing : to, from, bytes, cudaMemcpyDeviceToHost);
  if (busy) cu_count_wait(g);                            /* an idle stream has been waited for already */
  if (!reason) reason = cu_wait(g, s);
  if (landing) {
    if (!reason) memcpy(to, landing, bytes);
    cu_unpin(landing);
  }
  return reason ? reason : cu_told(g, env);
}

int cu_move (tl_Device *d, void *to, const void *from, size_t bytes, int direction, tl_Env *env) {
  cu_Gpu *g = cu_gpu(d);
  int later = direction & TL_MOVE_LATER, reason;
  if (cu_is_broken(g)) return TL_BROKEN;
  if (!bytes) return TL_DONE;
  cu_enter(g);
  switch (direction & 3) {
    case TL_MOVE_IN: return inwards(g, cu_home(g), to, from, bytes, later);
    case TL_MOVE_OUT:
      if (!cu_plan(g)) return outwards(g, cu_current(g), to, from, bytes, later, env);
      cu_say(g, TL_BROKEN, "the host can't read device memory inside a step that is being captured");
      return cu_plan_drop(g, TL_BROKEN);
    case TL_MOVE_WITHIN:
      reason = cu_plan_fits(g, cu_current(g));
      if (!reason) reason = cu_plan_drop(g, queue(g, cu_current(g), to, from, bytes, cudaMemcpyDeviceToDevice));
      return reason;
    default: return TL_CANT;
  }
}
