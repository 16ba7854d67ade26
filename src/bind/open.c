/*
** open.c -- luaopen_torch: one context per Lua state, the tables, the Lua sources that come with us;
** and the ways in, out, and out with an error.
**
** The context hangs on a userdata made first, which Lua therefore finalises last.
*/
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/forms.h"
#include "bind/pace.h"
#include "bind/sources.h"

void tl_open_box (lua_State *L);
void tl_open_mode (lua_State *L);
void tl_open_function (lua_State *L);
void tl_open_facts (lua_State *L);
void tl_open_read (lua_State *L);
int luaopen_torch (lua_State *L);

static const char binder_key = 0, torch_key = 0, error_key = 0;

/* ---- interrupts: a signal handler may only read and write atomics ---- */

enum { SLOTS = 64 };
static struct { _Atomic(const void *) registry; _Atomic(volatile int *) stop; } running[SLOTS];

static void announce (const void *registry, volatile int *stop) {
  for (int i = 0; i < SLOTS; i++) {
    const void *nobody = NULL;
    if (atomic_compare_exchange_strong(&running[i].registry, &nobody, registry)) {
      atomic_store(&running[i].stop, stop);
      return;
    }
  }
}

static void forget (const void *registry) {
  for (int i = 0; i < SLOTS; i++)
    if (atomic_load(&running[i].registry) == registry) {
      atomic_store(&running[i].stop, NULL);
      atomic_store(&running[i].registry, NULL);
    }
}

void tl_interrupt (lua_State *L) {
  const void *registry = lua_topointer(L, LUA_REGISTRYINDEX);
  for (int i = 0; i < SLOTS; i++)
    if (atomic_load(&running[i].registry) == registry) {
      volatile int *stop = atomic_load(&running[i].stop);
      if (stop) *stop = 1;
    }
}

int tl_interrupted (lua_State *L) {
  tl_Context *c = tl_state(L);
  int was = c->stop;
  c->stop = 0;
  return was;
}

/* ---- in and out ---- */

tl_State *tl_binder (lua_State *L) {
  tl_State *S;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &binder_key);
  S = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!S || !S->ctx) luaL_error(L, "torch is not open in this Lua state");
  return S;
}

tl_Context *tl_state (lua_State *L) { return tl_binder(L)->ctx; }

tl_Context *tl_enter (lua_State *L, tl_Context **before) { return tl_in(tl_binder(L), L, before); }

void tl_leave (tl_Context *before) { tl_here = before; }

static int ours (const char *source) { return strncmp(source, "=torch/", 7) == 0; }

/* the innermost Lua function that is not one of ours */
void tl_push_where (lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0 && !ours(ar.source)) {
      lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
      return;
    }
  }
  lua_pushliteral(L, "");
}

int tl_error (lua_State *L, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tl_push_where(L);
  lua_pushstring(L, text);
  lua_concat(L, 2);
  return lua_error(L);
}

/* raises what is waiting in c; the pool is drained and c left */
static int raise_waiting (lua_State *L, tl_Context *c) {
  if (c->raised) {
    c->raised = c->failed = 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
    return lua_error(L);
  }
  if (c->stop && strstr(c->message, "interrupted!")) c->stop = 0;
  c->failed = 0;
  tl_push_where(L);
  lua_pushstring(L, c->message);
  lua_concat(L, 2);
  return lua_error(L);
}

int tl_raise (lua_State *L, size_t mark, tl_Context *before) {
  tl_Context *c = tl_here;
  if (!c->failed) tl_fault("something failed without a message");
  tl_drain(mark);
  tl_leave(before);
  return raise_waiting(L, c);
}

int tl_bad (lua_State *L) {
  if (!tl_here->failed) tl_fault("something failed without a message");
  return raise_waiting(L, tl_here);
}

int tl_protect (lua_State *L, lua_CFunction body) {
  tl_State *S = tl_binder(L);
  tl_Context *before, *c = tl_in(S, L, &before);
  size_t mark = tl_mark();
  lua_State *L1 = S->L;
  int n = lua_gettop(L), status;
  lua_pushcfunction(L, body);
  lua_insert(L, 1);
  status = lua_pcall(L, n, LUA_MULTRET, 0);
  S->L = L1;
  tl_here = c;
  c->failed = c->raised = 0;
  tl_drain(mark);
  tl_leave(before);
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* ---- from below back into Lua ---- */

lua_State *tl_lua_begin (tl_State *S, tl_LuaCall *c) {
  lua_State *L = S->L;
  c->S = S;
  c->L = L;
  c->here = tl_here;
  c->mode = tl_mode_get(S->ctx);
  c->base = S->base;
  c->top = lua_gettop(L);
  c->own = 0;
  if (!lua_checkstack(L, 40)) return tl_fail("stack overflow");
  S->base = (uint8_t)c->mode;                          /* what is called, in any coroutine, sees the mode of now */
  if (S->overrides) { c->own = (int)S->overrides; S->overrides = 0; }
  return L;
}

static int traceback (lua_State *L) {
  if (lua_type(L, 1) == LUA_TSTRING) luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

int tl_lua_call (tl_LuaCall *c, lua_State *L, int nargs, int nresults) {
  int at = lua_gettop(L) - nargs, status;
  lua_pushcfunction(L, traceback);
  lua_insert(L, at);
  status = lua_pcall(L, nargs, nresults, at);
  tl_here = c->here;
  c->S->L = c->L;
  lua_remove(L, at);
  if (status == LUA_OK) return 0;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);       /* the key exists: no allocation */
  if (!tl_here->failed) tl_here->raised = 1;
  return tl_fault("an error in a Lua function");
}

void tl_lua_end (tl_LuaCall *c) {
  c->S->base = (uint8_t)c->base;
  c->S->overrides += c->own;
  tl_mode_set(c->S->ctx, c->mode);
  lua_settop(c->L, c->top);
}

/* ---- tables ---- */

void tl_subtable (lua_State *L, int index, const char *path) {
  lua_pushvalue(L, index);
  while (*path) {
    const char *dot = strchr(path, '.');
    size_t n = dot ? (size_t)(dot - path) : strlen(path);
    lua_pushlstring(L, path, n);
    if (lua_rawget(L, -2) != LUA_TTABLE) {
      lua_pop(L, 1);
      lua_newtable(L);
      lua_pushlstring(L, path, n);
      lua_pushvalue(L, -2);
      lua_rawset(L, -4);
    }
    lua_remove(L, -2);
    path += dot ? n + 1 : n;
  }
}

static int binder_gc (lua_State *L) {
  tl_State *S = lua_touserdata(L, 1);
  tl_Context *c = S->ctx;
  if (!c) return 0;
  forget(lua_topointer(L, LUA_REGISTRYINDEX));
  S->ctx = NULL;
  c->collect = NULL;
  c->owner = NULL;
  tl_context_free(c);
  return 0;
}

static tl_State *make_state (lua_State *L) {
  tl_State *S = lua_newuserdatauv(L, sizeof *S, 0);
  memset(S, 0, sizeof *S);
  lua_newtable(L);
  lua_pushcfunction(L, binder_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "torch.binder");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &binder_key);
  lua_pushboolean(L, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  S->main = lua_tothread(L, -1);
  lua_pop(L, 1);
  S->ctx = tl_context_new();
  if (!S->ctx) luaL_error(L, "not enough memory");
  S->base = TL_MODE_GRAD;
  S->L = L;
  tl_pace_open(L, S);
  announce(lua_topointer(L, LUA_REGISTRYINDEX), &S->ctx->stop);
  return S;
}

/* pushes "torch/nn/module.lua" for "torch.nn.module"; torch itself is "torch/init.lua" */
static const char *file_name (lua_State *L, const char *module, const char *tail) {
  luaL_gsub(L, module, ".", "/");
  lua_pushstring(L, strcmp(module, "torch") == 0 ? "/init.lua" : tail);
  lua_concat(L, 2);
  return lua_tostring(L, -1);
}

static int read_file (lua_State *L, const char *name) {
  luaL_Buffer b;
  size_t n;
  FILE *f = fopen(name, "rb");
  if (!f) return 0;
  luaL_buffinit(L, &b);
  do {
    char *room = luaL_prepbuffer(&b);
    n = fread(room, 1, LUAL_BUFFERSIZE, f);
    luaL_addsize(&b, n);
  } while (n > 0);
  fclose(f);
  luaL_pushresult(&b);
  return 1;
}

/* leaves the function of source k; $TLUA_LUA names a folder whose files come first, for development */
static void load_source (lua_State *L, int k) {
  const tl_LuaSource *s = &tl_lua_sources[k];
  const char *folder = getenv("TLUA_LUA"), *text = s->text;
  size_t size = s->size;
  int top = lua_gettop(L), found = 0;
  lua_pushfstring(L, "=%s", file_name(L, s->name, ".lua"));
  if (folder && *folder) {
    found = read_file(L, lua_pushfstring(L, "%s/%s", folder, file_name(L, s->name, ".lua"))) ||
            read_file(L, lua_pushfstring(L, "%s/%s", folder, file_name(L, s->name, "/init.lua")));
    if (found) text = lua_tolstring(L, -1, &size);
  }
  if (luaL_loadbufferx(L, text, size, lua_tostring(L, top + 2), "t") != LUA_OK) lua_error(L);
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}

/* runs a source once per state: classes must stay the same ones when package.loaded is emptied and filled again */
static int run_source (lua_State *L) {
  int done = lua_upvalueindex(2);
  lua_settop(L, 1);                                    /* module name */
  if (lua_getfield(L, done, lua_tostring(L, 1)) != LUA_TNIL) return 1;
  load_source(L, (int)lua_tointeger(L, lua_upvalueindex(1)));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -2);
  lua_settable(L, done);
  return 1;
}

static void preload (lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_newtable(L);                                     /* name -> what its source returned */
  for (int k = 0; tl_lua_sources[k].name; k++) {
    lua_pushinteger(L, k);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, run_source, 2);
    lua_setfield(L, -3, tl_lua_sources[k].name);
  }
  lua_pushcfunction(L, luaopen_torch);                 /* init.lua is run by it, with the table */
  lua_setfield(L, -3, "torch");
  lua_pop(L, 2);
}

/* torch._C.fail(message): raises at the line of the user's code, whatever of ours lies between */
static int c_fail (lua_State *L) {
  tl_push_where(L);
  luaL_tolstring(L, 1, NULL);
  lua_concat(L, 2);
  return lua_error(L);
}

int luaopen_torch (lua_State *L) {
  tl_State *S;
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &torch_key) == LUA_TTABLE) return 1;
  lua_settop(L, 0);
  luaL_checkstack(L, 60, "torch");
  S = make_state(L);
  tl_here = S->ctx;
  if (tl_table_init() || tl_forms_init()) {
    lua_pushstring(L, tl_message());
    tl_here = NULL;
    return lua_error(L);
  }
  tl_here = NULL;
  lua_newtable(L);                                     /* 1: methods */
  lua_newtable(L);                                     /* 2: torch */
  lua_newtable(L);
  lua_pushcfunction(L, c_fail);
  lua_setfield(L, -2, "fail");
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "methods");
  lua_setfield(L, 2, "_C");
  tl_open_box(L);
  tl_open_device(L);
  tl_open_methods(L);
  tl_open_data(L);
  tl_open_read(L);
  tl_open_print(L);
  tl_open_mode(L);
  tl_open_autograd(L);
  tl_open_function(L);
  tl_open_random(L);
  tl_open_cuda(L);
  tl_open_save(L);
  tl_open_plan(L);
  tl_open_facts(L);
  tl_open_index(L);
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &torch_key);
  preload(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, 2);                                 /* what init.lua requires may require torch */
  lua_setfield(L, -2, "torch");
  lua_pop(L, 1);
  for (int k = 0; tl_lua_sources[k].name; k++)
    if (strcmp(tl_lua_sources[k].name, "torch") == 0) {
      load_source(L, k);
      lua_pushvalue(L, 2);
      lua_call(L, 1, 0);
    }
  lua_settop(L, 2);
  return 1;
}
