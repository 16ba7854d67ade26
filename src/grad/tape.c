/*
** tape.c -- backward: one flat loop over a heap of nodes by creation number.  A node is created after
** all it reads, so in descending order every node has all its gradients when its turn comes: no count
** of dependencies, no walk before.  Leaves wait until nobody can give to them any more, then take
** everything at once: the sum of this call is complete before it is added to x.grad.
**
** Gradients wait in the nodes (n->grad).  A backward inside a backward (hooks, custom functions) may
** meet nodes that wait for the outer one: it puts their gradients aside and puts them back at its end.
*/
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/shape.h"
#include "grad/history.h"

struct tl_Held { tl_Node *node; uint32_t mark; tl_Tensor **grad; };

static int grow (void **list, size_t count, size_t *capacity, size_t width) {
  size_t more = *capacity ? 2 * *capacity : 32;
  void *p;
  if (count < *capacity) return 0;
  p = tl_realloc(*list, more * width);
  if (!p) return -1;
  *list = p;
  *capacity = more;
  return 0;
}

/* The heap. */

static int heap_put (tl_Call *c, tl_Node *n) {
  size_t k = c->nheap;
  if (grow((void **)&c->heap, c->nheap, &c->heap_capacity, sizeof *c->heap)) return -1;
  for (; k > 0 && c->heap[(k - 1) / 2]->sequence < n->sequence; k = (k - 1) / 2) c->heap[k] = c->heap[(k - 1) / 2];
  c->heap[k] = n;
  c->nheap++;
  return 0;
}

static tl_Node *heap_take (tl_Call *c) {
  tl_Node *top = c->heap[0], *last = c->heap[--c->nheap];
  size_t k = 0;
  for (;;) {
    size_t child = 2 * k + 1;
    if (child >= c->nheap) break;
    if (child + 1 < c->nheap && c->heap[child + 1]->sequence > c->heap[child]->sequence) child++;
    if (c->heap[child]->sequence <= last->sequence) break;
    c->heap[k] = c->heap[child];
    k = child;
  }
  c->heap[k] = last;
  return top;
}

/* where gradients wait: a leaf's x.grad is grad[0], so what comes in is kept behind it */
static tl_Tensor **waiting (tl_Node *n) { return n->flags & TL_NODE_LEAF ? n->grad + 1 : n->grad; }

/* Giving. */

static int put_aside (tl_Call *c, tl_Node *n) {
  tl_Held *h;
  size_t bytes = n->nout * sizeof(tl_Tensor *);
  if (grow((void **)&c->held, c->nheld, &c->held_capacity, sizeof *c->held)) return -1;
  h = &c->held[c->nheld];
  h->grad = tl_malloc(bytes);
  if (!h->grad) return -1;
  h->node = n;
  h->mark = n->mark;
  memcpy(h->grad, waiting(n), bytes);
  memset(waiting(n), 0, bytes);
  n->flags &= (uint8_t)~TL_NODE_QUEUED;
  tl_node_retain(n);
  c->nheld++;
  return 0;
}

static int enqueue (tl_Call *c, tl_Node *n) {
  if (n->flags & TL_NODE_QUEUED && put_aside(c, n)) return -1;
  if (n->flags & TL_NODE_LEAF) {
    if (grow((void **)&c->leaf, c->nleaf, &c->leaf_capacity, sizeof *c->leaf)) return -1;
    c->leaf[c->nleaf++] = n;
  }
  else if (heap_put(c, n)) return -1;
  n->mark = c->id;
  n->flags |= TL_NODE_QUEUED;
  tl_node_retain(n);
  return 0;
}

/* held by the slot alone, and nobody else looks at its memory */
static int unshared (const tl_Tensor *t) { return t->refs == 1 && t->storage && t->storage->refs == 1; }

/* to = to + g, in place where nobody can see it and it needn't be recorded; *to and the result are references */
static int add_to (tl_Tensor **to, tl_Tensor *g) {
  tl_Tensor *old = *to, *sum, *in[2] = { old, g };
  tl_Num alpha = { .f = 1 };
  if (!tl_here->grad_mode && unshared(old) && old->flags & TL_PLAIN && old->dtype == g->dtype && tl_same_sizes(old, g))
    return tl_map(TL_add, 2, in, 1, &alpha, old) ? 0 : -1;
  sum = tl_calculus.add(old, g);
  if (!sum) return -1;
  *to = tl_retain(sum);
  tl_release(old);
  return 0;
}

int tl_call_push (tl_Node *n, int result, tl_Tensor *g) {
  tl_Call *c = tl_here->tape;
  tl_Tensor **slot;
  if (!c) return tl_fault("a gradient was given outside of backward");
  if (c->wanted && !tl_wanted_has(c->wanted, n)) return 0;
  if ((n->mark != c->id || !(n->flags & TL_NODE_QUEUED)) && enqueue(c, n)) return -1;
  slot = waiting(n) + result;
  if (*slot) return add_to(slot, g);
  *slot = tl_retain(g);
  return 0;
}

/* makes g fit for the input: its dtype, device and sizes */
static tl_Tensor *fit (const tl_Node *n, int i, const tl_Origin *o, tl_Tensor *g) {
  char got[256], want[256], title[64];
  if (g->dtype != o->dtype) g = tl_calculus.cast(g, o->dtype);
  if (g && g->storage->device != o->device) g = tl_calculus.to_device(g, o->device);
  if (!g || (g->ndim == o->ndim && !memcmp(g->size, o->size, o->ndim * sizeof *o->size))) return g;
  if (!tl_can_expand(o->ndim, o->size, g->ndim, g->size))
    return tl_fail("Function %s returned an invalid gradient at index %d - got %s but expected shape compatible with "
                   "%s",
                   tl_node_title(n, title), i + 1, tl_show_sizes(got, g->ndim, g->size),
                   tl_show_sizes(want, o->ndim, o->size));
  return tl_calculus.sum_to(g, o->ndim, o->size);
}

int tl_give (tl_Node *n, int i, tl_Tensor *g) {
  tl_Node *to = n->in[i].node;
  if (!g) return tl_here->failed ? -1 : 0;
  if (!to) return 0;
  if (TL_UNLIKELY(g->flags & TL_WRAPPED) && !(g = tl_unwrap(g, tl_device_of(g)))) return -1;
  if (n->origin && !(g = fit(n, i, &n->origin[i], g))) return -1;
  if (TL_UNLIKELY(n->next != NULL)) {                    /* the inner node of a copy-slices at work */
    tl_Redirect *r = (tl_Redirect *)n->next;
    if (r->keep[i]) return add_to(&r->keep[i], g);
    r->keep[i] = tl_retain(g);
    return 0;
  }
  return tl_call_push(to, n->in[i].result, g);
}

/* Leaves. */

/* t as a gradient of its own for x: x's layout, nobody else's memory.  A reference. */
static tl_Tensor *own_gradient (tl_Tensor *x, tl_Tensor *g) {
  tl_Tensor *mine;
  int64_t stride[TL_MAXDIM];
  int suits = g->storage != NULL;
  if (x && tl_is_dense(x)) tl_dense_strides_like(x, stride);
  else tl_packed(g->ndim, g->size, stride);
  for (int i = 0; i < g->ndim && suits; i++) suits = g->size[i] == 1 || g->stride[i] == stride[i];
  if (suits && unshared(g) && !tl_here->grad_mode) return tl_retain(g);
  if (tl_here->grad_mode) return tl_retain(unshared(g) ? g : tl_calculus.clone(g));    /* with its history */
  mine = tl_new_strided(g->storage->device, g->dtype, g->ndim, g->size, stride);
  if (!mine || tl_copy(mine, g)) return NULL;
  return tl_retain(mine);
}

static int accumulate (tl_Node *n, tl_Tensor *g) {
  tl_Tensor *old = n->grad[0], *sum, *in[2] = { old, g };
  tl_Num alpha = { .f = 1 };
  if (!n->variable) return 0;                            /* nobody can ask for it */
  if (!old) sum = own_gradient(n->variable, g);
  else if (!tl_here->grad_mode) {                        /* x.grad stays the same tensor */
    if (!tl_map(TL_add, 2, in, 1, &alpha, old)) return -1;
    tl_touch(old);
    return 0;
  }
  else sum = tl_retain(tl_calculus.add(old, g));
  if (!sum) return -1;
  n->grad[0] = sum;
  tl_release(old);
  return 0;
}

static int run_leaf (tl_Call *c, tl_Node *n) {
  size_t mark = tl_mark();
  tl_Tensor *g = n->grad[1];
  int status = 0;
  n->grad[1] = NULL;
  n->flags &= (uint8_t)~TL_NODE_QUEUED;
  if (!g) return 0;
  if (n->hooks) {
    if (!tl_pool(g)) return -1;
    status = tl_node_call_hooks(n, 0, &g);
    tl_retain(g);
  }
  if (!status && c->wanted) tl_wanted_take(c->wanted, n, &g);
  else if (!status) {
    if (n->hooks && g) tl_drain(mark);                   /* so that g may be stolen */
    status = g ? accumulate(n, g) : 0;
    if (!status && n->hooks && n->variable) {
      tl_Tensor *x = n->variable;
      status = tl_node_call_hooks(n, 1, &x);
    }
  }
  tl_release(g);
  tl_drain(mark);
  return status;
}

/* Nodes. */

static int runs (const tl_Call *c, const tl_Node *n) {
  if (!c->wanted) return 1;
  for (int i = 0; i < n->nin; i++)
    if (n->in[i].node && tl_wanted_has(c->wanted, n->in[i].node)) return 1;
  return 0;
}

/* what the graph no longer needs goes at once.  A leaf that only its tensor and this call hold can get no more. */
static int let_go (tl_Call *c, tl_Node *n) {
  int status = 0;
  for (int i = 0; i < n->nin; i++) {
    tl_Node *from = n->in[i].node;
    if (!from) continue;
    n->in[i].node = NULL;
    if (!status && from->flags & TL_NODE_LEAF && from->flags & TL_NODE_QUEUED && from->mark == c->id &&
        from->refs == 2 + (from->variable != NULL))
      status = run_leaf(c, from);
    tl_node_release(from);
  }
  tl_node_clear(n);
  if (n->hooks) tl_node_drop_hooks(n);                   /* never called again, and may hold what holds this node */
  return status;
}

/* are there saved tensors?  A node without any may be run again, as PyTorch allows */
static int remembers (const tl_Node *n) {
  return n->nsaved || (n->flags & TL_NODE_SLICES && n->owner && ((tl_Node *)n->owner)->nsaved);
}

static int run_node (tl_Call *c, tl_Node *n) {
  size_t mark = tl_mark();
  tl_Tensor *g[UINT8_MAX + 1];
  int status = 0, any = 0;
  n->flags &= (uint8_t)~TL_NODE_QUEUED;
  for (int j = 0; j < n->nout; j++) {
    g[j] = n->grad[j];
    n->grad[j] = NULL;
    if (g[j] && !tl_pool(g[j])) return -1;
    any |= g[j] != NULL;
  }
  if (n->hooks && any) status = tl_node_call_hooks(n, 0, g);
  if (!status && c->wanted) tl_wanted_take(c->wanted, n, g);
  if (!status && any && runs(c, n)) {
    if (n->flags & TL_NODE_SPENT) status = tl_spent();
    else {
      status = n->backward(n, g);
      if (status && !tl_here->failed) tl_fail("%s: its backward failed", n->name);
      if (!status && tl_here->failed) status = -1;
    }
    tl_drain(mark);
    if (!status && !c->keep && remembers(n)) status = let_go(c, n);
  }
  tl_drain(mark);
  return status;
}

/* Calls. */

void tl_call_open (tl_Call *c, int flags) {
  memset(c, 0, sizeof *c);
  c->outer = tl_here->tape;
  c->create = (flags & TL_CREATE_GRAPH) != 0;
  c->keep = c->create || flags & TL_RETAIN_GRAPH;
  c->id = (uint32_t)++tl_here->sequence;
  c->mode = tl_here->grad_mode;
  tl_here->grad_mode = (uint8_t)c->create;
  tl_here->tape = c;
}

int tl_call_root (int k, tl_Tensor *root, tl_Tensor *g) {
  tl_Edge e = tl_edge(root);
  tl_Origin o;
  char got[256], want[256];
  if (!e.node)
    return tl_here->failed ? -1
                           : tl_fault("element %d of tensors does not require grad and does not have a grad_fn", k);
  if (!g) {
    if (tl_numel(root) != 1) return tl_fault("grad can be implicitly created only for scalar outputs");
    g = tl_new_like(root, root->dtype);
    if (!g || tl_fill(g, (tl_Num){ .f = 1 }, TL_f64)) return -1;
  }
  else {
    if (g->flags & TL_WRAPPED && !(g = tl_unwrap(g, tl_device_of(root)))) return -1;
    if (!tl_same_sizes(root, g))
      return tl_fault("Mismatch in shape: grad_output[%d] has a shape of %s and output[%d] has a shape of %s.", k,
                      tl_show_sizes(got, g->ndim, g->size), k, tl_show_sizes(want, root->ndim, root->size));
    o.ndim = root->ndim;
    o.dtype = root->dtype;
    o.device = tl_device_of(root);
    memcpy(o.size, root->size, sizeof o.size);
    g = fit(e.node, k, &o, g);
    if (!g) return -1;
  }
  return tl_call_push(e.node, e.result, g);
}

int tl_call_run (tl_Call *c) {
  int status = 0;
  size_t next = 0;
  while (!status && (c->nheap || next < c->nleaf)) {
    tl_Node *n;
    if (TL_UNLIKELY(tl_here->stop)) return tl_fault("interrupted!");
    if (c->nheap) {
      n = heap_take(c);
      status = run_node(c, n);
      tl_node_release(n);
      continue;
    }
    n = c->leaf[next++];
    if (n->flags & TL_NODE_QUEUED && n->mark == c->id) status = run_leaf(c, n);
  }
  return status;
}

static void forget (tl_Node *n) {
  tl_Tensor **g = waiting(n);
  int count = n->flags & TL_NODE_LEAF ? 1 : n->nout;
  for (int j = 0; j < count; j++) {
    tl_release(g[j]);
    g[j] = NULL;
  }
  n->flags &= (uint8_t)~TL_NODE_QUEUED;
}

void tl_call_close (tl_Call *c) {
  for (size_t k = 0; k < c->nheap; k++) {                /* only after an error */
    forget(c->heap[k]);
    tl_node_release(c->heap[k]);
  }
  for (size_t k = 0; k < c->nleaf; k++) {
    if (c->leaf[k]->mark == c->id && c->leaf[k]->flags & TL_NODE_QUEUED) forget(c->leaf[k]);
    tl_node_release(c->leaf[k]);
  }
  while (c->nheld) {
    tl_Held *h = &c->held[--c->nheld];
    memcpy(waiting(h->node), h->grad, h->node->nout * sizeof(tl_Tensor *));
    h->node->mark = h->mark;
    h->node->flags |= TL_NODE_QUEUED;
    tl_node_release(h->node);
    free(h->grad);
  }
  free(c->heap);
  free(c->leaf);
  free(c->held);
  tl_here->grad_mode = c->mode;
  tl_here->tape = c->outer;
}

int tl_backward (int nroots, tl_Tensor *const *root, tl_Tensor *const *g, int flags) {
  tl_Call c;
  size_t mark = tl_mark();
  int status = 0;
  tl_call_open(&c, flags);
  for (int k = 0; k < nroots && !status; k++) status = root[k] ? tl_call_root(k, root[k], g ? g[k] : NULL) : -1;
  tl_drain(mark);
  if (!status) status = tl_call_run(&c);
  tl_call_close(&c);
  return status;
}
