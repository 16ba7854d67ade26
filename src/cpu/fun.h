/*
** fun.h -- the functions of the formulas, one per compute type, by suffix: f32 f64 i64 and the small
** integers.  What is hot in float32 is branch-free (fun_f32.h), so that a loop over it vectorises and every
** position of a tensor gets the same bits; the rest is the C library's.
** Integers wrap (the file is compiled with -fwrapv), and no division can trap: by 0 gives 0 here (the
** walk finds such divisors and refuses), by -1 is negation.
*/
#ifndef tl_fun_h
#define tl_fun_h

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FUN static inline __attribute__((always_inline, unused))

FUN float bits_f32 (uint32_t u) { float f; memcpy(&f, &u, sizeof f); return f; }
FUN uint32_t f32_bits (float f) { uint32_t u; memcpy(&u, &f, sizeof u); return u; }
FUN double bits_f64 (uint64_t u) { double f; memcpy(&f, &u, sizeof f); return f; }
FUN uint64_t f64_bits (double f) { uint64_t u; memcpy(&u, &f, sizeof u); return u; }

/*
** a * b + c, rounded once.  Without the instruction: the product is exact in double; if the sum is not,
** its last bit is made odd, and then rounding it again to float cannot go wrong.
*/
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__)
FUN float fma_f32 (float a, float b, float c) { return __builtin_fmaf(a, b, c); }
FUN double fma_f64 (double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
FUN float fma_f32 (float a, float b, float c) {
  if (b == 1) return a + c;    /* alpha of most additions: a loop of its own */
  double p = (double)a * b, s = p + c, t = s - p, lost = (p - (s - t)) + (c - t);
  uint64_t u = f64_bits(s), away = (lost > 0) == (s > 0) ? 0 : 1;
  uint64_t odd = lost != 0 && lost == lost && !(u & 1) && fabs(s) < (double)INFINITY;
  return (float)bits_f64(u + (odd ? 1 - 2 * away : 0));
}
FUN double fma_f64 (double a, double b, double c) { return b == 1 ? a + c : __builtin_fma(a, b, c); }
#endif

#include "cpu/fun_f32.h"

/* ---- both float types ---- */

#define REAL_FUNCTIONS(T, s, f) \
FUN T abs_##s (T x) { return __builtin_fabs##f(x); } \
FUN T sign_##s (T x) { return (T)((x > 0) - (x < 0)); } \
FUN T square_##s (T x) { return x * x; } \
FUN T max_##s (T a, T b) { return a > b || a != a ? a : b; } \
FUN T min_##s (T a, T b) { return a < b || a != a ? a : b; } \
FUN int isnan_##s (T x) { return x != x; } \
FUN int isinf_##s (T x) { return __builtin_fabs##f(x) == (T)INFINITY; } \
FUN int isfinite_##s (T x) { return __builtin_fabs##f(x) < (T)INFINITY; } \
FUN T sqrt_##s (T x) { return __builtin_sqrt##f(x); } \
FUN T floor_##s (T x) { return __builtin_floor##f(x); } \
FUN T ceil_##s (T x) { return __builtin_ceil##f(x); } \
FUN T trunc_##s (T x) { return __builtin_trunc##f(x); } \
FUN T rint_##s (T x) { return __builtin_rint##f(x); } \
FUN T tdiv_##s (T a, T b) { return __builtin_trunc##f(a / b); } \
FUN T rem_##s (T a, T b) { return __builtin_fmod##f(a, b); } \
FUN T mod_##s (T a, T b) { T m = __builtin_fmod##f(a, b); return m != 0 && (b < 0) != (m < 0) ? m + b : m; } \
/* Python's: the quotient of what divides evenly, so that a == b * fdiv(a, b) + mod(a, b) as near as can be */ \
FUN T fdiv_##s (T a, T b) { \
  T m = __builtin_fmod##f(a, b), d = (a - m) / b, r; \
  if (b == 0) return a / b; \
  if (m != 0 && (b < 0) != (m < 0)) d -= 1; \
  if (d == 0) return __builtin_copysign##f(0, a / b); \
  r = __builtin_floor##f(d); \
  return d - r > (T)0.5 ? r + 1 : r; \
} \
FUN T pow_##s (T a, T b) { return __builtin_pow##f(a, b); } \
FUN T atan2_##s (T a, T b) { return __builtin_atan2##f(a, b); } \
FUN T hypot_##s (T a, T b) { return __builtin_hypot##f(a, b); } \
FUN T tan_##s (T x) { return __builtin_tan##f(x); } \
FUN T asin_##s (T x) { return __builtin_asin##f(x); } \
FUN T acos_##s (T x) { return __builtin_acos##f(x); } \
FUN T atan_##s (T x) { return __builtin_atan##f(x); } \
FUN T sinh_##s (T x) { return __builtin_sinh##f(x); } \
FUN T cosh_##s (T x) { return __builtin_cosh##f(x); } \
FUN T asinh_##s (T x) { return __builtin_asinh##f(x); } \
FUN T acosh_##s (T x) { return __builtin_acosh##f(x); } \
FUN T atanh_##s (T x) { return __builtin_atanh##f(x); } \
/* by a number: the exponents that PyTorch treats apart, then the library's */ \
FUN T power_##s (T x, T n) { \
  return n == 2 ? x * x : n == 3 ? x * x * x : n == (T)0.5 ? __builtin_sqrt##f(x) : \
         n == (T)-0.5 ? 1 / __builtin_sqrt##f(x) : n == -1 ? 1 / x : \
         n == -2 ? 1 / (x * x) : n == 1 ? x : n == 0 ? 1 : __builtin_pow##f(x, n); \
}
REAL_FUNCTIONS(float, f32, f)
REAL_FUNCTIONS(double, f64, )
#undef REAL_FUNCTIONS

FUN int signbit_f32 (float x) { return (int)(f32_bits(x) >> 31); }
FUN int signbit_f64 (double x) { return (int)(f64_bits(x) >> 63); }

/* ---- double alone: most of float32's are in fun_f32.h ---- */

FUN double erfc_f64 (double x) { return __builtin_erfc(x); }
FUN float erfc_f32 (float x) { return (float)__builtin_erfc((double)x); }    /* erfcf is 3 ulp off */
FUN double exp_f64 (double x) { return __builtin_exp(x); }
FUN double exp2_f64 (double x) { return __builtin_exp2(x); }
FUN double expm1_f64 (double x) { return __builtin_expm1(x); }
FUN double log_f64 (double x) { return __builtin_log(x); }
FUN double log2_f64 (double x) { return __builtin_log2(x); }
FUN double log10_f64 (double x) { return __builtin_log10(x); }
FUN double log1p_f64 (double x) { return __builtin_log1p(x); }
FUN double sin_f64 (double x) { return __builtin_sin(x); }
FUN double cos_f64 (double x) { return __builtin_cos(x); }
FUN double tanh_f64 (double x) { return __builtin_tanh(x); }
FUN double erf_f64 (double x) { return __builtin_erf(x); }

/* ---- integers ---- */

FUN int64_t abs_i64 (int64_t x) { return x < 0 ? -x : x; }
FUN int64_t sign_i64 (int64_t x) { return (x > 0) - (x < 0); }
FUN int64_t square_i64 (int64_t x) { return x * x; }
FUN int64_t max_i64 (int64_t a, int64_t b) { return a > b ? a : b; }
FUN int64_t min_i64 (int64_t a, int64_t b) { return a < b ? a : b; }
FUN int64_t fma_i64 (int64_t a, int64_t b, int64_t c) { return a * b + c; }
FUN int64_t floor_i64 (int64_t x) { return x; }
FUN int64_t ceil_i64 (int64_t x) { return x; }
FUN int64_t trunc_i64 (int64_t x) { return x; }
FUN int64_t rint_i64 (int64_t x) { return x; }
FUN int isnan_i64 (int64_t x) { (void)x; return 0; }
FUN int isinf_i64 (int64_t x) { (void)x; return 0; }
FUN int isfinite_i64 (int64_t x) { (void)x; return 1; }
FUN int signbit_i64 (int64_t x) { return x < 0; }
FUN int64_t tdiv_i64 (int64_t a, int64_t b) { return b == 0 ? 0 : b == -1 ? -a : a / b; }
FUN int64_t rem_i64 (int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
FUN int64_t fdiv_i64 (int64_t a, int64_t b) { return tdiv_i64(a, b) - (rem_i64(a, b) != 0 && (a < 0) != (b < 0)); }
FUN int64_t mod_i64 (int64_t a, int64_t b) {
  int64_t r = rem_i64(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
FUN int64_t shl_i64 (int64_t a, int64_t b) { return b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b); }
FUN int64_t shr_i64 (int64_t a, int64_t b) { return a >> (b < 0 || b > 63 ? 63 : b); }
/* a negative power of anything but 1 and -1 is 0 */
FUN int64_t pow_i64 (int64_t a, int64_t n) {
  int64_t r = 1;
  if (n < 0) return a == 1 ? 1 : a == -1 ? (n & 1 ? -1 : 1) : 0;
  for (; n; n >>= 1, a *= a) if (n & 1) r *= a;
  return r;
}
FUN int64_t power_i64 (int64_t a, int64_t n) { return pow_i64(a, n); }
FUN int64_t gcd_i64 (int64_t a, int64_t b) {
  a = abs_i64(a);
  b = abs_i64(b);
  while (a) { int64_t t = rem_i64(b, a); b = a; a = t; }
  return b;
}
FUN int64_t lcm_i64 (int64_t a, int64_t b) {
  int64_t g = gcd_i64(a, b);
  return g ? abs_i64(tdiv_i64(a, g) * b) : 0;
}

#define SMALL_FUNCTIONS(T, s, negative) \
FUN T abs_##s (T x) { return (T)(negative ? -x : x); } \
FUN T sign_##s (T x) { return (T)((x > 0) - negative); } \
FUN T square_##s (T x) { return (T)((uint32_t)x * (uint32_t)x); } \
FUN T max_##s (T a, T b) { return a > b ? a : b; } \
FUN T min_##s (T a, T b) { return a < b ? a : b; } \
FUN T fma_##s (T a, T b, T c) { return (T)((uint32_t)a * (uint32_t)b + (uint32_t)c); }
SMALL_FUNCTIONS(int8_t, i8, (x < 0))
SMALL_FUNCTIONS(uint8_t, u8, 0)
SMALL_FUNCTIONS(int16_t, i16, (x < 0))
SMALL_FUNCTIONS(int32_t, i32, (x < 0))
#undef SMALL_FUNCTIONS

#endif
