/*
** devices.h -- names to devices: "cpu", "cuda", "cuda:1".  Plugins are opened on first need.
*/
#ifndef tl_devices_h
#define tl_devices_h

#include "core/base.h"

tl_Device *tl_device (const char *name);       /* NULL and a message */

#endif
