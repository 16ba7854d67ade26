/*
** own.h -- the kernels of own.def, named code_dtype_own, and the two words that only they can serve fast.
** Included by kernels.c, so compiled once per level, before words.h turns names into words.
*/
#ifndef tl_own_h
#define tl_own_h

#include "cpu/cpu.h"
#include "cpu/fun.h"
#include "cpu/own_f64.h"

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

/* ---- powers by a number: the exponent chooses the loop ---- */

/* log of a normal positive d, as a pair */
FUN Pair log_p (float d) {
  int32_t e = (int32_t)(f32_bits(d * (float)(1.0 / 0.75)) >> 23 & 0xff) - 127;
  float m = bits_f32(f32_bits(d) - ((uint32_t)e << 23)), t;
  Pair x = div_pp(add_ss(-1, m), add_ss(1, m)), x2 = square_p(x), s;
  t = 0.240320354700088500976562f;
  t = fma_f32(t, x2.h, 0.285112679004669189453125f);
  t = fma_f32(t, x2.h, 0.400007992982864379882812f);
  s = mul_ps(PAIR(0.69314718246459960938f, -1.904654323148236017e-09f), (float)e);
  s = qadd_pp(s, PAIR(2 * x.h, 2 * x.l));
  return qadd_pp(s, mul_pp(mul_pp(x2, x), add_pp(mul_ps(x2, t), PAIR(0.66666662693023681640625f, 3.69183861259614332084311e-09f))));
}

/* exp of a pair */
FUN float exp_p (Pair d) {
  float q = __builtin_rintf((d.h + d.l) * INV_LN2), u;
  Pair s = add_ps(d, q * -LN2_UPPER), t;
  s = add_ps(s, q * -LN2_LOWER);
  s = PAIR(s.h + s.l, (s.h - (s.h + s.l)) + s.l);
  u = 0.00136324646882712841033936f;
  u = fma_f32(u, s.h, 0.00836596917361021041870117f);
  u = fma_f32(u, s.h, 0.0416710823774337768554688f);
  u = fma_f32(u, s.h, 0.166665524244308471679688f);
  u = fma_f32(u, s.h, 0.499999850988388061523438f);
  t = qadd_sp(1, qadd_pp(s, mul_ps(square_p(s), u)));
  return scale_f32(t.h + t.l, (int32_t)q);
}

/*
** x^e as PyTorch's vectorised kernel has it (SLEEF's powf), for x where neither the logarithm nor the result
** leaves the normal range: |log2 x| and |e log2 x| at most 120.  The C library's powf answers for the rest.
*/
typedef struct Reach { float low, high, e; int odd, whole; } Reach;
static Reach reach_of (double e) {
  double most = e != 0 ? 120 / __builtin_fabs(e) : 120;
  Reach r;
  if (!(most < 120)) most = 120;
  r.e = (float)e;
  r.high = (float)__builtin_exp2(most);
  r.low = (float)__builtin_exp2(-most);
  r.whole = r.e == __builtin_truncf(r.e);
  r.odd = r.whole && __builtin_fabsf(r.e) < 0x1p24f && (int32_t)r.e % 2 != 0;
  if (!(__builtin_fabs(e) < 1e6)) r.low = 1, r.high = 0;         /* nothing is within reach */
  return r;
}
FUN int within_reach (float x, const Reach *r) {
  float a = __builtin_fabsf(x);
  return (a >= r->low) & (a <= r->high) & ((x > 0) | r->whole);
}
FUN float near_pow (float x, const Reach *r) {
  float y = exp_p(mul_ps(log_p(__builtin_fabsf(x)), r->e));
  return (x < 0) & r->odd ? -y : y;
}

/* m values of X to the power e */
static void powers_f32 (int64_t m, float *v, const float *X, double e) {
  const Reach r = reach_of(e);
  int near = 1;
  for (int64_t i = 0; i < m; i++) near &= within_reach(X[i], &r);
  if (near) { _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) v[i] = near_pow(X[i], &r); }
  else for (int64_t i = 0; i < m; i++) v[i] = within_reach(X[i], &r) ? near_pow(X[i], &r) : __builtin_powf(X[i], r.e);
}
static void powers_f64 (int64_t m, double *v, const double *X, double e) {
  for (int64_t i = 0; i < m; i++) v[i] = e;            /* a loop over a constant exponent isn't vectorised */
  _Pragma("GCC ivdep") for (int64_t i = 0; i < m; i++) v[i] = pow_f64(X[i], v[i]);
}

/* o[i] = E of x = the operand's value and v = its power, with the loop chosen by the exponent e (a double) */
#define POWERS(T, s, root, E) \
  if (e == 2) LOOP(T, x * x, E) \
  else if (e == 3) LOOP(T, x * x * x, E) \
  else if (e == 1) LOOP(T, x, E) \
  else if (e == 0) LOOP(T, 1, E) \
  else if (e == 0.5) LOOP(T, root(x), E) \
  else if (e == -0.5) LOOP(T, 1 / root(x), E) \
  else if (e == -1) LOOP(T, 1 / x, E) \
  else if (e == -2) LOOP(T, 1 / (x * x), E) \
  else \
    for (int64_t from = 0; from < n; from += TL_BLOCK) { \
      T power[TL_BLOCK]; \
      int64_t m = n - from < TL_BLOCK ? n - from : TL_BLOCK; \
      powers_##s(m, power, X + from, e); \
      for (int64_t i = from; i < from + m; i++) { const T v = power[i - from]; o[i] = E; } \
    }
#define LOOP(T, V, E)  { _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) { const T x = X[i], v = V; (void)x; o[i] = E; } }
#define POWER_KERNELS(T, s, root) \
static void pow_number_##s##_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  T *o = out; \
  const T *X = in[0]; \
  const double e = p[0].f; \
  (void)flat; \
  POWERS(T, s, root, v) \
} \
static void pow_number_x_##s##_own (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat) { \
  T *o = out; \
  const T *G = in[0], *X = in[1], p0 = (T)p[0].f; \
  const double e = p[0].f - 1;             /* less 1 in double, then rounded: PyTorch's order */ \
  (void)flat; \
  if (p[0].f == 0) for (int64_t i = 0; i < n; i++) o[i] = 0; \
  else POWERS(T, s, root, G[i] * (p0 * v)) \
}
POWER_KERNELS(float, f32, __builtin_sqrtf)
POWER_KERNELS(double, f64, __builtin_sqrt)
#undef TRIGONOMETRIC
#undef FORWARD
#undef BACKWARD
#undef POWERS
#undef LOOP
#undef POWER_KERNELS

#include "cpu/own_near.h"

#endif
