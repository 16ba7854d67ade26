/*
** plugin.c -- the plugin's door: whether a card can be had, the device that stands for it, and commands on their way
** to the kernels.
*/
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "gpu.h"

#define EXPORT  __attribute__((visibility("default")))

int cu_over;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;       /* guards the cards while they are opened */
static cu_Gpu *cards[CU_CARDS];

/* the text of every code, as this plugin's kernels were compiled from it */
static const char *const texts[TL_NCODE + 1] = {
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

cu_Gpu *cu_card (int index) { return __atomic_load_n(&cards[index], __ATOMIC_ACQUIRE); }

/* ---- commands ---- */

static int dispatch (const tl_Cmd *c, cu_Work *w) {
  switch (c->verb) {
    case TL_MAP: return cu_map(c, w);
    case TL_COPY: return cu_copy(c, w);
    case TL_FILL: return cu_fill(c, w);
    case TL_REDUCE: return cu_reduce(c, w);
    case TL_SCAN: return cu_scan(c, w);
    case TL_GEMM: return cu_gemm(c, w);
    case TL_GATHER: return cu_gather(c, w);
    case TL_SCATTER: return cu_scatter(c, w);
    case TL_OFFSET: return cu_offset(c, w);
    case TL_NONZERO: return cu_nonzero(c, w);
    case TL_RANGE: return cu_range(c, w);
    case TL_RANDOM: return cu_random(c, w);
    case TL_SOFTMAX: return cu_softmax(c, w);
    case TL_NLL: return cu_nll(c, w);
    case TL_STEP: return cu_step(c, w);
    case TL_MUST: return cu_must(c, w);
    default: return TL_CANT;                 /* TL_HOST calls libraries on host memory */
  }
}

/* for spotting an error where it arises: the command is done before the next one is queued */
static int finish (cu_Gpu *g, cu_Stream *s, tl_Env *env) {
  int reason = cu_wait(g, s);
  return reason ? reason : cu_told(g, env);
}

static int run (tl_Device *d, const tl_Cmd *c, tl_Env *env) {
  cu_Gpu *g = cu_gpu(d);
  cu_Stream *s = cu_current(g);
  cu_Work w;
  int reason;
  if (__builtin_expect(cu_is_broken(g), 0)) return TL_BROKEN;
  cu_enter(g);
  if (__builtin_expect(cu_thread.plan != NULL, 0) && (reason = cu_plan_fits(g, s)) != TL_DONE) return reason;
  w.gpu = g;
  w.stream = s->queue;
  w.fault = g->fault_there;
  w.what = (uint64_t)(uintptr_t)env->what;
  w.env = env;
  w.processors = g->facts.processors;
  w.threads = g->facts.threads;
  w.major = g->facts.major;
  w.minor = g->facts.minor;
  w.shared = g->shared;
  w.arguments = g->facts.major >= 7 && g->facts.driver >= 12010 && CUDART_VERSION >= 12010 ? 32764 : 4096;
  w.ticket = s->ticket + (s->plan != NULL);
  w.scratch = NULL;
  reason = dispatch(c, &w);
  cu_touch(s);
  cu_scratch_done(&w);
  if (__builtin_expect(reason != TL_DONE, 0)) return reason == TL_CANT ? reason : cu_plan_drop(g, reason);
  return g->blocking && !s->plan ? finish(g, s, env) : TL_DONE;
}

/* ---- the device ---- */

static int facts (tl_Device *d, tl_DeviceFacts *out) {
  const char *products = cu_blas_why();
  *out = cu_gpu(d)->facts;
  snprintf(out->products, sizeof out->products, "%s", products ? products : "");
  return TL_DONE;
}

static void *pin (tl_Device *d, size_t bytes) {
  if (cu_is_broken(cu_gpu(d))) return NULL;
  cu_enter(cu_gpu(d));
  return cu_pin(bytes);
}

static void unpin (tl_Device *d, void *at, size_t bytes) {
  (void)d;
  (void)bytes;
  cu_unpin(at);
}

static void *refuse (const char **why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void *refuse (const char **why, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(cu_thread.why, sizeof cu_thread.why, format, list);
  va_end(list);
  *why = cu_thread.why;
  return NULL;
}

/* CUDA writes 12.4 as 12040 */
static void *refuse_driver (const char **why, cudaError_t e) {
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  cudaGetLastError();
  if (e == cudaErrorStubLibrary)
    return refuse(why, "libcuda.so.1 is the toolkit's stub library here, which only serves to link: the NVIDIA "
                  "driver's must be found first");
  if (driver == 0) return refuse(why, "there is no NVIDIA driver on this machine (libcuda.so.1 was not found)");
  if (e == cudaErrorInsufficientDriver)
    return refuse(why, "the NVIDIA driver is too old: it is for CUDA %d.%d, and this plugin needs %d.%d or later",
                  driver / 1000, driver % 1000 / 10, runtime / 1000, 0);     /* any driver of the same major will do */
  if (e == cudaErrorNoDevice) return refuse(why, "the NVIDIA driver is there, but it sees no card");
  return refuse(why, "CUDA can't be used: %s (%s, %d)", cudaGetErrorString(e), cudaGetErrorName(e), (int)e);
}

static void *check_tables (uint32_t abi, const char *const *formulas, const char **why) {
  if (abi != TL_ABI)
    return refuse(why, "the plugin is from another build of tlua: it speaks device interface %#x and this tlua %#x",
                  (unsigned)TL_ABI, (unsigned)abi);
  for (int k = 0; k < TL_NCODE; k++) {
    const char *said = formulas[k];
    if (!said || strcmp(said, texts[k]) != 0)
      return refuse(why, "the plugin is from another build of tlua: its formula %d is '%s' and this tlua's '%s'", k,
                    texts[k], said ? said : "missing");
  }
  if (formulas[TL_NCODE])
    return refuse(why, "the plugin is from another build of tlua: it has %d formulas and this tlua has more",
                  (int)TL_NCODE);
  *why = NULL;
  return cards;
}

static int on (const char *name) {
  const char *said = getenv(name);
  return said && strcmp(said, "1") == 0;
}

/* what card `index` is, which makes no context; NULL and words, or facts and properties */
static void *look (tl_DeviceFacts *f, struct cudaDeviceProp *p, int index, const char **why) {
  int n = 0;
  cudaError_t e = cudaGetDeviceCount(&n);
  if (e != cudaSuccess) return refuse_driver(why, e);
  if (index < 0 || index >= n || index >= CU_CARDS)
    return refuse(why, "there is no such card: this machine has %d, cuda:0 to cuda:%d", n, n - 1);
  e = cudaGetDeviceProperties(p, index);
  if (e != cudaSuccess) return refuse_driver(why, e);
  snprintf(f->name, sizeof f->name, "%s", p->name);
  f->memory = p->totalGlobalMem;
  f->major = p->major;
  f->minor = p->minor;
  f->processors = p->multiProcessorCount;
  f->threads = p->maxThreadsPerMultiProcessor;
  f->warp = p->warpSize;
  f->cache = p->l2CacheSize;
  f->simulated = strncmp(p->name, "Simulated", 9) == 0;
  f->cards = n;
  cudaDriverGetVersion(&f->driver);
  cudaRuntimeGetVersion(&f->runtime);
  if (f->simulated && !on("TLUA_CUDA_SIM"))
    return refuse(why, "the card '%s' is the simulator, for tests only; set TLUA_CUDA_SIM=1", f->name);
  return f;
}

/* the machine: what the driver says, before any card is opened */
static int machine_facts (tl_Device *d, tl_DeviceFacts *out) {
  struct cudaDeviceProp p;
  const char *why;
  (void)d;
  memset(out, 0, sizeof *out);
  return look(out, &p, 0, &why) ? TL_DONE : TL_BROKEN;
}

static tl_Device machine = { .name = "cuda", .kind = 2, .index = -1, .facts = machine_facts };

/* the own stream and the fault word; the first use of the card, which makes its context */
static int start (cu_Gpu *g) {
  unsigned flags = cudaHostAllocMapped | cudaHostAllocPortable;
  void *there = NULL, *word = NULL;
  int reason = cu_fail(g, cudaSetDevice(g->index), "cudaSetDevice");
  if (!reason) reason = cu_memory_start(g);
  if (!reason) reason = cu_fail(g, cudaHostAlloc(&word, sizeof(cu_Fault), flags), "cudaHostAlloc");
  if (reason) return reason;
  memset(word, 0, sizeof(cu_Fault));
  g->fault = word;
  reason = cu_fail(g, cudaHostGetDevicePointer(&there, word, 0), "cudaHostGetDevicePointer");
  g->fault_there = there;
  if (!reason) reason = cu_fail(g, cudaMalloc((void **)&g->tickets, CU_TICKETS * sizeof *g->tickets), "cudaMalloc");
  if (!reason) reason = cu_stream_start(g, &g->stream[0], 0);
  if (!reason) reason = cu_fail(g, cudaMemsetAsync(g->tickets, 0, CU_TICKETS * sizeof *g->tickets, g->stream[0].queue),
                                "cudaMemsetAsync");
  if (!reason) reason = cu_wait(g, &g->stream[0]);       /* other streams find it done */
  g->stream[0].holders = 1;
  g->streams = 1;
  return reason;
}

static void fill (cu_Gpu *g) {
  tl_Device *d = &g->device;
  snprintf(g->name, sizeof g->name, "cuda:%d", g->index);
  d->name = g->name;
  d->kind = 2;
  d->index = g->index;
  d->generator = TL_GENERATOR_PHILOX;
  d->move = cu_move;
  d->run = run;
  d->why = cu_why;
  d->facts = facts;
  d->pin = pin;
  d->unpin = unpin;
  cu_memory_into(d);
  cu_streams_into(d);
  cu_graph_into(d);
}

/* runs before CUDA's own end, which was registered earlier; from here on what is freed is only forgotten */
static void at_end (void) {
  cu_over = 1;
  for (int i = 0; i < CU_CARDS; i++) {
    cu_Gpu *g = cards[i];
    if (!g || g->broken) continue;
    snprintf(g->cause, sizeof g->cause, "the process is ending");
    __atomic_store_n(&g->broken, 1, __ATOMIC_RELEASE);
  }
}

static cu_Gpu *make (int index, const char **why) {
  static int registered;
  static cu_Gpu *given_up;                   /* cards that failed as they were opened: what was begun of them stays */
  cu_Gpu *g = calloc(1, sizeof *g);
  struct cudaDeviceProp p;
  if (!g) return refuse(why, "not enough memory");
  if (!look(&g->facts, &p, index, why)) { free(g); return NULL; }
  g->shared = p.sharedMemPerBlockOptin;
  g->index = index;
  g->blocking = on("CUDA_LAUNCH_BLOCKING") || on("TLUA_LAUNCH_BLOCKING");
  pthread_mutex_init(&g->lock, NULL);
  pthread_mutex_init(&g->replay, NULL);
  pthread_mutex_init(&g->staging, NULL);
  fill(g);
  if (start(g)) {
    *why = cu_is_broken(g) ? g->cause : cu_thread.why;
    g->next = given_up;
    given_up = g;
    return NULL;
  }
  if (!registered) registered = atexit(at_end) == 0;
  return g;
}

EXPORT tl_Device *tl_device_open (uint32_t abi, const char *const *formulas, int index, const char **why);
EXPORT tl_Device *tl_device_open (uint32_t abi, const char *const *formulas, int index, const char **why) {
  cu_Gpu *g;
  if (!check_tables(abi, formulas, why)) return NULL;
  if (index == -1) return &machine;
  pthread_mutex_lock(&lock);
  g = index >= 0 && index < CU_CARDS ? cards[index] : NULL;
  if (!g) {
    g = make(index, why);
    if (g) __atomic_store_n(&cards[index], g, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&lock);
  return g ? &g->device : NULL;
}
