/*
** tlua.c -- the program: options, LUA_INIT, scripts.  It keeps lua's contract (options, their order, exit
** codes, `arg`, stdin scripts, messages) and adds --version, --help, -m and the global `torch`.
**
** Opening torch takes a millisecond (its Lua half is loaded as its parts are named), so it is done at once.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lauxlib.h>
#include <lualib.h>
#include "bind/bind.h"
#include "main/main.h"

int luaopen_torch (lua_State *L);
extern char *openblas_get_config (void);     /* "OpenBLAS 0.3.21 DYNAMIC_ARCH ..."; <cblas.h> belongs to cpu/blas.c */

enum { WANT_I = 1, WANT_V = 2, WANT_E = 4, HAS_E = 8, BAD = 16, WANT_VERSION = 32, WANT_HELP = 64, MODULE = 128 };

static const char help[] =
  "usage: tlua [options] [script [args]]\n"
  "Lua 5.4 with tensors, gradients and neural networks: `torch` is there without require.\n"
  "\n"
  "  -e stat   run the string 'stat'\n"
  "  -l mod    require library 'mod' into global 'mod'\n"
  "  -l g=mod  require library 'mod' into global 'g'\n"
  "  -m mod    require library 'mod' and call its function 'main' with the arguments that follow\n"
  "  -i        enter interactive mode after running 'script'\n"
  "  -v        show version information\n"
  "  -E        ignore environment variables\n"
  "  -W        turn warnings on\n"
  "  --        stop handling options\n"
  "  -         stop handling options and run stdin\n"
  "  --version show versions and exit\n"
  "  --help    show this text and exit\n";

static void show_version (void) {
  char blas[64];
  if (sscanf(openblas_get_config(), "%63[^ ] ", blas) != 1) blas[0] = '\0';
  char number[32] = "";
  sscanf(openblas_get_config(), "%*s %31s", number);
  printf("tlua %s (%s, %s %s)\n", TLUA_VERSION, LUA_RELEASE, blas, number);
  fflush(stdout);
}

static void bad_usage (const char *option) {
  char text[200];
  if (option[1] == 'e' || option[1] == 'l' || option[1] == 'm')
    snprintf(text, sizeof text, "'%.150s' needs argument", option);
  else
    snprintf(text, sizeof text, "unrecognized option '%.150s'", option);
  complain(text);
  fputs(help, stderr);
}

/* reads the options; *first: where the script, or the module of -m, stands */
static int read_options (char **argv, int *first) {
  int wants = 0, i;
  for (i = 1; argv[i]; i++) {
    const char *o = argv[i];
    *first = i;
    if (o[0] != '-') return wants;
    switch (o[1]) {
      case '\0': return wants;                                   /* "-": stdin */
      case '-':
        if (!strcmp(o, "--version")) return wants | WANT_VERSION;
        if (!strcmp(o, "--help")) return wants | WANT_HELP;
        if (o[2]) return BAD;
        *first = i + 1;
        return wants;
      case 'E': if (o[2]) return BAD; wants |= WANT_E; break;
      case 'W': if (o[2]) return BAD; break;
      case 'i': if (o[2]) return BAD; wants |= WANT_I | WANT_V; break;
      case 'v': if (o[2]) return BAD; wants |= WANT_V; break;
      case 'e': wants |= HAS_E;  /* FALLTHROUGH */
      case 'l':
        if (!o[2] && (!argv[i + 1] || argv[++i][0] == '-')) return BAD;
        break;
      case 'm':
        if (o[2] || !argv[i + 1]) return BAD;
        *first = i + 1;
        return wants | MODULE;
      default: return BAD;
    }
  }
  *first = i;
  return wants;
}

static int run_chunk (lua_State *L, int status) {
  if (status == LUA_OK) status = call_guarded(L, 0, 0);
  return report(L, status);
}

static int run_string (lua_State *L, const char *text, const char *name) {
  return run_chunk(L, luaL_loadbuffer(L, text, strlen(text), name));
}

/* -l mod, -l g=mod */
static int run_library (lua_State *L, const char *option) {
  const char *module = strchr(option, '=');
  lua_getglobal(L, "require");
  if (module) lua_pushlstring(L, option, (size_t)(module - option)), module++;
  else module = option, lua_pushstring(L, option);
  lua_insert(L, -2);
  lua_pushstring(L, module);
  int status = call_guarded(L, 1, 1);
  if (status == LUA_OK) {                /* name, value */
    lua_pushglobaltable(L);
    lua_rotate(L, -3, 1);
    lua_settable(L, -3);
    lua_pop(L, 1);
  }
  else lua_remove(L, -2);
  return report(L, status);
}

static int run_options (lua_State *L, char **argv, int n) {
  for (int i = 1; i < n; i++) {
    char o = argv[i][1];
    if (o == 'W') lua_warning(L, "@on", 0);
    else if (o == 'e' || o == 'l') {
      const char *text = argv[i][2] ? argv[i] + 2 : argv[++i];
      int status = o == 'e' ? run_string(L, text, "=(command line)") : run_library(L, text);
      if (status != LUA_OK) return status;
    }
  }
  return LUA_OK;
}

/* table `arg`: the script is arg[0], what stands before it has negative places */
static void make_arg (lua_State *L, char **argv, int argc, int script) {
  if (script == argc) script = 0;        /* no script: the program's name is arg[0] */
  lua_createtable(L, argc - script, script + 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

static int push_args (lua_State *L) {
  if (lua_getglobal(L, "arg") != LUA_TTABLE) luaL_error(L, "'arg' is not a table");
  int n = (int)luaL_len(L, -1);
  luaL_checkstack(L, n + 3, "too many arguments to script");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, -i, i);
  lua_remove(L, -n - 1);
  return n;
}

static int run_script (lua_State *L, char **argv) {
  const char *name = argv[0];
  if (!strcmp(name, "-") && strcmp(argv[-1], "--") != 0) name = NULL;     /* stdin */
  int status = luaL_loadfile(L, name);
  if (status == LUA_OK) status = call_guarded(L, push_args(L), 0);
  return report(L, status);
}

static const char run_main[] =
  "local name = ...\n"
  "local m = require(name)\n"
  "local main = type(m) == 'table' and rawget(m, 'main')\n"
  "if not main then error(\"module '\" .. name .. \"' has no function 'main'\", 0) end\n"
  "main(select(2, ...))\n";

static int run_module (lua_State *L, const char *name) {
  int status = luaL_loadbuffer(L, run_main, sizeof run_main - 1, "=-m");
  if (status == LUA_OK) {
    lua_pushstring(L, name);
    status = call_guarded(L, 1 + push_args(L), 0);
  }
  return report(L, status);
}

static int run_init (lua_State *L) {
  const char *name = "=LUA_INIT_5_4", *text = getenv(name + 1);
  if (!text) text = getenv((name = "=LUA_INIT") + 1);
  if (!text) return LUA_OK;
  if (text[0] == '@') return run_chunk(L, luaL_loadfile(L, text + 1));
  return run_string(L, text, name);
}

/* everything, under one protected call: argc, argv -> whether all went well */
static int run_program (lua_State *L) {
  int argc = (int)lua_tointeger(L, 1), script = 1;
  char **argv = lua_touserdata(L, 2);
  int wants = read_options(argv, &script);
  luaL_checkversion(L);
  if (wants & BAD) {
    bad_usage(argv[script]);
    return 0;
  }
  if (wants & (WANT_VERSION | WANT_HELP)) {
    if (wants & WANT_HELP) fputs(help, stdout);
    else show_version();
    lua_pushboolean(L, fflush(stdout) == 0);
    return 1;
  }
  if (wants & WANT_V) show_version();
  if (wants & WANT_E) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  luaL_openlibs(L);
  luaL_requiref(L, "torch", luaopen_torch, 1);
  lua_pop(L, 1);
  make_arg(L, argv, argc, script);
  if (!(wants & WANT_E) && run_init(L) != LUA_OK) return 0;
  if (run_options(L, argv, script) != LUA_OK) return 0;
  if (wants & MODULE) {
    if (run_module(L, argv[script]) != LUA_OK) return 0;
  }
  else if (script < argc && run_script(L, argv + script) != LUA_OK) return 0;
  if (wants & WANT_I) repl(L);
  else if (script >= argc && !(wants & (HAS_E | WANT_V))) {
    if (isatty(0)) {
      show_version();
      repl(L);
    }
    else if (run_chunk(L, luaL_loadfile(L, NULL)) != LUA_OK) return 0;
  }
  lua_pushboolean(L, 1);
  return 1;
}

int main (int argc, char **argv) {
  if (argv[0] && argv[0][0]) set_program_name(argv[0]);
  Heap *heap = heap_open();
  lua_State *L = heap ? lua_newstate(heap_alloc, heap) : NULL;
  if (!L) {
    complain("cannot create state: not enough memory");
    return EXIT_FAILURE;
  }
  lua_setwarnf(L, warn, NULL);
  lua_pushcfunction(L, run_program);
  lua_pushinteger(L, argc);
  lua_pushlightuserdata(L, argv);
  int status = lua_pcall(L, 2, 1, 0), good = status == LUA_OK && lua_toboolean(L, -1), interrupted = was_interrupted();
  if (status != LUA_OK) report(L, status);
  lua_close(L);
  heap_close(heap);
  if (interrupted && !good) die_of_interrupt();
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
