/*
** gemm_plain.cu -- products without a library: integers of every width (they wrap), bool, mixed dtypes, an empty inner
** dim, sizes beyond 32 bits, and floats where cuBLAS can't be had.
**
** Three ways, by shape.  "each": a thread per element of C, for short inner dims and small products; it has no barrier.
** "strips": rows times columns where C is small and K long (a dot product, a matrix times a vector): blocks share
** K, each adds up strips of it in a tree, and a second kernel adds the strips in their order.  "tiled": 64 x 64 of C
** to a block, 4 x 4 to a thread, factors 16 deep through shared memory, zeros beyond the edges.
**
** All compute in float, double or int64 whatever lies in memory; a factor is read in the direction in which it is packed.
*/
#include "launch.h"
#include "walk.cuh"

#define BLOCK 256
#define TILE 64                              /* rows and columns of C of a block */
#define DEEP 16
#define MINE 4                               /* a thread has MINE x MINE of them, 16 apart */
#define STRIP 4096                           /* of K, at least, for a block */

template <class T> struct Wide { typedef T type; };                     /* integers wrap */
template <> struct Wide<int64_t> { typedef uint64_t type; };

typedef struct Factors {
  cu_Walk walk;                              /* the batch dims; operands C, A, B */
  char *c;
  const char *a, *b;
  int64_t m, n, k, items;
  int64_t c_row, c_col, a_row, a_col, b_row, b_col;      /* bytes */
  int64_t down, across;                      /* tiles */
  int64_t strips, strip;                     /* of K, and how long each is */
  double alpha, beta;
  uint8_t c_type, a_type, b_type, a_turned, b_turned;    /* turned: packed along rows of A', of B' */
} Factors;

/* C = alpha sum + beta C; beta 0 does not read C, and no sum at all is 0 whatever alpha is */
template <class T> static __device__ __forceinline__ void finish (const Factors &f, char *c, typename Wide<T>::type sum) {
  typedef typename Wide<T>::type U;
  U v = (U)((T)f.alpha) * sum;
  if (f.beta != 0) {
    U old = (U)((T)f.beta) * (U)cu_load<T>(f.c_type, c);
    v = f.k == 0 ? old : old + v;
  }
  else if (f.k == 0) v = 0;
  cu_store(f.c_type, c, (T)v);
}

template <class T> static __global__ void each (const Factors f) {
  typedef typename Wide<T>::type U;
  int64_t area = f.m * f.n;
  for (int64_t i = cu_first(); i < area * f.items; i += cu_stride()) {
    int64_t item = i / area, at = i - item * area, row = at / f.n, col = at - row * f.n, offset[3];
    const char *a, *b;
    U sum = 0;
    cu_offsets(f.walk, item, offset);
    a = f.a + offset[1] + row * f.a_row;
    b = f.b + offset[2] + col * f.b_col;
    for (int64_t k = 0; k < f.k; k++)
      sum += (U)cu_load<T>(f.a_type, a + k * f.a_col) * (U)cu_load<T>(f.b_type, b + k * f.b_row);
    finish<T>(f, f.c + offset[0] + row * f.c_row + col * f.c_col, sum);
  }
}

/* one strip of one element of C: partial[element * strips + strip] */
template <class T> static __global__ void strips (const Factors f, T *partial) {
  typedef typename Wide<T>::type U;
  CU_SHARED(U, sums, BLOCK);
  int64_t area = f.m * f.n, total = area * f.items * f.strips;
  for (int64_t i = blockIdx.x; i < total; i += gridDim.x) {
    int64_t element = i / f.strips, part = i - element * f.strips, item = element / area, at = element - item * area;
    int64_t row = at / f.n, col = at - row * f.n, from = part * f.strip, to = from + f.strip < f.k ? from + f.strip : f.k;
    int64_t offset[3];
    const char *a, *b;
    U sum = 0;
    cu_offsets(f.walk, item, offset);
    a = f.a + offset[1] + row * f.a_row;
    b = f.b + offset[2] + col * f.b_col;
    for (int64_t k = from + threadIdx.x; k < to; k += BLOCK)
      sum += (U)cu_load<T>(f.a_type, a + k * f.a_col) * (U)cu_load<T>(f.b_type, b + k * f.b_row);
    sums[threadIdx.x] = sum;
    for (int half = BLOCK / 2; half > 0; half /= 2) {
      __syncthreads();
      if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) partial[i] = (T)sums[0];
    __syncthreads();                         /* before the next strip overwrites the sums */
  }
}

template <class T> static __global__ void join_strips (const Factors f, const T *partial) {
  typedef typename Wide<T>::type U;
  int64_t area = f.m * f.n;
  for (int64_t i = cu_first(); i < area * f.items; i += cu_stride()) {
    int64_t item = i / area, at = i - item * area, row = at / f.n, col = at - row * f.n, offset[3];
    U sum = 0;
    for (int64_t s = 0; s < f.strips; s++) sum += (U)partial[i * f.strips + s];
    cu_offsets(f.walk, item, offset);
    finish<T>(f, f.c + offset[0] + row * f.c_row + col * f.c_col, sum);
  }
}

template <class T> static __global__ void __launch_bounds__(BLOCK) tiled (const Factors f) {
  typedef typename Wide<T>::type U;
  CU_SHARED(T, left, DEEP * (TILE + 1));     /* [k][row], one wider so that columns fall into different banks */
  CU_SHARED(T, right, DEEP * (TILE + 1));    /* [k][column] */
  int x = (int)threadIdx.x % 16, y = (int)threadIdx.x / 16;
  int64_t tiles = f.down * f.across, total = tiles * f.items;
  for (int64_t i = blockIdx.x; i < total; i += gridDim.x) {
    int64_t item = i / tiles, tile = i - item * tiles, top = tile / f.across * TILE, side = tile % f.across * TILE, offset[3];
    U sum[MINE][MINE];                       /* in registers: every loop over it is unrolled */
#pragma unroll
    for (int r = 0; r < MINE; r++)
#pragma unroll
      for (int q = 0; q < MINE; q++) sum[r][q] = 0;
    cu_offsets(f.walk, item, offset);
    for (int64_t k = 0; k < f.k; k += DEEP) {
      for (int e = (int)threadIdx.x; e < TILE * DEEP; e += BLOCK) {
        int row = f.a_turned ? e % TILE : e / DEEP, d = f.a_turned ? e / TILE : e % DEEP;
        int col = f.b_turned ? e / DEEP : e % TILE, g = f.b_turned ? e % DEEP : e / TILE;
        int in = top + row < f.m && k + d < f.k, also = side + col < f.n && k + g < f.k;
        left[d * (TILE + 1) + row] =
          in ? cu_load<T>(f.a_type, f.a + offset[1] + (top + row) * f.a_row + (k + d) * f.a_col) : (T)0;
        right[g * (TILE + 1) + col] =
          also ? cu_load<T>(f.b_type, f.b + offset[2] + (k + g) * f.b_row + (side + col) * f.b_col) : (T)0;
      }
      __syncthreads();
      for (int d = 0; d < DEEP && k + d < f.k; d++) {
        U a[MINE], b[MINE];
#pragma unroll
        for (int r = 0; r < MINE; r++) {
          a[r] = (U)left[d * (TILE + 1) + y + 16 * r];
          b[r] = (U)right[d * (TILE + 1) + x + 16 * r];
        }
#pragma unroll
        for (int r = 0; r < MINE; r++)
#pragma unroll
          for (int q = 0; q < MINE; q++) sum[r][q] += a[r] * b[q];
      }
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < MINE; r++)
#pragma unroll
      for (int q = 0; q < MINE; q++) {
        int64_t row = top + y + 16 * r, col = side + x + 16 * q;
        if (row < f.m && col < f.n) finish<T>(f, f.c + offset[0] + row * f.c_row + col * f.c_col, sum[r][q]);
      }
  }
}

static unsigned at_most (int64_t n, int64_t most) { return (unsigned)(n < most ? n : most < 1 ? 1 : most); }

template <class T> static int product (Factors *f, cu_Work *w) {
  int64_t elements = f->m * f->n * f->items, resident = (int64_t)w->processors * (w->threads / BLOCK);
  int thin = f->m < 8 || f->n < 8;
  if (thin && f->k >= 256 && (elements < 4096 || f->a_col <= f->a_row)) {
    int64_t share = (resident * 4 + elements - 1) / elements, most = (f->k + STRIP - 1) / STRIP;
    T *partial;
    int reason;
    f->strips = share < most ? share : most;
    f->strip = (f->k + f->strips - 1) / f->strips;
    partial = (T *)cu_scratch(w, (size_t)(elements * f->strips) * sizeof(T));
    if (!partial) return TL_NOMEM;
    reason = CU_LAUNCH(w, (strips<T>), at_most(elements * f->strips, resident * 8), BLOCK, 0, *f, partial);
    return reason ? reason : CU_LAUNCH(w, (join_strips<T>), cu_blocks(w, elements, 1), BLOCK, 0, *f, partial);
  }
  if (thin || f->k <= 16 || f->m * f->n * f->k <= 32768)
    return CU_LAUNCH(w, (each<T>), cu_blocks(w, elements, 1), BLOCK, 0, *f);
  f->down = (f->m + TILE - 1) / TILE;
  f->across = (f->n + TILE - 1) / TILE;
  return CU_LAUNCH(w, (tiled<T>), at_most(f->down * f->across * f->items, resident * 8), BLOCK, 0, *f);
}

static int64_t distance (int64_t v) { return v < 0 ? -v : v; }

int cu_gemm_plain (const tl_Cmd *c, cu_Work *w) {
  const tl_Arg *y = &c->arg[0], *a = &c->arg[1], *b = &c->arg[2];
  int d = c->ndim;
  Factors f;
  f.walk = cu_walk_of(c, 0, d);
  f.items = f.walk.total;
  f.m = c->p[2].i;
  f.n = c->p[3].i;
  f.k = c->p[4].i;
  if (f.m == 0 || f.n == 0 || f.items == 0) return TL_DONE;
  f.c = (char *)y->data;
  f.a = (const char *)a->data;
  f.b = (const char *)b->data;
  f.c_row = y->stride[d];
  f.c_col = y->stride[d + 1];
  f.a_row = a->stride[d];
  f.a_col = a->stride[d + 1];
  f.b_row = b->stride[d];
  f.b_col = b->stride[d + 1];
  f.c_type = y->dtype;
  f.a_type = a->dtype;
  f.b_type = b->dtype;
  f.a_turned = distance(f.a_row) < distance(f.a_col);
  f.b_turned = distance(f.b_row) < distance(f.b_col);
  f.down = f.across = f.strips = f.strip = 0;
  f.alpha = c->p[0].f;
  f.beta = c->p[1].f;
  switch (c->dtype) {
    case TL_f32: return product<float>(&f, w);
    case TL_f64: return product<double>(&f, w);
    case TL_i64: f.beta = (double)(int64_t)f.beta; return product<int64_t>(&f, w);
    default: return TL_CANT;
  }
}
