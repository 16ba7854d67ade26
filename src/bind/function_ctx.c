/*
** function_ctx.c -- what forward and backward of a custom Function see as ctx: a table of the user's own
** with a few methods.  What it is told waits in hidden fields until forward is over; while backward runs
** it knows its node, and saved tensors come from there, checked and with their history.
*/
#include <string.h>

#include "bind/function.h"

const char tl_ctx_keys[TL_NCTX] = { 0 };
static const char meta_key = 0;

void tl_push_ctx_meta (lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &meta_key); }

static int keep_list (lua_State *L, const void *key) {
  int n = lua_gettop(L) - 1;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_createtable(L, n, 1);
  for (int i = 1; i <= n; i++) {
    lua_pushvalue(L, i + 1);
    lua_rawseti(L, -2, i);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  lua_rawsetp(L, 1, key);
  return 0;
}

static int save_for_backward (lua_State *L) {
  for (int i = 2; i <= lua_gettop(L); i++)
    if (!tl_astensor(L, i) && !lua_isnil(L, i) && !tl_is_none(L, i))
      return tl_error(L, "save_for_backward can only save tensors, but argument %d is of type %s", i - 1, tl_got(L, i));
  return keep_list(L, tl_ctx_keys + TL_CTX_SAVED);
}

static int mark_non_differentiable (lua_State *L) { return keep_list(L, tl_ctx_keys + TL_CTX_FIXED); }
static int mark_dirty (lua_State *L) { return keep_list(L, tl_ctx_keys + TL_CTX_DIRTY); }

static int set_materialize_grads (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushboolean(L, lua_toboolean(L, 2));
  lua_rawsetp(L, 1, tl_ctx_keys + TL_CTX_ZEROS);
  return 0;
}

static int saved_body (lua_State *L) {
  tl_Node *n;
  lua_rawgetp(L, 1, tl_ctx_keys + TL_CTX_NODE);
  n = lua_touserdata(L, -1);
  if (!n) {
    int count;
    if (lua_rawgetp(L, 1, tl_ctx_keys + TL_CTX_SAVED) != LUA_TTABLE) {
      lua_newtable(L);
      return 1;
    }
    lua_getfield(L, -1, "n");
    count = (int)lua_tointeger(L, -1);
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
      if (lua_rawgeti(L, -3, i) == LUA_TNIL) tl_push_none(L), lua_remove(L, -2);
      lua_rawseti(L, -2, i);
    }
    return 1;
  }
  lua_createtable(L, n->nsaved, 0);
  for (int k = 0; k < n->nsaved; k++) {
    tl_Tensor *t = tl_saved(n, k);
    if (t) tl_push(L, t);
    else if (tl_here->failed) return tl_bad(L);
    else tl_push_none(L);
    lua_rawseti(L, -2, k + 1);
  }
  return 1;
}

/* ctx.saved_tensors, ctx.saved_variables, and the methods */
static int ctx_index (lua_State *L) {
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "saved_tensors") == 0 || strcmp(key, "saved_variables") == 0) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    return tl_protect(L, saved_body);
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(2));
  return 1;
}

void tl_open_ctx (lua_State *L) {
  static const luaL_Reg methods[] = { {"save_for_backward", save_for_backward},
    {"mark_non_differentiable", mark_non_differentiable}, {"mark_dirty", mark_dirty},
    {"set_materialize_grads", set_materialize_grads}, {NULL, NULL} };
  lua_newtable(L);
  lua_pushlightuserdata(L, tl_binder(L));
  lua_newtable(L);
  tl_setfuncs(L, methods);
  lua_pushcclosure(L, ctx_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "torch.autograd.FunctionCtx");
  lua_setfield(L, -2, "__name");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &meta_key);
}
