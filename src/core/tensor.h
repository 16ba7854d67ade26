/*
** tensor.h -- a tensor is a header that looks at a storage.  Both are counted; headers belong to one
** state and are plain, storages are atomic.
**
** Results belong to the pool (core/pool.h): retain to keep.
*/
#ifndef tl_tensor_h
#define tl_tensor_h

#include "core/storage.h"

enum {                           /* flags */
  TL_PLAIN = 1,                  /* packed row-major, so without overlap; kept by whoever sets size and stride */
  TL_WRAPPED = 2,                /* a script's number: no storage, 0-d, the value in `number` */
  TL_VIEW_NOGRAD = 4,            /* a view made under no_grad: in-place refused once history is wanted */
  TL_VIEW_MULTI = 8,             /* one of several views from one call (split, chunk, unbind): in-place refused under grad */
  TL_INFERENCE = 16,             /* made in inference mode */
  TL_RETAINS_GRAD = 32
};

struct tl_Tensor {
  int32_t refs;
  uint8_t ndim, dtype, flags;
  uint8_t result;                /* which result of its node it is */
  tl_Storage *storage;           /* NULL only for TL_WRAPPED */
  union { int64_t offset; tl_Num number; };     /* in elements, as strides; number: double for floats, else int64 */
  tl_Node *node;                 /* who made it, a bare node for a leaf; READ THROUGH tl_node() ONLY */
  tl_Tensor *base;               /* of a differentiable view: the root, never itself a view */
  uint32_t seen;                 /* the storage version that `node` was made for */
  uint32_t unused;
  int64_t size[TL_MAXDIM], stride[TL_MAXDIM];
};

typedef struct tl_Geometry {     /* where a view looks */
  int ndim;
  int64_t offset;
  int64_t size[TL_MAXDIM], stride[TL_MAXDIM];
} tl_Geometry;

/* all of these give a tensor in the pool, or NULL with a message; sizes are checked (tl_check_sizes) */
tl_Tensor *tl_new (tl_Device *, int dtype, int ndim, const int64_t *size);        /* packed, not initialised */
tl_Tensor *tl_new_strided (tl_Device *, int dtype, int ndim, const int64_t *size, const int64_t *stride);  /* fresh memory of that layout */
tl_Tensor *tl_new_like (tl_Tensor *, int dtype);                 /* same device and sizes; keeps dense strides (preserve_format) */
tl_Tensor *tl_wrap (int dtype, int ndim, const int64_t *size, void *data, void (*drop)(void *, void *), void *owner);
tl_Tensor *tl_number (double);                                   /* wrapped, of the default dtype */
tl_Tensor *tl_integer (int64_t);                                 /* wrapped int64 */
tl_Tensor *tl_boolean (int);                                     /* wrapped bool */
tl_Tensor *tl_scalar (tl_Num, int dtype);                        /* wrapped, any dtype */
tl_Tensor *tl_unwrap (tl_Tensor *, tl_Device *);                 /* a real 0-d tensor of a wrapped one; others as they are */
tl_Tensor *tl_alias (tl_Tensor *);                               /* same storage and geometry; no node, no base */
tl_Tensor *tl_alias_at (tl_Tensor *, const tl_Geometry *);       /* same storage; the caller vouches for the bounds */

void tl_node_release (tl_Node *);                                /* defined on the grad floor, */
void tl_node_drop (tl_Node *, tl_Tensor *);                      /* as this: t gives up its node */
void tl_node_flush (tl_Context *);                               /* and this: frees the nodes kept for reuse */
tl_Tensor *tl_retain (tl_Tensor *);                              /* NULL passes */
void tl_release (tl_Tensor *);

void tl_tensor_flush (tl_Context *);                             /* frees the headers kept for reuse */

int64_t tl_numel (const tl_Tensor *);
int tl_is_contiguous (const tl_Tensor *);
void tl_geometry (const tl_Tensor *, tl_Geometry *);
void tl_set_geometry (tl_Tensor *, const tl_Geometry *);         /* and the PLAIN flag */
#define tl_data(t)    ((void *)((t)->storage->data + (t)->offset * tl_width[(t)->dtype]))
#define tl_device_of(t)  ((t)->storage ? (t)->storage->device : tl_here->default_device)
int tl_same_sizes (const tl_Tensor *, const tl_Tensor *);
int tl_overlaps_itself (const tl_Tensor *);                      /* two positions may be one element */
int tl_share_memory (const tl_Tensor *, const tl_Tensor *);      /* memory ranges meet */
int tl_same_place (const tl_Tensor *, const tl_Tensor *);        /* same memory, sizes, strides */

#endif
