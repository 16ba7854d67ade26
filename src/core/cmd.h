/*
** cmd.h -- from tensors to commands, and the one door to every kernel.
**
** Functions with a `dest` write there when it is given (it must have the result's sizes; values are
** converted) and else make the result.  They do not record: that is the op floor's work.
*/
#ifndef tl_cmd_h
#define tl_cmd_h

#include "core/tensor.h"

/* the one door.  -1 with a message when the device could not. */
int tl_run (tl_Device *, tl_Cmd *);
int tl_explain (tl_Device *, int reason);                                /* a tl_Reason that is no success in words; -1 */
int tl_wait (const char *what, tl_Device *);      /* until all that was queued is done; -1 with the words of a late fault */

/*
** Lays out a command's space: size of ndim dims, the first `keep` of which are outer.  Operands are
** broadcast to it from the right (NULL: ABSENT; wrapped: NUMBER); dims are sorted by stride and merged within
** each of the two groups unless TL_SPACE_FIXED.  Pins the storages when a plan is written down.
*/
enum { TL_SPACE_FIXED = 1 };
void tl_space (tl_Cmd *, int ndim, const int64_t *size, int keep, int n, tl_Tensor *const *t, int flags);
void tl_cmd_init (tl_Cmd *, int verb, int op, int dtype, int nout);   /* everything but the operands */

/* the space of each operand is its own (no broadcast): strides as they are */
void tl_operand (tl_Cmd *, int k, tl_Tensor *t);

/*
** formula `code` of n operands in the slots of its kind (NULL: absent): forward a b c; derivatives g a b c y.
** p: the row's parameters as the compute type reads them, doubles for floats, integers for integers.
*/
tl_Tensor *tl_map (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p, tl_Tensor *dest);
/* the facts of a code's row */
typedef struct tl_Row {
  const char *name;              /* "mul"; derivatives have their row's name */
  uint8_t rule, nin, which;      /* which: 0 forward, 1.. derivative by operand which-1 */
  uint8_t keeps, stamp, unused[3];   /* TL_KEEP_*, TL_STAMP_* */
  const char *args, *text, *doc; /* text: this code's formula */
  uint16_t forward;              /* the row's first code */
} tl_Row;
extern const tl_Row tl_rows[];   /* TL_NCODE of them */
enum { TL_KEEP_A = 1, TL_KEEP_B = 2, TL_KEEP_C = 4, TL_KEEP_Y = 8 };   /* X is A */
enum { TL_STAMP_REAL, TL_STAMP_ALL, TL_STAMP_CHEAP, TL_STAMP_I64 };

int tl_fill (tl_Tensor *, tl_Num v, int dtype_of_v);
int tl_copy (tl_Tensor *to, tl_Tensor *from);                          /* broadcasts, converts, crosses devices */
tl_Tensor *tl_cast (tl_Tensor *, int dtype);                           /* as it is when it has that dtype; keeps dense strides */
tl_Tensor *tl_contiguous (tl_Tensor *);
/* `from`, to be read while `to` is written: where their memory meets a copy; NULL with words where both are dense, so that
   elements must meet (with gaps nobody can say quickly), as PyTorch has it */
tl_Tensor *tl_apart (const tl_Tensor *to, tl_Tensor *from);
tl_Tensor *tl_clone (tl_Tensor *);                                     /* keeps dense strides */
tl_Tensor *tl_zeros (tl_Device *, int dtype, int ndim, const int64_t *size);
tl_Tensor *tl_to_device (tl_Tensor *, tl_Device *);

/* op over the dims of mask; out[0] (and out[1]: positions).  dtype TL_NONE: by the rule.  0, or -1 */
int tl_reduce (int code, tl_Tensor *x, uint32_t mask, int keepdim, int dtype, const tl_Num *p, tl_Tensor *const *dest, tl_Tensor **out);

/* C = alpha * A x B + beta * C for (..., M, K) x (..., K, N); C must have its sizes */
int tl_gemm (int op, double alpha, tl_Tensor *a, tl_Tensor *b, double beta, tl_Tensor *c);

/* the only function that brings values to the host: n elements from the first on, of a packed tensor;
   `what` names the caller in the refusal while a plan is written down */
int tl_peek (const char *what, tl_Tensor *, void *to);                 /* all numel elements, in logical order */
int tl_peek_number (const char *what, tl_Tensor *, tl_Num *);          /* of a one-element tensor */

/* fails with the words (a string that lives on) unless `ok`, a bool of one element, is true; a device with a queue tells
   it late, so that nobody waits */
int tl_must (tl_Tensor *ok, const char *words);

void tl_touch (tl_Tensor *);                                           /* says that memory was written: version + 1 */

#endif
