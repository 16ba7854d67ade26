/* map_math.cu -- pointwise rows: functions of real numbers */
#define GROUP CU_MATH
#define START cu_map_math
#include "map_group.cuh"
