/*
** team.h -- the one team of threads that shares the work of large commands.
**
** No result may depend on how many threads there are: callers split where it can't matter (points,
** results, rows), never inside a sum.
*/
#ifndef tl_team_h
#define tl_team_h

#include "device/device.h"

#define TL_BLOCK 512           /* points of a block; map and copy split at multiples of it */

/*
** Calls work(ctx, from, to) for pieces of [0, n) that begin at multiples of `grain`, on at most
** env->threads threads, and returns the first reason that is not 0 (or TL_INTERRUPTED: the stop flag
** is read between pieces).  All on the caller's thread when n <= grain, with one thread, or when another
** caller holds the team (a call from inside `work` too).  Choose grain so that a piece takes 50 us to 1 ms.
*/
int tl_team_for (tl_Env *env, int64_t n, int64_t grain, int (*work)(void *ctx, int64_t from, int64_t to), void *ctx);

#endif
