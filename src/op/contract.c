/*
** contract.c -- products of any number of dims, in terms of those of matmul.c: they fold, unfold and
** broadcast, and what they call records itself.
*/
#include "op/common.h"
#include "op/families.h"

/* ------------------------------------------------------------------ matmul */

/* may the larger operand (left, or the right one transposed) be seen as one matrix, as PyTorch decides it */
static int folds (tl_Tensor *a, tl_Tensor *b) {
  int left = a->ndim >= b->ndim, n = left ? a->ndim : b->ndim;
  tl_Tensor *big = left ? a : b, *small = left ? b : a;
  int64_t stride[TL_MAXDIM], size[TL_MAXDIM];
  if (n < 3 || small->ndim > 2) return 0;
  if (tl_requires_grad(small)) return 1;
  if (a->ndim == 2) return 0;
  if (tl_numel(big) == 0) return 1;
  for (int d = 0; d < n; d++) {
    int e = left || d < n - 2 ? d : 2 * n - 3 - d;       /* the last two dims swapped */
    size[d] = big->size[e];
    stride[d] = big->stride[e];
  }
  for (int d = 0; d < n - 2; d++)
    if (stride[d] != stride[d + 1] * size[d + 1]) return 0;
  return 1;
}

static tl_Tensor *folded (tl_Tensor *a, tl_Tensor *b) {
  int left = a->ndim >= b->ndim, n;
  tl_Tensor *big = left ? a : tl_t(b), *small = left ? b : a->ndim == 2 ? tl_t(a) : a, *y;
  int64_t size[TL_MAXDIM], flat[2];
  if (!big || !small) return NULL;
  n = big->ndim;
  flat[0] = 1;
  flat[1] = big->size[n - 1];
  for (int d = 0; d < n - 1; d++) flat[0] *= size[d] = big->size[d];
  big = tl_reshape(big, 2, flat);
  if (small->ndim == 1) return tl_view(tl_mv(big, small), n - 1, size);
  size[n - 1] = small->size[1];
  y = tl_view(tl_mm(big, small), n, size);
  return left ? y : tl_op_contiguous(tl_t(y));
}

static tl_Tensor *batched (tl_Tensor *a, tl_Tensor *b) {
  tl_Tensor *heads[2], *y;
  int64_t batch[TL_MAXDIM], size[TL_MAXDIM], count = 1;
  int row = a->ndim == 1, column = b->ndim == 1, n;
  tl_Geometry g[2];
  if (row) a = tl_unsqueeze(a, 0);
  if (column) b = tl_unsqueeze(b, -1);
  if (!a || !b) return NULL;
  for (int k = 0; k < 2; k++) {                          /* headers with the batch dims only */
    tl_geometry(k ? b : a, &g[k]);
    g[k].ndim -= 2;
    heads[k] = tl_alias_at(k ? b : a, &g[k]);
    if (!heads[k]) return NULL;
  }
  n = tl_broadcast("matmul", 2, heads, batch);
  if (n < 0) return NULL;
  for (int d = 0; d < n; d++) count *= size[d] = batch[d];
  for (int k = 0; k < 2; k++) {
    tl_Tensor *t = k ? b : a, **at = k ? &b : &a;
    int64_t flat[3];
    flat[0] = count;
    flat[1] = size[n] = t->size[t->ndim - 2];
    flat[2] = size[n + 1] = t->size[t->ndim - 1];
    *at = tl_reshape(tl_expand(t, n + 2, size), 3, flat);
  }
  y = tl_bmm(a, b);
  if (!y) return NULL;
  if (!row) size[n++] = y->size[1];
  if (!column) size[n++] = y->size[2];
  return tl_view(y, n, size);
}

static int matmul (tl_Args *args) {
  tl_Tensor *a = args->v[0].t, *b = args->v[1].t;
  if (a->ndim == 0 || b->ndim == 0)
    return tl_fault("matmul: both arguments to matmul need to be at least 1D, but they are %dD and %dD", a->ndim,
                    b->ndim);
  if (a->ndim == 1 && b->ndim == 1) return tl_done(args, tl_dot(a, b));
  if (a->ndim == 2 && b->ndim == 1) return tl_done(args, tl_mv(a, b));
  if (a->ndim == 1 && b->ndim == 2) return tl_done(args, tl_squeeze(tl_mm(tl_unsqueeze(a, 0), b), 0));
  if (a->ndim == 2 && b->ndim == 2) return tl_done(args, tl_mm(a, b));
  return tl_done(args, folds(a, b) ? folded(a, b) : batched(a, b));
}

/* ------------------------------------------------------------------ outer, inner */

/* all dims but the last as one */
static tl_Tensor *flattened (tl_Tensor *x) {
  int64_t flat[2] = { 1, x->size[x->ndim - 1] };
  for (int d = 0; d < x->ndim - 1; d++) flat[0] *= x->size[d];
  return tl_reshape(x, 2, flat);
}

static int outer (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t;
  if (x->ndim != 1) return tl_fault("outer: Expected 1-D argument self, but got %d-D", x->ndim);
  if (y->ndim != 1) return tl_fault("outer: Expected 1-D argument vec2, but got %d-D", y->ndim);
  return tl_done(a, tl_mul(tl_unsqueeze(x, -1), y));
}

static tl_Tensor *times (tl_Tensor *t, const tl_Value *v) {
  if (tl_double(v) == 1) return t;
  if (t && t->dtype == TL_b8) return tl_mul(t, tl_boolean(tl_double(v) != 0));
  return tl_mul(t, v->kind == 'f' ? tl_number(v->f) : tl_integer(v->i));
}

static int addr (tl_Args *a) {
  tl_Tensor *self = a->v[0].t, *x = a->v[1].t, *y = a->v[2].t, *r;
  char s[256];
  if (x->ndim != 1) return tl_fault("addr: Expected 1-D argument vec1, but got %d-D", x->ndim);
  if (y->ndim != 1) return tl_fault("addr: Expected 1-D argument vec2, but got %d-D", y->ndim);
  if (!tl_can_expand(self->ndim, self->size, 2, (int64_t[]){ x->size[0], y->size[0] }))
    return tl_fault("addr: Expected a tensor that can be expanded to [%lld, %lld], but got one of size %s",
                    (long long)x->size[0], (long long)y->size[0], tl_show_sizes(s, self->ndim, self->size));
  r = times(tl_mul(tl_unsqueeze(x, -1), y), &a->v[4]);
  return tl_done(a, tl_double(&a->v[3]) == 0 ? r : tl_add(times(self, &a->v[3]), r));
}

static int inner (tl_Args *args) {
  tl_Tensor *a = args->v[0].t, *b = args->v[1].t;
  int64_t size[2 * TL_MAXDIM];
  int n = 0;
  char s[256], t[256];
  if (a->ndim == 0 || b->ndim == 0) return tl_done(args, tl_mul(a, b));
  if (a->size[a->ndim - 1] != b->size[b->ndim - 1])
    return tl_fault("inner() the last dimension must match on both input tensors but got shapes %s and %s",
                    tl_show_sizes(s, a->ndim, a->size), tl_show_sizes(t, b->ndim, b->size));
  if (a->ndim == 1 && b->ndim == 1) return tl_done(args, tl_dot(a, b));
  for (int d = 0; d < a->ndim - 1; d++) size[n++] = a->size[d];
  for (int d = 0; d < b->ndim - 1; d++) size[n++] = b->size[d];
  if (n > TL_MAXDIM) return tl_fault("inner: a tensor has at most %d dimensions, got %d", TL_MAXDIM, n);
  return tl_done(args, tl_reshape(tl_mm(flattened(a), tl_t(flattened(b))), n, size));
}

/* ------------------------------------------------------------------ table */

const tl_Op tl_contract_ops[] = {
  { "matmul", "self:T other:T", "matrix product by the number of dims: 1-d with 1-d is dot, 2-d with 1-d mv, 2-d "
    "with 2-d mm; 1-d operands otherwise stand for a row on the left or a column on the right, and dims before the "
    "last two broadcast.", matmul, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "outer", "self:T vec2:T", "every product of an element of self with one of vec2: (n) and (m) -> (n, m); any "
    "dtypes.", outer, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "inner", "self:T other:T", "dot products over the last dims: (..., k) and (.., k) -> (..., ..); 0-d operands "
    "scale.", inner, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "addr", "self:T vec1:T vec2:T * beta:n=1 alpha:n=1", "beta * self + alpha * outer(vec1, vec2), self broadcast to "
    "(n, m); beta 0 does not read self.", addr, NULL, TL_OP_COMPOSITE | TL_OP_INPLACE, 0, NULL, NULL },
  TL_ROW_END
};

tl_Tensor *tl_matmul (tl_Tensor *a, tl_Tensor *b) {
  tl_Tensor *t[2] = { a, b };
  return tl_call(&tl_contract_ops[0], 0, 2, t);
}
