#!/usr/bin/env bash
# Installs what a build needs into the checkout: npm packages, the wasm target and wasm-bindgen.
# Run again with nothing changed, it takes less than a second.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# check_machine: everything that has to be there already, or one message that names all that is not.
check_machine() {
    local missing=()
    have rustup || missing+=("rustup, which brings Rust: https://rustup.rs")
    have cc || missing+=("a C compiler called cc: on Debian, apt install build-essential")
    if ! have node; then
        missing+=("Node.js 20 or later: https://nodejs.org")
    elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
        missing+=("Node.js 20 or later, found $(node --version): https://nodejs.org")
    fi
    have npm || missing+=("npm, which comes with Node.js")
    [ ${#missing[@]} -eq 0 ] && return
    say "Sendgate needs what is missing here:" >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 1
}

# install_rust: the pinned toolchain and its wasm target.
install_rust() {
    if ! rustc --version >/dev/null 2>&1; then
        say "Installing Rust $RUST_CHANNEL (about a minute)"
        rustup toolchain install "$RUST_CHANNEL" --profile minimal --component rustfmt --component clippy ||
            fail "Rust $RUST_CHANNEL is not installed and could not be downloaded"
    fi
    [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ] && return
    say "Adding the WebAssembly target to Rust (about 10 seconds)"
    rustup target add wasm32-unknown-unknown ||
        fail "the target wasm32-unknown-unknown could not be downloaded: run 'rustup target add wasm32-unknown-unknown' where a network is"
}

# install_node_packages: workerd, wrangler, esbuild, binaryen, as package-lock.json has them.
install_node_packages() {
    local hash
    hash="$(digest package.json package-lock.json)"
    fresh npm "$hash" && [ -d node_modules ] && return
    say "Installing workerd, esbuild and wasm-opt from npm (about 30 seconds)"
    npm ci --no-audit --no-fund
    stamp npm "$hash"
}

# install_wasm_bindgen: into .tools/bin, at the version that Cargo.toml pins. Without --locked: the lock file that it was
# published with names a version that is not on the registry any more.
install_wasm_bindgen() {
    local version
    version="$(pinned wasm-bindgen)"
    fresh wasm-bindgen-cli "$version" && return
    say "Building wasm-bindgen $version, once for this checkout (1 to 3 minutes)"
    # It runs for seconds a build: optimising it fully would take longer than it ever saves.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR="$TOOLS/target" \
        cargo install --root "$TOOLS" "wasm-bindgen-cli@$version"
    rm -rf "$TOOLS/target"
    stamp wasm-bindgen-cli "$version"
}

check_machine
mkdir -p "$TOOLS"
install_rust
install_node_packages
install_wasm_bindgen
