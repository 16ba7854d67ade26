/*
** rows.c -- the facts of pointwise.def as a table: what promotion, the operations, the docs and the
** specs read.  One entry per code; derivatives repeat their row's facts and have their own text.
*/
#include "core/cmd.h"
#include "core/dtype.h"

enum { KA = TL_KEEP_A, KB = TL_KEEP_B, KC = TL_KEEP_C, KY = TL_KEEP_Y };
#define A KA
#define B KB
#define C KC
#define X KA
#define Y KY

/* FLAT is REAL with scalar variants, BITS is CHEAP for integers: whoever reads this table need not tell them apart */
#define S_REAL  TL_STAMP_REAL
#define S_FLAT  TL_STAMP_REAL
#define S_ALL   TL_STAMP_ALL
#define S_CHEAP TL_STAMP_CHEAP
#define S_BITS  TL_STAMP_CHEAP
#define S_I64   TL_STAMP_I64

#define ROW(code, first, rule, nin, which, keeps, stamp, args, text, doc) \
  [TL_##code] = { #first, TL_RULE_##rule, nin, which, keeps, S_##stamp, { 0 }, args, text, doc, TL_##first },

const tl_Row tl_rows[TL_NCODE] = {
#define UNARY(name, rule, stamp, keeps, args, y, dx, doc) \
  ROW(name, name, rule, 1, 0, keeps, stamp, args, #y, doc) \
  ROW(name##_x, name, rule, 1, 1, keeps, stamp, args, #dx, doc)
#define BINARY(name, rule, stamp, keeps, args, y, da, db, doc) \
  ROW(name, name, rule, 2, 0, keeps, stamp, args, #y, doc) \
  ROW(name##_a, name, rule, 2, 1, keeps, stamp, args, #da, doc) \
  ROW(name##_b, name, rule, 2, 2, keeps, stamp, args, #db, doc)
#define TERNARY(name, rule, stamp, keeps, args, y, da, db, dc, doc) \
  ROW(name, name, rule, 3, 0, keeps, stamp, args, #y, doc) \
  ROW(name##_a, name, rule, 3, 1, keeps, stamp, args, #da, doc) \
  ROW(name##_b, name, rule, 3, 2, keeps, stamp, args, #db, doc) \
  ROW(name##_c, name, rule, 3, 3, keeps, stamp, args, #dc, doc)
#define TEST1(name, rule, stamp, args, y, doc)  ROW(name, name, rule, 1, 0, 0, stamp, args, #y, doc)
#define TEST2(name, rule, stamp, args, y, doc)  ROW(name, name, rule, 2, 0, 0, stamp, args, #y, doc)
#define INT1(name, rule, stamp, args, y, doc)   ROW(name, name, rule, 1, 0, 0, stamp, args, #y, doc)
#define INT2(name, rule, stamp, args, y, doc)   ROW(name, name, rule, 2, 0, 0, stamp, args, #y, doc)
#include "device/pointwise.def"
#include "device/undef.h"
};
