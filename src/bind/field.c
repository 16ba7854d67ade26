/*
** field.c -- what x.name is when it is no method: shape, dtype, device, grad, data, grad_fn, T ...; the
** nodes that grad_fn gives; and the words for names that don't exist.
*/
#include <string.h>

#include "bind/args.h"
#include "bind/field.h"
#include "op/calls.h"

/* pushes what `make` gives: a tensor in the pool, or NULL for failure */
static int push_made (lua_State *L, tl_State *S, tl_Tensor *t, tl_Tensor *(*make) (tl_Tensor *)) {
  tl_Tensor **box = tl_box(L), *y;
  tl_Context *before;
  size_t mark;
  tl_in(S, L, &before);
  mark = tl_mark();
  y = make(t);
  if (!y) return tl_raise(L, mark, before);
  *box = tl_retain(y);
  tl_drain(mark);
  tl_leave(before);
  return 1;
}

/* an int of t, asked for under tl_in: histories may have to be renewed */
static int ask (lua_State *L, tl_State *S, tl_Tensor *t, int (*what) (tl_Tensor *)) {
  tl_Context *before;
  size_t mark;
  int answer;
  tl_in(S, L, &before);
  mark = tl_mark();
  answer = what(t);
  if (tl_here->failed) return tl_raise(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  return answer;
}

/* runs `what` on t and the value at 3 (NULL: nil) */
static int change (lua_State *L, tl_State *S, tl_Tensor *t, tl_Tensor *v, int (*what) (tl_Tensor *, tl_Tensor *)) {
  tl_Context *before;
  size_t mark;
  tl_in(S, L, &before);
  mark = tl_mark();
  if (what(t, v)) return tl_raise(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  return 0;
}

#define GET(name)  static int get_##name (lua_State *L, tl_State *S, tl_Tensor *t)

GET(shape) { (void)S; tl_push_size(L, t->ndim, t->size); return 1; }
GET(dtype) { (void)S; tl_push_dtype(L, t->dtype); return 1; }
GET(ndim) { (void)S; lua_pushinteger(L, t->ndim); return 1; }
GET(itemsize) { (void)S; lua_pushinteger(L, tl_width[t->dtype]); return 1; }
GET(nbytes) { (void)S; lua_pushinteger(L, tl_numel(t) * tl_width[t->dtype]); return 1; }
GET(output_nr) { (void)S; lua_pushinteger(L, t->result); return 1; }
GET(version) { (void)S; lua_pushinteger(L, t->storage ? t->storage->version : 0); return 1; }
GET(layout) { (void)S; (void)t; lua_pushliteral(L, "torch.strided"); return 1; }
GET(no) { (void)S; (void)t; lua_pushboolean(L, 0); return 1; }
GET(nothing) { (void)S; (void)t; lua_pushnil(L); return 1; }
GET(requires_grad) { lua_pushboolean(L, ask(L, S, t, tl_requires_grad)); return 1; }
GET(is_leaf) { lua_pushboolean(L, ask(L, S, t, tl_is_leaf)); return 1; }

static int is_kept (tl_Tensor *t) { return t->flags & TL_RETAINS_GRAD && !tl_is_leaf(t); }
GET(retains_grad) { lua_pushboolean(L, ask(L, S, t, is_kept)); return 1; }

GET(device) {
  tl_Context *before;
  tl_Device *d;
  tl_in(S, L, &before);
  d = tl_device_of(t);
  tl_leave(before);
  tl_push_device(L, d);
  return 1;
}

static int device_kind (tl_Tensor *t) { return tl_device_of(t)->kind; }
GET(is_cuda) { lua_pushboolean(L, ask(L, S, t, device_kind) == 2); return 1; }
GET(is_cpu) { lua_pushboolean(L, ask(L, S, t, device_kind) == 1); return 1; }

/* tensors that exist already: a box is made first, so that nothing raises inside */
static int push_borrowed (lua_State *L, tl_State *S, tl_Tensor *t, tl_Tensor *(*which) (tl_Tensor *)) {
  tl_Tensor **box = tl_box(L), *y;
  tl_Context *before;
  size_t mark;
  tl_in(S, L, &before);
  mark = tl_mark();
  y = which(t);
  if (tl_here->failed) return tl_raise(L, mark, before);
  *box = tl_retain(y);
  tl_drain(mark);
  tl_leave(before);
  if (!y) lua_pushnil(L);
  return 1;
}

static tl_Tensor *base_of (tl_Tensor *t) { return t->base; }
GET(grad) { return push_borrowed(L, S, t, tl_grad_of); }
GET(base) { return push_borrowed(L, S, t, base_of); }

static void let_go (void *owner, void *data) {
  (void)data;
  tl_storage_release(owner);
}

/* the same memory, whose writes nobody counts: a storage of its own (with its own version) around the other */
static tl_Tensor *uncounted (tl_Tensor *t) {
  tl_Storage *s = t->storage, *root, *wrapped;
  tl_Tensor *y = tl_alias(t);
  if (!y || !s) return y;
  root = s->drop == let_go ? s->owner : s;
  wrapped = tl_storage_wrap(s->device, s->data, s->bytes, let_go, root);
  if (!wrapped) return NULL;
  tl_storage_retain(root);
  y->storage = wrapped;
  tl_storage_release(s);
  return y;
}

GET(data) { return push_made(L, S, t, uncounted); }

static tl_Tensor *reversed (tl_Tensor *t) {
  int64_t dims[TL_MAXDIM] = { 0 };
  for (int d = 0; d < t->ndim; d++) dims[d] = t->ndim - 1 - d;
  return tl_permute(t, t->ndim, dims);
}

static tl_Tensor *matrices (tl_Tensor *t) {
  if (t->ndim >= 2) return tl_transpose(t, -2, -1);
  return tl_fail("tensor.mT is only supported on matrices or batches of matrices. Got %d-D tensor.", t->ndim);
}

static tl_Tensor *one_matrix (tl_Tensor *t) {
  if (t->ndim == 2) return tl_transpose(t, 0, 1);
  if (t->ndim == 0) return reversed(t);
  return tl_fail("tensor.H is only supported on matrices (2-D tensors). Got %d-D tensor.%s", t->ndim,
                 t->ndim > 2 ? " For batches of matrices, consider using tensor.mH" : "");
}

GET(T) { return push_made(L, S, t, reversed); }
GET(mT) { return push_made(L, S, t, matrices); }
GET(H) { return push_made(L, S, t, one_matrix); }

/* ---- grad, data, requires_grad can be set ---- */

static tl_Tensor *value_or_nil (lua_State *L, const char *name) {
  tl_Tensor *v = tl_astensor(L, 3);
  if (!v && !lua_isnoneornil(L, 3) && !tl_is_none(L, 3))
    tl_error(L, "assigned %s expected to be a Tensor or nil but got %s", name, tl_got(L, 3));
  return v;
}

static int set_grad (lua_State *L, tl_State *S, tl_Tensor *t) {
  return change(L, S, t, value_or_nil(L, "grad"), tl_set_grad);
}

/* t looks at the memory of v from now on; its history stays.  Only a leaf may change its dtype or device. */
static int swap_data (tl_Tensor *t, tl_Tensor *v) {
  tl_Geometry g;
  tl_Storage *old = t->storage;
  if (t == v) return 0;
  if (t->flags & TL_WRAPPED || v->flags & TL_WRAPPED) return tl_fault("x.data: a number has no memory");
  if ((t->dtype != v->dtype || tl_device_of(t) != tl_device_of(v)) && !tl_is_leaf(t))
    return tl_fault("Attempted to set x.data to a tensor of another type (%s instead of %s)", tl_dtype_name[v->dtype],
                    tl_dtype_name[t->dtype]);
  if (tl_requires_grad(t) && !tl_is_float(v->dtype))
    return tl_fault("data set to a tensor that requires gradients must be floating point or complex dtype");
  if (t->base) {
    tl_node(t);
    tl_release(t->base);
    t->base = NULL;
  }
  tl_geometry(v, &g);
  tl_storage_retain(v->storage);
  t->storage = v->storage;
  t->dtype = v->dtype;
  tl_set_geometry(t, &g);
  t->seen = t->storage->version;
  tl_storage_release(old);
  return 0;
}

static int set_data (lua_State *L, tl_State *S, tl_Tensor *t) {
  tl_Tensor *v = tl_astensor(L, 3);
  if (!v) tl_error(L, "x.data must be a Tensor, not %s", tl_got(L, 3));
  return change(L, S, t, v, swap_data);
}

static int want (tl_Tensor *t, tl_Tensor *yes) { return tl_set_requires_grad(t, yes != NULL); }

static int set_requires_grad (lua_State *L, tl_State *S, tl_Tensor *t) {
  if (!lua_isboolean(L, 3)) tl_error(L, "requires_grad must be a bool, not %s", tl_got(L, 3));
  return change(L, S, t, lua_toboolean(L, 3) ? t : NULL, want);
}

/* ---- grad_fn ---- */

static int push_node (lua_State *L, tl_Node *n) {
  tl_Box *b;
  if (!n) { lua_pushnil(L); return 1; }
  b = tl_newbox(L, TL_IS_NODE);
  tl_node_retain(n);
  b->p = n;
  return 1;
}

GET(grad_fn) {
  tl_Box *b = tl_newbox(L, TL_IS_NODE);
  tl_Context *before;
  size_t mark;
  tl_Node *n;
  tl_in(S, L, &before);
  mark = tl_mark();
  n = tl_node(t);
  if (tl_here->failed) return tl_raise(L, mark, before);
  if (n && !(n->flags & TL_NODE_LEAF)) {
    tl_node_retain(n);
    b->p = n;
  }
  else lua_pushnil(L);
  tl_drain(mark);
  tl_leave(before);
  return 1;
}

static tl_Node *self_node (lua_State *L) {
  tl_Node *n = tl_unbox(L, 1, TL_IS_NODE);
  if (!n) tl_error(L, "expected a node of the graph, not %s", tl_got(L, 1));
  return n;
}

static int node_name (lua_State *L) {
  char words[128];
  lua_pushstring(L, tl_node_label(self_node(L), words));
  return 1;
}

static int node_tostring (lua_State *L) {
  char words[128];
  lua_pushfstring(L, "<%s object>", tl_node_label(self_node(L), words));
  return 1;
}

/* {{node, which of its results}, ...}, a pair for each input; an input without a history has torch.none */
static int node_next (lua_State *L) {
  tl_Node *n = self_node(L);
  lua_createtable(L, n->nin, 0);
  for (int i = 0; i < n->nin; i++) {
    lua_createtable(L, 2, 0);
    if (n->in[i].node) push_node(L, n->in[i].node);
    else tl_push_none(L);
    lua_rawseti(L, -2, 1);
    lua_pushinteger(L, n->in[i].node ? n->in[i].result + 1 : 0);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int node_index (lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(name, "name") == 0) lua_pushcfunction(L, node_name);
  else if (strcmp(name, "next_functions") == 0) return node_next(L);
  else return tl_error(L, "a node of the graph has no '%s'; it has name() and next_functions", name);
  return 1;
}

static int node_eq (lua_State *L) {
  tl_Node *a = tl_unbox(L, 1, TL_IS_NODE), *b = tl_unbox(L, 2, TL_IS_NODE);
  lua_pushboolean(L, a && a == b);
  return 1;
}

static int node_gc (lua_State *L) {
  tl_State *S = tl_upstate(L);
  tl_Node *n = tl_unbox(L, 1, TL_IS_NODE);
  if (n && S->ctx) {
    tl_Context *before = tl_here;
    ((tl_Box *)lua_touserdata(L, 1))->p = NULL;
    tl_here = S->ctx;
    tl_node_release(n);
    tl_here = before;
  }
  return 0;
}

void tl_open_nodes (lua_State *L) {
  static const luaL_Reg node[] = {
    { "__gc", node_gc }, { "__eq", node_eq }, { "__tostring", node_tostring }, { "__index", node_index }, { NULL, NULL }
  };
  tl_newkind(L, TL_IS_NODE, "torch.autograd.Node");
  tl_setfuncs(L, node);
  lua_pop(L, 1);
}

/* ---- the table ---- */

#define READ(name)  { #name, get_##name, NULL }
#define WRITE(name)  { #name, get_##name, set_##name }
const tl_Field tl_fields[] = {
  READ(shape), READ(dtype), READ(device), WRITE(grad), WRITE(data), WRITE(requires_grad), READ(is_leaf), READ(grad_fn),
  READ(T), READ(mT), READ(H), { "mH", get_mT, NULL }, READ(ndim), READ(itemsize), READ(nbytes), READ(layout),
  READ(is_cuda), READ(is_cpu), READ(output_nr), READ(retains_grad), { "_version", get_version, NULL },
  { "_base", get_base, NULL }, { "name", get_nothing, NULL }, { "is_sparse", get_no, NULL },
  { "is_quantized", get_no, NULL }, { "is_meta", get_no, NULL }, { NULL, NULL, NULL }
};

/* names that PyTorch has and tlua has not */
static const struct { const char *names, *why; } refused[] = {
  { " imag view_as_complex view_as_real conj_ is_conj cfloat cdouble chalf resolve_conj ",
    "tlua has no complex numbers" },
  { " to_sparse to_sparse_coo to_sparse_csr to_dense coalesce is_coalesced sparse_dim dense_dim sparse_mask indices "
    "values crow_indices col_indices sparse_resize_ ", "tlua has no sparse tensors" },
  { " int_repr q_scale q_zero_point q_per_channel_scales qscheme dequantize ", "tlua has no quantized tensors" },
  { " names rename rename_ align_to align_as refine_names unflatten_names ", "tlua has no named dimensions" },
  { " numpy __array__ ", "there is no NumPy here; use tolist()" },
  { " xpu is_xpu hpu ipu mtia is_mps mps is_mkldnn to_mkldnn is_xla ", "tlua has the devices cpu and cuda" }
};

/* the nearest of the keys of the table at index `from`, if nearer than *least */
static const char *near_key (lua_State *L, int from, const char *name, const char *best, int *least) {
  lua_pushnil(L);
  while (lua_next(L, from)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) {
      const char *key = lua_tostring(L, -1);
      int d = key[0] == '_' ? 99 : tl_distance(name, key);
      if (d < *least || (d == *least && best && strcmp(key, best) < 0)) { best = key; *least = d; }
    }
  }
  return best;
}

int tl_no_field (lua_State *L, const char *name, int methods) {
  int least = (int)strlen(name) / 3 + 1;               /* nearer than this */
  const char *best = NULL;
  char word[64];
  if (least < 2) least = 2;
  if (least > 4) least = 4;
  if (strlen(name) < sizeof word - 2) {
    word[0] = ' ';
    strcpy(word + 1, name);
    strcat(word, " ");
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
      if (strstr(refused[k].names, word)) return tl_error(L, "'Tensor' object has no attribute '%s': %s", name,
                                                          refused[k].why);
    best = near_key(L, methods, name, NULL, &least);
    for (const tl_Field *f = tl_fields; f->name; f++) {
      int d = tl_distance(name, f->name);
      if (d < least) { best = f->name; least = d; }
    }
  }
  if (best) return tl_error(L, "'Tensor' object has no attribute '%s'; did you mean '%s'?", name, best);
  return tl_error(L, "'Tensor' object has no attribute '%s'", name);
}
