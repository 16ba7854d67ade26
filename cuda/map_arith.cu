/* map_arith.cu -- pointwise rows: arithmetic, rounding, choice */
#define GROUP CU_ARITH
#define START cu_map_arith
#include "map_group.cuh"
