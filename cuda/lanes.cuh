/*
** lanes.cuh -- what the kernels that walk lines share: elements of a known dtype, one or 16 bytes at a time, and
** values of any plain type handed down a warp.
*/
#ifndef tl_cuda_lanes_cuh
#define tl_cuda_lanes_cuh

#include "launch.h"
#include "vector.cuh"
#include "walk.cuh"

#define CU_ALL  0xffffffffu                  /* every lane of a warp */
#define CU_FN   static __device__ __forceinline__

/* ---- elements: C is what they compute in, N how many stand in 16 bytes ---- */

template <int dtype> struct cu_Cell;
template <> struct cu_Cell<TL_f32> {
  typedef float M; typedef float C; enum { N = 4 };
  CU_FN C up (M m) { return m; }
  CU_FN M down (C v) { return v; }
};
template <> struct cu_Cell<TL_f64> {
  typedef double M; typedef double C; enum { N = 2 };
  CU_FN C up (M m) { return m; }
  CU_FN M down (C v) { return v; }
};
template <> struct cu_Cell<TL_f16> {
  typedef uint16_t M; typedef float C; enum { N = 8 };
  CU_FN C up (M m) { return cu_f16_up(m); }
  CU_FN M down (C v) { return cu_f16_down(v); }
};
template <> struct cu_Cell<TL_bf16> {
  typedef uint16_t M; typedef float C; enum { N = 8 };
  CU_FN C up (M m) { return cu_bf16_up(m); }
  CU_FN M down (C v) { return cu_bf16_down(v); }
};

/* are all of these multiples of 16? */
static inline int cu_aligned16 (const void *p) { return ((uintptr_t)p & 15) == 0; }

/* operand k: packed lines along dim `inner`, each of which begins at a multiple of 16 bytes */
static inline int cu_lines_packed (const tl_Cmd *c, int k, int inner) {
  const tl_Arg *a = &c->arg[k];
  int ok = a->stride[inner] == cu_width(a->dtype) && cu_aligned16(a->data);
  for (int d = 0; ok && d < inner; d++) ok = a->stride[d] % 16 == 0;
  return ok;
}

/* ---- lanes ---- */

/* T is plain and of whole 32-bit words; every lane of the warp takes part */
#define CU_SHUFFLE(name, intrinsic, ...) \
template <class T> CU_FN T name { \
  int word[sizeof(T) / 4]; \
  memcpy(word, &v, sizeof v); \
  for (int k = 0; k < (int)(sizeof(T) / 4); k++) word[k] = intrinsic(CU_ALL, word[k], __VA_ARGS__); \
  memcpy(&v, word, sizeof v); \
  return v; \
}
CU_SHUFFLE(cu_shuffle_down (T v, int by, int width), __shfl_down_sync, by, width)    /* in groups of `width` lanes */
CU_SHUFFLE(cu_shuffle_up (T v, int by), __shfl_up_sync, by)
CU_SHUFFLE(cu_shuffle_xor (T v, int by), __shfl_xor_sync, by)
CU_SHUFFLE(cu_shuffle (T v, int from), __shfl_sync, from)

/* ---- sums and products; integers wrap ---- */

template <class T> CU_FN T cu_plus (T a, T b) { return a + b; }
template <class T> CU_FN T cu_times (T a, T b) { return a * b; }
template <> __device__ __forceinline__ int64_t cu_plus (int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}
template <> __device__ __forceinline__ int64_t cu_times (int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}

/* ---- shapes, on the host ---- */

static inline int64_t cu_over (int64_t n, int64_t by) { return (n + by - 1) / by; }
static inline unsigned cu_grid (int64_t blocks) { return (unsigned)(blocks < 0x7fffffff ? blocks : 0x7fffffff); }
/* threads of a block, whole warps, for n that are wanted */
static inline unsigned cu_threads (int64_t n, int most) { return (unsigned)(n < most ? cu_over(n, 32) * 32 : most); }
/* threads that the card holds at a time */
static inline int64_t cu_card (const cu_Work *w) { return (int64_t)w->processors * w->threads; }

/* a power of two, at most n (n >= 1) and at most `most` */
static inline int cu_power (int64_t n, int most) {
  int p = 1;
  while (p * 2 <= most && p * 2 <= n) p *= 2;
  return p;
}

/* the same points in the same order by as few dims as can be; operands [0, n) */
static inline void cu_walk_merge (cu_Walk *w, int n) {
  int m = 0;
  for (int d = 0; d < w->ndim; d++) {
    int onto = m > 0;
    if (w->size[d] == 1) continue;
    for (int k = 0; k < n && onto; k++) onto = w->stride[k][m - 1] == w->stride[k][d] * w->size[d];
    if (onto) w->size[m - 1] *= w->size[d];
    else w->size[m++] = w->size[d];
    for (int k = 0; k < n; k++) w->stride[k][m - 1] = w->stride[k][d];
  }
  w->ndim = m;
  cu_walk_finish(w);
}

#endif
