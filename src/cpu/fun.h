/*
** fun.h -- the functions of the formulas, one per compute type, by suffix: f32 f64 i64 and the small
** integers.  What is hot is branch-free (fun_f32.h, fun_arc_f32.h, fun_f64.h, fun_trig_f64.h), so that a loop
** over it vectorises and every position of a tensor gets the same bits; the rest is the C library's, shared
** with other devices (device/fun_real.h, device/fun_int.h).
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
#include "cpu/fun_arc_f32.h"

/* The library's functions, as the compiler's own where it has them. */
#define LIB(name, f)  __builtin_##name##f
FUN float erfc_f32 (float x) { return (float)__builtin_erfc((double)x); }    /* erfcf is 3 ulp off */

#include "device/fun_real.h"
#include "cpu/fun_f64.h"          /* in place of the library's for double */
#include "cpu/fun_trig_f64.h"
#include "device/fun_int.h"

/* ---- small integers ---- */

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
