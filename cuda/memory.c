/*
** memory.c -- the allocator.  cudaMalloc takes tens of microseconds and cudaFree waits for the card, so memory is taken
** in segments and kept: what is freed can be used again at once by the same stream, whose order makes that safe.
** The sizes are PyTorch's: multiples of 512 bytes; up to 1 MiB from segments of 2 MiB, up to 10 MiB from segments of
** 20 MiB, above that a segment of its own in steps of 2 MiB; blocks are split and merged.
**
** A block that other streams use (stream_use) waits, when it is freed, for an event on each of them.
** When nothing is found: the cache, a new segment, blocks whose events come, and then all unused segments go back
** and a new one is tried, at last of just the size wanted.  NULL lets the core collect garbage and ask again.
*/
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

#define MIB            ((size_t)1 << 20)
#define SMALL          MIB                   /* the largest block of the small pool */
#define SMALL_SEGMENT  (2 * MIB)
#define LARGE          (10 * MIB)            /* from here on a segment of its own */
#define LARGE_SEGMENT  (20 * MIB)

static size_t rounded (size_t bytes) { return bytes ? (bytes + CU_GRAIN - 1) & ~(size_t)(CU_GRAIN - 1) : CU_GRAIN; }

static size_t segment_for (size_t bytes) {
  if (bytes <= SMALL) return SMALL_SEGMENT;
  if (bytes < LARGE) return LARGE_SEGMENT;
  return (bytes + 2 * MIB - 1) & ~(2 * MIB - 1);
}

static cu_Pool *pool_of (cu_Stream *s, int small) {
  if (!s->pool[small]) s->pool[small] = calloc(1, sizeof(cu_Pool));
  return s->pool[small];
}

/* ---- segments, under the lock ---- */

static void count_segment (tl_DeviceMemory *m, size_t bytes) {
  m->reserved += bytes;
  m->segments++;
  m->segment_allocations++;
  if (m->reserved > m->peak_reserved) m->peak_reserved = m->reserved;
}

/* a segment as one block, in no pool; NULL: the driver has none, or the card is broken */
static cu_Block *grow (cu_Gpu *g, cu_Stream *s, size_t bytes, int small) {
  cu_Memory *m = &g->memory;
  enum cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  cu_Block *b = cu_book_header(&m->book);
  void *at = NULL;
  cudaError_t e;
  if (!b) return NULL;
  cu_enter(g);
  cudaThreadExchangeStreamCaptureMode(&mode);            /* memory may be taken while a capture is under way */
  e = cudaMalloc(&at, bytes);
  cudaThreadExchangeStreamCaptureMode(&mode);
  if (e != cudaSuccess) {
    cu_fail(g, e, "cudaMalloc");
    cu_book_drop(&m->book, b);
    return NULL;
  }
  b->at = at;
  b->bytes = bytes;
  b->stream = s;
  b->small = (uint8_t)small;
  count_segment(&m->stats, bytes);
  return b;
}

static void shrink (cu_Gpu *g, cu_Block *b) {
  cu_Memory *m = &g->memory;
  if (!cu_over && !cu_is_broken(g)) cu_fail(g, cudaFree(b->at), "cudaFree");
  m->stats.reserved -= b->bytes;
  m->stats.segments--;
  m->stats.segment_frees++;
  cu_book_drop(&m->book, b);
}

/* all segments that are one free block; the card is idle */
static void shrink_pool (cu_Gpu *g, cu_Pool *p) {
  for (int r = 0; p && r < CU_ROWS; r++)
    for (int c = 0; p->rows >> r & 1 && c < CU_COLUMNS; c++)
      for (cu_Block *b = p->head[r][c], *next; b; b = next) {
        next = b->next;
        if (b->before || b->after) continue;
        cu_pool_out(p, b);
        shrink(g, b);
      }
}

static void bury (cu_Gpu *g) {
  cu_Memory *m = &g->memory;
  while (m->dead) {
    cu_Block *b = m->dead;
    m->dead = b->next;
    shrink(g, b);
  }
}

static int give_segments_back (cu_Gpu *g) {
  int reason;
  cu_enter(g);
  reason = cu_wait_all(g);
  if (reason) return reason;
  for (int i = 0; i < cu_count(g); i++)
    for (int small = 0; small < 2; small++) shrink_pool(g, g->stream[i].pool[small]);
  bury(g);
  return TL_DONE;
}

/* ---- free blocks, under the lock ---- */

static int mergeable (const cu_Block *b) { return b && !b->busy && !b->waiting; }

static void put_back (cu_Gpu *g, cu_Block *b) {
  b->busy = b->lent = 0;
  b->uses = 0;
  b->side = NULL;
  if (g->memory.mode == CU_NONE) {
    b->next = g->memory.dead;
    g->memory.dead = b;
    if (!__atomic_load_n(&g->captures, __ATOMIC_ACQUIRE) && !cu_over && !cu_is_broken(g)) give_segments_back(g);
    return;
  }
  if (mergeable(b->before)) cu_block_merge(&g->memory.book, b->stream->pool[b->small], b, b->before);
  if (mergeable(b->after)) cu_block_merge(&g->memory.book, b->stream->pool[b->small], b, b->after);
  cu_pool_put(b->stream->pool[b->small], b);
}

/* what is left of a large block stays with it unless it is worth a request of its pool */
static void split (cu_Memory *m, cu_Block *b, size_t bytes) {
  size_t rest = b->bytes - bytes;
  if (rest >= CU_GRAIN && (b->small || rest > SMALL)) cu_block_split(&m->book, b->stream->pool[b->small], b, bytes);
}

/* ---- blocks that wait for events, under the lock ---- */

/* what has come is free; wait: until all has.  A stream that is being captured records its marks afterwards. */
static void collect (cu_Gpu *g, int wait) {
  cu_Memory *m = &g->memory;
  cu_enter(g);
  for (int i = 0; m->waiting && i < cu_count(g); i++) {
    cu_Stream *s = &g->stream[i];
    while (s->first) {
      cu_Use *u = s->first;
      cudaError_t e;
      if (s->plan) break;
      if (!u->event && cu_fail(g, cu_event_mark(g, s, &u->event), "cudaEventRecord")) break;
      e = wait ? cudaEventSynchronize(u->event) : cudaEventQuery(u->event);
      if (e == cudaErrorNotReady) {
        cudaGetLastError();
        break;
      }
      if (cu_fail(g, e, "cudaEventQuery")) break;
      cu_event_give(g, 0, u->event);
      s->first = u->next;
      if (!s->first) s->last = NULL;
      m->waiting--;
      if (--u->block->waiting == 0) put_back(g, u->block);
      free(u);
    }
  }
}

static void wait_for (cu_Gpu *g, cu_Block *b, cu_Stream *s) {
  cu_Use *u = calloc(1, sizeof *u);
  if (!u) {                                              /* no room for a note: wait here and now */
    if (!s->plan) cu_wait(g, s);
    return;
  }
  u->block = b;
  if (!s->plan) cu_fail(g, cu_event_mark(g, s, &u->event), "cudaEventRecord");      /* tried again by collect */
  if (s->last) s->last->next = u;
  else s->first = u;
  s->last = u;
  b->waiting++;
  g->memory.waiting++;
}

/* ---- taking and giving ---- */

/* from the cache; NULL: not there */
static cu_Block *find (cu_Stream *s, size_t bytes) {
  return cu_pool_find(s->pool[bytes <= SMALL], bytes);
}

static cu_Block *ladder (cu_Gpu *g, cu_Stream *s, size_t bytes) {
  cu_Memory *m = &g->memory;
  int small = bytes <= SMALL;
  size_t segment = segment_for(bytes);
  cu_Block *b;
  if (!pool_of(s, small)) return NULL;
  if (m->waiting) collect(g, 0);
  b = find(s, bytes);
  if (!b) b = grow(g, s, segment, small);
  if (b || cu_is_broken(g)) return b;
  if (m->waiting) {
    cu_count_wait(g);
    collect(g, 1);
    b = find(s, bytes);
  }
  if (!b && !__atomic_load_n(&g->captures, __ATOMIC_ACQUIRE)) {
    m->stats.retries++;
    cu_count_wait(g);
    if (give_segments_back(g) == TL_DONE) b = grow(g, s, segment, small);
  }
  if (!b && segment != bytes) b = grow(g, s, bytes, small);
  return b;
}

cu_Block *cu_take (cu_Gpu *g, cu_Stream *s, size_t wanted) {
  cu_Memory *m = &g->memory;
  cu_Block *b = NULL;
  pthread_mutex_lock(&m->lock);
  if (wanted >> 48) b = NULL;                            /* what no pool has a row for */
  else if (m->mode == CU_NONE) {
    if (m->dead && !__atomic_load_n(&g->captures, __ATOMIC_ACQUIRE)) give_segments_back(g);
    b = grow(g, s, wanted ? wanted : 1, 1);
  }
  else {
    size_t bytes = rounded(wanted);
    b = ladder(g, s, bytes);
    if (b && b->bytes > bytes) split(m, b, bytes);
  }
  if (b && cu_book_add(&m->book, b)) {
    put_back(g, b);
    b = NULL;
  }
  if (b) {
    b->busy = 1;
    m->stats.allocated += b->bytes;
    m->stats.allocations++;
    if (m->stats.allocated > m->stats.peak_allocated) m->stats.peak_allocated = m->stats.allocated;
  }
  else m->stats.failures++;
  pthread_mutex_unlock(&m->lock);
  if (b && m->mode == CU_HOSTILE) {                      /* NaN, and integers that are no index; not in a plan */
    cu_enter(g);
    cu_fail(g, cudaMemsetAsync(b->at, 0xFF, b->bytes, s->queue), "cudaMemsetAsync");
  }
  return b;
}

static void give_locked (cu_Gpu *g, cu_Block *b) {
  uint64_t uses = b->uses;
  g->memory.stats.allocated -= b->bytes;
  b->busy = 0;
  if (uses && !cu_over && !cu_is_broken(g) && g->memory.mode != CU_NONE) {
    cu_enter(g);
    for (; uses; uses &= uses - 1) wait_for(g, b, &g->stream[__builtin_ctzll(uses)]);
  }
  if (!b->waiting) put_back(g, b);
}

void cu_give (cu_Gpu *g, cu_Block *b) {
  pthread_mutex_lock(&g->memory.lock);
  if (cu_book_take(&g->memory.book, b->at)) give_locked(g, b);
  pthread_mutex_unlock(&g->memory.lock);
}

static void *alloc (tl_Device *d, size_t bytes) {
  cu_Gpu *g = cu_gpu(d);
  cu_Block *b = cu_is_broken(g) ? NULL : cu_take(g, cu_home(g), bytes);
  return b ? b->at : NULL;
}

/* also called by finalisers at any time, and after CUDA is gone: says nothing */
static void give_address (tl_Device *d, void *at, size_t bytes) {
  cu_Gpu *g = cu_gpu(d);
  cu_Block *b;
  (void)bytes;
  if (!at) return;
  pthread_mutex_lock(&g->memory.lock);
  b = cu_book_take(&g->memory.book, at);
  if (b) give_locked(g, b);
  pthread_mutex_unlock(&g->memory.lock);
}

static int stream_use (tl_Device *d, void *stream, void *data) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s = cu_stream_of(g, stream)->home;          /* what a mirror does is done on its home */
  cu_Block *b;
  pthread_mutex_lock(&g->memory.lock);
  b = cu_book_look(&g->memory.book, data);
  if (b && b->stream != s) b->uses |= (uint64_t)1 << s->id;
  pthread_mutex_unlock(&g->memory.lock);
  return b ? TL_DONE : cu_say(g, TL_BADVALUE, "the memory is not a block of this device");
}

/* ---- scratch ---- */

void *cu_scratch (cu_Work *w, size_t bytes) {
  cu_Gpu *g = w->gpu;
  cu_Block *b;
  if (cu_plan(g)) {                                      /* a captured kernel will want it again */
    b = cu_plan_scratch(g, bytes);
    return b ? b->at : NULL;
  }
  b = cu_take(g, cu_current(g), bytes);
  if (!b) return NULL;
  b->next = w->scratch;
  w->scratch = b;
  return b->at;
}

void cu_scratch_done (cu_Work *w) {
  cu_Plan *p = cu_plan(w->gpu);
  if (p) cu_plan_scratch_done(p);
  while (w->scratch) {
    cu_Block *b = w->scratch;
    w->scratch = b->next;
    cu_give(w->gpu, b);
  }
}

/* ---- figures ---- */

static int figures (tl_Device *d, tl_DeviceMemory *out) {
  cu_Gpu *g = cu_gpu(d);
  size_t free = 0, total = 0;
  int reason = TL_BROKEN;
  pthread_mutex_lock(&g->memory.lock);
  *out = g->memory.stats;
  for (int i = 0; i < cu_count(g); i++)
    for (int small = 0; small < 2; small++) {
      cu_Pool *p = g->stream[i].pool[small];
      size_t n = p ? cu_pool_largest(p) : 0;
      if (n > out->largest) out->largest = n;
    }
  pthread_mutex_unlock(&g->memory.lock);
  if (!cu_is_broken(g)) {
    cu_enter(g);
    reason = cu_fail(g, cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  }
  out->free = free;
  out->total = total ? total : g->facts.memory;
  return reason;
}

static void figures_reset (tl_Device *d) {
  cu_Memory *m = &cu_gpu(d)->memory;
  pthread_mutex_lock(&m->lock);
  m->stats.peak_allocated = m->stats.allocated;
  m->stats.peak_reserved = m->stats.reserved;
  pthread_mutex_unlock(&m->lock);
}

static int trim (tl_Device *d) {
  cu_Gpu *g = cu_gpu(d);
  int reason;
  if (cu_is_broken(g)) return TL_BROKEN;
  if (cu_plan(g)) return cu_say(g, TL_CANT, "memory can't be given back while a step is being captured");
  if (__atomic_load_n(&g->captures, __ATOMIC_ACQUIRE)) return TL_DONE;       /* by another thread: it stays in the pools */
  cu_count_wait(g);
  pthread_mutex_lock(&g->memory.lock);
  collect(g, 1);
  reason = give_segments_back(g);
  pthread_mutex_unlock(&g->memory.lock);
  if (!reason) cu_pin_trim();
  return reason;
}

int cu_memory_start (cu_Gpu *g) {
  const char *said = getenv("TLUA_CUDA_ALLOC");
  pthread_mutex_init(&g->memory.lock, NULL);
  if (said && strcmp(said, "none") == 0) g->memory.mode = CU_NONE;
  else if (said && strcmp(said, "hostile") == 0) g->memory.mode = CU_HOSTILE;
  else if (said && *said && strcmp(said, "cache") != 0)
    return cu_say(g, TL_BADVALUE, "TLUA_CUDA_ALLOC is cache, none or hostile, not '%s'", said);
  return TL_DONE;
}

void cu_memory_into (tl_Device *d) {
  d->alloc = alloc;
  d->free = give_address;
  d->memory = figures;
  d->memory_reset = figures_reset;
  d->trim = trim;
  d->stream_use = stream_use;
}
