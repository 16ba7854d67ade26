/*
** map_trig.cu -- pointwise rows: sin cos tan and what calls them.  Their reduction of large arguments indexes a
** small table of words in local memory, which no other row should have to reserve.
*/
#define GROUP CU_TRIG
#define START cu_map_trig
#include "map_group.cuh"
