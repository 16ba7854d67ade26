#!/bin/bash
# gpu-check.sh OUT -- everything that only a machine with a card can say, in one command of at most eight minutes.
#
#   tools/gpu-check.sh out          a real card
#   SIM=1 tools/gpu-check.sh out    the simulated one: the same script on small sizes, so that it stays whole
#
# Each part has its own time limit, and one that fails never stops the next.  A short table comes last.  In OUT, at most eight
# files: gpu.json (facts), log.txt (what every part printed), spec.tap, parity.json, sanitizer.txt, bench.txt, bench-pytorch.txt,
# table.md (the form that docs/gpu.md takes).
#
# Without Lua, OpenBLAS or busted on the machine, build/gpu-kit (tools/gpu-kit.sh) is used.  PYTHON names a Python that has
# PyTorch, GPU_CHECK_SPECS the specs, GPU_CHECK_PARTS the parts ("facts build smoke spec parity sanitizer bench").
# shellcheck disable=SC2317
set -u
cd "$(dirname "$0")/.." || exit 2
[ $# = 1 ] || { echo "usage: tools/gpu-check.sh OUT" >&2; exit 2; }
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
self=$PWD/tools/gpu-check.sh
sim=${SIM:-}
[ "$sim" != 0 ] || sim=
export LC_ALL=C.UTF-8

# ---- the tools at hand

find_tool () {
  local dir
  command -v "$1" && return
  for dir in "${CUDA_HOME:-/usr/local/cuda}/bin" /usr/local/cuda/bin; do
    [ -x "$dir/$1" ] && echo "$dir/$1" && return
  done
  return 1
}

# a Python with a PyTorch that sees the card; on the simulated one only what PYTHON names
find_python () {
  local p
  for p in ${PYTHON:-} python3 "${TLUA_PEERS:-.venv}/bin/python"; do
    [ -z "$sim" ] || [ "$p" = "${PYTHON:-}" ] || continue
    case $p in /*) ;; */*) p=$PWD/$p ;; esac
    (cd / && timeout 60 "$p" -c 'import sys, torch; sys.exit(not (sys.argv[1] or torch.cuda.is_available()))' "$sim") 2> /dev/null &&
      echo "$p" && return
  done
}

kit=$PWD/build/gpu-kit
tlua=$PWD/tlua
busted=/usr/bin/busted
if [ -x "$kit/bin/tlua" ] && { ! "$tlua" -e '' 2> /dev/null || [ ! -e "$busted" ]; }; then
  tlua=$kit/bin/tlua
  busted=$kit/bin/busted
  export LUA_PATH="$kit/share/?.lua;$kit/share/?/init.lua;;" LUA_CPATH="$kit/clib/?.so;;"
fi
plugin=$PWD/tlua_cuda.so
if [ -n "$sim" ]; then
  plugin=$PWD/build/cuda-sim/release/tlua_cuda.so
  export TLUA_CUDA_SIM=1
fi
export TLUA_CUDA=$plugin TLUA=$tlua TLUA_MODE=release

# ---- the parts: 0 passed, 3 there is nothing here to do it with; `say` gives the words of the table

say () { echo "$*" > "$work/words"; }
json () { printf '%s' "$1" | tr -d '\n' | sed 's/[\\"]/\\&/g'; }
ask_card () { nvidia-smi --query-gpu="$1" --format=csv,noheader 2> /dev/null | head -n 1; }

part_facts () {
  local card=simulated driver="" torch="" commit
  if [ -z "$sim" ]; then
    card=$(ask_card name,memory.total,compute_cap)
    driver=$(ask_card driver_version)
  fi
  [ -z "$python" ] || torch=$(cd / && "$python" -c 'import torch; print(torch.__version__)' 2> /dev/null)
  commit=$(git rev-parse --short HEAD 2> /dev/null || cat "$kit/commit" 2> /dev/null || echo unknown)
  cat > "$out/gpu.json" <<END
{ "card": "$(json "$card")", "driver": "$(json "$driver")", "date": "$(date +%F)", "commit": "$(json "$commit")",
  "nvcc": "$(json "$("$(find_tool nvcc || echo false)" --version 2> /dev/null | sed -n 's/.*release //p')")",
  "pytorch": "$(json "$torch")", "tlua": "$(json "$("$tlua" --version 2> /dev/null)")",
  "processor": "$(json "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)")", "cores": $(nproc),
  "kernel": "$(json "$(uname -sr)")" }
END
  cat "$out/gpu.json"
  say "${card:-no card is seen here}${driver:+, driver $driver}, commit $commit, $(date +%F)"
  [ -n "$card" ]
}

part_build () {
  local jobs nvcc arch built=""
  jobs=$(nproc)
  nvcc=$(find_tool nvcc)
  if ! "$tlua" -e '' 2> /dev/null; then make -j"$jobs" tlua || return 1; fi
  if [ -n "$sim" ]; then make cuda-sim JOBS="$jobs" || return 1
  elif [ -n "$nvcc" ] && command -v make > /dev/null; then
    arch=$(ask_card compute_cap | tr -d .)
    export NVCC_APPEND_FLAGS="-t 0"
    if ! make cuda JOBS="$jobs" NVCC="$nvcc" CUDA_ARCH="${arch:-90}"; then
      [ -f "$kit/tlua_cuda.so" ] || return 1
      cp "$kit/tlua_cuda.so" "$plugin"
      built=", brought along: it could not be built here"
    fi
  elif [ -f "$kit/tlua_cuda.so" ]; then
    cp "$kit/tlua_cuda.so" "$plugin"
    built=", brought along"
  fi
  [ -f "$plugin" ] || { say "there is no plugin, and no nvcc to make it"; return 1; }
  say "$(du -k "$plugin" | cut -f 1) KB$built"
}

part_smoke () {
  "$tlua" tools/gpu_smoke.lua > "$work/smoke" 2>&1
  local status=$?
  cat "$work/smoke"
  say "$(tail -n 1 "$work/smoke")"
  return "$status"
}

# file by file, several at a time: most of a spec's time is the host's
part_spec () {
  local list name
  [ -e "$busted" ] || { say "busted is not here"; return 3; }
  # shellcheck disable=SC2016          # for make
  if [ -n "$sim" ]; then list="spec/op/matmul_spec.lua spec/op/softmax_spec.lua spec/nn/linear_spec.lua"
  else list=$(make -s --eval='gpu-check-specs: ; @echo $(CUDA_SPECS)' gpu-check-specs 2> /dev/null); fi
  list=${list:-spec/op spec/grad spec/autograd spec/nn spec/optim spec/every_op_spec.lua}
  for name in face lines memory mix products waits work; do list="$list spec/cuda/${name}_spec.lua"; done       # of any card
  list=${GPU_CHECK_SPECS:-$list}
  export busted TLUA_DEVICE=cuda
  : > "$out/spec.tap"
  # shellcheck disable=SC2086,SC2016          # a list, and a script for sh
  find $list -name '*_spec.lua' | sort | xargs -P "$(($(nproc) < 8 ? $(nproc) : 8))" -n 1 sh -c '
    case $2 in spec/cuda/*) unset TLUA_DEVICE ;; esac         # they say themselves where their tensors are
    "$TLUA" "$busted" --helper=spec/support/device.lua --exclude-tags=cpu --output=TAP "$2" > "$1/tap.$$" 2>&1 ||
      echo "# $2 ended with status $?" >> "$1/tap.$$"
    cat "$1/tap.$$" >> "$0"' "$out/spec.tap" "$work"
  local good bad lost
  good=$(grep -c '^ok' "$out/spec.tap")
  bad=$(grep -c '^not ok' "$out/spec.tap")
  lost=$(grep -c '^# .* ended with status' "$out/spec.tap")
  say "$good passed, $bad failed$([ "$lost" = 0 ] || echo ", $lost files did not end well")"
  grep -A 8 -E '^not ok|ended with status' "$out/spec.tap" | head -n 200
  [ "$good" -gt 0 ] && [ "$bad" = 0 ] && [ "$lost" = 0 ]
}

part_parity () {
  local device=cuda status few=()
  [ -n "$python" ] || { say "PyTorch is not here"; return 3; }
  [ -z "$sim" ] || { device=cpu; few=(few); }
  "$tlua" tools/gpu_parity.lua ask "$work" "${few[@]}" || return 1
  "$python" -W ignore tools/gpu_parity.py "$work" "$device" "${few[@]}" || { say "PyTorch did not answer"; return 1; }
  "$tlua" tools/gpu_parity.lua compare "$work" cuda "${few[@]}" > "$work/parity"
  status=$?
  cat "$work/parity"
  cp "$work/parity.json" "$out/parity.json"
  say "$(grep -E '^operations' "$work/parity"); $(tail -n 1 "$work/parity")"
  return "$status"
}

# exact blocks, so that one byte too far is seen
part_sanitizer () {
  local tool sanitizer status=0 told all=""
  export TLUA_CUDA_ALLOC=none
  : > "$out/sanitizer.txt"
  if [ -n "$sim" ]; then
    "$tlua" tools/gpu_parity.lua run - cuda few 2>&1 | tee "$out/sanitizer.txt"
    status=${PIPESTATUS[0]}
    say "simulated: no compute-sanitizer; $(tail -n 1 "$out/sanitizer.txt")"
    return "$status"
  fi
  sanitizer=$(find_tool compute-sanitizer) || { say "compute-sanitizer is not here"; return 3; }
  for tool in memcheck racecheck initcheck; do
    echo "== $tool" >> "$out/sanitizer.txt"
    timeout --foreground -k 2 28 "$sanitizer" --tool "$tool" --error-exitcode 9 --print-limit 20 \
      "$tlua" tools/gpu_parity.lua run - cuda few > "$work/$tool" 2>&1 || status=1
    cat "$work/$tool" >> "$out/sanitizer.txt"
    told=$(sed -n 's/.*SUMMARY: //p' "$work/$tool" | tail -n 1)
    all="$all${all:+; }$tool: ${told:-did not end}"
    say "$all"
  done
  tail -n 60 "$out/sanitizer.txt"
  return "$status"
}

part_bench () {
  local status
  if [ -n "$sim" ]; then
    "$tlua" bench/gpu.lua --scale small > "$out/bench.txt" || return 1
    say "small sizes, where no figure means anything"
    return 0
  fi
  timeout --foreground -k 2 37 "$tlua" bench/gpu.lua > "$out/bench.txt" 2>&1
  status=$?
  cat "$out/bench.txt"
  if [ -n "$python" ]; then
    timeout --foreground -k 2 37 "$python" bench/peers/gpu.py > "$out/bench-pytorch.txt" 2>&1
    cat "$out/bench-pytorch.txt"
  fi
  say "see below"
  return "$status"
}

# ---- one of them, in a process of its own that can be ended

if [ -n "${GPU_CHECK_NOW:-}" ]; then
  work=$GPU_CHECK_WORK
  python=$GPU_CHECK_PYTHON
  "part_$GPU_CHECK_NOW"
  exit
fi

# ---- all of them

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wanted=" ${GPU_CHECK_PARTS:-facts build smoke spec parity sanitizer bench} "
: > "$out/log.txt"
: > "$work/table"
failed=0
GPU_CHECK_PYTHON=$(find_python)
if [ -z "${TLUA_CUDA_LIBS:-}" ] && [ -z "$sim" ] && [ -n "$GPU_CHECK_PYTHON" ]; then       # the cuBLAS that PyTorch has
  TLUA_CUDA_LIBS=$(cd / && "$GPU_CHECK_PYTHON" -c 'import torch, glob, os
print(":".join(glob.glob(os.path.dirname(os.path.dirname(torch.__file__)) + "/nvidia/*/lib")))' 2> /dev/null)
  export TLUA_CUDA_LIBS
fi
export GPU_CHECK_PYTHON GPU_CHECK_WORK=$work

part () {
  local name=$1 limit=$2 start=$SECONDS verdict words=""
  case $wanted in *" $name "*) ;; *) return ;; esac
  echo "== $name" | tee -a "$out/log.txt"
  rm -f "$work/words"
  GPU_CHECK_NOW=$name timeout -k 5 "$limit" bash "$self" "$out" > "$work/now" 2>&1 < /dev/null
  case $? in
    0) verdict=passed ;;
    3) verdict="not here" ;;
    124|137) verdict="over its $limit s"; failed=1 ;;
    *) verdict=FAILED; failed=1 ;;
  esac
  cat "$work/now" >> "$out/log.txt"
  case $verdict in passed|"not here") ;; *) tail -n 20 "$work/now" ;; esac
  [ ! -f "$work/words" ] || words=$(cat "$work/words")
  echo "   $verdict${words:+: $words} ($((SECONDS - start)) s)"
  echo "| $name | $verdict | $words | $((SECONDS - start)) s |" >> "$work/table"
}
part facts 15
part build 75
part smoke 20
part spec 115
part parity 70
part sanitizer 95
part bench 80

{
  echo "| part | result | | time |"
  echo "| --- | --- | --- | --- |"
  cat "$work/table"
  if [ -z "$sim" ] && [ -s "$out/bench.txt" ]; then
    [ -f "$out/bench-pytorch.txt" ] || : > "$out/bench-pytorch.txt"
    echo
    echo "| | tlua | PyTorch | times as fast |"
    echo "| --- | --- | --- | --- |"
    awk -F '  +' '
      { split($2, v, " ") }
      FILENAME == ARGV[1] { theirs[$1] = v[1]; next }
      !/^gpu\// { next }
      !($1 in theirs) || !theirs[$1] || !v[1] { printf "| %s | %s %s | | |\n", substr($1, 5), v[1], v[2]; next }
      {
        times = v[2] ~ /FLOP/ ? v[1] / theirs[$1] : theirs[$1] / v[1]
        printf "| %s | %s %s | %s | %.2f |\n", substr($1, 5), v[1], v[2], theirs[$1], times
      }
    ' "$out/bench-pytorch.txt" "$out/bench.txt"
  fi
} > "$out/table.md"
echo
cat "$out/table.md"
exit $failed
