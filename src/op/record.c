/*
** record.c -- the node of an operation that ran: edges to its inputs, what backward needs, and the
** sizes of those inputs whose gradient may arrive in another shape or dtype.
*/
#include <string.h>

#include "op/calls.h"
#include "op/record.h"

int tl_any_wants (const tl_Args *a) {
  for (unsigned left = (unsigned)(a->form->tensors | a->form->lists); left; left &= left - 1) {
    int k = __builtin_ctz(left);
    int list = a->form->lists >> k & 1, n = list ? a->v[k].n : 1;
    tl_Tensor *const *ts = list ? a->v[k].ts : &a->v[k].t;
    for (int i = 0; i < n; i++)
      if (ts[i] && tl_wants(ts[i])) return 1;
  }
  return 0;
}

int tl_record_plan (tl_Args *a, tl_Record *r) {
  unsigned all = (unsigned)(a->form->tensors | a->form->lists);
  int n = tl_input(a, TL_MAXPARAM), at = 0;
  r->in = r->few;
  if (n > TL_RECORD_FEW && !(r->in = tl_scratch((size_t)n * sizeof *r->in))) return -1;
  r->n = n;
  for (; all; all &= all - 1) {
    int k = __builtin_ctz(all);
    int list = a->form->lists >> k & 1, count = list ? a->v[k].n : 1;
    tl_Tensor *const *ts = list ? a->v[k].ts : &a->v[k].t;
    for (int i = 0; i < count; i++, at++) {
      tl_Input *in = &r->in[at];
      in->t = ts[i];
      in->edge.node = NULL;
      if (!ts[i] || !(ts[i]->node || ts[i]->base)) continue;
      if (TL_UNLIKELY(tl_check_read(ts[i]))) return -1;
      in->edge = tl_edge(ts[i]);
      if (!in->edge.node) continue;
      a->wants = 1;
      a->needs |= (uint64_t)1 << (at & 63);
    }
  }
  if (tl_here->failed) return -1;                        /* a view's history could not be renewed */
  if (!a->wants) return 0;
  if (!a->inplace && (!a->op->backward || a->op->flags & TL_OP_NODIFF)) {
    a->wants = 0;
    a->needs = 0;
    return 0;
  }
  if (a->inplace && tl_is_float(a->dest[0]->dtype) && tl_refuse_write(a->dest[0])) return -1;
  return 0;
}

/* an operation without a derivative wrote over its first input: nothing of the old value is left */
static int blank_backward (tl_Node *n, tl_Tensor **g) {
  return tl_needs(n, 0) ? tl_give(n, 0, tl_zeros_like(g[0])) : 0;
}

static int differs (const tl_Tensor *t, int dtype, int ndim, const int64_t *size) {
  if (t->dtype != dtype || t->ndim != ndim) return 1;
  for (int d = 0; d < ndim; d++)
    if (t->size[d] != size[d]) return 1;
  return 0;
}

/* what the node is called: PyTorch counts the forms of an operation in it */
static const char *node_name (const tl_Args *a) {
  const char *name = a->op->grad_name;
  int k = a->which;
  if (!name) return a->op->name;
  if (!(a->op->flags & TL_OP_NAMES)) return name;
  if (k == 0 && a->form->n > 1) {
    if (a->form->p[1].type == 'N') k = a->v[0].t->flags & TL_WRAPPED ? 2 : !(a->v[1].t->flags & TL_WRAPPED);
    else if (strcmp(a->form->p[1].name, "dim") == 0) k = a->v[1].given;
  }
  for (; k > 0; k--) name += strlen(name) + 1;
  return name;
}

/* ndim and size: of the first result */
static tl_Node *make_node (tl_Args *a, const tl_Record *r, int dtype, tl_Device *device, int ndim,
                           const int64_t *size) {
  const tl_Op *op = a->op;
  tl_Node *n;
  int origins = 0, nondiff = !op->backward || op->flags & TL_OP_NODIFF;
  for (int i = 0; i < r->n && !origins; i++)
    origins = r->in[i].edge.node && (differs(r->in[i].t, dtype, ndim, size) || r->in[i].t->storage->device != device);
  n = tl_node_new_with(node_name(a), nondiff ? blank_backward : op->backward, r->n, a->nout,
                       a->nsave, a->np, a->ni, origins);
  if (!n) return NULL;
  n->flags |= TL_NODE_WANTS;
  n->op = op;
  for (int i = 0; i < r->n; i++) {
    const tl_Input *in = &r->in[i];
    if (!in->edge.node) continue;
    n->in[i] = in->edge;
    tl_node_retain(in->edge.node);
    if (origins) {
      tl_Origin *o = &n->origin[i];
      o->ndim = in->t->ndim;
      o->dtype = in->t->dtype;
      o->device = in->t->storage->device;
      for (int d = 0; d < o->ndim; d++) o->size[d] = in->t->size[d];
    }
  }
  for (int k = 0; k < a->nsave; k++) {
    tl_Tensor *t = a->save[k].t;
    n->saved[k].from = a->save[k].from;
    n->saved[k].version = t && t->storage ? t->storage->version : 0;
    n->saved[k].t = tl_retain(tl_alias(t));
    if (t && !n->saved[k].t) { tl_node_release(n); return NULL; }
  }
  for (int k = 0; k < a->np; k++) n->p[k] = a->p[k];
  for (int k = 0; k < a->ni; k++) n->i[k] = a->i[k];
  return n;
}

static int is_input (const tl_Record *r, const tl_Tensor *t) {
  for (int i = 0; i < r->n; i++)
    if (r->in[i].t == t) return 1;
  return 0;
}

int tl_record (tl_Args *a, tl_Record *r) {
  tl_Tensor *y = a->out[0];
  tl_Node *n;
  int status = 0, any = 0;
  if (!y || a->list || tl_here->failed) return tl_here->failed ? -1 : 0;
  for (int j = 0; j < a->nout && !a->inplace; j++)       /* a result may be an input as it is: it has its history */
    any |= a->out[j] && tl_is_float(a->out[j]->dtype) && !is_input(r, a->out[j]);
  if (!any && !(a->inplace && tl_is_float(y->dtype))) return 0;
  n = make_node(a, r, y->dtype, tl_device_of(y), y->ndim, y->size);
  if (!n) return -1;
  if (a->inplace) status = tl_rebase(y, n);
  else
    for (int j = 0; j < a->nout; j++)
      if (a->out[j] && tl_is_float(a->out[j]->dtype) && !is_input(r, a->out[j])) tl_set_node(a->out[j], n, j);
  tl_node_release(n);
  return status;
}

int tl_record_view (tl_Args *a, tl_Record *r) {
  tl_Tensor *x = a->v[0].t;
  tl_Node *n = NULL;
  if (a->wants) {
    n = make_node(a, r, x->dtype, tl_device_of(x), a->geometry->ndim, a->geometry->size);
    if (!n) return -1;
  }
  if (a->inplace) {                                      /* t_(), squeeze_(): the same memory under other sizes */
    if (a->wants && tl_is_leaf(x)) {
      tl_node_release(n);
      return tl_fault("a leaf Variable that requires grad is being used in an in-place operation.");
    }
    tl_set_geometry(x, a->geometry);
    if (n) tl_set_node(x, n, 0);
    a->out[0] = x;
  }
  else a->out[0] = tl_view_of(x, a->geometry, n);
  tl_node_release(n);
  return a->out[0] ? 0 : -1;
}
