/*
** step.c -- one optimizer step in place: shares the points out, and brings half types into float and
** back a block at a time.  The arithmetic is in step_loop.c.
*/
#include <math.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/step.h"

typedef struct Job {
  const tl_Cmd *c;
  const tl_Steps *steps;
  double off1, off2;                     /* ADAM: 1 - beta^t of the t-th step */
  int dtype, count;                      /* operands with an element per point */
  volatile int *stop;
} Job;

static void step_halves (const Job *j, int64_t from, int64_t to) {
  float room[TL_MAXARG][TL_BLOCK];
  void *data[TL_MAXARG] = { NULL };
  tl_Convert up = tl_convert(j->dtype, TL_f32), down = tl_convert(TL_f32, j->dtype);
  for (int64_t i = from, b; i < to; i += b) {
    b = to - i < TL_BLOCK ? to - i : TL_BLOCK;
    for (int k = 0; k < j->count; k++) up(b, data[k] = room[k], (uint16_t *)j->c->arg[k].data + i);
    j->steps->f32(j->c, data, b, j->off1, j->off2);
    for (int k = 0; k < j->count; k++)
      if (k != 1) down(b, (uint16_t *)j->c->arg[k].data + i, room[k]);
  }
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  void *data[TL_MAXARG] = { NULL };
  if (*j->stop) return TL_INTERRUPTED;
  if (j->dtype == TL_f16 || j->dtype == TL_bf16) { step_halves(j, from, to); return TL_DONE; }
  for (int k = 0; k < j->count; k++) data[k] = (char *)j->c->arg[k].data + from * tl_cpu_width[j->dtype];
  if (j->dtype == TL_f32) j->steps->f32(j->c, data, to - from, j->off1, j->off2);
  else j->steps->f64(j->c, data, to - from, j->off1, j->off2);
  return TL_DONE;
}

enum { COUNTS = 8 };           /* ADAM's flag: the step counts this one first */

static int step_one (const tl_Cmd *c, tl_Env *env, int64_t n) {
  Job j = { .c = c, .steps = TL_PICK(&tl_steps), .dtype = c->arg[0].dtype, .count = c->narg, .stop = env->stop };
  if (c->op == TL_STEP_ADAM) {
    const tl_Arg *step = &c->arg[--j.count];
    double t = step->num.f;
    if (c->p[5].i & COUNTS) *(float *)step->data += 1;
    if (!(step->flags & TL_ARG_NUMBER)) tl_convert(step->dtype, TL_f64)(1, &t, step->data);
    j.off1 = 1 - pow(c->p[1].f, t);
    j.off2 = 1 - pow(c->p[2].f, t);
  }
  if (j.dtype > TL_bf16) return TL_CANT;
  return tl_team_for(env, n, 16384, work, &j);
}

int tl_cpu_step (const tl_Cmd *c, tl_Env *env) {
  tl_Cmd one = *c;
  if (!c->more) return step_one(c, env, tl_block_count(c, 0, c->ndim));
  for (int i = 0; i * c->narg < c->more->nargs; i++) {
    int64_t n = ((const int64_t *)c->more->bytes)[i];
    int reason;
    memcpy(one.arg, c->more->args + i * c->narg, (size_t)c->narg * sizeof *one.arg);
    reason = step_one(&one, env, n);
    if (reason) return reason;
  }
  return TL_DONE;
}
