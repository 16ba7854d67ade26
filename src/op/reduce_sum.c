/*
** reduce_sum.c -- reductions that add or multiply: sum, mean, prod, var, std, norm and relatives.
**
** A gradient comes back as a view: the result's gradient expanded over the dims that were reduced
** (tl_unreduce), so summing costs no memory on the way back.
*/
#include <math.h>
#include <string.h>

#include "op/families.h"
#include "op/pointwise.h"
#include "op/reduce.h"

enum { SUM, MEAN };                    /* places in the table */

/* ------------------------------------------------------------------ there and back over dims */

tl_Tensor *tl_unreduce (tl_Tensor *g, int ndim, const int64_t *size, uint32_t mask, int keepdim) {
  tl_Geometry at;
  int e = 0;
  if (!g) return NULL;
  at.ndim = ndim;
  at.offset = g->offset;
  if (tl_here->grad_mode && tl_requires_grad(g)) {
    for (int d = 0; d < ndim; d++) at.size[d] = mask >> d & 1 ? 1 : size[d];
    return tl_expand(keepdim ? g : tl_view(g, ndim, at.size), ndim, size);
  }
  for (int d = 0; d < ndim; d++) {
    int gone = mask >> d & 1;
    at.size[d] = size[d];
    at.stride[d] = gone ? 0 : g->stride[e];
    e += !gone || keepdim;
  }
  return tl_alias_at(g, &at);
}

static tl_Tensor *over (int row, tl_Tensor *x, uint32_t mask, int keepdim) {
  tl_Args a;
  int64_t dims[TL_MAXDIM];
  int n = 0;
  if (!x) return NULL;
  for (int d = 0; d < x->ndim; d++)
    if (mask >> d & 1) dims[n++] = d;
  if (n == 0 && x->ndim > 0) return x;
  tl_args(&a, &tl_reduce_sum_ops[row], 0);
  a.v[0].t = x;
  a.v[1].is = dims;
  a.v[1].n = n;
  a.v[1].given = 1;
  a.v[2].i = keepdim;
  return tl_apply1(&a);
}

tl_Tensor *tl_sum (tl_Tensor *x, uint32_t mask, int keepdim) { return over(SUM, x, mask, keepdim); }
tl_Tensor *tl_mean (tl_Tensor *x, uint32_t mask, int keepdim) { return over(MEAN, x, mask, keepdim); }

tl_Tensor *tl_sum_to (tl_Tensor *x, int ndim, const int64_t *size) {
  int lead, inner = 0;
  uint32_t mask;
  if (!x) return NULL;
  lead = x->ndim - ndim;
  mask = (1u << lead) - 1;
  for (int d = 0; d < ndim; d++)
    if (size[d] == 1 && x->size[d + lead] != 1) {
      mask |= 1u << (d + lead);
      inner = 1;
    }
  if (mask == 0) return x;
  if (!inner) return tl_sum(x, mask, 0);
  x = tl_sum(x, mask, 1);
  return lead ? tl_reshape(x, ndim, size) : x;
}

/* ------------------------------------------------------------------ sum, mean */

static int sum_dtype (const tl_Tensor *x, int wanted) {
  return wanted != TL_NONE ? wanted : tl_is_float(x->dtype) ? x->dtype : TL_i64;
}

static int sum (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  uint32_t mask = tl_reduced_dims(a, 1);
  int keepdim = (int)a->v[2].i, wanted = a->v[3].dtype;
  if (mask == (uint32_t)-1) return -1;
  tl_keep_reduced(a, x, mask, keepdim);
  return tl_reduce_into(a, TL_reduce_sum, x, mask, keepdim, sum_dtype(x, wanted), wanted, 0);
}

static int sum_back (tl_Node *n, tl_Tensor **g) { return tl_answer(n, 0, tl_spread(n, g[0])); }

static int mean (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *in[2];
  uint32_t mask = tl_reduced_dims(a, 1);
  int keepdim = (int)a->v[2].i, wanted = a->v[3].dtype, dtype = wanted != TL_NONE ? wanted : x->dtype;
  double n;
  if (mask == (uint32_t)-1) return -1;
  if (!tl_is_float(dtype))
    return tl_fault("mean(): could not infer output dtype. %s dtype must be either a floating point or complex "
                    "dtype. Got: %s", wanted != TL_NONE ? "Optional" : "Input", tl_dtype_name[dtype]);
  n = (double)tl_reduced_count(x, mask);
  tl_keep_reduced(a, x, mask, keepdim);
  tl_keep_num(a, n);
  if (tl_reduce_into(a, TL_reduce_sum, x, mask, keepdim, dtype, wanted, 0)) return -1;
  in[0] = a->out[0];
  in[1] = tl_number(n);
  return in[1] && tl_map(TL_div, 2, in, 0, NULL, a->out[0]) ? 0 : -1;
}

static int mean_back (tl_Node *n, tl_Tensor **g) {
  return tl_answer(n, 0, tl_spread(n, tl_div(g[0], tl_number(n->p[0].f))));
}

static int count_nonzero (tl_Args *a) {
  tl_Tensor *in[2] = { a->v[0].t, tl_integer(0) };
  uint32_t mask = tl_reduced_dims(a, 1);
  if (mask == (uint32_t)-1 || !in[1]) return -1;
  return tl_reduce_into(a, TL_reduce_sum, tl_map(TL_ne, 2, in, 0, NULL, NULL), mask, 0, TL_i64, TL_NONE, 0);
}

static int nansum (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  tl_Args s;
  if (tl_is_float(x->dtype)) x = tl_where(tl_op1(TL_isnan, x), tl_integer(0), x);
  if (!x) return -1;
  tl_args(&s, &tl_reduce_sum_ops[SUM], 0);
  for (int k = 1; k < 4; k++) s.v[k] = a->v[k];
  s.v[0].t = x;
  return tl_done(a, tl_apply1(&s));
}

/* ------------------------------------------------------------------ prod */

static int prod (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  uint32_t mask = tl_reduced_dims(a, 1);
  int keepdim = (int)a->v[2].i, wanted = a->v[3].dtype;
  if (mask == (uint32_t)-1 || tl_keep_parameter(a, 0)) return -1;
  tl_keep_reduced(a, x, mask, keepdim);
  return tl_reduce_into(a, TL_reduce_prod, x, mask, keepdim, sum_dtype(x, wanted), wanted, 0);
}

/* every element's product of the others along dim, from running products of both sides: has derivatives of its own */
static tl_Tensor *others (tl_Tensor *x, int dim) {
  tl_Tensor *one, *left[2], *right[2], *index;
  int64_t n = x->size[dim];
  if (n <= 1) return tl_ones_like(x);
  one = tl_ones_like(tl_narrow(x, dim, 0, 1));
  index = tl_sub(tl_integer(n + 1), tl_iota(tl_device_of(x), n));             /* n, n - 1, .., 1 */
  left[0] = right[0] = one;
  left[1] = tl_narrow(x, dim, 0, n - 1);
  right[1] = tl_narrow(tl_index_select(x, dim, index), dim, 0, n - 1);
  return tl_mul(tl_cumprod(tl_cat(2, left, dim), dim),
                tl_index_select(tl_cumprod(tl_cat(2, right, dim), dim), dim, index));
}

static int prod_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *x = tl_saved(n, 0), *spread = tl_spread(n, g[0]), *zero, *product, *zeros, *here, *elsewhere;
  uint32_t mask = tl_kept_mask(n);
  if (!x || !spread) return -1;
  if (g[0]->dtype != x->dtype) x = tl_to_dtype(x, g[0]->dtype);
  if (!x || tl_numel(x) == 0) return tl_answer(n, 0, tl_zeros_like(x));
  if (tl_here->grad_mode) {
    tl_Tensor *rest;
    int dim = 0;
    if (x->ndim == 0) return tl_answer(n, 0, g[0]);
    while (!(mask >> dim & 1)) dim++;
    if ((mask & (mask - 1)) == 0) rest = others(x, dim);
    else rest = tl_reshape(others(tl_reshape(x, 1, (int64_t[]){ -1 }), 0), x->ndim, x->size);
    return tl_answer(n, 0, tl_mul(spread, rest));
  }
  /* no zero: product / x; one: the product of the others there, 0 elsewhere; more: 0 */
  zero = tl_op2(TL_eq, x, tl_integer(0));
  zeros = tl_sum(zero, mask, 1);
  product = tl_where(zero, tl_integer(1), x);
  for (int d = 0; product && d < x->ndim; d++)
    if (mask >> d & 1) product = tl_narrow(tl_cumprod(product, d), d, x->size[d] - 1, 1);
  product = tl_mul(spread, product);
  here = tl_where(tl_op2(TL_eq, zeros, tl_integer(1)), product, tl_integer(0));
  elsewhere = tl_where(tl_op2(TL_eq, zeros, tl_integer(0)), tl_div(product, x), tl_integer(0));
  return tl_answer(n, 0, tl_where(zero, here, elsewhere));
}

/* ------------------------------------------------------------------ var, std */

static int spread_of (tl_Args *a, int code, double correction, int keepdim, uint32_t mask) {
  tl_Tensor *x = a->v[0].t;
  if (mask == (uint32_t)-1) return -1;
  if (!tl_is_float(x->dtype))
    return tl_fault("%s: std and var only support floating point and complex dtypes", a->op->name);
  if (tl_keep_parameter(a, 0)) return -1;
  tl_keep_reduced(a, x, mask, keepdim);
  tl_keep_num(a, (double)tl_reduced_count(x, mask) - correction);
  return tl_reduce_into(a, code, x, mask, keepdim, x->dtype, TL_NONE, correction);
}

static int deviation (tl_Args *a, int code) {
  int failed;
  switch (a->which) {
    case 0: failed = spread_of(a, code, a->v[1].i != 0, 0, tl_dim_mask(a->op->name, 0, NULL, a->v[0].t->ndim)); break;
    case 1: failed = spread_of(a, code, a->v[2].i != 0, (int)a->v[3].i, tl_reduced_dims(a, 1)); break;
    default:
      failed = spread_of(a, code, a->v[2].given ? tl_double(&a->v[2]) : 1, (int)a->v[3].i, tl_reduced_dims(a, 1));
  }
  return failed || (code == TL_reduce_std && tl_keep(a, a->out[0], TL_FROM_RESULT(0))) ? -1 : 0;
}

static int var (tl_Args *a) { return deviation(a, TL_reduce_var); }
static int std (tl_Args *a) { return deviation(a, TL_reduce_std); }

static tl_Tensor *var_slope (tl_Node *n, tl_Tensor *g) {
  double freedom = n->p[0].f;
  tl_Tensor *x = tl_saved(n, 0), *centre = tl_mean(x, tl_kept_mask(n), 1);
  if (freedom <= 0)
    return tl_mul(tl_spread(n, g), tl_where(tl_op2(TL_eq, x, centre), tl_number(NAN), tl_number(INFINITY)));
  return tl_mul(tl_spread(n, tl_mul(g, tl_number(2 / freedom))), tl_sub(x, centre));
}

static int var_back (tl_Node *n, tl_Tensor **g) { return tl_answer(n, 0, var_slope(n, g[0])); }

static int std_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *y = tl_saved(n, 1), *half = tl_div(g[0], tl_mul(y, tl_integer(2)));
  return tl_answer(n, 0, var_slope(n, tl_where(tl_op2(TL_eq, y, tl_integer(0)), tl_integer(0), half)));
}

/* ------------------------------------------------------------------ norm */

static int norm (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  uint32_t mask;
  double p = 2;
  int keepdim = (int)a->v[3].i, dtype = a->v[4].dtype;
  if (a->which == 0) p = tl_double(&a->v[1]);
  else if (a->v[1].i == 1)
    return tl_fault("norm: the nuclear norm needs singular values, which this version does not have");
  mask = tl_reduced_dims(a, 2);
  if (mask == (uint32_t)-1) return -1;
  if (!tl_is_float(x->dtype))
    return tl_fault("norm: linalg.vector_norm: Expected a floating point or complex tensor as input. Got %s",
                    tl_dtype_name[x->dtype]);
  if (dtype != TL_NONE && !tl_is_float(dtype))
    return tl_fault("norm: linalg.vector_norm: dtype should be floating point, but got %s", tl_dtype_name[dtype]);
  if ((p < 0 || p == INFINITY) && tl_reduced_count(x, mask) == 0)
    return tl_fault("norm: linalg.vector_norm cannot compute the %g norm on an empty tensor because the operation "
                    "does not have an identity", p);
  if (tl_keep_parameter(a, 0)) return -1;
  tl_keep_reduced(a, x, mask, keepdim);
  tl_keep_num(a, p);
  if (tl_reduce_into(a, TL_reduce_norm, x, mask, keepdim, dtype != TL_NONE ? dtype : x->dtype, dtype, p)) return -1;
  return tl_keep(a, a->out[0], TL_FROM_RESULT(0));
}

static tl_Tensor *zero_where (tl_Tensor *t, tl_Tensor *is_zero) {
  return tl_where(tl_op2(TL_eq, is_zero, tl_integer(0)), tl_integer(0), t);
}

static tl_Tensor *norm_slope (tl_Tensor *x, tl_Tensor *g, tl_Tensor *y, double p, uint32_t mask) {
  tl_Tensor *steep, *power;
  if (p == 0) return tl_zeros_like(x);
  if (p == 1) return tl_mul(tl_op1(TL_sign, x), g);
  if (p == 2) return tl_mul(g, zero_where(tl_div(x, y), y));
  if (isinf(p)) {
    tl_Tensor *hit = tl_to_dtype(tl_op2(TL_eq, tl_op1(TL_abs, x), y), x ? x->dtype : TL_f32);
    return tl_mul(tl_op1(TL_sign, x), tl_mul(tl_div(g, tl_sum(hit, mask, 1)), hit));
  }
  if (p < 1) {
    power = zero_where(tl_power(tl_op1(TL_abs, x), p - 1), x);
    return tl_mul(tl_mul(tl_op1(TL_sign, x), power), tl_mul(g, tl_power(y, 1 - p)));
  }
  steep = zero_where(tl_div(g, tl_power(y, p - 1)), y);
  if (p < 2) return tl_mul(tl_mul(tl_op1(TL_sign, x), tl_power(tl_op1(TL_abs, x), p - 1)), steep);
  return tl_mul(tl_mul(x, tl_power(tl_op1(TL_abs, x), p - 2)), steep);
}

static int norm_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *x = tl_saved(n, 0), *y = tl_saved(n, 1);
  if (!x || !y) return -1;
  if (x->dtype != y->dtype) x = tl_to_dtype(x, y->dtype);
  return tl_answer(n, 0, norm_slope(x, tl_spread(n, g[0]), tl_spread(n, y), n->p[0].f, tl_kept_mask(n)));
}

/* ------------------------------------------------------------------ logsumexp */

static int logsumexp (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *top, *wide, *in[2], *none[2] = { NULL, NULL }, *pair[2];
  uint32_t mask = tl_reduced_dims(a, 1);
  int keepdim = (int)a->v[2].i;
  int64_t size[TL_MAXDIM];
  if (mask == (uint32_t)-1 || tl_keep_parameter(a, 0)) return -1;
  tl_keep_reduced(a, x, mask, keepdim);
  if (!tl_is_float(x->dtype)) x = tl_cast(x, tl_here->default_dtype);
  if (!x) return -1;
  if (tl_reduced_count(x, mask) == 0) {                  /* log of an empty sum */
    int ndim = tl_reduced(x, mask, keepdim, size);
    a->out[0] = tl_result(a, 0, x->dtype, ndim, size);
    return tl_fill(a->out[0], (tl_Num){ .f = -INFINITY }, TL_f64) || tl_keep(a, a->out[0], TL_FROM_RESULT(0)) ? -1 : 0;
  }
  if (tl_reduce(TL_reduce_amax, x, mask, 1, TL_NONE, NULL, none, pair)) return -1;
  in[0] = top = pair[0];                                 /* an infinite largest element stands still at 0 */
  in[1] = NULL;
  {
    tl_Tensor *choice[3] = { tl_map(TL_isfinite, 1, in, 0, NULL, NULL), top, tl_integer(0) };
    if (!choice[0] || !choice[2]) return -1;
    top = tl_map(TL_where, 3, choice, 0, NULL, NULL);
  }
  in[0] = x;
  in[1] = top;
  wide = top ? tl_map(TL_sub, 2, in, 1, &(tl_Num){ .f = 1 }, NULL) : NULL;
  in[0] = wide;
  wide = wide ? tl_map(TL_exp, 1, in, 0, NULL, wide) : NULL;
  if (!wide || tl_reduce_into(a, TL_reduce_sum, wide, mask, keepdim, x->dtype, TL_NONE, 0)) return -1;
  in[0] = a->out[0];
  if (!tl_map(TL_log, 1, in, 0, NULL, a->out[0])) return -1;
  if (!keepdim) {
    tl_Geometry g;
    tl_geometry(a->out[0], &g);
    top = tl_contiguous(top);
    if (!top) return -1;
    g.offset = top->offset;
    tl_packed(g.ndim, g.size, g.stride);
    top = tl_alias_at(top, &g);
  }
  in[1] = top;
  if (!top || !tl_map(TL_add, 2, in, 1, &(tl_Num){ .f = 1 }, a->out[0])) return -1;
  return tl_keep(a, a->out[0], TL_FROM_RESULT(0));
}

static int logsumexp_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *x = tl_saved(n, 0), *y = tl_spread(n, tl_saved(n, 1));
  return tl_answer(n, 0, tl_mul(tl_spread(n, g[0]), tl_op1(TL_exp, tl_sub(x, y))));
}

/* ------------------------------------------------------------------ table */

#define DIMS "self:T dim:D? keepdim:b=false * dtype:y?"
#define DEVIATION "self:T unbiased:b | self:T dim:D? unbiased:b=true keepdim:b=false | self:T dim:D? * " \
  "correction:n? keepdim:b=false"
#define SAYS " over the given dims, all when there are none; keepdim leaves them with size 1"

const tl_Op tl_reduce_sum_ops[] = {
  { "sum", DIMS, "sum of the elements" SAYS ". Integers and bool give int64 unless dtype says else. Added in PyTorch's "
    "cascade, whatever the number of threads.", sum, sum_back, TL_OP_NAMES, 0, NULL,
    "SumBackward0\0SumBackward1" },
  { "mean", DIMS, "sum / count" SAYS ". Floating point only; of no element: nan.", mean, mean_back,
    TL_OP_NAMES, 0, NULL, "MeanBackward0\0MeanBackward1" },
  { "prod", "self:T dim:d? keepdim:b=false * dtype:y?", "product of the elements over one dim, or all; of none: 1. "
    "Integers and bool give int64 unless dtype says else.", prod, prod_back, TL_OP_NAMES, 0, NULL,
    "ProdBackward0\0ProdBackward1" },
  { "var", DEVIATION, "variance" SAYS ": squared distances from the mean, summed, over count - correction (1 when "
    "unbiased). Floating point only.", var, var_back, 0, 0, NULL, NULL },
  { "std", DEVIATION, "standard deviation, the square root of var" SAYS ". Floating point only; of one element: nan.",
    std, std_back, 0, 0, NULL, NULL },
  { "norm", "self:T p:n=2 dim:D? keepdim:b=false * dtype:y? | self:T p:s(fro,nuc) dim:D? keepdim:b=false * dtype:y?",
    "p-norm: the p-th root of the sum of p-th powers of absolute values; p inf and -inf: the largest and smallest; p "
    "0: how many are not 0" SAYS ". Floating point only.", norm, norm_back, 0, 0, NULL,
    "LinalgVectorNormBackward0" },
  { "count_nonzero", "self:T dim:D?", "how many elements are not zero, over the given dims; int64.",
    count_nonzero, NULL, TL_OP_NODIFF, 0, NULL, NULL },
  { "nansum", DIMS, "sum of the elements that are not nan" SAYS ".", nansum, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "logsumexp", "self:T dim:D keepdim:b=false", "log of the sum of exponentials, without overflow" SAYS ". Integers "
    "are taken as floats.", logsumexp, logsumexp_back, 0, 0, NULL, NULL },
  TL_ROW_END
};
