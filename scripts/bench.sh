#!/usr/bin/env bash
# Measures Sendgate and its rivals in the same run; arguments go to sendgate-bench (--help lists them).
#
# The figures go to docs/benchmarks.md and target/bench.json. A quiet machine gives quiet figures: nothing else should
# run on it. Without arguments, or with --quick, the wheel, the npm package, the jar, the C header and the Go module are
# measured beside their languages' libraries, too; those figures go to target/bench.json, the wheel's to the page as well.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"

# python_rivals: a venv with the wheel, built to be fast, and what it is measured beside.
python_rivals() {
    local hash
    hash="$(digest bench/python/requirements.txt)"
    if ! fresh bench-venv "$hash"; then
        say "Installing what the wheel is measured beside (about 30 seconds)"
        rm -rf "$TOOLS/bench-venv"
        python3 -m venv "$TOOLS/bench-venv"
        "$TOOLS/bench-venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            -r bench/python/requirements.txt maturin==1.16.0
        stamp bench-venv "$hash"
    fi
    rm -rf "$TOOLS/bench-wheels"
    "$TOOLS/bench-venv/bin/maturin" build --locked --quiet --release -m python/Cargo.toml \
        -i "$TOOLS/bench-venv/bin/python" --out "$TOOLS/bench-wheels"
    "$TOOLS/bench-venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
        "$TOOLS"/bench-wheels/*.whl
}

# javascript_rivals: the npm package, and what it is measured beside.
javascript_rivals() {
    local hash
    scripts/javascript.sh
    hash="$(digest bench/javascript/package-lock.json)"
    fresh bench-npm "$hash" && [ -d bench/javascript/node_modules ] && return
    (cd bench/javascript && npm ci --no-audit --no-fund)
    stamp bench-npm "$hash"
}

# jvm ARGUMENT...: a decision from Kotlin and Java beside their limiters; `--quick` and bench/jvm.py's arguments.
jvm() {
    have mvn || { say "Maven is not installed: nothing from Kotlin is measured" && return; }
    local quick=()
    [ "${1:-}" != --quick ] || { quick=(--quick) && shift; }
    cargo build --locked --quiet -p sendgate-ffi --features uniffi-bindgen
    cargo build --locked --quiet --release -p sendgate-ffi
    scripts/jvm.sh "$TARGET/release/libsendgate_ffi.so" "$TARGET/debug/uniffi-bindgen" -Pbench
    local classes=jvm/sendgate/target/sendgate-0.1.0.jar:jvm/bench/target/classes
    java -cp "$classes:jvm/bench/target/dependency/*" io.sendgate.bench.Bench "${quick[@]}" |
        python3 bench/jvm.py "$@"
}

cargo build --locked --release -p sendgate-bench
case "$*" in
'')
    python_rivals
    "$TARGET/release/sendgate-bench"
    "$TOOLS/bench-venv/bin/python" bench/python/bench.py --json "$TARGET/bench.json" --page docs/benchmarks.md
    "$TOOLS/bench-venv/bin/python" bench/python/gil.py --json "$TARGET/bench.json"
    javascript_rivals
    node bench/javascript/bench.mjs --json "$TARGET/bench.json"
    jvm --json "$TARGET/bench.json"
    bench/abi.sh --json "$TARGET/bench.json"
    ;;
--quick)
    python_rivals
    "$TARGET/release/sendgate-bench" --quick
    "$TOOLS/bench-venv/bin/python" bench/python/bench.py --quick
    "$TOOLS/bench-venv/bin/python" bench/python/gil.py --messages 200
    javascript_rivals
    node bench/javascript/bench.mjs --quick
    jvm --quick
    bench/abi.sh --quick
    ;;
*) exec "$TARGET/release/sendgate-bench" "$@" ;;
esac
