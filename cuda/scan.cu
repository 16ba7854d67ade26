/*
** scan.cu -- running sums, products, largest and smallest elements along the one inside dim.
**
** Lines that lie side by side, and very short ones, are walked by a thread each (columns).  Other lines are
** walked by a block, four neighbouring elements a thread at a time, with the carry of the block before (blocks).
** Lines too few for the card are cut into pieces: a first kernel leaves each piece's total, and whoever walks
** a piece starts with the totals before it; every order is fixed.
**
** As on the CPU floats and doubles run in double, half types in float, and every result is rounded by
** itself; of equal elements the later is the place, NaN wins and stays.  The inside stride may be negative, and the
** result may be the input.
*/
#include "lanes.cuh"

enum { BLOCK = 256, EACH = 4, SHORT = 16 };  /* EACH: elements of a thread in one round of a block */

typedef struct Scan {
  const char *x;
  char *y, *at;
  cu_Walk walk;                              /* the lines: y, at, x */
  int64_t n, sy, sat, sx;                    /* a line, and the strides along it */
  int64_t lines, piece, work;                /* piece: elements of one; work: lines * pieces */
  int pieces, totals, op, vec;               /* totals: this launch makes those; vec: packed aligned float32 */
  int dx, dy, dat;
  void *part;                                /* Acc of every line and piece */
} Scan;

/* ---- what runs: T is what elements are, A what adds up ---- */

template <class Elem, class A> struct Running {
  typedef Elem T;
  typedef A Acc;
  CU_FN Acc none (const Scan &r) { return r.op == TL_CUMPROD; }
  CU_FN Acc lift (T x, int64_t) { return (A)x; }
  CU_FN Acc join (const Scan &r, Acc a, Acc b) { return r.op == TL_CUMPROD ? cu_times(a, b) : cu_plus(a, b); }
  CU_FN T value (Acc a) { return (T)a; }
  CU_FN int64_t place (Acc) { return 0; }
};

/* at: from 1; 0: nothing yet.  The join asks the places, so it may go in any order. */
template <class Elem> struct Best {
  typedef Elem T;
  typedef struct { Elem v; int64_t at; } Acc;
  CU_FN Acc none (const Scan &) { Acc a = { 0, 0 }; return a; }
  CU_FN Acc lift (T x, int64_t i) { Acc a = { x, i + 1 }; return a; }
  CU_FN Acc join (const Scan &r, Acc a, Acc b) {
    bool na = !(a.v == a.v), nb = !(b.v == b.v), wins;
    if (b.at == 0 || a.at == 0) return a.at == 0 ? b : a;
    if (na || nb) wins = nb && (!na || b.at > a.at);
    else if (a.v == b.v) wins = b.at > a.at;
    else wins = r.op == TL_CUMMAX ? b.v > a.v : b.v < a.v;
    return wins ? b : a;
  }
  CU_FN T value (Acc a) { return a.v; }
  CU_FN int64_t place (Acc a) { return a.at; }
};

template <class Run> CU_FN typename Run::Acc get (const Scan &r, const char *x, int64_t i) {
  return Run::lift(cu_load<typename Run::T>(r.dx, x + i * r.sx), i);
}
template <class Run> CU_FN void put (const Scan &r, char *y, char *at, int64_t i, typename Run::Acc a) {
  cu_store(r.dy, y + i * r.sy, Run::value(a));
  if (r.at) cu_store(r.dat, at + i * r.sat, Run::place(a));
}

/* ---- a thread a line, or a piece of one; neighbouring threads have neighbouring lines ---- */

template <class Run> __global__ void __launch_bounds__(BLOCK, 3) scan_columns (const Scan r) {
  typedef typename Run::Acc Acc;
  for (int64_t k = cu_first(); k < r.work; k += cu_stride()) {
    const int64_t piece = k / r.lines, line = k - piece * r.lines, from = piece * r.piece;
    const int64_t to = from + r.piece < r.n ? from + r.piece : r.n;
    int64_t offset[3];
    Acc a = Run::none(r);
    cu_offsets(r.walk, line, offset);
    if (r.totals) {
      for (int64_t i = from; i < to; i++) a = Run::join(r, a, get<Run>(r, r.x + offset[2], i));
      ((Acc *)r.part)[k] = a;
      continue;
    }
    for (int64_t q = 0; q < piece; q++) a = Run::join(r, a, ((const Acc *)r.part)[q * r.lines + line]);
    for (int64_t i = from; i < to; i++) {
      a = Run::join(r, a, get<Run>(r, r.x + offset[2], i));
      put<Run>(r, r.y + offset[0], r.at + offset[1], i, a);
    }
  }
}

/* ---- a block a piece ---- */

/* all threads get what all have together; room: one Acc for each warp, free again after the next barrier */
template <class Run>
CU_FN typename Run::Acc together (const Scan &r, typename Run::Acc a, typename Run::Acc *room) {
  typename Run::Acc all = Run::none(r);
#pragma unroll 1
  for (int by = 1; by < 32; by *= 2) {
    typename Run::Acc b = cu_shuffle_xor(a, by);
    a = threadIdx.x & by ? Run::join(r, b, a) : Run::join(r, a, b);      /* the same order in both lanes */
  }
  if (blockDim.x == 32) return a;
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = a;
  __syncthreads();
  for (int q = 0; q < (int)blockDim.x / 32; q++) all = Run::join(r, all, room[q]);
  return all;
}

template <class Run> __global__ void __launch_bounds__(BLOCK) scan_totals (const Scan r) {
  typedef typename Run::Acc Acc;
  CU_SHARED(Acc, room, BLOCK / 32);
  for (int64_t k = blockIdx.x; k < r.work; k += gridDim.x) {
    const int64_t line = k / r.pieces, from = (k - line * r.pieces) * r.piece;
    const int64_t to = from + r.piece < r.n ? from + r.piece : r.n;
    const char *x = r.x + cu_offset(r.walk, 2, line);
    Acc a = Run::none(r);
    for (int64_t i = from + threadIdx.x; i < to; i += blockDim.x) a = Run::join(r, a, get<Run>(r, x, i));
    a = together<Run>(r, a, room);
    if (threadIdx.x == 0) ((Acc *)r.part)[k] = a;
    __syncthreads();
  }
}

/* elements [i, i + EACH) of a line; none from `to` on */
template <class Run>
CU_FN void get_four (const Scan &r, const char *x, int64_t i, int64_t to, typename Run::Acc (&v)[EACH]) {
  if (r.vec && i + EACH <= to) {
    cu_Pack<float> e = *(const cu_Pack<float> *)(x + i * 4);
#pragma unroll
    for (int k = 0; k < EACH; k++) v[k] = Run::lift((typename Run::T)e.v[k], i + k);
    return;
  }
#pragma unroll
  for (int k = 0; k < EACH; k++) v[k] = i + k < to ? get<Run>(r, x, i + k) : Run::none(r);
}
template <class Run>
CU_FN void put_four (const Scan &r, char *y, char *at, int64_t i, int64_t to,
                                                 const typename Run::Acc (&v)[EACH]) {
  if (r.vec && i + EACH <= to) {
    cu_Pack<float> e;
#pragma unroll
    for (int k = 0; k < EACH; k++) e.v[k] = (float)Run::value(v[k]);
    *(cu_Pack<float> *)(y + i * 4) = e;
    if (!r.at) return;
#pragma unroll
    for (int k = 0; k < EACH; k++) cu_store(r.dat, at + (i + k) * r.sat, Run::place(v[k]));
    return;
  }
#pragma unroll
  for (int k = 0; k < EACH; k++) if (i + k < to) put<Run>(r, y, at, i + k, v[k]);
}

template <class Run> __global__ void __launch_bounds__(BLOCK, 3) scan_blocks (const Scan r) {
  typedef typename Run::Acc Acc;
  CU_SHARED(Acc, room, 2 * BLOCK / 32);      /* two halves in turn: one barrier a round is enough */
  const int t = (int)threadIdx.x, lane = t % 32, warp = t / 32, warps = (int)blockDim.x / 32;
  int half = 0;
  for (int64_t k = blockIdx.x; k < r.work; k += gridDim.x) {
    const int64_t line = k / r.pieces, piece = k - line * r.pieces, from = piece * r.piece;
    const int64_t to = from + r.piece < r.n ? from + r.piece : r.n;
    int64_t offset[3];
    Acc carry = Run::none(r);
    cu_offsets(r.walk, line, offset);
    if (piece > 0) {
      const Acc *part = (const Acc *)r.part + line * r.pieces;
      for (int64_t q = t; q < piece; q += blockDim.x) carry = Run::join(r, carry, part[q]);
      carry = together<Run>(r, carry, room + half);
      half ^= BLOCK / 32;
    }
    for (int64_t base = from; base < to; base += (int64_t)blockDim.x * EACH) {
      const int64_t i = base + (int64_t)t * EACH;
      Acc v[EACH], mine, before = carry;
      get_four<Run>(r, r.x + offset[2], i, to, v);
#pragma unroll
      for (int q = 1; q < EACH; q++) v[q] = Run::join(r, v[q - 1], v[q]);
      mine = v[EACH - 1];
#pragma unroll 1
      for (int by = 1; by < 32; by *= 2) {
        Acc left = cu_shuffle_up(mine, by);
        if (lane >= by) mine = Run::join(r, left, mine);
      }
      if (warps > 1) {
        if (lane == 31) room[half + warp] = mine;
        __syncthreads();
        for (int q = 0; q < warps; q++) {
          if (q == warp) before = carry;
          carry = Run::join(r, carry, room[half + q]);
        }
        half ^= BLOCK / 32;
      }
      {
        Acc left = cu_shuffle_up(mine, 1);
        if (lane > 0) before = Run::join(r, before, left);
      }
      if (warps == 1) carry = Run::join(r, carry, cu_shuffle(mine, 31));
#pragma unroll
      for (int q = 0; q < EACH; q++) v[q] = Run::join(r, before, v[q]);
      put_four<Run>(r, r.y + offset[0], r.at + offset[1], i, to, v);
    }
  }
}

/* ---- the host's side ---- */

template <class Run> static int start (Scan *r, cu_Work *w, int columns) {
  int64_t card = cu_card(w), most = columns ? card / 2 : card / BLOCK, n;
  int reason = TL_DONE;
  unsigned threads = cu_threads(cu_over(r->n, EACH), BLOCK), blocks;
  n = most / r->lines;
  if (n > r->n / (columns ? 64 : 4 * BLOCK * EACH)) n = r->n / (columns ? 64 : 4 * BLOCK * EACH);
  if (columns && n > 64) n = 64;
  if (n < 1) n = 1;
  r->piece = cu_over(cu_over(r->n, n), EACH) * EACH;
  r->pieces = (int)cu_over(r->n, r->piece);
  r->work = r->lines * r->pieces;
  if (columns) {
    threads = cu_threads(r->work, BLOCK);
    blocks = cu_blocks(w, r->work, 1);
  }
  else blocks = cu_grid(r->work);
  if (r->pieces > 1) {
    r->part = cu_scratch(w, (size_t)r->work * sizeof(typename Run::Acc));
    if (!r->part) return TL_NOMEM;
    r->totals = 1;
    reason = columns ? CU_LAUNCH(w, scan_columns<Run>, dim3(blocks), dim3(threads), 0, *r)
                     : CU_LAUNCH(w, scan_totals<Run>, dim3(blocks), dim3(threads), 0, *r);
    r->totals = 0;
  }
  if (reason) return reason;
  return columns ? CU_LAUNCH(w, scan_columns<Run>, dim3(blocks), dim3(threads), 0, *r)
                 : CU_LAUNCH(w, scan_blocks<Run>, dim3(blocks), dim3(threads), 0, *r);
}

extern "C" int cu_scan (const tl_Cmd *c, cu_Work *w) {
  int best = c->op == TL_CUMMAX || c->op == TL_CUMMIN, last = c->narg - 1, d = c->ndim - 1, columns;
  const tl_Arg *x = &c->arg[last], *y = &c->arg[0];
  int half = c->out == TL_f16 || c->out == TL_bf16;
  Scan r;
  if (c->ndim != c->keep + 1) return TL_CANT;
  memset(&r, 0, sizeof r);
  r.x = (const char *)x->data;
  r.y = (char *)y->data;
  r.at = best ? (char *)c->arg[1].data : NULL;
  r.n = c->size[d];
  r.sx = x->stride[d];
  r.sy = y->stride[d];
  r.sat = best ? c->arg[1].stride[d] : 0;
  r.op = c->op;
  r.dx = x->dtype;
  r.dy = y->dtype;
  r.dat = c->arg[1].dtype;
  r.walk = cu_walk_of(c, 0, c->keep);
  if (last == 1)
    for (int k = 0; k < TL_MAXDIM; k++) {
      r.walk.stride[2][k] = r.walk.stride[1][k];
      r.walk.stride[1][k] = 0;
    }
  r.lines = r.walk.total;
  if (r.lines == 0 || r.n == 0) return TL_DONE;
  columns = r.n <= SHORT || (c->keep > 0 && c->size[d - 1] >= 4 && x->stride[d - 1] < (r.sx < 0 ? -r.sx : r.sx));
  r.vec = r.dx == TL_f32 && r.dy == TL_f32 && cu_lines_packed(c, 0, d) && cu_lines_packed(c, last, d);
  switch (c->dtype) {
    case TL_i64:
      return best ? start<Best<int64_t> >(&r, w, columns) : start<Running<int64_t, int64_t> >(&r, w, columns);
    case TL_f64:
      return best ? start<Best<double> >(&r, w, columns) : start<Running<double, double> >(&r, w, columns);
    case TL_f32:
      if (best) return start<Best<float> >(&r, w, columns);
      return half ? start<Running<float, float> >(&r, w, columns) : start<Running<float, double> >(&r, w, columns);
    default: return TL_CANT;
  }
}
