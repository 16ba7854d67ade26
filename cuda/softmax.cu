/*
** softmax.cu -- softmax, log_softmax and their derivatives along the one inside dim.
**
** A line has a group of threads: a warp, or as many warps of a block as it takes to keep it in their registers, or in
** the block's shared memory, so that memory is read once and written once (a derivative of softmax reads y twice, the
** second time from a cache).  Lines longer than that are read twice.  Those outside registers have their largest
** element and the sum of exponentials about it found in one pass, by chunks: a larger element scales the sum down.
** Lines side by side (a dim in the middle) have neighbouring threads, 1 or 8 for each.
**
** Half types compute in float.  A largest element that is infinite or NaN makes the whole line NaN.
*/
#include <math.h>

#include "lanes.cuh"

enum { BLOCK = 256, COLUMNS = 32, SHORT = 16, WIDEST = 1024 };

typedef struct Soft {
  const char *a, *b;                         /* x; or g and y */
  char *y;
  cu_Walk walk;                              /* the lines: y, a, b */
  int64_t n, lines, sy, sa, sb;              /* elements of a line; the strides along it */
  int log, lanes, kept;                      /* lanes: threads of a line; kept: it lies in shared memory */
  int dy, da, db;
} Soft;

/* ---- elements: a dtype that all operands have, or each its own (Mixed) ---- */

template <int dtype> struct Same {
  typedef Same Kept;                         /* as what elements lie in shared memory */
  typedef typename cu_Cell<dtype>::C C;
  typedef typename cu_Cell<dtype>::M M;
  CU_FN C up (M m) { return cu_Cell<dtype>::up(m); }
  CU_FN M down (C v) { return cu_Cell<dtype>::down(v); }
  CU_FN C get (int, const char *p) { return up(*(const M *)p); }
  CU_FN void put (int, char *p, C v) { *(M *)p = down(v); }
};
template <class Compute> struct Mixed {
  typedef Same<cu_Native<Compute>::dtype> Kept;
  typedef Compute C;
  CU_FN C get (int d, const char *p) { return cu_load<C>(d, p); }
  CU_FN void put (int d, char *p, C v) { cu_store(d, p, v); }
};

CU_FN float exp_of (float x) { return expf(x); }
CU_FN double exp_of (double x) { return exp(x); }
CU_FN float log_of (float x) { return logf(x); }
CU_FN double log_of (double x) { return log(x); }
CU_FN float fma_of (float a, float b, float c) { return fmaf(a, b, c); }
CU_FN double fma_of (double a, double b, double c) { return fma(a, b, c); }
template <class C> CU_FN C least (void) { return -(C)INFINITY; }
template <class C> CU_FN C most_of (C a, C b) { return b > a || b != b ? b : a; }

/* the formulas: m the largest, s the sum (forward: of exponentials; backward: of g * y, or of g) */
template <class C> CU_FN C share (int log, C x, C m, C s) {   /* s: 1 / sum, or log of sum */
  return log ? (x - m) - s : exp_of(x - m) * s;
}
template <class C> CU_FN C slope (int log, C g, C y, C s) {
  return log ? fma_of(-exp_of(y), s, g) : (g - s) * y;
}
template <class C> CU_FN C scale_of (int log, C sum) { return log ? log_of(sum) : 1 / sum; }

/*
** ---- some elements of a line of n: register j + k is element i + j * lanes + k, with V elements moved at once; past the
** end there is `fill`.  A thread's i is V times its lane, or a whole number of chunks further ----
*/
template <class S, int V> struct Move {      /* packed; n is a multiple of V */
  template <int E, class I> CU_FN void get (typename S::C (&v)[E], int, const char *p, int64_t, I i, I n, int lanes,
                                            typename S::C fill) {
    typedef cu_Pack<typename S::M, V> Pack;
#pragma unroll
    for (int j = 0; j < E; j += V, i += lanes * V) {
#pragma unroll
      for (int k = 0; k < V; k++) v[j + k] = fill;
      if (i < n) {
        const Pack e = *(const Pack *)(p + i * (int)sizeof(typename S::M));
#pragma unroll
        for (int k = 0; k < V; k++) v[j + k] = S::up(e.v[k]);
      }
    }
  }
  template <int E, class I> CU_FN void put (const typename S::C (&v)[E], int, char *p, int64_t, I i, I n, int lanes) {
    typedef cu_Pack<typename S::M, V> Pack;
#pragma unroll
    for (int j = 0; j < E; j += V, i += lanes * V) {
      Pack e;
#pragma unroll
      for (int k = 0; k < V; k++) e.v[k] = S::down(v[j + k]);
      if (i < n) *(Pack *)(p + i * (int)sizeof(typename S::M)) = e;
    }
  }
};
template <class S> struct Move<S, 1> {       /* one address that moves on: E of them would not fit beside v */
  template <int E, class I> CU_FN void get (typename S::C (&v)[E], int d, const char *p, int64_t stride, I i, I n,
                                            int lanes, typename S::C fill) {
    p += i * stride;
#pragma unroll
    for (int j = 0; j < E; j++, i += lanes, p += lanes * stride) v[j] = i < n ? S::get(d, p) : fill;
  }
  template <int E, class I> CU_FN void put (const typename S::C (&v)[E], int d, char *p, int64_t stride, I i, I n,
                                            int lanes) {
    p += i * stride;
#pragma unroll
    for (int j = 0; j < E; j++, i += lanes, p += lanes * stride) if (i < n) S::put(d, p, v[j]);
  }
};

/* ---- the largest and the sum about it in one pass ---- */

template <class C> struct Pair { C m, s; };

/* -inf adds nothing whatever the rest is; see `settled` for a line of nothing else */
template <class C, int N> CU_FN void meet (Pair<C> &p, const C (&x)[N]) {
  C m = p.m, about;
#pragma unroll
  for (int k = 0; k < N; k++) m = most_of(m, x[k]);
  about = m == least<C>() ? (C)0 : m;
  p.s *= exp_of(p.m - about);
#pragma unroll
  for (int k = 0; k < N; k++) p.s += exp_of(x[k] - about);
  p.m = m;
}
template <class C> CU_FN C settled (Pair<C> p) { return p.s + (p.m - p.m); }   /* NaN: m is no number */

/* ---- what a group of threads has together, to all of it ---- */

struct Most { template <class C> CU_FN C of (C a, C b) { return most_of(a, b); } };
struct Plus { template <class C> CU_FN C of (C a, C b) { return a + b; } };
struct Join {
  template <class C> CU_FN Pair<C> of (Pair<C> a, Pair<C> b) {
    Pair<C> p;
    p.m = most_of(a.m, b.m);
    p.s = (a.m == p.m ? a.s : a.s * exp_of(a.m - p.m)) + (b.m == p.m ? b.s : b.s * exp_of(b.m - p.m));
    return p;
  }
};
template <class Op, class T> CU_FN T warp (T v) {
#pragma unroll 1
  for (int by = 16; by > 0; by /= 2) v = Op::of(v, cu_shuffle_xor(v, by));
  return v;
}
/* none: adds nothing; a group of several warps is a block */
template <class Op, class T> CU_FN T together (T v, T none, int lanes) {
  CU_SHARED(T, room, WIDEST / 32);
  v = warp<Op>(v);
  if (lanes == 32) return v;
  __syncthreads();                           /* all have read what was there before */
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = v;
  __syncthreads();
  return warp<Op>((int)threadIdx.x % 32 < lanes / 32 ? room[threadIdx.x % 32] : none);
}

/* ---- a group a line; its E registers a thread hold it (x, or g) ---- */

template <class S, int E, int V, bool back> __global__ void __launch_bounds__(WIDEST / 2, 1) soft_short (const Soft r) {
  typedef typename S::C C;
  typedef Move<S, V> Moves;
  constexpr int Q = V > 1 ? V : 4;           /* registers that move at a time */
  const int lanes = r.lanes, first = (int)threadIdx.x % lanes * V, groups = (int)blockDim.x / lanes, n = (int)r.n;
  for (int64_t k = (int64_t)blockIdx.x * groups + threadIdx.x / lanes; k < r.lines; k += (int64_t)gridDim.x * groups) {
    int64_t offset[3];
    C v[E], m = least<C>(), s = 0;
    cu_offsets(r.walk, k, offset);
    const char *b = r.b + offset[2];
    char *y = r.y + offset[0];
    Moves::get(v, r.da, r.a + offset[1], r.sa, first, n, lanes, back ? (C)0 : least<C>());
    if (back) {
#pragma unroll
      for (int j = 0; j < E; j += Q) {
        C o[Q];
        if (!r.log) Moves::get(o, r.db, b, r.sb, first + j * lanes, n, lanes, (C)0);
#pragma unroll
        for (int q = 0; q < Q; q++) s = r.log ? s + v[j + q] : fma_of(v[j + q], o[q], s);
      }
      s = together<Plus>(s, (C)0, lanes);
    }
    else {
#pragma unroll
      for (int j = 0; j < E; j++) m = most_of(m, v[j]);
      m = together<Most>(m, least<C>(), lanes);
#pragma unroll
      for (int j = 0; j < E; j++) {
        const C e = exp_of(v[j] - m);
        s += e;
        if (!r.log) v[j] = e;
      }
      s = scale_of(r.log, together<Plus>(s, (C)0, lanes));
    }
#pragma unroll
    for (int j = 0; j < E; j += Q) {
      C o[Q];
      if (back) Moves::get(o, r.db, b, r.sb, first + j * lanes, n, lanes, (C)0);
#pragma unroll
      for (int q = 0; q < Q; q++)
        o[q] = back ? slope(r.log, v[j + q], o[q], s) : r.log ? (v[j + q] - m) - s : v[j + q] * s;
      Moves::put(o, r.dy, y, r.sy, first + j * lanes, n, lanes);
    }
  }
}

/* ---- a block a line, chunk by chunk; a thread reads in shared memory what it wrote there itself: no barrier ---- */

/* threads of a block: doubles take twice the registers */
template <class S> constexpr int widest (void) { return sizeof(typename S::C) == 8 ? WIDEST / 2 : WIDEST; }

template <class S, int E, int V, bool back> __global__ void __launch_bounds__(widest<S>(), 1) soft_long (const Soft r) {
  typedef typename S::C C;
  typedef typename S::Kept K;
  typedef Move<S, V> Moves;
  CU_DYN_SHARED(typename K::M, room);
  const int lanes = (int)blockDim.x;
  const int64_t n = r.n, first = (int64_t)threadIdx.x * V;
  for (int64_t k = blockIdx.x; k < r.lines; k += gridDim.x) {
    int64_t offset[3];
    C v[E];
    Pair<C> p = { least<C>(), 0 };
    cu_offsets(r.walk, k, offset);
    const char *a = r.a + offset[1], *b = r.b + offset[2];
    char *y = r.y + offset[0], *kept = (char *)room;
    for (int64_t i = first; i < n; i += E * lanes) {
      Moves::get(v, r.da, a, r.sa, i, n, lanes, back ? (C)0 : least<C>());
      if (r.kept) Move<K, V>::put(v, 0, kept, (int)sizeof *room, i, n, lanes);
      if (!back) meet(p, v);
      else {
        C o[E];
        if (!r.log) Moves::get(o, r.db, b, r.sb, i, n, lanes, (C)0);
#pragma unroll
        for (int j = 0; j < E; j++) p.s = r.log ? p.s + v[j] : fma_of(v[j], o[j], p.s);
      }
    }
    if (back) p.s = together<Plus>(p.s, (C)0, lanes);
    else {
      const Pair<C> none = { least<C>(), 0 };
      p = together<Join>(p, none, lanes);
      p.s = scale_of(r.log, settled(p));
    }
    for (int64_t i = first; i < n; i += E * lanes) {
      C o[E];
      if (back) Moves::get(o, r.db, b, r.sb, i, n, lanes, (C)0);
      if (r.kept) Move<K, V>::get(v, 0, kept, (int)sizeof *room, i, n, lanes, (C)0);
      else Moves::get(v, r.da, a, r.sa, i, n, lanes, (C)0);
#pragma unroll
      for (int j = 0; j < E; j++) v[j] = back ? slope(r.log, v[j], o[j], p.s) : share(r.log, v[j], p.m, p.s);
      Moves::put(v, r.dy, y, r.sy, i, n, lanes);
    }
  }
}

/* ---- `lanes` threads a line, 32 lines side by side (8 lanes), or 256 lines (1 lane) ---- */

template <class S, bool back> __global__ void __launch_bounds__(BLOCK, 2) soft_columns (const Soft r) {
  typedef typename S::C C;
  typedef Pair<C> P;
  enum { E = 4 };                            /* elements a thread takes at a time */
  CU_SHARED(P, room, BLOCK);
  const int t = (int)threadIdx.x, wide = (int)blockDim.x / r.lanes, lane = t / wide, slot = t % wide;
  for (int64_t g = blockIdx.x; g * wide < r.lines; g += gridDim.x) {
    const int64_t k = g * wide + slot, n = k < r.lines ? r.n : 0;
    int64_t offset[3];
    P p = { least<C>(), 0 };
    cu_offsets(r.walk, k < r.lines ? k : 0, offset);
    const char *a = r.a + offset[1], *b = r.b + offset[2];
    char *y = r.y + offset[0];
    for (int64_t i = lane; i < n; i += E * r.lanes) {
      C x[E], o[E];
      Move<S, 1>::get(x, r.da, a, r.sa, i, n, r.lanes, back ? (C)0 : least<C>());
      if (back && !r.log) Move<S, 1>::get(o, r.db, b, r.sb, i, n, r.lanes, (C)0);
      if (!back) meet(p, x);
      else
#pragma unroll
        for (int j = 0; j < E; j++) p.s = r.log ? p.s + x[j] : fma_of(x[j], o[j], p.s);
    }
    if (r.lanes > 1) {
      room[t] = p;
      __syncthreads();
      p = room[slot];
      for (int q = 1; q < r.lanes; q++)
        if (back) p.s += room[q * wide + slot].s;
        else p = Join::of(p, room[q * wide + slot]);
      __syncthreads();
    }
    if (!back) p.s = scale_of(r.log, settled(p));
    for (int64_t i = lane; i < n; i += E * r.lanes) {
      C x[E], o[E];
      Move<S, 1>::get(x, r.da, a, r.sa, i, n, r.lanes, (C)0);
      if (back) Move<S, 1>::get(o, r.db, b, r.sb, i, n, r.lanes, (C)0);
#pragma unroll
      for (int j = 0; j < E; j++) x[j] = back ? slope(r.log, x[j], o[j], p.s) : share(r.log, x[j], p.m, p.s);
      Move<S, 1>::put(x, r.dy, y, r.sy, i, n, r.lanes);
    }
  }
}

/* ---- the host's side ---- */

template <class S, int E, int V, bool back> static int short_lines (Soft *r, cu_Work *w) {
  int groups;
  r->lanes = (int)cu_threads(cu_over(r->n, E), WIDEST / 2);
  groups = r->lanes == 32 && r->lines >= 4 ? 4 : 1;
  return CU_LAUNCH(w, (soft_short<S, E, V, back>), dim3(cu_grid(cu_over(r->lines, groups))),
                   dim3((unsigned)(r->lanes * groups)), 0, *r);
}

template <class S, int E, int V, bool back> static int long_lines (Soft *r, cu_Work *w) {
  size_t bytes = (size_t)r->n * sizeof(typename S::Kept::M);
  r->kept = bytes + CU_OWN <= w->shared;
  return CU_LAUNCH(w, (soft_long<S, E, V, back>), dim3(cu_grid(r->lines)), dim3(cu_threads(cu_over(r->n, E), widest<S>())),
                   r->kept ? bytes : 0, *r);
}

/* E: elements that a thread keeps of the longest lines in registers; where half will do, more threads have work */
template <class S, int E, int V, bool back> static int lines_of (Soft *r, cu_Work *w) {
  if (r->n <= 16 * E) return short_lines<S, E / 2, V, back>(r, w);
  if (r->n <= WIDEST / 2 * E) return short_lines<S, E, V, back>(r, w);
  return long_lines<S, back ? E / 2 : E, V, back>(r, w);         /* two operands are read at a time there */
}

template <class S, bool back> static int columns_of (Soft *r, cu_Work *w) {
  unsigned threads = BLOCK;
  r->lanes = r->n <= 2 * SHORT || r->lines >= cu_card(w) ? 1 : BLOCK / COLUMNS;
  if (r->lanes == 1) threads = cu_threads(r->lines, BLOCK);
  return CU_LAUNCH(w, (soft_columns<S, back>), dim3(cu_grid(cu_over(r->lines, threads / (unsigned)r->lanes))), dim3(threads),
                   0, *r);
}

template <class S, int E, int V, bool back> static int start (Soft *r, cu_Work *w, int columns, int vec) {
  if (columns) return columns_of<S, back>(r, w);
  return vec ? lines_of<S, E, V, back>(r, w) : lines_of<S, E, 1, back>(r, w);
}
template <class S, int E, int V> static int start (Soft *r, cu_Work *w, int back, int columns, int vec) {
  return back ? start<S, E, V, true>(r, w, columns, vec) : start<S, E, V, false>(r, w, columns, vec);
}
template <class S, bool back> static int mixed (Soft *r, cu_Work *w, int columns) {
  return columns ? columns_of<S, back>(r, w) : long_lines<S, 4, 1, back>(r, w);
}
template <class S> static int mixed (Soft *r, cu_Work *w, int back, int columns) {
  return back ? mixed<S, true>(r, w, columns) : mixed<S, false>(r, w, columns);
}

extern "C" int cu_softmax (const tl_Cmd *c, cu_Work *w) {
  int d = c->ndim - 1, back = c->op > TL_LOG_SOFTMAX_Y, columns, same, vec = 1;
  const tl_Arg *y = &c->arg[0], *a = &c->arg[1], *b = &c->arg[back ? 2 : 1];
  Soft r;
  if (c->ndim != c->keep + 1 || (c->dtype != TL_f32 && c->dtype != TL_f64)) return TL_CANT;
  memset(&r, 0, sizeof r);
  r.y = (char *)y->data;
  r.a = (const char *)a->data;
  r.b = (const char *)b->data;
  r.walk = cu_walk_of(c, 0, c->keep);
  r.n = c->size[d];
  r.lines = r.walk.total;
  r.sy = y->stride[d];
  r.sa = a->stride[d];
  r.sb = b->stride[d];
  r.dy = y->dtype;
  r.da = a->dtype;
  r.db = b->dtype;
  r.log = c->op == TL_LOG_SOFTMAX_Y || c->op == TL_LOG_SOFTMAX_X;
  if (r.n == 0 || r.lines == 0) return TL_DONE;
  columns = r.n <= SHORT || (c->keep > 0 && r.lines >= COLUMNS && c->size[d - 1] >= 4 && a->stride[d - 1] < r.sa);
  same = r.dy == r.da && r.da == r.db;
  for (int k = 0; k < 2 + back; k++) vec = vec && cu_lines_packed(c, k, d);
  if (r.n * cu_width(r.dy) % 16) vec = 0;
  if (same && c->dtype == TL_f32)
    switch (r.dy) {
      case TL_f32: return start<Same<TL_f32>, 16, 4>(&r, w, back, columns, vec);
      case TL_f16: return start<Same<TL_f16>, 16, 8>(&r, w, back, columns, vec);
      case TL_bf16: return start<Same<TL_bf16>, 16, 8>(&r, w, back, columns, vec);
      default: break;
    }
  if (same && c->dtype == TL_f64 && r.dy == TL_f64) return start<Same<TL_f64>, 8, 2>(&r, w, back, columns, vec);
  return c->dtype == TL_f32 ? mixed<Mixed<float> >(&r, w, back, columns) : mixed<Mixed<double> >(&r, w, back, columns);
}
