/*
** block.c -- see block.h.  Gathering goes by element width and converting by whole packed runs, so
** that neither needs a case per pair of dtypes.
*/
#include <stdlib.h>
#include <string.h>

#include "cpu/block.h"

static void collect (int width, void *to, const char *from, int64_t stride, int64_t n) {
#define CASE(T) { T *q = to; for (int64_t i = 0; i < n; i++) q[i] = *(const T *)(from + i * stride); break; }
  switch (width) {
    case 1: CASE(uint8_t)
    case 2: CASE(uint16_t)
    case 4: CASE(uint32_t)
    default: CASE(uint64_t)
  }
#undef CASE
}

static void spread (int width, const void *from, char *to, int64_t stride, int64_t n) {
#define CASE(T) { const T *q = from; for (int64_t i = 0; i < n; i++) *(T *)(to + i * stride) = q[i]; break; }
  switch (width) {
    case 1: CASE(uint8_t)
    case 2: CASE(uint16_t)
    case 4: CASE(uint32_t)
    default: CASE(uint64_t)
  }
#undef CASE
}

const void *tl_block_load (int to, void *room, int dtype, const char *from, int64_t stride, int64_t n) {
  int width = tl_cpu_width[dtype];
  uint64_t raw[TL_BLOCK];
  if (stride == width || n == 1) {
    if (dtype == to) return from;
    tl_convert(dtype, to)(n, room, from);
  }
  else if (dtype == to) collect(width, room, from, stride, n);
  else {
    collect(width, raw, from, stride, n);
    tl_convert(dtype, to)(n, room, raw);
  }
  return room;
}

void tl_block_store (int from, const void *values, int dtype, char *to, int64_t stride, int64_t n) {
  int width = tl_cpu_width[dtype];
  uint64_t raw[TL_BLOCK];
  if (stride == width || n == 1) {
    if (dtype == from) memcpy(to, values, (size_t)(n * width));
    else tl_convert(from, dtype)(n, to, values);
  }
  else if (dtype == from) spread(width, values, to, stride, n);
  else {
    tl_convert(from, dtype)(n, raw, values);
    spread(width, raw, to, stride, n);
  }
}

int64_t tl_block_count (const tl_Cmd *c, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++) n *= c->size[d];
  return n;
}

void tl_block_place (const tl_Cmd *c, int from, int to, int64_t k, int n, int64_t *offset) {
  for (int q = 0; q < n; q++) offset[q] = 0;
  for (int d = to - 1; d >= from && k > 0; d--) {
    int64_t at = d == from ? k : k % c->size[d];
    k /= c->size[d];
    for (int q = 0; q < n; q++) offset[q] += at * c->arg[q].stride[d];
  }
}

void *tl_cpu_room (size_t bytes) { return aligned_alloc(64, (bytes + 64) & ~(size_t)63); }
void tl_cpu_room_free (void *p) { free(p); }
