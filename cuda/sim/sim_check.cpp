/*
** sim_check.cpp -- answers for the checks that g++ builds into the kernels by -fsanitize=alignment,bounds, in place of
** its run-time library: in a kernel an access that is not aligned for its type breaks the card with
** cudaErrorMisalignedAddress, an index outside an array with cudaErrorIllegalAddress; in host code both are the end.
** The layouts are those of the compiler's calls.
*/
#include <stdio.h>
#include <stdlib.h>

#include "sim_inside.h"

struct Location { const char *file; uint32_t line, column; };
struct Type { uint16_t kind, info; char name[1]; };
struct Mismatch { Location at; Type *type; unsigned char log_align, kind; };
struct Bounds { Location at; Type *array, *index; };

static std::string place (const Location &l) {
  const char *slash = l.file != nullptr ? strrchr(l.file, '/') : nullptr;
  return std::string(slash ? slash + 1 : l.file != nullptr ? l.file : "?") + ":" + std::to_string(l.line);
}

#define SAY(code, words) \
  do { \
    if (sim_in_kernel()) SIM_FAULT(code, words); \
    fprintf(stderr, "simulated cuda: %s\n", std::string(words).c_str()); \
    abort(); \
  } while (0)

extern "C" {

void __ubsan_handle_type_mismatch_v1 (Mismatch *m, void *p) {
  size_t align = (size_t)1 << m->log_align;
  char hex[32];
  snprintf(hex, sizeof hex, "%p", p);
  if (p != nullptr && ((uintptr_t)p & (align - 1)) != 0)
    SAY(cudaErrorMisalignedAddress, "a misaligned access of " + std::string(m->type->name) + " at " + place(m->at) +
        ": " + hex + " is not a multiple of " + std::to_string(align));
  SAY(cudaErrorIllegalAddress, "an access of " + std::string(m->type->name) + " at " + place(m->at) +
      " through " + hex);
}
void __ubsan_handle_type_mismatch_v1_abort (Mismatch *m, void *p) { __ubsan_handle_type_mismatch_v1(m, p); }

void __ubsan_handle_out_of_bounds (Bounds *b, void *index) {
  SAY(cudaErrorIllegalAddress, "index " + std::to_string((long long)(intptr_t)index) +
      " outside " + b->array->name + " at " + place(b->at));
}
void __ubsan_handle_out_of_bounds_abort (Bounds *b, void *index) { __ubsan_handle_out_of_bounds(b, index); }

}
