#!/usr/bin/env bash
# Builds the Worker unless nothing has changed since: `worker.sh dev` with the simulator, `worker.sh release` without.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case "${1:-}" in
dev) name=worker-dev flags=(--dev) out=wasm/build-dev rooms=(core mime wasm simulator tests/trace) ;;
release) name=worker-release flags=() out=wasm/build rooms=(core mime wasm) ;;
*) fail "usage: scripts/worker.sh dev|release" ;;
esac

hash="$(digest "${rooms[@]}" docs/openapi.json Cargo.toml Cargo.lock rust-toolchain.toml package-lock.json scripts/build-worker.sh)"
if fresh "$name" "$hash" && [ -d "$out" ]; then
    exit 0
fi
say "Building the Worker (1 to 5 minutes)"
scripts/build-worker.sh "${flags[@]}"
stamp "$name" "$hash"
