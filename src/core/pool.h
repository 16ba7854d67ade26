/*
** pool.h -- autorelease: what core and op functions return belongs to the pool until it is drained.
** Rules: whoever loops over user-sized data marks and drains inside the loop; who returns across its
** own drain retains first and pools again after.
*/
#ifndef tl_pool_h
#define tl_pool_h

#include "core/tensor.h"

size_t tl_mark (void);
void tl_drain (size_t mark);
tl_Tensor *tl_pool (tl_Tensor *);        /* hands one reference to the pool; NULL (released) when the pool can't grow */

#endif
