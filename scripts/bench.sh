#!/usr/bin/env bash
# Measures Sendgate and its rivals in the same run; arguments go to sendgate-bench (--help lists them).
#
# The figures go to docs/benchmarks.md and target/bench.json. A quiet machine gives quiet figures: nothing else should
# run on it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
cargo build --locked --release -p sendgate-bench
exec "$TARGET/release/sendgate-bench" "$@"
