/*
** places_fuzz.cpp -- random commands of TL_GATHER, TL_SCATTER, TL_OFFSET, TL_NONZERO and TL_STEP on the card's kernels
** and on the CPU device: equal to the bit, save sums of very many floats at one place, which are compared with the sum in
** long double.  Then the figures that PyTorch's CUDA generator is known for.  Linked with index, sort, scatter, step and
** random.cu's objects, the simulator's, and libtlua.a:
**   places_fuzz [rounds] [seed]
*/
#include <map>

#include "buffer.h"
#include "device/philox.h"

/* ---- what the plugin gives its kernels ---- */

static std::vector<void *> scratch;
extern "C" void *cu_scratch (cu_Work *, size_t n) {
  void *p = NULL;
  if (cudaMalloc(&p, n > 0 ? n : 1) != cudaSuccess) return NULL;
  scratch.push_back(p);
  return p;
}
extern "C" int cu_check (cu_Work *, cudaError_t e, const char *call) {
  if (e == cudaSuccess) return TL_DONE;
  fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(e));
  return TL_BROKEN;
}

static volatile int stop;
static tl_Env env;
static cu_Work work;
static cu_Fault *fault;                      /* the host's address of work.fault */
/* runs it on both; 1: they disagree, -1: both found a bad index, so the results don't count */
static int both (int (*verb) (const tl_Cmd *, cu_Work *), const tl_Cmd *on_cpu, const tl_Cmd *on_card) {
  int mine, reason = tl_cpu()->run(tl_cpu(), on_cpu, &env);
  cudaError_t e;
  memset(fault, 0, sizeof *fault);
  mine = verb(on_card, &work);
  e = cudaStreamSynchronize(work.stream);
  for (void *p : scratch) cudaFree(p);
  scratch.clear();
  if (e == cudaSuccess && mine == TL_DONE && fault->reason == reason) {
    if (reason == TL_DONE) return 0;
    if (fault->size == env.fault.size && fault->dim == env.fault.dim) return -1;
  }
  fprintf(stderr, "%s: CPU %d, card %d, fault %d, %s\n", what, reason, mine, fault->reason, cudaGetErrorString(e));
  return 1;
}

static tl_Cmd command (int verb, int op, int dtype, int ndim, const int64_t *size, int narg) {
  tl_Cmd c;
  memset(&c, 0, sizeof c);
  c.verb = (uint8_t)verb;
  c.op = (uint16_t)op;
  c.dtype = c.out = (uint8_t)dtype;
  c.ndim = c.keep = (uint8_t)ndim;
  c.narg = (uint8_t)narg;
  c.nout = 1;
  for (int d = 0; d < ndim; d++) c.size[d] = size[d];
  return c;
}
static void operand (tl_Cmd *c, int k, int dtype, const int64_t *stride) {
  c->arg[k].dtype = c->arg[k].via = (uint8_t)dtype;
  for (int d = 0; d < c->ndim; d++) c->arg[k].stride[d] = stride[d];
}

/* ---- indices ---- */

static int index_type (int64_t size) {
  static const int types[] = { TL_i64, TL_i64, TL_i64, TL_i32, TL_u8, TL_i16 };
  int t = types[below(6)];
  return size > 250 && t == TL_u8 ? TL_i32 : size > 30000 ? TL_i64 : t;
}

static void fill_index (Buffer *b, tl_Cmd *c, int64_t size, int bad) {
  int64_t base = below(2), wrap = b->dtype != TL_u8 && below(2);
  int width = cu_width(b->dtype);
  for (size_t i = 0; i + width <= b->first.size(); i += width) {
    int64_t v = wrap && below(2) ? -1 - below(size) : base + below(size);
    if (bad && below(50) == 0) v = base + size + below(3);
    cu_store(b->dtype, &b->first[i], v);
  }
  c->p[TL_INDEX_SIZE].i = size;
  c->p[TL_INDEX_BASE].i = base;
  c->p[TL_INDEX_WRAP].i = wrap;
}

/* ---- sums of many values at one place: the card adds them in parts, the CPU one after another ---- */

enum { MANY = 128 };                         /* so many at one place the card adds in the CPU's order yet */
struct Sum { long double sum, most; int n; };            /* most: the largest it was on the way */
static double worst[4];                      /* error seen, in units of `most`, by dtype */

static int64_t offset_of (const tl_Cmd *c, int k, int64_t i) {
  int64_t o = 0;
  for (int d = c->ndim - 1; d >= 0; i /= c->size[d], d--) o += i % c->size[d] * c->arg[k].stride[d];
  return o;
}

/*
** Are the sums at places with many values near enough to the sums in long double?  The CPU's is replaced by the card's
** there, so that all the rest can be compared.  The error allowed is relative to the largest partial sum, which is what
** the additions round; each of those of halves rounds to a half, and a place sees about 256 + n / 64 of them.
*/
static int sums_differ (const tl_Cmd *c, Buffer &t, const Buffer &v, const Buffer &ix) {
  static const double allowed[4] = { 2e-6, 1e-14, 0x1p-9, 0x1p-6 };
  int dtype = t.dtype, width = cu_width(dtype), number = c->arg[1].flags & TL_ARG_NUMBER;
  std::map<int64_t, Sum> sums;
  std::vector<char> back(t.first.size());
  int64_t n = 1;
  for (int d = 0; d < c->ndim; d++) n *= c->size[d];
  for (int64_t i = 0; i < n; i++) {
    int64_t at = cu_load<int64_t>(ix.dtype, &ix.first[(size_t)offset_of(c, 2, i)]);
    double cell = 0, y = number ? c->arg[1].num.f : cu_load<double>(v.dtype, &v.first[(size_t)offset_of(c, 1, i)]);
    at = at < 0 && c->p[TL_INDEX_WRAP].i ? at + c->p[TL_INDEX_SIZE].i : at - c->p[TL_INDEX_BASE].i;
    at = at * c->p[TL_INDEX_STEP].i + offset_of(c, 0, i);
    Sum &s = sums[at];
    if (s.n == 0) s.sum = cu_load<double>(dtype, &t.first[(size_t)at]);
    cu_store(dtype, &cell, y);               /* a value is first made one of the table's dtype */
    s.n++;
    s.sum += cu_load<double>(dtype, &cell);
    if (fabsl(s.sum) > s.most) s.most = fabsl(s.sum);
  }
  cudaMemcpy(back.data(), t.card, back.size(), cudaMemcpyDeviceToHost);
  for (const auto &place : sums) {
    const Sum &s = place.second;
    double mine = cu_load<double>(dtype, &back[(size_t)place.first]), wrong;
    if (s.n <= MANY) continue;
    memcpy(&t.cpu[(size_t)place.first], &back[(size_t)place.first], (size_t)width);
    if (s.sum != s.sum ? mine != mine : isinf(s.sum) && mine == s.sum) continue;
    if (dtype == TL_f16 && 2 * s.most > 65504) continue;             /* a part may be infinite */
    wrong = (double)(fabsl(mine - s.sum) / (1 + s.most) / (dtype < TL_f16 ? 1 : sqrt(fmin(s.n, 256) + s.n / 64)));
    if (wrong > worst[dtype]) worst[dtype] = wrong;
    if (wrong <= allowed[dtype]) continue;
    fprintf(stderr, "%s: byte %lld, %d values: card %g, sum %Lg, at most %Lg on the way, error %g\n", what,
            (long long)place.first, s.n, mine, s.sum, s.most, wrong);
    return 1;
  }
  return 0;
}

enum { SMALL, MIDDLE, LONG, SUMS };          /* LONG: many indices along one dim, so that they are sorted; SUMS: of them */

static int table_case (int scatter, int how) {
  int many = how >= LONG, ndim = 1 + (int)below(many ? 2 : 3), d = many ? 0 : (int)below(ndim);
  int dtype = (int)below(how == SUMS ? TL_bf16 + 1 : TL_NDTYPE), vtype = scatter && below(5) == 0 ? (int)below(TL_NDTYPE) : dtype, reason;
  int64_t table[TL_MAXDIM], index[TL_MAXDIM], ts[TL_MAXDIM], vs[TL_MAXDIM], is[TL_MAXDIM];
  for (int k = 0; k < ndim; k++) {
    index[k] = many ? 1 + below(5) : 1 + below(how == SMALL ? 6 : 40);
    table[k] = k == d ? 1 + below(how == SMALL ? 9 : 60) : index[k] + below(2);
  }
  if (many) {
    index[0] = 1000 + below(9000);
    table[0] = how == LONG && below(4) == 0 ? 200000 : 1 + below(how == SUMS || below(2) ? 20 : 4000);
  }
  if (below(40) == 0) index[below(ndim)] = 0;
  int finite = many && below(8);
  Buffer t(lay(ndim, table, cu_width(dtype), ts), dtype), v(lay(ndim, index, cu_width(vtype), vs), vtype, finite);
  int itype = index_type(table[d]);
  Buffer ix(lay(ndim, index, cu_width(itype), is), itype);
  tl_Cmd c = command(scatter ? TL_SCATTER : TL_GATHER, how == SUMS ? (int)TL_SCATTER_ADD : scatter ? (int)below(5) : 0, dtype, ndim, index, 3), g;
  snprintf(what, sizeof what, "%s %d of dtype %d by %d, dim %d of %d, index %lld.., table %lld",
           scatter ? "scatter" : "gather", c.op, dtype, itype, d, ndim, (long long)index[0], (long long)table[d]);
  fill_index(&ix, &c, table[d], how != SUMS && below(8) == 0);
  c.p[TL_INDEX_STEP].i = ts[d];
  c.p[TL_INDEX_DIM].i = d;
  ts[d] = 0;
  if (below(3)) for (int k = 0; k < ndim; k++) if (k != d) is[k] = 0;       /* one index for whole rows */
  operand(&c, scatter ? 0 : 1, dtype, ts);
  operand(&c, scatter ? 1 : 0, vtype, vs);
  operand(&c, 2, itype, is);
  t.send();
  v.send();
  ix.send();
  g = c;
  (scatter ? t : v).attach(&c.arg[0], &g.arg[0]);
  (scatter ? v : t).attach(&c.arg[1], &g.arg[1]);
  ix.attach(&c.arg[2], &g.arg[2]);
  if (scatter && below(8) == 0) {
    memset(&c.arg[1], 0, sizeof c.arg[1]);
    c.arg[1].flags = TL_ARG_NUMBER;
    c.arg[1].dtype = c.arg[1].via = cu_is_real(dtype) ? TL_f64 : TL_i64;
    if (cu_is_real(dtype)) c.arg[1].num.f = 1.25;
    else c.arg[1].num.i = 3;
    g.arg[1] = c.arg[1];
  }
  reason = both(scatter ? cu_scatter : cu_gather, &c, &g);
  if (reason) return reason > 0;
  if (scatter && many && c.op == TL_SCATTER_ADD && cu_is_real(dtype) && sums_differ(&c, t, v, ix)) return 1;
  return (scatter ? t : v).differs();
}

static int offset_case (void) {
  int ndim = 1 + (int)below(3), reason;
  int64_t size[TL_MAXDIM], ys[TL_MAXDIM], is[TL_MAXDIM], n = 1 + below(100);
  for (int k = 0; k < ndim; k++) size[k] = 1 + below(9);
  int itype = index_type(n);
  Buffer y(lay(ndim, size, 8, ys), TL_i64), ix(lay(ndim, size, cu_width(itype), is), itype);
  tl_Cmd c = command(TL_OFFSET, 0, TL_i64, ndim, size, 2), g;
  snprintf(what, sizeof what, "offset by %d, %d dims", itype, ndim);
  fill_index(&ix, &c, n, 0);
  c.p[TL_INDEX_STEP].i = 1 + below(50);
  operand(&c, 0, TL_i64, ys);
  operand(&c, 1, itype, is);
  y.send();
  ix.send();
  g = c;
  y.attach(&c.arg[0], &g.arg[0]);
  ix.attach(&c.arg[1], &g.arg[1]);
  reason = both(cu_offset, &c, &g);
  return reason ? reason > 0 : y.differs();
}

static int nonzero_case (int big) {
  int ndim = 1 + (int)below(3), dtype = (int)below(TL_NDTYPE), width = cu_width(dtype), reason;
  int64_t size[TL_MAXDIM], xs[TL_MAXDIM], total = 1;
  for (int k = 0; k < ndim; k++) total *= size[k] = below(30) ? 1 + below(big ? 60 : 9) : 0;
  Buffer x(lay(ndim, size, width, xs), dtype), y(total * ndim * 8 + 8, TL_i64);
  tl_Cmd c = command(TL_NONZERO, 0, TL_b8, ndim, size, 2), g;
  snprintf(what, sizeof what, "nonzero of %lld of dtype %d", (long long)total, dtype);
  if (below(2))
    for (size_t i = 0; i + width <= x.first.size(); i += width)
      if (below(3)) memset(&x.first[i], 0, width);
  operand(&c, 1, dtype, xs);
  c.arg[0].dtype = c.arg[0].via = TL_i64;
  c.arg[0].stride[0] = 8 * ndim;
  c.arg[0].stride[1] = 8;
  c.p[0].i = below(2);
  x.send();
  y.send();
  g = c;
  y.attach(&c.arg[0], &g.arg[0]);
  x.attach(&c.arg[1], &g.arg[1]);
  reason = both(cu_nonzero, &c, &g);
  return reason ? reason > 0 : y.differs();
}

/* ---- steps ---- */

static int step_case (int list) {
  int op = (int)below(4), dtype = (int)below(4), width = cu_width(dtype), adam = op == TL_STEP_ADAM, bad = 0;
  int n = list ? 1 + (int)below(below(4) ? 150 : 700) : 1, each = op == TL_STEP_SGD ? 2 : adam ? 4 : 3, narg;
  double decay = below(2) ? 0.1 : 0;
  int64_t one = 1;
  tl_Cmd c = command(TL_STEP, op, dtype == TL_f64 ? TL_f64 : TL_f32, 1, &one, 0), g;
  tl_Num *p = c.p;
  c.out = (uint8_t)dtype;
  p[0].f = 0.01;
  switch (op) {
    case TL_STEP_SGD: p[1].f = decay; p[2].i = below(2); break;
    case TL_STEP_MOMENTUM:
      p[1].f = decay; p[2].f = 0.9; p[3].f = below(2) ? 0.1 : 0;
      p[4].i = below(2); p[5].i = below(2); p[6].i = below(2);
      break;
    case TL_STEP_ADAM:
      p[1].f = 0.9; p[2].f = 0.999; p[3].f = 1e-8; p[4].f = decay; p[5].i = below(8);
      each += p[5].i & 1;
      break;
    default:
      p[1].f = 0.99; p[2].f = 1e-8; p[3].f = decay; p[4].f = below(2) ? 0.9 : 0; p[5].i = below(2) | below(2) << 2;
      each += (p[5].i & 1) + (p[4].f > 0);
  }
  narg = c.narg = (uint8_t)(each + adam);
  c.nout = (uint8_t)(each - 1);
  g = c;
  snprintf(what, sizeof what, "step %d of dtype %d, %d operands, %d parameters", op, dtype, narg, n);
  std::vector<tl_Arg> args;
  std::vector<int64_t> points;
  std::vector<Buffer *> buffers;
  for (int i = 0; i < n; i++) {
    tl_Cmd mine = c;
    mine.size[0] = list && below(10) == 0 ? 0 : 1 + below(i % 20 == 0 ? 9000 : 60);
    points.push_back(mine.size[0]);
    for (int k = 0; k < narg; k++) {
      int is_step = adam && k == narg - 1, type = is_step ? TL_f32 : dtype;
      Buffer *b = new Buffer(mine.size[0] * width + 16, type);
      tl_Arg a = {};
      a.dtype = a.via = (uint8_t)type;
      if (!is_step) { a.stride[0] = width; b->start = below(5) ? 0 : width; }
      for (size_t q = 0; k >= 2 && q < b->first.size(); q += cu_width(type))
        cu_store(type, &b->first[q], is_step ? 1.0 + (double)below(20) : fabs(cu_load<double>(type, &b->first[q])));
      b->send();
      mine.arg[k] = a;
      b->attach(&mine.arg[k], &a);
      if (is_step && list) cu_store(TL_f32, &b->cpu[0], cu_load<float>(TL_f32, &b->cpu[0]) + 1);
      args.push_back(a);
      buffers.push_back(b);
    }
    if (mine.size[0] && tl_cpu()->run(tl_cpu(), &mine, &env)) bad = 1;
  }
  tl_More more = { narg * n, (int)(n * sizeof points[0]), args.data(), points.data(), NULL };
  for (int k = 0; k < narg; k++) g.arg[k] = args[k];
  g.size[0] = points[0];
  if (list) g.more = &more;
  if (list && adam) g.p[5].i |= 8;           /* it counts the step itself */
  bad |= cu_step(&g, &work) != TL_DONE || cudaStreamSynchronize(work.stream) != cudaSuccess;
  for (Buffer *b : buffers) {
    bad = bad || b->differs();
    delete b;
  }
  return bad;
}

/* ---- figures: torch.manual_seed(0); torch.rand(8, device="cuda"), torch.randn(3, device="cuda") ---- */

static int figures (int op, int n, const double *wanted) {
  static const int64_t four = 4;
  tl_PhiloxState state = { 0, 0 };
  int64_t size = n;
  tl_Cmd c = command(TL_RANDOM, op, TL_f32, 1, &size, 2);
  std::vector<float> got(n);
  char *y, *s;
  int bad = 0;
  operand(&c, 0, TL_f32, &four);
  if (cudaMalloc((void **)&y, n * 4) || cudaMalloc((void **)&s, sizeof state)) return 1;
  cudaMemcpy(s, &state, sizeof state, cudaMemcpyHostToDevice);
  c.arg[0].data = y;
  c.arg[1].data = s;
  c.arg[1].dtype = TL_u8;
  c.p[0].f = 0;
  c.p[1].f = 1;
  if (cu_random(&c, &work) || cudaStreamSynchronize(work.stream)) return 1;
  cudaMemcpy(got.data(), y, n * 4, cudaMemcpyDeviceToHost);
  cudaMemcpy(&state, s, sizeof state, cudaMemcpyDeviceToHost);
  for (int i = 0; i < n; i++) bad |= fabs(got[i] - wanted[i]) > 0.5001e-4;
  if (bad || state.offset != 4) fprintf(stderr, "distribution %d: %g.., offset %d\n", op, got[0], (int)state.offset);
  cudaFree(y);
  cudaFree(s);
  return bad || state.offset != 4;
}

int main (int argc, char **argv) {
  static const double rand[] = { 0.3990, 0.5167, 0.0249, 0.9401, 0.9459, 0.7967, 0.4150, 0.8203 };
  static const double randn[] = { -0.9247, -0.4253, -2.6438 };
  int rounds = argc > 1 ? atoi(argv[1]) : 100, bad = 0;
  if (argc > 2) seed = (uint64_t)atoll(argv[2]);
  env.stop = &stop;
  env.threads = 1;
  work.env = &env;
  work.processors = 132;
  work.threads = 2048;
  work.arguments = 32764;
  if (cudaStreamCreateWithFlags(&work.stream, cudaStreamNonBlocking) ||
      cudaHostAlloc((void **)&fault, sizeof *fault, cudaHostAllocMapped) ||
      cudaHostGetDevicePointer((void **)&work.fault, fault, 0) || cudaMalloc((void **)&work.ticket, sizeof *work.ticket) ||
      cudaMemset(work.ticket, 0, sizeof *work.ticket)) return 2;
  bad += figures(TL_UNIFORM, 8, rand) + figures(TL_NORMAL, 3, randn);
  for (int i = 0; i < rounds && bad < 10; i++) {
    for (int scatter = 0; scatter < 2; scatter++) bad += table_case(scatter, SMALL) + table_case(scatter, MIDDLE);
    bad += offset_case() + nonzero_case(0) + nonzero_case(i % 4 == 0) + step_case(0);
    if (i % 5 == 0) bad += table_case(1, LONG) + table_case(0, LONG) + step_case(1);
    if (i % 2 == 0) bad += table_case(1, SUMS);
  }
  printf("largest errors of long sums: %.2g f32, %.2g f64, %.2g f16, %.2g bf16\n", worst[TL_f32], worst[TL_f64],
         worst[TL_f16], worst[TL_bf16]);
  printf("%d rounds, %d bad\n", rounds, bad);
  return bad != 0;
}
