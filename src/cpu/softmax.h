/*
** softmax.h -- the inner loops of softmax: one table per SIMD level; see softmax_line.c.
*/
#ifndef tl_softmax_h
#define tl_softmax_h

#include "cpu/cpu.h"

enum {
  TL_SOFTMAX_WIDE = 64,                  /* lines that are worked on side by side */
  TL_SOFTMAX_TILE = 2048                 /* elements of lines that are worked on together */
};

/*
** `line`: one packed line of n.  `block`: lines one after the other, rows * n <= TL_SOFTMAX_TILE, rows <= TL_BLOCK.  `rows`:
** w <= TL_SOFTMAX_WIDE lines that lie side by side, n rows of them sy, sa and sb elements apart.
** Forward: a = x (b is not read); backward: a = g, b = y of the forward pass.  y may be a or b.
*/
typedef struct tl_SoftmaxLoops {
  void (*line) (int op, void *y, const void *a, const void *b, int64_t n);
  void (*rows) (int op, void *y, const void *a, const void *b, int64_t n, int64_t w, int64_t sy, int64_t sa,
                int64_t sb);
  void (*block) (int op, void *y, const void *a, const void *b, int64_t rows, int64_t n);
} tl_SoftmaxLoops;
extern const tl_SoftmaxLoops tl_softmax_v2[2], tl_softmax_v3[2], tl_softmax_v4[2];    /* float, double */

#endif
