/*
** cmd.c -- from tensors to commands, and the one door to every kernel.
*/
#include <stdio.h>
#include <string.h>

#include "core/cmd.h"
#include "core/dtype.h"
#include "core/fail.h"
#include "core/plan.h"
#include "core/pool.h"
#include "core/shape.h"

/* a fault in words; one that a device found late names what was at work */
int tl_explain (tl_Device *d, int reason) {
  tl_Fault f = tl_here->env.fault;
  char late[160] = "";
  if (f.what) snprintf(late, sizeof late, " (in %s on %s)", f.what + (f.what[0] == '_'), d->name);
  tl_here->env.fault.what = NULL;
  switch (reason) {
    case TL_NOMEM: return tl_fault("not enough memory for a kernel's work");
    case TL_INTERRUPTED: return tl_fault("interrupted!");
    case TL_BADINDEX:
      if (f.dim < 0)
        return tl_fault("Target %lld is out of bounds (classes are 1 to %lld)%s", (long long)f.value, (long long)f.size, late);
      return tl_fault("index %lld is out of bounds for dimension %lld with size %lld%s%s", (long long)f.value,
                      (long long)f.dim + 1, (long long)f.size, f.value == 0 ? " (indices count from 1)" : "", late);
    case TL_ZERODIV: return tl_fault("ZeroDivisionError: integer division or modulo by zero%s", late);
    case TL_BADVALUE:
      if (f.size)
        return tl_fault("Expected p_in >= 0 && p_in <= 1 to be true, but a probability is %s%s", f.value > 0 ? "above 1" :
                        f.value < 0 ? "below 0" : "nan", late);
      if (f.what) return d->kind == 1 ? tl_fault("%s", f.what) : tl_fault("%s (on %s)", f.what, d->name);
      return tl_fault("a value is out of its range (%lld)%s", (long long)f.value, late);
    case TL_CANT: return tl_fault("device %s can't do this", d->name);
    default: return tl_fault("device %s: %s", d->name, d->why ? d->why(d) : "broken");
  }
}

int tl_run (tl_Device *d, tl_Cmd *cmd) {
  tl_Context *c = tl_here;
  int reason;
  if (TL_UNLIKELY(cmd->homes & ~(1u << d->kind)))        /* operations say it better; this is the last door */
    return tl_fault("Expected all tensors to be on the same device, but found at least two devices, %s and another!", d->name);
  if (TL_UNLIKELY(c->plan != NULL) && tl_plan_add(c->plan, d, cmd)) return -1;
  reason = d->run(d, cmd, &c->env);
  if (TL_UNLIKELY(reason == TL_NOMEM) && !c->plan) {     /* a kernel's work space: as tl_storage_new does for tensors */
    if (c->collect) c->collect(c->owner);
    if (d->trim) d->trim(d);
    reason = d->run(d, cmd, &c->env);
  }
  return TL_LIKELY(reason == TL_DONE) ? 0 : tl_explain(d, reason);
}

int tl_must (tl_Tensor *ok, const char *words) {
  tl_Cmd c;
  if (!ok) return -1;
  tl_cmd_init(&c, TL_MUST, 0, TL_b8, 0);
  tl_space(&c, 0, NULL, 0, 1, &ok, 0);
  c.p[0].u = (uint64_t)(uintptr_t)words;
  return tl_run(ok->storage->device, &c);
}

/* the host is about to wait for a device: is that wanted? */
static int may_wait (const char *what, tl_Device *d) {
  tl_Context *c = tl_here;
  char text[200];
  if (TL_LIKELY(!c->sync_mode) || d->kind == 1) return 0;
  snprintf(text, sizeof text, "%s: called a synchronizing CUDA operation", what);
  if (c->sync_mode > 1) return tl_fault("%s", text);
  if (c->warn) c->warn(c->owner, text);
  return 0;
}

int tl_wait (const char *what, tl_Device *d) {
  int reason = may_wait(what, d) ? -1 : d->sync ? d->sync(d, &tl_here->env) : TL_DONE;
  return reason > 0 ? tl_explain(d, reason) : reason;
}

/* bytes from the device's memory to the host's, after all that was queued before */
static int bring (const char *what, tl_Device *d, void *to, const void *from, size_t bytes) {
  int reason;
  if (d->kind == 1) { memcpy(to, from, bytes); return 0; }
  if (may_wait(what, d)) return -1;
  reason = d->move(d, to, from, bytes, TL_MOVE_OUT, &tl_here->env);
  return reason ? tl_explain(d, reason) : 0;
}

void tl_cmd_init (tl_Cmd *c, int verb, int op, int dtype, int nout) {
  c->verb = (uint8_t)verb;
  c->op = (uint16_t)op;
  c->dtype = c->out = (uint8_t)dtype;
  c->nout = (uint8_t)nout;
  c->narg = c->ndim = c->keep = c->homes = 0;
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
  c->homes |= (uint8_t)(1u << t->storage->device->kind);
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

/* packed bytes between two devices; `later`: pinned host memory need not have arrived, or been read, on return */
static int carry (tl_Tensor *to, tl_Tensor *from, size_t bytes) {
  tl_Device *there = to->storage->device, *here = from->storage->device;
  int later = tl_here->later && tl_storage_is_pinned((here->kind == 1 ? from : to)->storage) ? TL_MOVE_LATER : 0, reason;
  if (here->kind == 1) {
    reason = there->move(there, tl_data(to), tl_data(from), bytes, TL_MOVE_IN + later, &tl_here->env);
    return reason ? tl_explain(there, reason) : 0;
  }
  if (there->kind != 1) {                                /* from card to card */
    if (tl_wait("copy_", there) || tl_wait("copy_", here)) return -1;
    reason = here->move(here, tl_data(to), tl_data(from), bytes, TL_MOVE_WITHIN, &tl_here->env);
    return reason ? tl_explain(here, reason) : tl_wait("copy_", here);
  }
  if (!later) return bring("copy_", here, tl_data(to), tl_data(from), bytes);
  reason = here->move(here, tl_data(to), tl_data(from), bytes, TL_MOVE_OUT + later, &tl_here->env);
  return reason ? tl_explain(here, reason) : 0;
}

static int copy_across (tl_Tensor *to, tl_Tensor *from) {
  tl_Device *there = to->storage->device, *here = from->storage->device;
  tl_Tensor *packed, *landed;
  size_t bytes = (size_t)tl_numel(to) * tl_width[to->dtype];
  if (tl_here->plan) return tl_fault("copy_: a copy between devices can't stand inside a captured step");
  if (!tl_same_sizes(to, from)) {
    tl_Tensor *full = tl_new(here, from->dtype, to->ndim, to->size);
    if (!full || tl_copy(full, from)) return -1;
    from = full;
  }
  packed = tl_contiguous(tl_cast(from, to->dtype));
  if (!packed) return -1;
  landed = to->flags & TL_PLAIN ? to : tl_new(there, to->dtype, to->ndim, to->size);
  if (!landed || carry(landed, packed, bytes)) return -1;
  return landed == to ? 0 : tl_copy(to, landed);
}

tl_Tensor *tl_apart (const tl_Tensor *to, tl_Tensor *from) {
  if (!tl_share_memory(to, from)) return from;
  if (!tl_is_dense(to) || !tl_is_dense(from)) return tl_clone(from);
  return tl_fail("unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
                 "memory location. Please clone() the tensor before performing the operation.");
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
  if (tl_same_place(to, from)) return 0;
  from = tl_apart(to, from);
  if (!from) return -1;
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
  return bring(what, d, to, tl_data(x), bytes);
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
