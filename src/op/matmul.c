/*
** matmul.c -- products of matrices and vectors.
**
** All of them end in one GEMM command that reads strides, so a transposed operand costs nothing: forward
** and backward make views and never copies.  The gradients are the products PyTorch takes, in its order:
** g x B^T for the left operand, A^T x g for the right one.
*/
#include <string.h>

#include "op/common.h"
#include "op/families.h"
#include "op/product.h"

enum { MM, MV, DOT, BMM };             /* places in the table */

/* ------------------------------------------------------------------ checks */

int tl_same_type (const char *op, tl_Tensor *a, tl_Tensor *b) {
  if (a->dtype != b->dtype)
    return tl_fault("%s: expected m1 and m2 to have the same dtype, but got: %s != %s", op, tl_dtype_name[a->dtype],
                    tl_dtype_name[b->dtype]);
  if (a->dtype == TL_b8) return tl_fault("\"%s\" not implemented for 'bool'", op);
  return 0;
}

static int can_multiply (const char *op, tl_Tensor *a, tl_Tensor *b, const char *left, const char *right) {
  if (a->ndim != 2) return tl_fault("%s: %s must be a matrix, got %d-D tensor", op, left, a->ndim);
  if (b->ndim != 2) return tl_fault("%s: %s must be a matrix, got %d-D tensor", op, right, b->ndim);
  if (a->size[1] != b->size[0])
    return tl_fault("%s: mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", op,
                    (long long)a->size[0], (long long)a->size[1], (long long)b->size[0], (long long)b->size[1]);
  return tl_same_type(op, a, b);
}

static int can_batch (const char *op, tl_Tensor *a, tl_Tensor *b) {
  if (a->ndim != 3) return tl_fault("%s: batch1 must be a 3D tensor", op);
  if (b->ndim != 3) return tl_fault("%s: batch2 must be a 3D tensor", op);
  if (a->size[0] != b->size[0] || a->size[2] != b->size[1])
    return tl_fault("%s: Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but got: [%lld, "
                    "%lld].", op, (long long)a->size[0], (long long)a->size[2], (long long)b->size[0],
                    (long long)b->size[1]);
  return tl_same_type(op, a, b);
}

static int can_mv (const char *op, tl_Tensor *self, tl_Tensor *m, tl_Tensor *v) {
  if (m->ndim != 2 || v->ndim != 1)
    return tl_fault("%s: vector + matrix @ vector expected, got %d, %d, %d", op, self ? self->ndim : 1, m->ndim,
                    v->ndim);
  if (m->size[1] != v->size[0])
    return tl_fault("%s: size mismatch, got input (%lld), mat (%lldx%lld), vec (%lld)", op, (long long)m->size[0],
                    (long long)m->size[0], (long long)m->size[1], (long long)v->size[0]);
  return tl_same_type(op, m, v);
}

/* may self be broadcast to the product's sizes */
int tl_can_start (const char *op, tl_Tensor *self, int dtype, int ndim, const int64_t *size, int inplace) {
  char a[256], b[256];
  int d = ndim - 1;
  if (self->dtype != dtype)
    return tl_fault("%s: self and mat2 must have the same dtype, but got %s and %s", op, tl_dtype_name[self->dtype],
                    tl_dtype_name[dtype]);
  if (self->ndim > ndim || !tl_can_expand(self->ndim, self->size, ndim, size)) {
    while (d >= ndim - self->ndim && d > 0 && (self->size[d - ndim + self->ndim] == size[d] ||
                                               self->size[d - ndim + self->ndim] == 1))
      d--;
    if (self->ndim > ndim)
      return tl_fault("%s: The number of sizes provided (%d) must be greater or equal to the number of dimensions in "
                      "the tensor (%d)", op, ndim, self->ndim);
    return tl_fault("%s: The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton "
                    "dimension %d.  Target sizes: %s.  Tensor sizes: %s", op, (long long)size[d],
                    (long long)self->size[d - ndim + self->ndim], d + 1, tl_show_sizes(a, ndim, size),
                    tl_show_sizes(b, self->ndim, self->size));
  }
  if (inplace && (self->ndim != ndim || memcmp(self->size, size, (size_t)ndim * sizeof *size)))
    return tl_fault("%s: output with shape %s doesn't match the broadcast shape %s", op,
                    tl_show_sizes(a, self->ndim, self->size), tl_show_sizes(b, ndim, size));
  return 0;
}

/* ------------------------------------------------------------------ commands */

tl_Tensor *tl_grid (tl_Tensor *t, int64_t rows, int64_t columns, int64_t row, int64_t column) {
  tl_Geometry g;
  if (!t) return NULL;
  g.ndim = 2;
  g.offset = t->offset;
  g.size[0] = rows;
  g.size[1] = columns;
  g.stride[0] = row;
  g.stride[1] = column;
  return tl_alias_at(t, &g);
}

static tl_Tensor *column_of (tl_Tensor *v) { return v ? tl_grid(v, v->size[0], 1, v->stride[0], 1) : NULL; }

/* c = alpha a x b + beta c; what lies in c's memory is moved out of the way first */
int tl_product (int op, double alpha, tl_Tensor *a, tl_Tensor *b, double beta, tl_Tensor *c) {
  if (!a || !b || !c) return -1;
  if (a->size[a->ndim - 1] == 0) {                       /* an empty sum */
    tl_Tensor *in[2] = { c, tl_is_float(c->dtype) ? tl_number(beta) : tl_integer((int64_t)beta) };
    if (beta == 0) return tl_fill(c, (tl_Num){ .i = 0 }, TL_i64);
    return beta == 1 || tl_map(TL_mul, 2, in, 0, NULL, c) ? 0 : -1;
  }
  if (tl_share_memory(a, c)) a = tl_clone(a);
  if (tl_share_memory(b, c)) b = tl_clone(b);
  return tl_gemm(op, alpha, a, b, beta, c);
}

/* the result, holding self (broadcast) unless beta is 0 */
static tl_Tensor *start (tl_Args *a, tl_Tensor *self, int dtype, int ndim, const int64_t *size, double beta) {
  tl_Tensor *y;
  if (tl_can_start(a->op->name, self, dtype, ndim, size, a->inplace)) return NULL;
  y = tl_result(a, 0, dtype, ndim, size);
  if (!y || (beta != 0 && !tl_same_place(y, self) && tl_copy(y, self))) return NULL;
  return y;
}

/* the two factors, parameters k and k + 1: each is kept when the other one's gradient needs it */
int tl_keep_factors (tl_Args *a, int k) {
  return (tl_need(a, k) && tl_keep_parameter(a, k + 1)) || (tl_need(a, k + 1) && tl_keep_parameter(a, k)) ? -1 : 0;
}

/* gives the gradients of inputs k and k + 1 of a product whose gradient is g times alpha */
static int give_factors (tl_Node *n, int k, tl_Tensor *g, double alpha,
                         tl_Tensor *(*times) (tl_Tensor *, tl_Tensor *)) {
  int at = 0;
  if (tl_needs(n, k) && tl_answer(n, k, tl_scaled(times(g, tl_t(tl_saved(n, at++))), alpha))) return -1;
  if (tl_needs(n, k + 1) && tl_answer(n, k + 1, tl_scaled(times(tl_t(tl_saved(n, at)), g), alpha))) return -1;
  return 0;
}

/* ------------------------------------------------------------------ plain products */

static int mm (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *w = a->v[1].t;
  int64_t size[2];
  if (can_multiply("mm", x, w, "self", "mat2") || tl_keep_factors(a, 0)) return -1;
  size[0] = x->size[0];
  size[1] = w->size[1];
  a->out[0] = tl_result(a, 0, x->dtype, 2, size);
  return tl_product(TL_MM, 1, x, w, 0, a->out[0]);
}

static int mm_back (tl_Node *n, tl_Tensor **g) { return give_factors(n, 0, g[0], 1, tl_mm); }

static int mv (tl_Args *a) {
  tl_Tensor *m = a->v[0].t, *v = a->v[1].t;
  if (can_mv("mv", NULL, m, v) || tl_keep_factors(a, 0)) return -1;
  a->out[0] = tl_result(a, 0, m->dtype, 1, m->size);
  return tl_product(TL_MV, 1, m, column_of(v), 0, column_of(a->out[0]));
}

static int mv_back (tl_Node *n, tl_Tensor **g) {
  int at = 0;
  if (tl_needs(n, 0) && tl_answer(n, 0, tl_mul(tl_unsqueeze(g[0], -1), tl_saved(n, at++)))) return -1;
  return tl_needs(n, 1) ? tl_answer(n, 1, tl_mv(tl_t(tl_saved(n, at)), g[0])) : 0;
}

static int dot (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t;
  char s[256], t[256];
  if (x->ndim != 1 || y->ndim != 1)
    return tl_fault("dot: 1D tensors expected, but got %dD and %dD tensors", x->ndim, y->ndim);
  if (x->dtype != y->dtype)
    return tl_fault("dot: expected both vectors to have same dtype, but found %s and %s", tl_dtype_name[x->dtype],
                    tl_dtype_name[y->dtype]);
  if (x->size[0] != y->size[0])
    return tl_fault("dot: inconsistent tensor size, expected tensor %s and src %s to have the same number of "
                    "elements, but got %lld and %lld elements respectively", tl_show_sizes(s, 1, x->size),
                    tl_show_sizes(t, 1, y->size), (long long)x->size[0], (long long)y->size[0]);
  if (tl_same_type("dot", x, y) || tl_keep_factors(a, 0)) return -1;
  a->out[0] = tl_result(a, 0, x->dtype, 0, NULL);
  return tl_product(TL_DOT, 1, tl_grid(x, 1, x->size[0], 1, x->stride[0]), column_of(y), 0,
                    tl_grid(a->out[0], 1, 1, 1, 1));
}

static int dot_back (tl_Node *n, tl_Tensor **g) {
  int at = 0;
  if (tl_needs(n, 0) && tl_answer(n, 0, tl_mul(g[0], tl_saved(n, at++)))) return -1;
  return tl_needs(n, 1) ? tl_answer(n, 1, tl_mul(g[0], tl_saved(n, at))) : 0;
}

static int bmm (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *w = a->v[1].t;
  int64_t size[3];
  if (can_batch("bmm", x, w) || tl_keep_factors(a, 0)) return -1;
  size[0] = x->size[0];
  size[1] = x->size[1];
  size[2] = w->size[2];
  a->out[0] = tl_result(a, 0, x->dtype, 3, size);
  return tl_product(TL_MM, 1, x, w, 0, a->out[0]);
}

static int bmm_back (tl_Node *n, tl_Tensor **g) { return give_factors(n, 0, g[0], 1, tl_bmm); }

/* ------------------------------------------------------------------ beta self + alpha product */

static void keep_numbers (tl_Args *a, double beta, double alpha) {
  tl_keep_num(a, beta);
  tl_keep_num(a, alpha);
}

static int give_self (tl_Node *n, tl_Tensor *g) {
  return tl_needs(n, 0) ? tl_answer(n, 0, tl_scaled(g, n->p[0].f)) : 0;
}

static int addmm (tl_Args *a) {
  tl_Tensor *x = a->v[1].t, *w = a->v[2].t;
  double beta = tl_factor(&a->v[3], x->dtype), alpha = tl_factor(&a->v[4], x->dtype);
  int64_t size[2];
  if (can_multiply("addmm", x, w, "mat1", "mat2") || tl_keep_factors(a, 1)) return -1;
  keep_numbers(a, beta, alpha);
  size[0] = x->size[0];
  size[1] = w->size[1];
  a->out[0] = start(a, a->v[0].t, x->dtype, 2, size, beta);
  return tl_product(TL_MM, alpha, x, w, beta, a->out[0]);
}

static int addmm_back (tl_Node *n, tl_Tensor **g) {
  return give_self(n, g[0]) ? -1 : give_factors(n, 1, g[0], n->p[1].f, tl_mm);
}

static int addmv (tl_Args *a) {
  tl_Tensor *m = a->v[1].t, *v = a->v[2].t;
  double beta = tl_factor(&a->v[3], m->dtype), alpha = tl_factor(&a->v[4], m->dtype);
  if (can_mv("addmv", a->v[0].t, m, v) || tl_keep_factors(a, 1)) return -1;
  keep_numbers(a, beta, alpha);
  a->out[0] = start(a, a->v[0].t, m->dtype, 1, m->size, beta);
  return tl_product(TL_MV, alpha, m, column_of(v), beta, column_of(a->out[0]));
}

static int addmv_back (tl_Node *n, tl_Tensor **g) {
  int at = 0;
  double alpha = n->p[1].f;
  if (give_self(n, g[0])) return -1;
  if (tl_needs(n, 1) && tl_answer(n, 1, tl_scaled(tl_mul(tl_unsqueeze(g[0], -1), tl_saved(n, at++)), alpha))) return -1;
  return tl_needs(n, 2) ? tl_answer(n, 2, tl_scaled(tl_mv(tl_t(tl_saved(n, at)), g[0]), alpha)) : 0;
}

static int baddbmm (tl_Args *a) {
  tl_Tensor *x = a->v[1].t, *w = a->v[2].t;
  double beta = tl_factor(&a->v[3], x->dtype), alpha = tl_factor(&a->v[4], x->dtype);
  int64_t size[3];
  if (can_batch("baddbmm", x, w) || tl_keep_factors(a, 1)) return -1;
  keep_numbers(a, beta, alpha);
  size[0] = x->size[0];
  size[1] = x->size[1];
  size[2] = w->size[2];
  a->out[0] = start(a, a->v[0].t, x->dtype, 3, size, beta);
  return tl_product(TL_MM, alpha, x, w, beta, a->out[0]);
}

static int baddbmm_back (tl_Node *n, tl_Tensor **g) {
  return give_self(n, g[0]) ? -1 : give_factors(n, 1, g[0], n->p[1].f, tl_bmm);
}

/* PyTorch's addbmm_ gives self the result's sizes: so does this, unless self is a view */
static int grow (tl_Tensor *self, tl_Tensor *y) {
  tl_Geometry g;
  if (self->base) return tl_fault("addbmm_: a view can't be given other sizes");
  tl_storage_retain(y->storage);
  tl_storage_release(self->storage);
  self->storage = y->storage;
  tl_geometry(y, &g);
  tl_set_geometry(self, &g);
  return 0;
}

/* one product after the other is added to the result */
static int addbmm (tl_Args *a) {
  tl_Tensor *x = a->v[1].t, *w = a->v[2].t, *y;
  int64_t size[2];
  int grows;
  double beta = tl_factor(&a->v[3], x->dtype), alpha = tl_factor(&a->v[4], x->dtype);
  if (can_batch("addbmm", x, w) || tl_keep_factors(a, 1)) return -1;
  keep_numbers(a, beta, alpha);
  size[0] = x->size[1];
  size[1] = w->size[2];
  grows = a->inplace && (a->v[0].t->ndim != 2 || a->v[0].t->size[0] != size[0] || a->v[0].t->size[1] != size[1]);
  if (!grows) y = start(a, a->v[0].t, x->dtype, 2, size, beta);
  else if (tl_can_start("addbmm", a->v[0].t, x->dtype, 2, size, 0)) return -1;
  else if ((y = tl_new(tl_device_of(x), x->dtype, 2, size)) != NULL && tl_copy(y, a->v[0].t)) return -1;
  a->out[0] = grows ? a->v[0].t : y;
  if (!y) return -1;
  if (tl_share_memory(x, y)) x = tl_clone(x);
  if (tl_share_memory(w, y)) w = tl_clone(w);
  if (!x || !w) return -1;
  if (x->size[0] == 0 && tl_product(TL_MM, 1, tl_grid(y, y->size[0], 0, 1, 1), y, beta, y)) return -1;
  for (int64_t b = 0; b < x->size[0]; b++) {
    size_t mark = tl_mark();
    tl_Tensor *l = tl_grid(x, x->size[1], x->size[2], x->stride[1], x->stride[2]);
    tl_Tensor *r = tl_grid(w, w->size[1], w->size[2], w->stride[1], w->stride[2]);
    int failed;
    if (!l || !r) return -1;
    l->offset += b * x->stride[0];
    r->offset += b * w->stride[0];
    failed = tl_product(TL_MM, alpha, l, r, b ? 1 : beta, y);
    tl_drain(mark);
    if (failed) return -1;
  }
  return grows ? grow(a->v[0].t, y) : 0;
}

static int addbmm_back (tl_Node *n, tl_Tensor **g) {
  int at = 0;
  double alpha = n->p[1].f;
  tl_Tensor *all = tl_unsqueeze(g[0], 0);                /* every item of the batch gets the same gradient */
  if (give_self(n, g[0])) return -1;
  for (int k = 1; k <= 2; k++) {
    tl_Tensor *other, *flat;
    int64_t size[3];
    if (!tl_needs(n, k)) continue;
    other = tl_saved(n, at++);
    if (!other || !all) return -1;
    size[0] = other->size[0];
    size[1] = all->size[1];
    size[2] = all->size[2];
    flat = tl_expand(all, 3, size);
    flat = k == 1 ? tl_bmm(flat, tl_t(other)) : tl_bmm(tl_t(other), flat);
    if (tl_answer(n, k, tl_scaled(flat, alpha))) return -1;
  }
  return 0;
}

/* ------------------------------------------------------------------ table */

#define SCALES " * beta:n=1 alpha:n=1"
#define ALIKE "; both of one dtype, any but bool"

const tl_Op tl_matmul_ops[] = {
  { "mm", "self:T mat2:T", "product of two matrices: (n, k) x (k, m) -> (n, m)" ALIKE ". Does not broadcast.",
    mm, mm_back, 0, 0, NULL, NULL },
  { "mv", "self:T vec:T", "matrix times vector: (n, k) x (k) -> (n)" ALIKE ".", mv, mv_back, 0, 0, NULL, NULL },
  { "dot", "self:T tensor:T", "sum of products of two vectors: (n) x (n) -> ()" ALIKE ".", dot, dot_back, 0, 0, NULL,
    NULL },
  { "bmm", "self:T mat2:T", "matrix products item by item: (b, n, k) x (b, k, m) -> (b, n, m)" ALIKE
    ". Does not broadcast.", bmm, bmm_back, 0, 0, NULL, NULL },
  { "addmm", "self:T mat1:T mat2:T" SCALES, "beta * self + alpha * (mat1 x mat2): (n, k) x (k, m) -> (n, m), self "
    "broadcast to it; beta 0 does not read self" ALIKE ".", addmm, addmm_back, TL_OP_INPLACE, 0, NULL, NULL },
  { "addmv", "self:T mat:T vec:T" SCALES, "beta * self + alpha * (mat x vec): (n, k) x (k) -> (n), self broadcast to "
    "it; beta 0 does not read self" ALIKE ".", addmv, addmv_back, TL_OP_INPLACE, 0, NULL, NULL },
  { "baddbmm", "self:T batch1:T batch2:T" SCALES, "beta * self + alpha * (batch1 x batch2) item by item: (b, n, k) x "
    "(b, k, m) -> (b, n, m), self broadcast to it" ALIKE ".", baddbmm, baddbmm_back, TL_OP_INPLACE, 0, NULL, NULL },
  { "addbmm", "self:T batch1:T batch2:T" SCALES, "beta * self + alpha * the sum over the batch of batch1 x batch2: "
    "(b, n, k) x (b, k, m) -> (n, m), self broadcast to it" ALIKE ".", addbmm, addbmm_back, TL_OP_INPLACE, 0, NULL,
    NULL },
  TL_ROW_END
};

static tl_Tensor *two (int row, tl_Tensor *a, tl_Tensor *b) {
  tl_Tensor *t[2] = { a, b };
  return tl_call(&tl_matmul_ops[row], 0, 2, t);
}

tl_Tensor *tl_mm (tl_Tensor *a, tl_Tensor *b) { return two(MM, a, b); }
tl_Tensor *tl_mv (tl_Tensor *a, tl_Tensor *b) { return two(MV, a, b); }
tl_Tensor *tl_dot (tl_Tensor *a, tl_Tensor *b) { return two(DOT, a, b); }
tl_Tensor *tl_bmm (tl_Tensor *a, tl_Tensor *b) { return two(BMM, a, b); }
