/*
** own_near.h -- kernels of functions that are branch-free for the usual arguments and have to call the C library
** for the others.  Included by own.h.
**
** A function near_f(x.., &ok) says of each value whether it is the answer.  A block takes all of them in one
** vector loop; only if some are not ok, a second loop puts the library's in their places.  So the bits of a value
** depend on its arguments alone.  Beside them: functions that are branch-free for all arguments, and the division
** of integers by one number.
*/
#ifndef tl_own_near_h
#define tl_own_near_h

#include "cpu/cpu.h"
#include "cpu/fun.h"

#define TAKE1(T)  const T *A = (const T *)in[0] + from;
#define TAKE2(T)  TAKE1(T) const T *B = (const T *)in[1] + from;
#define TAKE3(T)  TAKE2(T) const T *C = (const T *)in[2] + from;
#define READ1(T)  const T a = A[i]; (void)a;
#define READ2(T)  READ1(T) const T b = B[i]; (void)b;
#define READ3(T)  READ2(T) const T c = C[i]; (void)c;
/* o[i] = E, of the k operands a b c and v = NEAR where that is ok, else FAR.  The values wait in v: out may be A. */
#define NEAR_KERNEL(name, T, k, NEAR, FAR, E) \
static void name##_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  (void)p; (void)flat; \
  for (int64_t from = 0; from < n; from += TL_BLOCK) { \
    const int64_t m = n - from < TL_BLOCK ? n - from : TL_BLOCK; \
    int all = 1, ok, OK[TL_BLOCK]; \
    T V[TL_BLOCK], *o = (T *)out + from; \
    TAKE##k(T) \
    for (int64_t i = 0; i < m; i++) { READ##k(T) V[i] = NEAR; all &= OK[i] = ok; } \
    if (!all) for (int64_t i = 0; i < m; i++) if (!OK[i]) { READ##k(T) V[i] = FAR; } \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) { READ##k(T) const T v = V[i]; o[i] = E; } \
  } \
}
#define EACH_KERNEL(name, T, k, E) \
static void name##_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  const int64_t from = 0; \
  T *o = out; \
  TAKE##k(T) \
  (void)p; (void)flat; \
  _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) { READ##k(T) o[i] = E; } \
}

/*
** a - b * trunc(a / b) is exact: the rounded quotient is at most 1 too far while it is below 2^22 (2^51), and
** what either quotient leaves is a multiple of the finer ulp and no longer than b, so a float.
*/
#define REMAINDERS(T, s, f, most) \
FUN T near_rem_##s (T a, T b, int *ok) { \
  const T x = __builtin_fabs##f(a), y = __builtin_fabs##f(b); \
  T r = fma_##s(-__builtin_trunc##f(x / y), y, x); \
  *ok = (x <= y * (T)most) & (y < (T)INFINITY); \
  return __builtin_copysign##f(r < 0 ? r + y : r, a); \
} \
FUN T floored_##s (T m, T b) { return ((m != 0) & ((b < 0) != (m < 0))) ? m + b : m; } \
/* fdiv of device/fun_real.h, whose m is given */ \
FUN T quotient_##s (T a, T b, T m) { \
  const T d = (a - m) / b, e = ((m != 0) & ((b < 0) != (m < 0))) ? d - 1 : d, r = __builtin_floor##f(e); \
  const T y = e == 0 ? __builtin_copysign##f((T)0, a / b) : e - r > (T)0.5 ? r + 1 : r; \
  return b == 0 ? a / b : y; \
} \
NEAR_KERNEL(fmod_##s, T, 2, near_rem_##s(a, b, &ok), __builtin_fmod##f(a, b), v) \
NEAR_KERNEL(remainder_##s, T, 2, near_rem_##s(a, b, &ok), __builtin_fmod##f(a, b), floored_##s(v, b)) \
NEAR_KERNEL(remainder_b_##s, T, 3, near_rem_##s(b, c, &ok), __builtin_fmod##f(b, c), -a * quotient_##s(b, c, v)) \
NEAR_KERNEL(div_floor_##s, T, 2, near_rem_##s(a, b, &ok), __builtin_fmod##f(a, b), quotient_##s(a, b, v))
REMAINDERS(float, f32, f, 0x1p22)
REMAINDERS(double, f64, , 0x1p51)

/*
** Integers by one positive number, which is what a block mostly has: floor(a / d) is the high half of a product
** (Granlund and Montgomery, 1994).  With 2^shift >= d > 2^(shift - 1) and M the whole part of 2^(63 + shift) / d,
** floor(n / d) = n (M + 1) / 2^(63 + shift) for all n < 2^63; of a negative a it is ~floor(~a / d).
*/
FUN int64_t floor_by (int64_t a, uint64_t magic, int shift) {
  const uint64_t sign = (uint64_t)(a >> 63), n = ((uint64_t)a ^ sign) << 1;
  return (int64_t)((uint64_t)((unsigned __int128)n * magic >> 64) >> shift ^ sign);
}
/* E of a, d, and what is floored: q the quotient, r the remainder */
#define DIVISION(name, f, E) \
static void name##_i64_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  (void)p; (void)flat; \
  for (int64_t from = 0; from < n; from += TL_BLOCK) { \
    const int64_t m = n - from < TL_BLOCK ? n - from : TL_BLOCK; \
    int64_t *o = (int64_t *)out + from; \
    TAKE2(int64_t) \
    const int64_t d = B[0]; \
    int64_t other = 0; \
    for (int64_t i = 0; i < m; i++) other |= B[i] ^ d; \
    if (other || d <= 0 || m < 16) { for (int64_t i = 0; i < m; i++) o[i] = f##_i64(A[i], B[i]); continue; } \
    const int shift = d == 1 ? 0 : 64 - __builtin_clzll((uint64_t)d - 1); \
    const uint64_t magic = (uint64_t)(((unsigned __int128)1 << (63 + shift)) / (uint64_t)d) + 1; \
    for (int64_t i = 0; i < m; i++) { \
      const int64_t a = A[i], q = floor_by(a, magic, shift), r = a - q * d; \
      (void)r; \
      o[i] = E; \
    } \
  } \
}
DIVISION(div_floor, fdiv, q)
DIVISION(remainder, mod, r)
DIVISION(div_trunc, tdiv, q + ((a < 0) & (r != 0)))
DIVISION(fmod, rem, ((a < 0) & (r != 0)) ? r - d : r)

FUN float near_tan (float x, int *ok) {
  *ok = __builtin_fabsf(x) < 125;
  return small_tan_f32(x);
}
NEAR_KERNEL(tan_f32, float, 1, near_tan(a, &ok), (float)__builtin_tan((double)a), v)

/*
** x^e as PyTorch's vectorised kernel has it (SLEEF's powf), of a normal x and where e log x is no wonder; but x, x^2
** and x^3 are rounded once: so are they by the C library's powf, which PyTorch takes for a row of exponents over a
** column of x, as for the terms of a polynomial.
*/
FUN int few (float e) { return (e == 1) | (e == 2) | (e == 3); }
FUN float near_power (float x, float e, int *ok) {
  const float a = __builtin_fabsf(x), whole = __builtin_truncf(e);
  const int normal = (a >= 1.17549435e-38f) & (a < INFINITY);
  const int odd = (int32_t)within_f32(whole, 0x1p24f) & 1;         /* from 2^24 on all are even */
  const Pair l = mul_ps(log_p(pick_f32(normal, a, 1)), e);
  const int inside = __builtin_fabsf(l.h) <= 170;                  /* so that exp_p can scale */
  float y = exp_p(PAIR(pick_f32(inside, l.h, 0), pick_f32(inside, l.l, 0)));
  y = pick_f32(l.h < -104, 0, y);
  *ok = normal & inside & !few(e);
  return pick_f32(x < 0, pick_f32(whole == e, pick_f32(odd, -y, y), NAN), y);
}
FUN float far_power (float x, float e) {
  return !few(e) ? __builtin_powf(x, e) : e == 1 ? x : e == 2 ? x * x : (float)((double)x * x * x);
}
NEAR_KERNEL(pow_f32, float, 2, near_power(a, b, &ok), far_power(a, b), v)
NEAR_KERNEL(pow_a_f32, float, 3, near_power(b, c - 1, &ok), far_power(b, c - 1), c == 0 ? 0 : a * (c * v))

EACH_KERNEL(asin_f32, float, 1, arc_sin_f32(a))
EACH_KERNEL(acos_f32, float, 1, arc_cos_f32(a))
EACH_KERNEL(atan_f32, float, 1, arc_tan_f32(a))
EACH_KERNEL(atan2_f32, float, 2, arc_tan2_f32(a, b))

#undef TAKE1
#undef TAKE2
#undef TAKE3
#undef READ1
#undef READ2
#undef READ3
#undef NEAR_KERNEL
#undef EACH_KERNEL
#undef REMAINDERS
#undef DIVISION

#endif
