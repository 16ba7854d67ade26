/*
** forms.c -- see forms.h.  Compiled once per process and then only read.
*/
#include <pthread.h>

#include "bind/forms.h"

static const char *const texts[TL_NFORM] = {
#define TEXT(name, text) text,
  TL_FORMS(TEXT)
#undef TEXT
};

static tl_Spec specs[TL_NFORM];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int wrong = -1;

static void compile (void) {
  for (int k = 0; k < TL_NFORM; k++)
    if (tl_spec_compile(texts[k], &specs[k])) { wrong = k; return; }
}

int tl_forms_init (void) {
  pthread_once(&once, compile);
  return wrong < 0 ? 0 : tl_fault("the argument spec \"%s\" is wrong", texts[wrong]);
}

void tl_take (lua_State *L, const char *name, tl_FormName form, int first, tl_Reader *r, tl_Args *a) {
  tl_reader(r, L, name, texts[form], first);
  r->ahead = first - 1;
  a->op = NULL;
  if (tl_read(r, &specs[form], a)) tl_bad(L);
}
