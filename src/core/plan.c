/*
** plan.c -- commands written down and replayed.
**
** Three kinds of memory: storages from outside that a command touches are pinned (retained); blocks of
** storages born and dead inside the writing are kept here and reused here only; storages born inside
** and still alive at the end are pinned then.  So replay finds every address as it was.
** A block is used again by the queue ("stream") that it served, and no other: two branches of a step run side by side.
*/
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/plan.h"
#include "core/rng.h"
#include "core/storage.h"

typedef struct Line { tl_Device *device; tl_Cmd cmd; } Line;
typedef struct Pin { tl_Storage *storage; uint32_t writes; } Pin;
typedef struct Born { tl_Storage *storage; void *queue; } Born;
typedef struct Block { void *data; size_t block; tl_Device *device; void *queue; int busy; } Block;

struct tl_Plan {
  tl_Device *device;
  tl_Context *context;
  void *handle;                          /* the device's own form of the list, or NULL */
  int failed;
  Line *lines;  size_t nlines, clines;
  Pin *pins;  size_t npins, cpins;       /* from outside, and at the end the survivors */
  Born *born;  size_t nborn, cborn;      /* alive and born in this plan; a hole is NULL */
  Block *blocks;  size_t nblocks, cblocks;
  void **more;  size_t nmore, cmore;     /* copies of tl_More */
};

static int grow (tl_Plan *p, void *array, size_t n, size_t *capacity, size_t width) {
  void **a = array;
  if (n < *capacity) return 0;
  size_t more = *capacity ? 2 * *capacity : 32;
  void *grown = tl_realloc(*a, more * width);
  if (!grown) { p->failed = 1; return -1; }
  *a = grown;
  *capacity = more;
  return 0;
}

/*
** The device takes commands down from here on.  Its default generator is made before: a state that is seeded
** inside would lie in a block of the plan's, where a replay may write something else first.
*/
static int start (tl_Plan *p, tl_Device *d) {
  if (!d->plan_begin) return 0;
  p->context->plan = NULL;
  if (d->generator == TL_GENERATOR_PHILOX && !tl_default_generator(d)) return -1;
  if (d->plan_begin(d)) return tl_fault("capture: device %s: %s", d->name, d->why(d));
  p->device = d;
  return 0;
}

tl_Plan *tl_plan_begin (tl_Device *d) {
  tl_Context *c = tl_here;
  tl_Plan *p;
  if (c->plan) return tl_fail("capture: a step is being captured already");
  p = tl_malloc(sizeof *p);
  if (!p) return NULL;
  memset(p, 0, sizeof *p);
  p->device = d;
  p->context = c;
  if (start(p, d)) {
    free(p);
    return NULL;
  }
  return c->plan = p;
}

static void *copy_more (tl_Plan *p, const tl_More *m) {
  size_t args = (size_t)m->nargs * sizeof(tl_Arg), head = (sizeof(tl_More) + 15) & ~(size_t)15;
  tl_More *copy;
  if (grow(p, &p->more, p->nmore, &p->cmore, sizeof *p->more)) return NULL;
  copy = tl_malloc(head + args + (size_t)m->nbytes);
  if (!copy) { p->failed = 1; return NULL; }
  *copy = *m;
  copy->args = memcpy((char *)copy + head, m->args ? (const void *)m->args : "", args);
  copy->bytes = memcpy((char *)copy + head + args, m->bytes ? m->bytes : "", (size_t)m->nbytes);
  p->more[p->nmore++] = copy;
  return copy;
}

int tl_plan_add (tl_Plan *p, tl_Device *d, const tl_Cmd *cmd) {
  Line *l;
  if (p->nlines == 0 && !p->device->plan_begin) {        /* the step is on the device of its first command */
    int failed = start(p, d);
    p->context->plan = p;
    if (failed) return -1;
  }
  if (p->device->plan_begin && d != p->device)
    return tl_fault("capture: a step captured on %s can't run commands on %s", p->device->name, d->name);
  if (grow(p, &p->lines, p->nlines, &p->clines, sizeof *p->lines)) return -1;
  l = &p->lines[p->nlines];
  l->device = d;
  l->cmd = *cmd;
  if (cmd->more && !(l->cmd.more = copy_more(p, cmd->more))) return -1;
  p->nlines++;
  return 0;
}

void tl_plan_pin (tl_Plan *p, tl_Storage *s, int written) {
  if (s->born) return;                   /* its block is ours whatever becomes of it */
  for (size_t i = p->npins; i-- > 0; )
    if (p->pins[i].storage == s) { p->pins[i].writes += written != 0; return; }
  if (grow(p, &p->pins, p->npins, &p->cpins, sizeof *p->pins)) return;
  tl_storage_retain(s);
  p->pins[p->npins].storage = s;
  p->pins[p->npins++].writes = written != 0;
}

static void *queue_of (tl_Device *d) { return d->stream ? d->stream(d) : NULL; }

void tl_plan_born (tl_Plan *p, tl_Storage *s) {
  if (grow(p, &p->born, p->nborn, &p->cborn, sizeof *p->born)) {
    for (size_t i = 0; i < p->nblocks; i++)                /* its own then, also where it was a block of ours */
      if (p->blocks[i].data == s->data) { p->blocks[i] = p->blocks[--p->nblocks]; break; }
    return;
  }
  p->born[p->nborn] = (Born){ s, queue_of(s->device) };
  s->born = (uint32_t)++p->nborn;
}

void tl_plan_share (tl_Plan *p, tl_Storage *s) {
  if (s->born) p->born[s->born - 1].queue = p;             /* which is no queue */
}

void *tl_plan_block (tl_Plan *p, tl_Device *d, size_t block) {
  void *queue = queue_of(d);
  for (size_t i = 0; i < p->nblocks; i++)
    if (!p->blocks[i].busy && p->blocks[i].block == block && p->blocks[i].device == d && p->blocks[i].queue == queue) {
      p->blocks[i].busy = 1;
      return p->blocks[i].data;
    }
  return NULL;
}

int tl_plan_take_block (tl_Plan *p, tl_Storage *s) {
  int small = s->block && s->data == (char *)s + TL_STORAGE_HEAD;                  /* header and data are one block */
  void *queue = p->born[s->born - 1].queue;
  p->born[s->born - 1].storage = NULL;
  for (size_t i = 0; i < p->nblocks; i++)
    if (p->blocks[i].data == s->data) {
      p->blocks[i].busy = 0;
      p->blocks[i].queue = queue;
      return 1;
    }
  if (!s->block || grow(p, &p->blocks, p->nblocks, &p->cblocks, sizeof *p->blocks)) return 0;
  p->blocks[p->nblocks].data = small ? (void *)s : s->data;
  p->blocks[p->nblocks].block = s->block;
  p->blocks[p->nblocks].device = s->device;
  p->blocks[p->nblocks].queue = queue;
  p->blocks[p->nblocks++].busy = small;  /* small ones are kept, not reused: their header would be overwritten */
  return 1;
}

static int replay (tl_Plan *p) {
  tl_Device *d = p->device;
  int reason = d->plan_run(d, p->handle, &p->context->env);
  return reason ? tl_explain(d, reason) : 0;
}

int tl_plan_end (tl_Plan *p, int run) {
  p->context->plan = NULL;
  for (size_t i = 0; i < p->nborn; i++) {
    tl_Storage *s = p->born[i].storage;
    if (!s) continue;
    s->born = 0;
    for (size_t k = 0; k < p->nblocks; k++)                /* a survivor in a block of ours owns it from now on */
      if (p->blocks[k].data == s->data && p->blocks[k].block == s->block) {
        p->blocks[k] = p->blocks[--p->nblocks];
        break;
      }
    tl_plan_pin(p, s, 1);
  }
  free(p->born);
  p->born = NULL;
  p->nborn = p->cborn = 0;
  if (p->failed) tl_fault("capture: not enough memory to write the step down");
  if (!p->device->plan_end) return p->failed ? -1 : 0;
  /* such a device has only noted the commands: with `run` they run now for the first time */
  p->handle = p->device->plan_end(p->device);
  if (!p->handle) tl_fault("capture: device %s: %s", p->device->name, p->device->why(p->device));
  if (p->failed || tl_here->failed) return -1;
  return run ? replay(p) : 0;
}

int tl_plan_run (tl_Plan *p) {
  tl_Context *c = tl_here;
  if (c->plan) return tl_fault("capture: a captured step can't run inside another capture");
  if (p->device->plan_run) {
    if (!p->handle) return tl_fault("capture: this step failed when it was captured");
    if (replay(p)) return -1;
  }
  else
    for (size_t i = 0; i < p->nlines; i++)
      if (tl_run(p->lines[i].device, &p->lines[i].cmd)) return -1;
  for (size_t i = 0; i < p->npins; i++) p->pins[i].storage->version += p->pins[i].writes;
  return 0;
}

size_t tl_plan_count (const tl_Plan *p) { return p->nlines; }
tl_Device *tl_plan_device (const tl_Plan *p) { return p->device; }

void tl_plan_free (tl_Plan *p) {
  if (!p) return;
  if (p->context->plan == p) tl_plan_end(p, 0);
  if (p->handle && p->device->plan_free) p->device->plan_free(p->device, p->handle);
  for (size_t i = 0; i < p->npins; i++) tl_storage_release(p->pins[i].storage);
  for (size_t i = 0; i < p->nblocks; i++) p->blocks[i].device->free(p->blocks[i].device, p->blocks[i].data, p->blocks[i].block);
  for (size_t i = 0; i < p->nmore; i++) free(p->more[i]);
  free(p->lines);
  free(p->pins);
  free(p->blocks);
  free(p->more);
  free(p);
}
