/*
** safetensors.c -- reads the header of a safetensors file that nobody vouches for.
**
** The header is JSON of one fixed form, so it is read by that form: no values of other kinds, no
** duplicate keys, integers only, valid UTF-8.  The tensors must fill the data without holes or overlap.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/save.h"

typedef struct Json {
  lua_State *L;
  const char *path;
  const unsigned char *p, *end;
} Json;

static int wrong (Json *j, const char *what) {
  return tl_error(j->L, "load(): %s: not a valid safetensors file: %s", j->path, what);
}

static void blanks (Json *j) {
  while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r')) j->p++;
}

static int next_is (Json *j, char c) {
  blanks(j);
  if (j->p == j->end || *j->p != (unsigned char)c) return 0;
  j->p++;
  return 1;
}

static void need (Json *j, char c) {
  char text[32];
  if (next_is(j, c)) return;
  snprintf(text, sizeof text, "'%c' is missing in its header", c);
  wrong(j, text);
}

/* one UTF-8 sequence at p, checked: its length */
static int sequence (Json *j) {
  const unsigned char *p = j->p;
  int n = *p < 0x80 ? 1 : *p >= 0xC2 && *p < 0xE0 ? 2 : *p >= 0xE0 && *p < 0xF0 ? 3 : *p >= 0xF0 && *p < 0xF5 ? 4 : 0;
  if (!n || j->end - p < n) return 0;
  for (int i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90) ||
      (*p == 0xF4 && p[1] > 0x8F)) return 0;
  return n;
}

static unsigned hex4 (Json *j) {
  unsigned x = 0;
  if (j->end - j->p < 4) wrong(j, "a string ends too early");
  for (int i = 0; i < 4; i++) {
    unsigned char c = *j->p++;
    int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10
        : -1;
    if (d < 0) wrong(j, "a \\u escape is wrong");
    x = 16 * x + (unsigned)d;
  }
  return x;
}

static void add_escape (Json *j, luaL_Buffer *b) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *at;
  unsigned char c;
  if (j->p == j->end) wrong(j, "a string ends too early");
  c = *j->p++;
  if (c == 'u') {
    unsigned long x = hex4(j);
    char utf8[8];
    int n = 0;
    if (x >= 0xD800 && x < 0xDC00) {
      unsigned low;
      if (j->end - j->p < 2 || j->p[0] != '\\' || j->p[1] != 'u') wrong(j, "half a surrogate pair");
      j->p += 2;
      low = hex4(j);
      if (low < 0xDC00 || low > 0xDFFF) wrong(j, "half a surrogate pair");
      x = 0x10000 + ((x - 0xD800) << 10) + (low - 0xDC00);
    }
    else if (x >= 0xDC00 && x < 0xE000) wrong(j, "half a surrogate pair");
    if (x < 0x80) utf8[n++] = (char)x;
    else if (x < 0x800) { utf8[n++] = (char)(0xC0 | x >> 6); utf8[n++] = (char)(0x80 | (x & 63)); }
    else if (x < 0x10000) {
      utf8[n++] = (char)(0xE0 | x >> 12);
      utf8[n++] = (char)(0x80 | (x >> 6 & 63));
      utf8[n++] = (char)(0x80 | (x & 63));
    }
    else {
      utf8[n++] = (char)(0xF0 | x >> 18);
      utf8[n++] = (char)(0x80 | (x >> 12 & 63));
      utf8[n++] = (char)(0x80 | (x >> 6 & 63));
      utf8[n++] = (char)(0x80 | (x & 63));
    }
    luaL_addlstring(b, utf8, (size_t)n);
    return;
  }
  at = c ? strchr(from, c) : NULL;
  if (!at) wrong(j, "an unknown escape in a string");
  luaL_addchar(b, to[at - from]);
}

/* pushes a string */
static void string (Json *j) {
  luaL_Buffer b;
  need(j, '"');
  luaL_buffinit(j->L, &b);
  for (;;) {
    if (j->p == j->end) wrong(j, "a string ends too early");
    if (*j->p == '"') break;
    if (*j->p < 32) wrong(j, "a control character in a string");
    if (*j->p == '\\') {
      j->p++;
      add_escape(j, &b);
    }
    else {
      int n = sequence(j);
      if (!n) wrong(j, "its header is not UTF-8");
      luaL_addlstring(&b, (const char *)j->p, (size_t)n);
      j->p += n;
    }
  }
  j->p++;
  luaL_pushresult(&b);
}

static uint64_t integer (Json *j) {
  uint64_t x = 0;
  const unsigned char *from;
  blanks(j);
  from = j->p;
  for (; j->p < j->end && *j->p >= '0' && *j->p <= '9'; j->p++)
    if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, *j->p - '0', &x))
      wrong(j, "a number is too large");
  if (j->p == from) wrong(j, "a whole number is missing");
  if (*from == '0' && j->p - from > 1) wrong(j, "a number with a leading zero");
  if (j->p < j->end && (*j->p == '.' || *j->p == 'e' || *j->p == 'E')) wrong(j, "a number with a fraction");
  if (x > INT64_MAX) wrong(j, "a number is too large");
  return x;
}

/* does the string on top equal s; pops it */
static int is (Json *j, const char *s) {
  size_t n;
  const char *t = lua_tolstring(j->L, -1, &n);
  return n == strlen(s) && memcmp(t, s, n) == 0;
}

static void metadata_object (Json *j, int to) {
  lua_State *L = j->L;
  need(j, '{');
  if (next_is(j, '}')) return;
  do {
    string(j);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, to) != LUA_TNIL) wrong(j, "a name is there twice");
    lua_pop(L, 1);
    need(j, ':');
    string(j);
    lua_rawset(L, to);
  } while (next_is(j, ','));
  need(j, '}');
}

static int dtype_of (Json *j) {
  string(j);
  for (int d = 0; d < TL_NDTYPE; d++)
    if (is(j, tl_safe_name[d])) {
      lua_pop(j->L, 1);
      return d;
    }
  return tl_error(j->L, "load(): %s: dtype '%s' is not supported", j->path, lua_tostring(j->L, -1));
}

static void shape (Json *j, tl_Entry *e) {
  need(j, '[');
  e->ndim = 0;
  if (next_is(j, ']')) return;
  do {
    if (e->ndim == TL_MAXDIM) wrong(j, "a tensor has more than 8 dimensions");
    e->size[e->ndim++] = (int64_t)integer(j);
  } while (next_is(j, ','));
  need(j, ']');
}

static void entry (Json *j, tl_Entry *e) {
  int seen = 0;
  need(j, '{');
  do {
    int field;
    string(j);
    field = is(j, "dtype") ? 1 : is(j, "shape") ? 2 : is(j, "data_offsets") ? 4 : 0;
    lua_pop(j->L, 1);
    if (!field) wrong(j, "an unknown field of a tensor");
    if (seen & field) wrong(j, "a field is there twice");
    seen |= field;
    need(j, ':');
    if (field == 1) e->dtype = dtype_of(j);
    else if (field == 2) shape(j, e);
    else {
      need(j, '[');
      e->begin = integer(j);
      need(j, ',');
      e->end = integer(j);
      need(j, ']');
    }
  } while (next_is(j, ','));
  need(j, '}');
  if (seen != 7) wrong(j, "a field of a tensor is missing");
}

static int by_place (const void *a, const void *b) {
  const tl_Entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* each begins where the last ended, and is as long as its shape says */
static void check_places (Json *j, tl_Entry *e, int n, uint64_t data) {
  uint64_t at = 0;
  qsort(e, (size_t)n, sizeof *e, by_place);
  for (int i = 0; i < n; i++) {
    uint64_t bytes = tl_width[e[i].dtype];
    for (int d = 0; d < e[i].ndim; d++)
      if (__builtin_mul_overflow(bytes, (uint64_t)e[i].size[d], &bytes)) wrong(j, "a shape is too large");
    if (tl_check_sizes("load", e[i].ndim, e[i].size, tl_width[e[i].dtype])) tl_bad(j->L);
    if (e[i].end < e[i].begin) wrong(j, "offsets are reversed");
    if (e[i].begin != at) wrong(j, e[i].begin < at ? "tensors overlap" : "there is a hole between tensors");
    if (e[i].end - e[i].begin != bytes) wrong(j, "a tensor's shape and offsets don't agree");
    at = e[i].end;
  }
  if (at != data) wrong(j, at > data ? "tensors reach past its end" : "there are bytes behind the last tensor");
}

int tl_header_read (lua_State *L, const char *path, const unsigned char *p, size_t n, uint64_t data, int names,
                    int metadata,
                    tl_Resource *r) {
  Json j = { L, path, p, p + n };
  int count = 0, described = 0, known;
  if (n == 0 || *p != '{') wrong(&j, "its header does not begin with '{'");
  luaL_checkstack(L, LUA_MINSTACK, "load");
  lua_newtable(L);
  known = lua_gettop(L);
  need(&j, '{');
  if (!next_is(&j, '}')) {
    do {
      string(&j);
      need(&j, ':');
      if (is(&j, "__metadata__")) {
        if (described++) wrong(&j, "a name is there twice");
        lua_pop(L, 1);
        metadata_object(&j, metadata);
      }
      else {
        tl_Entry e;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, known) != LUA_TNIL) wrong(&j, "a name is there twice");
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, known);
        lua_rawseti(L, names, ++count);
        memset(&e, 0, sizeof e);
        e.name = count;
        entry(&j, &e);
        if (tl_resource_add(r, &e, sizeof e)) tl_bad(L);
      }
    } while (next_is(&j, ','));
    need(&j, '}');
  }
  blanks(&j);
  if (j.p != j.end) wrong(&j, "its header goes on after its end");
  if (count) check_places(&j, (tl_Entry *)(void *)r->bytes, count, data);
  else if (data) wrong(&j, "there are bytes behind the last tensor");
  lua_settop(L, known - 1);
  return count;
}
