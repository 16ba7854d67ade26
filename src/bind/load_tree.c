/*
** load_tree.c -- the tree of save.h back into a Lua value: bounded reads only, every count checked
** against what is left.
*/
#include <string.h>

#include "bind/save.h"

typedef struct Tree {
  lua_State *L;
  const unsigned char *p, *end;
  int tensors, make, tables;             /* stack: name -> tensor; maker of ordered tables or 0; number -> table */
  int ntables, depth;
} Tree;

static void broken (Tree *t) { tl_error(t->L, "load(): the tree of the file is damaged"); }

static unsigned char get_byte (Tree *t) {
  if (t->p == t->end) broken(t);
  return *t->p++;
}

static uint64_t get_u64 (Tree *t) {
  uint64_t x = 0;
  if (t->end - t->p < 8) broken(t);
  for (int i = 7; i >= 0; i--) x = x << 8 | t->p[i];
  t->p += 8;
  return x;
}

static void push_text (Tree *t) {
  uint64_t n = get_u64(t);
  if (n > (uint64_t)(t->end - t->p)) broken(t);
  lua_pushlstring(t->L, (const char *)t->p, (size_t)n);
  t->p += n;
}

static void push_value (Tree *t);

static void push_table (Tree *t, int ordered) {
  lua_State *L = t->L;
  uint64_t n = get_u64(t);
  int table;
  if (n > (uint64_t)(t->end - t->p) / 2 || ++t->depth > TL_TREE_DEPTH)
    broken(t);   /* a field takes two bytes at least */
  luaL_checkstack(L, LUA_MINSTACK, "load");
  if (ordered && t->make) {
    lua_pushvalue(L, t->make);
    lua_call(L, 0, 1);
    if (!lua_istable(L, -1)) broken(t);
  }
  else lua_newtable(L);
  table = lua_gettop(L);
  lua_pushvalue(L, table);
  lua_rawseti(L, t->tables, ++t->ntables);
  for (uint64_t i = 0; i < n; i++) {
    push_value(t);
    if (lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) != lua_tonumber(L, -1))) broken(t);
    push_value(t);
    if (ordered) lua_settable(L, table);               /* its __newindex remembers the order */
    else lua_rawset(L, table);
  }
  t->depth--;
}

static void push_tensor (Tree *t) {
  lua_State *L = t->L;
  unsigned char flags = get_byte(t);
  tl_Tensor *x;
  push_text(t);
  lua_rawget(L, t->tensors);
  x = tl_astensor(L, -1);
  if (!x || flags > 1) broken(t);
  if (flags && tl_set_requires_grad(x, 1)) tl_bad(L);
}

static void push_size (Tree *t) {
  int64_t size[TL_MAXDIM];
  uint64_t n = get_u64(t);
  if (n > TL_MAXDIM) broken(t);
  for (uint64_t i = 0; i < n; i++) size[i] = (int64_t)get_u64(t);
  tl_push_size(t->L, (int)n, size);
}

/* depth at most TL_TREE_DEPTH */
static void push_value (Tree *t) {
  lua_State *L = t->L;
  union { lua_Number f; uint64_t u; } x;
  uint64_t k;
  switch (get_byte(t)) {
    case 'N': lua_pushnil(L); return;
    case '!': tl_push_none(L); return;
    case 'F': lua_pushboolean(L, 0); return;
    case 'V': lua_pushboolean(L, 1); return;
    case 'I': lua_pushinteger(L, (lua_Integer)get_u64(t)); return;
    case 'D':
      x.u = get_u64(t);
      lua_pushnumber(L, x.f);
      return;
    case 'S': push_text(t); return;
    case 'Y':
      k = get_byte(t);
      if (k >= TL_NDTYPE) broken(t);
      tl_push_dtype(L, (int)k);
      return;
    case 'Z': push_size(t); return;
    case 'T': push_table(t, 0); return;
    case 'O': push_table(t, 1); return;
    case 'R':
      k = get_u64(t);
      if (k >= (uint64_t)t->ntables) broken(t);
      lua_rawgeti(L, t->tables, (lua_Integer)k + 1);
      return;
    case 'X': push_tensor(t); return;
    default: broken(t);
  }
}

void tl_tree_read (lua_State *L, const unsigned char *p, size_t n, int tensors, int make) {
  Tree t = { .L = L, .p = p, .end = p + n, .tensors = tensors, .make = make };
  lua_newtable(L);
  t.tables = lua_gettop(L);
  push_value(&t);
  if (t.p != t.end) broken(&t);
}
