/*
** pace.h -- for the files of this floor that hold the state in hand.
*/
#ifndef tl_pace_h
#define tl_pace_h

#include "bind/state.h"

void tl_pace_open (lua_State *L, tl_State *S);
void tl_pace_state (lua_State *L, tl_State *S);

#endif
