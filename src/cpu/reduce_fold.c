/*
** reduce_fold.c -- the folds of every reduction but the float sums, per compute type.  Compiled once per
** level (TL_LEVEL).
**
** Lines have LANES running values, so that they vectorise though floats may not be reordered; sums of
** variances and norms are kept in double, where the order does not show.  NaN wins every order.
*/
#include <math.h>

#include "cpu/reduce.h"

enum { LANES = 32 };                       /* running values of a line; PAIRWISE knows how many */

#define FOLD  (tl_Acc *restrict a, const void *restrict x, int64_t lines, int64_t n, int64_t apart, int64_t at, double p)
#define EACH_LINE(T) \
  const T *e = x; \
  (void)at; (void)p; \
  for (int64_t l = 0; l < lines; l++, e += apart)
#define EACH_ROW(T) \
  const T *e = x; \
  (void)p; \
  for (int64_t i = 0; i < n; i++, e += apart, at++)

/*
** the running values onto r: in order; or neighbours first, which comes to the same where ties and NaN go by
** place, and vectorises (loops that are unrolled before would not)
*/
#define IN_TURN(T, join)  for (int k = 0; k < LANES; k++) r = join(r, lane[k]);
#define HALVE(T, n, to, from, join) \
  T to[n]; \
  _Pragma("GCC unroll 1") \
  for (int k = 0; k < n; k++) to[k] = join(from[2 * k], from[2 * k + 1]);
#define PAIRWISE(T, join) \
  HALVE(T, 16, of2, lane, join) HALVE(T, 8, of4, of2, join) HALVE(T, 4, of8, of4, join) HALVE(T, 2, of16, of8, join) \
  r = join(r, of16[0]); \
  r = join(r, of16[1]);
#define LARGER(r, m)  ((m) != (m) ? (m) : (m) > (r) ? (m) : (r))
#define SMALLER(r, m)  ((m) != (m) ? (m) : (m) < (r) ? (m) : (r))
#define EITHER(r, m)  (((r) != 0) | ((m) != 0))
#define BOTH(r, m)  (((r) != 0) & ((m) != 0))
#define TIMES(r, m)  ((r) * (m))
#define PLUS(r, m)  ((r) + (m))

/* in `each`, m is a running value and y the element; `lanes` takes as much of a long line as it can into r */
#define LINE_AND_ROW(name, T, ty, each, lanes) \
static void name##_line_##ty FOLD { \
  EACH_LINE(T) { \
    T r = a->v.ty[l]; \
    int64_t i = 0; \
    if (n >= 2 * LANES) { lanes } \
    for (; i < n; i++) { T m = r, y = e[i]; each; r = m; } \
    a->v.ty[l] = r; \
  } \
} \
static void name##_row_##ty FOLD { \
  EACH_ROW(T) \
    for (int64_t l = 0; l < lines; l++) { T m = a->v.ty[l], y = e[l]; each; a->v.ty[l] = m; } \
}
#define RUNNING(T, start, each, how, join) \
  T lane[LANES]; \
  for (int k = 0; k < LANES; k++) lane[k] = (start); \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { T m = lane[k], y = e[i + k]; each; lane[k] = m; } \
  how(T, join)

/* the same for an order: NaN run apart, so that a running value waits for nothing but the largest of two */
#define ORDERED(T, start, better, join) \
  T lane[LANES], nan[LANES]; \
  for (int k = 0; k < LANES; k++) lane[k] = nan[k] = (start); \
  for (; i + LANES <= n; i += LANES) \
    for (int k = 0; k < LANES; k++) { \
      T y = e[i + k]; \
      lane[k] = y better lane[k] ? y : lane[k]; \
      nan[k] = y != y ? y : nan[k]; \
    } \
  for (int k = 0; k < LANES; k++) lane[k] = nan[k] != nan[k] ? nan[k] : lane[k]; \
  PAIRWISE(T, join)

/*
** of the largest (better: >) or smallest (<) element and its first place; NaN is better than all.  A long line is
** looked through twice, since a loop that keeps places does not vectorise.
*/
#define PLACE(name, T, ty, better, first, join) \
static void name##_line_##ty FOLD { \
  EACH_LINE(T) { \
    T most = a->v.ty[l]; \
    int64_t i = 0, place = a->at[l]; \
    if (n >= 2 * LANES) { \
      T r = (first); \
      ORDERED(T, first, better, join) \
      if (r better most || (r != r && most == most)) { \
        int64_t f = 0; \
        for (int here = 0;; f += LANES) { \
          for (int k = 0; k < LANES; k++) here |= (e[f + k] == r) | (e[f + k] != e[f + k]); \
          if (here) break; \
        } \
        while (!(e[f] == r || e[f] != e[f])) f++; \
        most = e[f]; \
        place = at + f; \
      } \
    } \
    for (; i < n; i++) { \
      T y = e[i]; \
      int wins = (y better most) | ((y != y) & (most == most)); \
      place = wins ? at + i : place; \
      most = wins ? y : most; \
    } \
    a->v.ty[l] = most; \
    a->at[l] = place; \
  } \
} \
static void name##_row_##ty FOLD { \
  EACH_ROW(T) \
    for (int64_t l = 0; l < lines; l++) { \
      T m = a->v.ty[l], y = e[l]; \
      int wins = (y better m) | ((y != y) & (m == m)); \
      a->v.ty[l] = wins ? y : m; \
      a->at[l] = wins ? at : a->at[l]; \
    } \
}

/* a sum in double: s becomes `sum`, a function of s and y */
#define SUMMED(name, T, ty, sum) \
static void name##_line_##ty FOLD { \
  EACH_LINE(T) { \
    double lane[LANES] = {0}, s; \
    int64_t i = 0; \
    for (; i + LANES <= n; i += LANES) \
      for (int k = 0; k < LANES; k++) { double y = (double)e[i + k]; s = lane[k]; lane[k] = (sum); } \
    s = a->s[l]; \
    for (int k = 0; k < LANES && i > 0; k++) s += lane[k]; \
    for (; i < n; i++) { double y = (double)e[i]; s = (sum); } \
    a->s[l] = s; \
  } \
} \
static void name##_row_##ty FOLD { \
  EACH_ROW(T) \
    for (int64_t l = 0; l < lines; l++) { double y = (double)e[l], s = a->s[l]; a->s[l] = (sum); } \
}

/* the square of a float is exact in double, so that fused is the same */
#if defined(__FMA__)
#define SQUARE_f32  __builtin_fma(y, y, s)
#else
#define SQUARE_f32  s + y * y
#endif
#define SQUARE_f64  s + y * y

/* second pass of the variance: squares about the mean, and what the mean was off by */
#define SPREAD(T, ty) \
static void spread_row_##ty FOLD { \
  EACH_ROW(T) \
    for (int64_t l = 0; l < lines; l++) { double d = (double)e[l] - a->mean[l]; a->s[l] += d * d; a->t[l] += d; } \
} \
static void spread_line_##ty FOLD { \
  EACH_LINE(T) { \
    double s[LANES] = {0}, t[LANES] = {0}, mean = a->mean[l], ss = a->s[l], tt = a->t[l]; \
    int64_t i = 0; \
    for (; i + LANES <= n; i += LANES) \
      for (int k = 0; k < LANES; k++) { double d = (double)e[i + k] - mean; s[k] += d * d; t[k] += d; } \
    for (int k = 0; k < LANES && i > 0; k++) { ss += s[k]; tt += t[k]; } \
    for (; i < n; i++) { double d = (double)e[i] - mean; ss += d * d; tt += d; } \
    a->s[l] = ss; \
    a->t[l] = tt; \
  } \
}

#define ORDERS(T, ty, low, high) \
  LINE_AND_ROW(amax, T, ty, m = LARGER(m, y), ORDERED(T, low, >, LARGER)) \
  LINE_AND_ROW(amin, T, ty, m = SMALLER(m, y), ORDERED(T, high, <, SMALLER)) \
  LINE_AND_ROW(any, T, ty, m = EITHER(m, y), RUNNING(T, 0, m = EITHER(m, y), PAIRWISE, EITHER)) \
  LINE_AND_ROW(all, T, ty, m = BOTH(m, y), RUNNING(T, 1, m = BOTH(m, y), PAIRWISE, BOTH)) \
  PLACE(max, T, ty, >, low, LARGER) \
  PLACE(min, T, ty, <, high, SMALLER)
#define IN_LANES(name, T, ty, start, each, join) \
  LINE_AND_ROW(name, T, ty, each, RUNNING(T, start, each, IN_TURN, join))
#define REALS(T, ty) \
  IN_LANES(prod, T, ty, 1, m = TIMES(m, y), TIMES) \
  SUMMED(total, T, ty, s + y) SPREAD(T, ty) \
  SUMMED(norm0, T, ty, s + (y != 0)) SUMMED(norm1, T, ty, s + fabs(y)) SUMMED(norm2, T, ty, SQUARE_##ty) \
  SUMMED(normp, T, ty, s + pow(fabs(y), p)) \
  IN_LANES(normmax, T, ty, 0, { y = (T)fabs(y); m = LARGER(m, y); }, LARGER) \
  IN_LANES(normmin, T, ty, (T)INFINITY, { y = (T)fabs(y); m = SMALLER(m, y); }, SMALLER)

ORDERS(float, f32, -INFINITY, INFINITY)
ORDERS(double, f64, -(double)INFINITY, (double)INFINITY)
ORDERS(int64_t, i64, INT64_MIN, INT64_MAX)
REALS(float, f32)
REALS(double, f64)
IN_LANES(prod, int64_t, i64, 1, m = TIMES(m, y), TIMES)   /* integers wrap: -fwrapv */
IN_LANES(sum, int64_t, i64, 0, m = PLUS(m, y), PLUS)

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
