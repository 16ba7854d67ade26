/*
** bind.h -- where Lua meets operations.  A tensor in Lua is a userdata that holds one tl_Tensor*.
** Only this floor raises Lua errors, and only after the pool is drained.
**
** Order of every function here: check arguments, make the userdata for the result (tl_box), do the
** work under tl_enter/tl_leave, fill the box, drain, raise if it failed.
*/
#ifndef tl_bind_h
#define tl_bind_h

#include <lua.h>
#include <lauxlib.h>
#include "op/op.h"

/* metatables are kept in the registry under the address of these */
#define TL_TENSOR "torch.Tensor"
#define TL_GENERATOR "torch.Generator"

tl_Context *tl_state (lua_State *L);              /* this state's context */
tl_Context *tl_enter (lua_State *L, tl_Context **before);   /* sets tl_here; the pool's mark is taken by the caller */
void tl_leave (tl_Context *before);

tl_Tensor **tl_box (lua_State *L);                /* pushes an empty tensor userdata */
void tl_push (lua_State *L, tl_Tensor *t);    /* pushes a box with a reference of its own; nil for NULL; may raise */
tl_Tensor *tl_test (lua_State *L, int index);     /* NULL when it is no tensor; the borrowed pointer else */
tl_Tensor *tl_check (lua_State *L, int index, const char *op);    /* raises */
/* drains to mark, leaves, and raises the message that is waiting, at the user's line */
int tl_raise (lua_State *L, size_t mark, tl_Context *before);
void tl_pace (lua_State *L);                      /* tells the collector of bytes; call after a push */

/* reads arguments [first, top] by op's spec into a: 0, or -1 with a message; scratch memory is pooled */
int tl_read_args (lua_State *L, const tl_Op *op, int first, tl_Args *a);

int tl_read_dtype (lua_State *L, int index);      /* a torch.float32 value; TL_NONE when it is none */
void tl_push_dtype (lua_State *L, int dtype);
/* "cpu", torch.device, the number of a CUDA device.  NULL: none (is_one 0), or one that can't be had, with a message */
tl_Device *tl_read_device (lua_State *L, int index, int *is_one);
void tl_push_device (lua_State *L, tl_Device *);

/* small things that other files of this floor and the program need (open.c, box.c, print.c) */
void tl_push_size (lua_State *L, int n, const int64_t *size);     /* a torch.Size: a list with a metatable; may raise */
void tl_push_none (lua_State *L);                 /* torch.none, which is torch.newaxis */
int tl_is_none (lua_State *L, int index);
const char *tl_node_label (const tl_Node *, char buffer[static 128]);   /* "AddBackward0" */
/* runs body with this call's arguments under tl_enter and lua_pcall, drains, leaves, raises again: body may call
   everything and says `return tl_bad(L)` when a message is waiting */
int tl_protect (lua_State *L, lua_CFunction body);
int tl_bad (lua_State *L);
void tl_interrupt (lua_State *L);                 /* stops the running kernel; may be called from a signal handler */
int tl_interrupted (lua_State *L);                /* was it asked for and not reported yet?  Forgets it */

/* each fills the torch table (on top of the stack) with its functions, and the metatable's method table (below it) */
void tl_open_methods (lua_State *L);              /* method.c: every op */
void tl_open_index (lua_State *L);                /* index.c: __index, __newindex, x[...] */
void tl_open_data (lua_State *L);                 /* data.c: tensor, tolist, item, from_buffer, storage */
void tl_open_print (lua_State *L);                /* print.c */
void tl_open_autograd (lua_State *L);             /* autograd.c */
void tl_open_random (lua_State *L);               /* random.c: Generator, manual_seed, get/set_rng_state */
void tl_open_device (lua_State *L);               /* device.c: device, dtype values, memory, threads */
void tl_open_cuda (lua_State *L);                 /* cuda.c: torch._C.cuda, pinned memory; stream.c's too */
void tl_open_save (lua_State *L);                 /* save.c: safetensors bytes in and out */
void tl_open_plan (lua_State *L);                 /* plan.c: torch.capture */

#endif
