/*
** index.h -- what index_get.c, index_put.c and index_plan.c share: gathers and scatters along one dim,
** and the plan of an index with several tensors.
*/
#ifndef tl_op_index_h
#define tl_op_index_h

#include "op/calls.h"

/*
** x[i, :, j]: the indexed dims are looked at as one, and the index tensors, broadcast, as one tensor of
** element distances.  `offset` counts in a packed tensor of the sizes of x, `here` in x itself (the same tensor
** when x is packed).  Their dims stand in the result at `at`, among the dims that are not indexed.
*/
typedef struct tl_IndexPlan {
  tl_Tensor *offset, *here;            /* int64, of one shape */
  int64_t meta[2];                     /* bit per indexed dim; at */
} tl_IndexPlan;

/* masks become positions; dims are checked; -1 with a message */
int tl_index_plan (tl_Tensor *x, int n, tl_Tensor *const *index, tl_IndexPlan *out);
tl_Tensor *tl_index_at (tl_Tensor *x, const tl_IndexPlan *);
/* self[plan] = (or +=) values, in place and recorded */
int tl_index_put_at (tl_Tensor *self, const tl_IndexPlan *, tl_Tensor *values, int accumulate);
/* the result's sizes, and aliases for the command: the table with no step, the distances, both of that size */
int tl_index_space (tl_Tensor *x, tl_Tensor *here, const int64_t *meta, int64_t *size, tl_Tensor **table,
                    tl_Tensor **distance);
/* a gather or scatter command on three operands of one size; SIZE STEP BASE DIM WRAP */
int tl_index_run (int verb, int op, int ndim, const int64_t *size, tl_Tensor *const *t, const int64_t *p);

tl_Tensor *tl_index_numbers (const char *op, tl_Tensor *index, tl_Tensor *x);      /* as int64, where x is; refuses others than integers */
/* operands of a command along dim d of x: x without a step there; its step in bytes */
tl_Tensor *tl_index_table (tl_Tensor *x, int d, int ndim, const int64_t *size, int64_t *step);
/* a vector of indices along dim d of a space of ndim dims */
tl_Tensor *tl_index_along (tl_Tensor *index, int d, int ndim, const int64_t *size);
int tl_index_is_mask (const tl_Tensor *);
int tl_nonzero_forward (tl_Args *);
/* for operations that change some elements: the result, holding what self holds */
tl_Tensor *tl_index_begin (tl_Args *);
/* a script's number fits the dtype it is written as: negative ones wrap in unsigned types, fractions are cut.
   Tensors pass.  0, or -1 with a message; masked.c */
int tl_number_fits (const tl_Tensor *v, int dtype);

#endif
