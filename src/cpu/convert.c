/*
** convert.c -- packed elements of each dtype to each dtype.  Compiled once per SIMD level.
**
** The rules: floats round to nearest even (double to a half type through float, as PyTorch); float to
** integer cuts the fraction off; what int32 (int64 for int64) can't hold, and NaN, is its smallest value, as
** PyTorch on x86; smaller integers are the low bits of that; integers wrap; bool is "not zero", so
** NaN is true.  Each pair is one loop: through int64 or double, int64 to float would round twice.
*/
#include "cpu/cpu.h"
#include "cpu/fun.h"
#if defined(__F16C__)
#include <immintrin.h>
#endif

#define DTYPE(s, name, type, compute)  typedef type cell_##s;
#include "device/dtypes.def"
#undef DTYPE

/* ---- half types ---- */

FUN float f16_up (uint16_t h) {
#if defined(__F16C__)
  return _cvtsh_ss(h);
#else
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
  uint32_t normal = rest + ((127 - 15) << 23);
  uint32_t nan = rest > 0x7c00u << 13 ? 0x400000 : 0;                            /* quiet */
  uint32_t tiny = f32_bits(bits_f32(rest + (113u << 23)) - bits_f32(113u << 23)); /* exact: no denormal float is met */
  uint32_t big = rest | 0x7f800000 | nan;
  return bits_f32(sign | (rest < 0x0400u << 13 ? tiny : rest >= 0x7c00u << 13 ? big : normal));
#endif
}
FUN uint16_t f16_down (float f) {
#if defined(__F16C__)
  return _cvtss_sh(f, 0);
#else
  uint32_t u = f32_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
  uint32_t normal = (a - ((127 - 15) << 23) + 0xfff + (a >> 13 & 1)) >> 13;     /* carries into inf rightly */
  uint32_t tiny = f32_bits(bits_f32(a) + 0.5f) - f32_bits(0.5f);                 /* the addition rounds to 2^-24 */
  uint32_t nan = 0x7e00 | (a >> 13 & 0x3ff);
  uint32_t h = a > 0x7f800000 ? nan : a >= 0x47800000 ? 0x7c00 : a < 0x38800000 ? tiny : normal;
  return (uint16_t)(sign | h);
#endif
}
FUN float bf16_up (uint16_t h) { return bits_f32((uint32_t)h << 16); }
FUN uint16_t bf16_down (float f) {
  uint32_t u = f32_bits(f);
  return (uint16_t)(f != f ? 0x7fc0 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* ---- what a cell is read as: float, double or an integer ---- */

FUN float read_f32 (float v) { return v; }
FUN double read_f64 (double v) { return v; }
FUN float read_f16 (uint16_t v) { return f16_up(v); }
FUN float read_bf16 (uint16_t v) { return bf16_up(v); }
FUN int64_t read_i64 (int64_t v) { return v; }
FUN int32_t read_u8 (uint8_t v) { return v; }
FUN int32_t read_i8 (int8_t v) { return v; }
FUN int32_t read_i16 (int16_t v) { return v; }
FUN int32_t read_i32 (int32_t v) { return v; }
FUN int32_t read_b8 (uint8_t v) { return v != 0; }

/* ---- a cell of what was read: class f, d, i (32 bits), l (64 bits) ---- */

#define FLOATS(class, C) \
FUN float f32_of_##class (C v) { return (float)v; } \
FUN double f64_of_##class (C v) { return (double)v; } \
FUN uint16_t f16_of_##class (C v) { return f16_down((float)v); } \
FUN uint16_t bf16_of_##class (C v) { return bf16_down((float)v); } \
FUN uint8_t b8_of_##class (C v) { return v != 0; }
FLOATS(f, float)
FLOATS(d, double)
FLOATS(i, int32_t)
FLOATS(l, int64_t)

#define WRAP(s, M)        FUN M s##_of_i (int32_t v) { return (M)v; } FUN M s##_of_l (int64_t v) { return (M)v; }
/* the cast is only made of what fits, so it is defined everywhere */
#define FIT(class, C) \
FUN int32_t i32_of_##class (C v) { int in = v >= (C)-2147483648.0 && v < (C)2147483648.0; return in ? (int32_t)v : INT32_MIN; } \
FUN int64_t i64_of_##class (C v) { int in = v >= -0x1p63 && v < 0x1p63; return in ? (int64_t)v : INT64_MIN; }
#define NARROW(s, M)      FUN M s##_of_f (float v) { return (M)i32_of_f(v); } FUN M s##_of_d (double v) { return (M)i32_of_d(v); }
WRAP(u8, uint8_t)
WRAP(i8, int8_t)
WRAP(i16, int16_t)
WRAP(i32, int32_t)
WRAP(i64, int64_t)
FIT(f, float)
FIT(d, double)
NARROW(u8, uint8_t)
NARROW(i8, int8_t)
NARROW(i16, int16_t)

#define FROM f32
#define CLASS f
#include "cpu/convert.inc"
#define FROM f64
#define CLASS d
#include "cpu/convert.inc"
#define FROM f16
#define CLASS f
#include "cpu/convert.inc"
#define FROM bf16
#define CLASS f
#include "cpu/convert.inc"
#define FROM u8
#define CLASS i
#include "cpu/convert.inc"
#define FROM i8
#define CLASS i
#include "cpu/convert.inc"
#define FROM i16
#define CLASS i
#include "cpu/convert.inc"
#define FROM i32
#define CLASS i
#include "cpu/convert.inc"
#define FROM i64
#define CLASS l
#include "cpu/convert.inc"
#define FROM b8
#define CLASS i
#include "cpu/convert.inc"

/* half to half keeps every bit, NaNs too */
static void halves (int64_t n, void *restrict out, const void *restrict in) { memcpy(out, in, (size_t)n * 2); }

#if defined(__F16C__)           /* gcc does not vectorise these by itself */
static void f16_to_f32_wide (int64_t n, void *restrict out, const void *restrict in) {
  const uint16_t *x = in;
  float *o = out;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(o + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(x + i))));
  for (; i < n; i++) o[i] = _cvtsh_ss(x[i]);
}
static void f32_to_f16_wide (int64_t n, void *restrict out, const void *restrict in) {
  const float *x = in;
  uint16_t *o = out;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm_storeu_si128((void *)(o + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), 0));
  for (; i < n; i++) o[i] = _cvtss_sh(x[i], 0);
}
/* the other pairs with f16 are read as a float or rounded from one, so these go through a block of floats */
#define BLOCKS(from, to, first, second) \
static void from##_to_##to##_wide (int64_t n, void *restrict out, const void *restrict in) { \
  const cell_##from *x = in; \
  cell_##to *o = out; \
  float room[TL_BLOCK]; \
  for (int64_t b; n > 0; n -= b, x += b, o += b) { \
    b = n < TL_BLOCK ? n : TL_BLOCK; \
    first(b, room, x); \
    second(b, o, room); \
  } \
}
#define WIDE(s) \
  BLOCKS(f16, s, f16_to_f32_wide, f32_to_##s) \
  BLOCKS(s, f16, s##_to_f32, f32_to_f16_wide)
#define OTHERS(PAIR)  PAIR(f64) PAIR(bf16) PAIR(u8) PAIR(i8) PAIR(i16) PAIR(i32) PAIR(i64) PAIR(b8)
OTHERS(WIDE)
#define PUT(s)  [TL_f16][TL_##s] = f16_to_##s##_wide, [TL_##s][TL_f16] = s##_to_f16_wide,
#endif

#define ROW(from)  { from##_to_f32, from##_to_f64, from##_to_f16, from##_to_bf16, from##_to_u8, from##_to_i8, \
                     from##_to_i16, from##_to_i32, from##_to_i64, from##_to_b8 }
#pragma GCC diagnostic ignored "-Woverride-init"
const tl_ConvertRow TL_AT_LEVEL(tl_converts)[TL_NDTYPE] = {
#define DTYPE(s, ...)  [TL_##s] = ROW(s),
#include "device/dtypes.def"
#undef DTYPE
  [TL_f16][TL_f16] = halves,
  [TL_bf16][TL_bf16] = halves,
#if defined(__F16C__)
  [TL_f16][TL_f32] = f16_to_f32_wide,
  [TL_f32][TL_f16] = f32_to_f16_wide,
  OTHERS(PUT)
#endif
};
