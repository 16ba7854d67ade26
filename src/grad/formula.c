/*
** formula.c -- the text of a derivative run on tensors, so that a gradient can be differentiated again.
**
** All texts become postfix programs once per process, on first need; they don't change afterwards.
** Numbers are folded while a program runs (parameters are known only then), so that the operations
** see tensors and single numbers.
*/
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/dtype.h"
#include "core/fail.h"
#include "core/pool.h"
#include "grad/tape.h"

enum { NUMBER, OPERAND, PARAMETER, APPLY, NEGATE };
enum { MAXSTACK = 24, MAXTEXT = 512 };

typedef struct Step {
  uint8_t kind, n;               /* n: arguments, which operand, which parameter */
  uint16_t code;                 /* APPLY: a forward code, or CHOOSE */
  double value;
} Step;

typedef struct Program { Step *step; int n; } Program;       /* n 0: the text could not be read */

static Program programs[TL_NCODE];       /* written once, under `once` */
static pthread_once_t once = PTHREAD_ONCE_INIT;

double tl_decimal (const char *s, const char **end) {
  const char *at = s;
  int minus = *at == '-', digits = 0, exponent = 0;
  long double v = 0, scale = 1;
  if (*at == '-' || *at == '+') at++;
  if (!strncmp(at, "inf", 3)) {
    *end = at + 3;
    return minus ? -INFINITY : INFINITY;
  }
  for (; isdigit((unsigned char)*at); at++, digits++) v = v * 10 + (*at - '0');
  if (*at == '.')
    for (at++; isdigit((unsigned char)*at); at++, digits++, exponent--) v = v * 10 + (*at - '0');
  if (!digits) { *end = s; return 0; }
  if (*at == 'e' || *at == 'E') {
    const char *e = at + 1;
    int down = *e == '-', k = 0;
    if (*e == '-' || *e == '+') e++;
    if (isdigit((unsigned char)*e)) {
      for (; isdigit((unsigned char)*e); e++) k = k < 9999 ? k * 10 + (*e - '0') : k;
      exponent += down ? -k : k;
      at = e;
    }
  }
  for (int k = exponent < 0 ? -exponent : exponent; k > 0; k--) scale *= 10;
  *end = at;
  v = exponent < 0 ? v / scale : v * scale;
  return (double)(minus ? -v : v);
}

/* Reading.  Precedence: | & (+ -) (* /) unary; nesting is as deep as the longest line of a .def file. */

typedef struct Reader {
  const char *at;
  Step step[MAXTEXT];
  int n, bad, nin, which;
} Reader;

static void read_level (Reader *r, int level);

static void emit (Reader *r, int kind, int n, int code, double value) {
  if (r->n == MAXTEXT) { r->bad = 1; return; }
  r->step[r->n++] = (Step){ (uint8_t)kind, (uint8_t)n, (uint16_t)code, value };
}

static int next_is (Reader *r, char c) {
  while (*r->at == ' ') r->at++;
  if (*r->at != c) return 0;
  r->at++;
  return 1;
}

static int row_of (const char *word) {
  static const struct { const char *word, *row; } other[] = {
#define WORD(word, row) { #word, #row },
#include "device/words.def"
#undef WORD
    { "power", "pow_number" }, { NULL, NULL }
  };
  for (int k = 0; other[k].word; k++)
    if (!strcmp(word, other[k].word)) { word = other[k].row; break; }
  for (int code = 0; code < TL_NCODE; code++)
    if (tl_rows[code].which == 0 && !strcmp(tl_rows[code].name, word)) return code;
  return -1;
}

/* g a b c y of a derivative, a b c of a formula; x is a.  -1: no operand */
static int operand (const Reader *r, char c) {
  int gradient = r->which != 0;
  switch (c) {
    case 'g': return gradient ? 0 : -1;
    case 'x': case 'a': return gradient;
    case 'b': return r->nin > 1 ? gradient + 1 : -1;
    case 'c': return r->nin > 2 ? gradient + 2 : -1;
    case 'y': return gradient ? 1 + r->nin : -1;
    default: return -1;
  }
}

static void read_call (Reader *r, const char *word) {
  int n = 0, code;
  do {
    read_level(r, 0);
    n++;
  } while (next_is(r, ','));
  if (!next_is(r, ')')) r->bad = 1;
  if (!strcmp(word, "K")) return;                        /* the number itself */
  if (!strcmp(word, "fma")) {                            /* on tensors a product and a sum */
    emit(r, APPLY, 3, TL_NCODE, 0);
    return;
  }
  code = row_of(word);
  if (code < 0 || n < tl_rows[code].nin) r->bad = 1;
  else emit(r, APPLY, n, code, 0);
}

static void read_primary (Reader *r) {
  char word[32];
  size_t n = 0;
  const char *end;
  double v;
  if (next_is(r, '(')) {
    read_level(r, 0);
    if (!next_is(r, ')')) r->bad = 1;
    return;
  }
  if (isdigit((unsigned char)*r->at) || *r->at == '.') {
    v = tl_decimal(r->at, &end);
    r->at = end;
    emit(r, NUMBER, 0, 0, v);
    return;
  }
  for (; (isalnum((unsigned char)*r->at) || *r->at == '_') && n < sizeof word - 1; r->at++) word[n++] = *r->at;
  word[n] = 0;
  if (n && next_is(r, '(')) read_call(r, word);
  else if (n == 1 && operand(r, word[0]) >= 0) emit(r, OPERAND, operand(r, word[0]), 0, 0);
  else if (n == 2 && word[0] == 'p' && isdigit((unsigned char)word[1])) emit(r, PARAMETER, word[1] - '0', 0, 0);
  else r->bad = 1;
}

static void read_unary (Reader *r) {
  int minus = 0, flip = 0;
  for (;;) {
    if (next_is(r, '-')) minus = !minus;
    else if (next_is(r, '~')) flip = !flip;
    else break;
  }
  read_primary(r);
  if (flip) emit(r, APPLY, 1, row_of("bitwise_not"), 0);
  if (minus) emit(r, NEGATE, 1, TL_neg, 0);
}

static void read_level (Reader *r, int level) {
  static const char *const sign[] = { "|", "&", "+-", "*/" };
  static const char *const row[] = { "bitwise_or", "bitwise_and" };
  if (r->bad) return;
  if (level == 4) { read_unary(r); return; }
  read_level(r, level + 1);
  while (!r->bad) {
    const char *s;
    int code;
    while (*r->at == ' ') r->at++;
    s = *r->at ? strchr(sign[level], *r->at) : NULL;
    if (!s) return;
    r->at++;
    read_level(r, level + 1);
    code = *s == '+' ? TL_add : *s == '-' ? TL_sub : *s == '*' ? TL_mul : *s == '/' ? TL_div : row_of(row[level]);
    if (code < 0) r->bad = 1;
    else emit(r, APPLY, 2, code, 0);
  }
}

static void read_all (void) {
  Reader *r = malloc(sizeof *r);
  if (!r) return;
  for (int code = 0; code < TL_NCODE; code++) {
    const tl_Row *row = &tl_rows[code];
    if (!row->which || !row->text) continue;
    r->at = row->text;
    r->n = r->bad = 0;
    r->nin = row->nin;
    r->which = row->which;
    read_level(r, 0);
    while (*r->at == ' ') r->at++;
    if (r->bad || *r->at) continue;
    programs[code].step = malloc((size_t)r->n * sizeof(Step));
    if (!programs[code].step) continue;
    memcpy(programs[code].step, r->step, (size_t)r->n * sizeof(Step));
    programs[code].n = r->n;
  }
  free(r);
}

/* Running. */

typedef struct Item { tl_Tensor *t; double v; } Item;    /* t NULL: the number v */

static tl_Tensor *tensor_of (const Item *it) { return it->t ? it->t : tl_number(it->v); }

/* of numbers alone: 1 and the result in *v, or 0 */
static int fold (int code, int n, const Item *in, double *v) {
  double a = in[0].v, b = n > 1 ? in[1].v : 0;
  const char *name = tl_rows[code].name;
  for (int k = 0; k < n; k++)
    if (in[k].t) return 0;
  if (code == TL_add) *v = a + b;
  else if (code == TL_sub) *v = a - b;
  else if (code == TL_mul) *v = a * b;
  else if (code == TL_div) *v = a / b;
  else if (code == TL_neg) *v = -a;
  else if (!strcmp(name, "eq")) *v = a == b;
  else if (!strcmp(name, "ne")) *v = a != b;
  else if (!strcmp(name, "lt")) *v = a < b;
  else if (!strcmp(name, "le")) *v = a <= b;
  else if (!strcmp(name, "gt")) *v = a > b;
  else if (!strcmp(name, "ge")) *v = a >= b;
  else if (!strcmp(name, "logical_and")) *v = a != 0 && b != 0;
  else if (!strcmp(name, "logical_or")) *v = a != 0 || b != 0;
  else if (!strcmp(name, "logical_not")) *v = a == 0;
  else if (!strcmp(name, "sqrt")) *v = sqrt(a);
  else if (!strcmp(name, "exp")) *v = exp(a);
  else if (!strcmp(name, "log")) *v = log(a);
  else if (!strcmp(name, "abs")) *v = fabs(a);
  else if (!strcmp(name, "square")) *v = a * a;
  else if (!strcmp(name, "pow_number") || !strcmp(name, "pow")) *v = pow(a, b);
  else return 0;
  return 1;
}

/* the n items at in become one; 0, or -1 */
static int apply (int code, int n, Item *in) {
  tl_Tensor *t[TL_MAXARG];
  tl_Num p[TL_MAXNUM];
  int nin, np = 0;
  if (code == TL_NCODE) return apply(TL_mul, 2, in) || (in[1] = in[2], apply(TL_add, 2, in)) ? -1 : 0;
  if (code == TL_where && !in[0].t) {
    in[0] = in[0].v != 0 ? in[1] : in[2];
    return 0;
  }
  if (fold(code, n, in, &in[0].v)) return 0;
  nin = tl_rows[code].nin;
  for (int k = 0; k < nin; k++) t[k] = tensor_of(&in[k]);
  for (int k = nin; k < n && np < TL_MAXNUM; k++) {
    if (in[k].t) return tl_fault("%s: a parameter that is a tensor", tl_rows[code].name);
    p[np++].f = in[k].v;
  }
  if (code == TL_add || code == TL_sub) p[np++].f = 1;   /* alpha */
  in[0].t = tl_calculus.pointwise(code, nin, t, np, p);
  return in[0].t ? 0 : -1;
}

tl_Tensor *tl_formula (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p) {
  const Program *program = &programs[code];
  Item stack[MAXSTACK];
  int top = 0;
  pthread_once(&once, read_all);
  if (!program->n)
    return tl_fail("%s: the formula '%s' can't be run on tensors", tl_rows[code].name, tl_rows[code].text);
  for (int k = 0; k < program->n; k++) {
    const Step *s = &program->step[k];
    if (top + 1 >= MAXSTACK) return tl_fail("%s: its formula is too deep", tl_rows[code].name);
    switch (s->kind) {
      case NUMBER: stack[top++] = (Item){ NULL, s->value }; break;
      case PARAMETER: stack[top++] = (Item){ NULL, s->n < np ? p[s->n].f : 0 }; break;
      case OPERAND:
        if (s->n >= n || !in[s->n]) return tl_fail("%s: its formula reads what was not kept", tl_rows[code].name);
        stack[top++] = in[s->n]->flags & TL_WRAPPED && tl_is_float(in[s->n]->dtype)
                         ? (Item){ NULL, in[s->n]->number.f } : (Item){ in[s->n], 0 };
        break;
      default:
        top -= s->n;
        if (apply(s->code, s->n, &stack[top])) return NULL;
        top++;
    }
  }
  if (!stack[0].t) {                                     /* a number: of g's sizes */
    Item whole[2] = { { in[0], 0 }, { NULL, 0 } }, number = stack[0];
    if (apply(TL_mul, 2, whole)) return NULL;
    whole[1] = number;
    if (apply(TL_add, 2, whole)) return NULL;
    stack[0] = whole[0];
  }
  return stack[0].t->dtype == in[0]->dtype ? stack[0].t : tl_calculus.cast(stack[0].t, in[0]->dtype);
}
