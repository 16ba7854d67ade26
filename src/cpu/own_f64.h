/*
** own_f64.h -- float64's part of own.h: sin, cos, tan and erf, which have few arguments that the library must serve,
** looked for by blocks, and exp, which PyTorch has rounded better alone than within sigmoid and softmax.
*/
#ifndef tl_own_f64_h
#define tl_own_f64_h

#include "cpu/cpu.h"
#include "cpu/fun.h"

#define TOO_FAR(x)  (!(__builtin_fabs(x) < 0x1p20))
#define BETWEEN(x)  ((__builtin_fabs(x) > 2.5) & (__builtin_fabs(x) <= 6))
/* f of operand k: small_f, or the library's f where `hard` says so; the result is E of it, v, and of operand 0, g */
#define OFTEN_SMALL(name, f, hard, k, E) \
static void name##_f64_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  (void)p; (void)flat; \
  for (int64_t from = 0; from < n; from += TL_BLOCK) { \
    double values[TL_BLOCK], *o = (double *)out + from;            /* out may be an operand */ \
    const double *g = (const double *)in[0] + from, *x = (const double *)in[k] + from; \
    const int64_t m = n - from < TL_BLOCK ? n - from : TL_BLOCK; \
    int some = 0; \
    (void)g; \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) values[i] = small_##f##_f64(x[i]); \
    for (int64_t i = 0; i < m; i++) some |= hard(x[i]); \
    if (some) for (int64_t i = 0; i < m; i++) if (hard(x[i])) values[i] = __builtin_##f(x[i]); \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) { const double v = values[i]; o[i] = E; } \
  } \
}
OFTEN_SMALL(sin,   sin, TOO_FAR, 0, v)
OFTEN_SMALL(cos,   cos, TOO_FAR, 0, v)
OFTEN_SMALL(tan,   tan, TOO_FAR, 0, v)
OFTEN_SMALL(erf,   erf, BETWEEN, 0, v)
OFTEN_SMALL(sin_x, cos, TOO_FAR, 1, g[i] * v)
OFTEN_SMALL(cos_x, sin, TOO_FAR, 1, g[i] * -v)
#undef TOO_FAR
#undef BETWEEN
#undef OFTEN_SMALL

static void exp_f64_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) {
  double *o = out;
  const double *x = in[0];
  (void)p; (void)flat;
  _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) o[i] = exp_fine(x[i]);
}

#endif
