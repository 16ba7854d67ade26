/*
** devices.c -- names to devices.
*/
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "core/devices.h"
#include "core/fail.h"

tl_Device *tl_device (const char *name) {
  if (strcmp(name, "cpu") == 0 || strcmp(name, "cpu:0") == 0) return tl_cpu();
  if (strncmp(name, "cuda", 4) == 0 && (name[4] == '\0' || name[4] == ':'))
    return tl_fail("device '%s': this build of tlua has no CUDA device", name);
  return tl_fail("Expected one of cpu, cuda device type at start of device string: %s", name);
}

int tl_default_threads (void) {
  const char *said = getenv("TLUA_NUM_THREADS");
  cpu_set_t mask;
  int n = said ? atoi(said) : 0;
  if (n > 0) return n;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) n = CPU_COUNT(&mask);
  return n > 0 ? n : 1;
}
