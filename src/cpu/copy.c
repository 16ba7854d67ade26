/*
** copy.c -- TL_COPY and TL_FILL.  Between equal dtypes rows are moved as bytes, and a transposed pair of
** dims in squares (across.c); other dtypes go through the walk.
*/
#include <string.h>

#include "cpu/block.h"
#include "cpu/walk.h"

#define STRIP 64               /* rows that are turned at a time, whole squares of every width */
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

/* i: rows on along the innermost dim, which they don't leave but at its end */
static void advance (const Move *m, Place *p, int64_t i) {
  int d = m->n - 1;
  if (d < 0) return;
  p->to += i * m->to[d];
  p->from += i * m->from[d];
  for (p->at[d] += i; p->at[d] == m->size[d] && d > 0; d--) {
    p->to += m->to[d - 1] - m->size[d] * m->to[d];
    p->from += m->from[d - 1] - m->size[d] * m->from[d];
    p->at[d] = 0;
    p->at[d - 1]++;
  }
}

/* rows from the place on that are evenly apart, of the `left` ones */
static int64_t run (const Move *m, const Place *p, int64_t left) {
  int64_t rows = m->n ? m->size[m->n - 1] - p->at[m->n - 1] : 1;
  return rows < left ? rows : left;
}

static int copy_rows (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  const tl_Cmd *c = m->c;
  Place p;
  int64_t rows;
  find(m, begin, &p);
  for (int64_t i = begin; i < end; i += rows, advance(m, &p, rows)) {
    rows = run(m, &p, end - i);
    tl_block_rows(m->width, rows, c->size[m->last], p.to, m->n ? m->to[m->n - 1] : 0, c->arg[0].stride[m->last],
                  p.from, m->n ? m->from[m->n - 1] : 0, c->arg[1].stride[m->last]);
  }
  return TL_DONE;
}

static int64_t strips_of (const Move *m) { return (m->c->size[m->other] + STRIP - 1) / STRIP; }

/* strips of planes that lie across */
static int turn_strips (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  const tl_Cmd *c = m->c;
  int64_t strips = strips_of(m), row = c->arg[0].stride[m->other], rows = c->size[m->other];
  for (int64_t i = begin; i < end; i++) {
    int64_t r = i % strips * STRIP;
    Place p;
    find(m, i / strips, &p);
    tl_block_turn(m->width, rows - r < STRIP ? rows - r : STRIP, c->size[m->last], p.to + r * row, row,
                  c->arg[0].stride[m->last], p.from + r * m->width, c->arg[1].stride[m->last]);
  }
  return TL_DONE;
}

static int copy_flat (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  memcpy((char *)m->c->arg[0].data + begin * m->width, (const char *)m->c->arg[1].data + begin * m->width,
         (size_t)((end - begin) * m->width));
  return TL_DONE;
}

static int convert_flat (void *move, int64_t begin, int64_t end) {
  const tl_Arg *to = &((const Move *)move)->c->arg[0], *from = to + 1;
  tl_convert(from->dtype, to->dtype)(end - begin, (char *)to->data + begin * tl_cpu_width[to->dtype],
                                     (const char *)from->data + begin * tl_cpu_width[from->dtype]);
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
    if (!c->arg[1].flags && is_packed(c, 0, m.width) && is_packed(c, 1, tl_cpu_width[c->arg[1].dtype]))
      return total <= ALONE / 4 ? convert_flat(&m, 0, total) : tl_team_for(env, total, ALONE / 8, convert_flat, &m);
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
  if (m.other >= 0) {
    int64_t strips = m.rows * strips_of(&m), bytes = STRIP * c->size[m.last] * m.width;
    return tl_team_for(env, strips, total * m.width <= ALONE ? strips : ALONE / 4 / bytes + 1, turn_strips, &m);
  }
  row_bytes = total / m.rows * m.width;
  if (total * m.width <= ALONE) return copy_rows(&m, 0, m.rows);
  return tl_team_for(env, m.rows, row_bytes >= ALONE / 4 ? 1 : ALONE / 4 / row_bytes, copy_rows, &m);
}

/* ---- fill ---- */

static int fill_rows (void *move, int64_t begin, int64_t end) {
  const Move *m = move;
  Place p;
  int64_t rows;
  find(m, begin, &p);
  for (int64_t i = begin; i < end; i += rows, advance(m, &p, rows)) {
    rows = run(m, &p, end - i);
    tl_block_rows(m->width, rows, m->c->size[m->last], p.to, m->n ? m->to[m->n - 1] : 0, m->c->arg[0].stride[m->last],
                  (const char *)&m->value, 0, 0);
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
