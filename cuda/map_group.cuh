/*
** map_group.cuh -- all of a group's file: the formulas in the three compute types, and START, the function that
** launches them.  The includer defines GROUP and START.  Integers of every width compute in int64.
*/
#include "map.cuh"
#include "fun.cuh"
#include "device/words.h"

#define KEEP(...)  __VA_ARGS__
#define DROP(...)

#define ON_REAL  KEEP
#define ON_FLAT  KEEP
#define ON_ALL   KEEP
#define ON_CHEAP KEEP
#define ON_BITS  DROP
#define ON_I64   DROP
#define DERIVE   KEEP
/* the exponent less 1, which map.cu put into p1, was taken before it was rounded to T: PyTorch's order */
#define OWN_ROWS \
    if constexpr (GROUP == CU_POWER) \
      if (op == TL_pow_number_x) \
        return go(cu_Row<3, 0>(), [=] (const T (&in)[3]) -> T { return p0 == 0 ? 0 : in[0] * (p0 * power(in[1], p1)); });
#define OPERANDS 5                           /* of derivatives: g a b c y */
#define T float
#define VALUE float
#define W f32
#define VECTOR 4
#include "map_rows.inc"
#undef T
#undef VALUE
#undef W
#undef VECTOR
#define T double
#define VALUE double
#define W f64
#define VECTOR 2
#include "map_rows.inc"
#undef T
#undef VALUE
#undef W
#undef VECTOR

#undef ON_REAL
#undef ON_FLAT
#undef ON_BITS
#undef ON_I64
#undef DERIVE
#undef OWN_ROWS
#undef OPERANDS
#define ON_REAL  DROP
#define ON_FLAT  DROP
#define ON_BITS  KEEP
#define ON_I64   KEEP
#define DERIVE   DROP
#define OWN_ROWS
#define OPERANDS 3
#define T int64_t
#define VALUE cu_Wrap
#define W i64
#define VECTOR 4
#include "map_rows.inc"
#undef T
#undef VALUE
#undef W

int START (const cu_Map *a, int type, int form, cu_Work *w) {
  if (form == CU_PACKED)
    switch (a->storage) {
      case TL_f32: return cu_map_start_packed<Formulas_f32, TL_f32>(a, w);
      case TL_f16: return cu_map_start_packed<Formulas_f32, TL_f16>(a, w);
      default: return cu_map_start_packed<Formulas_f32, TL_bf16>(a, w);
    }
  switch (type) {
    case TL_f32: return cu_map_start<Formulas_f32>(a, form, w);
    case TL_f64: return cu_map_start<Formulas_f64>(a, form, w);
    default: break;
  }
  if constexpr (GROUP != CU_MATH && GROUP != CU_TRIG) return cu_map_start<Formulas_i64>(a, form, w);
  else return TL_CANT;                                      /* no such row is of integers */
}
