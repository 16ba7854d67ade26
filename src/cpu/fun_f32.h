/*
** fun_f32.h -- float32 functions without branches, calls or tables.
**
** exp log sin cos tanh repeat, rounding by rounding, what PyTorch 1.13's AVX2 kernels compute (SLEEF 3.5's
** 1-ulp functions): same constants, same order, fma where it fuses.  A Pair is an unevaluated sum h + l.
** "q" forms of the pair arithmetic need |first| >= |second|.  The others are built from the same parts.
*/
#ifndef tl_fun_f32_h
#define tl_fun_f32_h

typedef struct { float h, l; } Pair;
#define PAIR(h, l) ((Pair){ (h), (l) })

FUN Pair add_ss (float x, float y) { float s = x + y, v = s - x; return PAIR(s, (x - (s - v)) + (y - v)); }
FUN Pair add_ps (Pair p, float y) { float s = p.h + y, v = s - p.h; return PAIR(s, ((p.h - (s - v)) + (y - v)) + p.l); }
FUN Pair add_pp (Pair p, Pair q) {
  float s = p.h + q.h, v = s - p.h, t = (p.h - (s - v)) + (q.h - v);
  return PAIR(s, t + (p.l + q.l));
}
FUN Pair qadd_ss (float x, float y) { float s = x + y; return PAIR(s, (x - s) + y); }
FUN Pair qadd_ps (Pair p, float y) { float s = p.h + y; return PAIR(s, ((p.h - s) + y) + p.l); }
FUN Pair qadd_sp (float x, Pair p) { float s = x + p.h; return PAIR(s, ((x - s) + p.h) + p.l); }
FUN Pair qadd_pp (Pair p, Pair q) { float s = p.h + q.h; return PAIR(s, (((p.h - s) + q.h) + p.l) + q.l); }
FUN Pair mul_ps (Pair p, float y) { float s = p.h * y; return PAIR(s, fma_f32(p.l, y, fma_f32(p.h, y, -s))); }
FUN Pair mul_pp (Pair p, Pair q) {
  float s = p.h * q.h;
  return PAIR(s, fma_f32(p.h, q.l, fma_f32(p.l, q.h, fma_f32(p.h, q.h, -s))));
}
FUN float mul_pp_s (Pair p, Pair q) { return fma_f32(p.h, q.h, fma_f32(p.l, q.h, p.h * q.l)); }
FUN Pair square_p (Pair p) { float s = p.h * p.h; return PAIR(s, fma_f32(p.h + p.h, p.l, fma_f32(p.h, p.h, -s))); }
FUN Pair div_pp (Pair n, Pair d) {
  float t = 1 / d.h, s = n.h * t, u = fma_f32(t, n.h, -s);
  float v = fma_f32(-d.l, t, fma_f32(-d.h, t, 1));
  return PAIR(s, fma_f32(s, v, fma_f32(n.l, t, u)));
}
FUN Pair inverse_p (Pair d) {
  float s = 1 / d.h;
  return PAIR(s, s * fma_f32(-d.l, s, fma_f32(-d.h, s, 1)));
}

/* x * 2^q in two steps, so that neither factor leaves the range for q in [-252, 254] */
FUN float scale_f32 (float x, int32_t q) {
  int32_t half = q >> 1;
  return x * bits_f32((uint32_t)(half + 127) << 23) * bits_f32((uint32_t)(q - half + 127) << 23);
}
FUN float pick_f32 (int c, float a, float b) { return c ? a : b; }
/* x where it is in [-m, m], else m: NaN too.  What follows stays in range, its result is thrown away. */
FUN float within_f32 (float x, float m) { return __builtin_fabsf(x) <= m ? x : m; }

#define LN2_UPPER 0.693145751953125f
#define LN2_LOWER 1.428606765330187045e-06f
#define INV_LN2   1.442695040888963407f

FUN float exp_f32 (float x) {
  float d = within_f32(x, 200), q = __builtin_rintf(d * INV_LN2), s, u;
  s = fma_f32(q, -LN2_UPPER, d);
  s = fma_f32(q, -LN2_LOWER, s);
  u = 0.000198527617612853646278381f;
  u = fma_f32(u, s, 0.00139304355252534151077271f);
  u = fma_f32(u, s, 0.00833336077630519866943359f);
  u = fma_f32(u, s, 0.0416664853692054748535156f);
  u = fma_f32(u, s, 0.166666671633720397949219f);
  u = fma_f32(u, s, 0.5f);
  u = 1 + fma_f32(s * s, u, s);
  u = scale_f32(u, (int32_t)q);
  u = pick_f32(x < -104, 0, u);
  u = pick_f32(x > 100, INFINITY, u);
  return pick_f32(x != x, x, u);
}

/* tanh from exp as a pair */
FUN float tanh_f32 (float x) {
  float a = __builtin_fabsf(x), d = within_f32(a, 10), q = __builtin_rintf(d * INV_LN2), u, y;
  int32_t k = (int32_t)q;
  Pair s = add_ps(PAIR(d, 0), q * -LN2_UPPER), t, e, r;
  s = add_ps(s, q * -LN2_LOWER);
  u = 0.1980960224e-3f;
  u = fma_f32(u, s.h, 0.1394256484e-2f);
  u = fma_f32(u, s.h, 0.8333456703e-2f);
  u = fma_f32(u, s.h, 0.4166637361e-1f);
  t = add_ps(mul_ps(s, u), 0.166666659414234244790680580464f);
  t = add_ps(mul_pp(s, t), 0.5f);
  t = add_pp(s, mul_pp(square_p(s), t));
  t = qadd_sp(1, t);
  t = PAIR(scale_f32(t.h, k), scale_f32(t.l, k));
  e = inverse_p(t);
  r = div_pp(qadd_pp(t, PAIR(-e.h, -e.l)), qadd_pp(t, e));
  y = r.h + r.l;
  y = pick_f32(a > 8.664339742f, 1, y);
  y = __builtin_copysignf(y, x);
  return pick_f32(x != x, x, y);
}

/* sin and cos of |x| < 125; for more see sin_f32 and cos_f32 in own.h */
#define PI_A   3.1414794921875f
#define PI_B   0.00011315941810607910156f
#define PI_C   1.9841872589410058936e-09f
FUN float sin_core (Pair t) {
  Pair s = square_p(t), x;
  float u = 2.6083159809786593541503e-06f;
  u = fma_f32(u, s.h, -0.0001981069071916863322258f);
  u = fma_f32(u, s.h, 0.00833307858556509017944336f);
  x = qadd_sp(1, mul_pp(qadd_ss(-0.166666597127914428710938f, u * s.h), s));
  return mul_pp_s(t, x);
}
FUN float small_sin_f32 (float x) {
  float d = within_f32(x, 125), u = __builtin_rintf(d * 0.318309886183790671538f), r;
  Pair s = add_ss(fma_f32(u, -PI_A, d), u * -PI_B);
  s = qadd_ps(s, u * -PI_C);
  r = sin_core(s);
  r = pick_f32((int32_t)u & 1, -r, r);
  return pick_f32(x == 0, x, r);
}
FUN float small_cos_f32 (float x) {
  float d = within_f32(x, 125);
  float q = fma_f32(__builtin_rintf(fma_f32(d, 0.318309886183790671538f, -0.5f)), 2, 1), r;
  Pair s = add_ss(d, q * (-PI_A * 0.5f));
  s = add_ps(s, q * (-PI_B * 0.5f));
  s = add_ps(s, q * (-PI_C * 0.5f));
  r = sin_core(s);
  return pick_f32(((int32_t)q & 2) == 0, -r, r);
}

/* log x of 0 < x < inf as a pair: x = m * 2^e with m in [0.75, 1.5) */
FUN Pair log_pair (float x) {
  int tiny = x < 1.17549435e-38f;
  float y = pick_f32(tiny, x * 18446744073709551616.f, x), e, m, t, x2;
  int32_t k = (int32_t)(f32_bits(y * (float)(1.0 / 0.75)) >> 23 & 0xff) - 127;
  Pair s, r;
  m = bits_f32(f32_bits(y) - ((uint32_t)k << 23));
  e = (float)(tiny ? k - 64 : k);
  s = mul_ps(PAIR(0.69314718246459960938f, -1.904654323148236017e-09f), e);
  r = div_pp(add_ss(-1, m), add_ss(1, m));
  x2 = r.h * r.h;
  t = 0.3027294874f;
  t = fma_f32(t, x2, 0.3996108174f);
  t = fma_f32(t, x2, 0.6666694880f);
  s = qadd_pp(s, PAIR(r.h * 2, r.l * 2));
  return qadd_ps(s, x2 * r.h * t);
}
/* what every logarithm says outside (0, inf); x: what it is the logarithm of */
FUN float log_ends (float x, float y) {
  y = pick_f32(x == INFINITY, x, y);
  y = pick_f32(x == 0, -INFINITY, y);
  y = pick_f32(x < 0, NAN, y);
  return pick_f32(x != x, x, y);
}
FUN float log_f32 (float x) {
  Pair s = log_pair(x);
  return log_ends(x, s.h + s.l);
}
FUN float log2_f32 (float x) {
  Pair s = log_pair(x);
  s = mul_pp(qadd_ss(s.h, s.l), PAIR(1.44269502162933349609375f, 1.92596299112661746887e-08f));
  return log_ends(x, s.h + s.l);
}
FUN float log10_f32 (float x) {
  Pair s = log_pair(x);
  s = mul_pp(qadd_ss(s.h, s.l), PAIR(0.4342944920063018798828125f, -1.010305059e-08f));
  return log_ends(x, s.h + s.l);
}
/* log(u + c) = log(u) + c / u, u the rounded 1 + x and c what it lost */
FUN float log1p_f32 (float x) {
  float u = 1 + x, c = pick_f32(x < 1, x - (u - 1), 1 - (u - x)), y;
  Pair s = log_pair(u);
  y = s.h + (s.l + c / u);
  y = log_ends(u, y);
  return pick_f32(x == 0, x, y);
}

/* 2^x = 2^q * e^(s ln 2) */
FUN float exp2_f32 (float x) {
  float d = within_f32(x, 200), q = __builtin_rintf(d), s = (d - q) * 0.693147180559945286f, u;
  u = 0.000198527617612853646278381f;
  u = fma_f32(u, s, 0.00139304355252534151077271f);
  u = fma_f32(u, s, 0.00833336077630519866943359f);
  u = fma_f32(u, s, 0.0416664853692054748535156f);
  u = fma_f32(u, s, 0.166666671633720397949219f);
  u = fma_f32(u, s, 0.5f);
  u = scale_f32(1 + fma_f32(s * s, u, s), (int32_t)q);
  u = pick_f32(x < -151, 0, u);
  u = pick_f32(x >= 128, INFINITY, u);
  return pick_f32(x != x, x, u);
}

/* e^x - 1 = 2^q * (e^s - 1) + (2^q - 1), halved so that 2^128 is not met */
FUN float expm1_f32 (float x) {
  float d = within_f32(x, 89), q = __builtin_rintf(d * INV_LN2), s, u, h, y;
  s = fma_f32(q, -LN2_UPPER, d);
  s = fma_f32(q, -LN2_LOWER, s);
  u = 0.000198527617612853646278381f;
  u = fma_f32(u, s, 0.00139304355252534151077271f);
  u = fma_f32(u, s, 0.00833336077630519866943359f);
  u = fma_f32(u, s, 0.0416664853692054748535156f);
  u = fma_f32(u, s, 0.166666671633720397949219f);
  u = fma_f32(u, s, 0.5f);
  u = fma_f32(s * s, u, s);
  h = scale_f32(1, (int32_t)q - 1);
  y = 2 * fma_f32(h, u, h - 0.5f);
  y = pick_f32(q == 0, u, y);
  y = pick_f32(x < -17.5f, -1, y);
  y = pick_f32(x > 89, INFINITY, y);
  y = pick_f32(x == 0, x, y);
  return pick_f32(x != x, x, y);
}

/* erf: x + x P(x^2) below 1, 1 - e^Q(|x|) above.  P and Q are weighted least-maximum fits, 1e-9 and 2e-11. */
FUN float erf_f32 (float x) {
  float a = __builtin_fabsf(x), s = a * a, t = a < 3.95f ? a : 3.95f, p, q;
  p = 7.853857702e-05f;
  p = fma_f32(p, s, -8.010192519e-04f);
  p = fma_f32(p, s, 5.188327560e-03f);
  p = fma_f32(p, s, -2.685381187e-02f);
  p = fma_f32(p, s, 1.128358515e-01f);
  p = fma_f32(p, s, -3.761262582e-01f);
  p = fma_f32(p, s, 1.283791657e-01f);
  q = -2.169763601e-05f;
  q = fma_f32(q, t, 4.414728789e-04f);
  q = fma_f32(q, t, -4.205285699e-03f);
  q = fma_f32(q, t, 2.521034173e-02f);
  q = fma_f32(q, t, -1.084221017e-01f);
  q = fma_f32(q, t, -6.332163959e-01f);
  q = fma_f32(q, t, -1.129580311e+00f);
  q = fma_f32(q, t, 1.884676641e-04f);
  q = __builtin_copysignf(1 - exp_f32(q), x);
  q = pick_f32(a < 1, fma_f32(x, p, x), q);
  return pick_f32(x != x, x, q);
}

#endif
