/*
** blas.h -- column-major BLAS calls on floats or doubles; sizes fit an int.
*/
#ifndef tl_blas_h
#define tl_blas_h

#include "device/device.h"

typedef struct tl_Product {              /* C = alpha op(A) op(B) + beta C with C of m x n, inner size k */
  int wide, ta, tb;                      /* doubles; op() transposes */
  int64_t m, n, k, lda, ldb, ldc;
  double alpha, beta;
  const char *a, *b;
  char *c;
  volatile int *stop;
  /* how the team shares it; tl_blas_mm's own */
  int tall;                              /* C is cut along its m rows, not along its n columns */
  int slices;                            /* a piece goes in calls of at most TL_LEAST multiplications */
  int64_t unit, pieces;                  /* rows or columns that stay together; how many pieces there are */
} tl_Product;

#define TL_LEAST 1000000.0               /* multiplications worth a thread; above it OpenBLAS packs */

void tl_blas_start (void);               /* called once, before any other */
int tl_blas_mm (tl_Product *p, tl_Env *env, int share);       /* TL_DONE or TL_INTERRUPTED */
void tl_blas_mv (int wide, int trans, int64_t m, int64_t n, double alpha, const char *a, int64_t lda, const char *x,
                 int64_t incx, double beta, char *y, int64_t incy);
double tl_blas_dot (int wide, int64_t n, const char *x, int64_t incx, const char *y, int64_t incy);

#endif
