/*
** reduce.c -- every reduction but the float sums, which go to sum.c.
**
** A reduction folds tiles, some elements of some results, into accumulators, in one of two shapes: the lines of
** the results one after the other, or rows of results that lie side by side; the walk takes the one that reads
** memory in order.  Elements of the compute type are read where they stand, others are converted tile by tile.
** Lines are cut at multiples of CUT, however many are folded at once: the cut shows in a product.  Variance
** takes two passes: the mean, then squares about it.  One long line is shared out in slabs, and what they came to
** folded again, with one thread too.
*/
#include <math.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/reduce.h"
#include "cpu/sum.h"

enum { CUT = 8 * TL_BLOCK, SLAB = 32 * CUT };

/* comparing floats along a short line branches: so many and more of those are turned into rows */
enum { SHORT = 64, SIDE = 16 };

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
  int by_row, direct, outer;     /* a tile's results lie along dim `outer`, the last kept one; none: outer = keep = 0 */
  int64_t chunk, chunks, inside; /* results in one go, such goes along `outer`; elements of one result */
  int64_t most, apart;           /* elements of a result in one tile; stride of `outer` */
} Job;

static void start (const Job *j, tl_Acc *a, int64_t n) {
  size_t bytes = (size_t)n * 8;
  switch (j->c->dtype) {
    case TL_f32: for (int64_t i = 0; i < n; i++) a->v.f32[i] = (float)j->start.f; break;
    case TL_f64: for (int64_t i = 0; i < n; i++) a->v.f64[i] = j->start.f; break;
    default: for (int64_t i = 0; i < n; i++) a->v.i64[i] = j->start.i; break;
  }
  memset(a->at, 0, bytes);
  memset(a->s, 0, bytes);
  memset(a->t, 0, bytes);
  memset(a->mean, 0, bytes);
}

/* `groups` times n elements from x on, packed in room; steps in bytes */
static const void *tile (const Job *j, char *room, const char *x, int64_t groups, int64_t apart, int64_t n, int64_t step) {
  int to = j->c->dtype, from = j->c->arg[j->c->narg - 1].dtype, width = tl_cpu_width[to];
  char *end = room;
  if (apart == n * step) { n *= groups; groups = 1; }
  for (int64_t g = 0; g < groups; g++)
    for (int64_t i = 0, b; i < n; i += b, end += b * width) {
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      const void *e = tl_block_load(to, end, from, x + g * apart + i * step, step, b);
      if (e != end) memcpy(end, e, (size_t)(b * width));
    }
  return room;
}

/* one pass over the elements of the results [0, lines) from x on */
static int fold (const Job *j, tl_Acc *a, const tl_FoldPair *pair, const char *x, int64_t lines) {
  const tl_Cmd *c = j->c;
  int last = c->narg - 1, inner = c->ndim - 1, width = tl_cpu_width[c->dtype];
  int64_t m = c->size[inner], step = c->arg[last].stride[inner], outer = j->inside / (m ? m : 1), at = 0;
  int64_t offset[TL_MAXARG];
  _Alignas(64) int64_t room[CUT];   /* else stores would cross cache lines */
  tl_Fold f = j->by_row ? pair->row : pair->line;
  for (int64_t k = 0; k < outer; k++) {
    tl_block_place(c, c->keep, inner, k, c->narg, offset);
    for (int64_t i = 0, b; i < m; i += b, at += b) {
      const char *e = x + offset[last] + i * step;
      b = m - i < j->most ? m - i : j->most;
      if (j->direct) f(a, e, lines, b, (j->by_row ? step : j->apart) / width, at, c->p[0].f);
      else if (j->by_row) f(a, tile(j, (char *)room, e, b, step, lines, j->apart), lines, b, lines, at, c->p[0].f);
      else f(a, tile(j, (char *)room, e, lines, j->apart, b, step), lines, b, b, at, c->p[0].f);
      if (*j->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

static int keeps_sums (const tl_Cmd *c) {
  return c->op == TL_reduce_var || c->op == TL_reduce_std || (c->op == TL_reduce_norm && !isinf(c->p[0].f));
}

/* the sums to results */
static void finish (const Job *j, tl_Acc *a, int64_t n) {
  const tl_Cmd *c = j->c;
  double p = c->p[0].f, count = (double)j->inside, free = count - p > 0 ? count - p : 0, *s = a->s;
  if (c->op == TL_reduce_max || c->op == TL_reduce_min || c->op == TL_reduce_argmax || c->op == TL_reduce_argmin)
    for (int64_t i = 0; i < n; i++) a->at[i]++;
  if (c->op == TL_reduce_var || c->op == TL_reduce_std)
    for (int64_t i = 0; i < n; i++) {
      double v = (s[i] - a->t[i] * a->t[i] / count) / free;
      if (v < 0) v = 0;
      s[i] = c->op == TL_reduce_std ? sqrt(v) : v;
    }
  else if (!keeps_sums(c)) return;
  else if (p == 2) for (int64_t i = 0; i < n; i++) s[i] = sqrt(s[i]);
  else if (p != 0 && p != 1) for (int64_t i = 0; i < n; i++) s[i] = pow(s[i], 1 / p);
  if (c->dtype == TL_f32) for (int64_t i = 0; i < n; i++) a->v.f32[i] = (float)s[i];
  else memcpy(a->v.f64, s, (size_t)n * sizeof *s);
}

/* n results from the accumulators to where the operands' bytes `offset` are */
static void put (const Job *j, tl_Acc *a, int64_t n, const int64_t *offset, const int64_t *step) {
  const tl_Cmd *c = j->c;
  int index = c->op == TL_reduce_argmax || c->op == TL_reduce_argmin;
  finish(j, a, n);
  tl_block_store(index ? TL_i64 : c->dtype, index ? (const void *)a->at : (const void *)&a->v, c->arg[0].dtype,
                 (char *)c->arg[0].data + offset[0], step[0], n);
  if (c->narg == 3) tl_block_store(TL_i64, a->at, c->arg[1].dtype, (char *)c->arg[1].data + offset[1], step[1], n);
}

/* from the sums of the first pass to the second */
static void to_mean (const Job *j, tl_Acc *a, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    a->mean[i] = a->s[i] / (double)j->inside;
    a->s[i] = 0;
  }
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  int last = c->narg - 1, reason;
  int64_t offset[TL_MAXARG];
  _Alignas(64) tl_Acc a;
  for (int64_t k = from; k < to; k++) {
    int64_t first = k % j->chunks * j->chunk, n = 1, step[TL_MAXARG] = {0};
    if (c->keep > 0) {
      n = c->size[j->outer] - first < j->chunk ? c->size[j->outer] - first : j->chunk;
      for (int q = 0; q < c->narg; q++) step[q] = c->arg[q].stride[j->outer];
    }
    tl_block_place(c, 0, j->outer, k / j->chunks, c->narg, offset);
    for (int q = 0; q < c->narg; q++) offset[q] += first * step[q];
    start(j, &a, n);
    reason = fold(j, &a, j->pair, (const char *)c->arg[last].data + offset[last], n);
    if (!reason && j->second) {
      to_mean(j, &a, n);
      reason = fold(j, &a, j->second, (const char *)c->arg[last].data + offset[last], n);
    }
    if (reason) return reason;
    put(j, &a, n, offset, step);
  }
  return *j->stop ? TL_INTERRUPTED : TL_DONE;
}

/* ---- one long line ---- */

typedef struct Slabs {
  const Job *j;
  const tl_FoldPair *pair;
  double mean;
  char *v;                       /* of each slab: the value, packed; its place; the sums */
  int64_t *at;
  double *s, *t;
} Slabs;

static int slab_work (void *ctx, int64_t from, int64_t to) {
  const Slabs *p = ctx;
  const tl_Cmd *whole = p->j->c;
  const tl_Arg *x = &whole->arg[whole->narg - 1];
  int64_t width = tl_cpu_width[whole->dtype];
  _Alignas(64) tl_Acc a;
  tl_Cmd c = *whole;
  Job j = *p->j;
  j.c = &c;
  for (int64_t k = from; k < to; k++) {
    int64_t first = k * SLAB, n = whole->size[0] - first;
    int reason;
    j.inside = c.size[0] = n < SLAB ? n : SLAB;
    start(&j, &a, 1);
    a.mean[0] = p->mean;
    reason = fold(&j, &a, p->pair, (const char *)x->data + first * x->stride[0], 1);
    if (reason) return reason;
    memcpy(p->v + k * width, &a.v, (size_t)width);
    p->at[k] = first + a.at[0];
    p->s[k] = a.s[0];
    p->t[k] = a.t[0];
  }
  return TL_DONE;
}

/* a pass over the n slabs, and their results into a */
static int over_slabs (Slabs *p, tl_Acc *a, int64_t n, tl_Env *env) {
  const tl_Cmd *c = p->j->c;
  int reason = tl_team_for(env, n, 1, slab_work, p);
  if (reason) return reason;
  if (keeps_sums(c)) for (int64_t k = 0; k < n; k++) { a->s[0] += p->s[k]; a->t[0] += p->t[k]; }
  else {
    p->pair->line(a, p->v, 1, n, n, 0, c->p[0].f);
    a->at[0] = p->at[a->at[0]];
  }
  return TL_DONE;
}

static int long_line (const Job *j, tl_Env *env) {
  static const int64_t none[TL_MAXARG];
  int64_t n = (j->inside + SLAB - 1) / SLAB;
  int64_t *room = tl_cpu_room((size_t)n * 4 * sizeof *room);
  Slabs p = { .j = j, .pair = j->pair };
  tl_Acc a;
  int reason;
  if (!room) return TL_NOMEM;
  p.v = (char *)room;
  p.at = room + n;
  p.s = (double *)(room + 2 * n);
  p.t = (double *)(room + 3 * n);
  start(j, &a, 1);
  reason = over_slabs(&p, &a, n, env);
  if (!reason && j->second) {
    to_mean(j, &a, 1);
    p.mean = a.mean[0];
    p.pair = j->second;
    reason = over_slabs(&p, &a, n, env);
  }
  if (!reason) put(j, &a, 1, none, none);
  tl_cpu_room_free(room);
  return reason;
}

/* positions count through all inside dims, which come unmerged */
static void merge_inside (tl_Cmd *c, int x) {
  int64_t *size = c->size, *stride = c->arg[x].stride;
  for (int d; (d = c->ndim - 1) > c->keep && stride[d - 1] == stride[d] * size[d]; c->ndim--) {
    size[d - 1] *= size[d];
    stride[d - 1] = stride[d];
  }
}

int tl_cpu_reduce (const tl_Cmd *cmd, tl_Env *env) {
  tl_Cmd merged;
  const tl_Cmd *c = cmd;
  const tl_FoldRow *folds = TL_PICK(tl_folds);
  int type = c->dtype == TL_f32 ? 0 : c->dtype == TL_f64 ? 1 : 2, width = tl_cpu_width[c->dtype], packed;
  Job j = { .stop = env->stop, .start = { 0, 0 } };
  int64_t m, step, wide;
  const tl_Arg *x;
  if (c->op == TL_reduce_sum && c->dtype != TL_i64) return TL_PICK(tl_sum)(c, env);
  j.pair = &folds[fold_of(c)][type];
  if (!j.pair->line || (type == 2 && c->dtype != TL_i64)) return TL_CANT;
  if (c->ndim - c->keep > 1 && (c->op == TL_reduce_argmax || c->op == TL_reduce_argmin)) {
    merged = *c;
    merge_inside(&merged, c->narg - 1);
    c = &merged;
  }
  j.c = c;
  x = &c->arg[c->narg - 1];
  if (c->op != TL_reduce_norm) j.start = starts[c->op];
  else if (c->p[0].f == -INFINITY) j.start.f = INFINITY;
  if (c->op == TL_reduce_var || c->op == TL_reduce_std) j.second = &folds[TL_FOLD_SPREAD][type];
  j.inside = tl_block_count(c, c->keep, c->ndim);
  m = c->size[c->ndim - 1];
  step = x->stride[c->ndim - 1];
  if (c->keep > 0) {
    j.outer = c->keep - 1;
    j.apart = x->stride[j.outer];
    j.by_row = (c->size[j.outer] >= 4 && j.inside > 1 && j.apart < step) ||
               (type != 2 && c->op >= TL_reduce_amax && c->op <= TL_reduce_argmin && c->size[j.outer] >= SIDE &&
                j.inside == m && m < SHORT);
  }
  packed = j.by_row ? j.apart == width : step == width;
  j.direct = x->dtype == c->dtype && packed && (j.by_row ? step : j.apart) % width == 0;
  wide = 32768 / (j.inside + 1);        /* lines of one go */
  if (!j.direct && m > 0 && wide > CUT / m) wide = CUT / m;
  if (j.by_row) wide = TL_FOLD_WIDE;
  j.chunk = c->keep == 0 || wide < 1 ? 1 : wide < TL_FOLD_WIDE ? wide : TL_FOLD_WIDE;
  if (c->keep > 0 && c->size[j.outer] > 0 && j.chunk > c->size[j.outer]) j.chunk = c->size[j.outer];
  j.chunks = c->keep > 0 ? (c->size[j.outer] + j.chunk - 1) / j.chunk : 1;
  j.most = !j.by_row ? CUT : j.direct ? (1 << 16) / j.chunk : CUT / j.chunk;
  if (c->keep == 0 && c->ndim == 1 && m >= 2 * SLAB) return long_line(&j, env);
  return tl_team_for(env, tl_block_count(c, 0, j.outer) * j.chunks, (1 << 16) / (j.inside * j.chunk + 1) + 1, work, &j);
}
