/*
** piece.h -- what view_select.c and view_place.c share: pieces of a tensor and their derivative.
*/
#ifndef tl_piece_h
#define tl_piece_h

#include "op/op.h"

void tl_drop_dim (tl_Geometry *g, int d);
void tl_whole (const tl_Tensor *x, tl_Geometry *g);      /* a packed tensor of the sizes of x, from offset 0 */
/* keeps for tl_piece_backward where x lies, where the piece lies in the same terms, and whether the piece may meet an
   element twice or lie outside x */
void tl_keep_place (tl_Args *a, const tl_Geometry *x, const tl_Geometry *at, int twice);
int tl_piece_backward (tl_Node *n, tl_Tensor **g);
int tl_view_dtype (tl_Args *a);                          /* x:view(dtype): cast.c */

#endif
