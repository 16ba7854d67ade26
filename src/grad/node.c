/*
** node.c -- nodes as objects: one block each, from a free list; freed by a worklist, never by
** recursion, so that a graph of any depth goes in constant stack.
*/
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "grad/history.h"

enum { SMALL = 256, WIDE = 512 };         /* bytes of the two kept sizes, the node itself included */

tl_Node *tl_node_new_with (const char *name, tl_Backward backward, int nin, int nout, int nsaved, int np, int ni,
                           int origins) {
  tl_Context *c = tl_here;
  tl_Node *n, **list = NULL;
  uint8_t kept = 0;
  size_t bytes;
  char *at;
  if (TL_UNLIKELY((unsigned)(nin | nsaved | np | ni) > UINT16_MAX || nout > UINT8_MAX))
    return tl_fail("%s: too many operands to record (%d)", name, nin);
  bytes = sizeof *n + (size_t)nin * sizeof(tl_Edge) + (size_t)nsaved * sizeof(tl_Saved) +
          (size_t)(np + ni) * sizeof(tl_Num) + ((size_t)nout + 1) * sizeof(tl_Tensor *);
  if (origins) bytes += (size_t)nin * sizeof(tl_Origin);
  if (bytes <= SMALL) { list = &c->free_nodes; bytes = SMALL; kept = TL_NODE_SMALL; }
  else if (bytes <= WIDE) { list = &c->free_wide; bytes = WIDE; kept = TL_NODE_WIDE; }
  if (list && *list && !c->fail_in) {
    n = *list;
    *list = n->next;
  }
  else {
    n = tl_malloc(bytes);
    if (!n) return NULL;
  }
  n->refs = 1;
  n->nout = (uint8_t)nout;
  n->flags = kept;
  n->nin = (uint16_t)nin;
  n->nsaved = (uint16_t)nsaved;
  n->np = (uint16_t)np;
  n->ni = (uint16_t)ni;
  n->mark = 0;
  n->sequence = ++c->sequence;
  n->name = name;
  n->backward = backward;
  n->op = NULL;
  n->drop = NULL;
  n->owner = NULL;
  at = (char *)(n + 1);
  n->in = (tl_Edge *)(void *)at;
  n->saved = (tl_Saved *)(void *)(at += (size_t)nin * sizeof(tl_Edge));
  n->p = (tl_Num *)(void *)(at += (size_t)nsaved * sizeof(tl_Saved));
  n->i = (int64_t *)(void *)(at += (size_t)np * sizeof(tl_Num));
  n->grad = (tl_Tensor **)(void *)(at += (size_t)ni * sizeof(int64_t));
  at += ((size_t)nout + 1) * sizeof(tl_Tensor *);        /* one more: what waits for a leaf */
  n->origin = origins ? (tl_Origin *)(void *)at : NULL;
  n->variable = NULL;
  n->hooks = NULL;
  n->next = NULL;
  for (int k = 0; k < nin; k++) {
    n->in[k].node = NULL;
    n->in[k].result = 0;
  }
  for (int k = 0; k < nsaved; k++) n->saved[k].t = NULL;
  for (int k = 0; k <= nout; k++) n->grad[k] = NULL;
  c->nodes++;
  return n;
}

tl_Node *tl_node_new (const char *name, tl_Backward backward, int nin, int nout, int nsaved, int np, int ni) {
  return tl_node_new_with(name, backward, nin, nout, nsaved, np, ni, 0);
}

tl_Node *tl_node_leaf (void) {
  tl_Node *n = tl_node_new("leaf", NULL, 0, 1, 0, 0, 0);
  if (!n) return NULL;
  n->flags |= TL_NODE_LEAF;
  tl_here->leaves++;
  return n;
}

void tl_node_retain (tl_Node *n) { if (n) n->refs++; }

void tl_node_clear (tl_Node *n) {
  for (int k = 0; k < n->nsaved; k++) {
    tl_Tensor *t = n->saved[k].t;
    n->saved[k].t = NULL;
    if (t) tl_release(t);
  }
  for (int k = 0; k < n->nin; k++) {
    tl_Node *from = n->in[k].node;
    n->in[k].node = NULL;
    if (from) tl_node_release(from);
  }
  if (n->drop) {
    void (*drop) (tl_Node *) = n->drop;
    n->drop = NULL;
    drop(n);
    n->owner = NULL;
  }
  n->flags |= TL_NODE_SPENT;
}

static void bury (tl_Context *c, tl_Node *n) {
  tl_node_clear(n);
  for (int k = 0; k <= n->nout; k++)
    if (TL_UNLIKELY(n->grad[k] != NULL)) tl_release(n->grad[k]);
  while (n->hooks) {
    tl_Hook *h = n->hooks;
    n->hooks = h->next;
    if (h->drop) h->drop(h->owner);
    free(h);
  }
  c->nodes--;
  c->leaves -= (n->flags & TL_NODE_LEAF) != 0;
  if (n->flags & TL_NODE_SMALL) {
    n->next = c->free_nodes;
    c->free_nodes = n;
  }
  else if (n->flags & TL_NODE_WIDE) {
    n->next = c->free_wide;
    c->free_wide = n;
  }
  else free(n);
}

/* what a dying node lets go of is put on the list of the one loop that is already at work */
void tl_node_release (tl_Node *n) {
  tl_Context *c = tl_here;
  tl_Node *list;
  if (!n || --n->refs > 0) return;
  if (c->grave) {
    n->next = *c->grave;
    *c->grave = n;
    return;
  }
  list = n;
  n->next = NULL;
  c->grave = &list;
  while (list) {
    n = list;
    list = n->next;
    bury(c, n);
  }
  c->grave = NULL;
}

void tl_node_flush (tl_Context *c) {
  tl_Node **list[] = { &c->free_nodes, &c->free_wide };
  for (int k = 0; k < 2; k++)
    while (*list[k]) {
      tl_Node *n = *list[k];
      *list[k] = n->next;
      free(n);
    }
}

const char *tl_node_title (const tl_Node *n, char buffer[static 64]) {
  const char *s = n->name;
  size_t k = 0;
  int upper = 1;
  if (n->flags & TL_NODE_LEAF) return "AccumulateGrad";
  if (isupper((unsigned char)*s)) {       /* given whole */
    snprintf(buffer, 64, "%s", s);
    return buffer;
  }
  for (; *s && k < 50; s++) {
    if (*s == '_' || *s == '.') { upper = 1; continue; }
    buffer[k++] = (char)(upper ? toupper((unsigned char)*s) : *s);
    upper = 0;
  }
  snprintf(buffer + k, 64 - k, "Backward0");
  return buffer;
}

/* Hooks. */

int tl_hook (tl_Node *n, const tl_Hook *like) {
  tl_Hook *h = tl_malloc(sizeof *h), **at = &n->hooks;
  if (!h) return -1;
  *h = *like;
  h->next = NULL;
  h->id = (int32_t)(++tl_here->sequence & INT32_MAX);
  while (*at) at = &(*at)->next;
  *at = h;
  return h->id;
}

static void sweep (tl_Node *n) {
  tl_Hook **at = &n->hooks;
  while (*at) {
    tl_Hook *h = *at;
    if (h->id >= 0) { at = &h->next; continue; }
    *at = h->next;
    if (h->drop) h->drop(h->owner);
    free(h);
  }
}

/* a hook may take itself or others away while hooks run: those go afterwards */
void tl_unhook (tl_Node *n, int id) {
  if (id < 0) return;
  for (tl_Hook *h = n->hooks; h; h = h->next)
    if (h->id == id) h->id = -1;
  if (!(n->flags & TL_NODE_HOOKING)) sweep(n);
}

void tl_node_drop_hooks (tl_Node *n) {
  for (tl_Hook *h = n->hooks; h; h = h->next)
    if (!tl_hook_retains(h)) h->id = -1;
  if (!(n->flags & TL_NODE_HOOKING)) sweep(n);
}

int tl_node_call_hooks (tl_Node *n, int after, tl_Tensor **g) {
  int outer = n->flags & TL_NODE_HOOKING, status = 0;
  n->flags |= TL_NODE_HOOKING;
  for (int late = 0; late < 2 && !status; late++)        /* retain_grad sees what all others left */
    for (tl_Hook *h = n->hooks; h && !status; h = h->next) {
      if (h->id < 0 || h->after != after || tl_hook_retains(h) != late) continue;
      if (h->result >= n->nout || !g[h->result]) continue;
      status = h->call(h->owner, h->result, &g[h->result]);
    }
  if (!outer) {
    n->flags &= (uint8_t)~TL_NODE_HOOKING;
    sweep(n);
  }
  return status;
}
