#!/usr/bin/env bash
# Sends through Sendgate with the official SDKs of Resend and Postmark, of which nothing is changed but the base URL:
# scripts/with-server.sh tests/dropin/run.sh. The SDKs are those of tests/sdk, pinned there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/lib.sh
. tests/sdk/packages.sh

[ -n "${SENDGATE_URL:-}" ] || fail "run this by scripts/with-server.sh"
sdks
failed=0
"$TOOLS/sdk-venv/bin/python" tests/dropin/send.py || failed=1
node tests/dropin/send.mjs || failed=1
exit $failed
