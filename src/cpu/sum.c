/*
** sum.c -- sums of floats in PyTorch's order, bit for bit, whatever the SIMD level and the threads.
** Compiled once per level (TL_LEVEL).
**
** Everything is one cascade: rows of four lanes-wide numbers are added up `step` at a time, step such
** sums into a second level, step of those into a third, and so on; what each path of PyTorch's calls a
** row follows from where the input is contiguous.  A lane is 8 floats or 4 doubles at every level: the
** width is part of the definition.  A piece of step * step rows (a slab) starts from zero and is used
** once, so slabs of a long sum can be made by several threads and joined in order.
*/
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "cpu/block.h"
#include "cpu/sum.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"          /* vectors are passed between inlined functions only */
#endif

#define INLINE  static inline __attribute__((always_inline))

typedef float F8 __attribute__((vector_size(32)));
typedef double D4 __attribute__((vector_size(32)));
typedef float F8u __attribute__((vector_size(32), aligned(4), may_alias));
typedef double D4u __attribute__((vector_size(32), aligned(8), may_alias));
typedef uint32_t U8 __attribute__((vector_size(32)));
typedef uint16_t H8 __attribute__((vector_size(16)));
typedef uint16_t H8u __attribute__((vector_size(16), aligned(2), may_alias));

INLINE float one_f32 (const char *p) { return *(const float *)p; }
INLINE double one_f64 (const char *p) { return *(const double *)p; }
INLINE float one_bf16 (const char *p) {
  union { uint32_t u; float f; } v = { (uint32_t)*(const uint16_t *)p << 16 };
  return v.f;
}
INLINE float one_f16 (const char *p) {
#if defined(__F16C__)
  return _cvtsh_ss(*(const uint16_t *)p);
#else
  uint32_t h = *(const uint16_t *)p, s = (h & 0x8000u) << 16, m = h & 0x7fffu;
  union { uint32_t u; float f; } v = { m << 13 };
  if (m >= 0x7c00u) v.u |= 0x7f800000u;                       /* inf and NaN */
  else v.f *= 0x1p112f;                                       /* the exponent's bias; right for subnormals too */
  v.u |= s;
  return v.f;
#endif
}
INLINE F8 many_f32 (const char *p) { return *(const F8u *)p; }
INLINE D4 many_f64 (const char *p) { return *(const D4u *)p; }
INLINE F8 many_bf16 (const char *p) {
  return (F8)(__builtin_convertvector((H8)*(const H8u *)p, U8) << 16);
}
INLINE F8 many_f16 (const char *p) {
#if defined(__F16C__)
  return (F8)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)p));
#else
  F8 v;
  for (int k = 0; k < 8; k++) v[k] = one_f16(p + 2 * k);
  return v;
#endif
}

/* 2^power rows make a step: at least 16, more for more than 2^19 rows */
static int step_power (int64_t n) {
  int bits = n <= 2 ? 1 : 64 - __builtin_clzll((unsigned long long)n - 1);
  return bits / 4 > 4 ? bits / 4 : 4;
}

/*
** NAME(total, x, row, col, n, slabs, stop): total[q] = sum of load(x + i * row + q * col) over i < n.
** slabs: those made before, or NULL.  NAME_slab: step * step rows from zero.  NAME_row: n numbers `col`
** apart, dealt out to four sums.
*/
#define CASCADE(name, V, load) \
static void name##_slab (V total[4], const char *x, int64_t row, int64_t col, int64_t step) { \
  V b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0}; \
  for (int64_t k = 0; k < step; k++) { \
    V a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}; \
    for (int64_t j = 0; j < step; j++, x += row) { \
      a0 += load(x); a1 += load(x + col); a2 += load(x + 2 * col); a3 += load(x + 3 * col); \
    } \
    b0 += a0; b1 += a1; b2 += a2; b3 += a3; \
  } \
  total[0] = b0; total[1] = b1; total[2] = b2; total[3] = b3; \
} \
static void name (V total[4], const char *x, int64_t row, int64_t col, int64_t n, V (*slabs)[4], volatile int *stop) { \
  int power = step_power(n); \
  int64_t step = (int64_t)1 << power, slab = step << power, i = 0; \
  V a[4] = {{0}}, b[4] = {{0}}, c[4] = {{0}}, d[4] = {{0}}; \
  for (; i + slab <= n && !*stop; x += row * slab) { \
    if (slabs) for (int q = 0; q < 4; q++) c[q] += slabs[i >> (2 * power)][q]; \
    else { \
      name##_slab(b, x, row, col, step); \
      for (int q = 0; q < 4; q++) c[q] += b[q]; \
    } \
    i += slab; \
    if ((i & ((slab << power) - 1)) != 0) continue; \
    for (int q = 0; q < 4; q++) { d[q] += c[q]; c[q] = (V){0}; } \
  } \
  for (int q = 0; q < 4; q++) b[q] = (V){0}; \
  while (i + step <= n) { \
    for (int64_t j = 0; j < step; j++, x += row) \
      for (int q = 0; q < 4; q++) a[q] += load(x + q * col); \
    i += step; \
    for (int q = 0; q < 4; q++) { b[q] += a[q]; a[q] = (V){0}; } \
  } \
  for (; i < n; i++, x += row) \
    for (int q = 0; q < 4; q++) a[q] += load(x + q * col); \
  for (int q = 0; q < 4; q++) total[q] = ((a[q] + b[q]) + c[q]) + d[q]; \
} \
INLINE V name##_row (const char *x, int64_t col, int64_t n, V (*slabs)[4], volatile int *stop) { \
  V t[4]; \
  name(t, x, 4 * col, col, n / 4, slabs, stop); \
  for (int64_t i = n & ~(int64_t)3; i < n; i++) t[0] += load(x + i * col); \
  return ((t[0] + t[1]) + t[2]) + t[3]; \
}

/* the scalar form: the same with one number for a vector; {{0}} of plain numbers warns, hence one-wide vectors */
typedef float F1 __attribute__((vector_size(4)));
typedef double D1 __attribute__((vector_size(8)));
INLINE F1 lone_f32 (const char *p) { return (F1){ one_f32(p) }; }
INLINE D1 lone_f64 (const char *p) { return (D1){ one_f64(p) }; }
INLINE F1 lone_f16 (const char *p) { return (F1){ one_f16(p) }; }
INLINE F1 lone_bf16 (const char *p) { return (F1){ one_bf16(p) }; }

/* where a plane of n0 reduced numbers by n1 others is contiguous */
enum { INNER, OUTER, SCALAR_INNER, SCALAR_OUTER };

typedef struct Plane {
  int64_t n0, n1, s0, s1;        /* s in bytes */
  int path, each;                /* each: the n1 rows are results of their own; 0: all are added to one */
  volatile int *stop;
  void *slabs;                   /* of one long inner sum */
} Plane;

typedef struct Slabs { const char *x; void *made; int64_t step; } Slabs;

/*
** NAME_plane: adds rows [from, to) of the plane at x to out[j - from] (each) or to out[0], in PyTorch's
** grouping: columns in fours of lanes, lanes, ones.  `from` is a multiple of 4 * L where columns are grouped.
*/
#define PLANES(name, T, V, V1, L, width) \
CASCADE(name##_many, V, many_##name) \
CASCADE(name##_one, V1, lone_##name) \
static T name##_inner (const char *x, int64_t n, V (*slabs)[4], volatile int *stop) { \
  V v = name##_many_row(x, width * L, n / L, slabs, stop); \
  T s = 0; \
  for (int64_t k = n - n % L; k < n; k++) s += one_##name(x + k * width); \
  for (int k = 0; k < L; k++) s += v[k]; \
  return s; \
} \
static void name##_plane (const Plane *p, const char *x, T *out, int64_t from, int64_t to) { \
  int64_t j = from, each = p->each; \
  switch (p->path) { \
    case INNER: \
      for (; j < to; j++) out[(j - from) * each] += name##_inner(x + j * p->s1, p->n0, p->slabs, p->stop); \
      break; \
    case OUTER: { \
      V t[4]; \
      for (; j + 4 * L <= to; j += 4 * L) { \
        name##_many(t, x + j * width, p->s0, width * L, p->n0, NULL, p->stop); \
        for (int q = 0; q < 4; q++) for (int k = 0; k < L; k++) out[(j - from + q * L + k) * each] += t[q][k]; \
      } \
      for (; j + L <= to; j += L) { \
        t[0] = name##_many_row(x + j * width, p->s0, p->n0, NULL, p->stop); \
        for (int k = 0; k < L; k++) out[(j - from + k) * each] += t[0][k]; \
      } \
      if (j < to) {                      /* fewer: with columns before them, which are dropped */ \
        t[0] = name##_many_row(x + (to - L) * width, p->s0, p->n0, NULL, p->stop); \
        for (; j < to; j++) out[(j - from) * each] += t[0][j - (to - L)]; \
      } \
      break; \
    } \
    case SCALAR_OUTER: { \
      V1 t[4]; \
      for (; j + 4 <= to; j += 4) {      /* a broadcast column is added up once */ \
        if (j == from || p->s1) name##_one(t, x + j * p->s1, p->s0, p->s1, p->n0, NULL, p->stop); \
        for (int q = 0; q < 4; q++) out[(j - from + q) * each] += t[q][0]; \
      } \
    }   /* FALLTHROUGH */ \
    default: { \
      V1 t = {0}; \
      for (int again = 1; j < to; j++, again = p->s1 != 0) { \
        if (again) t = name##_one_row(x + j * p->s1, p->s0, p->n0, NULL, p->stop); \
        out[(j - from) * each] += t[0]; \
      } \
    } \
  } \
} \
static int name##_slabs (void *ctx, int64_t from, int64_t to) { \
  const Slabs *s = ctx; \
  V (*made)[4] = s->made; \
  for (int64_t k = from; k < to; k++) \
    name##_many_slab(made[k], s->x + k * s->step * s->step * 4 * L * width, 4 * L * width, L * width, s->step); \
  return TL_DONE; \
}

PLANES(f32, float, F8, F1, 8, 4)
PLANES(f64, double, D4, D1, 4, 8)
PLANES(f16, float, F8, F1, 8, 2)
PLANES(bf16, float, F8, F1, 8, 2)

typedef struct Kind {
  void (*plane) (const Plane *, const char *, void *, int64_t, int64_t);
  int (*slabs) (void *, int64_t, int64_t);
  int lanes;
} Kind;

#define KIND(name, T, L) \
static void name##_run (const Plane *p, const char *x, void *out, int64_t from, int64_t to) { \
  name##_plane(p, x, (T *)out, from, to); \
}
KIND(f32, float, 8)
KIND(f64, double, 4)
KIND(f16, float, 8)
KIND(bf16, float, 8)
static const Kind kinds[TL_NDTYPE] = {
  [TL_f32] = { f32_run, f32_slabs, 8 }, [TL_f64] = { f64_run, f64_slabs, 4 },
  [TL_f16] = { f16_run, f16_slabs, 8 }, [TL_bf16] = { bf16_run, bf16_slabs, 8 },
};

typedef struct Job {
  const tl_Cmd *c;
  const tl_Arg *x, *y;
  const Kind *kind;
  Plane p;
  int outer, first, rest;        /* dims [0, outer) are walked; [first, rest) are inside and not in the plane */
  int64_t chunk, chunks;         /* results of a plane made in one go, and how many such goes */
} Job;

enum { CHUNK = 256 };

/* adds what the plane gives at every place of the inside dims that it doesn't cover */
static void add_planes (const Job *j, const char *x, void *room, int64_t from, int64_t to) {
  int64_t n = tl_block_count(j->c, j->first, j->rest), offset[TL_MAXARG], last = j->c->narg - 1;
  for (int64_t k = 0; k < n && !*j->p.stop; k++) {
    if (k) tl_block_place(j->c, j->first, j->rest, k, j->c->narg, offset);
    j->kind->plane(&j->p, x + (k ? offset[last] : 0), room, from, to);
  }
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  int dtype = j->c->dtype;
  double room[CHUNK];
  int64_t offset[TL_MAXARG];
  for (int64_t k = from; k < to; k++) {
    int64_t a = k % j->chunks * j->chunk, n, step = j->p.each ? j->y->stride[j->outer] : 0;
    int64_t b = a + j->chunk;
    if (b > j->p.n1 || !j->p.each) b = j->p.n1;
    n = j->p.each ? b - a : 1;
    tl_block_place(j->c, 0, j->outer, k / j->chunks, 2, offset);
    memset(room, 0, (size_t)n * tl_cpu_width[dtype]);
    add_planes(j, (const char *)j->x->data + offset[1], room, a, b);
    if (*j->p.stop) return TL_INTERRUPTED;
    tl_block_store(dtype, room, j->y->dtype, (char *)j->y->data + offset[0] + a * step, step, n);
  }
  return TL_DONE;
}

static int path_of (const Plane *p, int width, int lanes) {
  if (p->s0 == width && p->n0 >= lanes) return INNER;
  if (p->s1 == width && p->n1 >= lanes) return OUTER;
  return p->s0 < p->s1 ? SCALAR_INNER : SCALAR_OUTER;
}

int TL_AT_LEVEL(tl_sum) (const tl_Cmd *c, tl_Env *env) {
  const tl_Arg *x = &c->arg[1];
  Job j = { .c = c, .x = x, .y = &c->arg[0], .kind = &kinds[x->dtype] };
  int inside = c->ndim - c->keep, width = tl_cpu_width[x->dtype], reason;
  int64_t grain, group;
  if (!j.kind->plane || tl_cpu_width[c->dtype] != (j.kind->lanes == 4 ? 8 : 4)) return TL_CANT;
  j.p.stop = env->stop;
  j.p.n0 = c->size[c->ndim - 1];
  j.p.s0 = x->stride[c->ndim - 1];
  j.p.n1 = 1;
  j.p.each = inside == 1;
  j.outer = c->keep;
  j.first = c->keep;
  j.rest = c->ndim - 1;
  if (inside > 1) {
    j.rest = c->ndim - 2;
    j.p.n1 = c->size[j.rest];
    j.p.s1 = x->stride[j.rest];
  }
  else if (c->keep > 0) {
    j.outer = c->keep - 1;
    j.p.n1 = c->size[j.outer];
    j.p.s1 = x->stride[j.outer];
  }
  j.p.path = path_of(&j.p, width, j.kind->lanes);
  group = j.p.path == OUTER ? 4 * j.kind->lanes : j.p.path == SCALAR_OUTER ? 4 : 1;
  j.chunk = j.p.path == SCALAR_OUTER && j.p.s1 == 0 ? CHUNK : 32768 / (j.p.n0 + 1) / group * group;
  if (j.chunk < group) j.chunk = group;
  if (j.chunk > CHUNK) j.chunk = CHUNK;
  j.chunks = j.p.each ? (j.p.n1 + j.chunk - 1) / j.chunk : 1;
  grain = (1 << 17) / (tl_block_count(c, j.first, c->ndim) * (j.p.each ? j.chunk : 1) + 1) + 1;
  if (c->ndim == 1 && env->threads > 1 && j.p.path == INNER && j.p.n0 >= 1 << 18) {   /* one long sum */
    int64_t rows = j.p.n0 / j.kind->lanes / 4, step = (int64_t)1 << step_power(rows), n = rows / (step * step);
    Slabs s = { x->data, tl_cpu_room((size_t)n * 128), step };
    if (s.made) {
      reason = tl_team_for(env, n, 16 * 256 / (step * step) + 1, j.kind->slabs, &s);
      j.p.slabs = s.made;
      if (reason == TL_DONE) reason = work(&j, 0, 1);
      tl_cpu_room_free(s.made);
      return reason;
    }
  }
  return tl_team_for(env, tl_block_count(c, 0, j.outer) * j.chunks, grain, work, &j);
}
