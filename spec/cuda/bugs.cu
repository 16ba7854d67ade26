/*
** bugs.cu -- mistakes that kernels and their callers make, each beside its right twin, for sim_spec.lua to see that
** the simulator notices them.     bugs KIND [right]
** Prints "fine", or what was noticed: a wrong result, or an error of the runtime with its words.
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch.h"

static bool right;                           /* the twin without the mistake */
static const int N = 256;
static float *x, *y;                         /* N floats each, on the card; x[i] = i */
static float host[N];
static cudaStream_t stream;

#define KERNEL static __global__ void
#define LAUNCH(kernel, grid, block, shared, ...) \
  check(cu_begin(kernel, dim3(grid), dim3(block), shared, stream, __VA_ARGS__), #kernel)

static void check (cudaError_t e, const char *what) {
  if (e == cudaSuccess) return;
  printf("%s: %s (%d): %s\n", what, cudaGetErrorName(e), (int)e, cudaGetErrorString(e));
  exit(1);
}

/* waits, and compares y with what is wanted */
static void expect (float (*f) (int)) {
  check(cudaStreamSynchronize(stream), "sync");
  check(cudaMemcpy(host, y, sizeof host, cudaMemcpyDeviceToHost), "copy");
  for (int i = 0; i < N; i++)
    if (host[i] != f(i)) {
      printf("wrong: y[%d] is %g where %g is expected\n", i, host[i], f(i));
      exit(1);
    }
}
static float same (int i) { return (float)i; }
static float turned (int i) { return (float)(N - 1 - i); }
static float next (int i) { return (float)(i < N - 1 ? i + 1 : i); }
static float twice (int i) { return 2.0f * (float)i; }

KERNEL k_copy (const float *from, float *to, int n) {
  int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) to[i] = from[i];
}

/* ---- kernels ---- */
KERNEL k_turn (const float *from, float *to, bool wait) {
  CU_SHARED(float, s, N);
  s[threadIdx.x] = from[threadIdx.x];
  if (wait) __syncthreads();
  to[threadIdx.x] = s[N - 1 - threadIdx.x];
}
static void missing_barrier () { LAUNCH(k_turn, 1, N, 0, x, y, right); expect(turned); }

KERNEL k_past (const float *from, float *to, long at) {
  to[threadIdx.x] = from[threadIdx.x];
  if (threadIdx.x == 7) to[at] = 7;
}
static void global_write () { LAUNCH(k_past, 1, N, 0, x, y, right ? 7 : N); expect(same); }
static void global_far () { LAUNCH(k_past, 1, N, 0, x, y, right ? 7 : 1L << 28); expect(same); }

KERNEL k_shared (const float *from, float *to, int step) {
  CU_SHARED(float, s, N);
  float *p = s;                              /* a pointer: nothing knows its bounds */
  s[threadIdx.x] = 0;
  __syncthreads();
  p[threadIdx.x + (unsigned)step] = 1;
  __syncthreads();
  to[threadIdx.x] = from[threadIdx.x];
}
static void shared_write () { LAUNCH(k_shared, 1, N, 0, x, y, right ? 0 : 1); expect(same); }

KERNEL k_index (const float *from, float *to, int step) {
  CU_SHARED(float, s, N);
  s[threadIdx.x + (unsigned)step] = from[threadIdx.x];
  to[threadIdx.x] = s[threadIdx.x + (unsigned)step];
}
static void shared_index () { LAUNCH(k_index, 1, N, 0, x, y, right ? 0 : 1); expect(same); }

KERNEL k_dynamic (const float *from, float *to, int step) {
  CU_DYN_SHARED(float, s);
  s[threadIdx.x + (unsigned)step] = from[threadIdx.x];
  __syncthreads();
  to[threadIdx.x] = s[threadIdx.x + (unsigned)step];
}
static void dynamic_write () { LAUNCH(k_dynamic, 1, N, sizeof(float) * N, x, y, right ? 0 : 1); expect(same); }

KERNEL k_sum (const float *from, float *to, bool clear) {
  CU_SHARED(float, s, N);
  if (clear) s[threadIdx.x] = 0;
  s[threadIdx.x] += from[threadIdx.x];
  to[threadIdx.x] = s[threadIdx.x];
}
static void fresh_shared () { LAUNCH(k_sum, 1, N, 0, x, y, right); expect(same); }

KERNEL k_add (const float *from, float *to) { to[threadIdx.x] += from[threadIdx.x]; }
static void fresh_memory () {
  if (right) check(cudaMemsetAsync(y, 0, sizeof host, stream), "set");
  LAUNCH(k_add, 1, N, 0, x, y);
  expect(same);
}

KERNEL k_places (const float *from, float *to, unsigned half) {
  if (threadIdx.x < half) {
    to[threadIdx.x] = from[threadIdx.x];
    __syncthreads();
  } else {
    __syncthreads();
    to[threadIdx.x] = from[threadIdx.x];
  }
}
static void diverged_barrier () { LAUNCH(k_places, 1, N, 0, x, y, right ? N : N / 2); expect(same); }

KERNEL k_left (const float *from, float *to, unsigned n) {
  to[threadIdx.x] = from[threadIdx.x];
  if (threadIdx.x >= n) return;
  __syncthreads();
}
static void left_barrier () { LAUNCH(k_left, 1, N, 0, x, y, right ? N : N - 8); expect(same); }

KERNEL k_lanes (const float *from, float *to, unsigned n) {
  float v = from[threadIdx.x];
  if ((threadIdx.x & 31) < n) v = __shfl_xor_sync(~0u, v, 0);
  __syncwarp();
  to[threadIdx.x] = v;
}
static void absent_lanes () { LAUNCH(k_lanes, 1, N, 0, x, y, right ? 32 : 16); expect(same); }

KERNEL k_outside (const float *from, float *to, unsigned mask) {
  float v = from[threadIdx.x];
  int lane = (int)(threadIdx.x & 31);
  if (mask >> lane & 1) v = __shfl_sync(mask, v, lane ^ 1) + __shfl_sync(mask, v, lane);
  to[threadIdx.x] = from[threadIdx.x] + 0 * v;
}
static void unnamed_lane () { LAUNCH(k_outside, 1, N, 0, x, y, right ? ~0u : 0x7FFFFFFFu); expect(same); }

KERNEL k_vector (const float *from, float *to, int start) {
  int i = (int)(4 * threadIdx.x) + start;
  if (i + 4 > N) return;
  *(float4 *)(to + i) = *(const float4 *)(from + i);
}
static void misaligned () {
  check(cudaMemcpyAsync(y, x, sizeof host, cudaMemcpyDeviceToDevice, stream), "copy");
  LAUNCH(k_vector, 1, N / 4, 0, x, y, right ? 0 : 1);
  expect(same);
}

KERNEL k_chain (const float *from, float *to) {   /* each block takes what the one before it has left */
  to[blockIdx.x] = from[blockIdx.x] + (blockIdx.x == 0 ? 0 : to[blockIdx.x - 1] - from[blockIdx.x - 1]);
}
static void block_order () {
  if (right) LAUNCH(k_copy, 2, N / 2, 0, x, y, N);
  else LAUNCH(k_chain, N, 1, 0, x, y);
  expect(same);
}

KERNEL k_shift (const float *from, float *to, bool wait) {   /* each takes its neighbour's before that one has it */
  CU_SHARED(float, s, N);
  s[threadIdx.x] = from[threadIdx.x];
  __syncthreads();
  float v = s[threadIdx.x < N - 1 ? threadIdx.x + 1 : threadIdx.x];
  if (wait) __syncthreads();
  s[threadIdx.x] = v;
  __syncthreads();
  to[threadIdx.x] = s[threadIdx.x];
}
static void thread_order () { LAUNCH(k_shift, 1, N, 0, x, y, right); expect(next); }

KERNEL k_lane_shift (const float *from, float *to, bool wait) {
  CU_SHARED(float, s, N);
  s[threadIdx.x] = from[threadIdx.x];
  __syncthreads();
  for (unsigned w = 0; w < N / 32; w++) {    /* the warps one after another, from the first */
    float v = 0;
    if (threadIdx.x / 32 == w) {
      __syncwarp();
      v = s[threadIdx.x < N - 1 ? threadIdx.x + 1 : threadIdx.x];
      if (wait) __syncwarp();
      s[threadIdx.x] = v;
    }
    __syncthreads();
  }
  to[threadIdx.x] = s[threadIdx.x];
}
static void lane_order () { LAUNCH(k_lane_shift, 1, N, 0, x, y, right); expect(next); }

KERNEL k_divide (const float *from, float *to, int by) { to[threadIdx.x] = (float)((int)from[threadIdx.x] / by); }
static void zero_divide () { LAUNCH(k_divide, 1, N, 0, x, y, right ? 1 : 0); expect(same); }

/* ---- callers ---- */
static void host_touch () {
  LAUNCH(k_copy, 1, N, 0, x, y, N);
  expect(same);
  if (!right) host[0] = y[0];
}

static void host_argument () {
  if (right) check(cudaHostRegister(host, sizeof host, 0), "register");
  for (int i = 0; i < N; i++) host[i] = (float)i;
  LAUNCH(k_copy, 1, N, 0, host, y, N);
  expect(same);
}

static void early_read () {                  /* the answer is looked at before its copy ran */
  float *pinned;
  check(cudaMallocHost(&pinned, sizeof host), "pinned");
  check(cudaMemcpyAsync(pinned, x, sizeof host, cudaMemcpyDeviceToHost, stream), "copy");
  if (right) check(cudaStreamSynchronize(stream), "sync");
  if (pinned[3] != 3) { printf("wrong: the answer is %g\n", pinned[3]); exit(1); }
}

static void early_write () {                 /* the source is written again before its copy ran */
  float *pinned;
  check(cudaMallocHost(&pinned, sizeof host), "pinned");
  for (int i = 0; i < N; i++) pinned[i] = (float)i;
  check(cudaMemcpyAsync(y, pinned, sizeof host, cudaMemcpyHostToDevice, stream), "copy");
  if (right) check(cudaStreamSynchronize(stream), "sync");
  for (int i = 0; i < N; i++) pinned[i] = -1;
  expect(same);
}

static void unordered_streams () {           /* one stream uses what another makes, without an event */
  cudaStream_t maker;
  cudaEvent_t made;
  check(cudaStreamCreateWithFlags(&maker, cudaStreamNonBlocking), "stream");
  check(cudaEventCreateWithFlags(&made, cudaEventDisableTiming), "event");
  float *z;
  check(cudaMalloc(&z, sizeof host), "malloc");
  check(cu_begin(k_copy, dim3(1), dim3(N), 0, maker, x, z, N), "launch");
  check(cudaEventRecord(made, maker), "record");
  if (right) check(cudaStreamWaitEvent(stream, made, 0), "wait");
  LAUNCH(k_copy, 1, N, 0, z, y, N);
  expect(same);
}

/* k_copy and k_add in a graph, with something in the middle that a capture refuses */
static void capture (int what) {
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  void *p = NULL;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin");
  LAUNCH(k_copy, 1, N, 0, x, y, N);
  if (!right) {
    cudaError_t e = what == 0 ? cudaStreamSynchronize(stream) : what == 1 ? cudaMalloc(&p, 64) :
                    what == 2 ? cudaMemcpyAsync(y, host, sizeof host, cudaMemcpyHostToDevice, stream) :
                    cudaDeviceSynchronize();
    printf("refused with %d; ", (int)e);
  }
  LAUNCH(k_add, 1, N, 0, x, y);
  check(cudaStreamEndCapture(stream, &graph), "end");
  check(cudaGraphInstantiate(&exec, graph, 0), "instantiate");
  check(cudaGraphDestroy(graph), "destroy");
  check(cudaMemsetAsync(y, 0, sizeof host, stream), "set");
  for (int i = 0; i < 3; i++) check(cudaGraphLaunch(exec, stream), "graph");
  check(cudaGraphExecDestroy(exec), "destroy");
  expect(twice);
}
static void capture_sync () { capture(0); }
static void capture_malloc () { capture(1); }
static void capture_pageable () { capture(2); }
static void capture_device () { capture(3); }

static void capture_fork () {                /* a second stream in the capture, joined or not */
  cudaStream_t other;
  cudaEvent_t fork, join;
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  check(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), "stream");
  check(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming), "event");
  check(cudaEventCreateWithFlags(&join, cudaEventDisableTiming), "event");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
  check(cudaEventRecord(fork, stream), "record");
  check(cudaStreamWaitEvent(other, fork, 0), "wait");
  check(cu_begin(k_copy, dim3(1), dim3(N), 0, other, x, y, N), "launch");
  check(cudaEventRecord(join, other), "record");
  if (right) check(cudaStreamWaitEvent(stream, join, 0), "wait");
  LAUNCH(k_add, 1, N, 0, x, y);
  check(cudaStreamEndCapture(stream, &graph), "end");
  check(cudaGraphInstantiate(&exec, graph, 0), "instantiate");
  check(cudaGraphLaunch(exec, stream), "graph");
  expect(twice);
}

static void graph_freed () {                 /* a graph that runs after its memory was given back */
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  float *z;
  check(cudaMalloc(&z, sizeof host), "malloc");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin");
  check(cudaMemcpyAsync(z, x, sizeof host, cudaMemcpyDeviceToDevice, stream), "copy");
  check(cudaMemcpyAsync(y, z, sizeof host, cudaMemcpyDeviceToDevice, stream), "copy");
  check(cudaStreamEndCapture(stream, &graph), "end");
  check(cudaGraphInstantiate(&exec, graph, 0), "instantiate");
  if (!right) check(cudaFree(z), "free");
  check(cudaGraphLaunch(exec, stream), "graph");
  expect(same);
}

static void large_block () { LAUNCH(k_copy, 1, right ? N : 2 * 1024, 0, x, y, N); expect(same); }
static void large_shared () {
  size_t n = 100 << 10;
  cudaFuncAttribute most = cudaFuncAttributeMaxDynamicSharedMemorySize;
  if (right) check(cudaFuncSetAttribute((const void *)k_dynamic, most, (int)n), "attribute");
  check(cu_begin(k_dynamic, dim3(1), dim3(N), n, stream, x, y, 0), "launch");       
  expect(same);
}
static void double_free () {
  void *p;
  check(cudaMalloc(&p, 64), "malloc");
  check(cudaFree(p), "free");
  if (!right) check(cudaFree(p), "free");
}
static void copy_past () { check(cudaMemcpy(host, y, sizeof host + (right ? 0 : 4), cudaMemcpyDeviceToHost), "copy"); }

static const struct { const char *name; void (*run) (); } kinds[] = {
#define KIND(name) { #name, name }
  KIND(missing_barrier), KIND(global_write), KIND(global_far), KIND(shared_write), KIND(shared_index),
  KIND(dynamic_write), KIND(fresh_shared), KIND(fresh_memory), KIND(diverged_barrier), KIND(left_barrier),
  KIND(absent_lanes), KIND(unnamed_lane), KIND(misaligned), KIND(block_order), KIND(thread_order),
  KIND(lane_order), KIND(zero_divide),
  KIND(host_touch), KIND(host_argument), KIND(early_read), KIND(early_write), KIND(unordered_streams),
  KIND(capture_sync), KIND(capture_malloc), KIND(capture_pageable),
  KIND(capture_device), KIND(capture_fork), KIND(graph_freed), KIND(large_block), KIND(large_shared),
  KIND(double_free), KIND(copy_past)
};

int main (int argc, char **argv) {
  right = argc > 2 && strcmp(argv[2], "right") == 0;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  check(cudaMalloc(&x, sizeof host), "malloc");
  check(cudaMalloc(&y, sizeof host), "malloc");
  for (int i = 0; i < N; i++) host[i] = (float)i;
  check(cudaMemcpyAsync(x, host, sizeof host, cudaMemcpyHostToDevice, stream), "copy");
  check(cudaStreamSynchronize(stream), "sync");
  for (const auto &k : kinds) {
    if (argc < 2 || strcmp(argv[1], k.name) != 0) continue;
    k.run();
    check(cudaDeviceSynchronize(), "end");
    puts("fine");
    return 0;
  }
  for (const auto &k : kinds) puts(k.name);
  return argc < 2 ? 0 : 2;
}
