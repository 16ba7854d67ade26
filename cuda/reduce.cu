/*
** reduce.cu -- every reduction.
**
** A block is `lanes` threads a result times as many results as fit.  Lanes go along the inside where that is
** what memory runs along (LINES: 1 to 32 lanes meet by shuffles, a block of 256 by shared memory), or
** neighbouring threads take neighbouring results and the lanes share out the inside (column).  Where the
** results are too few for the card, blocks take pieces of the inside (splits), leave their accumulators in
** scratch memory and a second kernel joins those; so every order is fixed and nothing has to be reset.
*/
#include "reduce.cuh"

enum { BLOCK = 256, COLUMNS = 32, PIECE = 16 };   /* PIECE: elements a thread gets at least before a result is split */

/* ---- elements of a dtype known to the compiler, or of any integer dtype ---- */

template <int dtype> struct Known {
  typedef typename cu_Cell<dtype>::C C;
  typedef typename cu_Cell<dtype>::M M;
  typedef cu_Pack<M> Pack;                   /* 16 bytes */
  enum { LONG = 0 };
  CU_FN C one (const Reduce &, const char *p) { return cu_Cell<dtype>::up(*(const M *)p); }
  template <class Fold> CU_FN void many (const Reduce &r, typename Fold::Acc &a, const Pack &p, int64_t at) {
#pragma unroll
    for (int k = 0; k < cu_Cell<dtype>::N; k++) Fold::add(r, a, cu_Cell<dtype>::up(p.v[k]), at + k);
  }
};

struct Whole {
  typedef int64_t C;
  typedef uint4 Pack;
  enum { LONG = 1 };                         /* `many` is five loops long: once is enough */
  CU_FN C one (const Reduce &r, const char *p) { return cu_load<int64_t>(r.dx, p); }
  template <class Fold, class M> CU_FN void each (const Reduce &r, typename Fold::Acc &a, const uint4 &p, int64_t at) {
    cu_Pack<M> e;
    memcpy(&e, &p, sizeof e);
#pragma unroll
    for (int k = 0; k < (int)(16 / sizeof(M)); k++) Fold::add(r, a, (int64_t)e.v[k], at + k);
  }
  template <class Fold> CU_FN void many (const Reduce &r, typename Fold::Acc &a, const uint4 &v, int64_t at) {
    switch (r.dx) {
      case TL_u8: each<Fold, uint8_t>(r, a, v, at); break;
      case TL_i8: each<Fold, int8_t>(r, a, v, at); break;
      case TL_i16: each<Fold, int16_t>(r, a, v, at); break;
      case TL_i32: each<Fold, int32_t>(r, a, v, at); break;
      default: each<Fold, int64_t>(r, a, v, at); break;
    }
  }
};

/* ---- one thread's share: elements lane, lane + lanes, ... of [from, to), four loads under way at a time ---- */

template <class Fold, class Load>
CU_FN void run_over (const Reduce &r, typename Fold::Acc &a, const char *x, int64_t from, int64_t to,
                                               int lane) {
  const int64_t step = r.lanes, stride = r.inner.stride[2][0];
  const int flat = r.inner.ndim <= 1;
  int64_t i = from + lane;
  if (!Fold::HEAVY && r.vec) {               /* from is a multiple of vec */
    typedef typename Load::Pack Pack;
    const Pack *q = (const Pack *)x;
    const int64_t n = to >> r.shift;
    int64_t u = (from >> r.shift) + lane;
    for (; !Load::LONG && u + 3 * step < n; u += 4 * step) {
      Pack v0 = q[u], v1 = q[u + step], v2 = q[u + 2 * step], v3 = q[u + 3 * step];
      Load::template many<Fold>(r, a, v0, u * r.vec);
      Load::template many<Fold>(r, a, v1, (u + step) * r.vec);
      Load::template many<Fold>(r, a, v2, (u + 2 * step) * r.vec);
      Load::template many<Fold>(r, a, v3, (u + 3 * step) * r.vec);
    }
#pragma unroll 1
    for (; u < n; u += step) Load::template many<Fold>(r, a, q[u], u * r.vec);
    i = n * r.vec + lane;
  }
  else if (!Fold::HEAVY)
    for (; i + 3 * step < to; i += 4 * step) {
      typename Load::C v[4];
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const int64_t at = i + k * step;
        v[k] = Load::one(r, x + (flat ? at * stride : cu_offset(r.inner, 2, at)));
      }
#pragma unroll
      for (int k = 0; k < 4; k++) Fold::add(r, a, v[k], i + k * step);
    }
#pragma unroll 1
  for (; i < to; i += step)
    Fold::add(r, a, Load::one(r, x + (flat ? i * stride : cu_offset(r.inner, 2, i))), i);
}

/* lane 0 of every group of `lanes` (at most 32) gets what the group has, neighbours first */
template <class Fold> CU_FN void join_lanes (const Reduce &r, typename Fold::Acc &a, int lanes) {
#pragma unroll 1
  for (int by = 1; by < lanes; by *= 2) {
    typename Fold::Acc b = cu_shuffle_down(a, by, lanes);
    Fold::join(r, a, b);
  }
}

template <class Fold>
CU_FN void finish (const Reduce &r, const typename Fold::Acc &a, int64_t k) {
  int64_t offset[2];
  cu_offsets(r.outer, k, offset);
  if (r.y) cu_store(r.dy, r.y + offset[0], Fold::value(r, a));
  if (r.at) cu_store(r.dat, r.at + offset[1], Fold::place(a));
}

template <class Fold, class Load> __global__ void __launch_bounds__(BLOCK, 3) reduce_lines (const Reduce r) {
  typedef typename Fold::Acc Acc;
  CU_SHARED(Acc, room, BLOCK);
  const int t = (int)threadIdx.x, wide = (int)blockDim.x / r.lanes;
  const int lane = r.column ? t / wide : t % r.lanes, slot = r.column ? t % wide : t / r.lanes;
  const int64_t from = blockIdx.y * r.chunk, to = from + r.chunk < r.inside ? from + r.chunk : r.inside;
  for (int64_t g = blockIdx.x; g < r.groups; g += gridDim.x) {
    const int64_t k = g * wide + slot;
    Acc a = Fold::none(r);
    if (k < r.results) run_over<Fold, Load>(r, a, r.x + cu_offset(r.outer, 2, k), from, to, lane);
    if (r.column && r.lanes > 1) {
      room[t] = a;
      __syncthreads();
      if (lane == 0)
        for (int q = 1; q < r.lanes; q++) Fold::join(r, a, room[q * wide + slot]);
      __syncthreads();
    }
    else if (r.lanes > 32) {
      room[t] = a;
      __syncthreads();
      if (t < 32) {
        for (int q = t + 32; q < BLOCK; q += 32) Fold::join(r, a, room[q]);
        join_lanes<Fold>(r, a, 32);
      }
      __syncthreads();
    }
    else if (r.lanes > 1) join_lanes<Fold>(r, a, r.lanes);
    if (lane == 0 && k < r.results) {
      if (r.splits > 1) ((Acc *)r.part)[k * r.splits + blockIdx.y] = a;
      else finish<Fold>(r, a, k);
    }
  }
}

/* a warp a result: what its splits left */
template <class Fold> __global__ void __launch_bounds__(BLOCK) reduce_splits (const Reduce r) {
  typedef typename Fold::Acc Acc;
  const int lane = (int)threadIdx.x % 32, warps = (int)blockDim.x / 32;
  for (int64_t k = blockIdx.x * (int64_t)warps + threadIdx.x / 32; k < r.results; k += (int64_t)gridDim.x * warps) {
    const Acc *part = (const Acc *)r.part + k * r.splits;
    Acc a = Fold::none(r);
    for (int q = lane; q < r.splits; q += 32) Fold::join(r, a, part[q]);
    join_lanes<Fold>(r, a, 32);
    if (lane == 0) finish<Fold>(r, a, k);
  }
}

/* ---- the host's side ---- */

/* y, at and x of a command stand at 0, 1, 2 of its walks, whichever of the first two there are */
static void three_operands (cu_Walk *w, int narg) {
  if (narg == 2)
    for (int d = 0; d < TL_MAXDIM; d++) {
      w->stride[2][d] = w->stride[1][d];
      w->stride[1][d] = w->stride[0][d];
    }
}

/* fills in the shape of the launch; returns the threads of a block */
static int geometry (Reduce *r, const cu_Work *w) {
  const cu_Walk *out = &r->outer, *in = &r->inner;
  int last = out->ndim - 1, inner = in->ndim - 1, wide = 1, threads = BLOCK, width = cu_width(r->dx);
  int64_t card = cu_card(w), wanted = card / BLOCK, least;
  r->column = out->ndim > 0 && in->ndim > 0 && out->size[last] >= 4 && out->stride[2][last] < in->stride[2][inner];
  r->vec = 0;
  if (r->column) {
    while (wide < COLUMNS && wide < r->results) wide *= 2;
    r->lanes = r->inside < 32 || r->results >= card ? 1 : BLOCK / wide;
  }
  else {
    int long_rows = r->inside >= 4096 || (r->inside > 1024 && r->results < card / 64);
    r->lanes = r->inside <= 8 ? 1 : long_rows ? BLOCK : cu_power(r->inside / 4, 32);
    if (in->ndim == 1 && r->inside >= 16 / width * 4 && in->stride[2][0] == width && cu_aligned16(r->x)) {
      r->vec = 16 / width;
      for (int d = 0; d < out->ndim; d++) if (out->stride[2][d] % 16) r->vec = 0;
    }
    if (r->dx == TL_b8) r->vec = 0;          /* anything but 0 is true there, not the byte's value */
    for (r->shift = 0; r->vec >> r->shift > 1; ) r->shift++;
  }
  if (r->lanes == 1 || (r->lanes <= 32 && !r->column)) threads = (int)cu_threads(r->results * r->lanes, BLOCK);
  r->groups = cu_over(r->results, threads / r->lanes);
  least = (int64_t)r->lanes * PIECE;
  r->splits = 1;
  r->chunk = r->inside;
  if (threads == BLOCK && r->groups * 2 <= wanted && r->inside >= 2 * least) {
    int64_t n = wanted / r->groups;
    if (n > r->inside / least) n = r->inside / least;
    r->chunk = cu_over(cu_over(r->inside, n), 16) * 16;
    r->splits = (int)cu_over(r->inside, r->chunk);
  }
  return threads;
}

template <class Fold, class Load> static int start (Reduce *r, cu_Work *w, int threads) {
  dim3 grid(cu_grid(r->groups), (unsigned)r->splits);
  int reason;
  if (r->splits > 1) {
    r->part = cu_scratch(w, (size_t)r->results * (size_t)r->splits * sizeof(typename Fold::Acc));
    if (!r->part) return TL_NOMEM;
  }
  reason = CU_LAUNCH(w, (reduce_lines<Fold, Load>), grid, dim3((unsigned)threads), 0, *r);
  if (reason || r->splits == 1) return reason;
  threads = (int)cu_threads(r->results * 32, BLOCK);
  grid = dim3(cu_grid(cu_over(r->results, threads / 32)));
  return CU_LAUNCH(w, reduce_splits<Fold>, grid, dim3((unsigned)threads), 0, *r);
}

template <class Load> static int start_real (Reduce *r, cu_Work *w, int threads) {
  typedef typename Load::C C;
  switch (r->op) {
    case TL_reduce_sum: return start<Sum<C>, Load>(r, w, threads);
    case TL_reduce_max: case TL_reduce_min: case TL_reduce_argmax: case TL_reduce_argmin:
      return start<Place<C>, Load>(r, w, threads);
    case TL_reduce_var: case TL_reduce_std: return start<Spread<C>, Load>(r, w, threads);
    case NORM_0: case NORM_1: case NORM_2: return start<Norm<C>, Load>(r, w, threads);
    case NORM_P: return start<PNorm<C>, Load>(r, w, threads);
    default: return start<Pick<C>, Load>(r, w, threads);
  }
}

static int start_whole (Reduce *r, cu_Work *w, int threads) {
  switch (r->op) {
    case TL_reduce_sum: return start<Sum<int64_t>, Whole>(r, w, threads);
    case TL_reduce_max: case TL_reduce_min: case TL_reduce_argmax: case TL_reduce_argmin:
      return start<Place<int64_t>, Whole>(r, w, threads);
    case TL_reduce_prod: case TL_reduce_amax: case TL_reduce_amin: case TL_reduce_any: case TL_reduce_all:
      return start<Pick<int64_t>, Whole>(r, w, threads);
    default: return TL_CANT;
  }
}

static int op_of (const tl_Cmd *c) {
  double p = c->p[0].f;
  if (c->op != TL_reduce_norm) return c->op;
  return p == 0 ? NORM_0 : p == 1 ? NORM_1 : p == 2 ? NORM_2 : isinf(p) ? (p > 0 ? NORM_MOST : NORM_LEAST) : NORM_P;
}

extern "C" int cu_reduce (const tl_Cmd *c, cu_Work *w) {
  const tl_Arg *x = &c->arg[c->narg - 1];
  int index = c->op == TL_reduce_argmax || c->op == TL_reduce_argmin, threads;
  Reduce r;
  memset(&r, 0, sizeof r);
  r.x = (const char *)x->data;
  r.y = index ? NULL : (char *)c->arg[0].data;
  r.at = index ? (char *)c->arg[0].data : c->narg == 3 ? (char *)c->arg[1].data : NULL;
  r.dx = x->dtype;
  r.dy = c->arg[0].dtype;
  r.dat = c->arg[index ? 0 : 1].dtype;
  r.op = op_of(c);
  r.p = c->p[0].f;
  r.outer = cu_walk_of(c, 0, c->keep);
  r.inner = cu_walk_of(c, c->keep, c->ndim);
  three_operands(&r.outer, c->narg);
  three_operands(&r.inner, c->narg);
  cu_walk_merge(&r.outer, 3);
  cu_walk_merge(&r.inner, 3);
  r.results = r.outer.total;
  r.inside = r.inner.total;
  if (r.results == 0) return TL_DONE;
  threads = geometry(&r, w);
  if (c->dtype == TL_i64) return x->dtype >= TL_u8 ? start_whole(&r, w, threads) : TL_CANT;
  if (c->dtype == TL_f64) return x->dtype == TL_f64 ? start_real<Known<TL_f64> >(&r, w, threads) : TL_CANT;
  if (c->dtype != TL_f32) return TL_CANT;
  switch (x->dtype) {
    case TL_f32: return start_real<Known<TL_f32> >(&r, w, threads);
    case TL_f16: return start_real<Known<TL_f16> >(&r, w, threads);
    case TL_bf16: return start_real<Known<TL_bf16> >(&r, w, threads);
    default: return TL_CANT;
  }
}
