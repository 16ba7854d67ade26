/*
** fun_trig_f64.h -- float64's sin cos tan below 2^20, atan and atan2: the rest of fun_f64.h, made alike.  sin cos tan
** keep one more product as a pair than SLEEF's, as PyTorch has a more exact library there, and take pi in three parts.
*/
#ifndef tl_fun_trig_f64_h
#define tl_fun_trig_f64_h

/* sin, cos and tan of |x| < 2^20; for more see own_f64.h */
#define PI_HIGH  3.141592653589793116
#define PI_LOW   1.2246467991473532072e-16
#define PI_LAST  -2.9947698097183395546e-33
/* x less q parts of pi, q whole, where no more than pi is left: the first difference loses bits below 1 alone */
FUN Wide less_pi (double x, double q, double part) {
  double d = fma_f64(q, -PI_HIGH * part, x), lost = fma_f64(q, -PI_HIGH * part, -d) + x;
  Wide low = wmul_ss(q, -PI_LOW * part), s = wadd_ss(d, low.h);
  return wqadd_ss(s.h, s.l + (lost + fma_f64(q, -PI_LAST * part, low.l)));
}
FUN double sine_core (Wide t) {
  double u;
  Wide s = wsquare(t), v;
  ESTRIN(s.h);
  u = fma_f64(z4, E2(2.72052416138529567917983e-15, -7.6429259411395447190023e-13),
        E4(1.60589370117277896211623e-10, -2.5052106814843123359368e-08, 2.75573192104428224777379e-06,
           -0.000198412698412046454654947));
  v = wmul_pp(wqadd_ss(0.00833333333333318056201922, u * s.h), s);
  return wmul_pp_s(t, wqadd_sp(1, wmul_pp(wqadd_sp(-0.166666666666666657414808, v), s)));
}
FUN double small_sin_f64 (double x) {
  double q = __builtin_rint(x * 0.318309886183790671537767526745028724);
  double y = sine_core(less_pi(x, q, 1));
  return pick_f64(x == 0, x, flip_f64(y, whole_bits(q) & 1));
}
FUN double small_cos_f64 (double x) {
  double h = __builtin_rint(fma_f64(x, 0.318309886183790671537767526745028724, -0.5)), q = fma_f64(2, h, 1);
  double y = sine_core(less_pi(x, q, 0.5));
  return flip_f64(y, ~whole_bits(h) & 1);
}
FUN double small_tan_f64 (double x) {
  double q = __builtin_rint(x * 0.636619772367581343075535053490057448), u;
  Wide s = less_pi(x, q, 0.5), t = wscale(s, 0.5), y, n;
  int odd = __builtin_rint(q * 0.5) != q * 0.5;
  s = wsquare(t);
  ESTRIN(s.h);
  u = E8(0.3245098826639276316e-3, 0.5619219738114323735e-3, 0.1460781502402784494e-2, 0.3591611540792499519e-2,
         0.8863268409563113126e-2, 0.2186948728185535498e-1, 0.5396825399517272970e-1, 0.1333333333330500581);
  n = wqadd_pp(t, wmul_pp(wmul_pp(s, t), wqadd_ss(0.3333333333333343695, u * s.h)));
  y = wqadd_sp(-1, wsquare(n));
  n = wscale(n, -2);
  return pick_f64(__builtin_fabs(x) < 0x1p-60, x, wsum(wdiv_pp(wpick(odd, wneg(y), n), wpick(odd, n, y))));
}

/* the angle of (x, y), y >= 0: of the nearer axis, then from the right */
FUN double angle_f64 (double y, double x) {
  double a = __builtin_fabs(x), q, u;
  int steep = a < y;
  Wide s = wdiv_pp(WPAIR(pick_f64(steep, -a, y), 0), WPAIR(pick_f64(steep, y, a), 0)), t = wnormal(wsquare(s));
  q = pick_f64(x < 0, -2, 0) + pick_f64(steep, 1, 0);
  ESTRIN(t.h);
  u = fma_f64(z4 * z4, E8(1.06298484191448746607415e-05, -0.000125620649967286867384336, 0.00070557664296393412389774,
                          -0.00251865614498713360352999, 0.00646262899036991172313504, -0.0128281333663399031014274,
                          0.0208024799924145797902497, -0.0289002344784740315686289),
        E8(0.0359785005035104590853656, -0.041848579703592507506027, 0.0470843011653283988193763,
           -0.0524914210588448421068719, 0.0587946590969581003860434, -0.0666620884778795497194182,
           0.0769225330296203768654095, -0.0909090442773387574781907));
  u = fma_f64(u, t.h, 0.111111108376896236538123);
  u = fma_f64(u, t.h, -0.142857142756268568062339);
  u = fma_f64(u, t.h, 0.199999999997977351284817);
  u = fma_f64(u, t.h, -0.333333333333317605173818);
  t = wqadd_pp(s, wmul_ps(wmul_pp(s, t), u));
  return wsum(wqadd_pp(wmul_ps(WPAIR(1.570796326794896557998982, 6.12323399573676603586882e-17), q), t));
}
FUN double atan_d (double x) {
  double a = __builtin_fabs(x), y = angle_f64(a, 1);
  y = pick_f64(a == INFINITY, 1.570796326794896557998982, y);
  return pick_f64(x != x, x, __builtin_copysign(y, x));
}
FUN double atan2_d (double y, double x) {
  const double quarter = 1.570796326794896557998982, k = pick_f64(__builtin_fabs(x) < 0x1p-1022, 0x1p53, 1);
  double b = __builtin_fabs(y) * k, a = __builtin_fabs(x), r;                    /* b may become infinite: no harm */
  uint64_t left = f64_bits(x) >> 63;
  r = flip_f64(angle_f64(b, x * k), left);
  r = pick_f64((a == 0) | (b == INFINITY), quarter, r);
  r = pick_f64(a == INFINITY, quarter - flip_f64(pick_f64(b == INFINITY, quarter * 0.5, quarter), left), r);
  r = pick_f64(b == 0, quarter - flip_f64(quarter, left), r);
  return pick_f64(x != x, x, pick_f64(y != y, y, flip_f64(r, f64_bits(y) >> 63)));
}

#define atan_f64   atan_d
#define atan2_f64  atan2_d

/* what both files wrote with */
#undef ESTRIN
#undef E2
#undef E3
#undef E4
#undef E8
#undef EXP_POLY
#undef LN2_HIGH
#undef LN2_LOW
#undef LN2_WIDE
#undef LOG2_E
#undef EXP_LARGEST
#undef COSH_LARGEST
#undef PI_HIGH
#undef PI_LOW
#undef PI_LAST

#endif
