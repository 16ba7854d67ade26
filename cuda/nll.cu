/*
** nll.cu -- negative log likelihood of labelled rows.
**
** A thread a row.  Sums go over threads, warps and blocks in a fixed order; more than one block leaves its sums
** in scratch memory for a second kernel of one block.  A label that is no class is told in the fault word and
** its row counts as ignored.
*/
#include "lanes.cuh"

enum { BLOCK = 256, ROWS = 8 };              /* ROWS: of a thread at least, before a second block starts */

typedef struct Nll {
  const char *scores, *labels, *weights, *g, *total;
  char *y, *whole;                           /* y: losses, the loss, or the scores' slope; whole: the total weight */
  cu_Walk walk;                              /* the rows: of y or g, scores, labels, in this order */
  int64_t classes, step, ignore, base;
  int mean, dscore, dlabel, dweight, dy, dg, dwhole;
  void *part;                                /* Sums of every block; NULL: there is one block */
  int blocks;
  cu_Fault *fault;
  uint64_t what;
} Nll;

/* the class of a label, from 0; -1: no class */
CU_FN int64_t class_of (const Nll &r, int64_t offset) {
  int64_t v = cu_load<int64_t>(r.dlabel, r.labels + offset);
  if (v == r.ignore) return -1;
  if ((uint64_t)v - (uint64_t)r.base >= (uint64_t)r.classes) {
    cu_fault(r.fault, r.what, TL_BADINDEX, v, r.classes, -1);
    return -1;
  }
  return v - r.base;
}
template <class T> CU_FN T weight_of (const Nll &r, int64_t k) {
  return r.weights ? cu_load<T>(r.dweight, r.weights + k * cu_width(r.dweight)) : 1;
}

template <class T> __global__ void __launch_bounds__(BLOCK) nll_each (const Nll r) {
  for (int64_t i = cu_first(); i < r.walk.total; i += cu_stride()) {
    int64_t offset[3], k;
    T y = 0;
    cu_offsets(r.walk, i, offset);
    k = class_of(r, offset[2]);
    if (k >= 0) y = -cu_load<T>(r.dscore, r.scores + offset[1] + k * r.step) * weight_of<T>(r, k);
    cu_store(r.dy, r.y + offset[0], y);
  }
}

template <class T> __global__ void __launch_bounds__(BLOCK) nll_back (const Nll r) {
  for (int64_t i = cu_first(); i < r.walk.total; i += cu_stride()) {
    int64_t offset[3], k;
    cu_offsets(r.walk, i, offset);
    k = class_of(r, offset[2]);
    if (k >= 0) {
      T g = cu_load<T>(r.dg, r.g + offset[0]);
      if (r.total) g = g / cu_load<T>(r.dwhole, r.total);
      cu_store(r.dscore, r.y + offset[1] + k * r.step, weight_of<T>(r, k) * -g);
    }
  }
}

/* ---- the sums ---- */

template <class T> struct Sums { T loss, weight; int64_t counted; };   /* weight: where there are weights */

template <class T> CU_FN void join (Sums<T> &a, const Sums<T> &b) {
  a.loss += b.loss;
  a.weight += b.weight;
  a.counted += b.counted;
}

/* thread 0 gets what the block has together */
template <class T> CU_FN void together (Sums<T> &s, Sums<T> *room) {
#pragma unroll 1
  for (int by = 1; by < 32; by *= 2) join(s, cu_shuffle_down(s, by, 32));
  if (blockDim.x == 32) return;
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = s;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int q = 1; q < (int)blockDim.x / 32; q++) join(s, room[q]);
}

template <class T> CU_FN void settle (const Nll &r, const Sums<T> &s) {
  T whole = r.weights ? s.weight : (T)s.counted;
  cu_store(r.dy, r.y, r.mean ? s.loss / whole : s.loss);
  cu_store(r.dwhole, r.whole, whole);
}

template <class T> __global__ void __launch_bounds__(BLOCK) nll_sum (const Nll r) {
  typedef Sums<T> S;
  CU_SHARED(S, room, BLOCK / 32);
  S s = { 0, 0, 0 };
  for (int64_t i = cu_first(); i < r.walk.total; i += cu_stride()) {
    int64_t offset[3], k;
    cu_offsets(r.walk, i, offset);
    k = class_of(r, offset[2]);
    if (k >= 0) {
      T f = weight_of<T>(r, k);
      s.loss -= cu_load<T>(r.dscore, r.scores + offset[1] + k * r.step) * f;
      s.weight += f;
      s.counted++;
    }
  }
  together(s, room);
  if (threadIdx.x != 0) return;
  if (r.part) ((S *)r.part)[blockIdx.x] = s;
  else settle(r, s);
}

template <class T> __global__ void __launch_bounds__(BLOCK) nll_blocks (const Nll r) {
  typedef Sums<T> S;
  CU_SHARED(S, room, BLOCK / 32);
  S s = { 0, 0, 0 };
  for (int i = (int)threadIdx.x; i < r.blocks; i += (int)blockDim.x) join(s, ((const S *)r.part)[i]);
  together(s, room);
  if (threadIdx.x == 0) settle(r, s);
}

/* ---- the host's side ---- */

template <class T> static int sums (Nll *r, cu_Work *w) {
  int64_t n = r->walk.total, most = (int64_t)w->processors * 4, blocks = cu_over(n, BLOCK * ROWS);
  unsigned threads = cu_threads(n > 0 ? n : 1, BLOCK);
  int reason;
  if (blocks > most) blocks = most;
  if (blocks < 1) blocks = 1;
  r->blocks = (int)blocks;
  if (blocks > 1) {
    r->part = cu_scratch(w, (size_t)blocks * sizeof(Sums<T>));
    if (!r->part) return TL_NOMEM;
  }
  reason = CU_LAUNCH(w, nll_sum<T>, dim3((unsigned)blocks), dim3(threads), 0, *r);
  if (reason || blocks == 1) return reason;
  return CU_LAUNCH(w, nll_blocks<T>, dim3(1), dim3(blocks <= 32 ? 32u : (unsigned)BLOCK), 0, *r);
}

template <class T> static int start (Nll *r, cu_Work *w, int op) {
  dim3 grid(cu_blocks(w, r->walk.total, 1)), block(cu_threads(r->walk.total, BLOCK));
  if (op == TL_NLL_NONE) return CU_LAUNCH(w, nll_each<T>, grid, block, 0, *r);
  if (op == TL_NLL_BACK) return CU_LAUNCH(w, nll_back<T>, grid, block, 0, *r);
  return sums<T>(r, w);
}

extern "C" int cu_nll (const tl_Cmd *c, cu_Work *w) {
  int two = c->op == TL_NLL_SUM || c->op == TL_NLL_MEAN, back = c->op == TL_NLL_BACK;
  int scores = back ? 0 : two ? 2 : 1, labels = two ? 3 : 2, first = back ? 1 : 0;
  Nll r;
  if (c->dtype != TL_f32 && c->dtype != TL_f64) return TL_CANT;
  memset(&r, 0, sizeof r);
  r.walk = cu_walk_of(c, 0, c->ndim);
  for (int d = 0; d < TL_MAXDIM; d++) {
    int64_t s0 = r.walk.stride[first][d], s1 = r.walk.stride[scores][d], s2 = r.walk.stride[labels][d];
    r.walk.stride[0][d] = s0;
    r.walk.stride[1][d] = s1;
    r.walk.stride[2][d] = s2;
  }
  cu_walk_merge(&r.walk, 3);
  if (r.walk.total == 0 && !two) return TL_DONE;
  r.scores = (const char *)c->arg[scores].data;
  r.labels = (const char *)c->arg[labels].data;
  r.weights = c->p[4].i ? (const char *)c->arg[labels + 1].data : NULL;
  r.g = back ? (const char *)c->arg[1].data : NULL;
  r.y = (char *)c->arg[0].data;
  r.whole = two ? (char *)c->arg[1].data : NULL;
  r.total = back && c->p[5].i ? (const char *)c->arg[4].data : NULL;
  r.classes = c->p[0].i;
  r.step = c->p[1].i;
  r.ignore = c->p[2].i;
  r.base = c->p[3].i;
  r.mean = c->op == TL_NLL_MEAN;
  r.dscore = c->arg[scores].dtype;
  r.dlabel = c->arg[labels].dtype;
  r.dweight = r.weights ? c->arg[labels + 1].dtype : c->dtype;
  r.dy = c->arg[0].dtype;
  r.dg = c->arg[1].dtype;
  r.dwhole = two ? c->arg[1].dtype : r.total ? c->arg[4].dtype : c->dtype;
  r.fault = w->fault;
  r.what = w->what;
  return c->dtype == TL_f32 ? start<float>(&r, w, c->op) : start<double>(&r, w, c->op);
}
