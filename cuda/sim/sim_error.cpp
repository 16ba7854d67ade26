/*
** sim_error.cpp -- the environment, errors in CUDA's words, injected errors, and what every call of the runtime does
** first.  A fault of a kernel breaks its card for good, as on hardware; what happened is kept in words.
*/
#include <stdlib.h>
#include <strings.h>

#include "sim_inside.h"

static std::recursive_mutex &make_lock () { static auto *m = new std::recursive_mutex(); return *m; }
std::recursive_mutex &sim_lock = make_lock();

thread_local bool sim_in_host_function;
static thread_local cudaError_t last;
static thread_local char this_thread;
const void *sim_thread () { return &this_thread; }

/* ---- the environment ---- */
static long long number (const char *name, long long otherwise) {
  const char *s = getenv(name);
  return s != nullptr && s[0] != 0 ? strtoll(s, nullptr, 0) : otherwise;
}
static int choice (const char *name, const char *second, const char *third) {
  const char *s = getenv(name);
  return s == nullptr ? 0 : strcasecmp(s, second) == 0 ? 1 : strcasecmp(s, third) == 0 ? 2 : 0;
}
static sim_Settings read_settings () {
  sim_Settings s;
  s.order = (decltype(s.order))choice("TLUA_CUDA_SIM_ORDER", "late", "shuffle");
  s.blocks = (decltype(s.blocks))choice("TLUA_CUDA_SIM_BLOCKS", "reverse", "shuffle");
  s.threads = (decltype(s.threads))choice("TLUA_CUDA_SIM_THREADS", "reverse", "shuffle");
  long long memory = number("TLUA_CUDA_SIM_MEM", 1LL << 30);
  s.memory = memory < 512 ? 512 : (size_t)memory;
  long long cards = number("TLUA_CUDA_SIM_CARDS", 1);
  s.cards = cards < 0 ? 0 : cards > 16 ? 16 : (int)cards;
  s.driver = (int)number("TLUA_CUDA_SIM_DRIVER", CUDART_VERSION);
  return s;
}
const sim_Settings &sim_settings () {
  static const sim_Settings s = read_settings();
  return s;
}

unsigned long long sim_random () {           /* splitmix64 */
  static unsigned long long state = (unsigned long long)number("TLUA_CUDA_SIM_SEED", 1);
  unsigned long long z = state += 0x9E3779B97F4A7C15ull;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ z >> 27) * 0x94D049BB133111EBull;
  return z ^ z >> 31;
}

/* ---- injected errors: function:n[+][=code] ---- */
struct Injected { std::string function; long n; bool on; int code; };

static std::vector<Injected> read_injected () {
  std::vector<Injected> list;
  const char *s = getenv("TLUA_CUDA_SIM_FAIL");
  while (s != nullptr && *s != 0) {
    const char *colon = strchr(s, ':');
    if (colon == nullptr) break;
    Injected i = { std::string(s, (size_t)(colon - s)), 0, false, 0 };
    char *end;
    i.n = strtol(colon + 1, &end, 10);
    if (*end == '+') { i.on = true; end++; }
    if (*end == '=') i.code = (int)strtol(end + 1, &end, 10);
    if (i.code == 0) {
      bool memory = i.function == "cudaMalloc" || i.function == "cudaHostAlloc" || i.function == "cudaMallocHost";
      i.code = memory ? cudaErrorMemoryAllocation :
               i.function == "cudaLaunchKernel" ? cudaErrorLaunchOutOfResources : cudaErrorUnknown;
    }
    list.push_back(i);
    s = *end == ',' ? end + 1 : end;
    if (end == colon + 1) break;
  }
  return list;
}

static cudaError_t injected (const char *function) {
  static auto *list = new std::vector<Injected>(read_injected());
  static auto *calls = new std::map<std::string, long>();
  if (list->empty()) return cudaSuccess;
  long n = ++(*calls)[function];
  for (const Injected &i : *list)
    if (i.function == function && (i.n == n || (i.on && n > i.n))) return (cudaError_t)i.code;
  return cudaSuccess;
}

/* ---- errors ---- */
bool sim_is_sticky (cudaError_t e) {
  return e == cudaErrorIllegalAddress || e == cudaErrorLaunchTimeout || e == cudaErrorECCUncorrectable ||
         e == cudaErrorAssert || (e >= cudaErrorHardwareStackError && e <= cudaErrorLaunchFailure);
}

static std::string &report () { static auto *s = new std::string(); return *s; }
void sim_tell (const std::string &words) { report() = words; }
extern "C" const char *sim_report () { return report().c_str(); }

void sim_break (sim_Card *card, cudaError_t e) {
  if (card->broken == cudaSuccess) card->broken = e;
}

cudaError_t sim_fail (cudaError_t e) {
  if (e != cudaSuccess) last = e;
  return e;
}

cudaError_t sim_enter (const char *function) {
  int driver = sim_settings().driver;
  if (driver < CUDART_VERSION / 1000 * 1000) return cudaErrorInsufficientDriver;
  if (sim_settings().cards == 0) return cudaErrorNoDevice;
  if (sim_in_host_function) return cudaErrorNotPermitted;
  cudaError_t e = injected(function);
  sim_Card *card = sim_card();
  if (sim_is_sticky(e)) {
    sim_tell("an injected error of " + std::string(function));
    sim_break(card, e);
  }
  return card->broken != cudaSuccess ? card->broken : e;
}

extern "C" {

cudaError_t cudaGetLastError () {
  cudaError_t e = last;
  if (e == cudaSuccess || !sim_is_sticky(e)) last = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError () { return last; }

const char *cudaGetErrorName (cudaError_t e) {
  switch ((int)e) {
    case 0: return "cudaSuccess";
#define ERROR(name, code, words) case code: return "cudaError" #name;
#include "sim_errors.def"
#undef ERROR
  }
  return "unrecognized error code";
}

/* what broke the card, in words, follows CUDA's own */
const char *cudaGetErrorString (cudaError_t e) {
  const char *words = "unrecognized error code";
  switch ((int)e) {
    case 0: words = "no error"; break;
#define ERROR(name, code, text) case code: words = text; break;
#include "sim_errors.def"
#undef ERROR
  }
  if (!sim_is_sticky(e) || report().empty()) return words;
  static auto *kept = new std::set<std::string>();
  std::lock_guard<std::recursive_mutex> held(sim_lock);
  return kept->insert(std::string(words) + " (simulator: " + report() + ")").first->c_str();
}

cudaError_t cudaDriverGetVersion (int *n) {
  *n = sim_settings().driver;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion (int *n) {
  *n = CUDART_VERSION;
  return cudaSuccess;
}

}
