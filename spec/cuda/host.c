/*
** host.c -- the plugin's host side, asked directly through its one symbol: host PLUGIN TEST.
** Says nothing and gives 0, or tells what was wrong and gives 1.  The environment chooses the simulator's mood
** (cuda/sim/sim.h) and the allocator's; host_spec.lua sets it.
*/
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

const char *const texts[TL_NCODE + 1] = {
#define UNARY(name, rule, stamp, keeps, args, y, x, doc)          #y, #x,
#define BINARY(name, rule, stamp, keeps, args, y, a, b, doc)      #y, #a, #b,
#define TERNARY(name, rule, stamp, keeps, args, y, a, b, c, doc)  #y, #a, #b, #c,
#define TEST1(name, rule, stamp, args, y, doc)  #y,
#define TEST2(name, rule, stamp, args, y, doc)  #y,
#define INT1(name, rule, stamp, args, y, doc)   #y,
#define INT2(name, rule, stamp, args, y, doc)   #y,
#include "device/pointwise.def"
#include "device/undef.h"
};

tl_DeviceOpen open_device;
tl_Device *d;
tl_Env env;
static volatile int stop;

void need (int ok, const char *what, int line) {
  if (ok) return;
  printf("line %d: %s (%s)\n", line, what, d ? d->why(d) : "");
  exit(1);
}

tl_Device *device (int index) {
  const char *why = NULL;
  tl_Device *g = open_device(TL_ABI, texts, index, &why);
  if (!g) printf("%s\n", why);
  NEED(g);
  return g;
}

tl_DeviceMemory figures (void) {
  tl_DeviceMemory m;
  NEED(d->memory(d, &m) == TL_DONE);
  return m;
}

/* ---- commands ---- */

static tl_Cmd command (uint8_t verb, uint16_t op, uint8_t narg, int64_t n) {
  return (tl_Cmd){ .verb = verb, .op = op, .dtype = TL_f32, .out = TL_f32, .narg = narg, .nout = 1, .ndim = 1,
                   .keep = 1, .size = { n } };
}

int fill (float *to, int64_t n, float v) {
  tl_Cmd c = command(TL_FILL, 0, 1, n);
  c.arg[0] = (tl_Arg){ .data = to, .dtype = TL_f32, .via = TL_f32, .stride = { 4 } };
  c.p[0].f = (double)v;
  return d->run(d, &c, &env);
}

/* to = a * b, or a times a number where b is NULL */
int times (float *to, const float *a, const float *b, int64_t n, double number) {
  tl_Cmd c = command(TL_MAP, TL_mul, 3, n);
  for (int k = 0; k < 3; k++) c.arg[k] = (tl_Arg){ .dtype = TL_f32, .via = TL_f32, .stride = { 4 } };
  c.arg[0].data = to;
  c.arg[1].data = (void *)(uintptr_t)a;
  if (b) c.arg[2].data = (void *)(uintptr_t)b;
  else c.arg[2] = (tl_Arg){ .num = { .f = number }, .dtype = TL_f64, .via = TL_f32, .flags = TL_ARG_NUMBER };
  return d->run(d, &c, &env);
}

float first (const float *at) {
  float v = 0;
  NEED(d->move(d, &v, at, sizeof v, TL_MOVE_OUT, NULL) == TL_DONE);
  return v;
}

/* ---- the tests ---- */

static void refuse (const char *words, uint32_t abi, const char *const *formulas, int index) {
  const char *why = "";
  tl_Device *g = open_device(abi, formulas, index, &why);
  if (g || !strstr(why, words)) printf("'%s' was said where '%s' is wanted\n", g ? "yes" : why, words);
  NEED(!g && strstr(why, words));
}

static void test_doors (void) {
  const char *other[TL_NCODE + 1];
  memcpy(other, texts, sizeof other);
  other[3] = "a / b";
  refuse("speaks device interface", TL_ABI + 1, texts, 0);
  refuse("its formula 3 is", TL_ABI, other, 0);
  other[3] = NULL;
  refuse("'missing'", TL_ABI, other, 0);
  refuse("there is no such card: this machine has", TL_ABI, texts, 63);
  d = device(0);
  NEED(device(0) == d);
  tl_DeviceFacts f;
  NEED(d->facts(d, &f) == TL_DONE && f.cards >= 1 && f.memory > 0 && f.warp == 32);
  NEED(f.simulated == (strcmp(getenv("TLUA_CUDA_SIM"), "1") == 0));
  NEED(d->kind == 2 && d->index == 0 && strcmp(d->name, "cuda:0") == 0 && d->generator == TL_GENERATOR_PHILOX);
}

static void test_refused (void) {            /* the environment says why; the words go out */
  const char *why = "";
  NEED(!open_device(TL_ABI, texts, 0, &why));
  printf("%s\n", why);
}

/* to[i] = from[index[i]], counted from 0, of a table of `rows` */
static int gather (float *to, const float *from, const int64_t *index, int64_t n, int64_t rows) {
  tl_Cmd c = command(TL_GATHER, 0, 3, n);
  c.arg[0] = (tl_Arg){ .data = to, .dtype = TL_f32, .via = TL_f32, .stride = { 4 } };
  c.arg[1] = (tl_Arg){ .data = (void *)(uintptr_t)from, .dtype = TL_f32, .via = TL_f32, .stride = { 0 } };
  c.arg[2] = (tl_Arg){ .data = (void *)(uintptr_t)index, .dtype = TL_i64, .via = TL_i64, .stride = { 8 } };
  c.p[TL_INDEX_SIZE].i = rows;
  c.p[TL_INDEX_STEP].i = 4;
  return d->run(d, &c, &env);
}

/* a block that another stream still works on is not handed out again; order between streams by events */
static void test_streams (void) {
  enum { N = 1000 };
  void *side = d->stream_new(d, 0), *urgent = d->stream_new(d, -1), *mark = d->event_new(d, 0);
  float *a = d->alloc(d, N * sizeof *a), *b = d->alloc(d, N * sizeof *b), *c;
  double ms = -1;
  NEED(side && urgent && mark && side != urgent && d->stream(d) == NULL);
  NEED(fill(a, N, 2) == TL_DONE);
  NEED(d->event_record(d, mark, NULL) == TL_DONE && d->event_wait(d, mark, side) == TL_DONE);
  d->stream_set(d, side);
  NEED(d->stream(d) == side);
  NEED(times(b, a, NULL, N, 5) == TL_DONE);
  NEED(d->stream_use(d, side, a) == TL_DONE && d->stream_use(d, side, b) == TL_DONE);
  d->stream_set(d, NULL);
  d->free(d, a, N * sizeof *a);
  c = d->alloc(d, N * sizeof *c);
  NEED(c && fill(c, N, 100) == TL_DONE);                 /* before the side stream ran, if it runs late */
  NEED(d->stream_sync(d, side, &env) == TL_DONE && d->stream_idle(d, side) == 1);
  NEED(first(b) == 10 && first(c) == 100);
  NEED(d->alloc(d, N * sizeof *a) != NULL);
  NEED(d->sync(d, &env) == TL_DONE);
  void *t0 = d->event_new(d, 1), *t1 = d->event_new(d, 1);
  NEED(d->event_done(d, t0) == 1);                       /* never recorded: nothing to wait for */
  NEED(d->event_between(d, t0, t1, &ms) == TL_BROKEN && strstr(d->why(d), "recorded"));
  NEED(d->event_record(d, t0, NULL) == TL_DONE && fill(c, N, 1) == TL_DONE && d->event_record(d, t1, NULL) == TL_DONE);
  NEED(d->event_sync(d, t1, &env) == TL_DONE && d->event_done(d, t1) == 1);
  NEED(d->event_between(d, t0, t1, &ms) == TL_DONE && ms >= 0);
  d->event_free(d, t0);
  d->event_free(d, t1);
  d->event_free(d, mark);
  d->stream_free(d, side);
  NEED(d->stream_new(d, 0) == side);                     /* handed out again */
  for (int i = 0; i < 200; i++) NEED(d->stream_new(d, i % 3 - 1) != NULL);
  d->free(d, b, N * sizeof *b);
  d->free(d, c, N * sizeof *c);
}

static void test_plans (void) {
  enum { N = 3000 };
  float *x = d->alloc(d, N * sizeof *x), *y = d->alloc(d, N * sizeof *y), *z = d->alloc(d, N * sizeof *z), *late;
  void *plan, *side, *mark;
  uint64_t before;
  NEED(fill(x, N, 1) == TL_DONE && fill(y, N, 0) == TL_DONE && fill(z, N, 1) == TL_DONE);
  NEED(d->plan_begin(d) == TL_DONE);
  NEED(d->plan_begin(d) != TL_DONE);                     /* one at a time */
  NEED(times(y, x, NULL, N, 2) == TL_DONE && times(x, y, NULL, N, 1) == TL_DONE);
  late = d->alloc(d, 30 * MIB);                          /* memory may be had inside, from the driver too */
  NEED(late && fill(late, 10, 7) == TL_DONE && times(z, x, late, 10, 0) == TL_DONE);
  NEED(d->trim(d) != TL_DONE);
  plan = d->plan_end(d);
  NEED(plan);
  NEED(first(x) == 1);                                   /* only noted down */
  before = d->waits(d);
  for (int i = 0; i < 5; i++) NEED(d->plan_run(d, plan, &env) == TL_DONE);
  NEED(d->waits(d) == before);
  NEED(first(x) == 32 && first(y) == 32 && first(z) == 32 * 7);
  side = d->stream_new(d, 0);
  d->stream_set(d, side);
  NEED(d->plan_run(d, plan, &env) == TL_DONE);           /* elsewhere: after and before what its own stream does */
  d->stream_set(d, NULL);
  NEED(times(x, x, NULL, N, 3) == TL_DONE && first(x) == 192);
  d->plan_free(d, plan);

  NEED(d->plan_begin(d) == TL_DONE && times(y, x, NULL, N, 2) == TL_DONE);
  NEED(d->sync(d, &env) == TL_BROKEN && strstr(d->why(d), "captured"));        /* ends and drops it */
  NEED(times(y, x, NULL, N, 2) == TL_BROKEN && strstr(d->why(d), "given up"));
  NEED(!d->plan_end(d) && strstr(d->why(d), "given up"));
  NEED(d->plan_begin(d) == TL_DONE && d->move(d, &before, x, 8, TL_MOVE_OUT, NULL) == TL_BROKEN && !d->plan_end(d));
  NEED(times(y, x, NULL, N, 2) == TL_DONE && first(y) == 384);

  float v = 5;                                           /* a move inwards happens at once */
  NEED(d->plan_begin(d) == TL_DONE && d->move(d, x, &v, sizeof v, TL_MOVE_IN, NULL) == TL_DONE);
  NEED(times(y, x, NULL, N, 2) == TL_DONE);
  d->stream_set(d, side);
  NEED(times(y, x, NULL, N, 2) == TL_BROKEN);            /* a stream outside of the capture */
  NEED(!d->plan_end(d) && d->stream(d) == NULL && first(x) == 5);

  mark = d->event_new(d, 0);                             /* a second branch, joined at the end */
  NEED(d->plan_begin(d) == TL_DONE && times(y, x, NULL, N, 2) == TL_DONE);
  void *main = d->stream(d);
  NEED(d->event_record(d, mark, main) == TL_DONE && d->event_wait(d, mark, side) == TL_DONE);
  NEED(d->event_done(d, mark) == -1);
  d->stream_set(d, side);
  NEED(times(z, y, NULL, N, 3) == TL_DONE && d->event_record(d, mark, side) == TL_DONE);
  d->stream_set(d, main);
  NEED(d->event_wait(d, mark, main) == TL_DONE && times(z, z, NULL, N, 2) == TL_DONE);
  plan = d->plan_end(d);
  NEED(plan && d->plan_run(d, plan, &env) == TL_DONE && first(z) == 60);
  d->plan_free(d, plan);
  d->event_free(d, mark);
  NEED(d->plan_begin(d) == TL_DONE);                     /* an empty one */
  plan = d->plan_end(d);
  NEED(plan && d->plan_run(d, plan, &env) == TL_DONE && d->sync(d, &env) == TL_DONE);
  d->plan_free(d, plan);
}

/* a bad index is told by the next wait, once, with what was at work; the device goes on */
static void test_faults (void) {
  int64_t at[3] = { 0, 12, 77 }, *index = d->alloc(d, sizeof at);
  float *table = d->alloc(d, 40), *to = d->alloc(d, 12), v;
  int reason;
  NEED(fill(table, 10, 4) == TL_DONE && d->move(d, index, at, sizeof at, TL_MOVE_IN, NULL) == TL_DONE);
  env.what = "embedding";
  reason = gather(to, table, index, 3, 10);
  env.what = NULL;
  if (!reason) reason = d->sync(d, &env);
  NEED(reason == TL_BADINDEX && env.fault.what && strcmp(env.fault.what, "embedding") == 0);
  NEED((env.fault.value == 12 || env.fault.value == 77) && env.fault.size == 10);
  NEED(d->sync(d, &env) == TL_DONE);
  reason = gather(to, table, index, 3, 10);
  if (!reason) reason = d->move(d, &v, to, 4, TL_MOVE_OUT, NULL);
  NEED(reason == TL_BADINDEX);
  at[1] = at[2] = 1;
  NEED(d->move(d, index, at, sizeof at, TL_MOVE_IN, NULL) == TL_DONE && gather(to, table, index, 3, 10) == TL_DONE);
  NEED(first(to) == 4);
}

/* a context that is lost says so, with the first cause, to every call; what is freed is freed in silence */
static void test_sticky (void) {
  float *x = d->alloc(d, 4000), v;
  void *pinned = d->pin(d, 4000), *mark = d->event_new(d, 0);
  int reason = TL_DONE;
  tl_DeviceMemory m;
  for (int i = 0; i < 50 && !reason; i++) {
    reason = fill(x, 1000, 1);
    if (!reason) reason = d->sync(d, &env);
  }
  NEED(reason == TL_BROKEN && strstr(d->why(d), "CUDA error"));
  char cause[700];
  snprintf(cause, sizeof cause, "%s", d->why(d));
  printf("%s\n", cause);
  NEED(fill(x, 1000, 1) == TL_BROKEN && d->sync(d, &env) == TL_BROKEN && d->plan_begin(d) == TL_BROKEN);
  NEED(d->move(d, &v, x, 4, TL_MOVE_OUT, NULL) == TL_BROKEN && d->trim(d) == TL_BROKEN);
  NEED(!d->alloc(d, 4) && !d->stream_new(d, 0) && !d->pin(d, 4));
  NEED(d->event_record(d, mark, NULL) == TL_BROKEN && d->memory(d, &m) == TL_BROKEN);
  d->free(d, x, 4000);
  d->unpin(d, pinned, 4000);
  d->event_free(d, mark);
  NEED(strcmp(cause, d->why(d)) == 0);
}

/* several states: each thread with its own stream, plans and memory, all on one card */
static void *one_thread (void *number) {
  enum { N = 500 };
  tl_Env mine = { .stop = &stop, .threads = 1 };
  (void)mine;
  float base = (float)(intptr_t)number, *x = d->alloc(d, N * sizeof *x), *y = d->alloc(d, N * sizeof *y);
  d->stream_set(d, d->stream_new(d, 0));
  float *own = d->alloc(d, N * sizeof *own);
  for (int i = 0; i < 40; i++) {
    void *plan;
    NEED(fill(own, N, base) == TL_DONE);
    NEED(d->plan_begin(d) == TL_DONE);
    NEED(times(own, own, NULL, N, 2) == TL_DONE);
    plan = d->plan_end(d);
    NEED(plan && d->plan_run(d, plan, &env) == TL_DONE && d->plan_run(d, plan, &env) == TL_DONE);
    NEED(first(own) == 4 * base);
    d->plan_free(d, plan);
    d->free(d, own, N * sizeof *own);
    own = d->alloc(d, N * sizeof *own);
  }
  d->free(d, own, N * sizeof *own);
  d->free(d, x, N * sizeof *x);
  d->free(d, y, N * sizeof *y);
  return NULL;
}

static void test_threads (void) {
  pthread_t t[4];
  for (int i = 0; i < 4; i++) NEED(pthread_create(&t[i], NULL, one_thread, (void *)(intptr_t)(i + 1)) == 0);
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  NEED(d->sync(d, &env) == TL_DONE && figures().allocated == 0);
}

/* a Lua state that is closed after CUDA: its finalisers find nothing there, and nothing breaks */
static void *kept[3];
static void after_all (void) {
  d->free(d, kept[0], 4000);
  d->unpin(d, kept[1], 4000);
  d->plan_free(d, kept[2]);
  if (d->sync(d, &env) != TL_BROKEN) _Exit(1);
}
static void test_exit (void) {
  atexit(after_all);                         /* before the device: so that it runs after the device's own end */
  d = device(0);
  kept[0] = d->alloc(d, 4000);
  kept[1] = d->pin(d, 4000);
  NEED(d->plan_begin(d) == TL_DONE && fill(kept[0], 1000, 1) == TL_DONE);
  kept[2] = d->plan_end(d);
  NEED(kept[2] && d->plan_run(d, kept[2], &env) == TL_DONE);
}

int main (int argc, char **argv) {
  static const struct { const char *name; void (*test) (void); int open; } tests[] = {
    { "doors", test_doors, 0 }, { "refused", test_refused, 0 }, { "fuzz", test_fuzz, 1 }, { "sizes", test_sizes, 1 },
    { "ladder", test_ladder, 1 }, { "moves", test_moves, 1 }, { "pinned", test_pinned, 1 }, { "plans", test_plans, 1 },
    { "streams", test_streams, 1 }, { "faults", test_faults, 1 }, { "sticky", test_sticky, 1 },
    { "injected", test_injected, 0 }, { "threads", test_threads, 1 }, { "exit", test_exit, 0 }
  };
  void *plugin, *symbol;
  env.stop = &stop;
  env.threads = 1;
  if (argc < 3) return 2;
  plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  symbol = plugin ? dlsym(plugin, "tl_device_open") : NULL;
  if (!symbol) { printf("%s\n", dlerror()); return 2; }
  memcpy(&open_device, &symbol, sizeof symbol);
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
    if (strcmp(argv[2], tests[i].name) == 0) {
      if (tests[i].open) d = device(0);
      tests[i].test();
      return 0;
    }
  printf("no such test: %s\n", argv[2]);
  return 2;
}
