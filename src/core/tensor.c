/*
** tensor.c -- headers: making, aliasing, counting, and the tests of where they look.
*/
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/pool.h"
#include "core/shape.h"
#include "core/tensor.h"

/* headers come from a free list, linked through `storage` */
static tl_Tensor *header (int dtype, int ndim) {
  tl_Context *c = tl_here;
  tl_Tensor *t = c->free_tensors;
  if (TL_LIKELY(t != NULL && !c->fail_in)) c->free_tensors = (tl_Tensor *)t->storage;
  else {
    t = tl_malloc(sizeof *t);
    if (!t) return NULL;
  }
  t->refs = 1;
  t->ndim = (uint8_t)ndim;
  t->dtype = (uint8_t)dtype;
  t->flags = c->inference ? TL_INFERENCE : 0;
  t->result = 0;
  t->storage = NULL;
  t->offset = 0;
  t->node = NULL;
  t->base = NULL;
  t->seen = 0;
  c->tensors++;
  return t;
}

tl_Tensor *tl_retain (tl_Tensor *t) {
  if (t) t->refs++;
  return t;
}

void tl_release (tl_Tensor *t) {
  tl_Context *c = tl_here;
  if (!t || --t->refs > 0) return;
  if (t->node) tl_node_drop(t->node, t);
  if (t->base) tl_release(t->base);              /* a root: no deeper */
  if (t->storage) tl_storage_release(t->storage);
  if (TL_UNLIKELY(!c)) { free(t); return; }
  c->tensors--;
  t->storage = (tl_Storage *)c->free_tensors;
  c->free_tensors = t;
}

void tl_tensor_flush (tl_Context *c) {
  while (c->free_tensors) {
    tl_Tensor *t = c->free_tensors;
    c->free_tensors = (tl_Tensor *)t->storage;
    free(t);
  }
}

tl_Tensor *tl_new (tl_Device *d, int dtype, int ndim, const int64_t *size) {
  int64_t n = 1;
  tl_Tensor *t;
  if (TL_UNLIKELY(ndim < 0 || ndim > TL_MAXDIM)) {
    tl_check_sizes("empty", ndim, size, 1);
    return NULL;
  }
  t = header(dtype, ndim);
  if (!t) return NULL;
  for (int i = ndim - 1; i >= 0; i--) {
    t->size[i] = size[i];
    t->stride[i] = n;
    /* zero sizes count as one in strides; anything suspicious takes the careful way */
    if (TL_UNLIKELY(size[i] < 0 || __builtin_mul_overflow(n, size[i] ? size[i] : 1, &n))) n = INT64_MAX;
  }
  if (TL_UNLIKELY(n > ((int64_t)1 << 40)) && tl_check_sizes("empty", ndim, size, tl_width[dtype])) {
    tl_release(t);
    return NULL;
  }
  t->flags |= TL_PLAIN;
  t->storage = tl_storage_new(d, (size_t)tl_numel(t) * tl_width[dtype]);
  if (TL_UNLIKELY(!t->storage)) { tl_release(t); return NULL; }
  return tl_pool(t);
}

tl_Tensor *tl_new_strided (tl_Device *d, int dtype, int ndim, const int64_t *size, const int64_t *stride) {
  tl_Tensor *t;
  tl_Geometry g;
  int64_t span = 1;
  if (tl_check_sizes("empty_strided", ndim, size, tl_width[dtype])) return NULL;
  g.ndim = ndim;
  g.offset = 0;
  for (int i = 0; i < ndim; i++) {
    int64_t reach;
    g.size[i] = size[i];
    g.stride[i] = stride[i];
    if (stride[i] < 0) return tl_fail("empty_strided: negative strides are not supported, got %lld", (long long)stride[i]);
    if (size[i] == 0) { span = 0; break; }
    if (__builtin_mul_overflow(size[i] - 1, stride[i], &reach) || __builtin_add_overflow(span, reach, &span) ||
        span > INT64_MAX / 16)
      return tl_fail("empty_strided: the strides reach too far");
  }
  for (int i = 0; i < ndim; i++) { g.size[i] = size[i]; g.stride[i] = stride[i]; }
  t = header(dtype, ndim);
  if (!t) return NULL;
  t->storage = tl_storage_new(d, (size_t)span * tl_width[dtype]);
  if (!t->storage) { tl_release(t); return NULL; }
  tl_set_geometry(t, &g);
  return tl_pool(t);
}

tl_Tensor *tl_new_like (tl_Tensor *x, int dtype) {
  int64_t stride[TL_MAXDIM];
  if (!x) return NULL;
  if (x->flags & (TL_PLAIN | TL_WRAPPED) || !tl_is_dense(x)) return tl_new(tl_device_of(x), dtype, x->ndim, x->size);
  tl_dense_strides_like(x, stride);
  return tl_new_strided(tl_device_of(x), dtype, x->ndim, x->size, stride);
}

tl_Tensor *tl_wrap (int dtype, int ndim, const int64_t *size, void *data, void (*drop)(void *, void *), void *owner) {
  tl_Tensor *t;
  if (tl_check_sizes("wrap", ndim, size, tl_width[dtype])) return NULL;
  t = header(dtype, ndim);
  if (!t) return NULL;
  memcpy(t->size, size, (size_t)ndim * sizeof *size);
  tl_packed(ndim, size, t->stride);
  t->flags |= TL_PLAIN;
  t->storage = tl_storage_wrap(tl_cpu(), data, (size_t)tl_numel(t) * tl_width[dtype], drop, owner);
  if (!t->storage) { tl_release(t); return NULL; }
  return tl_pool(t);
}

tl_Tensor *tl_scalar (tl_Num v, int dtype) {
  tl_Tensor *t = header(dtype, 0);
  if (!t) return NULL;
  t->flags |= TL_WRAPPED;
  t->number = v;
  return tl_pool(t);
}

tl_Tensor *tl_number (double x) { return tl_scalar((tl_Num){ .f = x }, tl_here->default_dtype); }
tl_Tensor *tl_integer (int64_t x) { return tl_scalar((tl_Num){ .i = x }, TL_i64); }
tl_Tensor *tl_boolean (int x) { return tl_scalar((tl_Num){ .i = x != 0 }, TL_b8); }

tl_Tensor *tl_alias (tl_Tensor *x) {
  tl_Tensor *t;
  if (!x) return NULL;
  t = header(x->dtype, x->ndim);
  if (!t) return NULL;
  t->flags |= x->flags & (TL_PLAIN | TL_WRAPPED | TL_INFERENCE);
  t->offset = x->offset;
  t->storage = x->storage;
  if (t->storage) tl_storage_retain(t->storage);
  for (int i = 0; i < x->ndim; i++) {
    t->size[i] = x->size[i];
    t->stride[i] = x->stride[i];
  }
  return tl_pool(t);
}

tl_Tensor *tl_alias_at (tl_Tensor *x, const tl_Geometry *g) {
  tl_Tensor *t;
  if (!x) return NULL;
  t = header(x->dtype, g->ndim);
  if (!t) return NULL;
  t->flags |= x->flags & TL_INFERENCE;
  t->storage = x->storage;
  tl_storage_retain(t->storage);
  tl_set_geometry(t, g);
  return tl_pool(t);
}

int64_t tl_numel (const tl_Tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->ndim; i++) n *= t->size[i];
  return n;
}

int tl_is_contiguous (const tl_Tensor *t) {
  int64_t n = 1;
  if (t->flags & (TL_PLAIN | TL_WRAPPED)) return 1;
  for (int i = 0; i < t->ndim; i++)
    if (t->size[i] == 0) return 1;
  for (int i = t->ndim - 1; i >= 0; i--) {
    if (t->size[i] != 1 && t->stride[i] != n) return 0;
    n *= t->size[i];
  }
  return 1;
}

void tl_geometry (const tl_Tensor *t, tl_Geometry *g) {
  g->ndim = t->ndim;
  g->offset = t->offset;
  for (int i = 0; i < t->ndim; i++) {
    g->size[i] = t->size[i];
    g->stride[i] = t->stride[i];
  }
}

void tl_set_geometry (tl_Tensor *t, const tl_Geometry *g) {
  int64_t n = 1;
  int plain = 1;
  t->ndim = (uint8_t)g->ndim;
  t->offset = g->offset;
  for (int i = g->ndim - 1; i >= 0; i--) {
    t->size[i] = g->size[i];
    t->stride[i] = g->stride[i];
    if (g->size[i] != 1 && g->stride[i] != n) plain = 0;
    n *= g->size[i];
  }
  t->flags = (uint8_t)((t->flags & ~TL_PLAIN) | (plain || n == 0 ? TL_PLAIN : 0));
}

int tl_same_sizes (const tl_Tensor *a, const tl_Tensor *b) {
  if (a->ndim != b->ndim) return 0;
  for (int i = 0; i < a->ndim; i++)
    if (a->size[i] != b->size[i]) return 0;
  return 1;
}

/* exact for what views make: dims sorted by stride must each step over all smaller ones */
int tl_overlaps_itself (const tl_Tensor *t) {
  int order[TL_MAXDIM], n = 0;
  int64_t reach = 0;
  if (t->flags & TL_PLAIN) return 0;
  for (int i = 0; i < t->ndim; i++) {
    int j = n;
    if (t->size[i] == 0) return 0;
    if (t->size[i] == 1) continue;
    for (; j > 0 && t->stride[order[j - 1]] > t->stride[i]; j--) order[j] = order[j - 1];
    order[j] = i;
    n++;
  }
  for (int k = 0; k < n; k++) {
    int i = order[k];
    if (t->stride[i] <= reach) return 1;
    reach += (t->size[i] - 1) * t->stride[i];
  }
  return 0;
}

/* first and one past the last byte touched */
static void extent (const tl_Tensor *t, const char **low, const char **high) {
  int64_t reach = 1;
  for (int i = 0; i < t->ndim; i++) reach += (t->size[i] - 1) * t->stride[i];
  *low = tl_data(t);
  *high = *low + reach * tl_width[t->dtype];
}

int tl_share_memory (const tl_Tensor *a, const tl_Tensor *b) {
  const char *alow, *ahigh, *blow, *bhigh;
  if (!a->storage || !b->storage || !a->storage->data || !b->storage->data) return 0;
  if (a->storage != b->storage && a->storage->block && b->storage->block) return 0;
  if (tl_numel(a) == 0 || tl_numel(b) == 0) return 0;
  extent(a, &alow, &ahigh);
  extent(b, &blow, &bhigh);
  return alow < bhigh && blow < ahigh;
}

int tl_same_place (const tl_Tensor *a, const tl_Tensor *b) {
  if (!a->storage || !b->storage || a->dtype != b->dtype || !tl_same_sizes(a, b) || tl_data(a) != tl_data(b)) return 0;
  for (int i = 0; i < a->ndim; i++)
    if (a->size[i] != 1 && a->stride[i] != b->stride[i]) return 0;
  return 1;
}
