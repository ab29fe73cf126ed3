#!/usr/bin/env bash
# Writes ffi/include/sendgate.h from its source; with --check, fails when the committed one differs.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

header=ffi/include/sendgate.h
generate() { cargo run --locked --quiet -p sendgate-ffi --features header --bin sendgate-header; }

case "${1:-}" in
--check)
    diff -u "$header" <(generate) || fail "$header is not what its source says: run scripts/header.sh"
    ;;
'')
    mkdir -p "$(dirname "$header")"
    generate >"$header.new"
    mv "$header.new" "$header"
    ;;
*) fail "usage: scripts/header.sh [--check]" ;;
esac
