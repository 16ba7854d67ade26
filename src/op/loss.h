/*
** loss.h -- what losses share: the reduction, today's word for it and the two old flags.
*/
#ifndef tl_loss_h
#define tl_loss_h

#include "op/common.h"

enum { TL_MEAN_LOSS, TL_SUM_LOSS, TL_NO_REDUCTION };
#define TL_REDUCTION " size_average:b? reduce:b? reduction:s(mean,sum,none)=mean"

/* parameters k, k + 1 and k + 2 as above; the old flags win when they are given, as in PyTorch */
static inline int tl_reduction (const tl_Value *average, const tl_Value *reduce, const tl_Value *word) {
  if (!average->given && !reduce->given) return (int)word->i;
  if (reduce->given && !reduce->i) return TL_NO_REDUCTION;
  return !average->given || average->i ? TL_MEAN_LOSS : TL_SUM_LOSS;
}

static inline uint32_t tl_all_dims (const tl_Tensor *x) { return (1u << x->ndim) - 1; }

/* the losses of all elements as one number, or as they are */
static inline tl_Tensor *tl_total_loss (tl_Tensor *each, int reduction) {
  if (!each || reduction == TL_NO_REDUCTION) return each;
  return reduction == TL_SUM_LOSS ? tl_sum(each, tl_all_dims(each), 0) : tl_mean(each, tl_all_dims(each), 0);
}

#endif
