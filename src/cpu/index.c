/*
** index.c -- gather, scatter, checked positions and the places of non-zeros.
**
** All indices are read and checked before the first element is written.  Elements move by width, so
** one loop serves every dtype; scatters with arithmetic work in the table's own dtype, one element
** after the other in the order of the walk: the same bits whatever the threads.
*/
#include <string.h>

#include "cpu/block.h"

typedef struct Rule {                    /* how an index becomes an offset into the table */
  int64_t size, step, base, wrap;
} Rule;

static Rule rule_of (const tl_Cmd *c) {
  return (Rule){ c->p[TL_INDEX_SIZE].i, c->p[TL_INDEX_STEP].i, c->p[TL_INDEX_BASE].i, c->p[TL_INDEX_WRAP].i };
}

/* counted from 0; outside [0, size) when it is a bad one.  Counting from the end, -1 is the last. */
static inline int64_t place (const Rule *r, int64_t index) {
  return index < 0 && r->wrap ? index + r->size : index - r->base;
}

/* looks at every index once; what is broadcast is not looked at again */
static int check (const tl_Cmd *c, const tl_Arg *x, tl_Env *env) {
  Rule r = rule_of(c);
  int64_t size[TL_MAXDIM], stride[TL_MAXDIM], at[TL_MAXDIM] = {0}, room[TL_BLOCK], n;
  const char *p = x->data;
  int ndim = 0, d;
  for (d = 0; d < c->ndim; d++) {
    if (c->size[d] == 0) return TL_DONE;
    if (x->stride[d] == 0) continue;
    size[ndim] = c->size[d];
    stride[ndim++] = x->stride[d];
  }
  if (ndim == 0) { size[0] = 1; stride[0] = tl_cpu_width[x->dtype]; ndim = 1; }
  n = size[ndim - 1];
  do {
    for (int64_t i = 0, b; i < n; i += b) {
      const int64_t *v;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_i64, room, x->dtype, p + i * stride[ndim - 1], stride[ndim - 1], b);
      for (int64_t k = 0; k < b; k++)
        if ((uint64_t)place(&r, v[k]) >= (uint64_t)r.size) {
          env->fault.value = v[k];
          env->fault.size = r.size;
          env->fault.dim = c->p[TL_INDEX_DIM].i;
          return TL_BADINDEX;
        }
      if (*env->stop) return TL_INTERRUPTED;
    }
    for (d = ndim - 2; d >= 0; d--) {
      p += stride[d];
      if (++at[d] < size[d]) break;
      p -= size[d] * stride[d];
      at[d] = 0;
    }
  } while (d >= 0);
  return TL_DONE;
}

typedef struct Job {
  const tl_Cmd *c;
  Rule rule;
  volatile int *stop;
} Job;

#define EACH_WIDTH(width, MOVE) \
  switch (width) { \
    case 1: MOVE(uint8_t) break; \
    case 2: MOVE(uint16_t) break; \
    case 4: MOVE(uint32_t) break; \
    default: MOVE(uint64_t) break; \
  }

/* one line (the last dim) of a gather: y, table and index start at these places */
static void gather_line (const Job *j, char *y, const char *table, const char *index, int64_t n) {
  int d = j->c->ndim - 1, width = tl_cpu_width[j->c->arg[0].dtype], itype = j->c->arg[2].dtype;
  int64_t sy = j->c->arg[0].stride[d], st = j->c->arg[1].stride[d], si = j->c->arg[2].stride[d], room[TL_BLOCK];
  if (si == 0) {                         /* a whole run of one place */
    const int64_t *v = tl_block_load(TL_i64, room, itype, index, 8, 1);
    const char *t = table + place(&j->rule, *v) * j->rule.step;
    if (sy == width && st == width) { memcpy(y, t, (size_t)(n * width)); return; }
#define MOVE(T) for (int64_t k = 0; k < n; k++) *(T *)(y + k * sy) = *(const T *)(t + k * st);
    EACH_WIDTH(width, MOVE)
#undef MOVE
    return;
  }
  for (int64_t i = 0, b; i < n; i += b) {
    const int64_t *v;
    b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
    v = tl_block_load(TL_i64, room, itype, index + i * si, si, b);
#define MOVE(T) \
    for (int64_t k = 0; k < b; k++) \
      *(T *)(y + (i + k) * sy) = *(const T *)(table + (i + k) * st + place(&j->rule, v[k]) * j->rule.step);
    EACH_WIDTH(width, MOVE)
#undef MOVE
  }
}

static int gather (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  int d = c->ndim - 1;
  int64_t offset[TL_MAXARG], n = c->size[d], piece = n < 65536 ? n : 65536, pieces = n ? (n + piece - 1) / piece : 0;
  for (int64_t k = from; k < to; k++) {
    int64_t i = k % pieces * piece;
    tl_block_place(c, 0, d, k / pieces, 3, offset);
    gather_line(j, (char *)c->arg[0].data + offset[0] + i * c->arg[0].stride[d],
                (const char *)c->arg[1].data + offset[1] + i * c->arg[1].stride[d],
                (const char *)c->arg[2].data + offset[2] + i * c->arg[2].stride[d], n - i < piece ? n - i : piece);
    if (*j->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

int tl_cpu_gather (const tl_Cmd *c, tl_Env *env) {
  Job j = { c, rule_of(c), env->stop };
  int64_t n = c->size[c->ndim - 1], piece = n < 65536 ? n : 65536;
  int reason = check(c, &c->arg[2], env);
  if (reason || n == 0) return reason;
  if (tl_cpu_width[c->arg[0].dtype] != tl_cpu_width[c->arg[1].dtype]) return TL_CANT;
  return tl_team_for(env, tl_block_count(c, 0, c->ndim - 1) * ((n + piece - 1) / piece), 32768 / piece + 1, gather, &j);
}

/* table[..] op= values, b of them: `at` in bytes from t, advancing by st */
typedef void (*Scatter) (char *t, int64_t st, const int64_t *at, const void *values, int64_t b);

#define SCATTER(name, T, expression) \
static void name (char *t, int64_t st, const int64_t *at, const void *values, int64_t b) { \
  const T *v = values; \
  for (int64_t k = 0; k < b; k++) { \
    T *p = (T *)(t + k * st + at[k]), x = *p, y = v[k]; \
    (void)x; \
    *p = (T)(expression); \
  } \
}
SCATTER(set_1, uint8_t, y)
SCATTER(set_2, uint16_t, y)
SCATTER(set_4, uint32_t, y)
SCATTER(set_8, uint64_t, y)
#define ARITHMETIC(ty, T, U) \
  SCATTER(add_##ty, T, (U)x + (U)y) \
  SCATTER(mul_##ty, T, (U)x * (U)y) \
  SCATTER(min_##ty, T, y < x || y != y ? y : x) \
  SCATTER(max_##ty, T, y > x || y != y ? y : x)
ARITHMETIC(f32, float, float)
ARITHMETIC(f64, double, double)
ARITHMETIC(u8, uint8_t, uint32_t)
ARITHMETIC(i8, int8_t, uint32_t)
ARITHMETIC(i16, int16_t, uint32_t)
ARITHMETIC(i32, int32_t, uint32_t)
ARITHMETIC(i64, int64_t, uint64_t)
SCATTER(add_b8, uint8_t, x | y)
SCATTER(mul_b8, uint8_t, x & y)

/* half types compute in float and round at every element */
#define HALF(name, dtype, expression) \
static void name (char *t, int64_t st, const int64_t *at, const void *values, int64_t b) { \
  tl_Convert up = tl_convert(dtype, TL_f32), down = tl_convert(TL_f32, dtype); \
  const uint16_t *v = values; \
  for (int64_t k = 0; k < b; k++) { \
    void *p = t + k * st + at[k]; \
    float x, y, r; \
    up(1, &x, p); \
    up(1, &y, v + k); \
    r = (expression); \
    down(1, p, &r); \
  } \
}
#define HALVES(ty) \
  HALF(add_##ty, TL_##ty, x + y) \
  HALF(mul_##ty, TL_##ty, x * y) \
  HALF(min_##ty, TL_##ty, y < x || y != y ? y : x) \
  HALF(max_##ty, TL_##ty, y > x || y != y ? y : x)
HALVES(f16)
HALVES(bf16)

#define ROW(ty)  [TL_##ty] = { NULL, add_##ty, mul_##ty, min_##ty, max_##ty }
static const Scatter scatters[TL_NDTYPE][5] = {
  ROW(f32), ROW(f64), ROW(f16), ROW(bf16), ROW(u8), ROW(i8), ROW(i16), ROW(i32), ROW(i64),
  [TL_b8] = { NULL, add_b8, mul_b8, mul_b8, add_b8 }
};

static Scatter scatter_of (const tl_Cmd *c) {
  int dtype = c->arg[0].dtype;
  if (c->op != TL_SCATTER_SET) return scatters[dtype][c->op];
  switch (tl_cpu_width[dtype]) {
    case 1: return set_1;
    case 2: return set_2;
    case 4: return set_4;
    default: return set_8;
  }
}

/* one value for all: in the table's dtype, TL_BLOCK times */
static void repeat (const tl_Cmd *c, void *values) {
  const tl_Arg *x = &c->arg[1];
  int dtype = c->arg[0].dtype, width = tl_cpu_width[dtype];
  tl_Cell cell;
  if (x->dtype == dtype) memcpy(&cell, &x->num, sizeof cell);
  else tl_convert(x->dtype, dtype)(1, &cell, &x->num);
  for (int k = 0; k < TL_BLOCK; k++) memcpy((char *)values + k * width, &cell, (size_t)width);
}

int tl_cpu_scatter (const tl_Cmd *c, tl_Env *env) {
  int d = c->ndim - 1, number = c->arg[1].flags & TL_ARG_NUMBER, dtype = c->arg[0].dtype;
  int64_t n = c->size[d], outer = tl_block_count(c, 0, d), offset[TL_MAXARG];
  int64_t at[TL_BLOCK], index[TL_BLOCK], values[TL_BLOCK];
  const tl_Arg *x = &c->arg[1], *ix = &c->arg[2];
  Rule r = rule_of(c);
  Scatter scatter = scatter_of(c);
  int reason = check(c, ix, env);
  if (reason) return reason;
  if (number) repeat(c, values);
  for (int64_t k = 0; k < outer; k++) {
    tl_block_place(c, 0, d, k, 3, offset);
    for (int64_t i = 0, b; i < n; i += b) {
      const int64_t *v;
      const void *y = values;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_i64, index, ix->dtype, (const char *)ix->data + offset[2] + i * ix->stride[d],
                        ix->stride[d], b);
      for (int64_t q = 0; q < b; q++) at[q] = place(&r, v[q]) * r.step;
      if (!number)
        y = tl_block_load(dtype, values, x->dtype, (const char *)x->data + offset[1] + i * x->stride[d],
                          x->stride[d], b);
      scatter((char *)c->arg[0].data + offset[0] + i * c->arg[0].stride[d], c->arg[0].stride[d], at, y, b);
      if (*env->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

int tl_cpu_offset (const tl_Cmd *c, tl_Env *env) {
  int d = c->ndim - 1;
  int64_t n = c->size[d], outer = tl_block_count(c, 0, d), offset[TL_MAXARG], room[TL_BLOCK];
  const tl_Arg *y = &c->arg[0], *x = &c->arg[1];
  Rule r = rule_of(c);
  int reason = check(c, x, env);
  if (reason) return reason;
  for (int64_t k = 0; k < outer; k++) {
    tl_block_place(c, 0, d, k, 2, offset);
    for (int64_t i = 0, b; i < n; i += b) {
      const int64_t *v;
      char *p = (char *)y->data + offset[0] + i * y->stride[d];
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_i64, room, x->dtype, (const char *)x->data + offset[1] + i * x->stride[d], x->stride[d], b);
      for (int64_t q = 0; q < b; q++) *(int64_t *)(p + q * y->stride[d]) += place(&r, v[q]) * r.step;
      if (*env->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}

/* the space of arg1 has its own dims in their order; arg0's two dims are its strides 0 and 1 */
int tl_cpu_nonzero (const tl_Cmd *c, tl_Env *env) {
  int d = c->ndim - 1;
  int64_t n = c->size[d], outer = tl_block_count(c, 0, d), base = c->p[0].i, at[TL_MAXDIM] = {0};
  uint8_t room[TL_BLOCK * 8];
  const tl_Arg *y = &c->arg[0], *x = &c->arg[1];
  char *to = y->data;
  for (int64_t k = 0; k < outer; k++) {
    int64_t rest = k, from = 0;
    for (int q = d - 1; q >= 0; q--, rest /= c->size[q + 1]) from += (at[q] = rest % c->size[q]) * x->stride[q];
    for (int64_t i = 0, b; i < n; i += b) {
      const uint8_t *v;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_b8, room, x->dtype, (const char *)x->data + from + i * x->stride[d], x->stride[d], b);
      for (int64_t q = 0; q < b; q++) {
        if (!v[q]) continue;
        at[d] = i + q;
        for (int e = 0; e < c->ndim; e++) *(int64_t *)(to + e * y->stride[1]) = at[e] + base;
        to += y->stride[0];
      }
      if (*env->stop) return TL_INTERRUPTED;
    }
  }
  return TL_DONE;
}
