/*
** args.c -- reads a call's arguments by an op's compiled spec: positional, keyword, defaults, forms.
**
** In two steps: a form is chosen by types alone, left to right; then its values are converted.  So a
** dim of 0 is a mistake in a value and never turns `max(dim)` into "no form fits".  Nothing here can
** raise but tl_reader, which is called while the pool is still empty: raw access only, no strings made.
*/
#include <stdio.h>
#include <string.h>

#include "bind/args.h"

/* names that PyTorch accepts besides the parameter's own, and one that Lua cannot write */
static const char *const other_names[][2] = {
  { "input", "self" }, { "axis", "dim" }, { "keepdims", "keepdim" }, { "stop", "end" }, { "x", "self" }
};

const tl_Param *tl_find_param (const tl_Form *f, const char *key) {
  for (int k = 0; k < f->n; k++)
    if (strcmp(f->p[k].name, key) == 0) return &f->p[k];
  for (size_t o = 0; o < sizeof other_names / sizeof other_names[0]; o++)
    if (strcmp(other_names[o][0], key) == 0)
      for (int k = 0; k < f->n; k++)
        if (strcmp(f->p[k].name, other_names[o][1]) == 0) return &f->p[k];
  return NULL;
}

/* a table whose keys are strings only, and at least one */
static int is_keywords (lua_State *L, int index) {
  int yes = 0;
  if (lua_type(L, index) != LUA_TTABLE || lua_rawlen(L, index)) return 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    yes = lua_type(L, -2) == LUA_TSTRING;
    if (!yes) { lua_pop(L, 2); break; }
    lua_pop(L, 1);
  }
  return yes;
}

void tl_reader (tl_Reader *r, lua_State *L, const char *name, const char *text, int first) {
  r->L = L;
  r->name = name;
  r->text = text;
  r->first = first;
  r->last = lua_gettop(L);
  r->ahead = r->nkeys = r->out = r->lenient = r->used = 0;
  if (r->last < first || !is_keywords(L, r->last)) return;
  luaL_checkstack(L, TL_MAXKEYS + LUA_MINSTACK, name);
  lua_pushnil(L);
  while (lua_next(L, r->last)) {
    const char *key = lua_tostring(L, -2);
    if (strcmp(key, "out") == 0) r->out = lua_gettop(L) - 1;
    else if (r->nkeys == TL_MAXKEYS) tl_error(L, "%s(): too many keyword arguments", name);
    else {
      r->key[r->nkeys] = key;
      r->at[r->nkeys++] = lua_gettop(L) - 1;
    }
    lua_insert(L, -2);                                 /* the value stays, the key goes on */
  }
  r->last--;
}

/* ---- does a value fit a type ---- */

static int small_tensor (const tl_Reader *r, int index) {
  tl_Tensor *t = r->lenient ? tl_astensor(r->L, index) : NULL;
  return t && t->ndim == 0 && !tl_requires_grad(t);
}

static int is_integer (const tl_Reader *r, int index) {
  tl_Tensor *t;
  if (lua_isinteger(r->L, index)) return 1;
  t = r->lenient ? tl_astensor(r->L, index) : NULL;
  return t && t->ndim == 0 && tl_class[t->dtype] == TL_INTEGERS;
}

static int word_number (const char *words, const char *s) {
  size_t n = strlen(s);
  for (int k = 0;; k++) {
    const char *comma = strchr(words, ',');
    size_t m = comma ? (size_t)(comma - words) : strlen(words);
    if (m == n && memcmp(words, s, n) == 0) return k;
    if (!comma) return -1;
    words = comma + 1;
  }
}

static int element_fits (lua_State *L, char type) {
  switch (type) {
    case 'L': return tl_astensor(L, -1) != NULL;
    case 'X': return tl_astensor(L, -1) != NULL || tl_is_none(L, -1) || (lua_isboolean(L, -1) && !lua_toboolean(L, -1));
    case 'P': return lua_type(L, -1) == LUA_TNUMBER;
    default: return lua_isinteger(L, -1);
  }
}

static tl_Why list_fits (const tl_Reader *r, const tl_Param *p, int index, tl_Miss *m) {
  lua_State *L = r->L;
  int n;
  if (!tl_is_list(L, index)) return TL_WRONG;
  n = (int)lua_rawlen(L, index);
  for (int i = 1; i <= n; i++) {
    int good;
    lua_rawgeti(L, index, i);
    good = element_fits(L, p->type);
    lua_pop(L, 1);
    if (!good) {
      m->element = i;
      return TL_ELEMENT;
    }
  }
  return p->fixed && n != p->fixed ? TL_LENGTH : TL_FITS;
}

static tl_Why fits (const tl_Reader *r, const tl_Param *p, int index, tl_Miss *m) {
  lua_State *L = r->L;
  int type = lua_type(L, index);
  switch (p->type) {
    case 'T': case 'J': return tl_astensor(L, index) ? TL_FITS : TL_WRONG;
    case 'N': return type == LUA_TNUMBER || type == LUA_TBOOLEAN || tl_astensor(L, index) ? TL_FITS : TL_WRONG;
    case 'n': return type == LUA_TNUMBER || type == LUA_TBOOLEAN || small_tensor(r, index) ? TL_FITS : TL_WRONG;
    case 'i': case 'd': case 'e': return is_integer(r, index) ? TL_FITS : TL_WRONG;
    case 'b': return type == LUA_TBOOLEAN ? TL_FITS : TL_WRONG;
    case 's':
      if (type != LUA_TSTRING) return TL_WRONG;
      return !p->words || word_number(p->words, lua_tostring(L, index)) >= 0 ? TL_FITS : TL_WORD;
    case 'D': case 'S': case 'I': return is_integer(r, index) ? TL_FITS : list_fits(r, p, index, m);
    case 'P': return type == LUA_TNUMBER ? TL_FITS : list_fits(r, p, index, m);
    case 'L': case 'X': return list_fits(r, p, index, m);
    case 'y': return tl_read_dtype(L, index) != TL_NONE ? TL_FITS : TL_WRONG;
    case 'v': return type == LUA_TSTRING || lua_isinteger(L, index) || tl_unbox(L, index, TL_IS_DEVICE) ? TL_FITS : TL_WRONG;
    case 'g': return tl_unbox(L, index, TL_IS_GENERATOR) ? TL_FITS : TL_WRONG;
    default: return TL_WRONG;
  }
}

/* ---- does a call fit a form; at[k]: stack index of parameter k, 0 default, -1 none; span[k]: how many values ---- */

static int keyword_at (const tl_Reader *r, const tl_Form *f, int k, int *count) {
  for (int i = 0; i < r->nkeys; i++)
    if (tl_find_param(f, r->key[i]) == &f->p[k]) {
      ++*count;
      return r->at[i];
    }
  return 0;
}

static tl_Why fit (const tl_Reader *r, const tl_Form *f, int16_t *at, int16_t *span, tl_Miss *m) {
  lua_State *L = r->L;
  int position = r->first, keys = 0;
  for (int k = 0; k < f->n; k++) {
    const tl_Param *p = &f->p[k];
    int index = 0;
    m->p = p;
    m->k = k;
    m->keyword = 0;
    span[k] = 1;
    if (k < f->npositional && position <= r->last) {
      index = position++;
      if (p->rest && is_integer(r, index)) {
        while (position <= r->last && is_integer(r, position)) position++;
        span[k] = (int16_t)(position - index);
      }
      if (lua_isnil(L, index)) index = 0;
      else if (r->nkeys && keyword_at(r, f, k, &keys)) return TL_TWICE;
    }
    if (!index && r->nkeys && (index = keyword_at(r, f, k, &keys))) m->keyword = 1;
    m->at = index;
    at[k] = (int16_t)index;
    if (!index) {
      if (!p->optional && !p->has_default) return TL_MISSING;
    }
    else if (p->optional && tl_is_none(L, index)) at[k] = -1;
    else {
      tl_Why w = fits(r, p, index, m);
      if (w != TL_FITS) return w;
    }
  }
  m->at = position;
  if (position <= r->last) return TL_MANY;
  return keys < r->nkeys ? TL_UNKNOWN : TL_FITS;
}

/* ---- values ---- */

static void *room (tl_Reader *r, int n) {
  if (n <= TL_ROOM - r->used) {
    void *p = r->room + r->used;
    r->used += n;
    return p;
  }
  return tl_scratch((size_t)n * sizeof(int64_t));
}

static int integer_at (tl_Reader *r, int index, int64_t *out) {
  tl_Tensor *t;
  tl_Num v;
  if (lua_isinteger(r->L, index)) {
    *out = lua_tointeger(r->L, index);
    return 0;
  }
  t = tl_astensor(r->L, index);
  if (!t || tl_peek_number(r->name, t, &v)) return -1;
  *out = v.i;
  return 0;
}

/* from 1 or negative to from 0 or negative */
static int from_one (const tl_Reader *r, char type, int64_t *i) {
  if (*i > 0) { --*i; return 0; }
  if (*i < 0) return 0;
  if (type == 'e')
    return tl_fault("%s(): index 0 is out of range: elements count from 1 (the last one is -1)", r->name);
  return tl_fault("%s(): Dimension 0 is out of range: dimensions count from 1 (the last one is -1)", r->name);
}

static int number_list (tl_Reader *r, const tl_Param *p, int index, int span, tl_Value *v) {
  lua_State *L = r->L;
  int single = lua_type(L, index) != LUA_TTABLE;
  int n = single ? span : (int)lua_rawlen(L, index), all = single && n == 1 && p->fixed ? p->fixed : n;
  tl_Num *to = room(r, all ? all : 1);
  if (!to) return -1;
  for (int i = 0; i < n; i++) {
    int where = index + i;
    if (!single) {
      lua_rawgeti(L, index, i + 1);
      where = lua_gettop(L);
    }
    if (p->type == 'P') to[i].f = lua_tonumber(L, where);
    else if (integer_at(r, where, &to[i].i)) return -1;
    if (!single) lua_settop(L, where - 1);
    if (p->type == 'D' && from_one(r, 'd', &to[i].i)) return -1;
  }
  for (int i = n; i < all; i++) to[i] = to[0];
  v->ns = to;
  v->n = all;
  return 0;
}

static int tensor_list (tl_Reader *r, int index, tl_Value *v) {
  int n = (int)lua_rawlen(r->L, index);
  tl_Tensor **to = room(r, n ? n : 1);
  if (!to) return -1;
  for (int i = 0; i < n; i++) {
    lua_rawgeti(r->L, index, i + 1);
    to[i] = tl_astensor(r->L, -1);
    lua_pop(r->L, 1);
  }
  v->ts = to;
  v->n = n;
  return 0;
}

static int number_at (tl_Reader *r, int index, tl_Value *v) {
  lua_State *L = r->L;
  tl_Tensor *t;
  tl_Num x;
  if (lua_isinteger(L, index)) { v->i = lua_tointeger(L, index); v->kind = 'i'; }
  else if (lua_type(L, index) == LUA_TNUMBER) { v->f = lua_tonumber(L, index); v->kind = 'f'; }
  else if (lua_isboolean(L, index)) { v->i = lua_toboolean(L, index); v->kind = 'b'; }
  else {
    t = tl_astensor(L, index);
    if (!t || tl_peek_number(r->name, t, &x)) return -1;
    v->kind = (uint8_t)(tl_is_float(t->dtype) ? 'f' : t->dtype == TL_b8 ? 'b' : 'i');
    if (v->kind == 'f') v->f = x.f; else v->i = x.i;
  }
  return 0;
}

static tl_Tensor *wrapped (lua_State *L, int index) {
  tl_Tensor *t = tl_astensor(L, index);
  if (t) return t;
  if (lua_isinteger(L, index)) return tl_integer(lua_tointeger(L, index));
  if (lua_isboolean(L, index)) return tl_boolean(lua_toboolean(L, index));
  return tl_number(lua_tonumber(L, index));
}

/* the message that waits gets the function's name in front */
static int prefix (const tl_Reader *r) {
  char text[512];
  snprintf(text, sizeof text, "%s", tl_message());
  tl_clear();
  return tl_fault("%s(): %s", r->name, text);
}

static int convert (tl_Reader *r, const tl_Param *p, int index, int span, tl_Value *v) {
  lua_State *L = r->L;
  size_t length;
  int is_one;
  *v = p->value;
  v->given = 1;
  switch (p->type) {
    case 'T': case 'J': v->t = tl_astensor(L, index); return 0;
    case 'N': return (v->t = wrapped(L, index)) ? 0 : -1;
    case 'n': return number_at(r, index, v);
    case 'i': return integer_at(r, index, &v->i);
    case 'd': case 'e': return integer_at(r, index, &v->i) ? -1 : from_one(r, p->type, &v->i);
    case 'b': v->i = lua_toboolean(L, index); return 0;
    case 's':
      v->s = lua_tolstring(L, index, &length);
      v->n = (int32_t)length;
      if (p->words) v->i = word_number(p->words, v->s);
      return 0;
    case 'D': case 'S': case 'I': case 'P': return number_list(r, p, index, span, v);
    case 'L': case 'X': return tensor_list(r, index, v);
    case 'y': v->dtype = (uint8_t)tl_read_dtype(L, index); return 0;
    case 'v':
      if ((v->device = tl_read_device(L, index, &is_one))) return 0;
      return prefix(r);
    case 'g': v->generator = tl_unbox(L, index, TL_IS_GENERATOR); return 0;
    default: return tl_fault("%s(): a parameter of unknown type", r->name);
  }
}

/* torch.none: the parameter's "not there", which differs from a default */
static void none_value (const tl_Param *p, tl_Value *v) {
  memset(v, 0, sizeof *v);
  v->dtype = TL_NONE;
  v->given = p->has_default;
}

int tl_read_out (tl_Reader *r, tl_Args *a) {
  lua_State *L = r->L;
  const tl_Form *f = a->form;
  tl_Tensor *t = tl_astensor(L, r->out);
  if (f->truth || f->list || f->nout == 0) return tl_fault("%s(): takes no out=: its result is no tensor", r->name);
  if (t) {
    if (f->nout != 1) return tl_fault("%s(): out= must be a list of %d Tensors", r->name, f->nout);
    a->dest[0] = t;
    return 0;
  }
  if (!tl_is_list(L, r->out) || (int)lua_rawlen(L, r->out) != f->nout)
    return f->nout == 1 ? tl_fault("%s(): argument 'out' must be Tensor, not %s", r->name, tl_got(L, r->out))
                        : tl_fault("%s(): argument 'out' must be a list of %d Tensors", r->name, f->nout);
  for (int j = 0; j < f->nout; j++) {
    lua_rawgeti(L, r->out, j + 1);
    a->dest[j] = tl_astensor(L, -1);
    lua_pop(L, 1);
    if (!a->dest[j]) return tl_fault("%s(): argument 'out' must be a list of %d Tensors", r->name, f->nout);
  }
  return 0;
}

/* the first form that fits, first without and then with 0-d tensors as numbers; spec->nforms when none does */
static int find_form (tl_Reader *r, const tl_Spec *spec, int16_t *at, int16_t *span, tl_Miss *miss) {
  for (r->lenient = 0; r->lenient < 2; r->lenient++)
    for (int which = 0; which < spec->nforms; which++) {
      tl_Miss *m = &miss[which < 8 ? which : 7];
      m->element = 0;
      m->why = fit(r, &spec->form[which], at, span, m);
      if (m->why == TL_FITS) return which;
    }
  r->lenient = 0;
  return spec->nforms;
}

int tl_read (tl_Reader *r, const tl_Spec *spec, tl_Args *a) {
  tl_Miss miss[8], again[8];
  int16_t at[TL_MAXPARAM], span[TL_MAXPARAM];
  const tl_Op *op = a->op;
  int which = find_form(r, spec, at, span, miss);
  if (which == spec->nforms && r->last >= r->first && !r->nkeys && !r->out && tl_is_list(r->L, r->last) &&
      lua_rawlen(r->L, r->last) == 0) {
    r->last--;                                         /* an empty table that fits nowhere is no keywords at all */
    which = find_form(r, spec, at, span, again);
    if (which == spec->nforms) r->last++;
  }
  if (which == spec->nforms) return tl_say_miss(r, spec, miss);
  tl_args_start(a, op, &spec->form[which], which);
  for (int k = 0; k < a->form->n; k++) {
    const tl_Param *p = &a->form->p[k];
    if (at[k] == 0) a->v[k] = p->value;
    else if (at[k] < 0) none_value(p, &a->v[k]);
    else if (convert(r, p, at[k], span[k], &a->v[k])) return -1;
  }
  return r->out ? tl_read_out(r, a) : 0;
}

int tl_read_args (lua_State *L, const tl_Op *op, int first, tl_Args *a) {
  tl_Reader *r = tl_scratch(sizeof *r);                /* small lists must outlive this call */
  if (!r) return -1;
  tl_reader(r, L, op->name, op->args, first);
  a->op = op;
  return tl_read(r, tl_op_spec(op), a);
}
