/*
** cuda_runtime.h -- the simulator's own runtime header: the names, numbers and signatures of the CUDA runtime that
** the plugin uses, for C11 and C++17.  How the simulator works is told at the head of sim.h.
** Numbers are CUDA's, so that a message or a test of them means the same on a card.
*/
#ifndef sim_cuda_runtime_h
#define sim_cuda_runtime_h

#include <stddef.h>
#include <stdint.h>

#define CUDART_VERSION  13000
#define CUDART_CB

/* ---- qualifiers: there is one kind of code here.  __shared__ is missing on purpose: see CU_SHARED ---- */
#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__        inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(n)           __attribute__((aligned(n)))

#include "sim_vectors.h"

/* ---- errors ---- */
typedef enum cudaError {
#define ERROR(name, code, words) cudaError##name = code,
#include "sim_errors.def"
#undef ERROR
  cudaSuccess = 0
} cudaError_t;

/* ---- handles ---- */
typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphNode_st *cudaGraphNode_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
typedef struct cudaGraphEdgeData { unsigned char from_port, to_port, type, reserved[5]; } cudaGraphEdgeData;
typedef void (*cudaHostFn_t) (void *);

#define cudaStreamLegacy       ((cudaStream_t)0x1)

enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1 };
enum { cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2, cudaEventInterprocess = 4 };
enum { cudaHostAllocDefault = 0, cudaHostAllocPortable = 1, cudaHostAllocMapped = 2, cudaHostAllocWriteCombined = 4 };
enum { cudaHostRegisterDefault = 0, cudaHostRegisterPortable = 1, cudaHostRegisterMapped = 2 };
enum { cudaEventRecordDefault = 0, cudaEventWaitDefault = 0 };
enum {
  cudaDeviceScheduleAuto = 0, cudaDeviceScheduleSpin = 1, cudaDeviceScheduleYield = 2,
  cudaDeviceScheduleBlockingSync = 4
};

enum cudaMemcpyKind {
  cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault
};
enum cudaMemoryType { cudaMemoryTypeUnregistered, cudaMemoryTypeHost, cudaMemoryTypeDevice, cudaMemoryTypeManaged };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed
};
enum cudaStreamCaptureStatus {
  cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive, cudaStreamCaptureStatusInvalidated
};
enum cudaGraphNodeType {
  cudaGraphNodeTypeKernel, cudaGraphNodeTypeMemcpy, cudaGraphNodeTypeMemset, cudaGraphNodeTypeHost,
  cudaGraphNodeTypeGraph, cudaGraphNodeTypeEmpty
};
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8, cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1, cudaDevAttrMaxBlockDimX = 2, cudaDevAttrMaxGridDimX = 5,
  cudaDevAttrMaxGridDimY = 6,
  cudaDevAttrMaxGridDimZ = 7, cudaDevAttrMaxSharedMemoryPerBlock = 8, cudaDevAttrWarpSize = 10,
  cudaDevAttrClockRate = 13,
  cudaDevAttrMultiProcessorCount = 16, cudaDevAttrIntegrated = 18, cudaDevAttrCanMapHostMemory = 19,
  cudaDevAttrConcurrentKernels = 31, cudaDevAttrMemoryClockRate = 36, cudaDevAttrGlobalMemoryBusWidth = 37,
  cudaDevAttrL2CacheSize = 38, cudaDevAttrMaxThreadsPerMultiProcessor = 39, cudaDevAttrUnifiedAddressing = 41,
  cudaDevAttrComputeCapabilityMajor = 75, cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81, cudaDevAttrMaxRegistersPerMultiprocessor = 82,
  cudaDevAttrManagedMemory = 83, cudaDevAttrMaxSharedMemoryPerBlockOptin = 97, cudaDevAttrHostRegisterSupported = 99,
  cudaDevAttrMaxBlocksPerMultiprocessor = 106
};

typedef struct CUuuid_st { char bytes[16]; } cudaUUID_t;
struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  size_t totalGlobalMem, sharedMemPerBlock;
  int regsPerBlock, warpSize;
  size_t memPitch;
  int maxThreadsPerBlock, maxThreadsDim[3], maxGridSize[3];
  size_t totalConstMem;
  int major, minor;
  int multiProcessorCount, integrated, canMapHostMemory, concurrentKernels, ECCEnabled;
  int pciBusID, pciDeviceID, pciDomainID, tccDriver, asyncEngineCount, unifiedAddressing;
  int memoryBusWidth, l2CacheSize, maxThreadsPerMultiProcessor, streamPrioritiesSupported;
  size_t sharedMemPerMultiprocessor;
  int regsPerMultiprocessor, managedMemory;
  size_t sharedMemPerBlockOptin, reservedSharedMemPerBlock;
  int maxBlocksPerMultiProcessor;
};
struct cudaPointerAttributes {
  enum cudaMemoryType type;
  int device;
  void *devicePointer, *hostPointer;
};
#ifndef __cplusplus
typedef struct cudaDeviceProp cudaDeviceProp;
typedef struct cudaPointerAttributes cudaPointerAttributes;
typedef enum cudaMemcpyKind cudaMemcpyKind;
#endif

#ifdef __cplusplus
extern "C" {
#define SIM_OR(value)  = value              /* default arguments, where the language has them */
#else
#define SIM_OR(value)
#endif

/* ---- cards and errors ---- */
cudaError_t cudaGetDeviceCount (int *);
cudaError_t cudaGetDevice (int *);
cudaError_t cudaSetDevice (int);
cudaError_t cudaSetDeviceFlags (unsigned);
cudaError_t cudaGetDeviceProperties (struct cudaDeviceProp *, int);
cudaError_t cudaDeviceGetAttribute (int *, enum cudaDeviceAttr, int);
cudaError_t cudaDeviceGetPCIBusId (char *, int, int);
cudaError_t cudaDeviceGetStreamPriorityRange (int *least, int *greatest);
cudaError_t cudaDeviceCanAccessPeer (int *, int, int);
cudaError_t cudaDeviceSynchronize (void);
cudaError_t cudaDeviceReset (void);
cudaError_t cudaDriverGetVersion (int *);
cudaError_t cudaRuntimeGetVersion (int *);
cudaError_t cudaGetLastError (void);
cudaError_t cudaPeekAtLastError (void);
const char *cudaGetErrorName (cudaError_t);
const char *cudaGetErrorString (cudaError_t);

/* ---- memory ---- */
cudaError_t cudaMalloc (void **, size_t);
cudaError_t cudaFree (void *);
cudaError_t cudaMallocHost (void **, size_t);
cudaError_t cudaHostAlloc (void **, size_t, unsigned flags);
cudaError_t cudaFreeHost (void *);
cudaError_t cudaHostRegister (void *, size_t, unsigned flags);
cudaError_t cudaHostUnregister (void *);
cudaError_t cudaHostGetDevicePointer (void **, void *, unsigned flags);
cudaError_t cudaPointerGetAttributes (struct cudaPointerAttributes *, const void *);
cudaError_t cudaMemGetInfo (size_t *free, size_t *total);
cudaError_t cudaMemcpy (void *, const void *, size_t, enum cudaMemcpyKind);
cudaError_t cudaMemcpyAsync (void *, const void *, size_t, enum cudaMemcpyKind, cudaStream_t SIM_OR(0));
cudaError_t cudaMemcpyPeer (void *, int, const void *, int, size_t);
cudaError_t cudaMemcpyPeerAsync (void *, int, const void *, int, size_t, cudaStream_t SIM_OR(0));
cudaError_t cudaMemcpy2DAsync (void *, size_t, const void *, size_t, size_t, size_t, enum cudaMemcpyKind,
                               cudaStream_t SIM_OR(0));
cudaError_t cudaMemset (void *, int, size_t);
cudaError_t cudaMemsetAsync (void *, int, size_t, cudaStream_t SIM_OR(0));

/* ---- streams and events ---- */
cudaError_t cudaStreamCreate (cudaStream_t *);
cudaError_t cudaStreamCreateWithFlags (cudaStream_t *, unsigned flags);
cudaError_t cudaStreamCreateWithPriority (cudaStream_t *, unsigned flags, int priority);
cudaError_t cudaStreamDestroy (cudaStream_t);
cudaError_t cudaStreamSynchronize (cudaStream_t);
cudaError_t cudaStreamQuery (cudaStream_t);
cudaError_t cudaStreamGetFlags (cudaStream_t, unsigned *);
cudaError_t cudaStreamGetPriority (cudaStream_t, int *);
cudaError_t cudaStreamWaitEvent (cudaStream_t, cudaEvent_t, unsigned flags SIM_OR(0));
cudaError_t cudaLaunchHostFunc (cudaStream_t, cudaHostFn_t, void *);
cudaError_t cudaEventCreate (cudaEvent_t *);
cudaError_t cudaEventCreateWithFlags (cudaEvent_t *, unsigned flags);
cudaError_t cudaEventDestroy (cudaEvent_t);
cudaError_t cudaEventRecord (cudaEvent_t, cudaStream_t SIM_OR(0));
cudaError_t cudaEventSynchronize (cudaEvent_t);
cudaError_t cudaEventQuery (cudaEvent_t);
cudaError_t cudaEventElapsedTime (float *, cudaEvent_t, cudaEvent_t);

/* ---- graphs ---- */
cudaError_t cudaStreamBeginCapture (cudaStream_t, enum cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture (cudaStream_t, cudaGraph_t *);
cudaError_t cudaStreamIsCapturing (cudaStream_t, enum cudaStreamCaptureStatus *);
cudaError_t cudaStreamGetCaptureInfo (cudaStream_t, enum cudaStreamCaptureStatus *, unsigned long long *id SIM_OR(NULL),
  cudaGraph_t *graph SIM_OR(NULL), const cudaGraphNode_t **after SIM_OR(NULL),
  const cudaGraphEdgeData **edges SIM_OR(NULL), size_t *count SIM_OR(NULL));
cudaError_t cudaThreadExchangeStreamCaptureMode (enum cudaStreamCaptureMode *);
cudaError_t cudaGraphInstantiate (cudaGraphExec_t *, cudaGraph_t, unsigned long long flags SIM_OR(0));
cudaError_t cudaGraphUpload (cudaGraphExec_t, cudaStream_t);
cudaError_t cudaGraphLaunch (cudaGraphExec_t, cudaStream_t);
cudaError_t cudaGraphExecDestroy (cudaGraphExec_t);
cudaError_t cudaGraphDestroy (cudaGraph_t);
cudaError_t cudaGraphGetNodes (cudaGraph_t, cudaGraphNode_t *, size_t *);
cudaError_t cudaGraphNodeGetType (cudaGraphNode_t, enum cudaGraphNodeType *);

/* ---- kernels ---- */
cudaError_t cudaFuncSetAttribute (const void *kernel, enum cudaFuncAttribute, int);
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor (int *, const void *kernel, int threads, size_t shared);

#ifdef __cplusplus
}

template <class T> static inline cudaError_t cudaMalloc (T **p, size_t n) { return cudaMalloc((void **)(void *)p, n); }
template <class T> static inline cudaError_t cudaMallocHost (T **p, size_t n) {
  return cudaMallocHost((void **)(void *)p, n);
}
template <class T> static inline cudaError_t cudaHostAlloc (T **p, size_t n, unsigned flags) {
  return cudaHostAlloc((void **)(void *)p, n, flags);
}
template <class... P> static inline cudaError_t
cudaFuncSetAttribute (void (*kernel) (P...), cudaFuncAttribute what, int value) {
  return cudaFuncSetAttribute((const void *)kernel, what, value);
}
template <class... P> static inline cudaError_t
cudaOccupancyMaxActiveBlocksPerMultiprocessor (int *n, void (*kernel) (P...), int threads, size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(n, (const void *)kernel, threads, shared);
}

#include "sim_device.h"
#endif
#endif
