/*
** sim.h -- kernels on a CPU: what a .cu file sees of the simulator.  For tests only.
**
** The plugin's own .cu and .c files, built by g++ with this folder first on the include path and TL_CUDA_SIM
** defined, are the simulated plugin: same sources, no GPU.  It is made to find mistakes, not to be fast.
**
** Kernels.  Blocks run one after another.  The threads of a block are fibres: each runs to its next barrier or warp
** operation and then gives way to the next; a thread that never waits costs a function call.  A barrier is passed when
** every thread of the block stands at that same line; a warp operation when every lane named in its mask does.
** If nobody can go on, the kernel is at fault: the launch ends and the card answers cudaErrorLaunchFailure from then
** on, as a card does, and cudaGetErrorString tells what happened and on which lines.
**
** Memory.  Device memory is an arena per card that can't be read or written outside kernels and copies: host code that
** touches it dies with a message and SIGSEGV.  A kernel that touches what is not memory gives cudaErrorIllegalAddress.
** Fresh device memory and fresh shared memory hold 0xFF bytes: NaN, or -1.  Around every allocation and every shared
** array lies a red zone, looked at after each kernel; with -fsanitize=address it is poisoned, and a report names the
** line.  Built with -fsanitize=alignment,bounds (no run-time library: sim_check.cpp answers), every access of a kernel
** is checked for its type's alignment, 16 bytes for float4, and every index of an array of known length for its range.
**
** Streams keep queues.  An operation reads its operands when it runs, not when it was queued.
** Limits: one thread of execution, so no races between blocks and no memory ordering, and a block that waits for
** another hangs; the C library's functions and the CPU's conversions of NaN and too large floats to integers; no tensor
** cores; pageable host memory that a kernel reaches through a pointer inside a struct is not noticed (a plain pointer
** argument is).
**
** The environment, read once:
**   TLUA_CUDA_SIM_ORDER   now: work runs when it is queued.  late: when somebody waits for it, and then only what that
**                         wait needs; a query runs one operation.  shuffle: streams take turns at random,
**                         and so do the nodes of a graph
**   TLUA_CUDA_SIM_SEED    seed of every random choice (1)
**   TLUA_CUDA_SIM_BLOCKS  forward, reverse or shuffle: order of the blocks of a launch
**   TLUA_CUDA_SIM_THREADS forward, reverse or shuffle: order in which the threads of a block begin, and
**                         in which they go on after a barrier or a warp operation
**   TLUA_CUDA_SIM_MEM     bytes of device memory of a card (1 GiB)
**   TLUA_CUDA_SIM_CARDS   cards in the machine (1)
**   TLUA_CUDA_SIM_DRIVER  the driver's version (13000); 0: there is none
**   TLUA_CUDA_SIM_FAIL    function:n[=code],...  the n-th call of a function fails with the code (cudaMalloc:3,
**                         cudaLaunchKernel:2=719); n+ every call from the n-th on
*/
#ifndef sim_h
#define sim_h

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>

#include "cuda_runtime.h"

/* ---- where a thread is; set whenever another fibre goes on ---- */
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

#define SIM_HERE  const char *file = __builtin_FILE(), int line = __builtin_LINE()

/* ---- shared memory ---- */
struct sim_Shared {                          /* one per declaration in the program */
  const char *name, *function;
  unsigned long long block;                  /* the block it was made for */
  void *at;
};
void *sim_shared (sim_Shared *, size_t bytes, size_t align);
void *sim_dynamic_shared (size_t align);

#define CU_SHARED(T, name, n) \
  static sim_Shared name##_shared = { #name, __func__, 0, nullptr }; \
  T (&name)[n] = *(T (*)[n])sim_shared(&name##_shared, sizeof(T) * (n), alignof(T))
#define CU_DYN_SHARED(T, name)  T *name = (T *)sim_dynamic_shared(alignof(T))

/* ---- barriers: value is that of all threads of the block, told to each ---- */
enum sim_Barrier { SIM_SYNC, SIM_OR, SIM_AND, SIM_COUNT };
int sim_barrier (sim_Barrier, int value, const char *file, int line);

SIM_FN void __syncthreads (SIM_HERE) { sim_barrier(SIM_SYNC, 0, file, line); }
SIM_FN int __syncthreads_or (int p, SIM_HERE) { return sim_barrier(SIM_OR, p != 0, file, line) != 0; }
SIM_FN int __syncthreads_and (int p, SIM_HERE) { return sim_barrier(SIM_AND, p != 0, file, line); }
SIM_FN int __syncthreads_count (int p, SIM_HERE) { return sim_barrier(SIM_COUNT, p != 0, file, line); }
SIM_FN void __threadfence () {}
SIM_FN void __threadfence_block () {}
SIM_FN void __threadfence_system () {}

/* ---- warp operations: bits in, bits out ---- */
enum sim_Warp {
  SIM_WARP_SYNC, SIM_INDEX, SIM_UP, SIM_DOWN, SIM_XOR, SIM_BALLOT, SIM_MATCH, SIM_ADD, SIM_MIN, SIM_MAX,
  SIM_UMIN, SIM_UMAX, SIM_BITAND, SIM_BITOR, SIM_BITXOR
};
unsigned long long sim_warp (sim_Warp, unsigned mask, unsigned long long bits, int lane, int width,
                             const char *file, int line);
unsigned sim_active (void);

SIM_FN unsigned __activemask () { return sim_active(); }
SIM_FN void __syncwarp (unsigned mask = ~0u, SIM_HERE) { sim_warp(SIM_WARP_SYNC, mask, 0, 0, 32, file, line); }
SIM_FN unsigned __ballot_sync (unsigned mask, int p, SIM_HERE) {
  return (unsigned)sim_warp(SIM_BALLOT, mask, p != 0, 0, 32, file, line);
}
SIM_FN int __any_sync (unsigned mask, int p, SIM_HERE) {
  return sim_warp(SIM_BALLOT, mask, p != 0, 0, 32, file, line) != 0;
}
SIM_FN int __all_sync (unsigned mask, int p, SIM_HERE) {
  return sim_warp(SIM_BALLOT, mask, p != 0, 0, 32, file, line) == mask;
}

#define SIM_SHUFFLE(T) \
  SIM_FN T sim_shuffle (sim_Warp how, unsigned mask, T v, int lane, int width, const char *file, int line) { \
    unsigned long long bits = 0; \
    memcpy(&bits, &v, sizeof v); \
    bits = sim_warp(how, mask, bits, lane, width, file, line); \
    memcpy(&v, &bits, sizeof v); \
    return v; \
  } \
  SIM_FN T __shfl_sync (unsigned mask, T v, int lane, int width = 32, SIM_HERE) { \
    return sim_shuffle(SIM_INDEX, mask, v, lane, width, file, line); \
  } \
  SIM_FN T __shfl_up_sync (unsigned mask, T v, unsigned n, int width = 32, SIM_HERE) { \
    return sim_shuffle(SIM_UP, mask, v, (int)n, width, file, line); \
  } \
  SIM_FN T __shfl_down_sync (unsigned mask, T v, unsigned n, int width = 32, SIM_HERE) { \
    return sim_shuffle(SIM_DOWN, mask, v, (int)n, width, file, line); \
  } \
  SIM_FN T __shfl_xor_sync (unsigned mask, T v, int n, int width = 32, SIM_HERE) { \
    return sim_shuffle(SIM_XOR, mask, v, n, width, file, line); \
  }
SIM_SHUFFLE(int)
SIM_SHUFFLE(unsigned)
SIM_SHUFFLE(long)
SIM_SHUFFLE(unsigned long)
SIM_SHUFFLE(long long)
SIM_SHUFFLE(unsigned long long)
SIM_SHUFFLE(float)
SIM_SHUFFLE(double)
#undef SIM_SHUFFLE

SIM_FN unsigned __match_any_sync (unsigned mask, unsigned v, SIM_HERE) {
  return (unsigned)sim_warp(SIM_MATCH, mask, v, 0, 32, file, line);
}
SIM_FN unsigned __match_any_sync (unsigned mask, unsigned long long v, SIM_HERE) {
  return (unsigned)sim_warp(SIM_MATCH, mask, v, 0, 32, file, line);
}
#define SIM_REDUCE(name, T, how) \
  SIM_FN T name (unsigned mask, T v, SIM_HERE) { \
    return (T)sim_warp(how, mask, (unsigned long long)v, 0, 32, file, line); \
  }
SIM_REDUCE(__reduce_add_sync, unsigned, SIM_ADD)
SIM_REDUCE(__reduce_add_sync, int, SIM_ADD)
SIM_REDUCE(__reduce_min_sync, unsigned, SIM_UMIN)
SIM_REDUCE(__reduce_min_sync, int, SIM_MIN)
SIM_REDUCE(__reduce_max_sync, unsigned, SIM_UMAX)
SIM_REDUCE(__reduce_max_sync, int, SIM_MAX)
SIM_REDUCE(__reduce_and_sync, unsigned, SIM_BITAND)
SIM_REDUCE(__reduce_or_sync, unsigned, SIM_BITOR)
SIM_REDUCE(__reduce_xor_sync, unsigned, SIM_BITXOR)
#undef SIM_REDUCE

/* ---- atomics: one thread runs at a time, so plain ones; the old value is told ---- */
#define SIM_ATOMIC(name, T, next) \
  SIM_FN T name (T *p, T v) { T old = *p; *p = (T)(next); return old; }
#define SIM_ATOMICS(T) \
  SIM_ATOMIC(atomicExch, T, v) \
  SIM_ATOMIC(atomicMin, T, v < old ? v : old) \
  SIM_ATOMIC(atomicMax, T, v > old ? v : old) \
  SIM_ATOMIC(atomicAnd, T, old & v) \
  SIM_ATOMIC(atomicOr, T, old | v) \
  SIM_ATOMIC(atomicXor, T, old ^ v)
#define SIM_CAS(T) \
  SIM_FN T atomicCAS (T *p, T expected, T v) { T old = *p; if (old == expected) *p = v; return old; }
SIM_ATOMICS(int)
SIM_ATOMICS(unsigned)
SIM_ATOMICS(unsigned long long)
SIM_ATOMIC(atomicMin, long long, v < old ? v : old)
SIM_ATOMIC(atomicMax, long long, v > old ? v : old)
SIM_ATOMIC(atomicAnd, long long, old & v)
SIM_ATOMIC(atomicOr, long long, old | v)
SIM_ATOMIC(atomicXor, long long, old ^ v)
SIM_ATOMIC(atomicExch, float, v)
SIM_ATOMIC(atomicAdd, int, (int)((unsigned)old + (unsigned)v))
SIM_ATOMIC(atomicAdd, unsigned, old + v)
SIM_ATOMIC(atomicAdd, unsigned long long, old + v)
SIM_ATOMIC(atomicAdd, float, old + v)
SIM_ATOMIC(atomicAdd, double, old + v)
SIM_ATOMIC(atomicSub, int, (int)((unsigned)old - (unsigned)v))
SIM_ATOMIC(atomicSub, unsigned, old - v)
SIM_ATOMIC(atomicInc, unsigned, old >= v ? 0 : old + 1)
SIM_ATOMIC(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
SIM_CAS(int)
SIM_CAS(unsigned)
SIM_CAS(unsigned long long)
SIM_CAS(unsigned short)
#undef SIM_ATOMIC
#undef SIM_ATOMICS
#undef SIM_CAS

/* ---- launches ---- */
struct sim_Launch {
  const void *kernel;
  dim3 grid, block;
  size_t shared;
  std::function<void ()> thread;             /* one thread's life, arguments and all */
  const void *pointers[64];                  /* the arguments that are plain pointers */
  int npointers;
};
cudaError_t sim_launch_it (const std::shared_ptr<sim_Launch> &, cudaStream_t);

/*
** Work of a library on a stream: runs in the stream's order, with device memory open to it, and goes into a capture
** like a kernel.  It gives cudaSuccess, or what the card is to answer from then on.
*/
cudaError_t sim_queue (cudaStream_t, const char *name, std::function<cudaError_t ()>);

/* what the last fault of a kernel was, in words; "" if there was none */
extern "C" const char *sim_report (void);

template <class T> static inline void sim_note_pointer (sim_Launch &l, const T &v) {
  if constexpr (std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) {
    if (l.npointers < 64) l.pointers[l.npointers++] = (const void *)v;
  } else {
    (void)l;
    (void)v;
  }
}

template <class... P, class... A>
static inline cudaError_t
sim_launch (void (*kernel) (P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... args) {
  static_assert(sizeof(std::tuple<P...>) <= 32764 || sizeof...(P) == 0, "kernel parameters are at most 32,764 bytes");
  static_assert((std::is_trivially_copyable_v<P> && ...), "kernel parameters are copied as bytes");
  auto launch = std::make_shared<sim_Launch>();
  launch->kernel = (const void *)kernel;
  launch->grid = grid;
  launch->block = block;
  launch->shared = shared;
  launch->npointers = 0;
  (sim_note_pointer<P>(*launch, (P)args), ...);
  launch->thread = [kernel, list = std::tuple<P...>((P)args...)] () { std::apply(kernel, list); };
  return sim_launch_it(launch, stream);
}

#endif
