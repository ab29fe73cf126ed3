#!/usr/bin/env bash
# Builds the Go runner against sendgate.h and the built library, and runs it:
# run.sh DIRECTORY-OF-THE-LIBRARY [in FILE | out FILE]
set -euo pipefail
library="$(cd "$1" && pwd)"
cd "$(dirname "$0")"
root="$(cd ../../.. && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

export CGO_ENABLED=1 GOFLAGS=-mod=mod GOTOOLCHAIN=local
export CGO_CFLAGS="-I$root/ffi/include -Wall -Werror" CGO_LDFLAGS="-L$library -lsendgate_ffi -Wl,-rpath,$library"
unformatted="$(gofmt -l .)"
[ -z "$unformatted" ] || { echo "error: gofmt would change $unformatted" >&2 && exit 1; }
go vet ./...
go build -o "$work/vectors" .
shift
[ $# -gt 0 ] || set -- "$root/tests/vectors"
"$work/vectors" "$@"
