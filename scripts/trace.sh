#!/usr/bin/env bash
# One random trace through every surface: `trace.sh SEED OPS`. tests/trace/README.md says what is in it.
#
# Prints a line a surface, `<surface> <SHA-256 of the log> <SHA-256 of the states>`, and fails when two differ.
# SURFACES names some of them; all by default.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

seed="${1:?usage: scripts/trace.sh SEED OPS}" ops="${2:?usage: scripts/trace.sh SEED OPS}"
target="${CARGO_TARGET_DIR:-$ROOT/target}"
surfaces="${SURFACES:-rust worker wheel javascript c}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
lines=()

# surface NAME COMMAND...: performs the trace by a program that takes TRACE LOG STATES.
surface() {
    local name="$1" log states
    shift
    [[ " $surfaces " == *" $name "* ]] || return 0
    "$@" "$work/trace" "$work/log" "$work/states"
    # An empty log would be the same everywhere, too.
    [ "$(wc -l <"$work/log")" = "$ops" ] || fail "$name: the log has $(wc -l <"$work/log") lines, not $ops"
    [ "$(wc -l <"$work/states")" -gt 600 ] || fail "$name: states are missing"
    log="$(sha256sum <"$work/log")" states="$(sha256sum <"$work/states")"
    told "$name ${log%% *} ${states%% *}"
    rm "$work/log" "$work/states"
}

told() {
    lines+=("$1")
    say "$1"
}

# in_workerd: the running Worker performs the trace itself, and answers the two hashes.
in_workerd() { curl -sSf --max-time 300 -H 'expect:' --data-binary "@$1" "$SENDGATE_URL/sandbox/trace"; }

if [ "${TRACE_IN_WORKERD:-}" ]; then
    in_workerd "$TRACE_IN_WORKERD"
    exit
fi

cargo build --locked --quiet -p sendgate-trace
"$target/debug/sendgate-trace" operations "$seed" "$ops" "$work/trace"
surface rust "$target/debug/sendgate-trace" run
if [[ " $surfaces " == *" worker "* ]]; then
    scripts/worker.sh dev
    told "worker $(TRACE_IN_WORKERD="$work/trace" scripts/with-server.sh scripts/trace.sh "$seed" "$ops")"
fi
surface wheel "${PYTHON:-$TOOLS/venv/bin/python}" tests/trace/trace.py
if [[ " $surfaces " == *" javascript "* ]]; then scripts/javascript.sh; fi
surface javascript node tests/trace/trace.mjs
if [[ " $surfaces " == *" c "* ]]; then
    cargo build --locked --quiet -p sendgate-ffi
    cc -std=c11 -O1 -Wall -Wextra -Werror -pedantic -Iffi/include tests/trace/trace.c -o "$work/trace-c" \
        -L"$target/debug" -lsendgate_ffi -Wl,-rpath,"$target/debug"
fi
surface c "$work/trace-c"

[ ${#lines[@]} -gt 0 ] || fail "no surface is called '$surfaces'"
agreed="$(printf '%s\n' "${lines[@]}" | cut -d' ' -f2- | sort -u)"
[ "$(printf '%s\n' "$agreed" | wc -l)" = 1 ] || fail "the surfaces do not agree"
[[ "$agreed" =~ ^[0-9a-f]{64}\ [0-9a-f]{64}$ ]] || fail "these are no hashes: $agreed"
