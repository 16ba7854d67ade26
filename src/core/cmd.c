/*
** cmd.c -- from tensors to commands, and the one door to every kernel.
*/
#include <string.h>

#include "core/cmd.h"
#include "core/dtype.h"
#include "core/fail.h"
#include "core/plan.h"
#include "core/pool.h"
#include "core/shape.h"

static int explain (tl_Device *d, int reason) {
  const tl_Fault *f = &tl_here->env.fault;
  switch (reason) {
    case TL_NOMEM: return tl_fault("not enough memory for a kernel's work");
    case TL_INTERRUPTED: return tl_fault("interrupted!");
    case TL_BADINDEX:
      if (f->dim < 0)
        return tl_fault("Target %lld is out of bounds (classes are 1 to %lld)", (long long)f->value, (long long)f->size);
      if (f->value == 0)
        return tl_fault("index 0 is out of bounds for dimension %lld with size %lld (indices count from 1)",
                        (long long)f->dim + 1, (long long)f->size);
      return tl_fault("index %lld is out of bounds for dimension %lld with size %lld", (long long)f->value,
                      (long long)f->dim + 1, (long long)f->size);
    case TL_ZERODIV: return tl_fault("ZeroDivisionError: integer division or modulo by zero");
    case TL_BADVALUE: return tl_fault("a value is out of its range (%lld)", (long long)f->value);
    case TL_CANT: return tl_fault("device %s can't do this", d->name);
    default: return tl_fault("device %s: %s", d->name, d->why ? d->why(d) : "broken");
  }
}

int tl_run (tl_Device *d, tl_Cmd *cmd) {
  tl_Context *c = tl_here;
  int reason;
  if (TL_UNLIKELY(c->plan != NULL) && tl_plan_add(c->plan, d, cmd)) return -1;
  reason = d->run(d, cmd, &c->env);
  return TL_LIKELY(reason == TL_DONE) ? 0 : explain(d, reason);
}

void tl_cmd_init (tl_Cmd *c, int verb, int op, int dtype, int nout) {
  c->verb = (uint8_t)verb;
  c->op = (uint16_t)op;
  c->dtype = c->out = (uint8_t)dtype;
  c->nout = (uint8_t)nout;
  c->narg = c->ndim = c->keep = c->unused = 0;
  c->flags = 0;
  c->more = NULL;
}

/* everything of an operand but its strides */
static void attach (tl_Cmd *c, int k, tl_Tensor *t) {
  tl_Arg *a = &c->arg[k];
  if (!t) {
    a->data = NULL;
    a->dtype = a->via = c->dtype;
    a->flags = TL_ARG_ABSENT;
    return;
  }
  a->flags = 0;
  if (t->flags & TL_WRAPPED) {
    a->num = t->number;
    a->dtype = tl_is_float(t->dtype) ? TL_f64 : TL_i64;
    a->via = a->dtype;
    a->flags = TL_ARG_NUMBER;
    return;
  }
  a->data = tl_data(t);
  a->dtype = a->via = t->dtype;
  if (TL_UNLIKELY(tl_here->plan != NULL)) tl_plan_pin(tl_here->plan, t->storage, k < c->nout);
}

void tl_operand (tl_Cmd *c, int k, tl_Tensor *t) {
  attach(c, k, t);
  if (k >= c->narg) c->narg = (uint8_t)(k + 1);
  for (int d = 0; t && d < t->ndim; d++) c->arg[k].stride[d] = t->stride[d] * tl_width[t->dtype];
}

/* is dim a of the space to stand left of (outside) dim b?  The first operand that moves along both decides. */
static int outside (const tl_Cmd *c, int64_t stride[TL_MAXARG][TL_MAXDIM], int a, int b) {
  for (int k = 0; k < c->narg; k++)
    if (stride[k][a] && stride[k][b] && stride[k][a] != stride[k][b]) return stride[k][a] > stride[k][b];
  return a < b;
}

/* sorts dims [from, to) into order[], then appends them to the command, merging neighbours */
static void lay_out (tl_Cmd *c, const int64_t *size, int64_t stride[TL_MAXARG][TL_MAXDIM], int from, int to, int fixed) {
  int order[TL_MAXDIM], n = 0, start = c->ndim;
  for (int d = from; d < to; d++) {
    int j = n;
    if (size[d] == 1 && !fixed) continue;
    for (; !fixed && j > 0 && outside(c, stride, d, order[j - 1]); j--) order[j] = order[j - 1];
    order[j] = d;
    n++;
  }
  for (int q = 0; q < n; q++) {
    int d = order[q], last = c->ndim - 1, merge = !fixed && c->ndim > start;
    for (int k = 0; merge && k < c->narg; k++)
      merge = c->arg[k].stride[last] == stride[k][d] * size[d];
    if (merge) c->size[last] *= size[d];
    else c->size[last = c->ndim++] = size[d];
    for (int k = 0; k < c->narg; k++) c->arg[k].stride[last] = stride[k][d];
  }
}

static void one_dim (tl_Cmd *c) {
  c->size[c->ndim] = 1;
  for (int k = 0; k < c->narg; k++) c->arg[k].stride[c->ndim] = tl_width[c->arg[k].dtype];
  c->ndim++;
}

void tl_space (tl_Cmd *c, int ndim, const int64_t *size, int keep, int n, tl_Tensor *const *t, int flags) {
  int64_t stride[TL_MAXARG][TL_MAXDIM];
  int fixed = flags & TL_SPACE_FIXED;
  c->narg = (uint8_t)n;
  for (int k = 0; k < n; k++) {
    int lead = t[k] ? ndim - t[k]->ndim : ndim;
    attach(c, k, t[k]);
    for (int d = 0; d < ndim; d++) {
      int e = d - lead;
      stride[k][d] = e < 0 || (t[k]->size[e] == 1 && size[d] != 1) ? 0 : t[k]->stride[e] * tl_width[t[k]->dtype];
    }
  }
  c->ndim = 0;
  lay_out(c, size, stride, 0, keep, fixed);
  c->keep = c->ndim;
  lay_out(c, size, stride, keep, ndim, fixed);
  /* a command walks at least one dim, and one with an inside has at least one dim there */
  if (c->ndim == 0 && keep == ndim) { one_dim(c); c->keep = 1; }
  else if (keep < ndim && c->ndim == c->keep) one_dim(c);
}

int tl_fill (tl_Tensor *t, tl_Num v, int dtype) {
  tl_Cmd c;
  if (!t) return -1;
  if (tl_numel(t) == 0) return 0;
  tl_cmd_init(&c, TL_FILL, 0, t->dtype, 1);
  tl_space(&c, t->ndim, t->size, t->ndim, 1, &t, 0);
  c.p[0] = tl_num_convert(v, dtype, t->dtype);
  return tl_run(t->storage->device, &c);
}

static int copy_across (tl_Tensor *to, tl_Tensor *from) {
  tl_Device *there = to->storage->device, *here = from->storage->device;
  tl_Tensor *packed, *landed;
  int64_t bytes = tl_numel(to) * tl_width[to->dtype];
  tl_Context *c = tl_here;
  if (c->plan) return tl_fault("copy_: a copy between devices can't stand inside a captured step");
  if (!tl_same_sizes(to, from)) {
    tl_Tensor *full = tl_new(here, from->dtype, to->ndim, to->size);
    if (!full || tl_copy(full, from)) return -1;
    from = full;
  }
  packed = tl_contiguous(tl_cast(from, to->dtype));
  if (!packed) return -1;
  landed = to->flags & TL_PLAIN ? to : tl_new(there, to->dtype, to->ndim, to->size);
  if (!landed) return -1;
  if (here->sync && here->sync(here, &c->env)) return explain(here, TL_BROKEN);
  if (here->kind == 1 ? there->move(there, tl_data(landed), tl_data(packed), (size_t)bytes, 0)
                      : here->move(here, tl_data(landed), tl_data(packed), (size_t)bytes, there->kind == 1 ? 1 : 2))
    return explain(here->kind == 1 ? there : here, TL_BROKEN);
  return landed == to ? 0 : tl_copy(to, landed);
}

int tl_copy (tl_Tensor *to, tl_Tensor *from) {
  tl_Cmd c;
  tl_Tensor *t[2];
  char a[256], b[256];
  if (!to || !from) return -1;
  if (!tl_can_expand(from->ndim, from->size, to->ndim, to->size))
    return tl_fault("copy_: a tensor of size %s can't be broadcast to %s", tl_show_sizes(a, from->ndim, from->size),
                    tl_show_sizes(b, to->ndim, to->size));
  if (tl_numel(to) == 0) return 0;
  if (from->flags & TL_WRAPPED) return tl_fill(to, from->number, from->dtype);
  if (from->storage->device != to->storage->device) return copy_across(to, from);
  if (tl_share_memory(to, from)) {
    if (tl_same_place(to, from)) return 0;
    from = tl_clone(from);
    if (!from) return -1;
  }
  t[0] = to;
  t[1] = from;
  tl_cmd_init(&c, TL_COPY, 0, to->dtype, 1);
  tl_space(&c, to->ndim, to->size, to->ndim, 2, t, 0);
  return tl_run(to->storage->device, &c);
}

tl_Tensor *tl_cast (tl_Tensor *x, int dtype) {
  tl_Tensor *y;
  if (!x || x->dtype == dtype) return x;
  if (x->flags & TL_WRAPPED) return tl_scalar(tl_num_convert(x->number, x->dtype, dtype), dtype);
  y = tl_new_like(x, dtype);
  return y && tl_copy(y, x) == 0 ? y : NULL;
}

tl_Tensor *tl_clone (tl_Tensor *x) {
  tl_Tensor *y = tl_new_like(x, x ? x->dtype : 0);
  return y && tl_copy(y, x) == 0 ? y : NULL;
}

tl_Tensor *tl_contiguous (tl_Tensor *x) {
  tl_Tensor *y;
  if (!x || tl_is_contiguous(x)) return x;
  y = tl_new(x->storage->device, x->dtype, x->ndim, x->size);
  return y && tl_copy(y, x) == 0 ? y : NULL;
}

tl_Tensor *tl_unwrap (tl_Tensor *x, tl_Device *d) {
  tl_Tensor *y;
  if (!x || !(x->flags & TL_WRAPPED)) return x;
  y = tl_new(d, x->dtype, 0, NULL);
  return y && tl_fill(y, x->number, x->dtype) == 0 ? y : NULL;
}

tl_Tensor *tl_zeros (tl_Device *d, int dtype, int ndim, const int64_t *size) {
  tl_Tensor *t = tl_new(d, dtype, ndim, size);
  return t && tl_fill(t, (tl_Num){ .i = 0 }, TL_i64) == 0 ? t : NULL;
}

tl_Tensor *tl_to_device (tl_Tensor *x, tl_Device *d) {
  tl_Tensor *y;
  if (!x || x->flags & TL_WRAPPED || x->storage->device == d) return x;
  y = tl_new(d, x->dtype, x->ndim, x->size);
  return y && tl_copy(y, x) == 0 ? y : NULL;
}

int tl_peek (const char *what, tl_Tensor *x, void *to) {
  tl_Context *c = tl_here;
  tl_Device *d;
  size_t bytes;
  if (!x) return -1;
  if (c->plan)
    return tl_fault("%s: its result depends on values that must be read; not inside a captured step", what);
  if (x->flags & TL_WRAPPED) x = tl_unwrap(x, tl_cpu());
  x = tl_contiguous(x);
  if (!x) return -1;
  d = x->storage->device;
  bytes = (size_t)tl_numel(x) * tl_width[x->dtype];
  if (bytes == 0) return 0;
  if (d->kind == 1) { memcpy(to, tl_data(x), bytes); return 0; }
  if (d->sync(d, &c->env) || d->move(d, to, tl_data(x), bytes, 1)) return explain(d, TL_BROKEN);
  return 0;
}

int tl_peek_number (const char *what, tl_Tensor *x, tl_Num *v) {
  union { float f; double d; uint8_t u8; int8_t i8; int16_t i16; int32_t i32; int64_t i64; } cell;
  if (!x) return -1;
  if (x->flags & TL_WRAPPED) { *v = x->number; return 0; }
  if (tl_numel(x) != 1)
    return tl_fault("%s: a Tensor with %lld elements cannot be converted to Scalar", what, (long long)tl_numel(x));
  if (x->dtype == TL_f16 || x->dtype == TL_bf16) x = tl_cast(x, TL_f32);
  if (!x || tl_peek(what, x, &cell)) return -1;
  switch (x->dtype) {
    case TL_f32: v->f = (double)cell.f; break;
    case TL_f64: v->f = cell.d; break;
    case TL_u8: case TL_b8: v->i = cell.u8; break;
    case TL_i8: v->i = cell.i8; break;
    case TL_i16: v->i = cell.i16; break;
    case TL_i32: v->i = cell.i32; break;
    default: v->i = cell.i64; break;
  }
  return 0;
}

void tl_touch (tl_Tensor *t) {
  if (t && t->storage) t->storage->version++;
}
