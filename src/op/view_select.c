/*
** view_select.c -- pieces along one dim: narrow, select, slice, split, chunk, unbind; and detach.
**
** Each is a cut: a geometry made smaller, done once to where self lies (the view) and once to a packed
** tensor of its size (where the gradient goes, tl_piece_backward in view_place.c).
*/
#include "op/calls.h"
#include "op/families.h"
#include "op/piece.h"

enum { SELECT, SLICE };

static int looks (tl_Args *a) {
  a->geometry = &a->view;
  return 0;
}

static void cut_select (tl_Geometry *g, int d, int64_t index) {
  g->offset += index * g->stride[d];
  tl_drop_dim(g, d);
}

static void cut_slice (tl_Geometry *g, int d, int64_t start, int64_t count, int64_t step) {
  if (count > 0) g->offset += start * g->stride[d];
  g->size[d] = count;
  g->stride[d] *= step;
}

/* ---------------------------------------------------------------- select, slice, narrow */

static int select_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int64_t index = a->v[2].i, size;
  char words[256];
  int d;
  if (x->ndim == 0) return tl_fault("select() cannot be applied to a 0-dim tensor.");
  d = tl_wrap_dim("select", a->v[1].i, x->ndim);
  if (d < 0) return -1;
  size = x->size[d];
  if (index < -size || index >= size)
    return tl_fault("select(): index %lld out of range for tensor of size %s at dimension %d",
                    (long long)(index < 0 ? index : index + 1), tl_show_sizes(words, x->ndim, x->size), d + 1);
  if (index < 0) index += size;
  tl_geometry(x, &a->view);
  cut_select(&a->view, d, index);
  if (a->wants) {
    tl_Geometry all, at;
    tl_whole(x, &all);
    at = all;
    cut_select(&at, d, index);
    tl_keep_place(a, &all, &at, 0);
  }
  return looks(a);
}

static int slice_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int64_t start = a->v[2].i, count = a->v[3].i, step = a->v[4].i, last;
  int d = x->ndim ? tl_wrap_dim("slice", a->v[1].i, x->ndim) : tl_fault("slice() cannot be applied to a 0-dim tensor.");
  if (d < 0) return -1;
  if (step <= 0) return tl_fault("slice step must be positive");
  if (start < 0 || count < 0 || __builtin_mul_overflow(count ? count - 1 : 0, step, &last) ||
      __builtin_add_overflow(last, start, &last) || (count && last >= x->size[d]))
    return tl_fault("slice: %lld elements from %lld on in steps of %lld don't fit dimension %d of size %lld",
                    (long long)count, (long long)start + 1, (long long)step, d + 1, (long long)x->size[d]);
  tl_geometry(x, &a->view);
  cut_slice(&a->view, d, start, count, step);
  if (a->wants) {
    tl_Geometry all, at;
    tl_whole(x, &all);
    at = all;
    cut_slice(&at, d, start, count, step);
    tl_keep_place(a, &all, &at, 0);
  }
  return looks(a);
}

static int narrow_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int64_t start = a->v[2].i, length = a->v[3].i;
  int d;
  if (x->ndim == 0) return tl_fault("narrow() cannot be applied to a 0-dim tensor.");
  d = tl_wrap_dim("narrow", a->v[1].i, x->ndim);
  if (d < 0) return -1;
  if (a->which == 1) {
    tl_Tensor *s = a->v[2].t;
    tl_Num v;
    if (s->ndim != 0 || tl_is_float(s->dtype) || s->dtype == TL_b8)
      return tl_fault("narrow: start must be an 0-dim integral Tensor.");
    if (tl_peek_number("narrow", s, &v)) return -1;
    if (v.i == 0) return tl_fault("narrow: start 0 is out of range (indices count from 1)");
    start = v.i > 0 ? v.i - 1 : v.i;
  }
  if (length < 0) return tl_fault("narrow(): length must be non-negative.");
  if (start < -x->size[d] || start > x->size[d])
    return tl_fault("narrow: start out of range (expected to be in range of [%lld, %lld], but got %lld)",
                    (long long)-x->size[d], (long long)x->size[d] + 1, (long long)(start < 0 ? start : start + 1));
  if (start < 0) start += x->size[d];
  if (length > x->size[d] - start)
    return tl_fault("narrow: start (%lld) + length (%lld) exceeds dimension size (%lld).", (long long)start + 1,
                    (long long)length, (long long)x->size[d]);
  a->out[0] = tl_slice(x, d, start, length, 1);
  return a->out[0] ? 0 : -1;
}

/* ---------------------------------------------------------------- split, chunk, unbind */

static int some_views (tl_Args *a, int64_t n) {
  if (n > INT32_MAX / (int64_t)sizeof *a->list) return tl_fault("%s: too many pieces (%lld)", a->op->name,
                                                                (long long)n);
  a->list = tl_scratch((size_t)(n ? n : 1) * sizeof *a->list);
  a->nlist = (int)n;
  return a->list ? 0 : -1;
}

/* piece k of a list; nothing but the piece stays in the pool */
static int piece (tl_Args *a, int k, int d, int64_t start, int64_t count) {
  size_t mark = tl_mark();
  tl_Tensor *t = count < 0 ? tl_select(a->v[0].t, d, start) : tl_slice(a->v[0].t, d, start, count, 1);
  if (!t) return -1;
  tl_retain(t);
  tl_drain(mark);
  t->flags |= TL_VIEW_MULTI;
  a->list[k] = tl_pool(t);
  return a->list[k] ? 0 : -1;
}

static int split_even (tl_Args *a, int d, int64_t each, int64_t n) {
  int64_t size = a->v[0].t->size[d];
  if (some_views(a, n)) return -1;
  for (int64_t k = 0; k < n; k++) {
    int64_t rest = size - k * each;
    if (piece(a, (int)k, d, k * each, rest < each ? rest : each)) return -1;
  }
  return 0;
}

static int split_sizes (tl_Args *a, int d) {
  const int64_t *sizes = a->v[1].is;
  int64_t sum = 0, at = 0;
  for (int k = 0; k < a->v[1].n; k++) {
    if (sizes[k] < 0)
      return tl_fault("split_with_sizes expects split_sizes have only non-negative entries, but got %lld",
                      (long long)sizes[k]);
    if (__builtin_add_overflow(sum, sizes[k], &sum)) sum = INT64_MAX;
  }
  if (sum != a->v[0].t->size[d])
    return tl_fault("split_with_sizes expects split_sizes to sum exactly to %lld (input tensor's size at dimension "
                    "%d), but got a sum of %lld", (long long)a->v[0].t->size[d], d + 1, (long long)sum);
  if (some_views(a, a->v[1].n)) return -1;
  for (int k = 0; k < a->v[1].n; at += sizes[k++])
    if (piece(a, k, d, at, sizes[k])) return -1;
  return 0;
}

static int split_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int64_t each = a->v[1].i, size, n;
  int d;
  if (x->ndim == 0) return tl_fault("split expects at least a 1-dimensional tensor");
  d = tl_wrap_dim("split", a->v[2].i, x->ndim);
  if (d < 0) return -1;
  if (a->which == 1) return split_sizes(a, d);
  size = x->size[d];
  if (each < 0) return tl_fault("split expects split_size be non-negative, but got split_size=%lld", (long long)each);
  if (each == 0 && size != 0)
    return tl_fault("split_size can only be 0 if dimension size is 0, but got dimension size of %lld", (long long)size);
  n = each == 0 ? 1 : size / each + (size % each != 0);
  return split_even(a, d, each, n ? n : 1);
}

static int split_with_sizes_forward (tl_Args *a) {
  int d = a->v[0].t->ndim ? tl_wrap_dim("split_with_sizes", a->v[2].i, a->v[0].t->ndim)
                          : tl_fault("split expects at least a 1-dimensional tensor");
  return d < 0 ? -1 : split_sizes(a, d);
}

static int chunk_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int64_t chunks = a->v[1].i, size, each, n;
  int d;
  if (x->ndim == 0) return tl_fault("chunk expects at least a 1-dimensional tensor");
  if (chunks <= 0) return tl_fault("chunk expects `chunks` to be greater than 0, got: %lld", (long long)chunks);
  d = tl_wrap_dim("chunk", a->v[2].i, x->ndim);
  if (d < 0) return -1;
  size = x->size[d];
  each = size / chunks + (size % chunks != 0);
  n = each == 0 ? chunks : size / each + (size % each != 0);   /* an empty dim gives that many empty pieces */
  return split_even(a, d, each, n);
}

static int unbind_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int d;
  if (x->ndim == 0) return tl_fault("Dimension specified as %lld but tensor has no dimensions",
                                    (long long)(a->v[1].i < 0 ? a->v[1].i : a->v[1].i + 1));
  d = tl_wrap_dim("unbind", a->v[1].i, x->ndim);
  if (d < 0 || some_views(a, x->size[d])) return -1;
  for (int k = 0; k < a->nlist; k++)
    if (piece(a, k, d, k, -1)) return -1;
  return 0;
}

/* ---------------------------------------------------------------- detach */

static int detach_forward (tl_Args *a) {
  a->out[0] = tl_detach(a->v[0].t);
  return a->out[0] ? 0 : -1;
}

static int detach_here_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  if (x->base && tl_node(x) && !tl_is_leaf(x))
    return tl_fault("Can't detach views in-place. Use detach() instead.");
  tl_set_node(x, NULL, 0);
  a->out[0] = x;
  return 0;
}

/* ---------------------------------------------------------------- the table and C calls */

const tl_Op tl_view_select_ops[] = {
  [SELECT] = { "select", "self:T dim:d index:e", "element `index` of a dim, which goes (a view)", select_forward,
               tl_piece_backward, TL_OP_VIEW, 0, NULL, NULL },
  [SLICE] = { "_slice", "self:T dim:d start:i count:i step:i",
              "`count` elements of a dim from `start` (from 0) on, `step` apart",
              slice_forward, tl_piece_backward, TL_OP_VIEW, 0, "_C", "slice" },
  { "narrow", "self:T dim:d start:e length:i | self:T dim:d start:T length:i",
    "`length` elements of a dim from `start` on (a view)",
    narrow_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "split", "self:T split_size:i dim:d=1 -> L | self:T split_size:I dim:d=1 -> L",
    "pieces of split_size along a dim, the last may be smaller; or pieces of the sizes listed (views)", split_forward,
        NULL,
    TL_OP_COMPOSITE, 0, NULL, NULL },
  { "split_with_sizes", "self:T split_sizes:I dim:d=1 -> L", "pieces of the sizes listed (views)",
    split_with_sizes_forward, NULL,
    TL_OP_COMPOSITE, 0, NULL, NULL },
  { "chunk", "self:T chunks:i dim:d=1 -> L",
    "at most `chunks` pieces of one size along a dim, the last may be smaller (views)",
    chunk_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "unbind", "self:T dim:d=1 -> L", "all elements of a dim as tensors without it (views)", unbind_forward, NULL,
    TL_OP_COMPOSITE,
    0, NULL, NULL },
  { "detach", "self:T", "the same memory without history", detach_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "detach_", "self:T", "forgets the history; a leaf afterwards", detach_here_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_INPLACE_ONLY, 0, NULL, NULL },
  TL_ROW_END
};

static void start (tl_Args *a, int row, tl_Tensor *x, int64_t dim) {
  tl_args(a, &tl_view_select_ops[row], 0);
  a->v[0].t = x;
  a->v[1].i = dim;
}

tl_Tensor *tl_select (tl_Tensor *x, int64_t dim, int64_t index) {
  tl_Args a;
  if (!x) return NULL;
  start(&a, SELECT, x, dim);
  a.v[2].i = index;
  return tl_apply1(&a);
}

tl_Tensor *tl_slice (tl_Tensor *x, int64_t dim, int64_t from, int64_t count, int64_t step) {
  tl_Args a;
  if (!x) return NULL;
  start(&a, SLICE, x, dim);
  a.v[2].i = from;
  a.v[3].i = count;
  a.v[4].i = step;
  return tl_apply1(&a);
}

tl_Tensor *tl_narrow (tl_Tensor *x, int64_t dim, int64_t from, int64_t length) {
  return tl_slice(x, dim, from, length, 1);
}
