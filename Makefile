# tlua -- see README.md.  The targets that people use:
#
#   make                  builds ./tlua and ./torch.so, then checks the floors
#   make demo             installs what is missing, builds, trains a digit classifier
#   make test             installs what is missing, builds, runs every spec under ./tlua
#   make install PREFIX=/usr/local DESTDIR=
#   make lint floors sizes docs bench aarch64-check check-all clean
#   make MODE=debug|asan|hostile [target]     the same in another mode, under build/MODE/
#
# Needs Debian's gcc, make, lua5.4, liblua5.4-dev, libopenblas-pthread-dev, libedit-dev ("make deps"
# installs them, and says so first).

MODE    = release
PREFIX  = /usr/local
DESTDIR =
VERSION = 0.1.0
JOBS    = $(shell nproc 2>/dev/null || echo 2)

ifeq ($(origin CC),default)
CC = gcc
endif
AR       ?= ar
LUA       = lua5.4
MACHINE  := $(shell $(CC) -dumpmachine 2>/dev/null)
BUILD     = build/$(MODE)

# --- where things are ------------------------------------------------------------------------------

LUA_CFLAGS  := $(shell pkg-config --cflags lua5.4 2>/dev/null || echo -I/usr/include/lua5.4)
LUA_LIBDIR  := $(shell pkg-config --variable=libdir lua5.4 2>/dev/null || echo /usr/lib/$(MACHINE))
LUA_STATIC   = $(firstword $(wildcard $(LUA_LIBDIR)/liblua5.4.a) -llua5.4)
# Of the OpenBLAS builds only the pthread one answers rightly when several threads call it and after a fork.
BLAS_DIR    := $(firstword $(wildcard /usr/lib/$(subst -linux,*-linux,$(MACHINE))/openblas-pthread))
BLAS_DIR    := $(or $(BLAS_DIR),$(shell pkg-config --variable=libdir openblas 2>/dev/null))
BLAS_CFLAGS := $(shell pkg-config --cflags openblas 2>/dev/null)
BLAS_LIBS    = $(if $(BLAS_DIR),-L$(BLAS_DIR) -Wl$(comma)-rpath$(comma)$(abspath $(BLAS_DIR))) -lopenblas
EDIT_CFLAGS := $(shell pkg-config --cflags libedit 2>/dev/null)
comma = ,
# make V=1 shows the commands
Q = $(if $(V),,@)

# --- flags -----------------------------------------------------------------------------------------

WARN   = -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
COMMON = -std=gnu11 $(WARN) -Isrc -fPIC -fno-semantic-interposition -ffp-contract=off -pthread \
         -DTLUA_VERSION='"$(VERSION)"' $(LUA_CFLAGS)
# the CPU device: integers wrap, no errno, NaN and infinities stay right
KERNEL = -fwrapv -fno-math-errno -fno-trapping-math

ifeq ($(MODE),release)
  OPT = -O2 -g1 -DNDEBUG
  OPT_KERNEL = -O3 -g1 -DNDEBUG
  BIN = tlua
  SO = torch.so
  PROOF = build/proof
else
  BIN = $(BUILD)/tlua
  SO = $(BUILD)/torch.so
  PROOF = $(BUILD)/proof
  ifeq ($(MODE),debug)
    OPT = -O0 -g3
    OPT_KERNEL = -O1 -g
  else ifeq ($(MODE),asan)
    SANITIZE = -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all
    OPT = -O1 -g -fno-omit-frame-pointer $(SANITIZE)
    OPT_KERNEL = $(OPT)
  else ifeq ($(MODE),tsan)
    SANITIZE = -fsanitize=thread
    OPT = -O1 -g -fno-omit-frame-pointer $(SANITIZE)
    OPT_KERNEL = $(OPT)
  else ifeq ($(MODE),hostile)
    OPT = -O1 -g -DTL_HOSTILE
    OPT_KERNEL = $(OPT)
  else
    $(error MODE is release, debug, asan, tsan or hostile)
  endif
endif

# everything is compiled again when the flags change
FLAGS := $(CC) $(COMMON) $(OPT) $(OPT_KERNEL) $(KERNEL) $(CFLAGS)
ifneq ($(strip $(file <$(BUILD)/flags)),$(strip $(FLAGS)))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/flags,$(FLAGS))
endif

# --- sources ---------------------------------------------------------------------------------------

# files of the CPU device that are compiled once per SIMD level, with names that end in the level
LEVELED := $(wildcard $(addprefix src/cpu/,kernels.c convert.c sum.c))
LEVELED := $(sort $(LEVELED) $(filter-out src/cpu/cpu.c,$(shell grep -l TL_LEVEL src/cpu/*.c 2>/dev/null)))
ifneq ($(findstring x86_64,$(MACHINE)),)
  LEVELS = v2 v3 v4
else
  LEVELS = v2
endif

FLOORS_1_4 := $(wildcard src/core/*.c src/grad/*.c src/op/*.c) $(filter-out $(LEVELED),$(wildcard src/cpu/*.c))
LIB_SRC    := $(FLOORS_1_4) $(wildcard src/bind/*.c)
MAIN_SRC   := $(wildcard src/main/*.c)
LUA_SRC    := $(sort $(shell find lua -name '*.lua' 2>/dev/null))

obj = $(patsubst src/%.c,$(BUILD)/%.o,$(1))
LEVEL_OBJ := $(foreach l,$(LEVELS),$(patsubst src/%.c,$(BUILD)/%_$(l).o,$(LEVELED)))
LOW_OBJ   := $(call obj,$(FLOORS_1_4)) $(LEVEL_OBJ)
LIB_OBJ   := $(call obj,$(LIB_SRC)) $(LEVEL_OBJ) $(BUILD)/lua_sources.o
MAIN_OBJ  := $(call obj,$(MAIN_SRC))
PROOFS    := $(patsubst spec/proof/%.c,$(PROOF)/%,$(wildcard spec/proof/*.c))

# --- the program, the module, the archive ----------------------------------------------------------

all: $(BIN) $(SO) floors

# All of the objects are in the program and it exports Lua's API (-E): Debian's Lua C modules look for it there.
$(BIN): $(MAIN_OBJ) $(LIB_OBJ)
	@echo "  link $@"
	$(Q)$(CC) $(SANITIZE) -pthread -Wl,-E -o $@ $^ $(LUA_STATIC) $(BLAS_LIBS) -ledit -ldl -lm

$(SO): $(LIB_OBJ) tools/torch.map
	@echo "  link $@"
	$(Q)$(CC) $(SANITIZE) -pthread -shared -Wl,--version-script=tools/torch.map -o $@ $(LIB_OBJ) $(BLAS_LIBS) -ldl -lm

$(BUILD)/libtlua.a: $(LIB_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(COMMON) $(OPT) $(CFLAGS) $(EXTRA_$(notdir $*)) -MMD -MP -c -o $@ $<

$(BUILD)/cpu/%.o: src/cpu/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(COMMON) $(OPT_KERNEL) $(KERNEL) $(CFLAGS) $(EXTRA_$*) -MMD -MP -c -o $@ $<

EXTRA_gemm = $(BLAS_CFLAGS)
EXTRA_tlua = $(BLAS_CFLAGS)
EXTRA_repl = $(EDIT_CFLAGS)

define level
$(BUILD)/cpu/%_$(1).o: src/cpu/%.c $(BUILD)/flags
	@mkdir -p $$(@D)
	@echo "  cc $$< ($(1))"
	$(Q)$(CC) $(COMMON) $(OPT_KERNEL) $(KERNEL) $(CFLAGS) -DTL_LEVEL=$(1) $(if $(findstring x86_64,$(MACHINE)),-march=x86-64-$(1)) -MMD -MP -c -o $$@ $$<
endef
$(foreach l,$(LEVELS),$(eval $(call level,$(l))))

build/lua_sources.c: tools/embed.lua $(LUA_SRC)
	@mkdir -p $(@D)
	$(Q)$(LUA) tools/embed.lua lua $@

$(BUILD)/lua_sources.o: build/lua_sources.c src/bind/sources.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(OPT) -c -o $@ $<

# a module that appears or goes must be embedded anew, though no file is newer
ifneq ($(shell cat build/lua_sources.list 2>/dev/null),$(LUA_SRC))
$(shell mkdir -p build && echo '$(LUA_SRC)' > build/lua_sources.list)
build/lua_sources.c: build/lua_sources.list
endif

# programs in C that prove the foundations; the specs run them
$(PROOF)/%: spec/proof/%.c $(LIB_OBJ)
	@mkdir -p $(@D)
	@echo "  cc $<"
	$(Q)$(CC) $(COMMON) $(OPT) $(BLAS_CFLAGS) -Ispec/proof -MMD -MP -MF $@.d -o $@ $< $(LIB_OBJ) $(LUA_STATIC) $(BLAS_LIBS) -ldl -lm

proofs: $(PROOFS)

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(MAIN_OBJ)) $(addsuffix .d,$(PROOFS))

# --- checks ----------------------------------------------------------------------------------------

TEST_ENV = TLUA=$(abspath $(BIN)) TLUA_MODE=$(MODE) TLUA_PROOF=$(abspath $(PROOF)) TLUA_SO=$(abspath $(SO)) \
           UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:$(ASAN_OPTIONS)
# spec/cuda runs with the simulated card (cuda/cuda.mk), save what can be said without one
SPEC     = $(filter-out spec/cuda spec/golden spec/support,$(wildcard spec/*)) spec/cuda/face_spec.lua
# busted is a Lua script; under the system's "lua" it would run in another Lua
BUSTED   = ./$(BIN) /usr/bin/busted

deps:
	@tools/deps.sh build test

test: deps
	@$(MAKE) --no-print-directory -j$(JOBS) $(BIN) $(SO) proofs
	@$(MAKE) --no-print-directory floors run-specs
	@$(if $(filter release,$(MODE)),$(MAKE) --no-print-directory test-cuda-part)

run-specs:
	@$(TEST_ENV) $(BUSTED) $(SPEC)

demo:
	@tools/deps.sh build
	@$(MAKE) --no-print-directory -j$(JOBS) $(BIN)
	./$(BIN) examples/digits.lua

floors: $(LOW_OBJ)
	@$(LUA) tools/floors.lua $(LOW_OBJ)

lint:
	@tools/deps.sh build lint
	@$(MAKE) --no-print-directory -j$(JOBS) lint-c lint-cuda lint-lua

STRICT = $(WARN) -Wpointer-arith -Wwrite-strings -Wformat-security -Wundef -Wlogical-op -Wduplicated-cond -Werror
LINT_SRC = $(FLOORS_1_4) $(wildcard src/bind/*.c) $(MAIN_SRC)
LINT     = $(addprefix lint/,$(LINT_SRC))
LINT_LVL = $(addprefix lint/,$(LEVELED))
lint-c: $(LINT) $(LINT_LVL)
$(LINT) $(LINT_LVL): lint/%:
	@$(CC) $(COMMON) -O1 $(STRICT) $(LINT_FLAGS) -o /dev/null -c $*
	@clang $(COMMON) -Werror -Wno-unknown-pragmas $(LINT_FLAGS) -fsyntax-only $*
$(LINT): LINT_FLAGS = $(BLAS_CFLAGS) $(EDIT_CFLAGS)
$(LINT_LVL): LINT_FLAGS = $(KERNEL) -DTL_LEVEL=v2
lint-lua:
	@luacheck --quiet lua examples spec bench tools
.PHONY: $(LINT) $(LINT_LVL)

# the whole library compiles for 64-bit Arm (Debian's cross compiler; headers of Lua are the same)
ARM = aarch64-linux-gnu-gcc
MULTIARCH = $(shell $(CC) -print-multiarch)
# several states in several threads under ThreadSanitizer
threads-check:
	@$(MAKE) --no-print-directory -j$(JOBS) MODE=tsan build/tsan/proof/threads
	build/tsan/proof/threads

aarch64-check:
	@tools/deps.sh build aarch64
	@$(MAKE) --no-print-directory -j$(JOBS) aarch64-objects
ARM_SRC = $(LIB_SRC) $(LEVELED)
aarch64-objects: $(patsubst src/%.c,build/aarch64/%.o,$(ARM_SRC))
	@echo "aarch64: $(words $(ARM_SRC)) files compile"
build/aarch64/%.o: src/%.c
	@mkdir -p $(@D)
	@$(ARM) -std=gnu11 $(WARN) -Werror -Isrc -fPIC -ffp-contract=off -pthread -O1 $(KERNEL) -DTL_LEVEL=v2 \
	  -DTLUA_VERSION='"$(VERSION)"' -idirafter /usr/include/lua5.4 -idirafter /usr/include/$(MULTIARCH) $(patsubst -I%,-idirafter %,$(BLAS_CFLAGS)) -MMD -MP -c -o $@ $<
-include $(patsubst src/%.c,build/aarch64/%.d,$(ARM_SRC))

include cuda/cuda.mk

sizes:
	@$(LUA) tools/sizes.lua

docs: $(BIN)
	./$(BIN) tools/docs.lua docs/ops.md

docs-check: $(BIN)
	@./$(BIN) tools/docs.lua --check docs/ops.md

bench: $(BIN)
	./$(BIN) bench/overhead.lua
	./$(BIN) bench/train.lua
	./$(BIN) bench/memory.lua

check-all:
	@tools/check-all.sh

# --- installing ------------------------------------------------------------------------------------

BINDIR   = $(DESTDIR)$(PREFIX)/bin
LIBDIR   = $(DESTDIR)$(PREFIX)/lib
CMOD     = $(DESTDIR)$(PREFIX)/lib/lua/5.4
DOCDIR   = $(DESTDIR)$(PREFIX)/share/doc/tlua

install: $(BIN) $(SO) $(BUILD)/libtlua.a
	install -d $(BINDIR) $(LIBDIR)/pkgconfig $(CMOD) $(DOCDIR)/examples
	install -m 755 $(BIN) $(BINDIR)/tlua
	install -m 644 $(SO) $(CMOD)/torch.so
	install -m 644 $(BUILD)/libtlua.a $(LIBDIR)/libtlua.a
	if [ -f $(CUDA_PLUGIN) ]; then install -D -m 644 $(CUDA_PLUGIN) $(LIBDIR)/tlua/tlua_cuda.so; fi
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@BLAS_LIBS@|$(BLAS_LIBS)|' tools/tlua.pc.in > $(LIBDIR)/pkgconfig/tlua.pc
	install -m 644 LICENSE README.md CHANGELOG.md docs/*.md $(DOCDIR)
	cp -r examples/. $(DOCDIR)/examples

uninstall:
	rm -rf $(BINDIR)/tlua $(CMOD)/torch.so $(LIBDIR)/libtlua.a $(LIBDIR)/tlua/tlua_cuda.so $(LIBDIR)/pkgconfig/tlua.pc $(DOCDIR)
	rmdir $(LIBDIR)/tlua 2>/dev/null || true

clean:
	rm -rf build tlua torch.so tlua_cuda.so

.PHONY: all proofs deps test run-specs demo floors lint lint-c lint-lua threads-check aarch64-check aarch64-objects sizes docs docs-check \
        bench check-all install uninstall clean
.SECONDARY:
.DELETE_ON_ERROR:
