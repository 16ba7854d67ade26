/*
** load.c -- torch.load: reads what save.c writes, and any other safetensors file, and trusts neither.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind/save.h"

static int fail (lua_State *L, const char *path, const char *why) { return tl_error(L, "load(): %s: %s", path, why); }

static void read_all (lua_State *L, const char *path, int fd, void *to, size_t n) {
  char *c = to;
  while (n) {
    ssize_t k = read(fd, c, n < (1u << 30) ? n : 1u << 30);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) fail(L, path, strerror(errno));
    if (k == 0) fail(L, path, "the file ends too early");
    c += k;
    n -= (size_t)k;
  }
}

/* one tensor, read from where the file stands; pushes it */
static tl_Tensor *read_tensor (lua_State *L, const char *path, int fd, const tl_Entry *e) {
  tl_Tensor **box = tl_box(L), *t;
  size_t mark = tl_mark(), n = (size_t)(e->end - e->begin);
  t = tl_new(tl_cpu(), e->dtype, e->ndim, e->size);
  if (!t) { tl_bad(L); return NULL; }
  *box = tl_retain(t);
  tl_drain(mark);
  if (n) read_all(L, path, fd, tl_data(t), n);
  if (e->dtype == TL_b8)
    for (size_t i = 0; i < n; i++) ((uint8_t *)tl_data(t))[i] = ((uint8_t *)tl_data(t))[i] != 0;
  return t;
}

/* opens path: its header's length and the bytes of data */
static void open_file (lua_State *L, const char *path, tl_Resource *f, uint64_t *header, uint64_t *data) {
  struct stat s;
  unsigned char b[8];
  f->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);         /* a FIFO must not make it wait */
  if (f->fd < 0 || fstat(f->fd, &s)) fail(L, path, strerror(errno));
  if (!S_ISREG(s.st_mode)) fail(L, path, "not a regular file");
  if (s.st_size < 8) fail(L, path, "not a valid safetensors file: it is too short");
  read_all(L, path, f->fd, b, 8);
  *header = 0;
  for (int i = 7; i >= 0; i--) *header = *header << 8 | b[i];
  if (*header > (uint64_t)s.st_size - 8)
    fail(L, path, "not a valid safetensors file: its header is longer than the file");
  if (*header > TL_HEADER_MOST) fail(L, path, "not a valid safetensors file: its header is too long");
  *data = (uint64_t)s.st_size - 8 - *header;
}

/* leaves at the top: tensors by name, metadata */
static void read_file (lua_State *L, const char *path) {
  tl_Resource *f = tl_resource(L), *header = tl_resource(L), *entries = tl_resource(L);
  uint64_t length, data;
  int names, metadata, tensors, n;
  const tl_Entry *e;
  open_file(L, path, f, &length, &data);
  header->bytes = tl_malloc((size_t)length);
  if (!header->bytes) tl_bad(L);
  header->n = header->capacity = (size_t)length;
  read_all(L, path, f->fd, header->bytes, header->n);
  lua_newtable(L);
  names = lua_gettop(L);
  lua_newtable(L);
  tensors = lua_gettop(L);
  lua_newtable(L);
  metadata = lua_gettop(L);
  n = tl_header_read(L, path, header->bytes, header->n, data, names, metadata, entries);
  e = (const tl_Entry *)(const void *)entries->bytes;
  for (int i = 0; i < n; i++) {                        /* by place: the file is read once, from front to back */
    lua_rawgeti(L, names, e[i].name);
    read_tensor(L, path, f->fd, &e[i]);
    lua_rawset(L, tensors);
  }
  tl_resource_close(f);
  tl_resource_close(header);
  tl_resource_close(entries);
}

static const char *check_path (lua_State *L, int index, const char *name) {
  size_t n = 0;
  const char *path = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &n) : NULL;
  if (!path) tl_error(L, "%s(): the file name (argument %d) must be string, not %s", name, index, tl_got(L, index));
  if (strlen(path) != n || n == 0) tl_error(L, "%s(): the file name is empty or has a zero byte", name);
  return path;
}

/* torch._C.load_safetensors(path): tensors by name, metadata */
static int load_safetensors_body (lua_State *L) {
  read_file(L, check_path(L, 1, "load_safetensors"));
  return 2;
}

/* torch._C.load_file(path, make): the value; make: gives an empty table that keeps its order.  A file of others:
   its tensors by name */
static int load_file_body (lua_State *L) {
  const char *path = check_path(L, 1, "load");
  int tensors;
  tl_Tensor *tree;
  lua_settop(L, 2);
  read_file(L, path);
  tensors = lua_gettop(L) - 1;
  lua_getfield(L, tensors, TL_TREE);
  tree = tl_astensor(L, -1);
  if (!tree) {
    lua_pushvalue(L, tensors);
    return 1;
  }
  if (tree->dtype != TL_u8 || tree->ndim != 1) return fail(L, path, "its tree is not made of bytes");
  tl_tree_read(L, tl_data(tree), (size_t)tl_numel(tree), tensors, lua_type(L, 2) == LUA_TFUNCTION ? 2 : 0);
  return 1;
}

static int load_file (lua_State *L) {
  int n = tl_protect(L, load_file_body);
  tl_pace(L);
  return n;
}

static int load_safetensors (lua_State *L) {
  int n = tl_protect(L, load_safetensors_body);
  tl_pace(L);
  return n;
}

void tl_open_load (lua_State *L) {
  static const luaL_Reg private[] = { {"load_file", load_file}, {"load_safetensors", load_safetensors}, {NULL, NULL} };
  tl_setfuncs(L, private);
}
