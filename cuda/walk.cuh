/*
** walk.cuh -- from the linear index of a point to the byte offsets of the operands there.
**
** Spaces below 2^31 points divide by multiplication: with s = ceil(log2 d) and m = floor(2^32 (2^s - d) / d) + 1,
** n / d = (high half of n * m + n) >> s for all n < 2^31; larger spaces do the same with 64 for 32, for all n < 2^63.
*/
#ifndef tl_cuda_walk_cuh
#define tl_cuda_walk_cuh

#include "convert.cuh"

typedef struct cu_Walk {
  int ndim, narrow;                          /* narrow: total < 2^31 */
  int64_t total;                             /* points, 1 where there are no dims */
  int64_t size[TL_MAXDIM];
  uint64_t magic[TL_MAXDIM];
  uint32_t shift[TL_MAXDIM];
  int64_t stride[TL_MAXARG][TL_MAXDIM];      /* bytes; 0 of numbers and absent operands */
} cu_Walk;

/* after sizes or strides were changed by hand */
static inline void cu_walk_finish (cu_Walk *w) {
  w->total = 1;
  for (int d = 0; d < w->ndim; d++) w->total *= w->size[d];
  w->narrow = w->total < INT64_C(0x80000000);
  for (int d = 0; d < w->ndim; d++) {
    uint64_t n = w->size[d] > 0 ? (uint64_t)w->size[d] : 1;
    uint32_t s = 0;
    while (UINT64_C(1) << s < n) s++;
    w->shift[d] = s;
    if (w->narrow) w->magic[d] = (((UINT64_C(1) << s) - n) << 32) / n + 1;
    else w->magic[d] = (uint64_t)(((unsigned __int128)((UINT64_C(1) << s) - n) << 64) / n + 1);
  }
}

/* the dims [from, to) of a command, and its operands */
static inline cu_Walk cu_walk_of (const tl_Cmd *c, int from, int to) {
  cu_Walk w;
  w.ndim = to - from;
  for (int d = 0; d < TL_MAXDIM; d++) {
    w.size[d] = d < w.ndim ? c->size[from + d] : 1;
    w.magic[d] = w.shift[d] = 0;
    for (int k = 0; k < TL_MAXARG; k++) {
      int moves = d < w.ndim && k < c->narg && !(c->arg[k].flags & (TL_ARG_NUMBER | TL_ARG_ABSENT));
      w.stride[k][d] = moves ? c->arg[k].stride[from + d] : 0;
    }
  }
  cu_walk_finish(&w);
  return w;
}

static __device__ __forceinline__ uint32_t cu_divide (const cu_Walk &w, int d, uint32_t n) {
  return (__umulhi(n, (uint32_t)w.magic[d]) + n) >> w.shift[d];
}
static __device__ __forceinline__ int64_t cu_divide_wide (const cu_Walk &w, int d, uint64_t n) {
#if defined(__CUDA_ARCH__)
  uint64_t high = __umul64hi(n, w.magic[d]);
#else
  uint64_t high = (uint64_t)((unsigned __int128)n * w.magic[d] >> 64);
#endif
  return (int64_t)((high + n) >> w.shift[d]);
}

/* the offsets of operands [0, N) at point i, counted row-major over the walk's dims */
template <int N> static __device__ __forceinline__ void cu_offsets (const cu_Walk &w, int64_t i, int64_t (&offset)[N]) {
  for (int k = 0; k < N; k++) offset[k] = 0;
  if (w.narrow) {
    uint32_t n = (uint32_t)i;
#pragma unroll 1
    for (int d = w.ndim - 1; d >= 0; d--) {
      uint32_t q = d ? cu_divide(w, d, n) : 0;
      int64_t at = n - q * (uint32_t)w.size[d];
      n = q;
      for (int k = 0; k < N; k++) offset[k] += at * w.stride[k][d];
    }
  }
  else {
#pragma unroll 1
    for (int d = w.ndim - 1; d >= 0; d--) {
      int64_t q = d ? cu_divide_wide(w, d, (uint64_t)i) : 0, at = i - q * w.size[d];
      i = q;
      for (int k = 0; k < N; k++) offset[k] += at * w.stride[k][d];
    }
  }
}

/* of operand k alone */
static __device__ __forceinline__ int64_t cu_offset (const cu_Walk &w, int k, int64_t i) {
  int64_t offset = 0;
#pragma unroll 1
  for (int d = w.ndim - 1; d >= 0; d--) {
    int64_t q = d == 0 ? 0 : w.narrow ? (int64_t)cu_divide(w, d, (uint32_t)i) : cu_divide_wide(w, d, (uint64_t)i);
    offset += (i - q * w.size[d]) * w.stride[k][d];
    i = q;
  }
  return offset;
}

/* blocks of 256 for n points, `each` points a thread and round of its grid-stride loop */
static inline unsigned cu_blocks (const cu_Work *w, int64_t n, int each) {
  int64_t per = 256 * (int64_t)each, blocks = (n + per - 1) / per;
  int64_t most = (int64_t)w->processors * (w->threads / 256) * 8;
  if (most < 1) most = 1;
  return (unsigned)(blocks < most ? blocks : most);
}
static __device__ __forceinline__ int64_t cu_first (void) { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }
static __device__ __forceinline__ int64_t cu_stride (void) { return (int64_t)gridDim.x * blockDim.x; }

#endif
