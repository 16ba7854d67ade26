/*
** map.c -- TL_MAP commands from tensors: which dtype is computed in, which sizes and strides the
** result has.  The quick way at the head serves packed operands of one dtype; it is the only one.
*/
#include <string.h>

#include "core/cmd.h"
#include "core/dtype.h"
#include "core/fail.h"
#include "core/plan.h"
#include "core/shape.h"

/* `where` chooses by its first operand, which has no say in the result's dtype */
static int chooser (const tl_Row *row) { return row->forward == TL_where ? (row->which ? 1 : 0) : -1; }

/*
** A number, or a tensor without dims, beside a half type is rounded to it first, but in products and quotients (there
** the divisor), where PyTorch's kernels take it as a float; k counts from 0, a derivative's operands from its gradient on.
*/
static int stays_float (const tl_Row *row, int k, const tl_Tensor *t, int type) {
  int slot = k - (row->which != 0);
  if ((type != TL_f16 && type != TL_bf16) || t->ndim) return 0;
  switch (row->forward) {
    case TL_mul: return slot == 0 || slot == 1;
    case TL_div: case TL_div_floor: case TL_div_trunc: return slot == 1;
    default: return 0;
  }
}

/*
** All operands packed, of one float dtype that is computed in natively, and of the result's size, save
** numbers and single elements, which stand still.  1: done, 0: take the general way, -1: failed.
*/
static int quick (const tl_Row *row, int code, int n, tl_Tensor *const *in, int np, const tl_Num *p, tl_Tensor **result) {
  tl_Cmd c;
  tl_Tensor *lead = NULL, *out = *result;
  int dtype, plain = TL_CMD_PLAIN;
  if (row->rule == TL_RULE_INT || row->forward == TL_where || tl_here->plan) return 0;
  for (int k = 0; k < n; k++)
    if (in[k] && !(in[k]->flags & TL_WRAPPED) && (!lead || in[k]->ndim > lead->ndim)) lead = in[k];
  if (!lead || (lead->dtype != TL_f32 && lead->dtype != TL_f64) || !(lead->flags & TL_PLAIN)) return 0;
  dtype = lead->dtype;
  tl_cmd_init(&c, TL_MAP, code, dtype, 1);
  c.narg = (uint8_t)(n + 1);
  for (int k = 0; k < n; k++) {
    tl_Tensor *t = in[k];
    tl_Arg *a = &c.arg[k + 1];
    if (!t) { a->data = NULL; a->flags = TL_ARG_ABSENT; continue; }
    if (t->flags & TL_WRAPPED) {
      a->num = t->number;
      a->dtype = a->via = TL_f64;
      if (!tl_is_float(t->dtype)) a->num.f = (double)t->number.i;
      a->via = (uint8_t)dtype;
      a->flags = TL_ARG_NUMBER;
      a->stride[0] = 0;
      plain = 0;
      continue;
    }
    if (t->dtype != dtype || !(t->flags & TL_PLAIN) || t->storage->device != lead->storage->device) return 0;
    a->data = tl_data(t);
    a->dtype = a->via = (uint8_t)dtype;
    a->flags = 0;
    if (tl_same_sizes(t, lead)) a->stride[0] = tl_width[dtype];
    else if (t->ndim < lead->ndim && tl_numel(t) == 1) { a->stride[0] = 0; plain = 0; }
    else return 0;
  }
  if (row->rule == TL_RULE_TEST) {
    c.out = TL_b8;
    if (out && out->dtype != TL_b8) return 0;
  }
  if (out) {
    if (!(out->flags & TL_PLAIN) || out->dtype != c.out || !tl_same_sizes(out, lead) || out->storage->device != lead->storage->device)
      return 0;
    for (int k = 0; k < n; k++)
      if (in[k] && in[k]->storage == out->storage && (!tl_same_sizes(in[k], out) || in[k]->offset != out->offset || c.out != dtype))
        return 0;
  }
  else {
    out = tl_new(lead->storage->device, c.out, lead->ndim, lead->size);
    if (!out) return -1;
  }
  c.arg[0].data = tl_data(out);
  c.arg[0].dtype = c.arg[0].via = c.out;
  c.arg[0].flags = 0;
  c.arg[0].stride[0] = tl_width[c.out];
  c.ndim = c.keep = 1;
  c.size[0] = tl_numel(lead);
  c.flags = (uint16_t)plain;
  for (int k = 0; k < np; k++) c.p[k] = p[k];
  *result = out;
  if (c.size[0] == 0) return 1;
  return tl_run(lead->storage->device, &c) ? -1 : 1;
}

/* a result with the operands' order of dims in memory; the first that moves along two dims decides */
static tl_Tensor *make_result (int dtype, int ndim, const int64_t *size, int n, tl_Tensor *const *in) {
  int order[TL_MAXDIM], sorted = 1;
  int64_t stride[TL_MAXDIM], run = 1;
  tl_Device *device = NULL;
  for (int k = 0; k < n; k++) {
    if (in[k] && in[k]->storage && !device) device = in[k]->storage->device;
    if (in[k] && !(in[k]->flags & (TL_PLAIN | TL_WRAPPED))) sorted = 0;
  }
  if (!device) device = tl_here->default_device;
  if (sorted) return tl_new(device, dtype, ndim, size);
  for (int i = 0; i < ndim; i++) {                       /* insertion sort from the inside out */
    int d = ndim - 1 - i, j = i;
    for (; j > 0; j--) {
      int swap = 0;
      for (int k = 0; k < n && !swap; k++) {
        int a, b;
        int64_t sa, sb;
        if (!in[k] || in[k]->flags & TL_WRAPPED) continue;
        a = d - (ndim - in[k]->ndim);
        b = order[j - 1] - (ndim - in[k]->ndim);
        if (a < 0 || b < 0 || (in[k]->size[a] == 1 && size[d] != 1) || (in[k]->size[b] == 1 && size[order[j - 1]] != 1))
          continue;
        sa = in[k]->stride[a];
        sb = in[k]->stride[b];
        if (!sa || !sb || sa == sb) continue;
        swap = sa < sb ? 1 : -1;
      }
      if (swap <= 0) break;
      order[j] = order[j - 1];
    }
    order[j] = d;
  }
  for (int i = 0; i < ndim; i++) {
    stride[order[i]] = run;
    run *= size[order[i]] ? size[order[i]] : 1;
  }
  return tl_new_strided(device, dtype, ndim, size, stride);
}

static int promoted (const tl_Row *row, int n, tl_Tensor *const *in) {
  tl_Tensor *said[TL_MAXARG];
  int skip = chooser(row);
  for (int k = 0; k < n; k++) said[k] = k == skip ? NULL : in[k];
  return tl_promote_tensors(n, said);
}

/* bool is computed as u8 in rows that have native small kernels; what has no kernel of its own goes up */
static int compute_dtype (const tl_Row *row, int dtype) {
  if (row->stamp == TL_STAMP_CHEAP && row->which == 0 && tl_width[dtype] < 8 && !tl_is_float(dtype))
    return dtype == TL_b8 ? TL_u8 : dtype;
  return tl_compute[dtype];
}

tl_Tensor *tl_map (int code, int n, tl_Tensor *const *in, int np, const tl_Num *p, tl_Tensor *dest) {
  const tl_Row *row = &tl_rows[code];
  tl_Tensor *t[TL_MAXARG], *out = dest;
  int64_t size[TL_MAXDIM];
  tl_Cmd c;
  int type, result, ndim, done = quick(row, code, n, in, np, p, &out);
  char a[256], b[256];
  if (done) return done > 0 ? out : NULL;
  type = promoted(row, n, in);
  if (type == TL_NONE) return tl_fail("%s: no operand", row->name);
  type = row->which ? (result = type) : tl_apply_rule(row->name, (tl_Rule)row->rule, type, &result);
  if (type < 0) return NULL;
  ndim = tl_broadcast(row->name, n, in, size);
  if (ndim < 0) return NULL;
  if (!dest) out = make_result(result, ndim, size, n, in);
  else {
    if (!tl_can_cast(result, dest->dtype))
      return tl_fail("%s: result type %s can't be cast to the desired output type %s", row->name, tl_dtype_name[result],
                     tl_dtype_name[dest->dtype]);
    if (dest->ndim != ndim || memcmp(dest->size, size, (size_t)ndim * sizeof *size))
      return tl_fail("%s: output with shape %s doesn't match the broadcast shape %s", row->name,
                     tl_show_sizes(a, dest->ndim, dest->size), tl_show_sizes(b, ndim, size));
  }
  if (!out) return NULL;
  t[0] = out;
  for (int k = 0; k < n; k++) {
    t[k + 1] = in[k];
    if (dest && in[k] && !tl_same_place(dest, in[k]) && !(t[k + 1] = tl_apart(dest, in[k]))) return NULL;
  }
  tl_cmd_init(&c, TL_MAP, code, compute_dtype(row, type), 1);
  if (row->rule == TL_RULE_TEST && !row->which) c.out = TL_b8;
  tl_space(&c, ndim, size, ndim, n + 1, t, 0);
  c.arg[0].via = (uint8_t)result;
  for (int k = 1; k <= n; k++)                           /* through the promoted dtype; the chooser only becomes the compute dtype */
    if (!(c.arg[k].flags & TL_ARG_ABSENT))
      c.arg[k].via = k - 1 == chooser(row) ? c.arg[k].dtype : stays_float(row, k - 1, in[k - 1], type) ? TL_f32 : (uint8_t)type;
  for (int k = 0; k < np; k++) c.p[k] = p[k];
  if (tl_numel(out) == 0) return out;
  return tl_run(out->storage->device, &c) ? NULL : out;
}
