/*
** error.c -- what went wrong, in words.  CUDA tells a kernel's fault by whatever call comes next, and a context that
** took one (an illegal address, a failed assertion) never recovers: the first cause is kept, and every later call
** on the card is answered with it at once.  Other errors concern one call; their words are the thread's own.
*/
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gpu.h"

/* CUDA's numbers */
enum {
  NO_MEMORY = 2, NOT_STARTED = 3, UNLOADING = 4, BAD_IMAGE = 200, NO_IMAGE = 209, BAD_CODE = 218, BAD_PTX = 222,
  CAPTURE_FIRST = 900, CAPTURE_LAST = 908
};

/* 1: the context is lost */
static int lasting (int e) {
  switch (e) {
    case UNLOADING: case 46:                 /* the runtime shuts down; devices unavailable */
    case 214: case 220: case 226:            /* memory or link errors of the hardware */
    case 700: case 702: case 709: case 710:  /* illegal address, timeout, context destroyed, assertion */
    case 714: case 715: case 716: case 717: case 718: case 719: case 721:      /* a kernel that ran astray */
    case 810: case 911:                      /* the sharing server ended this client; another device's error */
      return 1;
    default: return 0;
  }
}

static const char *hint (const cu_Gpu *g, int e) {
  if (e == BAD_IMAGE || e == NO_IMAGE || e == BAD_CODE || e == BAD_PTX)
    return "; the plugin was built for other cards: `make cuda` on this machine builds it for this one";
  if (e == NOT_STARTED) return "; a process that forks after it used CUDA can't use it in the child";
  if (e >= CAPTURE_FIRST && e <= CAPTURE_LAST) return "; a step that is being captured can't do this";
  if (e == UNLOADING || !lasting(e)) return "";
  return g->blocking ? "; nothing more can be done on this device in this process"
         : "; a kernel queued earlier may be the cause: CUDA_LAUNCH_BLOCKING=1 shows which. Nothing more can be done "
           "on this device in this process";
}

int cu_fail (cu_Gpu *g, cudaError_t error, const char *call) {
  int e = (int)error;
  if (__builtin_expect(e == 0, 1)) return TL_DONE;
  if (cu_is_broken(g)) return TL_BROKEN;
  if (e != UNLOADING) cudaGetLastError();    /* it is told; the next call shall not find it */
  snprintf(cu_thread.why, sizeof cu_thread.why, "CUDA error: %s (%s, %d) in %s%s", cudaGetErrorString(error),
           cudaGetErrorName(error), e, call, hint(g, e));
  if (lasting(e)) {
    pthread_mutex_lock(&g->lock);
    if (!g->broken) {
      memcpy(g->cause, cu_thread.why, sizeof g->cause);
      __atomic_store_n(&g->broken, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&g->lock);
  }
  return e == NO_MEMORY ? TL_NOMEM : TL_BROKEN;
}

int cu_check (cu_Work *w, cudaError_t error, const char *call) {
  return __builtin_expect(error == cudaSuccess, 1) ? TL_DONE : cu_fail(w->gpu, error, call);
}

int cu_say (cu_Gpu *g, int reason, const char *format, ...) {
  va_list list;
  (void)g;
  va_start(list, format);
  vsnprintf(cu_thread.why, sizeof cu_thread.why, format, list);
  va_end(list);
  return reason;
}

const char *cu_why (tl_Device *d) {
  if (cu_is_broken(cu_gpu(d))) return cu_gpu(d)->cause;
  return cu_thread.why[0] ? cu_thread.why : "nothing is known to be wrong";
}

/*
** A kernel that is at work now may be half way through writing: without `ready` the word is left for the next time.
** `reason` is cleared last, since it is what kernels claim.
*/
int cu_told (cu_Gpu *g, tl_Env *env) {
  cu_Fault *f = g->fault;
  int reason;
  if (__builtin_expect(!__atomic_load_n(&f->ready, __ATOMIC_ACQUIRE), 1)) return TL_DONE;
  pthread_mutex_lock(&g->lock);
  reason = __atomic_load_n(&f->ready, __ATOMIC_ACQUIRE) ? f->reason : TL_DONE;
  if (reason) {
    if (env) {
      env->fault.value = f->value;
      env->fault.size = f->size;
      env->fault.dim = f->dim;
      env->fault.what = (const char *)(uintptr_t)f->what;
    }
    f->ready = 0;
    __atomic_store_n(&f->reason, 0, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&g->lock);
  return reason;
}
