/*
** gpu.h -- a card as the host's files of the plugin see it.  Kernels see a cu_Work (cuda.h) instead.
**
** Locks: `lock` guards streams, events and the words of what broke; memory.lock the allocator.  memory.lock may be
** held when `lock` is taken, never the other way round.  Nothing here is ever destroyed: blocks, threads and
** finalisers may point at it as long as the process lives.
*/
#ifndef tl_cuda_gpu_h
#define tl_cuda_gpu_h

#include <pthread.h>

#include "blocks.h"
#include "cuda.h"

#define CU_CARDS    64
#define CU_STREAMS  64                       /* of a card: a block has one bit for each */
#define CU_WORDS    640                      /* room for why something failed */
#define CU_TICKETS  1024                     /* of a card: two for each stream and mirror */

typedef struct cu_Plan cu_Plan;
typedef struct cu_Stream cu_Stream;

/* a block that is free as soon as an event on another stream has come; event NULL: not recorded yet */
typedef struct cu_Use {
  struct cu_Use *next;
  cu_Block *block;
  cudaEvent_t event;
} cu_Use;

/*
** Plans are captured on mirrors, private streams of the stream that will run them (their home), so that the home
** itself never captures: other threads may use it meanwhile, and memory moves on it.  All that ran on a mirror is
** replayed in its home's order; so mirrors of one home may share memory.
*/
struct cu_Stream {
  cudaStream_t queue;
  cu_Gpu *gpu;
  cu_Stream *home;                           /* of a mirror; else itself */
  cu_Stream *mirrors, *next;                 /* chain of this stream's mirrors */
  int taken;                                 /* a mirror: in use by a capture */
  int id;                                    /* its place in cu_Gpu.stream, -1: a mirror */
  int priority, holders;
  unsigned *ticket;                          /* two words on the card that are 0 between kernels: its own, its captured ones' */
  int busy;                                  /* atomic: something was queued since the host last waited here */
  cu_Plan *plan;                             /* its work is being captured for this plan */
  cu_Pool *pool[2];                          /* free memory: large, small */
  cu_Use *first, *last;                      /* blocks that wait for events here, in order */
  struct cu_Ring *ring;                      /* move.c: pinned memory on its way in */
};

typedef struct cu_Memory {
  pthread_mutex_t lock;
  enum { CU_CACHE, CU_NONE, CU_HOSTILE } mode;   /* none: exact sizes, straight from the driver; hostile: poisoned */
  cu_Book book;
  cu_Block *dead;                            /* none: freed while a capture forbade cudaFree */
  int waiting;                               /* blocks in the lists of uses */
  tl_DeviceMemory stats;                     /* free, total and largest are filled in when asked for */
} cu_Memory;

struct cu_Gpu {
  tl_Device device;                          /* first: the core's pointer to it is one to us */
  char name[16];
  int index;
  tl_DeviceFacts facts;
  size_t shared;                             /* bytes of shared memory that a block may ask for */
  unsigned *tickets;
  int ticketed;                              /* atomic: so many are given out */
  pthread_mutex_t lock, replay;
  cu_Stream stream[CU_STREAMS];              /* [0] is the device's own */
  int streams;                               /* atomic: so many are there */
  cudaEvent_t *event[2];                     /* to spare: plain, timed */
  int events[2], room[2];
  cu_Memory memory;
  cu_Fault *fault, *fault_there;             /* the word as the host and as kernels see it */
  uint64_t waits;                            /* atomic */
  int captures;                              /* atomic: under way on this card */
  int blocking;                              /* wait after each command, so that a fault is told where it arose */
  int broken;                                /* atomic: for good, `cause` says why */
  char cause[CU_WORDS];
  pthread_mutex_t staging;                   /* guards the rings and the two buffers of move.c */
  struct cu_Stage *stage;
  struct cu_Gpu *next;                       /* of those that could not be opened */
};

/* what each thread has of its own */
typedef struct cu_Thread {
  cu_Stream *stream[CU_CARDS];               /* the current one; NULL: the device's own */
  cu_Plan *plan;                             /* being captured by this thread */
  char why[CU_WORDS];
} cu_Thread;

extern _Thread_local cu_Thread cu_thread;
extern int cu_over;                          /* the process is ending: CUDA may be gone, and nothing is given back */

static inline cu_Gpu *cu_gpu (tl_Device *d) { return (cu_Gpu *)d; }
static inline int cu_is_broken (const cu_Gpu *g) { return __atomic_load_n(&g->broken, __ATOMIC_ACQUIRE); }
static inline int cu_count (const cu_Gpu *g) { return __atomic_load_n(&g->streams, __ATOMIC_ACQUIRE); }

/* plugin.c */
cu_Gpu *cu_card (int index);                                   /* one that is open */

/* error.c */
int cu_fail (cu_Gpu *, cudaError_t, const char *call);         /* a tl_Reason; 0 when there is no error */
int cu_say (cu_Gpu *, int reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
const char *cu_why (tl_Device *);
int cu_told (cu_Gpu *, tl_Env *);                              /* the kernels' first fault since the last time */

/* stream.c */
void cu_enter (cu_Gpu *);                                      /* CUDA calls of this thread go to this card */
cu_Stream *cu_current (cu_Gpu *);                              /* where this thread's commands go */
cu_Stream *cu_home (cu_Gpu *);                                 /* the same, or what a plan in the making will run on */
cu_Stream *cu_stream_of (cu_Gpu *, void *handle);
static inline void cu_touch (cu_Stream *s) { __atomic_store_n(&s->busy, 1, __ATOMIC_RELAXED); }    /* after queuing */
int cu_stream_start (cu_Gpu *, cu_Stream *, int priority);
int cu_wait (cu_Gpu *, cu_Stream *);                           /* until it is idle; not counted */
int cu_wait_all (cu_Gpu *);
void cu_count_wait (cu_Gpu *);
cudaError_t cu_event_take (cu_Gpu *, int timed, cudaEvent_t *);
cudaError_t cu_event_mark (cu_Gpu *, cu_Stream *, cudaEvent_t *);      /* takes one and records it */
void cu_event_give (cu_Gpu *, int timed, cudaEvent_t);
int cu_sync (tl_Device *, tl_Env *);
void cu_streams_into (tl_Device *);                            /* the fields of a device that are found here */

/* memory.c */
int cu_memory_start (cu_Gpu *);
cu_Block *cu_take (cu_Gpu *, cu_Stream *home, size_t bytes);   /* NULL: none left */
void cu_give (cu_Gpu *, cu_Block *);
void cu_scratch_done (cu_Work *);
void cu_memory_into (tl_Device *);

/* graph.c */
static inline cu_Plan *cu_plan (const cu_Gpu *);               /* the one that this thread captures on this card */
int cu_plan_fits (cu_Gpu *, cu_Stream *);                      /* may a command go there now?  a tl_Reason */
int cu_plan_drop (cu_Gpu *, int reason);                       /* ends the capture: it failed; gives the reason back */
cu_Block *cu_plan_scratch (cu_Gpu *, size_t bytes);            /* kept with the plan, lent to the command at hand */
void cu_plan_scratch_done (cu_Plan *);
void cu_graph_into (tl_Device *);

struct cu_Plan {
  cu_Gpu *gpu;
  cu_Stream *home, *mirror;
  cu_Stream *outer;                          /* the thread's current stream before */
  cu_Block *scratch;                         /* kept as long as the plan */
  cudaGraphExec_t exec;
  int dropped;
  char why[CU_WORDS];                        /* of a dropped one */
};

static inline cu_Plan *cu_plan (const cu_Gpu *g) {
  cu_Plan *p = cu_thread.plan;
  return p && p->gpu == g ? p : NULL;
}

/* move.c, pinned.c */
int cu_move (tl_Device *, void *to, const void *from, size_t bytes, int direction, tl_Env *);
void *cu_pin (size_t bytes);                                   /* NULL: none left */
void cu_unpin (void *);
int cu_pin_use (const void *, size_t bytes, cu_Stream *);      /* 1: pinned here, kept until the stream is past this */
void cu_pin_trim (void);

#endif
