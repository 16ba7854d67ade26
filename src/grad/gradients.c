/*
** gradients.c -- gradients with respect to given tensors: a walk marks the nodes on the way to them,
** the tape runs only these, and hands over what arrives at an input instead of accumulating it.
*/
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "grad/history.h"

/* an open-addressed set of nodes; `input` is 1 + the first input that the node makes, chained by `next` */
typedef struct Entry { const tl_Node *node; int32_t input; } Entry;

struct tl_Wanted {
  Entry *entry;
  size_t count, capacity;        /* capacity is a power of two */
  int ninputs, spent;            /* spent: the walk met a node whose way on is gone */
  const tl_Edge *edge;           /* of the inputs */
  int32_t *next;                 /* 1 + the next input of the same node */
  tl_Tensor **out;               /* references, until tl_gradients pools them */
};

static Entry *find (const tl_Wanted *w, const tl_Node *n) {
  size_t k = ((uintptr_t)n >> 6) * 0x9E3779B97F4A7C15u >> 20 & (w->capacity - 1);
  while (w->entry[k].node && w->entry[k].node != n) k = (k + 1) & (w->capacity - 1);
  return &w->entry[k];
}

static Entry *insert (tl_Wanted *w, const tl_Node *n) {
  Entry *e;
  if (2 * (w->count + 1) > w->capacity) {
    tl_Wanted bigger = *w;
    bigger.capacity = w->capacity ? 2 * w->capacity : 64;
    bigger.entry = tl_malloc(bigger.capacity * sizeof *bigger.entry);
    if (!bigger.entry) return NULL;
    memset(bigger.entry, 0, bigger.capacity * sizeof *bigger.entry);
    for (size_t k = 0; k < w->capacity; k++)
      if (w->entry[k].node) *find(&bigger, w->entry[k].node) = w->entry[k];
    free(w->entry);
    *w = bigger;
  }
  e = find(w, n);
  if (!e->node) {
    e->node = n;
    w->count++;
  }
  return e;
}

int tl_wanted_has (const tl_Wanted *w, const tl_Node *n) { return find(w, n)->node != NULL; }

void tl_wanted_take (tl_Wanted *w, const tl_Node *n, tl_Tensor *const *g) {
  for (int32_t k = find(w, n)->input; k; k = w->next[k - 1]) {
    tl_release(w->out[k - 1]);
    w->out[k - 1] = tl_retain(g[w->edge[k - 1].result]);
  }
}

static int older (const void *a, const void *b) {
  const tl_Node *x = *(tl_Node *const *)a, *y = *(tl_Node *const *)b;
  return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* every node that the roots reach, then, oldest first, those that reach an input */
static int walk (tl_Wanted *w, int nroots, tl_Tensor *const *root) {
  tl_Wanted seen;
  const tl_Node **list = NULL;
  size_t count = 0, room = 0;
  int status = 0;
  memset(&seen, 0, sizeof seen);
  for (size_t at = 0, k = 0; !status; ) {                /* breadth first: the list is its own queue */
    const tl_Node *n;
    int nin;
    if (k < (size_t)nroots) { n = tl_edge(root[k++]).node; nin = 1; }
    else if (at < count) { n = list[at++]; nin = n->nin; }
    else break;
    for (int i = 0; i < nin && !status; i++) {
      const tl_Node *m = at == 0 ? n : n->in[i].node;
      size_t before = seen.count;
      if (!m) continue;
      if (m->flags & TL_NODE_SPENT) w->spent = 1;
      if (!insert(&seen, m)) status = -1;
      else if (seen.count > before) {
        if (count == room) {
          const tl_Node **more = tl_realloc(list, (room = room ? 2 * room : 64) * sizeof *list);
          if (!more) { status = -1; break; }
          list = more;
        }
        list[count++] = m;
      }
    }
  }
  if (!status && count) qsort(list, count, sizeof *list, older);
  for (size_t k = 0; k < count && !status; k++)
    for (int i = 0; i < list[k]->nin; i++) {
      const tl_Node *m = list[k]->in[i].node;
      if (!m || !tl_wanted_has(w, m)) continue;
      if (!insert(w, list[k])) status = -1;
      break;
    }
  free(seen.entry);
  free(list);
  return status;
}

static int solve (tl_Wanted *w, int nroots, tl_Tensor *const *root, tl_Tensor *const *g, tl_Tensor *const *input,
                  int flags) {
  tl_Call c;
  tl_Edge *edge = (tl_Edge *)w->edge;
  int status = 0;
  for (int k = 0; k < w->ninputs; k++) {
    Entry *e;
    edge[k] = input[k] ? tl_edge(input[k]) : (tl_Edge){ NULL, 0 };
    if (!edge[k].node)
      return tl_here->failed ? -1 : tl_fault("One of the differentiated Tensors does not require grad");
    e = insert(w, edge[k].node);
    if (!e) return -1;
    w->next[k] = e->input;
    e->input = k + 1;
  }
  if (walk(w, nroots, root)) return -1;
  tl_call_open(&c, flags);
  c.wanted = w;
  for (int k = 0; k < nroots && !status; k++) status = root[k] ? tl_call_root(k, root[k], g ? g[k] : NULL) : -1;
  if (!status) status = tl_call_run(&c);
  tl_call_close(&c);
  for (int k = 0; k < w->ninputs && !status; k++)
    if (!w->out[k] && w->spent) status = tl_spent();
    else if (!w->out[k] && !(flags & TL_ALLOW_UNUSED))
      status = tl_fault("The differentiated Tensor at index %d appears to not have been used in the graph. "
                        "Set allow_unused=true if this is the desired behavior.", k + 1);
  return status;
}

int tl_gradients (int nroots, tl_Tensor *const *root, tl_Tensor *const *g, int ninputs, tl_Tensor *const *input,
                  tl_Tensor **out, int flags) {
  tl_Wanted w;
  size_t n = (size_t)ninputs, mark = tl_mark();
  char *room = tl_malloc(n * (sizeof(tl_Edge) + sizeof(tl_Tensor *) + sizeof(int32_t)));
  int status;
  if (!room) return -1;
  if (ninputs == 0) {
    free(room);
    return tl_fault("grad requires non-empty inputs.");
  }
  memset(&w, 0, sizeof w);
  memset(room, 0, n * (sizeof(tl_Edge) + sizeof(tl_Tensor *) + sizeof(int32_t)));
  w.edge = (tl_Edge *)(void *)room;
  w.out = (tl_Tensor **)(void *)(room + n * sizeof(tl_Edge));
  w.next = (int32_t *)(void *)(room + n * (sizeof(tl_Edge) + sizeof(tl_Tensor *)));
  w.ninputs = ninputs;
  status = solve(&w, nroots, root, g, input, flags);
  tl_drain(mark);
  for (int k = 0; k < ninputs; k++) {
    out[k] = NULL;
    if (status) tl_release(w.out[k]);
    else if (w.out[k] && !(out[k] = tl_pool(w.out[k]))) status = -1;
  }
  free(w.entry);
  free(room);
  return status;
}
