/*
** sim_inside.h -- what the simulator's own files share.  Everything here is under sim_lock, which each call of the
** runtime holds; objects that live as long as the process are made with new and never destroyed, so that nothing is
** left to chance at exit.
*/
#ifndef sim_inside_h
#define sim_inside_h

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sim.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define SIM_ASAN 1
#define SIM_HIDE(p, n)  __asan_poison_memory_region(p, n)
#define SIM_SHOW(p, n)  __asan_unpoison_memory_region(p, n)
#else
#define SIM_ASAN 0
#define SIM_HIDE(p, n)  ((void)0)
#define SIM_SHOW(p, n)  ((void)0)
#endif

enum { SIM_POISON = 0xFF, SIM_ZONE_BYTE = 0xFB };
enum { SIM_MAX_THREADS = 1024, SIM_SHARED_PLAIN = 48 << 10, SIM_SHARED_MOST = 227 << 10 };
enum { SIM_PROCESSORS = 4, SIM_RESIDENT = 2048, SIM_CACHE = 8 << 20 };

typedef std::function<cudaError_t ()> sim_Work;

struct sim_Settings {
  enum { NOW, LATE, SHUFFLE } order;
  enum { FORWARD, REVERSE, SHUFFLED } blocks, threads;
  size_t memory;
  int cards, driver;
};

/* ---- a card ---- */
struct sim_Block { size_t size; };           /* bytes asked for; the key is its offset in the arena */

struct sim_Card {
  int index;
  char *base;                                /* the arena: span bytes of address space, of which high were ever used */
  size_t span, high, used;
  int open;                                  /* > 0: the arena can be read and written */
  std::map<size_t, sim_Block> blocks;
  cudaError_t broken;                        /* what every call answers from now on */
  CUstream_st *legacy;
};

/* ---- graphs ---- */
struct CUgraphNode_st {
  cudaGraphNodeType type;
  sim_Work work;
  std::vector<int> after;                    /* nodes of the same graph that come before */
};
struct CUgraph_st { std::vector<CUgraphNode_st> nodes; };
struct CUgraphExec_st { std::shared_ptr<const std::vector<CUgraphNode_st>> nodes; };

struct sim_Capture {
  unsigned long long id;
  CUgraph_st *graph;
  CUstream_st *origin;
  cudaStreamCaptureMode mode;
  const void *thread;                        /* who began it */
  bool active, invalid;
};

/* ---- streams ---- */
struct sim_Mark {                            /* one recording of an event */
  CUstream_st *stream;
  bool done;
  double time;                               /* seconds */
};
struct sim_Op {
  cudaGraphNodeType type;
  sim_Work work;                             /* may be empty */
  std::shared_ptr<sim_Mark> wait, record;
};
struct CUstream_st {
  sim_Card *card;
  unsigned flags;
  int priority;
  std::deque<sim_Op> queue;
  std::shared_ptr<sim_Capture> capture;
  std::vector<int> frontier;                 /* in a capture: the nodes that the next one comes after */
};
struct CUevent_st {
  unsigned flags;
  std::shared_ptr<sim_Mark> mark;
  std::shared_ptr<sim_Capture> capture;      /* it was last recorded in a capture, with this frontier */
  std::vector<int> frontier;
};

/* ---- sim_error.cpp ---- */
extern std::recursive_mutex &sim_lock;
const sim_Settings &sim_settings (void);
unsigned long long sim_random (void);
cudaError_t sim_enter (const char *function);   /* injected and sticky errors, the driver, host functions */
cudaError_t sim_fail (cudaError_t);             /* kept as the thread's last error */
void sim_break (sim_Card *, cudaError_t);
void sim_tell (const std::string &words);       /* of the last fault */
bool sim_is_sticky (cudaError_t);
extern thread_local bool sim_in_host_function;
const void *sim_thread (void);                  /* a name for this thread */

/* in a kernel; a block of its own, since nothing of the fibre that is left behind will be destroyed */
#define SIM_FAULT(code, words)  do { { sim_tell(words); } sim_end(code); } while (0)

/* at the head of each function of the runtime */
#define SIM_CALL(name) \
  std::lock_guard<std::recursive_mutex> held(sim_lock); \
  if (cudaError_t wrong = sim_enter(name)) return sim_fail(wrong)

/* ---- sim_card.cpp, sim_memory.cpp ---- */
std::vector<sim_Card *> &sim_cards (void);
sim_Card *sim_card (void);                      /* the thread's current one */
sim_Card *sim_card_of (const void *);           /* whose arena the address is in, or NULL */
void sim_open (sim_Card *);
void sim_close (sim_Card *);
bool sim_is_pinned (const void *, size_t n);
bool sim_is_block (const void *, size_t n);     /* n bytes of one live allocation */
std::string sim_name_address (const void *);
std::string sim_zones (sim_Card *);             /* which red zone was written, or "" */
void sim_forget_memory (sim_Card *);
size_t sim_shared_limit (const void *kernel);

/* ---- sim_fibre.cpp ---- */
cudaError_t sim_run_kernel (const sim_Launch &, sim_Card *);
bool sim_in_kernel (void);
[[noreturn]] void sim_end (cudaError_t);        /* ends the kernel; what was told is why */
void sim_watch (void);                          /* SIGSEGV and its like mean something from now on */

/* ---- sim_shared.cpp: around each block ---- */
void sim_shared_begin (size_t dynamic);
std::string sim_shared_end (void);              /* which array was written beside, or "" */

/* ---- sim_stream.cpp ---- */
CUstream_st *sim_stream (cudaStream_t);         /* NULL: no such stream */
cudaError_t sim_put (CUstream_st *, sim_Op);    /* into the queue, or into the capture */
void sim_drain (CUstream_st *);
void sim_drain_all (sim_Card *);                /* NULL: of every card */
std::set<CUstream_st *> &sim_streams (void);
double sim_seconds (void);

/* ---- sim_graph.cpp ---- */
cudaError_t sim_capture (CUstream_st *, sim_Op &);
cudaError_t sim_unsafe (void);                  /* before calls that must not meet a capture */
cudaError_t sim_spoil (CUstream_st *, cudaError_t);   /* the stream's capture is invalid; gives the error */
cudaError_t sim_spoil_card (sim_Card *, bool only_blocking, cudaError_t);   /* the same for a card's */
cudaError_t sim_capture_wait (CUstream_st *, CUevent_st *);

#endif
