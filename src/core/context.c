/*
** context.c -- the state that a thread works in, and the gate of small heap memory.
*/
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/rng.h"
#include "core/storage.h"
#include "core/tensor.h"

__thread tl_Context *tl_here __attribute__((tls_model("initial-exec")));

int tl_may_allocate (void) {
  tl_Context *c = tl_here;
  return !(c && c->fail_in > 0 && --c->fail_in == 0);
}

void *tl_malloc (size_t bytes) {
  void *p = tl_may_allocate() ? malloc(bytes ? bytes : 1) : NULL;
  return p ? p : tl_fail("not enough memory: tried to allocate %zu bytes", bytes);
}

void *tl_realloc (void *old, size_t bytes) {
  void *p = tl_may_allocate() ? realloc(old, bytes ? bytes : 1) : NULL;
  return p ? p : tl_fail("not enough memory: tried to allocate %zu bytes", bytes);
}

void tl_free (void *p) { free(p); }

tl_Context *tl_context_new (void) {
  tl_Context *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->grad_mode = 1;
  c->default_dtype = TL_f32;
  c->default_device = tl_cpu();
  c->env.stop = &c->stop;
  c->env.threads = tl_default_threads();
  return c;
}

void tl_context_free (tl_Context *c) {
  tl_Context *before = tl_here;
  if (!c) return;
  tl_here = c;
  while (c->generator) {
    tl_Generator *g = c->generator;
    c->generator = g->next;
    tl_generator_release(g);
  }
  tl_node_flush(c);
  tl_tensor_flush(c);
  tl_cache_close(c);
  free(c->pool);
  tl_here = before == c ? NULL : before;
  free(c);
}
