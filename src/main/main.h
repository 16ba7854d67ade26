/*
** main.h -- what the files of the program share: its heap, running code with tracebacks and
** Ctrl-C, and the REPL.
*/
#ifndef tl_main_h
#define tl_main_h

#include <stddef.h>

#include <lua.h>

/* heap.c */
typedef struct Heap Heap;
Heap *heap_open (void);                                     /* NULL: no memory */
void heap_close (Heap *h);                                  /* after lua_close */
void *heap_alloc (void *heap, void *p, size_t old, size_t wanted);   /* a lua_Alloc */

/* run.c.  All give a status of Lua; messages of failures are on the stack until report takes them */
int call_guarded (lua_State *L, int nargs, int nresults);   /* adds a traceback; Ctrl-C raises "interrupted!" */
int report (lua_State *L, int status);                      /* prints and pops the message of a failure */
void complain (const char *text);                           /* a line on stderr, with the program's name */
void set_program_name (const char *name);                   /* NULL: messages come without a name (REPL) */
int was_interrupted (void);                                 /* the failure reported last was Ctrl-C */
void warn (void *unused, const char *text, int more);        /* a lua_WarnFunction */
void die_of_interrupt (void);                               /* as a shell expects it of an interrupted program */

/* repl.c */
void repl (lua_State *L);

#endif
