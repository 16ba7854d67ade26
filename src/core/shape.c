/*
** shape.c -- pure arithmetic on sizes and strides.
*/
#include <stdio.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/shape.h"

int tl_check_sizes (const char *op, int ndim, const int64_t *size, int width) {
  char words[256];
  int64_t n = width;
  if (ndim < 0 || ndim > TL_MAXDIM)
    return tl_fault("%s: a tensor has at most %d dimensions, got %d", op, TL_MAXDIM, ndim);
  for (int i = 0; i < ndim; i++)
    if (size[i] < 0)
      return tl_fault("%s: Trying to create tensor with negative dimension %lld: %s", op, (long long)size[i],
                      tl_show_sizes(words, ndim, size));
  for (int i = 0; i < ndim; i++)                       /* also what an empty tensor's strides multiply up to */
    if (__builtin_mul_overflow(n, size[i] ? size[i] : 1, &n))
      return tl_fault("%s: Storage size calculation overflowed with sizes=%s", op, tl_show_sizes(words, ndim, size));
  return 0;
}

void tl_packed (int ndim, const int64_t *size, int64_t *stride) {
  int64_t n = 1;
  for (int i = ndim - 1; i >= 0; i--) {
    stride[i] = n;
    n *= size[i] ? size[i] : 1;
  }
}

int tl_broadcast (const char *op, int n, tl_Tensor *const *t, int64_t *size) {
  int ndim = 0;
  for (int k = 0; k < n; k++)
    if (t[k] && t[k]->ndim > ndim) ndim = t[k]->ndim;
  for (int d = 0; d < ndim; d++) {
    int first = -1;
    size[d] = 1;
    for (int k = 0; k < n; k++) {
      int e = t[k] ? d - (ndim - t[k]->ndim) : -1;
      if (e < 0 || t[k]->size[e] == 1) continue;
      if (first >= 0 && t[k]->size[e] != size[d])
        return tl_fault("%s: The size of tensor %c (%lld) must match the size of tensor %c (%lld) at non-singleton dimension %d",
                        op, 'a' + first, (long long)size[d], 'a' + k, (long long)t[k]->size[e], d + 1);
      if (first < 0) first = k;
      size[d] = t[k]->size[e];
    }
  }
  return ndim;
}

int tl_can_expand (int ndim, const int64_t *size, int to_ndim, const int64_t *to_size) {
  if (ndim > to_ndim) return 0;
  for (int d = 0; d < ndim; d++)
    if (size[d] != 1 && size[d] != to_size[to_ndim - ndim + d]) return 0;
  return 1;
}

int tl_wrap_dim (const char *op, int64_t dim, int ndim) {
  int n = ndim ? ndim : 1;
  if (dim >= -n && dim < n) return (int)(dim < 0 ? dim + n : dim);
  return tl_fault("%s: Dimension out of range (expected to be in range of [%d, -1] or [1, %d], but got %lld)", op, -n, n,
                  (long long)(dim >= 0 ? dim + 1 : dim));
}

uint32_t tl_dim_mask (const char *op, int n, const int64_t *dims, int ndim) {
  uint32_t mask = 0;
  if (n <= 0) return (1u << ndim) - 1;
  for (int k = 0; k < n; k++) {
    int d = tl_wrap_dim(op, dims[k], ndim);
    if (d < 0) return (uint32_t)-1;
    if (mask & 1u << d) {
      tl_fault("%s: dim %d appears multiple times in the list of dims", op, d + 1);
      return (uint32_t)-1;
    }
    mask |= 1u << d;
  }
  return ndim ? mask : 0;
}

int tl_reduced (const tl_Tensor *x, uint32_t mask, int keepdim, int64_t *size) {
  int n = 0;
  for (int d = 0; d < x->ndim; d++) {
    if (!(mask & 1u << d)) size[n++] = x->size[d];
    else if (keepdim) size[n++] = 1;
  }
  return n;
}

int tl_infer_size (const char *op, int64_t numel, int n, const int64_t *size, int64_t *out) {
  char words[256];
  int64_t known = 1;
  int hole = -1, bad = n > TL_MAXDIM;
  if (bad) return tl_fault("%s: a tensor has at most %d dimensions, got %d", op, TL_MAXDIM, n);
  for (int i = 0; i < n; i++) {
    out[i] = size[i];
    if (size[i] == -1) {
      if (hole >= 0) return tl_fault("%s: only one dimension can be inferred", op);
      hole = i;
    }
    else if (size[i] < 0) return tl_fault("%s: invalid shape dimension %lld", op, (long long)size[i]);
    else if (__builtin_mul_overflow(known, size[i], &known)) bad = 1;
  }
  if (!bad && hole >= 0 && known == 0 && numel == 0)
    return tl_fault("%s: cannot reshape tensor of 0 elements into shape %s because the unspecified dimension size -1 can be "
                    "any value and is ambiguous", op, tl_show_sizes(words, n, size));
  if (!bad && hole >= 0 && known > 0 && numel % known == 0) {
    out[hole] = numel / known;
    return 0;
  }
  if (!bad && hole < 0 && known == numel) return 0;
  return tl_fault("%s: shape '%s' is invalid for input of size %lld", op, tl_show_sizes(words, n, size), (long long)numel);
}

/* walks the new sizes from the right over the old dims' contiguous runs, as PyTorch's computeStride */
int tl_view_strides (const tl_Tensor *x, int ndim, const int64_t *size, int64_t *stride) {
  int64_t old_run = 1, new_run = 1, base;
  int v = ndim - 1;
  if (tl_numel(x) == 0) {
    if (ndim == x->ndim && memcmp(size, x->size, (size_t)ndim * sizeof *size) == 0)
      memcpy(stride, x->stride, (size_t)ndim * sizeof *stride);
    else tl_packed(ndim, size, stride);
    return 1;
  }
  if (x->ndim == 0) {
    for (int d = 0; d < ndim; d++) stride[d] = 1;
    return 1;
  }
  base = x->stride[x->ndim - 1];
  for (int d = x->ndim - 1; d >= 0; d--) {
    old_run *= x->size[d];
    /* the run ends where the next dim to the left does not continue it */
    if (d == 0 || (x->size[d - 1] != 1 && x->stride[d - 1] != old_run * base)) {
      while (v >= 0 && (new_run < old_run || size[v] == 1)) {
        stride[v] = new_run * base;
        new_run *= size[v--];
      }
      if (new_run != old_run) return 0;
      if (d > 0) {
        base = x->stride[d - 1];
        old_run = new_run = 1;
      }
    }
  }
  return v == -1;
}

int tl_check_view (const char *op, const tl_Storage *s, int width, const tl_Geometry *g) {
  int64_t last = g->offset, reach, have = (int64_t)(s->bytes / (size_t)width);
  char words[256], more[256];
  int empty = 0;
  if (tl_check_sizes(op, g->ndim, g->size, width)) return -1;
  if (g->offset < 0) return tl_fault("%s: Tensor: invalid storage offset %lld", op, (long long)g->offset);
  for (int d = 0; d < g->ndim; d++) {
    if (g->stride[d] < 0)
      return tl_fault("%s: Negative strides are not supported at the moment, got strides: %s", op,
                      tl_show_sizes(words, g->ndim, g->stride));
    if (g->size[d] == 0) empty = 1;
  }
  if (empty) return 0;
  for (int d = 0; d < g->ndim; d++)
    if (__builtin_mul_overflow(g->size[d] - 1, g->stride[d], &reach) || __builtin_add_overflow(last, reach, &last))
      last = INT64_MAX;
  if (last < have) return 0;
  return tl_fault("%s: setStorage: sizes %s, strides %s, storage offset %lld, and itemsize %d are out of bounds for storage "
                  "of size %zu", op, tl_show_sizes(words, g->ndim, g->size), tl_show_sizes(more, g->ndim, g->stride),
                  (long long)g->offset, width, s->bytes);
}

/* dims from the smallest stride up; size-1 dims and ties keep the row-major order */
static void by_stride (const tl_Tensor *x, int *order) {
  for (int i = 0; i < x->ndim; i++) {
    int d = x->ndim - 1 - i, j = i;
    for (; j > 0 && x->stride[order[j - 1]] > x->stride[d]; j--) order[j] = order[j - 1];
    order[j] = d;
  }
}

void tl_dense_strides_like (const tl_Tensor *x, int64_t *stride) {
  int order[TL_MAXDIM];
  int64_t n = 1;
  by_stride(x, order);
  for (int k = 0; k < x->ndim; k++) {
    stride[order[k]] = n;
    n *= x->size[order[k]] ? x->size[order[k]] : 1;
  }
}

int tl_is_dense (const tl_Tensor *x) {
  int order[TL_MAXDIM];
  int64_t n = 1;
  if (x->flags & TL_PLAIN) return 1;
  by_stride(x, order);
  for (int k = 0; k < x->ndim; k++) {
    int d = order[k];
    if (x->size[d] == 1) continue;
    if (x->stride[d] != n) return 0;
    n *= x->size[d];
  }
  return 1;
}
