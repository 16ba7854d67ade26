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
set -u
cd "$(dirname "$0")/.." || exit 2
[ $# = 1 ] || { echo "usage: tools/gpu-check.sh OUT" >&2; exit 2; }
mkdir -p "$1" || exit 2
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sim=${SIM:-}
[ "$sim" != 0 ] || sim=
parts=" ${GPU_CHECK_PARTS:-facts build smoke spec parity sanitizer bench} "
export LC_ALL=C.UTF-8
: > "$out/log.txt"
: > "$work/parts"

# ---- the tools at hand

kit=$PWD/build/gpu-kit
tlua=$PWD/tlua
busted=/usr/bin/busted
if [ -x "$kit/bin/tlua" ] && { ! "$tlua" -e '' 2> /dev/null || [ ! -e "$busted" ]; }; then
  tlua=$kit/bin/tlua
  busted=$kit/bin/busted
  export LD_LIBRARY_PATH="$kit/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export LUA_PATH="$kit/share/?.lua;$kit/share/?/init.lua;;" LUA_CPATH="$kit/clib/?.so;;"
fi
if [ -n "$sim" ]; then
  plugin=$PWD/build/cuda-sim/release/tlua_cuda.so
  export TLUA_CUDA_SIM=1
else
  plugin=$PWD/tlua_cuda.so
fi
export TLUA_CUDA=$plugin TLUA=$tlua TLUA_MODE=release
find_tool () {
  local name=$1 dir
  command -v "$name" && return
  for dir in "${CUDA_HOME:-/usr/local/cuda}/bin" /usr/local/cuda/bin; do
    [ -x "$dir/$name" ] && echo "$dir/$name" && return
  done
  return 1
}

# ---- parts

wanted () { case $parts in *" $1 "*) return 0 ;; esac; return 1; }

# part NAME SECONDS COMMAND...: prints go to the log; a line about it to the table
part () {
  local name=$1 limit=$2 start=$SECONDS status verdict
  shift 2
  echo "== $name" | tee -a "$out/log.txt"
  # a function runs in a shell of its own, which timeout can end with all that it started
  timeout -k 5 "$limit" bash -c "$(declare -f); $(declare -p out work sim tlua busted plugin kit python sanitizer 2> /dev/null); set -u; \"\$@\"" - "$@" \
    > "$work/now" 2>&1 < /dev/null
  status=$?
  cat "$work/now" >> "$out/log.txt"
  case $status in
    0) verdict=passed ;;
    3) verdict="not here" ;;
    124|137) verdict="over its $limit s" ;;
    *) verdict=FAILED ;;
  esac
  [ "$verdict" = passed ] || [ "$verdict" = "not here" ] || tail -n 15 "$work/now"
  local words=
  [ ! -f "$work/words" ] || words=$(cat "$work/words")
  rm -f "$work/words"
  echo "   $verdict${words:+: $words} ($((SECONDS - start)) s)"
  echo "| $name | $verdict | $words | $((SECONDS - start)) s |" >> "$work/parts"
  case $verdict in passed|"not here") ;; *) failed=1 ;; esac
}
say () { echo "$*" > "$work/words"; }
failed=0

json () { printf '%s' "$1" | tr -d '\n' | sed 's/[\\"]/\\&/g'; }

facts () {
  local card="" driver="" nvcc_version torch commit
  if [ -z "$sim" ] && command -v nvidia-smi > /dev/null; then
    card=$(nvidia-smi --query-gpu=name,memory.total,compute_cap --format=csv,noheader | head -n 1)
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader | head -n 1)
  fi
  [ -z "$sim" ] || card="simulated"
  nvcc_version=$("$(find_tool nvcc || echo true)" --version 2> /dev/null | sed -n 's/.*release //p')
  torch=
  [ -z "$python" ] || torch=$(cd / && "$python" -c 'import torch; print(torch.__version__)' 2> /dev/null)
  commit=$(git rev-parse --short HEAD 2> /dev/null || cat "$kit/commit" 2> /dev/null || echo unknown)
  cat > "$out/gpu.json" <<END
{ "card": "$(json "$card")", "driver": "$(json "$driver")", "nvcc": "$(json "$nvcc_version")", "pytorch": "$(json "$torch")",
  "processor": "$(json "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)")", "cores": $(nproc),
  "kernel": "$(json "$(uname -sr)")", "date": "$(date +%F)", "commit": "$(json "$commit")",
  "tlua": "$(json "$("$tlua" --version 2> /dev/null)")" }
END
  cat "$out/gpu.json"
  say "$card${driver:+, driver $driver}, commit $commit, $(date +%F)"
  [ -n "$card" ] || { say "no card is seen here"; return 1; }
}

build () {
  local jobs arch
  jobs=$(nproc)
  if ! "$tlua" -e '' 2> /dev/null; then make -j"$jobs" tlua || return 1; fi
  if [ -n "$sim" ]; then make -j"$jobs" cuda-sim JOBS="$jobs" || return 1
  elif find_tool nvcc > /dev/null && command -v make > /dev/null; then
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2> /dev/null | head -n 1 | tr -d .)
    export NVCC_APPEND_FLAGS="-t 0"
    make cuda JOBS="$jobs" NVCC="$(find_tool nvcc)" ${arch:+CUDA_ARCH="$arch"} || return 1
  elif [ -f "$kit/tlua_cuda.so" ]; then cp "$kit/tlua_cuda.so" "$plugin"
  fi
  [ -f "$plugin" ] || { say "there is no plugin and no nvcc"; return 1; }
  say "$(du -k "$plugin" | cut -f 1) KB"
}

smoke () {
  "$tlua" tools/gpu_smoke.lua | tee "$work/smoke"
  local status=${PIPESTATUS[0]}
  say "$(tail -n 1 "$work/smoke")"
  return "$status"
}

spec () {
  local list
  list=${GPU_CHECK_SPECS:-$(sed -n 's/^CUDA_SPECS *= *//p' cuda/cuda.mk)}
  [ -z "$sim" ] || list=${GPU_CHECK_SPECS:-spec/op/matmul_spec.lua spec/op/softmax_spec.lua spec/nn/linear_spec.lua}
  [ -e "$busted" ] || { say "busted is not here"; return 3; }
  # shellcheck disable=SC2086
  TLUA_DEVICE=cuda "$tlua" "$busted" --helper=spec/support/device.lua --output=TAP $list > "$out/spec.tap" 2> "$work/err"
  local status=$? good bad
  good=$(grep -c '^ok' "$out/spec.tap")
  bad=$(grep -c '^not ok' "$out/spec.tap")
  grep -A 6 '^not ok' "$out/spec.tap" | head -n 60
  tail -n 20 "$work/err"
  say "$good passed, $bad failed"
  return "$status"
}

parity () {
  local device=cuda few=
  [ -n "$python" ] || { say "PyTorch is not here"; return 3; }
  [ -z "$sim" ] || { device=cpu; few=few; }
  "$tlua" tools/gpu_parity.lua ask "$work" $few || return 1
  "$python" -W ignore tools/gpu_parity.py "$work" $device $few || { say "PyTorch did not answer"; return 1; }
  "$tlua" tools/gpu_parity.lua compare "$work" cuda $few > "$work/parity"
  local status=$?
  cat "$work/parity"
  cp "$work/parity.json" "$out/parity.json"
  say "$(grep -E '^operations' "$work/parity"); $(tail -n 1 "$work/parity")"
  return "$status"
}

sanitize () {
  local tool status=0 errors all=
  : > "$out/sanitizer.txt"
  export TLUA_CUDA_ALLOC=none                # exact blocks, so that one byte too far is seen
  for tool in memcheck racecheck initcheck; do
    echo "== $tool" >> "$out/sanitizer.txt"
    if [ -n "$sim" ]; then
      "$tlua" tools/gpu_parity.lua run - cuda few >> "$out/sanitizer.txt" 2>&1 || status=1
      say "no compute-sanitizer on a simulated card; the operations ran with exact blocks"
      break
    fi
    [ -n "$sanitizer" ] || { say "compute-sanitizer is not here"; return 3; }
    timeout -k 3 32 "$sanitizer" --tool $tool --error-exitcode 9 --print-limit 20 \
      "$tlua" tools/gpu_parity.lua run - cuda few >> "$out/sanitizer.txt" 2>&1 || status=1
    errors=$(sed -n 's/.*\(ERROR\|RACECHECK\) SUMMARY: //p' "$out/sanitizer.txt" | tail -n 1)
    all="$all${all:+; }$tool ${errors:-did not end}"
    say "$all"
  done
  tail -n 40 "$out/sanitizer.txt"
  return $status
}

bench () {
  if [ -n "$sim" ]; then
    "$tlua" bench/gpu.lua --scale small > "$out/bench.txt" || return 1
    say "small sizes, no figure means anything"
  else
    timeout -k 3 45 "$tlua" bench/gpu.lua > "$out/bench.txt"
    local status=$?
    cat "$out/bench.txt"
    if [ -n "$python" ]; then
      timeout -k 3 45 "$python" -P bench/peers/gpu.py > "$out/bench-pytorch.txt"
      cat "$out/bench-pytorch.txt"
    fi
    say "see below"
    return $status
  fi
}

# ---- all of them

python=
if wanted parity || wanted bench; then
  for p in ${PYTHON:-} ${sim:+""} python3 "${TLUA_PEERS:-.venv}/bin/python"; do
    [ -n "$sim" ] && [ "$p" != "${PYTHON:-}" ] && continue
    (cd / && timeout 60 "$p" -c 'import sys, torch; sys.exit(not (len(sys.argv) > 1 or torch.cuda.is_available()))' ${sim:+any}) \
      2> /dev/null && python=$p && break
  done
fi
sanitizer=$(find_tool compute-sanitizer || true)

wanted facts     && part facts 30 facts
wanted build     && part build 90 build
wanted smoke     && part smoke 25 smoke
wanted spec      && part spec 120 spec
wanted parity    && part parity 75 parity
wanted sanitizer && part sanitizer 100 sanitize
wanted bench     && part bench 95 bench

# ---- the table

{
  [ ! -f "$out/gpu.json" ] || sed -n 's/.*"card": "\([^"]*\)".*"driver": "\([^"]*\)".*/\1, driver \2/p' "$out/gpu.json"
  echo
  echo "| part | result | | time |"
  echo "| --- | --- | --- | --- |"
  cat "$work/parts"
  if [ -s "$out/bench.txt" ]; then
    echo
    echo "| | tlua | PyTorch | times |"
    echo "| --- | --- | --- | --- |"
    touch "$out/bench-pytorch.txt"
    awk -F '  +' '
      { split($2, v, " ") }
      FILENAME == ARGV[1] { theirs[$1] = v[1]; next }
      $1 in theirs && v[2] ~ /TFLOP/ { printf "| %s | %s %s | %s | %.2f |\n", substr($1, 5), v[1], v[2], theirs[$1], v[1] / theirs[$1]; next }
      $1 in theirs { printf "| %s | %s %s | %s | %.2f |\n", substr($1, 5), v[1], v[2], theirs[$1], theirs[$1] / v[1]; next }
      { printf "| %s | %s %s | | |\n", substr($1, 5), v[1], v[2] }
    ' "$out/bench-pytorch.txt" "$out/bench.txt"
    [ -s "$out/bench-pytorch.txt" ] || rm -f "$out/bench-pytorch.txt"
  fi
} > "$out/table.md"
echo
cat "$out/table.md"
exit $failed
