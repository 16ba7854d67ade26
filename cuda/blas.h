/*
** blas.h -- cuBLAS, opened when the first product asks for it: no start-up pays for a library of half a gigabyte, and
** a machine without it still has the kernels of gemm_plain.cu.  Its header is needed to compile, never to run.
*/
#ifndef tl_cuda_blas_h
#define tl_cuda_blas_h

#include <cublas_v2.h>

#include "cuda.h"

/* what is used of it: a name here, and its symbol */
#define CU_BLAS_SYMBOLS(X) \
  X(create,        cublasCreate_v2) \
  X(set_stream,    cublasSetStream_v2) \
  X(set_workspace, cublasSetWorkspace_v2) \
  X(set_math,      cublasSetMathMode) \
  X(set_pointers,  cublasSetPointerMode_v2) \
  X(gemm,          cublasGemmEx) \
  X(gemm_batch,    cublasGemmStridedBatchedEx) \
  X(sgemv,         cublasSgemv_v2) \
  X(dgemv,         cublasDgemv_v2) \
  X(dot,           cublasDotEx)

typedef struct cu_Blas {
#define FIELD(name, symbol) __typeof__(symbol) *name;
  CU_BLAS_SYMBOLS(FIELD)
#undef FIELD
  cublasHandle_t handle;                     /* of the current device, bound to the command's stream */
  int tf32;                                  /* TLUA_CUDA_TF32=1: products of float32 may round their factors to it */
  void *slot;                                /* blas.c's */
} cu_Blas;

/*
** A handle for this command's stream with that stream's workspace.  TL_DONE: it is held until cu_blas_give, by this
** thread alone.  TL_CANT: there is no cuBLAS here, cu_blas_why says why.  Other reasons as they are.
*/
int cu_blas_take (cu_Work *, cu_Blas *);
void cu_blas_give (cu_Blas *);

/*
** A status to a reason.  What cuBLAS says it has no kernel for is TL_CANT, and the caller computes it otherwise;
** what broke is told to cu_check under the function's name.
*/
int cu_blas_check (cu_Work *, cublasStatus_t, const char *call);

/* words about the library: which one was opened, or why none could be; NULL as long as nothing asked */
const char *cu_blas_why (void);

#endif
