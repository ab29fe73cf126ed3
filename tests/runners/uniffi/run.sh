#!/usr/bin/env bash
# Generates uniffi's Python bindings from the library built with the features uniffi-bindgen and vectors, and runs them:
# run.sh DIRECTORY-OF-THE-LIBRARY PYTHON [in FILE | out FILE]
set -euo pipefail
library="$(cd "$1" && pwd)/libsendgate_ffi.so"
python="$2"
bindgen="$(dirname "$library")/uniffi-bindgen"
cd "$(dirname "$0")/../../.."
shift 2
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$bindgen" generate --library "$library" --language python --no-format --out-dir "$work"
cp "$library" "$work"
PYTHONPATH="$work:tests/runners" "$python" tests/runners/uniffi/run.py "$@"
