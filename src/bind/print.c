/*
** print.c -- tostring of tensors, character for character as PyTorch's: columns of one width, a
** common format found from all values shown, the middle of large tensors left out.
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/forms.h"

typedef struct Shown {
  tl_Printing o;
  const tl_Tensor *t;                    /* on the host, f32 f64 or integers */
  int floats, integral, scientific, width, summarize;
  luaL_Buffer *b;
  int64_t written, line;                 /* characters in all; where the last line starts */
} Shown;

static int cell_text (const Shown *s, int64_t at, char *b, size_t size);

/* ---- numbers ---- */

static void shortest (char *b, size_t size, double x) {
  for (int p = 1; p <= 17; p++) {
    snprintf(b, size, "%.*e", p - 1, x);
    if (strtod(b, NULL) == x) return;
  }
}

int tl_repr (char *b, size_t size, double x) {
  char e[40], digits[24];
  int n = 0, exponent;
  if (isnan(x)) return snprintf(b, size, "nan");
  if (isinf(x)) return snprintf(b, size, x > 0 ? "inf" : "-inf");
  if (x == 0) return snprintf(b, size, signbit(x) ? "-0.0" : "0.0");
  shortest(e, sizeof e, x);
  exponent = atoi(strchr(e, 'e') + 1);
  for (const char *c = e; *c != 'e'; c++)
    if (*c >= '0' && *c <= '9') digits[n++] = *c;
  if (exponent < -4 || exponent >= 16)
    return snprintf(b, size, "%s%c%s%.*se%c%02d", x < 0 ? "-" : "", digits[0], n > 1 ? "." : "", n - 1, digits + 1,
                    exponent < 0 ? '-' : '+', abs(exponent));
  return snprintf(b, size, "%.*f", n - 1 - exponent > 1 ? n - 1 - exponent : 1, x);
}

static double real_at (const tl_Tensor *t, int64_t at) {
  const char *p = t->storage->data + at * tl_width[t->dtype];
  return t->dtype == TL_f32 ? (double)*(const float *)p : *(const double *)p;
}

static int64_t whole_at (const tl_Tensor *t, int64_t at) {
  const char *p = t->storage->data + at * tl_width[t->dtype];
  switch (t->dtype) {
    case TL_u8: case TL_b8: return *(const uint8_t *)p;
    case TL_i8: return *(const int8_t *)p;
    case TL_i16: return *(const int16_t *)p;
    case TL_i32: return *(const int32_t *)p;
    default: return *(const int64_t *)p;
  }
}

static int cell_text (const Shown *s, int64_t at, char *b, size_t size) {
  double x;
  if (!s->floats) {
    int64_t i = whole_at(s->t, at);
    if (s->t->dtype == TL_b8) return snprintf(b, size, i ? "True" : "False");
    return snprintf(b, size, "%lld", (long long)i);
  }
  x = real_at(s->t, at);
  if (isnan(x)) return snprintf(b, size, "nan");
  if (isinf(x)) return snprintf(b, size, x > 0 ? "inf" : "-inf");
  if (s->scientific) return snprintf(b, size, "%.*e", s->o.precision, x);
  if (s->integral) return snprintf(b, size, "%.0f.", x);
  return snprintf(b, size, "%.*f", s->o.precision, x);
}

/* ---- which cells are shown ---- */

static int cut (const Shown *s, int d) { return s->summarize && s->t->size[d] > 2 * (int64_t)s->o.edge; }

/* calls f for the place of every shown cell; depth at most TL_MAXDIM */
static void each (Shown *s, int d, int64_t at, void (*f) (Shown *, int64_t, void *), void *ud) {
  if (d == s->t->ndim) { f(s, at, ud); return; }
  for (int64_t i = 0; i < s->t->size[d]; i++) {
    if (cut(s, d) && i == s->o.edge) i = s->t->size[d] - s->o.edge;
    each(s, d + 1, at + i * s->t->stride[d], f, ud);
  }
}

typedef struct Facts { double low, high; int any, whole; } Facts;

static void look (Shown *s, int64_t at, void *ud) {
  Facts *f = ud;
  double x = real_at(s->t, at), m = fabs(x);
  if (!isfinite(x) || x == 0) return;
  if (!f->any || m < f->low) f->low = m;
  if (!f->any || m > f->high) f->high = m;
  f->any = 1;
  if (x != ceil(x)) f->whole = 0;
}

static void measure (Shown *s, int64_t at, void *ud) {
  char b[400];
  int n;
  (void)ud;
  if (s->floats) {
    double x = real_at(s->t, at);
    if (!isfinite(x) || x == 0) return;
  }
  n = cell_text(s, at, b, sizeof b);
  if (n > s->width) s->width = n;
}

static void find_format (Shown *s) {
  Facts f = { 0, 0, 0, 1 };
  s->integral = 1;
  s->scientific = 0;
  s->width = 1;
  if (!s->floats) { each(s, 0, s->t->offset, measure, NULL); return; }
  each(s, 0, s->t->offset, look, &f);
  if (!f.any) return;
  s->integral = f.whole;
  s->scientific = f.high / f.low > 1000 || f.high > 1e8 || (!f.whole && f.low < 1e-4);
  each(s, 0, s->t->offset, measure, NULL);
  if (s->o.sci >= 0) s->scientific = s->o.sci;
}

/* ---- text ---- */

static void put (Shown *s, const char *text, size_t n) {
  luaL_addlstring(s->b, text, n);
  for (size_t i = 0; i < n; i++)
    if (text[i] == '\n') s->line = s->written + (int64_t)i + 1;
  s->written += (int64_t)n;
}

static void say (Shown *s, const char *text) { put(s, text, strlen(text)); }

static void spaces (Shown *s, int n) {
  for (; n > 0; n--) put(s, " ", 1);
}

static void put_cell (Shown *s, int64_t at) {
  char b[400];
  int n = cell_text(s, at, b, sizeof b);
  spaces(s, s->width - n);
  put(s, b, (size_t)n);
}

static void put_vector (Shown *s, int d, int64_t at, int indent) {
  int64_t per = (s->o.width - indent) / (s->width + 2), n = 0;
  if (per < 1) per = 1;
  say(s, "[");
  for (int64_t i = 0; i < s->t->size[d]; i++, n++) {
    if (n > 0) {
      if (n % per) say(s, ", ");
      else { say(s, ",\n"); spaces(s, indent + 1); }
    }
    if (cut(s, d) && i == s->o.edge) {
      say(s, " ...");
      i = s->t->size[d] - s->o.edge - 1;
    }
    else put_cell(s, at + i * s->t->stride[d]);
  }
  say(s, "]");
}

static void put_block (Shown *s, int d, int64_t at, int indent) {
  int left = s->t->ndim - d;
  if (left == 0) { put_cell(s, at); return; }
  if (left == 1) { put_vector(s, d, at, indent); return; }
  say(s, "[");
  for (int64_t i = 0; i < s->t->size[d]; i++) {
    if (i > 0) {
      say(s, ",");
      for (int k = 1; k < left; k++) say(s, "\n");
      spaces(s, indent + 1);
    }
    if (cut(s, d) && i == s->o.edge) {
      say(s, "...");
      i = s->t->size[d] - s->o.edge - 1;
    }
    else put_block(s, d + 1, at + i * s->t->stride[d], indent + 1);
  }
  say(s, "]");
}

typedef struct Suffixes { char text[6][200]; int n; } Suffixes;

static void suffix (Suffixes *x, const char *format, const char *what) {
  snprintf(x->text[x->n++], sizeof x->text[0], format, what);
}

const char *tl_node_label (const tl_Node *n, char b[static 128]) { return tl_node_title(n, b); }

static void suffixes (Suffixes *x, tl_Tensor *t) {
  char b[256], label[128];
  int usual = t->dtype == tl_here->default_dtype || (tl_numel(t) && (t->dtype == TL_i64 || t->dtype == TL_b8));
  tl_Node *node = tl_node(t);
  x->n = 0;
  if (tl_device_of(t)->kind != 1) suffix(x, "device='%s'", tl_device_of(t)->name);
  if (tl_numel(t) == 0 && t->ndim != 1) {
    tl_show_sizes(b, t->ndim, t->size);
    b[0] = '(';
    b[strlen(b) - 1] = ')';
    suffix(x, "size=%s", b);
  }
  if (!usual) suffix(x, "dtype=torch.%s", tl_dtype_name[t->dtype]);
  if (node && !(node->flags & TL_NODE_LEAF)) suffix(x, "grad_fn=<%s>", tl_node_label(node, label));
  else if (tl_requires_grad(t)) suffix(x, "%s", "requires_grad=True");
}

static int tostring_body (lua_State *L) {
  tl_State *S = tl_binder(L);
  tl_Tensor *t = tl_check(L, 1, "tostring"), *host;
  luaL_Buffer b;
  Shown s;
  Suffixes x;
  int64_t line;
  char one[8];
  if (tl_here->plan && tl_numel(t)) {                  /* the one door says why not */
    if (tl_peek("print", t, one)) return tl_bad(L);
  }
  host = tl_unwrap(tl_alias(t), tl_cpu());
  if (host && (host->dtype == TL_f16 || host->dtype == TL_bf16)) host = tl_cast(host, TL_f32);
  host = tl_to_device(host, tl_cpu());
  if (!host) return tl_bad(L);
  s.o = S->printing;
  s.t = host;
  s.floats = tl_is_float(host->dtype);
  s.summarize = (double)tl_numel(host) > s.o.threshold;
  s.b = &b;
  s.written = s.line = 0;
  suffixes(&x, t);
  luaL_buffinit(L, &b);
  say(&s, "tensor(");
  if (tl_numel(host) == 0) say(&s, "[]");
  else {
    find_format(&s);
    put_block(&s, 0, host->offset, 7);
  }
  line = s.written - s.line + 2;
  for (int k = 0; k < x.n; k++) {
    int64_t n = (int64_t)strlen(x.text[k]);
    if (line + n + 2 > s.o.width) {
      say(&s, ",\n       ");
      line = 7 + n;
    }
    else {
      say(&s, ", ");
      line += n + 2;
    }
    say(&s, x.text[k]);
  }
  say(&s, ")");
  luaL_pushresult(&b);
  return 1;
}

static int tostring (lua_State *L) { return tl_protect(L, tostring_body); }

/* torch.set_printoptions{precision=, threshold=, edgeitems=, linewidth=, profile=, sci_mode=} */
static int set_printoptions_body (lua_State *L) {
  tl_Printing *o = &tl_binder(L)->printing;
  tl_Reader r;
  tl_Args a;
  tl_take(L, "set_printoptions", TL_FORM_set_printing, 1, &r, &a);
  if (a.v[4].given) {
    static const tl_Printing profiles[] = { { 4, 3, 80, -1, 1000 }, { 2, 2, 80, -1, 1000 },
      { 4, 3, 80, -1, HUGE_VAL } };
    *o = profiles[a.v[4].i];
  }
  if (a.v[0].given) {
    if (a.v[0].i < 0 || a.v[0].i > 60) return tl_error(L, "set_printoptions(): precision must be in [0, 60]");
    o->precision = (int)a.v[0].i;
  }
  if (a.v[1].given) o->threshold = tl_double(&a.v[1]);
  if (a.v[2].given) {
    if (a.v[2].i < 1 || a.v[2].i > 1000000) return tl_error(L, "set_printoptions(): edgeitems must be positive");
    o->edge = (int)a.v[2].i;
  }
  if (a.v[3].given) {
    if (a.v[3].i < 1 || a.v[3].i > 1000000) return tl_error(L, "set_printoptions(): linewidth must be positive");
    o->width = (int)a.v[3].i;
  }
  o->sci = a.v[5].given ? (int)a.v[5].i : -1;
  return 0;
}

static int set_printoptions (lua_State *L) { return tl_protect(L, set_printoptions_body); }

void tl_open_print (lua_State *L) {
  static const luaL_Reg meta[] = { {"__tostring", tostring}, {NULL, NULL} };
  static const luaL_Reg functions[] = { {"set_printoptions", set_printoptions}, {NULL, NULL} };
  tl_binder(L)->printing = (tl_Printing){ 4, 3, 80, -1, 1000 };
  tl_setfuncs(L, functions);
  tl_pushkind(L, TL_IS_TENSOR);
  tl_setfuncs(L, meta);
  lua_pop(L, 1);
}
