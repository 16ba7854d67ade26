/*
** scan.c -- running sums, products, largest and smallest along one dim.
**
** Floats and doubles run in double and half types in float, rounded at every element, as PyTorch does; integers
** wrap.  Ties of cummax and cummin go to the later element, NaN wins and then stays.  Lines that lie
** side by side in memory are scanned together, a row of them at a time; others some at a time too, since one element
** of a line waits for the one before it.
*/
#include <string.h>

#include "cpu/block.h"

enum { WIDE = 128 };

typedef struct Run {                     /* the running values of WIDE lines */
  union { double f64[WIDE]; float f32[WIDE]; int64_t i64[WIDE]; } v;
  int64_t at[WIDE];
} Run;

/*
** How elements lie, in elements: by_row, rows of packed elements, one of each line, begin ax apart in x and ay in y;
** else lines do, and their elements stand sx and sy apart.
*/
typedef struct Lie { int by_row; int64_t ax, ay, sx, sy; } Lie;

/*
** goes on over n elements of each of some lines.  at (none of it for sums; lies as y) gets where the value stands;
** first: the place of the first element along the line.  y may be x.
*/
#define STEP (const Lie *lie, Run *r, const void *x, void *y, int64_t *at, int64_t lines, int64_t n, int64_t first)
typedef void (*Step) STEP;

/* T: elements; A: what runs, in member m; some lines abreast */
#define ABREAST(T, A, m, count, do_it) \
  for (; l + count <= lines; l += count, e += count * lie->ax, o += count * lie->ay) { \
    int64_t ax = lie->ax, ay = lie->ay, sx = lie->sx, sy = lie->sy; \
    A run[count]; \
    for (int q = 0; q < count; q++) run[q] = r->v.m[l + q]; \
    for (int64_t i = 0; i < n; i++) \
      for (int q = 0; q < count; q++) { \
        A v = run[q], w = (A)e[q * ax + i * sx]; \
        do_it; \
        run[q] = v; \
        o[q * ay + i * sy] = (T)v; \
      } \
    for (int q = 0; q < count; q++) r->v.m[l + q] = run[q]; \
  }
#define ADD_UP(name, T, A, m, do_it) \
static void name STEP { \
  const T *e = x; \
  T *o = y; \
  int64_t l = 0; \
  (void)at; (void)first; \
  if (lie->by_row) { \
    for (; n > 0; n--, e += lie->ax, o += lie->ay) \
      for (l = 0; l < lines; l++) { A v = r->v.m[l], w = (A)e[l]; do_it; r->v.m[l] = v; o[l] = (T)v; } \
    return; \
  } \
  ABREAST(T, A, m, 4, do_it) \
  ABREAST(T, A, m, 1, do_it) \
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
static void name STEP { \
  int by_row = lie->by_row; \
  int64_t n0 = by_row ? n : lines, n1 = by_row ? lines : n; \
  for (int64_t j = 0; j < n0; j++, at += lie->ay) { \
    const T *e = (const T *)x + j * lie->ax;         /* from blocks: packed */ \
    T *o = (T *)y + j * lie->ay; \
    for (int64_t i = 0; i < n1; i++) { \
      int64_t k = by_row ? i : j, place = first + (by_row ? j : i); \
      T v = r->v.m[k], w = e[i]; \
      if (place == 0 || w != w || (v == v && w op v)) { \
        r->v.m[k] = v = w; \
        r->at[k] = place + 1; \
      } \
      o[i] = v; \
      at[i] = r->at[k]; \
    } \
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
  Lie lie;
  int kind, best, outer;                 /* kind: place in a row of steps; lines lie along dim `outer`; none: it is 0 */
  int direct;                            /* x and y are read and written where they stand, without blocks between */
  int64_t chunk, chunks, most;           /* lines scanned together; elements of a line in one go */
  volatile int *stop;
} Job;

static void start (const Job *j, Run *r, int64_t lines) {
  int one = j->c->op == TL_CUMPROD;
  for (int64_t i = 0; i < lines; i++) {
    if (j->kind == 3) r->v.i64[i] = one;
    else if (j->best ? j->kind <= 1 : j->kind == 0) r->v.f32[i] = (float)one;
    else r->v.f64[i] = one;
  }
}

/* n elements of each of the lines, through blocks: rows (lines) of them are loaded and stored one by one */
static void blocks (const Job *j, Run *run, char *const *p, int64_t lines, int64_t n, int64_t first) {
  const tl_Cmd *c = j->c;
  int last = c->narg - 1, d = c->ndim - 1, width = tl_cpu_width[c->dtype];
  int by_row = j->lie.by_row, along = by_row ? j->outer : d, across = by_row ? d : j->outer;
  int64_t groups = by_row ? n : lines, each = by_row ? lines : n;
  _Alignas(64) int64_t in[TL_BLOCK], out[TL_BLOCK], at[TL_BLOCK];
  const tl_Arg *x = &c->arg[last];
  const void *e = in;
  for (int64_t g = 0; g < groups; g++) {
    char *room = (char *)in + g * each * width;
    const char *from = p[last] + (groups > 1 ? g * x->stride[across] : 0);
    e = tl_block_load(c->dtype, room, x->dtype, from, x->stride[along], each);
    if (groups > 1 && e != room) memcpy(room, e, (size_t)(each * width));
  }
  if (groups > 1) e = in;
  j->step(&(Lie){ by_row, each, each, 1, 1 }, run, e, out, at, lines, n, first);
  for (int64_t g = 0; g < groups; g++)
    for (int q = 0; q < last; q++) {
      const tl_Arg *y = &c->arg[q];
      const char *values = q ? (const char *)(at + g * each) : (const char *)out + g * each * width;
      tl_block_store(q ? TL_i64 : c->dtype, values, y->dtype, p[q] + (groups > 1 ? g * y->stride[across] : 0),
                     y->stride[along], each);
    }
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  int last = c->narg - 1, d = c->ndim - 1;
  int64_t n = c->size[d], offset[TL_MAXARG];
  Run run;
  for (int64_t k = from; k < to; k++) {
    int64_t first = k % j->chunks * j->chunk, lines = 1;
    char *p[TL_MAXARG];
    tl_block_place(c, 0, j->outer, k / j->chunks, c->narg, offset);
    if (c->keep > 0) lines = c->size[j->outer] - first < j->chunk ? c->size[j->outer] - first : j->chunk;
    for (int q = 0; q < c->narg; q++)
      p[q] = (char *)c->arg[q].data + offset[q] + (c->keep > 0 ? first * c->arg[q].stride[j->outer] : 0);
    start(j, &run, lines);
    for (int64_t i = 0, b; i < n; i += b) {
      b = n - i < j->most ? n - i : j->most;
      if (j->direct) j->step(&j->lie, &run, p[last], p[0], NULL, lines, b, i);
      else blocks(j, &run, p, lines, b, i);
      for (int q = 0; q < c->narg; q++) p[q] += b * c->arg[q].stride[d];
      if (*j->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

int tl_cpu_scan (const tl_Cmd *c, tl_Env *env) {
  const tl_Arg *x = &c->arg[c->narg - 1], *y = &c->arg[0];
  int half = c->out == TL_f16 || c->out == TL_bf16, d = c->ndim - 1, width = tl_cpu_width[c->dtype], by_row, across;
  Job j = { .c = c, .stop = env->stop, .outer = c->keep > 0 ? c->keep - 1 : 0 };
  int64_t n = c->size[d], wide, most;
  j.best = c->op == TL_CUMMAX || c->op == TL_CUMMIN;
  j.kind = c->dtype == TL_i64 ? 3 : c->dtype == TL_f64 ? 2 : !half;
  j.step = steps[c->op][j.kind];
  if (c->ndim != c->keep + 1 || (c->dtype != TL_f32 && c->dtype != TL_f64 && c->dtype != TL_i64)) return TL_CANT;
  most = c->keep > 0 ? c->size[j.outer] : 1;
  by_row = most >= 4 && x->stride[j.outer] < x->stride[d];
  across = by_row ? d : j.outer;
  j.lie = (Lie){ by_row, x->stride[across] / width, y->stride[across] / width, x->stride[d] / width, y->stride[d] / width };
  j.direct = !j.best && x->dtype == c->dtype && y->dtype == c->dtype;
  for (int q = 0; q < c->narg; q++)
    j.direct &= by_row ? c->arg[q].stride[j.outer] == width && c->arg[q].stride[d] % width == 0 :
                c->arg[q].stride[j.outer] % width == 0 && c->arg[q].stride[d] % width == 0;
  wide = by_row ? WIDE : 16384 / (n + 1);
  if (j.direct && wide < 4 && most >= 64) wide = 4;
  if (!by_row && !j.direct && n > 0 && wide > TL_BLOCK / n) wide = TL_BLOCK / n;
  if (wide > WIDE) wide = WIDE;
  j.chunk = wide < most ? wide : most;
  if (j.chunk < 1) j.chunk = 1;
  j.chunks = (most + j.chunk - 1) / j.chunk;
  j.most = j.direct ? (1 << 16) / j.chunk : by_row ? 1 : TL_BLOCK / j.chunk;
  return tl_team_for(env, tl_block_count(c, 0, j.outer) * j.chunks, 32768 / (n * j.chunk + 1) + 1, work, &j);
}
