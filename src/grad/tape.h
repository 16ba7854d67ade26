/*
** tape.h -- backward: one flat loop over a heap of nodes by creation number, freed as it goes.
*/
#ifndef tl_tape_h
#define tl_tape_h

#include "grad/node.h"

enum { TL_RETAIN_GRAPH = 1, TL_CREATE_GRAPH = 2, TL_ALLOW_UNUSED = 4 };

/* gradients of roots into the leaves.  g[i] NULL: root i has one element, gradient 1.  0, or -1 */
int tl_backward (int nroots, tl_Tensor *const *root, tl_Tensor *const *g, int flags);
/* gradients with respect to given tensors (leaves or not), nothing accumulated; out[i] in the pool, NULL if unused */
int tl_gradients (int nroots, tl_Tensor *const *root, tl_Tensor *const *g, int ninputs, tl_Tensor *const *input, tl_Tensor **out, int flags);

/*
** What the tape needs from operations, so that create_graph can record: defined on the op floor
** (op/calculus.c).  Each runs eagerly and records when the grad mode is on.
*/
typedef struct tl_Calculus {
  tl_Tensor *(*add) (tl_Tensor *, tl_Tensor *);
  tl_Tensor *(*sum_to) (tl_Tensor *, int ndim, const int64_t *size);
  tl_Tensor *(*cast) (tl_Tensor *, int dtype);
  tl_Tensor *(*to_device) (tl_Tensor *, tl_Device *);
  tl_Tensor *(*as_strided) (tl_Tensor *, const tl_Geometry *);
  tl_Tensor *(*scatter) (tl_Tensor *x, tl_Tensor *s, const tl_Geometry *at, const tl_Geometry *base);  /* a copy of x, laid out as base, with s at `at` */
  tl_Tensor *(*pointwise) (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p);            /* a forward code, recorded */
  tl_Tensor *(*clone) (tl_Tensor *);
} tl_Calculus;
extern const tl_Calculus tl_calculus;

/* the formula of a derivative code on tensors, recorded (create_graph); operands as tl_map takes them */
tl_Tensor *tl_formula (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p);

double tl_decimal (const char *s, const char **end);   /* the number written at s, whatever the locale; *end == s: there is none */

/* in-place (grad/inplace.c) */
int tl_check_write (const char *op, tl_Tensor *t);     /* before the kernel: leaf, no_grad view, split view, overlap; -1 */
int tl_refuse_write (tl_Tensor *t);                    /* -1 with a message when t is a view that may not be written with history */
int tl_check_read (tl_Tensor *t);                      /* as this when the base was written since the view was made */
int tl_rebase (tl_Tensor *t, tl_Node *f);              /* after it: f is the op's node, its input 0 the old t; f NULL: t loses nothing */
tl_Tensor *tl_view_of (tl_Tensor *x, const tl_Geometry *, tl_Node *view_node);   /* every view op ends here; node NULL: no history */
tl_Tensor *tl_detach (tl_Tensor *);                    /* shares memory and version, no history */

#endif
