/*
** sort.cu -- stable sorting of keys with their positions: by digits of 8 bits, lowest first.
**
** Each pass counts the digits of every tile, turns the counts into places (one block per digit runs along the
** tiles), and moves the tile's keys: a warp takes 512 keys in their order, 32 at a time, and finds by eight
** ballots which of the 32 share its digit.  No atomic decides an order, so every run gives the same.
** Few keys are placed in one launch: each counts the keys that come before it.
*/
#include "sort.cuh"

enum { TILE = 4096, ROUNDS = TILE / 256, FEW = 1024 };
static const unsigned ALL = 0xffffffffu;

template <class K> static __global__ void __launch_bounds__(256) place_few (int n, const K *keys, K *sorted, K *order) {
  int i = blockIdx.x * 256 + threadIdx.x, at = 0;
  if (i >= n) return;
  K key = keys[i];
  for (int j = 0; j < n; j++) at += keys[j] < key || (keys[j] == key && j < i);
  sorted[at] = key;
  order[at] = i;
}

/* counts[digit * tiles + tile] */
template <class K> static __global__ void __launch_bounds__(256)
count_digits (int64_t n, int64_t tiles, int shift, const K *keys, int64_t *counts) {
  CU_SHARED(unsigned, count, 256);
  int64_t first = blockIdx.x * (int64_t)TILE;
  count[threadIdx.x] = 0;
  __syncthreads();
  for (int k = 0; k < ROUNDS; k++) {
    int64_t i = first + k * 256 + threadIdx.x;
    if (i < n) atomicAdd(&count[(keys[i] >> shift) & 255], 1u);
  }
  __syncthreads();
  counts[threadIdx.x * tiles + blockIdx.x] = count[threadIdx.x];
}

/* along the tiles of one digit: counts become the number in the tiles before; all: how many in all tiles */
static __global__ void __launch_bounds__(256) sum_digits (int64_t tiles, int64_t *counts, int64_t *all) {
  CU_SHARED(int64_t, room, 8);
  int64_t *row = counts + blockIdx.x * tiles, sum = 0, total;
  for (int64_t i = 0; i < tiles; i += 256) {
    int64_t v = i + threadIdx.x < tiles ? row[i + threadIdx.x] : 0;
    int64_t before = cu_before(v, room, &total);
    if (i + threadIdx.x < tiles) row[i + threadIdx.x] = sum + before;
    sum += total;
  }
  if (threadIdx.x == 0) all[blockIdx.x] = sum;
}

/* old: the positions that the keys carry, NULL: their own */
template <class K> static __global__ void __launch_bounds__(256)
move_digits (int64_t n, int64_t tiles, int shift, const K *keys, const K *old, const int64_t *counts,
             const int64_t *all, K *sorted, K *order) {
  CU_SHARED(int64_t, room, 8);
  CU_SHARED(int64_t, start, 256);
  CU_SHARED(unsigned, seen, 8 * 256);        /* of a warp and digit, so far; then: in the warps before */
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  int64_t first = blockIdx.x * (int64_t)TILE + warp * (TILE / 8) + lane, total;
  unsigned rank[ROUNDS], sum = 0;
  start[threadIdx.x] = cu_before(all[threadIdx.x], room, &total) + counts[threadIdx.x * tiles + blockIdx.x];
  for (int k = 0; k < 8; k++) seen[k * 256 + threadIdx.x] = 0;
  __syncthreads();
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    int64_t i = first + k * 32;
    int in = i < n;
    unsigned digit = in ? (unsigned)(keys[i] >> shift) & 255 : 0, same = __ballot_sync(ALL, in), below;
#pragma unroll
    for (int b = 0; b < 8; b++) {
      unsigned set = __ballot_sync(ALL, digit >> b & 1);
      same &= digit >> b & 1 ? set : ~set;
    }
    below = __popc(same & ((1u << lane) - 1));
    rank[k] = in ? seen[warp * 256 + digit] + below : 0;
    __syncwarp();
    if (in && below == 0) seen[warp * 256 + digit] += __popc(same);
    __syncwarp();
  }
  __syncthreads();
  for (int k = 0; k < 8; k++) {
    unsigned v = seen[k * 256 + threadIdx.x];
    seen[k * 256 + threadIdx.x] = sum;
    sum += v;
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < ROUNDS; k++) {
    int64_t i = first + k * 32;
    if (i < n) {
      K key = keys[i];
      unsigned digit = (unsigned)(key >> shift) & 255;
      int64_t to = start[digit] + seen[warp * 256 + digit] + rank[k];
      sorted[to] = key;
      order[to] = old ? old[i] : (K)i;
    }
  }
}

template <class K> static int sort (cu_Work *w, int64_t n, int bits, K *keys, cu_Sorted *s) {
  int64_t tiles = (n + TILE - 1) / TILE, *counts;
  int passes = (bits + 7) / 8, reason = TL_DONE;
  K *other = (K *)cu_scratch(w, (size_t)n * sizeof(K)), *order = (K *)cu_scratch(w, (size_t)n * sizeof(K)), *spare;
  const K *old = NULL;
  if (!other || !order) return TL_NOMEM;
  s->wide = sizeof(K) == 8;
  if (n <= FEW) {
    s->keys = other;
    s->order = order;
    return CU_LAUNCH(w, place_few<K>, (unsigned)((n + 255) / 256), 256, 0, (int)n, keys, other, order);
  }
  if (tiles > INT32_MAX) return TL_CANT;
  counts = (int64_t *)cu_scratch(w, (size_t)(tiles + 1) * 256 * sizeof *counts);
  spare = passes > 1 ? (K *)cu_scratch(w, (size_t)n * sizeof(K)) : order;
  if (!counts || !spare) return TL_NOMEM;
  for (int k = 0; k < (passes ? passes : 1) && !reason; k++) {
    int64_t *all = counts + tiles * 256;
    K *t;
    reason = CU_LAUNCH(w, count_digits<K>, (unsigned)tiles, 256, 0, n, tiles, k * 8, keys, counts);
    if (!reason) reason = CU_LAUNCH(w, sum_digits, 256, 256, 0, tiles, counts, all);
    if (!reason)
      reason = CU_LAUNCH(w, move_digits<K>, (unsigned)tiles, 256, 0, n, tiles, k * 8, keys, old, counts, all, other,
                         order);
    t = keys; keys = other; other = t;       /* what was written is read next */
    old = order;
    t = order; order = spare; spare = t;
  }
  s->keys = keys;
  s->order = old;
  return reason;
}

int cu_sort (cu_Work *w, int64_t n, int bits, int wide, void *keys, cu_Sorted *s) {
  return wide ? sort(w, n, bits, (uint64_t *)keys, s) : sort(w, n, bits, (uint32_t *)keys, s);
}
