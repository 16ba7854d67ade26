/*
** args_fail.c -- words for calls that fit no form: names the argument, what it should be, what it is,
** and the name that was meant.
*/
#include <stdio.h>
#include <string.h>

#include "bind/args.h"

int tl_distance (const char *a, const char *b) {
  enum { MOST = 40 };
  int n = (int)strlen(a), m = (int)strlen(b), row[MOST + 1];
  if (n > MOST || m > MOST) return MOST;
  for (int j = 0; j <= m; j++) row[j] = j;
  for (int i = 1; i <= n; i++) {
    int corner = row[0];
    row[0] = i;
    for (int j = 1; j <= m; j++) {
      int up = row[j], best = corner + (a[i - 1] != b[j - 1]);
      if (up + 1 < best) best = up + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      corner = up;
      row[j] = best;
    }
  }
  return row[m];
}

const char *tl_nearest (const char *word, const char *const *names, int n) {
  const char *best = NULL;
  int least = (int)strlen(word) / 3 + 1;
  if (least > 3) least = 3;
  for (int i = 0; i < n; i++) {
    int d = tl_distance(word, names[i]);
    if (d <= least && (!best || d < least)) { best = names[i]; least = d; }
  }
  return best;
}

static const char *wanted (const tl_Param *p, char *b, size_t size) {
  static const struct { char type; const char *words; } table[] = {
    { 'T', "Tensor" }, { 'J', "Tensor" }, { 'N', "Tensor or number" }, { 'n', "number" }, { 'i', "int" },
    { 'b', "bool" }, { 's', "string" }, { 'd', "int" }, { 'e', "int" }, { 'D', "int or list of ints" },
    { 'S', "list of ints" }, { 'I', "int or list of ints" }, { 'P', "number or list of numbers" },
    { 'L', "list of Tensors" }, { 'X', "list of Tensors" }, { 'y', "torch.dtype" },
    { 'v', "torch.device or string" }, { 'g', "torch.Generator" }
  };
  const char *words = "something else";
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].type == p->type) words = table[i].words;
  snprintf(b, size, "%s%s", words, p->optional ? " or nil" : "");
  return b;
}

/* 'mean', 'sum', 'none' */
static void quote_words (const char *words, char *b, size_t size) {
  size_t n = 0;
  b[0] = 0;
  while (words && n < size) {
    const char *comma = strchr(words, ',');
    int m = comma ? (int)(comma - words) : (int)strlen(words);
    n += (size_t)snprintf(b + n, size - n, "'%.*s'%s", m, words, comma ? ", " : "");
    words = comma ? comma + 1 : NULL;
  }
}

static void unknown_key (tl_Reader *r, const tl_Spec *spec, char *b, size_t size) {
  const char *key = NULL, *near, *names[4 * TL_MAXPARAM];
  int n = 0;
  for (int i = 0; i < r->nkeys && !key; i++) {
    int known = 0;
    for (int f = 0; f < spec->nforms; f++) known |= tl_find_param(&spec->form[f], r->key[i]) != NULL;
    if (!known) key = r->key[i];
  }
  for (int f = 0; f < spec->nforms; f++)
    for (int k = 0; k < spec->form[f].n && n < 4 * TL_MAXPARAM; k++) names[n++] = spec->form[f].p[k].name;
  if (!key) { snprintf(b, size, "these keyword arguments do not go together"); return; }
  near = tl_nearest(key, names, n);
  if (near) snprintf(b, size, "got an unexpected keyword argument '%s'; did you mean '%s'?", key, near);
  else snprintf(b, size, "got an unexpected keyword argument '%s'", key);
}

static void where_is (const tl_Reader *r, const tl_Miss *m, char *b, size_t size) {
  if (m->keyword) snprintf(b, size, "argument '%s'", m->p->name);
  else snprintf(b, size, "argument '%s' (position %d)", m->p->name, m->at - r->first + 1 + r->ahead);
}

/* the sentence without the function's name; starts with ": " or " " as it goes on */
static void reason (tl_Reader *r, const tl_Spec *spec, const tl_Form *f, const tl_Miss *m, char *b, size_t size) {
  lua_State *L = r->L;
  char where[96], want[128];
  int given = r->last - r->first + 1 + r->ahead, takes = f->npositional + r->ahead;
  switch (m->why) {
    case TL_WRONG:
      where_is(r, m, where, sizeof where);
      snprintf(b, size, ": %s must be %s, not %s%s", where, wanted(m->p, want, sizeof want), tl_got(L, m->at),
               lua_type(L, m->at) == LUA_TTABLE && lua_rawlen(L, m->at) && !tl_is_list(L, m->at)
                 ? " with names in it (keywords are a table of their own: {2, 3}, {name = value})" :
               strchr("ideDSI", m->p->type) && lua_type(L, m->at) == LUA_TNUMBER && !lua_isinteger(L, m->at)
                 ? " (a division with / gives a float: use // or math.tointeger)" : "");
      return;
    case TL_ELEMENT:
      where_is(r, m, where, sizeof where);
      lua_rawgeti(L, m->at, m->element);
      snprintf(b, size, ": %s must be %s, but element %d is %s", where, wanted(m->p, want, sizeof want), m->element,
               tl_got(L, -1));
      lua_pop(L, 1);
      return;
    case TL_LENGTH:
      where_is(r, m, where, sizeof where);
      snprintf(b, size, ": %s must be one number or a list of %d, not a list of %d", where, m->p->fixed,
               (int)lua_rawlen(L, m->at));
      return;
    case TL_WORD:
      where_is(r, m, where, sizeof where);
      quote_words(m->p->words, want, sizeof want);
      snprintf(b, size, ": %s must be one of %s, not '%.60s'", where, want, lua_tostring(L, m->at));
      return;
    case TL_MISSING:
      if (m->k < f->npositional)
        snprintf(b, size, "() missing required argument '%s' (position %d)", m->p->name, m->k + 1 + r->ahead);
      else snprintf(b, size, "() missing required keyword argument '%s'", m->p->name);
      return;
    case TL_MANY:
      snprintf(b, size, "() takes %d positional argument%s but %d were given", takes,
               takes == 1 ? "" : "s", given);
      return;
    case TL_UNKNOWN: {
      char text[200];
      unknown_key(r, spec, text, sizeof text);
      snprintf(b, size, "() %s", text);
      return;
    }
    case TL_TWICE:
      snprintf(b, size, "() got multiple values for argument '%s'", m->p->name);
      return;
    default: snprintf(b, size, "(): fits"); return;
  }
}

/* text of form k: "self:T dim:d keepdim:b=false" */
static void form_text (const char *text, int k, char *b, size_t size) {
  const char *end;
  while (k-- > 0 && strchr(text, '|')) text = strchr(text, '|') + 1;
  while (*text == ' ') text++;
  end = strchr(text, '|');
  if (!end) end = text + strlen(text);
  while (end > text && end[-1] == ' ') end--;
  snprintf(b, size, "%.*s", (int)(end - text), text);
}

static int all_unknown (const tl_Reader *r, const tl_Spec *spec) {
  for (int i = 0; i < r->nkeys; i++) {
    int known = 0;
    for (int f = 0; f < spec->nforms; f++) known |= tl_find_param(&spec->form[f], r->key[i]) != NULL;
    if (!known) return 1;
  }
  return 0;
}

int tl_say_miss (tl_Reader *r, const tl_Spec *spec, const tl_Miss *miss) {
  char why[300], all[900], text[200];
  size_t n = 0;
  if (all_unknown(r, spec)) {
    unknown_key(r, spec, why, sizeof why);
    return tl_fault("%s() %s", r->name, why);
  }
  if (spec->nforms == 1) {
    reason(r, spec, &spec->form[0], &miss[0], why, sizeof why);
    return tl_fault("%s%s%s", r->name, why[0] == ':' ? "()" : "", why);
  }
  n += (size_t)snprintf(all, sizeof all, "%s(): got (", r->name);
  for (int i = r->first; i <= r->last && n < sizeof all; i++)
    n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i > r->first ? ", " : "", tl_got(r->L, i));
  for (int i = 0; i < r->nkeys && n < sizeof all; i++)
    n += (size_t)snprintf(all + n, sizeof all - n, "%s%s=%s", i || r->last >= r->first ? ", " : "", r->key[i],
                          tl_got(r->L, r->at[i]));
  if (n < sizeof all) n += (size_t)snprintf(all + n, sizeof all - n, "), but takes one of");
  for (int k = 0; k < spec->nforms && k < 8 && n < sizeof all; k++) {
    const char *w = why;
    form_text(r->text, k, text, sizeof text);
    reason(r, spec, &spec->form[k], &miss[k], why, sizeof why);
    if (strncmp(w, ": ", 2) == 0) w += 2;
    else if (strncmp(w, "() ", 3) == 0) w += 3;
    n += (size_t)snprintf(all + n, sizeof all - n, "\n  (%s): %s", text, w);
  }
  return tl_fault("%s", all);
}
