/*
** walk.h -- from operands of any stride and dtype to packed blocks of the compute type, and back.
*/
#ifndef tl_walk_h
#define tl_walk_h

#include "cpu/cpu.h"

typedef enum tl_OperandKind {
  TL_OPERAND_ABSENT,
  TL_OPERAND_DIRECT,           /* packed over the whole space: pointer + i */
  TL_OPERAND_ROW,              /* packed along long rows: pointer into the row; blocks end with the row */
  TL_OPERAND_SCALAR,           /* one value: the kernel's own loop for it, or a block filled once */
  TL_OPERAND_COLUMN,           /* one value per long row: a block filled once per row */
  TL_OPERAND_GATHER            /* the rest: copied element by element into a block */
} tl_OperandKind;

typedef struct tl_Operand {
  char *data;
  tl_Convert first, second;    /* in: dtype to via, via to compute; result: compute to via, via to dtype; NULL: none */
  uint8_t kind, width;         /* bytes of an element in memory */
  tl_Cell value;               /* SCALAR: in the compute type */
} tl_Operand;

typedef struct tl_Walk {
  const tl_Cmd *c;
  tl_Kernel kernel;            /* NULL: the operand itself is the result */
  int n, last;                 /* operands without the result; the last dim */
  int direct;                  /* one kernel call serves any range */
  int rows;                    /* blocks end with rows, */
  int64_t most;                /* and have at most so many points: TL_BLOCK where one is filled */
  int flat;                    /* as tl_Kernel's */
  int in_width, out_width;     /* bytes of the compute type and of what the kernel writes */
  int divides;                 /* an integer division: look for zeros in operand 2 */
  int64_t total;
  tl_Operand op[TL_MAXARG];
} tl_Walk;

int64_t tl_cmd_total (const tl_Cmd *);
void tl_walk_start (tl_Walk *, const tl_Cmd *, tl_Kernel, int compute, int out);
/* a tl_Reason; serves tl_team_for, pieces must start at multiples of TL_BLOCK */
int tl_walk_range (void *walk, int64_t from, int64_t to);

/* a map of two dims with operands that are packed along the first: 1 if it was one and is done, for `reason` */
int tl_map_across (const tl_Cmd *, tl_Kernel, int64_t grain, tl_Env *, int *reason);

#endif
