/*
** reduce.h -- what the families of reductions and scans share: which dims, and how a gradient finds
** its way back over them.
*/
#ifndef tl_reduce_h
#define tl_reduce_h

#include "op/common.h"

/* dims of parameter k (type D or d), all when it is absent; (uint32_t)-1 and a message */
static inline uint32_t tl_reduced_dims (const tl_Args *a, int k) {
  const tl_Value *v = &a->v[k];
  int ndim = a->v[0].t->ndim, list = a->form->p[k].type == 'D';
  if (list) return tl_dim_mask(a->op->name, v->is ? v->n : 0, v->is, ndim);
  return tl_dim_mask(a->op->name, v->given, &v->i, ndim);
}

/* x's sizes for backward: i[0] = ndim, keepdim, mask in one; then the sizes */
static inline void tl_keep_reduced (tl_Args *a, tl_Tensor *x, uint32_t mask, int keepdim) {
  if (!a->wants) return;
  tl_keep_int(a, x->ndim | (keepdim != 0) << 8 | (int64_t)mask << 16);
  tl_keep_ints(a, x->ndim, x->size);
}
#define tl_kept_ndim(n)     ((int)((n)->i[0] & 255))
#define tl_kept_keepdim(n)  ((int)((n)->i[0] >> 8 & 1))
#define tl_kept_mask(n)     ((uint32_t)((n)->i[0] >> 16))
#define tl_kept_size(n)     ((n)->i + 1)

/* a gradient or result seen over all elements that it stands for */
static inline tl_Tensor *tl_spread (tl_Node *n, tl_Tensor *g) {
  return tl_unreduce(g, tl_kept_ndim(n), tl_kept_size(n), tl_kept_mask(n), tl_kept_keepdim(n));
}

/* elements per result */
static inline int64_t tl_reduced_count (const tl_Tensor *x, uint32_t mask) {
  int64_t n = 1;
  for (int d = 0; d < x->ndim; d++)
    if (mask >> d & 1) n *= x->size[d];
  return n;
}

/* the reduction into result 0, which gets this dtype; p0: the reduction's number */
static inline int tl_reduce_into (tl_Args *a, int code, tl_Tensor *x, uint32_t mask, int keepdim, int dtype,
                                  int wanted, double p0) {
  int64_t size[TL_MAXDIM];
  tl_Num p[2] = { { .f = p0 }, { .f = 0 } };
  tl_Tensor *y, *out[2];
  if (!x) return -1;
  y = tl_result(a, 0, dtype, tl_reduced(x, mask, keepdim, size), size);
  if (!y || tl_reduce(code, x, mask, keepdim, wanted, p, &y, out)) return -1;
  a->out[0] = y;
  return 0;
}

/* scan.c */
tl_Tensor *tl_cumsum (tl_Tensor *x, int dim);
tl_Tensor *tl_cumsum_reverse (tl_Tensor *x, int dim);
tl_Tensor *tl_cumprod (tl_Tensor *x, int dim);
tl_Tensor *tl_log_softmax (tl_Tensor *x, int dim);                     /* softmax.c */

/* t with dim d last, for commands along lines; a 0-d tensor is a line of one */
tl_Tensor *tl_lines (tl_Tensor *t, int d);

#endif
