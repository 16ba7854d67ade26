/*
** step.cu -- optimizer steps in place: any number of parameters in one launch.
**
** The table of parameters (pointers, lengths) travels in the kernel's arguments: a short one, or where the driver takes
** 32 KB of them a long one.  Each block takes a chunk of one parameter, found by binary search in the running count of
** chunks.  Lists longer than the table take several launches.  A single parameter is a list of one.  The arithmetic is that of src/cpu/step_loop.c, rounding by
** rounding: numbers become the compute type once, products and sums are fused where it says fma.
**
** Adam's step counts stay on the device: two threads of a block make the two corrections in double, and the last block
** to have read its own counts them all, where the command asks for that.
*/
#include <math.h>

#include "launch.h"
#include "convert.cuh"

enum {
  LIST = 64, LONG = 512,                     /* parameters of one launch: the arguments stay below 4 KB, or 32 KB */
  CHUNK = 4096,                              /* points of a block; a multiple of 16 bytes in every dtype */
  MOST = 5                                   /* operands with an element per point */
};
enum { AMSGRAD = 1, DECOUPLED = 2, CENTERED = 1, MAXIMIZE = 4, COUNTS = 8 };

/* a table for N of them */
template <int N> struct List {
  tl_Num p[TL_MAXNUM];
  double t;                                  /* Adam: the step, where it is a number */
  int n, operands, step_dtype, counts;       /* counts: the steps count this one first */
  unsigned *ticket;
  uint32_t chunk[N + 1];                     /* chunks before each parameter, and of all */
  int64_t points[N];
  void *data[N][MOST + 1];                   /* the operands; last, the step (NULL: t) */
};
static_assert(sizeof(List<LIST>) <= 4096 && sizeof(List<LONG>) <= 32764, "too many kernel arguments");

/* ---- dtypes: what lies in memory, and what it computes in ---- */

struct f16 { uint16_t u; };
struct bf16 { uint16_t u; };
template <class T> struct Compute { typedef T type; };
template <> struct Compute<f16> { typedef float type; };
template <> struct Compute<bf16> { typedef float type; };

static __device__ inline float up (float v) { return v; }
static __device__ inline double up (double v) { return v; }
static __device__ inline float up (f16 v) { return cu_f16_up(v.u); }
static __device__ inline float up (bf16 v) { return cu_bf16_up(v.u); }
static __device__ inline void down (float *to, float v) { *to = v; }
static __device__ inline void down (double *to, double v) { *to = v; }
static __device__ inline void down (f16 *to, float v) { to->u = cu_f16_down(v); }
static __device__ inline void down (bf16 *to, float v) { to->u = cu_bf16_down(v); }

static __device__ inline float mad (float a, float b, float c) { return fmaf(a, b, c); }
static __device__ inline double mad (double a, double b, double c) { return fma(a, b, c); }
static __device__ inline float root (float v) { return sqrtf(v); }
static __device__ inline double root (double v) { return sqrt(v); }

template <class T> struct alignas(16) Wide { T v[16 / sizeof(T)]; };

/* ---- one point: x = param, grad and the state ---- */

template <class C> struct Rates {            /* the command's numbers, each made C once */
  C rate, decay, a, b, c, d, e, f;
  int decays, maximize, flag, other;
};

template <int OP, class C, class L> static __device__ inline Rates<C> rates_of (const L &l, double lr, double root2) {
  Rates<C> r = {};
  double decay;
  int flags = (int)l.p[5].i;
  r.rate = (C)-lr;
  if (OP == TL_STEP_SGD) {
    decay = l.p[1].f;
    r.maximize = l.p[2].i != 0;
  }
  else if (OP == TL_STEP_MOMENTUM) {
    decay = l.p[1].f;
    r.a = (C)l.p[2].f;
    r.b = (C)(1 - l.p[3].f);
    r.flag = l.p[4].i != 0;                  /* nesterov */
    r.other = l.p[5].i != 0;                 /* first */
    r.maximize = l.p[6].i != 0;
  }
  else if (OP == TL_STEP_ADAM) {
    decay = flags & DECOUPLED ? 0 : l.p[4].f;
    r.a = (C)l.p[1].f;
    r.b = (C)(1 - l.p[1].f);
    r.c = (C)l.p[2].f;
    r.d = (C)(1 - l.p[2].f);
    r.e = (C)l.p[3].f;
    r.f = (C)root2;
    r.flag = flags & AMSGRAD;
    r.other = flags & DECOUPLED;
    r.maximize = flags & MAXIMIZE;
  }
  else {
    decay = l.p[3].f;
    r.a = (C)l.p[1].f;
    r.b = (C)(1 - l.p[1].f);
    r.c = (C)l.p[2].f;
    r.d = (C)l.p[4].f;
    r.flag = flags & CENTERED;
    r.other = l.p[4].f > 0;
    r.maximize = flags & MAXIMIZE;
  }
  r.decay = OP == TL_STEP_ADAM && r.other ? (C)(1 - l.p[0].f * l.p[4].f) : (C)decay;
  r.decays = decay != 0;
  return r;
}

template <int OP, class C> static __device__ inline void point (const Rates<C> &r, C (&x)[MOST]) {
  C g = r.maximize ? -x[1] : x[1], q;
  if (OP == TL_STEP_ADAM && r.other) x[0] *= r.decay;
  if (r.decays) g = mad(x[0], r.decay, g);
  if (OP == TL_STEP_SGD) x[0] = mad(g, r.rate, x[0]);
  else if (OP == TL_STEP_MOMENTUM) {
    x[2] = r.other ? g : mad(g, r.b, x[2] * r.a);
    x[0] = mad(r.flag ? mad(x[2], r.a, g) : x[2], r.rate, x[0]);
  }
  else if (OP == TL_STEP_ADAM) {
    x[2] = mad(g, r.b, x[2] * r.a);
    q = x[3] = mad(r.d * g, g, x[3] * r.c);
    if (r.flag) q = x[4] = x[4] > q || x[4] != x[4] ? x[4] : q;
    x[0] += (r.rate * x[2]) / (root(q) / r.f + r.e);
  }
  else {
    q = x[2] = mad(r.b * g, g, x[2] * r.a);
    if (r.flag) {
      x[3] = mad(g, r.b, x[3] * r.a);
      q = mad(-x[3], x[3], q);
    }
    q = root(q) + r.c;
    if (r.other) {
      C buf = (r.flag ? x[4] : x[3]) * r.d + g / q;
      if (r.flag) x[4] = buf;                  /* an address that depends on the flag would put x in memory */
      else x[3] = buf;
      x[0] = mad(buf, r.rate, x[0]);
    }
    else x[0] += (r.rate * g) / q;
  }
}

/* ---- kernels ---- */

/* the step that is under way, of parameter i */
template <class L> static __device__ __forceinline__ double step_of (const L &l, int i) {
  double t = l.data[i][MOST] ? cu_load<double>(l.step_dtype, l.data[i][MOST]) : l.t;
  return l.counts ? cu_round(l.step_dtype, t + 1) : t;
}

/* a warp of every block, when the block has read its step: the last one finds that all have, and writes them */
template <class L> static __device__ __forceinline__ void count (const L &l) {
  int last = 0;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicAdd(l.ticket, 1u) == gridDim.x - 1;
    if (last) *l.ticket = 0;
  }
  if (!__shfl_sync(0xffffffffu, last, 0)) return;
  __threadfence();
  for (int i = threadIdx.x; i < l.n; i += 32)
    if (l.data[i][MOST]) cu_store(l.step_dtype, l.data[i][MOST], step_of(l, i));
}

/* blocks of a processor: left to itself the compiler aims at more and spills */
template <int OP, class T, int N> static __global__ void __launch_bounds__(256, sizeof(T) == 4 ? 4 : 2) step (List<N> l) {
  typedef typename Compute<T>::type C;
  enum { W = 16 / sizeof(T) };
  CU_SHARED(double, corrected, 2);
  int at = 0, high = l.n, odd, bits = 0;
  double lr = l.p[0].f, root2 = 0;
  while (high - at > 1) {                    /* chunk[at] <= blockIdx.x < chunk[high] */
    int mid = (at + high) >> 1;
    if (l.chunk[mid] <= blockIdx.x) at = mid;
    else high = mid;
  }
  if (OP == TL_STEP_ADAM) {
    int which = threadIdx.x / 32;              /* doubles are slow on many cards: two warps share the work */
    if (threadIdx.x % 32 == 0 && which < 2) {
      double left = 1 - pow(l.p[1 + which].f, step_of(l, at));
      corrected[which] = which ? sqrt(left) : lr / left;
    }
    __syncthreads();
    lr = corrected[0];
    root2 = corrected[1];
    if (l.counts && threadIdx.x < 32) count(l);
  }
  int fresh = OP == TL_STEP_MOMENTUM && l.p[5].i != 0;       /* the buffer holds nothing yet */
  Rates<C> r = rates_of<OP, C>(l, lr, root2);
  int64_t from = (int64_t)(blockIdx.x - l.chunk[at]) * CHUNK;
  int64_t left = l.points[at] - from;
  int n = left < CHUNK ? (int)left : (int)CHUNK, whole;
  T *data[MOST];
  C x[MOST];
#pragma unroll
  for (int k = 0; k < MOST; k++) {
    data[k] = k < l.operands ? (T *)l.data[at][k] + from : NULL;
    bits |= (int)(size_t)data[k];
  }
  odd = bits & 15;
  whole = odd ? 0 : n / W * W;
  for (int i = threadIdx.x * W; i < whole; i += 256 * W) {
    Wide<T> v[MOST];
#pragma unroll
    for (int k = 0; k < MOST; k++)
      if (k < l.operands && !(k == 2 && fresh)) v[k] = *(const Wide<T> *)(data[k] + i);
#pragma unroll
    for (int j = 0; j < W; j++) {
#pragma unroll
      for (int k = 0; k < MOST; k++) x[k] = k < l.operands && !(k == 2 && fresh) ? up(v[k].v[j]) : (C)0;
      point<OP, C>(r, x);
#pragma unroll
      for (int k = 0; k < MOST; k++)
        if (k != 1) down(&v[k].v[j], x[k]);
    }
#pragma unroll
    for (int k = 0; k < MOST; k++)
      if (k < l.operands && k != 1) *(Wide<T> *)(data[k] + i) = v[k];
  }
  for (int i = whole + threadIdx.x; i < n; i += 256) {
#pragma unroll
    for (int k = 0; k < MOST; k++) x[k] = k < l.operands && !(k == 2 && fresh) ? up(data[k][i]) : (C)0;
    point<OP, C>(r, x);
#pragma unroll
    for (int k = 0; k < MOST; k++)
      if (k < l.operands && k != 1) down(&data[k][i], x[k]);
  }
}

template <class T, int N> static int launch (cu_Work *w, int op, const List<N> *l, unsigned blocks) {
  switch (op) {
    case TL_STEP_SGD: return CU_LAUNCH(w, (step<TL_STEP_SGD, T, N>), blocks, 256, 0, *l);
    case TL_STEP_MOMENTUM: return CU_LAUNCH(w, (step<TL_STEP_MOMENTUM, T, N>), blocks, 256, 0, *l);
    case TL_STEP_ADAM: return CU_LAUNCH(w, (step<TL_STEP_ADAM, T, N>), blocks, 256, 0, *l);
    default: return CU_LAUNCH(w, (step<TL_STEP_RMSPROP, T, N>), blocks, 256, 0, *l);
  }
}

/* what has been gathered in the table; the steps of empty parameters are counted too */
template <int N> static int flush (const tl_Cmd *c, cu_Work *w, List<N> *l) {
  unsigned blocks = l->chunk[l->n];
  int reason = TL_DONE;
  if (l->n && blocks == 0 && l->counts) blocks = 1;
  if (l->n && blocks)
    switch (c->arg[0].dtype) {
      case TL_f32: reason = launch<float>(w, c->op, l, blocks); break;
      case TL_f64: reason = launch<double>(w, c->op, l, blocks); break;
      case TL_f16: reason = launch<f16>(w, c->op, l, blocks); break;
      default: reason = launch<bf16>(w, c->op, l, blocks); break;
    }
  l->n = 0;
  return reason;
}

template <int N> static int steps (const tl_Cmd *c, cu_Work *w, const tl_Arg *arg, int count, const int64_t *points) {
  int adam = c->op == TL_STEP_ADAM, each = c->narg, reason;
  List<N> l = {};
  l.operands = each - adam;
  l.counts = adam && c->p[5].i & COUNTS;
  l.ticket = w->ticket;
  for (int k = 0; k < TL_MAXNUM; k++) l.p[k] = c->p[k];
  for (int i = 0; i < count; i++) {
    const tl_Arg *a = arg + (int64_t)i * each, *t = &a[each - 1];
    int64_t n = 1, chunks;
    int number = adam && t->flags & TL_ARG_NUMBER;
    if (points) n = points[i];
    else for (int d = 0; d < c->ndim; d++) n *= c->size[d];
    chunks = (n + CHUNK - 1) / CHUNK;
    if (chunks > INT32_MAX || (number && points)) return TL_CANT;
    if (l.n == N || (l.n && l.chunk[l.n] + chunks > INT32_MAX)) {
      reason = flush(c, w, &l);
      if (reason) return reason;
    }
    for (int k = 0; k < l.operands; k++) l.data[l.n][k] = a[k].data;
    l.data[l.n][MOST] = adam && !number ? t->data : NULL;
    if (adam) l.step_dtype = t->dtype;
    if (number) l.t = t->num.f;
    l.points[l.n] = n;
    l.chunk[l.n + 1] = l.chunk[l.n] + (uint32_t)chunks;
    l.n++;
  }
  return flush(c, w, &l);
}

int cu_step (const tl_Cmd *c, cu_Work *w) {
  const tl_Arg *arg = c->more && c->more->nargs ? c->more->args : c->arg;
  int count = arg == c->arg ? 1 : c->more->nargs / c->narg;
  const int64_t *points = count && arg != c->arg ? (const int64_t *)c->more->bytes : NULL;
  if (c->arg[0].dtype > TL_bf16 || c->op > TL_STEP_RMSPROP || c->narg - (c->op == TL_STEP_ADAM) > MOST) return TL_CANT;
  if (points && c->more->nbytes != count * (int)sizeof *points) return TL_CANT;
#if CUDART_VERSION >= 12010 && !defined CU_FEW_ARGUMENTS
  if (count > LIST && w->arguments >= (int)sizeof(List<LONG>)) return steps<LONG>(c, w, arg, count, points);
#endif
  return steps<LIST>(c, w, arg, count, points);
}
