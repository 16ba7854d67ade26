/*
** items.c -- x[...] and x[...] = v.  The items are applied from left to right as PyTorch does: numbers
** and ranges make views, index tensors and masks are gathered at the end.  Where no history is wanted,
** numbers, ranges and new axes need no operations at all: the geometry is worked out here.
*/
#include <string.h>

#include "bind/items.h"
#include "op/calls.h"

/* ---------------------------------------------------------------- numbers and ranges */

/* from 0; -1 with a message */
static int64_t place (int64_t i, int64_t size, int dim) {
  if (i > 0 && i <= size) return i - 1;
  if (i < 0 && i >= -size) return i + size;
  return tl_fault("index %lld is out of bounds for dimension %d with size %lld%s", (long long)i, dim + 1,
                  (long long)size,
                  i == 0 ? " (indices count from 1)" : "");
}

/* first from 0 and count of a range on a dim, cut to the dim */
static int cut (const tl_Item *m, int64_t size, int dim, int64_t *first, int64_t *count) {
  int64_t a = m->a, b = m->b;
  if (m->step <= 0) return tl_fault("slice step must be positive, got %lld", (long long)m->step);
  if (a == 0)
    return tl_fault("range {%lld, %lld} starts at 0 in dimension %d with size %lld (indices count from 1)",
                    (long long)a,
                    (long long)b, dim + 1, (long long)size);
  if (a < 0) a = a + size < 0 ? 1 : a + size + 1;
  if (b == 0 && a != 1)
    return tl_fault("range {%lld, 0} ends at 0 in dimension %d with size %lld (indices count from 1; {1, 0} is empty)",
                    (long long)m->a, dim + 1, (long long)size);
  if (b < 0) b = b + size + 1;
  if (b > size) b = size;
  *first = a - 1;
  *count = b < a ? 0 : (b - a) / m->step + 1;
  if (*count == 0) *first = 0;
  return 0;
}

/* how many dims the items ask for */
static int asked (const tl_Items *x, const tl_Tensor *t) {
  int n = 0, dots = 0;
  for (int k = 0; k < x->n; k++) {
    const tl_Item *m = &x->item[k];
    if (m->kind == TL_NUMBER || m->kind == TL_SLICE) n++;
    else if (m->kind == TL_INDEX) n += m->t->dtype == TL_b8 || m->t->dtype == TL_u8 ? m->t->ndim : 1;
    else if (m->kind == TL_ELLIPSIS && dots++) return tl_fault("an index can only have a single ellipsis ('...')");
  }
  if (n > t->ndim) return tl_fault("too many indices for tensor of dimension %d", t->ndim);
  return n;
}

/* no history wanted and no index tensors: the place, or 0 when operations are needed, or -1 */
static int directly (tl_Tensor *t, const tl_Items *x, int want, tl_Geometry *g) {
  int d = 0, n = 0;
  g->offset = t->offset;
  for (int k = 0; k < x->n; k++) {
    const tl_Item *m = &x->item[k];
    int64_t first, count;
    if (n == TL_MAXDIM && m->kind != TL_NUMBER && m->kind != TL_ELLIPSIS) return 0;
    switch (m->kind) {
      case TL_NUMBER:
        first = place(m->a, t->size[d], d);
        if (first < 0) return -1;
        g->offset += first * t->stride[d++];
        break;
      case TL_SLICE:
        if (cut(m, t->size[d], d, &first, &count)) return -1;
        g->offset += first * t->stride[d];
        g->size[n] = count;
        g->stride[n++] = t->stride[d++] * m->step;
        break;
      case TL_NEWAXIS:
        g->size[n] = 1;
        g->stride[n++] = d < t->ndim ? t->size[d] * t->stride[d] : 1;
        break;
      case TL_ELLIPSIS:
        for (int rest = t->ndim - want; rest > 0; rest--, d++) {
          if (n == TL_MAXDIM) return 0;
          g->size[n] = t->size[d];
          g->stride[n++] = t->stride[d];
        }
        break;
      default: return 0;
    }
  }
  for (; d < t->ndim; d++) {
    if (n == TL_MAXDIM) return 0;
    g->size[n] = t->size[d];
    g->stride[n++] = t->stride[d];
  }
  g->ndim = n;
  return 1;
}

/* applies the items: a view, and the index tensors by dim of the view (*nindex of them, 0: none) */
static tl_Tensor *views (tl_Tensor *t, const tl_Items *x, int want, tl_Tensor **index, int *nindex) {
  tl_Tensor *y = t;
  int d = 0, before = 0;                                 /* before: dims of t passed, for messages */
  int64_t one = 1;
  *nindex = 0;
  for (int k = 0; k < TL_MAXDIM; k++) index[k] = NULL;
  for (int k = 0; k < x->n && y; k++) {
    const tl_Item *m = &x->item[k];
    int64_t first, count;
    tl_Tensor *it = m->t;
    tl_Num v;
    switch (m->kind) {
      case TL_NUMBER:
        first = place(m->a, y->size[d], before++);
        y = first < 0 ? NULL : tl_select(y, d, first);
        break;
      case TL_SLICE:
        if (cut(m, y->size[d], before++, &first, &count)) return NULL;
        if (count != y->size[d] || m->step != 1) y = tl_slice(y, d, first, count, m->step);
        d++;
        break;
      case TL_NEWAXIS: y = tl_unsqueeze(y, d++); break;
      case TL_ELLIPSIS: d += t->ndim - want; before += t->ndim - want; break;
      case TL_TRUTH:
        it = tl_unwrap(tl_boolean((int)m->a), tl_device_of(t));
        __attribute__((fallthrough));
      case TL_INDEX:
        if (!it) return NULL;
        if (it->ndim == 0 && (it->dtype == TL_b8 || it->dtype == TL_u8)) {
          y = tl_unsqueeze(y, d);
          it = tl_reshape(it, 1, &one);
          if (!y || !it) return NULL;
        }
        else if (it->ndim == 0 && !tl_is_float(it->dtype)) {
          if (tl_peek_number("index", it, &v)) return NULL;
          first = place(v.i, y->size[d], before++);
          y = first < 0 ? NULL : tl_select(y, d, first);
          break;
        }
        count = it->dtype == TL_b8 || it->dtype == TL_u8 ? it->ndim : 1;
        if (d >= TL_MAXDIM) return tl_fail("index: a tensor has at most %d dimensions", TL_MAXDIM);
        index[d] = it;
        *nindex = d + 1;
        before += (int)count;
        d += (int)count;
        break;
    }
  }
  return y;
}

/* tl_index takes one entry for a mask, whatever dims it covers */
static int pack (int n, tl_Tensor **index) {
  int to = 0;
  for (int d = 0; d < n; to++) {
    tl_Tensor *t = index[d];
    index[to] = t;
    d += t && (t->dtype == TL_b8 || t->dtype == TL_u8) && t->ndim > 1 ? t->ndim : 1;
  }
  return to;
}

static int has_history (tl_Tensor *t) { return tl_here->grad_mode && (t->node || t->base) && tl_edge(t).node; }

tl_Tensor *tl_get_items (tl_Tensor *t, const tl_Items *x) {
  tl_Tensor *index[TL_MAXDIM], *y;
  tl_Geometry g;
  int n, want = asked(x, t);
  if (want < 0) return NULL;
  if (!has_history(t)) {
    int direct = directly(t, x, want, &g);
    if (direct) return direct < 0 ? NULL : tl_view_of(t, &g, NULL);
  }
  y = views(t, x, want, index, &n);
  if (n) return tl_index(y, pack(n, index), index);
  return y == t ? tl_view(t, t->ndim, t->size) : y;
}

/* dims of 1 in front that the place does not have are let go */
static tl_Tensor *without_ones (tl_Tensor *v, int ndim) {
  int lead = 0;
  while (v && v->ndim - lead > ndim && v->size[lead] == 1) lead++;
  return lead ? tl_view(v, v->ndim - lead, v->size + lead) : v;
}

int tl_put_items (tl_Tensor *t, const tl_Items *x, tl_Tensor *v) {
  tl_Tensor *index[TL_MAXDIM], *y = t;
  tl_Geometry g;
  int n = 0, want = asked(x, t), direct = 0;
  if (want < 0 || !v) return -1;
  if (x->n && !has_history(t)) {
    direct = directly(t, x, want, &g);
    if (direct < 0) return -1;
    if (direct) y = tl_view_of(t, &g, NULL);
  }
  if (!direct) y = views(t, x, want, index, &n);
  if (!y) return -1;
  if (n) return tl_index_put(y, pack(n, index), index, v, 0);
  return tl_copy_in(y, without_ones(v, y->ndim));
}
