/*
** inplace.c -- views, and writing into them.  A view knows its root (`base`) and the version its
** history was made for.  A write through a view gives the root a new last node, copy-slices: it runs
** the operation's own rule on the piece of the gradient that was written, and puts the answer back in
** place.  All views of the root are stale then and get a new history when they are asked for it
** (tl_node in history.c).  Two operations do all the work, as_strided and scatter: each is the other's
** derivative.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/shape.h"
#include "grad/history.h"

tl_Tensor *tl_view_of (tl_Tensor *x, const tl_Geometry *where, tl_Node *view_node) {
  tl_Context *c = tl_here;
  tl_Tensor *t;
  if (!x) return NULL;
  t = tl_alias_at(x, where);
  if (!t || !tl_is_float(x->dtype) || c->inference || x->flags & TL_INFERENCE) return t;
  t->flags |= x->flags & (TL_VIEW_NOGRAD | TL_VIEW_MULTI);
  if (!c->grad_mode) t->flags |= TL_VIEW_NOGRAD;
  if (!c->grad_mode && c->tape) return t;                /* inside backward: no base, so that gradients can be stolen */
  t->base = tl_retain(x->base ? x->base : x);
  t->seen = t->storage->version;
  if (view_node) tl_set_node(t, view_node, 0);
  return t;
}

/* a view whose history can't be followed through a write; `how` says which */
static int refuse (tl_Tensor *t, const char *how) {
  char made[64] = "a view", title[64];
  if (!(t->flags & (TL_VIEW_NOGRAD | TL_VIEW_MULTI))) return 0;
  if (t->node && !(t->node->flags & TL_NODE_LEAF))
    snprintf(made, sizeof made, "%.50s", tl_node_title(t->node, title));
  if (t->flags & TL_VIEW_NOGRAD)
    return tl_fault("A view was created in no_grad mode and %s modified inplace with grad mode enabled. Given that "
                    "this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving "
                    "both the view and the inplace either both inside the no_grad block (if you don't want the inplace "
                    "to be tracked) or both outside (if you want the inplace to be tracked).", how);
  return tl_fault("Output %d of %s is a view and %s modified inplace. This view is the output of a function that "
                  "returns multiple views. Such functions do not allow the output views to be modified inplace. You "
                  "should replace the inplace operation by an out-of-place one.", t->result, made, how);
}

int tl_refuse_write (tl_Tensor *t) { return refuse(t, "is being"); }

int tl_check_read (tl_Tensor *t) {
  if (TL_LIKELY(!t->base || !(t->flags & (TL_VIEW_NOGRAD | TL_VIEW_MULTI)) || t->seen == t->storage->version)) return 0;
  return tl_edge(t->base).node ? refuse(t, "its base or another view of its base has been") : 0;
}

/* fill and zero, with _ or without, may write an element more than once */
static int one_value (const char *op) { return !strncmp(op, "fill", 4) || !strncmp(op, "zero", 4); }

int tl_check_write (const char *op, tl_Tensor *t) {
  tl_Tensor *b = t->base ? t->base : t;
  tl_Node *n;
  if (t->flags & TL_WRAPPED) return tl_fault("%s: a number can't be changed in place", op);
  if (t->flags & TL_INFERENCE && !tl_here->inference)
    return tl_fault("Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to "
                    "get a normal tensor before doing inplace update.");
  if (!(t->flags & TL_PLAIN) && tl_overlaps_itself(t) && !one_value(op))
    return tl_fault("unsupported operation: more than one element of the written-to tensor refers to a single memory "
                    "location. Please clone() the tensor before performing the operation.");
  if (!tl_here->grad_mode || !(t->node || t->base)) return 0;
  n = tl_edge(b).node;
  if (n && t->base && tl_refuse_write(t)) return -1;
  if (n && n->flags & TL_NODE_LEAF)
    return tl_fault(t->base ? "a view of a leaf Variable that requires grad is being used in an in-place operation."
                            : "a leaf Variable that requires grad is being used in an in-place operation.");
  if (t->base) {
    n = tl_edge(t).node;
    if (n && n->flags & TL_NODE_LEAF)
      return tl_fault("a leaf Variable that requires grad is being used in an in-place operation.");
  }
  return 0;
}

/* Copy-slices.  Its integers are two geometries: where was written, and the root's. */

enum { GEOMETRY = 2 + 2 * TL_MAXDIM };

static void pack (int64_t *i, const tl_Geometry *g) {
  i[0] = g->ndim;
  i[1] = g->offset;
  memcpy(i + 2, g->size, sizeof g->size);
  memcpy(i + 2 + TL_MAXDIM, g->stride, sizeof g->stride);
}

static void unpack (const int64_t *i, tl_Geometry *g) {
  g->ndim = (int)i[0];
  g->offset = i[1];
  memcpy(g->size, i + 2, sizeof g->size);
  memcpy(g->stride, i + 2 + TL_MAXDIM, sizeof g->stride);
}

static int same_backward (tl_Node *n, tl_Tensor **g) { return tl_give(n, 0, g[0]); }

/* g in the memory layout of `like`; recorded */
static tl_Tensor *laid (tl_Tensor *g, const tl_Geometry *like) {
  tl_Tensor *t;
  tl_Edge e = tl_edge(g);
  int fits = 1;
  for (int d = 0; d < g->ndim; d++) fits &= g->size[d] == 1 || g->stride[d] == like->stride[d];
  if (fits) return g;
  t = tl_new_strided(g->storage->device, g->dtype, like->ndim, like->size, like->stride);
  if (!t || tl_copy(t, g)) return NULL;
  if (tl_here->grad_mode && e.node) {
    tl_Node *n = tl_node_new("clone", same_backward, 1, 1, 0, 0, 0);
    if (!n) return NULL;
    n->flags |= TL_NODE_WANTS;
    n->in[0] = e;
    tl_node_retain(e.node);
    tl_set_node(t, n, 0);
    tl_node_release(n);
  }
  return t;
}

/* the inner rule on the piece s; what it gives stays in r */
static int run_inner (tl_Node *f, tl_Tensor *s, tl_Redirect *r) {
  tl_Node *outer = f->next;
  int status;
  f->next = (tl_Node *)(void *)r;
  status = f->backward(f, &s);
  f->next = outer;
  return status;
}

static int slices_backward (tl_Node *c, tl_Tensor **g) {
  tl_Node *f = c->owner;
  tl_Redirect r = { c->nin, NULL };
  tl_Geometry at, base, here;
  tl_Tensor *whole, *piece, *back;
  int status;
  unpack(c->i, &at);
  unpack(c->i + GEOMETRY, &base);
  whole = laid(g[0], &base);
  if (!whole) return -1;
  here = at;
  here.offset = at.offset - base.offset + whole->offset;
  piece = tl_calculus.as_strided(whole, &here);
  r.keep = tl_malloc((size_t)c->nin * sizeof *r.keep);
  if (!r.keep) return -1;
  memset(r.keep, 0, (size_t)c->nin * sizeof *r.keep);
  status = piece ? run_inner(f, piece, &r) : -1;
  if (!status && c->in[0].node) {
    back = r.keep[0] ? r.keep[0] : tl_zeros(whole->storage->device, whole->dtype, at.ndim, at.size);
    back = tl_calculus.scatter(whole, back, &at, &base);
    status = back ? tl_call_push(c->in[0].node, c->in[0].result, back) : -1;
  }
  for (int i = 0; i < c->nin; i++) {
    if (!status && i > 0 && r.keep[i] && c->in[i].node)
      status = tl_call_push(c->in[i].node, c->in[i].result, r.keep[i]);
    tl_release(r.keep[i]);
  }
  free(r.keep);
  return status;
}

static void drop_inner (tl_Node *c) { tl_node_release(c->owner); }

int tl_rebase (tl_Tensor *t, tl_Node *f) {
  tl_Node *c;
  tl_Geometry where;
  tl_Tensor *b = t->base;
  if (!f) return 0;
  if (!b) {
    tl_set_node(t, f, 0);
    return 0;
  }
  c = tl_node_new("CopySlices", slices_backward, f->nin, 1, 0, 0, 2 * GEOMETRY);
  if (!c) return -1;
  c->flags |= TL_NODE_WANTS | TL_NODE_SLICES;
  c->in[0] = tl_edge(b);
  for (int i = 1; i < f->nin; i++) c->in[i] = f->in[i];
  for (int i = 0; i < f->nin; i++) tl_node_retain(c->in[i].node);
  tl_geometry(t, &where);
  pack(c->i, &where);
  tl_geometry(b, &where);
  pack(c->i + GEOMETRY, &where);
  c->owner = f;
  c->drop = drop_inner;
  tl_node_retain(f);
  tl_set_node(b, c, 0);
  tl_node_release(c);
  t->seen = t->storage->version - 1;                     /* its history is a piece of c's now */
  return 0;
}
