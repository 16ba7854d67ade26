/*
** cast.c -- other dtypes, other devices, copies: to, type, float ... bool, clone, contiguous, cpu, cuda;
** and view(dtype), which reads the same bytes as another dtype.
*/
#include <string.h>

#include "core/devices.h"
#include "op/calls.h"
#include "op/families.h"
#include "op/piece.h"

enum { TO_COPY, CLONE };

static int done (tl_Args *a, tl_Tensor *y) {
  a->out[0] = y;
  return y ? 0 : -1;
}

/* tl_give casts and moves the gradient back to where the input was */
static int pass_backward (tl_Node *n, tl_Tensor **g) { return tl_give(n, 0, g[0]); }

static int to_copy_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int dtype = a->v[1].given ? a->v[1].dtype : x->dtype;
  tl_Device *d = a->v[2].given ? a->v[2].device : tl_device_of(x);
  if (x->flags & TL_WRAPPED) return done(a, tl_cast(x, dtype));
  return done(a, tl_to_device(tl_cast(x, dtype), d));
}

static int clone_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *y;
  if (a->v[1].given && a->v[1].i == 1) {                 /* contiguous_format */
    y = tl_new(tl_device_of(x), x->dtype, x->ndim, x->size);
    return y && tl_copy(y, x) == 0 ? done(a, y) : -1;
  }
  return done(a, tl_clone(x));
}

static int contiguous_forward (tl_Args *a) { return done(a, tl_op_contiguous(a->v[0].t)); }

/* x in another dtype, on another device; x itself when nothing changes and no copy is asked for */
static tl_Tensor *convert (tl_Tensor *x, int dtype, tl_Device *d, int copy) {
  tl_Args a;
  if (!x) return NULL;
  if (dtype == x->dtype && d == tl_device_of(x)) return copy ? tl_op_clone(x) : x;
  tl_args(&a, &tl_cast_ops[TO_COPY], 0);
  a.v[0].t = x;
  if (dtype != x->dtype) { a.v[1].dtype = (uint8_t)dtype; a.v[1].given = 1; }
  if (d != tl_device_of(x)) { a.v[2].device = d; a.v[2].given = 1; }
  return tl_apply1(&a);
}

/* with non_blocking a copy between the host's pinned memory and a device need not be waited for */
static int convert_soon (tl_Args *a, int dtype, tl_Device *d, int copy, int non_blocking) {
  tl_Tensor *y;
  tl_here->later = non_blocking != 0;
  y = convert(a->v[0].t, dtype, d, copy);
  tl_here->later = 0;
  return done(a, y);
}

static int to_forward (tl_Args *a) {
  tl_Tensor *x = a->v[0].t;
  int dtype = x->dtype, last = a->which == 0 || a->which == 2 ? 3 : 4;       /* last: copy, after non_blocking */
  tl_Device *d = tl_device_of(x);
  switch (a->which) {
    case 0: dtype = a->v[1].dtype; break;
    case 2:
      dtype = a->v[1].t->dtype;
      d = tl_device_of(a->v[1].t);
      break;
    default:                                             /* device, dtype */
      if (a->v[1].given && a->v[1].device) d = a->v[1].device;
      if (a->v[2].given && a->v[2].dtype != TL_NONE) dtype = a->v[2].dtype;
  }
  return convert_soon(a, dtype, d, a->v[last].i != 0, (int)a->v[last - 1].i);
}

/* "torch.FloatTensor", "torch.float32" and "float32" name a dtype */
static int named_dtype (const char *s) {
  static const struct { const char *name; int dtype; } old[] = {
    { "FloatTensor", TL_f32 }, { "DoubleTensor", TL_f64 }, { "HalfTensor", TL_f16 }, { "BFloat16Tensor", TL_bf16 },
    { "ByteTensor", TL_u8 }, { "CharTensor", TL_i8 }, { "ShortTensor", TL_i16 }, { "IntTensor", TL_i32 },
    { "LongTensor", TL_i64 }, { "BoolTensor", TL_b8 }, { "float", TL_f32 }, { "double", TL_f64 }, { "half", TL_f16 },
    { "int", TL_i32 }, { "long", TL_i64 }, { "short", TL_i16 }
  };
  const char *name = strncmp(s, "torch.", 6) == 0 ? s + 6 : s;
  for (size_t k = 0; k < sizeof old / sizeof *old; k++)
    if (strcmp(name, old[k].name) == 0) return old[k].dtype;
  for (int k = 0; k < TL_NDTYPE; k++)
    if (strcmp(name, tl_dtype_name[k]) == 0) return k;
  return tl_fault("type: invalid type: '%s'", s);
}

static int type_forward (tl_Args *a) {
  int dtype = a->which == 0 ? a->v[1].dtype : named_dtype(a->v[1].s);
  return dtype < 0 ? -1 : done(a, convert(a->v[0].t, dtype, tl_device_of(a->v[0].t), 0));
}

static int type_as_forward (tl_Args *a) {
  return done(a, convert(a->v[0].t, a->v[1].t->dtype, tl_device_of(a->v[1].t), 0));
}

/* float(), double() ...: the row's code is the dtype */
static int named_forward (tl_Args *a) { return done(a, convert(a->v[0].t, a->op->code, tl_device_of(a->v[0].t), 0)); }

static int cpu_forward (tl_Args *a) { return done(a, convert(a->v[0].t, a->v[0].t->dtype, tl_cpu(), 0)); }

static int cuda_forward (tl_Args *a) {
  tl_Device *d = a->v[1].given && a->v[1].device ? a->v[1].device : tl_device("cuda");
  if (!d) return -1;
  if (d->kind != 2) return tl_fault("Invalid device, must be cuda device");
  return convert_soon(a, a->v[0].t->dtype, d, 0, (int)a->v[2].i);
}

/* another dtype on the same bytes; the last dim makes up for a different width */
int tl_view_dtype (tl_Args *a) {
  tl_Tensor *x = a->v[0].t, *t;
  int from = tl_width[x->dtype], to = tl_width[a->v[1].dtype], last = x->ndim - 1;
  tl_Geometry g;
  tl_geometry(x, &g);
  if (from != to) {
    int ratio = from > to ? from / to : to / from;
    if (x->ndim == 0) return tl_fault("self.dim() cannot be 0 to view %s as %s (different element sizes)",
                                      tl_dtype_name[x->dtype], tl_dtype_name[a->v[1].dtype]);
    if (g.size[last] != 1 && g.stride[last] != 1)
      return tl_fault("self.stride(-1) must be 1 to view %s as %s (different element sizes), but got %lld",
                      tl_dtype_name[x->dtype], tl_dtype_name[a->v[1].dtype], (long long)g.stride[last]);
    g.stride[last] = 1;
    if (from > to) {
      g.size[last] *= ratio;
      g.offset *= ratio;
      for (int d = 0; d < last; d++) g.stride[d] *= ratio;
    }
    else {
      int odd = g.offset % ratio != 0;
      if (g.size[last] % ratio)
        return tl_fault("self.size(-1) must be divisible by %d to view %s as %s (different element sizes), but got "
                        "%lld", ratio, tl_dtype_name[x->dtype], tl_dtype_name[a->v[1].dtype], (long long)g.size[last]);
      for (int d = 0; d < last; d++)
        if (g.stride[d] % ratio) odd = 1;
      if (odd)
        return tl_fault("self.storage_offset() and the strides must be divisible by %d to view %s as %s (different "
                        "element sizes)", ratio, tl_dtype_name[x->dtype], tl_dtype_name[a->v[1].dtype]);
      g.size[last] /= ratio;
      g.offset /= ratio;
      for (int d = 0; d < last; d++) g.stride[d] /= ratio;
    }
  }
  t = tl_alias(x);
  if (!t) return -1;
  t->dtype = a->v[1].dtype;
  tl_set_geometry(t, &g);
  a->out[0] = t;
  return 0;
}

#define NAMED(name, dtype) \
  { name, "self:T", "self as " #dtype, named_forward, NULL, TL_OP_COMPOSITE | TL_OP_METHOD, TL_##dtype, NULL, NULL }
const tl_Op tl_cast_ops[] = {
  [TO_COPY] = { "_to_copy", "self:T * dtype:y? device:v?", "a copy in another dtype, on another device",
                to_copy_forward, pass_backward, TL_OP_MIXED, 0, "_C", "to_copy" },
  [CLONE] = { "clone", "self:T * memory_format:s(preserve_format,contiguous_format)?", "a copy; gradients flow through",
              clone_forward, pass_backward, 0, 0, NULL, NULL },
  { "contiguous", "self:T", "self when it is packed row by row, else a packed copy", contiguous_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_METHOD, 0, NULL, NULL },
  { "to", "self:T dtype:y non_blocking:b=false copy:b=false | self:T device:v dtype:y? non_blocking:b=false "
          "copy:b=false | self:T other:T non_blocking:b=false copy:b=false | self:T * device:v? dtype:y? "
          "non_blocking:b=false copy:b=false",
    "another dtype or device, or those of other; self when nothing changes and no copy is asked for", to_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_METHOD | TL_OP_MIXED, 0, NULL, NULL },
  { "type", "self:T dtype:y non_blocking:b=false | self:T dtype:s non_blocking:b=false",
    "another dtype, by value or by a name such as 'torch.FloatTensor'", type_forward, NULL,
        TL_OP_COMPOSITE | TL_OP_METHOD, 0,
    NULL, NULL },
  { "type_as", "self:T other:T", "dtype and device of other", type_as_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_METHOD | TL_OP_MIXED, 0, NULL, NULL },
  { "cpu", "self:T", "self in host memory", cpu_forward, NULL, TL_OP_COMPOSITE | TL_OP_METHOD, 0, NULL, NULL },
  { "cuda", "self:T device:v? non_blocking:b=false", "self on a CUDA device", cuda_forward, NULL,
    TL_OP_COMPOSITE | TL_OP_METHOD, 0, NULL, NULL },
  NAMED("float", f32), NAMED("double", f64), NAMED("half", f16), NAMED("bfloat16", bf16), NAMED("byte", u8),
      NAMED("char", i8),
  NAMED("short", i16), NAMED("int", i32), NAMED("long", i64), NAMED("bool", b8),
  TL_ROW_END
};

tl_Tensor *tl_to_dtype (tl_Tensor *x, int dtype) { return x ? convert(x, dtype, tl_device_of(x), 0) : NULL; }
tl_Tensor *tl_op_to_device (tl_Tensor *x, tl_Device *d) { return x ? convert(x, x->dtype, d, 0) : NULL; }

static tl_Tensor *copy_of (tl_Tensor *x, int packed) {
  tl_Args a;
  if (!x) return NULL;
  tl_args(&a, &tl_cast_ops[CLONE], 0);
  a.v[0].t = x;
  a.v[1].given = (uint8_t)packed;
  a.v[1].i = packed;
  return tl_apply1(&a);
}

tl_Tensor *tl_op_clone (tl_Tensor *x) { return copy_of(x, 0); }
tl_Tensor *tl_op_contiguous (tl_Tensor *x) {
  return !x || x->flags & TL_WRAPPED || tl_is_contiguous(x) ? x : copy_of(x, 1);
}
