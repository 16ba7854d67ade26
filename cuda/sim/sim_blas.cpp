/*
** sim_blas.cpp -- a cuBLAS for the simulator: products by plain loops, queued on the stream as kernels are.
**
** It takes nothing that the real one refuses (leading dimensions, increments, types), and refuses more than that, where
** the real one would go on and be wrong or slow: a handle of another card, or no workspace of the caller's.  What is
** refused is the plugin's mistake, so it is told on stderr and answered as a failure, not as "invalid value", for which
** the plugin would look for another way.
*/
#include <stdio.h>

#include <vector>

#include "cublas_v2.h"
#include "sim.h"
#include "half.cuh"

struct cublasContext {
  unsigned magic;
  int device;
  cudaStream_t stream;
  void *workspace;
  cublasPointerMode_t pointers;
  cublasMath_t math;
};

namespace {

enum : unsigned { ALIVE = 0xb1a5b1a5u };

cublasStatus_t wrong (const char *call, const char *what) {
  fprintf(stderr, "simulated cuBLAS: %s: %s\n", call, what);
  return CUBLAS_STATUS_EXECUTION_FAILED;
}

/* SUCCESS: the handle may multiply now */
cublasStatus_t ready (cublasHandle_t h, const char *call) {
  int device = -1;
  if (!h || h->magic != ALIVE) return wrong(call, "this is no handle");
  if (cudaGetDevice(&device) != cudaSuccess || device != h->device) return wrong(call, "the handle is of another device");
  if (!h->workspace) return wrong(call, "no workspace was set since the stream was");
  return CUBLAS_STATUS_SUCCESS;
}

template <class F> cublasStatus_t queue (cublasHandle_t h, const char *call, F work) {
  cudaError_t e = sim_queue(h->stream, call, [work] { work(); return cudaSuccess; });
  return e == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

int width (cudaDataType t) { return t == CUDA_R_64F ? 8 : t == CUDA_R_32F ? 4 : 2; }

template <class T> T get (const void *p, cudaDataType t, int64_t i) {
  switch (t) {
    case CUDA_R_64F: return (T)((const double *)p)[i];
    case CUDA_R_32F: return (T)((const float *)p)[i];
    case CUDA_R_16F: return (T)cu_f16_up(((const uint16_t *)p)[i]);
    default: return (T)cu_bf16_up(((const uint16_t *)p)[i]);
  }
}
template <class T> void put (void *p, cudaDataType t, int64_t i, T v) {
  switch (t) {
    case CUDA_R_64F: ((double *)p)[i] = (double)v; break;
    case CUDA_R_32F: ((float *)p)[i] = (float)v; break;
    case CUDA_R_16F: ((uint16_t *)p)[i] = cu_f16_down((float)v); break;
    default: ((uint16_t *)p)[i] = cu_bf16_down((float)v);
  }
}

typedef struct Product {
  int ta, tb, m, n, k, lda, ldb, ldc, items;
  int64_t sa, sb, sc;
  const char *a, *b;
  char *c;
  cudaDataType type;
  double alpha, beta;                        /* or where they lie on the device */
  const void *alpha_at, *beta_at;
} Product;

/* column-major; op(A) is gathered once, so that the inner loop runs along packed columns */
template <class T> static void multiply (const Product &p) {
  T alpha = (T)p.alpha, beta = (T)p.beta;
  std::vector<T> a((size_t)p.m * (size_t)p.k), sum((size_t)p.m);
  if (p.alpha_at) alpha = *(const T *)p.alpha_at;
  if (p.beta_at) beta = *(const T *)p.beta_at;
  for (int item = 0; item < p.items; item++) {
    const char *pa = p.a + item * p.sa * width(p.type), *pb = p.b + item * p.sb * width(p.type);
    char *pc = p.c + item * p.sc * width(p.type);
    if (item == 0 || p.sa != 0)
      for (int64_t d = 0; d < p.k; d++)
        for (int64_t i = 0; i < p.m; i++) a[d * p.m + i] = get<T>(pa, p.type, p.ta ? d + i * p.lda : i + d * p.lda);
    for (int64_t j = 0; j < p.n; j++) {
      T *s = sum.data();
      for (int64_t i = 0; i < p.m; i++) s[i] = 0;
      for (int64_t d = 0; d < p.k; d++) {
        T f = get<T>(pb, p.type, p.tb ? j + d * p.ldb : d + j * p.ldb);
        const T *x = a.data() + d * p.m;
        for (int64_t i = 0; i < p.m; i++) s[i] += f * x[i];
      }
      for (int64_t i = 0; i < p.m; i++) {
        int64_t at = i + j * p.ldc;
        put<T>(pc, p.type, at, beta == 0 ? alpha * s[i] : alpha * s[i] + beta * get<T>(pc, p.type, at));
      }
    }
  }
}

cublasStatus_t gemm (const char *call, cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, Product p, const void *alpha,
                     const void *beta, cudaDataType at, cudaDataType bt, cudaDataType ct, cublasComputeType_t compute) {
  cublasStatus_t status = ready(h, call);
  int wide = ct == CUDA_R_64F;
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  p.ta = ta != CUBLAS_OP_N;
  p.tb = tb != CUBLAS_OP_N;
  p.type = ct;
  if (p.m < 0 || p.n < 0 || p.k < 0 || p.items < 0) return wrong(call, "a size is negative");
  if (p.lda < (p.ta ? p.k : p.m) || p.lda < 1) return wrong(call, "lda is too small");
  if (p.ldb < (p.tb ? p.n : p.k) || p.ldb < 1) return wrong(call, "ldb is too small");
  if (p.ldc < p.m || p.ldc < 1) return wrong(call, "ldc is too small");
  if (at != ct || bt != ct) return wrong(call, "types differ");
  if (wide != (compute == CUBLAS_COMPUTE_64F)) return wrong(call, "the compute type does not go with the types");
  if (!alpha || !beta) return wrong(call, "alpha or beta is missing");
  if (h->pointers == CUBLAS_POINTER_MODE_HOST) {
    p.alpha = wide ? *(const double *)alpha : *(const float *)alpha;
    p.beta = wide ? *(const double *)beta : *(const float *)beta;
  }
  else {
    p.alpha_at = alpha;
    p.beta_at = beta;
  }
  if (p.m == 0 || p.n == 0 || p.items == 0) return CUBLAS_STATUS_SUCCESS;
  return queue(h, call, [p, wide] { if (wide) multiply<double>(p); else multiply<float>(p); });
}

template <class T> cublasStatus_t gemv (const char *call, cublasHandle_t h, cublasOperation_t op, int m, int n, const T *alpha,
                                        const T *a, int lda, const T *x, int incx, const T *beta, T *y, int incy) {
  cublasStatus_t status = ready(h, call);
  int turned = op != CUBLAS_OP_N;
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (m < 0 || n < 0 || lda < m || lda < 1 || incx == 0 || incy == 0) return wrong(call, "a size, lda or an increment is wrong");
  if (incx < 0 || incy < 0 || h->pointers != CUBLAS_POINTER_MODE_HOST) return wrong(call, "not simulated");
  T f = *alpha, keep = *beta;
  auto work = [=] {
    int rows = turned ? n : m, inner = turned ? m : n;
    for (int64_t i = 0; i < rows; i++) {
      T s = 0;
      for (int64_t d = 0; d < inner; d++) s += a[turned ? d + i * lda : i + d * lda] * x[d * incx];
      y[i * incy] = keep == 0 ? f * s : f * s + keep * y[i * incy];
    }
  };
  return queue(h, call, work);
}

template <class T> void dot (int n, const void *x, int incx, const void *y, int incy, void *result, cudaDataType type) {
  T lane[8] = { 0 };
  for (int64_t i = 0; i < n; i++) lane[i & 7] += get<T>(x, type, i * incx) * get<T>(y, type, i * incy);
  put<T>(result, type, 0, ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7])));
}

}

extern "C" {

cublasStatus_t cublasCreate_v2 (cublasHandle_t *h) {
  int device;
  if (!h) return CUBLAS_STATUS_INVALID_VALUE;
  if (cudaGetDevice(&device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *h = new cublasContext{ ALIVE, device, NULL, NULL, CUBLAS_POINTER_MODE_HOST, CUBLAS_DEFAULT_MATH };
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2 (cublasHandle_t h) {
  if (!h || h->magic != ALIVE) return wrong("cublasDestroy", "this is no handle");
  h->magic = 0;
  delete h;
  return CUBLAS_STATUS_SUCCESS;
}

/* as the real one: the caller's workspace is forgotten */
cublasStatus_t cublasSetStream_v2 (cublasHandle_t h, cudaStream_t stream) {
  if (!h || h->magic != ALIVE) return wrong("cublasSetStream", "this is no handle");
  h->stream = stream;
  h->workspace = NULL;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2 (cublasHandle_t h, void *workspace, size_t bytes) {
  const char *call = "cublasSetWorkspace";
  if (!h || h->magic != ALIVE) return wrong(call, "this is no handle");
  if ((uintptr_t)workspace % 256 != 0) return wrong(call, "a workspace starts at a multiple of 256 bytes");
  if (!workspace || bytes < (size_t)64 << 10) return wrong(call, "this workspace is too small to be of use");
  cudaPointerAttributes facts;
  if (cudaPointerGetAttributes(&facts, workspace) != cudaSuccess || facts.type != cudaMemoryTypeDevice || facts.device != h->device)
    return wrong(call, "a workspace is memory of the handle's device");
  h->workspace = workspace;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode (cublasHandle_t h, cublasMath_t mode) {
  if (!h || h->magic != ALIVE) return wrong("cublasSetMathMode", "this is no handle");
  h->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode_v2 (cublasHandle_t h, cublasPointerMode_t mode) {
  if (!h || h->magic != ALIVE) return wrong("cublasSetPointerMode", "this is no handle");
  h->pointers = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx (cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k, const void *alpha,
                             const void *a, cudaDataType at, int lda, const void *b, cudaDataType bt, int ldb, const void *beta,
                             void *c, cudaDataType ct, int ldc, cublasComputeType_t compute, cublasGemmAlgo_t) {
  Product p = { 0, 0, m, n, k, lda, ldb, ldc, 1, 0, 0, 0, (const char *)a, (const char *)b, (char *)c, ct, 0, 0, NULL, NULL };
  return gemm("cublasGemmEx", h, ta, tb, p, alpha, beta, at, bt, ct, compute);
}

cublasStatus_t cublasGemmStridedBatchedEx (cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                                           const void *alpha, const void *a, cudaDataType at, int lda, long long sa, const void *b,
                                           cudaDataType bt, int ldb, long long sb, const void *beta, void *c, cudaDataType ct,
                                           int ldc, long long sc, int items, cublasComputeType_t compute, cublasGemmAlgo_t) {
  Product p = { 0, 0, m, n, k, lda, ldb, ldc, items, sa, sb, sc, (const char *)a, (const char *)b, (char *)c, ct, 0, 0, NULL, NULL };
  if (items > 1 && sc == 0) return wrong("cublasGemmStridedBatchedEx", "all items write to one place");
  return gemm("cublasGemmStridedBatchedEx", h, ta, tb, p, alpha, beta, at, bt, ct, compute);
}

cublasStatus_t cublasSgemv_v2 (cublasHandle_t h, cublasOperation_t op, int m, int n, const float *alpha, const float *a, int lda,
                               const float *x, int incx, const float *beta, float *y, int incy) {
  return gemv<float>("cublasSgemv", h, op, m, n, alpha, a, lda, x, incx, beta, y, incy);
}
cublasStatus_t cublasDgemv_v2 (cublasHandle_t h, cublasOperation_t op, int m, int n, const double *alpha, const double *a, int lda,
                               const double *x, int incx, const double *beta, double *y, int incy) {
  return gemv<double>("cublasDgemv", h, op, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

cublasStatus_t cublasDotEx (cublasHandle_t h, int n, const void *x, cudaDataType xt, int incx, const void *y, cudaDataType yt,
                            int incy, void *result, cudaDataType rt, cudaDataType execution) {
  const char *call = "cublasDotEx";
  cublasStatus_t status = ready(h, call);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (xt != rt || yt != rt || (execution == CUDA_R_64F) != (rt == CUDA_R_64F)) return wrong(call, "types differ");
  if (h->pointers != CUBLAS_POINTER_MODE_DEVICE) return wrong(call, "a result on the host makes the host wait");
  if (incx < 0 || incy < 0) return wrong(call, "not simulated");
  auto work = [=] {
    if (rt == CUDA_R_64F) dot<double>(n, x, incx, y, incy, result, rt);
    else dot<float>(n, x, incx, y, incy, result, rt);
  };
  return queue(h, call, work);
}

}
