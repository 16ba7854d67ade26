/*
** view_place.c -- views by arithmetic on strides: diagonal, unfold, as_strided; the derivative of every
** piece of a tensor; and scatter_at, which lays a piece into a copy.
**
** Every piece is a geometry, so all share one derivative: the gradient is laid at the piece's place in
** zeros (tl_scatter_at); where places overlap (unfold, as_strided) it is added there by index.  Both are
** operations themselves, so higher derivatives follow.
*/
#include <string.h>

#include "op/calls.h"
#include "op/families.h"
#include "op/piece.h"

enum { DIAGONAL, UNFOLD, AS_STRIDED, SCATTER_AT };

static int looks (tl_Args *a) {
  a->geometry = &a->view;
  return 0;
}

void tl_drop_dim (tl_Geometry *g, int d) {
  for (g->ndim--; d < g->ndim; d++) {
    g->size[d] = g->size[d + 1];
    g->stride[d] = g->stride[d + 1];
  }
}

static void cut_diagonal (tl_Geometry *g, int64_t offset, int d1, int d2) {
  int64_t n1 = g->size[d1] - (offset < 0 ? -offset : 0), n2 = g->size[d2] - (offset > 0 ? offset : 0);
  int64_t n = n1 < n2 ? n1 : n2, stride = g->stride[d1] + g->stride[d2];
  if (n > 0) g->offset += offset < 0 ? -offset * g->stride[d1] : offset * g->stride[d2];
  tl_drop_dim(g, d1 > d2 ? d1 : d2);
  tl_drop_dim(g, d1 > d2 ? d2 : d1);
  g->size[g->ndim] = n > 0 ? n : 0;
  g->stride[g->ndim++] = stride;
}

static void cut_unfold (tl_Geometry *g, int d, int64_t size, int64_t step) {
  if (g->ndim == 0) {                                    /* counts as one element in one dim */
    g->size[0] = size;
    g->stride[0] = 1;
    g->ndim = 1;
    return;
  }
  g->size[g->ndim] = size;
  g->stride[g->ndim] = g->stride[d];
  g->size[d] = (g->size[d] - size) / step + 1;
  g->stride[d] *= step;
  g->ndim++;
}

/* ---------------------------------------------------------------- what backward needs */

/* where x lies, where the piece lies in the same terms, and whether places may be met twice */
void tl_keep_place (tl_Args *a, const tl_Geometry *x, const tl_Geometry *at, int twice) {
  tl_keep_int(a, x->ndim);
  tl_keep_ints(a, x->ndim, x->size);
  tl_keep_ints(a, x->ndim, x->stride);
  tl_keep_int(a, at->offset - x->offset);
  tl_keep_ints(a, at->ndim, at->stride);
  tl_keep_int(a, twice);
}

void tl_whole (const tl_Tensor *x, tl_Geometry *g) { /* x packed, from 0: a gradient's own terms */
  g->ndim = x->ndim;
  g->offset = 0;
  memcpy(g->size, x->size, (size_t)x->ndim * sizeof *x->size);
  tl_packed(x->ndim, x->size, g->stride);
}

/* zeros of the sizes of x without memory */
static tl_Tensor *no_gradient (tl_Tensor *like, const tl_Geometry *x) {
  tl_Tensor *z = tl_zeros(tl_device_of(like), like->dtype, 0, NULL);
  tl_Geometry g = *x;
  g.offset = 0;
  memset(g.stride, 0, sizeof g.stride);
  return tl_alias_at(z, &g);
}

/* numbers of the elements of g, from 1, of a flat buffer that holds both x and the piece */
static tl_Tensor *places (tl_Tensor *numbers, tl_Geometry g, int64_t offset) {
  g.offset = offset;
  return tl_alias_at(numbers, &g);
}

static int64_t reach (const tl_Geometry *g) {            /* one past the last element, from g's first */
  int64_t last = 1;
  for (int d = 0; d < g->ndim; d++) {
    if (g->size[d] == 0) return 0;
    last += (g->size[d] - 1) * g->stride[d];
  }
  return last;
}

/* the piece meets places more than once, or lies outside x: gradients are added up by place */
static tl_Tensor *add_up (tl_Tensor *g, const tl_Geometry *x, const tl_Geometry *at, int64_t offset) {
  int64_t low = offset < 0 ? offset : 0, size[1], flat = -1, n = reach(x), m = offset + reach(at);
  tl_Tensor *numbers, *there, *here, *sum, *ones, *count;
  int shared = 0;
  size[0] = (n > m ? n : m) - low;
  if (tl_numel(g) == 0) return no_gradient(g, x);
  numbers = tl_iota(tl_device_of(g), size[0]);
  there = tl_contiguous(places(numbers, *at, offset - low));
  here = tl_contiguous(places(numbers, *x, -low));
  if (!here) return NULL;
  for (int d = 0; d < x->ndim; d++) shared |= x->size[d] > 1 && x->stride[d] == 0;
  sum = tl_zeros(tl_device_of(g), g->dtype, 1, size);
  sum = tl_index_add(sum, 0, tl_reshape(there, 1, &flat), tl_reshape(g, 1, &flat));
  sum = tl_index(sum, 1, &here);
  if (!shared) return sum;
  ones = tl_ones_like(tl_reshape(here, 1, &flat));       /* elements of x that are one in memory share */
  count = tl_zeros(tl_device_of(g), TL_i64, 1, size);
  count = tl_index_add(count, 0, tl_reshape(here, 1, &flat), ones);
  return tl_div(sum, tl_to_dtype(tl_index(count, 1, &here), g->dtype));
}

int tl_piece_backward (tl_Node *n, tl_Tensor **g) {
  const int64_t *i = n->i;
  tl_Geometry x, at;
  int64_t offset;
  x.ndim = (int)*i++;
  x.offset = 0;
  memcpy(x.size, i, (size_t)x.ndim * sizeof *i);
  memcpy(x.stride, i += x.ndim, (size_t)x.ndim * sizeof *i);
  i += x.ndim;
  offset = *i++;
  at.ndim = g[0]->ndim;
  at.offset = offset;
  memcpy(at.size, g[0]->size, (size_t)at.ndim * sizeof *i);
  memcpy(at.stride, i, (size_t)at.ndim * sizeof *i);
  i += at.ndim;
  if (*i) return tl_give(n, 0, add_up(g[0], &x, &at, offset));
  return tl_give(n, 0, tl_scatter_at(no_gradient(g[0], &x), g[0], &at, &x));
}

/* ---------------------------------------------------------------- diagonal, unfold, as_strided */

static int diagonal_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int d1 = tl_wrap_dim("diagonal", a->v[2].i, x->ndim), d2 = d1 < 0 ? -1 : tl_wrap_dim("diagonal", a->v[3].i, x->ndim);
  if (d2 < 0) return -1;
  if (d1 == d2) return tl_fault("diagonal dimensions cannot be identical %lld, %lld", (long long)d1 + 1,
                                (long long)d2 + 1);
  tl_geometry(x, &a->view);
  cut_diagonal(&a->view, a->v[1].i, d1, d2);
  if (a->wants) {
    tl_Geometry all, at;
    tl_whole(x, &all);
    at = all;
    cut_diagonal(&at, a->v[1].i, d1, d2);
    tl_keep_place(a, &all, &at, 0);
  }
  return looks(a);
}

static int unfold_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int d = tl_wrap_dim("unfold", a->v[1].i, x->ndim);
  int64_t size = a->v[2].i, step = a->v[3].i, have;
  if (d < 0) return -1;
  have = x->ndim ? x->size[d] : 1;
  if (size < 0) return tl_fault("size is %lld but must be >= 0", (long long)size);
  if (size > have)
    return tl_fault("maximum size for tensor at dimension %d is %lld but size is %lld", d + 1, (long long)have,
                    (long long)size);
  if (step <= 0) return tl_fault("step is %lld but must be > 0", (long long)step);
  if (x->ndim == TL_MAXDIM) return tl_fault("unfold: a tensor has at most %d dimensions", TL_MAXDIM);
  tl_geometry(x, &a->view);
  cut_unfold(&a->view, d, size, step);
  if (a->wants) {
    tl_Geometry all, at;
    tl_whole(x, &all);
    at = all;
    cut_unfold(&at, d, size, step);
    tl_keep_place(a, &all, &at, step < size);
  }
  return looks(a);
}

static int as_strided_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  tl_Geometry *g = &a->view;
  if (a->v[1].n != a->v[2].n)
    return tl_fault("mismatch in length of strides and shape");
  if (a->v[1].n > TL_MAXDIM) return tl_fault("as_strided: a tensor has at most %d dimensions", TL_MAXDIM);
  g->ndim = a->v[1].n;
  g->offset = a->v[3].given ? a->v[3].i : x->offset;
  memcpy(g->size, a->v[1].is, (size_t)g->ndim * sizeof *g->size);
  memcpy(g->stride, a->v[2].is, (size_t)g->ndim * sizeof *g->stride);
  if (tl_check_view("as_strided", x->storage, tl_width[x->dtype], g)) return -1;
  if (a->wants) {
    tl_Geometry from;
    tl_Tensor *t = tl_alias_at(x, g);
    if (!t) return -1;
    tl_geometry(x, &from);
    tl_keep_place(a, &from, g, tl_overlaps_itself(t) || tl_overlaps_itself(x) || g->offset < from.offset ||
                            g->offset + reach(g) > from.offset + reach(&from));
  }
  return looks(a);
}

/* ---------------------------------------------------------------- scatter_at */

/* a copy of x, laid out with the given strides, with s at a place in it */
static int scatter_at_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *s = a->v[1].t, *y, *piece;
  tl_Geometry at;
  at.ndim = a->v[2].n;
  at.offset = a->v[4].i;
  if (at.ndim > TL_MAXDIM || a->v[3].n != at.ndim || a->v[5].n != x->ndim)
    return tl_fault("scatter_at: the lists don't fit");
  memcpy(at.size, a->v[2].is, (size_t)at.ndim * sizeof *at.size);
  memcpy(at.stride, a->v[3].is, (size_t)at.ndim * sizeof *at.stride);
  y = tl_new_strided(tl_device_of(x), x->dtype, x->ndim, x->size, a->v[5].is);
  if (!y || tl_check_view("scatter_at", y->storage, tl_width[y->dtype], &at)) return -1;
  if (!tl_is_dense(y)) {                                 /* nobody may find rubbish between the elements */
    tl_Geometry g = { 1, 0, { (int64_t)y->storage->bytes / tl_width[y->dtype] }, { 1 } };
    if (tl_fill(tl_alias_at(y, &g), (tl_Num){ .i = 0 }, TL_i64)) return -1;
  }
  piece = tl_alias_at(y, &at);
  if (tl_copy(y, x) || tl_copy(piece, s)) return -1;
  tl_keep_ints(a, x->ndim, a->v[5].is);
  tl_keep_int(a, at.offset);
  tl_keep_int(a, at.ndim);
  tl_keep_ints(a, at.ndim, at.size);
  tl_keep_ints(a, at.ndim, at.stride);
  a->out[0] = y;
  return 0;
}

static int scatter_at_backward (tl_Node *n, tl_Tensor **g) {
  const int64_t *i = n->i + g[0]->ndim;
  tl_Geometry base, at;
  tl_Tensor *z;
  base.ndim = g[0]->ndim;
  base.offset = 0;
  memcpy(base.size, g[0]->size, (size_t)base.ndim * sizeof *i);
  memcpy(base.stride, n->i, (size_t)base.ndim * sizeof *i);
  at.offset = *i++;
  at.ndim = (int)*i++;
  memcpy(at.size, i, (size_t)at.ndim * sizeof *i);
  memcpy(at.stride, i + at.ndim, (size_t)at.ndim * sizeof *i);
  if (tl_needs(n, 0) && tl_give(n, 0, tl_scatter_at(g[0], no_gradient(g[0], &at), &at, &base))) return -1;
  if (!tl_needs(n, 1)) return 0;
  /* the piece of the gradient, which must lie as the result did */
  z = g[0];
  if (z->offset || memcmp(z->stride, base.stride, (size_t)base.ndim * sizeof *i)) {
    z = tl_new_strided(tl_device_of(z), z->dtype, base.ndim, base.size, base.stride);
    if (!z || tl_copy_in(z, g[0])) return -1;
  }
  return tl_give(n, 1, tl_as_strided(z, &at));
}

/* ---------------------------------------------------------------- the table and C calls */

const tl_Op tl_view_place_ops[] = {
  [DIAGONAL] = { "diagonal", "self:T offset:i=0 dim1:d=1 dim2:d=2",
                 "a diagonal as the last dim; offset > 0 lies above (a view)",
                 diagonal_forward, tl_piece_backward, TL_OP_VIEW, 0, NULL, NULL },
  [UNFOLD] = { "unfold", "self:T dimension:d size:i step:i",
               "windows of `size` along a dim, `step` apart, as a new last dim (a view)",
               unfold_forward, tl_piece_backward, TL_OP_VIEW | TL_OP_METHOD, 0, NULL, NULL },
  [AS_STRIDED] = { "as_strided", "self:T size:S stride:I storage_offset:i?",
                   "the same memory under any size, strides and offset, all in elements; the offset is a distance "
                   "from 0", as_strided_forward, tl_piece_backward, TL_OP_VIEW | TL_OP_INPLACE, 0, NULL, NULL },
  [SCATTER_AT] = { "_scatter_at", "self:T src:T size:I stride:I offset:i layout:I",
                   "a copy of self in memory of strides `layout`, with src at the place that size, stride and offset "
                   "tell", scatter_at_forward, scatter_at_backward, 0, 0, "_C", NULL },
  TL_ROW_END
};

static void list (tl_Value *v, int n, const int64_t *is) {
  v->is = is;
  v->n = n;
  v->given = 1;
}

tl_Tensor *tl_diagonal (tl_Tensor *x, int64_t offset, int64_t d1, int64_t d2) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_view_place_ops[DIAGONAL], 0);
  a.v[0].t = x;
  a.v[1].i = offset;
  a.v[2].i = d1;
  a.v[3].i = d2;
  return tl_apply1(&a);
}

tl_Tensor *tl_as_strided (tl_Tensor *x, const tl_Geometry *g) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_view_place_ops[AS_STRIDED], 0);
  a.v[0].t = x;
  list(&a.v[1], g->ndim, g->size);
  list(&a.v[2], g->ndim, g->stride);
  a.v[3].i = g->offset;
  a.v[3].given = 1;
  return tl_apply1(&a);
}

tl_Tensor *tl_scatter_at (tl_Tensor *x, tl_Tensor *s, const tl_Geometry *at, const tl_Geometry *base) {
  tl_Args a;
  if (!x || !s) return NULL;
  tl_args(&a, &tl_view_place_ops[SCATTER_AT], 0);
  a.v[0].t = x;
  a.v[1].t = s;
  list(&a.v[2], at->ndim, at->size);
  list(&a.v[3], at->ndim, at->stride);
  a.v[4].i = at->offset - base->offset;
  list(&a.v[5], base->ndim, base->stride);
  return tl_apply1(&a);
}
