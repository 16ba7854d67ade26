/*
** field.h -- the fields of tensors: x.shape, x.grad ...  Between index.c and field.c.
*/
#ifndef tl_field_h
#define tl_field_h

#include "bind/state.h"

typedef struct tl_Field {
  const char *name;
  int (*get) (lua_State *L, tl_State *S,
              tl_Tensor *t);            /* pushes one value; raises at will before it enters */
  int (*set) (lua_State *L, tl_State *S, tl_Tensor *t);            /* the value is at index 3; NULL: read only */
} tl_Field;

extern const tl_Field tl_fields[];                     /* ends with a NULL name */
int tl_no_field (lua_State *L, const char *name, int methods);     /* raises; `methods`: where their table is */
void tl_open_nodes (lua_State *L);                     /* the kind of x.grad_fn */

#endif
