#!/usr/bin/env bash
# Builds the Go runner against the installed library, and runs it: run.sh DIRECTORY-OF-THE-LIBRARY [in FILE | out FILE]
# With "abi" instead it checks the module itself: its tests with the race detector, its README, and its example.
set -euo pipefail
library="$(cd "$1" && pwd)"
cd "$(dirname "$0")"
root="$(cd ../../.. && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
"$root/tests/runners/prefix.sh" "$library" "$work/prefix"

export CGO_ENABLED=1 GOFLAGS=-mod=mod GOTOOLCHAIN=local PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig"
export CGO_CFLAGS="-O1 -Wall -Werror" CGO_LDFLAGS="-Wl,-rpath,$work/prefix/lib"
unformatted="$(gofmt -l . "$root/go")"
[ -z "$unformatted" ] || { echo "error: gofmt would change $unformatted" >&2 && exit 1; }
shift
if [ "${1:-}" = abi ]; then
    cd "$root/go"
    go vet ./...
    go test -race -count=1 .
    mkdir "$work/readme"
    awk '$0 == "```go" { on = 1; next } $0 == "```" { on = 0 } on' README.md >"$work/readme/main.go"
    printf 'module readme\n\ngo 1.21\n\nrequire sendgate.dev/go v0.0.0\n\nreplace sendgate.dev/go => %s\n' "$root/go" >"$work/readme/go.mod"
    said="$(cd "$work/readme" && go run .)"
    [ "$said" = 'later: true at 1800000000100' ] || { echo "error: the README says: $said" >&2 && exit 1; }
    go build -o "$work/send" ./example/send
    "$root/tests/runners/simulated.sh" "$library" "$work/send"
    echo "Go: the README and the example run"
    exit
fi
go vet ./...
go build -o "$work/vectors" .
[ $# -gt 0 ] || set -- "$root/tests/vectors"
"$work/vectors" "$@"
