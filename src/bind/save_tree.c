/*
** save_tree.c -- a Lua value as bytes (save.h).  Tables may share and contain each other; tensors are
** named by their paths, one name for each box.
*/
#include <stdio.h>
#include <string.h>

#include "bind/save.h"

typedef struct Tree {
  lua_State *L;
  tl_Resource *r;
  int tables, names, boxes;              /* stack: table -> number; name -> tensor and a list; box -> name */
  int ntables, ntensors, depth;
  char path[TL_NAME_MOST];               /* of the value at work: "model.0.weight" */
} Tree;

static void put (Tree *t, const void *p, size_t n) {
  if (tl_resource_add(t->r, p, n)) tl_bad(t->L);
}

static void put_tag (Tree *t, char tag) { put(t, &tag, 1); }

static void put_u64 (Tree *t, uint64_t x) {
  unsigned char b[8];
  for (int i = 0; i < 8; i++) b[i] = (unsigned char)(x >> 8 * i);
  put(t, b, 8);
}

static void put_text (Tree *t, const char *text, size_t n) {
  put_u64(t, n);
  put(t, text, n);
}

static void refuse (Tree *t, const char *what) {
  tl_error(t->L, "save(): %s%scan't save %s", t->path, t->path[0] ? ": " : "", what);
}

/* the path grows by a key; what no name should hold becomes '?'.  Returns the old length */
static size_t step (Tree *t, int key) {
  lua_State *L = t->L;
  size_t old = strlen(t->path);
  char part[256];
  if (lua_isinteger(L, key)) snprintf(part, sizeof part, "%lld", (long long)lua_tointeger(L, key));
  else if (lua_type(L, key) == LUA_TSTRING) snprintf(part, sizeof part, "%s", lua_tostring(L, key));
  else snprintf(part, sizeof part, "?");
  for (char *c = part; *c; c++)
    if ((unsigned char)*c < 32 || (unsigned char)*c > 126 || *c == '"' || *c == '\\') *c = '?';
  snprintf(t->path + old, sizeof t->path - old, "%s%s", old ? "." : "", part);
  return old;
}

static int taken (Tree *t, const char *name) {
  int ours = strcmp(name, TL_TREE) == 0 || strcmp(name, "__metadata__") == 0;
  int yes = ours || lua_getfield(t->L, t->names, name) != LUA_TNIL;
  if (!ours) lua_pop(t->L, 1);
  return yes;
}

static void put_tensor (Tree *t, int index) {
  lua_State *L = t->L;
  tl_Tensor *x = tl_astensor(L, index);
  const char *path = t->path[0] ? t->path : "tensor", *name;
  size_t n;
  lua_rawgetp(L, t->boxes, x);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushstring(L, path);
    for (int k = 2; taken(t, lua_tostring(L, -1)); k++) {
      lua_pop(L, 1);
      lua_pushfstring(L, "%s#%d", path, k);
    }
    lua_pushvalue(L, -1);
    lua_rawsetp(L, t->boxes, x);
    lua_pushvalue(L, -1);
    lua_pushvalue(L, index);
    lua_rawset(L, t->names);
    lua_pushvalue(L, -1);
    lua_rawseti(L, t->names, ++t->ntensors);
  }
  name = lua_tolstring(L, -1, &n);
  put_tag(t, 'X');
  put_tag(t, (char)(tl_is_leaf(x) && tl_requires_grad(x)));
  put_text(t, name, n);
  lua_pop(L, 1);
}

static int rank (int type) { return type == LUA_TBOOLEAN ? 0 : type == LUA_TNUMBER ? 1 : 2; }

static int comes_before (lua_State *L, int a, int b) {
  int ra = rank(lua_type(L, a)), rb = rank(lua_type(L, b));
  if (ra != rb) return ra < rb;
  if (ra == 0) return lua_toboolean(L, a) < lua_toboolean(L, b);
  return lua_compare(L, a, b, LUA_OPLT);
}

void tl_sort_keys (lua_State *L, int list, int n) {
  int top = lua_gettop(L);
  for (int gap = n / 2; gap > 0; gap /= 2)
    for (int i = gap + 1; i <= n; i++)
      for (int j = i; j > gap; j -= gap) {
        int swap;
        lua_rawgeti(L, list, j - gap);
        lua_rawgeti(L, list, j);
        swap = comes_before(L, top + 2, top + 1);
        if (swap) {
          lua_rawseti(L, list, j - gap);
          lua_rawseti(L, list, j);
        }
        lua_settop(L, top);
        if (!swap) break;
      }
}

/* pushes the keys of a table as a list: as its __pairs goes, or sorted, so that equal values make equal files */
static int push_keys (Tree *t, int table, int ordered) {
  lua_State *L = t->L;
  int n = 0, list;
  lua_newtable(L);
  list = lua_gettop(L);
  if (ordered) {
    luaL_getmetafield(L, table, "__pairs");
    lua_pushvalue(L, table);
    lua_call(L, 1, 3);
    for (;;) {
      for (int k = 1; k <= 3; k++) lua_pushvalue(L, list + k);
      lua_call(L, 2, 1);
      if (lua_isnil(L, -1)) break;
      lua_pushvalue(L, -1);
      lua_rawseti(L, list, ++n);
      lua_replace(L, list + 3);
    }
  }
  else {
    lua_pushnil(L);
    while (lua_next(L, table)) {
      int type = lua_type(L, -2);
      if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN)
        refuse(t, "a table whose keys are not numbers, strings or booleans");
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      lua_rawseti(L, list, ++n);
    }
    tl_sort_keys(L, list, n);
  }
  lua_settop(L, list);
  return n;
}

static void put_value (Tree *t, int index);

static void put_table (Tree *t, int index) {
  lua_State *L = t->L;
  int ordered = 0, n, list;
  lua_pushvalue(L, index);
  if (lua_rawget(L, t->tables) == LUA_TNUMBER) {
    put_tag(t, 'R');
    put_u64(t, (uint64_t)lua_tointeger(L, -1));
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 1);
  if (++t->depth > TL_TREE_DEPTH) refuse(t, "tables nested deeper than 100");
  luaL_checkstack(L, LUA_MINSTACK, "save");
  lua_pushvalue(L, index);
  lua_pushinteger(L, t->ntables++);
  lua_rawset(L, t->tables);
  if (lua_getmetatable(L, index)) {
    if (lua_istable(L, -1)) {
      lua_pushliteral(L, "__class");
      if (lua_rawget(L, -2) != LUA_TNIL) refuse(t, "an object (save its state_dict())");
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
    ordered = luaL_getmetafield(L, index, "__pairs") != LUA_TNIL;
    if (ordered) lua_pop(L, 1);
  }
  n = push_keys(t, index, ordered);
  list = lua_gettop(L);
  put_tag(t, ordered ? 'O' : 'T');
  put_u64(t, (uint64_t)n);
  for (int i = 1; i <= n; i++) {
    size_t old;
    lua_rawgeti(L, list, i);
    put_value(t, list + 1);
    old = step(t, list + 1);
    lua_rawget(L, index);
    put_value(t, list + 1);
    t->path[old] = 0;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  t->depth--;
}

static void put_number (Tree *t, int index) {
  union { lua_Number f; uint64_t u; } x = { .f = 0 };
  if (lua_isinteger(t->L, index)) {
    put_tag(t, 'I');
    put_u64(t, (uint64_t)lua_tointeger(t->L, index));
    return;
  }
  x.f = lua_tonumber(t->L, index);
  put_tag(t, 'D');
  put_u64(t, x.u);
}

static int is_size (lua_State *L, int index) {
  int type = luaL_getmetafield(L, index, "__name");
  int yes = type == LUA_TSTRING && strcmp(lua_tostring(L, -1), "torch.Size") == 0;
  if (type != LUA_TNIL) lua_pop(L, 1);
  return yes;
}

/* depth at most TL_TREE_DEPTH */
static void put_value (Tree *t, int index) {
  lua_State *L = t->L;
  size_t n;
  const char *s;
  switch (lua_type(L, index)) {
    case LUA_TNIL: put_tag(t, 'N'); return;
    case LUA_TBOOLEAN: put_tag(t, lua_toboolean(L, index) ? 'V' : 'F'); return;
    case LUA_TNUMBER: put_number(t, index); return;
    case LUA_TSTRING:
      s = lua_tolstring(L, index, &n);
      put_tag(t, 'S');
      put_text(t, s, n);
      return;
    case LUA_TTABLE:
      if (is_size(L, index)) {
        put_tag(t, 'Z');
        put_u64(t, lua_rawlen(L, index));
        for (lua_Unsigned i = 1; i <= lua_rawlen(L, index); i++) {
          lua_rawgeti(L, index, (lua_Integer)i);
          put_u64(t, (uint64_t)lua_tointeger(L, -1));
          lua_pop(L, 1);
        }
        return;
      }
      put_table(t, index);
      return;
    case LUA_TUSERDATA:
      if (tl_astensor(L, index)) put_tensor(t, index);
      else if (tl_is_none(L, index)) put_tag(t, '!');
      else if (tl_read_dtype(L, index) != TL_NONE) {
        put_tag(t, 'Y');
        put_tag(t, (char)tl_read_dtype(L, index));
      }
      else refuse(t, tl_got(L, index));
      return;
    default: refuse(t, lua_typename(L, lua_type(L, index)));
  }
}

int tl_tree_write (lua_State *L, int index, int names, tl_Resource *r) {
  Tree t = { .L = L, .r = r, .names = names };
  luaL_checkstack(L, LUA_MINSTACK, "save");
  lua_newtable(L);
  t.tables = lua_gettop(L);
  lua_newtable(L);
  t.boxes = lua_gettop(L);
  put_value(&t, index);
  lua_settop(L, t.tables - 1);
  return t.ntensors;
}
