/*
** reduce.cuh -- the folds of a reduction: what runs (Acc), how an element goes in and how two of them join.
**
** Rows of reduce.def with the same kind of Acc share a fold and are told apart by a switch on a number that all
** threads have in common; against memory that costs nothing, and it keeps the kernels few.  Every join is in
** a fixed order.  NaN wins every order; the first of equals wins a place.
*/
#ifndef tl_cuda_reduce_cuh
#define tl_cuda_reduce_cuh

#include <math.h>

#include "lanes.cuh"

/* what the switches go by: the codes, and the norms they split into */
enum {
  NORM_0 = TL_NREDUCE, NORM_1, NORM_2, NORM_P, NORM_MOST, NORM_LEAST
};

typedef struct Reduce {
  const char *x;
  char *y, *at;                              /* results; NULL: not wanted */
  cu_Walk outer, inner;                      /* outer: operands y, at, x in this order; inner: x at 2 */
  int64_t results, inside, groups, chunk;    /* groups: of results, one block's work; chunk: elements of a split */
  void *part;                                /* Acc of every result and split, where there are several */
  double p;                                  /* of a norm; the correction of a variance */
  int op, splits, lanes, column, vec, shift; /* see geometry; vec: 2^shift elements in 16 bytes, 0: one by one */
  int dx, dy, dat;                           /* dtypes */
} Reduce;

CU_FN int nan_of (float v) { return v != v; }
CU_FN int nan_of (double v) { return v != v; }
CU_FN int nan_of (int64_t) { return 0; }
CU_FN float size_of (float v) { return fabsf(v); }
CU_FN double size_of (double v) { return fabs(v); }
CU_FN int64_t size_of (int64_t v) { return v; }

template <class C> struct Ends {             /* of floats */
  CU_FN C least (void) { return -(C)INFINITY; }
  CU_FN C most (void) { return (C)INFINITY; }
};
template <> struct Ends<int64_t> {
  CU_FN int64_t least (void) { return INT64_MIN; }
  CU_FN int64_t most (void) { return INT64_MAX; }
};

template <class C> struct Sum {
  typedef C Acc;
  enum { HEAVY = 0 };
  CU_FN Acc none (const Reduce &) { return 0; }
  CU_FN void add (const Reduce &, Acc &a, C x, int64_t) { a = cu_plus(a, x); }
  CU_FN void join (const Reduce &, Acc &a, const Acc &b) { a = cu_plus(a, b); }
  CU_FN C value (const Reduce &, const Acc &a) { return a; }
  CU_FN int64_t place (const Acc &) { return 0; }
};

/* prod, amax, amin, any, all and the norms that pick one element: a number onto a number */
template <class C> struct Pick {
  typedef C Acc;
  enum { HEAVY = 0 };
  CU_FN Acc none (const Reduce &r) {
    switch (r.op) {
      case TL_reduce_prod: case TL_reduce_all: return 1;
      case TL_reduce_amax: return Ends<C>::least();
      case TL_reduce_amin: case NORM_LEAST: return Ends<C>::most();
      default: return 0;
    }
  }
  CU_FN void add (const Reduce &r, Acc &a, C x, int64_t) {
    switch (r.op) {
      case TL_reduce_prod: a = cu_times(a, x); break;
      case NORM_MOST: x = size_of(x);        /* FALLTHROUGH */
      case TL_reduce_amax: a = x > a || nan_of(x) ? x : a; break;
      case NORM_LEAST: x = size_of(x);       /* FALLTHROUGH */
      case TL_reduce_amin: a = x < a || nan_of(x) ? x : a; break;
      case TL_reduce_any: a = (a != 0) | (x != 0); break;
      default: a = (a != 0) & (x != 0); break;
    }
  }
  CU_FN void join (const Reduce &r, Acc &a, const Acc &b) { add(r, a, b, 0); }
  CU_FN C value (const Reduce &, const Acc &a) { return a; }
  CU_FN int64_t place (const Acc &) { return 0; }
};

/* the sums of norms run in double, as on the CPU: next to reading memory that is free */
CU_FN double norm_value (const Reduce &r, double a) {
  return r.op == NORM_2 ? sqrt(a) : r.op == NORM_P ? pow(a, 1 / r.p) : a;
}
template <class C> struct Norm {
  typedef double Acc;
  enum { HEAVY = 0 };
  CU_FN Acc none (const Reduce &) { return 0; }
  CU_FN void add (const Reduce &r, Acc &a, C x, int64_t) {
    double y = (double)x;
    a += r.op == NORM_2 ? y * y : r.op == NORM_1 ? fabs(y) : (double)(y != 0);
  }
  CU_FN void join (const Reduce &, Acc &a, const Acc &b) { a += b; }
  CU_FN double value (const Reduce &r, const Acc &a) { return norm_value(r, a); }
  CU_FN int64_t place (const Acc &) { return 0; }
};
template <class C> struct PNorm {            /* any other p: pow is long, so its loop is not unrolled */
  typedef double Acc;
  enum { HEAVY = 1 };
  CU_FN Acc none (const Reduce &) { return 0; }
  CU_FN void add (const Reduce &r, Acc &a, C x, int64_t) { a += pow(fabs((double)x), r.p); }
  CU_FN void join (const Reduce &, Acc &a, const Acc &b) { a += b; }
  CU_FN double value (const Reduce &r, const Acc &a) { return norm_value(r, a); }
  CU_FN int64_t place (const Acc &) { return 0; }
};

/*
** The largest (op max, argmax) or smallest element and where it stands.  `at` NOWHERE: nothing came, or nothing
** better than the end of the type; then all elements are that end, and the first stands at 0.
*/
#define NOWHERE INT64_MAX
template <class C> struct Place {
  typedef struct { C v; int64_t at; } Acc;
  enum { HEAVY = 0 };
  CU_FN int most (const Reduce &r) { return r.op == TL_reduce_max || r.op == TL_reduce_argmax; }
  CU_FN Acc none (const Reduce &r) {
    Acc a;
    a.v = most(r) ? Ends<C>::least() : Ends<C>::most();
    a.at = NOWHERE;
    return a;
  }
  CU_FN void add (const Reduce &r, Acc &a, C x, int64_t at) {
    int wins = (most(r) ? x > a.v : x < a.v) | (nan_of(x) & !nan_of(a.v));
    a.v = wins ? x : a.v;
    a.at = wins ? at : a.at;
  }
  CU_FN void join (const Reduce &r, Acc &a, const Acc &b) {
    int same = a.v == b.v || (nan_of(a.v) && nan_of(b.v));
    int wins = (most(r) ? b.v > a.v : b.v < a.v) || (nan_of(b.v) && !nan_of(a.v)) || (same && b.at < a.at);
    if (wins) a = b;
  }
  CU_FN C value (const Reduce &, const Acc &a) { return a.v; }
  CU_FN int64_t place (const Acc &a) { return a.at == NOWHERE ? 1 : a.at + 1; }
};

/*
** Variance in one pass: sums of x - k and of its square, k the first element met; the square sum is at least
** (mean - k)^2, so little is lost however far k lies off.  Joined by the means, after which s is 0.
*/
template <class C> struct Spread {
  typedef struct { double k, s, q; int64_t n; } Acc;
  enum { HEAVY = 0 };
  CU_FN Acc none (const Reduce &) { Acc a = { 0, 0, 0, 0 }; return a; }
  CU_FN void add (const Reduce &, Acc &a, C x, int64_t) {
    double d;
    if (a.n++ == 0) a.k = (double)x;
    d = (double)x - a.k;
    a.s += d;
    a.q = fma(d, d, a.q);
  }
  CU_FN void join (const Reduce &, Acc &a, const Acc &b) {
    double na = (double)a.n, nb = (double)b.n, da, db, d;
    if (b.n == 0) return;
    if (a.n == 0) { a = b; return; }
    da = a.s / na;
    db = b.s / nb;
    d = (b.k + db) - (a.k + da);
    a.q = (a.q - a.s * da) + (b.q - b.s * db) + d * d * (na * (nb / (na + nb)));
    a.k = (a.k + da) + d * (nb / (na + nb));
    a.s = 0;
    a.n += b.n;
  }
  CU_FN double value (const Reduce &r, const Acc &a) {
    double n = (double)a.n, free = n - r.p > 0 ? n - r.p : 0, v = (a.q - a.s * a.s / n) / free;
    if (v < 0) v = 0;
    return r.op == TL_reduce_std ? sqrt(v) : v;
  }
  CU_FN int64_t place (const Acc &) { return 0; }
};

#endif
