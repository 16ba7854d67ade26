/*
** device.c -- dtypes and devices as Lua values, defaults, threads, memory, and what numbers dtypes hold.
*/
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bind/forms.h"
#include "core/devices.h"

static const char dtypes_key = 0, devices_key = 0;

/* ---- dtypes: a box whose pointer is 1 + the code; one of each ---- */

int tl_read_dtype (lua_State *L, int index) {
  void *p = tl_unbox(L, index, TL_IS_DTYPE);
  return p ? (int)(intptr_t)p - 1 : TL_NONE;
}

void tl_push_dtype (lua_State *L, int dtype) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &dtypes_key);
  lua_rawgeti(L, -1, dtype + 1);
  lua_remove(L, -2);
}

static int dtype_tostring (lua_State *L) {
  int d = tl_read_dtype(L, 1);
  lua_pushfstring(L, "torch.%s", d == TL_NONE ? "?" : tl_dtype_name[d]);
  return 1;
}

static int dtype_index (lua_State *L) {
  int d = tl_read_dtype(L, 1);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (d == TL_NONE) return 0;
  if (strcmp(key, "is_floating_point") == 0) lua_pushboolean(L, tl_is_float(d));
  else if (strcmp(key, "is_complex") == 0) lua_pushboolean(L, 0);
  else if (strcmp(key, "is_signed") == 0) lua_pushboolean(L, d != TL_u8 && d != TL_b8);
  else if (strcmp(key, "itemsize") == 0) lua_pushinteger(L, tl_width[d]);
  else if (strcmp(key, "name") == 0) lua_pushstring(L, tl_dtype_name[d]);
  else return tl_error(L, "torch.dtype has no field '%s'", key);
  return 1;
}

static int check_dtype (lua_State *L, int index, const char *name) {
  int d = tl_read_dtype(L, index);
  if (d == TL_NONE) tl_error(L, "%s(): argument %d must be torch.dtype, not %s", name, index, tl_got(L, index));
  return d;
}

/*
** ---- devices: a box whose pointer is a kind and an ordinal; one of each ----
** A torch.device is a name: "cuda" means the current card when it is used, and naming one opens nothing.
*/

enum { CPU = 1, CUDA = 2 };              /* tl_Device's kinds */

static void push_name (lua_State *L, int kind, int ordinal) {             /* ordinal -1: none was said */
  lua_Integer code = (lua_Integer)kind << 16 | (ordinal + 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &devices_key);
  if (lua_rawgeti(L, -1, code) == LUA_TNIL) {
    lua_pop(L, 1);
    tl_newbox(L, TL_IS_DEVICE)->p = (void *)(intptr_t)code;
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, code);
  }
  lua_remove(L, -2);
}

static int read_name (lua_State *L, int index, int *ordinal) {            /* its kind; 0: no torch.device */
  int code = (int)(intptr_t)tl_unbox(L, index, TL_IS_DEVICE);
  *ordinal = (code & 0xFFFF) - 1;
  return code >> 16;
}

void tl_push_device (lua_State *L, tl_Device *d) { push_name(L, d->kind, d->kind == CPU ? -1 : d->index); }

tl_Device *tl_read_device (lua_State *L, int index, int *is_one) {
  int ordinal, kind = read_name(L, index, &ordinal);
  *is_one = 1;
  if (kind == CPU) return tl_cpu();
  if (kind == CUDA) return ordinal < 0 ? tl_device("cuda") : tl_cuda(ordinal);
  if (lua_type(L, index) == LUA_TSTRING) return tl_device(lua_tostring(L, index));
  *is_one = lua_isinteger(L, index);
  if (!*is_one) return NULL;
  if (lua_tointeger(L, index) < 0 || lua_tointeger(L, index) > 999)
    return tl_fail("Device index must not be negative, nor above 999, but is %lld", (long long)lua_tointeger(L, index));
  return tl_cuda((int)lua_tointeger(L, index));
}

/* torch.device("cuda:1"), torch.device("cuda", 1), torch.device(1), torch.device{type = "cuda", index = 1} */
static int device_new (lua_State *L) {
  const char *name, *digits;
  int kind, ordinal, whole;
  lua_Integer n = -1;
  if (lua_istable(L, 1)) {
    lua_settop(L, 1);
    lua_getfield(L, 1, "type");
    lua_getfield(L, 1, "index");
    lua_remove(L, 1);
  }
  kind = read_name(L, 1, &ordinal);
  if (kind) { push_name(L, kind, ordinal); return 1; }
  if (lua_isinteger(L, 1)) { lua_pushliteral(L, "cuda"); lua_insert(L, 1); }
  if (lua_type(L, 1) != LUA_TSTRING)
    return tl_error(L, "device(): argument 'type' (position 1) must be string, not %s", tl_got(L, 1));
  name = lua_tostring(L, 1);
  digits = strchr(name, ':');
  kind = strncmp(name, "cpu", 3) == 0 ? CPU : strncmp(name, "cuda", 4) == 0 ? CUDA : 0;
  whole = kind && (name[kind == CPU ? 3 : 4] == '\0' || digits == name + (kind == CPU ? 3 : 4));
  if (!whole) return tl_error(L, "Expected one of cpu, cuda device type at start of device string: %s", name);
  if (!lua_isnoneornil(L, 2)) {
    if (digits)
      return tl_error(L, "type (string) must not include an index because index was passed explicitly: %s", name);
    if (!lua_isinteger(L, 2))
      return tl_error(L, "device(): argument 'index' (position 2) must be int, not %s", tl_got(L, 2));
    n = lua_tointeger(L, 2);
    if (n < 0) return tl_error(L, "Device index must not be negative");
  }
  if (digits) {
    size_t length = strlen(digits + 1);
    if (length == 0 || length > 3 || strspn(digits + 1, "0123456789") != length || (length > 1 && digits[1] == '0'))
      return tl_error(L, "Invalid device string: '%s'", name);
    n = strtol(digits + 1, NULL, 10);
  }
  if (n > 999) return tl_error(L, "Invalid device index: %lld", (long long)n);
  push_name(L, kind, (int)n);
  return 1;
}

static int device_tostring (lua_State *L) {
  int ordinal, kind = read_name(L, 1, &ordinal);
  if (ordinal < 0) lua_pushstring(L, kind == CUDA ? "cuda" : "cpu");
  else lua_pushfstring(L, "%s:%d", kind == CUDA ? "cuda" : "cpu", ordinal);
  return 1;
}

static int device_index (lua_State *L) {
  int ordinal, kind = read_name(L, 1, &ordinal);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (!kind) return 0;
  if (strcmp(key, "type") == 0) lua_pushstring(L, kind == CPU ? "cpu" : "cuda");
  else if (strcmp(key, "index") == 0) {
    if (ordinal < 0) lua_pushnil(L);
    else lua_pushinteger(L, ordinal);
  }
  else return tl_error(L, "torch.device has no field '%s'", key);
  return 1;
}

/* ---- defaults and threads ---- */

static int set_default_dtype (lua_State *L) {
  int d = check_dtype(L, 1, "set_default_dtype");
  if (!tl_is_float(d)) return tl_error(L, "only floating-point types are supported as the default type");
  tl_upctx(L)->default_dtype = (uint8_t)d;
  return 0;
}

static int get_default_dtype (lua_State *L) {
  tl_push_dtype(L, tl_upctx(L)->default_dtype);
  return 1;
}

static int set_default_device_body (lua_State *L) {
  int is_one;
  tl_Device *d = lua_isnoneornil(L, 1) ? tl_cpu() : tl_read_device(L, 1, &is_one);
  if (!d) return tl_here->failed ? tl_bad(L)
      : tl_error(L, "set_default_device(): argument 1 must be torch.device or string, not %s", tl_got(L, 1));
  tl_here->default_device = d;
  return 0;
}

static int set_default_device (lua_State *L) { return tl_protect(L, set_default_device_body); }

static int get_default_device (lua_State *L) {
  tl_push_device(L, tl_upctx(L)->default_device);
  return 1;
}

static int set_num_threads (lua_State *L) {
  lua_Integer n = lua_tointeger(L, 1);
  if (!lua_isinteger(L, 1)) return tl_error(L, "set_num_threads expects an int, but got %s", tl_got(L, 1));
  if (n < 1 || n > 4096) return tl_error(L, "set_num_threads expects a positive integer");
  tl_upctx(L)->env.threads = (int)n;
  return 0;
}

static int get_num_threads (lua_State *L) {
  lua_pushinteger(L, tl_upctx(L)->env.threads);
  return 1;
}

static int use_deterministic_algorithms (lua_State *L) {
  tl_upctx(L)->deterministic = (uint8_t)lua_toboolean(L, 1);
  return 0;
}

/* ---- memory ---- */

#define COUNT(name, what) \
  static int name (lua_State *L) { lua_pushinteger(L, (lua_Integer)tl_upctx(L)->what); return 1; }
COUNT(allocated, bytes)
COUNT(max_allocated, peak)
COUNT(tensors, tensors)
COUNT(nodes, nodes)

static int reset_peak (lua_State *L) {
  tl_Context *c = tl_upctx(L);
  c->peak = c->bytes;
  return 0;
}

/* limit() gives it (0: none), limit(bytes) sets it and gives the old one */
static int limit (lua_State *L) {
  tl_Context *c = tl_upctx(L);
  lua_Integer n = lua_tointeger(L, 1);
  lua_pushinteger(L, (lua_Integer)c->limit);
  if (lua_isnoneornil(L, 1)) return 1;
  if (!lua_isinteger(L, 1) || n < 0)
    return tl_error(L, "memory.limit(): the limit must be a number of bytes, or 0 for none");
  c->limit = (size_t)n;
  return 1;
}

static int cached (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tl_cache_bytes(tl_upctx(L)));
  return 1;
}

static int empty_cache (lua_State *L) {
  tl_cache_flush(tl_upctx(L));
  return 0;
}

/* ---- finfo, iinfo ---- */

static void number (lua_State *L, const char *name, double x) {
  lua_pushnumber(L, x);
  lua_setfield(L, -2, name);
}

static void describe (lua_State *L, int d) {
  lua_newtable(L);
  lua_pushinteger(L, 8 * tl_width[d]);
  lua_setfield(L, -2, "bits");
  lua_pushstring(L, tl_dtype_name[d]);
  lua_setfield(L, -2, "dtype");
}

static int finfo (lua_State *L) {
  static const struct { int dtype; double eps, max, tiny, denorm, resolution; } facts[] = {
    { TL_f32, FLT_EPSILON, FLT_MAX, FLT_MIN, 0x1p-149, 1e-6 },
    { TL_f64, DBL_EPSILON, DBL_MAX, DBL_MIN, 0x1p-1074, 1e-15 },
    { TL_f16, 0x1p-10, 65504, 0x1p-14, 0x1p-24, 1e-3 }, { TL_bf16, 0x1p-7, 0x1.fep127, 0x1p-126, 0x1p-133, 1e-2 }
  };
  int d = lua_isnoneornil(L, 1) ? tl_upctx(L)->default_dtype : check_dtype(L, 1, "finfo");
  for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
    if (facts[i].dtype == d) {
      describe(L, d);
      number(L, "eps", facts[i].eps);
      number(L, "max", facts[i].max);
      number(L, "min", -facts[i].max);
      number(L, "tiny", facts[i].tiny);
      number(L, "smallest_normal", facts[i].tiny);
      number(L, "smallest_subnormal", facts[i].denorm);
      number(L, "resolution", facts[i].resolution);
      return 1;
    }
  return tl_error(L, "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'");
}

static int iinfo (lua_State *L) {
  int d = check_dtype(L, 1, "iinfo"), bits = 8 * tl_width[d];
  if (tl_class[d] != TL_INTEGERS)
    return tl_error(L, "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'");
  describe(L, d);
  lua_pushinteger(L, d == TL_u8 ? 255 : (lua_Integer)(((uint64_t)1 << (bits - 1)) - 1));
  lua_setfield(L, -2, "max");
  lua_pushinteger(L, d == TL_u8 ? 0 : bits == 64 ? LUA_MININTEGER : -((lua_Integer)1 << (bits - 1)));
  lua_setfield(L, -2, "min");
  return 1;
}

static int promote_types (lua_State *L) {
  uint8_t d[2] = { (uint8_t)check_dtype(L, 1, "promote_types"), (uint8_t)check_dtype(L, 2, "promote_types") },
      kind[2] = { 0, 0 };
  tl_push_dtype(L, tl_promote(2, d, kind));
  return 1;
}

static int can_cast (lua_State *L) {
  lua_pushboolean(L, tl_can_cast(check_dtype(L, 1, "can_cast"), check_dtype(L, 2, "can_cast")));
  return 1;
}

static int result_type (lua_State *L) {
  uint8_t d[2], kind[2];
  for (int i = 0; i < 2; i++) {
    tl_Tensor *t = tl_astensor(L, i + 1);
    kind[i] = 2;
    if (t) { d[i] = t->dtype; kind[i] = t->ndim == 0; }
    else if (lua_isinteger(L, i + 1)) d[i] = TL_i64;
    else if (lua_isnumber(L, i + 1)) d[i] = tl_upctx(L)->default_dtype;
    else if (lua_isboolean(L, i + 1)) d[i] = TL_b8;
    else return tl_error(L, "result_type(): argument %d must be Tensor or number, not %s", i + 1, tl_got(L, i + 1));
  }
  tl_push_dtype(L, tl_promote(2, d, kind));
  return 1;
}

static void open_dtypes (lua_State *L, int torch) {
  static const struct { const char *name; int dtype; } others[] = { { "float", TL_f32 }, { "double", TL_f64 },
    { "half", TL_f16 }, { "short", TL_i16 }, { "int", TL_i32 }, { "long", TL_i64 } };
  static const luaL_Reg meta[] = { {"__tostring", dtype_tostring}, {"__index", dtype_index}, {NULL, NULL} };
  tl_newkind(L, TL_IS_DTYPE, "torch.dtype");
  tl_setfuncs(L, meta);
  lua_pop(L, 1);
  lua_createtable(L, TL_NDTYPE, 0);
  for (int d = 0; d < TL_NDTYPE; d++) {
    tl_newbox(L, TL_IS_DTYPE)->p = (void *)(intptr_t)(d + 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, torch, tl_dtype_name[d]);
    lua_rawseti(L, -2, d + 1);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &dtypes_key);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    tl_push_dtype(L, others[i].dtype);
    lua_setfield(L, torch, others[i].name);
  }
}

void tl_open_device (lua_State *L) {
  static const luaL_Reg functions[] = { {"device", device_new}, {"set_default_dtype", set_default_dtype},
    {"get_default_dtype", get_default_dtype}, {"set_default_device", set_default_device},
    {"get_default_device", get_default_device}, {"set_num_threads", set_num_threads},
    {"get_num_threads", get_num_threads},
    {"use_deterministic_algorithms", use_deterministic_algorithms}, {"finfo", finfo}, {"iinfo", iinfo},
    {"promote_types", promote_types}, {"can_cast", can_cast}, {"result_type", result_type}, {NULL, NULL} };
  static const luaL_Reg memory[] = { {"allocated", allocated}, {"max_allocated", max_allocated},
    {"reset_peak", reset_peak},
    {"limit", limit}, {"tensors", tensors}, {"nodes", nodes}, {"cached", cached}, {"empty_cache", empty_cache},
    {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__tostring", device_tostring}, {"__index", device_index}, {NULL, NULL} };
  int torch = lua_gettop(L);
  open_dtypes(L, torch);
  tl_newkind(L, TL_IS_DEVICE, "torch.device");
  tl_setfuncs(L, meta);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &devices_key);
  lua_settop(L, torch);
  tl_setfuncs(L, functions);
  tl_subtable(L, torch, "memory");
  tl_setfuncs(L, memory);
  lua_settop(L, torch);
}
