/*
** forms.h -- argument specs of the functions that are no operations, so that their calls are read and
** their mistakes told as everybody else's.
*/
#ifndef tl_forms_h
#define tl_forms_h

#include "bind/args.h"

#define TL_GRAD_TAIL "allow_unused:b? materialize_grads:b=false"

#define TL_FORMS(F) \
  F(tensor,        "* dtype:y? device:v? requires_grad:b=false") \
  F(as_tensor,     "dtype:y? device:v?") \
  F(from_buffer,   "* dtype:y? offset:i=0 count:i=-1 requires_grad:b=false") \
  F(backward,      "self:T gradient:T? retain_graph:b? create_graph:b=false * inputs:L?") \
  F(backward_of,   "tensors:T grad_tensors:T? retain_graph:b? create_graph:b=false * inputs:L?" \
                   " | tensors:T grad_tensors:X? retain_graph:b? create_graph:b=false * inputs:L?" \
                   " | tensors:L grad_tensors:X? retain_graph:b? create_graph:b=false * inputs:L?") \
  F(grad_of,       "outputs:T inputs:T grad_outputs:T? retain_graph:b? create_graph:b=false " TL_GRAD_TAIL \
                   " | outputs:T inputs:L grad_outputs:T? retain_graph:b? create_graph:b=false " TL_GRAD_TAIL \
                   " | outputs:T inputs:T grad_outputs:X? retain_graph:b? create_graph:b=false " TL_GRAD_TAIL \
                   " | outputs:T inputs:L grad_outputs:X? retain_graph:b? create_graph:b=false " TL_GRAD_TAIL \
                   " | outputs:L inputs:T grad_outputs:X? retain_graph:b? create_graph:b=false " TL_GRAD_TAIL \
                   " | outputs:L inputs:L grad_outputs:X? retain_graph:b? create_graph:b=false " TL_GRAD_TAIL) \
  F(requires_grad, "self:T requires_grad:b=true") \
  F(self,          "self:T") \
  F(self_dim,      "self:T dim:d?") \
  F(set_printing,  "* precision:i? threshold:n? edgeitems:i? linewidth:i? profile:s(default,short,full)? sci_mode:b?") \
  F(generator,     "device:v?") \
  F(finfo,         "type:y?")

typedef enum tl_FormName {
#define NAME(name, text) TL_FORM_##name,
  TL_FORMS(NAME)
#undef NAME
  TL_NFORM
} tl_FormName;

int tl_forms_init (void);                /* compiles them once per process; -1 and a message */
/* reads the arguments from `first` on; in a function under tl_protect.  Raises. */
void tl_take (lua_State *L, const char *name, tl_FormName form, int first, tl_Reader *r, tl_Args *a);

#endif
