/*
** loss_regression.c -- losses between numbers: squared, absolute, in between, and binary cross-entropy.
*/
#include "op/families.h"
#include "op/loss.h"
#include "op/pointwise.h"

/* both in one floating dtype, broadcast to one another */
static int can_compare (const char *op, tl_Tensor *x, tl_Tensor *y) {
  int64_t size[TL_MAXDIM];
  tl_Tensor *t[2] = { x, y };
  if (tl_broadcast(op, 2, t, size) < 0) return -1;
  if (!tl_is_float(tl_promote_tensors(2, t)))
    return tl_fault("\"%s\" not implemented for '%s'", op, tl_dtype_name[x->dtype]);
  return 0;
}

/* ------------------------------------------------------------------ mse_loss */

static int mse (tl_Args *a) {
  tl_Tensor *in[2] = { a->v[0].t, a->v[1].t }, *d;
  int reduction = tl_reduction(&a->v[2], &a->v[3], &a->v[4]);
  tl_Num one = { .f = 1 }, none[2] = { { .f = 0 }, { .f = 0 } };
  if (can_compare("mse_loss", in[0], in[1]) || tl_keep_parameter(a, 0) || tl_keep_parameter(a, 1)) return -1;
  d = tl_map(TL_sub, 2, in, 1, &one, NULL);
  if (!d) return -1;
  tl_keep_num(a, reduction == TL_MEAN_LOSS ? 2 / (double)tl_numel(d) : 2);
  if (!tl_map(TL_square, 1, &d, 0, NULL, d)) return -1;
  a->out[0] = d;
  if (reduction == TL_NO_REDUCTION) return 0;
  a->out[0] = tl_result(a, 0, d->dtype, 0, NULL);
  if (!a->out[0] || tl_reduce(TL_reduce_sum, d, tl_all_dims(d), 0, TL_NONE, none, a->out, in)) return -1;
  if (reduction == TL_SUM_LOSS) return 0;
  in[0] = a->out[0];
  in[1] = tl_number((double)tl_numel(d));
  return in[1] && tl_map(TL_div, 2, in, 0, NULL, a->out[0]) ? 0 : -1;
}

/* (factor * (x - y)) * g, in this order */
static int mse_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *d = tl_mul(tl_mul(tl_sub(tl_saved(n, 0), tl_saved(n, 1)), tl_number(n->p[0].f)), g[0]);
  if (tl_needs(n, 0) && tl_answer(n, 0, d)) return -1;
  return tl_needs(n, 1) ? tl_answer(n, 1, tl_neg(d)) : 0;
}

/* ------------------------------------------------------------------ absolute, and smooth near 0 */

static int l1 (tl_Args *a) {
  if (can_compare("l1_loss", a->v[0].t, a->v[1].t)) return -1;
  return tl_done(a, tl_total_loss(tl_op1(TL_abs, tl_sub(a->v[0].t, a->v[1].t)),
                                  tl_reduction(&a->v[2], &a->v[3], &a->v[4])));
}

/* z up to the limit, so that no infinity is in the gradient of what is not taken; NaN and its gradient pass */
static tl_Tensor *no_more (tl_Tensor *z, double limit) {
  return tl_where(tl_op2(TL_gt, z, tl_number(limit)), tl_number(limit), z);
}

static int smooth_l1 (tl_Args *a) {
  double beta = tl_double(&a->v[5]);
  tl_Tensor *z, *c;
  if (beta < 0) return tl_fault("smooth_l1_loss does not support negative values for beta.");
  if (can_compare("smooth_l1_loss", a->v[0].t, a->v[1].t)) return -1;
  z = tl_op1(TL_abs, tl_sub(a->v[0].t, a->v[1].t));
  if (beta > 0) {
    c = no_more(z, beta);
    c = tl_div(tl_mul(tl_mul(tl_number(0.5), c), c), tl_number(beta));
    z = tl_where(tl_op2(TL_ge, z, tl_number(beta)), tl_sub(z, tl_number(0.5 * beta)), c);      /* NaN is in c, and passes */
  }
  return tl_done(a, tl_total_loss(z, tl_reduction(&a->v[2], &a->v[3], &a->v[4])));
}

static int huber (tl_Args *a) {
  double delta = tl_double(&a->v[3]);
  tl_Tensor *z, *c;
  if (!(delta > 0)) return tl_fault("huber_loss does not support non-positive values for delta.");
  if (can_compare("huber_loss", a->v[0].t, a->v[1].t)) return -1;
  z = tl_op1(TL_abs, tl_sub(a->v[0].t, a->v[1].t));
  c = no_more(z, delta);
  z = tl_where(tl_op2(TL_gt, z, tl_number(delta)), tl_mul(tl_number(delta), tl_sub(z, tl_number(0.5 * delta))),
               tl_mul(tl_mul(tl_number(0.5), c), c));
  return tl_done(a, tl_total_loss(z, (int)a->v[2].i));
}

/* ------------------------------------------------------------------ binary cross-entropy */

/* -(y log x + (1 - y) log(1 - x)), logarithms not below -100 */
static int bce (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t, *w = a->v[2].t, *one = tl_integer(1), *low = tl_integer(-100), *r;
  int reduction = tl_reduction(&a->v[3], &a->v[4], &a->v[5]);
  char s[256], t[256];
  if (!tl_same_sizes(x, y))
    return tl_fault("binary_cross_entropy: Using a target size (%s) that is different to the input size (%s) is "
                    "deprecated. Please ensure they have the same size.", tl_show_sizes(s, y->ndim, y->size),
                    tl_show_sizes(t, x->ndim, x->size));
  if (x->dtype != y->dtype)
    return tl_fault("binary_cross_entropy: Found dtype %s but expected %s", tl_dtype_name[y->dtype], tl_dtype_name[x->dtype]);
  if (can_compare("binary_cross_entropy", x, y)) return -1;
  if (tl_within(x, 0, 1, "binary_cross_entropy: all elements of input should be between 0 and 1")) return -1;
  for (int k = 0; k < 3; k++)
    if (tl_keep_parameter(a, k)) return -1;
  tl_keep_num(a, reduction == TL_MEAN_LOSS ? (double)tl_numel(x) : 1);
  r = tl_mul(tl_sub(y, one), tl_op2(TL_clamp_min, tl_op1(TL_log1p, tl_neg(x)), low));
  r = tl_sub(r, tl_mul(y, tl_op2(TL_clamp_min, tl_op1(TL_log, x), low)));
  if (w) r = tl_mul(r, w);
  return tl_done(a, tl_total_loss(r, reduction));
}

static int bce_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *x = tl_saved(n, 0), *y = tl_saved(n, 1), *w = tl_saved(n, 2), *one = tl_integer(1), *s = g[0];
  if (tl_here->failed) return -1;
  if (n->p[0].f != 1) s = tl_div(s, tl_number(n->p[0].f));
  if (w) s = tl_mul(s, w);
  if (tl_needs(n, 0)) {
    tl_Tensor *steep = tl_op2(TL_clamp_min, tl_mul(tl_sub(one, x), x), tl_number(1e-12f));     /* a float in PyTorch */
    if (tl_answer(n, 0, tl_div(tl_mul(s, tl_sub(x, y)), steep))) return -1;
  }
  return tl_needs(n, 1) ? tl_answer(n, 1, tl_mul(s, tl_sub(tl_op1(TL_log1p, tl_neg(x)), tl_op1(TL_log, x)))) : 0;
}

/* the same of sigmoid(x), without overflow: (1 - y) x + (1 + (p - 1) y) log(1 + exp(-x)) */
static int bce_logits (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t, *w = a->v[2].t, *p = a->v[6].t, *one = tl_integer(1), *r;
  const tl_Num steep[2] = { { .f = 1 }, { .f = 80 } };
  char s[256], t[256];
  if (!tl_same_sizes(x, y))
    return tl_fault("binary_cross_entropy_with_logits: Target size (%s) must be the same as input size (%s)",
                    tl_show_sizes(s, y->ndim, y->size), tl_show_sizes(t, x->ndim, x->size));
  if (can_compare("binary_cross_entropy_with_logits", x, y)) return -1;
  r = tl_neg(x);
  r = tl_pointwise(TL_softplus, 1, &r, 2, steep);       /* log(1 + exp(-x)), -x itself where exp would be too large */
  if (p) r = tl_mul(tl_add(tl_mul(tl_sub(p, one), y), one), r);
  r = tl_add(tl_mul(tl_sub(one, y), x), r);
  if (w) r = tl_mul(r, w);
  return tl_done(a, tl_total_loss(r, tl_reduction(&a->v[3], &a->v[4], &a->v[5])));
}

/* ------------------------------------------------------------------ table */

#define PAIR "input:T target:T" TL_REDUCTION
#define NN(name, args, doc, forward) { name, args, doc, forward, NULL, TL_OP_COMPOSITE, 0, "nn.functional", NULL }
#define WEIGHS " Behind these torch.nn.functional takes weight, a factor for each element."
#define SAYS "; operands broadcast, floating point. mean, sum or none of all elements."

const tl_Op tl_loss_regression_ops[] = {
  { "mse_loss", PAIR, "(input - target)^2" SAYS WEIGHS, mse, mse_back, 0, 0, "nn.functional", NULL },
  NN("l1_loss", PAIR, "|input - target|" SAYS WEIGHS, l1),
  NN("smooth_l1_loss", PAIR " beta:n=1", "0.5 z^2 / beta where z = |input - target| is below beta, else z - beta / "
     "2" SAYS, smooth_l1),
  NN("huber_loss", "input:T target:T reduction:s(mean,sum,none)=mean delta:n=1", "0.5 z^2 where z = |input - target| "
     "is at most delta, else delta (z - delta / 2)" SAYS WEIGHS, huber),
  { "binary_cross_entropy", "input:T target:T weight:T?" TL_REDUCTION, "-(target log(input) + (1 - target) log(1 - "
    "input)), logarithms cut at -100: input in [0, 1], target of its sizes. mean, sum or none of all elements.", bce,
    bce_back, 0, 0, "nn.functional", NULL },
  NN("binary_cross_entropy_with_logits", "input:T target:T weight:T?" TL_REDUCTION " pos_weight:T?",
     "binary_cross_entropy of sigmoid(input), computed without overflow; pos_weight scales the positive part. mean, "
     "sum or none.", bce_logits),
  TL_ROW_END
};
