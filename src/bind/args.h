/*
** args.h -- reading arguments: what args.c finds out and args_fail.c puts into words.
*/
#ifndef tl_args_h
#define tl_args_h

#include "bind/state.h"

enum { TL_MAXKEYS = 32, TL_ROOM = 64 };

typedef struct tl_Reader {
  lua_State *L;
  const char *name;                      /* of the function, for messages */
  const char *text;                      /* its spec */
  int first, last;                       /* positional arguments, stack indices */
  int ahead;                             /* arguments before them that are not in the spec, but count in messages */
  int nkeys, out;                        /* keywords; where the value of out= is, or 0 */
  int lenient;                           /* 0-d tensors pass for numbers: when nothing else fits */
  const char *key[TL_MAXKEYS];
  int at[TL_MAXKEYS];
  int used;
  int64_t room[TL_ROOM];                 /* small lists live here */
} tl_Reader;

typedef enum tl_Why { TL_FITS, TL_WRONG, TL_ELEMENT, TL_LENGTH, TL_WORD, TL_MISSING, TL_MANY, TL_UNKNOWN,
  TL_TWICE } tl_Why;

typedef struct tl_Miss {                 /* why a form did not fit */
  tl_Why why;
  const tl_Param *p;
  int k, at, element, keyword;           /* parameter, stack index of the culprit; element of a list; named? */
} tl_Miss;

/* gathers keywords: values stay on the stack.  May raise; call before anything is pooled. */
void tl_reader (tl_Reader *r, lua_State *L, const char *name, const char *text, int first);
int tl_read (tl_Reader *r, const tl_Spec *spec, tl_Args *a);      /* 0, or -1 with a message */
int tl_say_miss (tl_Reader *r, const tl_Spec *spec, const tl_Miss *miss);   /* always -1 */
int tl_read_out (tl_Reader *r, tl_Args *a);
const char *tl_nearest (const char *word, const char *const *names, int n);   /* NULL: none is near */
int tl_distance (const char *a, const char *b);
const tl_Param *tl_find_param (const tl_Form *f, const char *key);

static inline void tl_args_start (tl_Args *a, const tl_Op *op, const tl_Form *f, int which) {
  a->op = op;
  a->form = f;
  a->which = (uint8_t)which;
  a->inplace = a->wants = 0;
  a->nout = f->nout;
  a->nsave = a->np = a->ni = 0;
  a->needs = 0;
  a->list = NULL;
  a->nlist = 0;
  a->geometry = NULL;
  for (int j = 0; j < TL_MAXOUT; j++) a->dest[j] = a->out[j] = NULL;
}

#endif
