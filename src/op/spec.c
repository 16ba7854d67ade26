/*
** spec.c -- the compiler of the argument language (op/spec.h).  It runs once per op at start; its
** results live as long as the process.  Specs are written by hand, so every mistake is named.
*/
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "op/spec.h"

typedef struct Text { const char *all, *at; } Text;

static const char types[] = "TNnibsdDeSIPJLXyvg";

const char *tl_type_words (char type) {
  switch (type) {
    case 'T': return "a tensor";
    case 'N': return "a tensor or a number";
    case 'n': return "a number";
    case 'i': return "an integer";
    case 'b': return "a boolean";
    case 's': return "a string";
    case 'd': return "a dimension";
    case 'D': return "a dimension or a list of dimensions";
    case 'e': return "an index";
    case 'S': return "sizes";
    case 'I': return "an integer or a list of integers";
    case 'P': return "a number or a list of numbers";
    case 'J': return "an index tensor";
    case 'L': return "a list of tensors";
    case 'X': return "a list of tensors and holes";
    case 'y': return "a dtype";
    case 'v': return "a device";
    case 'g': return "a generator";
    default: return "?";
  }
}

static int wrong (const Text *x, const char *what) {
  return tl_fault("spec '%s': %s at '%.20s'", x->all, what, x->at);
}

static void blanks (Text *x) { while (*x->at == ' ' || *x->at == '\n') x->at++; }

static int take (Text *x, const char *s) {
  size_t n = strlen(s);
  if (strncmp(x->at, s, n)) return 0;
  x->at += n;
  return 1;
}

static char *copy (const char *from, size_t n) {
  char *s = tl_malloc(n + 1);
  if (!s) return NULL;
  memcpy(s, from, n);
  s[n] = 0;
  return s;
}

/* a name up to one of `stop`; NULL and a message when there is none */
static const char *name (Text *x) {
  const char *from = x->at;
  while (isalnum((unsigned char)*x->at) || *x->at == '_') x->at++;
  if (x->at == from) { wrong(x, "a name is missing"); return NULL; }
  return copy(from, (size_t)(x->at - from));
}

static int stops (char c) { return c == 0 || c == ' ' || c == '|' || c == '\n'; }

/* which word of a,b,c is s[0..n): from 0, or -1 */
static int word_of (const char *words, const char *s, size_t n) {
  for (int k = 0; *words; k++) {
    size_t length = strcspn(words, ",");
    if (length == n && !strncmp(words, s, n)) return k;
    words += length + (words[length] == ',');
  }
  return -1;
}

static int boolean (Text *x, int64_t *to) {
  if (take(x, "true")) *to = 1;
  else if (take(x, "false")) *to = 0;
  else return wrong(x, "a default must be true or false");
  return 0;
}

static int number (Text *x, tl_Value *v) {
  const char *end, *from = x->at;
  double d = tl_decimal(from, &end);
  int whole = end != from;
  if (!strncmp(from, "true", 4) || !strncmp(from, "false", 5)) {
    v->kind = 'b';
    return boolean(x, &v->i);
  }
  if (end == from) return wrong(x, "a default must be a number");
  for (const char *s = from; s < end; s++) whole &= isdigit((unsigned char)*s) || *s == '-';
  x->at = end;
  v->kind = whole ? 'i' : 'f';
  if (whole) v->i = (int64_t)d;
  else v->f = d;
  return 0;
}

static int integer (Text *x, int64_t *to) {
  tl_Value v = { .i = 0 };
  if (number(x, &v)) return -1;
  if (v.kind != 'i') return wrong(x, "a default must be an integer");
  *to = v.i;
  return 0;
}

/* dims and indices are written from 1 and kept from 0; negative ones stay */
static int from_one (Text *x, int64_t *to) {
  if (integer(x, to)) return -1;
  if (*to == 0) return wrong(x, "dims and indices count from 1");
  if (*to > 0) --*to;
  return 0;
}

static int list (Text *x, tl_Param *p) {
  int n = 0, braces = take(x, "{");
  do {
    tl_Value v = { .i = 0 };
    if (n == 8) return wrong(x, "a default list is too long");
    if (p->type == 'D') { if (from_one(x, &p->list[n])) return -1; }
    else if (p->type == 'P') {
      tl_Num d;
      if (number(x, &v)) return -1;
      d.f = v.kind == 'f' ? v.f : (double)v.i;
      p->list[n] = d.i;
    }
    else if (integer(x, &p->list[n])) return -1;
    n++;
  } while (braces && take(x, ","));
  if (braces && !take(x, "}")) return wrong(x, "} is missing");
  for (; n < p->fixed; n++) p->list[n] = p->list[0];
  p->value.is = p->list;
  p->value.n = n;
  return 0;
}

static int dtype (Text *x, tl_Value *v) {
  for (int k = 0; k < TL_NDTYPE; k++) {
    size_t n = strlen(tl_dtype_name[k]);
    if (strncmp(x->at, tl_dtype_name[k], n) || !stops(x->at[n])) continue;
    x->at += n;
    v->dtype = (uint8_t)k;
    return 0;
  }
  return wrong(x, "a default must be a dtype");
}

static int preset (Text *x, tl_Param *p) {
  const char *from = x->at;
  int64_t k;
  p->has_default = 1;
  switch (p->type) {
    case 'n': return number(x, &p->value);
    case 'i': return integer(x, &p->value.i);
    case 'b': return boolean(x, &p->value.i);
    case 'd': case 'e': return from_one(x, &p->value.i);
    case 'D': case 'S': case 'I': case 'P': return list(x, p);
    case 'y': return dtype(x, &p->value);
    case 's':
      while (!stops(*x->at)) x->at++;
      if (!p->words) {
        p->value.s = copy(from, (size_t)(x->at - from));
        p->value.n = (int32_t)(x->at - from);
        return p->value.s ? 0 : -1;
      }
      k = word_of(p->words, from, (size_t)(x->at - from));
      if (k < 0) { x->at = from; return wrong(x, "a default is none of the words"); }
      p->value.i = k;
      return 0;
    default: return wrong(x, "this type has no default");
  }
}

static int parameter (Text *x, tl_Form *f, int keyword) {
  tl_Param *p = &f->p[f->n];
  if (f->n == TL_MAXPARAM) return wrong(x, "too many parameters");
  memset(p, 0, sizeof *p);
  p->value.dtype = TL_NONE;
  p->keyword = (uint8_t)keyword;
  p->name = name(x);
  if (!p->name) return -1;
  if (!take(x, ":")) return wrong(x, "':' is missing");
  p->type = *x->at;
  if (!p->type || !strchr(types, p->type)) return wrong(x, "unknown type");
  x->at++;
  if (p->type == 's' && take(x, "(")) {
    size_t n = strcspn(x->at, ")");
    if (x->at[n] != ')') return wrong(x, "')' is missing");
    p->words = copy(x->at, n);
    if (!p->words) return -1;
    x->at += n + 1;
  }
  if (isdigit((unsigned char)*x->at)) {
    if (!strchr("DSIP", p->type)) return wrong(x, "only lists have a length");
    p->fixed = (uint8_t)(*x->at++ - '0');
  }
  if (take(x, "...")) {
    if (!strchr("DSIPL", p->type)) return wrong(x, "only lists take the rest");
    p->rest = 1;
  }
  if (take(x, "?")) p->optional = 1;
  if (take(x, "=")) {
    if (preset(x, p)) return -1;
  }
  if (take(x, "?")) p->optional = 1;
  if (!stops(*x->at)) return wrong(x, "a blank is missing");
  for (int k = 0; k < f->n; k++)
    if (!strcmp(f->p[k].name, p->name)) return wrong(x, "a name is there twice");
  if (strchr("TNJ", p->type)) f->tensors |= (uint16_t)(1u << f->n);
  if (strchr("LX", p->type)) f->lists |= (uint16_t)(1u << f->n);
  f->n++;
  return 0;
}

static int result (Text *x, tl_Form *f) {
  const char *colon = x->at;
  if (f->nout == 6) return wrong(x, "too many results");
  while (!stops(*colon) && *colon != ':') colon++;
  if (*colon == ':') {
    f->out_name[f->nout] = name(x);
    if (!f->out_name[f->nout]) return -1;
    x->at = colon + 1;
  }
  if (!*x->at || !strchr("TJLb", *x->at)) return wrong(x, "a result is T, J, L or b");
  f->out_type[f->nout++] = *x->at;
  if (*x->at == 'L') f->list = 1;
  if (*x->at == 'b') f->truth = 1;
  x->at++;
  take(x, "?");
  return stops(*x->at) ? 0 : wrong(x, "a blank is missing");
}

static int form (Text *x, tl_Form *f) {
  int keyword = 0, results = 0;
  memset(f, 0, sizeof *f);
  for (blanks(x); *x->at && *x->at != '|'; blanks(x)) {
    if (take(x, "->")) {
      if (results) return wrong(x, "a second '->'");
      results = 1;
    }
    else if (results) { if (result(x, f)) return -1; }
    else if (*x->at == '*') {
      if (keyword) return wrong(x, "a second '*'");
      keyword = 1;
      f->npositional = f->n;
      x->at++;
    }
    else if (parameter(x, f, keyword)) return -1;
  }
  if (!keyword) f->npositional = f->n;
  if (!results) {
    f->nout = 1;
    f->out_type[0] = 'T';
  }
  if (f->list && f->nout != 1) return wrong(x, "a list is the only result");
  return 0;
}

void tl_spec_free (tl_Spec *s) {
  for (int i = 0; i < s->nforms; i++) {
    tl_Form *f = &s->form[i];
    for (int k = 0; k < TL_MAXPARAM; k++) {
      tl_free((void *)f->p[k].name);
      tl_free((void *)f->p[k].words);
      if (f->p[k].type == 's' && !f->p[k].words) tl_free((void *)f->p[k].value.s);
    }
    for (int k = 0; k < 6; k++) tl_free((void *)f->out_name[k]);
  }
  tl_free(s->form);
  s->form = NULL;
  s->nforms = 0;
}

int tl_spec_compile (const char *text, tl_Spec *out) {
  Text x = { text, text };
  int n = 1;
  for (const char *s = text; *s; s++) n += *s == '|';
  out->nforms = 0;
  out->form = tl_malloc((size_t)n * sizeof *out->form);
  if (!out->form) return -1;
  for (;;) {
    tl_Form *f = &out->form[out->nforms++];
    if (form(&x, f)) {
      tl_spec_free(out);
      return -1;
    }
    if (*x.at != '|') return 0;
    x.at++;
  }
}
