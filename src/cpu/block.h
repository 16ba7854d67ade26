/*
** block.h -- strided elements of any dtype to packed elements of another, a block at a time: how verbs
** with arithmetic in two or three compute types serve all ten dtypes.
*/
#ifndef tl_block_h
#define tl_block_h

#include <string.h>

#include "cpu/cpu.h"

/* n <= TL_BLOCK elements from `from` on, `stride` bytes apart, as packed elements of dtype `to`.  The
   answer is `from` itself where nothing has to be done, else `room` (aligned, TL_BLOCK cells). */
const void *tl_block_load (int to, void *room, int dtype, const char *from, int64_t stride, int64_t n);
/* n <= TL_BLOCK packed elements of dtype `from` to strided elements of `dtype` */
void tl_block_store (int from, const void *values, int dtype, char *to, int64_t stride, int64_t n);

/* place k of the dims [0, ndim) counted row-major: the byte offset of each of n operands */
void tl_block_place (const tl_Cmd *, int from, int to, int64_t k, int n, int64_t *offset);
int64_t tl_block_count (const tl_Cmd *, int from, int to);      /* places in dims [from, to) */

/* n elements of w bytes, or rows of n, between strided places; one element n times.  The two sides don't overlap. */
void tl_cpu_strided (int w, int64_t n, char *to, int64_t to_stride, const char *from, int64_t from_stride);
void tl_block_rows (int w, int64_t rows, int64_t n, char *to, int64_t to_row, int64_t to_step, const char *from,
                    int64_t from_row, int64_t from_step);
/* the same where the source's columns are packed: from_row is w */
void tl_block_turn (int w, int64_t rows, int64_t n, char *to, int64_t to_row, int64_t to_step, const char *from,
                    int64_t from_step);
void tl_cpu_spread (int w, int64_t n, void *to, const void *value);

/* n bytes; few in pieces whose ends may overlap, as a call would cost more */
static inline void tl_block_copy (char *to, const char *from, int64_t n) {
#define BOTH_ENDS(m) { memcpy(to, from, m); memcpy(to + n - m, from + n - m, m); }
  if (n > 256) memcpy(to, from, (size_t)n);
  else if (n >= 16) {
    for (int64_t i = 0; i < n - 16; i += 16) memcpy(to + i, from + i, 16);
    memcpy(to + n - 16, from + n - 16, 16);
  }
  else if (n >= 8) BOTH_ENDS(8)
  else if (n >= 4) BOTH_ENDS(4)
  else if (n >= 2) BOTH_ENDS(2)
  else if (n == 1) *to = *from;
#undef BOTH_ENDS
}

/* work space, 64-byte aligned; NULL: none left */
void *tl_cpu_room (size_t bytes);
void tl_cpu_room_free (void *);

#endif
