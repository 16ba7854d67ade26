/*
** gemm.c -- matrix products: from strides to calls of cuBLAS.
**
** cuBLAS thinks in columns.  A C whose rows are packed is the transpose of a column-major matrix, so its product is
** C' = B' A': the factors change places and nothing is copied.  A factor with one packed dim is taken as it lies, with
** or without the transpose flag; one without is packed by a copy first.  Batch dims that follow on each other in all
** three operands are one; the largest of what is left becomes a strided batch (stride 0 where a factor is shared),
** the others are loops of calls.
**
** Integers, mixed dtypes, an empty inner dim and what is beyond cuBLAS's 32-bit sizes go to gemm_plain.cu.
** Scratch memory is taken before the handle is, and given back after: no lock is held over the allocator.
*/
#include <string.h>

#include "blas.h"

#define MOST_ITEMS 65535                     /* of one batched call */

typedef struct Mat {
  char *data;
  int64_t rows, cols, row, col;              /* strides in elements */
  int64_t batch[TL_MAXDIM];                  /* strides of the batch dims, in elements */
} Mat;

typedef struct Product {
  const tl_Cmd *cmd;
  cu_Work *w;
  cu_Blas blas;
  int dtype, width, ndim;                    /* in memory */
  int64_t size[TL_MAXDIM];
  Mat c, a, b;
} Product;

static int64_t most (int64_t a, int64_t b) { return a > b ? a : b; }
static int width_of (int dtype) { return dtype == TL_f64 ? 8 : dtype == TL_f32 ? 4 : 2; }
static int is_float (int dtype) { return dtype == TL_f32 || dtype == TL_f64 || dtype == TL_f16 || dtype == TL_bf16; }

/* ---- layouts ---- */

/* columns of packed elements; the stride of a dim of size 1 is anything, and then the other one decides */
static int by_columns (const Mat *x) {
  return (x->row == 1 || x->rows == 1) && (x->cols == 1 || x->col >= most(1, x->rows));
}
static int by_rows (const Mat *x) {
  return (x->col == 1 || x->cols == 1) && (x->rows == 1 || x->row >= most(1, x->cols));
}
static int64_t lead_of_columns (const Mat *x) { return x->cols == 1 ? most(1, x->rows) : x->col; }
static int64_t lead_of_rows (const Mat *x) { return x->rows == 1 ? most(1, x->cols) : x->row; }

/* adds a dim to a copy, joined to the one outside of it where both operands allow */
static void add_dim (tl_Cmd *c, int64_t size, int64_t to, int64_t from) {
  int d = c->ndim - 1;
  if (size == 1) return;
  if (d >= 0 && c->arg[0].stride[d] == to * size && c->arg[1].stride[d] == from * size) c->size[d] *= size;
  else c->size[d = c->ndim++] = size;
  c->arg[0].stride[d] = to;
  c->arg[1].stride[d] = from;
}

static int copy (Product *p, const Mat *to, const Mat *from) {
  tl_Cmd c;
  memset(&c, 0, sizeof c);
  c.verb = TL_COPY;
  c.dtype = c.out = (uint8_t)p->dtype;
  c.narg = 2;
  c.nout = 1;
  for (int k = 0; k < 2; k++) {
    c.arg[k].data = k ? from->data : to->data;
    c.arg[k].dtype = c.arg[k].via = (uint8_t)p->dtype;
  }
  for (int d = 0; d < p->ndim; d++)          /* what is broadcast is copied once */
    if (to->batch[d]) add_dim(&c, p->size[d], to->batch[d] * p->width, from->batch[d] * p->width);
  add_dim(&c, to->rows, to->row * p->width, from->row * p->width);
  add_dim(&c, to->cols, to->col * p->width, from->col * p->width);
  c.keep = c.ndim;
  return cu_copy(&c, p->w);
}

/* x becomes scratch memory of the same sizes, packed row by row */
static int fresh (Product *p, Mat *x) {
  int64_t step = x->rows * x->cols;
  x->row = x->cols;
  x->col = 1;
  for (int d = p->ndim - 1; d >= 0; d--) {
    if (x->batch[d] == 0) continue;
    x->batch[d] = step;
    step *= p->size[d];
  }
  x->data = cu_scratch(p->w, (size_t)step * (size_t)p->width);
  return x->data ? TL_DONE : TL_NOMEM;
}

static int pack (Product *p, Mat *x) {
  Mat from = *x;
  int reason = fresh(p, x);
  return reason ? reason : copy(p, x, &from);
}

/* dims of size 1 go, neighbours that follow on each other in all three operands become one */
static void join (Product *p) {
  Mat *all[3] = { &p->c, &p->a, &p->b };
  int n = 0;
  for (int d = 0; d < p->ndim; d++) {
    int same = n > 0;
    if (p->size[d] == 1) continue;
    for (int k = 0; k < 3 && same; k++) same = all[k]->batch[n - 1] == all[k]->batch[d] * p->size[d];
    if (same) p->size[n - 1] *= p->size[d];
    else p->size[n++] = p->size[d];
    for (int k = 0; k < 3; k++) all[k]->batch[n - 1] = all[k]->batch[d];
  }
  p->ndim = n;
}

/* ---- calls ---- */

static cudaDataType type_of (int dtype) {
  return dtype == TL_f64 ? CUDA_R_64F : dtype == TL_f32 ? CUDA_R_32F : dtype == TL_f16 ? CUDA_R_16F : CUDA_R_16BF;
}

typedef union Factor { float f; double d; } Factor;      /* as the compute type wants it */
static Factor factor (const Product *p, double v) {
  Factor x;
  if (p->cmd->dtype == TL_f64) x.d = v;
  else x.f = (float)v;
  return x;
}

typedef struct Operand {                     /* of a column-major call */
  const char *data;
  cublasOperation_t op;
  int lead;
  const int64_t *batch;
} Operand;

static int operand (const Mat *x, int flip, Operand *o) {
  int columns = by_columns(x);
  int64_t lead = columns ? lead_of_columns(x) : lead_of_rows(x);
  o->data = x->data;
  o->op = columns != flip ? CUBLAS_OP_N : CUBLAS_OP_T;
  o->lead = (int)lead;
  o->batch = x->batch;
  return lead <= INT32_MAX;
}

static int multiply (Product *p, int flip) {
  Factor alpha = factor(p, p->cmd->p[0].f), beta = factor(p, p->cmd->p[1].f);
  cudaDataType type = type_of(p->dtype);
  cublasComputeType_t compute = p->dtype == TL_f64 ? CUBLAS_COMPUTE_64F :
                                p->dtype == TL_f32 && p->blas.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  int64_t lead = flip ? lead_of_rows(&p->c) : lead_of_columns(&p->c), at[TL_MAXDIM] = { 0 };
  int m = (int)(flip ? p->c.cols : p->c.rows), n = (int)(flip ? p->c.rows : p->c.cols), k = (int)p->a.cols;
  int inner = -1, begun = 0;
  Operand x, y;
  if (!operand(flip ? &p->b : &p->a, flip, &x) || !operand(flip ? &p->a : &p->b, flip, &y) || lead > INT32_MAX)
    return TL_CANT;
  for (int d = 0; d < p->ndim; d++)
    if (inner < 0 || p->size[d] > p->size[inner]) inner = d;
  for (;;) {
    const char *xd = x.data, *yd = y.data;
    char *cd = p->c.data;
    int64_t count = inner < 0 ? 1 : p->size[inner];
    int d, reason;
    for (int e = 0; e < p->ndim; e++) {
      xd += at[e] * x.batch[e] * p->width;
      yd += at[e] * y.batch[e] * p->width;
      cd += at[e] * p->c.batch[e] * p->width;
    }
    for (int64_t i = 0; i < count; i += MOST_ITEMS) {
      int items = (int)(count - i < MOST_ITEMS ? count - i : MOST_ITEMS);
      if (inner < 0)
        reason = cu_blas_check(p->w, p->blas.gemm(p->blas.handle, x.op, y.op, m, n, k, &alpha, xd, type, x.lead, yd, type,
                                                  y.lead, &beta, cd, type, (int)lead, compute, CUBLAS_GEMM_DEFAULT),
                               "cublasGemmEx");
      else {
        int64_t xs = x.batch[inner], ys = y.batch[inner], cs = p->c.batch[inner];
        reason = cu_blas_check(p->w, p->blas.gemm_batch(p->blas.handle, x.op, y.op, m, n, k, &alpha,
                                                        xd + i * xs * p->width, type, x.lead, xs,
                                                        yd + i * ys * p->width, type, y.lead, ys, &beta,
                                                        cd + i * cs * p->width, type, (int)lead, cs, items, compute,
                                                        CUBLAS_GEMM_DEFAULT),
                               "cublasGemmStridedBatchedEx");
      }
      if (reason == TL_CANT && begun)        /* the other way would begin anew, and add beta * c twice */
        return cu_check(p->w, cudaErrorUnknown, "cuBLAS, which did the first of several products and refuses the next,");
      if (reason) return reason;
      begun = 1;
    }
    for (d = p->ndim - 1; d >= 0; d--) {     /* the next item of the other dims */
      if (d == inner) continue;
      if (++at[d] < p->size[d]) break;
      at[d] = 0;
    }
    if (d < 0) return TL_DONE;
  }
}

/* c (m x 1) = a (m x k) * b (k x 1) */
static int times_vector (Product *p) {
  Factor alpha = factor(p, p->cmd->p[0].f), beta = factor(p, p->cmd->p[1].f);
  int columns = by_columns(&p->a), m = (int)(columns ? p->a.rows : p->a.cols), n = (int)(columns ? p->a.cols : p->a.rows);
  int64_t lead = columns ? lead_of_columns(&p->a) : lead_of_rows(&p->a);
  int64_t step = p->b.rows == 1 ? 1 : p->b.row, to = p->c.rows == 1 ? 1 : p->c.row;
  cublasOperation_t op = columns ? CUBLAS_OP_N : CUBLAS_OP_T;
  cublasStatus_t status;
  if (lead > INT32_MAX || step > INT32_MAX || to > INT32_MAX) return TL_CANT;
  if (p->dtype == TL_f64)
    status = p->blas.dgemv(p->blas.handle, op, m, n, &alpha.d, (double *)p->a.data, (int)lead, (double *)p->b.data, (int)step,
                           &beta.d, (double *)p->c.data, (int)to);
  else
    status = p->blas.sgemv(p->blas.handle, op, m, n, &alpha.f, (float *)p->a.data, (int)lead, (float *)p->b.data, (int)step,
                           &beta.f, (float *)p->c.data, (int)to);
  return cu_blas_check(p->w, status, "cublasGemv");
}

/* c (1 x 1) = a (1 x k) * b (k x 1); written by the device, so the result is named by a device pointer */
static int dot (Product *p) {
  cudaDataType type = type_of(p->dtype), exec = p->dtype == TL_f64 ? CUDA_R_64F : CUDA_R_32F;
  int64_t n = p->a.cols, x = n == 1 ? 1 : p->a.col, y = n == 1 ? 1 : p->b.row;
  int reason, back;
  if (x > INT32_MAX || y > INT32_MAX) return TL_CANT;
  reason = cu_blas_check(p->w, p->blas.set_pointers(p->blas.handle, CUBLAS_POINTER_MODE_DEVICE), "cublasSetPointerMode");
  if (reason) return reason;
  reason = cu_blas_check(p->w, p->blas.dot(p->blas.handle, (int)n, p->a.data, type, (int)x, p->b.data, type, (int)y, p->c.data,
                                           type, exec), "cublasDotEx");
  back = cu_blas_check(p->w, p->blas.set_pointers(p->blas.handle, CUBLAS_POINTER_MODE_HOST), "cublasSetPointerMode");
  return reason ? reason : back;
}

/* ---- the verb ---- */

/* fills p; 0 where the command is not cuBLAS's */
static int read_command (Product *p, const tl_Cmd *c) {
  int64_t m = c->p[2].i, n = c->p[3].i, k = c->p[4].i, rows[3] = { m, m, k }, cols[3] = { n, k, n };
  Mat *all[3] = { &p->c, &p->a, &p->b };
  p->dtype = c->arg[0].dtype;
  p->width = width_of(p->dtype);
  p->ndim = c->ndim;
  if (!is_float(p->dtype) || c->dtype != (p->dtype == TL_f64 ? TL_f64 : TL_f32) || k == 0) return 0;
  if (m > INT32_MAX || n > INT32_MAX || k > INT32_MAX) return 0;
  for (int q = 0; q < 3; q++) {
    const tl_Arg *a = &c->arg[q];
    Mat *x = all[q];
    if (a->dtype != p->dtype) return 0;
    for (int d = 0; d < c->ndim + 2; d++)
      if (a->stride[d] % p->width != 0) return 0;
    x->data = a->data;
    x->rows = rows[q];
    x->cols = cols[q];
    x->row = a->stride[c->ndim] / p->width;
    x->col = a->stride[c->ndim + 1] / p->width;
    for (int d = 0; d < c->ndim; d++) x->batch[d] = c->size[d] == 1 ? 0 : a->stride[d] / p->width;
  }
  for (int d = 0; d < c->ndim; d++) p->size[d] = c->size[d];
  return 1;
}

static int product (Product *p) {
  const tl_Cmd *c = p->cmd;
  int whole = p->dtype == TL_f32 || p->dtype == TL_f64, plain = c->ndim == 0, flip = 1, reason;
  int vector = plain && c->op == TL_MV && whole && (p->b.row > 0 || p->b.rows == 1) && (p->c.row > 0 || p->c.rows == 1);
  int inner = plain && c->op == TL_DOT && c->p[0].f == 1 && c->p[1].f == 0 && (p->a.cols == 1 || (p->a.col > 0 && p->b.row > 0));
  Mat home = p->c;
  int aside = 0;
  if (!inner && !by_columns(&p->a) && !by_rows(&p->a) && (reason = pack(p, &p->a))) return reason;
  if (!inner && !vector) {
    if (!by_columns(&p->b) && !by_rows(&p->b) && (reason = pack(p, &p->b))) return reason;
    if (p->c.row == 1 && by_columns(&p->c)) flip = 0;
    else if (by_rows(&p->c)) flip = 1;
    else if (by_columns(&p->c)) flip = 0;
    else {
      aside = 1;
      reason = c->p[1].f == 0 ? fresh(p, &p->c) : pack(p, &p->c);
      if (reason) return reason;
    }
  }
  reason = cu_blas_take(p->w, &p->blas);
  if (reason) return reason;
  if (inner) reason = dot(p);
  else if (vector) reason = times_vector(p);
  else {
    Product joined = *p;                     /* copies below still go by the command's dims */
    join(&joined);
    reason = multiply(&joined, flip);
  }
  cu_blas_give(&p->blas);
  return reason || !aside ? reason : copy(p, &home, &p->c);
}

int cu_gemm (const tl_Cmd *c, cu_Work *w) {
  Product p = { .cmd = c, .w = w };
  int reason;
  if (c->p[2].i == 0 || c->p[3].i == 0) return TL_DONE;
  for (int d = 0; d < c->ndim; d++)
    if (c->size[d] == 0) return TL_DONE;
  if (!read_command(&p, c)) return cu_gemm_plain(c, w);
  reason = product(&p);
  return reason == TL_CANT ? cu_gemm_plain(c, w) : reason;
}
