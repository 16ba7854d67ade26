/*
** scatter.cu -- table[index] op= values, the same from run to run, and element after element as the CPU.
**
** Places of the table get their values in the order of the walk, whatever thread brings them:
**   lines    dims along which the table does not move hold the indices that compete for a place.  Where they are
**            short, a thread walks them for one coordinate of the others, which no other thread's places meet.
**   winners  SET keeps the last value of a place: an integer maximum per place finds it.
**   sorted   else (place, position) pairs are sorted, stably, and one thread per place takes its values in order;
**            where they are many, 64 at a time by other threads, put together after (products of floats are not:
**            a part may overflow where the whole does not).
** Dims along which the index is one and the table moves ("riders": the columns of an embedding) are left out of
** the pairs: every pair serves all of them.  A bad index is told (index.cuh) and skipped.
*/
#include "index.cuh"
#include "sort.cuh"

enum {
  SHORT = 64,                                /* a line that one thread walks */
  CHUNK = 64, FIRST = 4                      /* sorted values; chunks that a place's first thread takes */
};

/* ------------------------------------------------------------------ elements */

template <int D> struct Element;             /* the type in memory and the type it computes in */
#define ELEMENT(D, T, C)  template <> struct Element<D> { typedef T type; typedef C compute; }
ELEMENT(TL_f32, float, float);
ELEMENT(TL_f64, double, double);
ELEMENT(TL_f16, uint16_t, float);
ELEMENT(TL_bf16, uint16_t, float);
ELEMENT(TL_u8, uint8_t, uint32_t);
ELEMENT(TL_i8, int8_t, uint32_t);
ELEMENT(TL_i16, int16_t, uint32_t);
ELEMENT(TL_i32, int32_t, uint32_t);
ELEMENT(TL_i64, int64_t, uint64_t);
ELEMENT(TL_b8, uint8_t, uint8_t);

template <class T, class C> static __device__ __forceinline__ T simple (int op, T x, T y) {
  switch (op) {
    case TL_SCATTER_ADD: return (T)((C)x + (C)y);
    case TL_SCATTER_MUL: return (T)((C)x * (C)y);
    case TL_SCATTER_MIN: return y < x || y != y ? y : x;
    case TL_SCATTER_MAX: return y > x || y != y ? y : x;
    default: return y;
  }
}

template <int D> static __device__ __forceinline__ typename Element<D>::type
combine (int op, typename Element<D>::type x, typename Element<D>::type y) {
  typedef typename Element<D>::type T;
  if (op == TL_SCATTER_SET) return y;
  if constexpr (D == TL_b8) return op == TL_SCATTER_ADD || op == TL_SCATTER_MAX ? x | y : x & y;
  else if constexpr (D == TL_f16) return cu_f16_down(simple<float, float>(op, cu_f16_up(x), cu_f16_up(y)));
  else if constexpr (D == TL_bf16) return cu_bf16_down(simple<float, float>(op, cu_bf16_up(x), cu_bf16_up(y)));
  else return simple<T, typename Element<D>::compute>(op, x, y);
}

/* an element of dtype `from` as one of dtype `to`: where the values are not of the table's dtype */
static __device__ __attribute__((noinline)) void convert (int from, int to, void *cell, const void *p) {
  cu_Number n = cu_number_at(from, p);
  if (n.real) cu_store(to, cell, n.f);
  else cu_store(to, cell, n.i);
}

typedef struct Values {
  const char *data;                          /* NULL: all are `number` */
  int dtype, table;
  uint64_t number;                           /* its bits in the table's dtype */
} Values;

template <int D> static __device__ __forceinline__ typename Element<D>::type value (const Values &v, int64_t offset) {
  typename Element<D>::type x;
  if (!v.data) memcpy(&x, &v.number, sizeof x);
  else if (v.dtype == D) x = *(const typename Element<D>::type *)(v.data + offset);
  else {                                     /* a variable of its own: one with an address lies in memory */
    typename Element<D>::type converted;
    convert(v.dtype, D, &converted, v.data + offset);
    x = converted;
  }
  return x;
}

/* ------------------------------------------------------------------ lines */

/* own: the dims in which they start; line: those along them */
template <int D> static __global__ void __launch_bounds__(256)
lines (cu_Walk own, cu_Walk line, cu_Rule r, int op, char *table, Values v, const char *index) {
  typedef typename Element<D>::type T;
  for (int64_t i = cu_first(); i < own.total; i += cu_stride()) {
    int64_t start[3], along[3] = { 0, 0, 0 };
    cu_offsets(own, i, start);
    for (int64_t k = 0; k < line.total; k++) {
      int64_t at;
      T *p;
      if (k) cu_offsets(line, k, along);
      at = cu_place(r, index + start[2] + along[2]);
      if (at < 0) continue;
      p = (T *)(table + start[0] + at * r.step);
      *p = combine<D>(op, *p, value<D>(v, start[1] + along[1]));
    }
  }
}

/* ------------------------------------------------------------------ pairs */

typedef struct Pairs {                       /* places are numbered, an element apart */
  cu_Walk walk, riders;
  int64_t lowest, places;                    /* byte offset of place 0; places itself is the key of a bad index */
  int width, wide;
  int64_t first;                             /* chunks that a place's first thread takes */
} Pairs;

static __global__ void __launch_bounds__(256) make_keys (Pairs q, cu_Rule r, const char *index, void *keys) {
  for (int64_t i = cu_first(); i < q.walk.total; i += cu_stride()) {
    int64_t offset[3], at;
    uint64_t key;
    cu_offsets(q.walk, i, offset);
    at = cu_place(r, index + offset[2]);
    key = (uint64_t)(at < 0 ? q.places : (offset[0] + at * r.step - q.lowest) / q.width);
    if (q.wide) ((uint64_t *)keys)[i] = key;
    else ((uint32_t *)keys)[i] = (uint32_t)key;
  }
}

/* the pair and the rider of the i-th of both */
static __device__ __forceinline__ int64_t split (const Pairs &q, int64_t i, int64_t *rider) {
  int64_t j = q.riders.total == 1 ? i : i < UINT32_MAX && q.riders.total < UINT32_MAX
              ? (int64_t)((uint32_t)i / (uint32_t)q.riders.total) : i / q.riders.total;
  *rider = i - j * q.riders.total;
  return j;
}

/* does chunk k, behind another, begin with values that a place's first thread leaves to others?  Keys ascend. */
static __device__ __forceinline__ int is_left (const Pairs &q, const cu_Sorted &s, int64_t k, uint64_t key) {
  int64_t last = (k + 1 - q.first) * CHUNK - 1;
  return last >= 0 && cu_sorted(s.keys, s.wide, last) == key;
}

template <int D> static __global__ void __launch_bounds__(256)
fold (Pairs q, cu_Sorted s, int op, char *table, Values v, void *parts) {
  typedef typename Element<D>::type T;
  for (int64_t i = cu_first(); i < q.walk.total * q.riders.total; i += cu_stride()) {
    int64_t rider, ride[2], j = split(q, i, &rider), chunk = j / CHUNK, end;
    uint64_t key = cu_sorted(s.keys, s.wide, j);
    int first = j == 0 || cu_sorted(s.keys, s.wide, j - 1) != key;
    T *p, x;
    if (key == (uint64_t)q.places || (!first && (j % CHUNK || !is_left(q, s, chunk, key)))) continue;
    end = (chunk + (first ? q.first : 1)) * CHUNK;
    if (end > q.walk.total) end = q.walk.total;
    cu_offsets(q.riders, rider, ride);
    p = first ? (T *)(table + q.lowest + (int64_t)key * q.width + ride[0])
              : (T *)parts + chunk * q.riders.total + rider;
    if (first) x = *p;
    else x = value<D>(v, ride[1] + cu_offset(q.walk, 1, (int64_t)cu_sorted(s.order, s.wide, j++)));
    for (int more = 1; more; j += 4) {       /* four at a time: their loads don't wait for each other */
      T y[4];
      int in[4];
#pragma unroll
      for (int k = 0; k < 4; k++) {
        in[k] = j + k < end && cu_sorted(s.keys, s.wide, j + k) == key;
        if (in[k]) y[k] = value<D>(v, ride[1] + cu_offset(q.walk, 1, (int64_t)cu_sorted(s.order, s.wide, j + k)));
      }
#pragma unroll
      for (int k = 0; k < 4; k++)
        if (in[k]) x = combine<D>(op, x, y[k]);
      more = in[3];
    }
    *p = x;
  }
}

/* the parts of a place, in order, to the place; one thread, that of the first part */
template <int D> static __global__ void __launch_bounds__(256)
join (Pairs q, cu_Sorted s, int op, char *table, const void *parts) {
  typedef typename Element<D>::type T;
  int64_t chunks = (q.walk.total - 1) / CHUNK;         /* that begin behind another */
  for (int64_t i = cu_first(); i < chunks * q.riders.total; i += cu_stride()) {
    int64_t rider, ride[2], k = split(q, i, &rider) + 1;
    uint64_t key = cu_sorted(s.keys, s.wide, k * CHUNK);
    T *p, x;
    if (key == (uint64_t)q.places || !is_left(q, s, k, key) || is_left(q, s, k - 1, key)) continue;
    cu_offsets(q.riders, rider, ride);
    p = (T *)(table + q.lowest + (int64_t)key * q.width + ride[0]);
    for (x = *p; k <= chunks && cu_sorted(s.keys, s.wide, k * CHUNK) == key; k++)
      x = combine<D>(op, x, ((const T *)parts)[k * q.riders.total + rider]);
    *p = x;
  }
}

/* SET: won[place] = 1 + the last position that goes there */
static __global__ void __launch_bounds__(256) find_winners (Pairs q, const uint32_t *keys, unsigned *won) {
  for (int64_t i = cu_first(); i < q.walk.total; i += cu_stride())
    if (keys[i] != (uint32_t)q.places) atomicMax(&won[keys[i]], (unsigned)i + 1);
}

template <int D> static __global__ void __launch_bounds__(256)
set_winners (Pairs q, const uint32_t *keys, const unsigned *won, char *table, Values v) {
  typedef typename Element<D>::type T;
  for (int64_t i = cu_first(); i < q.walk.total * q.riders.total; i += cu_stride()) {
    int64_t rider, ride[2], j = split(q, i, &rider);
    uint32_t key = keys[j];
    if (key == (uint32_t)q.places || won[key] != (unsigned)j + 1) continue;
    cu_offsets(q.riders, rider, ride);
    *(T *)(table + q.lowest + (int64_t)key * q.width + ride[0]) = value<D>(v, ride[1] + cu_offset(q.walk, 1, j));
  }
}

/* ------------------------------------------------------------------ on the host */

/* the walk over the dims d with take[d] */
static cu_Walk some (const tl_Cmd *c, const int *take) {
  cu_Walk w = cu_walk_of(c, 0, c->ndim);
  int n = 0;
  for (int d = 0; d < c->ndim; d++) {
    if (!take[d]) continue;
    w.size[n] = w.size[d];
    for (int k = 0; k < TL_MAXARG; k++) w.stride[k][n] = w.stride[k][d];
    n++;
  }
  w.ndim = n;
  cu_walk_finish(&w);
  return w;
}

#define EACH_DTYPE(dtype, DO) \
  switch (dtype) { \
    case TL_f32: return DO(TL_f32); \
    case TL_f64: return DO(TL_f64); \
    case TL_f16: return DO(TL_f16); \
    case TL_bf16: return DO(TL_bf16); \
    case TL_u8: return DO(TL_u8); \
    case TL_i8: return DO(TL_i8); \
    case TL_i16: return DO(TL_i16); \
    case TL_i32: return DO(TL_i32); \
    case TL_i64: return DO(TL_i64); \
    default: return DO(TL_b8); \
  }

/* places from q->lowest on, of which q->places can be met; 0: there is nothing to do */
static int count_places (Pairs *q, const cu_Rule *r) {
  int64_t high = (r->size - 1) * r->step;
  if (r->size <= 0) return 0;
  q->lowest = 0;
  if (high < 0) { q->lowest = high; high = 0; }
  for (int d = 0; d < q->walk.ndim; d++) {
    int64_t reach = (q->walk.size[d] - 1) * q->walk.stride[0][d];
    if (reach < 0) q->lowest += reach;
    else high += reach;
  }
  q->places = (high - q->lowest) / q->width + 1;
  return 1;
}

int cu_scatter (const tl_Cmd *c, cu_Work *w) {
  const tl_Arg *x = &c->arg[1];
  cu_Rule r = cu_rule_of(c, &c->arg[2], w);
  int dtype = c->arg[0].dtype, own[TL_MAXDIM], line[TL_MAXDIM], ride[TL_MAXDIM], pair[TL_MAXDIM], reason, bits = 0;
  char *table = (char *)c->arg[0].data, *index = (char *)c->arg[2].data;
  Values v = { (const char *)x->data, x->dtype, dtype, 0 };
  unsigned blocks, joins;
  cu_Sorted s;
  cu_Walk along;
  Pairs q;
  void *keys, *parts;
  if (cu_is_empty(c)) return TL_DONE;
  if (x->flags & TL_ARG_NUMBER) {
    v.data = NULL;
    if (cu_is_real(x->dtype)) cu_store(dtype, &v.number, x->num.f);
    else cu_store(dtype, &v.number, x->num.i);
  }
  for (int d = 0; d < c->ndim; d++) {
    own[d] = c->arg[0].stride[d] != 0 && c->size[d] > 1;
    line[d] = !own[d];
    ride[d] = own[d] && c->arg[2].stride[d] == 0;
    pair[d] = !ride[d];
  }
  along = some(c, line);
  if (along.total <= SHORT) {
    cu_Walk starts = some(c, own);
    blocks = cu_blocks(w, starts.total, 1);
#define LINES(D)  CU_LAUNCH(w, lines<D>, blocks, 256, 0, starts, along, r, c->op, table, v, index)
    EACH_DTYPE(dtype, LINES)
  }
  q.walk = some(c, pair);
  q.riders = some(c, ride);
  q.width = cu_width(dtype);
  if (!count_places(&q, &r)) {               /* no index is good: they are only told */
    q.lowest = q.places = 0;
    q.width = 1;
  }
  while (bits < 63 && q.places >> bits) bits++;
  q.wide = cu_sort_wide(q.walk.total, bits);
  keys = cu_scratch(w, (size_t)q.walk.total * (q.wide ? 8 : 4));
  if (!keys) return TL_NOMEM;
  reason = CU_LAUNCH(w, make_keys, cu_blocks(w, q.walk.total, 1), 256, 0, q, r, index, keys);
  if (reason || q.places == 0) return reason;
  blocks = cu_blocks(w, q.walk.total * q.riders.total, 1);
  if (c->op == TL_SCATTER_SET && !q.wide && q.walk.total < UINT32_MAX && q.places <= 16 * q.walk.total) {
    unsigned *won = (unsigned *)cu_scratch(w, (size_t)q.places * sizeof *won);
    if (!won) return TL_NOMEM;
    reason = cu_check(w, cudaMemsetAsync(won, 0, (size_t)q.places * sizeof *won, w->stream), "cudaMemsetAsync");
    if (!reason)
      reason = CU_LAUNCH(w, find_winners, cu_blocks(w, q.walk.total, 1), 256, 0, q, (const uint32_t *)keys, won);
    if (reason) return reason;
#define WINNERS(D)  CU_LAUNCH(w, set_winners<D>, blocks, 256, 0, q, (const uint32_t *)keys, won, table, v)
    EACH_DTYPE(dtype, WINNERS)
  }
  parts = cu_scratch(w, (size_t)(q.walk.total / CHUNK + 1) * (size_t)q.riders.total * (size_t)q.width);
  if (!parts) return TL_NOMEM;
  reason = cu_sort(w, q.walk.total, bits, q.wide, keys, &s);
  if (reason) return reason;
  q.first = c->op == TL_SCATTER_MUL && cu_is_real(dtype) ? INT64_MAX / CHUNK / 2 : (int64_t)FIRST;
#define FOLD(D)  (reason = CU_LAUNCH(w, fold<D>, blocks, 256, 0, q, s, c->op, table, v, parts)) ? reason : \
                 CU_LAUNCH(w, join<D>, joins, 256, 0, q, s, c->op, table, parts)
  joins = cu_blocks(w, (q.walk.total - 1) / CHUNK * q.riders.total, 1);
  EACH_DTYPE(dtype, FOLD)
}
