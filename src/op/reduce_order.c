/*
** reduce_order.c -- reductions that compare: max, min and where they stand, any, all.
**
** Whoever picks one element per line (max and min over a dim) sends the gradient to that element; who
** names only the value (max of everything, amax, amin) shares it evenly among all that have it.
*/
#include "op/families.h"
#include "op/pointwise.h"
#include "op/reduce.h"

static const char *name_of (const tl_Args *a) { return a->op->name; }

/* there must be elements to choose from */
static int can_choose (const tl_Args *a, const tl_Tensor *x, uint32_t mask, int all) {
  if (mask == (uint32_t)-1) return -1;
  if (tl_numel(x) > 0) return 0;
  if (all)
    return tl_fault("%s(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                    "with the 'dim' argument.", name_of(a));
  for (int d = 0; d < x->ndim; d++)
    if (mask >> d & 1 && x->size[d] == 0)
      return tl_fault("%s(): Expected reduction dim %d to have non-zero size.", name_of(a), d + 1);
  return 0;
}

/* ------------------------------------------------------------------ the value alone */

/* the largest or smallest over mask into result 0; keeps what share_back needs */
static int extreme (tl_Args *a, int code, uint32_t mask, int keepdim) {
  tl_Tensor *x = a->v[0].t;
  if (tl_keep_parameter(a, 0)) return -1;
  tl_keep_reduced(a, x, mask, keepdim);
  if (tl_reduce_into(a, code, x, mask, keepdim, x->dtype, TL_NONE, 0)) return -1;
  return tl_keep(a, a->out[0], TL_FROM_RESULT(0));
}

/* g / count where x equals the result y; all nan where that is nan, which equals nothing */
static tl_Tensor *shared (tl_Node *n, tl_Tensor *g, tl_Tensor *y) {
  tl_Tensor *hit = tl_op2(TL_eq, tl_saved(n, 0), tl_spread(n, y));
  return tl_div(tl_mul(tl_spread(n, g), hit), tl_sum(hit, tl_kept_mask(n), 1));
}

/* the same of all elements together, where nan equals nan */
static tl_Tensor *evenly (tl_Node *n, tl_Tensor *g) {
  tl_Tensor *x = tl_saved(n, 0), *y = tl_spread(n, tl_saved(n, 1));
  tl_Tensor *both = tl_op2(TL_logical_and, tl_op1(TL_isnan, x), tl_op1(TL_isnan, y));
  tl_Tensor *hit = tl_op2(TL_logical_or, tl_op2(TL_eq, x, y), both);
  return tl_where(hit, tl_div(tl_spread(n, g), tl_sum(hit, tl_kept_mask(n), 1)), tl_integer(0));
}

static int amax (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  uint32_t mask = tl_reduced_dims(a, 1);
  return can_choose(a, x, mask, !a->v[1].is || a->v[1].n == 0) ? -1 : extreme(a, a->op->code, mask, (int)a->v[2].i);
}

static int amax_back (tl_Node *n, tl_Tensor **g) { return tl_answer(n, 0, shared(n, g[0], tl_saved(n, 1))); }

static int aminmax (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *none[2] = { NULL, NULL }, *pair[2];
  uint32_t mask = tl_reduced_dims(a, 1);
  int keepdim = (int)a->v[2].i;
  if (mask == (uint32_t)-1) return -1;
  if (!a->v[1].given && tl_numel(x) == 0)
    return tl_fault("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
  if (can_choose(a, x, mask, 0)) return -1;
  if (extreme(a, TL_reduce_amin, mask, keepdim)) return -1;
  if (tl_reduce(TL_reduce_amax, x, mask, keepdim, TL_NONE, NULL, none, pair)) return -1;
  a->out[1] = pair[0];
  return tl_keep(a, a->out[1], TL_FROM_RESULT(1));
}

/* shares of both results' gradients */
static int aminmax_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *sum = NULL;
  for (int j = 0; j < 2; j++) {
    tl_Tensor *share;
    if (!g[j]) continue;
    share = shared(n, g[j], tl_saved(n, 1 + j));
    sum = sum ? tl_add(sum, share) : share;
    if (!sum) return -1;
  }
  return sum ? tl_give(n, 0, sum) : 0;
}

/* ------------------------------------------------------------------ max, min: three forms */

/* values and positions along one dim; i after the sizes: the dim */
static int along (tl_Args *a, int code) {
  tl_Tensor *x = a->v[0].t, *dest[2], *out[2];
  int d = tl_wrap_dim(name_of(a), a->v[1].i, x->ndim), keepdim = (int)a->v[2].i, ndim;
  int64_t size[TL_MAXDIM];
  uint32_t mask;
  if (d < 0) return -1;
  mask = x->ndim ? 1u << d : 0;
  if (can_choose(a, x, mask, 0)) return -1;
  ndim = tl_reduced(x, mask, keepdim, size);
  dest[0] = tl_result(a, 0, x->dtype, ndim, size);
  dest[1] = tl_result(a, 1, TL_i64, ndim, size);
  if (!dest[0] || !dest[1] || tl_reduce(code, x, mask, keepdim, TL_NONE, NULL, dest, out)) return -1;
  a->out[0] = dest[0];
  a->out[1] = dest[1];
  tl_keep_int(a, d);
  tl_keep_reduced(a, x, mask, keepdim);
  return tl_keep(a, a->out[1], TL_FROM_RESULT(1));
}

/* g put where the positions say: zeros of the input's sizes elsewhere */
static tl_Tensor *placed (tl_Tensor *g, tl_Tensor *index, int d, int ndim, const int64_t *size, int keepdim) {
  if (!index || !g) return NULL;
  if (ndim == 0) return g;
  if (!keepdim) {
    g = tl_unsqueeze(g, d);
    index = tl_unsqueeze(index, d);
  }
  return g ? tl_scatter_add(tl_zeros(tl_device_of(g), g->dtype, ndim, size), d, index, g) : NULL;
}

enum { ALL, ALONG, TWO };

static int max (tl_Args *a) {
  int code = a->op->code;
  if (a->which == ALL) {
    uint32_t mask = tl_dim_mask(name_of(a), 0, NULL, a->v[0].t->ndim);
    if (can_choose(a, a->v[0].t, mask, 1)) return -1;
    return extreme(a, code == TL_reduce_max ? TL_reduce_amax : TL_reduce_amin, mask, 0);
  }
  if (a->which == ALONG) return along(a, code);
  {
    tl_Tensor *in[2] = { a->v[0].t, a->v[1].t };
    return tl_point(a, code == TL_reduce_max ? TL_maximum : TL_minimum, 2, in, (int[]){ 0, 1 }, 0, NULL, 'f');
  }
}

static int max_all_back (tl_Node *n, tl_Tensor **g) { return tl_answer(n, 0, evenly(n, g[0])); }

static int max_along_back (tl_Node *n, tl_Tensor **g) {
  int d = (int)n->i[0], shape = (int)n->i[1];
  if (!g[0]) return 0;
  return tl_answer(n, 0, placed(g[0], tl_saved(n, 0), d, shape & 255, n->i + 2, shape >> 8 & 1));
}

/* which form made the node shows in what it kept: two inputs; a position; or the whole */
static int max_back (tl_Node *n, tl_Tensor **g) {
  if (n->nin == 2) return tl_point_back(n, g);
  return n->nsaved == 1 ? max_along_back(n, g) : max_all_back(n, g);
}

/* ------------------------------------------------------------------ positions, truths */

static int argmax (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  uint32_t mask = tl_reduced_dims(a, 1);
  if (mask == (uint32_t)-1) return -1;
  if (x->dtype == TL_b8) return tl_fault("%s(): does not support bool input", name_of(a));
  if (can_choose(a, x, mask, !a->v[1].given)) return -1;
  return tl_reduce_into(a, a->op->code, x, mask, (int)a->v[2].i, TL_i64, TL_NONE, 0);
}

static int any (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  uint32_t mask = a->which == 0 ? tl_dim_mask(name_of(a), 0, NULL, x->ndim) : tl_reduced_dims(a, 1);
  if (mask == (uint32_t)-1) return -1;
  return tl_reduce_into(a, a->op->code, x, mask, a->which ? (int)a->v[2].i : 0, x->dtype == TL_u8 ? TL_u8 : TL_b8,
                        TL_NONE, 0);
}

/* ------------------------------------------------------------------ table */

#define EXTREME "self:T | self:T dim:d keepdim:b=false -> values:T indices:J | self:T other:T"

const tl_Op tl_reduce_order_ops[] = {
  { "max", EXTREME, "the largest element of all; or per line of dim the largest and the position where it first "
    "stands; or the larger of two tensors. nan is larger than everything.", max, max_back, TL_OP_NAMES, TL_reduce_max, NULL,
    "MaxBackward1\0MaxBackward0\0MaximumBackward0" },
  { "min", EXTREME, "the smallest element of all; or per line of dim the smallest and the position where it first "
    "stands; or the smaller of two tensors. nan is smaller than everything.", max, max_back, TL_OP_NAMES, TL_reduce_min, NULL,
    "MinBackward1\0MinBackward0\0MinimumBackward0" },
  { "amax", "self:T dim:D? keepdim:b=false", "the largest element over the given dims, all when there are none; nan "
    "wins. Ties share the gradient evenly.", amax, amax_back, 0, TL_reduce_amax, NULL, NULL },
  { "amin", "self:T dim:D? keepdim:b=false", "the smallest element over the given dims, all when there are none; nan "
    "wins. Ties share the gradient evenly.", amax, amax_back, 0, TL_reduce_amin, NULL, NULL },
  { "aminmax", "self:T * dim:d? keepdim:b=false -> min:T max:T", "the smallest and the largest element, of all or "
    "per line of dim; nan wins both.", aminmax, aminmax_back, 0, 0, NULL, NULL },
  { "argmax", "self:T dim:d? keepdim:b=false -> J", "where the largest element first stands, from 1: along dim, or "
    "without dim in the flattened tensor. int64; not for bool.", argmax, NULL, TL_OP_NODIFF, TL_reduce_argmax, NULL,
    NULL },
  { "argmin", "self:T dim:d? keepdim:b=false -> J", "where the smallest element first stands, from 1: along dim, or "
    "without dim in the flattened tensor. int64; not for bool.", argmax, NULL, TL_OP_NODIFF, TL_reduce_argmin, NULL,
    NULL },
  { "any", "self:T -> b | self:T dim:D? keepdim:b=false", "is an element not zero: a Lua boolean for all, else a "
    "tensor over the given dims; bool (uint8 of uint8).", any, NULL, TL_OP_NODIFF, TL_reduce_any, NULL, NULL },
  { "all", "self:T -> b | self:T dim:D? keepdim:b=false", "is no element zero: a Lua boolean for all, else a tensor "
    "over the given dims; bool (uint8 of uint8).", any, NULL, TL_OP_NODIFF, TL_reduce_all, NULL, NULL },
  TL_ROW_END
};
