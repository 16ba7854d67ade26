/*
** repl.c -- read, run, print.  Lines come through libedit when a person sits there, else from stdin.
**
** A line is tried as an expression first ("return line"); text that ends too early asks for more.  Ctrl-C
** while typing drops the text, while code runs it stops the code: the session and its variables stay.
*/
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <editline/readline.h>
#include <lauxlib.h>
#include "main/main.h"

#define MAXHISTORY 1000

static sigjmp_buf at_prompt;

static void on_prompt_signal (int number) {
  (void)number;
  siglongjmp(at_prompt, 1);
}

static int is_person (void) { return isatty(0) && isatty(1); }

/* $TLUA_HISTORY, $XDG_STATE_HOME/tlua_history or ~/.tlua_history; 0 when there is none */
static int history_path (char *path, size_t size) {
  const char *own = getenv("TLUA_HISTORY"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n;
  if (own) n = snprintf(path, size, "%s", own);
  else if (state && state[0]) n = snprintf(path, size, "%s/tlua_history", state);
  else if (home && home[0]) n = snprintf(path, size, "%s/.tlua_history", home);
  else return 0;
  return n > 0 && (size_t)n < size;
}

static void begin_history (void) {
  char path[4096];
  using_history();
  stifle_history(MAXHISTORY);
  if (history_path(path, sizeof path)) read_history(path);
}

static void end_history (void) {
  char path[4096];
  if (!history_path(path, sizeof path)) return;
  mode_t before = umask(077);            /* what one types may be private */
  write_history(path);
  umask(before);
}

/* one line into *line (malloc'ed, without its end): 1; end of input: 0; Ctrl-C: -1 */
static int read_line (const char *prompt, char **line) {
  if (!is_person()) {
    size_t capacity = 0;
    *line = NULL;
    fputs(prompt, stdout);
    fflush(stdout);
    ssize_t n = getline(line, &capacity, stdin);
    if (n < 0) {
      free(*line);
      return 0;
    }
    if (n > 0 && (*line)[n - 1] == '\n') (*line)[n - 1] = '\0';
    return 1;
  }
  struct sigaction ours, before;
  memset(&ours, 0, sizeof ours);
  ours.sa_handler = on_prompt_signal;
  sigemptyset(&ours.sa_mask);
  if (sigsetjmp(at_prompt, 1)) {
    signal(SIGINT, SIG_DFL);
    rl_reset_terminal(NULL);
    fputc('\n', stdout);
    return -1;
  }
  sigaction(SIGINT, &ours, &before);
  *line = readline(prompt);
  sigaction(SIGINT, &before, NULL);
  return *line != NULL;
}

static const char *get_prompt (lua_State *L, int first) {
  if (lua_getglobal(L, first ? "_PROMPT" : "_PROMPT2") == LUA_TNIL) return first ? "tlua> " : "   ..> ";
  const char *text = luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
  return text;
}

/* pushes the next line; 1, or what read_line says */
static int push_line (lua_State *L, int first) {
  char *line;
  const char *prompt = get_prompt(L, first);
  int got = read_line(prompt, &line);
  lua_pop(L, 1);
  if (got != 1) return got;
  lua_pushstring(L, line);
  free(line);
  return 1;
}

static int is_incomplete (lua_State *L, int status) {
  static const char mark[] = "<eof>";
  size_t n;
  if (status != LUA_ERRSYNTAX) return 0;
  const char *text = lua_tolstring(L, -1, &n);
  return n >= sizeof mark - 1 && !strcmp(text + n - (sizeof mark - 1), mark);
}

static int load_text (lua_State *L, const char *text, size_t n) { return luaL_loadbufferx(L, text, n, "=stdin", "t"); }

/* the line at the top, or an expression made of it; leaves function or message above the text */
static int load_lines (lua_State *L, int *ended) {
  size_t n;
  const char *text = lua_tostring(L, 1);
  const char *expression = lua_pushfstring(L, "return %s", text[0] == '=' ? text + 1 : text);
  int status = load_text(L, expression, strlen(expression));
  if (status == LUA_OK) {
    lua_remove(L, -2);
    return status;
  }
  lua_pop(L, 2);
  for (;;) {
    text = lua_tolstring(L, 1, &n);
    status = load_text(L, text, n);
    if (!is_incomplete(L, status)) return status;
    int got = push_line(L, 0);
    if (got == 0) return status;         /* end of input: the message says what is missing */
    if (got < 0) {
      *ended = -1;
      return status;
    }
    lua_remove(L, -2);                   /* the message */
    lua_pushliteral(L, "\n");
    lua_insert(L, -2);
    lua_concat(L, 3);
  }
}

static void show_results (lua_State *L) {
  int n = lua_gettop(L);
  if (n == 0) return;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, 1);
  if (call_guarded(L, n, 0) != LUA_OK) {
    lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1));
    complain(lua_tostring(L, -1));
  }
}

void repl (lua_State *L) {
  int person = is_person();
  set_program_name(NULL);
  if (person) {
    setlocale(LC_CTYPE, "");             /* only that: numbers keep their decimal point */
    rl_readline_name = "tlua";
    begin_history();
  }
  for (;;) {
    lua_settop(L, 0);
    int got = push_line(L, 1), ended = 0;
    if (got == 0) break;
    if (got < 0) continue;
    int status = load_lines(L, &ended);
    if (ended < 0) continue;
    if (person && lua_tostring(L, 1)[0]) add_history(lua_tostring(L, 1));
    lua_remove(L, 1);
    if (status == LUA_OK) status = call_guarded(L, 0, LUA_MULTRET);
    if (status == LUA_OK) show_results(L);
    else report(L, status);
  }
  lua_settop(L, 0);
  if (person) end_history();
  fputc('\n', stdout);
  fflush(stdout);
}
