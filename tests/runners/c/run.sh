#!/usr/bin/env bash
# Compiles the C programs against sendgate.h and the built library, and runs them:
# run.sh DIRECTORY-OF-THE-LIBRARY [in FILE | out FILE]
set -euo pipefail
library="$(cd "$1" && pwd)"
cd "$(dirname "$0")/../../.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

for program in tour vectors; do
    cc -std=c11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover -Wall -Wextra -Werror -pedantic -Iffi/include "tests/runners/c/$program.c" -o "$work/$program" \
        -L"$library" -lsendgate_ffi -Wl,-rpath,"$library"
done
# The header serves C++ as well, where a compiler for it is.
if command -v c++ >/dev/null; then
    printf '#include "sendgate.h"\nint main() { return sendgate_abi_version() == 0; }\n' |
        c++ -x c++ -std=c++17 -Wall -Wextra -Werror -Iffi/include -fsyntax-only -
fi

shift
flatten() { PYTHONPATH=tests/runners python3 tests/runners/c/flatten.py "$@" >"$work/lines"; }
case "$*" in
'')
    "$work/tour"
    flatten
    "$work/vectors" <"$work/lines"
    ;;
'in '* | 'out '*)
    flatten "$2"
    "$work/vectors" "$1" <"$work/lines"
    ;;
*) echo 'usage: run.sh DIRECTORY-OF-THE-LIBRARY [in FILE | out FILE]' >&2 && exit 1 ;;
esac
