/*
** softmax.cu -- softmax, log_softmax and their derivatives along the one inside dim.
**
** Lines of up to 1024 packed elements stay in the registers of a warp, so memory is read once and written once.
** Longer lines have a block each, and stay in its shared memory where they fit.  Lines side by side (a dim in
** the middle) have neighbouring threads, 1 or 8 for each.  Where a line can't be kept, its largest element and the
** sum of exponentials about it are found in one pass: a larger element scales the sum down.
**
** Half types compute in float.  A largest element that is infinite or NaN makes the whole line NaN.
*/
#include <math.h>

#include "lanes.cuh"

enum { BLOCK = 256, COLUMNS = 32, SHORT = 16, WARP_MOST = 1024, KEEP_BYTES = 48 << 10 };

typedef struct Soft {
  const char *a, *b;                         /* x; or g and y */
  char *y;
  cu_Walk walk;                              /* the lines: y, a, b */
  int64_t n, lines, sy, sa, sb;              /* elements of a line; the strides along it */
  int log, lanes, kept;                      /* lanes: threads a line; kept: lines lie in shared memory */
  int dy, da, db;
} Soft;

/* ---- elements: a dtype that all operands have, or each its own (Mixed) ---- */

template <int dtype> struct Same {
  typedef typename cu_Cell<dtype>::C C;
  typedef typename cu_Cell<dtype>::M M;
  enum { WAYS = dtype == TL_f64 ? 2 : 4 };   /* loads under way at a time */
  CU_FN C get (int, const char *p) { return cu_Cell<dtype>::up(*(const M *)p); }
  CU_FN void put (int, char *p, C v) { *(M *)p = cu_Cell<dtype>::down(v); }
};
template <class Compute> struct Mixed {
  typedef Compute C;
  enum { WAYS = 1 };
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

/* ---- a warp a line: element j * 32 * V + lane * V + k is register j * V + k, with V of them moved at once ---- */

template <class S, int V> struct Move {
  template <int E> CU_FN void get (typename S::C (&v)[E], int, const char *p, int64_t, int n, int lane,
                                                             typename S::C fill) {
#pragma unroll
    for (int j = 0; j < E; j += V) {
      const int i = (j * 32) + lane * V;     /* n is a multiple of V */
      cu_Pack<typename S::M> e;
      if (i < n) e.all = *(const uint4 *)(p + i * (int)sizeof(typename S::M));
#pragma unroll
      for (int k = 0; k < V; k++) v[j + k] = i < n ? S::get(0, (const char *)&e.m[k]) : fill;
    }
  }
  template <int E> CU_FN void put (const typename S::C (&v)[E], int, char *p, int64_t, int n, int lane) {
#pragma unroll
    for (int j = 0; j < E; j += V) {
      const int i = (j * 32) + lane * V;
      cu_Pack<typename S::M> e;
#pragma unroll
      for (int k = 0; k < V; k++) S::put(0, (char *)&e.m[k], v[j + k]);
      if (i < n) *(uint4 *)(p + i * (int)sizeof(typename S::M)) = e.all;
    }
  }
};
template <class S> struct Move<S, 1> {
  template <int E> CU_FN void get (typename S::C (&v)[E], int d, const char *p, int64_t stride, int n,
                                                             int lane, typename S::C fill) {
    p += lane * stride;                      /* one address that moves on: E of them would not fit beside v */
#pragma unroll
    for (int j = 0; j < E; j++, p += 32 * stride) v[j] = j * 32 + lane < n ? S::get(d, p) : fill;
  }
  template <int E> CU_FN void put (const typename S::C (&v)[E], int d, char *p, int64_t stride, int n,
                                                             int lane) {
    p += lane * stride;
#pragma unroll
    for (int j = 0; j < E; j++, p += 32 * stride) if (j * 32 + lane < n) S::put(d, p, v[j]);
  }
};

template <class C> CU_FN C warp_sum (C s) {
#pragma unroll 1
  for (int by = 16; by > 0; by /= 2) s += cu_shuffle_xor(s, by);
  return s;
}
template <class C> CU_FN C warp_most (C m) {
#pragma unroll 1
  for (int by = 16; by > 0; by /= 2) m = most_of(m, cu_shuffle_xor(m, by));
  return m;
}

/* E registers hold a line (of g, and as many of y) */
template <class S, int E, int V, bool back> __global__ void __launch_bounds__(BLOCK / 2, 3) soft_warps (const Soft r) {
  typedef typename S::C C;
  const int lane = (int)threadIdx.x % 32, n = (int)r.n, warps = (int)blockDim.x / 32;
  for (int64_t k = (int64_t)blockIdx.x * warps + threadIdx.x / 32; k < r.lines; k += (int64_t)gridDim.x * warps) {
    int64_t offset[3];
    C v[E], s = 0;
    cu_offsets(r.walk, k, offset);
    Move<S, V>::get(v, r.da, r.a + offset[1], r.sa, n, lane, back ? (C)0 : least<C>());
    if constexpr (back) {
      C y[E];
      Move<S, V>::get(y, r.db, r.b + offset[2], r.sb, n, lane, (C)0);
#pragma unroll
      for (int j = 0; j < E; j++) s = r.log ? s + v[j] : fma_of(v[j], y[j], s);
      s = warp_sum(s);
#pragma unroll
      for (int j = 0; j < E; j++) v[j] = slope(r.log, v[j], y[j], s);
    }
    else {
      C m = v[0];
#pragma unroll
      for (int j = 1; j < E; j++) m = most_of(m, v[j]);
      m = warp_most(m);
      if (r.log) {
#pragma unroll
        for (int j = 0; j < E; j++) s += exp_of(v[j] - m);
        s = log_of(warp_sum(s));
#pragma unroll
        for (int j = 0; j < E; j++) v[j] = (v[j] - m) - s;
      }
      else {
#pragma unroll
        for (int j = 0; j < E; j++) s += v[j] = exp_of(v[j] - m);
        s = 1 / warp_sum(s);
#pragma unroll
        for (int j = 0; j < E; j++) v[j] *= s;
      }
    }
    Move<S, V>::put(v, r.dy, r.y + offset[0], r.sy, n, lane);
  }
}

/* ---- the largest and the sum about it in one pass ---- */

template <class C> struct Pair { C m, s; };

/* -inf adds nothing whatever the rest is; see `settled` for a line of nothing else */
template <class C> CU_FN void meet (Pair<C> &p, C x) {
  if (x > p.m || x != x) {
    p.s = p.s * exp_of(p.m - x) + 1;
    p.m = x;
  }
  else if (x > least<C>()) p.s += exp_of(x - p.m);
}
template <class C> CU_FN Pair<C> joined (Pair<C> a, Pair<C> b) {
  Pair<C> p;
  p.m = most_of(a.m, b.m);
  p.s = (a.m == p.m ? a.s : a.s * exp_of(a.m - p.m)) + (b.m == p.m ? b.s : b.s * exp_of(b.m - p.m));
  return p;
}
template <class C> CU_FN C settled (Pair<C> p) { return p.s + (p.m - p.m); }   /* NaN: m is no number */

/* ---- `lanes` threads a line, 32 lines side by side (8 lanes), or 256 lines (1 lane) ---- */

template <class S, bool back> __global__ void __launch_bounds__(BLOCK, 2) soft_columns (const Soft r) {
  typedef typename S::C C;
  typedef Pair<C> P;
  CU_SHARED(P, room, BLOCK);
  const int t = (int)threadIdx.x, wide = (int)blockDim.x / r.lanes, lane = t / wide, slot = t % wide;
  for (int64_t g = blockIdx.x; g * wide < r.lines; g += gridDim.x) {
    const int64_t k = g * wide + slot, n = k < r.lines ? r.n : 0;
    int64_t offset[3];
    P p = { least<C>(), 0 };
    cu_offsets(r.walk, k < r.lines ? k : 0, offset);
    const char *a = r.a + offset[1], *b = r.b + offset[2];
    char *y = r.y + offset[0];
#pragma unroll S::WAYS
    for (int64_t i = lane; i < n; i += r.lanes) {
      C x = S::get(r.da, a + i * r.sa);
      if (!back) meet(p, x);
      else p.s = r.log ? p.s + x : fma_of(x, S::get(r.db, b + i * r.sb), p.s);
    }
    if (r.lanes > 1) {
      room[t] = p;
      __syncthreads();
      p = room[slot];
      for (int q = 1; q < r.lanes; q++)
        if (back) p.s += room[q * wide + slot].s;
        else p = joined(p, room[q * wide + slot]);
      __syncthreads();
    }
    if (!back) p.s = scale_of(r.log, settled(p));
#pragma unroll S::WAYS
    for (int64_t i = lane; i < n; i += r.lanes) {
      C x = S::get(r.da, a + i * r.sa);
      S::put(r.dy, y + i * r.sy, back ? slope(r.log, x, S::get(r.db, b + i * r.sb), p.s) : share(r.log, x, p.m, p.s));
    }
  }
}

/* ---- a block a line ---- */

/* what all threads have together, to all; room: BLOCK / 32 */
template <class C, bool back> CU_FN Pair<C> together (Pair<C> p, Pair<C> *room) {
  __syncthreads();
#pragma unroll 1
  for (int by = 16; by > 0; by /= 2) {
    Pair<C> q = cu_shuffle_xor(p, by);
    if (back) p.s += q.s;
    else p = joined(p, q);
  }
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = p;
  __syncthreads();
  p = room[0];
  for (int k = 1; k < (int)blockDim.x / 32; k++)
    if (back) p.s += room[k].s;
    else p = joined(p, room[k]);
  return p;
}

template <class S, bool back> __global__ void __launch_bounds__(BLOCK, 2) soft_blocks (const Soft r) {
  typedef typename S::C C;
  typedef Pair<C> P;
  CU_SHARED(P, room, BLOCK / 32);
  CU_DYN_SHARED(C, kept);                    /* a thread reads what it wrote itself: no barrier */
  for (int64_t k = blockIdx.x; k < r.lines; k += gridDim.x) {
    int64_t offset[3];
    P p = { least<C>(), 0 };
    cu_offsets(r.walk, k, offset);
    const char *a = r.a + offset[1], *b = r.b + offset[2];
    char *y = r.y + offset[0];
#pragma unroll S::WAYS
    for (int64_t i = threadIdx.x; i < r.n; i += BLOCK) {
      C x = S::get(r.da, a + i * r.sa);
      if (r.kept) kept[i] = x;
      if (back) {
        C o = S::get(r.db, b + i * r.sb);
        if (r.kept) kept[r.n + i] = o;
        p.s = r.log ? p.s + x : fma_of(x, o, p.s);
      }
      else if (r.kept) p.m = most_of(p.m, x);
      else meet(p, x);
    }
    p = together<C, back>(p, room);
    if (!back && r.kept) {                   /* the largest is known: one exponential an element will do */
#pragma unroll S::WAYS
      for (int64_t i = threadIdx.x; i < r.n; i += BLOCK) {
        C e = exp_of(kept[i] - p.m);
        p.s += e;
        if (!r.log) kept[i] = e;
      }
      p.s = together<C, true>(p, room).s;
    }
    if (!back) p.s = scale_of(r.log, settled(p));
#pragma unroll S::WAYS
    for (int64_t i = threadIdx.x; i < r.n; i += BLOCK) {
      C x = r.kept ? kept[i] : S::get(r.da, a + i * r.sa);
      if (back) x = slope(r.log, x, r.kept ? kept[r.n + i] : S::get(r.db, b + i * r.sb), p.s);
      else if (r.kept && !r.log) x *= p.s;
      else x = share(r.log, x, p.m, p.s);
      S::put(r.dy, y + i * r.sy, x);
    }
  }
}

/* ---- the host's side ---- */

template <class S, bool back> static int columns_or_blocks (Soft *r, cu_Work *w, int columns) {
  size_t bytes = (size_t)r->n * sizeof(typename S::C) * (back ? 2 : 1);
  dim3 grid(cu_grid(r->lines));
  if (columns) {
    unsigned threads = BLOCK;
    r->lanes = r->n <= 2 * SHORT || r->lines >= cu_card(w) ? 1 : BLOCK / COLUMNS;
    if (r->lanes == 1) threads = cu_threads(r->lines, BLOCK);
    grid = dim3(cu_grid(cu_over(r->lines, threads / (unsigned)r->lanes)));
    return CU_LAUNCH(w, (soft_columns<S, back>), grid, dim3(threads), 0, *r);
  }
  r->kept = bytes <= KEEP_BYTES - 512;
  return CU_LAUNCH(w, (soft_blocks<S, back>), grid, dim3(BLOCK), r->kept ? bytes : 0, *r);
}

template <class S, int E, int V, bool back> static int warps (Soft *r, cu_Work *w) {
  unsigned threads = cu_threads(r->lines * 32, BLOCK / 2);
  dim3 grid(cu_grid(cu_over(r->lines, threads / 32)));
  return CU_LAUNCH(w, (soft_warps<S, E, V, back>), grid, dim3(threads), 0, *r);
}

/* most: elements that a warp keeps, half of it where they go one by one, which takes more registers; V: those
   moved at once where vec says that it can be */
template <class S, int most, int V, bool back> static int start (Soft *r, cu_Work *w, int columns, int vec) {
  if (columns || r->n > (vec ? most : most / 2)) return columns_or_blocks<S, back>(r, w, columns);
  if (r->n <= most / 4) return vec ? warps<S, most / 128, V, back>(r, w) : warps<S, most / 128, 1, back>(r, w);
  return vec ? warps<S, most / 32, V, back>(r, w) : warps<S, most / 64, 1, back>(r, w);
}
template <class S, int most, int V> static int start (Soft *r, cu_Work *w, int back, int columns, int vec) {
  return back ? start<S, most, V, true>(r, w, columns, vec) : start<S, most, V, false>(r, w, columns, vec);
}
template <class C> static int mixed (Soft *r, cu_Work *w, int back, int columns) {
  return back ? columns_or_blocks<Mixed<C>, true>(r, w, columns) : columns_or_blocks<Mixed<C>, false>(r, w, columns);
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
      case TL_f32: return start<Same<TL_f32>, WARP_MOST, 4>(&r, w, back, columns, vec);
      case TL_f16: return start<Same<TL_f16>, WARP_MOST, 8>(&r, w, back, columns, vec);
      case TL_bf16: return start<Same<TL_bf16>, WARP_MOST, 8>(&r, w, back, columns, vec);
      default: break;
    }
  if (same && c->dtype == TL_f64 && r.dy == TL_f64)
    return start<Same<TL_f64>, WARP_MOST / 4, 2>(&r, w, back, columns, vec);
  return c->dtype == TL_f32 ? mixed<float>(&r, w, back, columns) : mixed<double>(&r, w, back, columns);
}
