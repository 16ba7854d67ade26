/*
** dtype.c -- the ten dtypes and PyTorch's promotion.
**
** Operands fall into three kinds: with dims, without, a script's number.  Within a kind the wider
** dtype wins; a later kind changes the result only when its class (bool < integer < float) is higher.
*/
#include <math.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/tensor.h"

const uint8_t tl_width[TL_NDTYPE] = {
#define DTYPE(short, name, type, compute) sizeof(type),
#include "device/dtypes.def"
#undef DTYPE
};
const uint8_t tl_compute[TL_NDTYPE] = {
#define DTYPE(short, name, type, compute) TL_##compute,
#include "device/dtypes.def"
#undef DTYPE
};
const char *const tl_dtype_name[TL_NDTYPE] = {
#define DTYPE(short, name, type, compute) #name,
#include "device/dtypes.def"
#undef DTYPE
};
const uint8_t tl_class[TL_NDTYPE] = {
  [TL_f32] = TL_FLOATS, [TL_f64] = TL_FLOATS, [TL_f16] = TL_FLOATS, [TL_bf16] = TL_FLOATS,
  [TL_u8] = TL_INTEGERS, [TL_i8] = TL_INTEGERS, [TL_i16] = TL_INTEGERS, [TL_i32] = TL_INTEGERS,
  [TL_i64] = TL_INTEGERS, [TL_b8] = TL_BOOLS
};
static const uint8_t rank_of[TL_NDTYPE] = {     /* within a class; two different dtypes of rank 1 meet one above */
  [TL_f16] = 1, [TL_bf16] = 1, [TL_f32] = 2, [TL_f64] = 3,
  [TL_u8] = 1, [TL_i8] = 1, [TL_i16] = 2, [TL_i32] = 3, [TL_i64] = 4
};

int tl_wider (int a, int b) {
  if (a == TL_NONE || a == b) return b;
  if (b == TL_NONE) return a;
  if (tl_class[a] != tl_class[b]) return tl_class[a] > tl_class[b] ? a : b;
  if (rank_of[a] == 1 && rank_of[b] == 1) return tl_class[a] == TL_FLOATS ? TL_f32 : TL_i16;
  return rank_of[a] > rank_of[b] ? a : b;
}

int tl_promote (int n, const uint8_t *dtype, const uint8_t *kind) {
  int best = TL_NONE;
  for (int k = 0; k < 3; k++) {
    int t = TL_NONE;
    for (int i = 0; i < n; i++)
      if (kind[i] == k) t = tl_wider(t, dtype[i]);
    if (t != TL_NONE && (best == TL_NONE || tl_class[t] > tl_class[best])) best = t;
  }
  return best;
}

int tl_promote_tensors (int n, tl_Tensor *const *t) {
  int best = TL_NONE;
  for (int k = 0; k < 3; k++) {
    int wide = TL_NONE;
    for (int i = 0; i < n; i++)
      if (t[i] && (t[i]->flags & TL_WRAPPED ? 2 : t[i]->ndim == 0) == k) wide = tl_wider(wide, t[i]->dtype);
    if (wide != TL_NONE && (best == TL_NONE || tl_class[wide] > tl_class[best])) best = wide;
  }
  return best;
}

int tl_apply_rule (const char *op, tl_Rule rule, int promoted, int *result) {
  int class = tl_class[promoted], compute = promoted;
  *result = promoted;
  switch (rule) {
    case TL_RULE_SAME: break;
    case TL_RULE_NUM:
      if (class == TL_BOOLS) return tl_fault("%s: not implemented for bool tensors", op);
      break;
    case TL_RULE_INT:
      if (class == TL_FLOATS) return tl_fault("\"%s\" not implemented for '%s'", op, tl_dtype_name[promoted]);
      break;
    case TL_RULE_FLOAT:
      if (class != TL_FLOATS) *result = compute = tl_here->default_dtype;
      break;
    case TL_RULE_REAL:
      if (class != TL_FLOATS)
        return tl_fault("%s(): input dtype should be floating point; got %s instead", op, tl_dtype_name[promoted]);
      break;
    case TL_RULE_TEST: *result = TL_b8; break;
    case TL_RULE_SUM:
      if (class != TL_FLOATS) *result = compute = TL_i64;
      break;
    case TL_RULE_INDEX: *result = TL_i64; break;
  }
  return compute;
}

int tl_can_cast (int from, int to) { return tl_class[from] <= tl_class[to]; }

double tl_num_to_double (tl_Num v, int dtype) { return tl_is_float(dtype) ? v.f : (double)v.i; }

/* the kernels' rule for float to integer (cpu/convert.c) */
static int64_t whole (double x, int dtype) {
  if (dtype == TL_i64) return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN;
  return x >= -0x1p31 && x < 0x1p31 ? (int64_t)x : INT32_MIN;
}

/* to a float of `bits` bits, whose smallest normal number is 2^least and whose largest is below 2^most */
static double round_to (double x, int bits, int least, int most) {
  double step, r;
  if (x == 0 || !isfinite(x)) return x;
  step = ldexp(1, (ilogb(x) > least ? ilogb(x) : least) - bits + 1);
  r = nearbyint(x / step) * step;
  return fabs(r) < ldexp(1, most) ? r : copysign(INFINITY, x);
}

tl_Num tl_num_convert (tl_Num v, int from, int to) {
  tl_Num r = v;
  if (tl_is_float(to)) {
    double x = tl_num_to_double(v, from);
    r.f = to == TL_f64 ? x : (double)(float)x;
    if (to == TL_f16) r.f = round_to(r.f, 11, -14, 16);
    if (to == TL_bf16) r.f = round_to(r.f, 8, -126, 128);
    return r;
  }
  if (to == TL_b8) {
    r.i = tl_is_float(from) ? v.f != 0 : v.i != 0;
    return r;
  }
  if (tl_is_float(from)) v.i = r.i = whole(v.f, to);
  switch (to) {                                    /* integers wrap */
    case TL_u8: r.i = (uint8_t)v.u; break;
    case TL_i8: r.i = (int8_t)(uint8_t)v.u; break;
    case TL_i16: r.i = (int16_t)(uint16_t)v.u; break;
    case TL_i32: r.i = (int32_t)(uint32_t)v.u; break;
    default: break;
  }
  return r;
}
