#!/usr/bin/env bash
# Builds the JVM's jars with the native library inside: jvm.sh DIRECTORY [MAVEN ARGUMENT...]
#
# DIRECTORY holds the library, built with the features uniffi-bindgen and, for the checks, vectors.
set -euo pipefail
built="$(cd "$1" && pwd)"
shift
. "$(dirname "$0")/lib.sh"
package=packages/jvm/sendgate
platform="linux-$(uname -m | tr _ -)"

mkdir -p "$package/target/native/$platform"
"$built/uniffi-bindgen" generate --library "$built/libsendgate_ffi.so" --language kotlin --no-format \
    --out-dir "$package/target/generated-sources/uniffi"
cp "$built/libsendgate_ffi.so" "$package/target/native/$platform/"
[[ " $* " != *" -Pbench "* ]] || { cd packages/jvm && exec mvn -q -B "$@" package -pl sendgate,bench; }
for language in java kotlin; do
    python3 scripts/block.py packages/jvm/README.md "$language" "packages/jvm/checks/target/readme/$language"
done
cd packages/jvm
mvn -q -B "$@" package
