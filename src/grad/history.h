/*
** history.h -- what the files of this floor share among themselves.
*/
#ifndef tl_history_h
#define tl_history_h

#include "core/pool.h"
#include "grad/tape.h"

/* node.c: hooks with this `after` on the gradients g (nout of them); 0, or -1 */
int tl_node_call_hooks (tl_Node *n, int after, tl_Tensor **g);
void tl_node_drop_hooks (tl_Node *n);    /* all but retain_grad's, which keeps a gradient */
/* history.c: refuses a second backward, -1; is it the hook of retain_grad */
int tl_spent (void);
int tl_hook_retains (const tl_Hook *h);

/* a backward under way; tl_here->tape points to the innermost */
typedef struct tl_Held tl_Held;
typedef struct tl_Wanted tl_Wanted;
typedef struct tl_Call {
  struct tl_Call *outer;
  uint32_t id;                   /* nodes queued by this call carry it in `mark` */
  int create, keep;              /* create_graph; retain_graph */
  uint8_t mode;                  /* the grad mode to go back to */
  tl_Node **heap;  size_t nheap, heap_capacity;      /* by sequence, highest first; each entry a reference */
  tl_Node **leaf;  size_t nleaf, leaf_capacity;      /* in order of arrival; each entry a reference */
  tl_Held *held;  size_t nheld, held_capacity;       /* gradients of outer calls, put aside */
  tl_Wanted *wanted;             /* tl_gradients: the nodes that lead to an input; NULL: all */
} tl_Call;

/* tape.c */
void tl_call_open (tl_Call *c, int flags);
int tl_call_root (int k, tl_Tensor *root, tl_Tensor *g);
int tl_call_run (tl_Call *c);
void tl_call_close (tl_Call *c);
/* gives g to result of n, in the call under way: the end of every tl_give */
int tl_call_push (tl_Node *n, int result, tl_Tensor *g);

/* gradients.c: is the node on the way to an input; take its gradients if it is one */
int tl_wanted_has (const tl_Wanted *w, const tl_Node *n);
void tl_wanted_take (tl_Wanted *w, const tl_Node *n, tl_Tensor *const *g);

/* inplace.c: while an inner node runs on a slice, its `next` points to one of these */
typedef struct tl_Redirect { int n; tl_Tensor **keep; } tl_Redirect;

#endif
