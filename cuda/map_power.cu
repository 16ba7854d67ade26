/* map_power.cu -- pointwise rows: powers and divisions with a remainder, which loop */
#define GROUP CU_POWER
#define START cu_map_power
#include "map_group.cuh"
