/*
** launch.h -- the one place where kernels are started, and what kernels say to both compilers.  For .cu files.
*/
#ifndef tl_cuda_launch_h
#define tl_cuda_launch_h

#include "cuda.h"

#if defined(TL_CUDA_SIM)
#include "sim.h"                             /* CU_SHARED, CU_DYN_SHARED, sim_launch */
#else
#define CU_SHARED(T, name, n)      __shared__ T name[n]              /* T name[n], of the block */
#define CU_DYN_SHARED(T, name)     extern __shared__ __align__(16) unsigned char cu_dynamic[]; T *name = (T *)cu_dynamic
#endif

#if defined(TL_CUDA_SIM)
template <class... P, class... A>
static inline cudaError_t cu_begin (void (*kernel) (P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... args) {
  return sim_launch(kernel, grid, block, shared, stream, (P)args...);
}
#else
template <class... P>
static inline cudaError_t cu_begin_with (void (*kernel) (P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, P... args) {
  void *list[] = { (void *)&args... };
  return cudaLaunchKernel((const void *)kernel, grid, block, list, shared, stream);
}
template <class... P, class... A>
static inline cudaError_t cu_begin (void (*kernel) (P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... args) {
  return cu_begin_with<P...>(kernel, grid, block, shared, stream, (P)args...);
}
#endif

/*
** Above 48 KB, its own variables counted, a kernel must ask for its shared memory before.  It asks for all that it may
** ever have (CU_OWN is left to those variables): another thread's launch of it may be under way, and needs its own.
*/
enum { CU_OWN = 1024 };
template <class... P, class... A>
static inline cudaError_t cu_start (cu_Work *w, void (*kernel) (P...), dim3 grid, dim3 block, size_t shared, A... args) {
  if (shared + CU_OWN > 48 << 10) {
    cudaError_t e = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)w->shared - CU_OWN);
    if (e != cudaSuccess) return e;
  }
  return cu_begin(kernel, grid, block, shared, w->stream, args...);
}

/* a tl_Reason */
#define CU_LAUNCH(w, kernel, grid, block, shared, ...) \
  cu_check(w, cu_start(w, kernel, grid, block, shared, __VA_ARGS__), #kernel)

/*
** In a kernel: the first fault of the device is kept, later ones are not.  The word lies in the host's memory, and the
** host clears it while kernels of other streams may run: so the swap is one for the whole system.
*/
#if defined(__CUDA_ARCH__)
#define CU_CLAIM  atomicCAS_system
#else
#define CU_CLAIM  atomicCAS
#endif
static __device__ inline void cu_fault (cu_Fault *f, uint64_t what, int reason, int64_t value, int64_t size, int64_t dim) {
  if (CU_CLAIM(&f->reason, 0, reason) != 0) return;
  f->value = value;
  f->size = size;
  f->dim = dim;
  f->what = what;
  __threadfence_system();
  *(volatile int *)&f->ready = 1;
}

#endif
