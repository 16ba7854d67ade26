/*
** host_memory.c -- the allocator, moves, pinned memory, and what becomes of all of it while CUDA calls fail.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

typedef struct Held { char *at; size_t bytes; uint64_t mark; } Held;

static void check_held (const Held *h, uint64_t mark) {
  uint64_t a, z;
  NEED(d->move(d, &a, h->at, 8, TL_MOVE_OUT, NULL) == TL_DONE);
  NEED(d->move(d, &z, h->at + h->bytes - 8, 8, TL_MOVE_OUT, NULL) == TL_DONE);
  NEED(a == mark && z == mark);
}

/* random sizes taken and given back; marks at both ends of each block must live as long as it does */
void test_fuzz (void) {
  enum { MOST = 120, ROUNDS = 1500 };
  static Held held[MOST];
  uint64_t seed = 88172645463325252u, marks = 0;
  int n = 0;
  for (int round = 0; round < ROUNDS; round++) {
    tl_DeviceMemory m;
    seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
    if (n < MOST && (seed >> 20) % 5 < 3) {
      static const size_t scale[] = { 4096, 65536, MIB, 3 * MIB, 14 * MIB };
      Held h = { NULL, 8 + (seed >> 30) % scale[(seed >> 10) % (n < 60 ? 5 : 2)], ++marks };
      h.at = d->alloc(d, h.bytes);
      if (!h.at) continue;
      for (int i = 0; i < n; i++) NEED(h.at + h.bytes <= held[i].at || held[i].at + held[i].bytes <= h.at);
      NEED(((uintptr_t)h.at & 15) == 0);
      NEED(d->move(d, h.at, &h.mark, 8, TL_MOVE_IN, NULL) == TL_DONE);
      NEED(d->move(d, h.at + h.bytes - 8, &h.mark, 8, TL_MOVE_IN, NULL) == TL_DONE);
      if (h.bytes < 16) h.mark = marks;
      held[n++] = h;
    }
    else if (n) {
      int i = (int)((seed >> 40) % (uint64_t)n);
      if (held[i].bytes >= 16) check_held(&held[i], held[i].mark);
      d->free(d, held[i].at, held[i].bytes);
      held[i] = held[--n];
    }
    m = figures();
    NEED(m.allocated <= m.reserved && m.peak_allocated >= m.allocated && m.peak_reserved >= m.reserved);
    NEED(m.largest <= m.reserved - m.allocated && m.segments == m.segment_allocations - m.segment_frees);
  }
  while (n) { n--; d->free(d, held[n].at, held[n].bytes); }
  NEED(figures().allocated == 0);
  NEED(d->trim(d) == TL_DONE);
  NEED(figures().reserved == 0 && figures().segments == 0 && figures().largest == 0);
  d->memory_reset(d);
  NEED(figures().peak_allocated == 0 && figures().peak_reserved == 0);
}

/* PyTorch's sizes */
void test_sizes (void) {
  void *a = d->alloc(d, 1), *b = d->alloc(d, 513), *c, *e;
  NEED(figures().allocated == 512 + 1024 && figures().reserved == 2 * MIB);
  c = d->alloc(d, MIB + 1);
  NEED(figures().reserved == 22 * MIB && figures().allocated == 1536 + MIB + 512);
  e = d->alloc(d, 21 * MIB + 1);
  NEED(figures().reserved == 44 * MIB);
  d->free(d, a, 1);
  NEED(d->alloc(d, 300) == a);
  d->free(d, e, 21 * MIB + 1);
  NEED(d->alloc(d, 20 * MIB) == e && figures().segment_allocations == 3);
  NEED(d->alloc(d, 0) != NULL);
  NEED(!d->alloc(d, SIZE_MAX) && !d->alloc(d, (size_t)1 << 50));
  NEED(figures().failures == 2);
  NEED(b && c && d->alloc(d, 4) != NULL);
}

/* on a card of 32 MiB: cached pieces go back before anybody is refused, and nothing is lost by a refusal */
void test_ladder (void) {
  void *a[64], *b;
  int n = 0;
  while (n < 64 && (a[n] = d->alloc(d, 3 * MIB)) != NULL) n++;
  NEED(n >= 8 && n < 64);                                /* more than whole segments of 20 MiB would give */
  NEED(figures().retries > 0 && figures().failures == 1);
  NEED(!d->alloc(d, 12 * MIB));
  for (int i = 0; i < n; i++) d->free(d, a[i], 3 * MIB);
  NEED(figures().allocated == 0 && figures().reserved > 20 * MIB);
  b = d->alloc(d, 30 * MIB);                             /* only by giving the segments back */
  NEED(b && figures().reserved == 30 * MIB);
  NEED(fill(b, 1000, 3) == TL_DONE && first(b) == 3);
  d->free(d, b, 30 * MIB);
  NEED(d->trim(d) == TL_DONE && figures().reserved == 0);
}

/* every size through every way there and back, with the source overwritten at once */
void test_moves (void) {
  static const size_t sizes[] = { 1, 4, 100, 65535, 65536, 65537, 131072, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 13 * MIB };
  unsigned char *from = malloc(16 * MIB), *to = malloc(16 * MIB);
  unsigned char *there = d->alloc(d, 16 * MIB), *other = d->alloc(d, 16 * MIB);
  uint64_t before;
  NEED(there && other);
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int pinned = 0; pinned < 2; pinned++) {
      size_t n = sizes[k];
      unsigned char *p = pinned ? d->pin(d, n) : from;
      NEED(p);
      for (size_t i = 0; i < n; i++) p[i] = (unsigned char)(i * 7 + k);
      NEED(d->move(d, there, p, n, pinned ? TL_MOVE_IN + TL_MOVE_LATER : TL_MOVE_IN, NULL) == TL_DONE);
      if (!pinned) memset(p, 0xEE, n);
      else d->unpin(d, p, n);
      NEED(d->move(d, other, there, n, TL_MOVE_WITHIN, NULL) == TL_DONE);
      memset(to, 0, n);
      NEED(d->move(d, to, other, n, TL_MOVE_OUT, NULL) == TL_DONE);
      for (size_t i = 0; i < n; i++)
        if (to[i] != (unsigned char)(i * 7 + k)) { printf("byte %zu of %zu\n", i, n); NEED(!"moved well"); }
    }
  before = d->waits(d);
  for (int i = 0; i < 200; i++) {                        /* a hundred small ones follow each other unharmed */
    float v = (float)i;
    NEED(d->move(d, there + 4 * i, &v, 4, TL_MOVE_IN, NULL) == TL_DONE);
  }
  NEED(d->waits(d) == before);
  for (int i = 0; i < 200; i++) NEED(first((float *)(void *)(there + 4 * i)) == (float)i);
  unsigned char *p = d->pin(d, 1000);
  NEED(d->move(d, p, there, 800, TL_MOVE_OUT + TL_MOVE_LATER, NULL) == TL_DONE);
  NEED(d->sync(d, &env) == TL_DONE);
  NEED(((float *)(void *)p)[199] == 199);
  d->unpin(d, p, 1000);
  free(from);
  free(to);
}

/* a pinned block that is let go while a copy still has to read it does not come back too soon */
void test_pinned (void) {
  enum { N = 5000 };
  float *there[8], v;
  for (int i = 0; i < 8; i++) {
    float *p = d->pin(d, N * sizeof *p);
    NEED(p && (there[i] = d->alloc(d, N * sizeof *p)) != NULL);
    for (int k = 0; k < N; k++) p[k] = (float)(i + k);
    NEED(d->move(d, there[i], p, N * sizeof *p, TL_MOVE_IN + TL_MOVE_LATER, NULL) == TL_DONE);
    d->unpin(d, p, N * sizeof *p);
  }
  for (int i = 0; i < 8; i++) {
    NEED(d->move(d, &v, there[i] + N - 1, sizeof v, TL_MOVE_OUT, NULL) == TL_DONE);
    NEED(v == (float)(i + N - 1));
  }
}

static int fine (int reason, int *failed) {
  if (reason == TL_DONE) return 1;
  if (reason != TL_NOMEM && reason != TL_BROKEN && reason != TL_CANT) printf("reason %d\n", reason);
  NEED(reason == TL_NOMEM || reason == TL_BROKEN || reason == TL_CANT);
  NEED(d->why(d)[0]);
  *failed = 1;
  return 0;
}

/* some of everything while one CUDA call fails: right figures or an honest reason, and all blocks come back */
void test_injected (void) {
  enum { N = 20000 };
  int failed = 0;
  const char *why = NULL;
  float *a[4], v = 0, *p;
  void *plan, *side, *mark;
  d = open_device(TL_ABI, texts, 0, &why);
  if (!d) { NEED(why && why[0]); return; }
  for (int i = 0; i < 4; i++) a[i] = d->alloc(d, N * sizeof(float));
  p = d->pin(d, N * sizeof(float));
  side = d->stream_new(d, 0);
  mark = d->event_new(d, 0);
  if (a[0] && a[1] && p && side && mark) {
    for (int i = 0; i < N; i++) p[i] = 2;
    int ok = fine(d->move(d, a[0], p, N * sizeof(float), TL_MOVE_IN, NULL), &failed);
    ok = ok && fine(d->move(d, a[1], p, N * sizeof(float), TL_MOVE_IN + TL_MOVE_LATER, NULL), &failed);
    ok = ok && fine(times(a[0], a[0], a[1], N, 0), &failed);
    ok = ok && fine(d->event_record(d, mark, NULL), &failed) && fine(d->event_wait(d, mark, side), &failed);
    ok = ok && fine(d->stream_use(d, side, a[1]), &failed);
    if (ok && fine(d->plan_begin(d), &failed)) {
      int noted = fine(times(a[0], a[0], NULL, N, 3), &failed);
      plan = d->plan_end(d);
      if (!plan) { failed = 1; NEED(d->why(d)[0]); }
      ok = noted && plan && fine(d->plan_run(d, plan, &env), &failed);
      if (plan) d->plan_free(d, plan);
    }
    else ok = 0;
    ok = fine(d->move(d, &v, a[0] + N - 1, sizeof v, TL_MOVE_OUT, NULL), &failed) && ok;
    if (ok) NEED(v == 12);
    NEED(ok || failed);
  }
  for (int i = 0; i < 4; i++) d->free(d, a[i], N * sizeof(float));
  if (p) d->unpin(d, p, N * sizeof(float));
  if (mark) d->event_free(d, mark);
  if (side) d->stream_free(d, side);
  tl_DeviceMemory m;
  (void)d->memory(d, &m);
  d->sync(d, &env);
  d->trim(d);
  (void)d->memory(d, &m);
  NEED(m.allocated == 0);
}

