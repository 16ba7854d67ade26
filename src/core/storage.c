/*
** storage.c -- counted memory.
**
** Host blocks come in size classes (steps of 64 bytes to 2 KiB, then eight per doubling) and go back
** to a cache: a fresh 4 MiB block costs ten times a kept one.  A small storage is one block with its
** data.  Other devices bring their own allocator.  All bytes pass one gate, which the optional cap
** closes; a refused request first empties the cache, then asks the owner to collect.
*/
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/plan.h"
#include "core/storage.h"

enum { STEP = 64, LINEAR = 2048 / STEP, CLASSES = LINEAR + 1 + 8 * 44, HEADER = TL_STORAGE_HEAD, INLINE = 256 };
_Static_assert(sizeof(tl_Storage) <= HEADER, "a storage fits its header block");

typedef struct Block { struct Block *next; } Block;

struct tl_Cache {
  size_t bytes;                          /* free, kept here */
  Block *free[CLASSES];
};

/* the class of a request, and the bytes that all blocks of the class have */
static int class_of (size_t bytes, size_t *block) {
  if (bytes <= LINEAR * STEP) {
    int c = (int)((bytes + STEP - 1) / STEP);
    if (c == 0) c = 1;
    *block = (size_t)c * STEP;
    return c;
  }
  int top = 63 - __builtin_clzll((unsigned long long)(bytes - 1));      /* 2^top <= bytes - 1 < 2^(top + 1) */
  size_t part = (size_t)1 << (top - 3);
  size_t n = (bytes - ((size_t)1 << top) + part - 1) / part;           /* 1 .. 8 parts above 2^top */
  *block = ((size_t)1 << top) + n * part;
  return LINEAR + 8 * (top - 11) + (int)n;
}

/* the hostile build: fresh and freed memory is full of NaN, and of integers that are no index */
static void *poison (void *p, size_t block) {
#if defined(TL_HOSTILE)
  if (p) memset(p, 0xFF, block);
#else
  (void)block;
#endif
  return p;
}

static void *system_take (size_t block) {
  tl_Device *cpu = tl_cpu();
  return tl_may_allocate() ? poison(cpu->alloc(cpu, block), block) : NULL;
}

static void *take (size_t bytes, size_t *block) {
  tl_Context *c = tl_here;
  int k = class_of(bytes, block);
  if (TL_LIKELY(c && c->cache)) {
    Block *b = c->cache->free[k];
    if (TL_LIKELY(b != NULL)) {
      if (TL_UNLIKELY(c->fail_in) && !tl_may_allocate()) return NULL;
      c->cache->free[k] = b->next;
      c->cache->bytes -= *block;
      return poison(b, *block);
    }
  }
  return system_take(*block);
}

static size_t block_of (int k) {                          /* bytes of the blocks of class k */
  return k <= LINEAR ? (size_t)k * STEP
         : ((size_t)1 << ((k - LINEAR - 1) / 8 + 11)) / 8 * (size_t)(8 + (k - LINEAR - 1) % 8 + 1);
}

static void drop_class (tl_Cache *cache, int k) {
  tl_Device *cpu = tl_cpu();
  while (cache->free[k]) {
    Block *b = cache->free[k];
    cache->free[k] = b->next;
    cache->bytes -= block_of(k);
    cpu->free(cpu, b, block_of(k));
  }
}

/* room for a block of class k: what the program does now is likelier wanted again than what it did before */
static int make_room (tl_Cache *cache, int k, size_t block, size_t most) {
  for (int other = CLASSES - 1; other > LINEAR && cache->bytes + block > most; other--)
    if (other != k && cache->free[other]) drop_class(cache, other);
  return cache->bytes + block <= most;
}

static void give_back (void *p, size_t block) {
  tl_Context *c = tl_here;
  tl_Device *cpu = tl_cpu();
  size_t size, most;
  int k = class_of(block, &size);
  poison(p, block);
  if (c && !c->cache) c->cache = calloc(1, sizeof *c->cache);
  most = c ? c->bytes + ((size_t)32 << 20) : 0;          /* keep no more than is alive, and some small change */
  if (!c || !c->cache || (c->cache->bytes + block > most && !make_room(c->cache, k, block, most))) {
    cpu->free(cpu, p, block);
    return;
  }
  Block *b = p;
  b->next = c->cache->free[k];
  c->cache->free[k] = b;
  c->cache->bytes += block;
}

void tl_cache_flush (tl_Context *c) {
  for (int k = 0; c->cache && k < CLASSES; k++) drop_class(c->cache, k);
}

void tl_cache_close (tl_Context *c) {
  tl_cache_flush(c);
  free(c->cache);
  c->cache = NULL;
}

size_t tl_cache_bytes (tl_Context *c) { return c->cache ? c->cache->bytes : 0; }

/* the gate: 1 when `bytes` more may be allocated */
static int admit (tl_Context *c, size_t bytes) {
  if (!c || !c->limit || c->bytes + bytes <= c->limit) return 1;
  if (c->collect) c->collect(c->owner);
  return c->bytes + bytes <= c->limit;
}

static void count (tl_Context *c, tl_Storage *s) {
  s->account = c;
  if (!c) return;
  c->bytes += s->bytes;
  if (s->bytes > c->largest) c->largest = s->bytes;
  if (c->bytes > c->peak) c->peak = c->bytes;
}

static void *no_memory (tl_Device *d, size_t bytes) {
  tl_Context *c = tl_here;
  tl_DeviceMemory m;
  int state;
  if (c && c->limit && c->bytes + bytes > c->limit)
    return tl_fail("not enough memory: tried to allocate %zu bytes, %zu of at most %zu are in use", bytes, c->bytes,
                   c->limit);
  state = d->memory ? d->memory(d, &m) : TL_CANT;
  if (state == TL_BROKEN) return tl_fail("device %s: %s", d->name, d->why(d));       /* not a matter of memory */
  if (state == TL_DONE) {
    double mib = 1048576;
    return tl_fail("CUDA out of memory. Tried to allocate %.2f MiB. %s has a total capacity of %.2f MiB of which %.2f MiB "
                   "is free. %.2f MiB is allocated by tensors, %.2f MiB is reserved, and the largest block that is kept "
                   "free has %.2f MiB. A smaller batch, torch.no_grad() where nothing is trained, or "
                   "torch.cuda.empty_cache() where blocks are kept in pieces would help", (double)bytes / mib, d->name,
                   (double)m.total / mib, (double)m.free / mib, (double)m.allocated / mib, (double)m.reserved / mib,
                   (double)m.largest / mib);
  }
  return tl_fail("not enough memory: tried to allocate %zu bytes, %zu are in use", bytes, c ? c->bytes : 0);
}

/*
** Tries again after everything that can be freed was: the cache of host blocks goes back, the owner
** collects what nobody reaches (twice: finalizers let go of more), and a device gives up what it keeps unused.
*/
static void *insist (tl_Device *d, size_t bytes, size_t *block) {
  tl_Context *c = tl_here;
  if (TL_UNLIKELY(bytes >> 48)) return NULL;             /* more than a machine can address: no class of blocks has it */
  for (int tries = 0; tries < 3; tries++) {
    void *p;
    if (d->kind == 1) p = take(bytes, block);
    else { *block = bytes; p = tl_may_allocate() ? d->alloc(d, bytes) : NULL; }
    if (TL_LIKELY(p != NULL)) return p;
    if (!c) break;
    tl_cache_flush(c);
    if (tries == 0 && c->collect) c->collect(c->owner);
    if (tries == 1 && d->trim && !c->plan) d->trim(d);
  }
  return NULL;
}

static void start (tl_Storage *s, tl_Device *d, size_t bytes) {
  s->refs = 1;
  s->version = 0;
  s->device = d;
  s->bytes = bytes;
  s->block = 0;
  s->data = NULL;
  s->drop = NULL;
  s->owner = NULL;
  s->born = 0;
}

tl_Storage *tl_storage_new (tl_Device *d, size_t bytes) {
  tl_Context *c = tl_here;
  size_t block = 0, head;
  tl_Storage *s;
  if (TL_UNLIKELY(!admit(c, bytes))) return no_memory(d, bytes);
  if (d->kind == 1 && bytes <= INLINE) {
    s = insist(d, HEADER + bytes, &block);
    if (!s) return no_memory(d, bytes);
    start(s, d, bytes);
    s->block = block;
    s->data = (char *)s + HEADER;
    count(c, s);
    if (TL_UNLIKELY(c && c->plan)) tl_plan_born(c->plan, s);
    return s;
  }
  s = insist(tl_cpu(), HEADER, &head);
  if (!s) return no_memory(tl_cpu(), HEADER);
  start(s, d, bytes);
  if (bytes) {
    if (c && c->plan) {
      block = bytes;
      if (d->kind == 1) class_of(bytes, &block);
      s->data = tl_plan_block(c->plan, d, block);
    }
    if (!s->data) s->data = insist(d, bytes, &block);
    if (!s->data) { give_back(s, HEADER); return no_memory(d, bytes); }
    s->block = block;
  }
  count(c, s);
  if (TL_UNLIKELY(c && c->plan)) tl_plan_born(c->plan, s);
  return s;
}

tl_Storage *tl_storage_wrap (tl_Device *d, void *data, size_t bytes, void (*drop)(void *, void *), void *owner) {
  size_t head;
  tl_Storage *s = insist(tl_cpu(), HEADER, &head);
  if (!s) return no_memory(tl_cpu(), HEADER);
  start(s, d, bytes);
  s->data = data;
  s->drop = drop;
  s->owner = owner;
  s->account = NULL;
  return s;
}

/* host memory that a device reads and writes by itself: owner is a Pinned */
typedef struct Pinned { tl_Device *device; size_t bytes; } Pinned;

static void unpin (void *owner, void *data) {
  Pinned *p = owner;
  p->device->unpin(p->device, data, p->bytes);
  free(p);
}

tl_Storage *tl_storage_pinned (tl_Device *d, size_t bytes) {
  Pinned *p;
  tl_Storage *s;
  void *data;
  if (!d->pin) return tl_fail("device %s has no pinned memory", d->name);
  p = tl_malloc(sizeof *p);
  if (!p) return NULL;
  *p = (Pinned){ d, bytes };
  data = d->pin(d, bytes);
  if (!data) { free(p); return tl_fail("not enough memory that can be pinned: tried to allocate %zu bytes", bytes); }
  s = tl_storage_wrap(tl_cpu(), data, bytes, unpin, p);
  if (!s) { unpin(p, data); return NULL; }
  count(tl_here, s);                                     /* it is the collector's business, unlike memory of a host */
  return s;
}

int tl_storage_is_pinned (const tl_Storage *s) { return s->drop == unpin; }

void tl_storage_retain (tl_Storage *s) { __atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED); }

static void destroy (tl_Storage *s) {
  tl_Context *c = tl_here;
  int small = s->data == (char *)s + HEADER;
  if (s->account && s->account == c) c->bytes -= s->bytes;     /* a state settles accounts with itself only */
  if (TL_UNLIKELY(s->born && c && c->plan) && tl_plan_take_block(c->plan, s)) {
    if (!small) give_back(s, HEADER);
    return;
  }
  if (small) { give_back(s, s->block); return; }
  if (s->block) {
    if (s->device->kind == 1) give_back(s->data, s->block);
    else s->device->free(s->device, s->data, s->block);
  }
  else if (s->drop) s->drop(s->owner, s->data);
  give_back(s, HEADER);
}

void tl_storage_release (tl_Storage *s) {
  if (!s) return;
  /* the last owner needs no atomic subtraction: nobody else can be counting */
  if (__atomic_load_n(&s->refs, __ATOMIC_ACQUIRE) == 1 || __atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) == 1)
    destroy(s);
}
