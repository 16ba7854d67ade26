/*
** own.h -- the kernels of own.def, named code_dtype_own, and the two words that only they can serve fast.
** Included by kernels.c, so compiled once per level, before words.h turns names into words.
*/
#ifndef tl_own_h
#define tl_own_h

#include "cpu/cpu.h"
#include "cpu/fun.h"

/* any x: the library's double functions reduce every argument rightly, and rounding once more costs nothing */
FUN float sin_f32 (float x) {
  return __builtin_fabsf(x) < 125 ? small_sin_f32(x) : (float)__builtin_sin((double)x);
}
FUN float cos_f32 (float x) {
  return __builtin_fabsf(x) < 125 ? small_cos_f32(x) : (float)__builtin_cos((double)x);
}

static int all_small (const float *x, int64_t n) {
  int large = 0;
  for (int64_t i = 0; i < n; i++) large |= !(__builtin_fabsf(x[i]) < 125);
  return !large;
}

/* E: the value from x (and g), f: the function, small_ or general.  By blocks, as out may be x itself. */
#define TRIGONOMETRIC(name, E) \
static void name (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  (void)p; (void)flat; \
  for (int64_t from = 0; from < n; from += TL_BLOCK) { \
    int64_t m = n - from < TL_BLOCK ? n - from : TL_BLOCK; \
    E \
  } \
}
#define FORWARD(small, general) \
  float *o = (float *)out + from; \
  const float *x = (const float *)in[0] + from; \
  if (all_small(x, m)) { _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) o[i] = small(x[i]); } \
  else for (int64_t i = 0; i < m; i++) o[i] = general(x[i]);
#define BACKWARD(sign, small, general) \
  float *o = (float *)out + from; \
  const float *g = (const float *)in[0] + from, *x = (const float *)in[1] + from; \
  if (all_small(x, m)) { _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) o[i] = g[i] * sign small(x[i]); } \
  else for (int64_t i = 0; i < m; i++) o[i] = g[i] * sign general(x[i]);
TRIGONOMETRIC(sin_f32_own, FORWARD(small_sin_f32, sin_f32))
TRIGONOMETRIC(cos_f32_own, FORWARD(small_cos_f32, cos_f32))
TRIGONOMETRIC(sin_x_f32_own, BACKWARD(+, small_cos_f32, cos_f32))
TRIGONOMETRIC(cos_x_f32_own, BACKWARD(-, small_sin_f32, sin_f32))

/* o[i] = E of x = the operand's value, with the loop chosen by the exponent e (a double) */
#define POWERS(T, root, general, E) \
  if (e == 2) LOOP(T, x * x, E) \
  else if (e == 3) LOOP(T, x * x * x, E) \
  else if (e == 1) LOOP(T, x, E) \
  else if (e == 0) LOOP(T, 1, E) \
  else if (e == 0.5) LOOP(T, root(x), E) \
  else if (e == -0.5) LOOP(T, 1 / root(x), E) \
  else if (e == -1) LOOP(T, 1 / x, E) \
  else if (e == -2) LOOP(T, 1 / (x * x), E) \
  else LOOP(T, general(x, (T)e), E)
#define LOOP(T, V, E)  { _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) { const T x = X[i], v = V; (void)x; o[i] = E; } }
#define POWER_KERNELS(T, s, root, general) \
static void pow_number_##s##_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  T *o = out; \
  const T *X = in[0]; \
  const double e = p[0].f; \
  (void)flat; \
  POWERS(T, root, general, v) \
} \
static void pow_number_x_##s##_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  T *o = out; \
  const T *G = in[0], *X = in[1], p0 = (T)p[0].f; \
  const double e = p[0].f - 1;             /* less 1 in double, then rounded: PyTorch's order */ \
  (void)flat; \
  if (p[0].f == 0) for (int64_t i = 0; i < n; i++) o[i] = 0; \
  else POWERS(T, root, general, G[i] * (p0 * v)) \
}
POWER_KERNELS(float, f32, __builtin_sqrtf, __builtin_powf)
POWER_KERNELS(double, f64, __builtin_sqrt, __builtin_pow)
#undef TRIGONOMETRIC
#undef FORWARD
#undef BACKWARD
#undef POWERS
#undef LOOP
#undef POWER_KERNELS

#endif
