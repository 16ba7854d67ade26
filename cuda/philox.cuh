/*
** philox.cuh -- Philox 4x32-10 (Salmon et al., 2011) and what PyTorch's CUDA generators make of its words.
**
** A draw is a pure function of (seed, counter, subsequence): PyTorch gives each thread its number as subsequence
** and counts the draws of a thread from offset / 4 on.  Uniforms lie in (0, 1].  Where nvcc fuses a product and a
** sum in PyTorch's sources it says fma here; the fast functions (__logf and such) are those PyTorch takes.
*/
#ifndef tl_cuda_philox_cuh
#define tl_cuda_philox_cuh

#include <math.h>

#include "launch.h"
#include "device/philox.h"

static __device__ __forceinline__ uint4 cu_philox (uint64_t seed, uint64_t counter, uint64_t subsequence) {
  uint32_t a = (uint32_t)counter, b = (uint32_t)(counter >> 32);
  uint32_t c = (uint32_t)subsequence, d = (uint32_t)(subsequence >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  uint4 out;
#pragma unroll
  for (int k = 0; k < 10; k++) {
    uint32_t high0 = __umulhi(0xd2511f53u, a), low0 = 0xd2511f53u * a;
    uint32_t high1 = __umulhi(0xcd9e8d57u, c), low1 = 0xcd9e8d57u * c;
    a = high1 ^ b ^ k0;
    b = low1;
    c = high0 ^ d ^ k1;
    d = low0;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  out.x = a; out.y = b; out.z = c; out.w = d;
  return out;
}

static __device__ __forceinline__ float cu_unit (uint32_t v) { return fmaf((float)v, 0x1p-32f, 0x1p-33f); }
static __device__ __forceinline__ double cu_unit (uint32_t low, uint32_t high) {
  return fma((double)((uint64_t)low ^ (uint64_t)high << 21), 0x1p-53, 0x1p-54);
}

static __device__ __forceinline__ float cu_fast_log (float x) {
#if defined(__CUDA_ARCH__)
  return __logf(x);
#else
  return logf(x);
#endif
}
static __device__ __forceinline__ float cu_fast_exp (float x) {
#if defined(__CUDA_ARCH__)
  return __expf(x);
#else
  return expf(x);
#endif
}
static __device__ __forceinline__ float cu_fast_tan (float x) {
#if defined(__CUDA_ARCH__)
  return __tanf(x);
#else
  return tanf(x);
#endif
}

/* Box and Muller: two words of float, or four of double, make two normals; the sine comes first */
static __device__ __forceinline__ void cu_normal (uint32_t x, uint32_t y, float *one, float *two) {
  const float turn = 0x1p-32f * 6.2831855f;
  float r = sqrtf(-2.0f * logf(cu_unit(x))), angle = fmaf((float)y, turn, turn / 2);
#if defined(__CUDA_ARCH__)
  __sincosf(angle, one, two);
#else
  *one = sinf(angle);
  *two = cosf(angle);
#endif
  *one *= r;
  *two *= r;
}
static __device__ __forceinline__ void cu_normal (const uint4 &v, double *one, double *two) {
  double r = sqrt(-2.0 * log(cu_unit(v.x, v.y)));
  double half_turns = fma((double)((uint64_t)v.z ^ (uint64_t)v.w << 21), 0x1p-52, 0x1p-53);
#if defined(__CUDA_ARCH__)
  sincospi(half_turns, one, two);
#else
  *one = sin(half_turns * 3.1415926535897932);
  *two = cos(half_turns * 3.1415926535897932);
#endif
  *one *= r;
  *two *= r;
}

/* what a command has drawn: one thread, when all others are done */
static __device__ inline void cu_advance (tl_PhiloxState *s, uint64_t used) { s->offset += used; }

#endif
