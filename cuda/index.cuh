/*
** index.cuh -- how an index becomes a place in the table; see TL_GATHER in device/device.h.
*/
#ifndef tl_cuda_index_cuh
#define tl_cuda_index_cuh

#include "launch.h"
#include "walk.cuh"

typedef struct cu_Rule {
  int64_t size, step, base, dim;
  int wrap, dtype;                           /* of the indices */
  cu_Fault *fault;
  uint64_t what;
} cu_Rule;

static inline cu_Rule cu_rule_of (const tl_Cmd *c, const tl_Arg *index, const cu_Work *w) {
  cu_Rule r;
  r.size = c->p[TL_INDEX_SIZE].i;
  r.step = c->p[TL_INDEX_STEP].i;
  r.base = c->p[TL_INDEX_BASE].i;
  r.dim = c->p[TL_INDEX_DIM].i;
  r.wrap = c->p[TL_INDEX_WRAP].i != 0;
  r.dtype = index->dtype;
  r.fault = w->fault;
  r.what = w->what;
  return r;
}

/* the index at p as a place counted from 0; a bad one is told, and answers -1 */
static __device__ __forceinline__ int64_t cu_place (const cu_Rule &r, const char *p) {
  int64_t v = r.dtype == TL_i64 ? *(const int64_t *)p : cu_load<int64_t>(r.dtype, p);
  int64_t at = v < 0 && r.wrap ? v + r.size : (int64_t)((uint64_t)v - (uint64_t)r.base);
  if ((uint64_t)at < (uint64_t)r.size) return at;
  cu_fault(r.fault, r.what, TL_BADINDEX, v, r.size, r.dim);
  return -1;
}

static inline int cu_is_empty (const tl_Cmd *c) {
  for (int d = 0; d < c->ndim; d++)
    if (c->size[d] == 0) return 1;
  return 0;
}

#endif
