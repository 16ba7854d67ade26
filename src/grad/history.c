/*
** history.c -- what a tensor knows of its past: the node it comes from, whether a gradient is wanted,
** where gradients are kept, and saved tensors, whose past is put back when they are read.
*/
#include <stdio.h>
#include <stdlib.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "grad/history.h"

/* retain_grad is a hook like any other; its owner keeps the gradient */
typedef struct Retained { tl_Tensor *grad; } Retained;

static int keep_gradient (void *owner, int result, tl_Tensor **g) {
  Retained *r = owner;
  tl_Tensor *sum;
  (void)result;
  if (r->grad) sum = tl_calculus.add(r->grad, *g);
  else sum = tl_here->grad_mode ? *g : tl_clone(*g);
  if (!sum) return -1;
  tl_retain(sum);
  tl_release(r->grad);
  r->grad = sum;
  return 0;
}

static void drop_gradient (void *owner) {
  tl_release(((Retained *)owner)->grad);
  free(owner);
}

int tl_hook_retains (const tl_Hook *h) { return h->call == keep_gradient; }

static tl_Hook *retained (tl_Node *n, int result) {
  tl_Hook *h = n ? n->hooks : NULL;
  while (h && !(tl_hook_retains(h) && h->result == result && h->id >= 0)) h = h->next;
  return h;
}

/* t gets another past: its retained gradient goes along */
static void move_retained (tl_Tensor *t, tl_Node *to, int result) {
  tl_Hook *h = retained(t->node, t->result), **at;
  if (!h) return;
  for (at = &t->node->hooks; *at != h; ) at = &(*at)->next;
  *at = h->next;
  h->next = NULL;
  h->result = result;
  for (at = &to->hooks; *at; ) at = &(*at)->next;
  *at = h;
}

/* the header gives up its node: nobody can ask for its gradients any more (this opens the cycle that create_graph
   makes of a leaf, its gradient and the gradient's history) */
void tl_node_drop (tl_Node *n, tl_Tensor *t) {
  if (n->variable == t) {
    tl_Tensor *g = n->grad[0];
    n->variable = NULL;
    n->grad[0] = NULL;
    tl_release(g);
  }
  if (t->flags & TL_RETAINS_GRAD) {
    tl_Hook *h = retained(n, t->result);
    if (h) tl_unhook(n, h->id);
  }
  tl_node_release(n);
}

void tl_set_node (tl_Tensor *t, tl_Node *n, int result) {
  tl_Node *old = t->node;
  if (TL_LIKELY(!old && n)) {                            /* a fresh result */
    n->refs++;
    t->node = n;
    t->result = (uint8_t)result;
    if (t->storage) t->seen = t->storage->version;
    return;
  }
  if (TL_UNLIKELY(t->flags & TL_RETAINS_GRAD && n && old && old != n)) move_retained(t, n, result);
  if (old != n) {
    uint8_t flags = t->flags;
    tl_node_retain(n);
    t->node = n;
    t->flags &= (uint8_t)~TL_RETAINS_GRAD;               /* moved already */
    if (old) tl_node_drop(old, t);
    t->flags = flags;
  }
  t->result = (uint8_t)result;
  if (t->storage) t->seen = t->storage->version;
}

/* the base was written, directly or through a sister view: the view's past is now a piece of the base's */
static void renew (tl_Tensor *t) {
  tl_Context *c = tl_here;
  tl_Edge b = tl_edge(t->base);
  tl_Geometry where;
  tl_Tensor *piece;
  size_t mark = tl_mark();
  uint8_t mode = c->grad_mode;
  if (!b.node) {
    if (t->node && !(t->node->flags & TL_NODE_LEAF)) tl_set_node(t, NULL, 0);
    t->seen = t->storage->version;
    return;
  }
  tl_geometry(t, &where);
  c->grad_mode = 1;
  piece = tl_calculus.as_strided(t->base, &where);
  c->grad_mode = mode;
  if (piece) tl_set_node(t, piece->node, piece->result);
  tl_drain(mark);
}

tl_Node *tl_node (tl_Tensor *t) {
  if (TL_UNLIKELY(t->base != NULL) && t->seen != t->storage->version && !(t->flags & TL_VIEW_NOGRAD)) renew(t);
  return t->node;
}

static int node_wants (const tl_Node *n) { return n && (n->flags & (TL_NODE_LEAF | TL_NODE_WANTS)) != TL_NODE_LEAF; }

tl_Edge tl_edge (tl_Tensor *t) {
  tl_Edge e = { NULL, 0 };
  tl_Node *n;
  if (!t || !(t->node || t->base)) return e;
  n = tl_node(t);
  if (node_wants(n) && tl_is_float(t->dtype)) {
    e.node = n;
    e.result = t->result;
  }
  return e;
}

int tl_requires_grad (tl_Tensor *t) { return tl_edge(t).node != NULL; }

int tl_wants (tl_Tensor *t) { return tl_here->grad_mode && tl_edge(t).node != NULL; }

int tl_is_leaf (tl_Tensor *t) {
  tl_Node *n = tl_node(t);
  return !n || n->flags & TL_NODE_LEAF;
}

/* a bare node for t, which keeps t's gradient */
static tl_Node *leaf_of (tl_Tensor *t) {
  tl_Node *n = tl_node(t);
  if (n) return n;
  n = tl_node_leaf();
  if (!n) return NULL;
  tl_set_node(t, n, 0);
  tl_node_release(n);
  n->variable = t;
  return n;
}

int tl_set_requires_grad (tl_Tensor *t, int on) {
  tl_Node *n = tl_node(t);
  if (n && !(n->flags & TL_NODE_LEAF)) {
    if (on) return 0;
    return tl_fault("you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                    "in a subgraph that doesn't require differentiation use var_no_grad = var:detach().");
  }
  if (!on) {
    if (n) n->flags &= (uint8_t)~TL_NODE_WANTS;
    return 0;
  }
  if (!tl_is_float(t->dtype) || t->flags & TL_WRAPPED)
    return tl_fault("only Tensors of floating point dtype can require gradients");
  if (t->flags & TL_INFERENCE && !tl_here->inference)
    return tl_fault("Setting requires_grad=true on inference tensor outside InferenceMode is not allowed.");
  n = leaf_of(t);
  if (!n) return -1;
  n->flags |= TL_NODE_WANTS;
  return 0;
}

tl_Tensor *tl_grad_of (tl_Tensor *t) {
  tl_Node *n = t->node ? tl_node(t) : NULL;
  tl_Hook *h;
  if (!n) return NULL;
  if (n->flags & TL_NODE_LEAF) return n->grad[0];
  h = t->flags & TL_RETAINS_GRAD ? retained(n, t->result) : NULL;
  return h ? ((Retained *)h->owner)->grad : NULL;
}

int tl_set_grad (tl_Tensor *t, tl_Tensor *g) {
  tl_Node *n = tl_node(t);
  tl_Tensor **at;
  char want[256], got[256];
  if (n && !(n->flags & TL_NODE_LEAF)) {
    tl_Hook *h = retained(n, t->result);
    if (!h) return g ? tl_fault("the grad of a result can't be set; call retain_grad() on it first, or detach it") : 0;
    at = &((Retained *)h->owner)->grad;
  }
  else {
    if (!n && !g) return 0;
    n = leaf_of(t);
    if (!n) return -1;
    at = &n->grad[0];
  }
  if (g) {
    if (g == t) return tl_fault("can't assign Variable as its own grad");
    if (!tl_same_sizes(t, g))
      return tl_fault("attempting to assign a gradient of size '%s' to a tensor of size '%s'. Please ensure that the "
                      "gradient and the tensor are the same size", tl_show_sizes(got, g->ndim, g->size),
                      tl_show_sizes(want, t->ndim, t->size));
    if (t->dtype != g->dtype)
      return tl_fault("attempting to assign a gradient with dtype '%s' to a tensor with dtype '%s'. The gradient must "
                      "match the tensor's dtype", tl_dtype_name[g->dtype], tl_dtype_name[t->dtype]);
    if (tl_device_of(t) != tl_device_of(g)) return tl_fault("assigned grad has data located on a different device");
  }
  tl_retain(g);
  tl_release(*at);
  *at = g;
  return 0;
}

int tl_retain_grad (tl_Tensor *t) {
  tl_Edge e = tl_edge(t);
  tl_Hook h = { .call = keep_gradient, .drop = drop_gradient };
  if (!e.node) return tl_fault("can't retain_grad on Tensor that has requires_grad=false");
  if (e.node->flags & TL_NODE_LEAF || retained(e.node, e.result)) return 0;
  h.result = e.result;
  h.owner = tl_malloc(sizeof(Retained));
  if (!h.owner) return -1;
  ((Retained *)h.owner)->grad = NULL;
  if (tl_hook(e.node, &h) < 0) { free(h.owner); return -1; }
  t->flags |= TL_RETAINS_GRAD;
  return 0;
}

tl_Tensor *tl_detach (tl_Tensor *t) { return tl_alias(t); }

int tl_spent (void) {
  return tl_fault("Trying to backward through the graph a second time (or directly access saved tensors after they "
                  "have already been freed). Saved intermediate values of the graph are freed when you call backward() "
                  "or autograd.grad(). Specify retain_graph=true if you need to backward through the graph a second "
                  "time or if you need to access saved tensors after calling backward.");
}

tl_Tensor *tl_saved (tl_Node *n, int k) {
  tl_Saved *s = &n->saved[k];
  tl_Tensor *t = s->t;
  tl_Node *from = NULL;
  int result = 0;
  if (!t) {
    if (n->flags & TL_NODE_SPENT) tl_spent();
    return NULL;
  }
  if (s->from >= 0) {
    from = n->in[s->from].node;
    result = n->in[s->from].result;
  }
  else if (s->from != TL_FROM_CONSTANT) {
    from = n;
    result = -1 - s->from;
  }
  if (TL_UNLIKELY(t->storage && t->storage->version != s->version)) {
    char sizes[256], title[64], maker[96] = "";
    if (from && !(from->flags & TL_NODE_LEAF))
      snprintf(maker, sizeof maker, ", which is output %d of %s,", result, tl_node_title(from, title));
    return tl_fail("one of the variables needed for gradient computation has been modified by an inplace operation: "
                   "[%s %s]%s is at version %u; expected version %u instead.", tl_dtype_name[t->dtype],
                   tl_show_sizes(sizes, t->ndim, t->size), maker, (unsigned)t->storage->version, (unsigned)s->version);
  }
  t = tl_alias(t);
  if (t && from) tl_set_node(t, from, result);
  return t;
}
