/*
** common.h -- small helpers that several families share.
*/
#ifndef tl_common_h
#define tl_common_h

#include "op/calls.h"

/* an op on tensors by its row: the first n parameters, the rest as declared */
static inline tl_Tensor *tl_call (const tl_Op *op, int form, int n, tl_Tensor *const *t) {
  tl_Args a;
  for (int k = 0; k < n; k++)
    if (!t[k]) return NULL;
  tl_args(&a, op, form);
  for (int k = 0; k < n; k++) a.v[k].t = t[k];
  return tl_apply1(&a);
}

/* tl_give where a missing gradient is a failure */
static inline int tl_answer (tl_Node *n, int input, tl_Tensor *g) { return g ? tl_give(n, input, g) : -1; }

static inline int tl_need (const tl_Args *a, int parameter) { return (int)(a->needs >> tl_input(a, parameter) & 1); }

/* saves parameter k (a tensor) for backward */
static inline int tl_keep_parameter (tl_Args *a, int k) { return tl_keep(a, a->v[k].t, tl_input(a, k)); }

/* a number for a tensor of dtype: integers drop the fraction */
static inline double tl_factor (const tl_Value *v, int dtype) {
  return tl_is_float(dtype) ? tl_double(v) : (double)tl_num(v, dtype).i;
}

static inline tl_Tensor *tl_scaled (tl_Tensor *t, double factor) {
  return factor == 1 ? t : tl_mul(t, tl_number(factor));
}

static inline int tl_done (tl_Args *a, tl_Tensor *y) {
  a->out[0] = y;
  return y ? 0 : -1;
}

/* fails with the words unless every element is in [low, high], NaN is not; on a card it is told late (tl_must).  compare.c */
int tl_within (tl_Tensor *x, double low, double high, const char *words);

#endif
