/*
** product.h -- what the families of matrix products share (matmul.c).
*/
#ifndef tl_product_h
#define tl_product_h

#include "op/common.h"

int tl_same_type (const char *op, tl_Tensor *a, tl_Tensor *b);         /* one dtype, not bool; -1 */
/* may self be broadcast to a product's sizes (in place: has it these sizes); -1 */
int tl_can_start (const char *op, tl_Tensor *self, int dtype, int ndim, const int64_t *size, int inplace);

/* t's memory as a matrix from its first element on */
tl_Tensor *tl_grid (tl_Tensor *t, int64_t rows, int64_t columns, int64_t row, int64_t column);
/* c = alpha a x b + beta c; what lies in c's memory is moved out of the way first */
int tl_product (int op, double alpha, tl_Tensor *a, tl_Tensor *b, double beta, tl_Tensor *c);
/* the two factors, parameters k and k + 1: each is kept when the other one's gradient needs it */
int tl_keep_factors (tl_Args *a, int k);

#endif
