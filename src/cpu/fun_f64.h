/*
** fun_f64.h -- float64 functions without branches, calls or tables, which stand in for the library's.
**
** They repeat, rounding by rounding, SLEEF's 1-ulp functions with fma, which PyTorch's vectorised kernels call
** (github.com/shibatch/sleef, src/libm/sleefsimddp.c: constants, order and Estrin's scheme for polynomials).  Where
** PyTorch has another, more exact library, they are more exact too: the logarithms are that of SLEEF's pow, exp_fine
** keeps more in pairs.  A Wide is an unevaluated sum h + l of doubles; wq... need |first| >= |second|.
** No conversion between double and integer, which only AVX-512 has for vectors: a whole number is added to 1.5 * 2^52
** and stands in the low bits then.  Garbage of arguments out of range is replaced at the end, as is NaN.
** At level v2 fma is a library call: the bits are the same, the speed is not.
*/
#ifndef tl_fun_f64_h
#define tl_fun_f64_h

typedef struct { double h, l; } Wide;
#define WPAIR(high, low)  ((Wide){ (high), (low) })

FUN Wide wadd_ss (double x, double y) { double s = x + y, v = s - x; return WPAIR(s, (x - (s - v)) + (y - v)); }
FUN Wide wadd_ps (Wide p, double y) { Wide s = wadd_ss(p.h, y); return WPAIR(s.h, s.l + p.l); }
FUN Wide wadd_pp (Wide p, Wide q) { Wide s = wadd_ss(p.h, q.h); return WPAIR(s.h, s.l + (p.l + q.l)); }
FUN Wide wqadd_ss (double x, double y) { double s = x + y; return WPAIR(s, (x - s) + y); }
FUN Wide wqadd_ps (Wide p, double y) { double s = p.h + y; return WPAIR(s, ((p.h - s) + y) + p.l); }
FUN Wide wqadd_sp (double x, Wide p) { double s = x + p.h; return WPAIR(s, ((x - s) + p.h) + p.l); }
FUN Wide wqadd_pp (Wide p, Wide q) { double s = p.h + q.h; return WPAIR(s, (((p.h - s) + q.h) + p.l) + q.l); }
FUN Wide wneg (Wide p) { return WPAIR(-p.h, -p.l); }
FUN Wide wmul_ss (double x, double y) { double s = x * y; return WPAIR(s, fma_f64(x, y, -s)); }
FUN Wide wmul_ps (Wide p, double y) { Wide s = wmul_ss(p.h, y); return WPAIR(s.h, fma_f64(p.l, y, s.l)); }
FUN Wide wmul_pp (Wide p, Wide q) {
  Wide s = wmul_ss(p.h, q.h);
  return WPAIR(s.h, fma_f64(p.h, q.l, fma_f64(p.l, q.h, s.l)));
}
FUN double wmul_pp_s (Wide p, Wide q) { return fma_f64(p.h, q.h, fma_f64(p.l, q.h, p.h * q.l)); }
FUN Wide wscale (Wide p, double y) { return WPAIR(p.h * y, p.l * y); }    /* y: a power of 2 */
FUN Wide wsquare (Wide p) { Wide s = wmul_ss(p.h, p.h); return WPAIR(s.h, fma_f64(p.h + p.h, p.l, s.l)); }
FUN Wide wdiv_pp (Wide n, Wide d) {
  double t = 1 / d.h, v = fma_f64(-d.l, t, fma_f64(-d.h, t, 1));
  Wide s = wmul_ss(t, n.h);
  return WPAIR(s.h, fma_f64(s.h, v, fma_f64(n.l, t, s.l)));
}
FUN Wide winverse (Wide d) {
  double s = 1 / d.h;
  return WPAIR(s, s * fma_f64(-d.l, s, fma_f64(-d.h, s, 1)));
}
FUN Wide wnormal (Wide p) { return wqadd_ss(p.h, p.l); }
FUN double wsum (Wide p) { return p.h + p.l; }

FUN double pick_f64 (int c, double a, double b) { return c ? a : b; }
FUN Wide wpick (int c, Wide a, Wide b) { return WPAIR(c ? a.h : b.h, c ? a.l : b.l); }
FUN uint64_t whole_bits (double q) { return f64_bits(q + 0x1.8p52); }           /* q whole: its low bits are q's */
FUN double two_to_f64 (double q) { return bits_f64(f64_bits(q + (0x1.8p52 + 1023)) << 52); }      /* |q| < 1023 */
FUN double flip_f64 (double x, uint64_t minus) { return bits_f64(f64_bits(x) ^ minus << 63); }    /* minus: 0 or 1 */
/* x * 2^q in two steps, so that neither factor leaves the range */
FUN double scale_f64 (double x, double q) {
  double h = __builtin_floor(q * 0.5);
  return x * two_to_f64(h) * two_to_f64(q - h);
}

/* Estrin's scheme: z's powers, then the polynomials of 2, 4 and 8 coefficients, the highest first */
#define ESTRIN(x)  const double z = (x), z2 = z * z, z4 = z2 * z2
#define E2(b, a)   fma_f64(z, b, a)
#define E3(c, b, a)  fma_f64(z2, c, E2(b, a))
#define E4(d, c, b, a)  fma_f64(z2, E2(d, c), E2(b, a))
#define E8(h, g, f, e, d, c, b, a)  fma_f64(z4, E4(h, g, f, e), E4(d, c, b, a))

#define LN2_HIGH  0.69314718055966295651160180568695068359375
#define LN2_LOW  0.28235290563031577122588448175013436025525412068e-12
#define LOG2_E    1.442695040888963407359924681001892137426645954152985934135449406931
#define EXP_LARGEST   0x1.62e42fefa39efp+9         /* of it and less, e^x is finite */

/* (e^z - 1 - z - z^2 / 2) / z^3 */
#define EXP_POLY \
  fma_f64(z4 * z4, E2(0.2081276378237164457e-8, 0.2511210703042288022e-7), \
    E8(0.2755762628169491192e-6, 0.2755723402025388239e-5, 0.2480158687479686264e-4, 0.1984126989855865850e-3, \
       0.1388888888914497797e-2, 0.8333333333314938210e-2, 0.4166666666666602598e-1, 0.1666666666666669072))
FUN double exp_ends_f64 (double x, double y) {
  y = pick_f64(x > EXP_LARGEST, INFINITY, y);
  y = pick_f64(x < -1000, 0, y);
  return pick_f64(x != x, x, y);
}
FUN double exp_d (double x) {
  double q = __builtin_rint(x * LOG2_E), s = fma_f64(q, -LN2_LOW, fma_f64(q, -LN2_HIGH, x));
  ESTRIN(s);
  return exp_ends_f64(x, scale_f64(fma_f64(fma_f64(fma_f64(EXP_POLY, s, 0.5), s, 1), s, 1), q));
}
/* the same, within 0.51 ulp: the parts that count are pairs */
FUN double exp_fine (double x) {
  double q = __builtin_rint(x * LOG2_E), r = fma_f64(q, -LN2_HIGH, x), u;       /* exact */
  Wide s = wqadd_ss(r, q * -LN2_LOW), half = wmul_ss(s.h * 0.5, s.h), t = wqadd_ss(1, s.h);
  ESTRIN(s.h);
  u = EXP_POLY;
  u = fma_f64(half.h + half.h, s.h * u, fma_f64(s.l, s.h, half.l + s.l));
  t = wqadd_ps(t, half.h);
  return exp_ends_f64(x, scale_f64(t.h + (t.l + u), q));
}

FUN double exp2_d (double x) {
  double q = __builtin_rint(x), s = x - q, u;
  ESTRIN(s);
  u = fma_f64(z4 * z4, E2(0.4434359082926529454e-9, 0.7073164598085707425e-8),
        E8(0.1017819260921760451e-6, 0.1321543872511327615e-5, 0.1525273353517584730e-4, 0.1540353045101147808e-3,
           0.1333355814670499073e-2, 0.9618129107597600536e-2, 0.5550410866482046596e-1, 0.2402265069591012214e+0));
  u = fma_f64(fma_f64(u, s, 0.6931471805599452862), s, 1);
  u = scale_f64(u, q);
  u = pick_f64(x >= 1024, INFINITY, u);
  u = pick_f64(x < -2000, 0, u);
  return pick_f64(x != x, x, u);
}

/* d less the multiple of ln 2 nearest to it; that multiple */
FUN Wide less_ln2 (Wide d, double *q) {
  *q = __builtin_rint(wsum(d) * LOG2_E);
  return wadd_ps(wadd_ps(d, *q * -LN2_HIGH), *q * -LN2_LOW);
}
/* e^x * 2^less as a Wide, for the hyperbolic ones */
FUN Wide exp_wide (double x, double less) {
  double q, u;
  Wide s = less_ln2(WPAIR(x, 0), &q), s2 = wsquare(s), s4 = wsquare(s2), t;
  const double z = s.h, z2 = s2.h, z4 = s4.h;
  u = fma_f64(z4 * z4, E2(0.1602472219709932072e-9, 0.2092255183563157007e-8),
        E8(0.2505230023782644465e-7, 0.2755724800902135303e-6, 0.2755731892386044373e-5, 0.2480158735605815065e-4,
           0.1984126984148071858e-3, 0.1388888888886763255e-2, 0.8333333333333347095e-2, 0.4166666666666669905e-1));
  t = wqadd_sp(0.5, wmul_ps(s, 0.1666666666666666574));
  t = wqadd_sp(1, wmul_pp(t, s));
  t = wqadd_sp(1, wmul_pp(t, s));
  t = wqadd_pp(t, wmul_ps(s4, u));
  return WPAIR(scale_f64(t.h, q + less), scale_f64(t.l, q + less));
}
FUN double expm1_d (double x) {
  double y = wsum(wadd_ps(exp_wide(x, 0), -1));
  y = pick_f64(x > EXP_LARGEST, INFINITY, y);
  y = pick_f64(x < -36.736800569677101399113302437, -1, y);
  y = pick_f64(x == 0, x, y);
  return pick_f64(x != x, x, y);
}
FUN double tanh_d (double x) {
  double a = __builtin_fabs(x), y;
  Wide d = exp_wide(a, 0), e = winverse(d);
  y = wsum(wdiv_pp(wadd_pp(d, wneg(e)), wadd_pp(d, e)));
  y = __builtin_copysign(pick_f64(a > 18.714973875, 1, y), x);
  y = pick_f64(a < 0x1p-28, x, y);
  return pick_f64(x != x, x, y);
}
/* of halves of e^x, as e^x itself is infinite before its half is */
#define COSH_LARGEST  0x1.633ce8fb9f87dp+9
FUN double sinh_d (double x) {
  double a = __builtin_fabs(x), y;
  Wide d = exp_wide(a, -1), e = wscale(winverse(d), -0.25);
  y = pick_f64(a > COSH_LARGEST, INFINITY, wsum(wqadd_pp(d, e)));
  y = __builtin_copysign(pick_f64(a < 0x1p-60, a, y), x);
  return pick_f64(x != x, x, y);
}
FUN double cosh_d (double x) {
  double a = __builtin_fabs(x), y;
  Wide d = exp_wide(a, -1), e = wscale(winverse(d), 0.25);
  y = pick_f64(a > COSH_LARGEST, INFINITY, wsum(wqadd_pp(d, e)));
  return pick_f64(x != x, x, y);
}

/* y = m * 2^e with m in [0.75, 1.5), y a normal positive number: 2^-e's bits less 1's, which are to be added to y's */
FUN uint64_t less_e (double y, double *e) {
  uint64_t k = f64_bits(y * (1.0 / 0.75)) >> 52;
  *e = bits_f64(k | 0x4330000000000000u) - (0x1p52 + 1023);
  return (1023 - k) << 52;
}
#define LN2_WIDE  WPAIR(0.693147180559945286226764, 2.319046813846299558417771e-17)
/* log x of 0 < x < inf */
FUN Wide log_wide (double x) {
  int tiny = x < 0x1p-1022;
  double y = pick_f64(tiny, x * 0x1p64, x), e, m, t;
  Wide r, r2, s;
  m = bits_f64(f64_bits(y) + less_e(y, &e));
  e = pick_f64(tiny, e - 64, e);
  r = wdiv_pp(wadd_ss(-1, m), wadd_ss(1, m));
  r2 = wsquare(r);
  ESTRIN(r2.h);
  t = fma_f64(z4 * z4, 0.116255524079935043668677,
        E8(0.103239680901072952701192, 0.117754809412463995466069, 0.13332981086846273921509,
           0.153846227114512262845736, 0.181818180850050775676507, 0.222222222230083560345903,
           0.285714285714249172087875, 0.400000000000000077715612));
  s = wqadd_pp(wmul_ps(LN2_WIDE, e), wscale(r, 2));
  r = wmul_pp(r2, r);
  s = wqadd_pp(s, wmul_pp(r, WPAIR(0.666666666666666629659233, 3.80554962542412056336616e-17)));
  return wqadd_pp(s, wmul_ps(wmul_pp(r2, r), t));
}
/* what every logarithm says outside (0, inf); x: what it is the logarithm of */
FUN double log_ends_f64 (double x, double y) {
  y = pick_f64(x == INFINITY, x, y);
  y = pick_f64(x == 0, -INFINITY, y);
  y = pick_f64(x < 0, NAN, y);
  return pick_f64(x != x, x, y);
}
FUN double log_d (double x) { return log_ends_f64(x, wsum(log_wide(x))); }
FUN double log2_d (double x) {
  Wide s = wmul_pp(wnormal(log_wide(x)), WPAIR(0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56));
  return log_ends_f64(x, wsum(s));
}
FUN double log10_d (double x) {
  Wide s = wmul_pp(wnormal(log_wide(x)), WPAIR(0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57));
  return log_ends_f64(x, wsum(s));
}
FUN double log1p_d (double x) {
  int huge = x > 0x1p1000;                      /* 2^-e is to be normal */
  double d = pick_f64(huge, x * 0x1p-64, x), e, t, m, x2, y;
  Wide r, s;
  t = bits_f64(f64_bits(1) + less_e(d + 1, &e));
  e = pick_f64(huge, e + 64, e);
  m = fma_f64(d, t, t - 1);
  r = wdiv_pp(WPAIR(m, 0), wqadd_ss(2, m));
  x2 = r.h * r.h;
  ESTRIN(x2);
  t = fma_f64(z4, E3(0.1532076988502701353, 0.1525629051003428716, 0.1818605932937785996),
        E4(0.2222214519839380009, 0.2857142932794299317, 0.3999999999635251990, 0.6666666666667333541));
  s = wqadd_pp(wmul_ps(LN2_WIDE, e), wscale(r, 2));
  y = wsum(wqadd_ps(s, x2 * r.h * t));
  return pick_f64(__builtin_fabs(x) < 0x1p-60, x, log_ends_f64(pick_f64(huge, x, 1 + x), y));
}

/* e^d where it neither over- nor underflows */
FUN double exp_of_wide (Wide d) {
  double q, u;
  Wide s = wnormal(less_ln2(d, &q));
  ESTRIN(s.h);
  u = fma_f64(z4 * z4, E2(2.51069683420950419527139e-08, 2.76286166770270649116855e-07),
        E8(2.75572496725023574143864e-06, 2.48014973989819794114153e-05, 0.000198412698809069797676111,
           0.0013888888939977128960529, 0.00833333333332371417601081, 0.0416666666665409524128449,
           0.166666666666666740681535, 0.500000000000000999200722));
  return scale_f64(wsum(wqadd_pp(wqadd_sp(1, s), wmul_ps(wsquare(s), u))), q);
}
/* x^y by e^(y log |x|), then the sign, then the ends as C has them */
FUN double pow_d (double x, double y) {
  double a = __builtin_fabs(x), u, ends;
  int whole = __builtin_rint(y) == y, odd = whole & (__builtin_rint(y * 0.5) != y * 0.5);
  Wide d = wmul_ps(log_wide(a), y);
  u = exp_of_wide(d);
  u = pick_f64(d.h < -1000, 0, u);
  u = pick_f64(d.h > EXP_LARGEST, INFINITY, u);
  u = pick_f64(x < 0, pick_f64(odd, -u, pick_f64(whole, u, NAN)), u);
  ends = pick_f64((a < 1) == (y < 0), INFINITY, 0);                  /* of y infinite, or a 0 or infinite */
  u = pick_f64(__builtin_fabs(y) == INFINITY, pick_f64(a == 1, 1, ends), u);
  u = pick_f64((a == 0) | (a == INFINITY), pick_f64(odd, __builtin_copysign(ends, x), ends), u);
  u = pick_f64(x != x, x, pick_f64(y != y, y, u));
  return pick_f64((y == 0) | (x == 1), 1, u);
}

/* erf of |x| <= 2.5 and of |x| > 6; for the others see own_f64.h */
FUN double small_erf_f64 (double x) {
  double a = __builtin_fabs(x), u, y;
  Wide t, v;
  ESTRIN(a);
  const double z8 = z4 * z4;
  u = fma_f64(z4, -0.2083271002525222097e-14,
        E4(0.7151909970790897009e-13, -0.1162238220110999364e-11, 0.1186474230821585259e-10,
           -0.8499973178354613440e-10));
  u = fma_f64(z8, u, E8(0.4507647462598841629e-9, -0.1808044474288848915e-8, 0.5435081826716212389e-8,
                        -0.1143939895758628484e-7, 0.1215442362680889243e-7, 0.1669878756181250355e-7,
                        -0.9808074602255194288e-7, 0.1389000557865837204e-6));
  u = fma_f64(z8, u, E8(0.2945514529987331866e-6, -0.1842918273003998283e-5, 0.3417987836115362136e-5,
                        0.3860236356493129101e-5, -0.3309403072749947546e-4, 0.1060862922597579532e-3,
                        0.2323253155213076174e-3, 0.1490149719145544729e-3));
  t = wqadd_pp(WPAIR(0.0092877958392275604405, 7.9287559463961107493e-19), wmul_ss(u, a));
  v = wmul_ps(WPAIR(0.042275531758784692937, 1.3785226620501016138e-19), a);
  v = wqadd_pp(WPAIR(0.07052369794346953491, 9.5846628070792092842e-19), v);
  v = wqadd_sp(1, wmul_ps(wqadd_pp(v, wmul_ps(t, z2)), a));
  v = winverse(wsquare(wsquare(wsquare(wsquare(v)))));
  y = pick_f64(a < 1e-8, a * 1.12837916709551262756245475959, -wsum(wadd_ps(v, -1)));
  y = __builtin_copysign(pick_f64(a > 6, 1, y), x);
  return pick_f64(x != x, x, y);
}

/* the walk's words: these instead of the library's */
#define exp_f64    exp_d
#define exp2_f64   exp2_d
#define expm1_f64  expm1_d
#define log_f64    log_d
#define log2_f64   log2_d
#define log10_f64  log10_d
#define log1p_f64  log1p_d
#define tanh_f64   tanh_d
#define sinh_f64   sinh_d
#define cosh_f64   cosh_d
#define pow_f64    pow_d

#endif
