#!/usr/bin/env bash
# Compiles the C programs against sendgate.h and the built library, and runs them: run.sh DIRECTORY-OF-THE-LIBRARY
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

"$work/tour"
PYTHONPATH=tests/runners python3 tests/runners/c/flatten.py >"$work/lines"
"$work/vectors" <"$work/lines"
