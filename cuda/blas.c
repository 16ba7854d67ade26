/*
** blas.c -- opens cuBLAS, and keeps one handle for each device.
**
** Order matters in two places.  cublasSetStream puts the library's own workspace back, so ours is set right after it.
** And a workspace belongs to a stream: two products on two streams that shared one would write over each other, while
** a workspace of the library's own would be allocated inside a capture, and its size would choose other algorithms.
** So every stream that multiplies gets memory of its own, of a fixed size, kept as long as the process, and another for
** what a capture takes down there, which will run beside what the stream does then.  Results are the same from run to
** run, and the same eager as replayed.
**
** Handles are never destroyed: at exit the driver may be gone before us.
*/
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blas.h"
#include "gpu.h"

#define WORKSPACE_90 ((size_t)32 << 20)      /* NVIDIA's advice from compute capability 9.0 on, */
#define WORKSPACE_OLD ((size_t)4 << 20)      /* and before */
#define WORKSPACE_LEAST ((size_t)64 << 10)
#define ENOUGH      ((size_t)512 << 20)      /* with so much free, a handle that can't be made is not a matter of memory */

typedef struct Room {                        /* a workspace, and whose it is */
  struct Room *next;
  cudaStream_t stream, home;                 /* home: whose order captured work will run in; else NULL */
  void *memory;
  size_t bytes;
} Room;

typedef struct Slot {                        /* of a device */
  pthread_mutex_t lock;
  cublasHandle_t handle;
  cudaStream_t bound, home;
  int is_bound;
  Room *rooms;
} Slot;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static Slot slots[CU_CARDS];
static cu_Blas table;                        /* written once */
static int opened;
static volatile int asked;
static char words[256] = "cuBLAS was not asked for";

/* ---- opening ---- */

#ifdef CUBLAS_LINKED                         /* a cublas_v2.h whose functions are linked in says so */

static int open_library (void) {
#define TAKE(name, symbol) table.name = symbol;
  CU_BLAS_SYMBOLS(TAKE)
#undef TAKE
  snprintf(words, sizeof words, "products by the cuBLAS that is linked in");
  return 1;
}

#else

static int load (void *library, const char *path) {
#define LOOK(name, symbol) \
  if (!(*(void **)&table.name = dlsym(library, #symbol))) { \
    snprintf(words, sizeof words, "%.200s has no %s", path, #symbol); \
    return 0; \
  }
  CU_BLAS_SYMBOLS(LOOK)
#undef LOOK
  snprintf(words, sizeof words, "products by %.200s", path);
  return 1;
}

/* dir may be empty: where the system looks.  cuBLAS's own dependency lies beside it and is found by its name once loaded. */
static int try_one (const char *dir, size_t length, int major) {
  char path[1200];
  const char *slash = length ? "/" : "";
  void *library;
  if (length > 1000) return 0;
  if (length) {
    snprintf(path, sizeof path, "%.*s/libcublasLt.so.%d", (int)length, dir, major);
    dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  snprintf(path, sizeof path, "%.*s%slibcublas.so.%d", (int)length, dir, slash, major);
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  return library != NULL && load(library, path);
}

/* the version that the header was of comes first: it goes with the runtime that is linked in */
static int try_place (const char *dir, size_t length) {
  static const int majors[] = { CUBLAS_VER_MAJOR, 13, 12, 11 };
  for (size_t i = 0; i < sizeof majors / sizeof *majors; i++)
    if (try_one(dir, length, majors[i])) return 1;
  return 0;
}

static int try_list (const char *list) {     /* directories with colons between */
  while (list && *list) {
    size_t n = strcspn(list, ":");
    if (n && try_place(list, n)) return 1;
    list += n + (list[n] == ':');
  }
  return 0;
}

static int open_library (void) {
  static const char *const homes[] = { "CUDA_HOME", "CUDA_PATH" };
  static const char usual[] = "/usr/local/cuda/lib64";
  char path[1024];
  words[0] = 0;
  if (try_list(getenv("TLUA_CUDA_LIBS")) || try_place("", 0)) return 1;
  for (int i = 0; i < 2; i++) {
    const char *home = getenv(homes[i]);
    if (!home || !*home || strlen(home) > 1000) continue;
    snprintf(path, sizeof path, "%s/lib64", home);
    if (try_place(path, strlen(path))) return 1;
  }
  if (try_place(usual, sizeof usual - 1)) return 1;
  if (!words[0])
    snprintf(words, sizeof words, "libcublas.so.13, .12 or .11 was not found in TLUA_CUDA_LIBS, where the system looks, "
             "$CUDA_HOME/lib64 or %s; products run in kernels of tlua's own, which are slower", usual);
  return 0;
}

#endif

static void start (void) {
  const char *wish = getenv("TLUA_CUDA_BLAS"), *tf32 = getenv("TLUA_CUDA_TF32");
  for (int i = 0; i < CU_CARDS; i++) pthread_mutex_init(&slots[i].lock, NULL);
  table.tf32 = tf32 && !strcmp(tf32, "1");
  if (wish && !strcmp(wish, "off"))
    snprintf(words, sizeof words, "TLUA_CUDA_BLAS=off: products run in kernels of tlua's own");
  else opened = open_library();
  __atomic_store_n(&asked, 1, __ATOMIC_RELEASE);
}

const char *cu_blas_why (void) { return __atomic_load_n(&asked, __ATOMIC_ACQUIRE) ? words : NULL; }

/* ---- handles and workspaces ---- */

int cu_blas_check (cu_Work *w, cublasStatus_t status, const char *call) {
  cudaError_t error;
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return TL_DONE;
    case CUBLAS_STATUS_ALLOC_FAILED: return TL_NOMEM;
    case CUBLAS_STATUS_INVALID_VALUE: case CUBLAS_STATUS_NOT_SUPPORTED: case CUBLAS_STATUS_ARCH_MISMATCH: return TL_CANT;
    default: break;
  }
  error = cudaGetLastError();                /* the cause, where there is one */
  return cu_check(w, error != cudaSuccess ? error : cudaErrorUnknown, call);
}

/*
** From the driver itself, since it is kept.  Where the card is full, what the allocator keeps unused goes first, and then
** less has to do: a product with a small workspace is slower, none at all is an error.
*/
static cudaError_t allocate (cu_Work *w, Room *r) {
  cudaError_t error = cudaMalloc(&r->memory, r->bytes);
  if (error == cudaErrorMemoryAllocation && !cu_thread.plan) {       /* a capture can't wait */
    cudaGetLastError();                      /* it is known; the next call shall not find it */
    w->gpu->device.trim(&w->gpu->device);
    error = cudaMalloc(&r->memory, r->bytes);
  }
  while (error == cudaErrorMemoryAllocation && r->bytes / 8 >= WORKSPACE_LEAST) {
    cudaGetLastError();
    r->bytes /= 8;
    error = cudaMalloc(&r->memory, r->bytes);
  }
  return error;
}

/* the stream's workspace.  Streams of the plugin live as long as the process, and so do these. */
static int room_of (Slot *s, cu_Work *w, cudaStream_t home, Room **out) {
  Room *r;
  int reason;
  for (r = s->rooms; r; r = r->next)
    if (r->stream == w->stream && r->home == home) { *out = r; return TL_DONE; }
  r = calloc(1, sizeof *r);
  if (!r) return TL_NOMEM;
  r->stream = w->stream;
  r->home = home;
  r->bytes = w->major >= 9 ? WORKSPACE_90 : WORKSPACE_OLD;
  reason = cu_check(w, allocate(w, r), "cudaMalloc");
  if (reason) {
    free(r);
    return reason;
  }
  r->next = s->rooms;
  s->rooms = r;
  *out = r;
  return TL_DONE;
}

static int make (Slot *s, cu_Work *w) {
  cublasMath_t math = (cublasMath_t)(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
  cublasStatus_t status = table.create(&s->handle);
  if (status != CUBLAS_STATUS_SUCCESS) {
    size_t free = 0, total;
    s->handle = NULL;
    if (status != CUBLAS_STATUS_NOT_INITIALIZED) return cu_blas_check(w, status, "cublasCreate");
    if (cudaMemGetInfo(&free, &total) != cudaSuccess || free < ENOUGH) return TL_NOMEM;
    snprintf(words, sizeof words, "cuBLAS is there and can't start (one newer than the driver can't); products run in "
             "kernels of tlua's own, which are slower");
    __atomic_store_n(&opened, 0, __ATOMIC_RELEASE);
    return TL_CANT;
  }
  return cu_blas_check(w, table.set_math(s->handle, math), "cublasSetMathMode");
}

/* binds the handle to the stream, which is one comparison where it is bound already */
static int bind_to (Slot *s, cu_Work *w, cudaStream_t home) {
  Room *r = NULL;
  int reason;
  if (s->is_bound && s->bound == w->stream && s->home == home) return TL_DONE;
  s->is_bound = 0;
  reason = room_of(s, w, home, &r);
  if (!reason) reason = cu_blas_check(w, table.set_stream(s->handle, w->stream), "cublasSetStream");
  if (!reason) reason = cu_blas_check(w, table.set_workspace(s->handle, r->memory, r->bytes), "cublasSetWorkspace");
  if (reason) return reason;
  s->bound = w->stream;
  s->home = home;
  s->is_bound = 1;
  return TL_DONE;
}

int cu_blas_take (cu_Work *w, cu_Blas *b) {
  enum cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  int reason = TL_DONE;
  Slot *s = &slots[w->gpu->index];
  const cu_Plan *p = cu_plan(w->gpu);
  cudaStream_t home = p ? p->home->queue : NULL;
  pthread_once(&once, start);
  if (!__atomic_load_n(&opened, __ATOMIC_ACQUIRE)) return TL_CANT;
  pthread_mutex_lock(&s->lock);
  if (!s->handle || !s->is_bound || s->bound != w->stream || s->home != home) {
    /* a first product may come inside a capture: what is allocated here is outside of it and stays */
    cudaThreadExchangeStreamCaptureMode(&mode);
    if (!s->handle) reason = make(s, w);
    if (!reason) reason = bind_to(s, w, home);
    cudaThreadExchangeStreamCaptureMode(&mode);
  }
  if (reason) {
    pthread_mutex_unlock(&s->lock);
    return reason;
  }
  *b = table;
  b->handle = s->handle;
  b->slot = s;
  return TL_DONE;
}

void cu_blas_give (cu_Blas *b) { pthread_mutex_unlock(&((Slot *)b->slot)->lock); }
