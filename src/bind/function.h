/*
** function.h -- the context of a custom Function, between its forward and its backward.
*/
#ifndef tl_function_h
#define tl_function_h

#include "bind/state.h"

/* fields of ctx that scripts cannot name: light userdata, tl_ctx_keys + one of these */
enum { TL_CTX_SAVED, TL_CTX_FIXED, TL_CTX_DIRTY, TL_CTX_ZEROS, TL_CTX_NODE, TL_CTX_CLASS, TL_NCTX };
extern const char tl_ctx_keys[TL_NCTX];

void tl_push_ctx_meta (lua_State *L);
void tl_open_ctx (lua_State *L);

#endif
