/*
** gpu.h -- between cuda.c and stream.c.
*/
#ifndef tl_gpu_h
#define tl_gpu_h

#include "bind/state.h"

/* the CUDA device that argument `index` names, nil the current one.  Raises; for functions under tl_protect. */
tl_Device *tl_check_cuda (lua_State *L, int index);
int tl_cuda_broken (lua_State *L, tl_Device *d);       /* raises what the device says of itself */
void *tl_check_stream (lua_State *L, int index, tl_Device *d);   /* nil is the device's own, NULL.  Raises */
void tl_open_stream (lua_State *L);                    /* into torch._C.cuda, on top */

#endif
