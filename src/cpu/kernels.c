/*
** kernels.c -- every formula of pointwise.def as a loop over packed points, in the types that its stamp
** names, and the table of them.  Compiled once per SIMD level.
**
** Only packed memory of the compute type is handled here: the walk brings everything else into that form.
*/
#include "cpu/cpu.h"
#include "cpu/fun.h"
#include "cpu/own.h"
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
#define PARAM(v) ((T)(v).f)
#define T float
#define W f32
#include "cpu/kernels.inc"
#undef T
#undef W
#define T double
#define W f64
#include "cpu/kernels.inc"
#undef T
#undef W
#undef PARAM

#undef ON_REAL
#undef ON_FLAT
#undef ON_BITS
#undef ON_I64
#undef DERIVE
#define ON_REAL  DROP
#define ON_FLAT  DROP
#define ON_BITS  KEEP
#define ON_I64   KEEP
#define DERIVE   DROP
#define PARAM(v) ((v).i)
#define T int64_t
#define W i64
#include "cpu/kernels.inc"
#undef T
#undef W
#undef PARAM

#undef ON_ALL
#undef ON_I64
#define ON_ALL   DROP
#define ON_I64   DROP
#define PARAM(v) ((T)(v).i)
#define T int8_t
#define W i8
#include "cpu/kernels.inc"
#undef T
#undef W
#define T uint8_t
#define W u8
#include "cpu/kernels.inc"
#undef T
#undef W
#define T int16_t
#define W i16
#include "cpu/kernels.inc"
#undef T
#undef W
#define T int32_t
#define W i32
#include "cpu/kernels.inc"
#undef T
#undef W
#undef PARAM

/* the table: which types a stamp fills, then the lines of own.def */
#define PUT(code, s)       [TL_##code][TL_##s] = k_##code##_##s,
#define PUT_REAL(code)     PUT(code, f32) PUT(code, f64)
#define PUT_SMALL(code)    PUT(code, i8) PUT(code, u8) PUT(code, i16) PUT(code, i32)
#define PUT_FLAT           PUT_REAL
#define PUT_ALL(code)      PUT_REAL(code) PUT(code, i64)
#define PUT_CHEAP(code)    PUT_ALL(code) PUT_SMALL(code)
#define PUT_BITS(code)     PUT(code, i64) PUT_SMALL(code)
#define PUT_I64(code)      PUT(code, i64)

#pragma GCC diagnostic ignored "-Woverride-init"
const tl_KernelRow TL_AT_LEVEL(tl_kernels)[TL_NCODE] = {
#define UNARY(name, rule, stamp, ...)    PUT_##stamp(name) PUT_REAL(name##_x)
#define BINARY(name, rule, stamp, ...)   PUT_##stamp(name) PUT_REAL(name##_a) PUT_REAL(name##_b)
#define TERNARY(name, rule, stamp, ...)  PUT_##stamp(name) PUT_REAL(name##_a) PUT_REAL(name##_b) PUT_REAL(name##_c)
#define TEST1(name, rule, stamp, ...)    PUT_##stamp(name)
#define TEST2(name, rule, stamp, ...)    PUT_##stamp(name)
#define INT1(name, rule, stamp, ...)     PUT_##stamp(name)
#define INT2(name, rule, stamp, ...)     PUT_##stamp(name)
#include "device/pointwise.def"
#include "device/undef.h"
#define OWN(code, s)  [TL_##code][TL_##s] = code##_##s##_own,
#include "cpu/own.def"
#undef OWN
};
