/*
** random.c -- generators: torch.Generator, the default one, seeds and states.
*/
#include <string.h>

#include "bind/forms.h"
#include "core/rng.h"

static tl_Generator *check_generator (lua_State *L) {
  tl_Generator *g = tl_unbox(L, 1, TL_IS_GENERATOR);
  if (!g) tl_error(L, "argument 1 must be torch.Generator, not %s", tl_got(L, 1));
  return g;
}

static tl_Generator *default_one (lua_State *L) {
  tl_Generator *g = tl_default_generator(tl_cpu());
  if (!g) tl_bad(L);
  return g;
}

/* any integer, negative ones too; a float without a fraction passes */
uint64_t tl_check_seed (lua_State *L, int index) {
  int good;
  lua_Integer seed = lua_tointegerx(L, index, &good);
  if (!good || lua_type(L, index) != LUA_TNUMBER)
    tl_error(L, "manual_seed(): argument 'seed' must be int, not %s", tl_got(L, index));
  return (uint64_t)seed;
}

static void push_state (lua_State *L, tl_Generator *g) {
  tl_Tensor *t = tl_device_of(g->state)->kind == 1 ? tl_clone(g->state) : tl_to_device(g->state, tl_cpu());
  if (!t) tl_bad(L);
  tl_push(L, t);
}

static void read_state (lua_State *L, int index, tl_Generator *g) {
  if (tl_generator_set(g, tl_check(L, index, "set_rng_state"))) tl_bad(L);
}

static int push_initial (lua_State *L, tl_Generator *g) {
  lua_pushinteger(L, (lua_Integer)tl_generator_initial_seed(g));
  return tl_here->failed ? tl_bad(L) : 1;
}

static int reseed (lua_State *L, tl_Generator *g) {
  if (tl_generator_seed(g, tl_generator_entropy())) return tl_bad(L);
  return push_initial(L, g);
}

/* ---- functions ---- */

static void push_default (lua_State *L) {
  tl_Generator *g = default_one(L);
  tl_Box *b = tl_newbox(L, TL_IS_GENERATOR);
  tl_generator_retain(g);
  b->p = g;
}

static int manual_seed_body (lua_State *L) {
  if (tl_manual_seed(tl_check_seed(L, 1))) return tl_bad(L);
  push_default(L);
  return 1;
}

static int seed_body (lua_State *L) { return reseed(L, default_one(L)); }
static int initial_seed_body (lua_State *L) { return push_initial(L, default_one(L)); }

static int get_rng_state_body (lua_State *L) {
  push_state(L, default_one(L));
  return 1;
}

static int set_rng_state_body (lua_State *L) {
  read_state(L, 1, default_one(L));
  return 0;
}

static int generator_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_Box *b;
  tl_Generator *g;
  tl_take(L, "Generator", TL_FORM_generator, 1, &r, &a);
  b = tl_newbox(L, TL_IS_GENERATOR);
  g = tl_generator_new(a.v[0].device ? a.v[0].device : tl_here->default_device);
  if (!g) return tl_bad(L);
  b->p = g;
  return 1;
}

/* ---- methods ---- */

static int g_manual_seed_body (lua_State *L) {
  if (tl_generator_seed(check_generator(L), tl_check_seed(L, 2))) return tl_bad(L);
  lua_settop(L, 1);
  return 1;
}

static int g_seed_body (lua_State *L) { return reseed(L, check_generator(L)); }
static int g_initial_seed_body (lua_State *L) { return push_initial(L, check_generator(L)); }

static int g_get_state_body (lua_State *L) {
  push_state(L, check_generator(L));
  return 1;
}

static int g_set_state_body (lua_State *L) {
  read_state(L, 2, check_generator(L));
  lua_settop(L, 1);
  return 1;
}

static int g_tostring (lua_State *L) {
  tl_Generator *g = tl_unbox(L, 1, TL_IS_GENERATOR);
  lua_pushfstring(L, "torch.Generator(device='%s')", g ? g->device->name : "none");
  return 1;
}

static int g_eq (lua_State *L) {
  tl_Generator *a = tl_unbox(L, 1, TL_IS_GENERATOR), *b = tl_unbox(L, 2, TL_IS_GENERATOR);
  lua_pushboolean(L, a && a == b);
  return 1;
}

#define PROTECTED(name) static int name (lua_State *L) { return tl_protect(L, name##_body); }
PROTECTED(manual_seed)
PROTECTED(seed)
PROTECTED(initial_seed)
PROTECTED(get_rng_state)
PROTECTED(set_rng_state)
PROTECTED(generator)
PROTECTED(g_manual_seed)
PROTECTED(g_seed)
PROTECTED(g_initial_seed)
PROTECTED(g_get_state)
PROTECTED(g_set_state)

static int default_body (lua_State *L) {
  push_default(L);
  return 1;
}

void tl_open_random (lua_State *L) {
  static const luaL_Reg functions[] = { {"manual_seed", manual_seed}, {"seed", seed}, {"initial_seed", initial_seed},
    {"get_rng_state", get_rng_state}, {"set_rng_state", set_rng_state}, {"Generator", generator}, {NULL, NULL} };
  static const luaL_Reg methods[] = { {"manual_seed", g_manual_seed}, {"seed", g_seed},
    {"initial_seed", g_initial_seed},
    {"get_state", g_get_state}, {"set_state", g_set_state}, {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__tostring", g_tostring}, {"__eq", g_eq}, {NULL, NULL} };
  int torch = lua_gettop(L);
  tl_setfuncs(L, functions);
  tl_pushkind(L, TL_IS_GENERATOR);
  tl_setfuncs(L, meta);
  lua_newtable(L);
  tl_setfuncs(L, methods);
  lua_setfield(L, -2, "__index");
  lua_settop(L, torch);
  lua_pushcfunction(L, default_body);                  /* under lua_call inside tl_enter: nothing else is open yet */
  {
    tl_Context *before;
    int status;
    tl_enter(L, &before);
    status = lua_pcall(L, 0, 1, 0);
    tl_drain(0);
    tl_leave(before);
    if (status != LUA_OK) lua_error(L);
  }
  lua_setfield(L, torch, "default_generator");
}
