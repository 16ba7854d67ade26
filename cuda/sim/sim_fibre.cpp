/*
** sim_fibre.cpp -- runs a launch: blocks one after another, the threads of a block as fibres that give way to each
** other at barriers and warp operations.  A fibre is a stack; threads that never wait share one, since whoever ends
** goes on with the next thread that has not begun.  So a fibre is made only when somebody waits.  Between two waits the
** threads run in the order asked for, one after another: a read that a barrier should part from another thread's write
** comes before it in one order and after it in the opposite one.
*/
#include <numeric>

#include "sim_switch.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

/* ---- the block that runs ---- */
enum State { FRESH, READY, AT_BARRIER, AT_WARP, GONE };
struct Thread {
  State state;
  uint3 at;
  Stack *stack;
  sim_Warp how;
  unsigned mask;
  int lane, width;
  unsigned long long bits;
  const char *file;
  int line;
};
static Thread thread[SIM_MAX_THREADS];
static int ready[SIM_MAX_THREADS], ready_from, ready_count;   /* a ring of those that can go on */
static int threads, begun, gone, current;
static int turn[SIM_MAX_THREADS];            /* the order of the threads of a block, until the next barrier */
static int arrived, votes, verdict;          /* at the barrier */
static int waits_first;                      /* there */
static std::vector<Stack *> in_use;
static const sim_Launch *launch;
static thread_local bool in_kernel;
static cudaError_t fault;

bool sim_in_kernel () { return in_kernel; }

static std::string where (const char *file, int line) {
  const char *slash = strrchr(file, '/');
  return std::string(slash ? slash + 1 : file) + ":" + std::to_string(line);
}
static bool same_place (const Thread &t, const char *file, int line) {
  return t.line == line && (t.file == file || strcmp(t.file, file) == 0);
}
static std::string triple (const uint3 &v) {
  return "(" + std::to_string(v.x) + ", " + std::to_string(v.y) + ", " + std::to_string(v.z) + ")";
}
static std::string who () {
  return " (block " + triple(blockIdx) + ", thread " + triple(threadIdx) + ")";
}

/* ends the launch; the fibres that wait are left behind, and their stacks used again */
[[noreturn]] void sim_end (cudaError_t code) {
  fault = code;
  { sim_tell(sim_report() + who()); }
  go(&host);
  abort();
}

static void set_current (int t) {
  current = t;
  threadIdx = thread[t].at;
}

static void life ();

static std::string waiting () {
  std::map<std::string, int> count;
  for (int t = 0; t < threads; t++) {
    const Thread &x = thread[t];
    if (x.state == GONE) count["have left the kernel"]++;
    else if (x.state == AT_BARRIER) count["wait at the barrier of " + where(x.file, x.line)]++;
    else if (x.state == AT_WARP) {
      char mask[16];
      snprintf(mask, sizeof mask, "%#x", x.mask);
      count["wait for the lanes of mask " + std::string(mask) + " at " + where(x.file, x.line)]++;
    }
  }
  std::string s;
  for (auto &c : count) s += (s.empty() ? "" : ", ") + std::to_string(c.second) + " threads " + c.first;
  return s;
}

/* the current thread can't go on: somebody else does.  Fresh ones first, so that each runs to its first barrier */
static void give_way () {
  if (begun < threads) {
    Stack *s = stack_take(life);
    in_use.push_back(s);
    go(s);
  } else if (ready_count > 0) {
    int t = ready[ready_from];
    ready_from = (ready_from + 1) % SIM_MAX_THREADS;
    ready_count--;
    set_current(t);
    go(thread[t].stack);
  } else if (gone == threads) go(&host);
  else SIM_FAULT(cudaErrorLaunchFailure, "deadlock: " + waiting());
}
static void wake (int t) {
  thread[t].state = READY;
  ready[(ready_from + ready_count++) % SIM_MAX_THREADS] = t;
}

/* numbers 0 to n - 1 in the order asked for */
static void arrange (int *list, int n) {
  auto order = sim_settings().threads;
  for (int i = 0; i < n; i++) list[i] = order == sim_Settings::REVERSE ? n - 1 - i : i;
  if (order == sim_Settings::SHUFFLED)
    for (int i = n - 1; i > 0; i--) std::swap(list[i], list[sim_random() % (unsigned)(i + 1)]);
}
/* all of the list can go on, the current thread among them: the first does so at once */
static void resume (const int *list, int n) {
  int me = current;
  for (int i = 1; i < n; i++) wake(list[i]);
  thread[list[0]].state = READY;
  if (list[0] == me) return;
  set_current(list[0]);
  go(thread[list[0]].stack);
}

/* the whole life of a fibre: one thread after another, until none is left to begin */
static void life () {
  landed(in_use.back());
  while (begun < threads) {
    int t = turn[begun++];
    thread[t].stack = (Stack *)here;
    set_current(t);
    thread[t].state = READY;
    launch->thread();
    thread[current].state = GONE;            /* current == t again: a thread ends on the stack it began on */
    gone++;
  }
  give_way();
  abort();                                   /* nobody comes back to a fibre without a thread */
}

int sim_barrier (sim_Barrier kind, int value, const char *file, int line) {
  if (!in_kernel) { fprintf(stderr, "simulated cuda: a barrier outside a kernel at %s:%d\n", file, line); abort(); }
  int me = current;
  Thread &t = thread[me];
  const Thread &x = thread[waits_first];
  if (arrived > 0 && !same_place(x, file, line))
    SIM_FAULT(cudaErrorLaunchFailure, "diverged barrier: reached at two different places, " + where(x.file, x.line) +
              " and " + where(file, line));
  if (arrived == 0) waits_first = me;
  t.file = file;
  t.line = line;
  t.state = AT_BARRIER;
  votes += value;
  if (++arrived < threads) give_way();
  else {
    verdict = votes;
    arrived = votes = 0;
    if (sim_settings().threads == sim_Settings::SHUFFLED) arrange(turn, threads);
    resume(turn, threads);
  }
  return kind == SIM_AND ? verdict == threads : verdict;
}

/* ---- warps ---- */
unsigned sim_active () {
  unsigned mask = 0;
  int first = current & ~31;
  for (int lane = 0; lane < 32 && first + lane < threads; lane++)
    if (thread[first + lane].state != GONE) mask |= 1u << lane;
  return mask;
}

static unsigned long long reduce (sim_Warp how, unsigned mask, int first) {
  unsigned y = 0;
  bool any = false;
  for (int lane = 0; lane < 32; lane++) {
    if (!(mask >> lane & 1)) continue;
    unsigned x = (unsigned)thread[first + lane].bits;
    if (!any) y = x;
    else switch (how) {
      case SIM_ADD: y += x; break;
      case SIM_MIN: y = (int)x < (int)y ? x : y; break;
      case SIM_MAX: y = (int)x > (int)y ? x : y; break;
      case SIM_UMIN: y = x < y ? x : y; break;
      case SIM_UMAX: y = x > y ? x : y; break;
      case SIM_BITAND: y &= x; break;
      case SIM_BITOR: y |= x; break;
      default: y ^= x; break;
    }
    any = true;
  }
  return y;
}

/* what a lane gets once all have come */
static unsigned long long answer (const Thread &t, int lane, int first) {
  int start = lane & ~(t.width - 1), from = lane;
  unsigned y = 0;
  switch (t.how) {
    case SIM_WARP_SYNC: return 0;
    case SIM_INDEX: from = start | (t.lane & (t.width - 1)); break;
    case SIM_UP: if (lane - t.lane >= start) from = lane - t.lane; break;
    case SIM_DOWN: if (lane + t.lane < start + t.width) from = lane + t.lane; break;
    case SIM_XOR: if ((lane ^ t.lane) < start + t.width) from = lane ^ t.lane; break;
    case SIM_BALLOT: case SIM_MATCH:
      for (int i = 0; i < 32; i++) {
        if (!(t.mask >> i & 1)) continue;
        if (t.how == SIM_BALLOT ? thread[first + i].bits != 0 : thread[first + i].bits == t.bits) y |= 1u << i;
      }
      return y;
    default: return reduce(t.how, t.mask, first);
  }
  if (from < 0 || from > 31 || !(t.mask >> from & 1))
    SIM_FAULT(cudaErrorLaunchFailure, "lane " + std::to_string(lane) + " reads lane " + std::to_string(from) +
              ", which the mask of the shuffle at " + where(t.file, t.line) + " does not name");
  return thread[first + from].bits;
}

unsigned long long sim_warp (sim_Warp how, unsigned mask, unsigned long long bits, int lane, int width,
                             const char *file, int line) {
  if (!in_kernel) {
    fprintf(stderr, "simulated cuda: a warp operation outside a kernel at %s:%d\n", file, line);
    abort();
  }
  int me = current, first = me & ~31, mine = me & 31;
  Thread &t = thread[me];
  if (!(mask >> mine & 1))
    SIM_FAULT(cudaErrorLaunchFailure, "the mask at " + where(file, line) + " does not name the lane that calls");
  t.how = how; t.mask = mask; t.bits = bits; t.lane = lane; t.width = width; t.file = file; t.line = line;
  t.state = AT_WARP;
  bool all = true;
  bool up = sim_settings().threads == sim_Settings::REVERSE;
  for (int k = 31; k >= 0 && all; k--) {     /* from the lane that comes last it is soon seen who lacks */
    int i = up ? 31 - k : k;
    if (!(mask >> i & 1)) continue;
    const Thread &x = thread[first + i];
    if (first + i >= threads || x.state == GONE)
      SIM_FAULT(cudaErrorLaunchFailure, "the mask at " + where(file, line) + " names lane " + std::to_string(i) +
                (first + i >= threads ? ", which the block does not have" : ", which has left the kernel"));
    all = x.state == AT_WARP && x.how == how && x.mask == mask && same_place(x, file, line);
  }
  if (all) {
    unsigned long long got[32];
    int lanes[32], list[32], n = 0;
    for (int i = 0; i < 32; i++)
      if (mask >> i & 1) got[i] = answer(thread[first + i], i, first);
    arrange(lanes, 32);
    for (int i : lanes) {
      if (!(mask >> i & 1)) continue;
      thread[first + i].bits = got[i];
      list[n++] = first + i;
    }
    resume(list, n);
  } else give_way();
  return t.bits;
}

/* ---- a block, a launch ---- */
static void run_block () {
  begun = gone = arrived = votes = ready_count = ready_from = 0;
  arrange(turn, threads);
  sim_shared_begin(launch->shared);
  const dim3 &n = blockDim;
  for (int t = 0; t < threads; t++) {
    thread[t].at = uint3{ t % n.x, t / n.x % n.y, t / (n.x * n.y) };
    thread[t].state = FRESH;
  }
  Stack *s = stack_take(life);
  in_use.push_back(s);
  go(s);
  for (Stack *used : in_use) { used->next = idle; idle = used; }
  in_use.clear();
  std::string damage = sim_shared_end();
  if (fault == cudaSuccess && !damage.empty()) {
    fault = cudaErrorIllegalAddress;
    sim_tell(damage + " (block " + triple(blockIdx) + ")");
  }
}

cudaError_t sim_run_kernel (const sim_Launch &l, sim_Card *card) {
  sim_watch();
  launch = &l;
  fault = cudaSuccess;
  host = Context{ host.sp, nullptr, 0, nullptr };
  here = &host;
  threads = (int)(l.block.x * l.block.y * l.block.z);
  blockDim = l.block;
  gridDim = l.grid;
  unsigned long long blocks = (unsigned long long)l.grid.x * l.grid.y * l.grid.z;
  auto order = sim_settings().blocks;
  unsigned long long start = 0, stride = 1;  /* shuffled: a random start, and a stride that meets every block */
  if (order == sim_Settings::SHUFFLED) {
    start = sim_random() % blocks;
    do stride = 1 + sim_random() % blocks; while (std::gcd(stride, blocks) != 1);
  }
  sim_open(card);
  in_kernel = true;
  for (unsigned long long i = 0; i < blocks && fault == cudaSuccess; i++) {
    unsigned long long b = order == sim_Settings::REVERSE ? blocks - 1 - i :
                           (unsigned long long)(((unsigned __int128)i * stride + start) % blocks);
    blockIdx.x = (unsigned)(b % l.grid.x);
    blockIdx.y = (unsigned)(b / l.grid.x % l.grid.y);
    blockIdx.z = (unsigned)(b / l.grid.x / l.grid.y);
    run_block();
  }
  in_kernel = false;
  if (fault == cudaSuccess) {
    std::string damage = sim_zones(card);
    if (!damage.empty()) {
      fault = cudaErrorIllegalAddress;
      sim_tell("a kernel has " + damage);
    }
  }
  sim_close(card);
  return fault;
}
