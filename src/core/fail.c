/*
** fail.c -- the message.  The first one stays until the binder has taken it.
*/
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

static void say (const char *format, va_list args) {
  tl_Context *c = tl_here;
  if (!c || c->failed) return;
  c->failed = 1;
  vsnprintf(c->message, sizeof c->message, format, args);
}

void *tl_fail (const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return NULL;
}

int tl_fault (const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return -1;
}

const char *tl_message (void) { return tl_here && tl_here->failed ? tl_here->message : ""; }

void tl_clear (void) {
  if (tl_here) tl_here->failed = 0;
}

const char *tl_show_sizes (char buffer[static 256], int ndim, const int64_t *size) {
  int at = snprintf(buffer, 256, "[");
  for (int d = 0; d < ndim; d++)
    at += snprintf(buffer + at, (size_t)(256 - at), d ? ", %lld" : "%lld", (long long)size[d]);
  snprintf(buffer + at, (size_t)(256 - at), "]");
  return buffer;
}
