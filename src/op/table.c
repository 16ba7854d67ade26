/*
** table.c -- all operations by name.  Built once per process on first need and immutable afterwards.
*/
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/families.h"

const tl_Op *const tl_families[] = {
  tl_pointwise_ops, tl_arith_ops, tl_compare_ops, tl_reduce_sum_ops, tl_reduce_order_ops, tl_scan_ops, tl_matmul_ops,
  tl_linear_ops, tl_contract_ops, tl_softmax_ops, tl_loss_class_ops, tl_loss_regression_ops, tl_random_ops,
  tl_sample_ops, tl_update_ops, tl_view_shape_ops, tl_view_select_ops, tl_view_place_ops, tl_join_ops,
  tl_index_get_ops, tl_index_put_ops, tl_masked_ops, tl_create_ops, tl_cast_ops, NULL
};

/* other names of the same operation; in-place forms go along */
#define ALIAS(name, op) { #name, #op },
const tl_AliasRow tl_aliases[] = {
  ALIAS(absolute, abs)
  ALIAS(multiply, mul)
  ALIAS(subtract, sub)
  ALIAS(divide, div)
  ALIAS(true_divide, div)
  ALIAS(negative, neg)
  ALIAS(fix, trunc)
  ALIAS(clip, clamp)
  ALIAS(greater, gt)
  ALIAS(greater_equal, ge)
  ALIAS(less, lt)
  ALIAS(less_equal, le)
  ALIAS(not_equal, ne)
  ALIAS(arccos, acos)
  ALIAS(arccosh, acosh)
  ALIAS(arcsin, asin)
  ALIAS(arcsinh, asinh)
  ALIAS(arctan, atan)
  ALIAS(arctanh, atanh)
  ALIAS(arctan2, atan2)
  ALIAS(ger, outer)
  ALIAS(concat, cat)
  ALIAS(concatenate, cat)
  ALIAS(swapaxes, transpose)
  ALIAS(swapdims, transpose)
  ALIAS(moveaxis, movedim)
  ALIAS(row_stack, vstack)
  ALIAS(broadcast_to, expand)
  { NULL, NULL }
};

typedef struct Name { char *name; const tl_Op *op; } Name;
typedef struct Row { const tl_Op *op; tl_Spec spec; } Row;

/* written under `once` only */
static Name *names;                      /* open addressing by name; and the specs by the op's address */
static Row *rows;
static size_t capacity;                  /* of both, a power of two */
static int status = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t hash_name (const char *s) {
  size_t h = 14695981039346656037u;
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
  return h & (capacity - 1);
}

static size_t hash_op (const tl_Op *op) { return ((size_t)(uintptr_t)op * 0x9E3779B97F4A7C15u >> 32) & (capacity - 1); }

static Name *find_name (const char *s) {
  size_t k = hash_name(s);
  while (names[k].name && strcmp(names[k].name, s)) k = (k + 1) & (capacity - 1);
  return &names[k];
}

static Row *find_row (const tl_Op *op) {
  size_t k = hash_op(op);
  while (rows[k].op && rows[k].op != op) k = (k + 1) & (capacity - 1);
  return &rows[k];
}

static int add_name (const char *space, const char *name, const tl_Op *op) {
  char full[128];
  Name *n;
  snprintf(full, sizeof full, "%s%s%s", space ? space : "", space ? "." : "", name);
  n = find_name(full);
  if (n->name) return tl_fault("operation %s is there twice", full);
  n->name = strdup(full);
  if (!n->name) return tl_fault("not enough memory for the table of operations");
  n->op = op;
  return 0;
}

static int add_op (const tl_Op *op) {
  Row *r = find_row(op);
  r->op = op;
  if (!op->args || !op->forward) return tl_fault("operation %s: no arguments or no forward", op->name);
  if (tl_spec_compile(op->args, &r->spec)) return -1;
  return add_name(op->space, op->name, op);
}

static int build (void) {
  size_t count = 0;
  for (int f = 0; tl_families[f]; f++)
    for (const tl_Op *op = tl_families[f]; op->name; op++) count++;
  for (const tl_AliasRow *a = tl_aliases; a->name; a++) count++;
  for (capacity = 64; capacity < 3 * count; ) capacity *= 2;
  names = calloc(capacity, sizeof *names);
  rows = calloc(capacity, sizeof *rows);
  if (!names || !rows) return tl_fault("not enough memory for the table of operations");
  for (int f = 0; tl_families[f]; f++)
    for (const tl_Op *op = tl_families[f]; op->name; op++)
      if (add_op(op)) return -1;
  for (const tl_AliasRow *a = tl_aliases; a->name; a++) {
    const Name *n = find_name(a->op);
    if (!n->name) return tl_fault("alias %s of %s, which is no operation", a->name, a->op);
    if (add_name(NULL, a->name, n->op)) return -1;
  }
  return 0;
}

static void build_once (void) { status = build(); }

int tl_table_init (void) {
  pthread_once(&once, build_once);
  if (status && !tl_here->failed) return tl_fault("the table of operations could not be built");
  return status;
}

const tl_Op *tl_op (const char *name) { return find_name(name)->op; }

const tl_Spec *tl_op_spec (const tl_Op *op) { return &find_row(op)->spec; }
