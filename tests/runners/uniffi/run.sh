#!/usr/bin/env bash
# Generates uniffi's Python bindings from the built library and runs them: run.sh DIRECTORY-OF-THE-LIBRARY PYTHON
set -euo pipefail
library="$(cd "$1" && pwd)/libsendgate_ffi.so"
cd "$(dirname "$0")/../../.."
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$1/uniffi-bindgen" generate --library "$library" --language python --no-format --out-dir "$work"
cp "$library" "$work"
PYTHONPATH="$work:tests/runners" "$2" tests/runners/uniffi/run.py
