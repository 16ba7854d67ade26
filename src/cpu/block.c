/*
** block.c -- see block.h.  Gathering goes by element width and converting by whole packed runs, so
** that neither needs a case per pair of dtypes.
*/
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cpu/block.h"

#define EACH_WIDTH(width, MOVE) \
  switch (width) { \
    case 1: MOVE(uint8_t) break; \
    case 2: MOVE(uint16_t) break; \
    case 4: MOVE(uint32_t) break; \
    default: MOVE(uint64_t) break; \
  }

static void collect (int width, void *to, const char *from, int64_t stride, int64_t n) {
#define CASE(T) { T *q = to; for (int64_t i = 0; i < n; i++) q[i] = *(const T *)(from + i * stride); }
  EACH_WIDTH(width, CASE)
#undef CASE
}

static void spread (int width, const void *from, char *to, int64_t stride, int64_t n) {
#define CASE(T) { const T *q = from; for (int64_t i = 0; i < n; i++) *(T *)(to + i * stride) = q[i]; }
  EACH_WIDTH(width, CASE)
#undef CASE
}

/* the bytes of v, n of them, n a multiple of its period */
static inline void repeat (char *to, uint64_t v, int64_t n) {
  uint64_t __attribute__((vector_size(16))) twice = { v, v };
#define BOTH_ENDS(m) { memcpy(to, &v, m); memcpy(to + n - m, &v, m); }
  if (n >= 16) {
    for (int64_t i = 0; i < n - 16; i += 16) memcpy(to + i, &twice, 16);
    memcpy(to + n - 16, &twice, 16);
  }
  else if (n >= 8) BOTH_ENDS(8)
  else if (n >= 4) BOTH_ENDS(4)
  else if (n >= 2) BOTH_ENDS(2)
  else if (n == 1) memcpy(to, &v, 1);
#undef BOTH_ENDS
}

static inline uint64_t eight_bytes (int w, const void *value) {
  switch (w) {
    case 1: return *(const uint8_t *)value * (uint64_t)0x0101010101010101;
    case 2: return *(const uint16_t *)value * (uint64_t)0x0001000100010001;
    case 4: return *(const uint32_t *)value * (uint64_t)0x0000000100000001;
    default: return *(const uint64_t *)value;
  }
}

_Static_assert(sizeof(wchar_t) == 4, "what wmemset writes");

/* many bytes by the C library, which knows the widest way to write them */
void tl_cpu_spread (int w, int64_t n, void *to, const void *value) {
  enum { HEAD = 2048 };
  uint64_t v = eight_bytes(w, value);
  int64_t bytes = n * w;
  char *p = to;
  repeat(p, v, bytes < HEAD ? bytes : HEAD);
  if (bytes <= HEAD) return;
  if (v >> 32 == (v & UINT32_MAX)) {
    wmemset((wchar_t *)p, (wchar_t)v, (size_t)bytes / sizeof(wchar_t));
    memcpy(p + bytes - 4, &v, 4);
    return;
  }
  for (int64_t i = HEAD; i < bytes; i += HEAD) memcpy(p + i, p, (size_t)(bytes - i < HEAD ? bytes - i : HEAD));
}

void tl_cpu_strided (int w, int64_t n, char *to, int64_t to_stride, const char *from, int64_t from_stride) {
  if (to_stride == w && from_stride == w) memcpy(to, from, (size_t)(n * w));
  else if (to_stride == w) collect(w, to, from, from_stride, n);
#define CASE(T) for (int64_t i = 0; i < n; i++) *(T *)(to + i * to_stride) = *(const T *)(from + i * from_stride);
  else EACH_WIDTH(w, CASE)
#undef CASE
}

/* short rows of many elements apart are gone through by columns, SOME rows at a time */
void tl_block_rows (int w, int64_t rows, int64_t n, char *to, int64_t to_row, int64_t to_step, const char *from,
                    int64_t from_row, int64_t from_step) {
  enum { SHORT = 16, SOME = 128 };
  if (to_step == w && from_step == w)
    for (; rows > 0; rows--, to += to_row, from += from_row) tl_block_copy(to, from, n * w);
  else if (to_step == w && from_step == 0 && n * w <= 256)
    for (; rows > 0; rows--, to += to_row, from += from_row) repeat(to, eight_bytes(w, from), n * w);
  else if (n >= SHORT || n >= rows)
    for (; rows > 0; rows--, to += to_row, from += from_row)
      if (to_step == w && from_step == 0) tl_cpu_spread(w, n, to, from);
      else tl_cpu_strided(w, n, to, to_step, from, from_step);
  else
    for (; rows > 0; rows -= SOME, to += SOME * to_row, from += SOME * from_row)
      for (int64_t k = 0; k < n; k++)
        tl_cpu_strided(w, rows < SOME ? rows : SOME, to + k * to_step, to_row, from + k * from_step, from_row);
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
