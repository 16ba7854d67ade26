/*
** update.c -- optimizer steps over lists of parameters, in place and without history: what
** torch.optim calls once per step.
**
** Parameters whose operands are packed and of one dtype share fused TL_STEP commands; others take the same
** arithmetic as basic commands.  Nothing is read back to the host, so a plan can replay a step.
*/
#include <string.h>

#include "op/common.h"
#include "op/families.h"

/* ------------------------------------------------------------------ shared */

/* the lists go together: one gradient (and state) per parameter, of its sizes and dtype */
static int can_step (const tl_Args *a, int lists) {
  const char *op = a->op->name;
  int n = a->v[0].n;
  for (int l = 1; l < lists; l++)
    if (a->v[l].ts && a->v[l].n != n && !(a->v[l].n == 0 && (a->form->p[l].type == 'X' || a->form->p[l].optional)))
      return tl_fault("%s: %d parameters but %d %s", op, n, a->v[l].n, a->form->p[l].name);
  for (int i = 0; i < n; i++) {
    tl_Tensor *p = a->v[0].ts[i];
    if (!tl_is_float(p->dtype)) return tl_fault("%s: parameter %d is not floating point", op, i + 1);
    if (tl_overlaps_itself(p))
      return tl_fault("%s: parameter %d is an expanded tensor, whose elements share memory", op, i + 1);
    for (int l = 1; l < lists; l++) {
      tl_Tensor *t = a->v[l].ts && a->v[l].n ? a->v[l].ts[i] : NULL;
      if (!t || !strcmp(a->form->p[l].name, "steps")) continue;  /* holes; steps are 0-d */
      if (t->dtype != p->dtype || !tl_same_sizes(t, p) || tl_device_of(t) != tl_device_of(p))
        return tl_fault("%s: %s %d differs from its parameter in size, dtype or device", op, a->form->p[l].name, i + 1);
    }
  }
  return 0;
}

/*
** Parameters that go into one command: of one dtype, one device and one set of numbers.  The first operands of
** all stand in `arg`, narg for each; see TL_STEP.
*/
enum { OPERANDS = 6 };
typedef struct Batch {
  tl_Cmd c;
  tl_Device *device;
  int n;
  int64_t *points;
  tl_Arg *arg;
} Batch;

/* room for so many parameters */
static int begin (Batch *b, int parameters) {
  size_t n = (size_t)parameters;
  b->n = 0;
  b->points = tl_scratch(n * (sizeof *b->points + OPERANDS * sizeof *b->arg));
  if (!b->points) return -1;
  b->arg = (tl_Arg *)(b->points + n);
  return 0;
}

static int flush (Batch *b) {
  tl_More more = { .nargs = b->n * b->c.narg, .nbytes = b->n * (int)sizeof b->points[0], .args = b->arg,
                   .bytes = b->points };
  if (b->n == 0) return 0;
  b->n = 0;
  b->c.more = &more;
  b->c.size[0] = b->points[0];
  memcpy(b->c.arg, b->arg, (size_t)b->c.narg * sizeof *b->arg);
  return tl_run(b->device, &b->c);
}

/* one parameter more: 0, 1 when its operands don't suit a fused command, -1 */
static int fused (Batch *b, int op, int nout, int n, tl_Tensor *const *t, int np, const tl_Num *p, int last_is_step) {
  tl_Cmd c;
  for (int k = 0; k < n; k++) {
    if (k == n - 1 && last_is_step) break;
    if (t[k]->dtype != t[0]->dtype || !tl_is_contiguous(t[k])) return 1;
  }
  tl_cmd_init(&c, TL_STEP, op, tl_compute[t[0]->dtype], nout);
  c.out = t[0]->dtype;
  c.ndim = c.keep = 1;
  for (int k = 0; k < n; k++) {
    tl_operand(&c, k, t[k]);
    c.arg[k].stride[0] = k == n - 1 && last_is_step ? 0 : tl_width[t[k]->dtype];
  }
  for (int k = 0; k < TL_MAXNUM; k++) c.p[k].i = k < np ? p[k].i : 0;
  if (b->n && (b->device != tl_device_of(t[0]) || b->c.out != c.out || b->c.narg != c.narg ||
               memcmp(b->c.p, c.p, sizeof c.p)))
    if (flush(b)) return -1;
  if (b->n == 0) {
    b->c = c;
    b->device = tl_device_of(t[0]);
  }
  b->points[b->n] = tl_numel(t[0]);
  memcpy(b->arg + b->n++ * n, c.arg, (size_t)n * sizeof *c.arg);
  return 0;
}

/* dest = formula of up to three operands with one number */
static tl_Tensor *point (tl_Tensor *dest, int code, double number, tl_Tensor *x, tl_Tensor *y, tl_Tensor *z) {
  tl_Tensor *in[3] = { x, y, z };
  int n = tl_rows[code].nin;
  tl_Num p = { .f = number };
  for (int k = 0; k < n; k++)
    if (!in[k]) return NULL;
  return tl_map(code, n, in, 1, &p, dest);
}

static tl_Tensor *times (tl_Tensor *dest, tl_Tensor *x, double s) {
  return point(dest, TL_mul, 0, x, tl_number(s), NULL);
}

/* g with its sign and the decay of p: what every step begins with */
static tl_Tensor *decayed (tl_Tensor *g, tl_Tensor *p, double decay, int maximize) {
  if (maximize) g = point(NULL, TL_neg, 0, g, NULL, NULL);
  return decay != 0 && g ? point(NULL, TL_add, decay, g, p, NULL) : g;
}

static void touched (int n, tl_Tensor *const *t) {
  for (int k = 0; k < n; k++)
    if (t[k]) tl_touch(t[k]);
}

/* ------------------------------------------------------------------ SGD */

typedef struct Sgd { double lr, decay, momentum, dampening; int nesterov, maximize; } Sgd;

/* *buf: the momentum, NULL before the first step; made and written here */
static int sgd_one (Batch *b, tl_Tensor *p, tl_Tensor *g, tl_Tensor **buf, const Sgd *o) {
  int first = o->momentum != 0 && !*buf, done;
  tl_Tensor *t[3] = { p, g, NULL };
  if (o->momentum == 0) {
    tl_Num n[3] = { { .f = o->lr }, { .f = o->decay }, { .i = o->maximize } };
    done = fused(b, TL_STEP_SGD, 1, 2, t, 3, n, 0);
  }
  else {
    tl_Num n[7] = { { .f = o->lr }, { .f = o->decay }, { .f = o->momentum }, { .f = o->dampening },
                    { .i = o->nesterov },
                    { .i = first }, { .i = o->maximize } };
    if (first && !(*buf = tl_new_like(p, p->dtype))) return -1;
    t[2] = *buf;
    done = fused(b, TL_STEP_MOMENTUM, 2, 3, t, 7, n, 0);
  }
  if (done < 0) return -1;
  if (done) {
    g = decayed(g, p, o->decay, o->maximize);
    if (!g) return -1;
    if (first && tl_copy(*buf, g)) return -1;
    if (!first && o->momentum != 0 &&
        !point(*buf, TL_add, 1 - o->dampening, times(*buf, *buf, o->momentum), g, NULL)) return -1;
    if (o->momentum != 0) g = o->nesterov ? point(NULL, TL_add, o->momentum, g, *buf, NULL) : *buf;
    if (!point(p, TL_add, -o->lr, p, g, NULL)) return -1;
  }
  t[1] = NULL;
  touched(3, t);
  return 0;
}

/* gives the list of momenta, as long as that of the parameters; empty without momentum */
static int sgd (tl_Args *a) {
  Batch b;
  Sgd o = { tl_double(&a->v[3]), tl_double(&a->v[4]), tl_double(&a->v[5]), tl_double(&a->v[6]), (int)a->v[7].i,
            (int)a->v[8].i };
  int n = a->v[0].n;
  if (can_step(a, 3)) return -1;
  a->list = tl_scratch((size_t)(n + 1) * sizeof *a->list);
  a->nlist = o.momentum != 0 ? n : 0;
  if (!a->list || begin(&b, a->v[0].n)) return -1;
  for (int i = 0; i < n; i++) {
    size_t mark = tl_mark();
    tl_Tensor *buf = a->v[2].ts && a->v[2].n ? a->v[2].ts[i] : NULL;
    int failed = sgd_one(&b, a->v[0].ts[i], a->v[1].ts[i], &buf, &o);
    tl_retain(buf);
    tl_drain(mark);
    a->list[i] = buf ? tl_pool(buf) : NULL;
    if (failed || (buf && !a->list[i])) return -1;
  }
  return flush(&b);
}

/* ------------------------------------------------------------------ Adam */

typedef struct Adam { double lr, beta1, beta2, eps, decay; int amsgrad, decoupled, maximize; } Adam;

/* 1 - beta^step and the like as float64 tensors, so that the step is never read back */
static tl_Tensor *correction (tl_Tensor *step, double beta) {
  tl_Tensor *base = tl_unwrap(tl_scalar((tl_Num){ .f = beta }, TL_f64), tl_device_of(step)), *power;
  tl_Tensor *in[2] = { base, tl_cast(step, TL_f64) };
  power = in[0] && in[1] ? tl_map(TL_pow, 2, in, 0, NULL, NULL) : NULL;
  return point(NULL, TL_sub, 1, tl_scalar((tl_Num){ .f = 1 }, TL_f64), power, NULL);
}

static int adam_composed (tl_Tensor *p, tl_Tensor *g, tl_Tensor *m, tl_Tensor *v, tl_Tensor *top, tl_Tensor *step,
                          const Adam *o) {
  tl_Tensor *den, *size;
  if (o->maximize) g = point(NULL, TL_neg, 0, g, NULL, NULL);
  if (o->decay != 0 && o->decoupled && !times(p, p, 1 - o->lr * o->decay)) return -1;
  if (o->decay != 0 && !o->decoupled) g = point(NULL, TL_add, o->decay, g, p, NULL);
  if (!point(m, TL_add, 1 - o->beta1, times(m, m, o->beta1), g, NULL)) return -1;
  if (!point(v, TL_addcmul, 1 - o->beta2, times(v, v, o->beta2), g, g)) return -1;
  if (top) v = point(top, TL_maximum, 0, top, v, NULL);
  den = point(NULL, TL_sqrt, 0, v, NULL, NULL);
  den = point(den, TL_div, 0, den, point(NULL, TL_sqrt, 0, correction(step, o->beta2), NULL, NULL), NULL);
  den = point(den, TL_add, 1, den, tl_number(o->eps), NULL);
  size = point(NULL, TL_div, 0, tl_scalar((tl_Num){ .f = -o->lr }, TL_f64), correction(step, o->beta1), NULL);
  size = point(NULL, TL_mul, 0, m, size, NULL);
  return size && den && point(p, TL_add, 1, p, point(NULL, TL_div, 0, size, den, NULL), NULL) ? 0 : -1;
}

static int adam_one (Batch *b, tl_Tensor *p, tl_Tensor *g, tl_Tensor *m, tl_Tensor *v, tl_Tensor *top,
                     tl_Tensor *step, const Adam *o) {
  tl_Tensor *t[6] = { p, g, m, v, top ? top : step, step };
  int n = top ? 6 : 5, done;
  tl_Num num[6] = { { .f = o->lr }, { .f = o->beta1 }, { .f = o->beta2 }, { .f = o->eps }, { .f = o->decay },
                    { .i = o->amsgrad | o->decoupled << 1 | o->maximize << 2 | 8 } };      /* 8: the step counts itself */
  if (!step || step->dtype != TL_f32 || step->ndim != 0 || step->flags & TL_WRAPPED)
    return tl_fault("_adam: steps are 0-d float32 tensors");
  done = fused(b, TL_STEP_ADAM, top ? 4 : 3, n, t, 6, num, 1);
  if (done < 0) return -1;
  if (done && (!point(step, TL_add, 1, step, tl_number(1), NULL) || adam_composed(p, g, m, v, top, step, o))) return -1;
  t[1] = NULL;
  t[4] = top;
  touched(6, t);
  return 0;
}

static int adam (tl_Args *a) {
  Batch b;
  Adam o = { tl_double(&a->v[6]), tl_double(&a->v[7]), tl_double(&a->v[8]), tl_double(&a->v[9]), tl_double(&a->v[10]),
             (int)a->v[11].i, (int)a->v[12].i, (int)a->v[13].i };
  if (can_step(a, 6)) return -1;
  if (o.amsgrad && !a->v[4].n) return tl_fault("_adam: amsgrad needs max_exp_avg_sqs");
  a->list = tl_scratch(0);
  if (!a->list || begin(&b, a->v[0].n)) return -1;
  for (int i = 0; i < a->v[0].n; i++) {
    size_t mark = tl_mark();
    int failed = adam_one(&b, a->v[0].ts[i], a->v[1].ts[i], a->v[2].ts[i], a->v[3].ts[i], o.amsgrad ? a->v[4].ts[i] : NULL,
                          a->v[5].ts[i], &o);
    tl_drain(mark);
    if (failed) return -1;
  }
  return flush(&b);
}

/* ------------------------------------------------------------------ RMSprop */

typedef struct Rms { double lr, alpha, eps, decay, momentum; int centered, maximize; } Rms;

static int rms_composed (tl_Tensor *p, tl_Tensor *g, tl_Tensor *h, tl_Tensor *mean, tl_Tensor *buf, const Rms *o) {
  tl_Tensor *den;
  g = decayed(g, p, o->decay, o->maximize);
  if (!g || !point(h, TL_addcmul, 1 - o->alpha, times(h, h, o->alpha), g, g)) return -1;
  den = h;
  if (mean) {
    if (!point(mean, TL_add, 1 - o->alpha, times(mean, mean, o->alpha), g, NULL)) return -1;
    den = point(NULL, TL_addcmul, -1, h, mean, mean);
  }
  den = point(NULL, TL_sqrt, 0, den, NULL, NULL);
  den = point(den, TL_add, 1, den, tl_number(o->eps), NULL);
  if (!den) return -1;
  if (!buf) return point(p, TL_addcdiv, -o->lr, p, g, den) ? 0 : -1;
  if (!point(buf, TL_addcdiv, 1, times(buf, buf, o->momentum), g, den)) return -1;
  return point(p, TL_add, -o->lr, p, buf, NULL) ? 0 : -1;
}

static int rms_one (Batch *b, tl_Tensor *p, tl_Tensor *g, tl_Tensor *h, tl_Tensor *mean, tl_Tensor *buf, const Rms *o) {
  tl_Tensor *t[5] = { p, g, h, NULL, NULL };
  int n = 3, done;
  tl_Num num[6] = { { .f = o->lr }, { .f = o->alpha }, { .f = o->eps }, { .f = o->decay }, { .f = o->momentum },
                    { .i = o->centered | o->maximize << 2 } };
  if (mean) t[n++] = mean;
  if (buf) t[n++] = buf;
  done = fused(b, TL_STEP_RMSPROP, n - 1, n, t, 6, num, 0);
  if (done < 0 || (done && rms_composed(p, g, h, mean, buf, o))) return -1;
  t[1] = NULL;
  touched(n, t);
  return 0;
}

static int rmsprop (tl_Args *a) {
  Batch b;
  Rms o = { tl_double(&a->v[5]), tl_double(&a->v[6]), tl_double(&a->v[7]), tl_double(&a->v[8]), tl_double(&a->v[9]),
            (int)a->v[10].i, (int)a->v[11].i };
  if (can_step(a, 5)) return -1;
  if (o.centered && !a->v[3].n) return tl_fault("_rmsprop: centered needs grad_avgs");
  if (o.momentum != 0 && !a->v[4].n) return tl_fault("_rmsprop: momentum needs momentum_buffers");
  a->list = tl_scratch(0);
  if (!a->list || begin(&b, a->v[0].n)) return -1;
  for (int i = 0; i < a->v[0].n; i++) {
    size_t mark = tl_mark();
    int failed = rms_one(&b, a->v[0].ts[i], a->v[1].ts[i], a->v[2].ts[i], o.centered ? a->v[3].ts[i] : NULL,
                         o.momentum != 0 ? a->v[4].ts[i] : NULL, &o);
    tl_drain(mark);
    if (failed) return -1;
  }
  return flush(&b);
}

/* ------------------------------------------------------------------ table */

#define ROW(name, args, doc, forward) { name, args " -> L", doc, forward, NULL, TL_OP_FUNCTION | TL_OP_NODIFF, 0, \
  "_C", NULL }

const tl_Op tl_update_ops[] = {
  ROW("_sgd", "params:L grads:L bufs:X * lr:n weight_decay:n=0 momentum:n=0 dampening:n=0 nesterov:b=false "
      "maximize:b=false", "one step of SGD, in place. bufs: the momenta, holes before a parameter's first step. "
      "Gives the momenta (none without momentum).", sgd),
  ROW("_adam", "params:L grads:L exp_avgs:L exp_avg_sqs:L max_exp_avg_sqs:L? steps:L * lr:n beta1:n beta2:n eps:n "
      "weight_decay:n=0 amsgrad:b=false decoupled:b=false maximize:b=false", "one step of Adam, in place; decoupled: "
      "AdamW. steps are 0-d float32 tensors, which count this step first. Gives an empty list.", adam),
  ROW("_rmsprop", "params:L grads:L square_avgs:L grad_avgs:L? momentum_buffers:L? * lr:n alpha:n eps:n "
      "weight_decay:n=0 momentum:n=0 centered:b=false maximize:b=false", "one step of RMSprop, in place. Gives an "
      "empty list.", rmsprop),
  TL_ROW_END
};
