#!/usr/bin/env bash
# Starts the provider simulator, runs a program that sends one message to it, and looks whether it is there:
# simulated.sh DIRECTORY-OF-THE-SIMULATOR PROGRAM...    The program is given a file for its Mailroom and the base URL.
set -euo pipefail
simulator="$1/sendgate-simulator"
shift
work="$(mktemp -d)"
"$simulator" --port 0 --smtp-port 0 --smtps-port 0 >"$work/ready" &
started=$!
trap 'kill $started; wait $started 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    url="$(sed -n 's/^ready: \(http:.*\)$/\1/p' "$work/ready")"
    [ -n "$url" ] && break
    kill -0 $started || exit 1
    sleep 0.1
done
[ -n "$url" ] || { echo "error: the simulator says nothing" >&2 && exit 1; }
"$@" "$work/mail.db" "$url/sandbox/esp" >"$work/trace"
grep -q '"event":"sent"' "$work/trace" || { echo "error: not sent: $(cat "$work/trace")" >&2 && exit 1; }
curl -sSf "$url/sandbox/messages" | grep -q '"subject":"Order 42"' || { echo "error: no mail arrived" >&2 && exit 1; }
