/*
** rng.c -- generators: counted handles of a state tensor.  The draws themselves are TL_RANDOM commands.
*/
#include <sys/random.h>
#include <time.h>

#include "core/cmd.h"
#include "core/dtype.h"
#include "core/fail.h"
#include "core/pool.h"
#include "core/rng.h"

#define FRESH 67280421310721u              /* a torch.Generator's seed before anyone seeds it */

typedef union State { tl_MtState mt; tl_PhiloxState philox; } State;

static size_t bytes_of (const tl_Generator *g) {
  return g->device->generator == TL_GENERATOR_PHILOX ? sizeof(tl_PhiloxState) : sizeof(tl_MtState);
}

static int write_state (tl_Generator *g, const State *s) {
  tl_Device *d = g->device;
  g->state->storage->version++;
  return d->move(d, tl_data(g->state), s, bytes_of(g), TL_MOVE_IN, &tl_here->env)
         ? tl_fault("the generator's state can't be written on device %s", d->name) : 0;
}

int tl_generator_seed (tl_Generator *g, uint64_t seed) {
  State s;
  if (g->device->generator == TL_GENERATOR_PHILOX) s.philox = (tl_PhiloxState){ seed, 0 };
  else tl_mt_start(&s.mt, seed);
  return write_state(g, &s);
}

int tl_generator_set (tl_Generator *g, tl_Tensor *bytes) {
  State s;
  if (bytes->dtype != TL_u8)
    return tl_fault("RNG state must be a torch.ByteTensor (uint8), not %s", tl_dtype_name[bytes->dtype]);
  if (tl_numel(bytes) != (int64_t)bytes_of(g))
    return tl_fault("RNG state is wrong size: expected %zu bytes, got %lld", bytes_of(g), (long long)tl_numel(bytes));
  if (tl_peek("set_rng_state", bytes, &s)) return -1;
  if (g->device->generator == TL_GENERATOR_PHILOX) {
    if (s.philox.offset % 4) return tl_fault("Invalid philox state: the offset must be a multiple of 4");
    return write_state(g, &s);
  }
  if (s.mt.left < 1 || s.mt.left > TL_MT_WORDS || s.mt.next > TL_MT_WORDS) return tl_fault("Invalid mt19937 state");
  for (int i = 0; i < TL_MT_WORDS; i++)
    if (s.mt.state[i] > UINT32_MAX) return tl_fault("Invalid mt19937 state");
  return write_state(g, &s);
}

tl_Generator *tl_generator_new (tl_Device *d) {
  int64_t size;
  tl_Plan *plan = tl_here->plan;
  tl_Generator *g = tl_malloc(sizeof *g);
  if (!g) return NULL;
  g->refs = 1;
  g->device = d;
  g->next = NULL;
  size = (int64_t)bytes_of(g);
  tl_here->plan = NULL;                                    /* a captured step would use a block of its own again */
  g->state = tl_retain(tl_new(d, TL_u8, 1, &size));
  tl_here->plan = plan;
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
  State s;
  if (tl_peek("initial_seed", g->state, &s)) return 0;
  return g->device->generator == TL_GENERATOR_PHILOX ? s.philox.seed : s.mt.seed;
}

uint64_t tl_generator_entropy (void) {
  uint64_t seed = 0;
  struct timespec t;
  if (getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed) return seed;
  clock_gettime(CLOCK_REALTIME, &t);       /* a system without randomness: the time will have to do */
  return (uint64_t)t.tv_nsec * 6364136223846793005u + (uint64_t)t.tv_sec;
}

tl_Generator *tl_default_generator (tl_Device *d) {
  tl_Context *c = tl_here;
  tl_Generator *g;
  for (g = c->generator; g; g = g->next)
    if (g->device == d) return g;
  g = tl_generator_new(d);
  if (!g || tl_generator_seed(g, c->seeded ? c->seed : tl_generator_entropy())) {
    tl_generator_release(g);
    return NULL;
  }
  g->next = c->generator;
  return c->generator = g;
}

int tl_manual_seed (uint64_t seed) {
  tl_Context *c = tl_here;
  c->seed = seed;
  c->seeded = 1;
  for (tl_Generator *g = c->generator; g; g = g->next)
    if (tl_generator_seed(g, seed)) return -1;
  return 0;
}

void tl_mt_seed (tl_MtState *m, uint64_t seed) { tl_mt_start(m, seed); }
uint32_t tl_mt_random32 (tl_MtState *m) { return tl_mt_draw32(m); }
uint64_t tl_mt_random64 (tl_MtState *m) { return tl_mt_draw64(m); }
