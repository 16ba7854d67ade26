/*
** fun.cuh -- the functions of the formulas for kernels, by suffix f32 f64 i64: what all devices share
** (src/device/fun_real.h, fun_int.h) over CUDA's library.  CUDA's float functions are within 2 ulp of the true
** value, but for tan erfc acosh (4), pow (4), sinh asinh atanh atan2 hypot (3): they are PyTorch's there.
*/
#ifndef tl_cuda_fun_cuh
#define tl_cuda_fun_cuh

#include <math.h>
#include <stdint.h>
#include <cuda_runtime.h>

#define FUN           static __device__ __forceinline__
#define LIB(name, f)  name##f

FUN uint32_t f32_bits (float x) { return __float_as_uint(x); }
FUN uint64_t f64_bits (double x) { return (uint64_t)__double_as_longlong(x); }
FUN float fma_f32 (float a, float b, float c) { return fmaf(a, b, c); }
FUN double fma_f64 (double a, double b, double c) { return fma(a, b, c); }

FUN float exp_f32 (float x) { return expf(x); }
FUN float exp2_f32 (float x) { return exp2f(x); }
FUN float expm1_f32 (float x) { return expm1f(x); }
FUN float log_f32 (float x) { return logf(x); }
FUN float log2_f32 (float x) { return log2f(x); }
FUN float log10_f32 (float x) { return log10f(x); }
FUN float log1p_f32 (float x) { return log1pf(x); }
FUN float sin_f32 (float x) { return sinf(x); }
FUN float cos_f32 (float x) { return cosf(x); }
FUN float tanh_f32 (float x) { return tanhf(x); }
FUN float erf_f32 (float x) { return erff(x); }
FUN float erfc_f32 (float x) { return erfcf(x); }

#include "device/fun_real.h"
#include "device/fun_int.h"

#endif
