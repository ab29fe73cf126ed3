#!/usr/bin/env bash
# Builds Sendgate with its simulator and starts it on loopback. PORT chooses the port, 8787 by default; PROVIDER the dialect
# in which mail leaves to the simulator: sandbox (the default), or any provider that speaks HTTP.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

PORT="${PORT:-8787}"
case "$PORT" in
'' | *[!0-9]*) fail "PORT must be a number from 1 to 65535, got '$PORT'" ;;
esac
{ [ "$PORT" -ge 1 ] && [ "$PORT" -le 65535 ]; } || fail "PORT must be a number from 1 to 65535, got '$PORT'"
if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
    fail "port $PORT is taken by another program: make run PORT=$((PORT < 65535 ? PORT + 1 : 8787))"
fi

scripts/setup.sh
scripts/worker.sh dev
say "Building the launcher (the first time about a minute)"
cargo build --locked -p sendgate-dev
exec cargo run --locked --quiet -p sendgate-dev -- run --port "$PORT" --provider "${PROVIDER:-sandbox}"
