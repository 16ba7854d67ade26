/*
** index.cu -- gather, checked positions, the places of non-zeros, and conditions.
**
** A bad index is told by the fault word (cuda.h) and reads as zero; nothing outside the table is touched.
** Elements move by width, so one kernel serves every dtype; whole rows move 16 bytes at a time.
*/
#include "index.cuh"
#include "sort.cuh"

/* ------------------------------------------------------------------ gather */

template <class T> static __global__ void __launch_bounds__(256)
gather (cu_Walk w, cu_Rule r, char *y, const char *table, const char *index) {
  for (int64_t i = cu_first(); i < w.total; i += cu_stride()) {
    int64_t offset[3], at;
    cu_offsets(w, i, offset);
    at = cu_place(r, index + offset[2]);
    *(T *)(y + offset[0]) = at < 0 ? T() : *(const T *)(table + offset[1] + at * r.step);
  }
}

/* rows of one index each, packed on both sides, seen as elements of `unit` bytes; 0 when they can't */
static int widen (cu_Walk *w, const tl_Cmd *c, int64_t step, int width, int unit) {
  int last = w->ndim - 1;
  int64_t row = w->ndim ? w->size[last] * width : 0, odd;
  if (row == 0 || w->stride[2][last] != 0 || w->stride[0][last] != width || w->stride[1][last] != width) return 0;
  odd = row | step | (int64_t)(intptr_t)c->arg[0].data | (int64_t)(intptr_t)c->arg[1].data;
  for (int d = 0; d < last; d++) odd |= w->stride[0][d] | w->stride[1][d];
  if (odd % unit) return 0;
  w->size[last] = row / unit;
  w->stride[0][last] = w->stride[1][last] = unit;
  cu_walk_finish(w);
  return 1;
}

int cu_gather (const tl_Cmd *c, cu_Work *w) {
  cu_Walk walk = cu_walk_of(c, 0, c->ndim);
  cu_Rule r = cu_rule_of(c, &c->arg[2], w);
  int width = cu_width(c->arg[0].dtype);
  char *y = (char *)c->arg[0].data, *table = (char *)c->arg[1].data, *index = (char *)c->arg[2].data;
  unsigned blocks;
  if (cu_is_empty(c)) return TL_DONE;
  if (width != cu_width(c->arg[1].dtype)) return TL_CANT;
  for (int unit = 16; unit > width; unit /= 2)
    if (widen(&walk, c, r.step, width, unit)) width = unit;
  blocks = cu_blocks(w, walk.total, 1);
  switch (width) {
    case 1: return CU_LAUNCH(w, gather<uint8_t>, blocks, 256, 0, walk, r, y, table, index);
    case 2: return CU_LAUNCH(w, gather<uint16_t>, blocks, 256, 0, walk, r, y, table, index);
    case 4: return CU_LAUNCH(w, gather<uint32_t>, blocks, 256, 0, walk, r, y, table, index);
    case 8: return CU_LAUNCH(w, gather<uint64_t>, blocks, 256, 0, walk, r, y, table, index);
    default: return CU_LAUNCH(w, gather<uint4>, blocks, 256, 0, walk, r, y, table, index);
  }
}

/* ------------------------------------------------------------------ positions */

static __global__ void __launch_bounds__(256) add_places (cu_Walk w, cu_Rule r, char *y, const char *index) {
  for (int64_t i = cu_first(); i < w.total; i += cu_stride()) {
    int64_t offset[2], at;
    cu_offsets(w, i, offset);
    at = cu_place(r, index + offset[1]);
    if (at > 0) *(int64_t *)(y + offset[0]) += at * r.step;
  }
}

int cu_offset (const tl_Cmd *c, cu_Work *w) {
  cu_Walk walk = cu_walk_of(c, 0, c->ndim);
  if (cu_is_empty(c)) return TL_DONE;
  return CU_LAUNCH(w, add_places, cu_blocks(w, walk.total, 1), 256, 0, walk, cu_rule_of(c, &c->arg[1], w),
                   (char *)c->arg[0].data, (char *)c->arg[1].data);
}

/* ------------------------------------------------------------------ non-zeros
** A block counts the non-zeros of its tile, 16 points a thread; the counts become places; then the block finds
** them again and writes their positions.  One tile needs no counting.
*/

enum { EACH = 16, TILE = 256 * EACH };

static __device__ __forceinline__ int is_true (int dtype, const char *p) {
  switch (dtype) {
    case TL_f32: return *(const float *)p != 0;
    case TL_f64: return *(const double *)p != 0;
    case TL_f16: case TL_bf16: return (*(const uint16_t *)p & 0x7fff) != 0;
    case TL_i16: return *(const uint16_t *)p != 0;
    case TL_i32: return *(const uint32_t *)p != 0;
    case TL_i64: return *(const uint64_t *)p != 0;
    default: return *(const uint8_t *)p != 0;
  }
}

/* bit k: the k-th point from `first` on is one */
static __device__ __forceinline__ unsigned look (const cu_Walk &w, int dtype, const char *x, int64_t first) {
  unsigned found = 0;
#pragma unroll 4
  for (int k = 0; k < EACH; k++)
    if (first + k < w.total && is_true(dtype, x + cu_offset(w, 1, first + k))) found |= 1u << k;
  return found;
}

static __global__ void __launch_bounds__(256)
count_true (cu_Walk w, int dtype, const char *x, int64_t tiles, int64_t *counts) {
  CU_SHARED(int, room, 8);
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int total;
    cu_before((int)__popc(look(w, dtype, x, tile * TILE + threadIdx.x * EACH)), room, &total);
    if (threadIdx.x == 0) counts[tile] = total;
  }
}

/* counts become the number in the tiles before; one block */
static __global__ void __launch_bounds__(256) sum_counts (int64_t tiles, int64_t *counts) {
  CU_SHARED(int64_t, room, 8);
  int64_t sum = 0, total;
  for (int64_t i = 0; i < tiles; i += 256) {
    int64_t v = i + threadIdx.x < tiles ? counts[i + threadIdx.x] : 0, before = cu_before(v, room, &total);
    if (i + threadIdx.x < tiles) counts[i + threadIdx.x] = sum + before;
    sum += total;
  }
}

static __global__ void __launch_bounds__(256)
write_true (cu_Walk w, int dtype, const char *x, int64_t tiles, const int64_t *counts, int64_t base, char *y,
            int64_t row, int64_t column) {
  CU_SHARED(int, room, 8);
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int total;
    int64_t first = tile * TILE + threadIdx.x * EACH;
    unsigned found = look(w, dtype, x, first);
    int64_t at = cu_before((int)__popc(found), room, &total) + (counts ? counts[tile] : 0);
    for (int k = 0; found; k++, found >>= 1) {
      int64_t i = first + k;
      char *to = y + at * row;
      if (!(found & 1)) continue;
      for (int d = w.ndim - 1; d >= 0; d--) {
        int64_t q = d == 0 ? 0 : w.narrow ? (int64_t)cu_divide(w, d, (uint32_t)i) : i / w.size[d];
        *(int64_t *)(to + d * column) = i - q * w.size[d] + base;
        i = q;
      }
      at++;
    }
  }
}

int cu_nonzero (const tl_Cmd *c, cu_Work *w) {
  cu_Walk walk = cu_walk_of(c, 0, c->ndim);
  const tl_Arg *y = &c->arg[0], *x = &c->arg[1];
  int64_t tiles = (walk.total + TILE - 1) / TILE, *counts = NULL;
  unsigned blocks = (unsigned)(tiles < INT32_MAX ? tiles : INT32_MAX);
  int reason = TL_DONE;
  if (walk.total == 0) return TL_DONE;
  if (tiles > 1) {
    counts = (int64_t *)cu_scratch(w, (size_t)tiles * sizeof *counts);
    if (!counts) return TL_NOMEM;
    reason = CU_LAUNCH(w, count_true, blocks, 256, 0, walk, x->dtype, (char *)x->data, tiles, counts);
    if (!reason) reason = CU_LAUNCH(w, sum_counts, 1, 256, 0, tiles, counts);
  }
  return reason ? reason : CU_LAUNCH(w, write_true, blocks, 256, 0, walk, x->dtype, (char *)x->data, tiles, counts,
                                     c->p[0].i, (char *)y->data, y->stride[0], y->stride[1]);
}

/* ------------------------------------------------------------------ a condition that the host does not wait for */

static __global__ void must (const uint8_t *ok, cu_Fault *fault, uint64_t words) {
  if (!*ok) cu_fault(fault, words, TL_BADVALUE, 0, 0, 0);
}

int cu_must (const tl_Cmd *c, cu_Work *w) {
  return CU_LAUNCH(w, must, 1, 1, 0, (const uint8_t *)c->arg[0].data, w->fault, c->p[0].u);
}
