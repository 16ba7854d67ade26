/*
** stream.c -- queues of a device and marks in them, as Lua values that torch.cuda.Stream and torch.cuda.Event hold.
** A device's own queue is nil; one that a host program made current is a light userdata.
*/
#include "bind/forms.h"
#include "bind/gpu.h"
#include "core/cmd.h"

typedef struct Held { tl_Device *device; void *handle; } Held;   /* a stream or an event */

static int lacks (lua_State *L, tl_Device *d) { return tl_error(L, "device %s has no streams", d->name); }

/* pushes a box that owns nothing yet */
static Held *new_held (lua_State *L, tl_Kind kind, tl_Device *d) {
  tl_Box *b = tl_newbox(L, kind);
  Held *h = tl_malloc(sizeof *h);
  if (!h) { tl_bad(L); return NULL; }
  *h = (Held){ d, NULL };
  return b->p = h;
}

void *tl_check_stream (lua_State *L, int index, tl_Device *d) {
  Held *h = tl_unbox(L, index, TL_IS_STREAM);
  if (lua_isnoneornil(L, index)) return NULL;
  if (lua_islightuserdata(L, index)) return lua_touserdata(L, index);
  if (!h) tl_error(L, "expected a torch.cuda.Stream, not %s", tl_got(L, index));
  if (h->device != d) tl_error(L, "a stream of %s was given for %s", h->device->name, d->name);
  return h->handle;
}

static void *check_event (lua_State *L, int index, tl_Device *d) {
  Held *h = tl_unbox(L, index, TL_IS_EVENT);
  if (!h) tl_error(L, "expected a torch.cuda.Event, not %s", tl_got(L, index));
  if (h->device != d)
    tl_error(L, "Event device %d does not match recording stream's device %d.", h->device->index, d->index);
  return h->handle;
}

/* ---- streams ---- */

static int stream_new_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  Held *h;
  if (!d->stream_new) return lacks(L, d);
  h = new_held(L, TL_IS_STREAM, d);
  h->handle = d->stream_new(d, (int)lua_tointeger(L, 2));
  return h->handle ? 1 : tl_cuda_broken(L, d);
}

static int stream_current_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  void *s = d->stream ? d->stream(d) : NULL;
  if (s) lua_pushlightuserdata(L, s);
  else lua_pushnil(L);
  return 1;
}

static int stream_set_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  void *s = tl_check_stream(L, 2, d);
  if (d->stream_set) d->stream_set(d, s);
  return 0;
}

static int stream_sync_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  void *s = tl_check_stream(L, 2, d);
  int reason = d->stream_sync ? d->stream_sync(d, s, &tl_here->env) : TL_DONE;
  if (reason == TL_DONE) return 0;
  tl_explain(d, reason);
  return tl_bad(L);
}

static int push_answer (lua_State *L, tl_Device *d, int yes) {
  if (yes < 0) return tl_cuda_broken(L, d);
  lua_pushboolean(L, yes);
  return 1;
}

static int stream_idle_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  return push_answer(L, d, d->stream_idle ? d->stream_idle(d, tl_check_stream(L, 2, d)) : 1);
}

/* the handle itself, for comparing and printing */
static int stream_pointer (lua_State *L) {
  Held *h = tl_unbox(L, 1, TL_IS_STREAM);
  lua_pushlightuserdata(L, h ? h->handle : lua_islightuserdata(L, 1) ? lua_touserdata(L, 1) : NULL);
  return 1;
}

/* ---- events ---- */

static int event_new_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  Held *h;
  if (!d->event_new) return lacks(L, d);
  h = new_held(L, TL_IS_EVENT, d);
  h->handle = d->event_new(d, lua_toboolean(L, 2));
  return h->handle ? 1 : tl_cuda_broken(L, d);
}

/* (device, event, stream) */
static int event_record_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  void *e = check_event(L, 2, d), *s = tl_check_stream(L, 3, d);
  return d->event_record(d, e, s) ? tl_cuda_broken(L, d) : 0;
}

/* (device, event, device of the stream, stream): streams of other cards may wait too */
static int event_wait_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1), *other = tl_check_cuda(L, 3);
  void *e = check_event(L, 2, d), *s = tl_check_stream(L, 4, other);
  return other->event_wait(other, e, s) ? tl_cuda_broken(L, other) : 0;
}

static int event_sync_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  int reason = d->event_sync(d, check_event(L, 2, d), &tl_here->env);
  if (reason == TL_DONE) return 0;
  tl_explain(d, reason);
  return tl_bad(L);
}

static int event_done_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  return push_answer(L, d, d->event_done(d, check_event(L, 2, d)));
}

/* (device, from, to): milliseconds */
static int event_between_body (lua_State *L) {
  tl_Device *d = tl_check_cuda(L, 1);
  double milliseconds = 0;
  if (d->event_between(d, check_event(L, 2, d), check_event(L, 3, d), &milliseconds)) return tl_cuda_broken(L, d);
  lua_pushnumber(L, milliseconds);
  return 1;
}

/* ---- boxes ---- */

/* devices live as long as the process, so this is right while the state closes too */
static int held_gc (lua_State *L) {
  tl_Box *b = lua_touserdata(L, 1);
  Held *stream = tl_unbox(L, 1, TL_IS_STREAM), *event = tl_unbox(L, 1, TL_IS_EVENT), *h = stream ? stream : event;
  if (!h) return 0;
  b->p = NULL;
  if (h->handle && stream) h->device->stream_free(h->device, h->handle);
  else if (h->handle) h->device->event_free(h->device, h->handle);
  tl_free(h);
  return 0;
}

#define PROTECTED(name)  static int name (lua_State *L) { return tl_protect(L, name##_body); }
PROTECTED(stream_new) PROTECTED(stream_current) PROTECTED(stream_set) PROTECTED(stream_sync) PROTECTED(stream_idle)
PROTECTED(event_new) PROTECTED(event_record) PROTECTED(event_wait) PROTECTED(event_sync) PROTECTED(event_done)
PROTECTED(event_between)

void tl_open_stream (lua_State *L) {
  static const luaL_Reg functions[] = { {"stream_new", stream_new}, {"stream_current", stream_current},
    {"stream_set", stream_set}, {"stream_sync", stream_sync}, {"stream_idle", stream_idle},
    {"stream_pointer", stream_pointer}, {"event_new", event_new}, {"event_record", event_record},
    {"event_wait", event_wait}, {"event_sync", event_sync}, {"event_done", event_done},
    {"event_between", event_between}, {NULL, NULL} };
  static const luaL_Reg meta[] = { {"__gc", held_gc}, {NULL, NULL} };
  int top = lua_gettop(L);
  tl_newkind(L, TL_IS_STREAM, "torch.cuda.Stream");
  tl_setfuncs(L, meta);
  tl_newkind(L, TL_IS_EVENT, "torch.cuda.Event");
  tl_setfuncs(L, meta);
  lua_settop(L, top);
  tl_setfuncs(L, functions);
}
