/*
** arith.c -- operations that are a formula and a little more: checks in PyTorch's words, numbers that
** choose the formula, arguments in another order.  All end in tl_point and share its backward.
*/
#include <math.h>
#include <stdlib.h>

#include "op/families.h"
#include "op/pointwise.h"

static const int straight[3] = { 0, 1, 2 };

/* the first n parameters are the operands */
static int operands (tl_Args *a, int code, int n, int np, const tl_Num *p, int kind) {
  tl_Tensor *in[3];
  for (int k = 0; k < n; k++) in[k] = a->v[k].t;
  return tl_point(a, code, n, in, straight, np, p, kind);
}

/* ------------------------------------------------------------------ add, sub */

/* the formula's number for alpha; kind or -1 */
static int read_alpha (tl_Args *a, int code, tl_Tensor *const *in, tl_Num *p) {
  int type = in[0]->dtype == in[1]->dtype ? in[0]->dtype : tl_promote_tensors(2, in);
  const tl_Value *v = &a->v[2];
  if (TL_LIKELY(!v->given)) {
    if (tl_is_float(type)) p->f = 1;
    else p->i = 1;
  }
  else {
    if (v->kind == 'b' && type != TL_b8)
      return tl_fault("%s: Boolean alpha only supported for Boolean results.", a->op->name);
    if (v->kind == 'f' && !tl_is_float(type))
      return tl_fault("%s: For integral input tensors, argument alpha must not be a floating point number.",
                      a->op->name);
    *p = tl_num(v, type);
  }
  if (code == TL_sub && (in[0]->dtype == TL_b8 || in[1]->dtype == TL_b8)) {
    if (in[0]->dtype == in[1]->dtype)
      return tl_fault("%s: Subtraction, the `-` operator, with two bool tensors is not supported. Use the `~` or "
                      "`logical_xor()` operator instead.", a->op->name);
    return tl_fault("%s: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
                    "invert a mask, use the `~` or `logical_not()` operator instead.", a->op->name);
  }
  return tl_is_float(type) ? 'f' : 'i';
}

static int add_like (tl_Args *a) {
  tl_Tensor *in[2] = { a->v[0].t, a->v[1].t };
  tl_Num p;
  int code = a->op->code, kind = read_alpha(a, code, in, &p);
  if (TL_UNLIKELY(kind < 0)) return -1;
  if (TL_LIKELY(!a->wants && !a->dest[0])) return tl_done(a, tl_map(code, 2, in, 1, &p, NULL));
  return tl_point(a, code, 2, in, straight, 1, &p, kind);
}

static int rsub (tl_Args *a) {
  static const int swapped[2] = { 1, 0 };
  tl_Tensor *in[2] = { a->v[1].t, a->v[0].t };
  tl_Num p;
  int kind = read_alpha(a, TL_sub, in, &p);
  return kind < 0 ? -1 : tl_point(a, TL_sub, 2, in, swapped, 1, &p, kind);
}

static int neg (tl_Args *a) {
  if (a->v[0].t->dtype == TL_b8)
    return tl_fault("neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
                    "a mask, use the `~` or `logical_not()` operator instead.");
  return operands(a, TL_neg, 1, 0, NULL, 'f');
}

/* ------------------------------------------------------------------ division */

static int divide (tl_Args *a) {
  int code = !a->v[2].given ? TL_div : a->v[2].i ? TL_div_floor : TL_div_trunc;
  return operands(a, code, 2, 0, NULL, 'f');
}

/* number / tensor, rounded twice as PyTorch does */
static int divide_into (tl_Args *a) { return tl_done(a, tl_mul(tl_op1(TL_reciprocal, a->v[0].t), a->v[1].t)); }

static int floor_divide (tl_Args *a) { return operands(a, TL_div_floor, 2, 0, NULL, 'f'); }

/* ------------------------------------------------------------------ powers */

/* x^2; bool counts as int64 */
static int square_of (tl_Args *a, tl_Tensor *x) {
  if (x->dtype == TL_b8) x = tl_cast(x, TL_i64);
  return x ? tl_point(a, TL_square, 1, &x, straight, 0, NULL, 'f') : -1;
}

static int square (tl_Args *a) { return square_of(a, a->v[0].t); }

static int pow_number (tl_Args *a, tl_Tensor *x, tl_Tensor *e) {
  tl_Tensor *in[2] = { x, e };
  int type = tl_promote_tensors(2, in);
  tl_Num p = { .f = tl_num_to_double(e->number, e->dtype) };
  if (!tl_is_float(type)) {
    static const char *const names[TL_NDTYPE] = { [TL_u8] = "uint8_t", [TL_i8] = "int8_t", [TL_i16] = "int16_t", [TL_i32] = "int" };
    if (e->number.i < 0) return tl_fault("pow: Integers to negative integer powers are not allowed.");
    if (names[type] && tl_num_convert(e->number, TL_i64, type).i != e->number.i)
      return tl_fault("pow: value cannot be converted to type %s without overflow", names[type]);
    return e->number.i == 2 ? square_of(a, x) : tl_point(a, TL_pow, 2, in, straight, 0, NULL, 'f');
  }
  if (!tl_is_float(x->dtype)) x = tl_cast(x, type);
  if (!x) return -1;
  if (p.f == 2) return square_of(a, x);
  if (x->dtype == TL_f16 || x->dtype == TL_bf16) {
    double e16 = tl_num_convert(p, TL_f64, x->dtype).f;
    if (isinf(e16) && !isinf(p.f))
      return tl_fault("pow: value cannot be converted to type c10::%s without overflow", x->dtype == TL_f16 ? "Half" : "BFloat16");
    p.f = e16;
  }
  return tl_point(a, TL_pow_number, 1, &x, straight, 1, &p, 'f');
}

static int pow_of (tl_Args *a) {
  if (a->v[1].t->flags & TL_WRAPPED && !(a->v[0].t->flags & TL_WRAPPED)) return pow_number(a, a->v[0].t, a->v[1].t);
  return operands(a, TL_pow, 2, 0, NULL, 'f');
}

/* ------------------------------------------------------------------ limits */

/* the values that a dtype holds, as bounds that don't bind */
static void limits (int type, tl_Num *low, tl_Num *high) {
  int bits = 8 * tl_width[type] - 1;
  if (tl_is_float(type)) {
    low->f = -INFINITY;
    high->f = INFINITY;
    return;
  }
  high->i = type == TL_u8 ? 255 : (int64_t)(((uint64_t)1 << bits) - 1);
  low->i = type == TL_u8 ? 0 : -high->i - 1;
}

static tl_Tensor *bound (const tl_Value *v) { return v->kind == 'f' ? tl_number(v->f) : tl_integer(v->i); }

/* a limit of integers, max or min, as type holds it: one that never binds becomes the type's own, one that always
   does is refused */
static int integer_limit (int max, int type, int64_t v, int64_t *limit) {
  tl_Num low, high;
  limits(type, &low, &high);
  if (max ? v < low.i : v > high.i)
    return tl_fault("Clamp %s value %lld is outside the representable range of %s", max ? "max" : "min", (long long)v,
                    tl_dtype_name[type]);
  *limit = v < low.i ? low.i : v > high.i ? high.i : v;
  return 0;
}

static int clamp_numbers (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *in[3] = { x, NULL, NULL };
  tl_Num p[2];
  int type;
  for (int k = 1; k <= 2; k++)
    if (a->v[k].given && !(in[k] = bound(&a->v[k]))) return -1;
  type = tl_promote_tensors(3, in);
  if (type != x->dtype && !(x = tl_cast(x, type))) return -1;
  limits(type, &p[0], &p[1]);
  for (int k = 0; k < 2; k++) {
    const tl_Value *v = &a->v[k + 1];
    if (!v->given) continue;
    if (tl_is_float(type)) p[k] = tl_num(v, type);
    else if (integer_limit(k, type, v->i, &p[k].i)) return -1;
  }
  return tl_point(a, TL_clamp, 1, &x, straight, 2, p, tl_is_float(type) ? 'f' : 'i');
}

static int hardtanh (tl_Args *a) {
  int type = a->v[0].t->dtype;
  double low = tl_double(&a->v[1]), high = tl_double(&a->v[2]);
  tl_Num p[2];
  if (low > high) return tl_fault("min_val cannot be greater than max_val");
  if (tl_is_float(type) || type == TL_b8) return tl_point_forward(a);
  for (int k = 0; k < 2; k++)
    if (integer_limit(k, type, tl_num(&a->v[k + 1], TL_i64).i, &p[k].i)) return -1;
  return tl_point(a, TL_hardtanh, 1, &a->v[0].t, straight, 2, p, 'i');
}

/* one limit, number or tensor; of bools max is or, min is and */
static int clamp_one (tl_Args *a) {
  int code = a->op->code;
  tl_Tensor *in[2] = { a->v[0].t, a->v[1].t };
  int type = tl_promote_tensors(2, in);
  if (in[0]->dtype == TL_b8 && in[1]->dtype == TL_b8) code = code == TL_clamp_min ? TL_maximum : TL_minimum;
  else if (in[1]->flags & TL_WRAPPED && !tl_is_float(type)) {
    tl_Num limit = in[1]->number;
    if (integer_limit(code == TL_clamp_max, type, limit.i, &limit.i) || !(in[1] = tl_integer(limit.i))) return -1;
  }
  return tl_point(a, code, 2, in, straight, 0, NULL, 'f');
}

static int clamp (tl_Args *a) {
  static const int upper[2] = { 0, 2 };
  tl_Tensor *in[3] = { a->v[0].t, a->v[1].given ? a->v[1].t : NULL, a->v[2].given ? a->v[2].t : NULL };
  if (!a->v[1].given && !a->v[2].given)
    return tl_fault("torch.clamp: At least one of 'min' or 'max' must not be None");
  if (a->which == 0) return clamp_numbers(a);
  if (in[1] && in[2]) return tl_point(a, TL_clamp_tensor, 3, in, straight, 0, NULL, 'f');
  if (in[1]) return tl_point(a, TL_clamp_min, 2, in, straight, 0, NULL, 'f');
  in[1] = in[2];
  return tl_point(a, TL_clamp_max, 2, in, upper, 0, NULL, 'f');
}

/* ------------------------------------------------------------------ choice */

static int where (tl_Args *a) {
  int d = a->v[0].t->dtype;
  if (a->which == 1 && d != TL_b8 && d != TL_u8)
    return tl_fault("where expected condition to be a boolean tensor, but got a tensor with dtype %s",
                    tl_dtype_name[d]);
  if (a->which == 1) return operands(a, TL_where, 3, 0, NULL, 'f');
  a->list = tl_nonzero_list(a->v[0].t, &a->nlist);
  return a->list ? 0 : -1;
}

/* ------------------------------------------------------------------ three operands */

static int with_value (tl_Args *a) {
  tl_Tensor *in[3] = { a->v[0].t, a->v[1].t, a->v[2].t };
  tl_Num p;
  int kind;
  if (a->op->code == TL_addcdiv && !tl_is_float(in[1]->dtype) && !tl_is_float(in[2]->dtype))
    return tl_fault("addcdiv: Integer division with addcdiv is no longer supported, and in a future  release addcdiv "
                    "will perform a true division of tensor1 and tensor2.");
  kind = tl_point_numbers(a, a->op->code, 3, in, 3, 1, &p);
  return kind < 0 ? -1 : tl_point(a, a->op->code, 3, in, straight, 1, &p, kind);
}

static int lerp (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  if (!tl_is_float(x->dtype))
    return tl_fault("lerp(): input dtype should be floating point; got %s instead", tl_dtype_name[x->dtype]);
  for (int k = 1; k <= 2; k++)
    if (!(a->v[k].t->flags & TL_WRAPPED) && a->v[k].t->dtype != x->dtype)
      return tl_fault("lerp: expected dtype %s for `%s` but got dtype %s", tl_dtype_name[x->dtype],
                      k == 1 ? "end" : "weight", tl_dtype_name[a->v[k].t->dtype]);
  return operands(a, TL_lerp, 3, 0, NULL, 'f');
}

/* ------------------------------------------------------------------ rounding to decimals, bits */

static int round_to (tl_Args *a) {
  tl_Tensor *in[2] = { a->v[0].t, NULL };
  int64_t decimals = a->v[1].i;
  if (decimals == 0) return operands(a, TL_round, 1, 0, NULL, 'f');
  if (!tl_is_float(in[0]->dtype))
    return tl_fault("\"round_cpu\" not implemented for '%s'", tl_dtype_name[in[0]->dtype]);
  in[1] = tl_number(pow(10, (double)llabs(decimals)));
  tl_keep_ints(a, 3, (int64_t[]){ TL_round, 0, 1 });      /* a step function all the same */
  a->out[0] = in[1] ? tl_map(decimals < 0 ? TL_div : TL_mul, 2, in, 0, NULL, NULL) : NULL;
  if (!a->out[0] || !tl_map(TL_round, 1, a->out, 0, NULL, a->out[0])) return -1;
  in[0] = a->out[0];
  return tl_map(decimals < 0 ? TL_mul : TL_div, 2, in, 0, NULL, a->out[0]) ? 0 : -1;
}

static int bitwise_not (tl_Args *a) {
  return operands(a, a->v[0].t->dtype == TL_b8 ? TL_logical_not : TL_bitwise_not, 1, 0, NULL, 'i');
}

/* operations of whole numbers that mean nothing for bool */
static int whole (tl_Args *a) {
  tl_Tensor *in[2] = { a->v[0].t, a->v[1].t };
  if (tl_promote_tensors(2, in) == TL_b8) return tl_fault("\"%s\" not implemented for 'bool'", a->op->name);
  return operands(a, a->op->code, 2, 0, NULL, 'i');
}

/* ------------------------------------------------------------------ activations */

static int gelu (tl_Args *a) { return operands(a, a->v[1].i ? TL_gelu_tanh : TL_gelu, 1, 0, NULL, 'f'); }

/* ------------------------------------------------------------------ table */

#define ROW(name, args, doc, forward, code)  { name, args, doc, forward, tl_point_back, TL_OP_INPLACE, code, NULL, \
  NULL }
#define BITS(name, args, doc, forward, code) { name, args, doc, forward, NULL, TL_OP_INPLACE | TL_OP_NODIFF, code, \
  NULL, NULL }
#define NN(name, args, doc, forward, code)   { name, args, doc, forward, tl_point_back, 0, code, "nn.functional", NULL }
#define MEET "; operands broadcast and are promoted"

const tl_Op tl_arith_ops[] = {
  ROW("add", "self:N other:N * alpha:n=1", "self + alpha * other; of bools: or" MEET ".", add_like, TL_add),
  ROW("sub", "self:N other:N * alpha:n=1", "self - alpha * other" MEET ". Not for bool.", add_like, TL_sub),
  { "rsub", "self:N other:N * alpha:n=1", "other - alpha * self" MEET ". Not for bool.", rsub, tl_point_back,
    TL_OP_INPLACE | TL_OP_NAMES, TL_sub, NULL, "RsubBackward1\0RsubBackward0\0RsubBackward0" },
  ROW("neg", "self:T", "-self. Not for bool; unsigned integers wrap.", neg, TL_neg),
  ROW("div", "self:N other:N * rounding_mode:s(trunc,floor)?", "self / other" MEET "; integers give the default "
      "float dtype. rounding_mode trunc rounds towards 0, floor down, and both keep integers; integers divided by 0 "
      "are then an error.", divide, TL_div),
  { "__rdiv__", "self:T other:N", "other / self as reciprocal(self) * other: what number / tensor means. A division "
    "of tensors rounds once, this twice.", divide_into, NULL, TL_OP_COMPOSITE | TL_OP_METHOD, 0, NULL, NULL },
  ROW("floor_divide", "self:N other:N", "self / other rounded down" MEET "; integers divided by 0 are an error.",
      floor_divide, TL_div_floor),
  ROW("square", "self:T", "self * self; bool gives int64.", square, TL_square),
  { "pow", "self:N exponent:N", "self to the power of exponent" MEET ". By a number: 2 is x*x, 3 (x*x)*x, 0.5 "
    "sqrt, -1 1/x. Integers to a negative integer number are an error.", pow_of, tl_point_back,
    TL_OP_INPLACE | TL_OP_NAMES, TL_pow, NULL, "PowBackward0\0PowBackward1\0PowBackward2" },
  { "clamp", "self:T min:n? max:n? | self:T min:T? max:T?", "limited to [min, max], numbers or tensors; nil: no "
    "limit. Where min > max: max. Passes the gradient on the limits. A float limit makes floats of integers.", clamp,
    tl_point_back, TL_OP_INPLACE | TL_OP_NAMES, 0,
    NULL, "ClampBackward1\0ClampBackward0" },
  ROW("clamp_min", "self:T min:N", "at least min" MEET ". Passes the gradient on the limit.", clamp_one, TL_clamp_min),
  ROW("clamp_max", "self:T max:N", "at most max" MEET ". Passes the gradient on the limit.", clamp_one, TL_clamp_max),
  { "where", "condition:T -> L | condition:T self:N other:N", "self where condition is true, else other" MEET "; the "
    "condition is bool (or uint8) and has no say in the dtype. With the condition alone: a list of index tensors, "
    "one per dim, of where it holds. The method is x:where(condition, other).", where, tl_point_back, TL_OP_FUNCTION,
    TL_where, NULL, NULL },
  ROW("addcmul", "self:T tensor1:T tensor2:T * value:n=1", "self + value * tensor1 * tensor2" MEET ".", with_value,
      TL_addcmul),
  ROW("addcdiv", "self:T tensor1:T tensor2:T * value:n=1", "self + value * tensor1 / tensor2" MEET ". Floating point "
      "only.", with_value, TL_addcdiv),
  ROW("lerp", "self:T end:T weight:N", "self + weight * (end - self), computed from the nearer end. One floating "
      "dtype.", lerp, TL_lerp),
  ROW("round", "self:T * decimals:i=0", "rounded to so many decimals (negative: to tens, hundreds ...), halves to "
      "even.", round_to, TL_round),
  BITS("bitwise_not", "self:T", "every bit inverted; of bool: not. Integers and bool only.", bitwise_not,
       TL_bitwise_not),
  BITS("bitwise_left_shift", "self:N other:N", "self * 2^other" MEET "; 0 when other is negative or not below the "
       "number of bits. Integers only.", whole, TL_bitwise_left_shift),
  BITS("bitwise_right_shift", "self:N other:N", "floor(self / 2^other)" MEET "; the sign when other is negative or "
       "not below the number of bits. Integers only.", whole, TL_bitwise_right_shift),
  BITS("gcd", "self:N other:N", "greatest common divisor, never negative" MEET ". Integers only.", whole, TL_gcd),
  BITS("lcm", "self:N other:N", "least common multiple, never negative" MEET ". Integers only.", whole, TL_lcm),
  NN("hardtanh", "input:T min_val:n=-1 max_val:n=1", "limited to [min_val, max_val]; gradient 0 on the limits.",
     hardtanh, TL_hardtanh),
  NN("leaky_relu", "input:T negative_slope:n=0.01", "x, or negative_slope * x where x is not positive. Floating "
     "point only.", tl_point_forward, TL_leaky_relu),
  NN("elu", "input:T alpha:n=1", "x, or alpha * (exp(x) - 1) where x is not positive. Floating point only.",
     tl_point_forward, TL_elu),
  NN("silu", "input:T", "x * sigmoid(x). Floating point only.", tl_point_forward, TL_silu),
  NN("softplus", "input:T beta:n=1 threshold:n=20", "log(1 + exp(beta * x)) / beta; x itself where beta * x is above "
     "threshold. Floating point only.", tl_point_forward, TL_softplus),
  NN("gelu", "input:T * approximate:s(none,tanh)=none", "x times the normal distribution's share below x, exactly or "
     "by tanh. Floating point only.", gelu, TL_gelu),
  TL_ROW_END
};
