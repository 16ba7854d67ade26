/*
** verbs.c -- reductions and products from tensors.
*/
#include <string.h>

#include "core/cmd.h"
#include "core/dtype.h"
#include "core/fail.h"
#include "core/pool.h"
#include "core/shape.h"

enum { SUM, SAME, PAIR, INDEX, BOOL, REAL };             /* the rules of reduce.def */
static const struct { const char *name; uint8_t rule; } reductions[TL_NREDUCE] = {
#define REDUCE(name, rule, ...) { #name, rule },
#include "device/reduce.def"
#undef REDUCE
};

/* what is computed in and what comes out; -1 when refused */
static int reduce_dtype (int code, int x, int wanted, int *result) {
  const char *name = reductions[code].name;
  switch (reductions[code].rule) {
    case SUM:
      *result = wanted != TL_NONE ? wanted : tl_is_float(x) ? x : TL_i64;
      return *result;
    case INDEX: *result = TL_i64; return x;
    case BOOL: *result = x == TL_u8 ? TL_u8 : TL_b8; return x;
    case REAL:
      *result = wanted != TL_NONE ? wanted : x;
      if (!tl_is_float(*result))
        return tl_fault("%s(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
                        "Got: %s", name, tl_dtype_name[x]);
      return *result;
    default: *result = x; return x;
  }
}

/* x's dims as [kept ..., reduced ...] */
static void inside_last (const tl_Tensor *x, uint32_t mask, tl_Geometry *g, int *keep) {
  g->ndim = 0;
  g->offset = x->offset;
  for (int pass = 0; pass < 2; pass++) {
    for (int d = 0; d < x->ndim; d++) {
      if ((mask >> d & 1) != (uint32_t)pass) continue;
      g->size[g->ndim] = x->size[d];
      g->stride[g->ndim++] = x->stride[d];
    }
    if (pass == 0) *keep = g->ndim;
  }
}

/* a result's dims: the kept ones as they are, the reduced ones one wide */
static void one_wide (const tl_Tensor *y, const tl_Tensor *x, uint32_t mask, int keepdim, int keep, tl_Geometry *g) {
  int n = 0, e = 0;
  g->ndim = x->ndim;
  g->offset = y->offset;
  for (int d = 0; d < x->ndim; d++) {
    if (!(mask & 1u << d)) {
      g->size[n] = y->size[e];
      g->stride[n++] = y->stride[e++];
    }
    else e += keepdim != 0;
  }
  for (int d = keep; d < x->ndim; d++) {
    g->size[d] = 1;
    g->stride[d] = 0;
  }
}

int tl_reduce (int code, tl_Tensor *x, uint32_t mask, int keepdim, int dtype, const tl_Num *p, tl_Tensor *const *dest,
               tl_Tensor **out) {
  int64_t size[TL_MAXDIM], space[TL_MAXDIM];
  int result, ndim, keep, pair = reductions[code].rule == PAIR, ordered = pair || reductions[code].rule == INDEX;
  int compute;
  tl_Tensor *t[3];
  tl_Geometry g;
  tl_Cmd c;
  if (!x) return -1;
  compute = reduce_dtype(code, x->dtype, dtype, &result);
  if (compute < 0) return -1;
  if (compute != x->dtype && (dtype != TL_NONE || tl_is_float(compute))) {
    x = tl_cast(x, compute);                             /* PyTorch converts first when a dtype is asked for */
    if (!x) return -1;
  }
  ndim = tl_reduced(x, mask, keepdim, size);
  for (int k = 0; k <= pair; k++) {
    out[k] = dest && dest[k] ? dest[k] : tl_new(tl_device_of(x), k ? TL_i64 : result, ndim, size);
    if (!out[k]) return -1;
  }
  if (tl_numel(out[0]) == 0) return 0;
  inside_last(x, mask, &g, &keep);
  memcpy(space, g.size, sizeof space);
  t[1 + pair] = tl_alias_at(x, &g);
  for (int k = 0; k <= pair; k++) {
    one_wide(out[k], x, mask, keepdim, keep, &g);
    t[k] = tl_alias_at(out[k], &g);
    if (!t[k]) return -1;
  }
  if (!t[1 + pair]) return -1;
  tl_cmd_init(&c, TL_REDUCE, code, tl_compute[compute], 1 + pair);
  c.out = (uint8_t)result;
  tl_space(&c, x->ndim, space, keep, 2 + pair, t, ordered ? TL_SPACE_FIXED : 0);
  for (int k = 0; k < TL_MAXNUM; k++) c.p[k].f = p && k < 2 ? p[k].f : 0;
  return tl_run(x->storage->device, &c);
}

int tl_gemm (int op, double alpha, tl_Tensor *a, tl_Tensor *b, double beta, tl_Tensor *y) {
  tl_Tensor *t[3] = { y, a, b };
  int nb;
  tl_Cmd c;
  if (!a || !b || !y) return -1;
  if (tl_numel(y) == 0) return 0;
  nb = y->ndim - 2;
  tl_cmd_init(&c, TL_GEMM, op, tl_compute[y->dtype], 1);
  c.narg = 3;
  c.ndim = c.keep = (uint8_t)nb;
  for (int d = 0; d < nb; d++) c.size[d] = y->size[d];
  for (int k = 0; k < 3; k++) {
    tl_operand(&c, k, t[k]);
    for (int d = 0; d < nb; d++)
      if (t[k]->size[d] == 1 && y->size[d] != 1) c.arg[k].stride[d] = 0;
  }
  c.p[0].f = alpha;
  c.p[1].f = beta;
  c.p[2].i = y->size[nb];
  c.p[3].i = y->size[nb + 1];
  c.p[4].i = a->size[nb + 1];
  return tl_run(y->storage->device, &c);
}
