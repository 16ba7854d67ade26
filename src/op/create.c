/*
** create.c -- tensors out of nothing: zeros, ones, full, empty, arange, linspace, eye, and the triangles.
*/
#include <math.h>

#include "op/index.h"
#include "op/families.h"

enum { ZEROS_LIKE, ONES_LIKE, TRIL, TRIU };
enum { NOTHING, ZERO, ONE };                             /* op->code: what is filled in */

static tl_Device *device_of (const tl_Value *v, tl_Device *otherwise) {
  return v->given && v->device ? v->device : otherwise;
}
static int dtype_of (const tl_Value *v, int otherwise) {
  return v->given && v->dtype != TL_NONE ? v->dtype : otherwise;
}

/* the result, new on a device (out= wins) */
static tl_Tensor *fresh (tl_Args *a, tl_Device *d, int dtype, int n, const int64_t *size) {
  if (tl_check_sizes(a->op->name, n, size, tl_width[dtype])) return NULL;
  if (a->dest[0]) return tl_result(a, 0, dtype, n, size);
  return tl_new(d, dtype, n, size);
}

static int finish (tl_Args *a, tl_Tensor *y, const tl_Value *requires_grad) {
  a->out[0] = y;
  if (!y) return -1;
  return requires_grad->i ? tl_set_requires_grad(y, 1) : 0;
}

static int fill_code (tl_Tensor *y, int code) {
  return code == NOTHING ? 0 : tl_fill(y, (tl_Num){ .i = code == ONE }, TL_i64);
}

/* zeros, ones, empty: size, then dtype device requires_grad */
static int sized_forward (tl_Args *a) {
  tl_Tensor *y = fresh(a, device_of(&a->v[2], tl_here->default_device), dtype_of(&a->v[1], tl_here->default_dtype),
                       a->v[0].n, a->v[0].is);
  return y && fill_code(y, a->op->code) == 0 ? finish(a, y, &a->v[3]) : -1;
}

/* zeros_like, ones_like, empty_like */
static int like_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y;
  int dtype = dtype_of(&a->v[1], x->dtype);
  tl_Device *d = device_of(&a->v[2], tl_device_of(x));
  y = d == tl_device_of(x) ? tl_new_like(x, dtype) : tl_new(d, dtype, x->ndim, x->size);
  return y && fill_code(y, a->op->code) == 0 ? finish(a, y, &a->v[3]) : -1;
}

/* new_zeros, new_ones, new_empty: dtype and device of self */
static int new_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  tl_Tensor *y = fresh(a, device_of(&a->v[3], tl_device_of(x)), dtype_of(&a->v[2], x->dtype), a->v[1].n, a->v[1].is);
  return y && fill_code(y, a->op->code) == 0 ? finish(a, y, &a->v[4]) : -1;
}

/* y filled with v: a number or a 0-d tensor */
static int fill_with (const char *op, tl_Tensor *y, tl_Tensor *v) {
  if (!y) return -1;
  if (v->ndim != 0)
    return tl_fault("%s only supports 0-dimension value tensor but got tensor with %d dimensions.", op, v->ndim);
  return tl_number_fits(v, y->dtype) ? -1 : tl_copy(y, v);
}

static int full_forward (tl_Args *a) {
  tl_Tensor *v = a->v[1].t;
  tl_Tensor *y = fresh(a, device_of(&a->v[3], tl_here->default_device), dtype_of(&a->v[2], v->dtype), a->v[0].n,
                       a->v[0].is);
  return fill_with("full", y, v) ? -1 : finish(a, y, &a->v[4]);
}

static int full_like_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y;
  int dtype = dtype_of(&a->v[2], x->dtype);
  tl_Device *d = device_of(&a->v[3], tl_device_of(x));
  y = d == tl_device_of(x) ? tl_new_like(x, dtype) : tl_new(d, dtype, x->ndim, x->size);
  return fill_with("full_like", y, a->v[1].t) ? -1 : finish(a, y, &a->v[4]);
}

static int new_full_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  tl_Tensor *y = fresh(a, device_of(&a->v[4], tl_device_of(x)), dtype_of(&a->v[3], x->dtype), a->v[1].n, a->v[1].is);
  return fill_with("new_full", y, a->v[2].t) ? -1 : finish(a, y, &a->v[5]);
}

static int empty_strided_forward (tl_Args *a) {
  tl_Tensor *y;
  if (a->v[0].n != a->v[1].n)
    return tl_fault("dimensionality of sizes (%d) must match dimensionality of strides (%d)", a->v[0].n, a->v[1].n);
  y = tl_new_strided(device_of(&a->v[3], tl_here->default_device), dtype_of(&a->v[2], tl_here->default_dtype),
                     a->v[0].n, a->v[0].is, a->v[1].is);
  return finish(a, y, &a->v[4]);
}

/* ---------------------------------------------------------------- ranges */

static int range_run (tl_Tensor *y, int op, const tl_Num p[3]) {
  tl_Cmd c;
  if (tl_numel(y) == 0) return 0;
  tl_cmd_init(&c, TL_RANGE, op, tl_compute[y->dtype], 1);
  c.out = y->dtype;
  tl_space(&c, y->ndim, y->size, y->ndim, 1, &y, TL_SPACE_FIXED);
  for (int k = 0; k < 3; k++) c.p[k] = p[k];
  return tl_run(y->storage->device, &c);
}

tl_Tensor *tl_iota (tl_Device *d, int64_t n) {
  tl_Tensor *y = tl_new(d, TL_i64, 1, &n);
  const tl_Num p[3] = { { .i = 1 }, { .i = 1 }, { .i = n } };
  return y && range_run(y, 0, p) == 0 ? y : NULL;
}

/* how many steps from start to before end; -1 with a message */
static int64_t arange_count (const tl_Value *start, const tl_Value *end, const tl_Value *step, int dtype) {
  double a = tl_double(start), b = tl_double(end), s = tl_double(step), n;
  if (dtype == TL_b8) return tl_fault("\"arange\" not implemented for 'Bool'");
  if (s == 0) return tl_fault("arange: step must be nonzero");
  if (!isfinite(a) || !isfinite(b)) return tl_fault("arange: unsupported range: %g -> %g", a, b);
  if (!(s > 0 ? b >= a : s < 0 && b <= a))
    return tl_fault("arange: upper bound and lower bound inconsistent with step sign");
  if (dtype == TL_i64 && start->kind != 'f' && end->kind != 'f' && step->kind != 'f') {       /* doubles lose bits */
    int64_t x = tl_num(start, TL_i64).i, y = tl_num(end, TL_i64).i, d = tl_num(step, TL_i64).i;
    uint64_t span = y > x ? (uint64_t)y - (uint64_t)x : (uint64_t)x - (uint64_t)y;
    uint64_t by = d > 0 ? (uint64_t)d : -(uint64_t)d;
    n = (double)(span / by + (span % by != 0));
    if (n < 9e15) return (int64_t)(span / by + (span % by != 0));
  }
  else n = ceil((b - a) / s);
  if (!(n >= 0 && n < 9e15)) return tl_fault("arange: invalid size, possible overflow?");
  return (int64_t)n;
}

static int arange_forward (tl_Args *a) {
  static const tl_Value zero = { .i = 0, .kind = 'i' }, one = { .i = 1, .kind = 'i' };
  int form = a->which;
  const tl_Value *start = form ? &a->v[0] : &zero, *end = &a->v[form ? 1 : 0], *step = form ? &a->v[2] : &one;
  const tl_Value *rest = &a->v[form ? 3 : 1];
  int floats = start->kind == 'f' || end->kind == 'f' || step->kind == 'f';
  int dtype = dtype_of(&rest[0], a->dest[0] ? a->dest[0]->dtype : floats ? tl_here->default_dtype : TL_i64);
  int64_t n = arange_count(start, end, step, dtype);
  tl_Tensor *y = n < 0 ? NULL : fresh(a, device_of(&rest[1], tl_here->default_device), dtype, 1, &n);
  tl_Num p[3];
  if (!y) return -1;
  p[0] = tl_num(start, tl_is_float(dtype) ? TL_f64 : TL_i64);
  p[1] = tl_num(step, tl_is_float(dtype) ? TL_f64 : TL_i64);
  p[2] = tl_num(end, tl_is_float(dtype) ? TL_f64 : TL_i64);
  return range_run(y, 0, p) ? -1 : finish(a, y, &rest[2]);
}

static int linspace_forward (tl_Args *a) {
  int dtype = dtype_of(&a->v[3], a->dest[0] ? a->dest[0]->dtype : tl_here->default_dtype);
  int64_t n = a->v[2].i;
  tl_Tensor *y;
  tl_Num p[3], v;
  if (n < 0) return tl_fault("linspace: number of steps must be non-negative");
  if (dtype == TL_b8) return tl_fault("\"linspace\" not implemented for 'Bool'");
  for (int k = 0; k < 2; k++) {
    tl_Tensor *t = a->v[k].t;
    if (t->ndim) return tl_fault("linspace only supports 0-dimensional start and end tensors, but got %s with %d "
                                 "dimension(s).", k ? "end" : "start", t->ndim);
    if (tl_peek_number("linspace", t, &v)) return -1;
    v = tl_num_convert(v, t->dtype, tl_is_float(dtype) ? TL_f64 : TL_i64);
    p[k ? 2 : 0] = v;
  }
  p[1].i = 0;
  y = fresh(a, device_of(&a->v[4], tl_here->default_device), dtype, 1, &n);
  return y && range_run(y, 1, p) == 0 ? finish(a, y, &a->v[5]) : -1;
}

static int eye_forward (tl_Args *a) {
  int64_t n = a->v[0].i, m = a->v[1].given ? a->v[1].i : n, size[2] = { n, m };
  tl_Geometry g;
  tl_Tensor *y;
  if (n < 0) return tl_fault("n must be greater or equal to 0, got %lld", (long long)n);
  if (m < 0) return tl_fault("m must be greater or equal to 0, got %lld", (long long)m);
  y = fresh(a, device_of(&a->v[3], tl_here->default_device), dtype_of(&a->v[2], tl_here->default_dtype), 2, size);
  if (!y || fill_code(y, ZERO)) return -1;
  g = (tl_Geometry){ 1, y->offset, { n < m ? n : m }, { y->stride[0] + y->stride[1] } };
  return tl_numel(y) && fill_code(tl_alias_at(y, &g), ONE) ? -1 : finish(a, y, &a->v[4]);
}

/* ---------------------------------------------------------------- triangles */

/* row and column numbers are compared: column - row <= diagonal below (TRIL), >= above */
static int triangle_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *t[3], *y;
  int64_t diagonal = a->v[1].i, rows, size[2];
  int lower = a->op->code == TRIL;
  tl_Device *d = tl_device_of(x);
  if (x->ndim < 2) return tl_fault("%s: input tensor must have at least 2 dimensions", a->op->name);
  size[0] = rows = x->size[x->ndim - 2];
  size[1] = x->size[x->ndim - 1];
  if (diagonal > size[1]) diagonal = size[1];            /* further is the same; and sums can't overflow */
  if (diagonal < -rows) diagonal = -rows;
  tl_keep_int(a, diagonal);
  y = tl_result(a, 0, x->dtype, x->ndim, x->size);
  if (!y) return -1;
  {
    tl_Geometry row = { 2, 0, { rows, 1 }, { 1, 0 } };
    tl_Tensor *in[2] = { tl_iota(d, size[1]), tl_alias_at(tl_iota(d, rows), &row) };
    if (!in[0] || !in[1]) return -1;
    in[1] = tl_map(TL_add, 2, (tl_Tensor *[]){ in[1], tl_integer(diagonal) }, 1, &(tl_Num){ .i = 1 }, NULL);
    if (!in[1]) return -1;
    t[0] = tl_map(lower ? TL_le : TL_ge, 2, in, 0, NULL, NULL);
  }
  t[1] = x;
  t[2] = tl_scalar((tl_Num){ .i = 0 }, x->dtype);        /* the bits of 0 are 0.0 */
  if (!t[0] || !t[2]) return -1;
  a->out[0] = tl_map(TL_where, 3, t, 0, NULL, y);
  return a->out[0] ? 0 : -1;
}

static int triangle_backward (tl_Node *n, tl_Tensor **g) {
  const tl_Op *op = n->op;
  tl_Args a;
  tl_args(&a, op, 0);
  a.v[0].t = g[0];
  a.v[1].i = n->i[0];
  return tl_give(n, 0, tl_apply1(&a));
}

/* ---------------------------------------------------------------- the table */

#define MAKE  " * dtype:y? device:v? requires_grad:b=false"
const tl_Op tl_create_ops[] = {
  [ZEROS_LIKE] = { "zeros_like", "self:T" MAKE, "zeros of the size, dtype and device of self", like_forward, NULL,
                   TL_OP_NODIFF | TL_OP_FUNCTION, ZERO, NULL, NULL },
  [ONES_LIKE] = { "ones_like", "self:T" MAKE, "ones of the size, dtype and device of self", like_forward, NULL,
                  TL_OP_NODIFF | TL_OP_FUNCTION, ONE, NULL, NULL },
  [TRIL] = { "tril", "self:T diagonal:i=0", "the lower triangle of matrices, zeros above `diagonal`", triangle_forward,
             triangle_backward, TL_OP_INPLACE, TRIL, NULL, NULL },
  [TRIU] = { "triu", "self:T diagonal:i=0", "the upper triangle of matrices, zeros below `diagonal`", triangle_forward,
             triangle_backward, TL_OP_INPLACE, TRIU, NULL, NULL },
  { "empty_like", "self:T" MAKE, "memory as it comes, of the size, dtype and device of self", like_forward, NULL,
    TL_OP_NODIFF | TL_OP_FUNCTION, NOTHING, NULL, NULL },
  { "full_like", "self:T fill_value:N" MAKE, "a number in the size, dtype and device of self", full_like_forward, NULL,
    TL_OP_NODIFF | TL_OP_FUNCTION, 0, NULL, NULL },
  { "zeros", "size:S..." MAKE, "zeros", sized_forward, NULL, TL_OP_NODIFF | TL_OP_FUNCTION, ZERO, NULL, NULL },
  { "ones", "size:S..." MAKE, "ones", sized_forward, NULL, TL_OP_NODIFF | TL_OP_FUNCTION, ONE, NULL, NULL },
  { "empty", "size:S..." MAKE, "memory as it comes: any values", sized_forward, NULL, TL_OP_NODIFF | TL_OP_FUNCTION,
    NOTHING, NULL,
    NULL },
  { "full", "size:S fill_value:N" MAKE, "a number everywhere; its kind gives the dtype (integers int64, booleans bool)",
    full_forward, NULL, TL_OP_NODIFF | TL_OP_FUNCTION, 0, NULL, NULL },
  { "empty_strided", "size:S stride:I" MAKE, "memory as it comes, with the strides given (in elements)",
    empty_strided_forward,
    NULL, TL_OP_NODIFF | TL_OP_FUNCTION, 0, NULL, NULL },
  { "new_zeros", "self:T size:S..." MAKE, "zeros of the dtype and device of self", new_forward, NULL,
    TL_OP_NODIFF | TL_OP_METHOD, ZERO, NULL, NULL },
  { "new_ones", "self:T size:S..." MAKE, "ones of the dtype and device of self", new_forward, NULL,
    TL_OP_NODIFF | TL_OP_METHOD, ONE, NULL, NULL },
  { "new_empty", "self:T size:S..." MAKE, "memory as it comes, of the dtype and device of self", new_forward, NULL,
    TL_OP_NODIFF | TL_OP_METHOD, NOTHING, NULL, NULL },
  { "new_full", "self:T size:S fill_value:N" MAKE, "a number everywhere, of the dtype and device of self",
    new_full_forward, NULL,
    TL_OP_NODIFF | TL_OP_METHOD, 0, NULL, NULL },
  { "arange", "end:n" MAKE " | start:n end:n step:n=1" MAKE, "start, start + step, ... before end; integers make int64",
    arange_forward, NULL, TL_OP_NODIFF | TL_OP_FUNCTION, 0, NULL, NULL },
  { "linspace", "start:N end:N steps:i" MAKE, "`steps` values from start to end, both included", linspace_forward, NULL,
    TL_OP_NODIFF | TL_OP_FUNCTION, 0, NULL, NULL },
  { "eye", "n:i m:i?" MAKE, "ones on the diagonal of an (n, m) matrix of zeros; m is n when not given", eye_forward,
    NULL,
    TL_OP_NODIFF | TL_OP_FUNCTION, 0, NULL, NULL },
  TL_ROW_END
};

static tl_Tensor *like (int row, tl_Tensor *x) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_create_ops[row], 0);
  a.v[0].t = x;
  return tl_apply1(&a);
}

tl_Tensor *tl_zeros_like (tl_Tensor *x) { return like(ZEROS_LIKE, x); }
tl_Tensor *tl_ones_like (tl_Tensor *x) { return like(ONES_LIKE, x); }
