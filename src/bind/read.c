/*
** read.c -- tensors to Lua values: item, tolist, and the small questions about a tensor.
*/
#include <string.h>

#include "bind/forms.h"

void tl_open_read (lua_State *L);

void tl_push_number (lua_State *L, tl_Num v, int dtype) {
  if (tl_is_float(dtype)) lua_pushnumber(L, v.f);
  else if (dtype == TL_b8) lua_pushboolean(L, v.i != 0);
  else lua_pushinteger(L, v.i);
}

/* the hot one: no protected call, nothing here can raise but lua_push of a number */
static int item (lua_State *L) {
  tl_State *S = tl_upstate(L);
  tl_Tensor *t = tl_check(L, 1, "item");
  tl_Context *before;
  size_t mark;
  tl_Num v;
  tl_in(S, L, &before);
  mark = tl_mark();
  if (tl_numel(t) != 1) {
    tl_fault("item(): a Tensor with %lld elements cannot be converted to a number", (long long)tl_numel(t));
    return tl_raise(L, mark, before);
  }
  if (tl_peek_number("item", t, &v)) return tl_raise(L, mark, before);
  tl_drain(mark);
  tl_leave(before);
  tl_push_number(L, v, t->dtype);
  return 1;
}

typedef struct Out { const char *p; int dtype, width; } Out;

static void push_cell (lua_State *L, Out *o) {
  tl_Num v;
  switch (o->dtype) {
    case TL_f64: memcpy(&v.f, o->p, 8); break;
    case TL_f32: { float f; memcpy(&f, o->p, 4); v.f = f; break; }
    case TL_u8: case TL_b8: v.i = *(const uint8_t *)o->p; break;
    case TL_i8: v.i = *(const int8_t *)o->p; break;
    case TL_i16: { int16_t i; memcpy(&i, o->p, 2); v.i = i; break; }
    case TL_i32: { int32_t i; memcpy(&i, o->p, 4); v.i = i; break; }
    default: memcpy(&v.i, o->p, 8); break;
  }
  tl_push_number(L, v, o->dtype);
  o->p += o->width;
}

/* depth at most TL_MAXDIM */
static void push_nested (lua_State *L, Out *o, int ndim, const int64_t *size) {
  if (ndim == 0) { push_cell(L, o); return; }
  lua_createtable(L, size[0] < (1 << 26) ? (int)size[0] : 0, 0);
  for (int64_t i = 1; i <= size[0]; i++) {
    push_nested(L, o, ndim - 1, size + 1);
    lua_rawseti(L, -2, i);
  }
}

static int tolist_body (lua_State *L) {
  tl_Tensor *t = tl_check(L, 1, "tolist");
  Out o;
  void *buffer;
  int64_t n = tl_numel(t);
  luaL_checkstack(L, TL_MAXDIM + LUA_MINSTACK, "tolist");
  if (t->dtype == TL_f16 || t->dtype == TL_bf16) t = tl_cast(t, TL_f32);
  if (!t) return tl_bad(L);
  o.dtype = t->dtype;
  o.width = tl_width[t->dtype];
  buffer = tl_scratch((size_t)(n ? n : 1) * (size_t)o.width);
  if (!buffer || tl_peek("tolist", t, buffer)) return tl_bad(L);
  o.p = buffer;
  push_nested(L, &o, t->ndim, t->size);
  return 1;
}

static int tolist (lua_State *L) { return tl_protect(L, tolist_body); }

/* t:size() a torch.Size, t:size(d) a number; t:stride likewise */
static int sizes (lua_State *L, const char *name, int strides) {
  tl_Tensor *t = tl_check(L, 1, name);
  const int64_t *what = strides ? t->stride : t->size;
  lua_Integer d = lua_tointeger(L, 2), given;
  if (lua_isnoneornil(L, 2)) {
    tl_push_size(L, t->ndim, what);
    return 1;
  }
  if (!lua_isinteger(L, 2))
    return tl_error(L, "%s(): argument 'dim' (position 2) must be int, not %s", name, tl_got(L, 2));
  given = d;
  if (d < 0) d += t->ndim + 1;
  if (d < 1 || d > t->ndim)
    return tl_error(L, "%s(): Dimension out of range (dimensions count from 1: expected to be in range of [-%d, -1] or "
                       "[1, %d], but got %lld)", name, t->ndim, t->ndim, (long long)given);
  lua_pushinteger(L, what[d - 1]);
  return 1;
}

static int size (lua_State *L) { return sizes(L, "size", 0); }
static int stride (lua_State *L) { return sizes(L, "stride", 1); }

#define ASK(name, push, value) \
  static int name (lua_State *L) { tl_Tensor *t = tl_check(L, 1, #name); push(L, value); return 1; }
ASK(dim, lua_pushinteger, t->ndim)
ASK(numel, lua_pushinteger, tl_numel(t))
ASK(element_size, lua_pushinteger, tl_width[t->dtype])
ASK(storage_offset, lua_pushinteger, t->storage ? t->offset : 0)
ASK(is_contiguous, lua_pushboolean, tl_is_contiguous(t))
ASK(is_floating_point, lua_pushboolean, tl_is_float(t->dtype))
ASK(is_complex, lua_pushboolean, t == NULL)
ASK(is_signed, lua_pushboolean, t->dtype != TL_u8 && t->dtype != TL_b8)
ASK(is_inference, lua_pushboolean, (t->flags & TL_INFERENCE) != 0)
ASK(nbytes, lua_pushinteger, tl_numel(t) * tl_width[t->dtype])
ASK(version, lua_pushinteger, t->storage ? t->storage->version : 0)

static int data_ptr (lua_State *L) {
  tl_Tensor *t = tl_check(L, 1, "data_ptr");
  lua_pushinteger(L, t->storage ? (lua_Integer)(intptr_t)tl_data(t) : 0);
  return 1;
}

static int is_tensor (lua_State *L) {
  lua_pushboolean(L, tl_astensor(L, 1) != NULL);
  return 1;
}

static int is_storage (lua_State *L) {
  lua_pushboolean(L, tl_unbox(L, 1, TL_IS_STORAGE) != NULL);
  return 1;
}

/* torch._C.got(x): what the binder calls the type of a value in its messages */
static int got (lua_State *L) {
  lua_pushstring(L, tl_got(L, 1));
  return 1;
}

/* torch._C.repr(x): the shortest decimal that reads back as the same double; other values as tostring */
static int repr (lua_State *L) {
  char text[64];
  if (lua_type(L, 1) == LUA_TNUMBER && !lua_isinteger(L, 1)) {
    tl_repr(text, sizeof text, lua_tonumber(L, 1));
    lua_pushstring(L, text);
  }
  else luaL_tolstring(L, 1, NULL);
  return 1;
}

/* torch._C.same(a, b): one tensor in two boxes? */
static int same_storage (lua_State *L) {
  tl_Tensor *a = tl_check(L, 1, "same_storage"), *b = tl_check(L, 2, "same_storage");
  lua_pushboolean(L, a->storage && a->storage == b->storage);
  return 1;
}

/* torch._C.key(x): an integer that is the same for every box of one tensor */
static int key (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)(intptr_t)tl_check(L, 1, "key"));
  return 1;
}

void tl_open_read (lua_State *L) {
  static const luaL_Reg functions[] = { {"is_tensor", is_tensor}, {"is_storage", is_storage}, {"numel", numel},
    {"is_floating_point", is_floating_point}, {"is_complex", is_complex}, {"is_signed", is_signed}, {NULL, NULL} };
  static const luaL_Reg methods[] = { {"item", item}, {"tolist", tolist}, {"size", size}, {"stride", stride},
    {"dim", dim}, {"ndimension", dim}, {"numel", numel}, {"nelement", numel}, {"element_size", element_size},
    {"storage_offset", storage_offset}, {"is_contiguous", is_contiguous}, {"is_floating_point", is_floating_point},
    {"is_complex", is_complex}, {"is_signed", is_signed}, {"is_inference", is_inference}, {"data_ptr", data_ptr},
    {NULL, NULL} };
  static const luaL_Reg private[] = { {"repr", repr}, {"got", got}, {"same_storage", same_storage}, {"key", key},
    {"version", version},
    {"nbytes", nbytes}, {NULL, NULL} };
  tl_setfuncs(L, functions);
  lua_pushvalue(L, -2);
  tl_setfuncs(L, methods);
  lua_pop(L, 1);
  tl_subtable(L, -1, "_C");
  tl_setfuncs(L, private);
  lua_pop(L, 1);
}
