/*
** autograd.c -- backward, gradients of given inputs, hooks, and the flags that say who wants a gradient.
*/
#include "bind/forms.h"
#include "bind/pace.h"
#include "op/calls.h"

static int flags_of (const tl_Value *retain, const tl_Value *create) {
  int flags = create->i ? TL_CREATE_GRAPH : 0;
  if (retain->given ? retain->i != 0 : create->i != 0) flags |= TL_RETAIN_GRAPH;
  return flags;
}

/* a T or L parameter as a list */
static tl_Tensor **listed (const tl_Form *f, int k, tl_Value *v, int *n) {
  if (f->p[k].type == 'T') {
    *n = 1;
    return &v->t;
  }
  *n = v->n;
  return v->ts;
}

/* backward that accumulates into the given tensors only */
static int into_inputs (int n, tl_Tensor **root, tl_Tensor **g, const tl_Value *inputs, int flags) {
  tl_Tensor **out = tl_scratch((size_t)(inputs->n ? inputs->n : 1) * sizeof *out);
  if (inputs->n == 0) return tl_fault("`inputs` argument to `backward` cannot be empty.");
  if (!out || tl_gradients(n, root, g, inputs->n, inputs->ts, out, flags | TL_ALLOW_UNUSED)) return -1;
  for (int i = 0; i < inputs->n; i++) {
    tl_Tensor *x = inputs->ts[i], *old = tl_grad_of(x);
    uint8_t mode = tl_here->grad_mode;
    int status;
    if (!out[i]) continue;
    tl_here->grad_mode = (flags & TL_CREATE_GRAPH) != 0;
    status = tl_set_grad(x, old ? tl_add(old, out[i]) : out[i]);
    tl_here->grad_mode = mode;
    if (status || tl_here->failed) return -1;
  }
  return 0;
}

static int run_backward (const tl_Form *f, tl_Args *a) {
  int n, ng = 0;
  tl_Tensor **root = listed(f, 0, &a->v[0], &n), **g = NULL;
  int flags = flags_of(&a->v[2], &a->v[3]);
  if (a->v[1].given) g = listed(f, 1, &a->v[1], &ng);
  if (g && ng != n) return tl_fault("got %d tensors and %d gradients", n, ng);
  if (a->v[4].given) return into_inputs(n, root, g, &a->v[4], flags);
  return tl_backward(n, root, g, flags);
}

/* x:backward(gradient, retain_graph, create_graph, {inputs=}) */
static int backward_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_take(L, "backward", TL_FORM_backward, 1, &r, &a);
  return run_backward(a.form, &a) ? tl_bad(L) : 0;
}

static int backward_of_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_take(L, "backward", TL_FORM_backward_of, 1, &r, &a);
  return run_backward(a.form, &a) ? tl_bad(L) : 0;
}

/* torch.autograd.grad: a list, one gradient an input; torch.none where an unused one is allowed */
static int grad_of_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  int n, m, ng = 0, flags;
  tl_Tensor **root, **input, **g = NULL, **out;
  tl_take(L, "grad", TL_FORM_grad_of, 1, &r, &a);
  root = listed(a.form, 0, &a.v[0], &n);
  input = listed(a.form, 1, &a.v[1], &m);
  if (a.v[2].given) g = listed(a.form, 2, &a.v[2], &ng);
  if (g && ng != n) return tl_error(L, "grad(): got %d tensors and %d gradients", n, ng);
  if (m == 0) return tl_error(L, "grad requires non-empty inputs.");
  flags = flags_of(&a.v[3], &a.v[4]);
  if (a.v[5].given ? a.v[5].i : a.v[6].i) flags |= TL_ALLOW_UNUSED;
  if (a.v[6].i && a.v[5].given && !a.v[5].i)
    return tl_error(L, "Expected allow_unused to be true or not passed when materialize_grads=true, but got: "
                       "allow_unused=false.");
  out = tl_scratch((size_t)m * sizeof *out);
  if (!out || tl_gradients(n, root, g, m, input, out, flags)) return tl_bad(L);
  lua_createtable(L, m, 0);
  for (int i = 0; i < m; i++) {
    tl_Tensor *t = out[i] || !a.v[6].i ? out[i] : tl_zeros_like(input[i]);
    if (t) tl_push(L, t);
    else if (tl_here->failed) return tl_bad(L);
    else tl_push_none(L);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int requires_grad_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_take(L, "requires_grad_", TL_FORM_requires_grad, 1, &r, &a);
  if (tl_set_requires_grad(a.v[0].t, (int)a.v[1].i)) return tl_bad(L);
  lua_settop(L, 1);
  return 1;
}

static int retain_grad_body (lua_State *L) {
  return tl_retain_grad(tl_check(L, 1, "retain_grad")) ? tl_bad(L) : 0;
}

/* ---- hooks ---- */

typedef struct Owner { tl_State *S; int ref; } Owner;          /* the Lua function */
typedef struct Handle { tl_Node *node; int id; } Handle;
typedef struct HookCall { int ref; tl_Tensor *g, *answer; } HookCall;

static int hook_body (lua_State *L) {
  HookCall *h = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->ref);
  tl_push(L, h->g);
  lua_call(L, 1, 1);
  if (lua_isnil(L, -1)) return 0;
  if (!tl_astensor(L, -1)) return tl_error(L, "a hook must return a Tensor or nil, not %s", tl_got(L, -1));
  h->answer = tl_retain(tl_astensor(L, -1));
  return 0;
}

static int call_hook (void *owner, tl_Tensor *g, tl_Tensor **answer) {
  Owner *o = owner;
  HookCall h = { o->ref, g, NULL };
  tl_LuaCall c;
  lua_State *L = tl_lua_begin(o->S, &c);
  int status;
  if (!L) return -1;
  lua_pushcfunction(L, hook_body);
  lua_pushlightuserdata(L, &h);
  status = tl_lua_call(&c, L, 1, 0);
  tl_lua_end(&c);
  *answer = h.answer ? tl_pool(h.answer) : NULL;
  return status;
}

static int gradient_hook (void *owner, int result, tl_Tensor **g) {
  char got[256], want[256];
  tl_Tensor *answer;
  (void)result;
  if (call_hook(owner, *g, &answer)) return -1;
  if (!answer) return 0;
  if (!tl_same_sizes(answer, *g))
    return tl_fault("hook has changed the size of value: %s instead of %s",
                    tl_show_sizes(got, answer->ndim, answer->size),
                    tl_show_sizes(want, (*g)->ndim, (*g)->size));
  if (answer->dtype != (*g)->dtype) return tl_fault("hook has changed the type of value");
  *g = answer;
  return 0;
}

static int after_hook (void *owner, int result, tl_Tensor **x) {
  tl_Tensor *ignored;
  (void)result;
  return call_hook(owner, *x, &ignored);
}

static void drop_hook (void *owner) {
  Owner *o = owner;
  if (o->S->ctx) luaL_unref(o->S->L, LUA_REGISTRYINDEX, o->ref);
  tl_free(o);
}

static int add_hook (lua_State *L, const char *name, int after) {
  tl_State *S = tl_binder(L);
  tl_Tensor *t = tl_check(L, 1, name);
  tl_Edge e = tl_edge(t);
  tl_Hook hook = { .call = after ? after_hook : gradient_hook, .drop = drop_hook, .after = (uint8_t)after };
  Handle *handle;
  Owner *o;
  tl_Box *b;
  int ref;
  if (lua_type(L, 2) != LUA_TFUNCTION && lua_type(L, 2) != LUA_TTABLE)
    return tl_error(L, "%s(): argument 'hook' (position 2) must be function, not %s", name, tl_got(L, 2));
  if (!e.node)
    return tl_here->failed ? tl_bad(L)
        : tl_error(L, "cannot register a hook on a tensor that doesn't require gradient");
  if (after && !(e.node->flags & TL_NODE_LEAF))
    return tl_error(L, "post accumulate grad hooks cannot be registered on non-leaf tensors");
  b = tl_newbox(L, TL_IS_HOOK);
  lua_pushvalue(L, 2);
  ref = luaL_ref(L, LUA_REGISTRYINDEX);                /* the last that can raise */
  o = tl_malloc(sizeof *o);
  handle = tl_malloc(sizeof *handle);
  hook.result = after ? 0 : e.result;
  hook.owner = o;
  if (o) *o = (Owner){ S, ref };
  if (!o || !handle || (handle->id = tl_hook(e.node, &hook)) < 0) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    tl_free(o);
    tl_free(handle);
    return tl_bad(L);
  }
  handle->node = e.node;
  tl_node_retain(e.node);
  b->p = handle;
  return 1;
}

static int register_hook_body (lua_State *L) { return add_hook(L, "register_hook", 0); }
static int register_post_body (lua_State *L) { return add_hook(L, "register_post_accumulate_grad_hook", 1); }

static int hook_remove (lua_State *L) {
  Handle *h = tl_unbox(L, 1, TL_IS_HOOK);
  tl_State *S = tl_upstate(L);
  tl_Context *before;
  if (!h || !S->ctx) return 0;
  tl_in(S, L, &before);
  tl_unhook(h->node, h->id);
  h->id = -1;
  tl_leave(before);
  return 0;
}

static int hook_gc (lua_State *L) {
  Handle *h = tl_unbox(L, 1, TL_IS_HOOK);
  tl_State *S = tl_upstate(L);
  if (h && S->ctx) {
    tl_Context *before = tl_here;
    lua_State *running = S->L;
    ((tl_Box *)lua_touserdata(L, 1))->p = NULL;
    tl_here = S->ctx;
    S->L = L;
    tl_node_release(h->node);
    tl_free(h);
    S->L = running;
    tl_here = before;
  }
  return 0;
}

#define PROTECTED(name) static int name (lua_State *L) { return tl_protect(L, name##_body); }
#define PACED(name) static int name (lua_State *L) { int n = tl_protect(L, name##_body); tl_pace(L); return n; }
PACED(backward)
PACED(backward_of)
PACED(grad_of)
PROTECTED(requires_grad)
PROTECTED(retain_grad)
PROTECTED(register_hook)
PROTECTED(register_post)

/* torch._C.live(): tensors, nodes and bytes alive; for specs */
static int live (lua_State *L) {
  tl_Context *c = tl_state(L);
  lua_pushinteger(L, (lua_Integer)c->tensors);
  lua_pushinteger(L, (lua_Integer)c->nodes);
  lua_pushinteger(L, (lua_Integer)c->bytes);
  return 3;
}

/* torch._C.settle(): the same after everything unreachable went; for specs */
static int settle (lua_State *L) {
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);                            /* what finalizers let go */
  return live(L);
}

void tl_open_autograd (lua_State *L) {
  static const luaL_Reg functions[] = { {"backward", backward_of}, {"grad", grad_of}, {NULL, NULL} };
  static const luaL_Reg methods[] = { {"backward", backward}, {"requires_grad_", requires_grad},
    {"retain_grad", retain_grad},
    {"register_hook", register_hook}, {"register_post_accumulate_grad_hook", register_post}, {NULL, NULL} };
  static const luaL_Reg private[] = { {"live", live}, {"settle", settle}, {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__gc", hook_gc}, {"__close", hook_remove}, {NULL, NULL} };
  static const luaL_Reg handle[] = { {"remove", hook_remove}, {NULL, NULL} };
  tl_subtable(L, lua_gettop(L), "_C.autograd");
  tl_setfuncs(L, functions);
  lua_pop(L, 1);
  tl_subtable(L, lua_gettop(L), "_C");
  tl_setfuncs(L, private);
  lua_pop(L, 1);
  lua_pushvalue(L, -2);
  tl_setfuncs(L, methods);
  lua_pop(L, 1);
  tl_newkind(L, TL_IS_HOOK, "torch.RemovableHandle");
  tl_setfuncs(L, meta);
  lua_newtable(L);
  tl_setfuncs(L, handle);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
