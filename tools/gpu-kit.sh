#!/bin/bash
# gpu-kit.sh [DIR] -- what a machine with a card but without Lua, OpenBLAS and busted needs to run tools/gpu-check.sh: tlua with
# the shared libraries it uses, busted, and the plugin where there is nvcc (CUDA_ARCH=90: for that card alone).  DIR is
# build/gpu-kit, where gpu-check.sh looks for it.
# Copy the whole tree with it; the two machines must both be x86-64, and the other one's C library not older than this one's.
set -u
cd "$(dirname "$0")/.." || exit 2
kit=${1:-build/gpu-kit}
set -e
make tlua
if command -v nvcc > /dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then make cuda; fi
rm -rf "$kit"
mkdir -p "$kit/bin" "$kit/lib" "$kit/share" "$kit/clib"
cp tlua "$kit/bin/tlua-itself"
cat > "$kit/bin/tlua" <<'END'
#!/bin/sh
kit=$(cd "$(dirname "$0")/.." && pwd)
LD_LIBRARY_PATH=$kit/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$kit/bin/tlua-itself" "$@"
END
chmod +x "$kit/bin/tlua"
ldd tlua | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | while read -r file; do
  case $(basename "$file") in
    libc.so.*|libm.so.*|libdl.so.*|libpthread.so.*|libgcc_s.so.*|ld-linux*) ;;       # every system has its own
    *) cp -L "$file" "$kit/lib/" ;;
  esac
done
# busted and what it requires, pure Lua and C, as Debian's packages have them
dpkg -L lua-busted lua-luassert lua-say lua-penlight lua-cliargs lua-mediator lua-term lua-system lua-filesystem lua-dkjson 2> /dev/null |
  while read -r file; do
    case $file in
      /usr/share/lua/5.4/*) sub=share/${file#/usr/share/lua/5.4/} ;;
      /usr/lib/*/lua/5.4/*.so) sub=clib/${file#/usr/lib/*/lua/5.4/} ;;
      *) continue ;;
    esac
    [ -f "$file" ] || continue
    mkdir -p "$kit/$(dirname "$sub")"
    cp -L "$file" "$kit/$sub"
  done
cp /usr/bin/busted "$kit/bin/busted"
[ ! -f tlua_cuda.so ] || cp tlua_cuda.so "$kit/tlua_cuda.so"
git rev-parse --short HEAD > "$kit/commit" 2> /dev/null || true
du -sh "$kit"
