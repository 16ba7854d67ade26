/*
** mode.c -- whether operations record: no_grad, enable_grad, inference_mode, set_grad_enabled.
**
** The mode is a discipline of C's stack.  no_grad(fn, ...) calls fn under lua_pcall without a
** continuation: a yield inside is Lua's own error and never a mode that leaks.  The block form,
** `local _ <close> = torch.no_grad()`, sets the mode of its coroutine alone (a weak table by thread)
** and of everybody else's base when it is the main one; a coroutine that is dropped takes it along.
*/
#include "bind/state.h"

void tl_open_mode (lua_State *L);

static const char modes_key = 0;

int tl_mode_get (const tl_Context *c) {
  return (c->grad_mode ? TL_MODE_GRAD : 0) | (c->inference ? TL_MODE_INFERENCE : 0);
}

void tl_mode_set (tl_Context *c, int mode) {
  c->inference = (mode & TL_MODE_INFERENCE) != 0;
  c->grad_mode = (mode & TL_MODE_GRAD) != 0 && !c->inference;
}

/* L's own mode, or -1.  Raw access: nothing raises. */
static int own_mode (lua_State *L) {
  int mode = -1;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &modes_key);
  lua_pushthread(L);
  if (lua_rawget(L, -2) == LUA_TNUMBER) mode = (int)lua_tointeger(L, -1);
  lua_pop(L, 2);
  return mode;
}

/* mode -1: none of its own.  Raises when there is no memory for a new entry. */
static void set_own_mode (lua_State *L, int mode) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &modes_key);
  lua_pushthread(L);
  if (mode < 0) lua_pushnil(L);
  else lua_pushinteger(L, mode);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void tl_mode_enter (tl_State *S, lua_State *L) {
  int own = own_mode(L);
  tl_mode_set(S->ctx, own >= 0 ? own : S->base);
}

static int current_mode (tl_State *S, lua_State *L) {
  if (!S->ctx) return luaL_error(L, "torch is closed");
  if (S->overrides) tl_mode_enter(S, L);
  return tl_mode_get(S->ctx);
}

int tl_with_mode (lua_State *L, tl_State *S, int mode, int nargs) {
  int before = current_mode(S, L), base = S->base, own = S->overrides ? own_mode(L) : -1, status;
  lua_State *running = S->L;
  tl_Context *here = tl_here;
  if (own >= 0) set_own_mode(L, mode);                 /* an entry that exists: no allocation */
  S->base = (uint8_t)mode;
  tl_mode_set(S->ctx, mode);
  status = lua_pcall(L, nargs, LUA_MULTRET, 0);
  tl_here = here;
  S->L = running;
  S->base = (uint8_t)base;
  if (own >= 0) set_own_mode(L, own);
  tl_mode_set(S->ctx, before);
  return status;
}

/* ---- guards: p of the box holds the mode to go back to and whether it is everybody's; NULL when closed ---- */

/* before -1: the coroutine had none of its own */
static void *pack (int before, int base) { return (void *)(intptr_t)((before + 2) << 1 | base); }

static void change (tl_State *S, lua_State *L, int mode) {
  if (L == S->main) S->base = (uint8_t)mode;
  else if (own_mode(L) >= 0) set_own_mode(L, mode);
  else {
    set_own_mode(L, mode);
    S->overrides++;
  }
  tl_mode_set(S->ctx, mode);
}

/* pushes the coroutine that the guard at index 1 was made in, which need not be the one that closes it */
static void push_owner (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &modes_key);
  lua_pushvalue(L, 1);
  lua_rawget(L, -2);
  lua_remove(L, -2);
}

static int guard_close (lua_State *L) {
  tl_State *S = tl_upstate(L);
  tl_Box *b = lua_touserdata(L, 1);
  int before, base, own, top = lua_gettop(L);
  if (!tl_unbox(L, 1, TL_IS_GUARD) || !S->ctx) return 0;
  before = (int)((intptr_t)b->p >> 1) - 2;
  base = (int)((intptr_t)b->p & 1);
  b->p = NULL;
  if (base) S->base = (uint8_t)before;
  else {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modes_key);
    push_owner(L);
    if (before < 0) lua_pushnil(L);
    else lua_pushinteger(L, before);
    if (lua_isthread(L, -2)) lua_rawset(L, -3);        /* an entry that exists, or none to be: no allocation */
    lua_settop(L, top);
    if (before < 0 && S->overrides > 0) S->overrides--;
  }
  own = own_mode(L);
  tl_mode_set(S->ctx, own >= 0 ? own : S->base);
  return 0;
}

static int in_mode (lua_State *L, int mode) {
  tl_State *S = tl_upstate(L);
  if (tl_with_mode(L, S, mode, lua_gettop(L) - 1) != LUA_OK) return lua_error(L);
  return lua_gettop(L);
}

static int guard (lua_State *L, int mode) {
  tl_State *S = tl_upstate(L);
  tl_Box *b = tl_newbox(L, TL_IS_GUARD);
  int before = L == S->main ? tl_mode_get(S->ctx) : own_mode(L);
  if (L != S->main) {                                  /* it may be closed by another coroutine */
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modes_key);
    lua_pushvalue(L, -2);
    lua_pushthread(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
  }
  change(S, L, mode);
  b->p = pack(before, L == S->main);
  return 1;
}

/* a decorator's use: torch.no_grad()(fn) gives fn in that mode */
static int decorated (lua_State *L) {
  int mode = (int)lua_tointeger(L, lua_upvalueindex(3));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  return in_mode(L, mode);
}

static int guard_call (lua_State *L) {
  tl_State *S = tl_upstate(L);
  int mode = current_mode(S, L);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_pushlightuserdata(L, S);
  lua_pushvalue(L, 2);
  lua_pushinteger(L, mode);
  lua_pushcclosure(L, decorated, 3);
  guard_close(L);
  return 1;
}

static int has_function (lua_State *L) {
  return lua_type(L, 1) == LUA_TFUNCTION ||
      (lua_type(L, 1) == LUA_TTABLE && luaL_getmetafield(L, 1, "__call") != LUA_TNIL &&
                                             (lua_pop(L, 1), 1));
}

static int turn (lua_State *L, const char *name, int mode) {
  if (has_function(L)) return in_mode(L, mode);
  if (!lua_isnoneornil(L, 1)) return tl_error(L, "%s(): argument 1 must be a function, not %s", name, tl_got(L, 1));
  return guard(L, mode);
}

static int no_grad (lua_State *L) {
  return turn(L, "no_grad", current_mode(tl_upstate(L), L) & TL_MODE_INFERENCE);
}

static int enable_grad (lua_State *L) {
  return turn(L, "enable_grad", current_mode(tl_upstate(L), L) | TL_MODE_GRAD);
}

/* inference_mode(), inference_mode(on), inference_mode(fn, ...) */
static int inference_mode (lua_State *L) {
  int on = 1;
  if (lua_isboolean(L, 1)) {
    on = lua_toboolean(L, 1);
    lua_remove(L, 1);
  }
  return turn(L, "inference_mode", on ? TL_MODE_INFERENCE : TL_MODE_GRAD);
}

/* set_grad_enabled(on): from now on, or until the guard it returns is closed; set_grad_enabled(on, fn, ...) */
static int set_grad_enabled (lua_State *L) {
  int mode = current_mode(tl_upstate(L), L) & TL_MODE_INFERENCE;
  if (!lua_isboolean(L, 1))
    return tl_error(L, "set_grad_enabled(): argument 'mode' (position 1) must be bool, not %s", tl_got(L, 1));
  if (lua_toboolean(L, 1)) mode |= TL_MODE_GRAD;
  lua_remove(L, 1);
  return turn(L, "set_grad_enabled", mode);
}

static int is_grad_enabled (lua_State *L) {
  lua_pushboolean(L, (current_mode(tl_upstate(L), L) & TL_MODE_GRAD) != 0);
  return 1;
}

static int is_inference_mode_enabled (lua_State *L) {
  lua_pushboolean(L, (current_mode(tl_upstate(L), L) & TL_MODE_INFERENCE) != 0);
  return 1;
}

void tl_open_mode (lua_State *L) {
  static const luaL_Reg functions[] = { {"no_grad", no_grad}, {"enable_grad", enable_grad},
    {"inference_mode", inference_mode}, {"set_grad_enabled", set_grad_enabled}, {"is_grad_enabled", is_grad_enabled},
    {"is_inference_mode_enabled", is_inference_mode_enabled}, {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__close", guard_close}, {"__call", guard_call}, {NULL, NULL} };
  tl_setfuncs(L, functions);
  tl_newkind(L, TL_IS_GUARD, "torch.grad_mode");
  tl_setfuncs(L, meta);
  lua_pop(L, 1);
  lua_newtable(L);
  lua_newtable(L);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &modes_key);
}
