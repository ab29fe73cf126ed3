#!/usr/bin/env bash
# Sends the messages of messages.py through the official SDKs to the simulator, and compares what they put on the wire
# with Sendgate's own requests and mails. The SDKs' helpers for receivers check the simulator's webhooks.
# tests/sdk/run.sh TARGET_DIRECTORY; everything runs on loopback and ends with this script.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib.sh
. tests/sdk/packages.sh

target="$1"
here="$ROOT/tests/sdk"
work="$(mktemp -d)"
started=()
finish() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

# port_of FILE PATTERN: the port in the line that a server prints when it listens.
port_of() {
    local n line
    for n in $(seq 100); do
        line="$(sed -n "s/$2/\1/p" "$1" | head -n 1)"
        [ -n "$line" ] && printf '%s\n' "$line" && return
        sleep 0.1
    done
    fail "no server came up: $(cat "$1")"
}

sdks
python3 "$here/messages.py" >"$work/messages.json"
"$target/sendgate-simulator" --port 0 --smtp-port 0 --smtps-port 0 --state :memory: \
    --certificate-out "$work/certificate.pem" >"$work/simulator.log" 2>&1 &
started+=($!)
port="$(port_of "$work/simulator.log" '.*http:\/\/127\.0\.0\.1:\([0-9]*\).*')"
smtp_port="$(port_of "$work/simulator.log" '.*smtp:\/\/127\.0\.0\.1:\([0-9]*\).*')"
# Windows and quotas are other tests' matter; a dialect that is set anew has none but those it is given.
curl -sSf -X PUT "http://127.0.0.1:$port/sandbox/settings" -d '{"resend": {"windows": []}, "ses": {"max_send_rate": 100000, "max_24_hour_send": 1000000},
    "smtp": {"most_recipients": 1000}}' >"$work/settings.json"
python3 "$here/record.py" "$port" "$work/theirs.jsonl" >"$work/recorder.log" &
started+=($!)
recorder="$(port_of "$work/recorder.log" '^\([0-9][0-9]*\)$')"
"$target/examples/requests" "$work/messages.json" "http://127.0.0.1:$recorder/sandbox" >"$work/ours.jsonl"
python3 - "$work" <<'PYTHON'
import json, pathlib, sys
work = pathlib.Path(sys.argv[1])
plan = {}
for line in (work / "ours.jsonl").read_text().splitlines():
    one = json.loads(line)
    plan.setdefault(one["provider"], []).extend([one["id"]] if "gaps" not in one else [])
assert all(len(ids) >= 40 for ids in plan.values()), {provider: len(ids) for provider, ids in plan.items()}
(work / "plan.json").write_text(json.dumps(plan))
PYTHON

failed=0
PYTHONPATH="$here" "$TOOLS/sdk-venv/bin/python" "$here/send.py" "$recorder" "$work/plan.json" \
    "$smtp_port" "$work/certificate.pem" || failed=1
python3 "$here/took.py" "$port" python "$work/theirs.jsonl"
# The same idempotency keys come again, with each SDK's own spelling of the body.
curl -sSf -X DELETE "http://127.0.0.1:$port/sandbox/messages" >/dev/null
node "$here/node/send.mjs" "$recorder" "$work/plan.json" "$work/messages.json" \
    "$smtp_port" "$work/certificate.pem" || failed=1
python3 "$here/took.py" "$port" node "$work/theirs.jsonl"
node "$here/node/receivers.mjs" "$port" || failed=1
python3 "$here/compare.py" "$work/ours.jsonl" "$work/theirs.jsonl" || failed=1
[ -z "${KEEP:-}" ] || cp -r "$work" "$KEEP"
exit $failed
