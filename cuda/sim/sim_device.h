/*
** sim_device.h -- the functions CUDA gives to kernels, over the C library: bits, casts, rounded arithmetic, loads.
** libm stands in for CUDA's math library: same meaning, last bits may differ.  C++ only; cuda_runtime.h includes it.
*/
#ifndef sim_device_h
#define sim_device_h

#include <math.h>
#include <string.h>

#define SIM_FN  static inline __attribute__((unused))

/* ---- bits ---- */
SIM_FN int __popc (unsigned x) { return __builtin_popcount(x); }
SIM_FN int __popcll (unsigned long long x) { return __builtin_popcountll(x); }
SIM_FN int __ffs (int x) { return __builtin_ffs(x); }
SIM_FN int __ffsll (long long x) { return __builtin_ffsll(x); }
SIM_FN int __clz (int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
SIM_FN int __clzll (long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)x); }
SIM_FN unsigned __brev (unsigned x) {
  unsigned y = 0;
  for (int i = 0; i < 32; i++, x >>= 1) y = y << 1 | (x & 1);
  return y;
}
SIM_FN unsigned long long __brevll (unsigned long long x) {
  return (unsigned long long)__brev((unsigned)x) << 32 | __brev((unsigned)(x >> 32));
}
SIM_FN unsigned __umulhi (unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
SIM_FN int __mulhi (int a, int b) { return (int)((long long)a * b >> 32); }
SIM_FN unsigned long long __umul64hi (unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
SIM_FN long long __mul64hi (long long a, long long b) { return (long long)((__int128)a * b >> 64); }
SIM_FN unsigned __byte_perm (unsigned a, unsigned b, unsigned s) {
  unsigned long long both = (unsigned long long)b << 32 | a;
  unsigned y = 0;
  for (int i = 0; i < 4; i++) y |= (unsigned)(both >> 8 * (s >> 4 * i & 7) & 255) << 8 * i;
  return y;
}
SIM_FN unsigned __funnelshift_l (unsigned lo, unsigned hi, unsigned n) {
  return (unsigned)(((unsigned long long)hi << 32 | lo) << (n & 31) >> 32);
}
SIM_FN unsigned __funnelshift_r (unsigned lo, unsigned hi, unsigned n) {
  return (unsigned)(((unsigned long long)hi << 32 | lo) >> (n & 31));
}

/* ---- the same bits under another type ---- */
#define SIM_CAST(name, To, From) SIM_FN To name (From x) { To y; memcpy(&y, &x, sizeof y); return y; }
SIM_CAST(__float_as_int, int, float)
SIM_CAST(__float_as_uint, unsigned, float)
SIM_CAST(__int_as_float, float, int)
SIM_CAST(__uint_as_float, float, unsigned)
SIM_CAST(__double_as_longlong, long long, double)
SIM_CAST(__longlong_as_double, double, long long)
#undef SIM_CAST
SIM_FN int __double2hiint (double x) { return (int)(__double_as_longlong(x) >> 32); }
SIM_FN int __double2loint (double x) { return (int)__double_as_longlong(x); }
SIM_FN double __hiloint2double (int hi, int lo) {
  return __longlong_as_double((long long)((unsigned long long)(unsigned)hi << 32 | (unsigned)lo));
}

/* ---- numbers to integers: NaN gives 0 and what is too large the nearest end, as on a card ---- */
template <class I, class F> SIM_FN I sim_to (F x, F low, F high, I least, I most) {
  return x != x ? (I)0 : x <= low ? least : x >= high ? most : (I)x;
}
#define SIM_TO(name, I, F, low, high, least, most) \
  SIM_FN I name##_rz (F x) { return sim_to<I, F>(x, low, high, least, most); } \
  SIM_FN I name##_rn (F x) { return name##_rz(sizeof(F) == 4 ? (F)rintf((float)x) : (F)rint((double)x)); } \
  SIM_FN I name##_rd (F x) { return name##_rz(sizeof(F) == 4 ? (F)floorf((float)x) : (F)floor((double)x)); } \
  SIM_FN I name##_ru (F x) { return name##_rz(sizeof(F) == 4 ? (F)ceilf((float)x) : (F)ceil((double)x)); }
SIM_TO(__float2int, int, float, -0x1p31f, 0x1p31f, INT32_MIN, INT32_MAX)
SIM_TO(__float2uint, unsigned, float, 0.0f, 0x1p32f, 0, UINT32_MAX)
SIM_TO(__float2ll, long long, float, -0x1p63f, 0x1p63f, INT64_MIN, INT64_MAX)
SIM_TO(__float2ull, unsigned long long, float, 0.0f, 0x1p64f, 0, UINT64_MAX)
SIM_TO(__double2int, int, double, -0x1p31, 0x1p31, INT32_MIN, INT32_MAX)
SIM_TO(__double2uint, unsigned, double, 0.0, 0x1p32, 0, UINT32_MAX)
SIM_TO(__double2ll, long long, double, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
SIM_TO(__double2ull, unsigned long long, double, 0.0, 0x1p64, 0, UINT64_MAX)
#undef SIM_TO
SIM_FN float __int2float_rn (int x) { return (float)x; }
SIM_FN float __uint2float_rn (unsigned x) { return (float)x; }
SIM_FN float __ll2float_rn (long long x) { return (float)x; }
SIM_FN float __ull2float_rn (unsigned long long x) { return (float)x; }
SIM_FN double __int2double_rn (int x) { return (double)x; }
SIM_FN double __uint2double_rn (unsigned x) { return (double)x; }
SIM_FN double __ll2double_rn (long long x) { return (double)x; }
SIM_FN double __ull2double_rn (unsigned long long x) { return (double)x; }
SIM_FN float __double2float_rn (double x) { return (float)x; }

/* ---- arithmetic that is never joined: the simulator is built with -ffp-contract=off ---- */
SIM_FN float __fadd_rn (float a, float b) { return a + b; }
SIM_FN float __fsub_rn (float a, float b) { return a - b; }
SIM_FN float __fmul_rn (float a, float b) { return a * b; }
SIM_FN float __fdiv_rn (float a, float b) { return a / b; }
SIM_FN float __fmaf_rn (float a, float b, float c) { return fmaf(a, b, c); }
SIM_FN float __fsqrt_rn (float a) { return sqrtf(a); }
SIM_FN float __frcp_rn (float a) { return 1.0f / a; }
SIM_FN double __dadd_rn (double a, double b) { return a + b; }
SIM_FN double __dsub_rn (double a, double b) { return a - b; }
SIM_FN double __dmul_rn (double a, double b) { return a * b; }
SIM_FN double __ddiv_rn (double a, double b) { return a / b; }
SIM_FN double __fma_rn (double a, double b, double c) { return fma(a, b, c); }
SIM_FN double __dsqrt_rn (double a) { return sqrt(a); }
SIM_FN double __drcp_rn (double a) { return 1.0 / a; }
SIM_FN float __saturatef (float a) { return a > 0 ? (a < 1 ? a : 1.0f) : 0.0f; }

/* ---- fast forms: exact here; macros, since the C library has the names for itself ---- */
#define __expf(x)          expf(x)
#define __exp10f(x)        exp10f(x)
#define __logf(x)          logf(x)
#define __log2f(x)         log2f(x)
#define __log10f(x)        log10f(x)
#define __sinf(x)          sinf(x)
#define __cosf(x)          cosf(x)
#define __tanf(x)          tanf(x)
#define __powf(x, y)       powf(x, y)
#define __fdividef(x, y)   ((float)(x) / (float)(y))

/* ---- what CUDA's library has and the C library has not ---- */
SIM_FN float rsqrtf (float x) { return (float)(1.0 / sqrt((double)x)); }
SIM_FN double rsqrt (double x) { return 1.0 / sqrt(x); }
SIM_FN float rsqrt (float x) { return rsqrtf(x); }
SIM_FN float rcbrtf (float x) { return (float)(1.0 / cbrt((double)x)); }
SIM_FN double rcbrt (double x) { return 1.0 / cbrt(x); }
SIM_FN float rhypotf (float x, float y) { return (float)(1.0 / hypot((double)x, (double)y)); }
SIM_FN double rhypot (double x, double y) { return 1.0 / hypot(x, y); }
SIM_FN double norm3d (double a, double b, double c) { return hypot(hypot(a, b), c); }
SIM_FN float norm3df (float a, float b, float c) { return (float)norm3d(a, b, c); }
SIM_FN double norm4d (double a, double b, double c, double d) { return hypot(hypot(a, b), hypot(c, d)); }
SIM_FN float norm4df (float a, float b, float c, float d) { return (float)norm4d(a, b, c, d); }
SIM_FN double sinpi (double x) {
  double r = fmod(x, 2.0);
  return r == 0 || fabs(r) == 1 ? copysign(0.0, x) : sin(r * 3.14159265358979323846);
}
SIM_FN double cospi (double x) {
  double r = fabs(fmod(x, 2.0));
  return r == 0.5 || r == 1.5 ? 0.0 : cos(r * 3.14159265358979323846);
}
SIM_FN float sinpif (float x) { return (float)sinpi((double)x); }
SIM_FN float cospif (float x) { return (float)cospi((double)x); }
SIM_FN double normcdf (double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }
SIM_FN float normcdff (float x) { return (float)normcdf((double)x); }

/* Giles' single precision start, then two steps of Newton on erf (erfc near the ends) */
SIM_FN double erfinv (double y) {
  if (!(y > -1 && y < 1)) return y == 1 ? (double)INFINITY : y == -1 ? -(double)INFINITY : (double)NAN;
  double w = -log1p(-y * y), x;
  if (w < 5) {
    w -= 2.5;
    x = y * (1.50140941 + w * (0.246640727 + w * (-0.00417768164 + w * (-0.00125372503 + w * 0.00021858087))));
  } else {
    w = sqrt(w) - 3;
    x = y * (2.83297682 + w * (1.00167406 + w * (0.00943887047 + w * (-0.0076224613 + w * 0.00573950773))));
  }
  for (int i = 0; i < 3; i++) {
    double off = fabs(y) < 0.5 ? erf(x) - y : ((1 - fabs(y)) - erfc(fabs(x))) * (x < 0 ? -1 : 1);
    double slope = 1.12837916709551257390 * exp(-x * x);
    if (slope == 0) break;
    double t = off / slope;
    x -= t / (1 + x * t);
  }
  return x;
}
SIM_FN float erfinvf (float y) { return (float)erfinv((double)y); }
SIM_FN double normcdfinv (double p) { return 1.41421356237309504880 * erfinv(2 * p - 1); }
SIM_FN float normcdfinvf (float p) { return (float)normcdfinv((double)p); }

/* ---- loads and stores with a cache hint ---- */
template <class T> SIM_FN T __ldg (const T *p) { return *p; }
template <class T> SIM_FN T __ldcg (const T *p) { return *p; }
template <class T> SIM_FN T __ldcs (const T *p) { return *p; }
template <class T> SIM_FN T __ldca (const T *p) { return *p; }
template <class T> SIM_FN void __stcs (T *p, T v) { *p = v; }
template <class T> SIM_FN void __stcg (T *p, T v) { *p = v; }

/* ---- smaller and larger; floats drop a NaN where the other is a number ---- */
#define SIM_LESS(T, A, B) \
  SIM_FN T min (A a, B b) { return (T)a < (T)b ? (T)a : (T)b; } \
  SIM_FN T max (A a, B b) { return (T)a > (T)b ? (T)a : (T)b; }
SIM_LESS(int, int, int)
SIM_LESS(unsigned, unsigned, unsigned)
SIM_LESS(unsigned, int, unsigned)
SIM_LESS(unsigned, unsigned, int)
SIM_LESS(long, long, long)
SIM_LESS(unsigned long, unsigned long, unsigned long)
SIM_LESS(unsigned long, long, unsigned long)
SIM_LESS(unsigned long, unsigned long, long)
SIM_LESS(long long, long long, long long)
SIM_LESS(unsigned long long, unsigned long long, unsigned long long)
SIM_LESS(unsigned long long, long long, unsigned long long)
SIM_LESS(unsigned long long, unsigned long long, long long)
#undef SIM_LESS
#define SIM_LESS(T, A, B, f) \
  SIM_FN T min (A a, B b) { return fmin##f((T)a, (T)b); } \
  SIM_FN T max (A a, B b) { return fmax##f((T)a, (T)b); }
SIM_LESS(float, float, float, f)
SIM_LESS(double, double, double,)
SIM_LESS(double, float, double,)
SIM_LESS(double, double, float,)
#undef SIM_LESS

#endif
