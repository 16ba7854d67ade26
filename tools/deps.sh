#!/bin/sh
# deps.sh build|test|lint|aarch64 ... -- installs the Debian packages that are missing, and says so first.
set -e
build="gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev libopenblas-pthread-dev libopenblas0-pthread libedit-dev"
test="lua-busted lua-filesystem lua5.4 g++"
lint="lua-check clang"
aarch64="gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

want=
for group in "$@"; do
  case $group in
    build) want="$want $build" ;;
    test) want="$want $test" ;;
    lint) want="$want $lint" ;;
    aarch64) want="$want $aarch64" ;;
    *) echo "deps.sh: unknown group $group" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query > /dev/null; then
  echo "This is not a Debian system; please see docs/dependencies.md. Going on without installing anything." >&2
  exit 0
fi
missing=
for p in $want; do
  case $(dpkg-query -W -f='${db:Status-Status}' "$p" 2> /dev/null) in
    installed) ;;
    *) missing="$missing $p" ;;
  esac
done
[ -z "$missing" ] && exit 0

as=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "Missing packages:$missing" >&2
    echo "Please install them as root:  apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  as=sudo
fi
echo "Installing Debian packages${as:+ (through sudo)}:$missing"
export DEBIAN_FRONTEND=noninteractive
$as apt-get update -q -o Acquire::Retries=3 < /dev/null > /dev/null || echo "apt-get update failed; trying with the lists that are here" >&2
$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 $missing < /dev/null
