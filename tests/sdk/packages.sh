# The official SDKs, for what tests with them: sourced behind scripts/lib.sh, never run.

# sdks: the pinned SDKs, in a venv of their own and beside the Node script.
sdks() {
    local hash here="$ROOT/tests/sdk"
    hash="$(digest "$here/requirements.txt")"
    if ! fresh sdk-venv "$hash"; then
        say "Installing the official Python SDKs (about 20 seconds)"
        rm -rf "$TOOLS/sdk-venv"
        python3 -m venv "$TOOLS/sdk-venv"
        "$TOOLS/sdk-venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
        stamp sdk-venv "$hash"
    fi
    hash="$(digest "$here/node/package-lock.json")"
    if ! fresh sdk-npm "$hash" || [ ! -d "$here/node/node_modules" ]; then
        say "Installing the official Node SDKs (about 20 seconds)"
        (cd "$here/node" && npm ci --silent --no-audit --no-fund)
        stamp sdk-npm "$hash"
    fi
}
