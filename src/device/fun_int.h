/*
** fun_int.h -- the functions of the formulas for int64, by suffix i64, for every device.  The includer defines FUN,
** what stands before a function.
** Integers wrap, and no division can trap: by 0 gives 0 (devices look for such divisors and refuse), by -1 is
** negation.  What may overflow is unsigned here: not every compiler can be told that int64 wraps (nvcc can't), and one
** that can makes the same code of both.
*/
#ifndef tl_fun_int_h
#define tl_fun_int_h

#include <stdint.h>

FUN int64_t mul_i64 (int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
FUN int64_t neg_i64 (int64_t x) { return (int64_t)(0 - (uint64_t)x); }
/* x >> 63 is 0 or -1 */
FUN int64_t abs_i64 (int64_t x) { return (int64_t)(((uint64_t)x ^ (uint64_t)(x >> 63)) - (uint64_t)(x >> 63)); }
FUN int64_t sign_i64 (int64_t x) { return (x > 0) - (x < 0); }
FUN int64_t square_i64 (int64_t x) { return mul_i64(x, x); }
FUN int64_t max_i64 (int64_t a, int64_t b) { return a > b ? a : b; }
FUN int64_t min_i64 (int64_t a, int64_t b) { return a < b ? a : b; }
FUN int64_t fma_i64 (int64_t a, int64_t b, int64_t c) { return (int64_t)((uint64_t)a * (uint64_t)b + (uint64_t)c); }
FUN int64_t floor_i64 (int64_t x) { return x; }
FUN int64_t ceil_i64 (int64_t x) { return x; }
FUN int64_t trunc_i64 (int64_t x) { return x; }
FUN int64_t rint_i64 (int64_t x) { return x; }
FUN int isnan_i64 (int64_t x) { (void)x; return 0; }
FUN int isinf_i64 (int64_t x) { (void)x; return 0; }
FUN int isfinite_i64 (int64_t x) { (void)x; return 1; }
FUN int signbit_i64 (int64_t x) { return x < 0; }
FUN int64_t tdiv_i64 (int64_t a, int64_t b) { return b == 0 ? 0 : b == -1 ? neg_i64(a) : a / b; }
FUN int64_t rem_i64 (int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }
FUN int64_t fdiv_i64 (int64_t a, int64_t b) { return tdiv_i64(a, b) - (rem_i64(a, b) != 0 && (a < 0) != (b < 0)); }
FUN int64_t mod_i64 (int64_t a, int64_t b) {
  int64_t r = rem_i64(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
FUN int64_t shl_i64 (int64_t a, int64_t b) { return b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b); }
FUN int64_t shr_i64 (int64_t a, int64_t b) { return a >> (b < 0 || b > 63 ? 63 : b); }
/* a negative power of anything but 1 and -1 is 0 */
FUN int64_t pow_i64 (int64_t a, int64_t n) {
  int64_t r = 1;
  if (n < 0) return a == 1 ? 1 : a == -1 ? (n & 1 ? -1 : 1) : 0;
  for (; n; n >>= 1, a = mul_i64(a, a)) if (n & 1) r = mul_i64(r, a);
  return r;
}
FUN int64_t power_i64 (int64_t a, int64_t n) { return pow_i64(a, n); }
FUN int64_t gcd_i64 (int64_t a, int64_t b) {
  a = abs_i64(a);
  b = abs_i64(b);
  while (a) { int64_t t = rem_i64(b, a); b = a; a = t; }
  return b;
}
FUN int64_t lcm_i64 (int64_t a, int64_t b) {
  int64_t g = gcd_i64(a, b);
  return g ? abs_i64(mul_i64(tdiv_i64(a, g), b)) : 0;
}

#endif
