/*
** pointwise_fuzz.cpp -- random commands of TL_MAP, TL_COPY, TL_FILL and TL_RANGE on the card's kernels and on the CPU
** device, compared.  Arithmetic, conversions and choices must be equal to the bit; functions of the library may be
** some ulp apart.  Linked with the kernels' objects and the CPU device's:
**   pointwise_fuzz [commands] [seed]
** Works with the simulator and, compiled by nvcc, on a card (where double functions get a tolerance too).
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <vector>

extern "C" {
#include "device/device.h"
}
#include "cuda.h"
#include "half.cuh"

/* ---- what the plugin gives its kernels ---- */

static int broken;
extern "C" int cu_check (cu_Work *, cudaError_t e, const char *call) {
  if (e == cudaSuccess) return TL_DONE;
  fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(e));
  broken = 1;
  return TL_BROKEN;
}
extern "C" void *cu_scratch (cu_Work *, size_t) { return NULL; }

/* ---- rows ---- */

enum Stamp { REAL = 1, FLAT = 1, ALL = 3, CHEAP = 7, BITS = 6, I64 = 2 };       /* 1 floats, 2 int64, 4 small integers */
struct Row { const char *name, *text; int operands, has, test, which; };
static const Row rows[TL_NCODE] = {
#define S(x) #x
#define UNARY(name, rule, stamp, keeps, args, y, dx, doc)  { #name, S(y), 1, stamp, 0, 0 }, { #name "_x", S(dx), 3, 1, 0, 1 },
#define BINARY(name, rule, stamp, keeps, args, y, da, db, doc) \
  { #name, S(y), 2, stamp, 0, 0 }, { #name "_a", S(da), 4, 1, 0, 1 }, { #name "_b", S(db), 4, 1, 0, 1 },
#define TERNARY(name, rule, stamp, keeps, args, y, da, db, dc, doc) \
  { #name, S(y), 3, stamp, 0, 0 }, { #name "_a", S(da), 5, 1, 0, 1 }, { #name "_b", S(db), 5, 1, 0, 1 }, { #name "_c", S(dc), 5, 1, 0, 1 },
#define TEST1(name, rule, stamp, args, y, doc)  { #name, S(y), 1, stamp, 1, 0 },
#define TEST2(name, rule, stamp, args, y, doc)  { #name, S(y), 2, stamp, 1, 0 },
#define INT1(name, rule, stamp, args, y, doc)   { #name, S(y), 1, stamp, 0, 0 },
#define INT2(name, rule, stamp, args, y, doc)   { #name, S(y), 2, stamp, 0, 0 },
#include "device/pointwise.def"
#include "device/undef.h"
};

/* does the formula name the variable? */
static int reads (const char *text, char v) {
  for (const char *s = text; *s; s++)
    if (*s == v && (s == text || !(isalnum(s[-1]) || s[-1] == '_')) && !(isalnum(s[1]) || s[1] == '_' || s[1] == '(')) return 1;
  return 0;
}
static const char *variables (const Row &r) {
  static const char *forward[] = { "", "x", "ab", "abc" }, *back[] = { "", "", "", "gxy", "gaby", "gabcy" };
  return r.which ? back[r.operands] : forward[r.operands];
}
/* are the row's results the same to the bit everywhere?  A library's function is not. */
static int exact (const Row &r) {
  static const char *const loose[] = {
    "exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "atan2", "hypot", "pow", "power" };
  for (const char *f : loose)
    for (const char *s = r.text; (s = strstr(s, f)); s++) {
      size_t n = strlen(f);
      if ((s == r.text || !(isalnum(s[-1]) || s[-1] == '_')) && s[n] == '(') return 0;
    }
  return 1;
}

/* ---- random things ---- */

static uint64_t state;
static uint64_t bits (void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}
static int below (int n) { return (int)(bits() % (uint64_t)n); }
static double unit (void) { return (double)(bits() >> 11) * 0x1p-53; }
static int chance (int percent) { return below(100) < percent; }

static const int widths[TL_NDTYPE] = { 4, 8, 2, 2, 1, 1, 2, 4, 8, 1 };
static int is_real (int dtype) { return dtype <= TL_bf16; }

static int gentle;                           /* no huge or tiny values, on which an ulp of a term is much of a sum */

static double real_value (void) {
  static const double special[] = { 0.0, -0.0, 1, -1, 2, 0.5, -0.5, 3, 1e-40, 1e30, -1e30, 65504, 70000, 1e10, -1e19, 2147483648.0, 126, 300, INFINITY, -INFINITY, NAN };
  switch (below(8)) {
    case 0:
      if (gentle) return special[below(4)];
      return special[below((int)(sizeof special / sizeof *special))];
    case 1: return below(9) - 4;
    case 2: if (!gentle) return (unit() - 0.5) * 200; return unit();
    case 3: if (!gentle) return ldexp(unit() - 0.5, below(60) - 30); return unit();
    default: return (unit() - 0.5) * 6;
  }
}
static int64_t whole_value (void) {
  switch (gentle ? 5 : below(6)) {
    case 0: return (int64_t)bits();
    case 1: return (int32_t)bits();
    case 2: return 0;
    default: return below(21) - 10;
  }
}

static void put (int dtype, void *p) {
  double f = real_value();
  int64_t i = whole_value();
  switch (dtype) {
    case TL_f32: { float v = (float)f; memcpy(p, &v, 4); break; }
    case TL_f64: memcpy(p, &f, 8); break;
    case TL_f16: { uint16_t v = cu_f16_down((float)f); memcpy(p, &v, 2); break; }
    case TL_bf16: { uint16_t v = cu_bf16_down((float)f); memcpy(p, &v, 2); break; }
    case TL_b8: { uint8_t v = (uint8_t)(i & 1); memcpy(p, &v, 1); break; }
    default: memcpy(p, &i, (size_t)widths[dtype]); break;
  }
}
static double get (int dtype, const void *p) {
  uint16_t h;
  float f;
  double d;
  switch (dtype) {
    case TL_f32: memcpy(&f, p, 4); return f;
    case TL_f64: memcpy(&d, p, 8); return d;
    default: memcpy(&h, p, 2); return dtype == TL_f16 ? cu_f16_up(h) : cu_bf16_up(h);
  }
}

/* ---- an operand, on both sides ---- */

struct Memory {
  std::vector<unsigned char> host;
  unsigned char *card = NULL;
  size_t at = 0;
  void make (int dtype, int64_t bytes, int skew) {
    at = (size_t)skew;
    host.assign((size_t)bytes + (size_t)skew + 16, 0xa5);
    for (int64_t i = 0; i + widths[dtype] <= bytes; i += widths[dtype]) put(dtype, &host[at + (size_t)i]);
    if (cudaMalloc((void **)&card, host.size()) != cudaSuccess) exit(2);
    cudaMemcpy(card, host.data(), host.size(), cudaMemcpyHostToDevice);
  }
  ~Memory () { if (card) cudaFree(card); }
};

/* strides of an operand: packed, in another order of dims, with gaps, standing still along some dims; returns its bytes */
static int64_t lay_out (const tl_Cmd *c, int k, int style, int still) {
  tl_Cmd *w = (tl_Cmd *)c;
  int order[TL_MAXDIM], width = widths[c->arg[k].dtype];
  int64_t run = width, end = width;
  for (int d = 0; d < c->ndim; d++) order[d] = c->ndim - 1 - d;
  if (style & 1) for (int d = c->ndim - 1; d > 0; d--) { int j = below(d + 1), t = order[d]; order[d] = order[j]; order[j] = t; }
  for (int q = 0; q < c->ndim; q++) {
    int d = order[q];
    if (still && chance(40)) { w->arg[k].stride[d] = 0; continue; }
    if (style & 2 && chance(50)) run *= 1 + below(3);
    w->arg[k].stride[d] = run;
    end += run * (c->size[d] - 1);
    run *= c->size[d];
  }
  return end;
}

static void space (tl_Cmd *c, int most) {
  int64_t n = 1;
  memset(c, 0, sizeof *c);
  c->ndim = (uint8_t)(chance(40) ? 1 : 1 + below(chance(10) ? 8 : 4));
  for (int d = 0; d < c->ndim; d++) {
    int64_t s = c->ndim == 1 ? 1 + below(most) : chance(30) ? 4 * (1 + below(8)) : 1 + below(40);
    while (s > 1 && n * s > most) s /= 2;
    n *= c->size[d] = s;
  }
  c->keep = c->ndim;
}

/* ---- comparing ---- */

/* of the coarsest: the dtype in memory, the one it came through, the one computed in */
static double ulps (int dtype, int via, int computed, double a, double b) {
  if (dtype == TL_f64 && computed == TL_f32) dtype = TL_f32;
  if (via == TL_f16 || via == TL_bf16) dtype = via;
  int digits = dtype == TL_f32 ? 24 : dtype == TL_f64 ? 53 : dtype == TL_f16 ? 11 : 8, e;
  int low = dtype == TL_f64 ? -1021 : dtype == TL_f16 ? -13 : -125;
  if ((a != a && b != b) || a == b) return 0;
  if (a != a || b != b || isinf(a) || isinf(b)) {
    double m = dtype == TL_f16 ? 65504 : dtype == TL_f64 ? 1e308 : 3.38e38;        /* one step over the edge */
    return fabs(a) >= m && fabs(b) >= m && (a > 0) == (b > 0) ? 1 : INFINITY;
  }
  frexp(fabs(a) > fabs(b) ? a : b, &e);
  if (e < low) e = low;
  return fabs(a - b) / ldexp(1, e - digits);
}

static double worst[TL_NCODE][2];
static int failures;

static void describe (const char *what, const tl_Cmd *c) {
  printf("%s dtype %d out %d:", what, c->dtype, c->out);
  for (int d = 0; d < c->ndim; d++) printf(" %lld", (long long)c->size[d]);
  for (int k = 0; k < c->narg; k++) {
    printf(" | %d via %d flags %d", c->arg[k].dtype, c->arg[k].via, c->arg[k].flags);
    for (int d = 0; d < c->ndim; d++) printf(" %lld", (long long)c->arg[k].stride[d]);
  }
  printf("\n");
}

static int64_t offset_of (const tl_Cmd *c, int k, int64_t i) {
  int64_t o = 0;
  for (int d = c->ndim - 1; d >= 0; i /= c->size[d], d--) o += i % c->size[d] * c->arg[k].stride[d];
  return o;
}

/* every result; then the bytes around them.  limit: ulp allowed, and for derivatives' sums a little of what is summed */
static void compare (const char *what, const tl_Cmd *c, Memory &cpu, const std::vector<unsigned char> &card, double limit,
                     double slack, double *most) {
  int dtype = c->arg[0].dtype, width = widths[dtype];
  int64_t n = 1;
  std::vector<unsigned char> mine = card;
  for (int d = 0; d < c->ndim; d++) n *= c->size[d];
  for (int64_t i = 0; i < n; i++) {
    size_t o = cpu.at + (size_t)offset_of(c, 0, i);
    const void *a = &cpu.host[o], *b = &card[o];
    if (memcmp(a, b, (size_t)width)) {
      double u = INFINITY, x = 0, y = 0;
      if (is_real(dtype)) {
        x = get(dtype, a);
        y = get(dtype, b);
        u = ulps(dtype, c->arg[0].via, c->dtype, x, y);
        if (limit == 0 && x == 0 && y == 0) u = INFINITY;           /* zeros of two signs */
        if (u > limit && fabs(x - y) <= slack * (1 + fabs(x))) u = limit;
      }
      if (u > limit) {
        if (failures++ < 40) {
          printf("point %lld: cpu %.9g %llx, card %.9g %llx, %g ulp; ", (long long)i, x, (unsigned long long)(width == 1 ? *(uint8_t *)a : width == 2 ? *(uint16_t *)a : width == 4 ? *(uint32_t *)a : *(uint64_t *)a), y,
                 (unsigned long long)(width == 1 ? *(uint8_t *)b : width == 2 ? *(uint16_t *)b : width == 4 ? *(uint32_t *)b : *(uint64_t *)b), u);
          describe(what, c);
        }
        return;
      }
      if (most && u > *most) *most = u;
    }
    memcpy(&mine[o], a, (size_t)width);
  }
  if (mine != cpu.host && failures++ < 40) describe("wrote beside its results: ", c);
}

/* ---- commands ---- */

static cu_Fault *fault, *fault_card;
static cu_Work work;

static int run_both (const char *what, tl_Cmd *c, Memory *m, double limit, double slack, double *most) {
  tl_Cmd card = *c;
  volatile int stop = 0;
  tl_Env env;
  std::vector<unsigned char> back;
  int r, s;
  memset(&env, 0, sizeof env);
  env.stop = &stop;
  env.threads = 1;
  for (int k = 0; k < c->narg; k++)
    if (!c->arg[k].flags) {
      c->arg[k].data = m[k].host.data() + m[k].at;
      card.arg[k].data = m[k].card + m[k].at;
    }
  r = tl_cpu()->run(tl_cpu(), c, &env);
  memset(fault, 0, sizeof *fault);
  s = c->verb == TL_MAP ? cu_map(&card, &work) : c->verb == TL_COPY ? cu_copy(&card, &work) : c->verb == TL_FILL ? cu_fill(&card, &work) : cu_range(&card, &work);
  if (cudaDeviceSynchronize() != cudaSuccess) { printf("%s\n", cudaGetErrorString(cudaGetLastError())); describe(what, c); exit(1); }
  if (r == TL_ZERODIV) s = fault->reason;
  else if (s == TL_DONE) s = fault->reason;
  if (r != s || broken) { failures++; printf("cpu says %d, card %d: ", r, s); describe(what, c); return 0; }
  if (r) return 0;
  back.resize(m[0].host.size());
  cudaMemcpy(back.data(), m[0].card, back.size(), cudaMemcpyDeviceToHost);
  compare(what, c, m[0], back, limit, slack, most);
  return 1;
}

static const uint8_t compute_of[TL_NDTYPE] = { TL_f32, TL_f64, TL_f32, TL_f32, TL_i64, TL_i64, TL_i64, TL_i64, TL_i64, TL_i64 };

static void map_command (int code, int on_card) {
  const Row &r = rows[code];
  const char *var = variables(r);
  Memory m[TL_MAXARG];
  tl_Cmd c;
  int type, odd = chance(30), strict = exact(r);
  double limit, slack;
  do type = below(TL_NDTYPE); while (is_real(type) ? !(r.has & 1) : !(r.has & 2));
  gentle = !strict && r.which;
  space(&c, chance(5) ? 20000 : 600);
  c.verb = TL_MAP;
  c.op = (uint16_t)code;
  c.nout = 1;
  c.narg = (uint8_t)(1 + r.operands);
  c.dtype = compute_of[type];
  if (r.has & 4 && !is_real(type) && type != TL_i64) c.dtype = (uint8_t)(type == TL_b8 ? TL_u8 : type);
  c.out = r.test ? (uint8_t)TL_b8 : c.dtype;
  for (int k = 0; k < 3; k++) {
    if (is_real(type)) c.p[k].f = chance(50) ? below(9) * 0.5 - 2 : (unit() - 0.5) * 8;
    else c.p[k].i = below(9) - 4;
  }
  if (code == TL_clamp && is_real(type) && chance(30)) c.p[below(2)].f = NAN;
  for (int k = 0; k < c.narg; k++) {
    tl_Arg *a = &c.arg[k];
    int64_t bytes;
    a->via = (uint8_t)(k == 0 ? (r.test ? (int)TL_b8 : type) : type);
    a->dtype = a->via;
    if (odd && chance(40)) a->dtype = (uint8_t)below(k || strict ? TL_NDTYPE : TL_bf16 + 1);   /* an ulp may be a whole integer */
    if (odd && k && chance(10)) a->via = (uint8_t)below(TL_NDTYPE);
    if (k && !reads(r.text, var[k - 1])) { a->flags = TL_ARG_ABSENT; a->dtype = a->via = 99; continue; }
    if (k && chance(12)) {
      a->flags = TL_ARG_NUMBER;
      a->dtype = is_real(type) || chance(10) ? TL_f64 : TL_i64;
      if (a->dtype == TL_f64) a->num.f = real_value();
      else a->num.i = whole_value();
      continue;
    }
    bytes = lay_out(&c, k, chance(60) ? 0 : below(4), k && chance(40));
    m[k].make(a->dtype, bytes, chance(20) ? widths[a->dtype] * below(4) : 0);
  }
  limit = strict ? 0 : c.dtype == TL_f64 ? (on_card ? 4 : 0) : r.which ? 16 : on_card ? 6 : 3;
  if (strict || (c.dtype == TL_f64 && !on_card)) slack = 0;
  else if (c.dtype == TL_f64) slack = code == TL_sinc_x ? 1e-11 : 1e-14;
  else if (r.which) slack = code == TL_sinc_x ? 1e-2 : 3e-6;       /* x cos x - sin x near 0 */
  else slack = code == TL_sinc || code >= TL_relu ? 3e-6 : 0;
  run_both(r.name, &c, m, limit, slack, &worst[code][c.dtype == TL_f64]);
  gentle = 0;
}

static void copy_command (void) {
  Memory m[2];
  tl_Cmd c;
  int to = below(TL_NDTYPE), same = chance(40);
  space(&c, chance(10) ? 20000 : 1500);
  c.verb = TL_COPY;
  c.narg = 2;
  c.nout = 1;
  c.dtype = c.out = (uint8_t)to;
  for (int k = 0; k < 2; k++) {
    tl_Arg *a = &c.arg[k];
    a->dtype = a->via = (uint8_t)(k == 0 || same ? to : below(TL_NDTYPE));
    if (k && chance(5)) {
      a->flags = TL_ARG_NUMBER;
      a->dtype = a->via = TL_f64;
      a->num.f = real_value();
      continue;
    }
    m[k].make(a->dtype, lay_out(&c, k, chance(50) ? 0 : below(4), k && chance(25)), chance(20) ? widths[a->dtype] * below(4) : 0);
  }
  run_both("copy", &c, m, 0, 0, NULL);
}

static void fill_command (void) {
  Memory m[1];
  tl_Cmd c;
  int to = below(TL_NDTYPE);
  space(&c, chance(10) ? 20000 : 1500);
  c.verb = TL_FILL;
  c.narg = c.nout = 1;
  c.dtype = c.out = c.arg[0].dtype = c.arg[0].via = (uint8_t)to;
  if (is_real(to)) c.p[0].f = real_value();
  else c.p[0].i = whole_value();
  m[0].make(to, lay_out(&c, 0, chance(50) ? 0 : below(4), 0), chance(20) ? widths[to] * below(4) : 0);
  run_both("fill", &c, m, 0, 0, NULL);
}

static void range_command (void) {
  Memory m[1];
  tl_Cmd c;
  int to = below(TL_NDTYPE - 1);
  memset(&c, 0, sizeof c);
  c.verb = TL_RANGE;
  c.op = (uint16_t)below(2);
  c.narg = c.nout = c.ndim = c.keep = 1;
  c.size[0] = 1 + below(chance(20) ? 3000 : 70);
  c.dtype = c.out = compute_of[to];
  c.arg[0].dtype = c.arg[0].via = (uint8_t)to;
  if (is_real(to)) {
    c.p[0].f = (unit() - 0.5) * 100;
    c.p[1].f = c.op ? 0 : (unit() - 0.5) * 3;
    c.p[2].f = (unit() - 0.5) * 100;
  }
  else {
    c.p[0].i = below(100) - 50;
    c.p[1].i = c.op ? 0 : below(9) - 4;
    c.p[2].i = below(200) - 50;
  }
  m[0].make(to, lay_out(&c, 0, chance(50) ? 0 : 2, 0), 0);
  run_both("range", &c, m, 0, 0, NULL);
}

int main (int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 20000, on_card = 0;
  struct cudaDeviceProp facts;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  if (cudaGetDeviceProperties(&facts, 0) != cudaSuccess) { printf("no card\n"); return 2; }
#if !defined(TL_CUDA_SIM)
  on_card = 1;
#endif
  memset(&work, 0, sizeof work);
  cudaHostAlloc((void **)&fault, sizeof *fault, cudaHostAllocMapped);
  cudaHostGetDevicePointer((void **)&fault_card, fault, 0);
  cudaStreamCreateWithFlags(&work.stream, cudaStreamNonBlocking);
  work.fault = fault_card;
  work.processors = facts.multiProcessorCount;
  work.threads = facts.maxThreadsPerMultiProcessor;
  for (int i = 0; i < n && !broken; i++)
    switch (below(10)) {
      case 0: case 1: copy_command(); break;
      case 2: if (chance(50)) fill_command(); else range_command(); break;
      default: map_command(below(TL_NCODE), on_card); break;
    }
  for (int code = 0; code < TL_NCODE; code++)
    if (worst[code][0] > 2 || worst[code][1] > 2) printf("%-16s %.2f ulp f32, %.2f f64\n", rows[code].name, worst[code][0], worst[code][1]);
  printf("%d commands on %s, %d failures\n", n, facts.name, failures);
  return failures || broken ? 1 : 0;
}
