# cuda.mk -- the CUDA plugin and its simulator.  Included by the Makefile.
#   make cuda            tlua_cuda.so, by nvcc           CUDA_ARCH="80 90" for just these kinds of cards; NVCC=path
#   make cuda-sim        the same sources by g++, on the simulated card of cuda/sim
#   make cuda-fuzz       programs that run random commands on its kernels and on the CPU device
#   make test-cuda       the specs on a real card        make test-cuda-sim   on the simulated one

CXX       ?= g++
NVCC      ?= $(firstword $(shell command -v nvcc 2>/dev/null) $(wildcard /usr/local/cuda/bin/nvcc))
CUDA_HOME  = $(patsubst %/bin/,%,$(dir $(NVCC)))
CUDA_HOST := $(wildcard cuda/*.c)
CUDA_KERN := $(wildcard cuda/*.cu)
CUDA_PLUGIN = tlua_cuda.so

# machine code for all the kinds of cards that nvcc knows (they are of 7.5 and later), and the last also as PTX for later ones
CUDA_ARCH ?= $(patsubst compute_%,%,$(filter-out compute_5% compute_6% compute_70 compute_72,$(shell $(NVCC) --list-gpu-arch 2>/dev/null)))
CUDA_LAST  = $(lastword $(CUDA_ARCH))
CUDA_GEN   = $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$(a),code=sm_$(a)) -gencode arch=compute_$(CUDA_LAST),code=compute_$(CUDA_LAST)
# drivers before 12.4 can't read compressed code, and serve what toolkits 12 build
CUDA_SIZE  = $(if $(shell $(NVCC) --version 2>/dev/null | grep -E 'release (1[3-9]|[2-9][0-9])'),-compress-mode=size)
# -fmad=false: products and sums round as on the CPU; where the formulas fuse they say fma
CUDA_FLAGS = -std=c++17 -O3 -fmad=false -Isrc -Icuda -Xptxas -warn-spills $(CUDA_SIZE) \
             -Xcompiler -fPIC,-fvisibility=hidden,-fno-exceptions,-fno-rtti,-Wall
CUDA_FLAGS += $(if $(filter 5% 6%,$(CUDA_ARCH)),-DCU_FEW_ARGUMENTS)     # kernels of these cards take 4 KB of them
CUDA_OBJ  := $(patsubst cuda/%,build/cuda/%.o,$(CUDA_HOST) $(CUDA_KERN))

cuda:
ifeq ($(NVCC),)
	@echo "make cuda: there is no nvcc here (looked on the path and in /usr/local/cuda/bin). The CUDA Toolkit has it:"
	@echo "  https://developer.nvidia.com/cuda-downloads, or Debian's nvidia-cuda-toolkit. Nothing else of tlua needs it."
	@exit 1
else
	@$(MAKE) --no-print-directory -j$(JOBS) $(CUDA_PLUGIN)
endif

# CI: one kind of card, where there is a compiler; registers that spill are an error
cuda-check:
	@if [ -n "$(NVCC)" ]; then NVCC_APPEND_FLAGS="-Xptxas -Werror" $(MAKE) --no-print-directory cuda CUDA_ARCH=90; else echo "no nvcc here: not checked"; fi

# everything is compiled again when the flags change; nvcc is asked only when it is wanted
ifneq ($(filter cuda $(CUDA_PLUGIN),$(MAKECMDGOALS)),)
ifneq ($(strip $(file <build/cuda/flags)),$(strip $(NVCC) $(CUDA_FLAGS) $(CUDA_ARCH)))
$(shell mkdir -p build/cuda)
$(file >build/cuda/flags,$(NVCC) $(CUDA_FLAGS) $(CUDA_ARCH))
endif
endif
build/cuda/flags: ;

$(CUDA_PLUGIN): $(CUDA_OBJ)
	@echo "  link $@ ($(CUDA_ARCH))"
	$(Q)$(NVCC) -shared -cudart static -Xcompiler -fPIC -Xlinker -s -Xlinker --version-script=cuda/plugin.map -o $@ $^ -ldl -lpthread
build/cuda/%.cu.o: cuda/%.cu build/cuda/flags
	@echo "  nvcc $<"
	$(Q)$(NVCC) $(CUDA_FLAGS) $(CUDA_GEN) -MMD -MF $(@:.o=.d) -c -o $@ $<
build/cuda/%.c.o: cuda/%.c build/cuda/flags
	@echo "  cc $<"
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -fPIC -fvisibility=hidden -pthread -Isrc -Icuda -isystem $(CUDA_HOME)/include -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

# --- the simulator ---------------------------------------------------------------------------------

SIM_MODE  ?= release
SIM_BUILD  = build/cuda-sim/$(SIM_MODE)
SIM_PLUGIN = $(SIM_BUILD)/tlua_cuda.so
ifeq ($(SIM_MODE),asan)
  SIM_OPT = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else
  SIM_OPT = -O1 -g1
endif
# wide loads on addresses that a card could not load from, and indices outside arrays: sim_check.cpp answers
SIM_CHECK = -fsanitize=alignment,bounds
SIM_INC   = -DTL_CUDA_SIM -Isrc -Icuda/sim -Icuda
SIM_FLAGS = $(SIM_OPT) -ffp-contract=off -fwrapv -fPIC -fvisibility=hidden -pthread $(SIM_INC) -Wall -Wextra -Wno-unknown-pragmas
SIM_OBJ  := $(patsubst cuda/%,$(SIM_BUILD)/%.o,$(CUDA_HOST) $(CUDA_KERN) $(wildcard cuda/sim/*.cpp))

cuda-sim:
	@$(MAKE) --no-print-directory -j$(JOBS) $(SIM_PLUGIN)
$(SIM_PLUGIN): $(SIM_OBJ)
	@echo "  link $@"
	$(Q)$(CXX) $(SIM_OPT) -shared -pthread -Wl,--version-script=cuda/plugin.map -o $@ $^ -ldl
$(SIM_BUILD)/%.cu.o: cuda/%.cu
	@mkdir -p $(@D)
	@echo "  c++ $< (simulator)"
	$(Q)$(CXX) -std=c++17 -x c++ $(SIM_FLAGS) $(SIM_CHECK) -MMD -MP -c -o $@ $<
$(SIM_BUILD)/%.cpp.o: cuda/%.cpp
	@mkdir -p $(@D)
	@echo "  c++ $<"
	$(Q)$(CXX) -std=c++17 $(SIM_FLAGS) -O3 -MMD -MP -c -o $@ $<
$(SIM_BUILD)/%.c.o: cuda/%.c
	@mkdir -p $(@D)
	@echo "  cc $< (simulator)"
	$(Q)$(CC) -std=gnu11 $(SIM_FLAGS) -MMD -MP -c -o $@ $<
# random commands on the kernels and on the CPU device (spec/cuda/fuzz_spec.lua), in MODE and SIM_MODE alike
FUZZ     := $(patsubst spec/cuda/%.cpp,$(SIM_BUILD)/%,$(wildcard spec/cuda/*_fuzz.cpp))
FUZZ_OBJ := $(filter %.cu.o %.cpp.o,$(SIM_OBJ))
cuda-fuzz:
	@$(MAKE) --no-print-directory -j$(JOBS) $(FUZZ)
$(SIM_BUILD)/%_fuzz: spec/cuda/%_fuzz.cpp $(FUZZ_OBJ) $(BUILD)/libtlua.a
	@echo "  c++ $<"
	$(Q)$(CXX) -std=c++17 $(SIM_FLAGS) $(SANITIZE) -MMD -MP -MF $@.d -o $@ $< $(FUZZ_OBJ) $(BUILD)/libtlua.a $(BLAS_LIBS) -ldl -lm
-include $(SIM_OBJ:.o=.d) $(FUZZ:=.d) $(wildcard build/cuda/*.d)

# --- lint: the sources as the simulator has them ----------------------------------------------------

STRICT_CXX = -Wall -Wextra -Wshadow -Wno-unknown-pragmas -Werror
# clang: the rows of pointwise.def mean the & and | of truth values, which have no branches
LINT_HOST  = $(addprefix lint/,$(CUDA_HOST))
LINT_CXX   = $(addprefix lint/,$(CUDA_KERN) $(wildcard cuda/sim/*.cpp spec/cuda/*.cu spec/cuda/*.cpp))
lint-cuda: $(LINT_HOST) $(LINT_CXX)
$(LINT_HOST): lint/%:
	@$(CC) -std=gnu11 -O1 $(SIM_INC) $(STRICT) -o /dev/null -c $*
	@clang -std=gnu11 $(SIM_INC) $(WARN) -Werror -Wno-unknown-pragmas -fsyntax-only $*
$(LINT_CXX): lint/%:
	@$(CXX) -std=c++17 -x c++ $(SIM_INC) $(STRICT_CXX) -fsyntax-only $*
	@clang++ -std=c++17 -x c++ $(SIM_INC) $(STRICT_CXX) -Wno-bitwise-instead-of-logical -fsyntax-only $*
.PHONY: lint-cuda $(LINT_HOST) $(LINT_CXX)

# --- specs on a device: all that make tensors do it there (spec/support/device.lua) -----------------

CUDA_SPECS = spec/op spec/grad spec/autograd spec/nn spec/optim spec/every_op_spec.lua spec/memory_spec.lua \
             $(addprefix spec/proof/,plan_spec.lua tape_spec.lua views_spec.lua promote_spec.lua)
# what `make test` runs there, and CI once more with streams that run late
CUDA_PART  = spec/grad spec/autograd spec/nn spec/optim spec/proof/plan_spec.lua
ON_CUDA    = $(BUSTED) --helper=spec/support/device.lua --exclude-tags=cpu
SIM_ENV    = $(TEST_ENV) TLUA_CUDA_SIM=1 TLUA_CUDA=$(abspath $(SIM_PLUGIN)) TLUA_FUZZ=$(abspath $(SIM_BUILD))

# spec/cuda says itself what is where
test-cuda-sim test-cuda-part: deps
	@$(MAKE) --no-print-directory -j$(JOBS) $(BIN) $(SO) proofs $(SIM_PLUGIN) $(FUZZ)
	@$(SIM_ENV) $(BUSTED) spec/cuda
	@$(SIM_ENV) TLUA_DEVICE=cuda $(ON_CUDA) $(if $(filter test-cuda-sim,$@),$(CUDA_SPECS),$(CUDA_PART))
test-cuda: $(BIN) $(SO) proofs
	@TLUA_CUDA=$(abspath $(CUDA_PLUGIN)) $(TEST_ENV) $(BUSTED) spec/cuda
	@TLUA_CUDA=$(abspath $(CUDA_PLUGIN)) $(TEST_ENV) TLUA_DEVICE=cuda $(ON_CUDA) $(CUDA_SPECS)

.PHONY: cuda cuda-check cuda-sim cuda-fuzz test-cuda test-cuda-sim test-cuda-part
