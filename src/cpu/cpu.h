/*
** cpu.h -- what the files of the CPU device share: the tables of the chosen SIMD level, the kernel
** and conversion types, and one function per verb.  Every verb answers a tl_Reason.
*/
#ifndef tl_cpu_h
#define tl_cpu_h

#include "device/device.h"
#include "cpu/team.h"

typedef union tl_Cell {        /* one element of any dtype */
  float f32; double f64; uint16_t f16, bf16; uint8_t u8, b8; int8_t i8; int16_t i16; int32_t i32; int64_t i64;
} tl_Cell;

/*
** A formula over n packed points.  in: the operands (absent ones are not read); p: the command's
** parameters; flat: bit k says that operand k is one value (only kernels of tl_flat_ok codes look at it).
** out may be one of the operands; it overlaps none in another way.
*/
typedef void (*tl_Kernel) (int64_t n, void *out, const void *const *in, const tl_Num *p, int flat);
/* n packed elements to another dtype; the two don't overlap */
typedef void (*tl_Convert) (int64_t n, void *restrict to, const void *restrict from);

/*
** The level: which of the objects compiled for x86-64-v2, -v3 and -v4 serve.  Chosen once, by the CPU's
** features or by TLUA_SIMD=v2|v3|v4; other machines have one, called v2.  A table `name` of another file
** (tl_sum, ...) is picked by TL_PICK(name), which reads name_v2, name_v3 or name_v4.
*/
#if defined(__x86_64__)
#define TL_LEVELS 3
#define TL_PICK(name)  (tl_cpu_level == 4 ? name##_v4 : tl_cpu_level == 3 ? name##_v3 : name##_v2)
#else
#define TL_LEVELS 1
#define TL_PICK(name)  (name##_v2)
#endif
extern int tl_cpu_level;       /* 2, 3 or 4; set by tl_cpu() before any verb runs */

/* in the files compiled once per level: TL_AT_LEVEL(tl_kernels) is tl_kernels_v3 where TL_LEVEL is v3 */
#define TL_JOIN2(a, b)  a##_##b
#define TL_JOIN(a, b)   TL_JOIN2(a, b)
#define TL_AT_LEVEL(name)  TL_JOIN(name, TL_LEVEL)

typedef tl_Kernel tl_KernelRow[TL_NDTYPE];           /* by compute dtype; NULL: that one is never asked for */
typedef tl_Convert tl_ConvertRow[TL_NDTYPE];         /* by dtype to */
extern const tl_KernelRow tl_kernels_v2[TL_NCODE], tl_kernels_v3[TL_NCODE], tl_kernels_v4[TL_NCODE];
extern const tl_ConvertRow tl_converts_v2[TL_NDTYPE], tl_converts_v3[TL_NDTYPE], tl_converts_v4[TL_NDTYPE];
extern const tl_KernelRow *tl_cpu_kernels;           /* the chosen level's */
extern const tl_ConvertRow *tl_cpu_converts;

/* the one conversion rule: half types round to nearest even; floats to integers as convert.c says;
   integers wrap, anything non-zero is true */
static inline tl_Convert tl_convert (int from, int to) { return tl_cpu_converts[from][to]; }
extern const uint8_t tl_cpu_width[TL_NDTYPE];        /* bytes of an element */

/* the verbs.  A bad index or value is described in env->fault. */
int tl_cpu_map (const tl_Cmd *, tl_Env *);           /* walk.c */
int tl_cpu_copy (const tl_Cmd *, tl_Env *);          /* copy.c */
int tl_cpu_fill (const tl_Cmd *, tl_Env *);
int tl_cpu_reduce (const tl_Cmd *, tl_Env *);
int tl_cpu_scan (const tl_Cmd *, tl_Env *);
int tl_cpu_gemm (const tl_Cmd *, tl_Env *);
int tl_cpu_gather (const tl_Cmd *, tl_Env *);
int tl_cpu_scatter (const tl_Cmd *, tl_Env *);
int tl_cpu_offset (const tl_Cmd *, tl_Env *);
int tl_cpu_nonzero (const tl_Cmd *, tl_Env *);
int tl_cpu_range (const tl_Cmd *, tl_Env *);
int tl_cpu_random (const tl_Cmd *, tl_Env *);
int tl_cpu_softmax (const tl_Cmd *, tl_Env *);
int tl_cpu_nll (const tl_Cmd *, tl_Env *);
int tl_cpu_step (const tl_Cmd *, tl_Env *);

#endif
