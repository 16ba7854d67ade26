/*
** index_put.c -- writing by index: scatter, scatter_add, index_add, index_copy, index_fill, and
** x[...] = v with index tensors.  masked.c has the masks and the plain writes.
**
** Out of place an operation starts with a copy of self (tl_index_begin); in place with self.
*/
#include <string.h>

#include "op/families.h"
#include "op/index.h"

enum { SCATTER, SCATTER_ADD, INDEX_ADD, INDEX_COPY, INDEX_FILL, PUT_AT };

tl_Tensor *tl_index_begin (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y;
  if (a->inplace)
    for (unsigned left = a->form->tensors & ~1u; left; left &= left - 1) {
      tl_Tensor *t = a->v[__builtin_ctz(left)].t;
      if (t && !tl_apart(x, t)) return NULL;
    }
  y = a->out[0] = tl_result(a, 0, x->dtype, x->ndim, x->size);
  return y && (y == x || tl_copy(y, x) == 0) ? y : NULL;
}

/* a number or 0-d tensor as a real 0-d tensor of x's dtype */
static tl_Tensor *single (const char *op, tl_Tensor *v, const tl_Tensor *x) {
  if (!v) return NULL;
  if (v->ndim)
    return tl_fail("%s only supports a 0-dimensional value tensor, but got tensor with %d dimension(s).", op, v->ndim);
  return tl_number_fits(v, x->dtype) ? NULL : tl_unwrap(tl_cast(v, x->dtype), x->storage->device);
}

static int same_dtype (const char *op, const tl_Tensor *x, const tl_Tensor *s) {
  if (x->dtype == s->dtype) return 0;
  return tl_fault("%s(): Expected self.dtype to be equal to src.dtype, got %s and %s", op, tl_dtype_name[x->dtype],
                  tl_dtype_name[s->dtype]);
}

/* ---------------------------------------------------------------- scatter, scatter_add */

static int check_scatter (const char *op, const tl_Tensor *x, const tl_Tensor *index, const tl_Tensor *src, int d) {
  int n = index->ndim, bad = 0;
  char one[256], two[256], three[256];
  if (tl_numel(index) == 0) return 0;
  if ((n ? n : 1) != (x->ndim ? x->ndim : 1))
    return tl_fault("%s(): Index tensor must have the same number of dimensions as self tensor", op);
  if (src && (n ? n : 1) != (src->ndim ? src->ndim : 1))
    return tl_fault("%s(): Index tensor must have the same number of dimensions as src tensor", op);
  for (int e = 0; e < n; e++) {
    if (e != d && x->ndim && index->size[e] > x->size[e]) bad = 1;
    if (src && src->ndim && index->size[e] > src->size[e]) bad = 1;
  }
  if (!bad) return 0;
  if (!src)
    return tl_fault("Expected index %s to be no larger than self %s apart from dimension %d",
                    tl_show_sizes(one, n, index->size), tl_show_sizes(two, x->ndim, x->size), d + 1);
  return tl_fault("Expected index %s to be no larger than self %s apart from dimension %d and to be no larger than "
                  "src %s", tl_show_sizes(one, n, index->size), tl_show_sizes(two, x->ndim, x->size), d + 1,
                  tl_show_sizes(three, src->ndim, src->size));
}

/* y[index along d] op= src, where src is looked at in index's size, or a 0-d tensor */
static int scatter_run (int op, tl_Tensor *y, int d, tl_Tensor *index, tl_Tensor *src, int wrap) {
  int64_t p[5] = { 0, 0, 1, d, wrap };
  tl_Tensor *t[3];
  if (!y || !index || !src) return -1;
  if (tl_numel(index) == 0) return 0;
  src = tl_apart(y, src);
  index = src ? tl_apart(y, index) : NULL;
  if (!index) return -1;
  if (src->ndim) {
    tl_Geometry g;
    tl_geometry(src, &g);
    g.ndim = index->ndim;
    memcpy(g.size, index->size, sizeof g.size);
    src = tl_alias_at(src, &g);
  }
  p[TL_INDEX_SIZE] = y->ndim ? y->size[d] : 1;
  t[0] = tl_index_table(y, d, index->ndim, index->size, &p[TL_INDEX_STEP]);
  t[1] = src;
  t[2] = index;
  return tl_index_run(TL_SCATTER, op, index->ndim, index->size, t, p);
}

static tl_Tensor *as_number (const tl_Value *v) {
  return v->kind == 'f' ? tl_number(v->f) : v->kind == 'b' ? tl_boolean(v->i != 0) : tl_integer(v->i);
}

/* reduce: plain, add, multiply */
static int scatter_forward (tl_Args *a) {
  static const uint8_t ops[] = { TL_SCATTER_ADD, TL_SCATTER_MUL };
  tl_Tensor *x = a->v[0].t, *index = a->v[2].t, *src = a->which == 0 ? a->v[3].t : NULL, *y;
  const char *name = a->op->name;
  int add = a->op->code == TL_SCATTER_ADD, reduce = !add && a->v[4].given;
  int op = add ? TL_SCATTER_ADD : reduce ? ops[a->v[4].i] : TL_SCATTER_SET;
  int d = tl_wrap_dim(name, a->v[1].i, x->ndim);
  if (d < 0 || check_scatter(name, x, index, src, d) || (src && same_dtype(name, x, src))) return -1;
  if (a->wants && op == TL_SCATTER_MUL)
    return tl_fault("scatter(): the derivative for reduce='multiply' is not implemented");
  if (tl_keep(a, index, TL_FROM_CONSTANT)) return -1;
  tl_keep_int(a, d);
  tl_keep_int(a, op == TL_SCATTER_ADD);
  tl_keep_int(a, src != NULL);
  if (a->wants && src) {
    tl_keep_int(a, src->ndim);
    tl_keep_ints(a, src->ndim, src->size);
  }
  index = tl_index_numbers(name, index, a->v[0].t);
  if (!src) {
    src = single("scatter", as_number(&a->v[3]), x);
    if (!src) return -1;
  }
  y = tl_index_begin(a);
  return scatter_run(op, y, d, index, src, 0);
}

/* a src larger than index was read in its first corner: zeros elsewhere */
static tl_Tensor *in_corner (tl_Tensor *g, int ndim, const int64_t *size) {
  tl_Geometry at, whole;
  tl_Tensor *z;
  if (!g || (g->ndim == ndim && memcmp(g->size, size, (size_t)ndim * sizeof *size) == 0)) return g;
  whole.ndim = ndim;
  whole.offset = 0;
  memcpy(whole.size, size, (size_t)ndim * sizeof *size);
  tl_packed(ndim, size, whole.stride);
  z = tl_zeros(tl_device_of(g), g->dtype, ndim, size);
  at = whole;
  at.ndim = g->ndim;
  memcpy(at.size, g->size, sizeof at.size);
  return tl_scatter_at(z, g, &at, &whole);
}

static int scatter_backward (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *index = tl_saved(n, 0);
  int64_t d = n->i[0];
  if (!index) return -1;
  if (tl_needs(n, 0) && tl_give(n, 0, n->i[1] ? g[0] : tl_scatter_value(g[0], d, index, 0))) return -1;
  if (!n->i[2] || !tl_needs(n, 2)) return 0;
  return tl_give(n, 2, in_corner(tl_gather(g[0], d, index), (int)n->i[3], n->i + 4));
}

/* ---------------------------------------------------------------- index_add, index_copy, index_fill */

static int check_vector (const char *op, const tl_Tensor *x, const tl_Tensor *index, const tl_Tensor *s, int d) {
  char one[256], two[256];
  int bad = 0;
  if (index->ndim > 1) return tl_fault("%s(): Index is supposed to be a vector", op);
  if (!s) return 0;
  if (tl_numel(index) != (s->ndim ? s->size[d < s->ndim ? d : 0] : 1))
    return tl_fault("%s(): Number of indices (%lld) should be equal to source.size(dim): (%lld), for dim: %d", op,
                    (long long)tl_numel(index), (long long)(s->ndim ? s->size[d < s->ndim ? d : 0] : 1), d + 1);
  if (s->ndim != x->ndim && (x->ndim != 1 || s->ndim)) bad = 1;
  for (int e = 0; !bad && e < s->ndim && x->ndim; e++) bad = e != d && s->size[e] != x->size[e];
  if (bad)
    return tl_fault("%s(): source tensor shape must match self tensor shape, excluding the specified dimension. Got "
                    "self.shape = %s source.shape = %s", op, tl_show_sizes(one, x->ndim, x->size),
                    tl_show_sizes(two, s->ndim, s->size));
  return 0;
}

/* the index, a vector, along dim d of the source's size (or self's, for one value) */
static int along (int op, tl_Tensor *y, int d, tl_Tensor *index, tl_Tensor *src, int wrap) {
  int64_t size[TL_MAXDIM];
  if (!y || !index) return -1;
  memcpy(size, y->size, sizeof size);
  if (y->ndim) size[d] = tl_numel(index);
  index = tl_index_along(index, d, y->ndim, size);
  if (src && src->ndim > y->ndim) {
    tl_Geometry g = { 0, src->offset, { 0 }, { 0 } };
    src = tl_alias_at(src, &g);
  }
  return scatter_run(op, y, d, index, src, wrap);
}

static int index_add_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *index = a->v[2].t, *s = a->v[3].t, *y;
  int add = a->op->code == TL_SCATTER_ADD, d = tl_wrap_dim(a->op->name, a->v[1].i, x->ndim);
  double alpha = add ? tl_double(&a->v[4]) : 1;
  if (d < 0 || check_vector(a->op->name, x, index, s, d)) return -1;
  if (x->dtype != s->dtype)
    return tl_fault("%s(): self and source expected to have the same dtype, but got (self) %s and (source) %s",
                    a->op->name, tl_dtype_name[x->dtype], tl_dtype_name[s->dtype]);
  if (tl_keep(a, index, TL_FROM_CONSTANT)) return -1;
  tl_keep_int(a, d);
  tl_keep_int(a, s->ndim == 0);
  tl_keep_num(a, alpha);
  index = tl_index_numbers(a->op->name, index, a->v[0].t);
  if (alpha != 1) {
    tl_Tensor *in[2] = { s, tl_is_float(s->dtype) ? tl_number(alpha) : tl_integer(tl_num(&a->v[4], TL_i64).i) };
    s = tl_map(TL_mul, 2, in, 0, NULL, NULL);
  }
  y = tl_index_begin(a);
  return along(a->op->code, y, d, index, s, 0);
}

static int index_add_backward (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *index = tl_saved(n, 0), *s;
  int add = ((const tl_Op *)n->op)->code == TL_SCATTER_ADD;
  if (!index) return -1;
  if (tl_needs(n, 0) && tl_give(n, 0, add ? g[0] : tl_index_fill(g[0], n->i[0], index, tl_number(0)))) return -1;
  if (!tl_needs(n, 2)) return 0;
  s = tl_index_select(g[0], n->i[0], index);
  if (n->p[0].f != 1) s = tl_mul(s, tl_number(n->p[0].f));
  return tl_give(n, 2, n->i[1] ? tl_reshape(s, 0, n->i) : s);
}

static int index_fill_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *index = a->v[2].t, *v, *y;
  int d = tl_wrap_dim("index_fill", a->v[1].i, x->ndim);
  if (d < 0 || check_vector("index_fill", x, index, NULL, d)) return -1;
  if (tl_keep(a, index, TL_FROM_CONSTANT)) return -1;
  tl_keep_int(a, d);
  v = single("index_fill_", a->v[3].t, x);
  index = tl_index_numbers("index_fill", index, a->v[0].t);
  y = tl_index_begin(a);
  return v ? along(TL_SCATTER_SET, y, d, index, v, 1) : -1;
}

static int index_fill_backward (tl_Node *n, tl_Tensor **g) {
  tl_Tensor *index = tl_saved(n, 0), *filled;
  if (!index) return -1;
  if (tl_needs(n, 0) && tl_give(n, 0, tl_index_fill(g[0], n->i[0], index, tl_number(0)))) return -1;
  if (!tl_needs(n, 2)) return 0;
  /* each place once, however often it is named */
  filled = tl_zeros(tl_device_of(g[0]), TL_b8, g[0]->ndim, g[0]->size);
  filled = tl_where(tl_index_fill(filled, n->i[0], index, tl_boolean(1)), g[0], tl_number(0));
  return filled ? tl_give(n, 2, tl_sum(filled, (1u << g[0]->ndim) - 1, 0)) : -1;
}

/* ---------------------------------------------------------------- x[indices] = v, by distances */

static int put_at_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *v = a->v[4].t, *t[3], *table;
  int64_t size[TL_MAXDIM];
  const int64_t p[5] = { INT64_MAX, tl_width[x->dtype], 0, 0, 0 };
  char one[256], two[256];
  int ndim = tl_index_space(x, a->v[2].t, a->v[3].is, size, &table, &t[2]), accumulate = a->v[5].i != 0;
  if (ndim < 0) return -1;
  if (v->flags & TL_WRAPPED) v = single("index_put_", v, x);
  if (!v) return -1;
  if (v->dtype != x->dtype)
    return tl_fault("Index put requires the source and destination dtypes match, got %s for the destination and %s "
                    "for the source.", tl_dtype_name[x->dtype], tl_dtype_name[v->dtype]);
  if (!tl_can_expand(v->ndim, v->size, ndim, size))
    return tl_fault("shape mismatch: value tensor of shape %s cannot be broadcast to indexing result of shape %s",
                    tl_show_sizes(one, v->ndim, v->size), tl_show_sizes(two, ndim, size));
  if (tl_keep(a, a->v[1].t, TL_FROM_CONSTANT)) return -1;
  tl_keep_ints(a, 2, a->v[3].is);
  tl_keep_int(a, accumulate);
  tl_keep_int(a, v->ndim);
  tl_keep_ints(a, v->ndim, v->size);
  v = tl_apart(x, v);
  if (!v) return -1;
  t[0] = table;
  t[1] = v;
  a->out[0] = x;
  return tl_index_run(TL_SCATTER, accumulate ? TL_SCATTER_ADD : TL_SCATTER_SET, ndim, size, t, p);
}

static int put_at_backward (tl_Node *n, tl_Tensor **g) {
  tl_IndexPlan plan = { NULL, NULL, { n->i[0], n->i[1] } };
  tl_Tensor *packed = tl_op_contiguous(g[0]), *rest;       /* distances are those of a packed tensor */
  plan.offset = plan.here = tl_saved(n, 0);
  if (!packed || !plan.offset) return -1;
  if (tl_needs(n, 3) && tl_give(n, 3, tl_sum_to(tl_index_at(packed, &plan), (int)n->i[3], n->i + 4))) return -1;
  if (!tl_needs(n, 0)) return 0;
  if (n->i[2]) return tl_give(n, 0, g[0]);
  rest = tl_op_clone(packed);
  return rest && tl_index_put_at(rest, &plan, tl_number(0), 0) == 0 ? tl_give(n, 0, rest) : -1;
}

/* ---------------------------------------------------------------- the table and C calls */

#define REDUCE " * reduce:s(add,multiply)?"
const tl_Op tl_index_put_ops[] = {
  [SCATTER] = { "scatter", "self:T dim:d index:J src:T" REDUCE " | self:T dim:d index:J value:n" REDUCE,
                "self with out[index[i][j]][j] = src[i][j] for dim 1, and so on; reduce adds or multiplies",
                    scatter_forward,
                scatter_backward, TL_OP_INPLACE, TL_SCATTER_SET, NULL, NULL },
  [SCATTER_ADD] = { "scatter_add", "self:T dim:d index:J src:T", "self with src added at the places that index names",
                    scatter_forward, scatter_backward, TL_OP_INPLACE, TL_SCATTER_ADD, NULL, NULL },
  [INDEX_ADD] = { "index_add", "self:T dim:d index:J source:T * alpha:n=1",
                  "self with alpha * source added along a dim at a vector's places", index_add_forward,
                      index_add_backward, TL_OP_INPLACE, TL_SCATTER_ADD, NULL, NULL },
  [INDEX_COPY] = { "index_copy", "self:T dim:d index:J source:T",
                   "self with source copied along a dim to a vector's places",
                   index_add_forward, index_add_backward, TL_OP_INPLACE, TL_SCATTER_SET, NULL, NULL },
  [INDEX_FILL] = { "index_fill", "self:T dim:d index:J value:N", "self with a number along a dim at a vector's places",
                   index_fill_forward, index_fill_backward, TL_OP_INPLACE, 0, NULL, NULL },
  [PUT_AT] = { "_index_put_", "self:T offset:T here:T plan:I values:N accumulate:b=false",
               "elements written by their distances from the first; see op/index.h", put_at_forward, put_at_backward,
               TL_OP_INPLACE_ONLY, 0, "_C", "index_put" },
  TL_ROW_END
};

static void start (tl_Args *a, int row, int form, tl_Tensor *x, int64_t dim, tl_Tensor *index) {
  tl_args(a, &tl_index_put_ops[row], form);
  a->v[0].t = x;
  a->v[1].i = dim;
  a->v[2].t = index;
}

static tl_Tensor *with_source (int row, tl_Tensor *x, int64_t dim, tl_Tensor *index, tl_Tensor *src) {
  tl_Args a;
  if (!x || !index || !src) return NULL;
  start(&a, row, 0, x, dim, index);
  a.v[3].t = src;
  return tl_apply1(&a);
}

tl_Tensor *tl_scatter_add (tl_Tensor *x, int64_t dim, tl_Tensor *index, tl_Tensor *src) {
  return with_source(SCATTER_ADD, x, dim, index, src);
}

tl_Tensor *tl_index_add (tl_Tensor *x, int64_t dim, tl_Tensor *index, tl_Tensor *src) {
  return with_source(INDEX_ADD, x, dim, index, src);
}

tl_Tensor *tl_index_fill (tl_Tensor *x, int64_t dim, tl_Tensor *index, tl_Tensor *value) {
  return with_source(INDEX_FILL, x, dim, index, value);
}

tl_Tensor *tl_scatter_value (tl_Tensor *x, int64_t dim, tl_Tensor *index, double value) {
  tl_Args a;
  if (!x || !index) return NULL;
  start(&a, SCATTER, 1, x, dim, index);
  a.v[3].f = value;
  a.v[3].kind = 'f';
  return tl_apply1(&a);
}

int tl_index_put_at (tl_Tensor *self, const tl_IndexPlan *plan, tl_Tensor *values, int accumulate) {
  tl_Args a;
  if (!self || !plan->offset || !plan->here || !values) return -1;
  tl_args(&a, &tl_index_put_ops[PUT_AT], 0);
  a.v[0].t = self;
  a.v[1].t = plan->offset;
  a.v[2].t = plan->here;
  a.v[3].is = plan->meta;
  a.v[3].n = 2;
  a.v[4].t = values;
  a.v[5].i = accumulate;
  return tl_apply(&a);
}
