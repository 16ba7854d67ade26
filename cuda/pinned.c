/*
** pinned.c -- host memory that cards read and write by themselves.  The driver takes a millisecond to pin some, so
** blocks are kept, in powers of two, for the whole process and for all cards.  A block that a copy may still be using
** when it is let go waits for an event on each such stream.  All blocks stand in one table by address: a tensor's data
** may begin anywhere inside one.
*/
#include <stdlib.h>
#include <string.h>

#include "gpu.h"

enum { LEAST = 9, CLASSES = 64 };            /* the smallest block has 512 bytes */

typedef struct Pinned {
  struct Pinned *next;                       /* free ones of a class */
  char *at;
  int class, busy, waiting;
  uint64_t cards, used[CU_CARDS];            /* streams that it was used on since it was taken */
} Pinned;

typedef struct Mark {
  struct Mark *next;
  Pinned *block;
  cu_Stream *stream;
  cudaEvent_t event;                         /* NULL: to be recorded when the stream's capture is over */
} Mark;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;       /* guards all that follows */
static Pinned **table, *unused[CLASSES];
static size_t count, room;
static Mark *marks;

/* the place of the first block that begins behind the address */
static size_t behind (const char *at) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (table[middle]->at <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

static Pinned *block_of (const void *at, size_t bytes) {
  size_t i = behind(at);
  Pinned *p = i ? table[i - 1] : NULL;
  return p && p->busy && (size_t)((const char *)at - p->at) + bytes <= (size_t)1 << p->class ? p : NULL;
}

static int enlist (Pinned *p) {
  size_t i;
  if (count == room) {
    Pinned **more = realloc(table, (room ? 2 * room : 64) * sizeof *more);
    if (!more) return -1;
    table = more;
    room = room ? 2 * room : 64;
  }
  i = behind(p->at);
  memmove(table + i + 1, table + i, (count - i) * sizeof *table);
  table[i] = p;
  count++;
  return 0;
}

static void strike (Pinned *p) {
  size_t i = behind(p->at) - 1;
  memmove(table + i, table + i + 1, (count - i - 1) * sizeof *table);
  count--;
}

static void keep (Pinned *p) {
  p->next = unused[p->class];
  unused[p->class] = p;
}

static int mark (Mark *m) {
  cu_Gpu *g = m->stream->gpu;
  cu_enter(g);
  return cu_fail(g, cu_event_mark(g, m->stream, &m->event), "cudaEventRecord");
}

/* blocks whose last event has come are free; wait: until all have */
static void collect (int wait) {
  int now = -1;
  if (cudaGetDevice(&now) != cudaSuccess) now = -1;
  for (Mark **at = &marks, *m; (m = *at) != NULL; ) {
    cu_Gpu *g = m->stream->gpu;
    cudaError_t e;
    if (cu_is_broken(g) || (!m->event && (m->stream->plan || mark(m)))) { at = &m->next; continue; }
    cu_enter(g);
    e = wait ? cudaEventSynchronize(m->event) : cudaEventQuery(m->event);
    if (e != cudaSuccess) {
      if (e == cudaErrorNotReady) cudaGetLastError();
      else cu_fail(g, e, "cudaEventQuery");
      at = &m->next;
      continue;
    }
    cu_event_give(g, 0, m->event);
    if (--m->block->waiting == 0) keep(m->block);
    *at = m->next;
    free(m);
  }
  if (now >= 0) cudaSetDevice(now);          /* the caller goes on with its own card */
}

static Pinned *fresh (int class) {
  enum cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  Pinned *p = calloc(1, sizeof *p);
  void *at = NULL;
  cudaError_t e;
  if (!p) return NULL;
  cudaThreadExchangeStreamCaptureMode(&mode);
  e = cudaHostAlloc(&at, (size_t)1 << class, cudaHostAllocPortable);
  cudaThreadExchangeStreamCaptureMode(&mode);
  if (e != cudaSuccess) cudaGetLastError();
  p->at = at;
  p->class = class;
  if (e == cudaSuccess && enlist(p) == 0) return p;
  if (e == cudaSuccess) cudaFreeHost(at);
  free(p);
  return NULL;
}

static void release_unused (void) {
  for (int k = 0; k < CLASSES; k++)
    while (unused[k]) {
      Pinned *p = unused[k];
      unused[k] = p->next;
      strike(p);
      if (cudaFreeHost(p->at) != cudaSuccess) cudaGetLastError();
      free(p);
    }
}

void *cu_pin (size_t bytes) {
  int class = LEAST;
  Pinned *p;
  while (class < CLASSES - 1 && (size_t)1 << class < bytes) class++;
  if (class == CLASSES - 1) return NULL;
  pthread_mutex_lock(&lock);
  if (marks) collect(0);
  p = unused[class];
  if (p) unused[class] = p->next;
  else if (!(p = fresh(class))) {
    release_unused();
    p = fresh(class);
  }
  if (p) p->busy = 1;
  pthread_mutex_unlock(&lock);
  return p ? p->at : NULL;
}

static void let_go (Pinned *p) {
  p->busy = 0;
  for (; p->cards; p->cards &= p->cards - 1) {
    int card = __builtin_ctzll(p->cards);
    for (; p->used[card]; p->used[card] &= p->used[card] - 1) {
      cu_Stream *s = &cu_card(card)->stream[__builtin_ctzll(p->used[card])];
      Mark *m = calloc(1, sizeof *m);
      p->waiting++;                          /* without room for a note the block is lost: better than used too soon */
      if (!m) continue;
      m->block = p;
      m->stream = s;
      m->next = marks;
      marks = m;
      if (!s->plan) mark(m);
    }
  }
  if (!p->waiting) keep(p);
}

void cu_unpin (void *at) {
  Pinned *p;
  pthread_mutex_lock(&lock);
  p = block_of(at, 0);
  if (p && !cu_over) let_go(p);
  pthread_mutex_unlock(&lock);
}

int cu_pin_use (const void *at, size_t bytes, cu_Stream *s) {
  Pinned *p;
  s = s->home;
  pthread_mutex_lock(&lock);
  p = block_of(at, bytes);
  if (p) {
    p->cards |= (uint64_t)1 << s->gpu->index;
    p->used[s->gpu->index] |= (uint64_t)1 << s->id;
  }
  pthread_mutex_unlock(&lock);
  return p != NULL;
}

void cu_pin_trim (void) {
  pthread_mutex_lock(&lock);
  collect(1);
  release_unused();
  pthread_mutex_unlock(&lock);
}
