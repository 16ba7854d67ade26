/*
** sample.c -- operations that use random numbers: multinomial sampling and dropout.
*/
#include <math.h>
#include <stdlib.h>

#include "op/families.h"
#include "op/pointwise.h"

/* an in-place method with a generator, on memory that nobody else sees */
static int fill_random (const char *name, int form, tl_Tensor *t, double p, const tl_Value *generator) {
  tl_Args a;
  if (!t) return -1;
  tl_args(&a, tl_op(name), form);
  a.v[0].t = t;
  if (p >= 0) {
    a.v[1].f = p;
    a.v[1].kind = 'f';
    a.v[1].given = 1;
  }
  if (generator) a.v[a.form->n - 1] = *generator;
  return tl_apply(&a);
}

/* ------------------------------------------------------------------ multinomial */

/*
** Host work over rows.  arg0: positions (rows, n) i64; arg1: with replacement weights (rows, k) and arg2
** uniform doubles (rows, n); without: keys (rows, k), of which the n largest are taken.  All packed.
** p: rows, k, n.
*/
static double weight_at (const tl_Arg *a, int64_t i) {
  return a->dtype == TL_f64 ? ((const double *)a->data)[i] : (double)((const float *)a->data)[i];
}

static int sample_rows (const tl_Cmd *c) {
  int64_t rows = c->p[0].i, k = c->p[1].i, n = c->p[2].i, *to = c->arg[0].data;
  const double *u = c->arg[2].data;
  int wide = c->arg[1].dtype == TL_f64;
  double *sum = tl_malloc((size_t)(k ? k : 1) * sizeof *sum);
  if (!sum) return TL_NOMEM;
  for (int64_t r = 0; r < rows; r++) {
    double all = 0;
    for (int64_t j = 0; j < k; j++) {                    /* a running sum in the weights' own dtype */
      double w = weight_at(&c->arg[1], r * k + j);
      sum[j] = all = wide ? all + w : (double)((float)all + (float)w);
    }
    for (int64_t j = 0; j < k; j++) sum[j] = wide ? sum[j] / all : (double)((float)sum[j] / (float)all);
    sum[k - 1] = 1;
    for (int64_t i = 0; i < n; i++) {
      int64_t low = 0, high = k;
      while (high > low) {
        int64_t middle = low + (high - low) / 2;
        if (sum[middle] < u[r * n + i]) low = middle + 1;
        else high = middle;
      }
      to[r * n + i] = low + 1;
    }
  }
  tl_free(sum);
  return TL_DONE;
}

typedef struct Key { double key; int64_t at; } Key;

static int larger_first (const void *x, const void *y) {
  const Key *a = x, *b = y;
  if (a->key != b->key) return a->key > b->key || a->key != a->key ? -1 : 1;
  return a->at < b->at ? -1 : a->at > b->at;
}

static int largest_rows (const tl_Cmd *c) {
  int64_t rows = c->p[0].i, k = c->p[1].i, n = c->p[2].i, *to = c->arg[0].data;
  Key *key = tl_malloc((size_t)(k ? k : 1) * sizeof *key);
  if (!key) return TL_NOMEM;
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t j = 0; j < k; j++) {
      key[j].key = weight_at(&c->arg[1], r * k + j);
      key[j].at = j;
    }
    qsort(key, (size_t)k, sizeof *key, larger_first);
    for (int64_t i = 0; i < n; i++) to[r * n + i] = key[i].at + 1;
  }
  tl_free(key);
  return TL_DONE;
}

static int host (int (*call) (const tl_Cmd *), tl_Tensor *result, tl_Tensor *x, tl_Tensor *u, int64_t rows, int64_t k,
                 int64_t n) {
  tl_Cmd c;
  tl_More more = { .nargs = 0, .nbytes = 0, .args = NULL, .bytes = NULL, .call = call };
  tl_Tensor *to = result;
  if (!to || !x) return -1;
  if (tl_device_of(x) != tl_cpu()) {                     /* to the host and back */
    to = tl_new(tl_cpu(), TL_i64, to->ndim, to->size);
    x = tl_to_device(x, tl_cpu());
    if (!to || !x || (u && !(u = tl_to_device(u, tl_cpu())))) return -1;
  }
  tl_cmd_init(&c, TL_HOST, 0, TL_i64, 1);
  tl_operand(&c, 0, to);
  tl_operand(&c, 1, x);
  if (u) tl_operand(&c, 2, u);
  c.p[0].i = rows;
  c.p[1].i = k;
  c.p[2].i = n;
  c.more = &more;
  if (tl_run(tl_cpu(), &c)) return -1;
  return to == result ? 0 : tl_copy(result, to);
}

/* is a test true of any element; -1 failed */
static int any_true (tl_Tensor *test) {
  tl_Num v;
  test = test ? tl_sum(test, (1u << test->ndim) - 1, 0) : NULL;
  return !test || tl_peek_number("multinomial", test, &v) ? -1 : v.i != 0;
}

static int can_sample (tl_Tensor *x, int64_t n, int replacement) {
  tl_Tensor *good;
  int64_t k;
  int bad;
  if (!tl_is_float(x->dtype))
    return tl_fault("multinomial only supports floating-point dtypes for input, got: %s", tl_dtype_name[x->dtype]);
  if (x->ndim != 1 && x->ndim != 2) return tl_fault("multinomial: prob_dist must be 1 or 2 dim");
  k = x->size[x->ndim - 1];
  if (n <= 0) return tl_fault("multinomial: cannot sample n_sample <= 0 samples");
  if (!replacement && n > k)
    return tl_fault("multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  if (k == 0) return tl_fault("multinomial: there is nothing to sample from");
  if (tl_here->plan || tl_numel(x) == 0) return 0;
  good = tl_op2(TL_logical_and, tl_op2(TL_ge, x, tl_integer(0)), tl_op1(TL_isfinite, x));
  bad = any_true(tl_op1(TL_logical_not, good));
  if (bad)
    return bad < 0 ? -1 : tl_fault("multinomial: probability tensor contains either `inf`, `nan` or element < 0");
  bad = any_true(tl_op2(TL_eq, tl_sum(x, 1u << (x->ndim - 1), 0), tl_integer(0)));
  return bad ? bad < 0 ? -1 : tl_fault("multinomial: invalid multinomial distribution (sum of probabilities <= 0)") : 0;
}

static int multinomial (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y, *u;
  int64_t n = a->v[1].i, rows, k, size[2];
  int replacement = (int)a->v[2].i, done;
  if (can_sample(x, n, replacement)) return -1;
  k = x->size[x->ndim - 1];
  rows = x->ndim == 2 ? x->size[0] : 1;
  size[0] = rows;
  size[1] = n;
  y = a->out[0] = tl_result(a, 0, TL_i64, x->ndim, size + 2 - x->ndim);
  if (!y) return -1;
  if (rows == 0) return 0;
  if (!tl_is_contiguous(y)) y = tl_new(tl_device_of(y), TL_i64, y->ndim, y->size);
  if (replacement) {
    u = tl_new(tl_device_of(x), TL_f64, 2, size);
    if (fill_random("uniform_", 0, u, -1, &a->v[3])) return -1;
    if (x->dtype != TL_f64) x = tl_cast(x, TL_f32);
    done = host(sample_rows, y, tl_contiguous(x), u, rows, k, n);
  }
  else {
    tl_Tensor *q = tl_new(tl_device_of(x), x->dtype, x->ndim, x->size), *in[2] = { x, q };
    if (fill_random("exponential_", 0, q, 1, &a->v[3]) || !tl_map(TL_div, 2, in, 0, NULL, q)) return -1;
    if (q->dtype != TL_f64) q = tl_cast(q, TL_f32);
    done = host(largest_rows, y, q, NULL, rows, k, n);
  }
  return done || (y != a->out[0] && tl_copy(a->out[0], y)) ? -1 : 0;
}

/* ------------------------------------------------------------------ dropout */

/*
** PyTorch's fused kernel of its CUDA device draws otherwise than bernoulli_: the mask holds the scale already, but
** for half types, in which the scale would be rounded.
*/
static tl_Tensor *dropped_fused (tl_Tensor *x, double p) {
  int half = x->dtype == TL_f16 || x->dtype == TL_bf16;
  double scale = x->dtype == TL_f64 ? 1 / (1 - p) : (double)(1 / (float)(1 - p));
  tl_Num n[2] = { { .f = 1 - p }, { .f = half ? 1 : scale } };
  tl_Value none = { 0 };
  tl_Tensor *mask = tl_new_like(x, x->dtype), *y;
  if (!mask || tl_draw(mask, TL_DROPOUT, &none, n, 2, NULL)) return NULL;
  y = tl_mul(x, mask);
  return half && y ? tl_mul(y, tl_number(scale)) : y;
}

/* x (or a new tensor) = x * mask / (1 - p), the mask drawn over x's sizes in their order */
static tl_Tensor *dropped (tl_Tensor *x, double p, int inplace) {
  tl_Tensor *mask, *in[2];
  tl_Args a;
  if (!tl_is_float(x->dtype))
    return tl_fail("dropout: result type float32 can't be cast to %s", tl_dtype_name[x->dtype]);
  if (!inplace && p < 1 && tl_device_of(x)->generator == TL_GENERATOR_PHILOX) return dropped_fused(x, p);
  mask = tl_new(tl_device_of(x), x->dtype, x->ndim, x->size);
  if (!mask) return NULL;
  if (p == 1) { if (tl_fill(mask, (tl_Num){ .i = 0 }, TL_i64)) return NULL; }
  else {
    uint8_t mode = tl_here->grad_mode;
    int failed;
    tl_here->grad_mode = 0;
    failed = fill_random("bernoulli_", 1, mask, 1 - p, NULL);
    tl_here->grad_mode = mode;
    in[0] = mask;
    in[1] = tl_number(1 - p);
    if (failed || !in[1] || !tl_map(TL_div, 2, in, 0, NULL, mask)) return NULL;
  }
  if (!inplace) return tl_mul(x, mask);
  tl_args(&a, tl_op("mul"), 0);
  a.v[0].t = x;
  a.v[1].t = mask;
  a.inplace = 1;
  return tl_apply1(&a);
}

static int dropout (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  double p = tl_double(&a->v[1]);
  if (!(p >= 0 && p <= 1)) return tl_fault("dropout probability has to be between 0 and 1, but got %g", p);
  if (p == 0 || !a->v[2].i || tl_numel(x) == 0) return tl_done(a, x);
  return tl_done(a, dropped(x, p, a->form->n > 3 && a->v[3].i));
}

/* ------------------------------------------------------------------ table */

const tl_Op tl_sample_ops[] = {
  { "multinomial", "self:T num_samples:i replacement:b=false * generator:g? -> J", "num_samples positions, from 1, "
    "drawn from each row of weights: (k) -> (n), (m, k) -> (m, n); int64. Weights are floating point, not negative, "
    "with a sum above 0. Without replacement no position comes twice in a row.", multinomial, NULL, TL_OP_NODIFF, 0,
    NULL, NULL },
  { "dropout", "input:T p:n=0.5 training:b=true inplace:b=false", "in training, zeroes each element with probability "
    "p and divides the rest by 1 - p; otherwise the input itself.", dropout, NULL, TL_OP_COMPOSITE, 0,
    "nn.functional", NULL },
  { "dropout", "input:T p:n train:b", "in training, zeroes each element with probability p and divides the rest by 1 "
    "- p; otherwise the input itself.", dropout, NULL, TL_OP_COMPOSITE | TL_OP_FUNCTION, 0, NULL, NULL },
  TL_ROW_END
};
