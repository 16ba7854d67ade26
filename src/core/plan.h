/*
** plan.h -- commands written down and replayed.  A plan pins the storages its commands touch;
** blocks freed while it is written are reused inside it only, so its memory is the step's peak.
** Replay bumps the versions that eager running would have bumped.
*/
#ifndef tl_plan_h
#define tl_plan_h

#include "core/cmd.h"

tl_Plan *tl_plan_begin (tl_Device *);          /* NULL: one is being written already, or no memory */
/* 0, or -1: something in it failed.  run: a device that only noted the commands runs them once, as the others have */
int tl_plan_end (tl_Plan *, int run);
int tl_plan_run (tl_Plan *);
void tl_plan_free (tl_Plan *);
size_t tl_plan_count (const tl_Plan *);        /* commands */
tl_Device *tl_plan_device (const tl_Plan *);

/* for core/ only */
int tl_plan_add (tl_Plan *, tl_Device *, const tl_Cmd *);
void tl_plan_pin (tl_Plan *, tl_Storage *, int written);
void *tl_plan_block (tl_Plan *, tl_Device *, size_t block);            /* a free block of the plan's, or NULL */
int tl_plan_take_block (tl_Plan *, tl_Storage *);                      /* 1: the plan keeps the block of a dying storage */
void tl_plan_born (tl_Plan *, tl_Storage *);
void tl_plan_share (tl_Plan *, tl_Storage *);                          /* a born one that other queues read, too: never used again */

#endif
