/*
** op.h -- an operation: name, arguments and doc as data, and two functions.  What writers of
** operations need is here: tl_Op, tl_Args, tl_apply and the helpers of a forward.
**
** A forward reads a->v[k] (parameter k of the form that matched), makes its results with tl_result
** or tl_map/tl_reduce/... and puts them into a->out[].  It runs with recording off; what its backward
** will need it keeps with tl_keep*.  Tensors, wrapped numbers included, are on one device when it is called.
** A COMPOSITE has no backward of its own: its forward calls operations, which record themselves.
*/
#ifndef tl_op_h
#define tl_op_h

#include "op/spec.h"
#include "core/dtype.h"
#include "core/fail.h"
#include "core/pool.h"
#include "core/shape.h"

typedef struct tl_Op tl_Op;
typedef struct tl_Args tl_Args;

enum {                                 /* flags of an op */
  TL_OP_INPLACE = 1,                   /* x:name_() exists: writes self */
  TL_OP_COMPOSITE = 2,
  TL_OP_VIEW = 4,                      /* the result looks at self's memory; forward sets a->geometry */
  TL_OP_METHOD = 8, TL_OP_FUNCTION = 16,   /* spellings that exist; 0 of both means both */
  TL_OP_NODIFF = 32,                   /* results never carry history */
  TL_OP_INPLACE_ONLY = 64,             /* the name itself ends in _ : copy_, uniform_ */
  TL_OP_MIXED = 128,                   /* operands may be on different devices: copy_, to */
  TL_OP_NAMES = 256                    /* grad_name is several, a \0 between them: one per form; or without a dim, with;
                                          or of N N: the second a number, none, the first */
};

struct tl_Op {
  const char *name;                    /* "clamp": x:clamp(), torch.clamp(x), x:clamp_() */
  const char *args;                    /* argument spec, self first */
  const char *doc;                     /* shapes, dtypes, errors, source */
  int (*forward) (tl_Args *);          /* 0, or -1 with a message */
  tl_Backward backward;                /* NULL: nothing flows back */
  uint16_t flags;
  uint16_t code;                       /* pointwise family: the formula; others: free */
  const char *space;                   /* NULL: torch and methods; "nn.functional", "linalg", "special": functions there only */
  const char *grad_name;               /* "AddmmBackward0" is made from this or from name */
};

struct tl_Args {
  const tl_Op *op;
  const tl_Form *form;
  uint8_t which;                       /* which form, from 0 */
  uint8_t inplace;                     /* x:name_(): dest[0] is self */
  uint8_t wants;                       /* a node will be made: keep what backward needs */
  uint8_t nout, nsave, np, ni;
  tl_Value v[TL_MAXPARAM];
  tl_Tensor *dest[TL_MAXOUT];          /* where result j must end up: in-place, out= */
  tl_Tensor *out[TL_MAXOUT];           /* results, in the pool */
  tl_Tensor **list;  int nlist;        /* results of "-> L", an array in scratch memory (tl_scratch) */
  tl_Geometry *geometry;               /* VIEW: points to `view`; where the result looks */
  tl_Geometry view;
  tl_Saved save[12];
  tl_Num p[8];
  int64_t i[4 * TL_MAXDIM + 8];
  uint64_t needs;                      /* bit per tensor input (tl_input): a gradient will be asked for it; 0 unless wants */
};

/* runs an op: devices, in-place rules, forward, out=, node.  0 with a->out[] in the pool, or -1 with a message */
int tl_apply (tl_Args *a);
/* sets op, form and every parameter to its default, ready for the caller to fill v[] */
void tl_args (tl_Args *a, const tl_Op *op, int form);
tl_Tensor *tl_apply1 (tl_Args *a);     /* tl_apply, and the first result or NULL */

/* for forwards: result j, dest[j] itself when it fits (same sizes, dtype, device, no other overlap), else new */
tl_Tensor *tl_result (tl_Args *a, int j, int dtype, int ndim, const int64_t *size);
int tl_keep (tl_Args *a, tl_Tensor *t, int from);    /* before writing anything; results: after.  No-op unless wants */
void tl_keep_num (tl_Args *a, double x);
void tl_keep_int (tl_Args *a, int64_t i);
void tl_keep_ints (tl_Args *a, int n, const int64_t *i);
/* which tensor input parameter k is, counting T N J as one each and lists by their length: for tl_keep and tl_give */
int tl_input (const tl_Args *a, int k);
double tl_double (const tl_Value *v);  /* of a number parameter, whatever its kind */
tl_Num tl_num (const tl_Value *v, int dtype);
void *tl_scratch (size_t bytes);       /* freed when the pool is drained past it; NULL and a message */

/* the table */
extern const tl_Op *const tl_families[];              /* each ends with a NULL name; ends with NULL */
int tl_table_init (void);                             /* compiles specs once per process; -1: a row is wrong */
const tl_Op *tl_op (const char *name);                /* "nn.functional.relu" style for spaces; NULL */
const tl_Spec *tl_op_spec (const tl_Op *);
typedef struct tl_AliasRow { const char *name, *op; } tl_AliasRow;   /* ALIAS(absolute, abs) */
extern const tl_AliasRow tl_aliases[];                /* ends with NULL */

/* dtype of a wrapped or real result etc. */
#define TL_ROW_END { NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, NULL }

#endif
