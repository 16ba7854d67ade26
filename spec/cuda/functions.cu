/*
** functions.cu -- what the simulator gives to kernels, against values known by hand or computed another way:
** bits, casts, warp operations, barriers with a vote, atomics, the positions of threads.  Prints "fine", or the lines
** that are not.
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "launch.h"

static int bad;
static void tell (int line, const char *what, double x, double y) {
  printf("line %d: %s is %.17g, not %.17g\n", line, what, x, y);
  bad++;
}
#define IS(x, y) \
  do { if (!((x) == (y))) tell(__LINE__, #x, (double)(x), (double)(y)); } while (0)
#define NEAR(x, y, tol) \
  do { if (!(fabs((double)(x) - (double)(y)) <= (tol))) tell(__LINE__, #x, (double)(x), (double)(y)); } while (0)

static void run (cudaError_t e) {
  if (e == cudaSuccess) e = cudaDeviceSynchronize();
  if (e != cudaSuccess) { printf("%s\n", cudaGetErrorString(e)); exit(1); }
}

static __global__ void bits (int) {
  IS(__popc(0xF0F0u), 8); IS(__popcll(~0ull), 64); IS(__ffs(0), 0); IS(__ffs(8), 4); IS(__ffsll(1ll << 40), 41);
  IS(__clz(0), 32); IS(__clz(1), 31); IS(__clz(-1), 0); IS(__clzll(1), 63); IS(__clzll(0), 64);
  IS(__brev(1), 0x80000000u); IS(__brevll(2), 1ull << 62);
  IS(__umulhi(0xFFFFFFFFu, 0xFFFFFFFFu), 0xFFFFFFFEu); IS(__mulhi(-1, 1), -1); IS(__umul64hi(1ull << 63, 6), 3ull);
  IS(__mul64hi(-1, 1), -1ll);
  IS(__byte_perm(0x33221100u, 0x77665544u, 0x7531u), 0x77553311u);
  IS(__funnelshift_l(0x80000000u, 1, 1), 3u); IS(__funnelshift_r(2, 1, 1), 0x80000001u);
  IS(__float_as_uint(1.0f), 0x3F800000u); IS(__int_as_float(0x40000000), 2.0f);
  IS(__double_as_longlong(1.0), 0x3FF0000000000000ll);
  IS(__float2int_rn(2.5f), 2); IS(__float2int_rz(-2.5f), -2); IS(__float2int_rd(-2.5f), -3);
  IS(__float2int_ru(2.1f), 3);
  IS(__float2int_rz(NAN), 0); IS(__float2int_rz(1e20f), INT32_MAX); IS(__float2uint_rz(-1.0f), 0u);
  IS(__double2ll_rn(1e300), INT64_MAX); IS(__double2ll_rz(-1e300), INT64_MIN);
  IS(min(3u, 2u), 2u); IS(max(-1, 1), 1); IS(min(2.0f, NAN), 2.0f); IS(max(1.0f, 2.0), 2.0);
  IS(__saturatef(NAN), 0.0f); IS(__fmaf_rn(1 + 0x1p-12f, 1 + 0x1p-12f, -1), 0x1p-11f + 0x1p-24f);
  NEAR(rsqrt(4.0), 0.5, 0); NEAR(rsqrtf(2.0f), 0.70710678f, 0); NEAR(sinpi(0.5), 1, 0); NEAR(sinpi(1.0), 0, 0);
  NEAR(cospi(1.0), -1, 0); NEAR(cospi(0.5), 0, 0); NEAR(normcdf(0.0), 0.5, 0);
  for (double x : { -4.0, -2.0, -0.5, -1e-9, 0.0, 1e-3, 0.3, 1.0, 2.5, 3.5 })
    NEAR(erfinv(erf(x)), x, 1e-9 + 1e-7 * (fabs(x) > 3));
  IS(erfinv(1.0), (double)INFINITY); IS(isnan(erfinv(2.0)), true);
}

/* a block of 64 threads, so two warps */
static __global__ void warps (int) {
  int t = (int)threadIdx.x, lane = t & 31, first = t & ~31;
  const unsigned all = ~0u;
  IS(__shfl_sync(all, t, 5), first + 5);
  IS(__shfl_sync(all, t, 9, 8), first + (lane & ~7) + 1);
  IS(__shfl_up_sync(all, t, 3), lane < 3 ? t : t - 3);
  IS(__shfl_up_sync(all, t, 1, 4), (lane & 3) == 0 ? t : t - 1);
  IS(__shfl_down_sync(all, t, 3), lane > 28 ? t : t + 3);
  IS(__shfl_down_sync(all, t, 2, 16), (lane & 15) > 13 ? t : t + 2);
  IS(__shfl_xor_sync(all, 1.5 * t, 16), 1.5 * (t ^ 16));
  IS(__shfl_xor_sync(all, (long long)t << 40, 1), (long long)(t ^ 1) << 40);
  IS(__ballot_sync(all, lane & 1), 0xAAAAAAAAu);
  IS(__any_sync(all, lane == 7), 1);
  IS(__all_sync(all, lane != 7), 0);
  IS(__all_sync(all, 5), 1);
  IS(__match_any_sync(all, (unsigned)(lane % 2)), lane % 2 ? 0xAAAAAAAAu : 0x55555555u);
  IS(__reduce_add_sync(all, t), 32 * first + 496);
  IS(__reduce_min_sync(all, 3 - lane), -28);
  IS(__reduce_max_sync(all, (unsigned)(3 - lane)), 0xFFFFFFFFu);
  IS(__reduce_or_sync(all, 1u << lane), all);
  if (lane < 8) IS(__shfl_xor_sync(0xFFu, t, 4), t ^ 4);
  else IS(__shfl_xor_sync(0xFFFFFF00u, t, 1), t ^ 1);
  __syncwarp();
  IS(__activemask(), all);
  IS(__syncthreads_count(t < 40), 40);
  IS(__syncthreads_or(t == 63), 1);
  IS(__syncthreads_or(0), 0);
  IS(__syncthreads_and(t >= 0), 1);
  IS(__syncthreads_and(t > 0), 0);
}

static __global__ void sums (unsigned long long *total, float *f, int *most, int *places) {
  unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  unsigned i = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * (threadIdx.z + blockDim.z * block));
  places[i]++;
  atomicAdd(total, (unsigned long long)i);
  atomicAdd(f, 1.0f);
  atomicMax(most, (int)i);
  CU_SHARED(int, count, 1);
  CU_DYN_SHARED(double, more);
  if (threadIdx.x + threadIdx.y + threadIdx.z == 0) count[0] = 0, more[3] = 4;
  __syncthreads();
  atomicAdd(&count[0], 1);
  __syncthreads();
  IS(count[0], 30);
  IS(more[3], 4);
}

int main () {
  run(cu_begin(bits, dim3(1), dim3(1), 0, 0, 0));
  run(cu_begin(warps, dim3(2), dim3(64), 0, 0, 0));
  unsigned long long *total;
  float *f;
  int *most, *places;
  run(cudaMallocHost(&total, sizeof *total));
  run(cudaMallocHost(&f, sizeof *f));
  run(cudaMallocHost(&most, sizeof *most));
  run(cudaMallocHost(&places, 720 * sizeof(int)));
  *total = 0; *f = 0; *most = -1;
  for (int i = 0; i < 720; i++) places[i] = 0;
  run(cu_begin(sums, dim3(4, 3, 2), dim3(5, 3, 2), 64, 0, total, f, most, places));
  IS(*total, 720ull * 719 / 2); IS(*f, 720.0f); IS(*most, 719);
  for (int i = 0; i < 720; i++) IS(places[i], 1);
  cudaDeviceProp p;
  run(cudaGetDeviceProperties(&p, 0));
  printf("%s\n", p.name);
  if (bad == 0) puts("fine");
  return bad != 0;
}
