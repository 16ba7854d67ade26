/*
** pace.c -- Lua's collector is told about tensors.  The only file that knows its parameters.
**
** Lua sees 16-byte boxes; behind them are megabytes.  So collections are paced by what is behind, and begin
** before an operation, which then writes into what they freed while it is in the cache.  Each young one makes what
** it finds alive older, and what is old waits for a full one.  So they come sooner only while they pay: where the last
** freed half of what had come since the one before, and no graph is alive, which keeps what was computed (leaves alone
** are none).  Then it takes half the largest storage, or twice a small one; else an eighth of the bytes alive, or twice
** the largest storage; half a MiB at least.  The tensors count too: an eighth, or 1,000.  A full one comes when the
** bytes alive pass a multiple of what the last full one left, the multiple being driven so that full collections take
** less than 5 % of the time.
**
** Generational mode with pause 150 set first: finalised objects are freed a cycle late, and at pause
** 200 the estimate that waits for the next cycle then has no fixed point.  With another mode chosen by
** the user GCSTEP is an incremental step, and the full collections alone hold the memory.
*/
#include <time.h>

#include "bind/state.h"
#include "bind/pace.h"

#define MIB    ((size_t)1 << 20)
#define YOUNG  (MIB / 2)           /* half of a core's second cache */
#define NEAR   (2 * MIB)           /* from here on a result should land where the last one was */
#define SMALL  ((size_t)1000)

static double seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void full (lua_State *L, tl_State *S) {
  double start = seconds(), end, since = start - S->last;
  lua_gc(L, LUA_GCCOLLECT);
  end = seconds();
  if (end - start > 0.05 * since) S->mult = S->mult * 1.5 > 3 ? 3 : S->mult * 1.5;
  else if (end - start < 0.02 * since) S->mult = S->mult * 0.9 < 1.25 ? 1.25 : S->mult * 0.9;
  S->last = end;
  S->level = S->ctx->bytes;
}

static void collect_now (lua_State *L, tl_State *S) {
  size_t before = S->ctx->bytes, largest = S->ctx->largest, limit, more;
  int pays;
  if (S->collecting || !lua_gc(L, LUA_GCISRUNNING)) return;       /* inside a finalizer, or the user said stop */
  S->collecting = 1;
  lua_gc(L, LUA_GCSTEP, 0);
  pays = before > S->ctx->bytes && 2 * (before - S->ctx->bytes) + S->floor >= before;
  limit = (size_t)((double)S->level * S->mult);
  if (limit < S->level + 16 * MIB) limit = S->level + 16 * MIB;
  if (S->ctx->bytes > limit) full(L, S);
  S->collecting = 0;
  if (pays && S->ctx->nodes == S->ctx->leaves) more = 2 * largest < NEAR ? 2 * largest : largest / 2 > NEAR ? largest / 2 : NEAR;
  else more = S->ctx->bytes / 8 > 2 * largest ? S->ctx->bytes / 8 : 2 * largest;
  if (more < YOUNG) more = YOUNG;
  S->floor = S->ctx->bytes;
  S->trigger = S->ctx->bytes + more;
  S->crowd = S->ctx->tensors + (S->ctx->tensors / 8 > SMALL ? S->ctx->tensors / 8 : SMALL);
  S->ctx->largest = 0;
}

void tl_pace_state (lua_State *L, tl_State *S) {
  if (TL_UNLIKELY(S->ctx->bytes > S->trigger || S->ctx->tensors > S->crowd)) collect_now(L, S);
}

void tl_pace (lua_State *L) { tl_pace_state(L, tl_binder(L)); }

/* a refused allocation: everything that Lua does not hold goes */
static int collect (void *owner) {
  tl_State *S = owner;
  lua_State *L = S ? S->L : NULL;
  tl_Context *here = tl_here;
  int mode;
  if (!L || S->collecting) return 0;
  mode = tl_mode_get(S->ctx);
  S->collecting = 1;
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT);                                       /* what finalizers let go */
  S->collecting = 0;
  S->L = L;                                                       /* finalizers may be scripts that use tensors */
  tl_here = here;
  tl_mode_set(S->ctx, mode);
  S->level = S->ctx->bytes;
  return 0;
}

void tl_pace_open (lua_State *L, tl_State *S) {
  S->trigger = YOUNG;
  S->crowd = SMALL;
  S->mult = 1.5;
  S->last = seconds();
  S->ctx->collect = collect;
  S->ctx->owner = S;
  lua_gc(L, LUA_GCINC, 150, 0, 0);
  lua_gc(L, LUA_GCGEN, 0, 0);
}
