/*
** reduce.h -- folds: how blocks of elements go into the accumulators of a reduction; see reduce_fold.c.
*/
#ifndef tl_cpu_reduce_h
#define tl_cpu_reduce_h

#include "cpu/cpu.h"

enum { TL_FOLD_WIDE = 256 };               /* results of a row */

typedef struct tl_Acc {
  union { float f32[TL_FOLD_WIDE]; double f64[TL_FOLD_WIDE]; int64_t i64[TL_FOLD_WIDE]; } v;
  int64_t at[TL_FOLD_WIDE];                /* where v stands, counted from 0 over the inside dims */
  double s[TL_FOLD_WIDE], t[TL_FOLD_WIDE]; /* sums; corrections or second sums */
  double mean[TL_FOLD_WIDE];               /* of the first pass */
} tl_Acc;

/*
** line: n packed elements into each of the results [0, lines), whose lines begin `apart` elements from one
** another; row: n rows of `lines` packed elements, one for each result, that begin `apart` elements from one
** another.  `at`: the place of a result's first element.  x is of the compute dtype; p: the norm's p.
*/
typedef void (*tl_Fold) (tl_Acc *restrict, const void *restrict x, int64_t lines, int64_t n, int64_t apart, int64_t at,
                         double p);
typedef struct tl_FoldPair { tl_Fold line, row; } tl_FoldPair;

enum {                                     /* kinds of folds: the reduce codes, and what they split into */
  TL_FOLD_SPREAD = TL_NREDUCE,             /* second pass of a variance */
  TL_FOLD_NORM0, TL_FOLD_NORM1, TL_FOLD_NORM2, TL_FOLD_NORM, TL_FOLD_NORM_MAX, TL_FOLD_NORM_MIN, TL_NFOLD
};
typedef tl_FoldPair tl_FoldRow[3];         /* f32, f64, i64; empty: refused */
extern const tl_FoldRow tl_folds_v2[TL_NFOLD], tl_folds_v3[TL_NFOLD], tl_folds_v4[TL_NFOLD];

#endif
