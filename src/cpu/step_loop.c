/*
** step_loop.c -- the arithmetic of optimizer steps, rounding by rounding that of PyTorch's loops of single
** operations, in one pass over memory.  Compiled once per level (TL_LEVEL).
**
** Scripts' numbers are doubles that become the dtype once per operation; a * b + c is fused where
** PyTorch's add(alpha) and addcmul are, addcdiv is not.  A block of gradients is brought into its final
** form first (sign, weight decay), so that the loops that follow have no conditions.
*/
#include "cpu/fun.h"
#include "cpu/step.h"

enum { BLOCK = 512 };
enum { AMSGRAD = 1, DECOUPLED = 2, CENTERED = 1, MAXIMIZE = 4 };

#define STAMP(T, ty) \
/* g = +-grad + decay * p */ \
FUN void final_##ty (T *restrict g, const T *restrict grad, const T *restrict p, int64_t n, int maximize, \
                     double decay) { \
  T w = (T)decay; \
  if (maximize) for (int64_t i = 0; i < n; i++) g[i] = -grad[i]; \
  else for (int64_t i = 0; i < n; i++) g[i] = grad[i]; \
  if (decay != 0) for (int64_t i = 0; i < n; i++) g[i] = fma_##ty(p[i], w, g[i]); \
} \
FUN void sgd_##ty (const tl_Cmd *c, T *restrict p, const T *restrict grad, int64_t n) { \
  T g[BLOCK], rate = (T)-c->p[0].f; \
  final_##ty(g, grad, p, n, c->p[2].i != 0, c->p[1].f); \
  for (int64_t i = 0; i < n; i++) p[i] = fma_##ty(g[i], rate, p[i]); \
} \
FUN void momentum_##ty (const tl_Cmd *c, T *restrict p, const T *restrict grad, T *restrict buf, int64_t n) { \
  T g[BLOCK], rate = (T)-c->p[0].f, momentum = (T)c->p[2].f, fresh = (T)(1 - c->p[3].f); \
  final_##ty(g, grad, p, n, c->p[6].i != 0, c->p[1].f); \
  if (c->p[5].i) for (int64_t i = 0; i < n; i++) buf[i] = g[i]; \
  else for (int64_t i = 0; i < n; i++) buf[i] = fma_##ty(g[i], fresh, buf[i] * momentum); \
  if (c->p[4].i) for (int64_t i = 0; i < n; i++) p[i] = fma_##ty(fma_##ty(buf[i], momentum, g[i]), rate, p[i]); \
  else for (int64_t i = 0; i < n; i++) p[i] = fma_##ty(buf[i], rate, p[i]); \
} \
FUN void adam_##ty (const tl_Cmd *c, T *restrict p, const T *restrict grad, T *restrict m, T *restrict v, \
                    T *restrict most, int64_t n, double off1, double off2) { \
  double lr = c->p[0].f, b1 = c->p[1].f, b2 = c->p[2].f, decay = c->p[4].f; \
  int flags = (int)c->p[5].i; \
  T g[BLOCK], q[BLOCK], eps = (T)c->p[3].f, rate = (T)-(lr / off1), root = (T)sqrt(off2); \
  T keep1 = (T)b1, new1 = (T)(1 - b1), keep2 = (T)b2, new2 = (T)(1 - b2), shrink = (T)(1 - lr * decay); \
  if (flags & DECOUPLED) for (int64_t i = 0; i < n; i++) p[i] *= shrink; \
  final_##ty(g, grad, p, n, flags & MAXIMIZE, flags & DECOUPLED ? 0 : decay); \
  for (int64_t i = 0; i < n; i++) { \
    m[i] = fma_##ty(g[i], new1, m[i] * keep1); \
    q[i] = v[i] = fma_##ty(new2 * g[i], g[i], v[i] * keep2); \
  } \
  if (flags & AMSGRAD) for (int64_t i = 0; i < n; i++) q[i] = most[i] = max_##ty(most[i], q[i]); \
  for (int64_t i = 0; i < n; i++) p[i] += (rate * m[i]) / (sqrt_##ty(q[i]) / root + eps); \
} \
FUN void rmsprop_##ty (const tl_Cmd *c, T *restrict p, const T *restrict grad, T *restrict sq, T *restrict avg, \
                       T *restrict buf, int64_t n) { \
  double alpha = c->p[1].f; \
  int flags = (int)c->p[5].i; \
  T g[BLOCK], q[BLOCK], rate = (T)-c->p[0].f, keep = (T)alpha, fresh = (T)(1 - alpha), eps = (T)c->p[2].f; \
  T momentum = (T)c->p[4].f; \
  final_##ty(g, grad, p, n, flags & MAXIMIZE, c->p[3].f); \
  for (int64_t i = 0; i < n; i++) q[i] = sq[i] = fma_##ty(fresh * g[i], g[i], sq[i] * keep); \
  if (flags & CENTERED) \
    for (int64_t i = 0; i < n; i++) { \
      avg[i] = fma_##ty(g[i], fresh, avg[i] * keep); \
      q[i] = fma_##ty(-avg[i], avg[i], q[i]); \
    } \
  for (int64_t i = 0; i < n; i++) q[i] = sqrt_##ty(q[i]) + eps; \
  if (c->p[4].f > 0) \
    for (int64_t i = 0; i < n; i++) { \
      buf[i] = buf[i] * momentum + g[i] / q[i]; \
      p[i] = fma_##ty(buf[i], rate, p[i]); \
    } \
  else for (int64_t i = 0; i < n; i++) p[i] += (rate * g[i]) / q[i]; \
} \
static void step_##ty (const tl_Cmd *c, void *const *data, int64_t n, double off1, double off2) { \
  int flags = (int)c->p[5].i; \
  T *p = data[0], *a = data[2], *b = data[3], *e = data[4]; \
  const T *g = data[1]; \
  for (int64_t i = 0, w; i < n; i += w) { \
    w = n - i < BLOCK ? n - i : BLOCK; \
    switch (c->op) { \
      case TL_STEP_SGD: sgd_##ty(c, p + i, g + i, w); break; \
      case TL_STEP_MOMENTUM: momentum_##ty(c, p + i, g + i, a + i, w); break; \
      case TL_STEP_ADAM: \
        adam_##ty(c, p + i, g + i, a + i, b + i, flags & AMSGRAD ? e + i : NULL, w, off1, off2); \
        break; \
      default: { \
        T *avg = flags & CENTERED ? b + i : NULL, *buf = flags & CENTERED ? e : b; \
        rmsprop_##ty(c, p + i, g + i, a + i, avg, c->p[4].f > 0 ? buf + i : NULL, w); \
      } \
    } \
  } \
}
STAMP(float, f32)
STAMP(double, f64)

const tl_Steps TL_AT_LEVEL(tl_steps) = { step_f32, step_f64 };
