/*
** device.h -- what a device is: some memory, and one function that runs commands.
** Shared, word for word, by the core, the CPU device and every plugin.  A command is one kernel
** invocation as plain data; a device knows verbs and formulas, never the names of operations.
*/
#ifndef tl_device_h
#define tl_device_h

#include <stddef.h>
#include <stdint.h>

#define TL_ABI_VERSION  2      /* grows when the meaning of something here changes; see TL_ABI below */
#define TL_MAXDIM  8
#define TL_MAXARG  6           /* operands of one command, results first */
#define TL_MAXNUM  8           /* scalar parameters of one command */

typedef enum tl_DType {
#define DTYPE(short, ...) TL_##short,
#include "device/dtypes.def"
#undef DTYPE
  TL_NDTYPE
} tl_DType;

/*
** Codes of the formulas: y, then a derivative per operand.  Derivative codes follow their row's
** code: TL_mul, TL_mul_a, TL_mul_b.  Tests and integer rows have none.
*/
typedef enum tl_Code {
#define UNARY(name, ...)   TL_##name, TL_##name##_x,
#define BINARY(name, ...)  TL_##name, TL_##name##_a, TL_##name##_b,
#define TERNARY(name, ...) TL_##name, TL_##name##_a, TL_##name##_b, TL_##name##_c,
#define TEST1(name, ...)   TL_##name,
#define TEST2(name, ...)   TL_##name,
#define INT1(name, ...)    TL_##name,
#define INT2(name, ...)    TL_##name,
#include "device/pointwise.def"
#include "device/undef.h"
  TL_NCODE
} tl_Code;

typedef enum tl_ReduceCode {
#define REDUCE(name, ...) TL_reduce_##name,
#include "device/reduce.def"
#undef REDUCE
  TL_NREDUCE
} tl_ReduceCode;

/*
** The verbs.  Dims [0, keep) of a command are walked one result after the other; dims [keep, ndim)
** are the inside of a reduction, a scan or a softmax line.  Verbs without an inside have keep == ndim.
*/
typedef enum tl_Verb {
  TL_FILL,      /* arg0 = p[0], a number of arg0's kind                                         */
  TL_COPY,      /* arg0 = arg1, converting the dtype                                            */
  TL_MAP,       /* arg0 = formula op(arg1, ...), point by point                                 */
  TL_REDUCE,    /* arg0 (, arg1) = op over the inside dims of the last arg                      */
  TL_SCAN,      /* arg0 (, arg1) = running op along the one inside dim of the last arg          */
  TL_GEMM,      /* arg0 = p0 * arg1 x arg2 + p1 * arg0; see tl_GemmOp                           */
  TL_GATHER,    /* arg0 = arg1[arg2 along a dim]; see tl_IndexNum                               */
  TL_SCATTER,   /* arg0[arg2 along a dim] op= arg1; see tl_IndexNum                             */
  TL_OFFSET,    /* arg0 (i64) += (check(arg1) - base) * step: linear positions of index tensors */
  TL_NONZERO,   /* arg0 (count x ndim, i64, from p[0]) = positions of the non-zeros of arg1     */
  TL_RANGE,     /* arg0 = start + i * step (op 0) or linspace (op 1); p: start, step, end       */
  TL_RANDOM,    /* arg0 drawn from distribution op, arg1 = the generator's state                */
  TL_SOFTMAX,   /* lines of the one inside dim; see tl_SoftmaxOp                                */
  TL_NLL,       /* negative log likelihood of labelled rows; see tl_NllOp                       */
  TL_STEP,      /* one optimizer step in place; see tl_StepOp                                   */
  TL_MUST,      /* arg0, one byte, must not be 0; p[0].u: address of what is said else, a string that lives on */
  TL_HOST,      /* a library call on host memory: more->call                                    */
  TL_NVERB
} tl_Verb;

/*
** TL_GEMM: sizes are p[2].i = M, p[3].i = N, p[4].i = K; dims [0, ndim) are batch dims, and each
** operand's strides at ndim and ndim + 1 are those of its rows and columns.  C is (M, N), A (M, K),
** B (K, N).  MV: N = 1 through gemv; DOT: M = N = 1 through dot.  beta (p[1]) 0 does not read C.
*/
typedef enum tl_GemmOp { TL_MM, TL_MV, TL_DOT } tl_GemmOp;

/*
** TL_GATHER and TL_SCATTER walk the index's shape.  The table (arg1 of a gather, arg0 of a scatter)
** has stride 0 in the indexed dim; these parameters say the rest.  Indices count from p[BASE];
** one outside [base, base + size) is a TL_BADINDEX fault before anything is written; negative ones
** count from the end where p[WRAP] is 1.
*/
enum { TL_INDEX_SIZE, TL_INDEX_STEP, TL_INDEX_BASE, TL_INDEX_DIM, TL_INDEX_WRAP };  /* STEP in bytes; DIM for messages */
typedef enum tl_ScatterOp { TL_SCATTER_SET, TL_SCATTER_ADD, TL_SCATTER_MUL, TL_SCATTER_MIN, TL_SCATTER_MAX } tl_ScatterOp;
/* TL_OFFSET uses SIZE, STEP (any unit), BASE, DIM and WRAP in the same places. */

typedef enum tl_ScanOp { TL_CUMSUM, TL_CUMPROD, TL_CUMMAX, TL_CUMMIN } tl_ScanOp;   /* cummax/min: arg1 = positions from 1 */

/*
** TL_RANDOM.  Parameters: UNIFORM p0 = from, p1 = to; NORMAL p0 = mean, p1 = std; BERNOULLI p0 = p
** (or arg2 = tensor of p); INTEGER p0.i = from, p1.u = range (0: all 64 bits), p2.i = 1 to draw 64
** bits; PERMUTATION: arg0 1-d, p0.i = base.  Elements are drawn in memory order.  NORMAL draws 16 and more
** packed numbers in blocks of 16, as PyTorch does where a tensor is contiguous; NORMAL_EACH (same parameters)
** one by one, as PyTorch does for every other layout.  DROPOUT: p0 = probability of p1, else 0; arg2 (may be left
** out) = the tensor that will be masked, whose layout decides the order as in PyTorch's fused dropout; a device
** whose generator is not TL_GENERATOR_PHILOX can't.
*/
typedef enum tl_RandomOp {
  TL_UNIFORM, TL_NORMAL, TL_BERNOULLI, TL_INTEGER, TL_PERMUTATION,
  TL_EXPONENTIAL, TL_GEOMETRIC, TL_CAUCHY, TL_LOG_NORMAL, TL_NORMAL_EACH, TL_DROPOUT
} tl_RandomOp;

/* TL_SOFTMAX: forward arg0 = y, arg1 = x; backward arg0 = dx, arg1 = g, arg2 = y */
typedef enum tl_SoftmaxOp { TL_SOFTMAX_Y, TL_LOG_SOFTMAX_Y, TL_SOFTMAX_X, TL_LOG_SOFTMAX_X } tl_SoftmaxOp;

/*
** TL_NLL over (N, C, inner...): dims [0, ndim) are the N and inner dims, the class dim is apart:
** p[0].i = C, p[1].i = byte stride of classes in the scores, p[2].i = ignore_index, p[3].i = base of
** labels, p[4].i = 1 when (packed) weights are given.  NONE: arg0 = losses, arg1 = scores, arg2 = labels,
** arg3 = weights (C).  SUM / MEAN: arg0 = loss, arg1 = total weight, then scores, labels, weights.
** BACK: arg0 = d scores (zeroed before), arg1 = g (broadcast), arg2 = labels, arg3 = weights,
** arg4 = total weight where p[5].i is 1 (mean: divides by it).
*/
typedef enum tl_NllOp { TL_NLL_NONE, TL_NLL_SUM, TL_NLL_MEAN, TL_NLL_BACK } tl_NllOp;

/*
** TL_STEP: every operand packed and of one float dtype; arithmetic as PyTorch's single-tensor loops.
** p in the order named; a trailing .i is an integer.  `step` is a 0-d float32 tensor that already counts this step.
** SGD:      param, grad                          lr, weight_decay, maximize.i
** MOMENTUM: param, grad, buf                     lr, weight_decay, momentum, dampening, nesterov.i, first.i, maximize.i
** ADAM:     param, grad, m, v (, vmax), step     lr, beta1, beta2, eps, weight_decay, flags.i (1 amsgrad, 2 decoupled, 4 maximize)
** RMSPROP:  param, grad, sq (, avg) (, buf)      lr, alpha, eps, weight_decay, momentum, flags.i (1 centered, 4 maximize)
** nout counts param and the state that is written; grad stands right after param all the same.
** ADAM's flag 8: `step` counts this step here, before it is used; each parameter has a step of its own then.
** Any number of parameters in one command: more->args holds the operands of every parameter in turn, narg of each, all of one dtype;
** more->nargs = narg * parameters; more->bytes = int64_t points[parameters].  arg[] are those of the first, the numbers
** p are everyone's, and no two parameters share memory that is written.
*/
typedef enum tl_StepOp { TL_STEP_SGD, TL_STEP_MOMENTUM, TL_STEP_ADAM, TL_STEP_RMSPROP } tl_StepOp;

typedef union tl_Num { double f; int64_t i; uint64_t u; } tl_Num;

enum {                         /* flags of an operand */
  TL_ARG_NUMBER = 1,           /* no memory: the value is in num, a double for float dtypes, else an integer */
  TL_ARG_ABSENT = 2            /* a place the formula does not read */
};

typedef struct tl_Arg {
  union { void *data; tl_Num num; };
  uint8_t dtype, via;          /* in memory; and what it passes through before the compute dtype */
  uint16_t flags;
  uint32_t unused;
  int64_t stride[TL_MAXDIM];   /* in bytes; 0 where it is broadcast */
} tl_Arg;

typedef struct tl_Cmd tl_Cmd;

typedef struct tl_More {       /* what does not fit in a command; a plan copies it */
  int nargs, nbytes;
  const tl_Arg *args;
  const void *bytes;
  int (*call) (const tl_Cmd *);   /* TL_HOST only */
} tl_More;

enum {                         /* flags of a command */
  TL_CMD_PLAIN = 1             /* TL_MAP: every operand packed, of the compute dtype, of equal size; size[0] = points */
};

struct tl_Cmd {
  uint8_t verb, dtype, out;    /* dtype: computed in (f32 f64 i64, or a native small integer); out: what the kernel writes */
  uint8_t narg, nout, ndim, keep;
  uint8_t homes;               /* whoever makes it: 1 << kind of each operand's device, so that no mixture gets through */
  uint16_t op, flags;
  int64_t size[TL_MAXDIM];     /* the space walked, dims sorted by stride (largest first) and merged */
  tl_Num p[TL_MAXNUM];
  tl_Arg arg[TL_MAXARG];       /* arg[0, nout) are results */
  const tl_More *more;
};

typedef enum tl_Reason {       /* why a command was not done; 0 is success */
  TL_DONE, TL_NOMEM, TL_INTERRUPTED, TL_BADINDEX, TL_ZERODIV, TL_BADVALUE, TL_CANT, TL_BROKEN
} tl_Reason;

typedef struct tl_Fault {      /* details for words: which index, of which dim, of what size */
  int64_t value, size, dim;    /* of a TL_BADVALUE: size 1, a probability; value 2, -1 or 0: above 1, below 0, NaN */
  const char *what;            /* env->what of the command at fault, where a device found it late; a TL_MUST's words; else NULL */
} tl_Fault;

typedef struct tl_Env {        /* what a command runs under; one per state */
  volatile int *stop;          /* set from a signal or another thread; polled about every millisecond */
  int threads;                 /* at most so many at work on one command */
  tl_Fault fault;
  const char *what;            /* what the caller calls the work; a string that lives on, or NULL */
} tl_Env;

/*
** A device may run commands late, in order (a queue).  Then a fault of a kernel (TL_BADINDEX, TL_ZERODIV,
** TL_BADVALUE) is told by the next sync, or by the next move outwards, with the fault's details; what
** breaks the device for good (TL_BROKEN) is told by every call from then on.
*/
enum {                         /* directions of a move */
  TL_MOVE_IN, TL_MOVE_OUT, TL_MOVE_WITHIN,      /* host to device (the source may be reused at once), back (waits), within */
  TL_MOVE_LATER = 4            /* added: returns at once; the host's memory is pinned and the caller keeps it as it is */
};

enum { TL_GENERATOR_MT, TL_GENERATOR_PHILOX };   /* mt.h, philox.h: what the state operand of TL_RANDOM is */

typedef struct tl_DeviceFacts {
  char name[256];
  uint64_t memory;             /* bytes on the card */
  int major, minor, processors, threads, warp, cache;   /* compute capability; threads of a processor; bytes of the second cache */
  int simulated, cards;        /* cards: of this kind in the machine */
  int driver, runtime;         /* versions as CUDA numbers them: 12040 */
  char products[256];          /* what multiplies matrices, in words; "" before the first product */
} tl_DeviceFacts;

typedef struct tl_DeviceMemory {   /* bytes, and counts of what happened so far */
  uint64_t allocated, reserved, free, total, largest;      /* free, total: of the card; largest: free block kept here */
  uint64_t peak_allocated, peak_reserved;
  uint64_t segments, allocations, segment_allocations, segment_frees, retries, failures;
} tl_DeviceMemory;

typedef struct tl_Device tl_Device;
struct tl_Device {
  const char *name;            /* "cpu", "cuda:0" */
  int kind, index;             /* 1 cpu, 2 cuda (DLPack's numbers) */
  void *(*alloc) (tl_Device *, size_t bytes);                /* NULL: none left */
  void  (*free)  (tl_Device *, void *, size_t bytes);
  int   (*move)  (tl_Device *, void *to, const void *from, size_t bytes, int direction, tl_Env *);   /* TL_MOVE_*; a tl_Reason */
  int   (*run)   (tl_Device *, const tl_Cmd *, tl_Env *);    /* a tl_Reason */
  int   (*sync)  (tl_Device *, tl_Env *);
  const char *(*why) (tl_Device *);                          /* words for TL_BROKEN */
  int   (*can)   (tl_Device *, const tl_Cmd *);              /* NULL: it can do everything */
  int   (*plan_begin) (tl_Device *);                         /* these NULL: plans replay one by one */
  void *(*plan_end)   (tl_Device *);
  int   (*plan_run)   (tl_Device *, void *plan, tl_Env *);
  void  (*plan_free)  (tl_Device *, void *plan);
  /*
  ** From here on a field may be NULL: the device has no such thing.  A plan that has begun takes commands down
  ** instead of running them; plan_end gives the handle, and plan_run runs it.
  */
  int generator;                                             /* TL_GENERATOR_* */
  int  (*facts)  (tl_Device *, tl_DeviceFacts *);
  int  (*memory) (tl_Device *, tl_DeviceMemory *);
  void (*memory_reset) (tl_Device *);                        /* peaks start over from now */
  int  (*trim)   (tl_Device *);                              /* memory that is kept but unused goes back to the system; waits */
  void *(*pin)   (tl_Device *, size_t bytes);                /* host memory that moves without a wait */
  void (*unpin)  (tl_Device *, void *, size_t bytes);
  uint64_t (*waits) (tl_Device *);                           /* how often the host has waited for the device */
  /* queues of a device ("streams"); each thread has a current one; NULL is the device's own */
  void *(*stream_new)  (tl_Device *, int priority);          /* NULL: see why */
  void  (*stream_free) (tl_Device *, void *stream);
  void *(*stream)      (tl_Device *);
  void  (*stream_set)  (tl_Device *, void *stream);
  int   (*stream_sync) (tl_Device *, void *stream, tl_Env *);
  int   (*stream_idle) (tl_Device *, void *stream);          /* 1 yes, 0 no, -1 broken */
  int   (*stream_use)  (tl_Device *, void *stream, void *data);      /* data, a block of alloc, is also used there: not reused before */
  void *(*event_new)     (tl_Device *, int timed);
  void  (*event_free)    (tl_Device *, void *event);
  int   (*event_record)  (tl_Device *, void *event, void *stream);
  int   (*event_wait)    (tl_Device *, void *event, void *stream);   /* the stream waits, not the host */
  int   (*event_sync)    (tl_Device *, void *event, tl_Env *);
  int   (*event_done)    (tl_Device *, void *event);                 /* 1 yes, 0 no, -1 broken */
  int   (*event_between) (tl_Device *, void *from, void *to, double *milliseconds);
};

/*
** A plugin built for another number is refused: the version, and the sizes of what the two sides fill for each
** other, since a struct that has grown on one side would be written past its end on the other.
*/
#define TL_ABI  ((uint32_t)(TL_ABI_VERSION * 0x1000000u + \
                 (((((sizeof(tl_Cmd) * 31 + sizeof(tl_Env)) * 31 + sizeof(tl_Device)) * 31 + sizeof(tl_DeviceFacts)) * 31 + \
                   sizeof(tl_DeviceMemory)) * 31 + sizeof(tl_More)) % 0x1000000u))

/*
** The only symbol a plugin exports, `tl_device_open`.  formulas: the text of every code, in order, and NULL, for
** the handshake.  index counts from 0; -1 is the machine, which has a name and `facts` alone, and opens no card.  NULL: not to
** be had, *why says why in words.  A device lives as long as the process.
*/
typedef tl_Device *(*tl_DeviceOpen) (uint32_t abi, const char *const *formulas, int index, const char **why);

tl_Device *tl_cpu (void);      /* the device that is always there */

#endif
