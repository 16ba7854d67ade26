/*
** devices.h -- names to devices: "cpu", "cuda", "cuda:1".  CUDA is a plugin, looked for and opened on first need.
*/
#ifndef tl_devices_h
#define tl_devices_h

#include "core/base.h"

tl_Device *tl_device (const char *name);       /* "cuda": the state's current one.  NULL and a message */
tl_Device *tl_cuda (int index);                /* from 0; NULL and a message */
int tl_cuda_count (void);                      /* cards that a plugin is there for; 0 without words */
tl_Device *tl_cuda_opened (int index);         /* NULL when nobody has needed it yet */

#endif
