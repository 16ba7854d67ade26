/* map_compare.cu -- pointwise rows: tests, and rows of integers alone */
#define GROUP CU_COMPARE
#define START cu_map_compare
#include "map_group.cuh"
