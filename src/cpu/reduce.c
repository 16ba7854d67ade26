/*
** reduce.c -- every reduction but the float sums, which go to sum.c.
**
** A reduction is a fold of blocks into accumulators.  It has two shapes: `line` folds n elements of one
** result, `row` folds one element into each of n results that lie side by side; the walk takes the one
** that reads memory in order.  Elements are converted to the compute type block by block, so a fold is
** written once per compute type.  Variance takes two passes (mean, then squares about it) and, like the
** norms, keeps its sums in double.
*/
#include <math.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/sum.h"

enum { WIDE = 256, LANES = 8 };        /* results of a row; running values of a line */

typedef struct Acc {
  union { float f32[WIDE]; double f64[WIDE]; int64_t i64[WIDE]; } v;
  int64_t at[WIDE];                    /* where v stands, counted from 0 over the inside dims */
  double s[WIDE], t[WIDE], mean[WIDE]; /* sums; corrections or second sums; means of the first pass */
} Acc;

typedef void (*Fold) (Acc *a, const void *x, int64_t n, int64_t at, double p);

/* STAMP(name, T, ty, before, each, join): a fold of T; in `each`, m is a running value and y the element;
   `join` puts running value m into r */
#define LINE_AND_ROW(name, T, ty, start, each, join) \
static void name##_line_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  T lane[LANES], r = a->v.ty[0]; \
  int64_t i = 0; \
  (void)at; (void)p; \
  for (int k = 0; k < LANES; k++) lane[k] = (start); \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { T m = lane[k], y = e[i + k]; each; lane[k] = m; } \
  for (; i < n; i++) { T m = lane[0], y = e[i]; each; lane[0] = m; } \
  for (int k = 0; k < LANES; k++) { T m = lane[k]; join; } \
  a->v.ty[0] = r; \
} \
static void name##_row_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t i = 0; i < n; i++) { T m = a->v.ty[i], y = e[i]; each; a->v.ty[i] = m; } \
}

/* of the largest (better: >) or smallest (<) element and its first place; NaN is better than all */
#define PLACE(name, T, ty, better, first) \
static void name##_line_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  T lane[LANES], r = a->v.ty[0]; \
  int64_t i = 0; \
  (void)p; \
  for (int k = 0; k < LANES; k++) lane[k] = (first); \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { T y = e[i + k]; lane[k] = (y better lane[k]) | (y != y) ? y : lane[k]; } \
  for (; i < n; i++) { T y = e[i]; lane[0] = y better lane[0] || y != y ? y : lane[0]; } \
  for (int k = 1; k < LANES; k++) lane[0] = lane[k] better lane[0] || lane[k] != lane[k] ? lane[k] : lane[0]; \
  if (lane[0] better r || (lane[0] != lane[0] && r == r)) { \
    a->v.ty[0] = r = lane[0]; \
    for (i = 0; i < n - 1 && !(e[i] == r || e[i] != e[i]); i++) {} \
    a->at[0] = at + i; \
  } \
} \
static void name##_row_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)p; \
  for (int64_t i = 0; i < n; i++) { \
    T m = a->v.ty[i], y = e[i]; \
    int wins = (y better m) | ((y != y) & (m == m)); \
    a->v.ty[i] = wins ? y : m; \
    a->at[i] = wins ? at : a->at[i]; \
  } \
}

/* a sum in double of `term`, a function of y and of d = y - mean */
#define SUMMED(name, T, ty, term) \
static void name##_line_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  double lane[LANES] = {0}, mean = a->mean[0]; \
  int64_t i = 0; \
  (void)at; (void)p; (void)mean; \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { double y = (double)e[i + k]; lane[k] += (term); } \
  for (; i < n; i++) { double y = (double)e[i]; lane[0] += (term); } \
  for (int k = 0; k < LANES; k++) a->s[0] += lane[k]; \
} \
static void name##_row_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t i = 0; i < n; i++) { double y = (double)e[i], mean = a->mean[i]; (void)mean; a->s[i] += (term); } \
}

/* second pass of the variance: squares about the mean, and what the mean was off by */
#define SPREAD(T, ty) \
static void spread_row_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t i = 0; i < n; i++) { double d = (double)e[i] - a->mean[i]; a->s[i] += d * d; a->t[i] += d; } \
} \
static void spread_line_##ty (Acc *a, const void *x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  double s[LANES] = {0}, t[LANES] = {0}, mean = a->mean[0]; \
  int64_t i = 0; \
  (void)at; (void)p; \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { double d = (double)e[i + k] - mean; s[k] += d * d; t[k] += d; } \
  for (; i < n; i++) { double d = (double)e[i] - mean; s[0] += d * d; t[0] += d; } \
  for (int k = 0; k < LANES; k++) { a->s[0] += s[k]; a->t[0] += t[k]; } \
}

#define ORDERS(T, ty, low, high) \
  LINE_AND_ROW(amax, T, ty, low, m = (y > m) | (y != y) ? y : m, r = m > r || m != m ? m : r) \
  LINE_AND_ROW(amin, T, ty, high, m = (y < m) | (y != y) ? y : m, r = m < r || m != m ? m : r) \
  LINE_AND_ROW(any, T, ty, 0, m = (m != 0) | (y != 0), r = (r != 0) | (m != 0)) \
  LINE_AND_ROW(all, T, ty, 1, m = (m != 0) & (y != 0), r = (r != 0) & (m != 0)) \
  PLACE(max, T, ty, >, low) \
  PLACE(min, T, ty, <, high)
#define REALS(T, ty) \
  LINE_AND_ROW(prod, T, ty, 1, m *= y, r *= m) \
  SUMMED(total, T, ty, y) SPREAD(T, ty) \
  SUMMED(norm0, T, ty, y != 0) SUMMED(norm1, T, ty, fabs(y)) SUMMED(norm2, T, ty, y * y) \
  SUMMED(normp, T, ty, pow(fabs(y), p)) \
  LINE_AND_ROW(normmax, T, ty, 0, { y = (T)fabs(y); m = (y > m) | (y != y) ? y : m; }, r = m > r || m != m ? m : r) \
  LINE_AND_ROW(normmin, T, ty, (T)INFINITY, { y = (T)fabs(y); m = (y < m) | (y != y) ? y : m; }, r = m < r || m != m ? m : r)

ORDERS(float, f32, -INFINITY, INFINITY)
ORDERS(double, f64, -(double)INFINITY, (double)INFINITY)
ORDERS(int64_t, i64, INT64_MIN, INT64_MAX)
REALS(float, f32)
REALS(double, f64)
#define WRAPPED  (int64_t)(uint64_t)
LINE_AND_ROW(prod, int64_t, i64, 1, m = WRAPPED((uint64_t)m * (uint64_t)y), r = WRAPPED((uint64_t)r * (uint64_t)m))
LINE_AND_ROW(sum, int64_t, i64, 0, m = WRAPPED((uint64_t)m + (uint64_t)y), r = WRAPPED((uint64_t)r + (uint64_t)m))

typedef struct Pair { Fold line, row; } Pair;
typedef struct Way {                   /* how a reduction goes */
  Pair fold[TL_NDTYPE];                /* by compute dtype; empty: refused */
  double start_f;
  int64_t start_i;
} Way;

#define TWO(name)  { [TL_f32] = { name##_line_f32, name##_row_f32 }, [TL_f64] = { name##_line_f64, name##_row_f64 } }
#define ALL(name)  { [TL_f32] = { name##_line_f32, name##_row_f32 }, [TL_f64] = { name##_line_f64, name##_row_f64 }, \
                     [TL_i64] = { name##_line_i64, name##_row_i64 } }
static const Way ways[TL_NREDUCE] = {
  [TL_reduce_sum]    = { { [TL_i64] = { sum_line_i64, sum_row_i64 } }, 0, 0 },
  [TL_reduce_prod]   = { ALL(prod), 1, 1 },
  [TL_reduce_amax]   = { ALL(amax), -INFINITY, INT64_MIN },
  [TL_reduce_amin]   = { ALL(amin), INFINITY, INT64_MAX },
  [TL_reduce_max]    = { ALL(max), -INFINITY, INT64_MIN },
  [TL_reduce_min]    = { ALL(min), INFINITY, INT64_MAX },
  [TL_reduce_argmax] = { ALL(max), -INFINITY, INT64_MIN },
  [TL_reduce_argmin] = { ALL(min), INFINITY, INT64_MAX },
  [TL_reduce_any]    = { ALL(any), 0, 0 },
  [TL_reduce_all]    = { ALL(all), 1, 1 },
  [TL_reduce_var]    = { TWO(total), 0, 0 },
  [TL_reduce_std]    = { TWO(total), 0, 0 },
};
static const Way norm0 = { TWO(norm0), 0, 0 }, norm1 = { TWO(norm1), 0, 0 }, norm2 = { TWO(norm2), 0, 0 },
  normp = { TWO(normp), 0, 0 }, normmax = { TWO(normmax), 0, 0 }, normmin = { TWO(normmin), INFINITY, 0 };
static const Pair spreads[TL_NDTYPE] = {
  [TL_f32] = { spread_line_f32, spread_row_f32 }, [TL_f64] = { spread_line_f64, spread_row_f64 }
};

static const Way *way_of (const tl_Cmd *c) {
  double p = c->p[0].f;
  if (c->op != TL_reduce_norm) return &ways[c->op];
  return p == 0 ? &norm0 : p == 1 ? &norm1 : p == 2 ? &norm2 : isinf(p) ? (p > 0 ? &normmax : &normmin) : &normp;
}

typedef struct Job {
  const tl_Cmd *c;
  const Way *way;
  volatile int *stop;
  int by_row, outer;             /* rows of results go along dim `outer`, the last kept one; else outer = keep */
  int64_t chunk, chunks, inside; /* results in one go, such goes along `outer`; elements of one result */
} Job;

static void start (const Job *j, Acc *a, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    switch (j->c->dtype) {
      case TL_f32: a->v.f32[i] = (float)j->way->start_f; break;
      case TL_f64: a->v.f64[i] = j->way->start_f; break;
      default: a->v.i64[i] = j->way->start_i; break;
    }
    a->at[i] = 0;
    a->s[i] = a->t[i] = a->mean[i] = 0;
  }
}

/* one pass over the elements of n results from x on */
static int fold (const Job *j, Acc *a, const Pair *pair, const char *x, int64_t n) {
  const tl_Cmd *c = j->c;
  int last = c->narg - 1, inner = c->ndim - 1, polls = 0;
  const tl_Arg *in = &c->arg[last];
  int64_t m = c->size[inner], outer = j->inside / (m ? m : 1), offset[TL_MAXARG], room[TL_BLOCK], at = 0;
  double p = c->p[0].f;
  for (int64_t k = 0; k < outer; k++) {
    const char *line;
    tl_block_place(c, c->keep, inner, k, c->narg, offset);
    line = x + offset[last];
    if (j->by_row)
      for (int64_t i = 0; i < m; i++, at++) {
        pair->row(a, tl_block_load(c->dtype, room, in->dtype, line + i * in->stride[inner], in->stride[j->outer], n), n, at, p);
        if ((++polls & 1023) == 0 && *j->stop) return TL_INTERRUPTED;
      }
    else
      for (int64_t i = 0, b; i < m; i += b, at += b) {
        b = m - i < TL_BLOCK ? m - i : TL_BLOCK;
        pair->line(a, tl_block_load(c->dtype, room, in->dtype, line + i * in->stride[inner], in->stride[inner], b), b, at, p);
        if ((++polls & 1023) == 0 && *j->stop) return TL_INTERRUPTED;
      }
  }
  return TL_DONE;
}

static void set_real (const Job *j, Acc *a, int64_t i, double y) {
  if (j->c->dtype == TL_f32) a->v.f32[i] = (float)y;
  else a->v.f64[i] = y;
}

/* the sums to results */
static void finish (const Job *j, Acc *a, int64_t n) {
  const tl_Cmd *c = j->c;
  double p = c->p[0].f, count = (double)j->inside, free = count - p > 0 ? count - p : 0;
  if (c->op == TL_reduce_var || c->op == TL_reduce_std)
    for (int64_t i = 0; i < n; i++) {
      double v = (a->s[i] - a->t[i] * a->t[i] / count) / free;
      if (v < 0) v = 0;
      set_real(j, a, i, c->op == TL_reduce_std ? sqrt(v) : v);
    }
  else if (c->op == TL_reduce_norm && !isinf(p))
    for (int64_t i = 0; i < n; i++)
      set_real(j, a, i, p == 0 || p == 1 ? a->s[i] : p == 2 ? sqrt(a->s[i]) : pow(a->s[i], 1 / p));
  else if (c->op == TL_reduce_max || c->op == TL_reduce_min || c->op == TL_reduce_argmax || c->op == TL_reduce_argmin)
    for (int64_t i = 0; i < n; i++) a->at[i]++;
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  const Pair *pair = &j->way->fold[c->dtype];
  int last = c->narg - 1, index = c->op == TL_reduce_argmax || c->op == TL_reduce_argmin, reason;
  int64_t offset[TL_MAXARG];
  Acc a;
  for (int64_t k = from; k < to; k++) {
    int64_t first = k % j->chunks * j->chunk, n = 1, step[TL_MAXARG] = {0};
    if (j->by_row) {
      n = c->size[j->outer] - first < j->chunk ? c->size[j->outer] - first : j->chunk;
      for (int q = 0; q < c->narg; q++) step[q] = c->arg[q].stride[j->outer];
    }
    tl_block_place(c, 0, j->outer, k / j->chunks, c->narg, offset);
    for (int q = 0; q < c->narg; q++) offset[q] += first * step[q];
    start(j, &a, n);
    reason = fold(j, &a, pair, (const char *)c->arg[last].data + offset[last], n);
    if (!reason && (c->op == TL_reduce_var || c->op == TL_reduce_std)) {
      for (int64_t i = 0; i < n; i++) {
        a.mean[i] = a.s[i] / (double)j->inside;
        a.s[i] = 0;
      }
      reason = fold(j, &a, &spreads[c->dtype], (const char *)c->arg[last].data + offset[last], n);
    }
    if (reason) return reason;
    finish(j, &a, n);
    tl_block_store(index ? TL_i64 : c->dtype, index ? (const void *)a.at : (const void *)&a.v, c->arg[0].dtype,
                   (char *)c->arg[0].data + offset[0], step[0], n);
    if (last == 2)
      tl_block_store(TL_i64, a.at, c->arg[1].dtype, (char *)c->arg[1].data + offset[1], step[1], n);
  }
  return *j->stop ? TL_INTERRUPTED : TL_DONE;
}

int tl_cpu_reduce (const tl_Cmd *c, tl_Env *env) {
  const tl_Arg *x = &c->arg[c->narg - 1];
  Job j = { .c = c, .way = way_of(c), .stop = env->stop, .outer = c->keep, .chunk = 1, .chunks = 1 };
  int64_t n, grain;
  if (c->op == TL_reduce_sum && c->dtype != TL_i64) return TL_PICK(tl_sum)(c, env);
  if (!j.way->fold[c->dtype].line) return TL_CANT;
  j.inside = tl_block_count(c, c->keep, c->ndim);
  if (c->keep > 0 && c->size[c->keep - 1] >= 4 && j.inside > 1 && x->stride[c->keep - 1] < x->stride[c->ndim - 1]) {
    j.by_row = 1;
    j.outer = c->keep - 1;
    j.chunk = c->size[j.outer] < WIDE ? c->size[j.outer] : WIDE;
    j.chunks = (c->size[j.outer] + j.chunk - 1) / j.chunk;
  }
  n = tl_block_count(c, 0, j.outer) * j.chunks;
  grain = (1 << 16) / (j.inside * j.chunk + 1) + 1;
  return tl_team_for(env, n, grain, work, &j);
}
