/*
** masked.c -- writes that take a mask or every element: masked_fill, masked_scatter, index_put, put,
** fill, zero_, copy_.
*/
#include <math.h>
#include <string.h>

#include "op/families.h"
#include "op/index.h"

enum { MASKED_FILL, FILL, COPY };

static int done (tl_Args *a, tl_Tensor *y) {
  a->out[0] = y;
  return y ? 0 : -1;
}

static tl_Tensor *total (tl_Tensor *g) { return g ? tl_sum(g, (1u << g->ndim) - 1, 0) : NULL; }

int tl_number_fits (const tl_Tensor *v, int dtype) {
  static const double most[TL_NDTYPE] = {
    [TL_f32] = 3.4028234663852886e38, [TL_f64] = 1.7976931348623157e308,
    [TL_f16] = 65504, [TL_bf16] = 3.3895313892515355e38,
    [TL_u8] = 255, [TL_i8] = 127, [TL_i16] = 32767, [TL_i32] = 2147483647, [TL_i64] = 9223372036854775807.0
  };
  double x, least = tl_is_float(dtype) ? -most[dtype] : dtype == TL_u8 ? 0 : -most[dtype] - 1;
  int fits = 1;
  if (!(v->flags & TL_WRAPPED) || dtype == TL_b8) return 0;
  if (tl_is_float(v->dtype)) {
    x = v->number.f;
    if (tl_is_float(dtype)) fits = !(isfinite(x) && (x < least || x > most[dtype]));
    else fits = x >= least && x <= most[dtype];
  }
  else if (dtype != TL_i64) {
    x = (double)v->number.i;
    if (dtype == TL_u8) least = -255;
    fits = x >= least && x <= most[dtype];
  }
  return fits ? 0 : tl_fault("value cannot be converted to type %s without overflow", tl_dtype_name[dtype]);
}

/* ---------------------------------------------------------------- masked_fill */

static int masked_fill_forward (tl_Args *a) {
  tl_Tensor *t[3] = { a->v[1].t, a->v[2].t, a->v[0].t }, *y = NULL;
  int64_t size[TL_MAXDIM];
  int ndim;
  if (t[1]->ndim)
    return tl_fault("masked_fill_ only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).",
                    t[1]->ndim);
  if (t[0]->dtype != TL_b8)
    return tl_fault("masked_fill_ only supports boolean masks, but got mask with dtype %s", tl_dtype_name[t[0]->dtype]);
  if (tl_number_fits(t[1], t[2]->dtype)) return -1;
  ndim = tl_broadcast(a->op->name, 2, (tl_Tensor *[]){ t[2], t[0] }, size);
  if (ndim < 0 || tl_keep(a, t[0], TL_FROM_CONSTANT)) return -1;
  t[1] = tl_cast(t[1], t[2]->dtype);
  if (!t[1]) return -1;
  if (a->inplace && ndim == t[2]->ndim && memcmp(size, t[2]->size, (size_t)ndim * sizeof *size) == 0) y = a->dest[0];
  if (y && tl_share_memory(y, t[1])) t[1] = tl_clone(t[1]);      /* an element of self may be the number */
  return t[1] ? done(a, tl_map(TL_where, 3, t, 0, NULL, y)) : -1;
}

static int masked_fill_backward (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *mask = tl_saved(n, 0);
  if (!mask) return -1;
  if (tl_needs(n, 0) && tl_give(n, 0, tl_masked_fill(g[0], mask, tl_number(0)))) return -1;
  return tl_needs(n, 2) ? tl_give(n, 2, total(tl_where(mask, g[0], tl_number(0)))) : 0;
}

/* ---------------------------------------------------------------- masked_scatter, index_put, put */

/* the tensor that a composition writes: self in place, else a copy */
static tl_Tensor *target (tl_Args *a) { return a->inplace ? a->v[0].t : tl_op_clone(a->v[0].t); }

static int masked_scatter_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *mask = a->v[1].t, *src = a->v[2].t, *both[2] = { x, mask }, *y, *z;
  int64_t size[TL_MAXDIM], flat = -1, count;
  tl_IndexPlan plan;
  int ndim = tl_broadcast("masked_scatter", 2, both, size);
  if (ndim < 0) return -1;
  if (mask->dtype != TL_b8)
    return tl_fault("masked_scatter_ only supports boolean masks, but got mask with dtype %s",
                    tl_dtype_name[mask->dtype]);
  if (x->dtype != src->dtype)
    return tl_fault("masked_scatter: expected self and source to have same dtypes but got %s and %s",
                    tl_dtype_name[x->dtype], tl_dtype_name[src->dtype]);
  y = a->inplace ? x : tl_op_clone(tl_expand(x, ndim, size));
  if (!y) return -1;
  mask = tl_expand(mask, y->ndim, y->size);
  z = y;
  if (y->ndim == 0) {
    z = tl_unsqueeze(y, 0);
    mask = tl_unsqueeze(mask, 0);
  }
  if (!mask || tl_index_plan(z, 1, &mask, &plan)) return -1;
  count = tl_numel(plan.offset);
  if (tl_numel(src) < count) return tl_fault("masked_scatter: expected number of elements in mask to be <= number of "
                                             "elements in source, but got %lld and %lld", (long long)count,
                                                 (long long)tl_numel(src));
  src = tl_slice(tl_reshape(src, 1, &flat), 0, 0, count, 1);
  return tl_index_put_at(z, &plan, src, 0) ? -1 : done(a, y);
}

static int index_put_forward (tl_Args *a) {
  tl_Tensor *y = target(a);
  return y && tl_index_put(y, a->v[1].n, a->v[1].ts, a->v[2].t, a->v[3].i != 0) == 0 ? done(a, y) : -1;
}

static int put_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *index = a->v[1].t, *src = a->v[2].t, *y, *flat;
  int64_t all = tl_numel(x);
  if (x->dtype != src->dtype)
    return tl_fault("put_(): self and source expected to have the same dtype, but got self.dtype = %s and "
                    "source.dtype = %s", tl_dtype_name[x->dtype], tl_dtype_name[src->dtype]);
  if (tl_numel(index) != tl_numel(src))
    return tl_fault("put_(): Expected source and index to have the same number of elements, but got source.numel() = "
                    "%lld, index.numel() = %lld", (long long)tl_numel(src), (long long)tl_numel(index));
  if (all == 0 && tl_numel(index)) return tl_fault("put_(): Tried to put elements into an empty tensor");
  index = tl_index_numbers("put_", index, a->v[0].t);
  if (!index) return -1;
  y = a->inplace && tl_is_contiguous(x) ? x : tl_op_contiguous(x);
  if (!a->inplace && y == x) y = tl_op_clone(x);
  flat = tl_view(y, 1, &all);
  if (!flat || tl_index_put(flat, 1, &index, tl_reshape(src, index->ndim, index->size), a->v[3].i != 0)) return -1;
  return done(a, y);                                     /* in place and not y: apply copies it back */
}

/* a mask that leaves whole rows of x: with a dim of 1 for each dim after those it covers; NULL: it doesn't fit */
static tl_Tensor *mask_over (tl_Tensor *x, int n, tl_Tensor *const *index) {
  tl_Tensor *mask = NULL;
  int64_t size[TL_MAXDIM];
  int at = 0, m;
  for (int k = 0; k < n; k++) {
    if (!index[k]) continue;
    if (mask || index[k]->dtype != TL_b8) return NULL;
    mask = index[k];
    at = k;
  }
  if (!mask || mask->ndim == 0 || at + mask->ndim > x->ndim) return NULL;
  for (m = 0; m < mask->ndim; m++) {
    if (mask->size[m] != x->size[at + m]) return NULL;
    size[m] = mask->size[m];
  }
  for (; at + m < x->ndim; m++) size[m] = 1;
  return tl_view(mask, m, size);
}

int tl_index_put (tl_Tensor *self, int n, tl_Tensor *const *index, tl_Tensor *values, int accumulate) {
  tl_IndexPlan plan;
  if (!self || !values) return -1;
  if (values->ndim == 0 && !accumulate) {                /* no need to know how many */
    tl_Tensor *mask = mask_over(self, n, index);
    if (tl_here->failed) return -1;
    if (mask) {
      tl_Args a;
      tl_args(&a, &tl_masked_ops[MASKED_FILL], 0);
      a.inplace = 1;
      a.v[0].t = self;
      a.v[1].t = mask;
      a.v[2].t = values;
      return tl_apply(&a);
    }
  }
  return tl_index_plan(self, n, index, &plan) ? -1 : tl_index_put_at(self, &plan, values, accumulate);
}

/* ---------------------------------------------------------------- fill, zero_, copy_ */

static int fill_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *v = a->v[1].t, *y;
  if (v->ndim)
    return tl_fault("fill_ only supports 0-dimension value tensor but got tensor with %d dimensions.", v->ndim);
  if (tl_number_fits(v, x->dtype)) return -1;
  y = a->inplace ? a->dest[0] : tl_result(a, 0, x->dtype, x->ndim, x->size);
  return y && tl_copy(y, v) == 0 ? done(a, y) : -1;
}

static int fill_backward (tl_Node *n, tl_Tensor **g) {
  if (tl_needs(n, 0) && tl_give(n, 0, tl_zeros_like(g[0]))) return -1;
  return tl_needs(n, 1) ? tl_give(n, 1, total(g[0])) : 0;
}

static int zero_forward (tl_Args *a) {
  return tl_fill(a->dest[0], (tl_Num){ .i = 0 }, TL_i64) ? -1 : done(a, a->dest[0]);
}

static int copy_forward (tl_Args *a) {
  tl_Tensor *x = a->dest[0], *both[2] = { x, a->v[1].t };
  int64_t size[TL_MAXDIM];
  char one[256], two[256];
  int ndim;
  if (TL_UNLIKELY(!tl_can_expand(both[1]->ndim, both[1]->size, x->ndim, x->size))) {
    ndim = tl_broadcast("copy_", 2, both, size);
    if (ndim < 0) return -1;
    return tl_fault("output with shape %s doesn't match the broadcast shape %s", tl_show_sizes(one, x->ndim, x->size),
                    tl_show_sizes(two, ndim, size));
  }
  if (tl_number_fits(both[1], x->dtype)) return -1;
  tl_here->later = a->v[2].i != 0;                       /* non_blocking */
  ndim = tl_copy(x, both[1]);
  tl_here->later = 0;
  return ndim ? -1 : done(a, x);
}

static int copy_backward (tl_Node *n, tl_Tensor **g) {
  if (tl_needs(n, 0) && tl_give(n, 0, tl_zeros_like(g[0]))) return -1;
  return tl_needs(n, 1) ? tl_give(n, 1, g[0]) : 0;
}

const tl_Op tl_masked_ops[] = {
  [MASKED_FILL] = { "masked_fill", "self:T mask:T value:N", "self with a number where a bool mask is true",
                    masked_fill_forward, masked_fill_backward, TL_OP_INPLACE, 0, NULL, NULL },
  [FILL] = { "fill", "self:T value:N", "a number everywhere", fill_forward, fill_backward, TL_OP_INPLACE, 0, NULL,
             NULL },
  [COPY] = { "copy_", "self:T src:N non_blocking:b=false", "the elements of src, broadcast and converted", copy_forward,
             copy_backward, TL_OP_INPLACE_ONLY | TL_OP_MIXED | TL_OP_METHOD, 0, NULL, "CopyBackwards" },
  { "zero_", "self:T", "zeros everywhere", zero_forward, NULL, TL_OP_INPLACE_ONLY, 0, NULL, NULL },
  { "masked_scatter", "self:T mask:T source:T", "self with the elements of source, in order, where a bool mask is true",
    masked_scatter_forward, NULL, TL_OP_COMPOSITE | TL_OP_INPLACE, 0, NULL, NULL },
  { "index_put", "self:T indices:X values:N accumulate:b=false", "self[indices] = values, or += with accumulate",
    index_put_forward,
    NULL, TL_OP_COMPOSITE | TL_OP_INPLACE, 0, NULL, NULL },
  { "put", "self:T index:J source:T accumulate:b=false", "self with source at places of the flattened tensor",
    put_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_INPLACE, 0, NULL, NULL },
  TL_ROW_END
};

tl_Tensor *tl_masked_fill (tl_Tensor *x, tl_Tensor *mask, tl_Tensor *value) {
  tl_Args a;
  if (!x || !mask || !value) return NULL;
  tl_args(&a, &tl_masked_ops[MASKED_FILL], 0);
  a.v[0].t = x;
  a.v[1].t = mask;
  a.v[2].t = value;
  return tl_apply1(&a);
}

int tl_copy_in (tl_Tensor *to, tl_Tensor *from) {
  tl_Args a;
  if (!to || !from) return -1;
  tl_args(&a, &tl_masked_ops[COPY], 0);
  a.v[0].t = to;
  a.v[1].t = from;
  return tl_apply(&a);
}
