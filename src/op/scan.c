/*
** scan.c -- running sums, products, largest and smallest elements along a dim.
**
** The derivative of a running sum is a running sum from the other end: the same command with the line's
** strides negative, so nothing is flipped or copied (_cumsum_reverse).
*/
#include "op/families.h"
#include "op/reduce.h"

enum { CUMSUM, CUMPROD, REVERSE };     /* places in the table */

/* ------------------------------------------------------------------ the command */

tl_Tensor *tl_lines (tl_Tensor *t, int d) {
  tl_Geometry g;
  if (!t) return NULL;
  tl_geometry(t, &g);
  if (g.ndim == 0) {
    g.ndim = 1;
    g.size[0] = g.stride[0] = 1;
    return tl_alias_at(t, &g);
  }
  for (int k = d; k < g.ndim - 1; k++) {
    g.size[k] = t->size[k + 1];
    g.stride[k] = t->stride[k + 1];
  }
  g.size[g.ndim - 1] = t->size[d];
  g.stride[g.ndim - 1] = t->stride[d];
  return tl_alias_at(t, &g);
}

/* out[0] (, out[1]) = running op of x along d */
static int scan (int op, tl_Tensor *x, int d, int nout, tl_Tensor *const *out, int backwards) {
  tl_Tensor *t[3];
  tl_Cmd c;
  int n = nout + 1;
  for (int k = 0; k < n; k++)
    if (!(t[k] = tl_lines(k < nout ? out[k] : x, d))) return -1;
  if (tl_numel(x) == 0) return 0;
  tl_cmd_init(&c, TL_SCAN, op, tl_compute[out[0]->dtype], nout);
  c.out = out[0]->dtype;
  tl_space(&c, t[0]->ndim, t[0]->size, t[0]->ndim - 1, n, t, 0);
  if (backwards) {
    int last = c.ndim - 1;
    for (int k = 0; k < n; k++) {
      c.arg[k].data = (char *)c.arg[k].data + c.arg[k].stride[last] * (c.size[last] - 1);
      c.arg[k].stride[last] = -c.arg[k].stride[last];
    }
  }
  return tl_run(tl_device_of(x), &c);
}

/* ------------------------------------------------------------------ cumsum, cumprod */

/* dtype of the running sum, and x in it */
static int running (tl_Args *a, int op, int backwards) {
  tl_Tensor *x = a->v[0].t;
  int d = tl_wrap_dim(a->op->name, a->v[1].i, x->ndim), wanted = a->form->n > 2 ? a->v[2].dtype : TL_NONE;
  int dtype = wanted != TL_NONE ? wanted : tl_is_float(x->dtype) || a->inplace ? x->dtype : TL_i64;
  if (d < 0) return -1;
  if (a->inplace && (dtype == TL_b8 || dtype != x->dtype))
    return tl_fault("Bad in-place call: input tensor dtype %s and output tensor dtype %s should match",
                    tl_dtype_name[x->dtype], tl_dtype_name[dtype == TL_b8 ? TL_i64 : dtype]);
  tl_keep_int(a, d);
  if (op == TL_CUMPROD && tl_keep_parameter(a, 0)) return -1;
  x = tl_cast(x, dtype);
  a->out[0] = tl_result(a, 0, dtype, x ? x->ndim : 0, x ? x->size : NULL);
  if (!a->out[0] || scan(op, x, d, 1, a->out, backwards)) return -1;
  return op == TL_CUMPROD ? tl_keep(a, a->out[0], TL_FROM_RESULT(0)) : 0;
}

static int cumsum (tl_Args *a) { return running(a, TL_CUMSUM, 0); }
static int cumsum_reverse (tl_Args *a) { return running(a, TL_CUMSUM, 1); }
static int cumprod (tl_Args *a) { return running(a, TL_CUMPROD, 0); }

static tl_Tensor *call (int row, tl_Tensor *x, int dim) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_scan_ops[row], 0);
  a.v[0].t = x;
  a.v[1].i = dim;
  a.v[1].given = 1;
  return tl_apply1(&a);
}

tl_Tensor *tl_cumsum (tl_Tensor *x, int dim) { return call(CUMSUM, x, dim); }
tl_Tensor *tl_cumsum_reverse (tl_Tensor *x, int dim) { return call(REVERSE, x, dim); }
tl_Tensor *tl_cumprod (tl_Tensor *x, int dim) { return call(CUMPROD, x, dim); }

static int cumsum_back (tl_Node *n, tl_Tensor **g) { return tl_answer(n, 0, tl_cumsum_reverse(g[0], (int)n->i[0])); }
static int cumsum_reverse_back (tl_Node *n, tl_Tensor **g) { return tl_answer(n, 0, tl_cumsum(g[0], (int)n->i[0])); }

/*
** With a zero at k the results from k on are 0, but they still depend on x[k]: until the next zero their
** slope is the product of the others.  Past the second zero nothing depends on anything.
*/
static tl_Tensor *cumprod_slope (tl_Tensor *x, tl_Tensor *y, tl_Tensor *g, int d) {
  tl_Tensor *nil = tl_integer(0), *zero = tl_op2(TL_eq, x, nil), *passed = tl_cumsum(zero, d);
  tl_Tensor *before = tl_op2(TL_eq, passed, nil), *between = tl_op2(TL_eq, passed, tl_integer(1));
  tl_Tensor *first = tl_op2(TL_logical_and, zero, between);
  tl_Tensor *plain = tl_div(tl_cumsum_reverse(tl_mul(y, g), d), x);
  tl_Tensor *filled = tl_cumprod(tl_where(first, tl_integer(1), x), d);
  tl_Tensor *there = x ? tl_sum(tl_where(between, tl_mul(g, filled), nil), 1u << d, 1) : NULL;
  return tl_where(before, plain, tl_where(first, there, nil));
}

/* the same by its definition, one element of the line after the other: every step has derivatives of its own */
static tl_Tensor *cumprod_composed (tl_Tensor *x, tl_Tensor *g, int d) {
  int64_t n = x->size[d];
  tl_Tensor **part = tl_scratch((size_t)n * sizeof *part);
  if (!part) return NULL;
  for (int64_t k = 0; k < n; k++) {
    size_t mark = tl_mark();
    tl_Tensor *piece[2], *after = k + 1 < n ? tl_cumprod(tl_narrow(x, d, k + 1, n - k - 1), d) : NULL, *rest;
    piece[0] = tl_ones_like(tl_narrow(x, d, k, 1));
    if (k > 0) piece[0] = tl_narrow(tl_cumprod(tl_narrow(x, d, 0, k), d), d, k - 1, 1);
    piece[1] = k + 1 < n ? tl_mul(piece[0], after) : NULL;
    rest = k + 1 < n ? tl_cat(2, piece, d) : piece[0];
    rest = tl_retain(tl_sum(tl_mul(tl_narrow(g, d, k, n - k), rest), 1u << d, 1));
    tl_drain(mark);
    part[k] = tl_pool(rest);
    if (!part[k]) return NULL;
  }
  return tl_cat((int)n, part, d);
}

static int cumprod_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *x = tl_saved(n, 0), *y = tl_saved(n, 1);
  int d = (int)n->i[0];
  if (!x || !y) return -1;
  if (x->ndim == 0) return tl_answer(n, 0, g[0]);
  if (tl_numel(x) == 0) return tl_answer(n, 0, tl_zeros_like(g[0]));
  if (x->dtype != y->dtype) x = tl_to_dtype(x, y->dtype);
  if (tl_here->grad_mode) return tl_answer(n, 0, cumprod_composed(x, g[0], d));
  return tl_answer(n, 0, cumprod_slope(x, y, g[0], d));
}

/* ------------------------------------------------------------------ cummax, cummin */

static int cummax (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int d = tl_wrap_dim(a->op->name, a->v[1].i, x->ndim);
  if (d < 0) return -1;
  a->out[0] = tl_result(a, 0, x->dtype, x->ndim, x->size);
  a->out[1] = tl_result(a, 1, TL_i64, x->ndim, x->size);
  tl_keep_int(a, d);
  if (!a->out[0] || !a->out[1] || scan(a->op->code, x, d, 2, a->out, 0)) return -1;
  return tl_keep(a, a->out[1], TL_FROM_RESULT(1));
}

static int cummax_back (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *index = tl_saved(n, 0);
  if (!g[0]) return 0;
  if (g[0]->ndim == 0) return tl_answer(n, 0, g[0]);
  return tl_answer(n, 0, tl_scatter_add(tl_zeros_like(g[0]), n->i[0], index, g[0]));
}

/* ------------------------------------------------------------------ table */

#define RUNNING "self:T dim:d * dtype:y?"
#define PAIR "self:T dim:d -> values:T indices:J"

const tl_Op tl_scan_ops[] = {
  { "cumsum", RUNNING, "running sum along dim. Integers and bool give int64 unless dtype says else.",
    cumsum, cumsum_back, TL_OP_INPLACE, 0, NULL, NULL },
  { "cumprod", RUNNING, "running product along dim. Integers and bool give int64 unless dtype says else.",
    cumprod, cumprod_back, TL_OP_INPLACE, 0, NULL, NULL },
  { "_cumsum_reverse", "self:T dim:d", "running sum along dim from the end: the derivative of cumsum.",
    cumsum_reverse, cumsum_reverse_back, TL_OP_FUNCTION, 0, "_C", "cumsum" },
  { "cummax", PAIR, "largest element so far along dim and its position, the last of equals; nan wins.",
    cummax, cummax_back, 0, TL_CUMMAX, NULL, NULL },
  { "cummin", PAIR, "smallest element so far along dim and its position, the last of equals; nan wins.",
    cummax, cummax_back, 0, TL_CUMMIN, NULL, NULL },
  TL_ROW_END
};
