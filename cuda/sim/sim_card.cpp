/*
** sim_card.cpp -- the simulated cards: their facts, their arenas, and what an access to the wrong memory means.
** An arena is address space without access; sim_open gives access for the time of a kernel or a copy.  Huge pages
** make that cheap: a few microseconds however much is used.
*/
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim_inside.h"

static thread_local int current;

static sim_Card *card_make (int index) {
  const size_t huge = 2 << 20;
  sim_Card *c = new sim_Card();
  c->index = index;
  c->span = (sim_settings().memory * 4 + (64 << 20) + huge - 1) / huge * huge;   /* room for zones and gaps */
  char *p = (char *)mmap(nullptr, c->span + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) { perror("simulated cuda: the address space of a card"); abort(); }
  c->base = (char *)(((uintptr_t)p + huge - 1) / huge * huge);
  madvise(c->base, c->span, MADV_HUGEPAGE);
  c->legacy = new CUstream_st();
  c->legacy->card = c;
  return c;
}

std::vector<sim_Card *> &sim_cards () {
  static auto *list = new std::vector<sim_Card *>();
  if (list->empty()) {
    for (int i = 0; i < sim_settings().cards; i++) list->push_back(card_make(i));
    sim_watch();
  }
  return *list;
}
sim_Card *sim_card () { return sim_cards()[(size_t)current]; }

sim_Card *sim_card_of (const void *p) {
  for (sim_Card *c : sim_cards())
    if ((const char *)p >= c->base && (const char *)p < c->base + c->span) return c;
  return nullptr;
}

void sim_open (sim_Card *c) {
  if (c->open++ == 0 && c->high > 0) mprotect(c->base, c->high, PROT_READ | PROT_WRITE);
}
void sim_close (sim_Card *c) {
  if (--c->open == 0 && c->high > 0) mprotect(c->base, c->high, PROT_NONE);
}

std::string sim_name_address (const void *p) {
  char hex[32];
  snprintf(hex, sizeof hex, "%p", p);
  std::string s = hex;
  sim_Card *c = sim_card_of(p);
  if (c == nullptr) return s + (sim_is_pinned(p, 1) ? " (pinned memory)" : "");
  size_t at = (size_t)((const char *)p - c->base);
  s += " (memory of card " + std::to_string(c->index);
  auto i = c->blocks.upper_bound(at);
  if (i != c->blocks.begin() && (--i, at <= i->first + i->second.size + 512))
    s += ", byte " + std::to_string(at - i->first) + " of an allocation of " + std::to_string(i->second.size);
  else s += ", not allocated";
  return s + ")";
}

/* ---- signals: in a kernel a fault of the card, in host code the end, with words ---- */
static struct sigaction before[NSIG];

static void caught (int signal, siginfo_t *info, void *) {
  const void *p = info->si_addr;
  if (sim_in_kernel()) {
    if (signal == SIGFPE)
      SIM_FAULT(cudaErrorLaunchFailure, "an integer division by zero, or of the least number by -1");
    SIM_FAULT(cudaErrorIllegalAddress, "a kernel touched " + sim_name_address(p));
  }
  if (signal != SIGFPE && sim_card_of(p) != nullptr) {
    std::string s = "simulated cuda: host code touched device memory, " + sim_name_address(p) + "\n";
    if (write(2, s.data(), s.size()) < 0) {}
  }
  sigaction(signal, &before[signal], nullptr);   /* the instruction runs again, and meets whoever was there before */
}

void sim_watch () {
  static thread_local bool has_stack;
  if (!has_stack) {
    stack_t s;
    if (sigaltstack(nullptr, &s) == 0 && (s.ss_flags & SS_DISABLE)) {
      s.ss_size = 64 << 10;
      s.ss_sp = malloc(s.ss_size);
      s.ss_flags = 0;
      sigaltstack(&s, nullptr);
    }
    has_stack = true;
  }
  static bool done;
  if (done) return;
  done = true;
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_sigaction = caught;
  a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int s : { SIGSEGV, SIGBUS, SIGFPE }) sigaction(s, &a, &before[s]);
}

/* ---- facts ---- */
static int attribute (cudaDeviceAttr what) {
  switch ((int)what) {
    case cudaDevAttrMaxThreadsPerBlock: case cudaDevAttrMaxBlockDimX: return SIM_MAX_THREADS;
    case cudaDevAttrMaxGridDimX: return 0x7FFFFFFF;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: return 65535;
    case cudaDevAttrMaxSharedMemoryPerBlock: return SIM_SHARED_PLAIN;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return SIM_SHARED_MOST;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return SIM_SHARED_MOST + 1024;
    case cudaDevAttrMaxRegistersPerMultiprocessor: return 65536;
    case cudaDevAttrWarpSize: return 32;
    case cudaDevAttrClockRate: case cudaDevAttrMemoryClockRate: return 1000000;
    case cudaDevAttrGlobalMemoryBusWidth: return 64;
    case cudaDevAttrMultiProcessorCount: return SIM_PROCESSORS;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return SIM_RESIDENT;
    case cudaDevAttrMaxBlocksPerMultiprocessor: return 32;
    case cudaDevAttrL2CacheSize: return SIM_CACHE;
    case cudaDevAttrComputeCapabilityMajor: return 9;
    case cudaDevAttrCanMapHostMemory: case cudaDevAttrConcurrentKernels: case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrHostRegisterSupported: return 1;
    case cudaDevAttrComputeCapabilityMinor: case cudaDevAttrIntegrated: case cudaDevAttrManagedMemory: return 0;
  }
  return -1;
}

extern "C" {

cudaError_t cudaGetDeviceCount (int *n) {
  *n = 0;
  SIM_CALL("cudaGetDeviceCount");
  *n = (int)sim_cards().size();
  return cudaSuccess;
}
cudaError_t cudaGetDevice (int *i) {
  SIM_CALL("cudaGetDevice");
  *i = current;
  return cudaSuccess;
}
cudaError_t cudaSetDevice (int i) {
  SIM_CALL("cudaSetDevice");
  if (i < 0 || i >= (int)sim_cards().size()) return sim_fail(cudaErrorInvalidDevice);
  current = i;
  return sim_fail(sim_card()->broken);
}
cudaError_t cudaSetDeviceFlags (unsigned) {
  SIM_CALL("cudaSetDeviceFlags");
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties (cudaDeviceProp *p, int i) {
  SIM_CALL("cudaGetDeviceProperties");
  if (i < 0 || i >= (int)sim_cards().size()) return sim_fail(cudaErrorInvalidDevice);
  memset(p, 0, sizeof *p);
  snprintf(p->name, sizeof p->name, "Simulated card (no GPU)");
  memcpy(p->uuid.bytes, "simulated card", 15);
  p->uuid.bytes[15] = (char)i;
  p->totalGlobalMem = sim_settings().memory;
  p->sharedMemPerBlock = SIM_SHARED_PLAIN;
  p->sharedMemPerBlockOptin = SIM_SHARED_MOST;
  p->sharedMemPerMultiprocessor = SIM_SHARED_MOST + 1024;
  p->reservedSharedMemPerBlock = 1024;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = 32;
  p->memPitch = 0x7FFFFFFF;
  p->maxThreadsPerBlock = SIM_MAX_THREADS;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = SIM_MAX_THREADS;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 0x7FFFFFFF;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->totalConstMem = 64 << 10;
  p->major = 9;
  p->multiProcessorCount = SIM_PROCESSORS;
  p->canMapHostMemory = p->concurrentKernels = p->unifiedAddressing = p->streamPrioritiesSupported = 1;
  p->pciBusID = i + 1;
  p->asyncEngineCount = 1;
  p->memoryBusWidth = 64;
  p->l2CacheSize = SIM_CACHE;
  p->maxThreadsPerMultiProcessor = SIM_RESIDENT;
  p->maxBlocksPerMultiProcessor = 32;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute (int *value, cudaDeviceAttr what, int i) {
  SIM_CALL("cudaDeviceGetAttribute");
  if (i < 0 || i >= (int)sim_cards().size()) return sim_fail(cudaErrorInvalidDevice);
  *value = attribute(what);
  return sim_fail(*value < 0 ? cudaErrorInvalidValue : cudaSuccess);
}
cudaError_t cudaDeviceGetPCIBusId (char *s, int n, int i) {
  SIM_CALL("cudaDeviceGetPCIBusId");
  if (i < 0 || i >= (int)sim_cards().size()) return sim_fail(cudaErrorInvalidDevice);
  snprintf(s, (size_t)n, "0000:%02X:00.0", i + 1);
  return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange (int *least, int *greatest) {
  SIM_CALL("cudaDeviceGetStreamPriorityRange");
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer (int *can, int, int) {
  SIM_CALL("cudaDeviceCanAccessPeer");
  *can = 0;                                  /* copies go, kernels do not reach over */
  return cudaSuccess;
}

}
