/*
** save.c -- torch.save: Lua values with tensors in them to a file, and plain safetensors.
**
** First everything that Lua must do: the tree, the names, the header.  Then the file is written: a new
** one beside the old, flushed to the disk, and renamed over it; a reader sees the old or the new one.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind/save.h"
#include "op/calls.h"

const char *const tl_safe_name[TL_NDTYPE] = { [TL_f32] = "F32", [TL_f64] = "F64", [TL_f16] = "F16", [TL_bf16] = "BF16",
  [TL_u8] = "U8", [TL_i8] = "I8", [TL_i16] = "I16", [TL_i32] = "I32", [TL_i64] = "I64", [TL_b8] = "BOOL" };

/* ---- resources ---- */

void tl_resource_close (tl_Resource *r) {
  if (r->fd >= 0) close(r->fd);
  r->fd = -1;
  tl_free(r->bytes);
  r->bytes = NULL;
  r->n = r->capacity = 0;
}

static int resource_gc (lua_State *L) {
  tl_resource_close(lua_touserdata(L, 1));
  return 0;
}

static const char resource_key = 0;

tl_Resource *tl_resource (lua_State *L) {
  tl_Resource *r = lua_newuserdatauv(L, sizeof *r, 0);
  *r = (tl_Resource){ .fd = -1 };
  lua_rawgetp(L, LUA_REGISTRYINDEX, &resource_key);
  lua_setmetatable(L, -2);
  return r;
}

int tl_resource_add (tl_Resource *r, const void *p, size_t n) {
  if (n > r->capacity - r->n) {
    size_t more = 2 * r->capacity + n + 256;
    unsigned char *grown = tl_realloc(r->bytes, more);
    if (!grown) return -1;
    r->bytes = grown;
    r->capacity = more;
  }
  if (n) memcpy(r->bytes + r->n, p, n);
  r->n += n;
  return 0;
}

/* ---- the header: {"__metadata__":{...},"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},...} ---- */

static int add (tl_Resource *r, const char *text) { return tl_resource_add(r, text, strlen(text)); }

/* a JSON string; bytes above 127 are taken as UTF-8 */
static int add_json (tl_Resource *r, const char *s, size_t n) {
  int status = add(r, "\"");
  for (size_t i = 0; i < n && !status; i++) {
    unsigned char c = (unsigned char)s[i];
    char b[8];
    if (c == '"' || c == '\\') snprintf(b, sizeof b, "\\%c", c);
    else if (c < 32 || c == 127) snprintf(b, sizeof b, "\\u%04x", c);
    else { b[0] = (char)c; b[1] = 0; }
    status = add(r, b);
  }
  return status ? status : add(r, "\"");
}

static int add_entry (tl_Resource *r, const char *name, size_t length, const tl_Tensor *t, uint64_t *at, int first) {
  char b[64];
  uint64_t bytes = (uint64_t)tl_numel(t) * tl_width[t->dtype];
  if ((!first && add(r, ",")) || add_json(r, name, length)) return -1;
  snprintf(b, sizeof b, ":{\"dtype\":\"%s\",\"shape\":[", tl_safe_name[t->dtype]);
  if (add(r, b)) return -1;
  for (int d = 0; d < t->ndim; d++) {
    snprintf(b, sizeof b, "%s%lld", d ? "," : "", (long long)t->size[d]);
    if (add(r, b)) return -1;
  }
  snprintf(b, sizeof b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)*at, (unsigned long long)(*at + bytes));
  *at += bytes;
  return add(r, b);
}

/* ---- the file ---- */

static int write_all (int fd, const void *p, size_t n) {
  const char *c = p;
  while (n) {
    ssize_t k = write(fd, c, n < (1u << 30) ? n : 1u << 30);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return -1;
    c += k;
    n -= (size_t)k;
  }
  return 0;
}

static int write_tensor (int fd, tl_Tensor *t) {
  size_t mark = tl_mark();
  int status = -1;
  t = tl_contiguous(tl_to_device(tl_unwrap(t, tl_device_of(t)), tl_cpu()));
  if (t) status = write_all(fd, tl_data(t), (size_t)tl_numel(t) * tl_width[t->dtype]);
  tl_drain(mark);
  return status;
}

static int failed (lua_State *L, const char *path, const char *temporary, tl_Resource *file) {
  int why = errno;
  tl_resource_close(file);
  if (temporary) unlink(temporary);
  if (tl_here->failed) return tl_bad(L);
  return tl_error(L, "save(): %s: %s", path, strerror(why));
}

/* header and the tensors named in the list at `names`; no Lua from open to rename */
static int write_file (lua_State *L, const char *path, const tl_Resource *header, int names, int n,
                       const tl_Resource *tree) {
  char temporary[4096];
  tl_Tensor **t = tl_scratch((size_t)(n + 1) * sizeof *t);
  tl_Resource *file = tl_resource(L);
  unsigned char length[8];
  int status;
  struct stat old;
  if (!t) return tl_bad(L);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, names, i + 1);
    lua_rawget(L, names);
    t[i] = tl_astensor(L, -1);
    lua_pop(L, 1);
  }
  if ((size_t)snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid()) >= sizeof temporary)
    return tl_error(L, "save(): the path is too long");
  if (stat(path, &old) == 0 && !S_ISREG(old.st_mode)) return tl_error(L, "save(): %s: not a regular file", path);
  file->fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file->fd < 0) return failed(L, path, NULL, file);
  for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)header->n >> 8 * i);
  status = write_all(file->fd, length, 8) || write_all(file->fd, header->bytes, header->n);
  for (int i = 0; i < n && !status; i++) status = write_tensor(file->fd, t[i]);
  if (!status && tree) status = write_all(file->fd, tree->bytes, tree->n);
  if (!status) status = fsync(file->fd);
  if (!status) {
    int fd = file->fd;
    file->fd = -1;
    status = close(fd);
  }
  if (!status) status = rename(temporary, path);
  if (status) return failed(L, path, temporary, file);
  tl_resource_close(file);
  return 0;
}

static const char *check_path (lua_State *L, int index, const char *name) {
  size_t n = 0;
  const char *path = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &n) : NULL;
  if (!path) tl_error(L, "%s(): the file name (argument %d) must be string, not %s", name, index, tl_got(L, index));
  if (strlen(path) != n || n == 0) tl_error(L, "%s(): the file name is empty or has a zero byte", name);
  return path;
}

static int finish_header (tl_Resource *h) {
  if (add(h, "}")) return -1;
  while (h->n % 8)
    if (add(h, " ")) return -1;
  return 0;
}

/* torch._C.save_file(path, value) */
static int save_file_body (lua_State *L) {
  const char *path = check_path(L, 1, "save");
  tl_Resource *tree, *header;
  tl_Tensor bytes = { .ndim = 1, .dtype = TL_u8 };
  uint64_t at = 0;
  int n, status;
  if (lua_isnone(L, 2)) return tl_error(L, "save(): nothing to save");
  lua_settop(L, 2);
  lua_newtable(L);                                     /* 3: names */
  tree = tl_resource(L);
  header = tl_resource(L);
  n = tl_tree_write(L, 2, 3, tree);
  status = add(header, "{\"__metadata__\":{\"format\":\"tlua\",\"version\":\"1\"}");
  for (int i = 0; i < n && !status; i++) {
    size_t length;
    const char *name;
    lua_rawgeti(L, 3, i + 1);
    name = lua_tolstring(L, -1, &length);
    lua_pushvalue(L, -1);
    lua_rawget(L, 3);
    status = add_entry(header, name, length, tl_astensor(L, -1), &at, 0);
    lua_pop(L, 2);
  }
  bytes.size[0] = (int64_t)tree->n;
  if (status || add_entry(header, TL_TREE, strlen(TL_TREE), &bytes, &at, 0) || finish_header(header)) return tl_bad(L);
  return write_file(L, path, header, 3, n, tree);
}

/* the {string = string} table at index as JSON */
static void add_metadata (lua_State *L, int index, tl_Resource *h) {
  int first = 1;
  if (add(h, "\"__metadata__\":{")) tl_bad(L);
  lua_pushnil(L);
  while (lua_next(L, index)) {
    size_t n;
    const char *s;
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      tl_error(L, "save_safetensors(): metadata must be strings by name");
    s = lua_tolstring(L, -2, &n);
    if ((!first && add(h, ",")) || add_json(h, s, n) || add(h, ":")) tl_bad(L);
    s = lua_tolstring(L, -1, &n);
    if (add_json(h, s, n)) tl_bad(L);
    first = 0;
    lua_pop(L, 1);
  }
  if (add(h, "}")) tl_bad(L);
}

/* torch._C.save_safetensors(path, {name = tensor}, {string = string}): a plain file for other programs */
static int save_safetensors_body (lua_State *L) {
  const char *path = check_path(L, 1, "save_safetensors");
  tl_Resource *header;
  uint64_t at = 0;
  int n = 0, metadata = lua_istable(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  lua_newtable(L);                                     /* 4: names, sorted by name */
  header = tl_resource(L);
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    if (lua_type(L, -2) != LUA_TSTRING || !tl_astensor(L, -1))
      return tl_error(L, "save_safetensors(): a table of tensors by name was expected");
    if (strcmp(lua_tostring(L, -2), "__metadata__") == 0)
      return tl_error(L, "save_safetensors(): '__metadata__' is no name of a tensor");
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, 4);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 4, ++n);
  }
  tl_sort_keys(L, 4, n);
  if (add(header, "{")) return tl_bad(L);
  if (metadata) add_metadata(L, 3, header);
  for (int i = 0; i < n; i++) {
    size_t length;
    const char *name;
    lua_rawgeti(L, 4, i + 1);
    name = lua_tolstring(L, -1, &length);
    lua_pushvalue(L, -1);
    lua_rawget(L, 4);
    if (add_entry(header, name, length, tl_astensor(L, -1), &at, i == 0 && !metadata)) return tl_bad(L);
    lua_pop(L, 2);
  }
  if (finish_header(header)) return tl_bad(L);
  return write_file(L, path, header, 4, n, NULL);
}

static int save_file (lua_State *L) { return tl_protect(L, save_file_body); }
static int save_safetensors (lua_State *L) { return tl_protect(L, save_safetensors_body); }

void tl_open_save (lua_State *L) {
  static const luaL_Reg private[] = { {"save_file", save_file}, {"save_safetensors", save_safetensors}, {NULL, NULL} };
  int top = lua_gettop(L);
  lua_newtable(L);
  lua_pushcfunction(L, resource_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "torch.resource");
  lua_setfield(L, -2, "__metatable");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &resource_key);
  tl_subtable(L, top, "_C");
  tl_setfuncs(L, private);
  tl_open_load(L);
  lua_settop(L, top);
}
