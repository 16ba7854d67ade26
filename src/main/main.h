/*
** main.h -- what the files of the program share: running code with tracebacks and Ctrl-C, and the REPL.
*/
#ifndef tl_main_h
#define tl_main_h

#include <lua.h>

/* run.c.  All give a status of Lua; messages of failures are on the stack until report takes them */
int call_guarded (lua_State *L, int nargs, int nresults);   /* adds a traceback; Ctrl-C raises "interrupted!" */
int report (lua_State *L, int status);                      /* prints and pops the message of a failure */
void complain (const char *text);                           /* a line on stderr, with the program's name */
void set_program_name (const char *name);                   /* NULL: messages come without a name (REPL) */
int was_interrupted (void);                                 /* the failure reported last was Ctrl-C */
void die_of_interrupt (void);                               /* as a shell expects it of an interrupted program */

/* repl.c */
void repl (lua_State *L);

#endif
