#!/bin/sh
# asan-specs.sh -- the specs that CI runs under the sanitizers: those that reach most memory in a few minutes.
for path in spec/tiny_spec.lua spec/proof spec/core spec/cpu spec/grad spec/bind spec/op spec/every_op_spec.lua; do
  [ -e "$path" ] && printf '%s ' "$path"
done
