/*
** reduce_fold.c -- the folds of every reduction but the float sums, per compute type.  Compiled once per
** level (TL_LEVEL).
**
** Lines have LANES running values, so that they vectorise though floats may not be reordered; sums of
** variances and norms are kept in double, where the order does not show.  NaN wins every order.
*/
#include <math.h>

#include "cpu/reduce.h"

enum { LANES = 32 };                       /* running values of a line */

/* in `each`, m is a running value and y the element; `join` puts running value m into r */
#define LINE_AND_ROW(name, T, ty, start, each, join) \
static void name##_line_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  T lane[LANES], r = a->v.ty[0]; \
  int64_t i = 0; \
  (void)at; (void)p; \
  if (n >= 2 * LANES) { \
    for (int k = 0; k < LANES; k++) lane[k] = (start); \
    for (; i + LANES <= n; i += LANES) \
      for (int k = 0; k < LANES; k++) { T m = lane[k], y = e[i + k]; each; lane[k] = m; } \
    for (int k = 0; k < LANES; k++) { T m = lane[k]; join; } \
  } \
  for (; i < n; i++) { T m = r, y = e[i]; each; r = m; } \
  a->v.ty[0] = r; \
} \
static void name##_row_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t i = 0; i < n; i++) { T m = a->v.ty[i], y = e[i]; each; a->v.ty[i] = m; } \
}

/* of the largest (better: >) or smallest (<) element and its first place; NaN is better than all */
#define PLACE(name, T, ty, better, first) \
static void name##_line_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  T lane[LANES], r = a->v.ty[0], most = (first); \
  int64_t i = 0; \
  (void)p; \
  if (n >= 2 * LANES) { \
    for (int k = 0; k < LANES; k++) lane[k] = (first); \
    for (; i + LANES <= n; i += LANES) \
      for (int k = 0; k < LANES; k++) { T y = e[i + k]; lane[k] = ((y better lane[k]) | (y != y)) ? y : lane[k]; } \
    for (int k = 0; k < LANES; k++) most = lane[k] better most || lane[k] != lane[k] ? lane[k] : most; \
  } \
  for (; i < n; i++) { T y = e[i]; most = y better most || y != y ? y : most; } \
  if (most better r || (most != most && r == r)) { \
    a->v.ty[0] = r = most; \
    for (i = 0; i < n - 1 && !(e[i] == r || e[i] != e[i]); i++) {} \
    a->at[0] = at + i; \
  } \
} \
static void name##_row_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)p; \
  for (int64_t i = 0; i < n; i++) { \
    T m = a->v.ty[i], y = e[i]; \
    int wins = (y better m) | ((y != y) & (m == m)); \
    a->v.ty[i] = wins ? y : m; \
    a->at[i] = wins ? at : a->at[i]; \
  } \
}

/* a sum in double of `term`, a function of y and of d = y - mean */
#define SUMMED(name, T, ty, term) \
static void name##_line_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  double lane[LANES] = {0}, mean = a->mean[0]; \
  int64_t i = 0; \
  (void)at; (void)p; (void)mean; \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { double y = (double)e[i + k]; lane[k] += (term); } \
  for (int k = 0; k < LANES && i > 0; k++) a->s[0] += lane[k]; \
  for (; i < n; i++) { double y = (double)e[i]; a->s[0] += (term); } \
} \
static void name##_row_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t i = 0; i < n; i++) { double y = (double)e[i], mean = a->mean[i]; (void)mean; a->s[i] += (term); } \
}

/* second pass of the variance: squares about the mean, and what the mean was off by */
#define SPREAD(T, ty) \
static void spread_row_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t i = 0; i < n; i++) { double d = (double)e[i] - a->mean[i]; a->s[i] += d * d; a->t[i] += d; } \
} \
static void spread_line_##ty (tl_Acc *restrict a, const void *restrict x, int64_t n, int64_t at, double p) { \
  const T *e = x; \
  double s[LANES] = {0}, t[LANES] = {0}, mean = a->mean[0]; \
  int64_t i = 0; \
  (void)at; (void)p; \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { double d = (double)e[i + k] - mean; s[k] += d * d; t[k] += d; } \
  for (int k = 0; k < LANES && i > 0; k++) { a->s[0] += s[k]; a->t[0] += t[k]; } \
  for (; i < n; i++) { double d = (double)e[i] - mean; a->s[0] += d * d; a->t[0] += d; } \
}

#define ORDERS(T, ty, low, high) \
  LINE_AND_ROW(amax, T, ty, low, m = ((y > m) | (y != y)) ? y : m, r = m > r || m != m ? m : r) \
  LINE_AND_ROW(amin, T, ty, high, m = ((y < m) | (y != y)) ? y : m, r = m < r || m != m ? m : r) \
  LINE_AND_ROW(any, T, ty, 0, m = (m != 0) | (y != 0), r = (r != 0) | (m != 0)) \
  LINE_AND_ROW(all, T, ty, 1, m = (m != 0) & (y != 0), r = (r != 0) & (m != 0)) \
  PLACE(max, T, ty, >, low) \
  PLACE(min, T, ty, <, high)
#define REALS(T, ty) \
  LINE_AND_ROW(prod, T, ty, 1, m *= y, r *= m) \
  SUMMED(total, T, ty, y) SPREAD(T, ty) \
  SUMMED(norm0, T, ty, y != 0) SUMMED(norm1, T, ty, fabs(y)) SUMMED(norm2, T, ty, y * y) \
  SUMMED(normp, T, ty, pow(fabs(y), p)) \
  LINE_AND_ROW(normmax, T, ty, 0, { y = (T)fabs(y); m = ((y > m) | (y != y)) ? y : m; }, r = m > r || m != m ? m : r) \
  LINE_AND_ROW(normmin, T, ty, (T)INFINITY, { y = (T)fabs(y); m = ((y < m) | (y != y)) ? y : m; }, \
               r = m < r || m != m ? m : r)

ORDERS(float, f32, -INFINITY, INFINITY)
ORDERS(double, f64, -(double)INFINITY, (double)INFINITY)
ORDERS(int64_t, i64, INT64_MIN, INT64_MAX)
REALS(float, f32)
REALS(double, f64)
#define WRAPPED  (int64_t)(uint64_t)
LINE_AND_ROW(prod, int64_t, i64, 1, m = WRAPPED((uint64_t)m * (uint64_t)y), r = WRAPPED((uint64_t)r * (uint64_t)m))
LINE_AND_ROW(sum, int64_t, i64, 0, m = WRAPPED((uint64_t)m + (uint64_t)y), r = WRAPPED((uint64_t)r + (uint64_t)m))

#define REALS_OF(name) \
  { { name##_line_f32, name##_row_f32 }, { name##_line_f64, name##_row_f64 }, { NULL, NULL } }
#define ALL_OF(name) \
  { { name##_line_f32, name##_row_f32 }, { name##_line_f64, name##_row_f64 }, { name##_line_i64, name##_row_i64 } }

const tl_FoldRow TL_AT_LEVEL(tl_folds)[TL_NFOLD] = {
  [TL_reduce_sum]    = { { NULL, NULL }, { NULL, NULL }, { sum_line_i64, sum_row_i64 } },
  [TL_reduce_prod]   = ALL_OF(prod),
  [TL_reduce_amax]   = ALL_OF(amax),
  [TL_reduce_amin]   = ALL_OF(amin),
  [TL_reduce_max]    = ALL_OF(max),
  [TL_reduce_min]    = ALL_OF(min),
  [TL_reduce_argmax] = ALL_OF(max),
  [TL_reduce_argmin] = ALL_OF(min),
  [TL_reduce_any]    = ALL_OF(any),
  [TL_reduce_all]    = ALL_OF(all),
  [TL_reduce_var]    = REALS_OF(total),
  [TL_reduce_std]    = REALS_OF(total),
  [TL_FOLD_SPREAD]   = REALS_OF(spread),
  [TL_FOLD_NORM0]    = REALS_OF(norm0),
  [TL_FOLD_NORM1]    = REALS_OF(norm1),
  [TL_FOLD_NORM2]    = REALS_OF(norm2),
  [TL_FOLD_NORM]     = REALS_OF(normp),
  [TL_FOLD_NORM_MAX] = REALS_OF(normmax),
  [TL_FOLD_NORM_MIN] = REALS_OF(normmin),
};
