/*
** cpu.c -- the CPU as a device: memory, the choice of the SIMD level, and one switch over the verbs.
*/
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/blas.h"
#include "cpu/cpu.h"

#define ALIGNMENT  64
#define HUGE_PAGE  ((size_t)2 << 20)       /* from here on huge pages: a first touch of 4 KiB costs 1-2 us */

int tl_cpu_level = 2;
const tl_KernelRow *tl_cpu_kernels = tl_kernels_v2;
const tl_ConvertRow *tl_cpu_converts = tl_converts_v2;

const uint8_t tl_cpu_width[TL_NDTYPE] = {
#define DTYPE(s, name, type, compute)  sizeof(type),
#include "device/dtypes.def"
#undef DTYPE
};

/* ---- memory ---- */

static void *cpu_alloc (tl_Device *d, size_t bytes) {
  void *p;
  (void)d;
  if (bytes >= HUGE_PAGE) {
    if (posix_memalign(&p, HUGE_PAGE, bytes)) return NULL;
    madvise(p, bytes & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
    return p;
  }
  return posix_memalign(&p, ALIGNMENT, bytes ? bytes : 1) ? NULL : p;
}

static void cpu_free (tl_Device *d, void *p, size_t bytes) {
  (void)d;
  (void)bytes;
  free(p);
}

static int cpu_move (tl_Device *d, void *to, const void *from, size_t bytes, int direction, tl_Env *env) {
  (void)d;
  (void)env;
  (void)direction;
  memmove(to, from, bytes);
  return TL_DONE;
}

static int cpu_sync (tl_Device *d, tl_Env *env) {
  (void)d;
  (void)env;
  return TL_DONE;
}

static const char *cpu_why (tl_Device *d) {
  (void)d;
  return "a command that this device does not know";
}

/* ---- commands ---- */

#define SMALL 8192             /* points that a PLAIN command may have to skip every other thought */

static int cpu_run (tl_Device *d, const tl_Cmd *c, tl_Env *env) {
  (void)d;
  switch (c->verb) {
    case TL_MAP:
      if (c->flags & TL_CMD_PLAIN && c->size[0] <= SMALL && c->dtype <= TL_f64) {
        const void *in[TL_MAXARG - 1];
        for (int k = 1; k < c->narg; k++)            /* an absent one is not read, but never a pointer to nowhere */
          in[k - 1] = c->arg[k].flags ? c->arg[1].data : c->arg[k].data;
        tl_cpu_kernels[c->op][c->dtype](c->size[0], c->arg[0].data, in, c->p, 0);
        return TL_DONE;
      }
      return tl_cpu_map(c, env);
    case TL_COPY: return tl_cpu_copy(c, env);
    case TL_FILL: return tl_cpu_fill(c, env);
    case TL_REDUCE: return tl_cpu_reduce(c, env);
    case TL_SCAN: return tl_cpu_scan(c, env);
    case TL_GEMM: return tl_cpu_gemm(c, env);
    case TL_GATHER: return tl_cpu_gather(c, env);
    case TL_SCATTER: return tl_cpu_scatter(c, env);
    case TL_OFFSET: return tl_cpu_offset(c, env);
    case TL_NONZERO: return tl_cpu_nonzero(c, env);
    case TL_RANGE: return tl_cpu_range(c, env);
    case TL_RANDOM: return tl_cpu_random(c, env);
    case TL_SOFTMAX: return tl_cpu_softmax(c, env);
    case TL_NLL: return tl_cpu_nll(c, env);
    case TL_STEP: return tl_cpu_step(c, env);
    case TL_MUST:
      if (*(const uint8_t *)c->arg[0].data) return TL_DONE;
      env->fault = (tl_Fault){ .what = (const char *)(uintptr_t)c->p[0].u };
      return TL_BADVALUE;
    case TL_HOST: return c->more->call(c);
    default: return TL_CANT;
  }
}

/* ---- the level ---- */

#if defined(__x86_64__)
#if defined(__clang__)         /* it does not know these names; no CPU has the other features without them */
#define HAS_F16C_LZCNT  1
#else
#define HAS_F16C_LZCNT  (__builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt"))
#endif

static int best_level (void) {
  __builtin_cpu_init();
  if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
        __builtin_cpu_supports("fma") && HAS_F16C_LZCNT)) return 2;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") ? 4 : 3;
}

/* TLUA_SIMD may lower the level; one that the machine lacks is not taken */
static void choose_level (void) {
  const char *said = getenv("TLUA_SIMD");
  int best = best_level();
  tl_cpu_level = best;
  if (said && said[0] == 'v' && said[1] >= '2' && said[1] <= '4' && said[1] - '0' < best) tl_cpu_level = said[1] - '0';
  tl_cpu_kernels = TL_PICK(tl_kernels);
  tl_cpu_converts = TL_PICK(tl_converts);
}
#else
static void choose_level (void) { }
#endif

/* ---- the device ---- */

static tl_Device cpu = {
  .name = "cpu", .kind = 1,
  .alloc = cpu_alloc, .free = cpu_free, .move = cpu_move, .run = cpu_run, .sync = cpu_sync, .why = cpu_why
};
static pthread_once_t once = PTHREAD_ONCE_INIT;

/*
** OpenBLAS starts threads when it is loaded, and for a tenth of a second they spin beside whatever runs.
** This ends them, as its own handler does before a fork; a host that asks for threads again gets them.
*/
extern int blas_thread_shutdown_ (void) __attribute__((weak));

static void start (void) {
  choose_level();
  tl_blas_start();
  if (blas_thread_shutdown_) blas_thread_shutdown_();
}

tl_Device *tl_cpu (void) {
  pthread_once(&once, start);
  return &cpu;
}
