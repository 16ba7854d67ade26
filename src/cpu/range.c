/*
** range.c -- arange and linspace, bit for bit what PyTorch's AVX2 build gives.
**
** A float is not start + i * step: PyTorch computes the first element of each vector so and adds the
** lanes to that, in blocks of two vectors (8 floats or 4 doubles each); what is left at the end has the plain
** form.  arange works in double for floats; linspace in the dtype itself, from both ends to the middle.
*/
#include <math.h>

#include "cpu/block.h"

typedef struct Range {
  double start, end, step;               /* of floats */
  int64_t istart, iend, istep, n;        /* of integers; n: elements */
  int dtype;
} Range;

static float half (int dtype, float x) {
  uint16_t h;
  float y;
  tl_convert(TL_f32, dtype)(1, &h, &x);
  tl_convert(dtype, TL_f32)(1, &y, &h);
  return y;
}

/* elements [i, i + b) of the n, in the type the row says; i is a multiple of two vectors */
typedef void (*Make) (const Range *r, void *out, int64_t i, int64_t b);

#define ARANGE(ty, T, L) \
static void arange_##ty (const Range *r, void *out, int64_t i, int64_t b) { \
  T *v = out; \
  for (int64_t k = 0; k < b; ) { \
    T base = (T)fma(r->step, (double)(i + k), r->start); \
    if (i + k - (i + k) % (2 * L) + 2 * L > r->n) { v[k++] = base; continue; } \
    for (int q = 0; q < L; q++) v[k + q] = (T)fma(r->step, (double)q, (double)base); \
    k += L; \
  } \
}
ARANGE(f32, float, 8)
ARANGE(f64, double, 4)

#define LINSPACE(ty, T, L, fused) \
static T near_##ty (const Range *r, int64_t i) { \
  T step = (T)r->step; \
  return i < r->n / 2 ? fused(step, (T)i, (T)r->start) : fused(step, (T)-(r->n - i - 1), (T)r->end); \
} \
static void linspace_##ty (const Range *r, void *out, int64_t i, int64_t b) { \
  T *v = out, step = (T)r->step; \
  for (int64_t k = 0; k < b; ) { \
    T base = near_##ty(r, i + k); \
    if (i + k - (i + k) % (2 * L) + 2 * L > r->n) { v[k++] = base; continue; } \
    for (int q = 0; q < L; q++) v[k + q] = base + step * (T)q; \
    k += L; \
  } \
}
LINSPACE(f32, float, 8, fmaf)
LINSPACE(f64, double, 4, fma)

/* half types: arange in float, linspace rounded at every step */
static void arange_half (const Range *r, void *out, int64_t i, int64_t b) {
  float *v = out;
  for (int64_t k = 0; k < b; k++) v[k] = (float)r->start + (float)r->step * (float)(i + k);
}
static void linspace_half (const Range *r, void *out, int64_t i, int64_t b) {
  float *v = out, step = (float)r->step;
  for (int64_t k = 0; k < b; k++, i++)
    v[k] = i < r->n / 2 ? (float)r->start + half(r->dtype, step * half(r->dtype, (float)i))
                        : (float)r->end - half(r->dtype, step * half(r->dtype, (float)(r->n - i - 1)));
}

static void arange_i64 (const Range *r, void *out, int64_t i, int64_t b) {
  uint64_t *v = out, step = (uint64_t)r->istep, x = (uint64_t)r->istart + step * (uint64_t)i;
  for (int64_t k = 0; k < b; k++, x += step) v[k] = x;
}
static void linspace_i64 (const Range *r, void *out, int64_t i, int64_t b) {
  int64_t *v = out;
  for (int64_t k = 0; k < b; k++, i++)
    v[k] = i < r->n / 2 ? (int64_t)((double)r->istart + r->step * (double)i)
                        : (int64_t)((double)r->iend - r->step * (double)(r->n - i - 1));
}

int tl_cpu_range (const tl_Cmd *c, tl_Env *env) {
  static const Make makes[2][4] = { { arange_f32, arange_f64, arange_half, arange_i64 },
                                    { linspace_f32, linspace_f64, linspace_half, linspace_i64 } };
  const tl_Arg *y = &c->arg[0];
  int dtype = y->dtype, half_type = dtype == TL_f16 || dtype == TL_bf16;
  int kind = dtype == TL_f32 ? 0 : dtype == TL_f64 ? 1 : half_type ? 2 : 3;
  int made = kind == 0 || kind == 2 ? TL_f32 : kind == 1 ? TL_f64 : TL_i64;
  Range r = { .n = c->size[0], .dtype = dtype, .istart = c->p[0].i, .istep = c->p[1].i, .iend = c->p[2].i,
              .start = c->p[0].f, .step = c->p[1].f, .end = c->p[2].f };
  int64_t room[TL_BLOCK];
  if (c->ndim != 1 || c->op > 1) return TL_CANT;
  if (half_type) {
    r.start = half(dtype, (float)r.start);
    r.end = half(dtype, (float)r.end);
  }
  if (c->op == 1) {                      /* the step follows from the ends, in the dtype */
    double gaps = r.n > 1 ? (double)(r.n - 1) : 1;
    if (kind == 3) r.step = ((double)r.iend - (double)r.istart) / gaps;
    else if (kind == 1) r.step = (r.end - r.start) / gaps;
    else if (kind == 0) r.step = (double)(((float)r.end - (float)r.start) / (float)gaps);
    else r.step = half(dtype, half(dtype, (float)r.end - (float)r.start) / half(dtype, (float)gaps));
    if (r.n == 1) { r.end = r.start; r.iend = r.istart; }
  }
  for (int64_t i = 0, b; i < r.n; i += b) {
    char *to = (char *)y->data + i * y->stride[0];
    int there = made == dtype && y->stride[0] == tl_cpu_width[dtype];
    b = r.n - i < TL_BLOCK ? r.n - i : TL_BLOCK;
    makes[c->op][kind](&r, there ? (void *)to : room, i, b);
    if (!there) tl_block_store(made, room, dtype, to, y->stride[0], b);
    if (*env->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}
