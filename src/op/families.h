/*
** families.h -- the tables of operations, one per file.  table.c strings them together.
*/
#ifndef tl_families_h
#define tl_families_h

#include "op/op.h"

extern const tl_Op tl_pointwise_ops[];
extern const tl_Op tl_arith_ops[];
extern const tl_Op tl_compare_ops[];
extern const tl_Op tl_reduce_sum_ops[];
extern const tl_Op tl_reduce_order_ops[];
extern const tl_Op tl_scan_ops[];
extern const tl_Op tl_matmul_ops[];
extern const tl_Op tl_linear_ops[];
extern const tl_Op tl_contract_ops[];
extern const tl_Op tl_softmax_ops[];
extern const tl_Op tl_loss_class_ops[];
extern const tl_Op tl_loss_regression_ops[];
extern const tl_Op tl_random_ops[];
extern const tl_Op tl_sample_ops[];
extern const tl_Op tl_update_ops[];
extern const tl_Op tl_view_shape_ops[];
extern const tl_Op tl_view_select_ops[];
extern const tl_Op tl_view_place_ops[];
extern const tl_Op tl_join_ops[];
extern const tl_Op tl_index_get_ops[];
extern const tl_Op tl_index_put_ops[];
extern const tl_Op tl_masked_ops[];
extern const tl_Op tl_create_ops[];
extern const tl_Op tl_cast_ops[];

#endif
