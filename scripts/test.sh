#!/usr/bin/env bash
# Every suite, as named steps. `scripts/test.sh` runs all of them in order, `scripts/test.sh fmt unit` runs those two.
#
# The first failure ends it unless KEEP_GOING=1. A step that cannot run for want of a tool is skipped with the reason;
# with CI=true that is a failure. The last line counts steps: N passed, N failed, N skipped.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

ALL=(fmt clippy unit proofs mutants drift no_std generated worker size vectors_python python python_types sdist clients vectors_c abi_c vectors_go abi_go vectors_uniffi
    jvm ruby javascript trace sdk e2e dropin contract browser readme wrangler)
PY="$TOOLS/venv/bin"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
# The crates that build for this machine; the Worker has its own target, the wheel its own builder.
NATIVE=(--locked --workspace --exclude sendgate-worker)

# --- the steps -------------------------------------------------------------------------------------------------------

step_fmt() { # formatting of Rust and Python
    cargo fmt --all --check
    python_tools
    local checked=(python bench/python tests/trace tests/runners tests/sdk tests/dropin tests/contract scripts)
    "$PY/ruff" format --no-cache --config python/pyproject.toml --check "${checked[@]}"
    "$PY/ruff" check --no-cache --config python/pyproject.toml "${checked[@]}"
}

step_clippy() { # lints, for this machine and for the Worker with and without its simulator
    scripts/setup.sh
    cargo clippy "${NATIVE[@]}" --all-targets -- -D warnings
    cargo clippy --locked -p sendgate-worker --target wasm32-unknown-unknown -- -D warnings
    cargo clippy --locked -p sendgate-worker --target wasm32-unknown-unknown --features sandbox -- -D warnings
}

step_unit() { # unit tests, properties and the vectors in Rust
    cargo test "${NATIVE[@]}" --exclude sendgate-python --exclude sendgate-tests
}

step_proofs() { # the large numbers of what is promised, in an optimised build: 20,000 lease runs, a million denials, ten million addresses, a million reports
    SENDGATE_LEASE_RUNS=20000 SENDGATE_DENIALS=1000000 SENDGATE_SET_ENTRIES=10000000 \
        cargo test --locked --profile proof -p sendgate-core --test lease_model --test limiter_clients --test suppression_set
    SENDGATE_EVENT_BODIES=1000000 cargo test --locked --profile proof -p sendgate-core --lib --test events -- \
        event::tests no_bytes_panic no_signed_shape_panics no_mail_panics
}

step_mutants() { # planted bugs, each noticed by the test that is named for it (about 4 minutes)
    scripts/mutants.sh
}

step_drift() { # a field, a variant or a name changed in the core fails the build of every room that must know (about a minute)
    scripts/drift.sh
}

step_no_std() { # the core builds where there is no standard library
    tests/no_std/check.sh
}

step_generated() { # what is generated and committed is what the generator says today
    cargo metadata --locked --format-version 1 >/dev/null
    scripts/header.sh --check
    scripts/swift.sh --check
    python3 scripts/openapi.py --check
}

step_worker() { # the Worker builds, for production and with the simulator
    scripts/setup.sh
    scripts/worker.sh release
    scripts/worker.sh dev
}

step_size() { # the production Worker stays inside its budget and holds no simulator
    scripts/setup.sh
    scripts/worker.sh release
    scripts/worker.sh dev
    scripts/size.sh
}

step_vectors_python() { # the shared vectors through the installed wheel, and states exchanged with it
    wheel
    PYTHONPATH=tests/runners "$PY/python" tests/runners/python/run.py
    exchange env PYTHONPATH=tests/runners "$PY/python" tests/runners/python/run.py
}

step_python() { # the wheel's own tests, with Django, FastAPI and OpenTelemetry, and its guide; its stubs against the module
    wheel
    cargo build --locked -p sendgate-esp
    "$PY/python" -m pytest -q -p no:cacheprovider python/tests
    "$PY/python" -m mypy.stubtest sendgate --allowlist python/stubtest-allowlist.txt
    python_examples
    MYPYPATH=tests/runners:python/tests "$PY/python" -m mypy --strict --cache-dir=/dev/null python/tests python/typing \
        tests/runners/python "$TOOLS/examples"
}

step_python_types() { # pyright, strict, over the examples and the test of types
    wheel
    python_examples
    pyright_package
    PATH="$PY:$PATH" python/typing/node_modules/.bin/pyright -p python/typing
}

step_sdist() { # the wheel built from its source distribution, alone in a fresh environment: every vector, every example (about a minute)
    local place="$TOOLS/sdist"
    python_tools
    rm -rf "$place"
    "$PY/maturin" sdist -m python/Cargo.toml --out "$place"
    # With the time of now: cargo takes files of the archive's own time for ones that it has built already.
    tar -C "$place" -xzmf "$place"/*.tar.gz
    # Its lock file names what the rest of the workspace needs, too, so that it is not `--locked`.
    (cd "$place"/sendgate-*/ && CARGO_TARGET_DIR="$TARGET" "$PY/maturin" build --offline --quiet --profile dev \
        -i "$PY/python" --out "$place/wheels")
    python3 -m venv "$place/venv"
    "$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$place"/wheels/*.whl
    "$place/venv/bin/python" -I python/tests/installed.py python/README.md
    PYTHONPATH=tests/runners "$place/venv/bin/python" tests/runners/python/run.py
    rm -rf "$place"
}

step_clients() { # the clients in JavaScript and Python: alone on a clock of their own, their types, and against workerd
    scripts/setup.sh
    client_packages
    node --test clients/javascript/test/*.test.mjs
    (cd clients/javascript && npx --no-install tsc --noEmit -p .)
    wheel
    "$PY/python" -m mypy --strict --cache-dir=/dev/null -p sendgate
    MYPYPATH=python/tests "$PY/python" -m mypy --strict --cache-dir=/dev/null python/tests
    "$PY/python" -m pytest -q -p no:cacheprovider python/tests/test_client_limits.py python/tests/test_client_send.py
    scripts/worker.sh dev
    scripts/with-server.sh node --test clients/javascript/e2e/workerd.test.mjs
    scripts/with-server.sh "$PY/python" -m pytest -q -p no:cacheprovider python/tests/e2e_client.py
}

step_vectors_c() { # the headers from C and C++: hand-written tours, the shared vectors, and states exchanged
    native_library
    tests/runners/c/run.sh "$TARGET/debug"
    exchange tests/runners/c/run.sh "$TARGET/debug"
}

step_abi_c() { # an installed Sendgate for C and C++: CMake, pkg-config, README, examples, valgrind, two threads
    native_tools
    native_library
    cargo build --locked -p sendgate-esp
    tests/runners/c/abi.sh "$TARGET/debug"
}

step_abi_go() { # the Go module: its tests with the race detector, its README and its example
    have go || skip "go is not installed"
    native_tools
    native_library
    cargo build --locked -p sendgate-esp
    tests/runners/go/run.sh "$TARGET/debug" abi
}

step_vectors_go() { # the shared vectors through the Go module, and states exchanged with it
    have go || skip "go is not installed"
    native_tools
    native_library
    tests/runners/go/run.sh "$TARGET/debug"
    exchange tests/runners/go/run.sh "$TARGET/debug"
}

step_vectors_uniffi() { # the shared vectors through uniffi's Python bindings, and states exchanged with them
    python_tools
    native_library
    tests/runners/uniffi/run.sh "$TARGET/debug" "$PY/python"
    exchange tests/runners/uniffi/run.sh "$TARGET/debug" "$PY/python"
}

step_javascript() { # the npm package: its size, types, tests and README, the shared vectors, and states exchanged with it
    scripts/javascript.sh
    scripts/size.sh javascript
    javascript_packages
    cargo build --locked -p sendgate-esp
    (cd javascript && npx --no-install tsc --noEmit -p .)
    SIMULATOR="$TARGET/debug/sendgate-simulator" node --test javascript/test/*.test.mjs
    node tests/runners/javascript/run.mjs
    exchange node tests/runners/javascript/run.mjs
}

step_trace() { # a million operations of one seed come out the same through Rust, the Worker, the wheel, JavaScript and the C ABI
    scripts/setup.sh
    wheel
    scripts/trace.sh 7 1000000
}

step_jvm() { # Kotlin and Java: the jar with the library inside, the shared vectors, the examples, the README's programs
    have mvn || skip "Maven is not installed"
    cargo build --locked -p sendgate-esp
    native_library
    scripts/jvm.sh "$TARGET/debug/libsendgate_ffi.so" "$TARGET/debug/uniffi-bindgen"
    tests/runners/jvm.sh "$TARGET/debug"
}

step_ruby() { # Ruby: the gem with the library inside, the shared vectors, the example, the README's program
    ruby_tools || skip "ruby and ruby-ffi are not installed"
    cargo build --locked -p sendgate-esp
    native_library
    tests/runners/ruby.sh "$TARGET/debug" "$(scripts/ruby.sh "$TARGET/debug")"
}

step_sdk() { # the official SDKs of Python and Node against the simulator, and their requests and mails against ours
    cargo build --locked -p sendgate-esp
    cargo build --locked -p sendgate-core --example requests
    tests/sdk/run.sh "$TARGET/debug"
}

step_e2e() { # the Worker on raw workerd, from outside
    scripts/setup.sh
    scripts/worker.sh dev
    cargo test --locked -p sendgate-tests
}

step_dropin() { # the official SDKs of Resend and Postmark send through Sendgate, errors included
    scripts/setup.sh
    scripts/worker.sh dev
    scripts/with-server.sh tests/dropin/run.sh
}

step_contract() { # the running Worker against docs/openapi.json: 5,000 cases of schemathesis and more (2 to 6 minutes)
    scripts/setup.sh
    python_tools
    scripts/worker.sh dev
    # Nobody listens on the discard port: no name is looked up outside.
    SENDGATE_RESOLVER=http://127.0.0.1:9/dns-query ACCOUNT=tests/contract/account.json \
        scripts/with-server.sh "$PY/python" tests/contract/run.py "$PY/st"
}

step_browser() { # the inbox in a headless browser
    scripts/setup.sh
    scripts/worker.sh dev
    CHROMIUM_BIN="$(chromium_bin)" || fail "no Chromium: install it, or name it in CHROMIUM_BIN"
    export CHROMIUM_BIN
    (cd tests/browser && browser_packages)
    mkdir -p tests/artefacts
    scripts/with-server.sh node --test tests/browser/inbox.test.mjs
}

step_readme() { # the README's commands, run as they stand
    scripts/setup.sh
    scripts/worker.sh dev
    scripts/with-server.sh python3 scripts/readme.py README.md
}

step_wrangler() { # wrangler starts the same Worker, and would deploy it
    scripts/setup.sh
    scripts/worker.sh release
    scripts/wrangler.sh
}

# --- what steps share ------------------------------------------------------------------------------------------------

# skip REASON: ends the step, which is neither passed nor failed.
skip() {
    [ "${CI:-}" = true ] && fail "$1"
    say "skipped: $1"
    exit 77
}

# native_library: the library behind the C ABI and its generator. One set of features for all steps, so that it is built once.
native_library() { cargo build --locked -p sendgate-ffi --features uniffi-bindgen,vectors; }

# python_tools: a venv with the pinned tools.
python_tools() {
    local hash
    hash="$(digest scripts/requirements-test.txt)"
    fresh venv "$hash" && return
    say "Installing Python test tools (about 20 seconds)"
    rm -rf "$TOOLS/venv"
    python3 -m venv "$TOOLS/venv"
    "$PY/python" -m pip install --quiet --disable-pip-version-check -r scripts/requirements-test.txt
    stamp venv "$hash"
}

# wheel: builds the wheel and installs it into the venv, as a user would.
wheel() {
    python_tools
    rm -rf "$TOOLS/wheels"
    "$PY/maturin" build --locked --quiet --profile dev -m python/Cargo.toml -i "$PY/python" --out "$TOOLS/wheels"
    "$PY/python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$TOOLS"/wheels/*.whl
}

# python_examples: the examples of the wheel's documentation as programs, for the type checkers.
python_examples() {
    rm -rf "$TOOLS/examples"
    "$PY/python" python/typing/examples.py "$TOOLS/examples"
}

# pyright_package: pyright, as python/typing/package-lock.json has it.
pyright_package() {
    local hash
    hash="$(digest python/typing/package.json python/typing/package-lock.json)"
    fresh pyright-npm "$hash" && [ -d python/typing/node_modules ] && return
    (cd python/typing && npm ci --no-audit --no-fund)
    stamp pyright-npm "$hash"
}

# exchange RUNNER...: limiter states from Rust to the runner, which goes on from them, and from the runner to Rust.
exchange() {
    local work rust="$TARGET/debug/examples/exchange"
    cargo build --locked --quiet -p sendgate-core --example exchange
    work="$(mktemp -d)"
    "$rust" in >"$work/in.json"
    "$rust" out >"$work/out.json"
    "$@" in "$work/in.json"
    "$@" out "$work/out.json" >"$work/answers"
    "$rust" check <"$work/answers"
    rm -rf "$work"
}

# native_tools: what C and C++ are installed and checked with; as root on Debian they are installed when there are none.
native_tools() {
    local tool missing=()
    for tool in cmake pkg-config valgrind; do have "$tool" || missing+=("$tool"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    have apt-get && [ "$(id -u)" = 0 ] || skip "install ${missing[*]}"
    say "Installing ${missing[*]} with apt-get (about 20 seconds)"
    apt-get update -qq
    # The debug symbols of the C library are what valgrind knows its functions by.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" libc6-dbg >/dev/null
}

# chromium_bin: prints the browser's path; as root on Debian it is installed when there is none.
chromium_bin() {
    if [ -n "${CHROMIUM_BIN:-}" ]; then
        printf '%s\n' "$CHROMIUM_BIN" && return
    fi
    command -v chromium || command -v chromium-browser || command -v google-chrome && return
    have apt-get && [ "$(id -u)" = 0 ] || return 1
    say "Installing Chromium with apt-get (about a minute)" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >&2
    command -v chromium
}

# ruby_tools: whether there is a Ruby with ffi; as root on Debian both are installed when not.
ruby_tools() {
    has_ruby() { have gem && ruby -rffi -e '' 2>/dev/null; }
    has_ruby && return
    have apt-get && [ "$(id -u)" = 0 ] || return 1
    say "Installing Ruby with apt-get (about 20 seconds)"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ruby ruby-ffi
    has_ruby
}

# browser_packages: playwright-core, beside the test that uses it.
browser_packages() {
    local hash
    hash="$(digest package-lock.json)"
    fresh browser-npm "$hash" && [ -d node_modules ] && return
    npm ci --no-audit --no-fund
    stamp browser-npm "$hash"
}

# client_packages: the TypeScript that reads the JavaScript client's declarations.
client_packages() {
    local hash
    hash="$(digest clients/javascript/package.json clients/javascript/package-lock.json)"
    fresh clients-npm "$hash" && [ -d clients/javascript/node_modules ] && return
    (cd clients/javascript && npm ci --no-audit --no-fund)
    stamp clients-npm "$hash"
}

# javascript_packages: TypeScript, and the SQLite that the npm package's tests bring.
javascript_packages() {
    local hash
    hash="$(digest javascript/package.json javascript/package-lock.json)"
    fresh javascript-npm "$hash" && [ -d javascript/node_modules ] && return
    (cd javascript && npm ci --no-audit --no-fund)
    stamp javascript-npm "$hash"
}

# --- running them ----------------------------------------------------------------------------------------------------

# run_step NAME: a header, the step in a shell of its own, its time.
run_step() {
    local started=$SECONDS status
    printf '\n=== %s:%s\n' "$1" "$(sed -n "s/^step_$1() { #\(.*\)/\1/p" scripts/test.sh)"
    set +e
    (
        set -e
        "step_$1"
    )
    status=$?
    set -e
    case $status in
    0) RESULT=passed ;;
    77) RESULT=skipped ;;
    *) RESULT=FAILED ;;
    esac
    printf '=== %s %s in %d s\n' "$1" "$RESULT" $((SECONDS - started))
    TABLE+="$(printf '  %-16s %-8s %5d s' "$1" "$RESULT" $((SECONDS - started)))"$'\n'
}

main() {
    local steps=("$@") step passed=0 failed=0 skipped=0
    # For `make trace`, which needs no step.
    if [ "$*" = --wheel ]; then wheel && return; fi
    [ $# -gt 0 ] || steps=("${ALL[@]}")
    for step in "${steps[@]}"; do
        declare -F "step_$step" >/dev/null || fail "no step is called '$step'; there are: ${ALL[*]}"
    done
    TABLE=""
    for step in "${steps[@]}"; do
        if [ $failed -gt 0 ] && [ "${KEEP_GOING:-}" != 1 ]; then
            TABLE+="$(printf '  %-16s not run' "$step")"$'\n'
            skipped=$((skipped + 1))
            continue
        fi
        run_step "$step"
        case $RESULT in
        passed) passed=$((passed + 1)) ;;
        skipped) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
        esac
    done
    printf '\n%s%d passed, %d failed, %d skipped\n' "$TABLE" $passed $failed $skipped
    [ $failed -eq 0 ]
}

main "$@"
