/*
** function.c -- torch.autograd.Function: a node whose forward and backward are Lua functions.
**
** forward runs without recording; its inputs' edges are taken before, its results get the node after.
** The node keeps ctx by a registry reference and lets go of it when backward has freed the node; ctx
** never holds the node (only, while its backward runs, the address), and what save_for_backward was
** given is kept by the node as aliases without history.  So nothing is cyclic, and the one loop of the
** tape calls every backward: chains of any length need no C stack.
*/
#include <string.h>

#include "bind/function.h"
#include "bind/pace.h"

void tl_open_function (lua_State *L);

typedef struct Result { uint8_t tensor, ndim, dtype; tl_Device *device; int64_t size[TL_MAXDIM]; } Result;

typedef struct Fn {
  tl_State *S;
  int ref, zeros, nout;                  /* ctx; absent gradients arrive as zeros */
  Result result[];
} Fn;

static const char names_key = 0;

/* ---- backward ---- */

typedef struct BackwardCall { tl_Node *node; tl_Tensor **g; } BackwardCall;

static void push_gradient (lua_State *L, const Fn *f, int j, tl_Tensor *g) {
  const Result *r = &f->result[j];
  if (!g && f->zeros && r->tensor && tl_is_float(r->dtype)) {
    g = tl_zeros(r->device, r->dtype, r->ndim, r->size);
    if (!g) tl_bad(L);
  }
  tl_push(L, g);
}

static int backward_body (lua_State *L) {
  BackwardCall *b = lua_touserdata(L, 1);
  tl_Node *n = b->node;
  const Fn *f = n->owner;
  int nout = f->nout, nin = n->nin, got;
  luaL_checkstack(L, nout + LUA_MINSTACK, "backward");
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->ref);           /* 2: ctx */
  lua_pushlightuserdata(L, n);
  lua_rawsetp(L, 2, tl_ctx_keys + TL_CTX_NODE);
  lua_rawgetp(L, 2, tl_ctx_keys + TL_CTX_CLASS);
  lua_getfield(L, 3, "backward");
  if (lua_isnil(L, 4)) return tl_error(L, "%s has no backward function", n->name);
  lua_pushvalue(L, 2);
  for (int j = 0; j < nout; j++) push_gradient(L, f, j, b->g[j]);
  lua_call(L, nout + 1, LUA_MULTRET);
  got = lua_gettop(L) - 3;
  if (got < nin)
    return tl_error(L, "function %s returned an incorrect number of gradients (expected %d, got %d)", n->name, nin,
                    got);
  for (int i = nin; i < got; i++)
    if (!lua_isnil(L, 4 + i) && !tl_is_none(L, 4 + i))
      return tl_error(L, "function %s returned an incorrect number of gradients (expected %d, got %d)", n->name, nin,
                      got);
  for (int i = 0; i < nin; i++) {
    tl_Tensor *t = tl_astensor(L, 4 + i);
    if (!t && !lua_isnil(L, 4 + i) && !tl_is_none(L, 4 + i))
      return tl_error(L, "function %s returned an invalid gradient at index %d: expected Tensor or nil, got %s",
                      n->name, i + 1,
                      tl_got(L, 4 + i));
    if (t && tl_needs(n, i) && tl_give(n, i, t)) return tl_bad(L);
  }
  return 0;
}

static int function_backward (tl_Node *n, tl_Tensor **g) {
  Fn *f = n->owner;
  BackwardCall b = { n, g };
  tl_LuaCall c;
  lua_State *L;
  int status;
  if (!f) return tl_fault("Trying to backward through the graph a second time");
  L = tl_lua_begin(f->S, &c);
  if (!L) return -1;
  lua_pushcfunction(L, backward_body);
  lua_pushlightuserdata(L, &b);
  status = tl_lua_call(&c, L, 1, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->ref);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, -2, tl_ctx_keys + TL_CTX_NODE);                       /* the key exists: no allocation */
  tl_lua_end(&c);
  return status;
}

static void drop_function (tl_Node *n) {
  Fn *f = n->owner;
  if (f && f->S->ctx) luaL_unref(f->S->L, LUA_REGISTRYINDEX, f->ref);
  tl_free(f);
}

/* ---- forward ---- */

typedef struct Forward {
  lua_State *L;
  int nin, nout, ctx, first;             /* stack places: ctx, the first result */
  tl_Edge *edge;
} Forward;

/* is tensor t in ctx's list `key` */
static int in_list (lua_State *L, int ctx, const void *key, const tl_Tensor *t) {
  int yes = 0, n;
  if (lua_rawgetp(L, ctx, key) == LUA_TTABLE) {
    n = (int)lua_rawlen(L, -1);
    for (int i = 1; i <= n && !yes; i++) {
      lua_rawgeti(L, -1, i);
      yes = tl_astensor(L, -1) == t;
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
  return yes;
}

static int which_input (const Forward *f, const tl_Tensor *t) {
  for (int i = 0; i < f->nin; i++)
    if (tl_astensor(f->L, i + 2) == t) return i;
  return -1;
}

static int takes_node (const Forward *f, int j) {
  tl_Tensor *t = tl_astensor(f->L, f->first + j);
  return t && tl_is_float(t->dtype) && !in_list(f->L, f->ctx, tl_ctx_keys + TL_CTX_FIXED, t);
}

/* a name that lives as long as the state, for node->name */
static const char *node_name (lua_State *L) {
  const char *name;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
  lua_getfield(L, 1, "__name");
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    lua_pushliteral(L, "Function");
  }
  lua_pushfstring(L, "%sBackward", lua_tostring(L, -1));
  lua_remove(L, -2);
  name = lua_tostring(L, -1);
  lua_pushvalue(L, -1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return name;
}

static int remember (const Forward *f, tl_Node *n, int k, tl_Tensor *t) {
  tl_Saved *s = &n->saved[k];
  int i;
  if (!t) return 0;
  s->from = TL_FROM_CONSTANT;
  i = which_input(f, t);
  if (i >= 0 && f->edge[i].node) s->from = TL_FROM_INPUT(i);
  for (int j = 0; j < f->nout; j++)
    if (tl_astensor(f->L, f->first + j) == t && takes_node(f, j) &&
        (i < 0 || in_list(f->L, f->ctx, tl_ctx_keys + TL_CTX_DIRTY, t)))
      s->from = TL_FROM_RESULT(j);
  s->version = t->storage ? t->storage->version : 0;
  s->t = tl_retain(tl_alias(t));
  return s->t ? 0 : -1;
}

/* result j gets the node; aliases stands ready where it can't be the same tensor */
static int attach (const Forward *f, tl_Node *n, int j, tl_Box *fresh) {
  tl_Tensor *t = tl_astensor(f->L, f->first + j);
  int i = which_input(f, t);
  if (i >= 0 && in_list(f->L, f->ctx, tl_ctx_keys + TL_CTX_DIRTY, t)) {
    if (f->edge[i].node && f->edge[i].node->flags & TL_NODE_LEAF)
      return tl_fault("a leaf Variable that requires grad is being used in an in-place operation.");
    if (t->base && (i > 0 || j > 0))
      return tl_fault("%s: a view that forward writes must be the first input and the first result", n->name);
    if (t->base) return tl_rebase(t, n);
    tl_set_node(t, n, j);
    return 0;
  }
  if (fresh) {
    t = tl_alias(t);
    if (!t) return -1;
    fresh->p = tl_retain(t);
  }
  tl_set_node(t, n, j);
  return 0;
}

static void describe (Result *r, const tl_Tensor *t) {
  memset(r, 0, sizeof *r);
  if (!t) return;
  r->tensor = 1;
  r->ndim = t->ndim;
  r->dtype = t->dtype;
  r->device = tl_device_of(t);
  memcpy(r->size, t->size, sizeof r->size);
}

/* everything that may raise is done before the node is made */
static int record (Forward *f) {
  lua_State *L = f->L;
  const char *name = node_name(L);
  tl_Box **fresh = tl_scratch((size_t)(f->nout + 1) * sizeof *fresh);
  tl_State *S = tl_binder(L);
  int nsaved = 0, ref, top, status = 0, list;
  Fn *fn;
  tl_Node *n;
  if (!fresh) return tl_bad(L);
  /* inputs returned as they are, views, tensors with a past: through an alias */
  for (int j = 0; j < f->nout; j++) {
    tl_Tensor *t = tl_astensor(L, f->first + j);
    fresh[j] = NULL;
    if (!takes_node(f, j) || in_list(L, f->ctx, tl_ctx_keys + TL_CTX_DIRTY, t)) continue;
    if (which_input(f, t) < 0 && !t->base && !t->node) continue;
    fresh[j] = tl_newbox(L, TL_IS_TENSOR);
  }
  lua_rawgetp(L, f->ctx, tl_ctx_keys + TL_CTX_SAVED);
  list = lua_gettop(L);
  if (lua_istable(L, list)) {
    lua_getfield(L, list, "n");
    nsaved = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_rawgetp(L, f->ctx, tl_ctx_keys + TL_CTX_ZEROS);
  top = lua_gettop(L);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, f->ctx, tl_ctx_keys + TL_CTX_NODE);
  lua_pushvalue(L, 1);
  lua_rawsetp(L, f->ctx, tl_ctx_keys + TL_CTX_CLASS);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, f->ctx, tl_ctx_keys + TL_CTX_SAVED);
  lua_pushvalue(L, f->ctx);
  ref = luaL_ref(L, LUA_REGISTRYINDEX);
  fn = tl_malloc(sizeof *fn + (size_t)f->nout * sizeof *fn->result);
  n = fn ? tl_node_new_with(name, function_backward, f->nin, f->nout, nsaved, 0, 0, 1) : NULL;
  if (!n) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    tl_free(fn);
    return tl_bad(L);
  }
  *fn = (Fn){ .S = S, .ref = ref, .zeros = lua_isnil(L, top) || lua_toboolean(L, top), .nout = f->nout };
  n->owner = fn;
  n->drop = drop_function;
  n->flags |= TL_NODE_WANTS;
  for (int i = 0; i < f->nin; i++) {
    tl_Tensor *t = tl_astensor(L, i + 2);
    if (!f->edge[i].node) continue;
    n->in[i] = f->edge[i];
    tl_node_retain(f->edge[i].node);
    n->origin[i] = (tl_Origin){ .ndim = t->ndim, .dtype = t->dtype, .device = tl_device_of(t) };
    memcpy(n->origin[i].size, t->size, sizeof t->size);
  }
  for (int j = 0; j < f->nout; j++) describe(&fn->result[j], tl_astensor(L, f->first + j));
  for (int k = 0; k < nsaved && !status; k++) {
    lua_rawgeti(L, list, k + 1);
    status = remember(f, n, k, tl_astensor(L, -1));
    lua_pop(L, 1);
  }
  for (int j = 0; j < f->nout && !status; j++)
    if (takes_node(f, j)) status = attach(f, n, j, fresh[j]);
  tl_node_release(n);
  if (status) return tl_bad(L);
  for (int j = 0, at = f->first + f->nout; j < f->nout; j++)
    if (fresh[j]) {
      lua_pushvalue(L, at++);
      lua_replace(L, f->first + j);
    }
  lua_settop(L, f->first + f->nout - 1);
  return f->nout;
}

/* torch._C.function_apply(class, ...) */
static int apply_body (lua_State *L) {
  Forward f = { .L = L, .nin = lua_gettop(L) - 1, .ctx = lua_gettop(L) + 1 };
  tl_State *S = tl_binder(L);
  int wants = 0, mode = tl_mode_get(tl_here);
  if (lua_type(L, 1) != LUA_TTABLE)
    return tl_error(L, "apply: the class of a Function was expected, not %s", tl_got(L, 1));
  luaL_checkstack(L, 2 * f.nin + 40, "too many arguments");
  f.edge = tl_scratch((size_t)(f.nin + 1) * sizeof *f.edge);
  if (!f.edge) return tl_bad(L);
  lua_newtable(L);
  lua_createtable(L, f.nin, 0);
  for (int i = 0; i < f.nin; i++) {
    tl_Tensor *t = tl_astensor(L, i + 2);
    f.edge[i] = (tl_Edge){ NULL, 0 };
    if (t && mode & TL_MODE_GRAD) f.edge[i] = tl_edge(t);
    wants |= f.edge[i].node != NULL;
    lua_pushboolean(L, f.edge[i].node != NULL);
    lua_rawseti(L, -2, i + 1);
  }
  if (tl_here->failed) return tl_bad(L);
  lua_setfield(L, f.ctx, "needs_input_grad");
  tl_push_ctx_meta(L);
  lua_setmetatable(L, f.ctx);
  lua_getfield(L, 1, "forward");
  if (lua_isnil(L, -1)) return tl_error(L, "the Function has no forward");
  lua_pushvalue(L, f.ctx);
  for (int i = 0; i < f.nin; i++) lua_pushvalue(L, i + 2);
  if (tl_with_mode(L, S, mode & TL_MODE_INFERENCE, f.nin + 1) != LUA_OK) return lua_error(L);
  f.first = f.ctx + 1;
  f.nout = lua_gettop(L) - f.ctx;
  if (f.nout > 64) return tl_error(L, "a Function may return at most 64 values, got %d", f.nout);
  luaL_checkstack(L, f.nout + 40, "too many results");
  if (wants) {
    int any = 0;
    for (int j = 0; j < f.nout; j++) any |= takes_node(&f, j);
    if (any) return record(&f);
  }
  return f.nout;
}

static int function_apply (lua_State *L) {
  int n = tl_protect(L, apply_body);
  tl_pace(L);
  return n;
}

void tl_open_function (lua_State *L) {
  static const luaL_Reg private[] = { {"function_apply", function_apply}, {NULL, NULL} };
  tl_subtable(L, lua_gettop(L), "_C");
  tl_setfuncs(L, private);
  lua_pop(L, 1);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
  tl_open_ctx(L);
}
