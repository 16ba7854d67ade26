/*
** philox.h -- the state of a counter-based generator (Philox 4x32-10), as PyTorch's CUDA generator writes it.
** It lies in the device's memory; a TL_RANDOM command reads it and adds what it has used to the offset.
*/
#ifndef tl_philox_h
#define tl_philox_h

#include <stdint.h>

typedef struct tl_PhiloxState { uint64_t seed, offset; } tl_PhiloxState;    /* 16 bytes, little endian */

#endif
