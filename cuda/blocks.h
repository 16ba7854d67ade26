/*
** blocks.h -- the bookkeeping of device memory: blocks, the pools that free ones wait in, and the way from an address
** to its block.  Plain host data; nothing here calls CUDA.
*/
#ifndef tl_cuda_blocks_h
#define tl_cuda_blocks_h

#include <stddef.h>
#include <stdint.h>

#define CU_GRAIN  512                        /* sizes and addresses of blocks are multiples of it */

struct cu_Stream;

/* a piece of a segment (of one cudaMalloc); as a command's scratch it hangs in a chain by `next` */
typedef struct cu_Scratch {
  char *at;
  size_t bytes;
  struct cu_Scratch *before, *after;         /* neighbours in the segment; both NULL: the block is the segment */
  struct cu_Scratch *next, *prev;            /* in a pool, in a chain of scratch, or among spare headers */
  struct cu_Scratch *link;                   /* in the table of addresses */
  struct cu_Stream *stream;                  /* whose pool it comes from and goes back to */
  struct cu_Stream *side;                    /* scratch of a plan: the stream it serves there */
  uint64_t uses;                             /* other streams that work on it, one bit each */
  int waiting;                               /* events it waits for before it is free */
  uint8_t busy, small;                       /* busy: in nobody's pool */
  uint8_t lent;                              /* scratch of a plan: in use by the command at hand */
} cu_Block;

enum { CU_ROWS = 48, CU_COLUMNS = 32, CU_LOOKS = 16 };

typedef struct cu_Pool {                     /* free blocks of one stream, of the small or the large segments */
  uint64_t rows;                             /* rows that are not empty */
  uint32_t columns[CU_ROWS];
  cu_Block *head[CU_ROWS][CU_COLUMNS];
} cu_Pool;

typedef struct cu_Book {                     /* busy blocks by address, and headers to spare */
  cu_Block **table, *spare;
  size_t room, count;                        /* room: a power of two */
} cu_Book;

void cu_pool_put (cu_Pool *, cu_Block *);
void cu_pool_out (cu_Pool *, cu_Block *);
cu_Block *cu_pool_find (cu_Pool *, size_t bytes);      /* a block of at least so many bytes, out of the pool; or NULL */
size_t cu_pool_largest (const cu_Pool *);

cu_Block *cu_book_header (cu_Book *);                  /* zeroed; NULL: no memory */
void cu_book_drop (cu_Book *, cu_Block *);             /* a header back */
int cu_book_add (cu_Book *, cu_Block *);               /* -1: no memory */
cu_Block *cu_book_take (cu_Book *, const void *at);    /* out of the table; NULL: not there */
cu_Block *cu_book_look (const cu_Book *, const void *at);

void cu_block_merge (cu_Book *, cu_Pool *, cu_Block *, cu_Block *neighbour);    /* the neighbour is free, in the pool */
void cu_block_split (cu_Book *, cu_Pool *, cu_Block *, size_t bytes);           /* what is behind goes to the pool */

#endif
