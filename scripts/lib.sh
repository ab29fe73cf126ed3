# Shared by the scripts: sourced, never run. The caller has set -euo pipefail.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
TOOLS="$ROOT/.tools"
STAMPS="$TOOLS/stamps"
export PATH="$TOOLS/bin:$ROOT/node_modules/.bin:$PATH"
# worker-build would download these three.
export WASM_BINDGEN_BIN="$TOOLS/bin/wasm-bindgen"
export ESBUILD_BIN="$ROOT/node_modules/.bin/esbuild"
export WASM_OPT_BIN="$ROOT/node_modules/.bin/wasm-opt"
export WRANGLER_SEND_METRICS=false

say() { printf '%s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# have COMMAND
have() { command -v "$1" >/dev/null 2>&1; }

# digest PATH...: one hash over the content and the names of all files under the paths.
digest() {
    find "$@" -type f -not -path '*/build/*' -not -path '*/build-dev/*' -not -path '*/node_modules/*' -print0 2>/dev/null |
        sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# fresh NAME HASH: whether the step called NAME was last finished with this HASH.
fresh() { [ -f "$STAMPS/$1" ] && [ "$(cat "$STAMPS/$1")" = "$2" ]; }

# stamp NAME HASH: the step called NAME is finished with this HASH.
stamp() {
    mkdir -p "$STAMPS"
    printf '%s\n' "$2" >"$STAMPS/$1"
}

# pinned CRATE: the version that Cargo.toml pins to the letter.
pinned() { sed -n "s/^$1 = \"=\(.*\)\"\$/\1/p" Cargo.toml; }

# choose_toolchain: the toolchain that rust-toolchain.toml names, in RUST_CHANNEL. When it is not installed under its
# number but `stable` is that very version, `stable` serves.
choose_toolchain() {
    RUST_CHANNEL="$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)"
    rustup run "$RUST_CHANNEL" rustc --version >/dev/null 2>&1 && return
    if rustup run stable rustc --version 2>/dev/null | grep -q "^rustc $RUST_CHANNEL "; then
        export RUSTUP_TOOLCHAIN=stable
    fi
}

# free_port: a TCP port nobody listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

if have rustup; then choose_toolchain; fi
