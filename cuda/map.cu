/*
** map.cu -- TL_MAP on the host: which group, which compute type, which form (map.cuh).
*/
#include "map.cuh"

/* the classes of compute types that a code has kernels for */
enum { HAS_REAL = 1, HAS_I64 = 2, HAS_SMALL = 4 };
#define REAL   HAS_REAL
#define FLAT   HAS_REAL
#define ALL    (HAS_REAL | HAS_I64)
#define CHEAP  (HAS_REAL | HAS_I64 | HAS_SMALL)
#define BITS   (HAS_I64 | HAS_SMALL)
#define I64    HAS_I64
static const uint8_t classes[TL_NCODE] = {
#define UNARY(name, rule, stamp, ...)    stamp, HAS_REAL,
#define BINARY(name, rule, stamp, ...)   stamp, HAS_REAL, HAS_REAL,
#define TERNARY(name, rule, stamp, ...)  stamp, HAS_REAL, HAS_REAL, HAS_REAL,
#define TEST1(name, rule, stamp, ...)    stamp,
#define TEST2(name, rule, stamp, ...)    stamp,
#define INT1(name, rule, stamp, ...)     stamp,
#define INT2(name, rule, stamp, ...)     stamp,
#include "device/pointwise.def"
#include "device/undef.h"
};

static int can (const tl_Cmd *c) {
  int has = c->op < TL_NCODE ? classes[c->op] : 0;
  switch (c->dtype) {
    case TL_f32: case TL_f64: return has & HAS_REAL;
    case TL_i64: return has & HAS_I64;
    case TL_u8: case TL_i8: case TL_i16: case TL_i32: return has & HAS_SMALL;
    default: return 0;
  }
}

static cu_Value value (int type, cu_Number n) {
  cu_Value v;
  v.i = 0;
  if (type == TL_f32) v.f = cu_number_as<float>(&n);
  else if (type == TL_f64) v.d = cu_number_as<double>(&n);
  else v.i = cu_number_as<int64_t>(&n);
  return v;
}

static void operands (cu_Map *m, const tl_Cmd *c, int type) {
  for (int k = 0; k < TL_MAXARG; k++) {
    const tl_Arg *a = &c->arg[k];
    cu_MapArg *o = &m->arg[k];
    o->data = NULL;
    o->number.i = 0;
    o->dtype = (uint8_t)type;
    o->first = o->second = CU_NO_STEP;
    o->kind = CU_ABSENT;
    if (k >= c->narg || a->flags & TL_ARG_ABSENT) continue;
    if (a->flags & TL_ARG_NUMBER) {
      o->kind = CU_NUMBER;
      o->number = value(type, cu_number_arg(a, c->dtype));
      continue;
    }
    o->kind = CU_MEMORY;
    o->data = (char *)a->data;
    o->dtype = a->dtype;
    if (k) cu_steps(a->dtype, a->via, c->dtype, type, &o->first, &o->second);
    else if (c->out == c->dtype) cu_steps(type, c->dtype, a->via, a->dtype, &o->first, &o->second);
    else cu_steps(c->out, a->via, a->via, a->dtype, &o->first, &o->second);       /* a test's 0 and 1 */
  }
}

static void parameters (cu_Map *m, const tl_Cmd *c, int type) {
  for (int k = 0; k < 3; k++) {
    cu_Number n;
    n.real = type != TL_i64;
    n.f = n.real ? c->p[k].f : 0;
    n.i = n.real ? 0 : c->p[k].i;
    if (k == 1 && c->op == TL_pow_number_x) n.f = c->p[0].f - 1;
    m->p[k] = value(type, n);
  }
}

/* can every operand be read by vectors of V along the last dim?  Then the walk is made one over vectors. */
static int by_vectors (cu_Map *m, const tl_Cmd *c, int type) {
  int V = cu_map_vector(type), last = m->walk.ndim - 1, still = 0;
  if (last < 0 || m->walk.size[last] < V || (last > 0 && m->walk.size[last] % V)) return 0;
  for (int k = 0; k < c->narg; k++) {
    const cu_MapArg *o = &m->arg[k];
    const int64_t *stride = m->walk.stride[k];
    int width = cu_width(o->dtype), unit = width * V < 16 ? width * V : 16;
    if (o->kind != CU_MEMORY) continue;
    if (k && stride[last] == 0) { still |= 1 << k; continue; }
    if (stride[last] != width || !cu_aligned(o->data, width, V)) return 0;
    for (int d = 0; d < last; d++)
      if (stride[d] % unit) return 0;
    if (o->first == CU_NO_STEP) continue;
    if (k || o->second != CU_NO_STEP || type != TL_i64 || cu_is_real(o->first)) return 0;
  }
  m->wrap = m->arg[0].first;
  for (int k = 1; k < c->narg; k++)
    if (still >> k & 1) m->arg[k].kind = CU_STILL;
  m->walk.size[last] = (m->walk.size[last] + V - 1) / V;
  for (int k = 0; k < c->narg; k++) m->walk.stride[k][last] *= V;
  cu_walk_finish(&m->walk);
  return 1;
}

/* is every operand a number or one run of the same float dtype, which computes in float?  A test's result is bool. */
static int is_packed (cu_Map *m, const tl_Cmd *c) {
  int test = c->out == TL_b8, dtype = CU_NO_STEP;
  if (c->dtype != TL_f32 || m->walk.ndim != 1 || (c->arg[0].dtype == TL_b8) != test) return 0;
  for (int k = 0; k < c->narg; k++) {
    const cu_MapArg *o = &m->arg[k];
    int width = cu_width(o->dtype);
    if (o->kind != CU_MEMORY) continue;
    if (o->first != CU_NO_STEP || m->walk.stride[k][0] != width || !cu_aligned(o->data, width, 8)) return 0;
    if (k == 0 && test) continue;
    if (dtype == CU_NO_STEP) dtype = o->dtype;
    if (o->dtype != dtype) return 0;
  }
  m->storage = (uint8_t)dtype;
  return dtype == TL_f32 || dtype == TL_f16 || dtype == TL_bf16;
}

int cu_map (const tl_Cmd *c, cu_Work *w) {
  int type = c->dtype > TL_bf16 ? (int)TL_i64 : c->dtype, form;
  cu_Map m;
  if (!can(c)) return TL_CANT;
  m.walk = cu_walk_of(c, 0, c->ndim);
  m.points = m.walk.total;
  if (m.points == 0) return TL_DONE;
  operands(&m, c, type);
  parameters(&m, c, type);
  m.fault = w->fault;
  m.what = w->what;
  m.op = c->op;
  m.wrap = CU_NO_STEP;
  m.divides = type == TL_i64 &&
              (c->op == TL_div_floor || c->op == TL_div_trunc || c->op == TL_remainder || c->op == TL_fmod);
  form = is_packed(&m, c) ? CU_PACKED : by_vectors(&m, c, type) ? CU_VECTORS : CU_POINTS;
  switch (cu_group(c->op)) {
    case CU_ARITH: return cu_map_arith(&m, type, form, w);
    case CU_POWER: return cu_map_power(&m, type, form, w);
    case CU_MATH: return cu_map_math(&m, type, form, w);
    case CU_TRIG: return cu_map_trig(&m, type, form, w);
    case CU_COMPARE: return cu_map_compare(&m, type, form, w);
    default: return cu_map_nn(&m, type, form, w);
  }
}
