#!/usr/bin/env bash
# The JVM's runners, examples and the programs of its README, against a simulator of their own: jvm.sh DIRECTORY, where the
# library and sendgate-simulator are. scripts/jvm.sh has built the jars.
set -euo pipefail
built="$(cd "$1" && pwd)"
cd "$(dirname "$0")/../.."
work="$(mktemp -d)"
trap 'kill "$simulator" 2>/dev/null; rm -rf "$work"' EXIT
exec 3< <(exec "$built/sendgate-simulator" --port 0 --smtp-port 0 --smtps-port 0)
simulator=$!
read -r ready <&3
url="${ready#ready: }/sandbox/resend"
classes="jvm/sendgate/target/sendgate-0.1.0.jar:jvm/checks/target/classes:jvm/checks/target/dependency/*"
jvm() { java -cp "$classes" "$@"; }

jvm io.sendgate.checks.VectorsKt tests/vectors
jvm io.sendgate.checks.Vectors tests/vectors
jvm io.sendgate.checks.ExampleKt "$url" "$work"
jvm io.sendgate.checks.Example "$url" "$work"
for program in Hello HelloKt; do
    said="$(RESEND_URL="$url" jvm "$program" "$work/$program.db")"
    [ "$said" = "$(printf 'queued\nsent')" ] || { echo "error: the README's $program said: $said" >&2 && exit 1; }
done
echo "the README's programs ran"
