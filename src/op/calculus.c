/*
** calculus.c -- the operations that the tape itself needs, so that a gradient can be recorded.
*/
#include "op/calls.h"

static tl_Tensor *add (tl_Tensor *a, tl_Tensor *b) { return tl_add(a, b); }

const tl_Calculus tl_calculus = {
  .add = add,
  .sum_to = tl_sum_to,
  .cast = tl_to_dtype,
  .to_device = tl_op_to_device,
  .as_strided = tl_as_strided,
  .scatter = tl_scatter_at,
  .pointwise = tl_pointwise,
  .clone = tl_op_clone,
};
