/*
** pointwise.h -- for operations that stand on the formulas of device/pointwise.def.
*/
#ifndef tl_pointwise_h
#define tl_pointwise_h

#include "op/common.h"

/*
** The forward of one formula: maps into result 0 and keeps what the derivatives read.  input[k] is the
** tensor input that operand k is (tl_input), -1 when it is none; kind says how p is filled, 'f' or 'i'.
** For use with tl_point_back.
*/
int tl_point (tl_Args *a, int code, int n, tl_Tensor *const *in, const int *input, int np, const tl_Num *p, int kind);
int tl_point_back (tl_Node *n, tl_Tensor **g);

/* forward of a row's own operation: its operands are the first parameters, its numbers the rest */
int tl_point_forward (tl_Args *a);

/* parameters first, first + 1 ... as the formula's numbers, of the kind that it computes in: 'f' or 'i'; -1 */
int tl_point_numbers (tl_Args *a, int code, int n, tl_Tensor *const *in, int first, int np, tl_Num *p);

/* the dtype that a formula computes in, or -1 */
int tl_point_dtype (int code, int n, tl_Tensor *const *in);

/* where a result of the operands' common size may be written at once: self, out= when it fits, or NULL; -1 */
int tl_point_dest (tl_Args *a, const char *name, int n, tl_Tensor *const *in, tl_Tensor **dest);

/* a derivative code: the fused kernel, or with create_graph its formula, recorded */
tl_Tensor *tl_derivative (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p);

tl_Tensor *tl_power (tl_Tensor *x, double exponent);

/* random.c: fills t from a distribution (tl_RandomOp) with its parameters; chance: a tensor of probabilities, or NULL */
int tl_draw (tl_Tensor *t, int op, const tl_Value *generator, const tl_Num *p, int np, tl_Tensor *chance);

#endif
