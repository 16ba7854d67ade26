/*
** random.c -- every distribution as PyTorch's CPU generator gives it, number for number.
**
** Draws are serial: threads never change a random tensor.  A distribution fills a block of values in
** float, double or int64, in the order of memory, and the block is stored as what the tensor holds.
** Contiguous normals are another matter: they are made in place from uniforms of the whole tensor.
*/
#include <math.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/draw.h"
#include "cpu/fun.h"

typedef struct Source {
  const tl_Cmd *c;
  tl_MtState *m;
  const tl_Draw *draw;
  const void *chance;                  /* a block of probabilities, double or float, or NULL */
  int chance_dtype;
} Source;

typedef void (*Fill) (Source *, void *values, int64_t n);

static void uniform_f32 (Source *s, void *values, int64_t n) {
  float from = (float)s->c->p[0].f, to = (float)s->c->p[1].f;
  s->draw->uniform_f32(s->m, values, n, from, to - from);
}
static void uniform_f64 (Source *s, void *values, int64_t n) {
  s->draw->uniform_f64(s->m, values, n, s->c->p[0].f, s->c->p[1].f - s->c->p[0].f);
}
/* a half type's: what rounds to the open end is the other end */
static void uniform_half (Source *s, void *values, int64_t n) {
  int dtype = s->c->arg[0].dtype;
  tl_Convert down = tl_convert(TL_f32, dtype), up = tl_convert(dtype, TL_f32);
  float *v = values, from = (float)s->c->p[0].f, to = (float)s->c->p[1].f;
  uint16_t h, end;
  down(1, &end, &to);
  uniform_f32(s, values, n);
  for (int64_t i = 0; i < n; i++) {
    down(1, &h, v + i);
    if (h == end) v[i] = from;
    else up(1, v + i, &h);
  }
}

/* two uniforms make two normals; the second waits in the generator */
static double one_normal (tl_MtState *m, double mean, double std) {
  double z;
  if (m->normal_valid) {
    z = m->normal;
    m->normal_valid = 0;
    m->normal = 0;
  }
  else {
    double a = tl_mt_double(m), b = tl_mt_double(m);       /* in this order */
    double r = sqrt(-2.0 * log(1.0 - b)), t = 6.283185307179586476925286766559 * a;
    m->normal = r * sin(t);
    m->normal_valid = 1;
    z = r * cos(t);
  }
  return fma(z, std, mean);
}
static void normal_each (Source *s, void *values, int64_t n) {
  double *v = values;
  for (int64_t i = 0; i < n; i++) v[i] = one_normal(s->m, s->c->p[0].f, s->c->p[1].f);
}
static void log_normal (Source *s, void *values, int64_t n) {
  double *v = values;
  for (int64_t i = 0; i < n; i++) v[i] = exp(one_normal(s->m, s->c->p[0].f, s->c->p[1].f));
}
static void exponential (Source *s, void *values, int64_t n) {
  double *v = values, scale = -1 / s->c->p[0].f;
  for (int64_t i = 0; i < n; i++) v[i] = scale * log(1 - tl_mt_double(s->m));
}
static void geometric (Source *s, void *values, int64_t n) {
  double *v = values, down = log(1 - s->c->p[0].f);
  for (int64_t i = 0; i < n; i++) v[i] = ceil(log(tl_mt_double(s->m)) / down);
}
static void cauchy (Source *s, void *values, int64_t n) {
  double *v = values;
  for (int64_t i = 0; i < n; i++)
    v[i] = fma(s->c->p[1].f, tan(3.14159265358979323846 * (tl_mt_double(s->m) - 0.5)), s->c->p[0].f);
}

static void bernoulli (Source *s, void *values, int64_t n) {
  int64_t *v = values;
  if (!s->chance)
    for (int64_t i = 0; i < n; i++) v[i] = tl_mt_double(s->m) < s->c->p[0].f;
  else if (s->chance_dtype == TL_f64)
    for (int64_t i = 0; i < n; i++) v[i] = tl_mt_double(s->m) < ((const double *)s->chance)[i];
  else
    for (int64_t i = 0; i < n; i++)
      v[i] = (float)(tl_mt_draw32(s->m) & 0xffffff) * 0x1p-24f < ((const float *)s->chance)[i];
}

static void integer (Source *s, void *values, int64_t n) {
  uint64_t *v = values, from = s->c->p[0].u, range = s->c->p[1].u;
  if (range == 0) for (int64_t i = 0; i < n; i++) v[i] = tl_mt_draw64(s->m);
  else if (s->c->p[2].i) for (int64_t i = 0; i < n; i++) v[i] = from + tl_mt_draw64(s->m) % range;
  else for (int64_t i = 0; i < n; i++) v[i] = from + tl_mt_draw32(s->m) % range;
}

/* fills arg0 block by block in the order of memory */
static int walk (Source *s, Fill fill, int dtype, tl_Env *env) {
  const tl_Cmd *c = s->c;
  int chosen = c->op == TL_BERNOULLI && c->narg > 2 && !c->arg[2].flags;
  const tl_Arg *y = &c->arg[0], *p = chosen ? &c->arg[2] : NULL;
  int last = c->ndim - 1, direct = y->dtype == dtype && y->stride[last] == tl_cpu_width[dtype];
  int64_t outer = tl_block_count(c, 0, last), n = c->size[last], offset[TL_MAXARG], room[TL_BLOCK], chances[TL_BLOCK];
  int64_t most = direct && !p ? 1 << 16 : TL_BLOCK;
  s->chance_dtype = p && p->dtype == TL_f64 ? TL_f64 : TL_f32;
  for (int64_t k = 0; k < outer; k++) {
    tl_block_place(c, 0, last, k, c->narg, offset);
    for (int64_t i = 0, b; i < n; i += b) {
      char *to = (char *)y->data + offset[0] + i * y->stride[last];
      b = n - i < most ? n - i : most;
      if (p)
        s->chance = tl_block_load(s->chance_dtype, chances, p->dtype,
                                  (const char *)p->data + offset[2] + i * p->stride[last], p->stride[last], b);
      fill(s, direct ? (void *)to : (void *)room, b);
      if (!direct) tl_block_store(dtype, room, y->dtype, to, y->stride[last], b);
      if (*env->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

/* probabilities outside [0, 1] are refused before anything is drawn */
static int check_chances (const tl_Cmd *c, tl_Env *env) {
  const tl_Arg *p = &c->arg[2];
  int64_t n = c->size[c->ndim - 1], outer = tl_block_count(c, 0, c->ndim - 1), offset[TL_MAXARG], room[TL_BLOCK];
  if (c->narg < 3 || p->flags) return TL_DONE;
  for (int64_t k = 0; k < outer; k++) {
    tl_block_place(c, 0, c->ndim - 1, k, c->narg, offset);
    for (int64_t i = 0, b; i < n; i += b) {
      const double *v;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_f64, room, p->dtype, (const char *)p->data + offset[2] + i * p->stride[c->ndim - 1],
                        p->stride[c->ndim - 1], b);
      for (int64_t q = 0; q < b; q++)
        if (!(v[q] >= 0 && v[q] <= 1)) {
          env->fault = (tl_Fault){ .value = v[q] != v[q] ? 0 : v[q] < 0 ? -1 : 2, .size = 1 };
          return TL_BADVALUE;
        }
      if (*env->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

/* 16 at a time in float32; a last block that is not full is made of 16 draws too, over what was there */
static int normal_halves (Source *s, uint16_t *d, int64_t n, tl_Env *env) {
  tl_Convert down = tl_convert(TL_f32, s->c->arg[0].dtype);
  float v[16], mean = (float)s->c->p[0].f, std = (float)s->c->p[1].f;
  for (int64_t i = 0; i < n; i += 16) {
    s->draw->uniform_f32(s->m, v, 16, 0, 1);
    s->draw->normal_f32(v, 16, mean, std);
    down(16, d + (i + 16 <= n ? i : n - 16), v);
    if (*env->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

/* all the uniforms first; a last block that is not full is made anew from 16 more, over what was there */
#define NORMAL(T, ty) \
static int normal_##ty (Source *s, T *d, int64_t n, tl_Env *env) { \
  T mean = (T)s->c->p[0].f, std = (T)s->c->p[1].f; \
  int64_t whole = n & ~(int64_t)15, some = 1 << 16; \
  for (int64_t i = 0; i < n; i += some) { \
    s->draw->uniform_##ty(s->m, d + i, n - i < some ? n - i : some, 0, 1); \
    if (*env->stop) return TL_INTERRUPTED; \
  } \
  for (int64_t i = 0; i < whole; i += some) { \
    s->draw->normal_##ty(d + i, whole - i < some ? whole - i : some, mean, std); \
    if (*env->stop) return TL_INTERRUPTED; \
  } \
  if (whole < n) { \
    s->draw->uniform_##ty(s->m, d + n - 16, 16, 0, 1); \
    s->draw->normal_##ty(d + n - 16, 16, mean, std); \
  } \
  return TL_DONE; \
}
NORMAL(float, f32)
NORMAL(double, f64)

static int normal (Source *s, tl_Env *env) {
  const tl_Arg *y = &s->c->arg[0];
  int64_t n = s->c->size[0];
  if (s->c->ndim == 1 && n >= 16 && y->stride[0] == tl_cpu_width[y->dtype])
    switch (y->dtype) {
      case TL_f32: return normal_f32(s, y->data, n, env);
      case TL_f64: return normal_f64(s, y->data, n, env);
      case TL_f16: case TL_bf16: return normal_halves(s, y->data, n, env);
      default: break;
    }
  return walk(s, normal_each, TL_f64, env);
}

/* Fisher and Yates; PyTorch takes another form where 32 bits would be too few */
static void shuffle (tl_MtState *m, int64_t *p, int64_t n, volatile int *stop) {
  if (n < UINT32_MAX / 20) {
    for (int64_t i = 0; i + 1 < n; i++) {
      int64_t z = i + (int64_t)(tl_mt_draw32(m) % (uint64_t)(n - i)), old = p[i];
      p[i] = p[z];
      p[z] = old;
      if ((i & 0xffff) == 0 && *stop) return;
    }
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t z = (int64_t)(tl_mt_draw64(m) % (uint64_t)(i + 1)), old = p[i];
    p[i] = p[z];
    p[z] = old;
    if ((i & 0xffff) == 0 && *stop) return;
  }
}

static int permutation (Source *s, tl_Env *env) {
  const tl_Arg *y = &s->c->arg[0];
  int64_t n = s->c->size[0], base = s->c->p[0].i, *p;
  int direct = y->dtype == TL_i64 && y->stride[0] == 8;
  if (s->c->ndim != 1) return TL_CANT;
  p = direct ? y->data : tl_cpu_room((size_t)n * sizeof *p);
  if (!p) return TL_NOMEM;
  for (int64_t i = 0; i < n; i++) p[i] = base + i;
  shuffle(s->m, p, n, env->stop);
  for (int64_t i = 0, b; i < n && !direct; i += b) {
    b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
    tl_block_store(TL_i64, p + i, y->dtype, (char *)y->data + i * y->stride[0], y->stride[0], b);
  }
  if (!direct) tl_cpu_room_free(p);
  return *env->stop ? TL_INTERRUPTED : TL_DONE;
}

int tl_cpu_random (const tl_Cmd *c, tl_Env *env) {
  const tl_Arg *y = &c->arg[0];
  Source s = { .c = c, .m = c->arg[1].data, .draw = TL_PICK(&tl_draw) };
  int reason;
  if (!tl_mt_sane(s.m)) {
    env->fault = (tl_Fault){ .value = s.m->left };
    return TL_BADVALUE;
  }
  switch (c->op) {
    case TL_UNIFORM:
      if (y->dtype == TL_f64) return walk(&s, uniform_f64, TL_f64, env);
      return walk(&s, y->dtype == TL_f32 ? uniform_f32 : uniform_half, TL_f32, env);
    case TL_NORMAL: return normal(&s, env);
    case TL_NORMAL_EACH: return walk(&s, normal_each, TL_f64, env);
    case TL_BERNOULLI:
      reason = check_chances(c, env);
      return reason ? reason : walk(&s, bernoulli, TL_i64, env);
    case TL_INTEGER: return walk(&s, integer, TL_i64, env);
    case TL_PERMUTATION: return permutation(&s, env);
    case TL_EXPONENTIAL: return walk(&s, exponential, TL_f64, env);
    case TL_GEOMETRIC: return walk(&s, geometric, TL_f64, env);
    case TL_CAUCHY: return walk(&s, cauchy, TL_f64, env);
    case TL_LOG_NORMAL: return walk(&s, log_normal, TL_f64, env);
    default: return TL_CANT;
  }
}
