/*
** copy.cu -- TL_FILL and TL_COPY.
**
** Between equal dtypes an element is so many bytes: runs that are packed on both sides are moved in the largest
** units (up to 16 bytes) that sizes, strides and addresses allow, whatever the dtype; a source that is packed along
** another dim than the result goes through square tiles in shared memory, so that both sides are read and written
** in runs.  Other pairs convert, four packed elements at a time, or one by one at any strides.
*/
#include "launch.h"
#include "vector.cuh"
#include "walk.cuh"

/* ---- moves ---- */

template <class U> static __global__ void move_units (const cu_Walk walk, char *to, const char *from) {
  for (int64_t i = cu_first(); i < walk.total; i += cu_stride()) {
    int64_t offset[2];
    cu_offsets(walk, i, offset);
    *(U *)(to + offset[0]) = *(const U *)(from + offset[1]);
  }
}

#define TILE 32
#define ROWS 8                 /* of a tile that a block's 256 threads do at once */

typedef struct Tiles {
  cu_Walk walk;                /* the dims outside of the pair */
  int64_t rows, columns, down, across, to_row, to_column, from_row, from_column;     /* down, across: tiles */
} Tiles;

/* the source is packed along rows, the result along columns: element (r, c); fewer than 2^31 tiles, so that they divide fast */
template <class U> static __global__ void __launch_bounds__(TILE * ROWS) move_tiles (const Tiles t, char *to, const char *from) {
  CU_SHARED(U, tile, TILE * (TILE + 1));           /* a column more, so that columns fall in different banks */
  const int x = threadIdx.x % TILE, y = threadIdx.x / TILE;
  const uint32_t across = (uint32_t)t.across, each = (uint32_t)t.down * across, all = each * (uint32_t)t.walk.total;
  for (uint32_t i = blockIdx.x; i < all; i += gridDim.x) {
    const uint32_t item = i / each, at = i - item * each, down = at / across;
    const int64_t r0 = (int64_t)down * TILE, c0 = (int64_t)(at - down * across) * TILE;
    int64_t offset[2];
    cu_offsets(t.walk, item, offset);
#pragma unroll
    for (int k = 0; k < TILE; k += ROWS)
      if (r0 + x < t.rows && c0 + y + k < t.columns)
        tile[(y + k) * (TILE + 1) + x] = *(const U *)(from + offset[1] + (r0 + x) * t.from_row + (c0 + y + k) * t.from_column);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < TILE; k += ROWS)
      if (r0 + y + k < t.rows && c0 + x < t.columns)
        *(U *)(to + offset[0] + (r0 + y + k) * t.to_row + (c0 + x) * t.to_column) = tile[x * (TILE + 1) + y + k];
    __syncthreads();
  }
}

/* makes the walk one over units of several elements, where the last dim is a run in the first n operands */
static int widen (cu_Walk *w, int width, int n, char *const *data) {
  int last = w->ndim - 1;
  int64_t bytes, unit = 16;
  if (last < 0) return width;
  bytes = w->size[last] * width;
  for (int k = 0; k < n; k++)
    if (w->stride[k][last] != width) return width;
  for (; unit > width; unit /= 2) {
    int fits = bytes % unit == 0;
    for (int k = 0; k < n; k++) {
      fits &= (uintptr_t)data[k] % (uint64_t)unit == 0;
      for (int d = 0; d < last; d++) fits &= w->stride[k][d] % unit == 0;
    }
    if (fits) break;
  }
  if (unit == width) return width;
  w->size[last] = bytes / unit;
  for (int k = 0; k < n; k++) w->stride[k][last] = unit;
  cu_walk_finish(w);
  return (int)unit;
}

static int packed (const cu_Walk *w, int k, int width) {
  int64_t run = width;
  for (int d = w->ndim - 1; d >= 0; d--) {
    if (w->size[d] != 1 && w->stride[k][d] != run) return 0;
    run *= w->size[d];
  }
  return 1;
}

/* the dim along which the source is packed, where the last one is not and both are worth tiles (of 64 points at least, so
   that there are fewer than 2^31); or -1 */
static int packed_dim (const cu_Walk *w, int width) {
  int last = w->ndim - 1;
  if (last < 1 || w->stride[0][last] != width || w->size[last] < 8 || w->total >> 37) return -1;
  if (w->stride[1][last] == width || w->stride[1][last] == 0) return -1;
  for (int d = 0; d < last; d++)
    if (w->stride[1][d] == width && w->size[d] >= 8) return d;
  return -1;
}

static int move_transposed (const cu_Walk *w, int other, int width, char *const *data, cu_Work *work) {
  int last = w->ndim - 1;
  int64_t blocks, most = (int64_t)work->processors * 32;
  Tiles t;
  t.walk = *w;
  t.walk.ndim = 0;
  for (int d = 0; d < last; d++) {
    if (d == other) continue;
    t.walk.size[t.walk.ndim] = w->size[d];
    for (int k = 0; k < 2; k++) t.walk.stride[k][t.walk.ndim] = w->stride[k][d];
    t.walk.ndim++;
  }
  cu_walk_finish(&t.walk);
  t.rows = w->size[other];
  t.columns = w->size[last];
  t.down = (t.rows + TILE - 1) / TILE;
  t.across = (t.columns + TILE - 1) / TILE;
  t.to_row = w->stride[0][other];
  t.to_column = w->stride[0][last];
  t.from_row = w->stride[1][other];
  t.from_column = w->stride[1][last];
  blocks = t.down * t.across * t.walk.total;
  if (blocks > most) blocks = most;
  switch (width) {
    case 1: return CU_LAUNCH(work, move_tiles<uint8_t>, (unsigned)blocks, TILE * ROWS, 0, t, data[0], data[1]);
    case 2: return CU_LAUNCH(work, move_tiles<uint16_t>, (unsigned)blocks, TILE * ROWS, 0, t, data[0], data[1]);
    case 4: return CU_LAUNCH(work, move_tiles<uint32_t>, (unsigned)blocks, TILE * ROWS, 0, t, data[0], data[1]);
    default: return CU_LAUNCH(work, move_tiles<uint64_t>, (unsigned)blocks, TILE * ROWS, 0, t, data[0], data[1]);
  }
}

static int move (cu_Walk *w, int width, char *const *data, cu_Work *work) {
  int other, unit;
  unsigned blocks;
  if (packed(w, 0, width) && packed(w, 1, width)) {
    if (data[0] == data[1]) return TL_DONE;        /* the driver's copy is undefined where the two overlap */
    return cu_check(work, cudaMemcpyAsync(data[0], data[1], (size_t)(w->total * width), cudaMemcpyDeviceToDevice,
                                          work->stream), "cudaMemcpyAsync");
  }
  other = packed_dim(w, width);
  if (other >= 0) return move_transposed(w, other, width, data, work);
  unit = widen(w, width, 2, data);
  blocks = cu_blocks(work, w->total, 1);
  switch (unit) {
    case 1: return CU_LAUNCH(work, move_units<uint8_t>, blocks, 256, 0, *w, data[0], data[1]);
    case 2: return CU_LAUNCH(work, move_units<uint16_t>, blocks, 256, 0, *w, data[0], data[1]);
    case 4: return CU_LAUNCH(work, move_units<uint32_t>, blocks, 256, 0, *w, data[0], data[1]);
    case 8: return CU_LAUNCH(work, move_units<uint64_t>, blocks, 256, 0, *w, data[0], data[1]);
    default: return CU_LAUNCH(work, move_units<uint4>, blocks, 256, 0, *w, data[0], data[1]);
  }
}

/* ---- conversions.  C: what the source is read as. ---- */

#define V 4

template <class C> static __global__ void convert_vectors (int64_t n, int to, char *y, int from, const char *x) {
  for (int64_t i = cu_first() * V; i < n; i += cu_stride() * V) {
    C c[V];
    if (i + V <= n) {
      cu_load_vector(from, x + i * cu_width(from), c);
      cu_store_vector(to, y + i * cu_width(to), c);
    }
    else
      for (int64_t k = i; k < n; k++) cu_store(to, y + k * cu_width(to), cu_load<C>(from, x + k * cu_width(from)));
  }
}

template <class C>
static __global__ void convert_points (const cu_Walk walk, int to, char *y, int from, const char *x) {
  for (int64_t i = cu_first(); i < walk.total; i += cu_stride()) {
    int64_t offset[2];
    cu_offsets(walk, i, offset);
    cu_store(to, y + offset[0], cu_load<C>(from, x + offset[1]));
  }
}

template <class C> static int convert_as (const cu_Walk *w, int to, char *y, int from, const char *x, cu_Work *work) {
  if (packed(w, 0, cu_width(to)) && packed(w, 1, cu_width(from)) &&
      cu_aligned(y, cu_width(to), V) && cu_aligned(x, cu_width(from), V))
    return CU_LAUNCH(work, convert_vectors<C>, cu_blocks(work, w->total, V), 256, 0, w->total, to, y, from, x);
  return CU_LAUNCH(work, convert_points<C>, cu_blocks(work, w->total, 1), 256, 0, *w, to, y, from, x);
}

static int convert (const cu_Walk *w, int to, char *y, int from, const char *x, cu_Work *work) {
  switch (from) {
    case TL_f32: case TL_f16: case TL_bf16: return convert_as<float>(w, to, y, from, x, work);
    case TL_f64: return convert_as<double>(w, to, y, from, x, work);
    case TL_i64: return convert_as<int64_t>(w, to, y, from, x, work);
    default: return convert_as<int32_t>(w, to, y, from, x, work);
  }
}

/* ---- fills ---- */

/* an element, repeated */
typedef struct Pattern { alignas(16) uint64_t word[2]; } Pattern;

template <class U> static __global__ void fill_units (const cu_Walk walk, char *to, const Pattern p) {
  const U u = *(const U *)&p;
  for (int64_t i = cu_first(); i < walk.total; i += cu_stride()) {
    int64_t offset[1];
    cu_offsets(walk, i, offset);
    *(U *)(to + offset[0]) = u;
  }
}

/* packed bytes from 16-byte aligned memory on: whole units, then what is left of the last, byte by byte */
static __global__ void fill_run (int64_t bytes, char *to, const Pattern p) {
  const uint4 u = *(const uint4 *)&p;
  int64_t units = bytes / 16, first = cu_first();
  for (int64_t i = first; i < units; i += cu_stride()) ((uint4 *)to)[i] = u;
  if (first < bytes % 16) to[units * 16 + first] = (char)(p.word[0] >> 8 * (first % 8));
}

static int fill (cu_Walk *w, int width, char *to, const void *element, cu_Work *work) {
  Pattern p;
  unsigned blocks;
  int unit;
  for (int k = 0; k < 16; k++) ((unsigned char *)p.word)[k] = ((const unsigned char *)element)[k % width];
  if (packed(w, 0, width) && (uintptr_t)to % 16 == 0)
    return CU_LAUNCH(work, fill_run, cu_blocks(work, w->total * width / 16 + 1, 1), 256, 0, w->total * width, to, p);
  unit = widen(w, width, 1, &to);
  blocks = cu_blocks(work, w->total, 1);
  switch (unit) {
    case 1: return CU_LAUNCH(work, fill_units<uint8_t>, blocks, 256, 0, *w, to, p);
    case 2: return CU_LAUNCH(work, fill_units<uint16_t>, blocks, 256, 0, *w, to, p);
    case 4: return CU_LAUNCH(work, fill_units<uint32_t>, blocks, 256, 0, *w, to, p);
    case 8: return CU_LAUNCH(work, fill_units<uint64_t>, blocks, 256, 0, *w, to, p);
    default: return CU_LAUNCH(work, fill_units<uint4>, blocks, 256, 0, *w, to, p);
  }
}

static int fill_number (cu_Walk *w, const tl_Arg *a, cu_Number n, cu_Work *work) {
  unsigned char element[8];
  if (n.real) cu_store(a->dtype, element, n.f);
  else cu_store(a->dtype, element, n.i);
  return fill(w, cu_width(a->dtype), (char *)a->data, element, work);
}

/* ---- the verbs ---- */

int cu_fill (const tl_Cmd *c, cu_Work *work) {
  cu_Walk w = cu_walk_of(c, 0, c->ndim);
  cu_Number n;
  if (w.total == 0) return TL_DONE;
  n.real = cu_is_real(c->arg[0].dtype);
  n.f = n.real ? c->p[0].f : 0;
  n.i = n.real ? 0 : c->p[0].i;
  return fill_number(&w, &c->arg[0], n, work);
}

int cu_copy (const tl_Cmd *c, cu_Work *work) {
  const tl_Arg *y = &c->arg[0], *x = &c->arg[1];
  cu_Walk w = cu_walk_of(c, 0, c->ndim);
  if (w.total == 0) return TL_DONE;
  if (x->flags & TL_ARG_NUMBER) {
    tl_Arg plain = *x;
    plain.via = plain.dtype;
    return fill_number(&w, y, cu_number_arg(&plain, y->dtype), work);
  }
  if (x->dtype == y->dtype) {
    char *data[2] = { (char *)y->data, (char *)x->data };
    return move(&w, cu_width(y->dtype), data, work);
  }
  return convert(&w, y->dtype, (char *)y->data, x->dtype, (const char *)x->data, work);
}
