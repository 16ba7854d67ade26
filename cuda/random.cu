/*
** random.cu -- every distribution in the order of PyTorch's CUDA generator.
**
** Blocks of 256, no more of them than can be resident: so large tensors depend on the card, as there.  With T
** threads in all, thread t draws 4 floats (or 2 doubles or 64-bit integers) a round; the k-th of round r is element
** t + T * (k + 4 r), counted in memory order.  What 32-bit offsets can't reach is cut in halves, largest dim
** first, and each part drawn by itself.  The state is read on the device, and a last kernel of one thread adds what
** was used: replays of a graph go on with the stream.
*/
#include "philox.cuh"
#include "sort.cuh"
#include "vector.cuh"
#include "walk.cuh"

enum { FLOATS, DOUBLES, NORMALS, WIDE_NORMALS, WORDS, WIDE_WORDS };      /* what is drawn */

typedef struct Draw {
  tl_PhiloxState *state;
  uint64_t skip;                             /* used by the parts before */
  uint64_t used;                             /* of all; added here by the only block there is, else 0 */
  char *data;
  int dtype, op;
  double a, b;                               /* p[0], p[1] */
  int64_t from;
  uint64_t range;
  cu_Walk walk;                              /* operand 0 */
} Draw;

/* ------------------------------------------------------------------ from draws to values */

static __device__ __forceinline__ float round_half (int dtype, float v) { return cu_round(dtype, v); }

/* PyTorch turns (0, 1] around: what would be `to` is `from` */
static __device__ __forceinline__ float spread (const Draw &j, float u) {
  float from = round_half(j.dtype, (float)j.a), to = round_half(j.dtype, (float)j.b);
  float v = round_half(j.dtype, fmaf(u, round_half(j.dtype, to - from), from));
  return v == to ? from : v;
}
static __device__ __forceinline__ double spread (const Draw &j, double u) {
  double v = fma(u, j.b - j.a, j.a);
  return v == j.b ? j.a : v;
}

static __device__ __forceinline__ float log_of (float x) { return cu_fast_log(x); }
static __device__ __forceinline__ double log_of (double x) { return log(x); }
static __device__ __forceinline__ float log1p_of (float x) { return cu_fast_log(1.0f + x); }
static __device__ __forceinline__ double log1p_of (double x) { return log1p(x); }
static __device__ __forceinline__ float up_of (float x) { return ceilf(x); }
static __device__ __forceinline__ double up_of (double x) { return ceil(x); }

static __device__ __forceinline__ float cauchy (float u, float median, float sigma) {
  const float least = 0x1p-23f;              /* the fast tangent overflows nearer to the ends */
  u = u > 1 - least ? 1 - least : u;
  u = u < least ? least : u;
  return fmaf(sigma, cu_fast_tan(3.14159265358979323846f * (u - 0.5f)), median);
}
static __device__ __forceinline__ double cauchy (double u, double median, double sigma) {
  return fma(sigma, tan(3.14159265358979323846 * (u - 0.5)), median);
}

/* tiny: half the distance from 1 to the next number; log(1) would be 0 */
template <class T> static __device__ __forceinline__ T exponential (T u, T rate, T tiny) {
  T l = u >= 1 - tiny ? -tiny : log_of(u);
  return (T)-1 / rate * l;
}

template <class T> static __device__ __forceinline__ void put (const Draw &j, int64_t i, T u, T tiny) {
  char *p = j.data + cu_offset(j.walk, 0, i);
  switch (j.op) {
    case TL_UNIFORM: cu_store(j.dtype, p, spread(j, u)); break;
    case TL_BERNOULLI: cu_store(j.dtype, p, (int32_t)(u < (T)j.a)); break;
    case TL_EXPONENTIAL: cu_store(j.dtype, p, exponential(u, (T)j.a, tiny)); break;
    case TL_GEOMETRIC: cu_store(j.dtype, p, up_of(log_of(u) / log1p_of(-(T)j.a))); break;
    default: cu_store(j.dtype, p, cauchy(u, (T)j.a, (T)j.b)); break;
  }
}

static __device__ __forceinline__ void put_normal (const Draw &j, int64_t i, float z) {
  float v = fmaf(z, (float)j.b, (float)j.a);
  cu_store(j.dtype, j.data + cu_offset(j.walk, 0, i), j.op == TL_LOG_NORMAL ? cu_fast_exp(v) : v);
}
static __device__ __forceinline__ void put_normal (const Draw &j, int64_t i, double z) {
  double v = fma(z, j.b, j.a);
  cu_store(j.dtype, j.data + cu_offset(j.walk, 0, i), j.op == TL_LOG_NORMAL ? exp(v) : v);
}

static __device__ __forceinline__ void put_word (const Draw &j, int64_t i, uint64_t v) {
  if (j.range) v = (v | j.range) >> 32 ? v % j.range : (uint32_t)v % (uint32_t)j.range;
  cu_store(j.dtype, j.data + cu_offset(j.walk, 0, i), (int64_t)(v + (uint64_t)j.from));
}

template <int KIND> static __global__ void __launch_bounds__(256) draw (Draw j) {
  enum { N = KIND == FLOATS || KIND == NORMALS || KIND == WORDS ? 4 : 2 };
  uint64_t seed = j.state->seed, counter = (j.state->offset + j.skip) >> 2;
  int64_t total = cu_stride(), n = j.walk.total, t = cu_first();
  for (int64_t i = t; i < n; i += total * N, counter++) {
    uint4 v = cu_philox(seed, counter, (uint64_t)t);
    if (KIND == FLOATS || KIND == WORDS) {
      uint32_t word[4] = { v.x, v.y, v.z, v.w };
#pragma unroll
      for (int k = 0; k < 4; k++) {
        if (i + k * total >= n) break;
        if (KIND == WORDS) put_word(j, i + k * total, word[k]);
        else if (j.op == TL_DROPOUT)
          cu_store(j.dtype, j.data + cu_offset(j.walk, 0, i + k * total),
                   (j.dtype == TL_f64 ? cu_unit(word[k]) < j.a : cu_unit(word[k]) < (float)j.a) ? j.b : 0.0);
        else put(j, i + k * total, cu_unit(word[k]), 0x1p-24f);
      }
    }
    else if (KIND == NORMALS) {
      float z[4];
      cu_normal(v.x, v.y, &z[0], &z[1]);
      cu_normal(v.z, v.w, &z[2], &z[3]);
#pragma unroll
      for (int k = 0; k < 4; k++)
        if (i + k * total < n) put_normal(j, i + k * total, z[k]);
    }
    else {
      double z[2];
      if (KIND == WIDE_NORMALS) cu_normal(v, &z[0], &z[1]);
#pragma unroll
      for (int k = 0; k < 2; k++) {
        if (i + k * total >= n) break;
        if (KIND == WIDE_NORMALS) put_normal(j, i + k * total, z[k]);
        else if (KIND == DOUBLES) put(j, i + k * total, k ? cu_unit(v.z, v.w) : cu_unit(v.x, v.y), 0x1p-53);
        else put_word(j, i + k * total, k ? (uint64_t)v.z << 32 | v.w : (uint64_t)v.x << 32 | v.y);
      }
    }
  }
  if (j.used) {
    __syncthreads();                         /* all have read the state */
    if (threadIdx.x == 0) cu_advance(j.state, j.used);
  }
}

static __global__ void advance (tl_PhiloxState *s, uint64_t used) { cu_advance(s, used); }

/* ------------------------------------------------------------------ the other layouts */

/* four neighbours a thread, each with a probability of its own; operand 2 is the probability */
static __global__ void __launch_bounds__(256)
draw_chances (Draw j, const char *chance, int dtype, cu_Fault *fault, uint64_t what) {
  uint64_t seed = j.state->seed, counter = j.state->offset >> 2;
  for (int64_t t = cu_first(); t * 4 < j.walk.total; t += cu_stride()) {
    uint4 v = cu_philox(seed, counter, (uint64_t)t);
    uint32_t word[4] = { v.x, v.y, v.z, v.w };
#pragma unroll
    for (int k = 0; k < 4; k++) {
      int64_t i = t * 4 + k;
      if (i >= j.walk.total) break;
      double p = cu_load<double>(dtype, chance + cu_offset(j.walk, 2, i));
      if (!(p >= 0 && p <= 1)) cu_fault(fault, what, TL_BADVALUE, p != p ? 0 : p < 0 ? -1 : 2, 1, 0);
      if (j.dtype != TL_f64) p = (double)(float)p;
      cu_store(j.dtype, j.data + cu_offset(j.walk, 0, i), (int32_t)((double)cu_unit(word[k]) <= p));
    }
  }
}

/* dropout of packed numbers: `wide` neighbours a thread and round, 8 by two draws; fours: stored four at once */
static __global__ void __launch_bounds__(256) drop (Draw j, int wide, int fours) {
  uint64_t seed = j.state->seed, counter = (j.state->offset + j.skip) >> 2;
  int64_t total = cu_stride() * wide, t = cu_first();
  int bytes = cu_width(j.dtype);
  for (int64_t i = t * wide; i < j.walk.total; i += total)
    for (int h = 0; h < wide; h += 4, counter++) {
      uint4 v = cu_philox(seed, counter, (uint64_t)t);
      uint32_t word[4] = { v.x, v.y, v.z, v.w };
      if (fours) {                           /* no float64: two of those make 16 bytes */
        float m[4];
#pragma unroll
        for (int k = 0; k < 4; k++) m[k] = cu_unit(word[k]) < (float)j.a ? (float)j.b : 0.0f;
        cu_store_vector(j.dtype, j.data + (i + h) * bytes, m);
        continue;
      }
#pragma unroll
      for (int k = 0; k < 4; k++) {
        int keep = j.dtype == TL_f64 ? cu_unit(word[k]) < j.a : cu_unit(word[k]) < (float)j.a;
        if (h + k < wide) cu_store(j.dtype, j.data + (i + h + k) * bytes, keep ? j.b : 0.0);
      }
    }
}

/* keys to sort: 64 random bits each */
static __global__ void __launch_bounds__(256) draw_keys (const tl_PhiloxState *s, int64_t n, uint64_t *keys) {
  uint64_t seed = s->seed, counter = s->offset >> 2;
  for (int64_t t = cu_first(); t * 2 < n; t += cu_stride()) {
    uint4 v = cu_philox(seed, counter, (uint64_t)t);
    keys[t * 2] = (uint64_t)v.x << 32 | v.y;
    if (t * 2 + 1 < n) keys[t * 2 + 1] = (uint64_t)v.z << 32 | v.w;
  }
}

static __global__ void __launch_bounds__(256)
write_order (int64_t n, cu_Sorted s, int64_t base, int dtype, char *y, int64_t stride) {
  for (int64_t i = cu_first(); i < n; i += cu_stride())
    cu_store(dtype, y + i * stride, base + (int64_t)cu_sorted(s.order, s.wide, i));
}

/* ------------------------------------------------------------------ on the host */

/* blocks for n elements, how many a thread draws at once, and what it uses: PyTorch's rule */
static unsigned blocks_for (const cu_Work *w, int64_t n) {
  int64_t blocks = (n + 255) / 256, most = (int64_t)w->processors * (w->threads / 256);
  return (unsigned)(blocks < most ? blocks : most);
}
static int each_round (int kind) { return kind == FLOATS || kind == NORMALS || kind == WORDS ? 4 : 2; }
static uint64_t used_by (int64_t n, unsigned blocks, int each) {
  return ((uint64_t)(n - 1) / ((uint64_t)blocks * 256 * (uint64_t)each) + 1) * 4;
}

static int start (cu_Work *w, int kind, const Draw *j, unsigned blocks) {
  switch (kind) {
    case FLOATS: return CU_LAUNCH(w, draw<FLOATS>, blocks, 256, 0, *j);
    case DOUBLES: return CU_LAUNCH(w, draw<DOUBLES>, blocks, 256, 0, *j);
    case NORMALS: return CU_LAUNCH(w, draw<NORMALS>, blocks, 256, 0, *j);
    case WIDE_NORMALS: return CU_LAUNCH(w, draw<WIDE_NORMALS>, blocks, 256, 0, *j);
    case WORDS: return CU_LAUNCH(w, draw<WORDS>, blocks, 256, 0, *j);
    default: return CU_LAUNCH(w, draw<WIDE_WORDS>, blocks, 256, 0, *j);
  }
}

static int parts (cu_Work *w, int kind, Draw *j, cu_Walk walk, char *data) {
  int longest = 0, reason;
  int64_t reach = 1, most = -1, half, step;
  for (int d = 0; d < walk.ndim; d++) {
    int64_t r = (walk.size[d] - 1) * (walk.stride[0][d] < 0 ? -walk.stride[0][d] : walk.stride[0][d]);
    reach += r;
    if (r > most) { most = r; longest = d; }
  }
  if (walk.total <= INT32_MAX && reach <= INT32_MAX) {
    unsigned blocks = blocks_for(w, walk.total);
    uint64_t used = used_by(walk.total, blocks, each_round(kind));
    j->used = blocks == 1 && j->skip == 0 ? used : 0;
    j->walk = walk;
    j->data = data;
    reason = start(w, kind, j, blocks);
    j->skip += used;
    return reason;
  }
  half = walk.size[longest] / 2;
  step = half * walk.stride[0][longest];
  walk.size[longest] -= half;
  {
    cu_Walk first = walk;
    first.size[longest] = half;
    cu_walk_finish(&first);
    reason = parts(w, kind, j, first, data);
  }
  cu_walk_finish(&walk);
  return reason ? reason : parts(w, kind, j, walk, data + step);
}

/* the whole tensor is counted even where only its parts are drawn */
static int draw_all (cu_Work *w, int kind, Draw *j) {
  cu_Walk walk = j->walk;
  int64_t reach = 1;
  int reason;
  for (int d = 0; d < walk.ndim; d++) reach += (walk.size[d] - 1) * walk.stride[0][d];
  if (walk.total > INT32_MAX || reach > INT32_MAX)
    j->skip = used_by(walk.total, blocks_for(w, walk.total), each_round(kind));
  reason = parts(w, kind, j, walk, j->data);
  if (reason || j->used) return reason;
  return CU_LAUNCH(w, advance, 1, 1, 0, j->state, j->skip);
}

static int permute (const tl_Cmd *c, cu_Work *w, tl_PhiloxState *state) {
  int64_t n = c->size[0];
  uint64_t *keys = (uint64_t *)cu_scratch(w, (size_t)n * sizeof *keys);
  unsigned blocks = cu_blocks(w, n, 2);
  cu_Sorted s;
  int reason;
  if (!keys) return TL_NOMEM;
  reason = CU_LAUNCH(w, draw_keys, blocks, 256, 0, state, n, keys);
  if (!reason) reason = CU_LAUNCH(w, advance, 1, 1, 0, state, (uint64_t)4);
  if (!reason) reason = cu_sort(w, n, 64, 1, keys, &s);
  return reason ? reason : CU_LAUNCH(w, write_order, cu_blocks(w, n, 1), 256, 0, n, s, c->p[0].i, c->arg[0].dtype,
                                     (char *)c->arg[0].data, c->arg[0].stride[0]);
}

/* how many neighbours PyTorch's dropout gives a thread: as many as 16 bytes hold, the address allows and divide n */
static int dropout_width (const tl_Cmd *c, int64_t n) {
  int bytes = cu_width(c->arg[0].dtype), wide = 16 / bytes < 8 ? 16 / bytes : 8;
  const tl_Arg *x = c->narg > 2 && !c->arg[2].flags ? &c->arg[2] : &c->arg[0];
  if (c->ndim != 1 || c->arg[0].stride[0] != bytes || x->stride[0] != cu_width(x->dtype)) return 1;
  while (wide > 1 && ((size_t)x->data % (size_t)(wide * bytes) || n % wide)) wide /= 2;
  return wide;
}

static int dropout (const tl_Cmd *c, cu_Work *w, Draw *j) {
  int wide = dropout_width(c, j->walk.total), reason;
  int fours = wide >= 4 && cu_aligned(j->data, cu_width(j->dtype), 4);
  unsigned blocks = blocks_for(w, j->walk.total);
  reason = wide == 1 ? start(w, FLOATS, j, blocks) : CU_LAUNCH(w, drop, blocks, 256, 0, *j, wide, fours);
  return reason ? reason : CU_LAUNCH(w, advance, 1, 1, 0, j->state, used_by(j->walk.total, blocks, 4));
}

int cu_random (const tl_Cmd *c, cu_Work *w) {
  Draw j = {};
  int wide = c->arg[0].dtype == TL_f64;
  j.state = (tl_PhiloxState *)c->arg[1].data;
  j.data = (char *)c->arg[0].data;
  j.dtype = c->arg[0].dtype;
  j.op = c->op;
  j.a = c->p[0].f;
  j.b = c->p[1].f;
  j.walk = cu_walk_of(c, 0, c->ndim);
  if (j.walk.total == 0) return TL_DONE;
  switch (c->op) {
    case TL_UNIFORM: case TL_EXPONENTIAL: case TL_GEOMETRIC: case TL_CAUCHY:
      return draw_all(w, wide ? DOUBLES : FLOATS, &j);
    case TL_NORMAL: case TL_NORMAL_EACH: case TL_LOG_NORMAL: return draw_all(w, wide ? WIDE_NORMALS : NORMALS, &j);
    case TL_INTEGER:
      j.range = c->p[1].u;
      j.from = j.range ? c->p[0].i : 0;
      return draw_all(w, c->p[2].i || j.range == 0 ? WIDE_WORDS : WORDS, &j);
    case TL_BERNOULLI: {
      const tl_Arg *p = &c->arg[2];
      int reason, each = c->narg > 2 && !(p->flags & TL_ARG_ABSENT);
      if (each && p->flags & TL_ARG_NUMBER) j.a = p->num.f;
      if (!each || p->flags & TL_ARG_NUMBER) return draw_all(w, wide ? DOUBLES : FLOATS, &j);
      reason = CU_LAUNCH(w, draw_chances, cu_blocks(w, j.walk.total, 4), 256, 0, j, (const char *)p->data, p->dtype,
                         w->fault, w->what);
      return reason ? reason : CU_LAUNCH(w, advance, 1, 1, 0, j.state, (uint64_t)12);
    }
    case TL_DROPOUT: return dropout(c, w, &j);
    case TL_PERMUTATION: return c->ndim == 1 ? permute(c, w, j.state) : TL_CANT;
    default: return TL_CANT;
  }
}
