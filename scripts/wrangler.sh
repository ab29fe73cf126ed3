#!/usr/bin/env bash
# Starts the production Worker under `wrangler dev` and asks it two questions; then has wrangler pack it for deployment.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

work="$(mktemp -d)"
export XDG_CONFIG_HOME="$work/config" WRANGLER_LOG_PATH="$work/logs" CI=true
port="$(free_port)"
setsid wrangler dev --env="" --ip 127.0.0.1 --port "$port" --inspector-port "$(free_port)" --persist-to "$work/state" \
    --var "SENDGATE_KEY_SECRET:a-secret-for-this-test-of-32-bytes" --var 'SENDGATE_CONFIG:{"accounts":{}}' \
    </dev/null >"$work/output" 2>&1 &
server=$!
trap '{ kill -KILL -- "-$server"; wait "$server"; } 2>/dev/null || true; rm -rf "$work"' EXIT

# ask PATH [CURL-OPTIONS]: the status of an answer, 000 when there is none.
ask() {
    local path="$1" status
    shift
    status="$(curl -s -m 10 -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$port$path")" || true
    printf '%s' "$status"
}

deadline=$((SECONDS + 300))
until [ "$(ask /healthz)" = 200 ]; do
    kill -0 "$server" 2>/dev/null || { cat "$work/output" >&2 && fail "wrangler dev ended"; }
    [ $SECONDS -lt $deadline ] || { cat "$work/output" >&2 && fail "GET /healthz did not answer 200 in five minutes"; }
    sleep 0.5
done
say "wrangler dev: GET /healthz answers 200"
status="$(ask /v1/send -X POST -H 'Content-Type: application/json' -d '{"messages":[]}')"
[ "$status" = 401 ] || fail "POST /v1/send without a key answered $status, and not 401"
say "wrangler dev: POST /v1/send without a key answers 401"

wrangler deploy --dry-run --env="" --outdir "$work/deploy"
