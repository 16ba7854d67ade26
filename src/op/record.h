/*
** record.h -- between apply.c and record.c: what is known of an operation's inputs before its forward
** runs.  An in-place forward changes them, so their histories are taken first.
*/
#ifndef tl_record_h
#define tl_record_h

#include "op/op.h"

enum { TL_RECORD_FEW = 8 };

typedef struct tl_Input { tl_Tensor *t; tl_Edge edge; } tl_Input;

typedef struct tl_Record {
  int n;                               /* tensor inputs, lists flattened */
  tl_Input *in;                        /* `few`, or scratch memory */
  tl_Input few[TL_RECORD_FEW];
} tl_Record;

int tl_any_wants (const tl_Args *a);                   /* does a gradient reach one of the inputs */
int tl_record_plan (tl_Args *a, tl_Record *r);         /* sets wants and needs; 0, or -1 */
int tl_record (tl_Args *a, tl_Record *r);              /* after forward: the node of the results; 0, or -1 */
int tl_record_view (tl_Args *a, tl_Record *r);         /* the same for a view, and the view itself */

#endif
