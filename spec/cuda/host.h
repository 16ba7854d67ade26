/*
** host.h -- what the tests of the plugin's host side share: one device, commands for it, and a demand.
*/
#ifndef spec_host_h
#define spec_host_h

#include "device/device.h"

#define MIB  ((size_t)1 << 20)
#define NEED(x)  need((x) != 0, #x, __LINE__)

extern tl_DeviceOpen open_device;
extern tl_Device *d;
extern tl_Env env;
extern const char *const texts[];

void need (int ok, const char *what, int line);                /* else tells and ends the program */
tl_Device *device (int index);
tl_DeviceMemory figures (void);
int fill (float *to, int64_t n, float v);
int times (float *to, const float *a, const float *b, int64_t n, double number);   /* b NULL: by the number */
float first (const float *at);

void test_fuzz (void);
void test_sizes (void);
void test_ladder (void);
void test_moves (void);
void test_pinned (void);
void test_injected (void);

#endif
