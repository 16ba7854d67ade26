/*
** method.c -- THE function behind every operation: x:name(), torch.name(x), x:name_(), operators.
**
** One C closure per spelling; upvalues: the record of what it calls, and the tensor metatable.  The box
** of a result is made before anything else, so nothing can raise while the pool holds what is ours.
** The commonest call, tensors and numbers in order, is read without a look at the spec.
*/
#include <string.h>

#include "bind/args.h"
#include "bind/pace.h"

typedef struct Method {
  const struct Method *turned;           /* an operator's: what it is when a number stands first, operands swapped */
  const tl_Op *op;
  const tl_Spec *spec;
  tl_State *S;
  uint8_t inplace, unary;                /* unary: an operator that Lua calls with its operand twice */
  uint8_t quick;                         /* one form, that many T or N in front, the rest has defaults, one result */
  uint8_t boxes;                         /* results that every form has at least */
} Method;

/* ---- results ---- */

static int push_body (lua_State *L) {
  tl_Args *a = lua_touserdata(L, 1);
  const tl_Form *f = a->form;
  tl_Num v;
  int n = 0;
  luaL_checkstack(L, TL_MAXOUT + 8, "results");
  if (f->truth) {
    if (tl_peek_number(a->op->name, a->out[0], &v)) return tl_bad(L);
    lua_pushboolean(L, v.i != 0);
    return 1;
  }
  if (f->list) {
    lua_createtable(L, a->nlist, 0);
    for (int i = 0; i < a->nlist; i++) {
      tl_push(L, a->list[i]);
      lua_rawseti(L, -2, i + 1);
    }
    return 1;
  }
  for (int j = 0; j < a->nout; j++) {
    if (!a->out[j] && j > 0) continue;                 /* results that were not asked for */
    tl_push(L, a->out[j]);
    n++;
  }
  return n;
}

/* the results on the stack without raising: how many, or -1 with an error object on top */
static int push_many (lua_State *L, tl_Args *a) {
  int top = lua_gettop(L);
  lua_pushcfunction(L, push_body);
  lua_pushlightuserdata(L, a);
  if (lua_pcall(L, 1, LUA_MULTRET, 0) != LUA_OK) return -1;
  return lua_gettop(L) - top;
}

/* ---- the call ---- */

static inline tl_Box *new_box (lua_State *L) {
  tl_Box *b = lua_newuserdatauv(L, sizeof *b, 0);
  b->p = NULL;
  b->kind = tl_kinds + TL_IS_TENSOR;
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_setmetatable(L, -2);
  return b;
}

/* arguments [1, n] that are tensors and numbers only: 1 when read, 0 when the long way must be taken, -1 failed */
static inline int read_quick (lua_State *L, const Method *m, int n, tl_Args *a) {
  const tl_Form *f = &m->spec->form[0];
  tl_Tensor *t[TL_MAXPARAM];
  if (n > m->quick) return 0;
  for (int k = 0; k < n; k++) {
    t[k] = tl_astensor(L, k + 1);
    if (!t[k] && (f->p[k].type != 'N' || lua_type(L, k + 1) != LUA_TNUMBER)) return 0;
  }
  if (n < f->npositional && !f->p[n].optional && !f->p[n].has_default) return 0;
  tl_args_start(a, m->op, f, 0);
  for (int k = 0; k < n; k++) {
    tl_Value *v = &a->v[k];
    v->given = 1;
    v->n = 0;
    if (t[k]) v->t = t[k];
    else {
      v->t = lua_isinteger(L, k + 1) ? tl_integer(lua_tointeger(L, k + 1)) : tl_number(lua_tonumber(L, k + 1));
      if (!v->t) return -1;
    }
  }
  for (int k = n; k < f->n; k++) a->v[k] = f->p[k].value;
  return 1;
}

/* the rest of a call whose pushing raised: an error object is on top */
static int raise_pushed (lua_State *L, size_t mark, tl_Context *before) {
  tl_Context *c = tl_here;
  c->failed = c->raised = 0;
  tl_drain(mark);
  tl_leave(before);
  return lua_error(L);
}

/* results beyond the first box: lists, truths, several */
static int finish_many (lua_State *L, tl_Args *a, size_t mark, tl_Context *before) {
  int n = push_many(L, a);
  if (n < 0) return raise_pushed(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  return n;
}

/* with in-place and out= the caller's own tensors are the results */
static int push_destinations (lua_State *L, const tl_Reader *r, const tl_Args *a, int inplace) {
  int at = inplace ? 1 : r->out;
  if (inplace || lua_type(L, at) == LUA_TUSERDATA) {
    lua_pushvalue(L, at);
    return 1;
  }
  for (int j = 0; j < a->nout; j++) lua_rawgeti(L, at, j + 1);
  return a->nout;
}

static inline int into_self (const Method *m, tl_Args *a) {
  tl_Tensor *t = a->v[0].t;
  if (TL_UNLIKELY(!t || t->flags & TL_WRAPPED))
    return tl_fault("%s_(): writes into self, which must be a Tensor", m->op->name);
  a->inplace = 1;
  a->dest[0] = t;
  return 0;
}

static int call_long (lua_State *L, const Method *m) {
  tl_State *S = m->S;
  tl_Reader r;
  tl_Args a;
  tl_Context *before;
  size_t mark;
  tl_Box *box = NULL;
  int boxed = 0;
  luaL_checkstack(L, LUA_MINSTACK + TL_MAXOUT, m->op->name);
  tl_reader(&r, L, m->op->name, m->op->args, 1);
  if (m->boxes == 1 && !m->inplace && !r.out) {
    box = new_box(L);
    boxed = lua_gettop(L);
  }
  tl_in(S, L, &before);
  mark = tl_mark();
  a.op = m->op;
  if (tl_read(&r, m->spec, &a)) return tl_raise(L, mark, before);
  if (m->inplace) {
    if (r.out) {
      tl_fault("%s%s(): takes no out=: it writes self", m->op->name, m->op->flags & TL_OP_INPLACE_ONLY ? "" : "_");
      return tl_raise(L, mark, before);
    }
    if (into_self(m, &a)) return tl_raise(L, mark, before);
  }
  if (tl_apply(&a)) return tl_raise(L, mark, before);
  if (m->inplace && tl_astensor(L, 1) != a.v[0].t) return finish_many(L, &a, mark, before);   /* self by its name */
  if (m->inplace || r.out) {
    int n = push_destinations(L, &r, &a, m->inplace);
    tl_drain(mark);
    tl_leave(before);
    return n;
  }
  if (a.form->list || a.form->truth || !box || a.nout > 1) return finish_many(L, &a, mark, before);
  if (a.out[0] && a.out[0] == tl_astensor(L, 1)) lua_pushvalue(L, 1);       /* x:contiguous() of a contiguous x is x */
  else {
    box->p = tl_retain(a.out[0]);
    lua_pushvalue(L, boxed);
  }
  tl_drain(mark);
  tl_leave(before);
  return 1;
}

static int method_call (lua_State *L) {
  const Method *m = lua_touserdata(L, lua_upvalueindex(1));
  tl_State *S = m->S;
  tl_pace_state(L, S);
  if (m->unary) lua_settop(L, 1);
  if (m->turned && lua_type(L, 1) == LUA_TNUMBER) {
    lua_insert(L, 1);
    m = m->turned;
  }
  if (TL_LIKELY(m->quick)) {
    int n = lua_gettop(L), read;
    tl_Args a;
    tl_Context *before;
    size_t mark;
    tl_Box *box = NULL;
    if (n == 0 || n > m->quick || lua_type(L, n) == LUA_TTABLE) return call_long(L, m);
    if (!m->inplace) box = new_box(L);
    tl_in(S, L, &before);
    mark = tl_mark();
    read = read_quick(L, m, n, &a);
    if (TL_UNLIKELY(read <= 0)) {
      if (read < 0) return tl_raise(L, mark, before);
      tl_leave(before);
      lua_settop(L, n);
      return call_long(L, m);
    }
    if (m->inplace && TL_UNLIKELY(into_self(m, &a))) return tl_raise(L, mark, before);
    if (TL_UNLIKELY(tl_apply(&a))) return tl_raise(L, mark, before);
    if (m->inplace) {
      lua_settop(L, 1);
      tl_drain(mark);
      tl_leave(before);
    return 1;
    }
    if (TL_UNLIKELY(a.out[0] == a.v[0].t && a.out[0]->storage)) lua_settop(L, 1);
    else box->p = tl_retain(a.out[0]);
    tl_drain(mark);
    tl_leave(before);
    return 1;
  }
  return call_long(L, m);
}

/* ---- registration ---- */

static void describe (Method *m, const tl_Op *op, int inplace, int unary) {
  const tl_Spec *s = tl_op_spec(op);
  const tl_Form *f = &s->form[0];
  m->turned = NULL;
  m->op = op;
  m->spec = s;
  m->inplace = (uint8_t)inplace;
  m->unary = (uint8_t)unary;
  m->boxes = 1;
  m->quick = 0;
  for (int k = 0; k < s->nforms; k++)
    if (s->form[k].nout != 1 || s->form[k].list || s->form[k].truth) m->boxes = 0;
  if (!m->boxes) return;                                 /* the first form wins where it fits */
  while (m->quick < f->npositional && strchr("TNJ", f->p[m->quick].type)) m->quick++;
}

static Method *new_method (lua_State *L, const tl_Op *op, int inplace, int unary) {
  Method *m = lua_newuserdatauv(L, sizeof *m, 1);
  describe(m, op, inplace, unary);
  m->S = tl_binder(L);
  return m;
}

/* pushes the closure of a spelling */
static void push_method (lua_State *L, const tl_Op *op, int inplace, int unary, const tl_Op *turned) {
  Method *m = new_method(L, op, inplace, unary);
  if (turned) {
    m->turned = new_method(L, turned, 0, 0);
    lua_setiuservalue(L, -2, 1);         /* it lives as long as m */
  }
  luaL_getmetatable(L, TL_TENSOR);
  lua_pushcclosure(L, method_call, 2);
}

static void set (lua_State *L, int table, const char *name, const char *tail) {
  lua_pushfstring(L, "%s%s", name, tail);
  lua_insert(L, -2);
  lua_rawset(L, table);
}

/* `name` of op into methods (1) and torch (2) or the space's table */
static void register_op (lua_State *L, int methods, int torch, const tl_Op *op, const char *space, const char *name) {
  int both = !(op->flags & (TL_OP_METHOD | TL_OP_FUNCTION));
  int top = lua_gettop(L), place = torch, only = op->flags & TL_OP_INPLACE_ONLY;
  /* torch.nn is Lua; it takes its functions from torch._C.functional */
  if (space) {
    if (strncmp(space, "nn.", 3) == 0) tl_subtable(L, torch, lua_pushfstring(L, "_C.%s", space + 3));
    else tl_subtable(L, torch, space);
    place = lua_gettop(L);
  }
  for (int inplace = only ? 1 : 0; inplace <= (only || op->flags & TL_OP_INPLACE ? 1 : 0); inplace++) {
    const char *tail = inplace && !only ? "_" : "";
    push_method(L, op, inplace, 0, NULL);
    if (!space && (both || op->flags & TL_OP_METHOD)) {
      lua_pushvalue(L, -1);
      set(L, methods, name, tail);
    }
    if (space || both || op->flags & TL_OP_FUNCTION) set(L, place, name, tail);
    else lua_pop(L, 1);
  }
  lua_settop(L, top);
}

static int no_order (lua_State *L) {
  return tl_error(L, "tensors have no order that `<` or `<=` could give as true or false: use a:lt(b), a:le(b), "
                     "a:gt(b), a:ge(b), or (a - b):item() < 0");
}

static void operators (lua_State *L) {
  static const struct { const char *event, *op, *turned; int unary; } table[] = {
    { "__add", "add", NULL, 0 }, { "__sub", "sub", "rsub", 0 }, { "__mul", "mul", NULL, 0 },
    { "__div", "div", "__rdiv__", 0 }, { "__idiv", "floor_divide", NULL, 0 }, { "__mod", "remainder", NULL, 0 },
    { "__pow", "pow", NULL, 0 }, { "__unm", "neg", NULL, 1 }, { "__band", "bitwise_and", NULL, 0 },
    { "__bor", "bitwise_or", NULL, 0 }, { "__bxor", "bitwise_xor", NULL, 0 },
    { "__shl", "bitwise_left_shift", NULL, 0 }, { "__shr", "bitwise_right_shift", NULL, 0 },
    { "__bnot", "bitwise_not", NULL, 1 }
  };
  luaL_getmetatable(L, TL_TENSOR);
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    const tl_Op *op = tl_op(table[i].op);
    if (!op) continue;
    push_method(L, op, 0, table[i].unary, table[i].turned ? tl_op(table[i].turned) : NULL);
    lua_setfield(L, -2, table[i].event);
  }
  lua_pushcfunction(L, no_order);
  lua_setfield(L, -2, "__lt");
  lua_pushcfunction(L, no_order);
  lua_setfield(L, -2, "__le");
  lua_pop(L, 1);
}

/* "nn.functional.name" into its two parts */
static const char *split_name (lua_State *L, const char *full, const char **space) {
  const char *dot = strrchr(full, '.');
  *space = dot ? lua_pushlstring(L, full, (size_t)(dot - full)) : NULL;
  return dot ? dot + 1 : full;
}

void tl_open_methods (lua_State *L) {
  int torch = lua_gettop(L), methods = torch - 1;
  for (int f = 0; tl_families[f]; f++)
    for (const tl_Op *op = tl_families[f]; op->name; op++) register_op(L, methods, torch, op, op->space, op->name);
  for (const tl_AliasRow *a = tl_aliases; a->name; a++) {
    const tl_Op *op = tl_op(a->op);
    const char *space, *name = split_name(L, a->name, &space);
    if (op) register_op(L, methods, torch, op, space ? space : op->space, name);
    lua_settop(L, torch);
  }
  operators(L);
}
