#!/usr/bin/env bash
# Changes a field, a variant or a name of the core in a copy of the tree, one at a time, and expects every room that must
# know to fail to compile: scripts/drift.sh [PART-OF-A-NAME]. The changes are in tests/drift.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# What is compiled of other people's code is shared with the other steps: it does not depend on where the copy is.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}"
exec python3 scripts/drift.py "$ROOT" "$CARGO_TARGET_DIR/drift" "$@"
