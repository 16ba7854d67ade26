/*
** box.c -- userdata: boxes that hold one counted reference.
**
** Made empty with their metatable, filled afterwards (nothing can raise in between); __gc takes an
** empty one, is idempotent and only gives blocks back to a cache.
*/
#include <string.h>

#include "bind/state.h"
#include "core/rng.h"

const char tl_kinds[TL_NKIND] = { 0 };
static const char kind_keys[TL_NKIND] = { 0 };          /* metatables are in the registry under these addresses */

void tl_newkind (lua_State *L, tl_Kind kind, const char *name) {
  lua_newtable(L);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, kind_keys + kind);
}

void tl_pushkind (lua_State *L, tl_Kind kind) { lua_rawgetp(L, LUA_REGISTRYINDEX, kind_keys + kind); }

tl_Box *tl_newbox (lua_State *L, tl_Kind kind) {
  tl_Box *b = lua_newuserdatauv(L, sizeof *b, 0);
  b->p = NULL;
  b->kind = tl_kinds + kind;
  lua_rawgetp(L, LUA_REGISTRYINDEX, kind_keys + kind);
  lua_setmetatable(L, -2);
  return b;
}

void *tl_unbox (lua_State *L, int index, tl_Kind kind) {
  tl_Box *b = lua_touserdata(L, index);
  if (b && lua_rawlen(L, index) == sizeof *b && b->kind == tl_kinds + kind) return b->p;
  return NULL;
}

tl_Tensor **tl_box (lua_State *L) { return (tl_Tensor **)&tl_newbox(L, TL_IS_TENSOR)->p; }

void tl_push (lua_State *L, tl_Tensor *t) {
  if (!t) lua_pushnil(L);
  else {
    tl_Tensor **box = tl_box(L);
    *box = tl_retain(t);
  }
}

tl_Tensor *tl_test (lua_State *L, int index) { return tl_astensor(L, index); }

tl_Tensor *tl_check (lua_State *L, int index, const char *op) {
  tl_Tensor *t = tl_astensor(L, index);
  if (!t) tl_error(L, "%s(): argument %d must be Tensor, not %s", op, index, tl_got(L, index));
  return t;
}

/* names behind the numbers would be lost; the `n` of table.pack may be */
static int has_names (lua_State *L, int index) {
  int names = 0;
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, index));
  while (!names && lua_next(L, index)) {
    lua_pop(L, 1);
    names = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "n") != 0;
  }
  if (names) lua_pop(L, 1);
  return names;
}

int tl_is_list (lua_State *L, int index) {
  int empty;
  if (lua_type(L, index) != LUA_TTABLE) return 0;
  if (lua_rawlen(L, index)) return !has_names(L, index);
  lua_pushnil(L);
  empty = !lua_next(L, index);
  if (!empty) lua_pop(L, 2);
  return empty;
}

/* what argument index is, in the words of messages */
const char *tl_got (lua_State *L, int index) {
  switch (lua_type(L, index)) {
    case LUA_TNONE: return "nothing";
    case LUA_TNUMBER: return lua_isinteger(L, index) ? "int" : "float";
    case LUA_TBOOLEAN: return "bool";
    case LUA_TUSERDATA: {
      tl_Box *b = lua_touserdata(L, index);
      if (lua_rawlen(L, index) != sizeof *b || b->kind < tl_kinds || b->kind >= tl_kinds + TL_NKIND) return "userdata";
      switch (b->kind - tl_kinds) {
        case TL_IS_TENSOR: return b->p ? "Tensor" : "a freed Tensor";
        case TL_IS_GENERATOR: return "torch.Generator";
        case TL_IS_DTYPE: return "torch.dtype";
        case TL_IS_DEVICE: return "torch.device";
        case TL_IS_NONE: return "none";
        case TL_IS_STORAGE: return "torch.Storage";
        default: return "userdata";
      }
    }
    default: return lua_typename(L, lua_type(L, index));
  }
}

/* __gc and __close of tensors; upvalue 1 is the tl_State */
static int tensor_gc (lua_State *L) {
  tl_Box *b = lua_touserdata(L, 1);
  tl_State *S = tl_upstate(L);
  if (b && lua_rawlen(L, 1) == sizeof *b && b->kind == tl_kinds + TL_IS_TENSOR && b->p && S->ctx) {
    tl_Tensor *t = b->p;
    tl_Context *before = tl_here;
    lua_State *running = S->L;
    b->p = NULL;
    tl_here = S->ctx;
    S->L = L;
    tl_release(t);
    S->L = running;
    tl_here = before;
  }
  return 0;
}

static int tensor_eq (lua_State *L) {
  tl_Tensor *a = tl_astensor(L, 1), *b = tl_astensor(L, 2);
  lua_pushboolean(L, a && a == b);
  return 1;
}

static int generator_gc (lua_State *L) {
  tl_State *S = tl_upstate(L);
  tl_Generator *g = tl_unbox(L, 1, TL_IS_GENERATOR);
  if (g && S->ctx) {
    tl_Context *before = tl_here;
    ((tl_Box *)lua_touserdata(L, 1))->p = NULL;
    tl_here = S->ctx;
    tl_generator_release(g);
    tl_here = before;
  }
  return 0;
}

static int none_tostring (lua_State *L) {
  lua_pushliteral(L, "torch.none");
  return 1;
}

void tl_push_none (lua_State *L) {
  tl_pushkind(L, TL_IS_NONE);
  lua_getfield(L, -1, "value");
  lua_remove(L, -2);
}

int tl_is_none (lua_State *L, int index) {
  tl_Box *b = lua_touserdata(L, index);
  return b && lua_rawlen(L, index) == sizeof *b && b->kind == tl_kinds + TL_IS_NONE;
}

/* a torch.Size prints as PyTorch's and is else a list */
static int size_tostring (lua_State *L) {
  luaL_Buffer b;
  lua_Integer n;
  luaL_checktype(L, 1, LUA_TTABLE);
  n = (lua_Integer)lua_rawlen(L, 1);
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "torch.Size([");
  for (lua_Integer i = 1; i <= n; i++) {
    if (i > 1) luaL_addstring(&b, ", ");
    lua_rawgeti(L, 1, i);
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    luaL_addvalue(&b);
  }
  luaL_addstring(&b, "])");
  luaL_pushresult(&b);
  return 1;
}

static int size_eq (lua_State *L) {
  lua_Unsigned n;
  int same = lua_istable(L, 1) && lua_istable(L, 2) && lua_rawlen(L, 1) == lua_rawlen(L, 2);
  n = same ? lua_rawlen(L, 1) : 0;
  for (lua_Unsigned i = 1; same && i <= n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i);
    lua_rawgeti(L, 2, (lua_Integer)i);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  lua_pushboolean(L, same);
  return 1;
}

/* s[-1] is the last size; s:numel() the product */
static int size_numel (lua_State *L) {
  lua_Integer n = 1;
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_Unsigned i = 1; i <= lua_rawlen(L, 1); i++) {
    lua_rawgeti(L, 1, (lua_Integer)i);
    n *= lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pushinteger(L, n);
  return 1;
}

static int size_index (lua_State *L) {
  if (lua_isinteger(L, 2)) {
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1), i = lua_tointeger(L, 2);
    if (i < 0) i += n + 1;
    if (i == n + 1) { lua_pushnil(L); return 1; }       /* where ipairs ends */
    if (i < 1 || i > n)
      return tl_error(L, "torch.Size: index %lld is out of range for %lld dims (dims count from 1)",
                      (long long)lua_tointeger(L, 2), (long long)n);
    lua_rawgeti(L, 1, i);
    return 1;
  }
  if (lua_type(L, 2) == LUA_TSTRING && lua_compare(L, 2, lua_upvalueindex(2), LUA_OPEQ)) {
    lua_pushvalue(L, lua_upvalueindex(3));
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

static const char size_key = 0;

void tl_push_size (lua_State *L, int n, const int64_t *size) {
  lua_createtable(L, n, 0);
  for (int i = 0; i < n; i++) {
    lua_pushinteger(L, size[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &size_key);
  lua_setmetatable(L, -2);
}

void tl_setfuncs (lua_State *L, const luaL_Reg *r) {
  tl_State *S = tl_binder(L);
  for (; r->name; r++) {
    lua_pushlightuserdata(L, S);
    lua_pushcclosure(L, r->func, 1);
    lua_setfield(L, -2, r->name);
  }
}

/* makes the metatables of tensors, generators, sizes and none; the torch table is on top */
void tl_open_box (lua_State *L);
void tl_open_box (lua_State *L) {
  static const luaL_Reg tensor[] = { {"__gc", tensor_gc}, {"__close", tensor_gc}, {"__eq", tensor_eq}, {NULL, NULL} };
  static const luaL_Reg generator[] = { {"__gc", generator_gc}, {NULL, NULL} };
  static const luaL_Reg none[] = { {"__tostring", none_tostring}, {NULL, NULL} };
  static const luaL_Reg size[] = { {"__tostring", size_tostring}, {"__eq", size_eq}, {NULL, NULL} };
  tl_newkind(L, TL_IS_TENSOR, TL_TENSOR);
  tl_setfuncs(L, tensor);
  lua_setfield(L, LUA_REGISTRYINDEX, TL_TENSOR);
  tl_newkind(L, TL_IS_GENERATOR, TL_GENERATOR);
  tl_setfuncs(L, generator);
  lua_setfield(L, LUA_REGISTRYINDEX, TL_GENERATOR);
  tl_newkind(L, TL_IS_NONE, "torch.none");
  tl_setfuncs(L, none);
  tl_binder(L)->none = tl_newbox(L, TL_IS_NONE);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "none");
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "newaxis");
  lua_setfield(L, -2, "value");
  lua_pop(L, 1);
  lua_newtable(L);
  tl_setfuncs(L, size);
  lua_pushliteral(L, "torch.Size");
  lua_setfield(L, -2, "__name");
  lua_pushlightuserdata(L, tl_binder(L));
  lua_pushliteral(L, "numel");
  lua_pushcfunction(L, size_numel);
  lua_pushcclosure(L, size_index, 3);
  lua_setfield(L, -2, "__index");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &size_key);
}
