/*
** storage.h -- counted memory.  Small blocks come from size classes, large ones from the device;
** all bytes pass one counted gate with an optional cap.
*/
#ifndef tl_storage_h
#define tl_storage_h

#include "core/base.h"

struct tl_Storage {
  int32_t refs;                  /* atomic: hosts and other states may share */
  uint32_t version;              /* grows with every write; a saved tensor remembers it */
  tl_Device *device;
  size_t bytes;                  /* asked for */
  size_t block;                  /* taken from the cache; 0: memory lent by a host */
  char *data;                    /* NULL only when bytes is 0 */
  void (*drop) (void *owner, void *data);
  void *owner;
  uint32_t born;                 /* 1 + place in the plan being written down, 0: not born in it */
  uint32_t unused;
  tl_Context *account;           /* the state whose bytes count it; NULL: none */
};

tl_Storage *tl_storage_new (tl_Device *, size_t bytes);        /* NULL and a message when there is none left */
tl_Storage *tl_storage_wrap (tl_Device *, void *data, size_t bytes, void (*drop)(void *, void *), void *owner);
tl_Storage *tl_storage_pinned (tl_Device *, size_t bytes);      /* host memory that this device moves without a wait */
int tl_storage_is_pinned (const tl_Storage *);
void tl_storage_retain (tl_Storage *);
void tl_storage_release (tl_Storage *);

enum { TL_STORAGE_HEAD = 128 };          /* bytes of a header; the data of a small storage stand right behind it, in one block */

void tl_cache_flush (tl_Context *);      /* gives free blocks back to the system */
size_t tl_cache_bytes (tl_Context *);
void tl_cache_close (tl_Context *);      /* and the cache itself */

#endif
