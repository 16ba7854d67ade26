/*
** facts.c -- what the running program knows of itself: rows of operations and formulas for the docs,
** the stubs and the specs; help; and the answer to a name that torch does not have.
*/
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bind/forms.h"

void tl_open_facts (lua_State *L);

static void text (lua_State *L, const char *key, const char *value) {
  if (!value) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void count (lua_State *L, const char *key, lua_Integer n) {
  lua_pushinteger(L, n);
  lua_setfield(L, -2, key);
}

static void flag (lua_State *L, const char *key, int yes) {
  lua_pushboolean(L, yes);
  lua_setfield(L, -2, key);
}

static void push_op (lua_State *L, const tl_Op *op) {
  int both = !(op->flags & (TL_OP_METHOD | TL_OP_FUNCTION));
  lua_newtable(L);
  text(L, "name", op->name);
  text(L, "space", op->space);
  text(L, "args", op->args);
  text(L, "doc", op->doc);
  text(L, "grad_name", op->grad_name);
  flag(L, "differentiable", !(op->flags & TL_OP_NODIFF) && (op->backward || op->flags & TL_OP_COMPOSITE));
  flag(L, "inplace", (op->flags & (TL_OP_INPLACE | TL_OP_INPLACE_ONLY)) != 0);
  flag(L, "inplace_only", (op->flags & TL_OP_INPLACE_ONLY) != 0);
  flag(L, "view", (op->flags & TL_OP_VIEW) != 0);
  flag(L, "composite", (op->flags & TL_OP_COMPOSITE) != 0);
  flag(L, "method", !op->space && (both || op->flags & TL_OP_METHOD));
  flag(L, "func", op->space || both || op->flags & TL_OP_FUNCTION);
}

/* torch._C.ops(): a list of rows */
static int ops (lua_State *L) {
  lua_Integer n = 0;
  lua_newtable(L);
  for (int f = 0; tl_families[f]; f++)
    for (const tl_Op *op = tl_families[f]; op->name; op++) {
      push_op(L, op);
      lua_rawseti(L, -2, ++n);
    }
  return 1;
}

static int aliases (lua_State *L) {
  lua_newtable(L);
  for (const tl_AliasRow *a = tl_aliases; a->name; a++) text(L, a->name, a->op);
  return 1;
}

/* torch._C.rows(): the formulas, one entry a code */
static int rows (lua_State *L) {
  static const char *const rules[] = { "SAME", "NUM", "INT", "FLOAT", "REAL", "TEST", "SUM", "INDEX" };
  static const char *const stamps[] = { "REAL", "ALL", "CHEAP", "I64" };
  lua_createtable(L, TL_NCODE, 0);
  for (int k = 0; k < TL_NCODE; k++) {
    const tl_Row *r = &tl_rows[k];
    lua_newtable(L);
    text(L, "name", r->name);
    text(L, "rule", rules[r->rule]);
    text(L, "stamp", stamps[r->stamp]);
    text(L, "text", r->text);
    text(L, "args", r->args);
    text(L, "doc", r->doc);
    count(L, "nin", r->nin);
    count(L, "keeps", r->keeps);
    count(L, "which", r->which);
    count(L, "code", k);
    count(L, "forward", r->forward);
    lua_rawseti(L, -2, k + 1);
  }
  return 1;
}

/* ---- help ---- */

static const tl_Op *find_op (const char *name) {
  static const char *const spaces[] = { "nn.functional", "linalg", "special" };
  const tl_Op *op = tl_op(name);
  char full[160], bare[128];
  size_t n = strlen(name);
  if (!op && strncmp(name, "torch.", 6) == 0) op = tl_op(name + 6);
  for (size_t i = 0; i < sizeof spaces / sizeof spaces[0] && !op; i++) {
    snprintf(full, sizeof full, "%s.%s", spaces[i], name);
    op = tl_op(full);
  }
  if (!op && n > 1 && n < sizeof bare && name[n - 1] == '_') {
    memcpy(bare, name, n - 1);
    bare[n - 1] = 0;
    op = tl_op(bare);
  }
  return op;
}

static const char *nearest_op (const char *name) {
  const char *best = NULL;
  int least = 4;
  for (int f = 0; tl_families[f]; f++)
    for (const tl_Op *op = tl_families[f]; op->name; op++) {
      int d = tl_distance(name, op->name);
      if (d < least) { least = d; best = op->name; }
    }
  return best;
}

/* torch._C.help_text(name) */
static int help_text (lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *near;
  const tl_Op *op = find_op(name);
  luaL_Buffer b;
  if (!op) {
    near = nearest_op(name);
    return near ? tl_error(L, "help: there is no operation '%s'; did you mean '%s'?", name, near)
                : tl_error(L, "help: there is no operation '%s'", name);
  }
  luaL_buffinit(L, &b);
  for (const char *form = op->args; form; ) {
    const char *end = strchr(form, '|');
    size_t n = end ? (size_t)(end - form) : strlen(form);
    while (n && *form == ' ') { form++; n--; }
    while (n && form[n - 1] == ' ') n--;
    luaL_addstring(&b, op->space ? op->space : "torch");
    luaL_addchar(&b, '.');
    luaL_addstring(&b, op->name);
    luaL_addchar(&b, '(');
    luaL_addlstring(&b, form, n);
    luaL_addstring(&b, ")\n");
    form = end ? end + 1 : NULL;
  }
  if (op->flags & TL_OP_INPLACE) {
    luaL_addstring(&b, "in place: x:");
    luaL_addstring(&b, op->name);
    luaL_addstring(&b, "_(...)\n");
  }
  luaL_addstring(&b, op->doc ? op->doc : "");
  luaL_pushresult(&b);
  return 1;
}

static int help (lua_State *L) {
  help_text(L);
  lua_writestring(lua_tostring(L, -1), lua_rawlen(L, -1));
  lua_writeline();
  return 0;
}

/* ---- names that are not there ---- */

static const struct { const char *name, *why; } refused[] = {
  { "complex32", "complex numbers" }, { "complex64", "complex numbers" }, { "complex128", "complex numbers" },
  { "cfloat", "complex numbers" }, { "cdouble", "complex numbers" }, { "chalf", "complex numbers" },
  { "complex", "complex numbers" }, { "view_as_complex", "complex numbers" }, { "view_as_real", "complex numbers" },
  { "polar", "complex numbers" }, { "real", "complex numbers" }, { "imag", "complex numbers" },
  { "angle", "complex numbers" },
  { "sparse", "sparse tensors" }, { "sparse_coo_tensor", "sparse tensors" }, { "sparse_csr_tensor", "sparse tensors" },
  { "sparse_csc_tensor", "sparse tensors" }, { "sparse_bsr_tensor", "sparse tensors" },
  { "sparse_coo", "sparse tensors" },
  { "sparse_csr", "sparse tensors" }, { "sparse_compressed_tensor", "sparse tensors" }, { "smm", "sparse tensors" },
  { "quantization", "quantized tensors" }, { "quantize_per_tensor", "quantized tensors" },
  { "quantize_per_channel", "quantized tensors" }, { "quantized_lstm", "quantized tensors" },
  { "qint8", "quantized tensors" },
  { "quint8", "quantized tensors" }, { "qint32", "quantized tensors" }, { "dequantize", "quantized tensors" },
  { "quint4x2", "quantized tensors" }, { "ao", "quantized tensors" }, { "nested", "nested tensors" },
  { "jit", "TorchScript" }, { "onnx", "ONNX export" }, { "fx", "graph transformation (torch.fx)" },
  { "export", "program export" }, { "package", "torch.package" }, { "hub", "torch.hub" },
  { "mps", "Apple's GPU backend" },
  { "xpu", "Intel's GPU backend" }, { "mtia", "MTIA devices" }, { "strided", "layouts other than strided" },
  { "layout", "layouts other than strided" }, { "uint16", "unsigned integers wider than 8 bits" },
  { "uint32", "unsigned integers wider than 8 bits" }, { "uint64", "unsigned integers wider than 8 bits" },
  { "float8_e4m3fn", "8-bit floats" }, { "float8_e5m2", "8-bit floats" }, { "bits8", "raw bit dtypes" },
  { "channels_last", "memory formats other than contiguous" },
  { "channels_last_3d", "memory formats other than contiguous" }
};

/* torch._C.missing(name, table, what): the sentence for a name that the table does not have */
static int missing (lua_State *L) {
  const char *name = luaL_checkstring(L, 1), *what = luaL_optstring(L, 3, "torch"), *best = NULL;
  int least = (int)strlen(name) / 3 + 1;               /* nearer than this */
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    if (strcmp(refused[i].name, name) == 0) {
      lua_pushfstring(L, "%s.%s is not supported: tlua has no %s", what, name, refused[i].why);
      return 1;
    }
  if (least < 2) least = 2;
  if (least > 4) least = 4;
  lua_pushnil(L);
  while (lua_next(L, 2)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING && lua_tostring(L, -1)[0] != '_') {
      const char *key = lua_tostring(L, -1);           /* anchored by the table */
      int d = tl_distance(name, key);
      if (d < least || (d == least && best && strcmp(key, best) < 0)) { least = d; best = key; }
    }
  }
  if (best) lua_pushfstring(L, "%s has no '%s'; did you mean '%s'?", what, name, best);
  else lua_pushfstring(L, "%s has no '%s'", what, name);
  return 1;
}

/* ---- for specs ---- */

static const char match_key = 0;

static int spec_gc (lua_State *L) {
  tl_spec_free(lua_touserdata(L, 1));
  return 0;
}

/* a compiled spec, kept as long as the state: texts are few */
static const tl_Spec *compiled (lua_State *L, int index) {
  tl_Spec *s;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &match_key);
  lua_pushvalue(L, index);
  lua_rawget(L, -2);
  s = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!s) {
    s = lua_newuserdatauv(L, sizeof *s, 0);
    memset(s, 0, sizeof *s);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, spec_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    if (tl_spec_compile(lua_tostring(L, index), s)) tl_bad(L);
    lua_pushvalue(L, index);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return s;
}

static void push_tensor (lua_State *L, tl_Tensor *t) {
  if (t && t->flags & TL_WRAPPED) tl_push_number(L, t->number, t->dtype);
  else tl_push(L, t);
}

static void push_seen (lua_State *L, const tl_Param *p, const tl_Value *v) {
  switch (p->type) {
    case 'T': case 'N': case 'J': push_tensor(L, v->t); return;
    case 'n':
      if (v->kind == 'f') lua_pushnumber(L, v->f);
      else if (v->kind == 'b') lua_pushboolean(L, v->i != 0);
      else lua_pushinteger(L, v->i);
      return;
    case 'b': lua_pushboolean(L, v->i != 0); return;
    case 'i': case 'd': case 'e': lua_pushinteger(L, v->i); return;
    case 's':
      if (p->words) lua_pushinteger(L, v->i + 1);
      else lua_pushlstring(L, v->s ? v->s : "", (size_t)v->n);
      return;
    case 'y':
      if (v->dtype == TL_NONE) lua_pushnil(L);
      else tl_push_dtype(L, v->dtype);
      return;
    case 'v':
      if (v->device) tl_push_device(L, v->device);
      else lua_pushnil(L);
      return;
    case 'g': lua_pushboolean(L, v->generator != NULL); return;
    default:
      lua_createtable(L, v->n, 0);
      for (int i = 0; i < v->n; i++) {
        if (p->type == 'L' || p->type == 'X') { if (v->ts[i]) tl_push(L, v->ts[i]); else lua_pushboolean(L, 0); }
        else if (p->type == 'P') lua_pushnumber(L, v->ns[i].f);
        else lua_pushinteger(L, v->is[i]);
        lua_rawseti(L, -2, i + 1);
      }
  }
}

/* torch._C.match(text, name, ...): reads ... as an op's arguments: which form fits, and its values by name */
static int match_body (lua_State *L) {
  const tl_Spec *s;
  tl_Reader r;
  tl_Args a;
  luaL_checktype(L, 1, LUA_TSTRING);
  s = compiled(L, 1);
  tl_reader(&r, L, luaL_checkstring(L, 2), lua_tostring(L, 1), 3);
  a.op = NULL;
  if (tl_read(&r, s, &a)) return tl_bad(L);
  lua_pushinteger(L, a.which + 1);
  lua_newtable(L);
  for (int k = 0; k < a.form->n; k++) {
    push_seen(L, &a.form->p[k], &a.v[k]);
    lua_setfield(L, -2, a.form->p[k].name);
  }
  return 2;
}

static int match (lua_State *L) { return tl_protect(L, match_body); }

/* torch._C.fail_allocation(n): the n-th allocation of tensors' memory from now on fails; 0: none.  Gives what was
   left of the last one */
static int fail_allocation (lua_State *L) {
  tl_Context *c = tl_upctx(L);
  lua_pushinteger(L, (lua_Integer)c->fail_in);
  c->fail_in = luaL_optinteger(L, 1, 0);
  return 1;
}

static int pooled (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tl_upctx(L)->npool);
  return 1;
}

/* torch._C.clock(): seconds of wall-clock time from some moment on; torch._C.isatty(fd): for progress bars */
static int wall_clock (lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec * 1e-9);
  return 1;
}

static int is_terminal (lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

void tl_open_facts (lua_State *L) {
  static const luaL_Reg private[] = { {"ops", ops}, {"rows", rows}, {"aliases", aliases}, {"help_text", help_text},
    {"missing", missing}, {"match", match}, {"fail_allocation", fail_allocation}, {"pooled", pooled},
    {"clock", wall_clock}, {"isatty", is_terminal}, {NULL, NULL} };
  static const luaL_Reg functions[] = { {"help", help}, {NULL, NULL} };
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &match_key);
  tl_setfuncs(L, functions);
  tl_subtable(L, lua_gettop(L), "_C");
  tl_setfuncs(L, private);
  lua_pop(L, 1);
}
