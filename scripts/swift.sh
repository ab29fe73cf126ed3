#!/usr/bin/env bash
# Writes swift/Sources with the pinned uniffi, or with --check compares them with what is there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Without the feature vectors, which is no part of the package; with the generator, which is no part of the library's API.
cargo build --locked --quiet -p sendgate-ffi --features uniffi-bindgen
built="${CARGO_TARGET_DIR:-$ROOT/target}/debug"
"$built/uniffi-bindgen" generate --library "$built/libsendgate_ffi.so" --language swift --no-format --out-dir "$work"
mkdir "$work/Sendgate" "$work/sendgateFFI"
# The generator leaves blanks at the ends of lines.
sed 's/[[:space:]]*$//' "$work/sendgate.swift" >"$work/Sendgate/Sendgate.swift"
sed 's/[[:space:]]*$//' "$work/sendgateFFI.h" >"$work/sendgateFFI/sendgateFFI.h"
cat >"$work/sendgateFFI/module.modulemap" <<'END'
module sendgateFFI [system] {
    header "sendgateFFI.h"
    link "sendgate_ffi"
    export *
}
END
rm "$work"/sendgate*.*
if [ "${1:-}" = --check ]; then
    diff -ru swift/Sources "$work" || fail "swift/Sources are out of date: run scripts/swift.sh"
else
    rm -rf swift/Sources
    cp -r "$work" swift/Sources
fi
