/*
** items.h -- what stands between the brackets of x[...], read by index.c, applied by items.c.
*/
#ifndef tl_items_h
#define tl_items_h

#include "core/tensor.h"

enum { TL_MAXITEMS = 32 };

typedef enum tl_ItemKind { TL_NUMBER, TL_SLICE, TL_NEWAXIS, TL_ELLIPSIS, TL_TRUTH, TL_INDEX } tl_ItemKind;
typedef struct tl_Item {
  tl_ItemKind kind;
  int64_t a, b, step;                                  /* as written: from 1 or negative */
  tl_Tensor *t;
} tl_Item;
typedef struct tl_Items { int n; tl_Item item[TL_MAXITEMS]; } tl_Items;

tl_Tensor *tl_get_items (tl_Tensor *t, const tl_Items *x);                    /* t[x]; NULL and a message */
int tl_put_items (tl_Tensor *t, const tl_Items *x, tl_Tensor *v);             /* t[x] = v, recorded; 0, or -1 */

#endif
