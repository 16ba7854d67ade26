/*
** plan.c -- torch.capture(fn): runs fn once and writes its commands down; the plan it returns replays
** them.  What fn returned is what the plan returns, the same tensors with new values.
** torch.capture(fn, device) is for commands of that device, which may have a form of its own for them;
** torch._C.note(fn, device) does not run them on a device that can write down without running.
*/
#include "bind/forms.h"
#include "bind/pace.h"
#include "core/plan.h"

static tl_Plan *check_plan (lua_State *L) {
  tl_Plan *p = tl_unbox(L, 1, TL_IS_PLAN);
  if (!p) tl_error(L, "a captured plan was expected, not %s", tl_got(L, 1));
  return p;
}

static int push_results (lua_State *L, int plan) {
  int n;
  lua_getiuservalue(L, plan, 1);
  n = (int)lua_rawlen(L, -1);
  luaL_checkstack(L, n + 2, "results");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, -i, i);
  return n;
}

static int write_down (lua_State *L, int run) {
  tl_Device *d = tl_here->default_device;
  tl_Box *b;
  tl_Plan *p;
  int status, n, is_one;
  if (lua_type(L, 1) != LUA_TFUNCTION)
    return tl_error(L, "capture(): argument 1 must be function, not %s", tl_got(L, 1));
  if (!lua_isnoneornil(L, 2)) {
    d = tl_read_device(L, 2, &is_one);
    if (!is_one) return tl_error(L, "capture(): argument 2 must be torch.device or string, not %s", tl_got(L, 2));
    if (!d) return tl_bad(L);
  }
  lua_settop(L, 1);
  b = lua_newuserdatauv(L, sizeof *b, 1);              /* 2: the plan */
  b->p = NULL;
  b->kind = tl_kinds + TL_IS_PLAN;
  tl_pushkind(L, TL_IS_PLAN);
  lua_setmetatable(L, 2);
  p = tl_plan_begin(d);
  if (!p) return tl_bad(L);
  b->p = p;
  lua_pushvalue(L, 1);
  status = lua_pcall(L, 0, LUA_MULTRET, 0);
  tl_here = tl_binder(L)->ctx;
  if (tl_plan_end(p, run && status == LUA_OK) && status == LUA_OK) return tl_bad(L);
  if (status != LUA_OK) return lua_error(L);
  n = lua_gettop(L) - 2;
  lua_createtable(L, n, 0);
  lua_insert(L, 3);
  for (int i = n; i >= 1; i--) lua_rawseti(L, 3, i);
  lua_setiuservalue(L, 2, 1);
  return 1;
}

static int capture_body (lua_State *L) { return write_down(L, 1); }
static int note_body (lua_State *L) { return write_down(L, 0); }

static int capture (lua_State *L) {
  int n = tl_protect(L, capture_body);
  tl_pace(L);
  return n;
}

static int note (lua_State *L) {
  int n = tl_protect(L, note_body);
  tl_pace(L);
  return n;
}

/* torch._C.noting(): the device whose commands are being written down, or nil */
static int noting (lua_State *L) {
  tl_Plan *p = tl_upctx(L)->plan;
  if (p) tl_push_device(L, tl_plan_device(p));
  else lua_pushnil(L);
  return 1;
}

/* plan:run(), plan() */
static int plan_run (lua_State *L) {
  tl_Plan *p = check_plan(L);
  tl_Context *before;
  size_t mark;
  tl_in(tl_upstate(L), L, &before);
  mark = tl_mark();
  if (tl_plan_run(p)) return tl_raise(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  return push_results(L, 1);
}

static int plan_len (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tl_plan_count(check_plan(L)));
  return 1;
}

static int plan_tostring (lua_State *L) {
  lua_pushfstring(L, "torch plan of %I commands", (LUAI_UACINT)tl_plan_count(check_plan(L)));
  return 1;
}

static int plan_gc (lua_State *L) {
  tl_State *S = tl_upstate(L);
  tl_Plan *p = tl_unbox(L, 1, TL_IS_PLAN);
  if (p && S->ctx) {
    tl_Context *before = tl_here;
    ((tl_Box *)lua_touserdata(L, 1))->p = NULL;
    tl_here = S->ctx;
    tl_plan_free(p);
    tl_here = before;
  }
  return 0;
}

void tl_open_plan (lua_State *L) {
  static const luaL_Reg functions[] = { {"capture", capture}, {NULL, NULL} };
  static const luaL_Reg inner[] = { {"note", note}, {"noting", noting}, {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__gc", plan_gc}, {"__call", plan_run}, {"__len", plan_len},
    {"__tostring", plan_tostring},
    {NULL, NULL} };
  static const luaL_Reg methods[] = { {"run", plan_run}, {NULL, NULL} };
  int torch = lua_gettop(L);
  tl_setfuncs(L, functions);
  tl_subtable(L, torch, "_C");
  tl_setfuncs(L, inner);
  lua_settop(L, torch);
  tl_newkind(L, TL_IS_PLAN, "torch.Plan");
  tl_setfuncs(L, meta);
  lua_newtable(L);
  tl_setfuncs(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
