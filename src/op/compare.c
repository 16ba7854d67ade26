/*
** compare.c -- questions about two tensors: equal, close, of one size.
*/
#include <math.h>

#include "op/common.h"
#include "op/families.h"

/* is a bool tensor true everywhere; no element is not true */
static int all_of (tl_Args *a, tl_Tensor *t) {
  tl_Tensor *none[2] = { NULL, NULL }, *out[2];
  if (!t || tl_reduce(TL_reduce_all, t, (1u << t->ndim) - 1, 0, TL_NONE, NULL, none, out)) return -1;
  return tl_done(a, out[0]);
}

int tl_within (tl_Tensor *x, double low, double high, const char *words) {
  tl_Tensor *none[2] = { NULL, NULL }, *out[2], *ok;
  if (!x || tl_numel(x) == 0) return x ? 0 : -1;
  if (tl_reduce(TL_reduce_amin, x, (1u << x->ndim) - 1, 0, TL_NONE, NULL, none, out)) return -1;
  ok = tl_op2(TL_ge, out[0], tl_number(low));
  if (high < INFINITY) {
    if (tl_reduce(TL_reduce_amax, x, (1u << x->ndim) - 1, 0, TL_NONE, NULL, none, out)) return -1;
    ok = tl_op2(TL_logical_and, ok, tl_op2(TL_le, out[0], tl_number(high)));
  }
  return tl_must(ok, words);
}

/* |x - y| <= atol + rtol |y|; equal numbers are close, nan only to nan and only when asked */
static tl_Tensor *close_to (tl_Tensor *x, tl_Tensor *y, double rtol, double atol, int equal_nan) {
  tl_Tensor *close, *allowed, *distance;
  if (x->dtype != y->dtype) return tl_fail("%s did not match %s", tl_dtype_name[x->dtype], tl_dtype_name[y->dtype]);
  if (!(rtol >= 0)) return tl_fail("rtol must be greater than or equal to zero, but got %g", rtol);
  if (!(atol >= 0)) return tl_fail("atol must be greater than or equal to zero, but got %g", atol);
  close = tl_op2(TL_eq, x, y);
  if (equal_nan && tl_is_float(x->dtype))
    close = tl_op2(TL_logical_or, close, tl_op2(TL_logical_and, tl_op1(TL_isnan, x), tl_op1(TL_isnan, y)));
  if (rtol == 0 && atol == 0) return close;
  if (!tl_is_float(x->dtype)) {                            /* integers don't wrap in default floats */
    x = tl_to_dtype(x, TL_f64);
    y = tl_to_dtype(y, TL_f64);
  }
  allowed = tl_add(tl_op1(TL_abs, tl_mul(y, tl_number(rtol))), tl_number(atol));
  distance = tl_op1(TL_abs, tl_sub(x, y));
  allowed = tl_op2(TL_logical_and, tl_op1(TL_isfinite, distance), tl_op2(TL_le, distance, allowed));
  return tl_op2(TL_logical_or, close, allowed);
}

static tl_Tensor *closeness (tl_Args *a) {
  return close_to(a->v[0].t, a->v[1].t, tl_double(&a->v[2]), tl_double(&a->v[3]), (int)a->v[4].i);
}

static int isclose (tl_Args *a) { return tl_done(a, closeness(a)); }
static int allclose (tl_Args *a) { return all_of(a, closeness(a)); }

static int equal (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y = a->v[1].t;
  if (!tl_same_sizes(x, y)) return tl_done(a, tl_integer(0));
  return all_of(a, tl_op2(TL_eq, x, y));
}

static int is_same_size (tl_Args *a) { return tl_done(a, tl_integer(tl_same_sizes(a->v[0].t, a->v[1].t))); }

#define TWO "self:T other:T"
#define LIMITS TWO " rtol:n=1e-05 atol:n=1e-08 equal_nan:b=false"
#define ROW(name, args, doc, forward) { name, args, doc, forward, NULL, TL_OP_NODIFF, 0, NULL, NULL }

const tl_Op tl_compare_ops[] = {
  ROW("isclose", LIMITS, "where |self - other| <= atol + rtol * |other|; equal numbers are close, infinite ones only "
      "to themselves, nan to nothing unless equal_nan. One dtype; operands broadcast.", isclose),
  ROW("allclose", LIMITS " -> b", "is isclose true of all elements, as a Lua boolean.", allclose),
  ROW("equal", TWO " -> b", "have both the same size and the same elements, as a Lua boolean.", equal),
  ROW("is_same_size", TWO " -> b", "have both the same size, as a Lua boolean.", is_same_size),
  TL_ROW_END
};
