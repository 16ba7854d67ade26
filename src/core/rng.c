/*
** rng.c -- generators: counted handles of a state tensor.  The draws themselves are TL_RANDOM commands.
*/
#include <sys/random.h>
#include <time.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/pool.h"
#include "core/rng.h"

#define FRESH 67280421310721u              /* a torch.Generator's seed before anyone seeds it */

static int read_state (tl_Generator *g, tl_MtState *m) {
  tl_Device *d = g->device;
  if (d->kind == 1) { *m = *(const tl_MtState *)tl_data(g->state); return 0; }
  if ((d->sync && d->sync(d, &tl_here->env)) || d->move(d, m, tl_data(g->state), sizeof *m, 1))
    return tl_fault("the generator's state can't be read from device %s", d->name);
  return 0;
}

int tl_generator_seed (tl_Generator *g, uint64_t seed) {
  tl_Device *d = g->device;
  if (d->kind == 1) tl_mt_start(tl_data(g->state), seed);
  else {
    tl_MtState m;
    tl_mt_start(&m, seed);
    if ((d->sync && d->sync(d, &tl_here->env)) || d->move(d, tl_data(g->state), &m, sizeof m, 0))
      return tl_fault("the generator's state can't be written on device %s", d->name);
  }
  g->state->storage->version++;
  return 0;
}

tl_Generator *tl_generator_new (tl_Device *d) {
  int64_t size = (int64_t)sizeof(tl_MtState);
  tl_Generator *g = tl_malloc(sizeof *g);
  if (!g) return NULL;
  g->refs = 1;
  g->device = d;
  g->state = tl_retain(tl_new(d, TL_u8, 1, &size));
  if (!g->state || tl_generator_seed(g, FRESH)) {
    tl_generator_release(g);
    return NULL;
  }
  return g;
}

void tl_generator_retain (tl_Generator *g) { g->refs++; }

void tl_generator_release (tl_Generator *g) {
  if (!g || --g->refs > 0) return;
  if (g->state) tl_release(g->state);
  tl_free(g);
}

uint64_t tl_generator_initial_seed (tl_Generator *g) {
  tl_MtState m;
  return read_state(g, &m) ? 0 : m.seed;
}

uint64_t tl_generator_entropy (void) {
  uint64_t seed = 0;
  struct timespec t;
  if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) return seed;
  clock_gettime(CLOCK_REALTIME, &t);       /* a system without randomness: the time will have to do */
  return (uint64_t)t.tv_nsec * 6364136223846793005u + (uint64_t)t.tv_sec;
}

/* one per state and device; only the CPU has one so far */
tl_Generator *tl_default_generator (tl_Device *d) {
  tl_Context *c = tl_here;
  if (c->generator && c->generator->device == d) return c->generator;
  if (c->generator) return tl_fail("random numbers on device %s need a generator of their own", d->name);
  c->generator = tl_generator_new(d);
  if (c->generator && tl_generator_seed(c->generator, tl_generator_entropy())) return NULL;
  return c->generator;
}

void tl_mt_seed (tl_MtState *m, uint64_t seed) { tl_mt_start(m, seed); }
uint32_t tl_mt_random32 (tl_MtState *m) { return tl_mt_draw32(m); }
uint64_t tl_mt_random64 (tl_MtState *m) { return tl_mt_draw64(m); }
