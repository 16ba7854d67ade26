/*
** cublas_v2.h -- as much of cuBLAS's header as the plugin uses, with its names and numbers, for the simulator.
** The functions are in sim_blas.cpp.
*/
#ifndef tl_sim_cublas_v2_h
#define tl_sim_cublas_v2_h

#include <cuda_runtime.h>

#define CUBLAS_LINKED                        /* the functions are here; nothing has to be opened */
#define CUBLAS_VER_MAJOR 13

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_INITIALIZED = 1, CUBLAS_STATUS_ALLOC_FAILED = 3, CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_ARCH_MISMATCH = 8, CUBLAS_STATUS_MAPPING_ERROR = 11, CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_INTERNAL_ERROR = 14, CUBLAS_STATUS_NOT_SUPPORTED = 15, CUBLAS_STATUS_LICENSE_ERROR = 16
} cublasStatus_t;

typedef enum { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1, CUBLAS_OP_C = 2 } cublasOperation_t;
typedef enum { CUBLAS_POINTER_MODE_HOST = 0, CUBLAS_POINTER_MODE_DEVICE = 1 } cublasPointerMode_t;
typedef enum { CUBLAS_GEMM_DEFAULT = -1 } cublasGemmAlgo_t;
typedef enum {
  CUBLAS_DEFAULT_MATH = 0, CUBLAS_PEDANTIC_MATH = 2, CUBLAS_TF32_TENSOR_OP_MATH = 3,
  CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16
} cublasMath_t;
typedef enum { CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_64F = 70, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 } cublasComputeType_t;
typedef enum cudaDataType_t { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16F = 2, CUDA_R_16BF = 14 } cudaDataType;

typedef struct cublasContext *cublasHandle_t;

cublasStatus_t cublasCreate_v2 (cublasHandle_t *);
cublasStatus_t cublasDestroy_v2 (cublasHandle_t);
cublasStatus_t cublasSetStream_v2 (cublasHandle_t, cudaStream_t);
cublasStatus_t cublasSetWorkspace_v2 (cublasHandle_t, void *workspace, size_t bytes);
cublasStatus_t cublasSetMathMode (cublasHandle_t, cublasMath_t);
cublasStatus_t cublasSetPointerMode_v2 (cublasHandle_t, cublasPointerMode_t);

cublasStatus_t cublasGemmEx (cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k, const void *alpha,
  const void *a, cudaDataType, int lda, const void *b, cudaDataType, int ldb, const void *beta, void *c, cudaDataType, int ldc,
  cublasComputeType_t, cublasGemmAlgo_t);
cublasStatus_t cublasGemmStridedBatchedEx (cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k,
  const void *alpha, const void *a, cudaDataType, int lda, long long stride_a, const void *b, cudaDataType, int ldb,
  long long stride_b, const void *beta, void *c, cudaDataType, int ldc, long long stride_c, int items, cublasComputeType_t,
  cublasGemmAlgo_t);
cublasStatus_t cublasSgemv_v2 (cublasHandle_t, cublasOperation_t, int m, int n, const float *alpha, const float *a, int lda,
  const float *x, int incx, const float *beta, float *y, int incy);
cublasStatus_t cublasDgemv_v2 (cublasHandle_t, cublasOperation_t, int m, int n, const double *alpha, const double *a, int lda,
  const double *x, int incx, const double *beta, double *y, int incy);
cublasStatus_t cublasDotEx (cublasHandle_t, int n, const void *x, cudaDataType, int incx, const void *y, cudaDataType, int incy,
  void *result, cudaDataType, cudaDataType execution);

#ifdef __cplusplus
}
#endif
#endif
