/*
** fuzz.h -- for programs that run random commands on the card's kernels and on the CPU device: random values, operands
** of random layout in both memories, and the comparison of results, point by point and byte by byte around them.
*/
#ifndef fuzz_h
#define fuzz_h

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utility>
#include <vector>

extern "C" {
#include "device/device.h"
}
#include "cuda.h"
#include "half.cuh"

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
static int away;                             /* none near 0 either, save 0 */

static double any_value (void) {
  static const double special[] = {
    0.0, -0.0, 1, -1, 2, 0.5, -0.5, 3, 1e-40, 1e30, -1e30, 65504, 70000, 1e10, -1e19, 2147483648.0, 126, 300,
    INFINITY, -INFINITY, NAN
  };
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
static double real_value (void) {
  double v = any_value();
  return away && v != 0 && fabs(v) < 0.25 ? v + copysign(0.5, v) : v;
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

/* strides of an operand: packed, another order of dims (style 1), gaps (2), still along some; returns its bytes */
static int64_t lay_out (tl_Cmd *c, int k, int style, int still) {
  int order[TL_MAXDIM], width = widths[c->arg[k].dtype];
  int64_t run = width, end = width;
  for (int d = 0; d < c->ndim; d++) order[d] = c->ndim - 1 - d;
  for (int d = c->ndim - 1; style & 1 && d > 0; d--) std::swap(order[d], order[below(d + 1)]);
  for (int q = 0; q < c->ndim; q++) {
    int d = order[q];
    if (still && chance(40)) { c->arg[k].stride[d] = 0; continue; }
    if (style & 2 && chance(50)) run *= 1 + below(3);
    c->arg[k].stride[d] = run;
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

static unsigned long long cell (const void *p, int width) {
  unsigned long long u = 0;
  memcpy(&u, p, (size_t)width);
  return u;
}

/* every result, then the bytes around them.  limit: ulp allowed; slack: or so much, relative above 1 */
static void compare (const char *what, const tl_Cmd *c, Memory &cpu, const std::vector<unsigned char> &card,
                     double limit, double slack, double *most) {
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
          printf("point %lld: cpu %.9g %llx, card %.9g %llx, %g ulp; ", (long long)i, x,
                 cell(a, width), y, cell(b, width), u);
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

#endif
