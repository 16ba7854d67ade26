/*
** buffer.h -- for places_fuzz.cpp: random numbers, and memory of random values on the card and on the CPU.
*/
#ifndef buffer_h
#define buffer_h

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vector>

extern "C" {
#include "device/device.h"
}
#include "cuda.h"
#include "convert.cuh"

static char what[200];                       /* the case at hand */

/* ---- random things ---- */

static uint64_t seed = 1;
static int64_t below (int64_t n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return n <= 0 ? 0 : (int64_t)((seed >> 33) % (uint64_t)n);
}

struct Buffer {
  std::vector<char> first, cpu;              /* what was in it, and what the CPU device made of it */
  char *card;
  int dtype;
  int64_t start;                             /* byte at which the operand begins */

  Buffer (int64_t bytes, int type, int finite = 0) : first((size_t)(bytes + 79) / 16 * 16), card(NULL), dtype(type), start(0) {
    int width = cu_width(type);
    for (size_t i = 0; i + width <= first.size(); i += width) {
      char *p = &first[i];
      if (cu_is_real(type)) {
        int64_t kind = below(60);            /* among many, one of the special ones would be the sum */
        double v = (double)(below(20001) - 10000) / 1000;
        cu_store(type, p, kind < 5 ? 0.0 : kind < 7 ? -0.0 : kind >= 10 || finite ? v :
                          kind == 7 ? INFINITY : kind == 8 ? -INFINITY : NAN);
      }
      else if (type == TL_b8) *p = (char)below(2);
      else for (int k = 0; k < width; k++) p[k] = (char)below(256);
    }
  }
  ~Buffer () { cudaFree(card); }
  Buffer (const Buffer &) = delete;
  void send () {
    cpu = first;
    if (card == NULL && cudaMalloc((void **)&card, first.size()) != cudaSuccess) abort();
    cudaMemcpy(card, first.data(), first.size(), cudaMemcpyHostToDevice);
  }
  void attach (tl_Arg *on_cpu, tl_Arg *on_card) {
    on_cpu->data = &cpu[start];
    on_card->data = card + start;
  }
  int differs () {
    std::vector<char> back(first.size());
    int width = cu_width(dtype);
    cudaMemcpy(back.data(), card, back.size(), cudaMemcpyDeviceToHost);
    for (size_t i = 0; i + width <= back.size(); i += width) {
      double x, y;
      if (memcmp(&back[i], &cpu[i], width) == 0) continue;
      x = cu_load<double>(dtype, &back[i]);
      y = cu_load<double>(dtype, &cpu[i]);
      if (x != x && y != y) continue;
      fprintf(stderr, "%s: byte %zu: card %g, CPU %g\n", what, i, x, y);
      return 1;
    }
    return 0;
  }
};

/* strides of a shape: some dims exchanged, some gaps; the bytes it takes */
static int64_t lay (int ndim, const int64_t *size, int width, int64_t *stride) {
  int order[TL_MAXDIM];
  int64_t at = width * (1 + below(2) * below(3));
  for (int i = 0; i < ndim; i++) order[i] = i;
  for (int i = ndim - 1; i > 0; i--) {
    int j = below(3) ? i : (int)below(i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (int i = ndim - 1; i >= 0; i--) {
    stride[order[i]] = at;
    at *= size[order[i]] > 0 ? size[order[i]] : 1;
    if (below(4) == 0) at += width * below(4);
  }
  return at + width;
}

#endif
