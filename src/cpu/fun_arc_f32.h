/*
** fun_arc_f32.h -- tan and the inverse trigonometric functions of float32, without branches, calls or tables.
**
** small_tan arc_sin arc_tan2 repeat SLEEF's 1-ulp functions rounding by rounding, as fun_f32.h does and in its
** pairs: arc_tan2 so has PyTorch's bits.  arc_tan and arc_cos repeat the float functions of fdlibm (Sun, 1993),
** which come nearer to what PyTorch has there, and need no pairs.
*/
#ifndef tl_fun_arc_f32_h
#define tl_fun_arc_f32_h

FUN Pair neg_p (Pair p) { return PAIR(-p.h, -p.l); }
FUN Pair pick_p (int c, Pair a, Pair b) { return PAIR(pick_f32(c, a.h, b.h), pick_f32(c, a.l, b.l)); }
FUN Pair normal_p (Pair p) { return qadd_ss(p.h, p.l); }
/* x with its sign turned where y's is set */
FUN float turn_f32 (float x, float y) { return bits_f32(f32_bits(x) ^ (f32_bits(y) & 0x80000000u)); }

#define PI_P       PAIR(3.1415927410125732422f, -8.7422776573475857731e-08f)
#define HALF_PI_P  PAIR(1.5707963705062866211f, -4.3711388286737928865e-08f)

/* tan of |x| < 125; for more see own_near.h */
FUN float small_tan_f32 (float x) {
  float d = within_f32(x, 125), u = __builtin_rintf(d * 0.636619772367581343076f);
  int odd = (int32_t)u & 1;
  Pair t = add_ss(fma_f32(u, -PI_A * 0.5f, d), u * (-PI_B * 0.5f)), s;
  t = qadd_ps(t, u * (-PI_C * 0.5f));
  t = pick_p(odd, neg_p(t), t);
  s = normal_p(square_p(t));
  u = 0.00446636462584137916564941f;
  u = fma_f32(u, s.h, -8.3920182078145444393158e-05f);
  u = fma_f32(u, s.h, 0.0109639242291450500488281f);
  u = fma_f32(u, s.h, 0.0212360303848981857299805f);
  u = fma_f32(u, s.h, 0.0540687143802642822265625f);
  s = mul_pp(qadd_sp(0.33333361148834228515625f, mul_pp(s, qadd_ss(0.133325666189193725585938f, u * s.h))), s);
  s = mul_pp(t, qadd_sp(1, s));
  s = pick_p(odd, inverse_p(s), s);
  return pick_f32(x == 0, x, s.h + s.l);
}

/* the angle of the point (x, y): of |y| and x first, by s = the smaller of them over the larger */
FUN float arc_tan2_f32 (float y, float x) {
  int tiny = __builtin_fabsf(x) < 2.9387372783541830947e-39f, steep, endless, turns;    /* tiny: 1 / x overflows */
  float b = pick_f32(tiny, x * 0x1p24f, x), a = __builtin_fabsf(pick_f32(tiny, y * 0x1p24f, y));
  float c = __builtin_fabsf(b), u, r;
  Pair s, t;
  steep = c < a;
  s = div_pp(PAIR(pick_f32(steep, -c, a), 0), PAIR(pick_f32(steep, a, c), 0));
  t = normal_p(square_p(s));
  u = -0.00176397908944636583328247f;
  u = fma_f32(u, t.h, 0.0107900900766253471374512f);
  u = fma_f32(u, t.h, -0.0309564601629972457885742f);
  u = fma_f32(u, t.h, 0.0577365085482597351074219f);
  u = fma_f32(u, t.h, -0.0838950723409652709960938f);
  u = fma_f32(u, t.h, 0.109463557600975036621094f);
  u = fma_f32(u, t.h, -0.142626821994781494140625f);
  u = fma_f32(u, t.h, 0.199983194470405578613281f);
  t = mul_pp(t, qadd_ss(-0.333332866430282592773438f, u * t.h));
  t = mul_pp(s, qadd_sp(1, t));
  t = qadd_pp(mul_ps(HALF_PI_P, pick_f32(b < 0, -2, 0) + pick_f32(steep, 1, 0)), t);
  r = turn_f32(t.h + t.l, b);
  endless = c == INFINITY;
  turns = f32_bits(x) >> 31;
  r = pick_f32(c == 0, HALF_PI_P.h, r);
  r = pick_f32(endless | (y == 0), pick_f32(turns, PI_P.h, 0), r);
  r = pick_f32(a == INFINITY, pick_f32(endless, pick_f32(turns, PI_P.h * 0.75f, PI_P.h * 0.25f), HALF_PI_P.h), r);
  return pick_f32((x != x) | (y != y), x + y, turn_f32(r, y));
}

/* from 0.5 on by the half angle: x2 = its sine squared, w = its sine */
FUN float arc_sin_f32 (float x) {
  float a = __builtin_fabsf(x), x2, u, root, inv, p, h, v;
  int low = a < 0.5f;
  Pair w, y;
  x2 = pick_f32(low, x * x, (1 - a) * 0.5f);
  root = __builtin_sqrtf(x2);
  inv = 1 / root;
  p = root * root;
  h = x2 + p;
  v = h - x2;
  w = mul_pp(PAIR(h, ((x2 - (h - v)) + (p - v)) + fma_f32(root, root, -p)), PAIR(inv, inv * fma_f32(-root, inv, 1)));
  w = pick_p(low, PAIR(a, 0), PAIR(w.h * 0.5f, w.l * 0.5f));
  w = pick_p(a == 1, PAIR(0, 0), w);
  u = 0.4197454825e-1f;
  u = fma_f32(u, x2, 0.2424046025e-1f);
  u = fma_f32(u, x2, 0.4547423869e-1f);
  u = fma_f32(u, x2, 0.7495029271e-1f);
  u = fma_f32(u, x2, 0.1666677296e+0f);
  u *= x2 * w.h;
  y = qadd_ps(qadd_pp(PAIR(HALF_PI_P.h * 0.5f, HALF_PI_P.l * 0.5f), neg_p(w)), -u);
  return turn_f32(pick_f32(low, u + w.h, (y.h + y.l) * 2), x);
}

/* pi/2, as fdlibm splits it */
#define HALF_PI_HIGH  1.5707962513e+00f
#define HALF_PI_LOW   7.5497894159e-08f

FUN float arc_cos_f32 (float x) {
  float a = __builtin_fabsf(x), z, p, q, s, head, y;
  int low = a < 0.5f;
  z = pick_f32(low, x * x, (1 - a) * 0.5f);
  p = z * (1.6666667163e-01f + z * (-3.2556581497e-01f + z * (2.0121252537e-01f + z * (-4.0055535734e-02f +
      z * (7.9153501429e-04f + z * 3.4793309169e-05f)))));
  q = 1 + z * (-2.4033949375e+00f + z * (2.0209457874e+00f + z * (-6.8828397989e-01f + z * 7.7038154006e-02f)));
  q = p / q;
  s = __builtin_sqrtf(z);
  head = bits_f32(f32_bits(s) & 0xfffff000u);
  y = 2 * (head + (q * s + (z - head * head) / (s + head)));
  y = pick_f32(x < 0, 2 * HALF_PI_HIGH - 2 * (s + (q * s - HALF_PI_LOW)), y);
  y = pick_f32(low, HALF_PI_HIGH - (x - (HALF_PI_LOW - x * q)), y);
  return pick_f32(x == 1, 0, y);
}

/* atan x = atan c + atan t for c of 0, 1/2, 1, 3/2 and infinity, t = (x - c) / (1 + c x) */
FUN float arc_tan_f32 (float x) {
  float a = __builtin_fabsf(x), n = a, d = 1, high, low, t, z, w, s1, s2;
  int k1 = a >= 0.4375f, k2 = a >= 0.6875f, k3 = a >= 1.1875f, k4 = a >= 2.4375f;
  n = pick_f32(k1, 2 * a - 1, n), d = pick_f32(k1, 2 + a, d);
  n = pick_f32(k2, a - 1, n), d = pick_f32(k2, a + 1, d);
  n = pick_f32(k3, a - 1.5f, n), d = pick_f32(k3, 1 + 1.5f * a, d);
  n = pick_f32(k4, -1, n), d = pick_f32(k4, a, d);
  high = pick_f32(k1, 4.6364760399e-01f, 0), low = pick_f32(k1, 5.0121582440e-09f, 0);
  high = pick_f32(k2, 7.8539812565e-01f, high), low = pick_f32(k2, 3.7748947079e-08f, low);
  high = pick_f32(k3, 9.8279368877e-01f, high), low = pick_f32(k3, 3.4473217170e-08f, low);
  high = pick_f32(k4, HALF_PI_HIGH, high), low = pick_f32(k4, HALF_PI_LOW, low);
  t = n / d;
  z = t * t;
  w = z * z;
  s1 = z * (3.3333334327e-01f + w * (1.4285714924e-01f + w * (9.0908870101e-02f + w * (6.6610731184e-02f +
       w * (4.9768779427e-02f + w * 1.6285819933e-02f)))));
  s2 = w * (-2.0000000298e-01f + w * (-1.1111110449e-01f + w * (-7.6918758452e-02f + w * (-5.8335702866e-02f +
       w * -3.6531571299e-02f))));
  t = high - ((t * (s1 + s2) - low) - t);
  return turn_f32(pick_f32(a >= 0x1p25f, HALF_PI_P.h, t), x);
}

#endif
