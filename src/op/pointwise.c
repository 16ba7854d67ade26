/*
** pointwise.c -- one family for all rows of device/pointwise.def: a row is an operation.
**
** Forward is one TL_MAP.  Backward runs the row's derivative formulas: as the kernel that was stamped
** from them, or, when the gradient itself will be differentiated (create_graph), as operations on
** tensors.  What a node keeps is read off the texts: an operand is saved only when a derivative that
** will be asked for names it.
**
** Rows whose operation has more to say than its formula (other argument names, choices, checks) stand
** here under the space "_C" and in arith.c or activation.c under their own name.
*/
#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "op/families.h"
#include "op/pointwise.h"

/* ------------------------------------------------------------------ which operands a formula reads */

enum { READS_Y = 8 };
static uint8_t reads[TL_NCODE];          /* bits A B C Y per derivative; written once, under `once` */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint8_t scan_text (const char *s) {
  uint8_t found = 0;
  while (*s) {
    const char *word = s;
    if (!isalpha((unsigned char)*s) && *s != '_') { s++; continue; }
    while (isalnum((unsigned char)*s) || *s == '_') s++;
    if (s - word != 1) continue;
    switch (*word) {
      case 'x': case 'a': found |= TL_KEEP_A; break;
      case 'b': found |= TL_KEEP_B; break;
      case 'c': found |= TL_KEEP_C; break;
      case 'y': found |= READS_Y; break;
      default: break;
    }
  }
  return found;
}

static void scan_all (void) {
  for (int code = 0; code < TL_NCODE; code++)
    if (tl_rows[code].which) reads[code] = scan_text(tl_rows[code].text);
}

/* ------------------------------------------------------------------ forward */

int tl_point_dtype (int code, int n, tl_Tensor *const *in) {
  int skip = code == TL_where, result;              /* the condition has no say */
  int type = tl_promote_tensors(n - skip, in + skip);
  if (type == TL_NONE) return tl_fault("%s: no operand", tl_rows[code].name);
  return tl_apply_rule(tl_rows[code].name, (tl_Rule)tl_rows[code].rule, type, &result);
}

int tl_point_dest (tl_Args *a, const char *name, int n, tl_Tensor *const *in, tl_Tensor **dest) {
  int64_t size[TL_MAXDIM];
  int ndim;
  *dest = a->dest[0];
  if (!*dest || a->inplace) return 0;
  ndim = tl_broadcast(name, n, in, size);
  if (ndim < 0) return -1;
  if ((*dest)->ndim != ndim || memcmp((*dest)->size, size, (size_t)ndim * sizeof *size)) *dest = NULL;
  return 0;
}

int tl_point (tl_Args *a, int code, int n, tl_Tensor *const *in, const int *input, int np, const tl_Num *p, int kind) {
  tl_Tensor *dest;
  int kept = 0, inputs = 0;
  if (TL_UNLIKELY(tl_point_dest(a, a->op->name, n, in, &dest))) return -1;
  if (TL_LIKELY(!a->wants)) return tl_done(a, tl_map(code, n, in, np, p, dest));
  pthread_once(&once, scan_all);
  if (tl_rows[code + 1].which)
    for (int k = 0; k < n; k++)
      if (input[k] >= 0 && a->needs >> input[k] & 1) kept |= reads[code + 1 + k];
  for (int k = 0; k < n; k++) {
    inputs |= (input[k] + 1) << 8 * k;
    if (kept >> k & 1 && tl_keep(a, in[k], input[k] >= 0 ? input[k] : TL_FROM_CONSTANT)) return -1;
  }
  tl_keep_ints(a, 3, (int64_t[]){ code, kept, inputs });
  for (int k = 0; k < np; k++) tl_keep_num(a, kind == 'f' ? p[k].f : (double)p[k].i);
  a->out[0] = tl_map(code, n, in, np, p, dest);
  return a->out[0] ? kept & READS_Y ? tl_keep(a, a->out[0], TL_FROM_RESULT(0)) : 0 : -1;
}

int tl_point_numbers (tl_Args *a, int code, int n, tl_Tensor *const *in, int first, int np, tl_Num *p) {
  int type = tl_point_dtype(code, n, in);
  if (type < 0) return -1;
  for (int k = 0; k < np; k++) p[k] = tl_num(&a->v[first + k], type);
  return tl_is_float(type) ? 'f' : 'i';
}

int tl_point_forward (tl_Args *a) {
  static const int same[3] = { 0, 1, 2 };
  int code = a->op->code, n = tl_rows[code].nin, np = a->form->n - n, kind = 'f';
  tl_Tensor *in[3];
  tl_Num p[4];
  for (int k = 0; k < n; k++) in[k] = a->v[k].t;
  if (np && (kind = tl_point_numbers(a, code, n, in, n, np, p)) < 0) return -1;
  if (TL_LIKELY(!a->wants && !a->dest[0])) return tl_done(a, tl_map(code, n, in, np, p, NULL));
  return tl_point(a, code, n, in, same, np, p, kind);
}

/* ------------------------------------------------------------------ backward */

tl_Tensor *tl_derivative (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p) {
  const char *text = tl_rows[code].text;
  if (text[0] == 'g' && (!text[1] || (!strcmp(text, "g * p0") && p[0].f == 1))) return in[0];
  return tl_here->grad_mode ? tl_formula(code, n, in, np, p) : tl_map(code, n, in, np, p, NULL);
}

int tl_point_back (tl_Node *node, tl_Tensor **g) {
  int code = (int)node->i[0], kept = (int)node->i[1], inputs = (int)node->i[2], n = tl_rows[code].nin, at = 0;
  tl_Tensor *in[5] = { g[0], NULL, NULL, NULL, NULL };
  for (int k = 0; k < n; k++)
    if (kept >> k & 1 && !(in[k + 1] = tl_saved(node, at++))) return -1;
  if (kept & READS_Y && !(in[n + 1] = tl_saved(node, at))) return -1;
  for (int k = 0; k < n; k++) {
    int input = (inputs >> 8 * k & 255) - 1;
    if (input < 0 || !tl_needs(node, input)) continue;
    if (tl_answer(node, input, tl_derivative(code + 1 + k, n + 2, in, node->np, node->p))) return -1;
  }
  return 0;
}

/* ------------------------------------------------------------------ the table */

/* OWN_name is defined for rows whose operation is written by hand: they stand under "_C", without an in-place form */
#define OWN_add ,
#define OWN_sub ,
#define OWN_div ,
#define OWN_div_floor ,
#define OWN_div_trunc ,
#define OWN_pow ,
#define OWN_pow_number ,
#define OWN_square ,
#define OWN_neg ,
#define OWN_round ,
#define OWN_clamp ,
#define OWN_clamp_min ,
#define OWN_clamp_max ,
#define OWN_clamp_tensor ,
#define OWN_where ,
#define OWN_addcmul ,
#define OWN_addcdiv ,
#define OWN_lerp ,
#define OWN_bitwise_not ,
#define OWN_bitwise_left_shift ,
#define OWN_bitwise_right_shift ,
#define OWN_gcd ,
#define OWN_lcm ,
#define OWN_hardtanh ,
#define OWN_leaky_relu ,
#define OWN_elu ,
#define OWN_silu ,
#define OWN_softplus ,
#define OWN_gelu ,
#define OWN_gelu_tanh ,

#define THIRD(a, b, c, ...) c
#define PICK(...) THIRD(__VA_ARGS__, )
#define SPACE(name) PICK(OWN_##name "_C", "_C", NULL, NULL)
#define FLAGS(name) PICK(OWN_##name 0, TL_OP_FUNCTION, TL_OP_INPLACE, 0)

/* the places of rows in the table, by code */
enum {
#define UNARY(name, ...)   AT_##name,
#define BINARY(name, ...)  AT_##name,
#define TERNARY(name, ...) AT_##name,
#define TEST1(name, ...)   AT_##name,
#define TEST2(name, ...)   AT_##name,
#define INT1(name, ...)    AT_##name,
#define INT2(name, ...)    AT_##name,
#include "device/pointwise.def"
#include "device/undef.h"
  ROWS
};

static const uint16_t place[TL_NCODE] = {
#define UNARY(name, ...)   [TL_##name] = AT_##name,
#define BINARY(name, ...)  [TL_##name] = AT_##name,
#define TERNARY(name, ...) [TL_##name] = AT_##name,
#define TEST1(name, ...)   [TL_##name] = AT_##name,
#define TEST2(name, ...)   [TL_##name] = AT_##name,
#define INT1(name, ...)    [TL_##name] = AT_##name,
#define INT2(name, ...)    [TL_##name] = AT_##name,
#include "device/pointwise.def"
#include "device/undef.h"
};

#define ROW(name, operands, args, doc, back, more) \
  { #name, operands " " args, doc, tl_point_forward, back, (FLAGS(name)) | more, TL_##name, SPACE(name), NULL },

const tl_Op tl_pointwise_ops[] = {
#define UNARY(name, rule, stamp, keeps, args, y, dx, doc)  ROW(name, "self:T", args, doc, tl_point_back, 0)
#define BINARY(name, rule, stamp, keeps, args, y, da, db, doc) \
  ROW(name, "self:N other:N", args, doc, tl_point_back, 0)
#define TERNARY(name, rule, stamp, keeps, args, y, da, db, dc, doc) \
  ROW(name, "self:N other:N third:N", args, doc, tl_point_back, 0)
#define TEST1(name, rule, stamp, args, y, doc)  ROW(name, "self:T", args, doc, NULL, TL_OP_NODIFF)
#define TEST2(name, rule, stamp, args, y, doc)  ROW(name, "self:N other:N", args, doc, NULL, TL_OP_NODIFF)
#define INT1(name, rule, stamp, args, y, doc)   ROW(name, "self:T", args, doc, NULL, TL_OP_NODIFF)
#define INT2(name, rule, stamp, args, y, doc)   ROW(name, "self:N other:N", args, doc, NULL, TL_OP_NODIFF)
#include "device/pointwise.def"
#include "device/undef.h"
  TL_ROW_END
};

/* ------------------------------------------------------------------ as C functions */

tl_Tensor *tl_pointwise (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p) {
  tl_Args a;
  for (int k = 0; k < n; k++)
    if (!in[k]) return NULL;
  if (n != tl_rows[code].nin) return tl_fail("%s: %d operands", tl_rows[code].name, n);
  tl_args(&a, &tl_pointwise_ops[place[code]], 0);
  for (int k = 0; k < n; k++) a.v[k].t = in[k];
  for (int k = 0; k < np; k++) {
    a.v[n + k].f = p[k].f;
    a.v[n + k].kind = 'f';
    a.v[n + k].given = 1;
  }
  return tl_apply1(&a);
}

tl_Tensor *tl_op1 (int code, tl_Tensor *a) { return tl_pointwise(code, 1, &a, 0, NULL); }

tl_Tensor *tl_op2 (int code, tl_Tensor *a, tl_Tensor *b) {
  tl_Tensor *in[2] = { a, b };
  return tl_pointwise(code, 2, in, 0, NULL);
}

tl_Tensor *tl_where (tl_Tensor *condition, tl_Tensor *a, tl_Tensor *b) {
  tl_Tensor *in[3] = { condition, a, b };
  return tl_pointwise(TL_where, 3, in, 0, NULL);
}

tl_Tensor *tl_power (tl_Tensor *x, double exponent) {
  return tl_pointwise(TL_pow_number, 1, &x, 1, &(tl_Num){ .f = exponent });
}
