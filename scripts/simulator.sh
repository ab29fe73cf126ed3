#!/usr/bin/env bash
# Builds the ESP simulator and starts it alone: providers' APIs, SMTP and webhooks on loopback. Arguments go to the program.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

say "Building the simulator (the first time about a minute)"
cargo build --locked --quiet -p sendgate-esp
exec "${CARGO_TARGET_DIR:-$ROOT/target}/debug/sendgate-simulator" "$@"
