/*
** softmax_line.c -- softmax and log_softmax over packed lines, bit for bit PyTorch's AVX2 kernels in
** float, and over lines side by side.  Compiled once per level (TL_LEVEL).
**
** A packed line is reduced in running lanes (8 floats, 4 doubles): the first vector, then every other one
** onto it, the leftovers onto the first lanes, then a tree that halves the lanes; shorter lines go from left
** to right.
*/
#include "cpu/fun.h"
#include "cpu/softmax.h"

#define ADD(a, b)  ((a) + (b))
#define MOST(a, b)  ((a) > (b) || (a) != (a) ? (a) : (b))
#define LARGER(a, b)  ((a) > (b) ? (a) : (b))      /* of numbers */

enum { LANES = 16 };                     /* of the largest */

/* L running lanes of what FIRST gives for element i, then of what NEXT(lane, i) gives */
#define REDUCE(T, L, total, join, FIRST, NEXT) do { \
  T lane[L]; \
  int64_t at = L; \
  if (n < L) { \
    total = FIRST(0); \
    for (int64_t i = 1; i < n; i++) { T one = FIRST(i); total = join(total, one); } \
    break; \
  } \
  for (int k = 0; k < L; k++) lane[k] = FIRST(k); \
  for (; at + L <= n; at += L) \
    for (int k = 0; k < L; k++) lane[k] = NEXT(lane[k], at + k); \
  for (int k = 0; at + k < n; k++) lane[k] = NEXT(lane[k], at + k); \
  for (int half = L / 2; half > 0; half /= 2) \
    for (int k = 0; k < half; k++) lane[k] = join(lane[k], lane[k + half]); \
  total = lane[0]; \
} while (0)

#define X(i)  (x[i])
#define ONTO_ADD(s, i)  ((s) + x[i])
#define PRODUCT(i)  (x[i] * o[i])

#define EACH_OF(n)  _Pragma("GCC unroll 1") for (int k = 0; k < n; k++)      /* unrolled it would not vectorise */

#define STAMP(T, ty, L) \
/* the order does not show; NaN run apart, so that a lane waits for nothing but the largest of two */ \
static T most_##ty (const T *x, int64_t n) { \
  T r = x[0]; \
  int64_t i = 0; \
  int odd = 0; \
  if (n >= 2 * LANES) { \
    T lane[LANES], nan[LANES], of2[8], of4[4], of8[2]; \
    EACH_OF(LANES) lane[k] = nan[k] = r; \
    for (; i + LANES <= n; i += LANES) \
      EACH_OF(LANES) { \
        T y = x[i + k]; \
        lane[k] = LARGER(y, lane[k]); \
        nan[k] = y != y ? y : nan[k]; \
      } \
    EACH_OF(LANES) odd |= nan[k] != nan[k]; \
    EACH_OF(8) of2[k] = LARGER(lane[k], lane[k + 8]); \
    EACH_OF(4) of4[k] = LARGER(of2[k], of2[k + 4]); \
    EACH_OF(2) of8[k] = LARGER(of4[k], of4[k + 2]); \
    r = LARGER(of8[0], of8[1]); \
  } \
  for (; i < n; i++) { r = LARGER(x[i], r); odd |= x[i] != x[i]; } \
  return odd ? (T)NAN : r; \
} \
static T sum_##ty (const T *x, int64_t n) { T r; REDUCE(T, L, r, ADD, X, ONTO_ADD); return r; } \
static T dot_##ty (const T *x, const T *o, int64_t n) { T r; REDUCE(T, L, r, ADD, PRODUCT, ONTO_DOT_##ty); return r; } \
static void softmax_##ty (T *y, const T *x, int64_t n) { \
  T most = most_##ty(x, n), scale; \
  for (int64_t i = 0; i < n; i++) y[i] = exp_##ty(x[i] - most); \
  scale = 1 / sum_##ty(y, n); \
  for (int64_t i = 0; i < n; i++) y[i] *= scale; \
} \
/* the exponentials are not kept: blocks keep the order of the lanes as long as they are whole vectors */ \
static void log_softmax_##ty (T *y, const T *x, int64_t n) { \
  T e[TL_BLOCK], lane[L] = {0}, most = most_##ty(x, n), total = 0, s; \
  for (int64_t i = 0, b, k; i < n; i += b) { \
    b = n - i < TL_BLOCK ? n - i : TL_BLOCK; \
    for (k = 0; k < b; k++) e[k] = exp_##ty(x[i + k] - most); \
    if (n < L) { total = sum_##ty(e, n); break; } \
    for (k = 0; k + L <= b; k += L) for (int q = 0; q < L; q++) lane[q] += e[k + q]; \
    for (int q = 0; k + q < b; q++) lane[q] += e[k + q]; \
  } \
  if (n >= L) { \
    for (int half = L / 2; half > 0; half /= 2) for (int k = 0; k < half; k++) lane[k] += lane[k + half]; \
    total = lane[0]; \
  } \
  s = log_##ty(total); \
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - most) - s; \
} \
static void line_##ty (int op, void *to, const void *a, const void *b, int64_t n) { \
  T *y = to; \
  const T *x = a, *o = b; \
  T s; \
  switch (op) { \
    case TL_SOFTMAX_Y: softmax_##ty(y, x, n); break; \
    case TL_LOG_SOFTMAX_Y: log_softmax_##ty(y, x, n); break; \
    case TL_SOFTMAX_X: \
      s = dot_##ty(x, o, n); \
      for (int64_t i = 0; i < n; i++) y[i] = (x[i] - s) * o[i]; \
      break; \
    default: \
      s = sum_##ty(x, n); \
      for (int64_t i = 0; i < n; i++) y[i] = fma_##ty(-exp_##ty(o[i]), s, x[i]); \
  } \
} \
/* the exponentials of all lines in one go */ \
static void block_##ty (int op, void *to, const void *a, const void *b, int64_t rows, int64_t n) { \
  T *y = to, e[TL_SOFTMAX_TILE], most[TL_BLOCK], sum[TL_BLOCK]; \
  const T *x = a, *o = b; \
  if (op == TL_SOFTMAX_X) { \
    for (int64_t r = 0; r < rows; r++) line_##ty(op, y + r * n, x + r * n, o + r * n, n); \
    return; \
  } \
  if (op == TL_LOG_SOFTMAX_X) { \
    for (int64_t i = 0; i < rows * n; i++) e[i] = exp_##ty(o[i]); \
    for (int64_t r = 0; r < rows; r++) { \
      T s = sum_##ty(x + r * n, n); \
      for (int64_t i = r * n; i < (r + 1) * n; i++) y[i] = fma_##ty(-e[i], s, x[i]); \
    } \
    return; \
  } \
  for (int64_t r = 0; r < rows; r++) { \
    most[r] = most_##ty(x + r * n, n); \
    for (int64_t i = r * n; i < (r + 1) * n; i++) e[i] = x[i] - most[r]; \
  } \
  for (int64_t i = 0; i < rows * n; i++) e[i] = exp_##ty(e[i]); \
  for (int64_t r = 0; r < rows; r++) sum[r] = sum_##ty(e + r * n, n); \
  if (op == TL_SOFTMAX_Y) { \
    for (int64_t r = 0; r < rows; r++) { \
      T scale = 1 / sum[r]; \
      for (int64_t i = r * n; i < (r + 1) * n; i++) y[i] = e[i] * scale; \
    } \
    return; \
  } \
  for (int64_t r = 0; r < rows; r++) sum[r] = log_##ty(sum[r]); \
  for (int64_t r = 0; r < rows; r++) \
    for (int64_t i = r * n; i < (r + 1) * n; i++) y[i] = (x[i] - most[r]) - sum[r]; \
} \
static void forward_##ty (int op, T *y, const T *x, int64_t n, int64_t w, int64_t sy, int64_t sx) { \
  T most[TL_SOFTMAX_WIDE], sum[TL_SOFTMAX_WIDE]; \
  for (int64_t k = 0; k < w; k++) { most[k] = x[k]; sum[k] = 0; } \
  for (int64_t i = 1; i < n; i++) \
    for (int64_t k = 0; k < w; k++) most[k] = MOST(x[i * sx + k], most[k]); \
  for (int64_t i = 0; i < n; i++) \
    for (int64_t k = 0; k < w; k++) { \
      T e = exp_##ty(x[i * sx + k] - most[k]); \
      sum[k] += e; \
      if (op == TL_SOFTMAX_Y) y[i * sy + k] = e; \
    } \
  if (op == TL_SOFTMAX_Y) \
    for (int64_t i = 0; i < n; i++) \
      for (int64_t k = 0; k < w; k++) y[i * sy + k] /= sum[k]; \
  else { \
    for (int64_t k = 0; k < w; k++) sum[k] = log_##ty(sum[k]); \
    for (int64_t i = 0; i < n; i++) \
      for (int64_t k = 0; k < w; k++) y[i * sy + k] = (x[i * sx + k] - most[k]) - sum[k]; \
  } \
} \
static void rows_##ty (int op, void *to, const void *a, const void *b, int64_t n, int64_t w, int64_t sy, int64_t sa, \
                       int64_t sb) { \
  T *y = to, sum[TL_SOFTMAX_WIDE] = {0}; \
  const T *x = a, *o = b; \
  if (op <= TL_LOG_SOFTMAX_Y) { forward_##ty(op, y, x, n, w, sy, sa); return; } \
  if (op == TL_SOFTMAX_X) { \
    for (int64_t i = 0; i < n; i++) \
      for (int64_t k = 0; k < w; k++) sum[k] += x[i * sa + k] * o[i * sb + k]; \
    for (int64_t i = 0; i < n; i++) \
      for (int64_t k = 0; k < w; k++) y[i * sy + k] = (x[i * sa + k] - sum[k]) * o[i * sb + k]; \
    return; \
  } \
  for (int64_t i = 0; i < n; i++) \
    for (int64_t k = 0; k < w; k++) sum[k] += x[i * sa + k]; \
  for (int64_t i = 0; i < n; i++) \
    for (int64_t k = 0; k < w; k++) y[i * sy + k] = fma_##ty(-exp_##ty(o[i * sb + k]), sum[k], x[i * sa + k]); \
}
#define ONTO_DOT_f32(s, i)  fma_f32(x[i], o[i], s)
#define ONTO_DOT_f64(s, i)  fma_f64(x[i], o[i], s)
STAMP(float, f32, 8)
STAMP(double, f64, 4)

const tl_SoftmaxLoops TL_AT_LEVEL(tl_softmax)[2] = {
  { line_f32, rows_f32, block_f32 }, { line_f64, rows_f64, block_f64 }
};
