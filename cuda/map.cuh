/*
** map.cuh -- the kernels of TL_MAP around the formulas, which map_rows.inc makes of the .def files.
**
** A formula is a case of a switch over the command's code, the same for every thread.  The rows are spread over
** groups, each a file with kernels of its own, so that the registers (and local memory) of costly functions burden only
** those who call them.  Three forms of each:
**   packed   runs of one float dtype (and tests of them): a loop for every formula, so that an iteration is its loads, its
**            arithmetic and its stores, and large tensors go at memory's rate
**   vectors  the innermost dim is packed or stands still in every operand, of any dtypes: up to 16 bytes a load; the
**            switches over dtypes and codes are inside the loop
**   points   single elements at any strides, through any dtypes
*/
#ifndef tl_cuda_map_cuh
#define tl_cuda_map_cuh

#include "lanes.cuh"

enum { CU_ARITH, CU_POWER, CU_MATH, CU_TRIG, CU_COMPARE, CU_NN, CU_NGROUP };

static constexpr uint8_t cu_groups[TL_NCODE] = {
#define UNARY(name, ...)   IN_FILE, IN_FILE,
#define BINARY(name, ...)  IN_FILE, IN_FILE, IN_FILE,
#define TERNARY(name, ...) IN_FILE, IN_FILE, IN_FILE, IN_FILE,
#define TEST1(name, ...)   IN_FILE,
#define TEST2(name, ...)   IN_FILE,
#define INT1(name, ...)    IN_FILE,
#define INT2(name, ...)    IN_FILE,
#define IN_FILE CU_ARITH
#include "device/pointwise_arith.def"
#undef IN_FILE
#define IN_FILE CU_MATH
#include "device/pointwise_math.def"
#undef IN_FILE
#define IN_FILE CU_COMPARE
#include "device/pointwise_compare.def"
#undef IN_FILE
#define IN_FILE CU_NN
#include "device/pointwise_nn.def"
#undef IN_FILE
#include "device/undef.h"
};

/* a row is where its .def file is, but for those whose registers or loops the others had better not share */
static constexpr int cu_group (int code) {
  switch (code) {
    case TL_pow: case TL_pow_a: case TL_pow_b: case TL_pow_number: case TL_pow_number_x: case TL_fmod: case TL_fmod_a:
    case TL_fmod_b: case TL_remainder: case TL_remainder_a: case TL_remainder_b: case TL_div_floor: case TL_div_floor_a:
    case TL_div_floor_b: case TL_div_trunc: case TL_div_trunc_a: case TL_div_trunc_b:
      return CU_POWER;
    case TL_sin: case TL_sin_x: case TL_cos: case TL_cos_x: case TL_tan: case TL_tan_x: case TL_sinc: case TL_sinc_x:
      return CU_TRIG;
    default:
      return cu_groups[code];
  }
}

/* the same as constants, which kernels may name: cu_group_add */
enum {
#define IS(code)           cu_group_##code = cu_group(TL_##code),
#define UNARY(name, ...)   IS(name) IS(name##_x)
#define BINARY(name, ...)  IS(name) IS(name##_a) IS(name##_b)
#define TERNARY(name, ...) IS(name) IS(name##_a) IS(name##_b) IS(name##_c)
#define TEST1(name, ...)   IS(name)
#define TEST2(name, ...)   IS(name)
#define INT1(name, ...)    IS(name)
#define INT2(name, ...)    IS(name)
#include "device/pointwise.def"
#include "device/undef.h"
#undef IS
};

/* int64 in a formula: its products and negations wrap, which nvcc has no flag for; all else is as int64_t has it */
struct cu_Wrap {
  int64_t v;
  explicit __device__ __forceinline__ cu_Wrap (int64_t x) : v(x) { }
  __device__ __forceinline__ operator int64_t () const { return v; }
};
static __device__ __forceinline__ cu_Wrap operator* (cu_Wrap a, cu_Wrap b) {
  return cu_Wrap((int64_t)((uint64_t)a.v * (uint64_t)b.v));
}
static __device__ __forceinline__ cu_Wrap operator- (cu_Wrap a) { return cu_Wrap((int64_t)(0 - (uint64_t)a.v)); }

/* what a formula reads; test: its value is true or false */
template <int N, int TEST> struct cu_Row { enum { operands = N, test = TEST }; };

typedef union cu_Value { float f; double d; int64_t i; } cu_Value;       /* of the compute type */

enum { CU_POINTS, CU_VECTORS, CU_PACKED };
enum { CU_ABSENT, CU_NUMBER, CU_MEMORY, CU_STILL };      /* STILL: one element for a whole vector */

typedef struct cu_MapArg {
  char *data;
  cu_Value number;
  uint8_t dtype, kind, first, second;        /* steps between memory and the compute type, cu_steps */
} cu_MapArg;

typedef struct cu_Map {
  cu_Walk walk;                              /* over vectors, or points */
  int64_t points;                            /* of vectors in one dim the last may be short */
  cu_MapArg arg[TL_MAXARG];                  /* those that the command has not are ABSENT */
  cu_Value p[3];
  cu_Fault *fault;
  uint64_t what;
  uint16_t op;
  uint8_t divides, wrap;                     /* an integer division; the small integer that results wrap to */
  uint8_t storage;                           /* of the packed form: every operand's dtype */
} cu_Map;

static __device__ __forceinline__ void cu_get (const cu_Value &v, float &x) { x = v.f; }
static __device__ __forceinline__ void cu_get (const cu_Value &v, double &x) { x = v.d; }
static __device__ __forceinline__ void cu_get (const cu_Value &v, int64_t &x) { x = v.i; }

template <class T> static __device__ __forceinline__ T cu_map_one (const cu_MapArg &a, const char *p) {
  if (a.dtype == cu_Native<T>::dtype && a.first == CU_NO_STEP) return *(const T *)p;
  return cu_load_steps<T>(a.dtype, a.first, a.second, p);
}

/* where operand k of vector i is; each by itself, as six offsets at once would cost the registers of two vectors */
static __device__ __forceinline__ char *cu_map_place (const cu_Map &map, int k, int64_t i) {
  return map.arg[k].data + (map.walk.ndim == 1 ? i * map.walk.stride[k][0] : cu_offset(map.walk, k, i));
}

template <class T, int V>
static __device__ __forceinline__ void cu_map_read (const cu_Map &map, int k, int64_t i, int m, T (&x)[V]) {
  const cu_MapArg &a = map.arg[k];
  T one = 0;
  if (a.kind == CU_MEMORY) {
    const char *p = cu_map_place(map, k, i);
    if (m == V) cu_load_vector(a.dtype, p, x);
    else
      for (int e = 0; e < V; e++) x[e] = e < m ? cu_load<T>(a.dtype, p + e * cu_width(a.dtype)) : (T)0;
    return;
  }
  if (a.kind == CU_NUMBER) cu_get(a.number, one);
  else if (a.kind == CU_STILL) one = cu_map_one<T>(a, cu_map_place(map, k, i));
  for (int e = 0; e < V; e++) x[e] = one;
}

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ == 750
#define CU_MOST_RESIDENT 4                   /* 1024 threads a processor */
#else
#define CU_MOST_RESIDENT 5
#endif
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
#define CU_WIDE_RESIDENT 2                   /* of five doubles; a third block would spill there */
#else
#define CU_WIDE_RESIDENT 3
#endif

/*
** F: the formulas of a group in a compute type F::Type, of up to F::operands operands and F::vector elements a
** thread; F::resident blocks must fit a processor, which bounds the registers.
*/
template <class F> static __global__ void __launch_bounds__(256, F::resident) cu_map_vectors (const cu_Map a) {
  typedef typename F::Type T;
  constexpr int V = F::vector, whole = cu_Native<T>::dtype == TL_i64;
  T p[3];
  for (int k = 0; k < 3; k++) cu_get(a.p[k], p[k]);
  for (int64_t i = cu_first(); i < a.walk.total; i += cu_stride()) {
    int64_t left = a.points - i * V;
    int m = left < V ? (int)left : V;
    T x[F::operands][V], y[V];
#pragma unroll
    for (int k = 0; k < F::operands; k++) cu_map_read(a, k + 1, i, m, x[k]);
    if (whole && a.divides)
      for (int e = 0; e < V; e++)
        if (e < m && x[1][e] == 0) cu_fault(a.fault, a.what, TL_ZERODIV, 0, 0, 0);
    F::run(a.op, x, y, p);
    if (whole && a.wrap != CU_NO_STEP)
      for (int e = 0; e < V; e++) y[e] = cu_round(a.wrap, y[e]);
    char *to = cu_map_place(a, 0, i);
    if (m == V) cu_store_vector(a.arg[0].dtype, to, y);
    else
      for (int e = 0; e < V; e++)
        if (e < m) cu_store(a.arg[0].dtype, to + e * cu_width(a.arg[0].dtype), y[e]);
  }
}

template <class F> static __global__ void cu_map_points (const cu_Map a) {
  typedef typename F::Type T;
  constexpr int whole = cu_Native<T>::dtype == TL_i64;
  T p[3];
  for (int k = 0; k < 3; k++) cu_get(a.p[k], p[k]);
  for (int64_t i = cu_first(); i < a.walk.total; i += cu_stride()) {
    int64_t offset[TL_MAXARG];
    T x[F::operands][1], y[1];
    cu_offsets(a.walk, i, offset);
#pragma unroll
    for (int k = 0; k < F::operands; k++) {
      const cu_MapArg &in = a.arg[k + 1];
      x[k][0] = 0;
      if (in.kind == CU_MEMORY) x[k][0] = cu_map_one<T>(in, in.data + offset[k + 1]);
      else if (in.kind == CU_NUMBER) cu_get(in.number, x[k][0]);
    }
    if (whole && a.divides && x[1][0] == 0) cu_fault(a.fault, a.what, TL_ZERODIV, 0, 0, 0);
    F::run(a.op, x, y, p);
    const cu_MapArg &to = a.arg[0];
    if (to.dtype == cu_Native<T>::dtype && to.first == CU_NO_STEP) *(T *)(to.data + offset[0]) = y[0];
    else cu_store_steps(to.first, to.second, to.dtype, to.data + offset[0], y[0]);
  }
}

/* a tile: 256 threads times CU_EACH elements, in loads of 16 bytes; what is left of the last goes one by one */
enum { CU_EACH = 8 };
template <class F, int dtype> static __global__ void __launch_bounds__(256, 4) cu_map_packed (const cu_Map a) {
  typedef typename F::Type T;
  typedef cu_Cell<dtype> Cell;
  typedef typename Cell::M M;
  constexpr int E = CU_EACH, V = Cell::N;
  T p[3];
  for (int k = 0; k < 3; k++) cu_get(a.p[k], p[k]);
  F::find(a.op, p, [&] (auto row, const auto &formula) {
    typedef decltype(row) Row;
    constexpr int N = Row::operands;
    const int64_t tiles = a.points / (256 * E);
    const M *from[N];
    T number[N];
    for (int k = 0; k < N; k++) {
      from[k] = a.arg[k + 1].kind == CU_MEMORY ? (const M *)a.arg[k + 1].data : NULL;
      number[k] = 0;
      if (a.arg[k + 1].kind == CU_NUMBER) cu_get(a.arg[k + 1].number, number[k]);
    }
    for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      const int64_t first = tile * (256 * E) + threadIdx.x * V;
      T x[N][E];
#pragma unroll
      for (int k = 0; k < N; k++)
#pragma unroll
        for (int e = 0; e < E; e += V) {
#pragma unroll
          for (int q = 0; q < V; q++) x[k][e + q] = number[k];
          if (from[k]) {
            const cu_Pack<M, V> v = *(const cu_Pack<M, V> *)(from[k] + first + e * 256);
#pragma unroll
            for (int q = 0; q < V; q++) x[k][e + q] = Cell::up(v.v[q]);
          }
        }
#pragma unroll
      for (int e = 0; e < E; e += V) {
        cu_Pack<M, V> y;
        cu_Pack<uint8_t, V> truth;
#pragma unroll
        for (int q = 0; q < V; q++) {
          T in[N];
          for (int k = 0; k < N; k++) in[k] = x[k][e + q];
          if (Row::test) truth.v[q] = formula(in) != 0;
          else y.v[q] = Cell::down(formula(in));
        }
        if (Row::test) *(cu_Pack<uint8_t, V> *)(a.arg[0].data + first + e * 256) = truth;
        else *(cu_Pack<M, V> *)((M *)a.arg[0].data + first + e * 256) = y;
      }
    }
#pragma unroll 1
    for (int64_t i = tiles * (256 * E) + cu_first(); i < a.points; i += cu_stride()) {
      T in[N];
      for (int k = 0; k < N; k++) in[k] = from[k] ? Cell::up(from[k][i]) : number[k];
      if (Row::test) *((uint8_t *)a.arg[0].data + i) = formula(in) != 0;
      else *((M *)a.arg[0].data + i) = Cell::down(formula(in));
    }
  });
}

template <class F, int dtype> static int cu_map_start_packed (const cu_Map *a, cu_Work *w) {
  int64_t rest = a->points % (256 * CU_EACH);
  unsigned blocks = cu_blocks(w, a->points, CU_EACH), least = (unsigned)((rest + 255) / 256);
  return CU_LAUNCH(w, (cu_map_packed<F, dtype>), blocks > least ? blocks : least, 256, 0, *a);
}

template <class F> static int cu_map_start (const cu_Map *a, int form, cu_Work *w) {
  unsigned blocks = cu_blocks(w, a->walk.total, 1);
  if (form == CU_VECTORS) return CU_LAUNCH(w, cu_map_vectors<F>, blocks, 256, 0, *a);
  return CU_LAUNCH(w, cu_map_points<F>, blocks, 256, 0, *a);
}

/* vectors: elements of one load, by compute type */
static inline int cu_map_vector (int type) { return type == TL_f64 ? 2 : 4; }

/* one per group; type: TL_f32, TL_f64 or TL_i64 */
int cu_map_arith (const cu_Map *, int type, int form, cu_Work *);
int cu_map_power (const cu_Map *, int type, int form, cu_Work *);
int cu_map_math (const cu_Map *, int type, int form, cu_Work *);
int cu_map_trig (const cu_Map *, int type, int form, cu_Work *);
int cu_map_compare (const cu_Map *, int type, int form, cu_Work *);
int cu_map_nn (const cu_Map *, int type, int form, cu_Work *);

#endif
