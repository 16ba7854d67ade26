/*
** sum.h -- sums of floats in PyTorch's order: one function per SIMD level; see sum.c.
*/
#ifndef tl_sum_h
#define tl_sum_h

#include "cpu/cpu.h"

typedef int (*tl_Sum) (const tl_Cmd *, tl_Env *);        /* a TL_REDUCE by TL_reduce_sum, computed in a float dtype */
int tl_sum_v2 (const tl_Cmd *, tl_Env *);
int tl_sum_v3 (const tl_Cmd *, tl_Env *);
int tl_sum_v4 (const tl_Cmd *, tl_Env *);

#endif
