/*
** softmax.c -- softmax lines of any layout: packed lines (short ones by the block) and lines side by side
** go to the loops as they are, everything else through a packed copy of a line in the compute type.
*/
#include "cpu/block.h"
#include "cpu/softmax.h"

typedef struct Job {
  const tl_Cmd *c;
  const tl_SoftmaxLoops *loops;
  volatile int *stop;
  int n;                                 /* operands: 2 forward, 3 backward */
  enum { LINES, BLOCKS, ROWS, COPIES } way;
  int outer;                             /* dims that are walked */
  int64_t chunks;                        /* BLOCKS and ROWS: tiles along dim `outer` */
  int64_t tile;                          /* lines of one */
} Job;

static void load_line (const tl_Cmd *c, int k, int64_t offset, char *to) {
  int d = c->ndim - 1, width = tl_cpu_width[c->dtype];
  int64_t n = c->size[d], room[TL_BLOCK];
  const tl_Arg *a = &c->arg[k];
  for (int64_t i = 0, b; i < n; i += b) {
    const char *v;
    b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
    v = tl_block_load(c->dtype, room, a->dtype, (const char *)a->data + offset + i * a->stride[d], a->stride[d], b);
    for (int64_t q = 0; q < b * width; q++) to[i * width + q] = v[q];
  }
}

static int packed (const tl_Cmd *c, int k) {
  return c->arg[k].dtype == c->dtype && c->arg[k].stride[c->ndim - 1] == tl_cpu_width[c->dtype];
}

/* a line that all lines share is copied once */
static int copies (const Job *j, int64_t from, int64_t to) {
  const tl_Cmd *c = j->c;
  int d = c->ndim - 1, width = tl_cpu_width[c->dtype];
  int64_t n = c->size[d], offset[TL_MAXARG], bytes = (n * width + 63) & ~(int64_t)63, copied[3];
  char *room = tl_cpu_room((size_t)bytes * 3), *p[3] = { room, room, room };
  if (!room) return TL_NOMEM;
  for (int64_t k = from; k < to && !*j->stop; k++) {
    tl_block_place(c, 0, d, k, j->n, offset);
    for (int q = 0; q < j->n; q++)
      if (packed(c, q)) p[q] = (char *)c->arg[q].data + offset[q];
      else if (q > 0 && (k == from || offset[q] != copied[q])) {
        p[q] = room + q * bytes;
        load_line(c, q, offset[q], p[q]);
        copied[q] = offset[q];
      }
    j->loops->line(c->op, p[0], p[1], p[2], n);
    for (int64_t i = 0, b; p[0] == room && i < n; i += b) {
      b = n - i < TL_BLOCK ? n - i : TL_BLOCK;
      tl_block_store(c->dtype, room + i * width, c->arg[0].dtype,
                     (char *)c->arg[0].data + offset[0] + i * c->arg[0].stride[d], c->arg[0].stride[d], b);
    }
  }
  tl_cpu_room_free(room);
  return *j->stop ? TL_INTERRUPTED : TL_DONE;
}

static int work (void *ctx, int64_t from, int64_t to) {
  const Job *j = ctx;
  const tl_Cmd *c = j->c;
  int d = c->ndim - 1, width = tl_cpu_width[c->dtype];
  if (j->way == COPIES) return copies(j, from, to);
  for (int64_t k = from; k < to; k++) {
    int64_t offset[TL_MAXARG], first = k % j->chunks * j->tile;
    char *p[3] = { NULL, NULL, NULL };
    tl_block_place(c, 0, j->outer, k / j->chunks, j->n, offset);
    for (int q = 0; q < j->n; q++) p[q] = (char *)c->arg[q].data + offset[q];
    if (j->way == LINES) j->loops->line(c->op, p[0], p[1], p[2], c->size[d]);
    else {
      int64_t w = c->size[j->outer] - first;
      if (w > j->tile) w = j->tile;
      for (int q = 0; q < j->n; q++) p[q] += first * c->arg[q].stride[j->outer];
      if (j->way == BLOCKS) j->loops->block(c->op, p[0], p[1], p[2], w, c->size[d]);
      else
        j->loops->rows(c->op, p[0], p[1], p[2], c->size[d], w, c->arg[0].stride[d] / width,
                       c->arg[1].stride[d] / width, j->n > 2 ? c->arg[2].stride[d] / width : 0);
    }
    if (*j->stop) return TL_INTERRUPTED;
  }
  return TL_DONE;
}

int tl_cpu_softmax (const tl_Cmd *c, tl_Env *env) {
  int d = c->ndim - 1, width = tl_cpu_width[c->dtype], lines = 1, rows = c->keep > 0;
  int blocks = rows && c->size[d] <= TL_SOFTMAX_TILE;
  Job j = { .c = c, .stop = env->stop, .n = c->op <= TL_LOG_SOFTMAX_Y ? 2 : 3, .way = COPIES, .outer = c->keep,
            .chunks = 1, .tile = 1 };
  if (c->ndim != c->keep + 1 || (c->dtype != TL_f32 && c->dtype != TL_f64)) return TL_CANT;
  if (c->size[d] == 0) return TL_DONE;
  j.loops = TL_PICK(tl_softmax) + (c->dtype == TL_f64);
  for (int k = 0; k < j.n; k++) {
    const tl_Arg *a = &c->arg[k];
    lines &= packed(c, k);
    blocks = blocks && a->stride[d - 1] == c->size[d] * width;
    rows &= a->dtype == c->dtype && c->keep > 0 && a->stride[d - 1] == width;
  }
  if (lines) j.way = blocks ? BLOCKS : LINES;
  else if (rows) j.way = ROWS;
  if (j.way == BLOCKS || j.way == ROWS) {
    j.outer = d - 1;
    j.tile = j.way == ROWS ? TL_SOFTMAX_WIDE : TL_SOFTMAX_TILE / c->size[d];
    if (j.tile > TL_BLOCK) j.tile = TL_BLOCK;
    j.chunks = (c->size[d - 1] + j.tile - 1) / j.tile;
  }
  return tl_team_for(env, tl_block_count(c, 0, j.outer) * j.chunks,
                     32768 / (c->size[d] * j.tile) + 1, work, &j);
}
