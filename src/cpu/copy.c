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
  int n;                       /* the dims outside of these, rows are counted along them */
  int64_t size[TL_MAXDIM], to[TL_MAXDIM], from[TL_MAXDIM], rows;
  tl_Cell value;               /* what a fill writes */
} Move;

static void outside (Move *m) {
  const tl_Cmd *c = m->c;
  m->n = 0;
  m->rows = 1;
  for (int d = 0; d < m->last; d++) {
    if (d == m->other) continue;
    m->size[m->n] = c->size[d];
    m->to[m->n] = c->arg[0].stride[d];
    m->from[m->n++] = c->narg > 1 ? c->arg[1].stride[d] : 0;
    m->rows *= c->size[d];
  }
}

/* where row i is, and then from row to row */
typedef struct Place { char *to; const char *from; int64_t at[TL_MAXDIM]; } Place;

static void find (const Move *m, int64_t i, Place *p) {
  p->to = m->c->arg[0].data;
  p->from = m->c->narg > 1 ? m->c->arg[1].data : NULL;
  for (int d = m->n - 1; d >= 0; d--) {
    p->at[d] = i % m->size[d];
    i /= m->size[d];
    p->to += p->at[d] * m->to[d];
    p->from += p->at[d] * m->from[d];
  }
}

static void step (const Move *m, Place *p) {
  for (int d = m->n - 1; d >= 0; d--) {
    p->to += m->to[d];
    p->from += m->from[d];
    if (++p->at[d] < m->size[d]) return;
    p->to -= m->size[d] * m->to[d];
    p->from -= m->size[d] * m->from[d];
    p->at[d] = 0;
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
        tl_cpu_strided(m->width, n, to + q * to_row + k * to_step, to_step, from + q * from_row + k * from_step,
                       from_step);
    }
}

/* rows of bytes: short ones in pieces of 8 and 4, as a call would cost more */
static void copy_bytes (char *to, const char *from, int64_t n) {
  if (n > 64) { memcpy(to, from, (size_t)n); return; }
  for (; n >= 8; n -= 8, to += 8, from += 8) memcpy(to, from, 8);
  for (; n >= 4; n -= 4, to += 4, from += 4) memcpy(to, from, 4);
  for (; n > 0; n--) *to++ = *from++;
}

static int copy_rows (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  const tl_Cmd *c = m->c;
  int64_t n = c->size[m->last], t = c->arg[0].stride[m->last], f = c->arg[1].stride[m->last];
  Place p;
  find(m, begin, &p);
  for (int64_t i = begin; i < end; i++, step(m, &p)) {
    if (m->other >= 0) transposed(m, p.to, p.from);
    else if (t == m->width && f == t) copy_bytes(p.to, p.from, n * t);
    else if (t == m->width && f == 0) tl_cpu_spread(m->width, n, p.to, p.from);
    else tl_cpu_strided(m->width, n, p.to, t, p.from, f);
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
  int64_t total = tl_cmd_total(c), row_bytes;
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
    if (total * m.width <= ALONE) return copy_flat(&m, 0, total);
    return tl_team_for(env, total, ALONE / 8 / m.width, copy_flat, &m);
  }
  m.other = packed_dim(c, m.width, m.last);
  outside(&m);
  row_bytes = total / m.rows * m.width;
  if (total * m.width <= ALONE) return copy_rows(&m, 0, m.rows);
  return tl_team_for(env, m.rows, row_bytes >= ALONE / 4 ? 1 : ALONE / 4 / row_bytes, copy_rows, &m);
}

/* ---- fill ---- */

static int fill_rows (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  int64_t n = m->c->size[m->last], t = m->c->arg[0].stride[m->last];
  Place p;
  find(m, begin, &p);
  for (int64_t i = begin; i < end; i++, step(m, &p)) {
    if (t == m->width) tl_cpu_spread(m->width, n, p.to, &m->value);
    else tl_cpu_strided(m->width, n, p.to, t, (const char *)&m->value, 0);
  }
  return TL_DONE;
}

static int fill_flat (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  tl_cpu_spread(m->width, end - begin, (char *)m->c->arg[0].data + begin * m->width, &m->value);
  return TL_DONE;
}

int tl_cpu_fill (const tl_Cmd *c, tl_Env *env) {
  int64_t total = tl_cmd_total(c), row_bytes;
  int dtype = c->arg[0].dtype;
  Move m = { .c = c, .width = tl_cpu_width[dtype], .last = c->ndim - 1, .other = -1 };
  if (total == 0) return TL_DONE;
  tl_convert(dtype <= TL_bf16 ? TL_f64 : TL_i64, dtype)(1, &m.value, &c->p[0]);
  if (is_packed(c, 0, m.width)) {
    if (total * m.width <= ALONE) return fill_flat(&m, 0, total);
    return tl_team_for(env, total, ALONE / 8 / m.width, fill_flat, &m);
  }
  outside(&m);
  row_bytes = total / m.rows * m.width;
  if (total * m.width <= ALONE) return fill_rows(&m, 0, m.rows);
  return tl_team_for(env, m.rows, row_bytes >= ALONE / 4 ? 1 : ALONE / 4 / row_bytes, fill_rows, &m);
}
