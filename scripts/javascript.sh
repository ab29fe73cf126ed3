#!/usr/bin/env bash
# Builds the npm package's WebAssembly unless nothing has changed since.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh
hash="$(digest core mime javascript/src javascript/Cargo.toml Cargo.toml Cargo.lock rust-toolchain.toml package-lock.json scripts/build-javascript.sh)"
if fresh javascript "$hash" && [ -f javascript/dist/sendgate.wasm ]; then
    exit 0
fi
say "Building the npm package's WebAssembly (1 to 3 minutes)"
scripts/build-javascript.sh
stamp javascript "$hash"
