/*
** vector.cuh -- V neighbouring elements at once: one load or store of up to 16 bytes, converted on the way.
*/
#ifndef tl_cuda_vector_cuh
#define tl_cuda_vector_cuh

#include "convert.cuh"

/* in registers as long as every index is known to the compiler */
template <class S, int V = 16 / sizeof(S)> struct alignas(sizeof(S) * V < 16 ? sizeof(S) * V : 16) cu_Pack { S v[V]; };

/* what a cell of memory is read as, and how; the type alone does not say: float16, bfloat16, bool */
struct cu_Plain { template <class S> static __device__ __forceinline__ S up (S v) { return v; } };
struct cu_Half  { static __device__ __forceinline__ float up (uint16_t v) { return cu_f16_up(v); } };
struct cu_Brain { static __device__ __forceinline__ float up (uint16_t v) { return cu_bf16_up(v); } };
struct cu_Truth { static __device__ __forceinline__ int32_t up (uint8_t v) { return v != 0; } };

template <class S, class How, class T, int V>
static __device__ __forceinline__ void cu_unpack (const void *p, T (&x)[V]) {
  const cu_Pack<S, V> t = *(const cu_Pack<S, V> *)p;
  for (int e = 0; e < V; e++) x[e] = cu_As<T>::of(How::up(t.v[e]));
}

template <class T, int V> static __device__ __forceinline__ void cu_load_vector (int dtype, const void *p, T (&x)[V]) {
  switch (dtype) {
    case TL_f32: cu_unpack<float, cu_Plain>(p, x); break;
    case TL_f64: cu_unpack<double, cu_Plain>(p, x); break;
    case TL_f16: cu_unpack<uint16_t, cu_Half>(p, x); break;
    case TL_bf16: cu_unpack<uint16_t, cu_Brain>(p, x); break;
    case TL_u8: cu_unpack<uint8_t, cu_Plain>(p, x); break;
    case TL_i8: cu_unpack<int8_t, cu_Plain>(p, x); break;
    case TL_i16: cu_unpack<int16_t, cu_Plain>(p, x); break;
    case TL_i32: cu_unpack<int32_t, cu_Plain>(p, x); break;
    case TL_i64: cu_unpack<int64_t, cu_Plain>(p, x); break;
    default: cu_unpack<uint8_t, cu_Truth>(p, x); break;
  }
}

template <class C, int V> static __device__ __forceinline__ void cu_store_vector (int dtype, void *p, const C (&y)[V]) {
#define PACK(S, E) { \
    cu_Pack<S, V> t; \
    for (int e = 0; e < V; e++) { const C v = y[e]; t.v[e] = (E); } \
    *(cu_Pack<S, V> *)p = t; \
    break; \
  }
  switch (dtype) {
    case TL_f32: PACK(float, (float)v)
    case TL_f64: PACK(double, (double)v)
    case TL_f16: PACK(uint16_t, cu_f16_down((float)v))
    case TL_bf16: PACK(uint16_t, cu_bf16_down((float)v))
    case TL_u8: case TL_i8: PACK(uint8_t, (uint8_t)cu_fit32(v))
    case TL_i16: PACK(uint16_t, (uint16_t)cu_fit32(v))
    case TL_i32: PACK(int32_t, cu_fit32(v))
    case TL_i64: PACK(int64_t, cu_fit64(v))
    default: PACK(uint8_t, v != 0)
  }
#undef PACK
}

/* may V elements of `width` bytes at p be loaded at once? */
static inline int cu_aligned (const void *p, int width, int V) {
  int unit = width * V < 16 ? width * V : 16;
  return (uintptr_t)p % (unsigned)unit == 0;
}

#endif
