/*
** pointwise_fuzz.cpp -- random commands of TL_MAP, TL_COPY, TL_FILL and TL_RANGE on the card's kernels and on the CPU
** device, compared.  Arithmetic, conversions and choices must be equal to the bit; functions of the library may be
** some ulp apart.  Linked with the kernels' objects and the CPU device's:
**   pointwise_fuzz [commands] [seed]
** Works with the simulator and, compiled by nvcc, on a card (where float functions get more of it).
*/
#include <ctype.h>

#include "fuzz.h"

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

/* bits: 1 floats, 2 int64, 4 small integers */
enum Stamp { REAL = 1, FLAT = 1, ALL = 3, CHEAP = 7, BITS = 6, I64 = 2 };
struct Row { const char *name, *text; int operands, has, test, which; };
static const Row rows[TL_NCODE] = {
#define S(x) #x
#define UNARY(name, rule, stamp, keeps, args, y, dx, doc) \
  { #name, S(y), 1, stamp, 0, 0 }, { #name "_x", S(dx), 3, 1, 0, 1 },
#define BINARY(name, rule, stamp, keeps, args, y, da, db, doc) \
  { #name, S(y), 2, stamp, 0, 0 }, { #name "_a", S(da), 4, 1, 0, 1 }, { #name "_b", S(db), 4, 1, 0, 1 },
#define TERNARY(name, rule, stamp, keeps, args, y, da, db, dc, doc) \
  { #name, S(y), 3, stamp, 0, 0 }, { #name "_a", S(da), 5, 1, 0, 1 }, { #name "_b", S(db), 5, 1, 0, 1 }, \
  { #name "_c", S(dc), 5, 1, 0, 1 },
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
    if (*s == v && !(s > text && (isalnum(s[-1]) || s[-1] == '_')) && !(isalnum(s[1]) || s[1] == '_' || s[1] == '('))
      return 1;
  return 0;
}
static const char *variables (const Row &r) {
  static const char *forward[] = { "", "x", "ab", "abc" }, *back[] = { "", "", "", "gxy", "gaby", "gabcy" };
  return r.which ? back[r.operands] : forward[r.operands];
}
/* are the row's results the same to the bit everywhere?  A library's function is not. */
static int exact (const Row &r) {
  static const char *const loose[] = {
    "exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "atan2", "hypot", "pow", "power" };
  for (const char *f : loose)
    for (const char *s = r.text; (s = strstr(s, f)); s++) {
      size_t n = strlen(f);
      if ((s == r.text || !(isalnum(s[-1]) || s[-1] == '_')) && s[n] == '(') return 0;
    }
  return 1;
}

/* ---- commands ---- */

static double worst[TL_NCODE][2];           /* ulp seen, by code, in float and in double */

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
  s = (c->verb == TL_MAP ? cu_map : c->verb == TL_COPY ? cu_copy : c->verb == TL_FILL ? cu_fill : cu_range)
        (&card, &work);
  if (cudaDeviceSynchronize() != cudaSuccess) {
    printf("%s\n", cudaGetErrorString(cudaGetLastError()));
    describe(what, c);
    exit(1);
  }
  if (r == TL_ZERODIV) s = fault->reason;
  else if (s == TL_DONE) s = fault->reason;
  if (r != s || broken) { failures++; printf("cpu says %d, card %d: ", r, s); describe(what, c); return 0; }
  if (r) return 0;
  back.resize(m[0].host.size());
  cudaMemcpy(back.data(), m[0].card, back.size(), cudaMemcpyDeviceToHost);
  compare(what, c, m[0], back, limit, slack, most);
  return 1;
}

static const uint8_t compute_of[TL_NDTYPE] = {
  TL_f32, TL_f64, TL_f32, TL_f32, TL_i64, TL_i64, TL_i64, TL_i64, TL_i64, TL_i64
};

static void map_command (int code, int on_card) {
  const Row &r = rows[code];
  const char *var = variables(r);
  Memory m[TL_MAXARG];
  tl_Cmd c;
  int type, odd = chance(30), strict = exact(r);
  double limit, slack;
  do type = below(TL_NDTYPE); while (is_real(type) ? !(r.has & 1) : !(r.has & 2));
  gentle = !strict && r.which;
  away = code == TL_sinc_x;                  /* near 0: sinc_command */
  space(&c, chance(12) ? 20000 : 600);
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
    if (odd && chance(40)) a->dtype = (uint8_t)below(k || strict ? TL_NDTYPE : TL_bf16 + 1);   /* no ulp of integers */
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
  limit = strict ? 0 : c.dtype == TL_f64 ? 4 : r.which ? 16 : on_card ? 6 : 3;
  if (strict) slack = 0;
  else if (c.dtype == TL_f64) slack = 1e-14;
  else if (r.which) slack = code == TL_sinc_x ? 1e-5 : 3e-6;
  else slack = code == TL_sinc || code >= TL_relu ? 3e-6 : 0;
  run_both(r.name, &c, m, limit, slack, &worst[code][c.dtype == TL_f64]);
  gentle = away = 0;
}

/*
** The derivative of sinc near 0, where t cos t - sin t (t = pi x) leaves little of its terms: each of them may be some
** ulp of t wrong, which is so many units of 1 / x in the result.  Within that of the same in long double, both devices.
*/
static void sinc_command (int dtype) {
  enum { N = 200 };
  Memory m[4];
  tl_Cmd c, card;
  volatile int stop = 0;
  tl_Env env;
  std::vector<unsigned char> back;
  int width = widths[dtype], r;
  double unit_of = dtype == TL_f64 ? 0x1p-53 : 0x1p-24;
  memset(&env, 0, sizeof env);
  env.stop = &stop;
  env.threads = 1;
  memset(&c, 0, sizeof c);
  c.verb = TL_MAP;
  c.op = TL_sinc_x;
  c.nout = c.ndim = c.keep = 1;
  c.narg = 4;
  c.size[0] = N;
  c.dtype = c.out = (uint8_t)dtype;
  for (int k = 0; k < 4; k++) {
    c.arg[k].dtype = c.arg[k].via = (uint8_t)dtype;
    c.arg[k].stride[0] = width;
    m[k].make(dtype, N * width, 0);
  }
  for (int i = 0; i < N; i++)
    for (int k = 1; k < 3; k++) {            /* g, x */
      double v = k == 1 ? unit() * 4 - 2 : ldexp(unit() - 0.5, -below(18)) / 2;
      float f = (float)v;
      memcpy(&m[k].host[(size_t)(i * width)], dtype == TL_f64 ? (void *)&v : (void *)&f, (size_t)width);
    }
  for (int k = 1; k < 3; k++) cudaMemcpy(m[k].card, m[k].host.data(), m[k].host.size(), cudaMemcpyHostToDevice);
  card = c;
  for (int k = 0; k < 4; k++) {
    c.arg[k].data = m[k].host.data();
    card.arg[k].data = m[k].card;
  }
  c.arg[3].flags = card.arg[3].flags = TL_ARG_ABSENT;
  memset(fault, 0, sizeof *fault);
  r = tl_cpu()->run(tl_cpu(), &c, &env) != TL_DONE || cu_map(&card, &work) != TL_DONE;
  if (cudaDeviceSynchronize() != cudaSuccess || r || fault->reason) { failures++; describe("sinc_x near 0", &c); return; }
  back.resize(m[0].host.size());
  cudaMemcpy(back.data(), m[0].card, back.size(), cudaMemcpyDeviceToHost);
  for (int i = 0; i < N; i++) {
    size_t o = (size_t)(i * width);
    long double g = get(dtype, &m[1].host[o]), x = get(dtype, &m[2].host[o]), t = 3.14159265358979323846L * x;
    double wanted = x == 0 ? 0 : (double)(g * (t * cosl(t) - sinl(t)) / (t * x)), mine = get(dtype, &back[o]);
    double room = unit_of * (x == 0 ? 0 : 8 * fabs((double)(g / x)) + 4 * fabs(wanted)), cpu = get(dtype, &m[0].host[o]);
    if (fabs(mine - wanted) <= room && fabs(cpu - wanted) <= room) continue;
    if (failures++ < 40) printf("sinc_x at %g of %g: cpu %g, card %g, wanted %g\n", (double)x, (double)g, cpu, mine, wanted);
    return;
  }
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
    m[k].make(a->dtype, lay_out(&c, k, chance(50) ? 0 : below(4), k && chance(25)),
              chance(20) ? widths[a->dtype] * below(4) : 0);
  }
  run_both("copy", &c, m, 0, 0, NULL);
}

/* TL_FILL, and TL_RANGE of either kind */
static void make_command (int verb) {
  Memory m[1];
  tl_Cmd c;
  int to = below(verb == TL_FILL ? TL_NDTYPE : TL_NDTYPE - 1), fill = verb == TL_FILL;
  space(&c, chance(10) ? 20000 : 1500);
  if (!fill) c.ndim = c.keep = 1;
  c.verb = (uint8_t)verb;
  c.op = (uint16_t)(fill ? 0 : below(2));
  c.narg = c.nout = 1;
  c.dtype = c.out = c.arg[0].dtype = c.arg[0].via = (uint8_t)to;
  if (is_real(to)) {
    c.p[0].f = fill ? real_value() : (unit() - 0.5) * 100;
    c.p[1].f = (unit() - 0.5) * 3;
    c.p[2].f = (unit() - 0.5) * 100;
  }
  else {
    c.p[0].i = fill ? whole_value() : below(100) - 50;
    c.p[1].i = below(9) - 4;
    c.p[2].i = below(200) - 50;
  }
  m[0].make(to, lay_out(&c, 0, chance(50) ? 0 : below(4), 0), chance(20) ? widths[to] * below(4) : 0);
  run_both(fill ? "fill" : "range", &c, m, 0, 0, NULL);
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
      case 2: if (chance(10)) sinc_command(below(2)); else make_command(chance(50) ? TL_FILL : TL_RANGE); break;
      default: map_command(below(TL_NCODE), on_card); break;
    }
  for (int code = 0; code < TL_NCODE; code++)
    if (worst[code][0] > 2 || worst[code][1] > 2)
      printf("%-16s %.2f ulp f32, %.2f f64\n", rows[code].name, worst[code][0], worst[code][1]);
  printf("%d commands on %s, %d failures\n", n, facts.name, failures);
  return failures || broken ? 1 : 0;
}
