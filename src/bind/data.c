/*
** data.c -- Lua values to tensors: torch.tensor and its like, memory from strings, storages.
**
** A nested table is walked twice: its shape follows from the first elements, the first walk checks
** that every part has that shape and finds the widest kind of number, the second writes.
*/
#include <string.h>

#include "bind/forms.h"
#include "bind/pace.h"
#include "op/calls.h"

typedef struct Nest {
  lua_State *L;
  const char *name;                      /* of the function */
  int ndim, kind;                        /* kind: 0 nothing seen, 1 booleans, 2 integers, 3 floats */
  int64_t size[TL_MAXDIM];
  int floats, dtype;                     /* the cells written are doubles, else int64; what they will be */
  tl_Num *to;
} Nest;

static int bad_leaf (Nest *n) {
  return tl_error(n->L, "%s(): a list of numbers or booleans can't hold a %s", n->name, tl_got(n->L, -1));
}

/* the value on top, a leaf: its kind, and its number */
static int leaf (Nest *n, tl_Num *v) {
  lua_State *L = n->L;
  tl_Tensor *t;
  if (lua_isinteger(L, -1)) { v->i = lua_tointeger(L, -1); return 2; }
  if (lua_type(L, -1) == LUA_TNUMBER) { v->f = lua_tonumber(L, -1); return 3; }
  if (lua_isboolean(L, -1)) { v->i = lua_toboolean(L, -1); return 1; }
  t = tl_astensor(L, -1);
  if (!t) { bad_leaf(n); return 0; }
  if (tl_numel(t) != 1)
    tl_error(L, "%s(): only one element tensors can be converted to numbers (torch.stack joins larger ones)", n->name);
  if (tl_peek_number(n->name, t, v)) tl_bad(L);
  return tl_class[t->dtype];                           /* the same numbers as the kinds */
}

static void shape_of (Nest *n) {
  lua_State *L = n->L;
  int top = lua_gettop(L);
  while (lua_type(L, -1) == LUA_TTABLE) {
    if (n->ndim == TL_MAXDIM)
      tl_error(L, "%s(): the lists are nested deeper than %d, or contain themselves", n->name, TL_MAXDIM);
    if (!tl_is_list(L, lua_gettop(L))) tl_error(L, "%s(): a table with names in it is no list of numbers", n->name);
    n->size[n->ndim++] = (int64_t)lua_rawlen(L, -1);
    if (lua_rawlen(L, -1) == 0) break;
    lua_rawgeti(L, -1, 1);
  }
  lua_settop(L, top);
  if (tl_check_sizes(n->name, n->ndim, n->size, 8)) tl_bad(L);
}

/* first walk; the value on top; depth <= TL_MAXDIM */
static void check (Nest *n, int d) {
  lua_State *L = n->L;
  tl_Num v;
  int kind;
  if (d < n->ndim) {
    if (lua_type(L, -1) != LUA_TTABLE)
      tl_error(L, "%s(): expected a list of length %lld at dim %d (got %s)", n->name, (long long)n->size[d], d + 1,
               tl_got(L, -1));
    if ((int64_t)lua_rawlen(L, -1) != n->size[d])
      tl_error(L, "%s(): expected sequence of length %lld at dim %d (got %lld)", n->name, (long long)n->size[d], d + 1,
               (long long)lua_rawlen(L, -1));
    for (int64_t i = 1; i <= n->size[d]; i++) {
      lua_rawgeti(L, -1, i);
      check(n, d + 1);
      lua_pop(L, 1);
    }
    return;
  }
  if (lua_type(L, -1) == LUA_TTABLE)
    tl_error(L, "%s(): expected a number at dim %d, got a list: the lists have different depths", n->name, d + 1);
  kind = leaf(n, &v);
  if (kind > n->kind) n->kind = kind;
}

/* an integer dtype must hold the number; negative ones wrap in uint8, fractions are cut */
static int holds (int dtype, tl_Num v, int kind) {
  int bits = 8 * tl_width[dtype];
  double top = bits == 64 ? 0x1p63 : (double)((int64_t)1 << (bits - (dtype != TL_u8)));
  if (tl_class[dtype] != TL_INTEGERS) return 1;
  if (kind == 3) return v.f < top && (bits == 64 ? v.f >= -top : v.f > -top - (dtype != TL_u8));
  if (bits == 64) return 1;
  return v.i < (int64_t)top && v.i >= -(int64_t)top + (dtype == TL_u8);
}

static void write (Nest *n, int d) {
  lua_State *L = n->L;
  tl_Num v;
  int kind;
  if (d < n->ndim) {
    for (int64_t i = 1; i <= n->size[d]; i++) {
      lua_rawgeti(L, -1, i);
      write(n, d + 1);
      lua_pop(L, 1);
    }
    return;
  }
  kind = leaf(n, &v);
  if (!holds(n->dtype, v, kind))
    tl_error(L, "%s(): value cannot be converted to type %s without overflow", n->name, tl_dtype_name[n->dtype]);
  if (n->floats && kind != 3) v.f = (double)v.i;
  *n->to++ = v;
}

/* the value at index as a new tensor in the pool; dtype TL_NONE: as the values are.  Raises. */
tl_Tensor *tl_from_lua (lua_State *L, int index, const char *name, int dtype, tl_Device *device);
tl_Tensor *tl_from_lua (lua_State *L, int index, const char *name, int dtype, tl_Device *device) {
  Nest n = { .L = L, .name = name };
  tl_Tensor *t = tl_astensor(L, index), *cells;
  if (!device) device = tl_here->default_device;
  if (t) {
    t = tl_clone(tl_to_device(tl_cast(t, dtype == TL_NONE ? t->dtype : dtype), device));
    if (!t) tl_bad(L);
    return t;
  }
  luaL_checkstack(L, TL_MAXDIM + LUA_MINSTACK, name);
  lua_pushvalue(L, index);
  if (lua_type(L, -1) != LUA_TTABLE && lua_type(L, -1) != LUA_TNUMBER && lua_type(L, -1) != LUA_TBOOLEAN)
    tl_error(L, "%s(): argument 'data' (position 1) must be a number, a boolean, a list or a Tensor, not %s", name,
             tl_got(L, index));
  shape_of(&n);
  check(&n, 0);
  if (dtype == TL_NONE) dtype = n.kind == 1 ? TL_b8 : n.kind == 2 ? TL_i64 : tl_here->default_dtype;
  n.dtype = dtype;
  n.floats = n.kind == 3 || n.kind == 0 || tl_is_float(dtype);
  cells = tl_new(tl_cpu(), n.floats ? TL_f64 : TL_i64, n.ndim, n.size);
  if (!cells) tl_bad(L);
  n.to = tl_data(cells);
  write(&n, 0);
  lua_pop(L, 1);
  t = tl_to_device(tl_cast(cells, dtype), device);
  if (!t) tl_bad(L);
  return t;
}

static int push_new (lua_State *L, tl_Tensor *t, int requires_grad) {
  if (!t || (requires_grad && tl_set_requires_grad(t, 1))) return tl_bad(L);
  tl_push(L, t);
  return 1;
}

static int tensor_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  if (lua_isnone(L, 1)) return tl_error(L, "tensor() missing required argument 'data' (position 1)");
  tl_take(L, "tensor", TL_FORM_tensor, 2, &r, &a);
  return push_new(L, tl_from_lua(L, 1, "tensor", a.v[0].dtype, a.v[1].device), (int)a.v[2].i);
}

static int as_tensor_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_Tensor *t = tl_astensor(L, 1);
  if (lua_isnone(L, 1)) return tl_error(L, "as_tensor() missing required argument 'data' (position 1)");
  tl_take(L, "as_tensor", TL_FORM_as_tensor, 2, &r, &a);
  if (!t) return push_new(L, tl_from_lua(L, 1, "as_tensor", a.v[0].dtype, a.v[1].device), 0);
  if (a.v[0].dtype != TL_NONE && a.v[0].dtype != t->dtype) t = tl_to_dtype(t, a.v[0].dtype);
  if (a.v[1].device && t && a.v[1].device != tl_device_of(t)) t = tl_op_to_device(t, a.v[1].device);
  if (!t) return tl_bad(L);
  if (t == tl_astensor(L, 1)) lua_pushvalue(L, 1);
  else tl_push(L, t);
  return 1;
}

/* x:new_tensor(data, {dtype=, device=, requires_grad=}): x's dtype and device unless said */
static int new_tensor_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_Tensor *x = tl_check(L, 1, "new_tensor");
  if (lua_isnone(L, 2)) return tl_error(L, "new_tensor() missing required argument 'data' (position 2)");
  tl_take(L, "new_tensor", TL_FORM_tensor, 3, &r, &a);
  return push_new(L, tl_from_lua(L, 2, "new_tensor", a.v[0].dtype == TL_NONE ? x->dtype : a.v[0].dtype,
                                 a.v[1].device ? a.v[1].device : tl_device_of(x)), (int)a.v[2].i);
}

/* torch.from_buffer(string | storage, {dtype=, offset=bytes, count=elements}): a string is copied, a storage shared */
static int from_buffer_body (lua_State *L) {
  tl_Reader r;
  tl_Args a;
  tl_Tensor *s = tl_unbox(L, 1, TL_IS_STORAGE), *t;
  size_t bytes;
  const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &bytes) : NULL;
  int64_t offset, count, width;
  int dtype;
  if (!s && !text)
    return tl_error(L, "from_buffer(): argument 'buffer' (position 1) must be string or torch.Storage, not %s",
                    tl_got(L, 1));
  tl_take(L, "from_buffer", TL_FORM_from_buffer, 2, &r, &a);
  if (s) bytes = s->storage->bytes;
  dtype = a.v[0].dtype != TL_NONE ? a.v[0].dtype : s ? s->dtype : tl_here->default_dtype;
  width = tl_width[dtype];
  offset = a.v[1].i;
  count = a.v[2].i;
  if (offset < 0 || (uint64_t)offset > bytes)
    return tl_error(L,
                    "from_buffer(): offset (%lld bytes) must be non-negative and no greater than buffer length (%lld)",
                    (long long)offset, (long long)bytes);
  if (count < 0) {
    if (((int64_t)bytes - offset) % width)
      return tl_error(L, "from_buffer(): buffer length (%lld bytes) after offset (%lld bytes) must be a multiple of "
                         "element size (%d)", (long long)bytes, (long long)offset, (int)width);
    count = ((int64_t)bytes - offset) / width;
  }
  else if (count > ((int64_t)bytes - offset) / width)
    return tl_error(L, "from_buffer(): requested buffer length (%lld * %d bytes) after offset (%lld bytes) must not be "
                       "greater than actual buffer length (%lld bytes)", (long long)count,
                    (int)width, (long long)offset, (long long)bytes);
  if (s) {
    tl_Geometry g = { 1, offset / width, { count }, { 1 } };
    if (offset % width) return tl_error(L, "from_buffer(): offset (%lld bytes) must be a multiple of element size (%d)",
                                        (long long)offset, (int)width);
    t = tl_alias(s);
    if (t) { t->dtype = (uint8_t)dtype; tl_set_geometry(t, &g); }
  }
  else {
    t = tl_new(tl_cpu(), dtype, 1, &count);
    if (t && count) memcpy(tl_data(t), text + offset, (size_t)(count * width));
    if (t && dtype == TL_b8)
      for (int64_t i = 0; i < count; i++) ((uint8_t *)tl_data(t))[i] = ((uint8_t *)tl_data(t))[i] != 0;
  }
  return push_new(L, t, (int)a.v[3].i);
}

/* ---- storages: a box around a flat alias of all of a tensor's memory ---- */

static int storage_body (lua_State *L) {
  tl_Tensor *t = tl_check(L, 1, "storage"), *s;
  tl_Box *b;
  tl_Geometry g = { 1, 0, { 0 }, { 1 } };
  if (!t->storage) return tl_error(L, "storage(): a number has no storage");
  g.size[0] = (int64_t)(t->storage->bytes / tl_width[t->dtype]);
  b = tl_newbox(L, TL_IS_STORAGE);
  s = tl_alias_at(t, &g);
  if (!s) return tl_bad(L);
  b->p = tl_retain(s);
  return 1;
}

static tl_Tensor *check_storage (lua_State *L) {
  tl_Tensor *s = tl_unbox(L, 1, TL_IS_STORAGE);
  if (!s) tl_error(L, "a torch.Storage was expected, not %s", tl_got(L, 1));
  return s;
}

/* the one element i (from 1) of s, as an alias in the pool */
static tl_Tensor *storage_cell (lua_State *L, tl_Tensor *s) {
  tl_Geometry g = { 0, 0, { 0 }, { 0 } };
  tl_Tensor *t;
  lua_Integer i = lua_tointeger(L, 2);
  if (!lua_isinteger(L, 2)) tl_error(L, "torch.Storage: an index must be int, not %s", tl_got(L, 2));
  if (i < 1 || i > s->size[0])
    tl_error(L, "torch.Storage: index %lld is out of range for %lld elements (they count from 1)", (long long)i,
             (long long)s->size[0]);
  g.offset = i - 1;
  t = tl_alias_at(s, &g);
  if (!t) tl_bad(L);
  return t;
}

static int storage_index_body (lua_State *L) {
  tl_Tensor *s = check_storage(L), *t;
  tl_Num v;
  if (lua_type(L, 2) == LUA_TSTRING) {
    tl_pushkind(L, TL_IS_STORAGE);
    lua_getfield(L, -1, "methods");
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
  }
  t = storage_cell(L, s);
  if (tl_peek_number("storage", t, &v)) return tl_bad(L);
  tl_push_number(L, v, t->dtype);
  return 1;
}

static int storage_newindex_body (lua_State *L) {
  tl_Tensor *t = storage_cell(L, check_storage(L));
  tl_Num v;
  int from = TL_i64;
  if (lua_isinteger(L, 3)) v.i = lua_tointeger(L, 3);
  else if (lua_isboolean(L, 3)) v.i = lua_toboolean(L, 3);
  else if (lua_type(L, 3) == LUA_TNUMBER) { v.f = lua_tonumber(L, 3); from = TL_f64; }
  else return tl_error(L, "torch.Storage: a value must be number, not %s", tl_got(L, 3));
  if (tl_fill(t, v, from)) return tl_bad(L);
  tl_touch(t);
  return 0;
}

static int storage_len (lua_State *L) {
  lua_pushinteger(L, check_storage(L)->size[0]);
  return 1;
}

static int storage_data_ptr (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)(intptr_t)check_storage(L)->storage->data);
  return 1;
}

static int storage_nbytes (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_storage(L)->storage->bytes);
  return 1;
}

static int storage_tostring (lua_State *L) {
  tl_Tensor *s = check_storage(L);
  lua_pushfstring(L, "torch.Storage of %I %s elements", (LUAI_UACINT)s->size[0], tl_dtype_name[s->dtype]);
  return 1;
}

static int storage_gc (lua_State *L) {
  tl_State *S = tl_upstate(L);
  tl_Tensor *t = tl_unbox(L, 1, TL_IS_STORAGE);
  if (t && S->ctx) {
    tl_Context *before = tl_here;
    ((tl_Box *)lua_touserdata(L, 1))->p = NULL;
    tl_here = S->ctx;
    tl_release(t);
    tl_here = before;
  }
  return 0;
}

#define PROTECTED(name) static int name (lua_State *L) { return tl_protect(L, name##_body); }
#define PACED(name) static int name (lua_State *L) { int n = tl_protect(L, name##_body); tl_pace(L); return n; }
PACED(tensor)
PACED(as_tensor)
PACED(new_tensor)
PACED(from_buffer)
PROTECTED(storage)
PROTECTED(storage_index)
PROTECTED(storage_newindex)

/* torch.Size(list) or torch.Size(2, 3) */
static int size_new (lua_State *L) {
  int64_t size[TL_MAXDIM];
  int n = tl_read_sizes(L, 1, lua_gettop(L), size, "Size");
  tl_push_size(L, n, size);
  return 1;
}

int tl_read_sizes (lua_State *L, int first, int last, int64_t *size, const char *op) {
  int list = first == last && lua_type(L, first) == LUA_TTABLE;
  int n = list ? (int)lua_rawlen(L, first) : last - first + 1;
  if (n > TL_MAXDIM) tl_error(L, "%s(): at most %d dimensions, got %d", op, TL_MAXDIM, n);
  for (int i = 0; i < n; i++) {
    if (list) lua_rawgeti(L, first, i + 1);
    else lua_pushvalue(L, first + i);
    if (!lua_isinteger(L, -1)) tl_error(L, "%s(): sizes must be ints, not %s", op, tl_got(L, -1));
    size[i] = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  return n;
}

void tl_open_data (lua_State *L) {
  static const luaL_Reg functions[] = { {"tensor", tensor}, {"as_tensor", as_tensor}, {"from_buffer", from_buffer},
    {"frombuffer", from_buffer}, {"Size", size_new}, {NULL, NULL} };
  static const luaL_Reg methods[] = { {"new_tensor", new_tensor}, {"storage", storage}, {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__gc", storage_gc}, {"__index", storage_index}, {"__newindex", storage_newindex},
    {"__len", storage_len}, {"__tostring", storage_tostring}, {NULL, NULL} };
  static const luaL_Reg of_storage[] = { {"size", storage_len}, {"data_ptr", storage_data_ptr},
    {"nbytes", storage_nbytes},
    {NULL, NULL} };
  tl_setfuncs(L, functions);
  lua_pushvalue(L, -2);
  tl_setfuncs(L, methods);
  lua_pop(L, 1);
  tl_newkind(L, TL_IS_STORAGE, "torch.Storage");
  tl_setfuncs(L, meta);
  lua_newtable(L);
  tl_setfuncs(L, of_storage);
  lua_setfield(L, -2, "methods");
  lua_pop(L, 1);
}
