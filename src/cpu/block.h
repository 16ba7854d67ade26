/*
** block.h -- strided elements of any dtype to packed elements of another, a block at a time: how verbs
** with arithmetic in two or three compute types serve all ten dtypes.
*/
#ifndef tl_block_h
#define tl_block_h

#include "cpu/cpu.h"

/* n <= TL_BLOCK elements from `from` on, `stride` bytes apart, as packed elements of dtype `to`.  The
   answer is `from` itself where nothing has to be done, else `room` (aligned, TL_BLOCK cells). */
const void *tl_block_load (int to, void *room, int dtype, const char *from, int64_t stride, int64_t n);
/* n <= TL_BLOCK packed elements of dtype `from` to strided elements of `dtype` */
void tl_block_store (int from, const void *values, int dtype, char *to, int64_t stride, int64_t n);

/* place k of the dims [0, ndim) counted row-major: the byte offset of each of n operands */
void tl_block_place (const tl_Cmd *, int from, int to, int64_t k, int n, int64_t *offset);
int64_t tl_block_count (const tl_Cmd *, int from, int to);      /* places in dims [from, to) */

/* work space, 64-byte aligned; NULL: none left */
void *tl_cpu_room (size_t bytes);
void tl_cpu_room_free (void *);

#endif
