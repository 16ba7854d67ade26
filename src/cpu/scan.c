/*
** scan.c -- running sums, products, largest and smallest along one dim.
**
** Floats and doubles run in double and half types in float, rounded at every element, as PyTorch does; integers
** wrap.  Ties of cummax and cummin go to the later element, NaN wins and then stays.  Lines that lie
** side by side in memory are scanned together.
*/
#include "cpu/block.h"

enum { WIDE = 128 };

typedef struct Run {                     /* the running values of WIDE lines */
  union { double f64[WIDE]; float f32[WIDE]; int64_t i64[WIDE]; } v;
  int64_t at[WIDE];
} Run;

/* goes on over n elements that belong to `lines` lines in turn: y (and at) get the running values */
typedef void (*Step) (Run *restrict r, const void *restrict x, void *restrict y, int64_t *restrict at, int64_t n,
                      int64_t lines, int64_t first);

/* T: elements; A: what runs, in member m; first: the place of the first element along the line */
#define ADD_UP(name, T, A, m, do_it) \
static void name (Run *restrict r, const void *restrict x, void *restrict y, int64_t *restrict at, int64_t n, \
                  int64_t lines, int64_t first) { \
  const T *e = x; \
  T *o = y; \
  (void)at; (void)first; \
  if (lines == 1) { \
    A v = r->v.m[0]; \
    for (int64_t i = 0; i < n; i++) { A w = (A)e[i]; do_it; o[i] = (T)v; } \
    r->v.m[0] = v; \
  } \
  else for (int64_t i = 0; i < n; i++) { A v = r->v.m[i], w = (A)e[i]; do_it; r->v.m[i] = v; o[i] = (T)v; } \
}
ADD_UP(sum_f32, float, double, f64, v += w)
ADD_UP(sum_f64, double, double, f64, v += w)
ADD_UP(sum_half, float, float, f32, v += w)
ADD_UP(sum_i64, int64_t, int64_t, i64, v = (int64_t)((uint64_t)v + (uint64_t)w))
ADD_UP(prod_f32, float, double, f64, v *= w)
ADD_UP(prod_f64, double, double, f64, v *= w)
ADD_UP(prod_half, float, float, f32, v *= w)
ADD_UP(prod_i64, int64_t, int64_t, i64, v = (int64_t)((uint64_t)v * (uint64_t)w))

#define BEST(name, T, m, op) \
static void name (Run *restrict r, const void *restrict x, void *restrict y, int64_t *restrict at, int64_t n, \
                  int64_t lines, int64_t first) { \
  const T *e = x; \
  T *o = y; \
  for (int64_t i = 0; i < n; i++) { \
    int64_t k = lines == 1 ? 0 : i, place = lines == 1 ? first + i : first; \
    T v = r->v.m[k], w = e[i]; \
    if (place == 0 || w != w || (v == v && w op v)) { \
      r->v.m[k] = v = w; \
      r->at[k] = place + 1; \
    } \
    o[i] = v; \
    at[i] = r->at[k]; \
  } \
}
BEST(max_f32, float, f32, >=)
BEST(max_f64, double, f64, >=)
BEST(max_i64, int64_t, i64, >=)
BEST(min_f32, float, f32, <=)
BEST(min_f64, double, f64, <=)
BEST(min_i64, int64_t, i64, <=)

static const Step steps[][4] = {         /* by op; then half, f32, f64, i64 */
  [TL_CUMSUM]  = { sum_half, sum_f32, sum_f64, sum_i64 },
  [TL_CUMPROD] = { prod_half, prod_f32, prod_f64, prod_i64 },
  [TL_CUMMAX]  = { max_f32, max_f32, max_f64, max_i64 },
  [TL_CUMMIN]  = { min_f32, min_f32, min_f64, min_i64 },
};

typedef struct Job {
  const tl_Cmd *c;
  Step step;
  int kind, best, outer;                 /* kind: place in a row of steps; outer: dims walked */
  int64_t chunk, chunks;                 /* lines scanned together (1: line by line) */
  volatile int *stop;
} Job;

static void start (const Job *j, Run *r) {
  int one = j->c->op == TL_CUMPROD;
  for (int i = 0; i < WIDE; i++) {
    if (j->kind == 3) r->v.i64[i] = one;
    else if (j->best ? j->kind <= 1 : j->kind == 0) r->v.f32[i] = (float)one;
    else r->v.f64[i] = one;
  }
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  int last = c->narg - 1, d = c->ndim - 1;
  const tl_Arg *x = &c->arg[last], *y = &c->arg[0];
  int64_t n = c->size[d], offset[TL_MAXARG], in[TL_BLOCK], out[TL_BLOCK], at[TL_BLOCK];
  Run run;
  for (int64_t k = from; k < to; k++) {
    int64_t lines = 1, step[TL_MAXARG] = {0};
    tl_block_place(c, 0, j->outer, k / j->chunks, c->narg, offset);
    if (j->chunk > 1) {
      int64_t first = k % j->chunks * j->chunk;
      lines = c->size[j->outer] - first < j->chunk ? c->size[j->outer] - first : j->chunk;
      for (int q = 0; q < c->narg; q++) {
        step[q] = c->arg[q].stride[j->outer];
        offset[q] += first * step[q];
      }
    }
    else
      for (int q = 0; q < c->narg; q++) step[q] = c->arg[q].stride[d];
    start(j, &run);
    for (int64_t i = 0, b; i < n; i += j->chunk > 1 ? 1 : b) {
      const void *e;
      b = j->chunk > 1 ? lines : n - i < TL_BLOCK ? n - i : TL_BLOCK;
      e = tl_block_load(c->dtype, in, x->dtype, (const char *)x->data + offset[last] + i * x->stride[d], step[last], b);
      j->step(&run, e, out, at, b, j->chunk > 1 ? 2 : 1, i);
      tl_block_store(c->dtype, out, y->dtype, (char *)y->data + offset[0] + i * y->stride[d], step[0], b);
      if (j->best)
        tl_block_store(TL_i64, at, c->arg[1].dtype, (char *)c->arg[1].data + offset[1] + i * c->arg[1].stride[d],
                       step[1], b);
      if ((i & 1023) == 0 && *j->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

int tl_cpu_scan (const tl_Cmd *c, tl_Env *env) {
  const tl_Arg *x = &c->arg[c->narg - 1];
  int half = c->out == TL_f16 || c->out == TL_bf16, d = c->ndim - 1;
  Job j = { .c = c, .stop = env->stop, .outer = c->keep, .chunk = 1, .chunks = 1 };
  int64_t grain;
  j.best = c->op == TL_CUMMAX || c->op == TL_CUMMIN;
  j.kind = c->dtype == TL_i64 ? 3 : c->dtype == TL_f64 ? 2 : !half;
  j.step = steps[c->op][j.kind];
  if (c->ndim != c->keep + 1 || (c->dtype != TL_f32 && c->dtype != TL_f64 && c->dtype != TL_i64)) return TL_CANT;
  if (c->keep > 0 && c->size[c->keep - 1] >= 4 && x->stride[c->keep - 1] < x->stride[d]) {
    j.outer = c->keep - 1;
    j.chunk = WIDE;
    j.chunks = (c->size[j.outer] + WIDE - 1) / WIDE;
  }
  grain = 32768 / (c->size[d] * j.chunk + 1) + 1;
  return tl_team_for(env, tl_block_count(c, 0, j.outer) * j.chunks, grain, work, &j);
}
