/*
** index_get.c -- reading by index: gather, index_select, masked_select, take, take_along_dim, nonzero,
** argwhere, and x[...] with index tensors.
**
** Indices count from 1 in memory; the kernels take the base as a parameter.  Each derivative adds the
** gradient into zeros at the same places.
*/
#include <string.h>

#include "op/families.h"
#include "op/index.h"

enum { GATHER, INDEX_SELECT, INDEX_AT };

static int done (tl_Args *a, tl_Tensor *y) {
  a->out[0] = y;
  return y ? 0 : -1;
}

static void keep_size (tl_Args *a, const tl_Tensor *x) {
  tl_keep_int(a, x->ndim);
  tl_keep_ints(a, x->ndim, x->size);
}

/* zeros for the gradient of an input whose sizes were kept from n->i[at] on */
static tl_Tensor *zeros_of (tl_Node *n, int at, tl_Tensor *g) {
  return tl_zeros(tl_device_of(g), g->dtype, (int)n->i[at], n->i + at + 1);
}

/* ---------------------------------------------------------------- gather */

static int gather_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *index = a->v[2].t, *t[3];
  int64_t p[5] = { 0, 0, 1, 0, 0 };
  char one[256], two[256];
  int d = tl_wrap_dim("gather", a->v[1].i, x->ndim), some = tl_numel(index) != 0;
  if (d < 0) return -1;
  if (some && (index->ndim ? index->ndim : 1) != (x->ndim ? x->ndim : 1))
    return tl_fault("Index tensor must have the same number of dimensions as input tensor");
  for (int e = 0; some && e < index->ndim && x->ndim; e++)
    if (e != d && index->size[e] > x->size[e])
      return tl_fault("Size does not match at dimension %d expected index %s to be no larger than self %s apart from "
                      "dimension %d", e + 1, tl_show_sizes(one, index->ndim, index->size),
                      tl_show_sizes(two, x->ndim, x->size), d + 1);
  if (tl_keep(a, index, TL_FROM_CONSTANT)) return -1;
  tl_keep_int(a, d);
  keep_size(a, x);
  index = tl_index_numbers("gather", index, a->v[0].t);
  if (!index) return -1;
  p[TL_INDEX_SIZE] = x->ndim ? x->size[d] : 1;
  p[TL_INDEX_DIM] = d;
  t[0] = a->out[0] = tl_result(a, 0, x->dtype, index->ndim, index->size);
  if (!some) return t[0] ? 0 : -1;                       /* of any number of dims */
  t[1] = tl_index_table(x, d, index->ndim, index->size, &p[TL_INDEX_STEP]);
  t[2] = index;
  return tl_index_run(TL_GATHER, 0, index->ndim, index->size, t, p);
}

static int gather_backward (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *index = tl_saved(n, 0);
  return tl_give(n, 0, tl_scatter_add(zeros_of(n, 1, g[0]), n->i[0], index, g[0]));
}

/* negative indices become positive ones */
static tl_Tensor *from_front (tl_Tensor *index, int64_t size) {
  tl_Tensor *zero = tl_integer(0);
  index = tl_index_numbers("take_along_dim", index, index);
  return tl_where(tl_op2(TL_lt, index, zero), tl_add(index, tl_integer(size + 1)), index);
}

/* indices broadcast against self in the other dims; without dim through the flattened tensor */
static int take_along_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *index = a->v[1].t;
  int64_t flat = -1, sx[TL_MAXDIM], si[TL_MAXDIM];
  int d;
  if (!a->v[2].given) return done(a, tl_gather(tl_reshape(x, 1, &flat), 0, tl_reshape(index, 1, &flat)));
  if (x->ndim != index->ndim)
    return tl_fault("take_along_dim(): input and indices should have the same number of dimensions, but got %d "
                    "dimensions for input, and %d dimensions for indices", x->ndim, index->ndim);
  d = tl_wrap_dim("take_along_dim", a->v[2].i, x->ndim);
  if (d < 0) return -1;
  for (int e = 0; e < x->ndim; e++) {
    int64_t m = x->size[e] == 1 ? index->size[e] : x->size[e];
    if (e != d && index->size[e] != 1 && index->size[e] != m)
      return tl_fault("The size of tensor a (%lld) must match the size of tensor b (%lld) at non-singleton dimension "
                      "%d", (long long)x->size[e], (long long)index->size[e], e + 1);
    sx[e] = e == d ? x->size[e] : m;
    si[e] = e == d ? index->size[e] : m;
  }
  index = tl_expand(from_front(index, x->size[d]), index->ndim, si);
  return done(a, tl_gather(tl_expand(x, x->ndim, sx), d, index));
}

/* ---------------------------------------------------------------- index_select, take, masked_select */

static int index_select_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *index = a->v[2].t, *t[3];
  int64_t p[5] = { 0, 0, 1, 0, 0 }, size[TL_MAXDIM];
  int d = tl_wrap_dim("index_select", a->v[1].i, x->ndim);
  if (d < 0) return -1;
  if (index->ndim > 1) return tl_fault("index_select(): Index is supposed to be a vector");
  if (x->ndim == 0 && tl_numel(index) != 1)
    return tl_fault("index_select(): Index to scalar can have only 1 value, got %lld value(s)",
                    (long long)tl_numel(index));
  if (tl_keep(a, index, TL_FROM_CONSTANT)) return -1;
  tl_keep_int(a, d);
  keep_size(a, x);
  index = tl_index_numbers("index_select", index, a->v[0].t);
  if (!index) return -1;
  memcpy(size, x->size, sizeof size);
  if (x->ndim) size[d] = tl_numel(index);
  p[TL_INDEX_SIZE] = x->ndim ? x->size[d] : 1;
  p[TL_INDEX_DIM] = d;
  t[0] = a->out[0] = tl_result(a, 0, x->dtype, x->ndim, size);
  t[1] = tl_index_table(x, d, x->ndim, size, &p[TL_INDEX_STEP]);
  t[2] = tl_index_along(index, d, x->ndim, size);
  return tl_index_run(TL_GATHER, 0, x->ndim, size, t, p);
}

static int index_select_backward (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *index = tl_saved(n, 0);
  return tl_give(n, 0, tl_index_add(zeros_of(n, 1, g[0]), n->i[0], index, g[0]));
}

static int take_forward (tl_Args *a) {
  tl_Tensor *index = a->v[1].t;
  int64_t flat = -1;
  if (tl_numel(a->v[0].t) == 0 && tl_numel(index) != 0) return tl_fault("take(): tried to take from an empty tensor");
  if (tl_numel(a->v[0].t) == 0) flat = 0;
  index = tl_index_numbers("take", index, a->v[0].t);
  return done(a, tl_index(tl_reshape(a->v[0].t, 1, &flat), 1, &index));
}

static int masked_select_forward (tl_Args *a) {
  tl_Tensor *both[2] = { a->v[0].t, a->v[1].t }, *x, *mask;
  int64_t size[TL_MAXDIM], flat[1];
  int ndim;
  if (both[1]->dtype != TL_b8)
    return tl_fault("masked_select: expected BoolTensor for mask, but got %s", tl_dtype_name[both[1]->dtype]);
  ndim = tl_broadcast("masked_select", 2, both, size);
  if (ndim < 0) return -1;
  flat[0] = 1;
  for (int d = 0; d < ndim; d++) flat[0] *= size[d];
  x = tl_reshape(tl_expand(both[0], ndim, size), 1, flat);
  mask = tl_reshape(tl_expand(both[1], ndim, size), 1, flat);
  return mask ? done(a, tl_index(x, 1, &mask)) : -1;
}

/* ---------------------------------------------------------------- x[indices], by distances */

static int index_at_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *t[3];
  int64_t size[TL_MAXDIM];
  const int64_t *meta = a->v[3].is;
  const int64_t p[5] = { INT64_MAX, tl_width[x->dtype], 0, 0, 0 };     /* checked when the distances were made */
  int ndim;
  if (a->v[3].n != 2) return tl_fault("index: bad plan");
  ndim = tl_index_space(x, a->v[2].t, meta, size, &t[1], &t[2]);
  if (ndim < 0 || tl_keep(a, a->v[1].t, TL_FROM_CONSTANT)) return -1;
  tl_keep_ints(a, 2, meta);
  keep_size(a, x);
  t[0] = a->out[0] = tl_result(a, 0, x->dtype, ndim, size);
  return tl_index_run(TL_GATHER, 0, ndim, size, t, p);
}

static int index_at_backward (tl_Node *n, tl_Tensor **g) {
  tl_IndexPlan plan = { NULL, NULL, { n->i[0], n->i[1] } };
  tl_Tensor *z = zeros_of(n, 2, g[0]);
  plan.offset = plan.here = tl_saved(n, 0);
  if (!z || tl_index_put_at(z, &plan, g[0], 1)) return -1;
  return tl_give(n, 0, z);
}

/* ---------------------------------------------------------------- the table and C calls */

const tl_Op tl_index_get_ops[] = {
  [GATHER] = { "gather", "self:T dim:d index:J",
               "out[i][j] = self[index[i][j]][j] for dim 1, and so on; the size is that of index",
               gather_forward, gather_backward, 0, 0, NULL, NULL },
  [INDEX_SELECT] = { "index_select", "self:T dim:d index:J", "the elements of a dim that a vector names",
                     index_select_forward, index_select_backward, 0, 0, NULL, NULL },
  [INDEX_AT] = { "_index", "self:T offset:T here:T plan:I",
                 "elements by their distances from the first; see op/index.h",
                 index_at_forward, index_at_backward, 0, 0, "_C", "index" },
  { "take", "self:T index:J",
    "elements of the flattened tensor, in the shape of index; negative indices count from the end",
    take_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "take_along_dim", "self:T indices:J dim:d?", "gather with broadcasting; without dim through the flattened tensor",
    take_along_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "masked_select", "self:T mask:T", "the elements where a bool mask is true, as a vector", masked_select_forward,
    NULL,
    TL_OP_COMPOSITE, 0, NULL, NULL },
  { "nonzero", "self:T | self:T * as_tuple:b -> L",
    "positions of the elements that are not zero, a row each, from 1; as_tuple: a column per dim", tl_nonzero_forward,
        NULL, TL_OP_COMPOSITE | TL_OP_NODIFF, 0, NULL, NULL },
  { "argwhere", "self:T", "positions of the elements that are not zero, a row each, from 1", tl_nonzero_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_NODIFF, 0, NULL, NULL },
  TL_ROW_END
};

static tl_Tensor *by_dim (int row, tl_Tensor *x, int64_t dim, tl_Tensor *index) {
  tl_Args a;
  if (!x || !index) return NULL;
  tl_args(&a, &tl_index_get_ops[row], 0);
  a.v[0].t = x;
  a.v[1].i = dim;
  a.v[2].t = index;
  return tl_apply1(&a);
}

tl_Tensor *tl_gather (tl_Tensor *x, int64_t dim, tl_Tensor *index) { return by_dim(GATHER, x, dim, index); }
tl_Tensor *tl_index_select (tl_Tensor *x, int64_t dim, tl_Tensor *index) { return by_dim(INDEX_SELECT, x, dim, index); }

tl_Tensor *tl_index_at (tl_Tensor *x, const tl_IndexPlan *plan) {
  tl_Args a;
  if (!x || !plan->offset || !plan->here) return NULL;
  tl_args(&a, &tl_index_get_ops[INDEX_AT], 0);
  a.v[0].t = x;
  a.v[1].t = plan->offset;
  a.v[2].t = plan->here;
  a.v[3].is = plan->meta;
  a.v[3].n = 2;
  a.v[3].given = 1;
  return tl_apply1(&a);
}

tl_Tensor *tl_index (tl_Tensor *x, int n, tl_Tensor *const *index) {
  tl_IndexPlan plan;
  if (!x || tl_index_plan(x, n, index, &plan)) return NULL;
  return tl_index_at(x, &plan);
}
