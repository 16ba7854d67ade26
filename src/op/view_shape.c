/*
** view_shape.c -- other shapes of the same memory: transpose, permute, view, expand, squeeze and kin.
**
** A view's forward only says where the result looks (a->view); apply makes the view and its node.  The
** derivative of each is a view of the gradient the other way round, so second derivatives are free.
** reshape, flatten and others that may have to copy are compositions of `view` and `contiguous`.
*/
#include <string.h>

#include "op/calls.h"
#include "op/families.h"
#include "op/piece.h"

enum { T, TRANSPOSE, PERMUTE, VIEW, EXPAND, SQUEEZE, UNSQUEEZE };

static int looks (tl_Args *a) {                          /* ends every view's forward */
  a->geometry = &a->view;
  return 0;
}

static void keep_size (tl_Args *a, const tl_Tensor *x) {
  tl_keep_ints(a, x->ndim, x->size);
}

static void swap (tl_Geometry *g, int a, int b) {
  int64_t size = g->size[a], stride = g->stride[a];
  g->size[a] = g->size[b];
  g->stride[a] = g->stride[b];
  g->size[b] = size;
  g->stride[b] = stride;
}

/* ---------------------------------------------------------------- transpose, t, permute */

static int swap_dims (tl_Args *a, int d0, int d1) {
  if (d0 < 0 || d1 < 0) return -1;
  tl_geometry(a->v[0].t, &a->view);
  if (d0 != d1) swap(&a->view, d0, d1);
  tl_keep_int(a, d0);
  tl_keep_int(a, d1);
  return looks(a);
}

static int transpose_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int d0 = tl_wrap_dim("transpose", a->v[1].i, x->ndim);
  return swap_dims(a, d0, d0 < 0 ? -1 : tl_wrap_dim("transpose", a->v[2].i, x->ndim));
}

static int t_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  if (x->ndim > 2) return tl_fault("t() expects a tensor with <= 2 dimensions, but self is %dD", x->ndim);
  return swap_dims(a, 0, x->ndim == 2 ? 1 : 0);
}

static int transpose_backward (tl_Node *n, tl_Tensor **g) {
  return tl_give(n, 0, tl_transpose(g[0], n->i[0], n->i[1]));
}

static int permute_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  tl_Geometry from;
  int64_t back[TL_MAXDIM];
  uint32_t seen = 0;
  int n = a->v[1].n;
  if (n != x->ndim)
    return tl_fault("permute: number of dimensions in the tensor input does not match the length of the desired "
                    "ordering of dimensions i.e. input.dim() = %d is not equal to len(dims) = %d", x->ndim, n);
  tl_geometry(x, &from);
  a->view = from;
  for (int k = 0; k < n; k++) {
    int d = tl_wrap_dim("permute", a->v[1].is[k], n);
    if (d < 0) return -1;
    if (seen & 1u << d) return tl_fault("permute(): duplicate dims are not allowed.");
    seen |= 1u << d;
    a->view.size[k] = from.size[d];
    a->view.stride[k] = from.stride[d];
    back[d] = k;
  }
  tl_keep_ints(a, n, back);
  return looks(a);
}

static int permute_backward (tl_Node *n, tl_Tensor **g) {
  return tl_give(n, 0, tl_permute(g[0], n->ni, n->i));
}

/* where dim source[k] goes to destination[k]; the others keep their order */
static int movedim_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int64_t dims[TL_MAXDIM];
  uint32_t taken = 0;
  int n = a->v[1].n;
  if (n != a->v[2].n)
    return tl_fault("movedim: Invalid source or destination dims: source (%d dims) should contain the same number of "
                    "dims as destination (%d dims)", n, a->v[2].n);
  for (int d = 0; d < TL_MAXDIM; d++) dims[d] = -1;
  for (int k = 0; k < n; k++) {
    int s = tl_wrap_dim("movedim", a->v[1].is[k], x->ndim);
    int d = s < 0 ? -1 : tl_wrap_dim("movedim", a->v[2].is[k], x->ndim);
    if (d < 0) return -1;
    if (taken & 1u << s) return tl_fault("movedim: repeated dim in `source`");
    if (dims[d] >= 0) return tl_fault("movedim: repeated dim in `destination`");
    taken |= 1u << s;
    dims[d] = s;
  }
  for (int d = 0, s = 0; d < x->ndim; d++) {
    if (dims[d] >= 0) continue;
    while (taken & 1u << s) s++;
    dims[d] = s++;
  }
  a->out[0] = tl_permute(x, x->ndim, dims);
  return a->out[0] ? 0 : -1;
}

/* ---------------------------------------------------------------- view, reshape, flatten */

static int view_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  if (tl_infer_size("view", tl_numel(x), a->v[1].n, a->v[1].is, a->view.size)) return -1;
  a->view.ndim = a->v[1].n;
  a->view.offset = x->offset;
  if (!tl_view_strides(x, a->view.ndim, a->view.size, a->view.stride))
    return tl_fault("view size is not compatible with input tensor's size and stride (at least one dimension spans "
                    "across two contiguous subspaces). Use :reshape(...) instead.");
  keep_size(a, x);
  return looks(a);
}

static int reshape_backward (tl_Node *n, tl_Tensor **g) {
  return tl_give(n, 0, tl_reshape(g[0], n->ni, n->i));
}

static int view_any_forward (tl_Args *a) {
  if (a->which == 0) return tl_view_dtype(a);
  a->out[0] = tl_view(a->v[0].t, a->v[1].n, a->v[1].is);
  return a->out[0] ? 0 : -1;
}

static int reshape_forward (tl_Args *a) {
  a->out[0] = tl_reshape(a->v[0].t, a->v[1].n, a->v[1].is);
  return a->out[0] ? 0 : -1;
}

/* view_as, reshape_as, expand_as: the row's code says which */
static int as_forward (tl_Args *a) {
  const tl_Tensor *like = a->v[1].t;
  tl_Tensor *(*call) (tl_Tensor *, int, const int64_t *) = tl_reshape;
  if (a->op->code) call = a->op->code == VIEW ? tl_view : tl_expand;
  a->out[0] = call(a->v[0].t, like->ndim, like->size);
  return a->out[0] ? 0 : -1;
}

static int ravel_forward (tl_Args *a) {
  int64_t all = -1;
  if (tl_numel(a->v[0].t) == 0) all = 0;
  a->out[0] = tl_reshape(tl_op_contiguous(a->v[0].t), 1, &all);
  return a->out[0] ? 0 : -1;
}

static int flatten_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int64_t size[TL_MAXDIM], run = 1;
  int n = 0, from = tl_wrap_dim("flatten", a->v[1].i, x->ndim);
  int to = from < 0 ? -1 : tl_wrap_dim("flatten", a->v[2].i, x->ndim);
  if (to < 0) return -1;
  if (from > to) return tl_fault("flatten() has invalid args: start_dim cannot come after end_dim");
  if (x->ndim == 0) size[n++] = 1;
  else if (from == to) {
    a->out[0] = x;
    return 0;
  }
  for (int d = 0; d < x->ndim; d++) {
    if (d < from || d > to) size[n++] = x->size[d];
    else {
      run *= x->size[d];
      if (d == to) size[n++] = run;
    }
  }
  a->out[0] = tl_reshape(x, n, size);
  return a->out[0] ? 0 : -1;
}

static int unflatten_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int64_t size[TL_MAXDIM], part[TL_MAXDIM];
  char words[256];
  int n = 0, d = tl_wrap_dim("unflatten", a->v[1].i, x->ndim), k = a->v[2].n;
  if (d < 0) return -1;
  if (k == 0) return tl_fault("unflatten: sizes must be non-empty");
  if (x->ndim == 0) return tl_fault("unflatten: a 0-d tensor has no dimension to unflatten");
  if (x->ndim - 1 + k > TL_MAXDIM) return tl_fault("unflatten: a tensor has at most %d dimensions", TL_MAXDIM);
  if (tl_infer_size("unflatten", x->size[d], k, a->v[2].is, part)) {
    tl_clear();
    return tl_fault("unflatten: Provided sizes %s don't multiply up to the size of dim %d (%lld) in the input tensor",
                    tl_show_sizes(words, k, a->v[2].is), d + 1, (long long)x->size[d]);
  }
  for (int e = 0; e < x->ndim; e++) {
    if (e != d) size[n++] = x->size[e];
    else for (int j = 0; j < k; j++) size[n++] = part[j];
  }
  a->out[0] = tl_view(x, n, size);
  return a->out[0] ? 0 : -1;
}

/* ---------------------------------------------------------------- expand */

static int expand_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  char want[256], have[256];
  int n = a->v[1].n, lead = n - x->ndim;
  tl_Geometry *g = &a->view;
  if (lead < 0)
    return tl_fault("expand(%s): the number of sizes provided (%d) must be greater or equal to the number of "
                    "dimensions in the tensor (%d)", tl_show_sizes(have, x->ndim, x->size), n, x->ndim);
  if (n > TL_MAXDIM) return tl_fault("expand: a tensor has at most %d dimensions, got %d", TL_MAXDIM, n);
  g->ndim = n;
  g->offset = x->offset;
  for (int d = 0; d < n; d++) {
    int64_t size = a->v[1].is[d];
    int e = d - lead;
    if (size < 0 && (size != -1 || e < 0))
      return tl_fault("The expanded size of the tensor (%lld) isn't allowed in a leading, non-existing dimension %d",
                      (long long)size, d + 1);
    if (size == -1) size = x->size[e];
    g->size[d] = size;
    g->stride[d] = e >= 0 && (x->size[e] != 1 || size == 1) ? x->stride[e] : 0;
    if (e >= 0 && x->size[e] != size && x->size[e] != 1)
      return tl_fault("The expanded size of the tensor (%lld) must match the existing size (%lld) at non-singleton "
                      "dimension %d.  Target sizes: %s.  Tensor sizes: %s", (long long)size, (long long)x->size[e],
                          d + 1,
                      tl_show_sizes(want, n, a->v[1].is), tl_show_sizes(have, x->ndim, x->size));
  }
  if (tl_check_sizes("expand", n, g->size, tl_width[x->dtype])) return -1;
  keep_size(a, x);
  return looks(a);
}

static int expand_backward (tl_Node *n, tl_Tensor **g) {
  return tl_give(n, 0, tl_sum_to(g[0], n->ni, n->i));
}

/* ---------------------------------------------------------------- squeeze, unsqueeze */

static int squeeze_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int given = a->v[1].given, n = given ? a->v[1].n : -1;
  uint32_t mask = n == 0 ? 0 : tl_dim_mask("squeeze", n, a->v[1].is, x->ndim);
  tl_Geometry *g = &a->view;
  if (mask == (uint32_t)-1) return -1;
  g->ndim = 0;
  g->offset = x->offset;
  for (int d = 0; d < x->ndim; d++) {
    if (mask & 1u << d && x->size[d] == 1) continue;
    g->size[g->ndim] = x->size[d];
    g->stride[g->ndim++] = x->stride[d];
  }
  keep_size(a, x);
  return looks(a);
}

static int unsqueeze_forward (tl_Args *a) {
  const tl_Tensor *x = a->v[0].t;
  int d = tl_wrap_dim("unsqueeze", a->v[1].i, x->ndim + 1);
  tl_Geometry *g = &a->view;
  if (d < 0) return -1;
  if (x->ndim == TL_MAXDIM) return tl_fault("unsqueeze: a tensor has at most %d dimensions", TL_MAXDIM);
  tl_geometry(x, g);
  for (int e = x->ndim; e > d; e--) {
    g->size[e] = g->size[e - 1];
    g->stride[e] = g->stride[e - 1];
  }
  g->size[d] = 1;
  g->stride[d] = d < x->ndim ? x->size[d] * x->stride[d] : 1;
  g->ndim++;
  keep_size(a, x);
  return looks(a);
}

/* ---------------------------------------------------------------- the table */

const tl_Op tl_view_shape_ops[] = {
  [T] = { "t", "self:T", "a matrix transposed; tensors of 0 or 1 dims as they are (a view)", t_forward,
          transpose_backward, TL_OP_VIEW | TL_OP_INPLACE, 0, NULL, NULL },
  [TRANSPOSE] = { "transpose", "self:T dim0:d dim1:d", "two dims swapped (a view)", transpose_forward,
                  transpose_backward, TL_OP_VIEW | TL_OP_INPLACE, 0, NULL, NULL },
  [PERMUTE] = { "permute", "self:T dims:D...", "the dims in another order (a view)", permute_forward, permute_backward,
                TL_OP_VIEW, 0, NULL, NULL },
  [VIEW] = { "_view", "self:T size:S...", "the same memory under another size; one size may be -1", view_forward,
             reshape_backward, TL_OP_VIEW, 0, "_C", "view" },
  [EXPAND] = { "expand", "self:T size:S...", "dims of size 1 repeated without memory; -1 keeps a size (a view)",
               expand_forward, expand_backward, TL_OP_VIEW, 0, NULL, NULL },
  [SQUEEZE] = { "squeeze", "self:T dim:D?", "without its dims of size 1, or without those of `dim` (a view)",
                squeeze_forward, reshape_backward, TL_OP_VIEW | TL_OP_INPLACE, 0, NULL, NULL },
  [UNSQUEEZE] = { "unsqueeze", "self:T dim:d", "a dim of size 1 put in at `dim` (a view)", unsqueeze_forward,
                  reshape_backward, TL_OP_VIEW | TL_OP_INPLACE, 0, NULL, NULL },
  { "view", "self:T dtype:y | self:T size:S...",
    "the same memory under another size (one may be -1) or read as another dtype",
    view_any_forward, NULL, TL_OP_COMPOSITE | TL_OP_METHOD, 0, NULL, NULL },
  { "view_as", "self:T other:T", "viewed with the size of other", as_forward, NULL, TL_OP_COMPOSITE | TL_OP_METHOD,
    VIEW,
    NULL, NULL },
  { "reshape", "self:T shape:S...", "another size; a view where it can be one, else a copy; one size may be -1",
    reshape_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "reshape_as", "self:T other:T", "reshaped to the size of other", as_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_METHOD, 0, NULL, NULL },
  { "flatten", "self:T start_dim:d=1 end_dim:d=-1", "the dims from start_dim to end_dim made one", flatten_forward,
    NULL,
    TL_OP_COMPOSITE, 0, NULL, NULL },
  { "unflatten", "self:T dim:d sizes:I", "one dim made several; one size may be -1", unflatten_forward, NULL,
    TL_OP_COMPOSITE,
    0, NULL, NULL },
  { "ravel", "self:T", "all elements in one contiguous dim", ravel_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  { "expand_as", "self:T other:T", "expanded to the size of other", as_forward, NULL, TL_OP_COMPOSITE | TL_OP_METHOD,
    EXPAND, NULL, NULL },
  { "movedim", "self:T source:D destination:D", "dims moved to other places; the rest keep their order (a view)",
    movedim_forward, NULL, TL_OP_COMPOSITE, 0, NULL, NULL },
  TL_ROW_END
};

/* ---------------------------------------------------------------- C calls */

static void start (tl_Args *a, int row, tl_Tensor *x) {
  tl_args(a, &tl_view_shape_ops[row], 0);
  a->v[0].t = x;
  a->v[0].given = 1;
}

static tl_Tensor *with_list (int row, tl_Tensor *x, int n, const int64_t *list) {
  tl_Args a;
  if (!x) return NULL;
  start(&a, row, x);
  a.v[1].is = list;
  a.v[1].n = n;
  a.v[1].given = 1;
  return tl_apply1(&a);
}

tl_Tensor *tl_transpose (tl_Tensor *x, int64_t d0, int64_t d1) {
  tl_Args a;
  if (!x) return NULL;
  start(&a, TRANSPOSE, x);
  a.v[1].i = d0;
  a.v[2].i = d1;
  return tl_apply1(&a);
}

tl_Tensor *tl_t (tl_Tensor *x) { return x && x->ndim < 2 ? x : tl_transpose(x, -2, -1); }
tl_Tensor *tl_permute (tl_Tensor *x, int n, const int64_t *dims) { return with_list(PERMUTE, x, n, dims); }
tl_Tensor *tl_view (tl_Tensor *x, int n, const int64_t *size) { return with_list(VIEW, x, n, size); }
tl_Tensor *tl_expand (tl_Tensor *x, int n, const int64_t *size) { return with_list(EXPAND, x, n, size); }
tl_Tensor *tl_squeeze (tl_Tensor *x, int64_t dim) { return with_list(SQUEEZE, x, 1, &dim); }

tl_Tensor *tl_unsqueeze (tl_Tensor *x, int64_t dim) {
  tl_Args a;
  if (!x) return NULL;
  start(&a, UNSQUEEZE, x);
  a.v[1].i = dim;
  return tl_apply1(&a);
}

/* a view where the strides allow it, else a view of a packed copy */
tl_Tensor *tl_reshape (tl_Tensor *x, int n, const int64_t *size) {
  int64_t whole[TL_MAXDIM], stride[TL_MAXDIM];
  if (!x || tl_infer_size("reshape", tl_numel(x), n, size, whole)) return NULL;
  if (n == x->ndim && memcmp(whole, x->size, (size_t)n * sizeof *whole) == 0 && !(x->flags & TL_WRAPPED))
    return tl_view(x, n, whole);
  if (!tl_view_strides(x, n, whole, stride)) x = tl_op_contiguous(x);
  return tl_view(x, n, whole);
}
