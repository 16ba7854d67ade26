/*
** index.c -- x.name, x[...] and x[...] = v; #x, pairs(x).
**
** A method call costs one look into the method table.  An index is read into a list of items first
** (which may raise); items.c then applies it under tl_in, where nothing may raise.
*/
#include <string.h>

#include "bind/field.h"
#include "bind/items.h"
#include "bind/pace.h"

enum { METHODS = 1, FIELDS, STATE };                     /* upvalues */

/* ---------------------------------------------------------------- reading an index */

static int whole_number (lua_State *L, int at, int64_t *v) {
  int ok;
  *v = lua_tointegerx(L, at, &ok);
  return ok && lua_type(L, at) == LUA_TNUMBER;
}

/* {}, {a, b}, {a, b, step}; none stands for the default */
static void read_range (lua_State *L, int at, tl_Item *m) {
  int64_t *part[3] = { &m->a, &m->b, &m->step };
  lua_Unsigned n = lua_rawlen(L, at);
  m->kind = TL_SLICE;
  m->a = 1;
  m->b = -1;
  m->step = 1;
  if (n == 1 || n > 3) tl_error(L, "a range is {first, last} or {first, last, step}, and {} is all of a dimension; "
                                   "got %d values",
                                (int)n);
  for (int k = 0; k < (int)n; k++) {
    lua_rawgeti(L, at, k + 1);
    if (!tl_is_none(L, -1) && !whole_number(L, -1, part[k]))
      tl_error(L, "a range is made of integers, got %s (index tensors stand in the brackets as they are)", tl_got(L,
                                                                                                                  -1));
    lua_pop(L, 1);
  }
}

/* the item at stack index `at`; nested: a table there is a range */
static void read_item (lua_State *L, int at, tl_Item *m) {
  switch (lua_type(L, at)) {
    case LUA_TNUMBER:
      m->kind = TL_NUMBER;
      if (!whole_number(L, at, &m->a)) tl_error(L, "tensors are indexed by integers, got the number %f",
                                                lua_tonumber(L, at));
      return;
    case LUA_TBOOLEAN:
      m->kind = TL_TRUTH;
      m->a = lua_toboolean(L, at);
      return;
    case LUA_TTABLE: read_range(L, at, m); return;
    case LUA_TSTRING:
      if (strcmp(lua_tostring(L, at), "...") == 0) { m->kind = TL_ELLIPSIS; return; }
      break;
    case LUA_TUSERDATA:
      if (tl_is_none(L, at)) { m->kind = TL_NEWAXIS; return; }
      m->t = tl_astensor(L, at);
      if (m->t) { m->kind = TL_INDEX; return; }
      break;
    default: break;
  }
  tl_error(L, "only integers, ranges ({first, last}, {first, last, step}, {}), \"...\", torch.newaxis and integer or "
              "bool Tensors "
              "are valid indices (got %s)", tl_got(L, at));
}

static void read_index (lua_State *L, int at, tl_Items *x) {
  if (lua_type(L, at) != LUA_TTABLE) {
    x->n = 1;
    read_item(L, at, &x->item[0]);
    return;
  }
  if (lua_rawlen(L, at) > TL_MAXITEMS) tl_error(L, "too many indices: %d", (int)lua_rawlen(L, at));
  x->n = (int)lua_rawlen(L, at);
  for (int k = 0; k < x->n; k++) {
    lua_rawgeti(L, at, k + 1);
    read_item(L, lua_gettop(L), &x->item[k]);
    lua_pop(L, 1);
  }
}

/* ---------------------------------------------------------------- __index */

static tl_State *state_of (lua_State *L) {
  tl_State *S = lua_touserdata(L, lua_upvalueindex(STATE));
  if (TL_UNLIKELY(!S->ctx)) luaL_error(L, "torch is closed");
  return S;
}

static tl_Tensor *self_of (lua_State *L) {
  tl_Tensor *t = tl_astensor(L, 1);
  if (TL_UNLIKELY(!t)) tl_error(L, "expected a Tensor, not %s", tl_got(L, 1));
  return t;
}

static int push_item (lua_State *L, tl_State *S, tl_Tensor *t) {
  tl_Context *before;
  size_t mark;
  tl_Num v;
  tl_in(S, L, &before);
  mark = tl_mark();
  if (tl_peek_number("item", t, &v)) return tl_raise(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  tl_push_number(L, v, t->dtype);
  return 1;
}

static int get_indexed (lua_State *L, tl_State *S, tl_Tensor *t) {
  tl_Items x;
  tl_Tensor **box, *y;
  tl_Context *before;
  size_t mark;
  if (t->ndim == 0 && lua_type(L, 2) == LUA_TNUMBER) {     /* the number of an old-style loss.data[1] */
    int64_t i;
    if (whole_number(L, 2, &i) && i == 1) return push_item(L, S, t);
    return tl_error(L, "invalid index of a 0-dim tensor. Use `tensor:item()` to convert a 0-dim tensor to a number");
  }
  read_index(L, 2, &x);
  box = tl_box(L);
  tl_in(S, L, &before);
  mark = tl_mark();
  y = tl_get_items(t, &x);
  if (TL_UNLIKELY(!y)) return tl_raise(L, mark, before);
  *box = tl_retain(y);
  tl_drain(mark);
  tl_leave(before);
  tl_pace_state(L, S);
  return 1;
}

static int tensor_index (lua_State *L) {
  if (TL_LIKELY(lua_type(L, 2) == LUA_TSTRING)) {
    const tl_Field *f;
    lua_pushvalue(L, 2);
    if (TL_LIKELY(lua_rawget(L, lua_upvalueindex(METHODS)) != LUA_TNIL)) return 1;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(FIELDS)) != LUA_TNIL) {
      f = lua_touserdata(L, -1);
      return f->get(L, state_of(L), self_of(L));
    }
    if (strcmp(lua_tostring(L, 2), "...") != 0) return tl_no_field(L, lua_tostring(L, 2), lua_upvalueindex(METHODS));
  }
  return get_indexed(L, state_of(L), self_of(L));
}

/* ---------------------------------------------------------------- __newindex */

static int put_indexed (lua_State *L, tl_State *S, tl_Tensor *t) {
  tl_Items x;
  int64_t i;
  tl_Tensor *v = tl_astensor(L, 3);
  tl_Context *before;
  size_t mark;
  int type = lua_type(L, 3);
  if (!v && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
    return tl_error(L, "can't assign a %s to a torch.Tensor of %s", tl_got(L, 3), tl_dtype_name[t->dtype]);
  if (t->ndim == 0 && lua_type(L, 2) == LUA_TNUMBER) {
    if (!whole_number(L, 2, &i) || i != 1)
      return tl_error(L, "invalid index of a 0-dim tensor. Use `tensor:fill_(v)` to set the number of a 0-dim tensor");
    x.n = 0;
  }
  else read_index(L, 2, &x);
  tl_in(S, L, &before);
  mark = tl_mark();
  if (!v) {
    if (type == LUA_TBOOLEAN) v = tl_boolean(lua_toboolean(L, 3));
    else if (lua_isinteger(L, 3)) v = tl_integer(lua_tointeger(L, 3));
    else v = tl_number(lua_tonumber(L, 3));
  }
  if (TL_UNLIKELY(tl_put_items(t, &x, v))) return tl_raise(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  return 0;
}

static int tensor_newindex (lua_State *L) {
  tl_State *S = state_of(L);
  tl_Tensor *t = self_of(L);
  if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "...") != 0) {
    const char *name = lua_tostring(L, 2);
    const tl_Field *f;
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(FIELDS)) == LUA_TNIL) {
      lua_pushvalue(L, 2);
      if (lua_rawget(L, lua_upvalueindex(METHODS)) != LUA_TNIL)
        return tl_error(L, "'%s' is a method of tensors and can't be assigned to", name);
      return tl_no_field(L, name, lua_upvalueindex(METHODS));
    }
    f = lua_touserdata(L, -1);
    if (!f->set) return tl_error(L, "attribute '%s' of 'torch.Tensor' objects is not writable", name);
    lua_pop(L, 1);
    return f->set(L, S, t);
  }
  return put_indexed(L, S, t);
}

/* ---------------------------------------------------------------- #x, pairs(x) */

static int tensor_len (lua_State *L) {
  tl_Tensor *t = self_of(L);
  if (t->ndim == 0) return tl_error(L, "len() of a 0-d tensor");
  lua_pushinteger(L, t->size[0]);
  return 1;
}

static int next_row (lua_State *L) {
  tl_Tensor *t = self_of(L);
  lua_Integer i = lua_tointeger(L, 2) + 1;
  if (t->ndim == 0 || i > t->size[0]) { lua_pushnil(L); return 1; }
  lua_settop(L, 1);
  lua_pushinteger(L, i);
  get_indexed(L, state_of(L), t);
  lua_pushinteger(L, i);
  lua_insert(L, -2);
  return 2;
}

static int tensor_pairs (lua_State *L) {
  if (self_of(L)->ndim == 0) return tl_error(L, "iteration over a 0-d tensor");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

/* ---------------------------------------------------------------- registration */

static void closure (lua_State *L, int methods, int fields, lua_CFunction f) {
  lua_pushvalue(L, methods);
  lua_pushvalue(L, fields);
  lua_pushlightuserdata(L, tl_binder(L));
  lua_pushcclosure(L, f, 3);
}

void tl_open_index (lua_State *L) {
  int methods = lua_gettop(L) - 1, fields, meta;
  tl_open_nodes(L);
  lua_newtable(L);
  fields = lua_gettop(L);
  for (const tl_Field *f = tl_fields; f->name; f++) {
    lua_pushlightuserdata(L, (void *)f);
    lua_setfield(L, fields, f->name);
  }
  luaL_getmetatable(L, TL_TENSOR);
  meta = lua_gettop(L);
  closure(L, methods, fields, tensor_index);
  lua_setfield(L, meta, "__index");
  closure(L, methods, fields, tensor_newindex);
  lua_setfield(L, meta, "__newindex");
  lua_pushcfunction(L, tensor_len);
  lua_setfield(L, meta, "__len");
  closure(L, methods, fields, next_row);
  lua_pushcclosure(L, tensor_pairs, 1);
  lua_setfield(L, meta, "__pairs");
  lua_settop(L, fields - 1);
}
