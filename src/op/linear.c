/*
** linear.c -- input x weight^T + bias: one product whose starting value is the bias.
*/
#include <string.h>

#include "op/families.h"
#include "op/product.h"

/* y = b, then y += x W^T.  A weight (in) is one row whose dim the result lacks. */
static int linear (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *w = a->v[1].t, *b = a->v[2].t, *y, *rows;
  int64_t size[TL_MAXDIM], count = 1, inside, outside;
  int n = x->ndim, last = w->ndim == 2;
  if (n == 0)
    return tl_fault("linear: both arguments to linear need to be at least 1D, but they are 0D and %dD", w->ndim);
  if (w->ndim != 1 && w->ndim != 2) return tl_fault("linear: weight must be a matrix, got %d-D tensor", w->ndim);
  inside = w->size[w->ndim - 1];
  outside = last ? w->size[0] : 1;
  for (int d = 0; d < n - 1; d++) count *= size[d] = x->size[d];
  if (x->size[n - 1] != inside)
    return tl_fault("linear: mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)", (long long)count,
                    (long long)x->size[n - 1], (long long)inside, (long long)outside);
  if (tl_same_type("linear", x, w) || tl_keep_factors(a, 0)) return -1;
  tl_keep_ints(a, 3, (int64_t[]){ w->ndim, inside, count });
  if (last) size[n - 1] = outside;
  if (b && tl_can_start("linear", b, x->dtype, n - 1 + last, size, 0)) return -1;
  y = a->out[0] = tl_result(a, 0, x->dtype, n - 1 + last, size);
  if (!y || (b && tl_copy(y, b))) return -1;
  w = tl_grid(w, inside, outside, w->stride[w->ndim - 1], last ? w->stride[0] : 1);
  if (n == 2 && last) return tl_product(TL_MM, 1, x, w, b ? 1 : 0, y);
  x = tl_grid(tl_contiguous(x), count, inside, inside, 1);
  rows = tl_contiguous(y);
  if (!rows || tl_product(TL_MM, 1, x, w, b ? 1 : 0, tl_grid(rows, count, outside, outside, 1))) return -1;
  return rows == y ? 0 : tl_copy(y, rows);
}

static tl_Tensor *as_rows (tl_Tensor *t, int64_t rows, int64_t columns) {
  return !t || (t->ndim == 2 && t->size[1] == columns) ? t : tl_reshape(t, 2, (int64_t[]){ rows, columns });
}

/* i: the weight's dims, in, rows of the input */
static int linear_back (tl_Node *n, tl_Tensor **g) {
  int last = n->i[0] == 2, dims = g[0]->ndim - last, at = 0;
  int64_t inside = n->i[1], rows = n->i[2], outside = last ? g[0]->size[dims] : 1;
  tl_Tensor *flat = as_rows(g[0], rows, outside), *t;
  if (!flat) return -1;
  if (tl_needs(n, 0)) {
    int64_t size[TL_MAXDIM];
    memcpy(size, g[0]->size, sizeof size);
    size[dims] = inside;
    t = tl_mm(flat, as_rows(tl_saved(n, at++), outside, inside));
    if (tl_answer(n, 0, dims == 1 && last ? t : tl_reshape(t, dims + 1, size))) return -1;
  }
  if (tl_needs(n, 1)) {
    t = tl_mm(tl_t(flat), as_rows(tl_saved(n, at), rows, inside));
    if (tl_answer(n, 1, last ? t : tl_reshape(t, 1, &inside))) return -1;
  }
  if (!tl_needs(n, 2)) return 0;
  return tl_answer(n, 2, last ? tl_sum(flat, 1u, 0) : g[0]);
}

#define ALIKE "; all of one dtype, any but bool"

const tl_Op tl_linear_ops[] = {
  { "linear", "input:T weight:T bias:T?", "input x weight^T + bias: (..., in) and (out, in) and (out) -> (..., "
    "out)" ALIKE ".", linear, linear_back, 0, 0, "nn.functional", "addmm" },
  TL_ROW_END
};
