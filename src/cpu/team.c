/*
** team.c -- threads made on first need, kept, and made again in a child after fork.
**
** A job is cut into one range per thread, each taken piece by piece from an atomic counter; who is done
** with its own range helps with the others'.  The caller works too and never waits for a thread that has not
** entered the job, so a sleeping or descheduled worker costs nothing but its help.  Workers look for the
** next job for a short while before they sleep: waking a sleeping thread takes 50 us and more.
*/
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "cpu/team.h"

#define MOST 64                /* threads of a job, the caller included */
#define STACK (1 << 20)
#define PATIENCE 60000         /* ns a worker looks out before it sleeps */

typedef struct Range { _Alignas(64) atomic_llong next; int64_t end; } Range;

typedef struct Team {
  pthread_mutex_t lock;                    /* guards sleeping */
  pthread_cond_t wake;
  int members;                             /* workers that exist; only the holder of `held` changes it */
  atomic_int held;                         /* a caller has the team */
  atomic_uint ticket;                      /* grows with every job */
  atomic_int open;                         /* the job may be entered */
  atomic_int inside;                       /* workers that are in it, or looking whether they may be */
  atomic_int sleeping;
  /* the job; written only while it is closed and nobody is inside */
  int (*work)(void *, int64_t, int64_t);
  void *context;
  volatile int *stop;
  int64_t grain;
  int shares;                              /* threads invited, the caller is number 0 */
  atomic_int reason;                       /* the first that is not 0 */
  Range range[MOST];
} Team;

static Team team = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* only the forking thread is left in a child: the team starts over */
static void after_fork (void) {
  pthread_mutex_init(&team.lock, NULL);
  pthread_cond_init(&team.wake, NULL);
  team.members = 0;
  atomic_store(&team.held, 0);
  atomic_store(&team.open, 0);
  atomic_store(&team.inside, 0);
  atomic_store(&team.sleeping, 0);
}

static void prepare (void) { pthread_atfork(NULL, NULL, after_fork); }

static void relax (void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* pieces of range `mine`, then of the others in turn */
static void take_part (int mine) {
  for (int k = 0; k < team.shares; k++) {
    Range *r = &team.range[(mine + k) % team.shares];
    for (;;) {
      int64_t from, to;
      int reason = atomic_load_explicit(&team.reason, memory_order_relaxed);
      if (!reason && team.stop && *team.stop) reason = TL_INTERRUPTED;
      if (!reason) {
        from = atomic_fetch_add(&r->next, team.grain);
        if (from >= r->end) break;
        to = from + team.grain < r->end ? from + team.grain : r->end;
        reason = team.work(team.context, from, to);
      }
      if (reason) {
        int none = 0;
        atomic_compare_exchange_strong(&team.reason, &none, reason);
        return;
      }
    }
  }
}

static void *live (void *number) {
  int me = (int)(intptr_t)number;
  unsigned seen = 0;
  for (;;) {
    int64_t since = 0;
    for (int spins = 0; atomic_load(&team.ticket) == seen; spins++) {
      relax();
      if (spins % 64 == 63) {
        if (!since) since = now();
        else if (now() - since > PATIENCE) {
          pthread_mutex_lock(&team.lock);
          atomic_fetch_add(&team.sleeping, 1);
          while (atomic_load(&team.ticket) == seen) pthread_cond_wait(&team.wake, &team.lock);
          atomic_fetch_sub(&team.sleeping, 1);
          pthread_mutex_unlock(&team.lock);
        }
      }
    }
    atomic_fetch_add(&team.inside, 1);
    seen = atomic_load(&team.ticket);
    if (atomic_load(&team.open) && me < team.shares) take_part(me);
    atomic_fetch_sub(&team.inside, 1);
  }
  return NULL;
}

/* as many workers as can be had; signals are for the threads of the program */
static void grow (int wanted) {
  sigset_t all, before;
  pthread_attr_t how;
  if (pthread_attr_init(&how)) return;
  pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&how, STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (team.members < wanted) {
    pthread_t id;
    if (pthread_create(&id, &how, live, (void *)(intptr_t)(team.members + 1))) break;
    team.members++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&how);
}

static int alone (tl_Env *env, int64_t n, int64_t grain, int (*work)(void *, int64_t, int64_t), void *context) {
  for (int64_t from = 0; from < n; from += grain) {
    int reason;
    if (env->stop && *env->stop) return TL_INTERRUPTED;
    reason = work(context, from, from + grain < n ? from + grain : n);
    if (reason) return reason;
  }
  return TL_DONE;
}

int tl_team_for (tl_Env *env, int64_t n, int64_t grain, int (*work)(void *ctx, int64_t from, int64_t to),
                 void *context) {
  int none = 0, shares, reason;
  int64_t pieces, at = 0;
  if (n <= grain) return n > 0 ? work(context, 0, n) : TL_DONE;
  if (env->threads <= 1) return alone(env, n, grain, work, context);
  pthread_once(&once, prepare);
  if (!atomic_compare_exchange_strong(&team.held, &none, 1)) return alone(env, n, grain, work, context);
  pieces = (n + grain - 1) / grain;
  shares = env->threads < MOST ? env->threads : MOST;
  if (shares > pieces) shares = (int)pieces;
  if (team.members < shares - 1) grow(shares - 1);
  if (team.members < shares - 1) shares = team.members + 1;
  team.work = work;
  team.context = context;
  team.stop = env->stop;
  team.grain = grain;
  team.shares = shares;
  atomic_store(&team.reason, TL_DONE);
  for (int k = 0; k < shares; k++) {
    int64_t end = pieces * (k + 1) / shares * grain;
    atomic_store(&team.range[k].next, at);
    team.range[k].end = end < n ? end : n;
    at = end;
  }
  atomic_store(&team.open, 1);
  atomic_fetch_add(&team.ticket, 1);
  if (atomic_load(&team.sleeping)) {
    pthread_mutex_lock(&team.lock);
    pthread_cond_broadcast(&team.wake);
    pthread_mutex_unlock(&team.lock);
  }
  take_part(0);
  atomic_store(&team.open, 0);
  for (int spins = 0; atomic_load(&team.inside); spins++) {
    if (spins < 1000) relax();
    else sched_yield();
  }
  reason = atomic_load(&team.reason);
  atomic_store(&team.held, 0);
  return reason;
}
