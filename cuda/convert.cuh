/*
** convert.cuh -- one element of any dtype to a compute type (float, double, int64_t) and back, by the rules of
** src/cpu/convert.c: floats round to nearest even (double to a half type through float); float to integer cuts
** the fraction off, what int32 (int64 for int64) can't hold, and NaN, is its smallest value, and smaller integers
** are the low bits of that; integers wrap; bool is "not zero".
**
** An operand may pass through other dtypes on its way: dtype -> via -> compute dtype.  cu_steps leaves out, on
** the host, what changes nothing, so that nearly always no step is left.
*/
#ifndef tl_cuda_convert_cuh
#define tl_cuda_convert_cuh

#include "cuda.h"
#include "half.cuh"

#define CU_NO_STEP 255

CU_BOTH int cu_width (int dtype) {           /* bytes of an element */
  return dtype == TL_f32 || dtype == TL_i32 ? 4 : dtype == TL_f64 || dtype == TL_i64 ? 8 :
         dtype == TL_f16 || dtype == TL_bf16 || dtype == TL_i16 ? 2 : 1;
}

/* the dtype of a compute type */
template <class T> struct cu_Native;
template <> struct cu_Native<float> { static constexpr int dtype = TL_f32; };
template <> struct cu_Native<double> { static constexpr int dtype = TL_f64; };
template <> struct cu_Native<int64_t> { static constexpr int dtype = TL_i64; };

/* ---- between the types that values are held in: float, double, int32_t, int64_t ---- */

CU_BOTH int32_t cu_fit32 (float v) { return v >= -2147483648.0f && v < 2147483648.0f ? (int32_t)v : INT32_MIN; }
CU_BOTH int32_t cu_fit32 (double v) { return v >= -2147483648.0 && v < 2147483648.0 ? (int32_t)v : INT32_MIN; }
CU_BOTH int32_t cu_fit32 (int32_t v) { return v; }
CU_BOTH int32_t cu_fit32 (int64_t v) { return (int32_t)v; }
CU_BOTH int64_t cu_fit64 (float v) {
  return v >= -9223372036854775808.0f && v < 9223372036854775808.0f ? (int64_t)v : INT64_MIN;
}
CU_BOTH int64_t cu_fit64 (double v) {
  return v >= -9223372036854775808.0 && v < 9223372036854775808.0 ? (int64_t)v : INT64_MIN;
}
CU_BOTH int64_t cu_fit64 (int32_t v) { return v; }
CU_BOTH int64_t cu_fit64 (int64_t v) { return v; }

template <class T> struct cu_As { template <class C> static __host__ __device__ T of (C v) { return (T)v; } };
template <> struct cu_As<int64_t> {
  template <class C> static __host__ __device__ int64_t of (C v) { return cu_fit64(v); }
};

/* ---- memory ---- */

/* the element at p as a T */
template <class T> static inline __host__ __device__ T cu_load (int dtype, const void *p) {
  switch (dtype) {
    case TL_f32: return cu_As<T>::of(*(const float *)p);
    case TL_f64: return cu_As<T>::of(*(const double *)p);
    case TL_f16: return cu_As<T>::of(cu_f16_up(*(const uint16_t *)p));
    case TL_bf16: return cu_As<T>::of(cu_bf16_up(*(const uint16_t *)p));
    case TL_u8: return cu_As<T>::of((int32_t)*(const uint8_t *)p);
    case TL_i8: return cu_As<T>::of((int32_t)*(const int8_t *)p);
    case TL_i16: return cu_As<T>::of((int32_t)*(const int16_t *)p);
    case TL_i32: return cu_As<T>::of(*(const int32_t *)p);
    case TL_i64: return cu_As<T>::of(*(const int64_t *)p);
    default: return cu_As<T>::of((int32_t)(*(const uint8_t *)p != 0));
  }
}

/* v, a float, double, int32_t or int64_t, as an element at p */
template <class C> static inline __host__ __device__ void cu_store (int dtype, void *p, C v) {
  switch (dtype) {
    case TL_f32: *(float *)p = (float)v; break;
    case TL_f64: *(double *)p = (double)v; break;
    case TL_f16: *(uint16_t *)p = cu_f16_down((float)v); break;
    case TL_bf16: *(uint16_t *)p = cu_bf16_down((float)v); break;
    case TL_u8: case TL_i8: *(uint8_t *)p = (uint8_t)cu_fit32(v); break;
    case TL_i16: *(uint16_t *)p = (uint16_t)cu_fit32(v); break;
    case TL_i32: *(int32_t *)p = cu_fit32(v); break;
    case TL_i64: *(int64_t *)p = cu_fit64(v); break;
    default: *(uint8_t *)p = v != 0; break;
  }
}

/* v through a dtype and back, in its own type where that holds the result exactly (float and float dtypes,
   int64_t and integers, double and all but int64) */
template <class T> static inline __host__ __device__ T cu_round (int dtype, T v) {
  switch (dtype) {
    case TL_f32: return (T)(float)v;
    case TL_f16: return (T)cu_f16_up(cu_f16_down((float)v));
    case TL_bf16: return (T)cu_bf16_up(cu_bf16_down((float)v));
    case TL_u8: return (T)(uint8_t)cu_fit32(v);
    case TL_i8: return (T)(int8_t)cu_fit32(v);
    case TL_i16: return (T)(int16_t)cu_fit32(v);
    case TL_i32: return (T)cu_fit32(v);
    case TL_b8: return (T)(v != 0);
    default: return v;
  }
}

/* ---- a value on its way through dtypes: of every float dtype a double, of every other an int64_t, exactly ---- */

typedef struct cu_Number { int real; double f; int64_t i; } cu_Number;

CU_BOTH int cu_is_real (int dtype) { return dtype <= TL_bf16; }

CU_BOTH void cu_step (cu_Number *n, int dtype) {
  if (dtype == CU_NO_STEP) return;
  if (cu_is_real(dtype)) {
    double wide = dtype == TL_f64 ? (double)n->i : (double)(float)n->i;       /* int64 to float rounds once */
    n->f = cu_round(dtype, n->real ? n->f : wide);
    n->real = 1;
  }
  else if (n->real) {
    n->i = dtype == TL_i64 ? cu_fit64(n->f) : dtype == TL_b8 ? n->f != 0 : cu_round(dtype, (int64_t)cu_fit32(n->f));
    n->real = 0;
  }
  else n->i = cu_round(dtype, n->i);
}

template <class T> static inline __host__ __device__ T cu_number_as (const cu_Number *n) {
  return n->real ? cu_As<T>::of(n->f) : cu_As<T>::of(n->i);
}

template <class T> static inline __host__ __device__ cu_Number cu_number_of (T v) {
  cu_Number n;
  n.real = cu_Native<T>::dtype != TL_i64;
  n.f = n.real ? (double)v : 0;
  n.i = n.real ? 0 : (int64_t)v;
  return n;
}

CU_BOTH cu_Number cu_number_at (int dtype, const void *p) {
  cu_Number n;
  n.real = cu_is_real(dtype);
  n.f = n.real ? cu_load<double>(dtype, p) : 0;
  n.i = n.real ? 0 : cu_load<int64_t>(dtype, p);
  return n;
}

/* every value of dtype a is one of b */
CU_BOTH int cu_holds (int b, int a) {
  if (a == b || a == TL_b8 || b == TL_f64) return b != TL_f64 || a != TL_i64;
  switch (a) {
    case TL_f16: case TL_bf16: return b == TL_f32;
    case TL_u8: return b != TL_i8 && b != TL_b8;
    case TL_i8: return b != TL_u8 && b != TL_b8;
    case TL_i16: return b == TL_i32 || b == TL_i64 || b == TL_f32;
    case TL_i32: return b == TL_i64;
    default: return 0;
  }
}

/* from -> one -> two -> to: the steps that matter, in first and second; returns how many */
static inline int cu_steps (int from, int one, int two, int to, uint8_t *first, uint8_t *second) {
  *first = *second = CU_NO_STEP;
  if (two != to && two != one && !(one == from && cu_holds(two, from))) *second = (uint8_t)two;
  if (!cu_holds(one, from) && one != (*second == CU_NO_STEP ? to : *second)) *first = (uint8_t)one;
  if (*first == CU_NO_STEP && *second != CU_NO_STEP) {
    *first = *second;
    *second = CU_NO_STEP;
    if (cu_holds(*first, from) || *first == to) *first = CU_NO_STEP;
  }
  return (*first != CU_NO_STEP) + (*second != CU_NO_STEP);
}

/* the same with the steps on the way; C as cu_store's, without int32_t.  Calls: they are rare and long. */
template <class T>
static __device__ __attribute__((noinline)) T cu_load_steps (int dtype, int first, int second, const void *p) {
  cu_Number n = cu_number_at(dtype, p);
  cu_step(&n, first);
  cu_step(&n, second);
  return cu_number_as<T>(&n);
}
template <class C>
static __device__ __attribute__((noinline)) void cu_store_steps (int first, int second, int dtype, void *p, C v) {
  cu_Number n = cu_number_of(v);
  cu_step(&n, first);
  cu_step(&n, second);
  if (n.real) cu_store(dtype, p, n.f);
  else cu_store(dtype, p, n.i);
}

/* what a number of a command is in compute dtype `to`, passing its dtype and via; on the host */
static inline cu_Number cu_number_arg (const tl_Arg *a, int to) {
  cu_Number n;
  n.real = cu_is_real(a->dtype);
  n.f = n.real ? a->num.f : 0;
  n.i = n.real ? 0 : a->num.i;
  cu_step(&n, a->dtype);
  cu_step(&n, a->via);
  cu_step(&n, to);
  return n;
}

#endif
