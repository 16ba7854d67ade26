/*
** spec.h -- the argument language: "self:T dim:D? keepdim:b=false * dtype:y? -> values:T indices:J",
** alternatives separated by '|'.  Compiled once per op at start, read by the binder, the docs and the stubs.
**
** types  T tensor   N tensor or number   n number   i integer   b boolean   s(a,b) one of the words; s alone: any string
**        d dim   D dims (one or a list)   e element index   S sizes   I integers (one or a list)   P numbers (one or a list)
**        J index tensor   L list of tensors   X list of tensors with holes   y dtype   v device   g generator
** after  2: a list of exactly 2, one number is repeated   ...: takes the rest of the integers   ?: may be nil   =: default
** `*` keyword only from here.  d, D, e arrive counted from 0 (negative ones as they are); their defaults are written from 1.
*/
#ifndef tl_spec_h
#define tl_spec_h

#include "grad/tape.h"

#define TL_MAXPARAM 16

typedef struct tl_Value {
  union {
    tl_Tensor *t;  tl_Tensor **ts;     /* T N J (numbers arrive wrapped); L X */
    double f;  int64_t i;              /* n (see kind); i b d e, s: which word from 0 */
    const int64_t *is;  const tl_Num *ns;   /* D S I; P (doubles) */
    const char *s;                     /* s without words */
    tl_Device *device;  tl_Generator *generator;
  };
  int32_t n;                           /* length of a list or string */
  uint8_t given;                       /* the caller said it: nil differs from the default */
  uint8_t kind;                        /* of n: 'f' float (in f), 'i' integer (in i), 'b' boolean (in i) */
  uint8_t dtype;                       /* y: a tl_DType, TL_NONE when not given */
  uint8_t unused;
} tl_Value;

typedef struct tl_Param {
  const char *name, *words;            /* words: "mean,sum,none" */
  char type;
  uint8_t fixed, rest, optional, keyword, has_default;
  tl_Value value;                      /* the default */
  int64_t list[8];                     /* where a default list lives */
} tl_Param;

typedef struct tl_Form {
  uint8_t n, npositional, nout;        /* parameters; of them before `*`; results */
  uint8_t truth;                       /* "-> b": a 0-d bool result that Lua gets as a boolean */
  uint8_t list;                        /* "-> L" */
  uint16_t tensors, lists;             /* bit per parameter: T N J; L X */
  tl_Param p[TL_MAXPARAM];
  char out_type[6];
  const char *out_name[6];             /* "values", or NULL */
} tl_Form;

typedef struct tl_Spec { int nforms; tl_Form *form; } tl_Spec;

/* 0, or -1 with a message: specs are written by hand and checked at start */
int tl_spec_compile (const char *text, tl_Spec *out);
void tl_spec_free (tl_Spec *);             /* those of the table are kept as long as the process */
const char *tl_type_words (char type);   /* "a tensor", "a number", ... */

#endif
