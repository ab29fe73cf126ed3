#!/usr/bin/env bash
# Installs the built library as a user would, by CMake: prefix.sh DIRECTORY-OF-THE-LIBRARY PREFIX
set -euo pipefail
library="$(cd "$1" && pwd)"
mkdir -p "$2"
prefix="$(cd "$2" && pwd)"
cd "$(dirname "$0")/../.."
build="$(mktemp -d)"
trap 'rm -rf "$build"' EXIT
{
    cmake -S ffi -B "$build" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DSENDGATE_LIBRARY_DIR="$library"
    cmake --install "$build"
} >"$build/log" 2>&1 || { cat "$build/log" >&2 && exit 1; }
