#!/bin/sh
# Builds the WebAssembly of the npm package into javascript/dist.
# Takes WASM_BINDGEN_BIN, WASM_OPT_BIN and CARGO_TARGET_DIR as given; the checkout's own otherwise.
set -eu
cd "$(dirname "$0")/.."

bindgen=${WASM_BINDGEN_BIN:-.tools/bin/wasm-bindgen}
optimise=${WASM_OPT_BIN:-node_modules/binaryen/bin/wasm-opt}
for tool in "$bindgen" "$optimise"; do
    command -v "$tool" >/dev/null || { echo "build-javascript: $tool is missing: make setup installs it" >&2 && exit 1; }
done

# The Worker's profile: both compile the same libraries.
cargo build --locked --package sendgate-javascript --lib --profile worker --target wasm32-unknown-unknown

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bindgen" --target web --no-typescript --out-dir "$work" --out-name raw \
    "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/worker/sendgate_javascript.wasm"
# What every engine since 2022 has, and no more: Node 20 is among those that have to read it.
features="--enable-bulk-memory --enable-bulk-memory-opt --enable-nontrapping-float-to-int --enable-sign-ext
    --enable-mutable-globals --enable-reference-types --enable-multivalue"
# shellcheck disable=SC2086 # features are several words
"$optimise" -O3 $features --strip-debug --strip-producers "$work/raw_bg.wasm" -o "$work/sendgate.wasm"

mkdir -p javascript/dist
# The generated loader would name a file by itself; the entries say where the module is.
mv "$work/raw.js" "$work/sendgate.wasm" javascript/dist/

raw=$(cat javascript/dist/* | wc -c)
packed=$(cat javascript/dist/* | gzip -9 | wc -c)
echo "javascript/dist: $raw bytes, $packed gzipped"
# As the Worker: every decision with its tables of providers, time zones and names. Half of it is not the limiter's.
limit=1000000
[ "$packed" -le "$limit" ] || { echo "build-javascript: more than $limit bytes gzipped" >&2 && exit 1; }
