/*
** heap.c -- the allocator of the program's own state.
**
** What tensors cost Lua is small objects: a box for each, made and swept by the thousand, and a sweep
** frees more at once than malloc's fast lists hold.  Blocks up to MOST bytes come from slabs and go back to
** a list of their size; slabs live as long as the heap.  Larger blocks are malloc's, and in the sanitizers'
** builds all of them, so that they see every object.
*/
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "main/main.h"

enum { GRAIN = 16, MOST = 256, CLASSES = MOST / GRAIN + 1, SLAB = 1 << 16 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT 0
#else
#define LIMIT MOST
#endif

typedef struct Free { struct Free *next; } Free;
typedef struct Slab { struct Slab *next; _Alignas(GRAIN) char data[]; } Slab;

struct Heap {
  Free *free[CLASSES];
  Slab *slabs;
  char *at, *end;                        /* what is left of the newest slab */
};

static size_t class_of (size_t bytes) { return (bytes + GRAIN - 1) / GRAIN; }
static int is_small (size_t bytes) { return bytes - 1 < LIMIT; }           /* 0 is not: it wraps */

static void *small_new (Heap *h, size_t bytes) {
  size_t k = class_of(bytes), block = k * GRAIN;
  Free *f = h->free[k];
  char *p = h->at;
  if (f) {
    h->free[k] = f->next;
    return f;
  }
  if ((size_t)(h->end - p) < block) {
    Slab *s = malloc(SLAB);
    if (!s) return NULL;
    s->next = h->slabs;
    h->slabs = s;
    p = s->data;
    h->end = (char *)s + SLAB;
  }
  h->at = p + block;
  return p;
}

static void small_free (Heap *h, void *p, size_t bytes) {
  Free *f = p;
  size_t k = class_of(bytes);
  f->next = h->free[k];
  h->free[k] = f;
}

void *heap_alloc (void *heap, void *p, size_t old, size_t wanted) {
  void *q;
  if (p == NULL) return is_small(wanted) ? small_new(heap, wanted) : wanted ? malloc(wanted) : NULL;
  if (wanted == 0) {
    if (is_small(old)) small_free(heap, p, old);
    else free(p);
    return NULL;
  }
  if (!is_small(old) && !is_small(wanted)) return realloc(p, wanted);
  if (is_small(old) && is_small(wanted) && class_of(old) == class_of(wanted)) return p;
  q = is_small(wanted) ? small_new(heap, wanted) : malloc(wanted);
  if (!q) return NULL;
  memcpy(q, p, old < wanted ? old : wanted);
  if (is_small(old)) small_free(heap, p, old);
  else free(p);
  return q;
}

Heap *heap_open (void) { return calloc(1, sizeof(Heap)); }

void heap_close (Heap *h) {
  while (h->slabs) {
    Slab *s = h->slabs;
    h->slabs = s->next;
    free(s);
  }
  free(h);
}
