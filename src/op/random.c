/*
** random.c -- drawing: fresh random tensors, tensors filled in place, permutations, dropout.
**
** Each is one TL_RANDOM command whose operand is the generator's state, so a plan continues the stream.
** Elements are drawn in the order they have in memory.
*/
#include <float.h>
#include <math.h>

#include "core/rng.h"
#include "op/common.h"
#include "op/families.h"
#include "op/pointwise.h"

/* ------------------------------------------------------------------ drawing */

/* fills t from a distribution; chance: a tensor of probabilities, or NULL */
int tl_draw (tl_Tensor *t, int op, const tl_Value *generator, const tl_Num *p, int np, tl_Tensor *chance) {
  tl_Generator *g;
  tl_Tensor *in[3];
  tl_Cmd c;
  if (!t) return -1;
  if (tl_numel(t) == 0) return 0;
  g = generator->given && generator->generator ? generator->generator : tl_default_generator(tl_device_of(t));
  if (!g) return -1;
  if (g->device != tl_device_of(t))
    return tl_fault("Expected a '%s' device type for generator but found '%s'", tl_device_of(t)->name, g->device->name);
  in[0] = t;
  in[1] = NULL;
  in[2] = chance;
  tl_cmd_init(&c, TL_RANDOM, op, tl_compute[t->dtype], 1);
  c.out = t->dtype;
  tl_space(&c, t->ndim, t->size, t->ndim, chance ? 3 : 2, in, 0);
  tl_operand(&c, 1, g->state);
  for (int k = 0; k < np; k++) c.p[k] = p[k];
  return tl_run(tl_device_of(t), &c);
}

static int must_be_float (const tl_Tensor *t, const char *op) {
  return !t ? -1 : tl_is_float(t->dtype) ? 0 : tl_fault("\"%s\" not implemented for '%s'", op, tl_dtype_name[t->dtype]);
}

static int draw_uniform (tl_Tensor *t, double from, double to, const tl_Value *g) {
  tl_Num p[2] = { { .f = from }, { .f = to } };
  if (must_be_float(t, "check_uniform_bounds")) return -1;
  if (!(from <= to))
    return tl_fault("uniform_ expects to return a [from, to) range, but found from=%g > to=%g", from, to);
  if (to - from > (t->dtype == TL_f64 ? DBL_MAX : FLT_MAX))
    return tl_fault("uniform_ expects to-from <= the dtype's largest value, but found to=%g and from=%g", to, from);
  return tl_draw(t, TL_UNIFORM, g, p, 2, NULL);
}

static int draw_normal (tl_Tensor *t, double mean, double std, const tl_Value *g) {
  tl_Num p[2] = { { .f = mean }, { .f = std } };
  if (!(std >= 0)) return tl_fault("normal expects std >= 0.0, but found std %g", std);
  if (must_be_float(t, "normal_kernel_cpu")) return -1;
  return tl_draw(t, tl_is_contiguous(t) ? TL_NORMAL : TL_NORMAL_EACH, g, p, 2, NULL);
}

/* the largest integer that random_ draws for a dtype: all integers up to it are exact */
static int64_t largest (int dtype) {
  switch (dtype) {
    case TL_f64: return (int64_t)1 << 53;
    case TL_f32: return (int64_t)1 << 24;
    case TL_f16: return (int64_t)1 << 11;
    case TL_bf16: return (int64_t)1 << 8;
    case TL_u8: return UINT8_MAX;
    case TL_i8: return INT8_MAX;
    case TL_i16: return INT16_MAX;
    case TL_i32: return INT32_MAX;
    case TL_b8: return 1;
    default: return INT64_MAX;
  }
}

/* from, and how many values from there on (0: all 2^64) */
static int draw_integers (tl_Tensor *t, int64_t from, uint64_t range, int wide, const tl_Value *g) {
  tl_Num p[3] = { { .i = from }, { .u = range }, { .i = wide } };
  return tl_draw(t, TL_INTEGER, g, p, 3, NULL);
}

static int draw_between (tl_Tensor *t, int64_t from, int64_t to, const tl_Value *g) {
  uint64_t range = (uint64_t)to - (uint64_t)from;
  int64_t high;
  if (!t) return -1;
  if (from >= to)
    return tl_fault("random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld", (long long)from,
                    (long long)to);
  high = tl_is_float(t->dtype) ? INT64_MAX : largest(t->dtype);
  if (from > high || from < (t->dtype == TL_u8 || t->dtype == TL_b8 ? 0 : -high - 1))
    return tl_fault("from is out of bounds for %s", tl_dtype_name[t->dtype]);
  if (to - 1 > high) return tl_fault("to - 1 is out of bounds for %s", tl_dtype_name[t->dtype]);
  return draw_integers(t, from, range, range >= (uint64_t)1 << 28, g);
}

/* ------------------------------------------------------------------ fresh tensors */

static tl_Tensor *fresh (tl_Args *a, int n, const int64_t *size, const tl_Value *dtype, int otherwise,
                         const tl_Value *device) {
  int d = dtype->dtype != TL_NONE ? dtype->dtype : otherwise;
  if (tl_check_sizes(a->op->name, n, size, tl_width[d])) return NULL;
  if (a->dest[0]) return tl_result(a, 0, d, n, size);
  return tl_new(device->given && device->device ? device->device : tl_here->default_device, d, n, size);
}

static tl_Tensor *like (tl_Tensor *x, const tl_Value *dtype, const tl_Value *device) {
  int d = dtype->dtype != TL_NONE ? dtype->dtype : x->dtype;
  tl_Device *v = device->given && device->device ? device->device : tl_device_of(x);
  return v == tl_device_of(x) ? tl_new_like(x, d) : tl_new(v, d, x->ndim, x->size);
}

static int finish (tl_Args *a, tl_Tensor *y, const tl_Value *requires_grad) {
  a->out[0] = y;
  return requires_grad->i ? tl_set_requires_grad(y, 1) : 0;
}

/* size, generator dtype device requires_grad */
static int rand_ (tl_Args *a) {
  tl_Tensor *y = fresh(a, a->v[0].n, a->v[0].is, &a->v[2], tl_here->default_dtype, &a->v[3]);
  if (a->op->code == TL_NORMAL ? draw_normal(y, 0, 1, &a->v[1]) : draw_uniform(y, 0, 1, &a->v[1])) return -1;
  return finish(a, y, &a->v[4]);
}

static int rand_like (tl_Args *a) {
  tl_Tensor *y = like(a->v[0].t, &a->v[2], &a->v[3]);
  if (a->op->code == TL_NORMAL ? draw_normal(y, 0, 1, &a->v[1]) : draw_uniform(y, 0, 1, &a->v[1])) return -1;
  return finish(a, y, &a->v[4]);
}

static int randint (tl_Args *a) {
  const tl_Value *v = a->v + (a->which ? 1 : 0);          /* high, size, generator, dtype, device, requires_grad */
  tl_Tensor *y = fresh(a, v[1].n, v[1].is, &v[3], TL_i64, &v[4]);
  return draw_between(y, a->which ? a->v[0].i : 0, v[0].i, &v[2]) ? -1 : finish(a, y, &v[5]);
}

static int randint_like (tl_Args *a) {
  const tl_Value *v = a->v + (a->which ? 2 : 1);          /* high, generator, dtype, device, requires_grad */
  tl_Tensor *y = like(a->v[0].t, &v[2], &v[3]);
  return draw_between(y, a->which ? a->v[1].i : 0, v[0].i, &v[1]) ? -1 : finish(a, y, &v[4]);
}

static int randperm (tl_Args *a) {
  int64_t n = a->v[0].i;
  tl_Tensor *y = fresh(a, 1, &n, &a->v[2], TL_i64, &a->v[3]);
  if (!y) return -1;
  if (y->dtype == TL_b8) return tl_fault("\"randperm\" not implemented for 'bool'");
  if (n > largest(y->dtype))
    return tl_fault("randperm: value cannot be converted to type %s without overflow", tl_dtype_name[y->dtype]);
  return tl_draw(y, TL_PERMUTATION, &a->v[1], &(tl_Num){ .i = 1 }, 1, NULL) ? -1 : finish(a, y, &a->v[4]);
}

/* means and deviations, either of them tensors; or numbers and a size */
enum { TENSORS, TENSOR_NUMBER, NUMBER_TENSOR, NUMBERS };

static int normal (tl_Args *a) {
  tl_Tensor *t[2], *y, *in[2];
  int64_t size[TL_MAXDIM];
  int ndim, dtype;
  tl_Num one = { .f = 1 };
  if (a->which == NUMBERS) {
    y = fresh(a, a->v[2].n, a->v[2].is, &a->v[4], tl_here->default_dtype, &a->v[5]);
    return draw_normal(y, tl_double(&a->v[0]), tl_double(&a->v[1]), &a->v[3]) ? -1 : finish(a, y, &a->v[6]);
  }
  t[0] = a->which == NUMBER_TENSOR ? tl_number(tl_double(&a->v[0])) : a->v[0].t;
  t[1] = a->which == TENSOR_NUMBER ? tl_number(tl_double(&a->v[1])) : a->v[1].t;
  ndim = t[0] && t[1] ? tl_broadcast("normal", 2, t, size) : -1;
  if (ndim < 0) return -1;
  if (a->which != TENSOR_NUMBER && tl_within(t[1], 0, INFINITY, "normal expects all elements of std >= 0.0")) return -1;
  dtype = a->which == NUMBER_TENSOR ? t[1]->dtype : t[0]->dtype;
  y = a->out[0] = tl_result(a, 0, dtype, ndim, size);
  if (draw_normal(y, 0, a->which == TENSOR_NUMBER ? tl_double(&a->v[1]) : 1, &a->v[2])) return -1;
  in[0] = y;
  in[1] = t[1];
  if (a->which != TENSOR_NUMBER && !tl_map(TL_mul, 2, in, 0, NULL, y)) return -1;
  in[1] = t[0];
  return tl_map(TL_add, 2, in, 1, &one, y) ? 0 : -1;
}

static int zero_back (tl_Node *n, tl_Tensor **g) {
  for (int k = 0; k < n->nin; k++)
    if (tl_needs(n, k) && tl_answer(n, k, tl_zeros_like(g[0]))) return -1;
  return 0;
}

/* ------------------------------------------------------------------ in place */

static int into (tl_Args *a, int failed) {
  a->out[0] = a->dest[0];
  return failed ? -1 : 0;
}

static int uniform_ (tl_Args *a) {
  return into(a, draw_uniform(a->v[0].t, tl_double(&a->v[1]), tl_double(&a->v[2]), &a->v[3]));
}

static int normal_ (tl_Args *a) {
  return into(a, draw_normal(a->v[0].t, tl_double(&a->v[1]), tl_double(&a->v[2]), &a->v[3]));
}

static int random_ (tl_Args *a) {
  tl_Tensor *t = a->v[0].t;
  int64_t high = largest(t->dtype), from;
  int wide = t->dtype == TL_i64 || t->dtype == TL_f64;
  if (a->which == 0) return into(a, draw_integers(t, 0, (uint64_t)high + 1, wide, &a->v[1]));
  if (a->which == 1) return into(a, draw_between(t, 0, a->v[1].i, &a->v[2]));
  from = a->v[1].i;
  if (a->v[2].given) return into(a, draw_between(t, from, a->v[2].i, &a->v[3]));
  if (from > high) return tl_fault("from is out of bounds for %s", tl_dtype_name[t->dtype]);
  {
    uint64_t range = (uint64_t)high - (uint64_t)from + 1;
    return into(a, draw_integers(t, from, range, range == 0 || range >= (uint64_t)1 << 28, &a->v[3]));
  }
}

static int bernoulli_ (tl_Args *a) {
  tl_Tensor *t = a->v[0].t, *p = a->v[1].t;
  double chance;
  if (a->which == 0) {
    if (!tl_is_float(p->dtype))
      return tl_fault("bernoulli_: expects p to be a floating point tensor, but got %s", tl_dtype_name[p->dtype]);
    if (!tl_can_expand(p->ndim, p->size, t->ndim, t->size))
      return tl_fault("bernoulli_: the sizes of p can't be broadcast to those of self");
    return into(a, tl_draw(t, TL_BERNOULLI, &a->v[2], NULL, 0, p));
  }
  chance = tl_double(&a->v[1]);
  if (!(chance >= 0 && chance <= 1)) return tl_fault("bernoulli_ expects p to be in [0, 1], but got p=%g", chance);
  return into(a, tl_draw(t, TL_BERNOULLI, &a->v[2], &(tl_Num){ .f = chance }, 1, NULL));
}

static int bernoulli (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  double chance;
  if (a->which == 1) {
    chance = tl_double(&a->v[1]);
    if (!(chance >= 0 && chance <= 1)) return tl_fault("bernoulli_ expects p to be in [0, 1], but got p=%g", chance);
    a->out[0] = tl_new_like(x, x->dtype);
    return tl_draw(a->out[0], TL_BERNOULLI, &a->v[2], &(tl_Num){ .f = chance }, 1, NULL);
  }
  if (must_be_float(x, "bernoulli_tensor_cpu_p_")) return -1;
  a->out[0] = tl_new_like(x, x->dtype);
  return tl_draw(a->out[0], TL_BERNOULLI, &a->v[1], NULL, 0, x);
}

/* exponential_, geometric_, cauchy_, log_normal_: one or two numbers and what they must be */
static int special_ (tl_Args *a) {
  int op = a->op->code, np = op == TL_EXPONENTIAL || op == TL_GEOMETRIC ? 1 : 2;
  tl_Tensor *t = a->v[0].t;
  tl_Num p[2] = { { .f = tl_double(&a->v[1]) }, { .f = np == 2 ? tl_double(&a->v[2]) : 0 } };
  if (op == TL_GEOMETRIC ? t->dtype == TL_b8 && tl_fault("geometric_: not implemented for bool tensors")
                         : must_be_float(t, a->op->name)) return -1;
  if (op == TL_EXPONENTIAL && !(p[0].f > 0))
    return tl_fault("exponential_ expects lambda > 0.0, but found lambda=%g", p[0].f);
  if (op == TL_GEOMETRIC && !(p[0].f > 0 && p[0].f < 1))
    return tl_fault("geometric_ expects p to be in (0, 1), but got p=%g", p[0].f);
  if (op == TL_CAUCHY && !(p[1].f > 0)) return tl_fault("cauchy_ expects sigma > 0.0, but found sigma=%g", p[1].f);
  if (op == TL_LOG_NORMAL && !(p[1].f > 0)) return tl_fault("log_normal_ expects std > 0.0, but found std=%g", p[1].f);
  return into(a, tl_draw(t, op, &a->v[np + 1], p, np, NULL));
}

/* ------------------------------------------------------------------ table */

#define MAKES " * generator:g? dtype:y? device:v? requires_grad:b=false"
#define FRESH(name, args, doc, forward, code) { name, args MAKES, doc, forward, NULL, TL_OP_FUNCTION | TL_OP_NODIFF, \
  code, NULL, NULL }
#define FILLS(name, args, doc, forward, code) \
  { name, args, doc, forward, NULL, TL_OP_INPLACE_ONLY | TL_OP_METHOD | TL_OP_NODIFF, code, NULL, NULL }
#define STREAM " From the generator given, or the default one; PyTorch's CPU stream, value for value."

const tl_Op tl_random_ops[] = {
  FRESH("rand", "size:S...", "uniform numbers in [0, 1); a floating dtype, the default one unless given." STREAM,
        rand_, TL_UNIFORM),
  FRESH("randn", "size:S...", "normal numbers of mean 0 and deviation 1; a floating dtype, the default one unless "
        "given." STREAM, rand_, TL_NORMAL),
  { "randint", "high:i size:S" MAKES " | low:i high:i size:S" MAKES, "integers in [low, high), low 0 unless given; "
    "any dtype, int64 unless given." STREAM, randint, NULL, TL_OP_FUNCTION | TL_OP_NODIFF, 0, NULL, NULL },
  FRESH("randperm", "n:i", "the positions 1 to n in random order; int64 unless dtype is given." STREAM, randperm, 0),
  FRESH("rand_like", "self:T", "uniform numbers in [0, 1) of self's sizes, and its dtype unless given." STREAM,
        rand_like, TL_UNIFORM),
  FRESH("randn_like", "self:T", "normal numbers of self's sizes, and its dtype unless given." STREAM, rand_like,
        TL_NORMAL),
  { "randint_like", "self:T high:i" MAKES " | self:T low:i high:i" MAKES, "integers in [low, high) of self's sizes, "
    "and its dtype unless given." STREAM, randint_like, NULL, TL_OP_FUNCTION | TL_OP_NODIFF, 0, NULL, NULL },
  { "normal", "mean:T std:T * generator:g? | mean:T std:n=1 * generator:g? | mean:n std:T * generator:g? | mean:n "
    "std:n size:S..." MAKES, "normal numbers of given means and deviations (not negative): tensors, which broadcast, "
    "or numbers and a size." STREAM, normal, zero_back, TL_OP_FUNCTION, 0, NULL, NULL },
  { "bernoulli", "self:T * generator:g? | self:T p:n * generator:g?", "1 with probability self (in [0, 1], floating "
    "point), else 0; or with probability p." STREAM, bernoulli, zero_back, 0, 0, NULL, NULL },
  FILLS("uniform_", "self:T from:n=0 to:n=1 * generator:g?", "fills with uniform numbers in [from, to); floating "
        "dtypes." STREAM, uniform_, 0),
  FILLS("normal_", "self:T mean:n=0 std:n=1 * generator:g?", "fills with normal numbers; floating dtypes, std not "
        "negative." STREAM, normal_, 0),
  FILLS("random_", "self:T * generator:g? | self:T to:i * generator:g? | self:T from:i to:i? * generator:g?",
        "fills with integers in [from, to), from 0 unless given; without to: up to the largest that the dtype holds "
        "(floats: that is exact)." STREAM, random_, 0),
  FILLS("bernoulli_", "self:T p:T * generator:g? | self:T p:n=0.5 * generator:g?", "fills with 1 by probability p, a "
        "number or a tensor in [0, 1], and else 0." STREAM, bernoulli_, 0),
  FILLS("exponential_", "self:T lambd:n=1 * generator:g?", "fills with exponentially distributed numbers of rate "
        "lambd > 0." STREAM, special_, TL_EXPONENTIAL),
  FILLS("geometric_", "self:T p:n * generator:g?", "fills with the number of trials until the first success; 0 < p < "
        "1." STREAM, special_, TL_GEOMETRIC),
  FILLS("cauchy_", "self:T median:n=0 sigma:n=1 * generator:g?", "fills with Cauchy distributed numbers, sigma > "
        "0." STREAM, special_, TL_CAUCHY),
  FILLS("log_normal_", "self:T mean:n=1 std:n=2 * generator:g?", "fills with exp of normal numbers of that mean and "
        "std > 0." STREAM, special_, TL_LOG_NORMAL),
  TL_ROW_END
};
