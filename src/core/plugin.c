/*
** plugin.c -- the CUDA plugin: where it is looked for, and the handshake.
**
** Nothing of CUDA is known here but the plugin's name.  The plugin is
** $TLUA_CUDA, or tlua_cuda.so beside the program (or library) or in lib/tlua of where it is installed.  What was
** found stays for the life of the process, as devices do.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cmd.h"
#include "core/devices.h"
#include "core/fail.h"

#define CARDS 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;     /* guards all that follows */
static tl_DeviceOpen open_device;
static tl_Device *opened[CARDS];
static char *failure;                                        /* why there is no plugin; looked for once */

/* the directory that this code lies in: that of the library, or of the program */
static int home (char *dir, size_t room) {
  Dl_info here;
  char *slash;
  ssize_t n;
  if (dladdr((void *)(uintptr_t)tl_cuda, &here) && here.dli_fname && strchr(here.dli_fname, '/'))
    n = snprintf(dir, room, "%s", here.dli_fname);
  else n = readlink("/proc/self/exe", dir, room - 1);        /* a program that was found on the path */
  if (n <= 0 || (size_t)n >= room) return -1;
  dir[n] = '\0';
  slash = strrchr(dir, '/');
  if (slash) *slash = '\0';
  return slash ? 0 : -1;
}

/* 1: `path` can be read.  Else `tried` has the places */
static int find (char *path, size_t room, char *tried, size_t more) {
  static const char *const places[] = {      /* from the program in bin, a library in lib, the module in lib/lua/5.4 */
    "tlua_cuda.so", "../lib/tlua/tlua_cuda.so", "tlua/tlua_cuda.so", "../../tlua/tlua_cuda.so"
  };
  const char *said = getenv("TLUA_CUDA");
  char dir[4096];
  size_t at = 0;
  if (said && *said) {
    snprintf(path, room, "%s", said);
    snprintf(tried, more, "%s", said);
    return access(path, R_OK) == 0;
  }
  for (size_t i = 0; home(dir, sizeof dir) == 0 && i < sizeof places / sizeof *places; i++) {
    snprintf(path, room, "%s/%s", dir, places[i]);
    if (access(path, R_OK) == 0) return 1;
    if (at < more) at += (size_t)snprintf(tried + at, more - at, "%s%s", at ? ", " : "", path);
  }
  return 0;
}

static void no_plugin (const char *format, const char *a, const char *b) {
  if (asprintf(&failure, format, a, b) < 0) failure = strdup("not enough memory");
}

/* under the lock; 1 when the plugin is there */
static int load (void) {
  char path[8192], tried[4 * 8192] = "";
  void *handle, *symbol;
  if (open_device || failure) return open_device != NULL;
  if (!find(path, sizeof path, tried, sizeof tried)) {
    no_plugin("this build of tlua has no CUDA device: the plugin tlua_cuda.so was not found (%s); `make cuda` builds it, "
              "$TLUA_CUDA names it%s", tried, "");
    return 0;
  }
  handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) { no_plugin("the plugin %s can't be loaded: %s", path, dlerror()); return 0; }
  symbol = dlsym(handle, "tl_device_open");
  if (!symbol) { no_plugin("%s is not a plugin of tlua: it has no tl_device_open%s", path, ""); return 0; }
  memcpy(&open_device, &symbol, sizeof symbol);
  return 1;
}

/* under the lock: the text of every code, for the handshake */
static const char *const *formulas (void) {
  static const char *texts[TL_NCODE + 1];
  if (!texts[0])
    for (int k = 0; k < TL_NCODE; k++) texts[k] = tl_rows[k].text;
  return texts;
}

/* under the lock; NULL and *why */
static tl_Device *open_one (int index, const char **why) {
  *why = failure;
  if (index >= CARDS) { *why = "no such card"; return NULL; }
  if (opened[index] || !load()) { *why = failure; return opened[index]; }
  return opened[index] = open_device(TL_ABI, formulas(), index, why);
}

tl_Device *tl_cuda (int index) {
  const char *why = NULL;
  tl_Device *d;
  pthread_mutex_lock(&lock);
  d = open_one(index, &why);
  pthread_mutex_unlock(&lock);
  return d ? d : tl_fail("device 'cuda:%d': %s", index, why ? why : "it can't be had");
}

tl_Device *tl_cuda_opened (int index) {
  tl_Device *d;
  if (index < 0 || index >= CARDS) return NULL;
  pthread_mutex_lock(&lock);
  d = opened[index];
  pthread_mutex_unlock(&lock);
  return d;
}

/* asks the machine, which opens no card: none where the plugin or the driver doesn't serve */
int tl_cuda_count (void) {
  const char *why = NULL;
  tl_DeviceFacts facts;
  tl_Device *d = NULL;
  int n = 0;
  pthread_mutex_lock(&lock);
  if (load()) d = open_device(TL_ABI, formulas(), -1, &why);
  if (d && d->facts(d, &facts) == TL_DONE) n = facts.cards;
  pthread_mutex_unlock(&lock);
  return n;
}
