/*
** state.h -- what the files of this floor share: the binder's state beside a context, the box that
** every userdata of ours is, and the quick ways in and out.
**
** A box is 16 bytes: a pointer and the address of a byte that says what it is.  Only tl_newbox makes
** them, and a finalised one forgets its kind, so a foreign userdata cannot pass for one of ours.
*/
#ifndef tl_state_h
#define tl_state_h

#include "bind/bind.h"

typedef enum tl_Kind {
  TL_IS_TENSOR, TL_IS_GENERATOR, TL_IS_DTYPE, TL_IS_DEVICE, TL_IS_NONE, TL_IS_GUARD, TL_IS_HOOK, TL_IS_STORAGE,
  TL_IS_PLAN, TL_IS_NODE, TL_IS_STREAM, TL_IS_EVENT, TL_NKIND
} tl_Kind;

typedef struct tl_Box { void *p; const char *kind; } tl_Box;
extern const char tl_kinds[TL_NKIND];

typedef struct tl_Printing { int precision, edge, width, sci; double threshold; } tl_Printing;   /* sci: -1 automatic */

typedef struct tl_State {
  tl_Context *ctx;
  lua_State *main, *L;                 /* L: whose call into us is running */
  int64_t overrides;                   /* coroutines that ever had a grad mode of their own */
  uint8_t base;                        /* grad mode of everybody else: TL_MODE_* */
  uint8_t collecting;
  size_t trigger, crowd;               /* bytes and tensors alive at which to collect */
  size_t floor;                        /* bytes alive after the last collection */
  size_t level;                        /* bytes alive after the last full collection */
  double mult, last;                   /* how far above it may grow; when that was */
  tl_Box *none;
  tl_Printing printing;
} tl_State;

enum { TL_MODE_GRAD = 1, TL_MODE_INFERENCE = 2 };

tl_State *tl_binder (lua_State *L);                    /* raises when this state is closing */
tl_Box *tl_newbox (lua_State *L, tl_Kind kind);        /* pushes it, with the metatable of its kind */
void *tl_unbox (lua_State *L, int index, tl_Kind kind);   /* NULL: it is something else */
/* pushes a fresh metatable for a kind: __name, __metatable; keep it with tl_setkind */
void tl_newkind (lua_State *L, tl_Kind kind, const char *name);
void tl_pushkind (lua_State *L, tl_Kind kind);         /* its metatable */
void tl_setfuncs (lua_State *L, const luaL_Reg *);     /* into the table on top; upvalue 1 is the tl_State */
#define tl_upstate(L)  ((tl_State *)lua_touserdata(L, lua_upvalueindex(1)))

void tl_mode_enter (tl_State *S, lua_State *L);        /* mode.c: L's own grad mode, if it has one */
int tl_mode_get (const tl_Context *c);
void tl_mode_set (tl_Context *c, int mode);
/* calls nargs values and their function in a mode; results, or one error object, are left: a lua_pcall status */
int tl_with_mode (lua_State *L, tl_State *S, int mode, int nargs);

/* a call from below back into Lua: what must be as it was afterwards */
typedef struct tl_LuaCall {
  tl_State *S;
  lua_State *L;
  tl_Context *here;
  int top, mode, base, own;
} tl_LuaCall;
lua_State *tl_lua_begin (tl_State *S, tl_LuaCall *);     /* NULL: no room on the stack, with a message */
/* calls nargs values and their function with a traceback; 0, or -1 with the error object kept for tl_raise */
int tl_lua_call (tl_LuaCall *, lua_State *L, int nargs, int nresults);
void tl_lua_end (tl_LuaCall *);

int tl_error (lua_State *L, const char *format, ...) TL_PRINTF(2, 3);   /* raises at the user's line */
void tl_push_where (lua_State *L);                          /* pushes "file:line: " of the user's code */
void tl_subtable (lua_State *L, int index, const char *path);   /* pushes t.a.b for "a.b", made when missing */
const char *tl_got (lua_State *L, int index);          /* "int", "Tensor", "string" ... */
/* varargs or one list; how many.  Raises */
int tl_read_sizes (lua_State *L, int first, int last, int64_t *size, const char *op);
void tl_push_number (lua_State *L, tl_Num v, int dtype);
int tl_is_list (lua_State *L, int index);              /* a table without string keys */
int tl_repr (char *buffer, size_t size, double x);     /* the shortest text that reads back */

static inline tl_Tensor *tl_astensor (lua_State *L, int index) {
  tl_Box *b = lua_touserdata(L, index);
  if (b && lua_rawlen(L, index) == sizeof *b && b->kind == tl_kinds + TL_IS_TENSOR) return b->p;
  return NULL;
}

/* the context of a C function whose upvalue 1 is the state; a script's finalizer may come after it is gone */
static inline tl_Context *tl_upctx (lua_State *L) {
  tl_State *S = tl_upstate(L);
  if (TL_UNLIKELY(!S->ctx)) luaL_error(L, "torch is closed");
  return S->ctx;
}

static inline tl_Context *tl_in (tl_State *S, lua_State *L, tl_Context **before) {
  if (TL_UNLIKELY(!S->ctx)) luaL_error(L, "torch is closed");
  *before = tl_here;
  tl_here = S->ctx;
  S->L = L;
  if (TL_UNLIKELY(S->overrides)) tl_mode_enter(S, L);
  return S->ctx;
}

uint64_t tl_check_seed (lua_State *L, int index);      /* random.c: any integer; raises */

#endif
