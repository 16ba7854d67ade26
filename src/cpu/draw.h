/*
** draw.h -- the bulk float fills of random commands: one table per SIMD level; see draw.c.
*/
#ifndef tl_draw_h
#define tl_draw_h

#include "cpu/cpu.h"
#include "device/mt.h"

typedef struct tl_Draw {
  void (*uniform_f32) (tl_MtState *, float *, int64_t n, float from, float width);      /* one draw each */
  void (*uniform_f64) (tl_MtState *, double *, int64_t n, double from, double width);   /* two each */
  void (*normal_f32) (float *, int64_t n, float mean, float std);    /* blocks of 16 uniforms to normals */
  void (*normal_f64) (double *, int64_t n, double mean, double std);
} tl_Draw;
extern const tl_Draw tl_draw_v2, tl_draw_v3, tl_draw_v4;

#endif
