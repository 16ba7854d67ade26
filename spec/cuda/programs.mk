# programs.mk -- the small programs of sim_spec.lua, each with the simulator linked in, under build/sim-spec/MODE
#   make -f spec/cuda/programs.mk MODE=plain|asan
MODE  = plain
OUT   = build/sim-spec/$(MODE)
CXX  ?= g++
FLAGS = -std=c++17 -g1 -DTL_CUDA_SIM -Isrc -Icuda/sim -Icuda -ffp-contract=off -fwrapv -pthread -Wall -Wextra -MMD -MP
CHECK = -fsanitize=alignment,bounds
ifeq ($(MODE),asan)
  ASAN = -fsanitize=address -fno-omit-frame-pointer
endif
SIM  := $(filter-out cuda/sim/sim_blas.cpp,$(wildcard cuda/sim/*.cpp))
OBJ   = $(SIM:cuda/sim/%.cpp=$(OUT)/%.o)

all: $(OUT)/bugs $(OUT)/functions
$(OUT)/bugs $(OUT)/functions: %: %.o $(OBJ)
	$(CXX) $(ASAN) -pthread -o $@.new $^ && mv $@.new $@
$(OUT)/%.o: cuda/sim/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(ASAN) -O1 -c -o $@ $<
$(OUT)/%.o: spec/cuda/%.cu
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(ASAN) $(CHECK) -O1 -x c++ -c -o $@ $<
-include $(wildcard $(OUT)/*.d)
.PHONY: all
