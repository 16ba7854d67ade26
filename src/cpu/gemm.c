/*
** gemm.c -- matrix products.
**
** Floats go to BLAS by exactly the call that PyTorch makes for the same strides (its bits depend on the transposes
** that are asked for): the column-major product C' = op(B)' op(A)' for a row-major C.  Half types go through float
** copies and round once; integers have a plain blocked loop, and so has what is too large for BLAS's 32-bit sizes.
*/
#include <string.h>

#include "cpu/block.h"
#include "cpu/blas.h"

typedef struct Mat {                     /* rows x cols with strides in elements */
  char *data;
  int64_t rows, cols, row, col;
} Mat;

/* ---- plain loops on packed row-major matrices ---- */

#define LOOPS(ty, T, U) \
static int plain_##ty (T *c, const T *a, const T *b, int64_t m, int64_t n, int64_t k, volatile int *stop) { \
  enum { DEEP = 64 }; \
  memset(c, 0, (size_t)(m * n) * sizeof(T)); \
  for (int64_t p = 0; p < k; p += DEEP) { \
    int64_t q = p + DEEP < k ? p + DEEP : k; \
    for (int64_t i = 0; i < m; i++) { \
      T *row = c + i * n; \
      for (int64_t e = p; e < q; e++) { \
        U f = (U)a[i * k + e]; \
        const T *x = b + e * n; \
        for (int64_t j = 0; j < n; j++) row[j] = (T)((U)row[j] + f * (U)x[j]); \
      } \
      if (*stop) return TL_INTERRUPTED; \
    } \
  } \
  return TL_DONE; \
}
LOOPS(f32, float, float)
LOOPS(f64, double, double)
LOOPS(i64, int64_t, uint64_t)

/* ---- one item: from layout to call ---- */

static int64_t most (int64_t a, int64_t b) { return a > b ? a : b; }

static int fits (int64_t v) { return v <= INT32_MAX; }

/* a packed row-major copy */
static int pack (Mat *x, int width, void **room) {
  char *to = *room = tl_cpu_room((size_t)(x->rows * x->cols * width) + 1);
  if (!to) return TL_NOMEM;
  for (int64_t i = 0; i < x->rows; i++)
    for (int64_t j = 0; j < x->cols; j++)
      memcpy(to + (i * x->cols + j) * width, x->data + (i * x->row + j * x->col) * width, (size_t)width);
  x->data = to;
  x->row = x->cols;
  x->col = 1;
  return TL_DONE;
}
static void unpack (const Mat *c, int width, const char *from) {
  for (int64_t i = 0; i < c->rows; i++)
    for (int64_t j = 0; j < c->cols; j++)
      memcpy(c->data + (i * c->row + j * c->col) * width, from + (i * c->cols + j) * width, (size_t)width);
}

/*
** x as the m x k (or k x n) operand of the column-major call; flip: the call computes the transpose of C,
** so the operand is x'.  lead and length: BLAS wants a leading dimension of at least `plain` as it is, `turned`
** transposed.  What has neither layout is copied.
*/
static int operand (Mat *x, int flip, int64_t plain, int64_t turned, int width, int *trans, int64_t *ld,
                    void **room) {
  int64_t down = flip ? x->col : x->row, along = flip ? x->row : x->col;
  if (down == 1 && along >= most(1, plain)) *trans = 0;
  else if (along == 1 && down >= most(1, turned)) *trans = 1;
  else {
    if (pack(x, width, room)) return TL_NOMEM;
    *trans = !flip;
  }
  *ld = *trans == flip ? x->col : x->row;
  return TL_DONE;
}

static int too_large (const Mat *c, const Mat *a, const Mat *b, int width, double alpha, double beta,
                      volatile int *stop) {
  Mat x = *a, y = *b;
  void *ra = NULL, *rb = NULL, *rc = tl_cpu_room((size_t)(c->rows * c->cols * width));
  int reason = !rc || pack(&x, width, &ra) || pack(&y, width, &rb) ? TL_NOMEM : TL_DONE;
  if (!reason)
    reason = width == 4 ? plain_f32(rc, (float *)x.data, (float *)y.data, c->rows, c->cols, a->cols, stop)
                        : plain_f64(rc, (double *)x.data, (double *)y.data, c->rows, c->cols, a->cols, stop);
#define OUT(T) for (int64_t i = 0; i < c->rows; i++) for (int64_t j = 0; j < c->cols; j++) { \
    T *p = (T *)c->data + i * c->row + j * c->col, v = ((T *)rc)[i * c->cols + j] * (T)alpha; \
    *p = beta == 0 ? v : *p * (T)beta + v; \
  }
  if (!reason && width == 4) OUT(float)
  else if (!reason) OUT(double)
#undef OUT
  tl_cpu_room_free(ra);
  tl_cpu_room_free(rb);
  tl_cpu_room_free(rc);
  return reason;
}

static int mm (Mat c, Mat a, Mat b, int wide, double alpha, double beta, tl_Env *env, int share) {
  int width = wide ? 8 : 4, flip, reason = TL_DONE;
  tl_Product p = { .wide = wide, .alpha = alpha, .beta = beta, .stop = env->stop };
  Mat home = c;
  void *rc = NULL, *ra = NULL, *rb = NULL;
  if (c.row == 1 && (c.cols == 1 || c.col >= most(1, c.rows))) flip = 0;
  else if (c.col == 1 && (c.rows == 1 || c.row >= most(1, c.cols))) flip = 1;
  else {
    if (pack(&c, width, &rc)) return TL_NOMEM;
    flip = 1;
  }
  if (flip) { Mat t = a; a = b; b = t; }
  p.m = flip ? c.cols : c.rows;
  p.n = flip ? c.rows : c.cols;
  p.k = flip ? b.cols : a.cols;
  if (operand(&a, flip, p.m, p.k, width, &p.ta, &p.lda, &ra) ||
      operand(&b, flip, p.k, p.n, width, &p.tb, &p.ldb, &rb))
    reason = TL_NOMEM;
  p.ldc = flip ? c.row : c.col;
  p.a = a.data;
  p.b = b.data;
  p.c = c.data;
  if (p.n == 1) p.ldc = p.m;             /* a leading dimension that is never used may be anything */
  if (p.ta) { if (p.m == 1) p.lda = p.k; } else if (p.k == 1) p.lda = p.m;
  if (p.tb) { if (p.k == 1) p.ldb = p.n; } else if (p.n == 1) p.ldb = p.k;
  if (!reason && fits(p.m) && fits(p.n) && fits(p.k) && fits(p.lda) && fits(p.ldb) && fits(p.ldc))
    reason = tl_blas_mm(&p, env, share);
  else if (!reason) reason = too_large(&c, flip ? &b : &a, flip ? &a : &b, width, alpha, beta, env->stop);
  if (rc && !reason) unpack(&home, width, rc);
  tl_cpu_room_free(rc);
  tl_cpu_room_free(ra);
  tl_cpu_room_free(rb);
  return reason;
}

/* c (m x 1) = a (m x k) * b (k x 1) */
static int mv (Mat c, Mat a, Mat b, int wide, double alpha, double beta, tl_Env *env) {
  int width = wide ? 8 : 4, trans;
  int64_t ld, m, n;
  void *ra = NULL, *rb = NULL;
  if (a.row == 1 && (a.cols == 1 || a.col >= most(1, a.rows))) trans = 0;
  else if (a.col == 1 && (a.rows == 1 || a.row >= most(1, a.cols))) trans = 1;
  else {
    if (pack(&a, width, &ra)) return TL_NOMEM;
    trans = 1;
  }
  if ((b.row <= 0 && b.rows > 1) && pack(&b, width, &rb)) { tl_cpu_room_free(ra); return TL_NOMEM; }
  if (b.row <= 0) b.row = 1;
  if (c.row <= 0) c.row = 1;
  ld = trans ? a.row : a.col;
  m = trans ? a.cols : a.rows;
  n = trans ? a.rows : a.cols;
  if (n == 1) ld = m;
  if (!fits(m) || !fits(n) || !fits(ld) || !fits(b.row) || !fits(c.row)) {
    int reason = too_large(&c, &a, &b, width, alpha, beta, env->stop);
    tl_cpu_room_free(ra);
    tl_cpu_room_free(rb);
    return reason;
  }
  if (beta == 0)                         /* what C held, a NaN say, must not come through */
    for (int64_t i = 0; i < c.rows; i++) memset(c.data + i * c.row * width, 0, (size_t)width);
  tl_blas_mv(wide, trans, m, n, alpha, a.data, ld, b.data, b.row, beta, c.data, c.row);
  tl_cpu_room_free(ra);
  tl_cpu_room_free(rb);
  return *env->stop ? TL_INTERRUPTED : TL_DONE;
}

static int dot (Mat c, Mat a, Mat b, int wide, double alpha, double beta, tl_Env *env) {
  int64_t n = a.cols, sa = n == 1 ? 1 : a.col, sb = n == 1 ? 1 : b.row;
  double v;
  if (sa <= 0 || sb <= 0 || !fits(n) || !fits(sa) || !fits(sb)) return mm(c, a, b, wide, alpha, beta, env, 0);
  v = tl_blas_dot(wide, n, a.data, sa, b.data, sb);
  if (wide) *(double *)c.data = beta == 0 ? v * alpha : *(double *)c.data * beta + v * alpha;
  else {
    float *y = (float *)c.data, w = (float)v * (float)alpha;
    *y = beta == 0 ? w : *y * (float)beta + w;
  }
  return TL_DONE;
}

/* small items of a batch: a product, an addition, no fusing */
#define TINY(ty, T) \
static void tiny_##ty (Mat c, Mat a, Mat b, T alpha, T beta) { \
  for (int64_t i = 0; i < c.rows; i++) \
    for (int64_t j = 0; j < c.cols; j++) { \
      T *y = (T *)c.data + i * c.row + j * c.col, s = 0; \
      const T *x = (const T *)a.data + i * a.row, *w = (const T *)b.data + j * b.col; \
      for (int64_t k = 0; k < a.cols; k++) s += x[k * a.col] * w[k * b.row]; \
      *y = beta == 0 ? alpha * s : beta * *y + alpha * s; \
    } \
}
TINY(f32, float)
TINY(f64, double)

/* C = beta * C, for an inner size of 0 */
#define SCALE(ty, T) \
static void scale_##ty (Mat c, T beta) { \
  for (int64_t i = 0; i < c.rows; i++) \
    for (int64_t j = 0; j < c.cols; j++) { \
      T *y = (T *)c.data + i * c.row + j * c.col; \
      *y = beta == 0 ? 0 : *y * beta; \
    } \
}
SCALE(f32, float)
SCALE(f64, double)

static int floats (Mat c, Mat a, Mat b, const tl_Cmd *cmd, tl_Env *env, int share) {
  int wide = cmd->dtype == TL_f64;
  double alpha = cmd->p[0].f, beta = cmd->p[1].f;
  if (a.cols == 0) {
    if (wide) scale_f64(c, beta);
    else scale_f32(c, (float)beta);
    return TL_DONE;
  }
  if (cmd->ndim > 0 && cmd->op == TL_MM && (double)a.cols * (double)c.rows * (double)c.cols < 400) {
    if (wide) tiny_f64(c, a, b, alpha, beta);
    else tiny_f32(c, a, b, (float)alpha, (float)beta);
    return TL_DONE;
  }
  if (cmd->op == TL_MV) return mv(c, a, b, wide, alpha, beta, env);
  if (cmd->op == TL_DOT) return dot(c, a, b, wide, alpha, beta, env);
  return mm(c, a, b, wide, alpha, beta, env, share);
}

/* ---- other dtypes: packed copies in the compute type ---- */

static void load (const tl_Cmd *cmd, int k, int64_t offset, const Mat *x, char *to) {
  const tl_Arg *a = &cmd->arg[k];
  int width = tl_cpu_width[cmd->dtype];
  int64_t row = a->stride[cmd->ndim], col = a->stride[cmd->ndim + 1], room[TL_BLOCK];
  for (int64_t i = 0; i < x->rows; i++)
    for (int64_t j = 0, b; j < x->cols; j += b) {
      const void *v;
      b = x->cols - j < TL_BLOCK ? x->cols - j : TL_BLOCK;
      v = tl_block_load(cmd->dtype, room, a->dtype, (const char *)a->data + offset + i * row + j * col, col, b);
      memcpy(to + (i * x->cols + j) * width, v, (size_t)(b * width));
    }
}

static int converted (const tl_Cmd *cmd, Mat c, Mat a, Mat b, const int64_t *offset, tl_Env *env, int share) {
  int width = tl_cpu_width[cmd->dtype], reason = TL_NOMEM;
  const tl_Arg *y = &cmd->arg[0];
  int64_t row = y->stride[cmd->ndim], col = y->stride[cmd->ndim + 1];
  double beta = cmd->p[1].f;
  char *rc = tl_cpu_room((size_t)(c.rows * c.cols * width)), *ra = tl_cpu_room((size_t)(a.rows * a.cols * width));
  char *rb = tl_cpu_room((size_t)(b.rows * b.cols * width)), *old = NULL;
  if (!rc || !ra || !rb) goto done;
  load(cmd, 1, offset[1], &a, ra);
  load(cmd, 2, offset[2], &b, rb);
  c.data = rc; c.row = c.cols; c.col = 1;
  a.data = ra; a.row = a.cols; a.col = 1;
  b.data = rb; b.row = b.cols; b.col = 1;
  if (cmd->dtype == TL_i64) {
    int64_t alpha = (int64_t)cmd->p[0].f, keep = (int64_t)beta, *v = (int64_t *)rc;
    reason = plain_i64(v, (int64_t *)ra, (int64_t *)rb, c.rows, c.cols, a.cols, env->stop);
    if (reason == TL_DONE && (keep != 0 || alpha != 1)) {
      int64_t *o;
      reason = TL_NOMEM;
      old = tl_cpu_room((size_t)(c.rows * c.cols * width));
      if (!old) goto done;
      load(cmd, 0, offset[0], &c, old);
      o = (int64_t *)old;
      for (int64_t i = 0; i < c.rows * c.cols; i++)
        v[i] = (int64_t)((uint64_t)v[i] * (uint64_t)alpha + (keep ? (uint64_t)o[i] * (uint64_t)keep : 0));
      reason = TL_DONE;
    }
  }
  else {
    if (beta != 0) load(cmd, 0, offset[0], &c, rc);
    reason = floats(c, a, b, cmd, env, share);
  }
  for (int64_t i = 0; i < c.rows && !reason; i++)
    for (int64_t j = 0, n; j < c.cols; j += n) {
      n = c.cols - j < TL_BLOCK ? c.cols - j : TL_BLOCK;
      tl_block_store(cmd->dtype, rc + (i * c.cols + j) * width, y->dtype,
                     (char *)y->data + offset[0] + i * row + j * col, col, n);
    }
 done:
  tl_cpu_room_free(rc);
  tl_cpu_room_free(ra);
  tl_cpu_room_free(rb);
  tl_cpu_room_free(old);
  return reason;
}

typedef struct Job { const tl_Cmd *c; tl_Env *env; int share; } Job;

static int items (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  int64_t m = c->p[2].i, n = c->p[3].i, k = c->p[4].i, rows[3] = { m, m, k }, cols[3] = { n, k, n }, offset[TL_MAXARG];
  int reason = TL_DONE, same = c->dtype == TL_f32 || c->dtype == TL_f64;
  Mat x[3];
  for (int q = 0; q < 3; q++) same &= c->arg[q].dtype == c->dtype;
  for (int64_t i = from; i < to && !reason; i++) {
    tl_block_place(c, 0, c->ndim, i, 3, offset);
    for (int q = 0; q < 3; q++) {
      int width = tl_cpu_width[c->arg[q].dtype];
      x[q] = (Mat){ (char *)c->arg[q].data + offset[q], rows[q], cols[q], c->arg[q].stride[c->ndim] / width,
                    c->arg[q].stride[c->ndim + 1] / width };
    }
    reason = same ? floats(x[0], x[1], x[2], c, j->env, j->share)
                  : converted(c, x[0], x[1], x[2], offset, j->env, j->share);
    if (*j->env->stop) return TL_INTERRUPTED;
  }
  return reason;
}

int tl_cpu_gemm (const tl_Cmd *c, tl_Env *env) {
  Job j = { c, env, 1 };
  int64_t count = tl_block_count(c, 0, c->ndim);
  double work = (double)c->p[2].i * (double)c->p[3].i * (double)c->p[4].i;
  if (c->dtype != TL_f32 && c->dtype != TL_f64 && c->dtype != TL_i64) return TL_CANT;
  if (c->p[2].i == 0 || c->p[3].i == 0) return TL_DONE;
  if (count < 2 * env->threads || env->threads < 2) return items(&j, 0, count);
  j.share = 0;                           /* many items: the team shares them, each goes whole */
  return tl_team_for(env, count, (int64_t)(TL_LEAST / (work + 1)) + 1, items, &j);
}
