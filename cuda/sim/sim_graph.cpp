/*
** sim_graph.cpp -- capture of streams into graphs, and graphs that run.  A stream that captures puts its work into the
** graph as nodes with the nodes they come after; events carry those across streams.  What a card refuses during a
** capture is refused here with the same error, and spoils the capture in the same way.
*/
#include <algorithm>

#include "sim_inside.h"

static std::vector<std::shared_ptr<sim_Capture>> &captures () {
  static auto *v = new std::vector<std::shared_ptr<sim_Capture>>();
  return *v;
}
static std::set<CUgraph_st *> &graphs () { static auto *s = new std::set<CUgraph_st *>(); return *s; }
static std::set<CUgraphExec_st *> &execs () { static auto *s = new std::set<CUgraphExec_st *>(); return *s; }
static unsigned long long captures_so_far;
static thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

/* ---- what captures refuse ---- */
cudaError_t sim_spoil (CUstream_st *s, cudaError_t e) {
  if (s->capture->invalid) return cudaErrorStreamCaptureInvalidated;
  s->capture->invalid = true;
  return e;
}
cudaError_t sim_spoil_card (sim_Card *c, bool only_blocking, cudaError_t e) {
  cudaError_t result = cudaSuccess;
  for (CUstream_st *s : sim_streams()) {
    if (s->card != c || !s->capture || (only_blocking && (s->flags & cudaStreamNonBlocking))) continue;
    s->capture->invalid = true;
    result = e;
  }
  return result;
}

/* calls that wait, or allocate: by the modes of the thread and of the captures */
cudaError_t sim_unsafe () {
  cudaError_t result = cudaSuccess;
  if (thread_mode == cudaStreamCaptureModeRelaxed) return result;
  for (auto &c : captures()) {
    bool mine = c->thread == sim_thread() && c->mode != cudaStreamCaptureModeRelaxed;
    bool theirs = thread_mode == cudaStreamCaptureModeGlobal && c->mode == cudaStreamCaptureModeGlobal;
    if (!mine && !theirs) continue;
    c->invalid = true;
    result = cudaErrorStreamCaptureUnsupported;
  }
  return result;
}

/* ---- work and waits of a stream that captures ---- */
static int add_node (CUstream_st *s, cudaGraphNodeType type, sim_Work work) {
  auto &nodes = s->capture->graph->nodes;
  nodes.push_back({ type, std::move(work), s->frontier });
  s->frontier.assign(1, (int)nodes.size() - 1);
  return s->frontier[0];
}
cudaError_t sim_capture (CUstream_st *s, sim_Op &op) {
  if (s->capture->invalid) return cudaErrorStreamCaptureInvalidated;
  add_node(s, op.type, std::move(op.work));
  return cudaSuccess;
}

cudaError_t sim_capture_wait (CUstream_st *s, CUevent_st *e) {
  if (s->capture && s->capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (!e->capture)                           /* an event that was never recorded holds nothing up */
    return e->mark ? sim_spoil(s, cudaErrorStreamCaptureIsolation) : cudaSuccess;
  if (!e->capture->active) return s->capture ? sim_spoil(s, cudaErrorStreamCaptureIsolation) : cudaErrorCapturedEvent;
  if (s == s->card->legacy) {
    e->capture->invalid = true;
    return cudaErrorStreamCaptureImplicit;
  }
  if (s->capture && s->capture != e->capture) {
    e->capture->invalid = true;
    return sim_spoil(s, cudaErrorStreamCaptureMerge);
  }
  if (!s->capture) {
    s->capture = e->capture;
    s->frontier = e->frontier;
    return cudaSuccess;
  }
  for (int n : e->frontier)
    if (std::find(s->frontier.begin(), s->frontier.end(), n) == s->frontier.end()) s->frontier.push_back(n);
  return cudaSuccess;
}

/* every node is one that the origin has waited for */
static bool joined (const CUgraph_st *g, const std::vector<int> &frontier) {
  std::vector<char> seen(g->nodes.size());
  std::vector<int> todo = frontier;
  size_t count = 0;
  while (!todo.empty()) {
    int n = todo.back();
    todo.pop_back();
    if (seen[(size_t)n]++) continue;
    count++;
    for (int before : g->nodes[(size_t)n].after) todo.push_back(before);
  }
  return count == g->nodes.size();
}

/* ---- running ---- */
static cudaError_t run_nodes (const std::vector<CUgraphNode_st> &nodes) {
  bool shuffle = sim_settings().order == sim_Settings::SHUFFLE;
  std::vector<char> done(nodes.size());
  for (size_t k = 0; k < nodes.size(); k++) {
    size_t pick = k;                         /* nodes stand in an order that is right */
    if (shuffle) {
      std::vector<size_t> can;
      for (size_t i = 0; i < nodes.size() && can.size() < 8; i++) {
        bool free = !done[i];
        for (int before : nodes[i].after) free = free && done[(size_t)before];
        if (free) can.push_back(i);
      }
      pick = can[sim_random() % can.size()];
    }
    done[pick] = 1;
    if (nodes[pick].work)
      if (cudaError_t e = nodes[pick].work()) return e;
  }
  return cudaSuccess;
}

extern "C" {

cudaError_t cudaStreamBeginCapture (cudaStream_t handle, cudaStreamCaptureMode mode) {
  SIM_CALL("cudaStreamBeginCapture");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  if (s == s->card->legacy) return sim_fail(cudaErrorStreamCaptureUnsupported);
  if (s->capture) return sim_fail(cudaErrorIllegalState);
  auto c = std::make_shared<sim_Capture>();
  *c = { ++captures_so_far, new CUgraph_st(), s, mode, sim_thread(), true, false };
  captures().push_back(s->capture = c);
  s->frontier.clear();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture (cudaStream_t handle, cudaGraph_t *graph) {
  SIM_CALL("cudaStreamEndCapture");
  *graph = nullptr;
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  std::shared_ptr<sim_Capture> c = s->capture;
  if (!c) return sim_fail(cudaErrorIllegalState);
  if (c->origin != s) return sim_fail(sim_spoil(s, cudaErrorStreamCaptureUnmatched));
  if (c->thread != sim_thread() && c->mode != cudaStreamCaptureModeRelaxed)
    return sim_fail(cudaErrorStreamCaptureWrongThread);
  cudaError_t e = c->invalid ? cudaErrorStreamCaptureInvalidated :
                  joined(c->graph, s->frontier) ? cudaSuccess : cudaErrorStreamCaptureUnjoined;
  c->active = false;
  captures().erase(std::find(captures().begin(), captures().end(), c));
  for (CUstream_st *other : sim_streams()) {
    if (other->capture != c) continue;
    other->capture = nullptr;
    other->frontier.clear();
  }
  if (e != cudaSuccess) delete c->graph;
  else graphs().insert(*graph = c->graph);
  c->graph = nullptr;
  return sim_fail(e);
}

cudaError_t cudaStreamGetCaptureInfo (cudaStream_t handle, cudaStreamCaptureStatus *status, unsigned long long *id,
                                      cudaGraph_t *graph, const cudaGraphNode_t **after,
                                      const cudaGraphEdgeData **edges, size_t *count) {
  SIM_CALL("cudaStreamGetCaptureInfo");
  CUstream_st *s = sim_stream(handle);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  *status = !s->capture ? cudaStreamCaptureStatusNone :
            s->capture->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
  if (id != nullptr && s->capture) *id = s->capture->id;
  if (graph != nullptr) *graph = s->capture ? s->capture->graph : nullptr;
  if (after != nullptr) *after = nullptr;    /* nodes have no handles before the capture has ended */
  if (edges != nullptr) *edges = nullptr;
  if (count != nullptr) *count = 0;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing (cudaStream_t handle, cudaStreamCaptureStatus *status) {
  SIM_CALL("cudaStreamIsCapturing");
  CUstream_st *s = sim_stream(handle);
  if (s != nullptr && s == s->card->legacy)
    for (CUstream_st *other : sim_streams())
      if (other->card == s->card && other->capture && !(other->flags & cudaStreamNonBlocking))
        return sim_fail(cudaErrorStreamCaptureImplicit);
  return cudaStreamGetCaptureInfo(handle, status, nullptr, nullptr, nullptr, nullptr, nullptr);
}
cudaError_t cudaThreadExchangeStreamCaptureMode (cudaStreamCaptureMode *mode) {
  SIM_CALL("cudaThreadExchangeStreamCaptureMode");
  std::swap(*mode, thread_mode);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate (cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long) {
  SIM_CALL("cudaGraphInstantiate");
  *exec = nullptr;
  if (!graphs().count(graph)) return sim_fail(cudaErrorInvalidValue);
  CUgraphExec_st *made = new CUgraphExec_st();
  made->nodes = std::make_shared<const std::vector<CUgraphNode_st>>(graph->nodes);
  execs().insert(*exec = made);
  return cudaSuccess;
}
cudaError_t cudaGraphUpload (cudaGraphExec_t exec, cudaStream_t) {
  SIM_CALL("cudaGraphUpload");
  return sim_fail(execs().count(exec) ? cudaSuccess : cudaErrorInvalidValue);
}
cudaError_t cudaGraphLaunch (cudaGraphExec_t exec, cudaStream_t handle) {
  SIM_CALL("cudaGraphLaunch");
  CUstream_st *s = sim_stream(handle);
  if (!execs().count(exec)) return sim_fail(cudaErrorInvalidValue);
  if (s == nullptr) return sim_fail(cudaErrorInvalidResourceHandle);
  sim_Op op;
  op.type = cudaGraphNodeTypeGraph;
  op.work = [nodes = exec->nodes, c = s->card] () {
    sim_open(c);
    cudaError_t e = run_nodes(*nodes);
    sim_close(c);
    return e;
  };
  return sim_fail(sim_put(s, std::move(op)));
}
cudaError_t cudaGraphExecDestroy (cudaGraphExec_t exec) {
  SIM_CALL("cudaGraphExecDestroy");
  if (execs().erase(exec) == 0) return sim_fail(cudaErrorInvalidValue);
  delete exec;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy (cudaGraph_t graph) {
  SIM_CALL("cudaGraphDestroy");
  if (graphs().erase(graph) == 0) return sim_fail(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}

/* NULL nodes: how many; else up to *count of them, and how many that were */
cudaError_t cudaGraphGetNodes (cudaGraph_t graph, cudaGraphNode_t *nodes, size_t *count) {
  SIM_CALL("cudaGraphGetNodes");
  if (!graphs().count(graph) || count == nullptr) return sim_fail(cudaErrorInvalidValue);
  size_t n = graph->nodes.size();
  if (nodes == nullptr) {
    *count = n;
    return cudaSuccess;
  }
  if (*count > n) {
    for (size_t i = n; i < *count; i++) nodes[i] = nullptr;
    *count = n;
  }
  for (size_t i = 0; i < *count; i++) nodes[i] = &graph->nodes[i];
  return cudaSuccess;
}
cudaError_t cudaGraphNodeGetType (cudaGraphNode_t node, cudaGraphNodeType *type) {
  SIM_CALL("cudaGraphNodeGetType");
  if (node == nullptr) return sim_fail(cudaErrorInvalidValue);
  *type = node->type;
  return cudaSuccess;
}

}
