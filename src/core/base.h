/*
** base.h -- the words every floor uses, and the state that a thread works in.
**
** Nothing of tlua is process-wide and mutable.  All that changes is in one tl_Context per lua_State;
** `tl_here` points to the one in use and is set at every entry from Lua or tlua.h (tl_enter) and put
** back on leaving (tl_leave).
*/
#ifndef tl_base_h
#define tl_base_h

#include "device/device.h"

#if defined(__GNUC__)
#define TL_PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define TL_LIKELY(x)     __builtin_expect(!!(x), 1)
#define TL_UNLIKELY(x)   __builtin_expect(!!(x), 0)
#else
#define TL_PRINTF(f, a)
#define TL_LIKELY(x)     (x)
#define TL_UNLIKELY(x)   (x)
#endif

typedef struct tl_Storage tl_Storage;
typedef struct tl_Tensor tl_Tensor;
typedef struct tl_Node tl_Node;
typedef struct tl_Plan tl_Plan;
typedef struct tl_Generator tl_Generator;
typedef struct tl_Cache tl_Cache;        /* core/storage.c: free blocks by size class */

typedef struct tl_Context {
  /* the message: the first failure since the binder took the last one */
  char message[1024];
  uint8_t failed;
  uint8_t raised;                        /* the binder keeps a Lua error object for this failure */
  /* modes */
  uint8_t grad_mode;                     /* operations record */
  uint8_t inference;                     /* results are inference tensors */
  uint8_t default_dtype;                 /* a float dtype */
  uint8_t anomaly;
  uint8_t deterministic;
  tl_Device *default_device;
  /* the pool: results that nobody has claimed yet */
  tl_Tensor **pool;
  size_t npool, pool_capacity;
  /* free lists and memory */
  tl_Tensor *free_tensors;               /* linked through storage */
  tl_Node *free_nodes;                   /* small nodes, linked through next */
  tl_Cache *cache;
  size_t bytes, peak, limit;             /* storage bytes alive on behalf of this state; limit 0: none */
  size_t tensors, nodes, leaves;         /* alive; the leaves among the nodes */
  size_t largest;                        /* of the storages since the collector last ran */
  int64_t fail_in;                       /* for specs: so many allocations from now one fails; 0: never */
  int (*collect) (void *);               /* asks the owner to free what it can; NULL: nothing */
  void *owner;                           /* the binder's: main lua_State */
  /* work */
  tl_Env env;
  volatile int stop;
  tl_Plan *plan;                         /* being written down, or NULL */
  tl_Generator *generator;               /* the default ones, a list: one per device that was needed */
  uint64_t seed;                         /* what the next of them starts from, */
  uint8_t seeded;                        /* when the user has said one */
  /* other devices */
  int cuda;                              /* index that plain "cuda" means */
  uint8_t sync_mode;                     /* waiting for a device: 0 is fine, 1 warns, 2 is an error */
  uint8_t later;                         /* copies across devices need not have arrived when they return (non_blocking) */
  void (*warn) (void *owner, const char *text);
  uint64_t sequence;                     /* creation number of the next node */
  tl_Node **grave;                       /* nodes being freed (grad/node.c) */
  tl_Node *free_wide;                    /* as free_nodes, of the larger block */
  void *tape;                            /* the backward under way (grad/tape.c), or NULL */
} tl_Context;

#if defined(__GNUC__)
extern __thread tl_Context *tl_here __attribute__((tls_model("initial-exec")));
#else
extern _Thread_local tl_Context *tl_here;
#endif

/* the gate of all heap memory that is not a storage's; NULL and a message when there is none left */
void *tl_malloc (size_t);
void *tl_realloc (void *, size_t);
void tl_free (void *);
int tl_may_allocate (void);              /* 0 when a spec wants this allocation to fail */

int tl_default_threads (void);           /* $TLUA_NUM_THREADS, or the cores this process may use */
tl_Context *tl_context_new (void);       /* NULL: no memory */
void tl_context_free (tl_Context *);     /* frees caches; tensors still held keep their storages */

#endif
