/*
** copy.c -- TL_COPY and TL_FILL.  Between equal dtypes rows are moved as bytes, and a transposed pair of
** dims in square tiles, so that both sides stay in the cache; other dtypes go through the walk.
*/
#include <string.h>

#include "cpu/walk.h"

#define TILE 32
#define ALONE (1 << 18)        /* bytes below which a copy stays on the caller's thread */

typedef struct Move {
  const tl_Cmd *c;
  int width, last, other;      /* other: the dim along which the source is packed, when the last one isn't; or -1 */
  tl_Cell value;               /* what a fill writes */
} Move;

/* dims other than the last (and `other`), counted as one number */
static int64_t outer (const Move *m) {
  int64_t n = 1;
  for (int d = 0; d < m->last; d++) if (d != m->other) n *= m->c->size[d];
  return n;
}

static void locate (const Move *m, int64_t i, int64_t *to, int64_t *from) {
  const tl_Cmd *c = m->c;
  *to = *from = 0;
  for (int d = m->last - 1; d >= 0; d--) {
    int64_t at;
    if (d == m->other) continue;
    at = i % c->size[d];
    i /= c->size[d];
    *to += at * c->arg[0].stride[d];
    *from += at * c->arg[1].stride[d];
  }
}

static void transposed (const Move *m, char *to, const char *from) {
  const tl_Cmd *c = m->c;
  int64_t rows = c->size[m->other], columns = c->size[m->last];
  int64_t to_row = c->arg[0].stride[m->other], to_step = c->arg[0].stride[m->last];
  int64_t from_row = c->arg[1].stride[m->other], from_step = c->arg[1].stride[m->last];
  for (int64_t r = 0; r < rows; r += TILE)
    for (int64_t k = 0; k < columns; k += TILE) {
      int64_t n = columns - k < TILE ? columns - k : TILE, end = rows - r < TILE ? rows : r + TILE;
      for (int64_t q = r; q < end; q++)
        tl_cpu_strided(m->width, n, to + q * to_row + k * to_step, to_step, from + q * from_row + k * from_step, from_step);
    }
}

static int copy_rows (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  const tl_Cmd *c = m->c;
  for (int64_t i = begin; i < end; i++) {
    int64_t to, from;
    locate(m, i, &to, &from);
    if (m->other >= 0) transposed(m, (char *)c->arg[0].data + to, (const char *)c->arg[1].data + from);
    else if (c->arg[1].stride[m->last] == 0 && c->arg[0].stride[m->last] == m->width)
      tl_cpu_spread(m->width, c->size[m->last], (char *)c->arg[0].data + to, (const char *)c->arg[1].data + from);
    else
      tl_cpu_strided(m->width, c->size[m->last], (char *)c->arg[0].data + to, c->arg[0].stride[m->last],
                     (const char *)c->arg[1].data + from, c->arg[1].stride[m->last]);
  }
  return TL_DONE;
}

static int copy_flat (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  memcpy((char *)m->c->arg[0].data + begin * m->width, (const char *)m->c->arg[1].data + begin * m->width,
         (size_t)((end - begin) * m->width));
  return TL_DONE;
}

static int is_packed (const tl_Cmd *c, int k, int width) {
  int64_t run = width;
  for (int d = c->ndim - 1; d >= 0; d--) {
    if (c->size[d] != 1 && c->arg[k].stride[d] != run) return 0;
    run *= c->size[d];
  }
  return 1;
}

/* dims of size 1 don't count; the last dim of a command moves where any does */
static int packed_dim (const tl_Cmd *c, int width, int last) {
  if (c->arg[1].stride[last] == width || c->arg[1].stride[last] == 0 || c->size[last] < 4) return -1;
  for (int d = 0; d < last; d++)
    if (c->arg[1].stride[d] == width && c->size[d] >= 4) return d;
  return -1;
}

int tl_cpu_copy (const tl_Cmd *c, tl_Env *env) {
  int64_t total = tl_cmd_total(c), rows, row_bytes;
  Move m = { .c = c, .width = tl_cpu_width[c->arg[0].dtype], .last = c->ndim - 1 };
  if (total == 0) return TL_DONE;
  if (c->arg[1].flags & TL_ARG_NUMBER || c->arg[0].dtype != c->arg[1].dtype) {
    tl_Walk w;
    tl_Cmd plain = *c;
    plain.narg = 2;
    plain.arg[0].via = plain.arg[0].dtype;
    plain.arg[1].via = plain.arg[1].dtype;
    tl_walk_start(&w, &plain, NULL, plain.arg[0].dtype, plain.arg[0].dtype);
    w.direct = 0;
    if (total * 4 <= ALONE * 4) return tl_walk_range(&w, 0, total);
    return tl_team_for(env, total, ALONE / 8, tl_walk_range, &w);
  }
  if (is_packed(c, 0, m.width) && is_packed(c, 1, m.width)) {
    if (total * m.width <= ALONE * 4) { memcpy(c->arg[0].data, c->arg[1].data, (size_t)(total * m.width)); return TL_DONE; }
    return tl_team_for(env, total, ALONE / m.width, copy_flat, &m);
  }
  m.other = packed_dim(c, m.width, m.last);
  rows = outer(&m);
  row_bytes = total / rows * m.width;
  if (total * m.width <= ALONE) return copy_rows(&m, 0, rows);
  return tl_team_for(env, rows, row_bytes >= ALONE / 4 ? 1 : ALONE / 4 / row_bytes, copy_rows, &m);
}

/* ---- fill ---- */

static int fill_rows (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  const tl_Cmd *c = m->c;
  for (int64_t i = begin; i < end; i++) {
    int64_t to = 0, rest = i;
    for (int d = m->last - 1; d >= 0; d--) {
      to += rest % c->size[d] * c->arg[0].stride[d];
      rest /= c->size[d];
    }
    if (c->arg[0].stride[m->last] == m->width) tl_cpu_spread(m->width, c->size[m->last], (char *)c->arg[0].data + to, &m->value);
    else tl_cpu_strided(m->width, c->size[m->last], (char *)c->arg[0].data + to, c->arg[0].stride[m->last], (const char *)&m->value, 0);
  }
  return TL_DONE;
}

static int fill_flat (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  tl_cpu_spread(m->width, end - begin, (char *)m->c->arg[0].data + begin * m->width, &m->value);
  return TL_DONE;
}

int tl_cpu_fill (const tl_Cmd *c, tl_Env *env) {
  int64_t total = tl_cmd_total(c), rows, row_bytes;
  int dtype = c->arg[0].dtype;
  Move m = { .c = c, .width = tl_cpu_width[dtype], .last = c->ndim - 1, .other = -1 };
  if (total == 0) return TL_DONE;
  tl_convert(dtype <= TL_bf16 ? TL_f64 : TL_i64, dtype)(1, &m.value, &c->p[0]);
  if (is_packed(c, 0, m.width)) {
    if (total * m.width <= ALONE * 4) return fill_flat(&m, 0, total);
    return tl_team_for(env, total, ALONE / m.width, fill_flat, &m);
  }
  rows = outer(&m);
  row_bytes = total / rows * m.width;
  if (total * m.width <= ALONE) return fill_rows(&m, 0, rows);
  return tl_team_for(env, rows, row_bytes >= ALONE / 4 ? 1 : ALONE / 4 / row_bytes, fill_rows, &m);
}
