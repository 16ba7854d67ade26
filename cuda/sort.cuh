/*
** sort.cuh -- stable sorting of keys with their positions, and counting within a block.
*/
#ifndef tl_cuda_sort_cuh
#define tl_cuda_sort_cuh

#include "launch.h"

/* keys and positions are uint32_t, or uint64_t where `wide` */
typedef struct cu_Sorted {
  int wide;
  const void *keys, *order;                  /* ascending; order[i] is where keys[i] stood, ties as they stood */
} cu_Sorted;

/* n keys below 2^bits, in scratch memory that is overwritten; the result lies in scratch memory, too */
int cu_sort (cu_Work *, int64_t n, int bits, int wide, void *keys, cu_Sorted *);

static inline int cu_sort_wide (int64_t n, int bits) { return bits > 32 || n > (int64_t)UINT32_MAX; }

static __device__ __forceinline__ uint64_t cu_sorted (const void *v, int wide, int64_t i) {
  return wide ? ((const uint64_t *)v)[i] : ((const uint32_t *)v)[i];
}

/*
** In a block of 256 threads, all of them: the sum of v over the threads before this one, and over all.
** room: 8 places in shared memory; it may be used again at once.
*/
template <class V> static __device__ inline V cu_before (V v, V *room, V *total) {
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  V sum = v, before = 0, all = 0;
#pragma unroll
  for (int d = 1; d < 32; d *= 2) {
    V other = __shfl_up_sync(0xffffffffu, sum, d);
    if (lane >= d) sum += other;
  }
  __syncthreads();
  if (lane == 31) room[warp] = sum;
  __syncthreads();
#pragma unroll
  for (int k = 0; k < 8; k++) {
    if (k < warp) before += room[k];
    all += room[k];
  }
  *total = all;
  return before + sum - v;
}

#endif
