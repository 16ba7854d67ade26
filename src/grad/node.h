/*
** node.h -- one step of the tape.  Nodes are counted; edges point from a result's node to the nodes of
** its inputs.  A node saves aliases without history: nothing is cyclic while it sleeps; the history
** comes back when a saved tensor is read (tl_saved).
*/
#ifndef tl_node_h
#define tl_node_h

#include "core/cmd.h"

#define TL_MAXOUT 6                    /* differentiable results of one node */

typedef struct tl_Edge { tl_Node *node; int32_t result; } tl_Edge;     /* node NULL: no gradient wanted */

enum { TL_FROM_CONSTANT = -100 };      /* no history comes back */
#define TL_FROM_INPUT(i)  (i)
#define TL_FROM_RESULT(j) (-1 - (j))

typedef struct tl_Saved { tl_Tensor *t; uint32_t version; int32_t from; } tl_Saved;

/* sizes of an input, kept only where its gradient may come broadcast or in another dtype */
typedef struct tl_Origin { uint8_t ndim, dtype; tl_Device *device; int64_t size[TL_MAXDIM]; } tl_Origin;

/* reads n->saved, n->p, n->i and g; answers with tl_give.  g[j] NULL is zero; 0, or -1 with a message */
typedef int (*tl_Backward) (tl_Node *n, tl_Tensor **g);

typedef struct tl_Hook {
  struct tl_Hook *next;
  int (*call) (void *owner, int result, tl_Tensor **g);   /* may replace *g; -1 with a message */
  void (*drop) (void *owner);
  void *owner;
  int32_t result, id;                  /* of which result; what tl_unhook asks for */
  uint8_t after;                       /* called after accumulation into a leaf */
} tl_Hook;

enum { TL_NODE_LEAF = 1, TL_NODE_WANTS = 2, TL_NODE_QUEUED = 4, TL_NODE_SPENT = 8, TL_NODE_SLICES = 16,
       TL_NODE_SMALL = 32, TL_NODE_WIDE = 64, TL_NODE_HOOKING = 128 };

struct tl_Node {
  int32_t refs;
  uint8_t nout, flags;
  uint16_t nin, nsaved, np, ni;        /* counts of the arrays below; they live in one block behind the node */
  uint32_t mark;                       /* private to the tape's walks */
  uint64_t sequence;                   /* creation order: descending, it is the order of backward */
  const char *name;                    /* "AddBackward0" for printing is made from this: "add" */
  tl_Backward backward;                /* NULL: a leaf (TL_NODE_LEAF), which keeps grad[0]; its x.grad */
  const void *op;                      /* the op floor's, for backward */
  void (*drop) (tl_Node *);            /* frees `owner` when the node is cleared or freed */
  void *owner;                         /* a Lua Function's ctx; the inner node of copy-slices */
  tl_Edge *in;
  tl_Origin *origin;                   /* nin of them, or NULL: same sizes, dtype and device as the result */
  tl_Saved *saved;
  tl_Num *p;                           /* the op's numbers ... */
  int64_t *i;                          /* ... and integers, as its forward kept them */
  tl_Tensor **grad;                    /* nout of them: waiting during backward; a leaf's x.grad */
  tl_Tensor *variable;                 /* leaf only, not counted: the tensor, for messages and post hooks */
  tl_Hook *hooks;
  tl_Node *next;                       /* free lists and worklists */
};

tl_Node *tl_node_new (const char *name, tl_Backward, int nin, int nout, int nsaved, int np, int ni);   /* one reference; NULL and a message */
tl_Node *tl_node_leaf (void);
tl_Node *tl_node_new_with (const char *name, tl_Backward, int nin, int nout, int nsaved, int np, int ni, int origins);  /* and room for n->origin */
void tl_node_retain (tl_Node *);
void tl_node_release (tl_Node *);      /* frees chains of any length without recursion */
void tl_node_clear (tl_Node *);        /* drops saved tensors, inputs, owner: what backward frees as it goes */

const char *tl_node_title (const tl_Node *, char buffer[static 64]);   /* "AddBackward0", "AccumulateGrad" */

/* the history of t as of now: a view whose base was written gets a fresh node first.  Borrowed. */
tl_Node *tl_node (tl_Tensor *t);
tl_Edge tl_edge (tl_Tensor *t);
void tl_set_node (tl_Tensor *t, tl_Node *n, int result);     /* takes a reference of its own */

int tl_wants (tl_Tensor *t);           /* grad mode is on and a gradient reaches t: float dtype, node that wants */
int tl_requires_grad (tl_Tensor *t);   /* x.requires_grad */
int tl_set_requires_grad (tl_Tensor *t, int on);   /* -1: not a float; not a leaf */
int tl_is_leaf (tl_Tensor *t);
tl_Tensor *tl_grad_of (tl_Tensor *t);  /* x.grad, borrowed, or NULL without a message */
int tl_set_grad (tl_Tensor *t, tl_Tensor *g);      /* g NULL clears; sizes, dtype, device must fit */

/* saved tensor k with its history, in the pool; NULL and a message when it was changed in place since,
   or when backward has freed it already */
tl_Tensor *tl_saved (tl_Node *n, int k);
/* gradient of input i: sums broadcast dims, casts, moves, adds to what is there.  g NULL does nothing.  0, or -1 */
int tl_give (tl_Node *n, int i, tl_Tensor *g);
#define tl_needs(n, k)  ((n)->in[k].node != NULL)

int tl_retain_grad (tl_Tensor *t);     /* x.retain_grad(): tl_grad_of works for a result too; 0, or -1 */

int tl_hook (tl_Node *, const tl_Hook *);            /* copies; its id, or -1 */
void tl_unhook (tl_Node *, int id);

#endif
