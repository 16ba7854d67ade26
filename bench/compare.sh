#!/bin/bash
# compare.sh [THREADS...] -- ours beside today's PyTorch, in one go, on the machine at hand: times, ratios, start-up, memory.
# PyTorch comes from PyPI into a virtual environment of its own ($TLUA_PEERS, or .venv beside this repository's Makefile).
set -eu
cd "$(dirname "$0")/.."
venv=${TLUA_PEERS:-.venv}
if [ ! -x "$venv/bin/python" ]; then
  echo "making a virtual environment with PyTorch in $venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q torch numpy
fi
[ -x ./tlua ] || make
python=$venv/bin/python
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$python" -P -c 'import torch; print("PyTorch", torch.__version__)'
./tlua --version
grep -m 1 'model name' /proc/cpuinfo || true

for threads in "${@:-1 2}"; do
  for n in $threads; do
    echo "== $n thread(s)"
    # one after the other, program by program, so that both see the same machine
    ./tlua bench/overhead.lua --threads "$n" > "$dir/ours"
    "$python" bench/peers/overhead.py --threads "$n" > "$dir/theirs"
    ./tlua bench/train.lua --threads "$n" >> "$dir/ours"
    "$python" bench/peers/poly.py --threads "$n" >> "$dir/theirs"
    "$python" bench/peers/two_layer.py --threads "$n" >> "$dir/theirs"
    awk -F '  +' '
      { split($2, v, " ") }
      FNR == NR { theirs[$1] = v[1]; next }
      $1 in theirs { printf "%-44s %9.1f %-3s PyTorch %9.1f   %6.2f times\n", $1, v[1], v[2], theirs[$1], theirs[$1] / v[1]; next }
      { printf "%-44s %9.1f %-3s\n", $1, v[1], v[2] }
    ' "$dir/theirs" "$dir/ours"
  done
done

echo "== start-up (median of 15) and peak resident memory"
start () {
  local name=$1; shift
  for _ in $(seq 15); do
    local a b
    a=$(date +%s%N); "$@" > /dev/null; b=$(date +%s%N)
    echo $(((b - a) / 1000))
  done | sort -n | sed -n 8p | awk -v name="$name" '{ printf "%-42s %10.1f ms\n", name, $1 / 1000 }'
}
start 'lua5.4 -e ""' lua5.4 -e ''
start 'tlua -e ""' ./tlua -e ''
start 'tlua -e "torch.ones(3)"' ./tlua -e 'torch.ones(3)'
start 'python -c "import torch"' "$python" -P -c 'import torch'
