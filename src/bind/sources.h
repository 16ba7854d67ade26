/*
** sources.h -- the Lua half of the library, embedded by tools/embed.lua.
*/
#ifndef tl_sources_h
#define tl_sources_h

#include <stddef.h>

typedef struct tl_LuaSource {
  const char *name;            /* "torch", "torch.nn.module": what require is given */
  const char *text;
  size_t size;
} tl_LuaSource;

extern const tl_LuaSource tl_lua_sources[];      /* ends with a NULL name */

#endif
