/*
** index.c -- gather, scatter, checked positions and the places of non-zeros.
**
** All indices are read and checked before the first element is written.  The last two dims of a command are
** walked in tiles of which the positions are worked out first; where the last dim has one index for all, a row of
** the tile is moved as a whole.  Elements move by width, so one loop serves every dtype; scatters with arithmetic
** work in the table's own dtype, one element after the other in the order of the walk: the same bits whatever
** the threads.
*/
#include <string.h>

#include "cpu/block.h"
#include "cpu/walk.h"

#define TILE 1024              /* positions of a tile */
#define PIECE 65536            /* points of a line that one thread takes */

typedef struct Rule {                    /* how an index becomes an offset into the table */
  int64_t size, step, base, turn;        /* turn: what negative indices are moved by before they count from the base */
} Rule;

static Rule rule_of (const tl_Cmd *c) {
  int64_t size = c->p[TL_INDEX_SIZE].i, base = c->p[TL_INDEX_BASE].i;
  return (Rule){ size, c->p[TL_INDEX_STEP].i, base, c->p[TL_INDEX_WRAP].i ? size + base : 0 };
}

/* counted from 0; outside [0, size) when it is a bad one.  Counting from the end, -1 is the last. */
static inline int64_t place (const Rule *r, int64_t index) { return index - r->base + (index >> 63 & r->turn); }

/* the sign bit is set where x is bad, of several ones joined by |: no branch, and no comparison of 64 bits */
static inline uint64_t badness (const Rule *r, int64_t x) { return (uint64_t)x | (uint64_t)(r->size - 1 - x); }

/* of n indices the first bad one, or n */
static int64_t first_bad (const Rule *r, const int64_t *v, int64_t n) {
  uint64_t bad = 0;
  int64_t k = 0;
  for (int64_t q = 0; q < n; q++) bad |= badness(r, place(r, v[q]));
  if (!(bad >> 63)) return n;
  while ((uint64_t)place(r, v[k]) < (uint64_t)r->size) k++;
  return k;
}

/* looks at every index once; what is broadcast is not looked at again */
static int check (const tl_Cmd *c, const tl_Arg *x, tl_Env *env) {
  Rule r = rule_of(c);
  int64_t size[TL_MAXDIM], stride[TL_MAXDIM], at[TL_MAXDIM] = {0}, room[TL_BLOCK], n;
  const char *p = x->data;
  int ndim = 0, d;
  if (r.size == INT64_MAX) return TL_DONE;                 /* distances: TL_OFFSET, which made them, has looked */
  for (d = 0; d < c->ndim; d++) {
    if (c->size[d] == 0) return TL_DONE;
    if (x->stride[d] == 0) continue;
    if (ndim && stride[ndim - 1] == c->size[d] * x->stride[d]) size[ndim - 1] *= c->size[d];
    else size[ndim++] = c->size[d];
    stride[ndim - 1] = x->stride[d];
  }
  if (ndim == 0) { size[0] = 1; stride[0] = tl_cpu_width[x->dtype]; ndim = 1; }
  n = size[ndim - 1];
  do {
    for (int64_t i = 0, b; i < n; i += b) {
      const int64_t *v;
      int64_t k;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_i64, room, x->dtype, p + i * stride[ndim - 1], stride[ndim - 1], b);
      k = first_bad(&r, v, b);
      if (k < b) {
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

/* ---- tiles ---- */

typedef struct Job Job;
typedef struct Tile {                    /* rows x n points */
  char *p[TL_MAXARG];                    /* the operands there, */
  int64_t row[TL_MAXARG], step[TL_MAXARG];     /* and their strides in bytes */
  int64_t rows, n;
  const int64_t *at;                     /* the positions, in bytes (of TL_OFFSET: in its unit), */
  int64_t at_row, at_step;               /* and their strides, in positions */
  int width;                             /* bytes of an element */
  const Job *job;
} Tile;

struct Job {
  const tl_Cmd *c;
  Rule rule;
  int index;                             /* the operand that holds the indices */
  void (*work) (const Tile *);
  volatile int *stop;
  void (*scatter) (const Tile *);        /* for values of the table's dtype */
};

/* whether all of them are good ones */
static int positions (const Rule *r, int dtype, const char *x, int64_t rows, int64_t row, int64_t n, int64_t step,
                      int64_t *at) {
  int64_t room[TL_BLOCK];
  uint64_t bad = 0;
  if (n == 1 || row == n * step) {       /* one long row */
    if (n == 1) step = row;
    n *= rows;
    rows = 1;
  }
  for (; rows > 0; rows--, x += row)
    for (int64_t i = 0, b; i < n; i += b, at += b) {
      const int64_t *v;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_i64, room, dtype, x + i * step, step, b);
      for (int64_t k = 0; k < b; k++) {
        int64_t to = place(r, v[k]);
        bad |= badness(r, to);
        at[k] = to * r->step;
      }
    }
  return !(bad >> 63);
}

/* rows x n points from offset[] on: one tile after the other, row-major */
static int stretch (const Job *j, const int64_t *offset, int64_t rows, int64_t n) {
  const tl_Cmd *c = j->c;
  const tl_Arg *x = &c->arg[j->index];
  int d = c->ndim - 1;
  int64_t row = d ? x->stride[d - 1] : 0, step = x->stride[d], at[TILE];
  int64_t wide = step == 0 || n < TILE ? n : TILE;                       /* columns of a tile */
  int64_t high = step == 0 ? TILE : wide < n ? 1 : row == 0 ? rows : TILE / n;      /* and rows */
  Tile t = { .at = at, .at_row = step == 0 ? 1 : row == 0 ? 0 : wide, .at_step = step != 0,
             .width = tl_cpu_width[c->arg[0].dtype], .job = j };
  for (int q = 0; q < c->narg; q++) {
    t.row[q] = d ? c->arg[q].stride[d - 1] : 0;
    t.step[q] = c->arg[q].stride[d];
  }
  for (int64_t r = 0; r < rows; r += high)
    for (int64_t i = 0; i < n; i += wide) {
      t.rows = rows - r < high ? rows - r : high;
      t.n = n - i < wide ? n - i : wide;
      for (int q = 0; q < c->narg; q++)
        t.p[q] = c->arg[q].flags ? NULL : (char *)c->arg[q].data + offset[q] + r * t.row[q] + i * t.step[q];
      if (!positions(&j->rule, x->dtype, t.p[j->index], t.at_row ? t.rows : 1, row, step ? t.n : 1, step, at))
        return TL_BADINDEX;
      j->work(&t);
      if (*j->stop) return TL_INTERRUPTED;
    }
  return TL_DONE;
}

static int64_t pieces_of (int64_t n) { return n <= PIECE ? 1 : (n + PIECE - 1) / PIECE; }

/* lines [from, to), or pieces of lines where those are long */
static int walk (void *job, int64_t from, int64_t to) {
  const Job *j = job;
  const tl_Cmd *c = j->c;
  int d = c->ndim - 1, reason = TL_DONE;
  int64_t offset[TL_MAXARG], n = c->size[d], side = d ? c->size[d - 1] : 1, pieces = pieces_of(n);
  while (from < to && !reason) {
    int64_t line = from / pieces, i = from % pieces * PIECE, rows = pieces == 1 ? side - line % side : 1;
    if (rows > to - from) rows = to - from;
    tl_block_place(c, 0, d, line, c->narg, offset);
    for (int q = 0; q < c->narg; q++) offset[q] += i * c->arg[q].stride[d];
    reason = stretch(j, offset, rows, pieces == 1 ? n : n - i < PIECE ? n - i : PIECE);
    from += rows;
  }
  return reason;
}

static int64_t lines_of (const tl_Cmd *c) {
  return tl_block_count(c, 0, c->ndim - 1) * pieces_of(c->size[c->ndim - 1]);
}

/* ---- gather ---- */

#define EACH_WIDTH(width, MOVE) \
  switch (width) { \
    case 1: MOVE(uint8_t) break; \
    case 2: MOVE(uint16_t) break; \
    case 4: MOVE(uint32_t) break; \
    default: MOVE(uint64_t) break; \
  }

/* rows x n elements; the inner loop is the longer one */
static void move (const Tile *s, int64_t rows, int64_t n, const int64_t *row, const int64_t *step, int64_t at_row,
                  int64_t at_step) {
  int64_t to_row = row[0], to_step = step[0], from_row = row[1], from_step = step[1];
#define MOVE(T) \
    for (int64_t r = 0; r < rows; r++) { \
      char *to = s->p[0] + r * to_row; \
      const char *from = s->p[1] + r * from_row; \
      const int64_t *at = s->at + r * at_row; \
      if (to_step == sizeof(T) && from_step == 0 && at_step == 1) \
        for (int64_t k = 0; k < n; k++) ((T *)to)[k] = *(const T *)(from + at[k]); \
      else \
        for (int64_t k = 0; k < n; k++) \
          *(T *)(to + k * to_step) = *(const T *)(from + k * from_step + at[k * at_step]); \
    }
  EACH_WIDTH(s->width, MOVE)
#undef MOVE
}

static void gather (const Tile *s) {
  if (s->at_step == 0 && s->step[0] == s->width && s->step[1] == s->width)
    for (int64_t r = 0; r < s->rows; r++)
      tl_block_copy(s->p[0] + r * s->row[0], s->p[1] + r * s->row[1] + s->at[r * s->at_row], s->n * s->width);
  else if (s->n < 8 && s->n < s->rows) move(s, s->n, s->rows, s->step, s->row, s->at_step, s->at_row);
  else move(s, s->rows, s->n, s->row, s->step, s->at_row, s->at_step);
}

int tl_cpu_gather (const tl_Cmd *c, tl_Env *env) {
  Job j = { c, rule_of(c), 2, gather, env->stop, NULL };
  int64_t n = c->size[c->ndim - 1];
  int reason = check(c, &c->arg[2], env);
  if (reason || tl_cmd_total(c) == 0) return reason;
  if (tl_cpu_width[c->arg[0].dtype] != tl_cpu_width[c->arg[1].dtype]) return TL_CANT;
  return tl_team_for(env, lines_of(c), 32768 / (n < PIECE ? n : PIECE) + 1, walk, &j);
}

/* ---- scatter ---- */

/* rows of values that are packed on both sides and have one position are whole: no place is met twice there */
#define SCATTER(name, T, expression) \
static void name (const Tile *s) { \
  int64_t to_step = s->step[0], from_step = s->step[1], at_step = s->at_step; \
  int whole = at_step == 0 && to_step == sizeof(T) && from_step == sizeof(T); \
  for (int64_t r = 0; r < s->rows; r++) { \
    const int64_t *at = s->at + r * s->at_row; \
    char *to = s->p[0] + r * s->row[0]; \
    const char *from = s->p[1] + r * s->row[1]; \
    if (whole) { \
      T *restrict t = (T *)(to + at[0]); \
      const T *restrict v = (const T *)from; \
      for (int64_t k = 0; k < s->n; k++) { T x = t[k], y = v[k]; (void)x; t[k] = (T)(expression); } \
    } \
    else for (int64_t k = 0; k < s->n; k++) { \
      T *t = (T *)(to + k * to_step + at[k * at_step]), x = *t, y = *(const T *)(from + k * from_step); \
      (void)x; \
      *t = (T)(expression); \
    } \
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
static void name (const Tile *s) { \
  tl_Convert up = tl_convert(dtype, TL_f32), down = tl_convert(TL_f32, dtype); \
  for (int64_t r = 0; r < s->rows; r++) \
    for (int64_t k = 0; k < s->n; k++) { \
      void *t = s->p[0] + r * s->row[0] + k * s->step[0] + s->at[r * s->at_row + k * s->at_step]; \
      float x, y, z; \
      up(1, &x, t); \
      up(1, &y, s->p[1] + r * s->row[1] + k * s->step[1]); \
      z = (expression); \
      down(1, t, &z); \
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
static void (*const scatters[TL_NDTYPE][5]) (const Tile *) = {
  ROW(f32), ROW(f64), ROW(f16), ROW(bf16), ROW(u8), ROW(i8), ROW(i16), ROW(i32), ROW(i64),
  [TL_b8] = { NULL, add_b8, mul_b8, mul_b8, add_b8 }
};

static void (*scatter_of (const tl_Cmd *c)) (const Tile *) {
  int dtype = c->arg[0].dtype;
  if (c->op != TL_SCATTER_SET) return scatters[dtype][c->op];
  switch (tl_cpu_width[dtype]) {
    case 1: return set_1;
    case 2: return set_2;
    case 4: return set_4;
    default: return set_8;
  }
}

/* values of another dtype */
static void scatter_converted (const Tile *s) {
  const tl_Arg *x = &s->job->c->arg[1];
  int64_t values[TL_BLOCK];
  Tile t = *s;
  t.rows = 1;
  t.step[1] = s->width;
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t i = 0; i < s->n; i += TL_BLOCK) {
      t.n = s->n - i < TL_BLOCK ? s->n - i : TL_BLOCK;
      t.p[0] = s->p[0] + r * s->row[0] + i * s->step[0];
      t.p[1] = (char *)tl_block_load(s->job->c->arg[0].dtype, values, x->dtype,
                                     s->p[1] + r * s->row[1] + i * s->step[1], s->step[1], t.n);
      t.at = s->at + r * s->at_row + i * s->at_step;
      s->job->scatter(&t);
    }
}

int tl_cpu_scatter (const tl_Cmd *c, tl_Env *env) {
  int reason = check(c, &c->arg[2], env), dtype = c->arg[0].dtype;
  tl_Cmd one = *c;
  tl_Arg *x = &one.arg[1];
  tl_Cell value;
  Job j = { &one, rule_of(c), 2, scatter_of(c), env->stop, scatter_of(c) };
  if (reason || tl_cmd_total(c) == 0) return reason;
  if (x->flags & TL_ARG_NUMBER) {        /* one value for all, in the table's dtype */
    if (x->dtype == dtype) memcpy(&value, &x->num, sizeof value);
    else tl_convert(x->dtype, dtype)(1, &value, &x->num);
    *x = (tl_Arg){ .data = &value, .dtype = (uint8_t)dtype };
  }
  if (x->dtype != dtype) j.work = scatter_converted;
  return walk(&j, 0, lines_of(c));
}

static void add_positions (const Tile *s) {
  for (int64_t r = 0; r < s->rows; r++)
    for (int64_t k = 0; k < s->n; k++)
      *(int64_t *)(s->p[0] + r * s->row[0] + k * s->step[0]) += s->at[r * s->at_row + k * s->at_step];
}

/* what is added to belongs to nobody else yet, so that a bad index may be found on the way */
int tl_cpu_offset (const tl_Cmd *c, tl_Env *env) {
  Job j = { c, rule_of(c), 1, add_positions, env->stop, NULL };
  int reason = tl_cmd_total(c) ? walk(&j, 0, lines_of(c)) : TL_DONE;
  return reason == TL_BADINDEX ? check(c, &c->arg[1], env) : reason;
}

/* the space of arg1 has its own dims in their order; arg0's two dims are its strides 0 and 1 */
int tl_cpu_nonzero (const tl_Cmd *c, tl_Env *env) {
  int d = c->ndim - 1;
  int64_t n = c->size[d], outer = tl_block_count(c, 0, d), base = c->p[0].i, at[TL_MAXDIM] = {0};
  uint8_t room[TL_BLOCK * 8];
  uint16_t hit[TL_BLOCK];
  const tl_Arg *y = &c->arg[0], *x = &c->arg[1];
  const char *from = x->data;
  char *to = y->data;
  for (int64_t k = 0; k < outer; k++) {
    for (int64_t i = 0, b; i < n; i += b) {
      const uint8_t *v;
      int hits = 0;
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      v = tl_block_load(TL_b8, room, x->dtype, from + i * x->stride[d], x->stride[d], b);
      for (int q = 0; q < b; q++) {      /* no branch: what comes next can't be guessed */
        hit[hits] = (uint16_t)q;
        hits += v[q] != 0;
      }
      for (int q = 0; q < hits; q++, to += y->stride[0]) {
        for (int e = 0; e < d; e++) *(int64_t *)(to + e * y->stride[1]) = at[e] + base;
        *(int64_t *)(to + d * y->stride[1]) = i + hit[q] + base;
      }
      if (*env->stop) return TL_INTERRUPTED;
    }
    for (int e = d - 1; e >= 0; e--) {
      from += x->stride[e];
      if (++at[e] < c->size[e]) break;
      from -= c->size[e] * x->stride[e];
      at[e] = 0;
    }
  }
  return TL_DONE;
}
