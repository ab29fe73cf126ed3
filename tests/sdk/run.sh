#!/usr/bin/env bash
# Starts the simulator on free ports and sends the shared messages to it with the official SDKs.
# `tests/sdk/run.sh python|node` runs one of them.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"

work="$(mktemp -d)"
simulator=
# ended: nothing is left running or lying about.
ended() {
    [ -z "$simulator" ] || kill "$simulator" 2>/dev/null || true
    rm -rf "$work"
}
trap ended EXIT

cargo build --locked --quiet -p sendgate-esp
"${CARGO_TARGET_DIR:-$ROOT/target}/debug/sendgate-simulator" --port 0 --smtp-port 0 --smtps-port 0 --root postmark \
    --certificate-out "$work/certificate.pem" >"$work/ready" &
simulator=$!
for _ in $(seq 200); do
    [ "$(grep -c '^ready: ' "$work/ready")" = 3 ] && break
    sleep 0.1
done
base="$(sed -n 's/^ready: \(http:.*\)/\1/p' "$work/ready")"
smtp="$(sed -n 's/^ready: smtp:.*:\([0-9]*\)$/\1/p' "$work/ready")"
[ -n "$base" ] && [ -n "$smtp" ] || fail "the simulator did not start"

# python: the SDKs in a venv of their own.
run_python() {
    local hash
    hash="$(digest tests/sdk/python/requirements.txt)"
    if ! fresh sdk-python "$hash"; then
        say "Installing the official Python SDKs (about 30 seconds)"
        rm -rf "$TOOLS/sdk-python"
        python3 -m venv "$TOOLS/sdk-python"
        "$TOOLS/sdk-python/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/sdk/python/requirements.txt
        stamp sdk-python "$hash"
    fi
    "$TOOLS/sdk-python/bin/python" -W ignore::DeprecationWarning tests/sdk/python/send.py "$base" "$smtp" "$work/certificate.pem"
}

# node: the SDKs as their lock file has them.
run_node() {
    have npm || fail "npm is not installed"
    [ -d tests/sdk/node/node_modules ] || (cd tests/sdk/node && npm ci --no-audit --no-fund --ignore-scripts --silent)
    node tests/sdk/node/send.mjs "$base" "$smtp" "$work/certificate.pem"
}

failed=0
for suite in "${@:-python node}"; do
    for one in $suite; do
        "run_$one" || failed=1
    done
done
exit "$failed"
