/*
** blocks.c -- two-level segregated fit: free blocks lie in classes, 32 to a doubling of the size, and two words of bits
** say which classes have any, so that finding one takes the same few steps whatever there is.  Up to 16 KiB a class
** is one size.  Above, a request first looks at a few blocks of its own class: what a program frees it mostly wants
** again, of just that size.
*/
#include <stdlib.h>
#include <string.h>

#include "blocks.h"

enum { CHUNK = 64 };                         /* headers made at a time */

static void class_of (size_t bytes, int *row, int *column) {
  uint64_t n = bytes / CU_GRAIN;
  if (n < CU_COLUMNS) { *row = 0; *column = (int)n; }
  else {
    int top = 63 - __builtin_clzll(n);                   /* 2^top <= n, top >= 5 */
    *row = top - 4;
    *column = (int)(n >> (top - 5)) & (CU_COLUMNS - 1);
  }
}

void cu_pool_put (cu_Pool *p, cu_Block *b) {
  int r, c;
  class_of(b->bytes, &r, &c);
  b->prev = NULL;
  b->next = p->head[r][c];
  if (b->next) b->next->prev = b;
  p->head[r][c] = b;
  p->rows |= (uint64_t)1 << r;
  p->columns[r] |= (uint32_t)1 << c;
}

void cu_pool_out (cu_Pool *p, cu_Block *b) {
  int r, c;
  class_of(b->bytes, &r, &c);
  if (b->next) b->next->prev = b->prev;
  if (b->prev) b->prev->next = b->next;
  else if (!(p->head[r][c] = b->next)) {
    p->columns[r] &= ~((uint32_t)1 << c);
    if (!p->columns[r]) p->rows &= ~((uint64_t)1 << r);
  }
  b->next = b->prev = NULL;
}

cu_Block *cu_pool_find (cu_Pool *p, size_t bytes) {
  cu_Block *best = NULL, *b;
  uint32_t columns;
  uint64_t rows;
  int r, c, looks = 0;
  class_of(bytes, &r, &c);
  for (b = p->head[r][c]; b && looks < CU_LOOKS && !(best && best->bytes == bytes); b = b->next, looks++)
    if (b->bytes >= bytes && (!best || b->bytes < best->bytes)) best = b;
  if (!best) {                                           /* the next class that has any: all of it is large enough */
    columns = c == CU_COLUMNS - 1 ? 0 : p->columns[r] & ~(uint32_t)0 << (c + 1);
    if (!columns) {
      rows = p->rows & ~(uint64_t)0 << (r + 1);
      if (!rows) return NULL;
      r = __builtin_ctzll(rows);
      columns = p->columns[r];
    }
    best = p->head[r][__builtin_ctz(columns)];
  }
  cu_pool_out(p, best);
  return best;
}

size_t cu_pool_largest (const cu_Pool *p) {
  size_t most = 0;
  int r;
  if (!p->rows) return 0;
  r = 63 - __builtin_clzll(p->rows);
  for (const cu_Block *b = p->head[r][31 - __builtin_clz(p->columns[r])]; b; b = b->next)
    if (b->bytes > most) most = b->bytes;
  return most;
}

/* ---- headers and addresses ---- */

cu_Block *cu_book_header (cu_Book *k) {
  cu_Block *b;
  if (!k->spare) {
    cu_Block *chunk = calloc(CHUNK, sizeof *chunk);
    if (!chunk) return NULL;
    for (int i = 0; i < CHUNK; i++) cu_book_drop(k, &chunk[i]);
  }
  b = k->spare;
  k->spare = b->next;
  memset(b, 0, sizeof *b);
  return b;
}

void cu_book_drop (cu_Book *k, cu_Block *b) {
  b->next = k->spare;
  k->spare = b;
}

/* TLUA_CUDA_ALLOC=none takes addresses as the driver gives them, 256 bytes apart */
static size_t place (const cu_Book *k, const void *at) {
  return (size_t)(((uint64_t)(uintptr_t)at >> 8) * 0x9E3779B97F4A7C15u >> 32) & (k->room - 1);
}

static int widen (cu_Book *k) {
  cu_Block **old = k->table;
  size_t room = k->room;
  cu_Block **table = calloc(room ? 2 * room : 256, sizeof *table);
  if (!table) return -1;
  k->table = table;
  k->room = room ? 2 * room : 256;
  for (size_t i = 0; i < room; i++)
    for (cu_Block *b = old[i], *next; b; b = next) {
      size_t j = place(k, b->at);
      next = b->link;
      b->link = table[j];
      table[j] = b;
    }
  free(old);
  return 0;
}

int cu_book_add (cu_Book *k, cu_Block *b) {
  size_t i;
  if (k->count >= k->room && widen(k) && !k->room) return -1;      /* a table that can't grow is only slower */
  i = place(k, b->at);
  b->link = k->table[i];
  k->table[i] = b;
  k->count++;
  return 0;
}

cu_Block *cu_book_look (const cu_Book *k, const void *at) {
  cu_Block *b = k->room ? k->table[place(k, at)] : NULL;
  while (b && b->at != at) b = b->link;
  return b;
}

cu_Block *cu_book_take (cu_Book *k, const void *at) {
  cu_Block **p = k->room ? &k->table[place(k, at)] : NULL, *b;
  while (p && *p && (*p)->at != at) p = &(*p)->link;
  if (!p || !*p) return NULL;
  b = *p;
  *p = b->link;
  b->link = NULL;
  k->count--;
  return b;
}

/* ---- pieces of a segment ---- */

void cu_block_merge (cu_Book *k, cu_Pool *p, cu_Block *a, cu_Block *b) {
  cu_pool_out(p, b);
  a->bytes += b->bytes;
  if (b == a->before) {
    a->at = b->at;
    a->before = b->before;
    if (a->before) a->before->after = a;
  }
  else {
    a->after = b->after;
    if (a->after) a->after->before = a;
  }
  cu_book_drop(k, b);
}

void cu_block_split (cu_Book *k, cu_Pool *p, cu_Block *b, size_t bytes) {
  cu_Block *r = cu_book_header(k);
  if (!r) return;                                        /* then the block stays larger than it need be */
  r->at = b->at + bytes;
  r->bytes = b->bytes - bytes;
  r->before = b;
  r->after = b->after;
  if (r->after) r->after->before = r;
  r->stream = b->stream;
  r->small = b->small;
  b->after = r;
  b->bytes = bytes;
  cu_pool_put(p, r);
}
