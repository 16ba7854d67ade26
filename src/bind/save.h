/*
** save.h -- the container of torch.save: a safetensors file whose tensors have their paths as names,
** and one more tensor of bytes, TL_TREE, that says how the Lua value is put together.
**
** The tree, little endian: a tag, then
**   N nil  ! torch.none  F false  V true  I int64  D double  S text  Y dtype byte  Z a torch.Size: count int64...
**   T count (key value)...      a table; O the same, its order kept; every table has the next number, from 0
**   R number                    a table that came before
**   X flags text                the tensor of that name; flags 1: it requires a gradient
** A text is a length and bytes; lengths, counts and numbers are uint64.
*/
#ifndef tl_save_h
#define tl_save_h

#include "bind/state.h"

#define TL_TREE "__tlua_tree__"
enum { TL_TREE_DEPTH = 100, TL_HEADER_MOST = 100000000, TL_NAME_MOST = 1024 };

extern const char *const tl_safe_name[TL_NDTYPE];      /* "F32" */

/* what must be closed and freed whatever happens: a Lua value that does it when it is collected */
typedef struct tl_Resource {
  int fd;
  unsigned char *bytes;
  size_t n, capacity;
} tl_Resource;

tl_Resource *tl_resource (lua_State *L);               /* pushes one */
void tl_resource_close (tl_Resource *);
int tl_resource_add (tl_Resource *, const void *, size_t);     /* 0, or -1 with a message */

/* save_tree.c: the value at index into r's bytes; names: a table that gets name -> tensor and [i] = name.  Raises. */
int tl_tree_write (lua_State *L, int index, int names, tl_Resource *r);
void tl_sort_keys (lua_State *L, int list, int n);     /* the list's n booleans, numbers and strings in place; a shell sort */
/* load_tree.c: pushes the value; tensors: name -> tensor; make: an ordered table's maker, or 0.  Raises. */
void tl_tree_read (lua_State *L, const unsigned char *p, size_t n, int tensors, int make);
void tl_open_load (lua_State *L);                      /* load.c; torch._C on top */

/* safetensors.c: one tensor of a header, and all of them by place in the file */
typedef struct tl_Entry {
  int dtype, ndim, name;                 /* name: its number */
  int64_t size[TL_MAXDIM];
  uint64_t begin, end;
} tl_Entry;
/* parses n bytes of header for `data` bytes of tensors: entries into r (cleared), names into the table at `names` by
   number, metadata into the table at `metadata`.  Every rule of the format is checked.  Raises. */
int tl_header_read (lua_State *L, const char *path, const unsigned char *p, size_t n, uint64_t data, int names,
                    int metadata,
                    tl_Resource *r);

#endif
