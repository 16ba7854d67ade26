/*
** apply.c -- the one way an operation runs: inputs, devices, in-place rules, forward, out=, node.
** Small operations pay for what they use: without an input that has a history only tl_apply itself
** runs, and nothing of the second half of this file.
*/
#include <string.h>

#include "op/calls.h"
#include "op/record.h"

void tl_args (tl_Args *a, const tl_Op *op, int form) {
  const tl_Form *f = &tl_op_spec(op)->form[form];
  a->op = op;
  a->form = f;
  a->which = (uint8_t)form;
  a->inplace = a->wants = 0;
  a->nout = f->nout;
  a->nsave = a->np = a->ni = 0;
  a->needs = 0;
  for (int k = 0; k < f->n; k++) a->v[k] = f->p[k].value;
  for (int j = 0; j < 2 || j < f->nout; j++) a->dest[j] = a->out[j] = NULL;
  a->list = NULL;
  a->nlist = 0;
  a->geometry = NULL;
}

/* an input that isn't there: allowed where the row says so, unless it is missing because something failed */
static int may_miss (const tl_Args *a, int k) {
  if (tl_here->failed) return 0;
  if (a->form->p[k].optional || a->form->p[k].type == 'X') return 1;
  tl_fail("%s: argument '%s' is missing", a->op->name, a->form->p[k].name);
  return 0;
}

static int two_devices (const tl_Device *a, const tl_Device *b) {
  return tl_fault("Expected all tensors to be on the same device, but found at least two devices, %s and %s!",
                  a->name, b->name);
}

/*
** A 0-d tensor of the host may stand beside tensors of a device: it goes there first, as in PyTorch.  Not what
** is written.  0, or -1 with the refusal of any other mixture.
*/
static int gather_devices (tl_Args *a, const tl_Device *first, const tl_Device *second) {
  tl_Device *d = (tl_Device *)(first->kind == 1 ? second : first);
  int moved = 0;
  for (unsigned left = (unsigned)a->form->tensors; left; left &= left - 1) {
    int k = __builtin_ctz(left);
    tl_Tensor *t = a->v[k].t;
    if (!t || !t->storage || t->storage->device == d) continue;
    if (t->ndim || t->storage->device->kind != 1 || (k == 0 && a->inplace)) return two_devices(first, second);
    if (!(a->v[k].t = tl_op_to_device(t, d))) return -1;
    moved = 1;
  }
  return moved ? 0 : two_devices(first, second);
}

/* 1 when some input may have a history, 0 when none has, -1 when the inputs won't do */
static int inspect (tl_Args *a) {
  tl_Device *device = NULL;
  int past = 0, mixed = a->op->flags & TL_OP_MIXED;
  for (unsigned left = (unsigned)(a->form->tensors | a->form->lists); left; left &= left - 1) {
    int k = __builtin_ctz(left);
    const tl_Value *v = &a->v[k];
    int list = a->form->lists >> k & 1, n = list ? v->n : 1;
    tl_Tensor *const *ts = list ? v->ts : &v->t;
    for (int i = 0; i < n; i++) {
      const tl_Tensor *t = ts[i];
      if (TL_UNLIKELY(!t)) {
        if (!may_miss(a, k)) return -1;
        continue;
      }
      past |= t->node || t->base;
      if (!t->storage) continue;
      if (TL_UNLIKELY(device && t->storage->device != device && !mixed))
        return gather_devices(a, device, t->storage->device) ? -1 : inspect(a);
      device = t->storage->device;
    }
  }
  for (int j = 0; device && !mixed && j < a->nout; j++)              /* and so must be what is written */
    if (a->dest[j] && a->dest[j]->storage->device != device) return two_devices(device, a->dest[j]->storage->device);
  return past;
}

static int no_out_grad (const tl_Args *a) {
  return tl_fault("%s(): functions with out=... arguments don't support automatic differentiation, but one of the "
                  "arguments requires grad.", a->op->name);
}

/* may the results be written where the caller wants them */
static int check_dest (tl_Args *a) {
  if (a->inplace) {
    a->dest[0] = a->v[0].t;
    if (a->op->flags & (TL_OP_VIEW | TL_OP_COMPOSITE)) return 0;       /* writes no values; what it calls checks */
    return a->dest[0] ? tl_check_write(a->op->name, a->dest[0]) : 0;
  }
  for (int j = 0; j < a->nout; j++) {
    tl_Tensor *d = a->dest[j];
    if (!d) continue;
    if (tl_wants(d)) return no_out_grad(a);
    if (tl_check_write(a->op->name, d)) return -1;
  }
  return 0;
}

/* out= takes the result's sizes: over its own memory when there is room, else it gets the result's */
static int adopt (tl_Tensor *d, tl_Tensor *o) {
  tl_Geometry g;
  if ((size_t)tl_numel(o) * tl_width[d->dtype] + (size_t)d->offset * tl_width[d->dtype] <= d->storage->bytes) {
    g.ndim = o->ndim;
    g.offset = d->offset;
    memcpy(g.size, o->size, sizeof g.size);
    tl_packed(o->ndim, o->size, g.stride);
    tl_set_geometry(d, &g);
    return tl_copy(d, o);
  }
  o = tl_cast(o, d->dtype);
  if (o && o->storage->device != d->storage->device) o = tl_to_device(o, d->storage->device);
  if (!o) return -1;
  tl_storage_retain(o->storage);
  tl_storage_release(d->storage);
  d->storage = o->storage;
  tl_geometry(o, &g);
  tl_set_geometry(d, &g);
  return 0;
}

/* result o ends up in d */
static int store (const tl_Args *a, tl_Tensor *d, tl_Tensor *o) {
  char left[256], right[256];
  if (!tl_can_cast(o->dtype, d->dtype))
    return tl_fault("result type %s can't be cast to the desired output type %s", tl_dtype_name[o->dtype],
                    tl_dtype_name[d->dtype]);
  if (!tl_same_sizes(d, o)) {
    if (!a->inplace) return adopt(d, tl_unwrap(o, tl_device_of(d)));
    return tl_fault("output with shape %s doesn't match the broadcast shape %s", tl_show_sizes(left, d->ndim, d->size),
                    tl_show_sizes(right, o->ndim, o->size));
  }
  return tl_copy(d, o);
}

static int settle (tl_Args *a) {
  int composed = a->inplace && a->op->flags & TL_OP_COMPOSITE;
  for (int j = 0; j < a->nout; j++) {
    tl_Tensor *d = a->dest[j], *o = a->out[j];
    if (!d) continue;
    a->out[j] = d;
    if (composed) {                                      /* what it called has written and recorded, or copy_ does */
      if (o && o != d && tl_copy_in(d, o)) return -1;
      continue;
    }
    if (o && o != d && store(a, d, o)) return -1;
    tl_touch(d);
  }
  return 0;
}

static int nothing (const tl_Args *a) {
  return tl_here->failed ? -1 : tl_fault("%s: it has no result", a->op->name);
}

int tl_apply (tl_Args *a) {
  tl_Context *c = tl_here;
  const tl_Op *op = a->op;
  int past = inspect(a), status, written;
  tl_Record record;
  if (TL_UNLIKELY(past < 0)) return -1;
  if (op->flags & TL_OP_INPLACE_ONLY) a->inplace = 1;
  c->env.what = op->name;
  written = a->inplace || a->dest[0] || a->dest[1];
  if (TL_UNLIKELY(written) && check_dest(a)) return -1;
  if (op->flags & TL_OP_COMPOSITE) {
    if (written && !a->inplace && past && c->grad_mode && tl_any_wants(a)) return no_out_grad(a);
    status = op->forward(a);
  }
  else {
    uint8_t mode = c->grad_mode;
    record.n = 0;
    if (past && mode && tl_record_plan(a, &record)) return -1;
    if (a->wants && written && !a->inplace) return no_out_grad(a);
    c->grad_mode = 0;
    status = op->forward(a);
    c->grad_mode = mode;
    if (!status && a->geometry) return tl_record_view(a, &record);
  }
  if (TL_UNLIKELY(status)) return nothing(a);
  if (TL_UNLIKELY(written) && settle(a)) return -1;
  if (TL_UNLIKELY(!a->out[0] && !a->list && a->nout)) return nothing(a);
  return a->wants && !(op->flags & TL_OP_COMPOSITE) ? tl_record(a, &record) : 0;
}

tl_Tensor *tl_apply1 (tl_Args *a) { return tl_apply(a) ? NULL : a->out[0]; }

/* What forwards call. */

int tl_input (const tl_Args *a, int k) {
  unsigned lists = a->form->lists, left = (a->form->tensors | lists) & ((1u << k) - 1);
  int n = 0;
  for (; left; left &= left - 1) n += lists && lists & left & -left ? a->v[__builtin_ctz(left)].n : 1;
  return n;
}

tl_Tensor *tl_result (tl_Args *a, int j, int dtype, int ndim, const int64_t *size) {
  tl_Tensor *d = a->dest[j];
  tl_Device *device = NULL;
  int fits = d && d->dtype == dtype && d->ndim == ndim && !memcmp(d->size, size, (size_t)ndim * sizeof *size);
  for (unsigned left = (unsigned)(a->form->tensors | a->form->lists); left; left &= left - 1) {
    int k = __builtin_ctz(left);
    int list = a->form->lists >> k & 1, n = list ? a->v[k].n : 1;
    tl_Tensor *const *ts = list ? a->v[k].ts : &a->v[k].t;
    for (int i = 0; i < n; i++) {
      tl_Tensor *t = ts[i];
      if (!t || !t->storage) continue;
      if (!device) device = t->storage->device;
      if (fits && t->storage->device != d->storage->device) fits = 0;
      if (fits && tl_share_memory(t, d) && !(a->inplace && k == 0 && t == d)) fits = 0;
      if (!fits && device) break;
    }
  }
  return fits ? d : tl_new(device ? device : tl_here->default_device, dtype, ndim, size);
}

int tl_keep (tl_Args *a, tl_Tensor *t, int from) {
  tl_Saved *s;
  if (!a->wants) return 0;
  if (a->nsave == sizeof a->save / sizeof *a->save) return tl_fault("%s: keeps too many tensors", a->op->name);
  if (t && t->flags & TL_INFERENCE && !(t->flags & TL_WRAPPED) && !tl_here->inference)
    return tl_fault("Inference tensors cannot be saved for backward. Please do not use Tensors created in inference "
                    "mode in computation tracked by autograd. To work around this, you can make a clone to get a "
                    "normal tensor and use it in autograd, or use `torch.no_grad()` instead of "
                    "`torch.inference_mode()`.");
  if (t && a->dest[0] && (from >= 0 || from == TL_FROM_CONSTANT) && t->storage && tl_share_memory(t, a->dest[0])) {
    t = tl_clone(t);                                     /* it is about to be overwritten */
    if (!t) return -1;
  }
  s = &a->save[a->nsave++];
  s->t = t;
  s->from = from;
  return 0;
}

void tl_keep_num (tl_Args *a, double x) {
  if (!a->wants) return;
  if (a->np == sizeof a->p / sizeof *a->p) tl_fail("%s: keeps too many numbers", a->op->name);
  else a->p[a->np++].f = x;
}

void tl_keep_int (tl_Args *a, int64_t i) { tl_keep_ints(a, 1, &i); }

void tl_keep_ints (tl_Args *a, int n, const int64_t *i) {
  if (!a->wants) return;
  if (a->ni + n > (int)(sizeof a->i / sizeof *a->i)) {
    tl_fail("%s: keeps too many integers", a->op->name);
    return;
  }
  for (int k = 0; k < n; k++) a->i[a->ni + k] = i[k];
  a->ni = (uint8_t)(a->ni + n);
}

double tl_double (const tl_Value *v) { return v->kind == 'f' ? v->f : (double)v->i; }

tl_Num tl_num (const tl_Value *v, int dtype) {
  tl_Num n;
  if (v->kind == 'f') n.f = v->f;
  else n.i = v->i;
  return tl_num_convert(n, v->kind == 'f' ? TL_f64 : v->kind == 'b' ? TL_b8 : TL_i64, dtype);
}

void *tl_scratch (size_t bytes) {
  int64_t n = bytes ? (int64_t)bytes : 1;
  tl_Tensor *t = tl_new(tl_cpu(), TL_u8, 1, &n);
  return t ? tl_data(t) : NULL;
}
