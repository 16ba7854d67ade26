/*
** pointwise.h -- for operations that stand on the formulas of device/pointwise.def.
*/
#ifndef tl_pointwise_h
#define tl_pointwise_h

#include "op/common.h"

/*
** The forward of one formula: maps into result 0 and keeps what the derivatives read.  input[k] is the
** tensor input that operand k is (tl_input), -1 when it is none.  For use with tl_point_back.
*/
int tl_point (tl_Args *a, int code, int n, tl_Tensor *const *in, const int *input, int np, const tl_Num *p);
int tl_point_back (tl_Node *n, tl_Tensor **g);

/* forward of a row's own op: its operands are the first parameters, its numbers the rest */
int tl_point_forward (tl_Args *a);

/* a derivative code: the fused kernel, or with create_graph its formula, recorded */
tl_Tensor *tl_derivative (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p);

/* the dtype a formula computes in, from its operands: says whether its numbers are read as integers; -1 */
int tl_point_dtype (int code, int n, tl_Tensor *const *in);

tl_Tensor *tl_power (tl_Tensor *x, double exponent);     /* op/arith.c */

/* where an elementwise result should be written: dest when it has the result's sizes, else a new tensor */
tl_Tensor *tl_point_dest (tl_Args *a, const char *name, int n, tl_Tensor *const *in);

#endif
