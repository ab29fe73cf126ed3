#!/bin/sh
# Builds the Worker: into wasm/build, or with --dev (the sandbox, neither minified nor
# optimised to the last, which takes longer than it saves) into wasm/build-dev.
# Takes WASM_BINDGEN_BIN, WASM_OPT_BIN, ESBUILD_BIN and CARGO_TARGET_DIR as given; the checkout's own otherwise.
set -eu
cd "$(dirname "$0")/.."

out=wasm/build entry=wasm/entry.js features="" minify=--minify
# By name, functions that are alike stand together, and gzip looks back only 32 KB: three in a hundred.
level="-Oz --reorder-functions-by-name"
case "${1:-}" in
--dev) out=wasm/build-dev entry=wasm/sandbox.js features="--features sandbox" minify="" level=-O1 ;;
"") ;;
*) echo "usage: $0 [--dev]" >&2 && exit 2 ;;
esac

bindgen=${WASM_BINDGEN_BIN:-.tools/bin/wasm-bindgen}
optimise=${WASM_OPT_BIN:-node_modules/binaryen/bin/wasm-opt}
bundle=${ESBUILD_BIN:-node_modules/esbuild/bin/esbuild}
for tool in "$bindgen" "$optimise" "$bundle"; do
    command -v "$tool" >/dev/null || { echo "build-worker: $tool is missing: make setup installs it" >&2 && exit 1; }
done

# shellcheck disable=SC2086 # features is two words or none
cargo build --package sendgate-worker --lib --profile worker --target wasm32-unknown-unknown $features

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$bindgen" --target web --no-typescript --experimental-reset-state-function --out-dir "$work" --out-name rust \
    "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/worker/sendgate_worker.wasm"
# shellcheck disable=SC2086 # level is one word or two
"$optimise" $level --all-features --disable-gc --strip-debug --strip-producers "$work/rust_bg.wasm" -o "$work/sendgate.wasm"

mkdir -p "$out"
# shellcheck disable=SC2086 # minify is one word or none
"$bundle" "$entry" --bundle $minify --format=esm --target=es2022 --alias:sendgate/rust="$work/rust.js" \
    --external:cloudflare:* --external:./sendgate.wasm --log-level=warning --outfile="$out/worker.js"
mv "$work/sendgate.wasm" "$out/sendgate.wasm"

raw=$(cat "$out/worker.js" "$out/sendgate.wasm" | wc -c)
packed=$(cat "$out/worker.js" "$out/sendgate.wasm" | gzip -9 | wc -c)
echo "$out: $raw bytes, $packed gzipped"
# The plain plan takes 3 MB gzipped, and every isolate pays for a large module when it starts.
limit=1000000
# The simulator is in development builds only.
[ -n "$features" ] || [ "$packed" -le "$limit" ] || { echo "build-worker: more than $limit bytes gzipped" >&2 && exit 1; }
