/*
** pool.c -- autorelease: a stack of references that nobody has claimed yet.
*/
#include "core/pool.h"

size_t tl_mark (void) { return tl_here->npool; }

void tl_drain (size_t mark) {
  tl_Context *c = tl_here;
  while (c->npool > mark) tl_release(c->pool[--c->npool]);
}

tl_Tensor *tl_pool (tl_Tensor *t) {
  tl_Context *c = tl_here;
  if (!t) return NULL;
  if (TL_UNLIKELY(c->npool == c->pool_capacity)) {
    size_t more = c->pool_capacity ? 2 * c->pool_capacity : 256;
    tl_Tensor **grown = tl_realloc(c->pool, more * sizeof *grown);
    if (!grown) { tl_release(t); return NULL; }
    c->pool = grown;
    c->pool_capacity = more;
  }
  return c->pool[c->npool++] = t;
}
