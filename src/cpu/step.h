/*
** step.h -- the loops of optimizer steps: one table per SIMD level; see step.c.
*/
#ifndef tl_step_h
#define tl_step_h

#include "cpu/cpu.h"

/* n points of the step; every operand packed and of dtype T.  off: what is missing to 1 in the two means (ADAM) */
typedef struct tl_Steps {
  void (*f32) (const tl_Cmd *, void *const *data, int64_t n, double off1, double off2);
  void (*f64) (const tl_Cmd *, void *const *data, int64_t n, double off1, double off2);
} tl_Steps;
extern const tl_Steps tl_steps_v2, tl_steps_v3, tl_steps_v4;

#endif
