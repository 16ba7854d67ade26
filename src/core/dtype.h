/*
** dtype.h -- what the ten dtypes are, and PyTorch's type promotion: the only place for either.
*/
#ifndef tl_dtype_h
#define tl_dtype_h

#include "core/base.h"

enum { TL_NONE = 255 };                    /* no dtype */
typedef enum tl_Class { TL_BOOLS = 1, TL_INTEGERS, TL_FLOATS } tl_Class;
typedef enum tl_Rule {                     /* how a row's result follows from its operands (docs/design.md) */
  TL_RULE_SAME,                            /* promoted                                                 */
  TL_RULE_NUM,                             /* promoted; bool refused                                   */
  TL_RULE_INT,                             /* promoted; floats refused                                 */
  TL_RULE_FLOAT,                           /* promoted; integers and bool become the default float     */
  TL_RULE_REAL,                            /* promoted; integers and bool refused                      */
  TL_RULE_TEST,                            /* computed in the promoted dtype, result bool              */
  TL_RULE_SUM,                             /* integers and bool become int64                           */
  TL_RULE_INDEX                            /* computed in the promoted dtype, result int64             */
} tl_Rule;

extern const uint8_t tl_width[TL_NDTYPE];          /* bytes of an element */
extern const uint8_t tl_compute[TL_NDTYPE];        /* f32, f64 or i64 */
extern const uint8_t tl_class[TL_NDTYPE];          /* a tl_Class */
extern const char *const tl_dtype_name[TL_NDTYPE]; /* "float32" */

#define tl_is_float(dtype)  (tl_class[dtype] == TL_FLOATS)

/* kind of an operand: 0 has dims, 1 has none, 2 is a script's number.  TL_NONE when n is 0. */
int tl_promote (int n, const uint8_t *dtype, const uint8_t *kind);
int tl_promote_tensors (int n, tl_Tensor *const *t);           /* NULL tensors are skipped */
int tl_wider (int a, int b);                                   /* two dtypes of one kind */

/* the dtype a rule computes in and the one it results in; -1 with a message naming `op` when refused */
int tl_apply_rule (const char *op, tl_Rule rule, int promoted, int *result);

int tl_can_cast (int from, int to);                            /* in-place and out=: class may not fall */

/* conversions of single numbers, by the kernels' rule for float to integer */
double tl_num_to_double (tl_Num v, int dtype);
tl_Num tl_num_convert (tl_Num v, int from, int to);            /* floats are doubles, the rest int64; rounded to `to` */

#endif
