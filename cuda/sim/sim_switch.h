/*
** sim_switch.h -- the fibres' stacks and the switch between them: callee-saved registers onto the old stack, then the
** other stack.  Twelve instructions on x86-64, ucontext elsewhere.  Included once, by sim_fibre.cpp.
*/
#ifndef sim_switch_h
#define sim_switch_h

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "sim_inside.h"

struct Context {
  void *sp;
  const void *low;                           /* the stack, for the address sanitizer */
  size_t size;
  void *fake;
};

#if defined(__x86_64__) && !defined(SIM_UCONTEXT)
extern "C" __attribute__((visibility("hidden"))) void sim_switch (void **from, void *to);
__asm__(
  ".text\n.globl sim_switch\n.hidden sim_switch\n.type sim_switch, @function\nsim_switch:\n"
  "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
  "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
  "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
  ".size sim_switch, .-sim_switch\n");

static void prepare (Context *c, void (*entry) ()) {
  void **top = (void **)((char *)c->low + c->size) - 1;   /* the entry sees a stack as after a call */
  *--top = (void *)entry;
  top -= 6;
  for (int i = 0; i < 6; i++) top[i] = nullptr;
  c->sp = top;
}
static void jump (Context *from, Context *to) { sim_switch(&from->sp, to->sp); }
#else
#include <ucontext.h>

static void prepare (Context *c, void (*entry) ()) {
  if (c->sp == nullptr) c->sp = new ucontext_t;
  ucontext_t *u = (ucontext_t *)c->sp;
  getcontext(u);
  u->uc_stack.ss_sp = (void *)c->low;
  u->uc_stack.ss_size = c->size;
  u->uc_link = nullptr;
  makecontext(u, entry, 0);
}
static void jump (Context *from, Context *to) {
  if (from->sp == nullptr) from->sp = new ucontext_t;
  swapcontext((ucontext_t *)from->sp, (ucontext_t *)to->sp);
}
#endif

static Context host;                         /* where the launch was called */
static Context *here;

static void landed (Context *me) {
  here = me;
#if SIM_ASAN
  const void *low;
  size_t size;
  __sanitizer_finish_switch_fiber(me->fake, &low, &size);
  if (me != &host && host.low == nullptr) { host.low = low; host.size = size; }
#endif
}
static void go (Context *to) {
  Context *me = here;
#if SIM_ASAN
  __sanitizer_start_switch_fiber(&me->fake, to->low, to->size);
#endif
  jump(me, to);
  landed(me);
}

/* ---- stacks ---- */
struct Stack : Context { Stack *next; };
static Stack *idle;                          /* free ones */

static Stack *stack_take (void (*entry) ()) {
  Stack *s = idle;
  if (s != nullptr) idle = s->next;
  else {
    /* tops at different distances from a page's start: else all of them share the same few lines of the caches */
    static size_t made;
    size_t size = SIM_ASAN ? 256 << 10 : 128 << 10, colour = made++ * 1344 % (32 << 10);
    char *p = (char *)mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) { perror("simulated cuda: a fibre's stack"); abort(); }
    mprotect(p, 4096, PROT_NONE);
    s = new Stack();
    s->low = p + 4096;
    s->size = size - 4096 - colour;
  }
  SIM_SHOW(s->low, s->size);                 /* frames of a fibre that was left behind */
  s->fake = nullptr;
  prepare(s, entry);
  return s;
}

#endif
