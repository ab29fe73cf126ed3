#!/usr/bin/env bash
# Builds the JVM's jars with the native library inside: jvm.sh LIBRARY BINDGEN [MAVEN ARGUMENT...]
#
# LIBRARY is libsendgate_ffi.so, with the feature vectors for the checks; BINDGEN is uniffi-bindgen of the same version.
set -euo pipefail
library="$(realpath "$1")"
bindgen="$(realpath "$2")"
shift 2
. "$(dirname "$0")/lib.sh"
package=jvm/sendgate
platform="linux-$(uname -m | tr _ -)"

mkdir -p "$package/target/native/$platform"
"$bindgen" generate --library "$library" --language kotlin --no-format \
    --out-dir "$package/target/generated-sources/uniffi"
cp "$library" "$package/target/native/$platform/"
[[ " $* " != *" -Pbench "* ]] || { cd jvm && exec mvn -q -B "$@" package -pl sendgate,bench; }
for language in java kotlin; do
    python3 scripts/block.py jvm/README.md "$language" "jvm/checks/target/readme/$language"
done
cd jvm
mvn -q -B "$@" package
