/*
** cuda.h -- what the files of the plugin share.  Host files are C11, kernels CUDA C++ (*.cu); the same files,
** built by g++ with sim/ first on the include path and TL_CUDA_SIM defined, are the simulator.
**
** Rules that let both compilers read the kernels: no <<<>>> (launch.h), no inline PTX outside #if __CUDA_ARCH__,
** shared memory by CU_SHARED and CU_DYN_SHARED, warp intrinsics only in their _sync form with full masks.
*/
#ifndef tl_cuda_h
#define tl_cuda_h

#include <cuda_runtime.h>

#include "device/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
** The first fault of the kernels on a device, in mapped pinned memory: `reason` is claimed by compare-and-swap
** from 0, then the rest is written.  The host reads and clears it after a wait.
*/
typedef struct cu_Fault {
  int reason;                                /* a tl_Reason, 0: none */
  int ready;                                 /* 1: the rest is written */
  int64_t value, size, dim;
  uint64_t what;                             /* env->what, as a number */
} cu_Fault;

typedef struct cu_Gpu cu_Gpu;

/* what a command runs under; made by plugin.c for each */
typedef struct cu_Work {
  cu_Gpu *gpu;
  cudaStream_t stream;
  cu_Fault *fault;                           /* for kernels: the word's device address */
  uint64_t what;                             /* for kernels: goes into fault->what */
  tl_Env *env;
  int processors, threads;                   /* multiprocessors; resident threads of each */
  int major, minor;                          /* compute capability */
  size_t shared;                             /* bytes of shared memory that a block may ask for, */
  int arguments;                             /* and of a kernel's arguments */
  unsigned *ticket;                          /* for kernels: a word of the stream's own, 0 between them */
  struct cu_Scratch *scratch;                /* memory.c: blocks to give back when the command has been queued */
} cu_Work;

/*
** Device memory that only this command uses (16-byte aligned to 512); given back by plugin.c after the command
** was queued, and safe then, since the stream is in order.  NULL: none left (return TL_NOMEM).
*/
void *cu_scratch (cu_Work *, size_t bytes);

/* after a CUDA call: TL_DONE, or TL_BROKEN with the words kept for `why`; call is the function's name */
int cu_check (cu_Work *, cudaError_t, const char *call);

/* the verbs: each queues its work on w->stream and gives a tl_Reason; none waits */
int cu_fill (const tl_Cmd *, cu_Work *);     /* copy.cu */
int cu_copy (const tl_Cmd *, cu_Work *);
int cu_range (const tl_Cmd *, cu_Work *);
int cu_map (const tl_Cmd *, cu_Work *);      /* map.cu */
int cu_reduce (const tl_Cmd *, cu_Work *);   /* reduce.cu */
int cu_scan (const tl_Cmd *, cu_Work *);
int cu_softmax (const tl_Cmd *, cu_Work *);
int cu_nll (const tl_Cmd *, cu_Work *);
int cu_gather (const tl_Cmd *, cu_Work *);   /* index.cu */
int cu_scatter (const tl_Cmd *, cu_Work *);
int cu_offset (const tl_Cmd *, cu_Work *);
int cu_nonzero (const tl_Cmd *, cu_Work *);
int cu_must (const tl_Cmd *, cu_Work *);
int cu_random (const tl_Cmd *, cu_Work *);   /* random.cu */
int cu_step (const tl_Cmd *, cu_Work *);     /* step.cu */
int cu_gemm (const tl_Cmd *, cu_Work *);     /* gemm.c */
int cu_gemm_plain (const tl_Cmd *, cu_Work *);   /* gemm_plain.cu: integers, and where cuBLAS can't be had */

#ifdef __cplusplus
}
#endif
#endif
