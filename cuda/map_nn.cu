/* map_nn.cu -- pointwise rows: activations */
#define GROUP CU_NN
#define START cu_map_nn
#include "map_group.cuh"
