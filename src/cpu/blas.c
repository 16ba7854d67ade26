/*
** blas.c -- the calls of OpenBLAS, always with one thread, and how the team shares a product.
**
** The team shares columns of the column-major C, where no bit depends on it: in multiples of what OpenBLAS's kernels
** take at a time, and never in pieces of less than a million multiplications, below which it takes other kernels, unless
** the whole is below it too and the inner dim short.  AVX-512's float kernels allow two things more: rows may be shared
** too, so the longer side is cut, and each thread packs less of what all need; and a transposed right side with a short
** inner dim (a weight's gradient) has the same bits in small pieces, and is faster in them.
*/
#include <cblas.h>
#include <string.h>

#include "cpu/blas.h"
#include "cpu/team.h"

#define SMALL 250000.0                   /* of a product below TL_LEAST, with a SHORT inner size */
#define LONG 1e9                         /* from here on pieces are short, so that the stop flag is seen */
#define SHORT 128                        /* inner sizes up to here add up alike, packed or not */
#if defined(__x86_64__)
#define UNIT 24                          /* columns that stay together, but for wide_kernels */
#else
#define UNIT 48
#endif

static int wide_kernels;                 /* AVX-512 ones; written once, before any product */

void tl_blas_start (void) {
  const char *core = openblas_get_corename();
  openblas_set_num_threads(1);
  wide_kernels = !strcmp(core, "SkylakeX") || !strcmp(core, "Cooperlake") || !strcmp(core, "SapphireRapids");
}

typedef struct Part { int64_t row, rows, col, cols; } Part;      /* of the column-major C */

static void blas (const tl_Product *p, Part w) {
  int width = p->wide ? 8 : 4, ta = p->ta ? CblasTrans : CblasNoTrans, tb = p->tb ? CblasTrans : CblasNoTrans;
  int m = (int)w.rows, n = (int)w.cols, k = (int)p->k, lda = (int)p->lda, ldb = (int)p->ldb, ldc = (int)p->ldc;
  const char *a = p->a + w.row * (p->ta ? p->lda : 1) * width, *b = p->b + w.col * (p->tb ? 1 : p->ldb) * width;
  char *c = p->c + (w.row + w.col * p->ldc) * width;
  if (p->wide)
    cblas_dgemm(CblasColMajor, ta, tb, m, n, k, p->alpha, (const double *)a, lda, (const double *)b, ldb, p->beta,
                (double *)c, ldc);
  else
    cblas_sgemm(CblasColMajor, ta, tb, m, n, k, (float)p->alpha, (const float *)a, lda, (const float *)b, ldb,
                (float)p->beta, (float *)c, ldc);
}

static int strips (void *ctx, int64_t from, int64_t to) {
  const tl_Product *p = ctx;
  int64_t size = p->tall ? p->m : p->n, units = size / p->unit, first = from * units / p->pieces * p->unit;
  int64_t last = to == p->pieces ? size : to * units / p->pieces * p->unit, end = p->tall ? p->n : last, step;
  Part w = { 0, p->m, first, last - first };
  if (p->tall) w = (Part){ first, last - first, 0, p->n };
  step = p->slices ? (int64_t)(TL_LEAST / ((double)w.rows * (double)p->k)) / 16 * 16 : 0;
  if (step < 16) step = w.cols;
  for (; w.col < end; w.col += step) {
    if (*p->stop) return TL_INTERRUPTED;
    w.cols = w.col + step < end ? step : end - w.col;
    blas(p, w);
  }
  return TL_DONE;
}

int tl_blas_mm (tl_Product *p, tl_Env *env, int share) {
  int wide = wide_kernels && !p->wide;
  int64_t least, few, size;
  double area;                           /* multiplications for one row or column of the side that is cut */
  p->tall = wide && p->m > p->n;
  size = p->tall ? p->m : p->n;
  area = (double)(p->tall ? p->n : p->m) * (double)p->k;
  few = area > 3e7 ? 240 : 480;          /* rows or columns of a piece of a long product */
  p->slices = wide && !p->ta && p->tb && p->k <= SHORT && p->alpha == 1;
  p->unit = wide ? 16 : UNIT;
  least = (int64_t)((p->k <= SHORT && area * (double)size <= TL_LEAST ? SMALL : TL_LEAST) / (area * (double)p->unit)) + 1;
  p->pieces = share ? env->threads : 1;
  if (area * (double)size > LONG && size / few > p->pieces) p->pieces = size / few;
  if (p->pieces > size / p->unit / least) p->pieces = size / p->unit / least;
  if (p->pieces < 1) p->pieces = 1;
  return tl_team_for(env, p->pieces, 1, strips, p);
}

void tl_blas_mv (int wide, int trans, int64_t m, int64_t n, double alpha, const char *a, int64_t lda, const char *x,
                 int64_t incx, double beta, char *y, int64_t incy) {
  int t = trans ? CblasTrans : CblasNoTrans;
  if (wide)
    cblas_dgemv(CblasColMajor, t, (int)m, (int)n, alpha, (const double *)a, (int)lda, (const double *)x, (int)incx, beta,
                (double *)y, (int)incy);
  else
    cblas_sgemv(CblasColMajor, t, (int)m, (int)n, (float)alpha, (const float *)a, (int)lda, (const float *)x, (int)incx,
                (float)beta, (float *)y, (int)incy);
}

double tl_blas_dot (int wide, int64_t n, const char *x, int64_t incx, const char *y, int64_t incy) {
  if (wide) return cblas_ddot((int)n, (const double *)x, (int)incx, (const double *)y, (int)incy);
  return cblas_sdot((int)n, (const float *)x, (int)incx, (const float *)y, (int)incy);
}
