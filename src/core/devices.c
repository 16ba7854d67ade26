/*
** devices.c -- names to devices.
*/
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "core/devices.h"
#include "core/fail.h"

/* the number behind "cuda:", or -1 */
static int ordinal (const char *digits) {
  char *end;
  long n = strtol(digits, &end, 10);
  if (*digits < '0' || *digits > '9' || *end || n > 999) return -1;
  return *digits == '0' && digits[1] ? -1 : (int)n;              /* "01" is no number here */
}

tl_Device *tl_device (const char *name) {
  if (strcmp(name, "cpu") == 0 || strcmp(name, "cpu:0") == 0) return tl_cpu();
  if (strcmp(name, "cuda") == 0) return tl_cuda(tl_here->cuda);
  if (strncmp(name, "cuda:", 5) == 0)
    return ordinal(name + 5) >= 0 ? tl_cuda(ordinal(name + 5)) : tl_fail("Invalid device string: '%s'", name);
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
