/*
** shape.h -- pure arithmetic on sizes and strides.  Nobody else multiplies sizes.
** Dims arrive counted from 0 or negative (from the end); messages count from 1.
*/
#ifndef tl_shape_h
#define tl_shape_h

#include "core/tensor.h"

/* sizes >= 0, ndim <= TL_MAXDIM, bytes of the product fit; -1 with a message naming op */
int tl_check_sizes (const char *op, int ndim, const int64_t *size, int width);
void tl_packed (int ndim, const int64_t *size, int64_t *stride);

/* the common size of n tensors (NULL and wrapped ones are 0-d); its ndim, or -1:
   "op: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1" */
int tl_broadcast (const char *op, int n, tl_Tensor *const *t, int64_t *size);
int tl_can_expand (int ndim, const int64_t *size, int to_ndim, const int64_t *to_size);

/* 0 <= result < max(ndim, 1), or -1: "op: Dimension out of range (expected to be in range of [-2, -1] or [1, 2], but got 3)" */
int tl_wrap_dim (const char *op, int64_t dim, int ndim);
/* bit per dim; n < 0 or n == 0 means all dims; a dim given twice is refused; (uint32_t)-1 on failure */
uint32_t tl_dim_mask (const char *op, int n, const int64_t *dims, int ndim);
/* size of a reduction's result; its ndim */
int tl_reduced (const tl_Tensor *, uint32_t mask, int keepdim, int64_t *size);

/* a size list with at most one -1 made whole for `numel` elements; -1: "shape '[2, -1]' is invalid for input of size 5" */
int tl_infer_size (const char *op, int64_t numel, int n, const int64_t *size, int64_t *out);
/* strides that look at x's memory under another size; 0 when a copy is needed */
int tl_view_strides (const tl_Tensor *x, int ndim, const int64_t *size, int64_t *stride);

/* 0 <= offset and the last element inside the storage, no negative stride, all with overflow checks */
int tl_check_view (const char *op, const tl_Storage *, int width, const tl_Geometry *);

/* a reduced dim list, row-major order of dense strides etc. */
void tl_dense_strides_like (const tl_Tensor *, int64_t *stride);   /* x's dim order, packed */
int tl_is_dense (const tl_Tensor *);                               /* no gaps, no overlap, any dim order */

#endif
