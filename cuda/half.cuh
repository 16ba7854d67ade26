/*
** half.cuh -- the two 16-bit float types as bits: up to float exactly, down to nearest even, NaN stays NaN.
** The hardware's conversions where there is hardware; else, and on the host, the same by integers.
*/
#ifndef tl_cuda_half_cuh
#define tl_cuda_half_cuh

#include <stdint.h>
#include <string.h>
#include <cuda_runtime.h>

#define CU_BOTH static inline __host__ __device__

CU_BOTH float cu_bits_f32 (uint32_t u) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(u);
#else
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
#endif
}
CU_BOTH uint32_t cu_f32_bits (float f) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(f);
#else
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  return u;
#endif
}

CU_BOTH float cu_f16_up (uint16_t h) {
#if defined(__CUDA_ARCH__)
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
#else
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = (uint32_t)(h & 0x7fff) << 13;
  if (rest >= 0x7c00u << 13) return cu_bits_f32(sign | 0x7f800000 | rest | (rest > 0x7c00u << 13 ? 0x400000 : 0));
  if (rest >= 0x0400u << 13) return cu_bits_f32(sign | (rest + (112u << 23)));
  return cu_bits_f32(sign | cu_f32_bits(cu_bits_f32(rest + (113u << 23)) - cu_bits_f32(113u << 23)));  /* below 2^-14 */
#endif
}

CU_BOTH uint16_t cu_f16_down (float f) {
#if defined(__CUDA_ARCH__)
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
#else
  uint32_t u = cu_f32_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff, h;
  if (a > 0x7f800000) h = 0x7e00 | (a >> 13 & 0x3ff);
  else if (a >= 0x47800000) h = 0x7c00;                                                 /* 65536 and above */
  else if (a < 0x38800000) h = cu_f32_bits(cu_bits_f32(a) + 0.5f) - cu_f32_bits(0.5f);  /* the sum rounds to 2^-24 */
  else h = (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13;                            /* carries into inf rightly */
  return (uint16_t)(sign | h);
#endif
}

CU_BOTH float cu_bf16_up (uint16_t h) { return cu_bits_f32((uint32_t)h << 16); }

CU_BOTH uint16_t cu_bf16_down (float f) {
  uint32_t u = cu_f32_bits(f);
  return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#endif
