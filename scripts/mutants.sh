#!/usr/bin/env bash
# Plants known bugs, one at a time, into a copy of the tree and expects the test that is named for each to fail:
# scripts/mutants.sh [PART-OF-A-NAME]. The bugs are in tests/mutants. A bug that no test notices fails this.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The copy keeps its place, so that what was compiled for it stays good from one run to the next.
work="${CARGO_TARGET_DIR:-$ROOT/target}/mutants"
exec python3 scripts/mutants.py "$ROOT" "$work" "$@"
