/*
** loss_class.c -- losses over classes: nll_loss and cross_entropy.  Labels count from 1.
**
** nll_loss is one command forward and one backward over (N, C, d1, ...) scores; cross_entropy composes
** it with log_softmax, as PyTorch does, so its figures are the same to the bit.
*/
#include <math.h>

#include "op/families.h"
#include "op/loss.h"
#include "op/reduce.h"

enum { NLL };                          /* places in the table */

/* ------------------------------------------------------------------ checks */

static int class_dim (const tl_Tensor *x) { return x->ndim == 1 ? 0 : 1; }

/* (N, C, d1, ...) scores with (N, d1, ...) labels, or (C) with () or (1) */
static int can_label (const char *op, tl_Tensor *x, tl_Tensor *y, tl_Tensor *w) {
  char a[256], b[256];
  int64_t want[TL_MAXDIM];
  int c, n = 0;
  if (x->ndim == 0) return tl_fault("%s: Expected 1 or more dimensions (got 0)", op);
  if (x->ndim != 1 && (y->ndim == 0 || x->size[0] != y->size[0]))
    return tl_fault("%s: Expected input batch_size (%lld) to match target batch_size (%lld).", op,
                    (long long)x->size[0], (long long)(y->ndim ? y->size[0] : 1));
  if (x->ndim <= 2 && y->ndim > 1)
    return tl_fault("%s: 0D or 1D target tensor expected, multi-target not supported", op);
  if (x->ndim == 1 && tl_numel(y) != 1)
    return tl_fault("%s: For 1D input, 1D target must have size 1, but got target size: %lld", op,
                    (long long)tl_numel(y));
  if (y->dtype != TL_i64 && y->dtype != TL_u8)
    return tl_fault("%s: expected target dtype to be int64 or uint8, but got %s", op, tl_dtype_name[y->dtype]);
  c = class_dim(x);
  for (int d = 0; d < x->ndim; d++)
    if (d != c) want[n++] = x->size[d];
  if (x->ndim > 2) {
    int same = y->ndim == n;
    for (int d = 0; same && d < n; d++) same = y->size[d] == want[d];
    if (!same)
      return tl_fault("%s: Expected target size %s, got %s", op, tl_show_sizes(a, n, want),
                      tl_show_sizes(b, y->ndim, y->size));
  }
  if (w && (w->ndim != 1 || w->size[0] != x->size[c]))
    return tl_fault("%s: weight tensor should be defined either for all %lld classes or no classes but got weight "
                    "tensor of shape: %s", op, (long long)x->size[c], tl_show_sizes(a, w->ndim, w->size));
  if (w && w->dtype != x->dtype)
    return tl_fault("%s: expected scalar type %s but found %s", op, tl_dtype_name[x->dtype], tl_dtype_name[w->dtype]);
  return 0;
}

/* ------------------------------------------------------------------ the command */

/* x without its class dim: the space that labels live in */
static tl_Tensor *without_classes (tl_Tensor *x) {
  tl_Geometry g;
  int c = class_dim(x), n = 0;
  tl_geometry(x, &g);
  for (int d = 0; d < x->ndim; d++) {
    if (d == c) continue;
    g.size[n] = x->size[d];
    g.stride[n++] = x->stride[d];
  }
  g.ndim = n;
  return tl_alias_at(x, &g);
}

/* labels (1) of scores (C) as () */
static tl_Tensor *labels_of (tl_Tensor *x, tl_Tensor *y) {
  tl_Geometry g;
  if (x->ndim > 1 || y->ndim == 0) return y;
  tl_geometry(y, &g);
  g.ndim = 0;
  return tl_alias_at(y, &g);
}

/* operands t, of which `classes` (its place) are the scores and `weights` (its place, or -1) the weights */
static int run (int op, int nout, int n, tl_Tensor **t, tl_Tensor *scores, int weights, int64_t ignore, int divide) {
  tl_Cmd c;
  tl_Tensor *space = without_classes(scores), *w = NULL;
  int d = class_dim(scores);
  if (!space) return -1;
  if (weights >= 0) {
    w = t[weights];
    t[weights] = NULL;                                    /* its own space: indexed by label */
  }
  for (int k = 0; k < n; k++)
    if (t[k] == scores) t[k] = space;
  tl_cmd_init(&c, TL_NLL, op, tl_compute[scores->dtype], nout);
  c.out = scores->dtype;
  tl_space(&c, space->ndim, space->size, space->ndim, n, t, TL_SPACE_FIXED);
  if (w) tl_operand(&c, weights, w);
  c.p[0].i = scores->size[d];
  c.p[1].i = scores->stride[d] * tl_width[scores->dtype];
  c.p[2].i = ignore;
  c.p[3].i = 1;
  c.p[4].i = w != NULL;
  c.p[5].i = divide;
  return tl_run(tl_device_of(scores), &c);
}

/* ------------------------------------------------------------------ nll_loss */

static int nll (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t, *w = a->v[2].t, *t[5], *total, *space;
  int reduction = tl_reduction(&a->v[3], &a->v[5], &a->v[6]);
  int64_t ignore = a->v[4].i;
  if (can_label(a->op->name, x, y, w)) return -1;
  if (!tl_is_float(x->dtype))
    return tl_fault("\"%s_out_frame\" not implemented for '%s'", a->op->name, tl_dtype_name[x->dtype]);
  w = tl_contiguous(w);
  y = labels_of(x, y);
  space = without_classes(x);
  if (!y || !space || (a->v[2].t && !w)) return -1;
  tl_keep_ints(a, 2, (int64_t[]){ reduction, ignore });
  tl_keep_ints(a, x->ndim, x->size);
  if (tl_keep(a, y, TL_FROM_CONSTANT) || tl_keep(a, w, TL_FROM_CONSTANT)) return -1;
  if (reduction == TL_NO_REDUCTION) {
    t[0] = a->out[0] = tl_result(a, 0, x->dtype, space->ndim, space->size);
    t[1] = x;
    t[2] = y;
    t[3] = w;
    if (!t[0]) return -1;
    if (tl_numel(t[0]) && run(TL_NLL_NONE, 1, 4, t, x, w ? 3 : -1, ignore, 0)) return -1;
    return tl_keep(a, NULL, TL_FROM_CONSTANT);
  }
  t[0] = a->out[0] = tl_result(a, 0, x->dtype, 0, NULL);
  t[1] = total = tl_new(tl_device_of(x), x->dtype, 0, NULL);
  t[2] = x;
  t[3] = y;
  t[4] = w;
  if (!t[0] || !t[1]) return -1;
  if (tl_numel(space) == 0) {
    if (tl_fill(t[0], (tl_Num){ .f = reduction == TL_MEAN_LOSS ? NAN : 0 }, TL_f64) ||
        tl_fill(total, (tl_Num){ .i = 0 }, TL_i64))
      return -1;
  }
  else if (run(reduction == TL_MEAN_LOSS ? TL_NLL_MEAN : TL_NLL_SUM, 2, 5, t, x, w ? 4 : -1, ignore, 0)) return -1;
  return tl_keep(a, total, TL_FROM_CONSTANT);
}

/* the gradient of the scores for a gradient g of the loss */
static tl_Tensor *nll_slope (tl_Tensor *g, tl_Tensor *y, tl_Tensor *w, tl_Tensor *total, int reduction,
                             int64_t ignore, int ndim, const int64_t *size) {
  tl_Tensor *dx = tl_zeros(tl_device_of(g), g->dtype, ndim, size), *t[5];
  if (!dx || tl_numel(dx) == 0) return dx;
  t[0] = dx;
  t[1] = g;
  t[2] = y;
  t[3] = w;
  t[4] = reduction == TL_MEAN_LOSS ? total : NULL;
  return run(TL_NLL_BACK, 1, 5, t, dx, w ? 3 : -1, ignore, t[4] != NULL) ? NULL : dx;
}

static int nll_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *y = tl_saved(n, 0), *w = tl_saved(n, 1), *total = tl_saved(n, 2), *dx;
  int reduction = (int)n->i[0], ndim = n->ni - 2;
  if (!y || tl_here->failed) return -1;
  if (!tl_here->grad_mode) return tl_answer(n, 0, nll_slope(g[0], y, w, total, reduction, n->i[1], ndim, n->i + 2));
  /* linear in g: the slope for 1 is a constant */
  dx = tl_ones_like(tl_detach(g[0]));
  if (!dx) return -1;
  dx = nll_slope(dx, y, w, total, reduction, n->i[1], ndim, n->i + 2);
  return tl_answer(n, 0, tl_mul(dx, reduction == TL_NO_REDUCTION ? tl_unsqueeze(g[0], ndim == 1 ? 0 : 1) : g[0]));
}

static tl_Tensor *nll_of (tl_Tensor *x, tl_Tensor *y, tl_Tensor *w, int64_t ignore, int reduction) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_loss_class_ops[NLL], 0);
  a.v[0].t = x;
  a.v[1].t = y;
  a.v[2].t = w;
  a.v[4].i = ignore;
  a.v[6].i = reduction;
  return tl_apply1(&a);
}

/* ------------------------------------------------------------------ cross_entropy */

/* weights (C) seen along dim d of x */
static tl_Tensor *along_classes (tl_Tensor *w, tl_Tensor *x, int d) {
  int64_t size[TL_MAXDIM];
  for (int k = 0; k < x->ndim; k++) size[k] = k == d ? x->size[d] : 1;
  return tl_reshape(w, x->ndim, size);
}

/* targets are probabilities, of the scores' sizes */
static tl_Tensor *with_probabilities (tl_Tensor *x, tl_Tensor *y, tl_Tensor *w, int reduction, double smoothing) {
  int d = class_dim(x);
  double classes = (double)x->size[d];
  tl_Tensor *logs = tl_log_softmax(x, d), *each;
  if (smoothing > 0) y = tl_add(tl_mul(y, tl_number(1 - smoothing)), tl_number(smoothing / classes));
  each = tl_mul(logs, y);
  if (w) each = tl_mul(each, along_classes(w, x, d));
  if (reduction == TL_NO_REDUCTION) return tl_neg(each ? tl_sum(each, 1u << d, 0) : NULL);
  each = tl_neg(each ? tl_sum(each, tl_all_dims(each), 0) : NULL);
  return reduction == TL_SUM_LOSS ? each : tl_div(each, tl_number((double)tl_numel(x) / classes));
}

/* (1 - smoothing) of the labels' loss and the rest spread over all classes */
static tl_Tensor *smoothed (tl_Tensor *logs, tl_Tensor *y, tl_Tensor *w, int64_t ignore, int reduction,
                            double smoothing) {
  int d = class_dim(logs);
  tl_Tensor *loss = nll_of(logs, y, w, ignore, reduction), *skipped, *smooth, *count;
  y = labels_of(logs, y);
  skipped = tl_op2(TL_eq, y, tl_integer(ignore));
  smooth = w ? tl_mul(logs, along_classes(w, logs, d)) : logs;
  smooth = tl_where(skipped, tl_integer(0), tl_neg(tl_sum(smooth, 1u << d, 0)));
  if (!smooth) return NULL;
  if (reduction != TL_NO_REDUCTION) smooth = tl_sum(smooth, tl_all_dims(smooth), 0);
  if (reduction == TL_MEAN_LOSS) {
    tl_Tensor *here = tl_op1(TL_logical_not, skipped);
    if (w) {                                              /* the weights of the labels that count */
      tl_Tensor *flat = tl_reshape(tl_to_dtype(tl_where(skipped, tl_integer(1), y), TL_i64), 1, (int64_t[]){ -1 });
      count = tl_mul(tl_gather(w, 0, flat), tl_reshape(here, 1, (int64_t[]){ -1 }));
    }
    else count = here;
    smooth = count ? tl_div(smooth, tl_sum(count, tl_all_dims(count), 0)) : NULL;
  }
  return tl_add(tl_mul(loss, tl_number(1 - smoothing)), tl_mul(smooth, tl_number(smoothing / (double)logs->size[d])));
}

static int cross_entropy (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t, *w = a->v[2].t, *logs;
  int reduction = tl_reduction(&a->v[3], &a->v[5], &a->v[6]);
  int64_t ignore = a->v[4].i;
  double smoothing = tl_double(&a->v[7]);
  char s[256];
  if (x->ndim == 0) return tl_fault("cross_entropy: Expected 1 or more dimensions (got 0)");
  if (!(smoothing >= 0 && smoothing <= 1))
    return tl_fault("cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: %g", smoothing);
  if (x->ndim > 1 && y->ndim > 0 && x->size[0] != y->size[0])
    return tl_fault("cross_entropy: Expected input batch_size (%lld) to match target batch_size (%lld).",
                    (long long)x->size[0], (long long)y->size[0]);
  if (tl_same_sizes(x, y)) {
    if (!tl_is_float(y->dtype))
      return tl_fault("cross_entropy: Expected floating point type for target with class probabilities, got %s",
                      tl_dtype_name[y->dtype]);
    if (ignore >= 0) return tl_fault("cross_entropy: ignore_index is not supported for floating point target");
    if (w && (w->ndim != 1 || w->size[0] != x->size[class_dim(x)]))
      return tl_fault("cross_entropy: weight tensor should be defined either for all %lld classes or no classes but "
                      "got weight tensor of shape: %s", (long long)x->size[class_dim(x)],
                      tl_show_sizes(s, w->ndim, w->size));
    return tl_done(a, with_probabilities(x, y, w, reduction, smoothing));
  }
  if (can_label("cross_entropy", x, y, w)) return -1;
  logs = tl_log_softmax(x, class_dim(x));
  if (!logs) return -1;
  if (smoothing > 0) return tl_done(a, smoothed(logs, y, w, ignore, reduction, smoothing));
  return tl_done(a, nll_of(logs, y, w, ignore, reduction));
}

/* ------------------------------------------------------------------ table */

#define LABELS "input:T target:T weight:T? size_average:b? ignore_index:i=-100 reduce:b? " \
  "reduction:s(mean,sum,none)=mean"
#define SHAPES "(N, C, d1, ...) scores and (N, d1, ...) labels from 1 (int64 or uint8), or (C) and (). Labels " \
  "equal to ignore_index count nothing; weight (C) scales each class. mean divides by the weights of the labels; " \
  "none gives all losses."

const tl_Op tl_loss_class_ops[] = {
  { "nll_loss", LABELS, "minus the score of the label: " SHAPES, nll, nll_back, 0, 0, "nn.functional", "nll_loss" },
  { "cross_entropy", LABELS " label_smoothing:n=0", "nll_loss of log_softmax over the classes: " SHAPES " The target "
    "may also be probabilities, floating point of the input's sizes.", cross_entropy, NULL, TL_OP_COMPOSITE, 0,
    "nn.functional", NULL },
  TL_ROW_END
};
