/*
** draw.c -- uniforms and normals in bulk, as PyTorch's AVX2 build makes them, bit for bit at every level.
** Compiled once per level (TL_LEVEL).
**
** A normal block is 16 uniforms: u[k] gives the radius and u[k + 8] the angle of the pair k, k + 8.  The
** float form has the logarithm, sine and cosine of the Cephes library in float, fused where PyTorch's
** compiler fuses; the double form has the C library's.
*/
#include "cpu/draw.h"
#include "cpu/fun.h"

enum { SOME = 624 };

static void uniform_f32 (tl_MtState *m, float *out, int64_t n, float from, float width) {
  uint32_t words[SOME];
  for (int64_t i = 0, b; i < n; i += b) {
    b = n - i < SOME ? n - i : SOME;
    tl_mt_draw_many(m, words, b);
    for (int64_t k = 0; k < b; k++) out[i + k] = fma_f32((float)(int32_t)(words[k] & 0xffffff) * 0x1p-24f, width, from);
  }
}

static void uniform_f64 (tl_MtState *m, double *out, int64_t n, double from, double width) {
  uint32_t words[SOME];
  for (int64_t i = 0, b; i < n; i += b) {
    b = n - i < SOME / 2 ? n - i : SOME / 2;
    tl_mt_draw_many(m, words, 2 * b);
    for (int64_t k = 0; k < b; k++) {
      uint64_t v = ((uint64_t)words[2 * k] << 32 | words[2 * k + 1]) & ((1ull << 53) - 1);
      out[i + k] = fma_f64((double)(int64_t)v * 0x1p-53, width, from);
    }
  }
}

/* of x > 0 */
FUN float log_cephes (float x) {
  uint32_t b = f32_bits(x);
  float e = (float)((int32_t)(b >> 23) - 127) + 1, m = bits_f32((b & ~0x7f800000u) | 0x3f000000u), y, z;
  int low = m < 0.707106781186547524f;
  e -= pick_f32(low, 1, 0);
  x = (m - 1) + pick_f32(low, m, 0);
  z = x * x;
  y = 7.0376836292e-2f;
  y = fma_f32(y, x, -1.1514610310e-1f);
  y = fma_f32(y, x, 1.1676998740e-1f);
  y = fma_f32(y, x, -1.2420140846e-1f);
  y = fma_f32(y, x, 1.4249322787e-1f);
  y = fma_f32(y, x, -1.6668057665e-1f);
  y = fma_f32(y, x, 2.0000714765e-1f);
  y = fma_f32(y, x, -2.4999993993e-1f);
  y = fma_f32(y, x, 3.3333331174e-1f);
  y = y * x;
  y = fma_f32(y, z, e * -2.12194440e-4f);
  y = fma_f32(-z, 0.5f, y);
  return fma_f32(e, 0.693359375f, x + y);
}

/* of x >= 0; signs go in as bits */
FUN void sincos_cephes (float x, float *sin, float *cos) {
  int32_t j = ((int32_t)(x * 1.27323954473516f) + 1) & ~1;
  uint32_t flip_sin = (uint32_t)(j & 4) << 29, flip_cos = (uint32_t)(~(j - 2) & 4) << 29;
  float y = (float)j, z, q, p;
  x = fma_f32(y, -0.78515625f, x);
  x = fma_f32(y, -2.4187564849853515625e-4f, x);
  x = fma_f32(y, -3.77489497744594108e-8f, x);
  z = x * x;
  q = 2.443315711809948e-5f;
  q = fma_f32(q, z, -1.388731625493765e-3f);
  q = fma_f32(q, z, 4.166664568298827e-2f);
  q = q * z;
  q = fma_f32(q, z, -(z * 0.5f)) + 1;
  p = -1.9515295891e-4f;
  p = fma_f32(p, z, 8.3321608736e-3f);
  p = fma_f32(p, z, -1.6666654611e-1f);
  p = p * z;
  p = fma_f32(p, x, x);
  *sin = bits_f32(f32_bits(pick_f32(j & 2, q, p)) ^ flip_sin);
  *cos = bits_f32(f32_bits(pick_f32(j & 2, p, q)) ^ flip_cos);
}

static void normal_f32 (float *d, int64_t n, float mean, float std) {
  for (int64_t i = 0; i + 16 <= n; i += 16, d += 16) {
    float a[8], b[8];
    for (int k = 0; k < 8; k++) {
      float r = __builtin_sqrtf(-2 * log_cephes(1 - d[k])), s, c;
      sincos_cephes(6.283185307179586f * d[k + 8], &s, &c);
      a[k] = fma_f32(r * c, std, mean);
      b[k] = fma_f32(r * s, std, mean);
    }
    for (int k = 0; k < 8; k++) {
      d[k] = a[k];
      d[k + 8] = b[k];
    }
  }
}

static void normal_f64 (double *d, int64_t n, double mean, double std) {
  for (int64_t i = 0; i + 16 <= n; i += 16, d += 16)
    for (int k = 0; k < 8; k++) {
      double r = sqrt(-2.0 * log(1.0 - d[k])), t = 6.283185307179586476925286766559 * d[k + 8];
      d[k] = fma_f64(r * cos(t), std, mean);
      d[k + 8] = fma_f64(r * sin(t), std, mean);
    }
}

const tl_Draw TL_AT_LEVEL(tl_draw) = { uniform_f32, uniform_f64, normal_f32, normal_f64 };
