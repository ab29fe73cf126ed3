#!/usr/bin/env bash
# Builds the gem with the native library inside, and prints its path: ruby.sh DIRECTORY
#
# DIRECTORY holds the library, built with the features uniffi-bindgen and, for the checks, vectors.
set -euo pipefail
built="$(cd "$1" && pwd)"
. "$(dirname "$0")/lib.sh"
mkdir -p "$TOOLS"
cd ruby
"$built/uniffi-bindgen" generate --library "$built/libsendgate_ffi.so" --language ruby --no-format --out-dir lib/sendgate >&2
mv lib/sendgate/sendgate.rb lib/sendgate/native.rb
cp "$built/libsendgate_ffi.so" lib/sendgate/
gem build --quiet sendgate.gemspec --output "$TOOLS/sendgate.gem" >/dev/null
printf '%s\n' "$TOOLS/sendgate.gem"
