#!/bin/bash
# check-all.sh -- every check there is, in every mode; writes its results into docs/checks.md.
set -u
cd "$(dirname "$0")/.." || exit 2
log=$(mktemp)
table=$(mktemp)
trap 'rm -f "$log" "$table"' EXIT
bad=0

step () {
  local name=$1; shift
  echo "== $name"
  local start=$SECONDS verdict=passed counts
  "$@" > "$log" 2>&1 < /dev/null || verdict=FAILED
  [ $verdict = passed ] || { bad=1; tail -n 40 "$log"; }
  counts=$(grep -aoE '[0-9]+ success(es)? / [0-9]+ failures? / [0-9]+ errors? / [0-9]+ pending' "$log" |
    awk '{ for (i = 1; i <= 7; i += 3) n[i] += $i; n[10] += $10 }
      END { if (NR) printf "%d passed, %d failed, %d errors, %d pending", n[1], n[4], n[7], n[10] }')
  echo "   $verdict ${counts:+($counts) }in $((SECONDS - start)) s"
  echo "| $name | $verdict | ${counts:-} | $((SECONDS - start)) s |" >> "$table"
}

step "make" make
step "make test" make test
step "specs as on a processor with AVX2" env TLUA_SIMD=v3 OPENBLAS_CORETYPE=Haswell make run-specs
step "specs as on one with SSE4" env TLUA_SIMD=v2 OPENBLAS_CORETYPE=Nehalem make run-specs
step "make MODE=asan test" make MODE=asan test
step "make MODE=hostile test" make MODE=hostile test
step "make MODE=debug test" make MODE=debug test
sim=TLUA_CUDA_SIM_
step "make test-cuda-sim" make test-cuda-sim
step "the same, streams late" env ${sim}ORDER=late make test-cuda-sim
step "the same, streams, blocks and threads shuffled" \
  env ${sim}ORDER=shuffle ${sim}BLOCKS=shuffle ${sim}THREADS=shuffle make test-cuda-sim
step "the same, blocks and threads in reverse" env ${sim}BLOCKS=reverse ${sim}THREADS=reverse make test-cuda-sim
step "make MODE=asan SIM_MODE=asan test-cuda-sim" make MODE=asan SIM_MODE=asan test-cuda-sim
if command -v nvcc > /dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then step "make cuda" make cuda; fi
step "make threads-check" make threads-check
step "make lint" make lint
step "make docs-check" make docs-check
step "make aarch64-check" make aarch64-check
step "make demo" make demo
step "make install" make install DESTDIR="$(mktemp -d)"
step "make bench" make bench

{
  sed '/<!-- results -->/q' docs/checks.md
  echo "$(date +%F), $(uname -m), $(nproc) cores,$(grep -m 1 'model name' /proc/cpuinfo | cut -d: -f2), $(./tlua --version)"
  echo
  echo "| check | result | specs | time |"
  echo "| --- | --- | --- | --- |"
  cat "$table"
  sed -n '/<!-- end -->/,$p' docs/checks.md
} > "$log"
cp "$log" docs/checks.md
exit $bad
