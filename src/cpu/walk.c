/*
** walk.c -- TL_MAP: points in blocks.  Kernels exist for packed memory of the compute type only; what is
** strided is gathered, what has another dtype converted, TL_BLOCK points at a time, on the stack.
**
** Commands marked PLAIN go straight to the kernel, commands of packed or single-valued operands of the
** right dtype nearly so.  Large ones are cut at multiples of TL_BLOCK and shared by the team.
*/
#include <string.h>

#include "cpu/block.h"
#include "cpu/walk.h"

#define LONG_ROW 48            /* rows from here on are worth blocks of their own */
#define SMALL 8192             /* points that never need a team, nor a look at the stop flag */

/* ---- facts of the codes ---- */

enum { CHEAP_COST = 1, REAL_COST = 2, HARD_COST = 6, LIBRARY_COST = 24 };      /* a point's, in quarters of a nanosecond or so */
enum { NO_FLAT, HAS_FLAT };
#define FLAT_REAL  NO_FLAT
#define FLAT_FLAT  HAS_FLAT
#define FLAT_ALL   NO_FLAT
#define FLAT_CHEAP HAS_FLAT
#define FLAT_BITS  HAS_FLAT
#define FLAT_I64   NO_FLAT
#define COST_REAL  REAL_COST
#define COST_FLAT  CHEAP_COST
#define COST_ALL   REAL_COST
#define COST_CHEAP CHEAP_COST
#define COST_BITS  CHEAP_COST
#define COST_I64   HARD_COST

static const struct Fact { uint8_t flat, cost; } facts[TL_NCODE] = {
#define FACT(code, flat, stamp)          [TL_##code] = { flat, COST_##stamp },
#define UNARY(name, rule, stamp, ...)    FACT(name, 0, stamp) FACT(name##_x, 0, stamp)
#define BINARY(name, rule, stamp, ...)   FACT(name, FLAT_##stamp, stamp) FACT(name##_a, 0, stamp) \
                                         FACT(name##_b, 0, stamp)
#define TERNARY(name, rule, stamp, ...)  FACT(name, 0, stamp) FACT(name##_a, 0, stamp) FACT(name##_b, 0, stamp) \
                                         FACT(name##_c, 0, stamp)
#define TEST1(name, rule, stamp, ...)    FACT(name, 0, stamp)
#define TEST2(name, rule, stamp, ...)    FACT(name, FLAT_##stamp, stamp)
#define INT1(name, rule, stamp, ...)     FACT(name, 0, stamp)
#define INT2(name, rule, stamp, ...)     FACT(name, FLAT_##stamp, stamp)
#include "device/pointwise.def"
#include "device/undef.h"
};

static int cost (const tl_Cmd *c) {
  switch (c->op) {
    case TL_sinh: case TL_sinh_x: case TL_cosh: case TL_cosh_x: case TL_asinh: case TL_acosh: case TL_atanh:
    case TL_erfc: case TL_hypot:                         /* loops over the C library */
      return LIBRARY_COST;
    case TL_pow: case TL_pow_a: case TL_pow_b: case TL_pow_number: case TL_pow_number_x: case TL_tan: case TL_asin:
    case TL_acos: case TL_atan: case TL_atan2: case TL_remainder: case TL_remainder_b: case TL_fmod: case TL_fmod_b:
    case TL_div_floor: case TL_div_trunc:
      return HARD_COST;
    default:
      return c->dtype == TL_f64 && facts[c->op].cost == REAL_COST ? HARD_COST : facts[c->op].cost;
  }
}

static int divides (const tl_Cmd *c) {
  return c->dtype > TL_bf16 &&
    (c->op == TL_div_floor || c->op == TL_div_trunc || c->op == TL_remainder || c->op == TL_fmod);
}

/* of zeros and ones, which is what comes through bool, these make zeros and ones */
static int keeps_bools (const tl_Cmd *c) {
  int keeps = c->op == TL_bitwise_and || c->op == TL_bitwise_or || c->op == TL_bitwise_xor;
  for (int k = 1; keeps && k < c->narg; k++) keeps = c->arg[k].via == TL_b8;
  return keeps;
}

static int has_zero (int width, const void *x, int64_t n) {
  int zero = 0;
  if (width == 8) { const int64_t *v = x; for (int64_t i = 0; i < n; i++) zero |= v[i] == 0; }
  return zero;
}

/* ---- memory ---- */

static char *place (const tl_Walk *w, int k, const int64_t *index) {
  char *p = w->op[k].data;
  for (int d = 0; d <= w->last; d++) p += index[d] * w->c->arg[k].stride[d];
  return p;
}

/* n elements from `index` on, to or from packed memory; whole rows as many at a time as follow each other evenly */
static void gather (const tl_Walk *w, int k, const int64_t *index, int64_t n, char *packed, int back) {
  const int64_t *size = w->c->size, *stride = w->c->arg[k].stride;
  int last = w->last, width = w->op[k].width;
  int64_t at[TL_MAXDIM], step = stride[last], row = last ? stride[last - 1] : 0;
  char *p = place(w, k, index);
  memcpy(at, index, sizeof at);
  for (;;) {
    int64_t m = size[last] - at[last], rows = 1;
    if (m > n) m = n;
    if (last && at[last] == 0 && m == size[last]) {
      rows = n / m;
      if (rows > size[last - 1] - at[last - 1]) rows = size[last - 1] - at[last - 1];
    }
    if (back) tl_block_rows(width, rows, m, p, row, step, packed, m * width, width);
    else tl_block_rows(width, rows, m, packed, m * width, width, p, row, step);
    n -= rows * m;
    if (n == 0) return;
    packed += rows * m * width;
    p += rows * row - at[last] * step;
    at[last] = 0;
    if (last == 0) continue;
    at[last - 1] += rows;
    for (int d = last - 1; d > 0 && at[d] == size[d]; d--) {
      p += stride[d - 1] - size[d] * stride[d];
      at[d] = 0;
      at[d - 1]++;
    }
  }
}

/* ---- looking at the operands ---- */

int64_t tl_cmd_total (const tl_Cmd *c) {
  int64_t n = 1;
  for (int d = 0; d < c->ndim; d++) n *= c->size[d];
  return n;
}

/* bools are 0 or 1 in memory, so they are u8 already */
static tl_Convert conversion (int from, int to) {
  return from == to || (from == TL_b8 && to == TL_u8) ? NULL : tl_convert(from, to);
}

static int is_packed (const tl_Cmd *c, int k, int width) {
  int64_t run = width;
  for (int d = c->ndim - 1; d >= 0; d--) {
    if (c->size[d] != 1 && c->arg[k].stride[d] != run) return 0;
    run *= c->size[d];
  }
  return 1;
}

static int is_single (const tl_Cmd *c, int k) {
  for (int d = 0; d < c->ndim; d++)
    if (c->size[d] != 1 && c->arg[k].stride[d] != 0) return 0;
  return 1;
}

static void through (tl_Operand *op, tl_Cell *v) {
  tl_Cell t;
  if (op->first) { op->first(1, &t, v); *v = t; }
  if (op->second) { op->second(1, &t, v); *v = t; }
}

/* a number, which is a double or an int64, through its dtype and via to the compute type */
static void number (tl_Operand *op, const tl_Arg *a) {
  int as = a->dtype <= TL_bf16 ? TL_f64 : TL_i64;
  tl_Convert to_dtype = conversion(as, a->dtype);
  memcpy(&op->value, &a->num, sizeof a->num);
  if (to_dtype) {
    tl_Cell t;
    to_dtype(1, &t, &op->value);
    op->value = t;
  }
  through(op, &op->value);
}

void tl_walk_start (tl_Walk *w, const tl_Cmd *c, tl_Kernel kernel, int compute, int out) {
  int filled = 0;
  w->c = c;
  w->kernel = kernel;
  w->n = c->narg - 1;
  w->last = c->ndim - 1;
  w->in_width = tl_cpu_width[compute];
  w->out_width = tl_cpu_width[out];
  w->total = tl_cmd_total(c);
  w->flat = w->rows = 0;
  w->most = INT64_MAX;
  w->direct = 1;
  w->divides = kernel && divides(c);
  for (int k = 0; k < c->narg; k++) {
    const tl_Arg *a = &c->arg[k];
    tl_Operand *op = &w->op[k];
    if (a->flags & TL_ARG_ABSENT) { op->kind = TL_OPERAND_ABSENT; continue; }
    op->data = a->data;
    op->width = tl_cpu_width[a->dtype];
    op->first = k ? conversion(a->dtype, a->via) : conversion(out, a->via);
    op->second = k ? conversion(a->via, compute) : conversion(a->via, a->dtype);
    if (k == 0 && kernel && out == TL_u8 && a->via == TL_b8 && keeps_bools(c)) op->first = NULL;
    if (a->flags & TL_ARG_NUMBER) { op->kind = TL_OPERAND_SCALAR; number(op, a); }
    else if (k && is_single(c, k)) {
      op->kind = TL_OPERAND_SCALAR;
      memcpy(&op->value, op->data, op->width);
      through(op, &op->value);
    }
    else if (is_packed(c, k, op->width)) op->kind = TL_OPERAND_DIRECT;
    else {
      int64_t inner = a->stride[w->last];
      if (c->size[w->last] < LONG_ROW || (inner != op->width && (inner != 0 || k == 0))) op->kind = TL_OPERAND_GATHER;
      else {
        op->kind = inner ? TL_OPERAND_ROW : TL_OPERAND_COLUMN;
        w->rows = 1;
      }
    }
    if (op->kind == TL_OPERAND_SCALAR || op->kind == TL_OPERAND_COLUMN) {
      if (op->kind == TL_OPERAND_COLUMN) w->direct = 0;
      if (kernel && facts[c->op].flat && !w->flat) w->flat = k;      /* operand 1: bit 0, operand 2: bit 1 */
      else filled = 1;
    }
    else {
      if (op->kind != TL_OPERAND_DIRECT || op->first || op->second) w->direct = 0;
      if (op->kind == TL_OPERAND_GATHER || op->first || op->second) w->most = TL_BLOCK;
    }
  }
  if (filled || !kernel) w->most = TL_BLOCK;
  if (filled && w->total > 1) w->direct = 0;
}

/* ---- walking ---- */

typedef struct Block { _Alignas(64) char byte[TL_BLOCK * sizeof(tl_Cell)]; } Block;

/* operand k's m values at `index` (point i of the space), packed and converted: in memory, or in its block */
static const void *fetch (const tl_Walk *w, int k, const int64_t *index, int64_t i, int64_t m, Block *block,
                          Block *spare) {
  const tl_Operand *op = &w->op[k];
  const void *p;
  switch (op->kind) {
    case TL_OPERAND_DIRECT: p = op->data + i * op->width; break;
    case TL_OPERAND_GATHER: {
      Block *to = op->first || op->second ? &spare[0] : block;
      gather(w, k, index, m, to->byte, 0);
      p = to->byte;
      break;
    }
    default: p = place(w, k, index); break;
  }
  if (op->first) {
    Block *to = op->second ? &spare[1] : block;
    op->first(m, to->byte, p);
    p = to->byte;
  }
  if (op->second) {
    op->second(m, block->byte, p);
    p = block->byte;
  }
  return p;
}

/* the way back, from the kernel's packed results */
static void store (const tl_Walk *w, const int64_t *index, int64_t m, char *memory, const void *p, Block *spare) {
  const tl_Operand *op = &w->op[0];
  if (op->first) {
    void *to = memory && !op->second ? memory : spare[0].byte;
    op->first(m, to, p);
    p = to;
  }
  if (op->second) {
    void *to = memory ? memory : spare[1].byte;
    op->second(m, to, p);
    p = to;
  }
  if (!memory) gather(w, 0, index, m, (char *)p, 1);
  else if (p != memory) memcpy(memory, p, (size_t)(m * op->width));
}

int tl_walk_range (void *walk, int64_t from, int64_t to) {
  const tl_Walk *w = walk;
  const tl_Cmd *c = w->c;
  const tl_Operand *result = &w->op[0];
  const void *in[TL_MAXARG - 1] = { NULL };
  int last = w->last;
  int64_t index[TL_MAXDIM] = { 0 }, rest = from;
  Block block[TL_MAXARG], spare[2];
  if (w->direct) {
    for (int k = 1; k <= w->n; k++) {
      const tl_Operand *op = &w->op[k];
      in[k - 1] = op->kind == TL_OPERAND_DIRECT ? op->data + from * op->width :
                  op->kind == TL_OPERAND_ABSENT ? in[0] : (const void *)&op->value;
    }
    if (w->divides && has_zero(w->in_width, in[1], w->op[2].kind == TL_OPERAND_SCALAR ? 1 : to - from))
      return TL_ZERODIV;
    w->kernel(to - from, result->data + from * result->width, in, c->p, w->flat);
    return TL_DONE;
  }
  for (int k = 1; k <= w->n; k++)
    if (w->op[k].kind == TL_OPERAND_SCALAR) {
      int64_t m = k == w->flat ? 1 : to - from < TL_BLOCK ? to - from : TL_BLOCK;
      tl_cpu_spread(w->in_width, m, block[k].byte, &w->op[k].value);
      in[k - 1] = block[k].byte;
    }
  for (int d = last; d > 0 && rest; d--) {
    index[d] = rest % c->size[d];
    rest /= c->size[d];
  }
  index[0] += rest;
  for (int64_t i = from; i < to; ) {
    int64_t m = to - i < w->most ? to - i : w->most;
    char *memory = NULL;
    if (w->rows && m > c->size[last] - index[last]) m = c->size[last] - index[last];
    for (int k = 1; k <= w->n; k++) {
      int kind = w->op[k].kind;
      if (kind == TL_OPERAND_ABSENT) in[k - 1] = in[0];    /* not read, but never a pointer to nowhere */
      if (kind == TL_OPERAND_ABSENT || kind == TL_OPERAND_SCALAR) continue;
      if (kind == TL_OPERAND_COLUMN) {
        if (index[last] == 0 || i == from) {
          tl_Cell v;
          memcpy(&v, fetch(w, k, index, i, 1, &block[k], spare), (size_t)w->in_width);
          tl_cpu_spread(w->in_width, k == w->flat ? 1 : m, block[k].byte, &v);
          in[k - 1] = block[k].byte;
        }
      }
      else in[k - 1] = fetch(w, k, index, i, m, &block[k], spare);
    }
    if (w->divides && has_zero(w->in_width, in[1], w->flat == 2 ? 1 : m)) return TL_ZERODIV;
    if (result->kind == TL_OPERAND_DIRECT) memory = result->data + i * result->width;
    else if (result->kind == TL_OPERAND_ROW) memory = place(w, 0, index);
    if (!w->kernel) store(w, index, m, memory, in[0], spare);
    else if (memory && !result->first && !result->second) w->kernel(m, memory, in, c->p, w->flat);
    else {
      w->kernel(m, block[0].byte, in, c->p, w->flat);
      store(w, index, m, memory, block[0].byte, spare);
    }
    i += m;
    index[last] += m;
    for (int d = last; d > 0 && index[d] >= c->size[d]; d--) {
      index[d - 1] += index[d] / c->size[d];
      index[d] %= c->size[d];
    }
  }
  return TL_DONE;
}

/* ---- the verb ---- */

#define ALONE (1 << 16)        /* cost of a command below which it stays on the caller's thread: 10 us or more; larger ones are cut
                                  as products are, so that each thread finds its half of them in its own cache */

/*
** Small packed operands of a float compute type and at most one number, which the kernel has a loop for:
** x * 2, without the general setting up (25 ns become 10).  1: done.
*/
static int line (const tl_Cmd *c, tl_Kernel kernel) {
  const void *in[TL_MAXARG - 1];
  tl_Cell value;
  int flat = 0, width = c->dtype == TL_f32 ? 4 : 8;
  if (c->ndim != 1 || c->size[0] > SMALL || c->dtype > TL_f64) return 0;
  if (c->arg[0].dtype != c->out || c->arg[0].via != c->out || c->arg[0].stride[0] != tl_cpu_width[c->out]) return 0;
  for (int k = 1; k < c->narg; k++) {
    const tl_Arg *a = &c->arg[k];
    if (a->flags & TL_ARG_NUMBER) {
      if (flat || !facts[c->op].flat || a->dtype != TL_f64 || (a->via != c->dtype && a->via != TL_f64)) return 0;
      if (c->dtype == TL_f32) value.f32 = (float)a->num.f;
      else value.f64 = a->num.f;
      in[k - 1] = &value;
      flat = k;
    }
    else if (a->flags & TL_ARG_ABSENT) in[k - 1] = in[0];
    else if (a->dtype == c->dtype && a->via == c->dtype && a->stride[0] == width) in[k - 1] = a->data;
    else return 0;
  }
  kernel(c->size[0], c->arg[0].data, in, c->p, flat);
  return 1;
}

int tl_cpu_map (const tl_Cmd *c, tl_Env *env) {
  tl_Kernel kernel = tl_cpu_kernels[c->op][c->dtype];
  tl_Walk w;
  int price, reason;
  if (!kernel) return TL_CANT;
  if (line(c, kernel)) return TL_DONE;
  price = cost(c);
  if (tl_map_across(c, kernel, ALONE / 8 / price, env, &reason)) return reason;
  tl_walk_start(&w, c, kernel, c->dtype, c->out);
  if (w.total <= ALONE / price) return tl_walk_range(&w, 0, w.total);
  return tl_team_for(env, w.total, ALONE / 8 / price, tl_walk_range, &w);
}
