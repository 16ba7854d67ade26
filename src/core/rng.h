/*
** rng.h -- generators.  The state is a tensor on the generator's device, so that random commands take it
** as an operand and a plan continues the stream.  The CPU's is PyTorch's 5,056-byte block (mt19937); a
** device with TL_GENERATOR_PHILOX has PyTorch's 16 bytes of a CUDA generator.
*/
#ifndef tl_rng_h
#define tl_rng_h

#include "core/tensor.h"
#include "device/mt.h"
#include "device/philox.h"

struct tl_Generator {
  int32_t refs;
  tl_Device *device;
  tl_Tensor *state;                  /* uint8, of a tl_MtState or tl_PhiloxState */
  tl_Generator *next;                /* in the list of the default ones */
};

tl_Generator *tl_generator_new (tl_Device *);              /* seeded as a fresh torch.Generator: 67280421310721 */
void tl_generator_retain (tl_Generator *);
void tl_generator_release (tl_Generator *);
int tl_generator_seed (tl_Generator *, uint64_t seed);     /* 0, or -1 */
uint64_t tl_generator_initial_seed (tl_Generator *);
uint64_t tl_generator_entropy (void);                      /* from the system */
tl_Generator *tl_default_generator (tl_Device *);          /* one per state and device */
int tl_manual_seed (uint64_t seed);                        /* all default ones, also those that come later */
int tl_generator_set (tl_Generator *, tl_Tensor *bytes);   /* a state from get_rng_state, checked */

/* PyTorch's engine, for the CPU's kernels and for loaders */
void tl_mt_seed (tl_MtState *, uint64_t seed);
uint32_t tl_mt_random32 (tl_MtState *);
uint64_t tl_mt_random64 (tl_MtState *);                    /* the first draw is the high word */

#endif
