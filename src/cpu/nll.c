/*
** nll.c -- negative log likelihood of labelled rows.  The total and the total weight are added up in
** PyTorch's cascade: a number goes into level 0; after row b, levels are handed on upwards while the bits
** of b that belong to them are 0.  All labels are checked before anything is written.
*/
#include <string.h>

#include "cpu/block.h"

enum { LEVELS = 8 };

typedef struct Rows {                    /* the walk over rows; labels and weights as numbers */
  const tl_Cmd *c;
  const tl_Arg *scores, *labels, *weights;
  int64_t classes, step, ignore, base, n;
} Rows;

static double read_real (const tl_Arg *a, int64_t offset) {
  double v;
  const void *p = (const char *)a->data + offset;
  if (a->dtype == TL_f32) return (double)*(const float *)p;
  if (a->dtype == TL_f64) return *(const double *)p;
  tl_convert(a->dtype, TL_f64)(1, &v, p);
  return v;
}

static int64_t read_label (const Rows *r, int64_t offset) {
  int64_t v;
  const void *p = (const char *)r->labels->data + offset;
  if (r->labels->dtype == TL_i64) return *(const int64_t *)p;
  tl_convert(r->labels->dtype, TL_i64)(1, &v, p);
  return v;
}

/* the class from 0, or -1: ignored */
static int64_t class_of (const Rows *r, int64_t offset) {
  int64_t v = read_label(r, offset);
  return v == r->ignore ? -1 : v - r->base;
}

static double weight_of (const Rows *r, int64_t k) {
  return r->weights ? read_real(r->weights, k * tl_cpu_width[r->weights->dtype]) : 1;
}

/* the byte offsets of the next row */
typedef struct Walk { int64_t at[TL_MAXDIM], offset[TL_MAXARG]; } Walk;
static void next (const tl_Cmd *c, Walk *w) {
  for (int d = c->ndim - 1; d >= 0; d--) {
    for (int q = 0; q < c->narg; q++) w->offset[q] += c->arg[q].stride[d];
    if (++w->at[d] < c->size[d]) return;
    for (int q = 0; q < c->narg; q++) w->offset[q] -= c->size[d] * c->arg[q].stride[d];
    w->at[d] = 0;
  }
}

static int check (const Rows *r, int place, tl_Env *env) {
  Walk w;
  memset(&w, 0, sizeof w);
  for (int64_t b = 0; b < r->n; b++, next(r->c, &w)) {
    int64_t label = read_label(r, w.offset[place]);
    if (label != r->ignore && (uint64_t)label - (uint64_t)r->base >= (uint64_t)r->classes) {
      env->fault = (tl_Fault){ .value = label, .size = r->classes, .dim = -1 };
      return TL_BADINDEX;
    }
    if ((b & 0xffff) == 0 && *env->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

static void write_real (const tl_Arg *a, int64_t offset, int dtype, double v) {
  float f = (float)v;
  const void *p = dtype == TL_f32 ? (const void *)&f : (const void *)&v;
  tl_block_store(dtype, p, a->dtype, (char *)a->data + offset, 0, 1);
}

/* T: float or double; every step rounds in it */
#define TOTAL(T, ty) \
static void total_##ty (const Rows *r, int mean, double *loss, double *weight) { \
  T losses[LEVELS] = {0}, weights[LEVELS] = {0}, sum = 0, whole = 0; \
  int bits = r->n <= 2 ? 1 : 64 - __builtin_clzll((unsigned long long)r->n - 1); \
  int power = bits / LEVELS > 4 ? bits / LEVELS : 4; \
  int64_t mask = ((int64_t)1 << power) - 1, ignored = 0; \
  Walk w; \
  memset(&w, 0, sizeof w); \
  for (int64_t b = 0; b < r->n; b++, next(r->c, &w)) { \
    int64_t k = class_of(r, w.offset[3]); \
    T x, f; \
    if (k < 0) { ignored++; continue; } \
    x = (T)read_real(r->scores, w.offset[2] + k * r->step); \
    if (r->weights) { \
      f = (T)weight_of(r, k); \
      losses[0] -= x * f; \
      weights[0] += f; \
    } \
    else losses[0] -= x; \
    for (int q = 0; q + 1 < LEVELS && (b & mask << q * power) == 0; q++) { \
      losses[q + 1] += losses[q]; \
      weights[q + 1] += weights[q]; \
      losses[q] = weights[q] = 0; \
    } \
  } \
  for (int q = 0; q < LEVELS; q++) { sum += losses[q]; whole += weights[q]; } \
  if (!r->weights) whole = (T)(r->n - ignored); \
  *loss = (double)(mean ? sum / whole : sum); \
  *weight = (double)whole; \
}
TOTAL(float, f32)
TOTAL(double, f64)

static int each (const Rows *r, tl_Env *env) {
  const tl_Cmd *c = r->c;
  Walk w;
  memset(&w, 0, sizeof w);
  for (int64_t b = 0; b < r->n; b++, next(c, &w)) {
    int64_t k = class_of(r, w.offset[2]);
    double y = 0;
    if (k >= 0) {
      double x = read_real(r->scores, w.offset[1] + k * r->step), f = weight_of(r, k);
      y = c->dtype == TL_f32 ? (double)(-(float)x * (float)f) : -x * f;
    }
    write_real(&c->arg[0], w.offset[0], c->dtype, y);
    if ((b & 0xffff) == 0 && *env->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

static int back (const Rows *r, tl_Env *env) {
  const tl_Cmd *c = r->c;
  double whole = c->p[5].i ? read_real(&c->arg[4], 0) : 1;
  Walk w;
  memset(&w, 0, sizeof w);
  for (int64_t b = 0; b < r->n; b++, next(c, &w)) {
    int64_t k = class_of(r, w.offset[2]);
    if (k >= 0) {
      double g = read_real(&c->arg[1], w.offset[1]), f = weight_of(r, k), y;
      if (c->dtype == TL_f32) y = (double)((float)f * -(c->p[5].i ? (float)g / (float)whole : (float)g));
      else y = f * -(c->p[5].i ? g / whole : g);
      write_real(&c->arg[0], w.offset[0] + k * r->step, c->dtype, y);
    }
    if ((b & 0xffff) == 0 && *env->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

int tl_cpu_nll (const tl_Cmd *c, tl_Env *env) {
  int sums = c->op == TL_NLL_SUM || c->op == TL_NLL_MEAN, labels = sums ? 3 : 2, reason;
  double loss, weight;
  Rows r = { .c = c, .scores = &c->arg[c->op == TL_NLL_BACK ? 0 : sums ? 2 : 1], .labels = &c->arg[labels],
             .weights = c->p[4].i ? &c->arg[labels + 1] : NULL, .classes = c->p[0].i, .step = c->p[1].i,
             .ignore = c->p[2].i, .base = c->p[3].i, .n = tl_block_count(c, 0, c->ndim) };
  if (c->dtype != TL_f32 && c->dtype != TL_f64) return TL_CANT;
  reason = check(&r, labels, env);
  if (reason) return reason;
  if (c->op == TL_NLL_BACK) return back(&r, env);
  if (!sums) return each(&r, env);
  if (c->dtype == TL_f32) total_f32(&r, c->op == TL_NLL_MEAN, &loss, &weight);
  else total_f64(&r, c->op == TL_NLL_MEAN, &loss, &weight);
  write_real(&c->arg[0], 0, c->dtype, loss);
  write_real(&c->arg[1], 0, c->dtype, weight);
  return TL_DONE;
}
