/*
** walk.c -- proof: random map, copy and fill commands through the CPU device against a loop that takes one
** element at a time, with conversions written another way.  1 to 4 dims, permuted, padded, broadcast, stepped;
** each operand of its own dtype, through a dtype on its way, or a number; results in place of an operand;
** small commands and ones the team shares.  Run with: seed, number of commands.  Says "N commands, M wrong".
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

static uint64_t state;
static uint64_t next (void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}
static int below (int n) { return (int)((next() >> 20) % (uint64_t)n); }

/* ---- one element at a time ---- */

typedef struct Value { int is_float; double f; int64_t i; } Value;     /* float32 and halves are exact in a double */

static const int width[TL_NDTYPE] = {
#define DTYPE(s, name, type, compute)  sizeof(type),
#include "device/dtypes.def"
#undef DTYPE
};
static int is_float (int dtype) { return dtype <= TL_bf16; }

/* rounds x to `digits` binary digits, no finer than 2^least, to nearest even */
static double rounded (double x, int digits, int least, double most) {
  int e;
  double unit;
  if (!isfinite(x) || x == 0) return x;
  e = ilogb(x) - digits + 1;
  unit = ldexp(1, e < least ? least : e);
  x = rint(x / unit) * unit;
  return fabs(x) > most ? copysign(INFINITY, x) : x;
}

static Value to_dtype (Value v, int dtype) {
  Value r = { is_float(dtype), 0, 0 };
  if (is_float(dtype)) {
    r.f = v.is_float ? v.f : dtype == TL_f64 ? (double)v.i : (double)(float)v.i;
    if (dtype != TL_f64) r.f = (double)(float)r.f;
    if (dtype == TL_f16) r.f = rounded(r.f, 11, -24, 65504);
    if (dtype == TL_bf16) r.f = rounded(r.f, 8, -133, 3.3895313892515355e38);
    return r;
  }
  if (dtype == TL_b8) r.i = v.is_float ? v.f != 0 : v.i != 0;
  else if (v.is_float) {
    double most = dtype == TL_i64 ? 0x1p63 : 0x1p31;      /* what does not fit, and NaN, is the smallest value */
    int64_t whole = v.f >= -most && v.f < most ? (int64_t)v.f : dtype == TL_i64 ? INT64_MIN : INT32_MIN;
    return to_dtype((Value){ 0, 0, whole }, dtype);       /* and smaller integers are its low bits */
  }
  else switch (dtype) {
    case TL_i8: r.i = (int8_t)v.i; break;
    case TL_u8: r.i = (uint8_t)v.i; break;
    case TL_i16: r.i = (int16_t)v.i; break;
    case TL_i32: r.i = (int32_t)v.i; break;
    default: r.i = v.i; break;
  }
  return r;
}

static Value read_cell (const char *p, int dtype) {
  Value v = { is_float(dtype), 0, 0 };
  float f;
  uint16_t h;
  switch (dtype) {
    case TL_f32: memcpy(&f, p, 4); v.f = (double)f; break;
    case TL_f64: memcpy(&v.f, p, 8); break;
    case TL_f16: {
      int e, m;
      memcpy(&h, p, 2);
      e = h >> 10 & 31;
      m = h & 1023;
      v.f = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
      if (h >> 15) v.f = -v.f;
      break;
    }
    case TL_bf16: {
      uint32_t u;
      memcpy(&h, p, 2);
      u = (uint32_t)h << 16;
      memcpy(&f, &u, 4);
      v.f = (double)f;
      break;
    }
    case TL_u8: v.i = *(const uint8_t *)p; break;
    case TL_i8: v.i = *(const int8_t *)p; break;
    case TL_b8: v.i = *(const uint8_t *)p != 0; break;
    case TL_i16: { int16_t t; memcpy(&t, p, 2); v.i = t; break; }
    case TL_i32: { int32_t t; memcpy(&t, p, 4); v.i = t; break; }
    default: memcpy(&v.i, p, 8); break;
  }
  return v;
}

/* the value must be of that dtype already */
static void write_cell (char *p, int dtype, Value v) {
  float f = (float)v.f;
  switch (dtype) {
    case TL_f32: memcpy(p, &f, 4); break;
    case TL_f64: memcpy(p, &v.f, 8); break;
    case TL_f16: {
      double a = fabs(v.f);
      int e = a < ldexp(1, -14) ? -14 : ilogb(a);
      uint16_t h = isnan(v.f) ? 0x7e00 : isinf(v.f) ? 0x7c00 :
        a < ldexp(1, -14) ? (uint16_t)ldexp(a, 24) : (uint16_t)(((e + 15) << 10) + (int)(ldexp(a, 10 - e) - 1024));
      if (signbit(v.f)) h |= 0x8000;
      memcpy(p, &h, 2);
      break;
    }
    case TL_bf16: {
      uint32_t u;
      uint16_t h;
      memcpy(&u, &f, 4);
      h = (uint16_t)(u >> 16);
      memcpy(p, &h, 2);
      break;
    }
    case TL_u8: case TL_i8: case TL_b8: *(uint8_t *)p = (uint8_t)v.i; break;
    case TL_i16: { int16_t t = (int16_t)v.i; memcpy(p, &t, 2); break; }
    case TL_i32: { int32_t t = (int32_t)v.i; memcpy(p, &t, 4); break; }
    default: memcpy(p, &v.i, 8); break;
  }
}

static int same (const char *a, const char *b, int dtype) {
  Value x = read_cell(a, dtype), y = read_cell(b, dtype);
  if (x.is_float) return (isnan(x.f) && isnan(y.f)) || memcmp(a, b, (size_t)width[dtype]) == 0;
  return x.i == y.i && memcmp(a, b, (size_t)width[dtype]) == 0;
}

/* ---- the formulas that are tried, by compute dtype ---- */

static double single (int dtype, double x) { return dtype == TL_f32 ? (double)(float)x : x; }

static Value formula (int op, int dtype, const Value *v, const tl_Num *p) {
  Value r = { is_float(dtype), 0, 0 };
  double a = v[0].f, b = v[1].f, c = v[2].f;
  int64_t i = v[0].i, j = v[1].i, k = v[2].i, q;
  uint64_t ui = (uint64_t)i, uj = (uint64_t)j;
  switch (op) {
    case TL_add:
      if (r.is_float) r.f = dtype == TL_f32 ? (double)fmaf((float)b, (float)p[0].f, (float)a) : fma(b, p[0].f, a);
      else r.i = (int64_t)(ui + uj * (uint64_t)p[0].i);
      break;
    case TL_mul:
      if (r.is_float) r.f = single(dtype, a * b);
      else r.i = (int64_t)(ui * uj);
      break;
    case TL_neg:
      if (r.is_float) r.f = -a;
      else r.i = (int64_t)(0 - ui);
      break;
    case TL_lt: r.is_float = 0; r.i = is_float(dtype) ? a < b : i < j; break;
    case TL_where:
      if (r.is_float) r.f = a != 0 ? b : c;
      else r.i = i ? j : k;
      break;
    case TL_div_floor:
      q = j == -1 ? (int64_t)(0 - ui) : i / j;
      r.i = q - (j != -1 && i % j != 0 && (i < 0) != (j < 0));
      break;
    case TL_lerp:
      r.f = dtype == TL_f32
        ? (double)(fabsf((float)c) < 0.5f ? fmaf((float)c, (float)b - (float)a, (float)a) : fmaf((float)a - (float)b, 1 - (float)c, (float)b))
        : fabs(c) < 0.5 ? fma(c, b - a, a) : fma(a - b, 1 - c, b);
      break;
    default: break;
  }
  return r;
}

/* ---- a random command ---- */

#define ROOM (1 << 22)
static char *memory[4], *expected;

/* strides of a random view of `size` (0 where broadcast), and the bytes it spans */
static int64_t lay_out (int ndim, const int64_t *size, int w, int64_t *stride, int may_broadcast) {
  int order[4] = { 0, 1, 2, 3 };
  int64_t run = w;
  for (int d = ndim - 1; d > 0; d--) {
    int e = below(3) ? d : below(d + 1), t = order[d];
    order[d] = order[e];
    order[e] = t;
  }
  for (int j = ndim - 1; j >= 0; j--) {
    int d = order[j];
    if (may_broadcast && below(4) == 0) { stride[d] = 0; continue; }
    if (below(4) == 0) run *= 2;                           /* stepped or padded */
    stride[d] = run;
    run *= size[d];
    if (below(4) == 0) run += w * (int64_t)below(3);
  }
  return run;
}

static void random_cell (char *p, int dtype, int no_zero) {
  static const double nasty[] = { 0, -0.0, 1, -1, 0.5, 2.5, 300, -300, 65504, 65520, 1e-8, 6e-8, 1e30, -1e30, INFINITY, -INFINITY,
                                  NAN, 2147483648.0, 9007199254740993.0, 1e19, -1e19, 0.1, 255, 256, -129, 3.4e38, 1e-40 };
  static const int64_t whole[] = { 1, -1, 2, 127, 128, -128, 255, 256, 300, 32768, INT32_MIN, INT64_MIN, INT64_MAX, 9007199254740993 };
  Value v = { is_float(dtype), 0, 0 };
  if (below(4) == 0) {
    v.f = nasty[below((int)(sizeof nasty / sizeof *nasty))];
    v.i = whole[below((int)(sizeof whole / sizeof *whole))];
  }
  else {
    v.f = (double)(below(20001) - 10000) / 64;
    v.i = below(2001) - 1000;
  }
  v = to_dtype(v, dtype);
  if (no_zero && !v.is_float && v.i == 0) v.i = 1;
  write_cell(p, dtype, v);
}

static int one (tl_Device *d, tl_Env *env) {
  static const int ops[] = { TL_add, TL_add, TL_mul, TL_neg, TL_lt, TL_where, TL_div_floor, TL_lerp };
  static const int natives[] = { TL_f32, TL_f64, TL_i64, TL_u8, TL_i8, TL_i16, TL_i32 };
  tl_Cmd c;
  int verb = below(8), n, share = 0, wrong = 0, compute;
  int64_t total = 1, at[4] = { 0 }, limit = below(50) == 0 ? 300000 : below(3) ? 600 : 5000;
  size_t span = 0;
  memset(&c, 0, sizeof c);
  c.verb = verb == 0 ? TL_COPY : verb == 1 ? TL_FILL : TL_MAP;
  c.op = (uint16_t)(c.verb == TL_MAP ? ops[below(8)] : 0);
  n = c.verb == TL_FILL ? 0 : c.verb == TL_COPY || c.op == TL_neg ? 1 : c.op == TL_where || c.op == TL_lerp ? 3 : 2;
  c.ndim = c.keep = (uint8_t)(1 + below(4));
  for (int k = 0; k < c.ndim; k++) {
    int64_t most = limit / total;
    int side = k == c.ndim - 2 && below(3) == 0 ? 100 : 12;      /* two long dims, so that squares are turned */
    if (side > most) side = (int)most;
    c.size[k] = 1 + (k == c.ndim - 1 && below(2) ? (int64_t)(next() >> 20) % most : below(side));
    total *= c.size[k];
  }
  if (c.verb == TL_COPY || c.verb == TL_FILL || c.op == TL_lerp) compute = below(2);
  else compute = c.op == TL_div_floor ? TL_i64 : natives[below(7)];
  c.dtype = (uint8_t)compute;
  c.out = (uint8_t)(c.op == TL_lt && c.verb == TL_MAP ? TL_b8 : compute);
  c.narg = (uint8_t)(n + 1);
  c.nout = 1;
  c.p[0].i = 1;
  if (is_float(compute)) c.p[0].f = below(3) ? 1 : -2.5;
  for (int k = 0; k <= n; k++) {
    tl_Arg *a = &c.arg[k];
    a->dtype = (uint8_t)(below(2) ? (k ? compute : c.out) : below(TL_NDTYPE));
    a->via = (uint8_t)(below(3) ? a->dtype : below(TL_NDTYPE));
    if (c.verb != TL_MAP || (c.op == TL_div_floor && k == 2)) a->via = a->dtype;       /* what is not 0 stays so */
    if (k && c.verb == TL_MAP && below(6) == 0) {
      a->flags = TL_ARG_NUMBER;
      a->dtype = below(2) ? TL_f64 : TL_i64;
      if (c.op == TL_div_floor) a->dtype = TL_i64;
      if (a->dtype == TL_f64) a->num.f = below(5) ? 0.1 * below(100) : 300;
      else a->num.i = 1 + below(400);
      if (c.op == TL_div_floor) a->via = TL_i64;
      continue;
    }
    if (c.op == TL_div_floor && k == 2 && is_float(a->dtype)) a->dtype = a->via = TL_i32;   /* no fraction becomes 0 */
    if (k) lay_out(c.ndim, c.size, width[a->dtype], a->stride, 1);
    else span = (size_t)lay_out(c.ndim, c.size, width[a->dtype], a->stride, 0);
    a->data = memory[k];
  }
  for (int k = 1; k <= n && !share; k++)                   /* the result right on an operand */
    if (!(c.arg[k].flags & TL_ARG_NUMBER) && c.verb == TL_MAP && !(c.op == TL_div_floor && k == 2) && below(3) == 0) {
      int via = c.arg[k].via;
      c.arg[k] = c.arg[0];
      c.arg[k].via = (uint8_t)via;
      share = 1;
    }
  if (c.verb == TL_FILL) {
    if (is_float(c.arg[0].dtype)) c.p[0].f = 2.5;
    else c.p[0].i = c.arg[0].dtype == TL_b8 ? 1 : 300;
  }
  for (size_t i = 0; i < span; i++) memory[0][i] = (char)next();
  for (int64_t i = 0; i < total; i++) {
    for (int k = 0; k <= n; k++) {
      char *p = c.arg[k].data;
      if (c.arg[k].flags & TL_ARG_NUMBER) continue;
      for (int e = 0; e < c.ndim; e++) p += at[e] * c.arg[k].stride[e];
      random_cell(p, c.arg[k].dtype, k == 2);
    }
    for (int e = c.ndim - 1; e >= 0 && ++at[e] == c.size[e]; e--) at[e] = 0;
  }
  memcpy(expected, memory[0], span);
  for (int64_t i = 0; i < total; i++) {
    Value v[3] = { { 0, 0, 0 } }, r;
    int64_t off = 0;
    for (int e = 0; e < c.ndim; e++) off += at[e] * c.arg[0].stride[e];
    for (int k = 1; k <= n; k++) {
      const tl_Arg *a = &c.arg[k];
      const char *p = a->data;
      if (a->flags & TL_ARG_NUMBER) {
        v[k - 1].is_float = a->dtype == TL_f64;
        if (v[k - 1].is_float) v[k - 1].f = a->num.f;
        else v[k - 1].i = a->num.i;
      }
      else {
        for (int e = 0; e < c.ndim; e++) p += at[e] * a->stride[e];
        v[k - 1] = read_cell(p, a->dtype);
      }
      if (c.verb == TL_MAP) v[k - 1] = to_dtype(to_dtype(v[k - 1], a->via), compute);
    }
    if (c.verb == TL_FILL) r = (Value){ is_float(c.arg[0].dtype), c.p[0].f, c.p[0].i };
    else if (c.verb == TL_COPY) r = v[0];
    else r = to_dtype(to_dtype(formula(c.op, compute, v, c.p), c.out), c.arg[0].via);
    write_cell(expected + off, c.arg[0].dtype, to_dtype(r, c.arg[0].dtype));
    for (int e = c.ndim - 1; e >= 0 && ++at[e] == c.size[e]; e--) at[e] = 0;
  }
  if (d->run(d, &c, env)) wrong = 1;
  for (int64_t i = 0; i < total && !wrong; i++) {
    int64_t off = 0;
    for (int e = 0; e < c.ndim; e++) off += at[e] * c.arg[0].stride[e];
    if (!same(memory[0] + off, expected + off, c.arg[0].dtype)) wrong = 1;
    else memcpy(expected + off, memory[0] + off, (size_t)width[c.arg[0].dtype]);
    for (int e = c.ndim - 1; e >= 0 && ++at[e] == c.size[e]; e--) at[e] = 0;
  }
  if (!wrong && memcmp(memory[0], expected, span)) wrong = 1;    /* nothing between the elements was touched */
  if (wrong) {
    printf("wrong: verb %d op %d compute %d out %d ndim %d:", c.verb, c.op, compute, c.out, c.ndim);
    for (int e = 0; e < c.ndim; e++) printf(" %lld", (long long)c.size[e]);
    for (int k = 0; k <= n; k++) {
      printf(" | %d via %d flags %d:", c.arg[k].dtype, c.arg[k].via, c.arg[k].flags);
      for (int e = 0; e < c.ndim; e++) printf(" %lld", (long long)c.arg[k].stride[e]);
    }
    printf("\n");
  }
  return wrong;
}

int main (int argc, char **argv) {
  int count = argc > 2 ? atoi(argv[2]) : 20000, wrong = 0;
  volatile int stop = 0;
  tl_Env env = { .stop = &stop, .threads = 2 };
  tl_Device *d = tl_cpu();
  state = 88172645463325252u + (argc > 1 ? strtoull(argv[1], NULL, 10) : 0) * 0x9e3779b97f4a7c15u;
  for (int k = 0; k < 4; k++) memory[k] = malloc(ROOM * 16);
  expected = malloc(ROOM * 16);
  for (int i = 0; i < count; i++) wrong += one(d, &env);
  printf("%d commands, %d wrong\n", count, wrong);
  for (int k = 0; k < 4; k++) free(memory[k]);
  free(expected);
  return wrong != 0;
}
