/*
** index_plan.c -- what an index means: masks become positions, several index tensors one tensor of
** distances; and the commands that gather and scatter by them.
*/
#include <string.h>

#include "op/index.h"

int tl_index_is_mask (const tl_Tensor *t) { return t->dtype == TL_b8 || t->dtype == TL_u8; }

tl_Tensor *tl_index_numbers (const char *op, tl_Tensor *index, tl_Tensor *x) {
  if (!index) return NULL;
  if (tl_is_float(index->dtype) || index->dtype == TL_b8)
    return tl_fail("%s(): Expected dtype int32/int64 for index", op);
  if (index->flags & TL_WRAPPED) index = tl_unwrap(index, tl_device_of(x));
  return tl_cast(index, TL_i64);
}

int tl_index_run (int verb, int op, int ndim, const int64_t *size, tl_Tensor *const *t, const int64_t *p) {
  tl_Cmd c;
  for (int k = 0; k < 3; k++)
    if (!t[k]) return -1;
  for (int d = 0; d < ndim; d++)
    if (size[d] == 0) return 0;
  tl_cmd_init(&c, verb, op, t[0]->dtype, 1);
  tl_space(&c, ndim, size, ndim, 3, t, 0);
  for (int k = 0; k < 5; k++) c.p[k].i = p[k];
  return tl_run(t[0]->storage->device, &c);
}

tl_Tensor *tl_index_table (tl_Tensor *x, int d, int ndim, const int64_t *size, int64_t *step) {
  tl_Geometry g;
  g.ndim = ndim;
  g.offset = x->offset;
  memcpy(g.size, size, (size_t)ndim * sizeof *size);
  memcpy(g.stride, x->stride, (size_t)(x->ndim < ndim ? x->ndim : ndim) * sizeof *size);
  *step = (x->ndim ? x->stride[d] : 1) * tl_width[x->dtype];      /* 0-d counts as one element of one dim */
  if (ndim) g.stride[d] = 0;
  return tl_alias_at(x, &g);
}

tl_Tensor *tl_index_along (tl_Tensor *index, int d, int ndim, const int64_t *size) {
  tl_Geometry g;
  if (!index) return NULL;
  g.ndim = ndim;
  g.offset = index->offset;
  memcpy(g.size, size, (size_t)ndim * sizeof *size);
  memset(g.stride, 0, sizeof g.stride);
  if (ndim) g.stride[d] = index->ndim ? index->stride[0] : 1;
  return tl_alias_at(index, &g);
}

/* ---------------------------------------------------------------- positions of a mask */

/* count x ndim, int64, from 1 */
static tl_Tensor *positions (const char *what, tl_Tensor *x) {
  tl_Tensor *count, *ones = tl_cast(x, TL_b8), *y, *t[2];
  tl_Num n;
  int64_t size[2];
  tl_Cmd c;
  if (!ones) return NULL;
  if (ones->flags & TL_WRAPPED) ones = tl_unwrap(ones, tl_here->default_device);
  if (!ones || tl_reduce(TL_reduce_sum, ones, (1u << ones->ndim) - 1, 0, TL_NONE, NULL, NULL, &count) ||
      tl_peek_number(what, count, &n)) return NULL;
  size[0] = n.i;
  size[1] = x->ndim;
  y = tl_new(tl_device_of(ones), TL_i64, 2, size);
  if (!y || n.i == 0 || x->ndim == 0) return y;
  t[0] = NULL;
  t[1] = ones;
  tl_cmd_init(&c, TL_NONZERO, 0, TL_b8, 1);
  tl_space(&c, x->ndim, x->size, x->ndim, 2, t, TL_SPACE_FIXED);
  tl_operand(&c, 0, y);
  c.out = TL_i64;
  c.p[0].i = 1;
  return tl_run(ones->storage->device, &c) ? NULL : y;
}

/* nonzero, argwhere; as_tuple=false is the form without it */
int tl_nonzero_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  if (a->which == 1 && a->v[1].i) {
    a->list = tl_nonzero_list(x, &a->nlist);
    return a->list ? 0 : -1;
  }
  a->form = &tl_op_spec(a->op)->form[0];
  a->out[0] = positions(a->op->name, x);
  return a->out[0] ? 0 : -1;
}

/* a 0-d condition counts as one element of one dim */
tl_Tensor **tl_nonzero_list (tl_Tensor *x, int *n) {
  tl_Tensor **list, *all;
  tl_Geometry one = { 1, 0, { 1 }, { 1 } };
  if (!x) return NULL;
  if (x->ndim == 0) {
    x = tl_unwrap(x, tl_here->default_device);
    if (!x) return NULL;
    one.offset = x->offset;
    x = tl_alias_at(x, &one);
  }
  list = tl_scratch(TL_MAXDIM * sizeof *list);
  all = positions("nonzero", x);
  if (!list || !all) return NULL;
  *n = x->ndim;
  for (int d = 0; d < x->ndim; d++) {
    tl_Geometry g = { 1, all->offset + d, { all->size[0] }, { all->size[1] } };
    list[d] = tl_alias_at(all, &g);
    if (!list[d]) return NULL;
  }
  return list;
}

/* ---------------------------------------------------------------- several index tensors */

/* an index stands beside the tensor, or comes there from the host */
static tl_Tensor *beside (tl_Tensor *x, tl_Tensor *t) {
  tl_Device *d = tl_device_of(x);
  if (t->flags & TL_WRAPPED) return tl_unwrap(t, d);
  if (tl_device_of(t) != d && tl_device_of(t)->kind != 1)
    return tl_fail("indices should be either on cpu or on the same device as the indexed tensor (%s)", d->name);
  return tl_to_device(t, d);
}

/* index tensors per dim of x, masks resolved */
static int spread (tl_Tensor *x, int n, tl_Tensor *const *index, tl_Tensor **out) {
  int d = 0, m;
  char one[256], two[256];
  for (int k = 0; k < n; k++) {
    tl_Tensor *t = index[k];
    if (!t) {
      if (d >= x->ndim) return tl_fault("too many indices for tensor of dimension %d", x->ndim);
      out[d++] = NULL;
      continue;
    }
    if (!(t = beside(x, t))) return -1;
    if (tl_index_is_mask(t)) {
      tl_Tensor **list;
      if (d + t->ndim > x->ndim) return tl_fault("too many indices for tensor of dimension %d", x->ndim);
      for (int e = 0; e < t->ndim; e++)
        if (t->size[e] != x->size[d + e])
          return tl_fault("The shape of the mask %s at index %d does not match the shape of the indexed tensor %s at "
                          "index %d",
                          tl_show_sizes(one, t->ndim, t->size), e + 1, tl_show_sizes(two, x->ndim, x->size), d + e + 1);
      list = tl_nonzero_list(t, &m);
      if (!list) return -1;
      for (int e = 0; e < t->ndim; e++) out[d++] = list[e];
      continue;
    }
    if (tl_is_float(t->dtype)) return tl_fault("tensors used as indices must be long, int, byte or bool tensors");
    if (d >= x->ndim) return tl_fault("too many indices for tensor of dimension %d", x->ndim);
    out[d] = tl_cast(t, TL_i64);
    if (!out[d++]) return -1;
  }
  while (d < x->ndim) out[d++] = NULL;
  return 0;
}

/* sum of (index - 1) * step over the indexed dims, negative ones from the end */
static tl_Tensor *distances (tl_Tensor *x, tl_Tensor *const *index, int ndim, const int64_t *size,
                             const int64_t *step) {
  tl_Tensor *y = tl_zeros(tl_device_of(x), TL_i64, ndim, size);
  for (int d = 0; y && d < x->ndim; d++) {
    tl_Tensor *t[2] = { y, index[d] };
    tl_Cmd c;
    if (!index[d] || tl_numel(y) == 0) continue;
    tl_cmd_init(&c, TL_OFFSET, 0, TL_i64, 1);
    tl_space(&c, ndim, size, ndim, 2, t, 0);
    c.p[TL_INDEX_SIZE].i = x->size[d];
    c.p[TL_INDEX_STEP].i = step[d];
    c.p[TL_INDEX_BASE].i = 1;
    c.p[TL_INDEX_DIM].i = d;
    c.p[TL_INDEX_WRAP].i = 1;
    if (tl_run(y->storage->device, &c)) return NULL;
  }
  return y;
}

int tl_index_plan (tl_Tensor *x, int n, tl_Tensor *const *index, tl_IndexPlan *out) {
  tl_Tensor *each[TL_MAXDIM];
  int64_t size[TL_MAXDIM], step[TL_MAXDIM];
  int ndim, first = -1, last = -1, count = 0, rest = 0;
  if (!x || spread(x, n, index, each)) return -1;
  out->meta[0] = 0;
  for (int d = 0; d < x->ndim; d++) {
    if (!each[d]) { rest++; continue; }
    if (first < 0) first = d;
    last = d;
    count++;
    out->meta[0] |= (int64_t)1 << d;
  }
  out->meta[1] = count && last - first + 1 == count ? first : 0;     /* not side by side: the front */
  ndim = tl_broadcast("index", x->ndim, each, size);
  if (ndim < 0) {
    char words[TL_MAXDIM][256], all[1024];
    size_t at = 0;
    tl_clear();
    all[0] = 0;
    for (int d = 0; d < x->ndim && at < sizeof all - 260; d++) {
      const char *s;
      if (!each[d]) continue;
      if (at) { memcpy(all + at, ", ", 3); at += 2; }
      s = tl_show_sizes(words[d], each[d]->ndim, each[d]->size);
      memcpy(all + at, s, strlen(s) + 1);
      at += strlen(s);
    }
    return tl_fault("shape mismatch: indexing tensors could not be broadcast together with shapes %s", all);
  }
  if (rest + ndim > TL_MAXDIM)
    return tl_fault("index: a tensor has at most %d dimensions, got %d", TL_MAXDIM, rest + ndim);
  tl_packed(x->ndim, x->size, step);
  out->offset = out->here = distances(x, each, ndim, size, step);
  if (!tl_is_contiguous(x)) out->here = distances(x, each, ndim, size, x->stride);
  return out->offset && out->here ? 0 : -1;
}

int tl_index_space (tl_Tensor *x, tl_Tensor *here, const int64_t *meta, int64_t *size, tl_Tensor **table,
                    tl_Tensor **distance) {
  tl_Geometry gt, gd;
  int n = 0, d = 0;
  gt.offset = x->offset;
  gd.offset = here->offset;
  for (int kept = 0; ; kept++) {
    if (kept == meta[1])                                 /* the index tensors' own dims stand here */
      for (int e = 0; e < here->ndim; e++, n++) {
        size[n] = here->size[e];
        gt.stride[n] = 0;
        gd.stride[n] = here->stride[e];
      }
    while (d < x->ndim && meta[0] >> d & 1) d++;
    if (d == x->ndim) break;
    size[n] = x->size[d];
    gt.stride[n] = x->stride[d++];
    gd.stride[n++] = 0;
  }
  gt.ndim = gd.ndim = n;
  memcpy(gt.size, size, (size_t)n * sizeof *size);
  memcpy(gd.size, size, (size_t)n * sizeof *size);
  if (tl_check_sizes("index", n, size, tl_width[x->dtype])) return -1;
  *table = tl_alias_at(x, &gt);
  *distance = tl_alias_at(here, &gd);
  return *table && *distance ? n : -1;
}
