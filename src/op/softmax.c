/*
** softmax.c -- softmax and log_softmax along one dim: fused forward and backward commands; with
** create_graph the backward is composed of operations.
*/
#include "op/families.h"
#include "op/reduce.h"

enum { SOFTMAX, LOG_SOFTMAX };         /* places in the table */

static int run (int op, int n, tl_Tensor *const *t, int d) {
  tl_Tensor *line[3];
  tl_Cmd c;
  for (int k = 0; k < n; k++)
    if (!(line[k] = tl_lines(t[k], d))) return -1;
  if (tl_numel(t[0]) == 0) return 0;
  tl_cmd_init(&c, TL_SOFTMAX, op, tl_compute[t[0]->dtype], 1);
  c.out = t[0]->dtype;
  tl_space(&c, line[0]->ndim, line[0]->size, line[0]->ndim - 1, n, line, 0);
  return tl_run(tl_device_of(t[0]), &c);
}

/* dim when there is none: what PyTorch takes, with a warning, for want of a choice */
static int implied (int ndim) { return ndim == 0 || ndim == 1 || ndim == 3 ? 0 : 1; }

static int softmax (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *t[2];
  int d = a->v[1].given ? tl_wrap_dim(a->op->name, a->v[1].i, x->ndim) : implied(x->ndim);
  int dtype = a->v[2].dtype != TL_NONE ? a->v[2].dtype : x->dtype;
  if (d < 0) return -1;
  if (!tl_is_float(dtype)) return tl_fault("\"%s\" not implemented for '%s'", a->op->name, tl_dtype_name[dtype]);
  tl_keep_int(a, d);
  t[1] = tl_cast(x, dtype);
  t[0] = a->out[0] = tl_result(a, 0, dtype, x->ndim, x->size);
  if (!t[0] || !t[1] || run(a->op->code, 2, t, d)) return -1;
  return tl_keep(a, t[0], TL_FROM_RESULT(0));
}

static tl_Tensor *slope (int op, tl_Tensor *g, tl_Tensor *y, int d) {
  tl_Tensor *t[3] = { NULL, g, y };
  if (!g || !y) return NULL;
  t[0] = tl_new(tl_device_of(y), y->dtype, y->ndim, y->size);
  if (g->dtype != y->dtype) t[1] = tl_cast(g, y->dtype);
  return t[0] && t[1] && run(op, 3, t, d) == 0 ? t[0] : NULL;
}

static tl_Tensor *total (tl_Tensor *t, int d) { return t ? tl_sum(t, t->ndim ? 1u << d : 0, 1) : NULL; }

static int softmax_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *y = tl_saved(n, 0);
  int d = (int)n->i[0];
  if (tl_here->grad_mode) return tl_answer(n, 0, tl_mul(tl_sub(g[0], total(tl_mul(g[0], y), d)), y));
  return tl_answer(n, 0, slope(TL_SOFTMAX_X, g[0], y, d));
}

static int log_softmax_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *y = tl_saved(n, 0);
  int d = (int)n->i[0];
  if (tl_here->grad_mode) return tl_answer(n, 0, tl_sub(g[0], tl_mul(tl_op1(TL_exp, y), total(g[0], d))));
  return tl_answer(n, 0, slope(TL_LOG_SOFTMAX_X, g[0], y, d));
}

static tl_Tensor *softmax_of (int row, tl_Tensor *x, const tl_Value *dim, const tl_Value *dtype) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_softmax_ops[row], 0);
  a.v[0].t = x;
  a.v[1] = *dim;
  if (!dim->given) a.v[1].i = implied(x->ndim);
  a.v[1].given = 1;
  a.v[2] = *dtype;
  return tl_apply1(&a);
}

/* the forms of nn.functional, where dim may be left out */
static int functional (tl_Args *a) { return tl_done(a, softmax_of(a->op->code, a->v[0].t, &a->v[1], &a->v[2])); }
static int softmin (tl_Args *a) { return tl_done(a, softmax_of(SOFTMAX, tl_neg(a->v[0].t), &a->v[1], &a->v[2])); }

tl_Tensor *tl_log_softmax (tl_Tensor *x, int dim) {
  tl_Value d = { .i = dim, .given = 1 }, none = { .dtype = TL_NONE };
  return softmax_of(LOG_SOFTMAX, x, &d, &none);
}

#define LINE "self:T dim:d * dtype:y?"
#define FREE "input:T dim:d? dtype:y?"
#define SAYS " Floating point only; dtype converts first. Without dim: the first of 1 or 3 dims, else the second."

const tl_Op tl_softmax_ops[] = {
  { "softmax", LINE, "exp(self) / its sum along dim. Floating point only; dtype converts first.",
    softmax, softmax_back, 0, TL_SOFTMAX_Y, NULL, NULL },
  { "log_softmax", LINE, "self - log of the sum of exp(self) along dim. Floating point only; dtype converts first.",
    softmax, log_softmax_back, 0, TL_LOG_SOFTMAX_Y, NULL, NULL },
  { "softmax", FREE, "exp(input) / its sum along dim." SAYS, functional, NULL, TL_OP_COMPOSITE, SOFTMAX,
    "nn.functional", NULL },
  { "log_softmax", FREE, "input - log of the sum of exp(input) along dim." SAYS, functional, NULL, TL_OP_COMPOSITE,
    LOG_SOFTMAX, "nn.functional", NULL },
  { "softmin", FREE, "softmax of -input along dim." SAYS, softmin, NULL, TL_OP_COMPOSITE, 0, "nn.functional", NULL },
  TL_ROW_END
};
