/*
** cuda.c -- torch._C.cuda: what lua/torch/cuda.lua is made of.  Every function takes the device first (a number, a
** torch.device, a name, nil for the current one); streams and events are in stream.c.  Pinned memory and the
** questions about devices that tensors answer themselves are here too.
*/
#include <stdio.h>
#include <string.h>

#include "bind/forms.h"
#include "bind/gpu.h"
#include "core/cmd.h"
#include "core/devices.h"
#include "core/plan.h"
#include "core/rng.h"

enum { CUDA = 2 };                       /* tl_Device's kind */

tl_Device *tl_check_cuda (lua_State *L, int index) {
  int is_one = 1;
  tl_Device *d = lua_isnoneornil(L, index) ? tl_device("cuda") : tl_read_device(L, index, &is_one);
  if (!is_one)
    tl_error(L, "Expected a torch.device with a specified index or an integer, but got: %s", tl_got(L, index));
  if (!d) tl_bad(L);
  else if (d->kind != CUDA) tl_error(L, "Expected a cuda device, but got: %s", d->name);
  return d;
}

int tl_cuda_broken (lua_State *L, tl_Device *d) {
  tl_explain(d, TL_BROKEN);
  return tl_bad(L);
}

static void integer (lua_State *L, const char *key, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, key);
}

/* ---- which devices there are ---- */

static int count_body (lua_State *L) {
  lua_pushinteger(L, tl_cuda_count());
  return 1;
}

/* number(device): its ordinal; the device is there afterwards */
static int number_body (lua_State *L) {
  lua_pushinteger(L, tl_check_cuda(L, 1)->index);
  return 1;
}

/* opened(device): has anybody needed it?  Opens nothing. */
static int opened_body (lua_State *L) {
  int n = lua_isinteger(L, 1) ? (int)lua_tointeger(L, 1) : tl_here->cuda;
  lua_pushboolean(L, tl_cuda_opened(n) != NULL);
  return 1;
}

static int set_device_body (lua_State *L) {
  tl_here->cuda = tl_check_cuda(L, 1)->index;
  return 0;
}

static int facts_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  tl_DeviceFacts f;
  memset(&f, 0, sizeof f);
  if (d->facts && d->facts(d, &f)) return tl_cuda_broken(L, d);
  lua_newtable(L);
  lua_pushstring(L, f.name);
  lua_setfield(L, -2, "name");
  integer(L, "total_memory", f.memory);
  integer(L, "major", (uint64_t)f.major);
  integer(L, "minor", (uint64_t)f.minor);
  integer(L, "multi_processor_count", (uint64_t)f.processors);
  integer(L, "max_threads_per_multi_processor", (uint64_t)f.threads);
  integer(L, "warp_size", (uint64_t)f.warp);
  integer(L, "L2_cache_size", (uint64_t)f.cache);
  integer(L, "driver_version", (uint64_t)f.driver);
  integer(L, "runtime_version", (uint64_t)f.runtime);
  lua_pushstring(L, f.products);
  lua_setfield(L, -2, "products");
  lua_pushboolean(L, f.simulated);
  lua_setfield(L, -2, "simulated");
  return 1;
}

/* ---- waiting ---- */

/* asked for, so no debug mode minds */
static int synchronize_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  uint8_t mode = tl_here->sync_mode;
  int status;
  tl_here->sync_mode = 0;
  status = tl_wait("synchronize", d);
  tl_here->sync_mode = mode;
  return status ? tl_bad(L) : 0;
}

static int waits_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  lua_pushinteger(L, d->waits ? (lua_Integer)d->waits(d) : 0);
  return 1;
}

/* sync_mode() gives 0, 1 or 2; sync_mode(n) sets it */
static int sync_mode_body (lua_State *L) {
  if (lua_isinteger(L, 1)) tl_here->sync_mode = (uint8_t)lua_tointeger(L, 1);
  lua_pushinteger(L, tl_here->sync_mode);
  return 1;
}

/* from inside an operation: nothing here may raise */
static void warn (void *owner, const char *text) {
  lua_State *L = owner ? ((tl_State *)owner)->L : NULL;
  char words[400];
  lua_Debug ar = { .currentline = -1 };
  if (!L) return;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0 && strncmp(ar.source, "=torch/", 7) != 0) break;
    ar.currentline = -1;
  }
  if (ar.currentline > 0) snprintf(words, sizeof words, "%s:%d: %s", ar.short_src, ar.currentline, text);
  else snprintf(words, sizeof words, "%s", text);
  lua_warning(L, words, 0);
}

/* ---- memory ---- */

static int memory_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  tl_DeviceMemory m;
  memset(&m, 0, sizeof m);
  if (d->memory && d->memory(d, &m)) return tl_cuda_broken(L, d);
  lua_newtable(L);
#define FIELD(name)  integer(L, #name, m.name)
  FIELD(allocated); FIELD(reserved); FIELD(free); FIELD(total); FIELD(largest); FIELD(peak_allocated);
  FIELD(peak_reserved); FIELD(segments); FIELD(allocations); FIELD(segment_allocations); FIELD(segment_frees);
  FIELD(retries); FIELD(failures);
#undef FIELD
  return 1;
}

static int reset_peaks_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  if (d->memory_reset) d->memory_reset(d);
  return 0;
}

static int trim_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  return d->trim && d->trim(d) ? tl_cuda_broken(L, d) : 0;
}

/* ---- random numbers ---- */

static tl_Generator *check_default (lua_State *L, int index) {
  tl_Generator *g = tl_default_generator(tl_check_cuda(L, index));
  if (!g) tl_bad(L);
  return g;
}

/* seed(device, n): without n one from the system */
static int seed_body (lua_State *L) {
  uint64_t n = lua_isnoneornil(L, 2) ? tl_generator_entropy() : tl_check_seed(L, 2);
  return tl_generator_seed(check_default(L, 1), n) ? tl_bad(L) : 0;
}

/* seed_all(n): the generators that are there and those to come, but not the CPU's */
static int seed_all_body (lua_State *L) {
  uint64_t n = lua_isnoneornil(L, 1) ? tl_generator_entropy() : tl_check_seed(L, 1);
  tl_here->seed = n;
  tl_here->seeded = 1;
  for (tl_Generator *g = tl_here->generator; g; g = g->next)
    if (g->device->kind == CUDA && tl_generator_seed(g, n)) return tl_bad(L);
  return 0;
}

static int initial_seed_body (lua_State *L) {
  uint64_t n = tl_generator_initial_seed(check_default(L, 1));
  lua_pushinteger(L, (lua_Integer)n);
  return tl_here->failed ? tl_bad(L) : 1;
}

static int get_state_body (lua_State *L) {
  tl_Tensor *t = tl_to_device(check_default(L, 1)->state, tl_cpu());
  if (!t) return tl_bad(L);
  tl_push(L, t);
  return 1;
}

static int set_state_body (lua_State *L) {
  return tl_generator_set(check_default(L, 1), tl_check(L, 2, "set_rng_state")) ? tl_bad(L) : 0;
}

/* ---- tensors ---- */

/* x:get_device(): -1 on the CPU */
static int get_device_body (lua_State *L) {
  tl_Device *d = tl_device_of(tl_check(L, 1, "get_device"));
  lua_pushinteger(L, d->kind == CUDA ? d->index : -1);
  return 1;
}

static int is_pinned_body (lua_State *L) {
  tl_Tensor *t = tl_check(L, 1, "is_pinned");
  lua_pushboolean(L, t->storage && tl_storage_is_pinned(t->storage));
  return 1;
}

/* x:pin_memory(device): x itself when it is pinned, else a packed copy in memory that moves without a wait */
static int pin_memory_body (lua_State *L) {
  tl_Tensor *t = tl_check(L, 1, "pin_memory"), *y;
  tl_Storage *s, *old;
  tl_Device *d;
  size_t bytes = (size_t)tl_numel(t) * tl_width[t->dtype];
  if (tl_device_of(t)->kind != 1)
    return tl_error(L, "cannot pin a tensor on %s: only dense CPU tensors can be pinned", tl_device_of(t)->name);
  if (t->storage && tl_storage_is_pinned(t->storage)) { lua_settop(L, 1); return 1; }
  d = tl_check_cuda(L, 2);
  y = tl_wrap(t->dtype, t->ndim, t->size, NULL, NULL, NULL);      /* a header, to be given the memory */
  s = y ? tl_storage_pinned(d, bytes ? bytes : 1) : NULL;
  if (!s) return tl_bad(L);
  old = y->storage;
  y->storage = s;
  tl_storage_release(old);
  if (tl_copy(y, t)) return tl_bad(L);
  tl_push(L, y);
  return 1;
}

/* x:record_stream(s): the memory of x is in use on s too, and is not given to anybody before s is done with it */
static int record_stream_body (lua_State *L) {
  tl_Tensor *t = tl_check(L, 1, "record_stream");
  tl_Device *d = tl_device_of(t);
  void *stream;
  if (d->kind != CUDA) return tl_error(L, "record_stream(): the tensor is on %s, which has no streams", d->name);
  if (!lua_istable(L, 2) || lua_getfield(L, 2, "_number") != LUA_TNUMBER)
    return tl_error(L, "record_stream(): argument 'stream' must be torch.cuda.Stream, not %s", tl_got(L, 2));
  lua_getfield(L, 2, "_queue");                          /* the handle of lua/torch/cuda_streams.lua */
  stream = tl_check_stream(L, -1, d);
  if (d->stream_use && t->storage->block && d->stream_use(d, stream, t->storage->data)) return tl_cuda_broken(L, d);
  if (tl_here->plan) tl_plan_share(tl_here->plan, t->storage);
  return 0;
}

#define PROTECTED(name)  static int name (lua_State *L) { return tl_protect(L, name##_body); }
PROTECTED(count) PROTECTED(number) PROTECTED(opened) PROTECTED(set_device) PROTECTED(facts) PROTECTED(synchronize)
PROTECTED(waits) PROTECTED(sync_mode) PROTECTED(memory) PROTECTED(reset_peaks) PROTECTED(trim) PROTECTED(seed)
PROTECTED(seed_all) PROTECTED(initial_seed) PROTECTED(get_state) PROTECTED(set_state) PROTECTED(get_device)
PROTECTED(is_pinned) PROTECTED(pin_memory) PROTECTED(record_stream)

void tl_open_cuda (lua_State *L) {
  static const luaL_Reg functions[] = { {"count", count}, {"number", number}, {"opened", opened},
    {"set_device", set_device}, {"facts", facts}, {"synchronize", synchronize}, {"waits", waits},
    {"sync_mode", sync_mode}, {"memory", memory}, {"reset_peaks", reset_peaks}, {"trim", trim}, {"seed", seed},
    {"seed_all", seed_all}, {"initial_seed", initial_seed}, {"get_state", get_state}, {"set_state", set_state},
    {NULL, NULL} };
  static const luaL_Reg methods[] = { {"get_device", get_device}, {"is_pinned", is_pinned}, {"pin_memory", pin_memory},
    {"record_stream", record_stream}, {NULL, NULL} };
  int torch = lua_gettop(L);
  tl_state(L)->warn = warn;
  tl_subtable(L, torch, "_C.cuda");
  tl_setfuncs(L, functions);
  tl_open_stream(L);
  lua_pushvalue(L, torch - 1);                           /* the methods of tensors */
  tl_setfuncs(L, methods);
  lua_settop(L, torch);
}
