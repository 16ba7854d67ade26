/*
** join.c -- several tensors made one: cat, stack, hstack, vstack, dstack.
**
** No verb of its own: the result is made, and each input is copied into a narrow view of it.
*/
#include <string.h>

#include "op/calls.h"
#include "op/families.h"

enum { CAT, STACK };

/* 1-d and empty: left out, as PyTorch has always done */
static int legacy (const tl_Tensor *t) { return t->ndim == 1 && t->size[0] == 0; }

/* the sizes along the dim of n inputs, for backward: in the node when few, else in a tensor of their own */
static int keep_lengths (tl_Args *a, int n, tl_Tensor *const *t, int d) {
  enum { FEW = 32 };
  if (!a->wants) return 0;
  tl_keep_int(a, d);
  if (n <= FEW) {
    for (int k = 0; k < n; k++) tl_keep_int(a, t[k]->ndim > d ? t[k]->size[d] : 0);
    return 0;
  }
  {
    int64_t size = n, *length;
    tl_Tensor *s = tl_new(tl_cpu(), TL_i64, 1, &size);
    if (!s) return -1;
    length = tl_data(s);
    for (int k = 0; k < n; k++) length[k] = t[k]->ndim > d ? t[k]->size[d] : 0;
    return tl_keep(a, s, TL_FROM_CONSTANT);
  }
}

/* copies n inputs into the result one after the other along dim d; one wide each when stacking */
static int lay_side_by_side (tl_Tensor *y, int n, tl_Tensor *const *t, int d, int stack) {
  tl_Geometry g;
  tl_geometry(y, &g);
  for (int k = 0; k < n; k++) {
    size_t mark = tl_mark();
    int bad;
    if (stack) {
      tl_Geometry row = g;
      memmove(row.size + d, row.size + d + 1, (size_t)(row.ndim - d - 1) * sizeof *row.size);
      memmove(row.stride + d, row.stride + d + 1, (size_t)(row.ndim - d - 1) * sizeof *row.stride);
      row.ndim--;
      bad = tl_numel(y) && tl_copy(tl_alias_at(y, &row), t[k]);
      g.offset += g.stride[d];
    }
    else {
      if (legacy(t[k])) continue;
      g.size[d] = t[k]->size[d];
      bad = g.size[d] && tl_numel(y) && tl_copy(tl_alias_at(y, &g), t[k]);
      g.offset += g.size[d] * g.stride[d];
    }
    tl_drain(mark);
    if (bad) return -1;
  }
  return 0;
}

static int cat_forward (tl_Args *a) {
  tl_Tensor *const *t = a->v[0].ts, *first = NULL, *y;
  int n = a->v[0].n, d = 0, at = 0, dtype;
  int64_t size[TL_MAXDIM];
  if (n == 0) return tl_fault("torch.cat(): expected a non-empty list of Tensors");
  for (int k = 0; k < n; k++) {
    if (t[k]->ndim == 0) return tl_fault("zero-dimensional tensor (at position %d) cannot be concatenated", k + 1);
    if (!first && !legacy(t[k])) { first = t[k]; at = k; }
  }
  if (!first) first = t[0];
  d = tl_wrap_dim("cat", a->v[1].i, first->ndim);
  if (d < 0) return -1;
  memcpy(size, first->size, sizeof size);
  for (int k = at + 1; k < n; k++) {
    if (legacy(t[k])) continue;
    if (t[k]->ndim != first->ndim)
      return tl_fault("Tensors must have same number of dimensions: got %d and %d", first->ndim, t[k]->ndim);
    for (int e = 0; e < first->ndim; e++)
      if (e != d && t[k]->size[e] != first->size[e])
        return tl_fault("Sizes of tensors must match except in dimension %d. Expected size %lld but got size %lld "
                        "for tensor number %d in the list.", d + 1, (long long)first->size[e],
                            (long long)t[k]->size[e], k + 1);
    if (__builtin_add_overflow(size[d], t[k]->size[d], &size[d])) size[d] = INT64_MAX;
  }
  dtype = tl_promote_tensors(n, t);
  if (keep_lengths(a, n, t, d)) return -1;
  y = a->out[0] = tl_result(a, 0, dtype, first->ndim, size);
  if (!y) return -1;
  for (int k = 0; k < n; k++)
    if (a->dest[0] && tl_share_memory(a->dest[0], t[k]))
      return tl_fault("unsupported operation: the input tensors cannot refer to any of the output memory locations. "
                      "Found overlap in input tensor %d", k + 1);
  return lay_side_by_side(y, n, t, d, 0);
}

/* the gradient of input k; a 1-d empty one may stand among tensors of other sizes */
static tl_Tensor *part (tl_Node *n, int k, tl_Tensor *g, int d, int64_t at, int64_t length) {
  const tl_Origin *o = n->origin ? &n->origin[k] : NULL;
  if (length || !o) return tl_narrow(g, d, at, length);
  return tl_zeros(tl_device_of(g), g->dtype, o->ndim, o->size);
}

static int cat_backward (tl_Node *n, tl_Tensor **g) {
  int d = (int)n->i[0];
  int64_t at = 0, length;
  const int64_t *lengths = n->i + 1;
  if (n->nsaved) {
    tl_Tensor *s = tl_saved(n, 0);
    if (!s) return -1;
    lengths = tl_data(s);
  }
  for (int k = 0; k < n->nin; k++, at += length) {
    size_t mark = tl_mark();
    int bad = 0;
    length = lengths[k];
    if (tl_needs(n, k)) bad = tl_give(n, k, part(n, k, g[0], d, at, length));
    tl_drain(mark);
    if (bad) return -1;
  }
  return 0;
}

static int stack_forward (tl_Args *a) {
  tl_Tensor *const *t = a->v[0].ts, *y;
  int n = a->v[0].n, d;
  int64_t size[TL_MAXDIM];
  char one[256], two[256];
  if (n == 0) return tl_fault("stack expects a non-empty TensorList");
  d = tl_wrap_dim("stack", a->v[1].i, t[0]->ndim + 1);
  if (d < 0) return -1;
  for (int k = 1; k < n; k++)
    if (!tl_same_sizes(t[0], t[k]))
      return tl_fault("stack expects each tensor to be equal size, but got %s at entry 1 and %s at entry %d",
                      tl_show_sizes(one, t[0]->ndim, t[0]->size), tl_show_sizes(two, t[k]->ndim, t[k]->size), k + 1);
  if (t[0]->ndim == TL_MAXDIM) return tl_fault("stack: a tensor has at most %d dimensions", TL_MAXDIM);
  for (int e = 0; e <= t[0]->ndim; e++) size[e] = e < d ? t[0]->size[e] : e == d ? n : t[0]->size[e - 1];
  tl_keep_int(a, d);
  y = a->out[0] = tl_result(a, 0, tl_promote_tensors(n, t), t[0]->ndim + 1, size);
  return y ? lay_side_by_side(y, n, t, d, 1) : -1;
}

static int stack_backward (tl_Node *n, tl_Tensor **g) {
  for (int k = 0; k < n->nin; k++) {
    size_t mark = tl_mark();
    int bad = tl_needs(n, k) && tl_give(n, k, tl_select(g[0], n->i[0], k));
    tl_drain(mark);
    if (bad) return -1;
  }
  return 0;
}

/* at least `want` dims: (n) is a row of (1, n), and (1, n, 1) when three are wanted; as atleast_1d, _2d, _3d */
static tl_Tensor *at_least (tl_Tensor *t, int want) {
  if (t && t->ndim == 0) t = tl_unsqueeze(t, 0);
  if (t && want > 1 && t->ndim == 1) t = tl_unsqueeze(t, 0);
  if (t && want > 2 && t->ndim == 2) t = tl_unsqueeze(t, 2);
  return t;
}

/* hstack, vstack, dstack (code 1, 2, 3): that many dims at least, then cat along the last of them;
   hstack of matrices joins columns.  column_stack (code 4): vectors are columns */
static int stacks_forward (tl_Args *a) {
  int n = a->v[0].n, code = a->op->code, d = code - 1;
  tl_Tensor **t;
  if (n == 0) return tl_fault("%s expects a non-empty TensorList", a->op->name);
  t = tl_scratch((size_t)n * sizeof *t);
  if (!t) return -1;
  for (int k = 0; k < n; k++) {
    tl_Tensor *x = a->v[0].ts[k];
    size_t mark = tl_mark();
    if (code == 4) {
      int64_t column[2] = { tl_numel(x), 1 };
      if (x->ndim < 2) x = tl_reshape(x, 2, column);
    }
    else x = at_least(x, code);
    if (!x) return -1;
    tl_retain(x);
    tl_drain(mark);
    t[k] = tl_pool(x);
    if (!t[k]) return -1;
  }
  if (code == 1) d = t[0]->ndim == 1 ? 0 : 1;
  if (code == 2) d = 0;
  if (code == 4) d = 1;
  a->out[0] = tl_cat(n, t, d);
  return a->out[0] ? 0 : -1;
}

const tl_Op tl_join_ops[] = {
  [CAT] = { "cat", "tensors:L dim:d=1", "tensors one after the other along a dim they have; the other sizes must match",
            cat_forward, cat_backward, TL_OP_FUNCTION, 0, NULL, NULL },
  [STACK] = { "stack", "tensors:L dim:d=1", "tensors of one size along a new dim", stack_forward, stack_backward,
              TL_OP_FUNCTION, 0, NULL, NULL },
  { "hstack", "tensors:L", "cat of columns (along dim 2, dim 1 for vectors)", stacks_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_FUNCTION, 1, NULL, NULL },
  { "vstack", "tensors:L", "cat of rows (along dim 1); a vector is a row", stacks_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_FUNCTION, 2, NULL, NULL },
  { "dstack", "tensors:L", "cat along dim 3; a vector (n) is (1, n, 1)", stacks_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_FUNCTION, 3, NULL, NULL },
  { "column_stack", "tensors:L", "cat of columns; a vector is a column", stacks_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_FUNCTION, 4, NULL, NULL },
  TL_ROW_END
};

tl_Tensor *tl_cat (int n, tl_Tensor *const *t, int64_t dim) {
  tl_Args a;
  for (int k = 0; k < n; k++)
    if (!t[k]) return NULL;
  tl_args(&a, &tl_join_ops[CAT], 0);
  a.v[0].ts = (tl_Tensor **)t;
  a.v[0].n = n;
  a.v[1].i = dim;
  return tl_apply1(&a);
}
