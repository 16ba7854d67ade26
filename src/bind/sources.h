/*
** sources.h -- the Lua half, as build/lua_sources.c carries it (written by tools/embed.lua).
*/
#ifndef tl_sources_h
#define tl_sources_h

#include <stddef.h>

typedef struct tl_LuaSource {
  const char *name;                    /* "torch", "torch.nn.module" */
  const char *text;
  size_t size;
} tl_LuaSource;

extern const tl_LuaSource tl_lua_sources[];      /* ends with a NULL name */

#endif
