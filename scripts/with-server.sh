#!/usr/bin/env bash
# Starts Sendgate as `make run` does, on a free port and a state directory of its own, and runs a command beside it.
#
# ACCOUNT names a file with fields of the development account in place of its own. The command finds SENDGATE_URL,
# SENDGATE_KEY, SENDGATE_ADMIN_TOKEN, and in SENDGATE_OUTPUT the file with what Sendgate printed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cargo build --locked --quiet -p sendgate-dev
work="$(mktemp -d)"
export SENDGATE_OUTPUT="$work/output"
: >"$SENDGATE_OUTPUT"
# A session of its own, so that workerd ends with its starter.
setsid "${CARGO_TARGET_DIR:-$ROOT/target}/debug/sendgate-dev" run --port "$(free_port)" --state "$work/state" \
    ${ACCOUNT:+--account "$ACCOUNT"} >"$SENDGATE_OUTPUT" 2>&1 &
server=$!
trap '{ kill -KILL -- "-$server"; wait "$server"; } 2>/dev/null || true; rm -rf "$work"' EXIT

deadline=$((SECONDS + 60))
until grep -q 'Ctrl+C' "$SENDGATE_OUTPUT"; do
    kill -0 "$server" 2>/dev/null || { cat "$SENDGATE_OUTPUT" >&2 && fail "Sendgate did not start"; }
    [ $SECONDS -lt $deadline ] || { cat "$SENDGATE_OUTPUT" >&2 && fail "Sendgate did not start in a minute"; }
    sleep 0.1
done
SENDGATE_URL="$(sed -n 's/^ready: //p' "$SENDGATE_OUTPUT")"
SENDGATE_KEY="$(sed -n 's/^key: //p' "$SENDGATE_OUTPUT")"
SENDGATE_ADMIN_TOKEN="$(sed -n 's/^admin token: //p' "$SENDGATE_OUTPUT")"
export SENDGATE_URL SENDGATE_KEY SENDGATE_ADMIN_TOKEN
"$@"
