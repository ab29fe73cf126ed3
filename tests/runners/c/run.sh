#!/usr/bin/env bash
# Compiles the programs in C and C++ against the headers and the built library, and runs them:
# run.sh DIRECTORY-OF-THE-LIBRARY [in FILE | out FILE]
set -euo pipefail
library="$(cd "$1" && pwd)"
cd "$(dirname "$0")/../../.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

strict=(-O1 -g -fsanitize=address,undefined -fno-sanitize-recover -Wall -Wextra -Werror -pedantic -Iffi/include)
links=(-L"$library" -lsendgate_ffi "-Wl,-rpath,$library")
# build LANGUAGE NAME: NAME of tests/runners/LANGUAGE, with every check that the compiler has.
build() {
    case $1 in
    c) cc -std=c11 "${strict[@]}" -pthread "tests/runners/c/$2.c" -o "$work/c-$2" "${links[@]}" ;;
    cpp) c++ -std=c++17 "${strict[@]}" "tests/runners/cpp/$2.cpp" -o "$work/cpp-$2" "${links[@]}" ;;
    esac
}
flatten() { PYTHONPATH=tests/runners python3 tests/runners/c/flatten.py "$@" >"$work/lines"; }

shift
build c vectors
case "$*" in
'')
    for name in tour objects threads; do build c $name; done
    for name in objects vectors; do build cpp $name; done
    "$work/c-tour"
    "$work/c-objects" "$work/c.db"
    "$work/c-threads"
    "$work/cpp-objects" "$work/cpp.db"
    flatten
    "$work/c-vectors" <"$work/lines"
    "$work/cpp-vectors" <"$work/lines"
    ;;
'in '* | 'out '*)
    flatten "$2"
    "$work/c-vectors" "$1" <"$work/lines"
    ;;
*) echo 'usage: run.sh DIRECTORY-OF-THE-LIBRARY [in FILE | out FILE]' >&2 && exit 1 ;;
esac
