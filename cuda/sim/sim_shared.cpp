/*
** sim_shared.cpp -- shared memory of the block that runs: [zone] array [zone] array [zone].  An array is made, and
** filled with 0xFF, when the first thread of a block passes its declaration.
*/
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim_inside.h"

struct Array { size_t at, size; const char *name, *function; };

static const size_t zone = 64, room = 1 << 20;
static char *memory;
static size_t top, plain;                    /* end of the last array; bytes of static arrays */
static std::vector<Array> arrays;
static unsigned long long block_number;
static void *dynamic;
static size_t dynamic_size;

void sim_shared_begin (size_t size) {
  if (memory == nullptr) {
    memory = (char *)mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) { perror("simulated cuda: shared memory"); abort(); }
    SIM_HIDE(memory, room);
  }
  block_number++;
  top = plain = 0;
  dynamic = nullptr;
  dynamic_size = size;
  arrays.clear();
}

static void *make (size_t size, size_t align, const char *name, const char *function) {
  if (align < 16) align = 16;
  size_t at = (top + zone + align - 1) / align * align;
  if (at + size + zone > room) SIM_FAULT(cudaErrorLaunchOutOfResources, "shared memory beyond all bounds");
  SIM_SHOW(memory + top, at + size - top);
  memset(memory + top, SIM_ZONE_BYTE, at - top);
  memset(memory + at, SIM_POISON, size);
  if (!SIM_ASAN) memset(memory + at + size, SIM_ZONE_BYTE, zone);
  SIM_HIDE(memory + top, at - top);
  top = at + size;
  arrays.push_back({ at, size, name, function });
  return memory + at;
}

void *sim_shared (sim_Shared *s, size_t bytes, size_t align) {
  if (!sim_in_kernel()) { fprintf(stderr, "simulated cuda: shared memory outside a kernel\n"); abort(); }
  if (s->block != block_number) {
    plain += bytes;
    if (plain > SIM_SHARED_PLAIN)
      SIM_FAULT(cudaErrorLaunchOutOfResources, "more than 48 KB of static shared memory, with " + std::string(s->name));
    s->at = make(bytes, align, s->name, s->function);
    s->block = block_number;
  }
  return s->at;
}

void *sim_dynamic_shared (size_t align) {
  if (!sim_in_kernel()) { fprintf(stderr, "simulated cuda: shared memory outside a kernel\n"); abort(); }
  if (dynamic == nullptr) dynamic = make(dynamic_size, align, "memory given by the launch", "");
  return dynamic;
}

std::string sim_shared_end () {
  std::string s;
  size_t end = 0;
  for (size_t k = 0; !SIM_ASAN && !arrays.empty() && k <= arrays.size() && s.empty(); k++) {
    size_t next = k < arrays.size() ? arrays[k].at : top + zone;
    for (size_t i = end; i < next; i++) {
      if ((unsigned char)memory[i] == SIM_ZONE_BYTE) continue;
      const Array &a = arrays[k > 0 ? k - 1 : 0];
      s = std::string("a write ") + (k > 0 ? "past the end" : "before the start") + " of shared ";
      s += a.name + std::string(a.function[0] != 0 ? " of " : "") + a.function;
      break;
    }
    if (k < arrays.size()) end = arrays[k].at + arrays[k].size;
  }
  SIM_HIDE(memory, top + zone < room ? top + zone : room);
  return s;
}
