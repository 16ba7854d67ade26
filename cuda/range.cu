/*
** range.cu -- TL_RANGE: arange and linspace, bit for bit as src/cpu/range.c has them.
**
** A float is not start + i * step: the first element of each vector of L (8 floats, 4 doubles) is, and the lanes are
** added to that, in blocks of two vectors; what is left at the end has the plain form.  Half types have the plain form.
*/
#include "launch.h"
#include "walk.cuh"

typedef struct Range {
  double start, end, step;               /* of floats */
  int64_t istart, iend, istep, n;        /* of integers; n: elements */
  char *data;
  int64_t stride;                        /* bytes */
  int dtype, linspace;
} Range;

static __host__ __device__ float half (int dtype, float x) { return cu_round(dtype, x); }

static __device__ float fused (float a, float b, float c) { return fmaf(a, b, c); }
static __device__ double fused (double a, double b, double c) { return fma(a, b, c); }

template <class T> static __device__ T element (const Range &r, int64_t i) {
  const int L = 32 / (int)sizeof(T);
  int plain = i - i % (2 * L) + 2 * L > r.n;
  int64_t at = plain ? i : i - i % L;
  T lane = (T)(i - at), step = (T)r.step;
  if (!r.linspace) {
    T base = (T)fma(r.step, (double)at, r.start);
    return plain ? base : (T)fma(r.step, (double)lane, (double)base);
  }
  T base = at < r.n / 2 ? fused(step, (T)at, (T)r.start) : fused(step, (T)-(r.n - at - 1), (T)r.end);
  return plain ? base : base + step * lane;
}

static __device__ float half_element (const Range &r, int64_t i) {
  float step = (float)r.step;
  if (!r.linspace) return (float)r.start + step * (float)i;
  return i < r.n / 2 ? (float)r.start + half(r.dtype, step * half(r.dtype, (float)i))
                     : (float)r.end - half(r.dtype, step * half(r.dtype, (float)(r.n - i - 1)));
}

static __device__ int64_t integer_element (const Range &r, int64_t i) {
  if (!r.linspace) return (int64_t)((uint64_t)r.istart + (uint64_t)r.istep * (uint64_t)i);
  return cu_fit64(i < r.n / 2 ? (double)r.istart + r.step * (double)i
                              : (double)r.iend - r.step * (double)(r.n - i - 1));
}

static __global__ void fill_range (const Range r) {
  for (int64_t i = cu_first(); i < r.n; i += cu_stride()) {
    char *p = r.data + i * r.stride;
    switch (r.dtype) {
      case TL_f32: *(float *)p = element<float>(r, i); break;
      case TL_f64: *(double *)p = element<double>(r, i); break;
      case TL_f16: case TL_bf16: cu_store(r.dtype, p, half_element(r, i)); break;
      default: cu_store(r.dtype, p, integer_element(r, i)); break;
    }
  }
}

/* the step follows from the ends, in the dtype */
static void find_step (Range *r) {
  double gaps = r->n > 1 ? (double)(r->n - 1) : 1;
  switch (r->dtype) {
    case TL_f32: r->step = (double)(((float)r->end - (float)r->start) / (float)gaps); break;
    case TL_f64: r->step = (r->end - r->start) / gaps; break;
    case TL_f16: case TL_bf16:
      r->step = half(r->dtype, half(r->dtype, (float)r->end - (float)r->start) / half(r->dtype, (float)gaps));
      break;
    default: r->step = ((double)r->iend - (double)r->istart) / gaps; break;
  }
  if (r->n == 1) { r->end = r->start; r->iend = r->istart; }
}

int cu_range (const tl_Cmd *c, cu_Work *w) {
  const tl_Arg *y = &c->arg[0];
  int real = cu_is_real(y->dtype);
  Range r;
  if (c->ndim != 1 || c->op > 1) return TL_CANT;
  if (c->size[0] == 0) return TL_DONE;
  r.n = c->size[0];
  r.data = (char *)y->data;
  r.stride = y->stride[0];
  r.dtype = y->dtype;
  r.linspace = c->op == 1;
  r.start = real ? c->p[0].f : 0;
  r.step = real ? c->p[1].f : 0;
  r.end = real ? c->p[2].f : 0;
  r.istart = real ? 0 : c->p[0].i;
  r.istep = real ? 0 : c->p[1].i;
  r.iend = real ? 0 : c->p[2].i;
  if (y->dtype == TL_f16 || y->dtype == TL_bf16) {
    r.start = half(r.dtype, (float)r.start);
    r.end = half(r.dtype, (float)r.end);
  }
  if (r.linspace) find_step(&r);
  return CU_LAUNCH(w, fill_range, cu_blocks(w, r.n, 1), 256, 0, r);
}
