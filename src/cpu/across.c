/*
** across.c -- memory that lies across the walk: packed along another dim than the last.  It is turned in squares,
** whose sides are lines of the cache; a map of two dims turns such operands so, a strip of rows at a time.
*/
#include <string.h>

#include "cpu/block.h"
#include "cpu/walk.h"

/*
** A square of LINE bytes by its number of elements, transposed by interleaving halves until every element is in its
** place, through a buffer: each line of memory is read once and written once, whatever falls on the same place of
** a cache.  r, c: strides in bytes of the source's packed rows and of the result's.
*/
#define LINE 64
#define SQUARE(name, T, N, LOW, HIGH) \
static void name (char *to, int64_t r, const char *from, int64_t c) { \
  typedef T Vector __attribute__((vector_size(16))); \
  enum { SIDE = LINE / sizeof(T) }; \
  _Alignas(LINE) char buffer[SIDE * LINE]; \
  for (int k = 0; k < SIDE; k += N) \
    for (int q = 0; q < SIDE; q += N) { \
      Vector a[N], b[N]; \
      for (int e = 0; e < N; e++) memcpy(&a[e], from + (k + e) * c + q * (int)sizeof(T), 16); \
      for (int round = 1; round < N; round *= 2) { \
        for (int e = 0; e < N / 2; e++) { \
          b[2 * e] = __builtin_shufflevector(a[e], a[e + N / 2], LOW); \
          b[2 * e + 1] = __builtin_shufflevector(a[e], a[e + N / 2], HIGH); \
        } \
        memcpy(a, b, sizeof a); \
      } \
      for (int e = 0; e < N; e++) memcpy(buffer + (q + e) * LINE + k * (int)sizeof(T), &a[e], 16); \
    } \
  for (int q = 0; q < SIDE; q++) memcpy(to + q * r, buffer + q * LINE, LINE); \
}
#define LIST(...) __VA_ARGS__
SQUARE(square_8, uint64_t, 2, LIST(0, 2), LIST(1, 3))
SQUARE(square_4, uint32_t, 4, LIST(0, 4, 1, 5), LIST(2, 6, 3, 7))
SQUARE(square_2, uint16_t, 8, LIST(0, 8, 1, 9, 2, 10, 3, 11), LIST(4, 12, 5, 13, 6, 14, 7, 15))
SQUARE(square_1, uint8_t, 16, LIST(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
       LIST(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))

void tl_block_turn (int w, int64_t rows, int64_t columns, char *to, int64_t to_row, int64_t to_step, const char *from,
                    int64_t from_step) {
  int side = LINE / w;
  void (*square) (char *, int64_t, const char *, int64_t) =
    to_step != w ? NULL : w == 1 ? square_1 : w == 2 ? square_2 : w == 4 ? square_4 : square_8;
  for (int64_t r = 0; r < rows; r += side)
    for (int64_t k = 0; k < columns; k += side) {
      int64_t n = columns - k < side ? columns - k : side, m = rows - r < side ? rows - r : side;
      char *p = to + r * to_row + k * to_step;
      const char *q = from + r * w + k * from_step;
      if (square && n == side && m == side) square(p, to_row, q, from_step);
      else tl_block_rows(w, m, n, p, to_row, to_step, q, w, from_step);
    }
}

/* ---- maps ---- */

enum { WIDE = 256, MOST = 2 };           /* columns of a tile; operands that are turned */

typedef struct Across {
  const tl_Cmd *c;
  tl_Kernel kernel;
  int which[MOST], n;
  int64_t rows;                          /* of a strip */
} Across;

static int strips (void *across, int64_t from, int64_t to) {
  const Across *a = across;
  const tl_Cmd *c = a->c;
  _Alignas(LINE) char room[MOST][LINE * WIDE];
  for (int64_t r = from * a->rows; r < c->size[0] && r < to * a->rows; r += a->rows)
    for (int64_t k = 0; k < c->size[1]; k += WIDE) {
      tl_Cmd tile = *c;
      tl_Walk w;
      int reason;
      tile.size[0] = c->size[0] - r < a->rows ? c->size[0] - r : a->rows;
      tile.size[1] = c->size[1] - k < WIDE ? c->size[1] - k : WIDE;
      for (int q = 0; q < c->narg; q++)
        if (!c->arg[q].flags)
          tile.arg[q].data = (char *)c->arg[q].data + r * c->arg[q].stride[0] + k * c->arg[q].stride[1];
      for (int q = 0; q < a->n; q++) {
        tl_Arg *x = &tile.arg[a->which[q]];
        int width = tl_cpu_width[x->dtype];
        tl_block_turn(width, tile.size[0], tile.size[1], room[q], tile.size[1] * width, width, x->data, x->stride[1]);
        x->data = room[q];
        x->stride[0] = tile.size[1] * width;
        x->stride[1] = width;
      }
      tl_walk_start(&w, &tile, a->kernel, c->dtype, c->out);
      reason = tl_walk_range(&w, 0, w.total);
      if (reason) return reason;
    }
  return TL_DONE;
}

int tl_map_across (const tl_Cmd *c, tl_Kernel kernel, int64_t grain, tl_Env *env, int *reason) {
  Across a = { .c = c, .kernel = kernel, .rows = LINE };
  int64_t strip;
  if (c->ndim != 2 || c->size[0] < 16 || c->size[1] < 16) return 0;
  for (int k = 1; k < c->narg && a.n < MOST; k++) {
    const tl_Arg *x = &c->arg[k];
    int width;
    if (x->flags) continue;                               /* what is absent has no dtype */
    width = tl_cpu_width[x->dtype];
    if (x->stride[0] != width || x->stride[1] == 0 || x->stride[1] == width) continue;
    a.which[a.n++] = k;
    if (a.rows > LINE / width) a.rows = LINE / width;
  }
  if (a.n == 0) return 0;
  strip = a.rows * c->size[1];
  *reason = tl_team_for(env, (c->size[0] + a.rows - 1) / a.rows, grain / strip + 1, strips, &a);
  return 1;
}
