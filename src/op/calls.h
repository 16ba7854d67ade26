/*
** calls.h -- operations as C functions, so that derivatives read like the mathematics.  NULL in, NULL
** out; results are in the pool; they record when the grad mode is on.  Backward rules call these and
** never tl_run or tl_map (tools/floors checks it).
*/
#ifndef tl_calls_h
#define tl_calls_h

#include "op/op.h"

/* op/pointwise.c: any formula; numbers are wrapped tensors (tl_number, tl_integer) */
tl_Tensor *tl_pointwise (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p);
tl_Tensor *tl_op1 (int code, tl_Tensor *a);
tl_Tensor *tl_op2 (int code, tl_Tensor *a, tl_Tensor *b);
#define tl_add(a, b)  tl_op2(TL_add, a, b)
#define tl_sub(a, b)  tl_op2(TL_sub, a, b)
#define tl_mul(a, b)  tl_op2(TL_mul, a, b)
#define tl_div(a, b)  tl_op2(TL_div, a, b)
#define tl_neg(a)     tl_op1(TL_neg, a)
tl_Tensor *tl_where (tl_Tensor *condition, tl_Tensor *a, tl_Tensor *b);

/* op/matmul.c */
tl_Tensor *tl_mm (tl_Tensor *, tl_Tensor *);
tl_Tensor *tl_bmm (tl_Tensor *, tl_Tensor *);
tl_Tensor *tl_mv (tl_Tensor *, tl_Tensor *);
tl_Tensor *tl_dot (tl_Tensor *, tl_Tensor *);
tl_Tensor *tl_matmul (tl_Tensor *, tl_Tensor *);

/* op/view_shape.c, op/view_select.c: views */
tl_Tensor *tl_t (tl_Tensor *);                                        /* last two dims swapped */
tl_Tensor *tl_transpose (tl_Tensor *, int64_t d0, int64_t d1);
tl_Tensor *tl_permute (tl_Tensor *, int n, const int64_t *dims);
tl_Tensor *tl_view (tl_Tensor *, int ndim, const int64_t *size);
tl_Tensor *tl_reshape (tl_Tensor *, int ndim, const int64_t *size);
tl_Tensor *tl_expand (tl_Tensor *, int ndim, const int64_t *size);
tl_Tensor *tl_unsqueeze (tl_Tensor *, int64_t dim);
tl_Tensor *tl_squeeze (tl_Tensor *, int64_t dim);
tl_Tensor *tl_select (tl_Tensor *, int64_t dim, int64_t index);        /* index from 0 */
tl_Tensor *tl_narrow (tl_Tensor *, int64_t dim, int64_t start, int64_t length);   /* start from 0 */
tl_Tensor *tl_slice (tl_Tensor *, int64_t dim, int64_t start, int64_t count, int64_t step);
tl_Tensor *tl_as_strided (tl_Tensor *, const tl_Geometry *);
tl_Tensor *tl_diagonal (tl_Tensor *, int64_t offset, int64_t d1, int64_t d2);
tl_Tensor *tl_scatter_at (tl_Tensor *x, tl_Tensor *s, const tl_Geometry *at, const tl_Geometry *base);

/* op/reduce_sum.c, op/reduce_order.c */
tl_Tensor *tl_sum (tl_Tensor *, uint32_t mask, int keepdim);           /* mask as tl_dim_mask gives it */
tl_Tensor *tl_mean (tl_Tensor *, uint32_t mask, int keepdim);
tl_Tensor *tl_sum_to (tl_Tensor *, int ndim, const int64_t *size);     /* undoes a broadcast */
tl_Tensor *tl_unreduce (tl_Tensor *g, int ndim, const int64_t *size, uint32_t mask, int keepdim);   /* a reduction's result back over its dims: a view */

/* op/create.c, op/cast.c */
tl_Tensor *tl_zeros_like (tl_Tensor *);
tl_Tensor *tl_ones_like (tl_Tensor *);
tl_Tensor *tl_iota (tl_Device *, int64_t n);                            /* int64 1 2 ... n: a constant */
tl_Tensor *tl_to_dtype (tl_Tensor *, int dtype);
tl_Tensor *tl_op_to_device (tl_Tensor *, tl_Device *);
tl_Tensor *tl_op_clone (tl_Tensor *);
tl_Tensor *tl_op_contiguous (tl_Tensor *);

/* op/index_get.c, op/index_put.c; index tensors count from 1 */
tl_Tensor *tl_gather (tl_Tensor *, int64_t dim, tl_Tensor *index);
tl_Tensor *tl_scatter_add (tl_Tensor *, int64_t dim, tl_Tensor *index, tl_Tensor *src);
tl_Tensor *tl_index_select (tl_Tensor *, int64_t dim, tl_Tensor *index);
tl_Tensor *tl_index_add (tl_Tensor *, int64_t dim, tl_Tensor *index, tl_Tensor *src);
/* x[idx...]: index[k] of dim k, NULL: whole dim; n <= ndim */
tl_Tensor *tl_index (tl_Tensor *, int n, tl_Tensor *const *index);
/* in place, recorded */
int tl_index_put (tl_Tensor *self, int n, tl_Tensor *const *index, tl_Tensor *values, int accumulate);
/* where(condition): one int64 column per dim, in scratch memory; NULL */
tl_Tensor **tl_nonzero_list (tl_Tensor *, int *n);
tl_Tensor *tl_index_fill (tl_Tensor *, int64_t dim, tl_Tensor *index, tl_Tensor *value);      /* value: a number */
tl_Tensor *tl_scatter_value (tl_Tensor *, int64_t dim, tl_Tensor *index, double value);
tl_Tensor *tl_masked_fill (tl_Tensor *, tl_Tensor *mask, tl_Tensor *value);
int tl_copy_in (tl_Tensor *to, tl_Tensor *from);                       /* to:copy_(from), recorded */

/* op/join.c */
tl_Tensor *tl_cat (int n, tl_Tensor *const *, int64_t dim);

#endif
