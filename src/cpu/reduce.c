/*
** reduce.c -- every reduction but the float sums, which go to sum.c.
**
** A reduction folds blocks into accumulators, in one of two shapes: a line of one result, or a row of
** results that lie side by side; the walk takes the one that reads memory in order.  Elements are converted
** to the compute type block by block.  Variance takes two passes: the mean, then squares about it.
*/
#include <math.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/reduce.h"
#include "cpu/sum.h"

/* what the values start with */
typedef struct Start { double f; int64_t i; } Start;
static const Start starts[TL_NREDUCE] = {
  [TL_reduce_prod] = { 1, 1 }, [TL_reduce_all] = { 1, 1 },
  [TL_reduce_amax] = { -INFINITY, INT64_MIN }, [TL_reduce_amin] = { INFINITY, INT64_MAX },
  [TL_reduce_max] = { -INFINITY, INT64_MIN }, [TL_reduce_min] = { INFINITY, INT64_MAX },
  [TL_reduce_argmax] = { -INFINITY, INT64_MIN }, [TL_reduce_argmin] = { INFINITY, INT64_MAX },
};

static int fold_of (const tl_Cmd *c) {
  double p = c->p[0].f;
  if (c->op != TL_reduce_norm) return c->op;
  return p == 0 ? TL_FOLD_NORM0 : p == 1 ? TL_FOLD_NORM1 : p == 2 ? TL_FOLD_NORM2 :
         isinf(p) ? (p > 0 ? TL_FOLD_NORM_MAX : TL_FOLD_NORM_MIN) : TL_FOLD_NORM;
}

typedef struct Job {
  const tl_Cmd *c;
  const tl_FoldPair *pair, *second;      /* second: the second pass's, or NULL */
  Start start;
  volatile int *stop;
  int by_row, outer;             /* rows of results go along dim `outer`, the last kept one; else outer = keep */
  int64_t chunk, chunks, inside; /* results in one go, such goes along `outer`; elements of one result */
} Job;

static void start (const Job *j, tl_Acc *a, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    switch (j->c->dtype) {
      case TL_f32: a->v.f32[i] = (float)j->start.f; break;
      case TL_f64: a->v.f64[i] = j->start.f; break;
      default: a->v.i64[i] = j->start.i; break;
    }
    a->at[i] = 0;
    a->s[i] = a->t[i] = a->mean[i] = 0;
  }
}

/* one pass over the elements of n results from x on */
static int fold (const Job *j, tl_Acc *a, const tl_FoldPair *pair, const char *x, int64_t n) {
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
        const void *e = tl_block_load(c->dtype, room, in->dtype, line + i * in->stride[inner], in->stride[j->outer], n);
        pair->row(a, e, n, at, p);
        if ((++polls & 1023) == 0 && *j->stop) return TL_INTERRUPTED;
      }
    else
      for (int64_t i = 0, b; i < m; i += b, at += b) {
        const void *e;
        b = m - i < TL_BLOCK ? m - i : TL_BLOCK;
        e = tl_block_load(c->dtype, room, in->dtype, line + i * in->stride[inner], in->stride[inner], b);
        pair->line(a, e, b, at, p);
        if ((++polls & 1023) == 0 && *j->stop) return TL_INTERRUPTED;
      }
  }
  return TL_DONE;
}

static void set_real (const Job *j, tl_Acc *a, int64_t i, double y) {
  if (j->c->dtype == TL_f32) a->v.f32[i] = (float)y;
  else a->v.f64[i] = y;
}

/* the sums to results */
static void finish (const Job *j, tl_Acc *a, int64_t n) {
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
  int last = c->narg - 1, index = c->op == TL_reduce_argmax || c->op == TL_reduce_argmin, reason;
  int64_t offset[TL_MAXARG];
  tl_Acc a;
  for (int64_t k = from; k < to; k++) {
    int64_t first = k % j->chunks * j->chunk, n = 1, step[TL_MAXARG] = {0};
    if (j->by_row) {
      n = c->size[j->outer] - first < j->chunk ? c->size[j->outer] - first : j->chunk;
      for (int q = 0; q < c->narg; q++) step[q] = c->arg[q].stride[j->outer];
    }
    tl_block_place(c, 0, j->outer, k / j->chunks, c->narg, offset);
    for (int q = 0; q < c->narg; q++) offset[q] += first * step[q];
    start(j, &a, n);
    reason = fold(j, &a, j->pair, (const char *)c->arg[last].data + offset[last], n);
    if (!reason && j->second) {
      for (int64_t i = 0; i < n; i++) {
        a.mean[i] = a.s[i] / (double)j->inside;
        a.s[i] = 0;
      }
      reason = fold(j, &a, j->second, (const char *)c->arg[last].data + offset[last], n);
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
  Job j = { .c = c, .stop = env->stop, .outer = c->keep, .chunk = 1, .chunks = 1, .start = { 0, 0 } };
  const tl_FoldRow *folds = TL_PICK(tl_folds);
  int type = c->dtype == TL_f32 ? 0 : c->dtype == TL_f64 ? 1 : 2;
  int64_t n, grain;
  if (c->op == TL_reduce_sum && c->dtype != TL_i64) return TL_PICK(tl_sum)(c, env);
  j.pair = &folds[fold_of(c)][type];
  if (!j.pair->line || (type == 2 && c->dtype != TL_i64)) return TL_CANT;
  if (c->op != TL_reduce_norm) j.start = starts[c->op];
  else if (c->p[0].f == -INFINITY) j.start.f = INFINITY;
  if (c->op == TL_reduce_var || c->op == TL_reduce_std) j.second = &folds[TL_FOLD_SPREAD][type];
  j.inside = tl_block_count(c, c->keep, c->ndim);
  if (c->keep > 0 && c->size[c->keep - 1] >= 4 && j.inside > 1 && x->stride[c->keep - 1] < x->stride[c->ndim - 1]) {
    j.by_row = 1;
    j.outer = c->keep - 1;
    j.chunk = c->size[j.outer] < TL_FOLD_WIDE ? c->size[j.outer] : TL_FOLD_WIDE;
    j.chunks = (c->size[j.outer] + j.chunk - 1) / j.chunk;
  }
  n = tl_block_count(c, 0, j.outer) * j.chunks;
  grain = (1 << 16) / (j.inside * j.chunk + 1) + 1;
  return tl_team_for(env, n, grain, work, &j);
}
