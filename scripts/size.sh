#!/usr/bin/env bash
# Fails when the production Worker is over its budget, or has the simulator in it; `size.sh javascript` when the npm
# package is over its own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = javascript ]; then
    files=(javascript/lib/*.js javascript/dist/raw.js javascript/dist/sendgate.wasm)
    limit="$(sed -n 's/^limit=\([0-9]*\)$/\1/p' scripts/build-javascript.sh)"
    packed="$(cat "${files[@]}" | gzip -9 | wc -c)"
    say "The npm package: $(cat "${files[@]}" | wc -c) bytes, $packed gzipped, of $limit at most"
    [ "$packed" -le "${limit:?scripts/build-javascript.sh names no limit}" ] || fail "the npm package is over its budget"
    exit
fi

files=(wasm/build/worker.js wasm/build/sendgate.wasm)
# The budget is the build's own.
limit="$(sed -n 's/^limit=\([0-9]*\)$/\1/p' scripts/build-worker.sh)"
raw="$(cat "${files[@]}" | wc -c)"
packed="$(cat "${files[@]}" | gzip -9 | wc -c)"
say "The Worker: $raw bytes, $packed gzipped, of $limit at most"
[ -n "$limit" ] || fail "scripts/build-worker.sh names no limit"
[ "$packed" -le "$limit" ] || fail "the Worker is over its budget"
if grep -q '/sandbox/inbox' "${files[@]}"; then fail "the simulator is in the production build"; fi
# The same question must find it where it is, or the line above says nothing.
grep -q '/sandbox/inbox' wasm/build-dev/worker.js wasm/build-dev/sendgate.wasm ||
    fail "the simulator is not in the development build, so its absence proves nothing"
