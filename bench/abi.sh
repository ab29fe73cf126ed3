#!/usr/bin/env bash
# Measures the C header and the Go module: abi.sh [--quick] [--json PATH]
#
# Each is measured beside its rival in one process and in turns; the ratios are what counts. With --json the figures are
# added to the flat object in that file.
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"

TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
quick=() json=""
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=(--quick) ;;
    --json) json="$2" && shift ;;
    *) fail "usage: abi.sh [--quick] [--json PATH]" ;;
    esac
    shift
done
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo build --locked --quiet --release -p sendgate-ffi --features bench
cc -std=c11 -O2 -Wall -Wextra -Werror -Iffi/include bench/c/bench.c -o "$work/c" \
    -L"$TARGET/release" -lsendgate_ffi "-Wl,-rpath,$TARGET/release"
"$work/c" "${quick[@]}" >"$work/figures"
if have go && have cmake && have pkg-config; then
    tests/runners/prefix.sh "$TARGET/release" "$work/prefix"
    (
        cd bench/go
        export CGO_ENABLED=1 GOTOOLCHAIN=local PKG_CONFIG_PATH="$work/prefix/lib/pkgconfig"
        CGO_LDFLAGS="-Wl,-rpath,$work/prefix/lib" go build -o "$work/go" .
    )
    "$work/go" "${quick[@]}" >>"$work/figures"
else
    say "Go is not measured: go, cmake and pkg-config are needed"
fi
python3 - "$work/figures" "$json" <<'PY'
import json
import sys
from pathlib import Path

rows = {}
for line in Path(sys.argv[1]).read_text().splitlines():
    name, unit, ours, rival_figure, rival = line.split(" ", 4)
    ratio = float(rival_figure) / float(ours)
    rows[name] = {
        "value": float(ours), "unit": unit, "rival": rival, "rival_value": float(rival_figure), "ratio": ratio,
    }
    print(f"{name:24} {float(ours):8.2f} {unit}  {rival}: {float(rival_figure):8.2f} {unit}, {ratio:.2f} x")
if sys.argv[2]:
    file = Path(sys.argv[2])
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | rows, indent=2) + "\n")
PY
