/*
** nll.c -- negative log likelihood of labelled rows.  The total and the total weight are added up in
** PyTorch's cascade: a number goes into level 0; after row b, levels are handed on upwards while the bits
** of b that belong to them are 0.  All labels are checked before anything is written.
*/
#include "cpu/block.h"

enum { LEVELS = 8 };

typedef struct Rows {                    /* the walk over rows; labels and weights as numbers */
  const tl_Cmd *c;
  const tl_Arg *scores, *labels, *weights;
  int64_t classes, step, ignore, base, n;
  volatile int *stop;
} Rows;

static double read_real (const tl_Arg *a, int64_t offset) {
  double v;
  const void *p = (const char *)a->data + offset;
  if (a->dtype == TL_f32) return (double)*(const float *)p;
  if (a->dtype == TL_f64) return *(const double *)p;
  tl_convert(a->dtype, TL_f64)(1, &v, p);
  return v;
}

static void write_real (const tl_Arg *a, int64_t offset, int dtype, double v) {
  float f = (float)v;
  char *p = (char *)a->data + offset;
  if (a->dtype == TL_f32) *(float *)p = f;
  else if (a->dtype == TL_f64) *(double *)p = v;
  else tl_block_store(dtype, dtype == TL_f32 ? (const void *)&f : (const void *)&v, a->dtype, p, 0, 1);
}

/* the class from 0, or -1: ignored */
static int64_t class_of (const Rows *r, int64_t label) { return label == r->ignore ? -1 : label - r->base; }

static double weight_of (const Rows *r, int64_t k) {
  return r->weights ? read_real(r->weights, k * tl_cpu_width[r->weights->dtype]) : 1;
}

/* rows that lie along the last dim: their labels, and how the operands go on from one to the next */
typedef struct Run { int64_t n, offset[TL_MAXARG], step[TL_MAXARG], room[TL_BLOCK]; const int64_t *label; } Run;

static void run (const Rows *r, int64_t row, Run *w) {
  const tl_Cmd *c = r->c;
  const tl_Arg *y = r->labels;
  int64_t size = c->ndim ? c->size[c->ndim - 1] : 1;
  w->n = size - row % size < TL_BLOCK ? size - row % size : TL_BLOCK;
  tl_block_place(c, 0, c->ndim, row, c->narg, w->offset);
  for (int q = 0; q < c->narg; q++) w->step[q] = c->ndim ? c->arg[q].stride[c->ndim - 1] : 0;
  w->label = tl_block_load(TL_i64, w->room, y->dtype, (const char *)y->data + w->offset[y - c->arg], w->step[y - c->arg],
                           w->n);
}

static int check (const Rows *r, tl_Env *env) {
  Run w;
  for (int64_t b = 0; b < r->n; b += w.n) {
    run(r, b, &w);
    for (int64_t i = 0; i < w.n; i++)
      if (w.label[i] != r->ignore && (uint64_t)w.label[i] - (uint64_t)r->base >= (uint64_t)r->classes) {
        env->fault = (tl_Fault){ .value = w.label[i], .size = r->classes, .dim = -1 };
        return TL_BADINDEX;
      }
    if (*env->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

#define EACH_ROW(r) \
  for (int64_t row_ = 0; row_ < (r)->n && !*(r)->stop; row_ += w.n) \
    for (int64_t i = (run(r, row_, &w), 0), b = row_; i < w.n; i++, b++)

/* T: float or double; every step rounds in it */
#define TOTAL(T, ty) \
static void total_##ty (const Rows *r, int mean, double *loss, double *weight) { \
  T losses[LEVELS] = {0}, weights[LEVELS] = {0}, sum = 0, whole = 0; \
  int bits = r->n <= 2 ? 1 : 64 - __builtin_clzll((unsigned long long)r->n - 1); \
  int power = bits / LEVELS > 4 ? bits / LEVELS : 4; \
  int64_t mask = ((int64_t)1 << power) - 1, ignored = 0; \
  Run w; \
  EACH_ROW(r) { \
    int64_t k = class_of(r, w.label[i]); \
    T x, f; \
    if (k < 0) { ignored++; continue; } \
    x = (T)read_real(r->scores, w.offset[2] + i * w.step[2] + k * r->step); \
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

static void each (const Rows *r) {
  const tl_Cmd *c = r->c;
  Run w;
  EACH_ROW(r) {
    int64_t k = class_of(r, w.label[i]);
    double y = 0;
    if (k >= 0) {
      double x = read_real(r->scores, w.offset[1] + i * w.step[1] + k * r->step), f = weight_of(r, k);
      y = c->dtype == TL_f32 ? (double)(-(float)x * (float)f) : -x * f;
    }
    write_real(&c->arg[0], w.offset[0] + i * w.step[0], c->dtype, y);
  }
}

static void back (const Rows *r) {
  const tl_Cmd *c = r->c;
  double whole = c->p[5].i ? read_real(&c->arg[4], 0) : 1;
  Run w;
  EACH_ROW(r) {
    int64_t k = class_of(r, w.label[i]);
    if (k >= 0) {
      double g = read_real(&c->arg[1], w.offset[1] + i * w.step[1]), f = weight_of(r, k), y;
      if (c->dtype == TL_f32) y = (double)((float)f * -(c->p[5].i ? (float)g / (float)whole : (float)g));
      else y = f * -(c->p[5].i ? g / whole : g);
      write_real(&c->arg[0], w.offset[0] + i * w.step[0] + k * r->step, c->dtype, y);
    }
  }
}

int tl_cpu_nll (const tl_Cmd *c, tl_Env *env) {
  int sums = c->op == TL_NLL_SUM || c->op == TL_NLL_MEAN, labels = sums ? 3 : 2, reason;
  double loss, weight;
  Rows r = { .c = c, .scores = &c->arg[c->op == TL_NLL_BACK ? 0 : sums ? 2 : 1], .labels = &c->arg[labels],
             .weights = c->p[4].i ? &c->arg[labels + 1] : NULL, .classes = c->p[0].i, .step = c->p[1].i,
             .ignore = c->p[2].i, .base = c->p[3].i, .n = tl_block_count(c, 0, c->ndim), .stop = env->stop };
  if (c->dtype != TL_f32 && c->dtype != TL_f64) return TL_CANT;
  reason = check(&r, env);
  if (reason) return reason;
  if (!sums) {
    if (c->op == TL_NLL_BACK) back(&r);
    else each(&r);
    return *env->stop ? TL_INTERRUPTED : TL_DONE;
  }
  if (c->dtype == TL_f32) total_f32(&r, c->op == TL_NLL_MEAN, &loss, &weight);
  else total_f64(&r, c->op == TL_NLL_MEAN, &loss, &weight);
  if (*env->stop) return TL_INTERRUPTED;
  write_real(&c->arg[0], 0, c->dtype, loss);
  write_real(&c->arg[1], 0, c->dtype, weight);
  return TL_DONE;
}
