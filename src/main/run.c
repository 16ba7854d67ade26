/*
** run.c -- calls Lua for the program: traceback, messages on stderr, and what Ctrl-C does.
**
** The signal handler may do nothing but set flags.  It sets Lua's hook, which raises "interrupted!" at
** the next instruction, and the stop flag of the tensor library, so that a kernel that is at work ends
** within a millisecond or so.  A second Ctrl-C while the first waits kills the program.
*/
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <lauxlib.h>
#include "bind/bind.h"
#include "main/main.h"

static const char *program_name = "tlua";
static lua_State *running;               /* for the signal handler */
static volatile sig_atomic_t interrupted;
static int died_of_interrupt;

void set_program_name (const char *name) { program_name = name; }

void complain (const char *text) {
  fflush(stdout);
  if (program_name) fprintf(stderr, "%s: ", program_name);
  fprintf(stderr, "%s\n", text);
  fflush(stderr);
}

int report (lua_State *L, int status) {
  died_of_interrupt = 0;
  if (status == LUA_OK) return status;
  const char *text = lua_tostring(L, -1);
  if (!text) text = "(error object is not a string)";
  if (interrupted && strstr(text, "interrupted!")) died_of_interrupt = 1;
  complain(text);
  lua_pop(L, 1);
  return status;
}

int was_interrupted (void) { return died_of_interrupt; }

void die_of_interrupt (void) {
  fflush(NULL);
  signal(SIGINT, SIG_DFL);
  raise(SIGINT);
}

/* makes a text of whatever was raised, and appends the traceback */
static int on_error (lua_State *L) {
  const char *text = lua_tostring(L, 1);
  if (!text) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    text = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  luaL_traceback(L, L, text, 1);
  return 1;
}

/* takes back the library's stop flag: 0 when a kernel has reported it already */
static int take_back (lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  int is_open = lua_getfield(L, -1, "torch") != LUA_TNIL;
  lua_pop(L, 2);
  return !is_open || tl_interrupted(L);
}

static void raise_interrupt (lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  if (take_back(L)) luaL_error(L, "interrupted!");
}

static void on_signal (int number) {
  signal(number, SIG_DFL);               /* the next one kills */
  interrupted = 1;
  lua_sethook(running, raise_interrupt, LUA_MASKCOUNT, 1);      /* not LUA_MASKCALL: on_error must not be hit */
  tl_interrupt(running);
}

int call_guarded (lua_State *L, int nargs, int nresults) {
  int base = lua_gettop(L) - nargs;
  lua_pushcfunction(L, on_error);
  lua_insert(L, base);
  struct sigaction ours, before;
  memset(&ours, 0, sizeof ours);
  ours.sa_handler = on_signal;           /* no SA_RESTART: Ctrl-C ends a read that waits */
  sigemptyset(&ours.sa_mask);
  running = L;
  interrupted = 0;
  sigaction(SIGINT, &ours, &before);
  int status = lua_pcall(L, nargs, nresults, base);
  sigaction(SIGINT, &before, NULL);
  lua_remove(L, base);
  if (interrupted) {                     /* it may have come too late to be seen */
    lua_sethook(L, NULL, 0, 0);
    take_back(L);
  }
  return status;
}

/* warn("...") as stock Lua's: silent until "@on"; `more`: the text goes on with the next call */
void warn (void *unused, const char *text, int more) {
  static int on, going;
  (void)unused;
  if (!going && !more && text[0] == '@') {
    if (!strcmp(text, "@on")) on = 1;
    else if (!strcmp(text, "@off")) on = 0;
    return;
  }
  if (on) fprintf(stderr, "%s%s%s", going ? "" : "Lua warning: ", text, more ? "" : "\n");
  going = more;
}
