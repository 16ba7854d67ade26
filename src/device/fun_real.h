/*
** fun_real.h -- the functions of the formulas for float and double, by suffix f32 and f64, for every device that has
** a C library's functions.  The includer defines
**   FUN            what stands before a function: static inline and more
**   LIB(name, f)   the library's function `name` for double (f empty) or float (f is f)
**   fma_f32 fma_f64, f32_bits f64_bits, and of float what is not here: exp exp2 expm1 log log2 log10 log1p sin cos
**   tanh erf erfc _f32
*/
#ifndef tl_fun_real_h
#define tl_fun_real_h

#include <math.h>
#include <stdint.h>

#define REAL_FUNCTIONS(T, s, f) \
FUN T abs_##s (T x) { return LIB(fabs, f)(x); } \
FUN T sign_##s (T x) { return (T)((x > 0) - (x < 0)); } \
FUN T square_##s (T x) { return x * x; } \
FUN T max_##s (T a, T b) { return a > b || a != a ? a : b; } \
FUN T min_##s (T a, T b) { return a < b || a != a ? a : b; } \
FUN int isnan_##s (T x) { return x != x; } \
FUN int isinf_##s (T x) { return LIB(fabs, f)(x) == (T)INFINITY; } \
FUN int isfinite_##s (T x) { return LIB(fabs, f)(x) < (T)INFINITY; } \
FUN T sqrt_##s (T x) { return LIB(sqrt, f)(x); } \
FUN T floor_##s (T x) { return LIB(floor, f)(x); } \
FUN T ceil_##s (T x) { return LIB(ceil, f)(x); } \
FUN T trunc_##s (T x) { return LIB(trunc, f)(x); } \
FUN T rint_##s (T x) { return LIB(rint, f)(x); } \
FUN T tdiv_##s (T a, T b) { return LIB(trunc, f)(a / b); } \
FUN T rem_##s (T a, T b) { return LIB(fmod, f)(a, b); } \
FUN T mod_##s (T a, T b) { T m = LIB(fmod, f)(a, b); return m != 0 && (b < 0) != (m < 0) ? m + b : m; } \
/* Python's: the quotient of what divides evenly, so that a == b * fdiv(a, b) + mod(a, b) as near as can be */ \
FUN T fdiv_##s (T a, T b) { \
  T m = LIB(fmod, f)(a, b), d = (a - m) / b, r; \
  if (b == 0) return a / b; \
  if (m != 0 && (b < 0) != (m < 0)) d -= 1; \
  if (d == 0) return LIB(copysign, f)((T)0, a / b); \
  r = LIB(floor, f)(d); \
  return d - r > (T)0.5 ? r + 1 : r; \
} \
FUN T pow_##s (T a, T b) { return LIB(pow, f)(a, b); } \
FUN T atan2_##s (T a, T b) { return LIB(atan2, f)(a, b); } \
FUN T hypot_##s (T a, T b) { return LIB(hypot, f)(a, b); } \
FUN T tan_##s (T x) { return LIB(tan, f)(x); } \
FUN T asin_##s (T x) { return LIB(asin, f)(x); } \
FUN T acos_##s (T x) { return LIB(acos, f)(x); } \
FUN T atan_##s (T x) { return LIB(atan, f)(x); } \
FUN T sinh_##s (T x) { return LIB(sinh, f)(x); } \
FUN T cosh_##s (T x) { return LIB(cosh, f)(x); } \
FUN T asinh_##s (T x) { return LIB(asinh, f)(x); } \
FUN T acosh_##s (T x) { return LIB(acosh, f)(x); } \
FUN T atanh_##s (T x) { return LIB(atanh, f)(x); } \
/* by a number: the exponents that PyTorch treats apart, then the library's */ \
FUN T power_##s (T x, T n) { \
  return n == 2 ? x * x : n == 3 ? x * x * x : n == (T)0.5 ? LIB(sqrt, f)(x) : \
         n == (T)-0.5 ? 1 / LIB(sqrt, f)(x) : n == -1 ? 1 / x : \
         n == -2 ? 1 / (x * x) : n == 1 ? x : n == 0 ? 1 : LIB(pow, f)(x, n); \
}
REAL_FUNCTIONS(float, f32, f)
REAL_FUNCTIONS(double, f64, )
#undef REAL_FUNCTIONS

FUN int signbit_f32 (float x) { return (int)(f32_bits(x) >> 31); }
FUN int signbit_f64 (double x) { return (int)(f64_bits(x) >> 63); }

/* ---- double alone ---- */

FUN double erfc_f64 (double x) { return LIB(erfc, )(x); }
FUN double exp_f64 (double x) { return LIB(exp, )(x); }
FUN double exp2_f64 (double x) { return LIB(exp2, )(x); }
FUN double expm1_f64 (double x) { return LIB(expm1, )(x); }
FUN double log_f64 (double x) { return LIB(log, )(x); }
FUN double log2_f64 (double x) { return LIB(log2, )(x); }
FUN double log10_f64 (double x) { return LIB(log10, )(x); }
FUN double log1p_f64 (double x) { return LIB(log1p, )(x); }
FUN double sin_f64 (double x) { return LIB(sin, )(x); }
FUN double cos_f64 (double x) { return LIB(cos, )(x); }
FUN double tanh_f64 (double x) { return LIB(tanh, )(x); }
FUN double erf_f64 (double x) { return LIB(erf, )(x); }

#endif
