/*
** mt.h -- PyTorch's CPU generator: the 32-bit Mersenne twister with its state in PyTorch's layout of
** get_rng_state().  The first of a 64-bit number's two draws is the high word.
*/
#ifndef tl_mt_h
#define tl_mt_h

#include <stdint.h>

enum { TL_MT_WORDS = 624 };

typedef struct tl_MtState {            /* 5,056 bytes, little endian */
  uint64_t seed;
  int32_t left, seeded;                /* left - 1 draws until the next refill; left + next <= 625 */
  uint64_t next;
  uint64_t state[TL_MT_WORDS];         /* one 32-bit word each */
  double unused_x, normal, unused_rho;
  int32_t normal_valid, unused_i;      /* normal: the second number of the last pair that was drawn one by one */
  float normal_f32;
  uint8_t normal_f32_valid, unused_b[3];
} tl_MtState;

/* only the low 32 bits of the seed reach the stream */
static inline void tl_mt_start (tl_MtState *m, uint64_t seed) {
  uint32_t s = (uint32_t)seed;
  *m = (tl_MtState){ .seed = seed, .left = 1, .seeded = 1 };
  m->state[0] = s;
  for (uint32_t k = 1; k < TL_MT_WORDS; k++) m->state[k] = s = 1812433253u * (s ^ s >> 30) + k;
}

static inline int tl_mt_sane (const tl_MtState *m) {
  return m->seeded == 1 && m->left >= 1 && m->left <= TL_MT_WORDS && m->next <= (uint64_t)(TL_MT_WORDS + 1 - m->left);
}

/* three loops, so that each reads words that are all old or all new */
static inline void tl_mt_refill (tl_MtState *m) {
  uint64_t *s = m->state;
#define TWIST(k, next, far) { \
    uint64_t y = (s[k] & 0x80000000u) | (s[next] & 0x7fffffffu); \
    s[k] = s[far] ^ y >> 1 ^ (-(y & 1) & 0x9908b0dfu); \
  }
  for (int k = 0; k < 227; k++) TWIST(k, k + 1, k + 397)
  for (int k = 227; k < 623; k++) TWIST(k, k + 1, k - 227)
  TWIST(623, 0, 396)
#undef TWIST
  m->left = TL_MT_WORDS;
  m->next = 0;
}

static inline uint32_t tl_mt_temper (uint64_t word) {
  uint32_t y = (uint32_t)word;
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

static inline uint32_t tl_mt_draw32 (tl_MtState *m) {
  if (--m->left == 0) tl_mt_refill(m);
  return tl_mt_temper(m->state[m->next++]);
}
static inline uint64_t tl_mt_draw64 (tl_MtState *m) {
  uint64_t high = tl_mt_draw32(m);
  return high << 32 | tl_mt_draw32(m);
}
static inline double tl_mt_double (tl_MtState *m) { return (double)(tl_mt_draw64(m) & ((1ull << 53) - 1)) * 0x1p-53; }

/* n draws at once */
static inline void tl_mt_draw_many (tl_MtState *m, uint32_t *out, int64_t n) {
  while (n > 0) {
    int64_t k;
    if (m->left == 1) {
      tl_mt_refill(m);
      m->left++;
    }
    k = m->left - 1 < n ? m->left - 1 : n;
    for (int64_t i = 0; i < k; i++) out[i] = tl_mt_temper(m->state[(int64_t)m->next + i]);
    m->next += (uint64_t)k;
    m->left -= (int32_t)k;
    out += k;
    n -= k;
  }
}

#endif
