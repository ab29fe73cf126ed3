#!/bin/sh
# Builds core for a bare wasm32 machine and fails unless the module imports nothing and decides right.
set -eu
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../../target/no_std}"
# The versions proven are the ones shipped.
cp ../../Cargo.lock Cargo.lock
cargo build --quiet --release --target wasm32-unknown-unknown
WASM="$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/sendgate_no_std_proof.wasm" node -e '
const bytes = require("fs").readFileSync(process.env.WASM);
const module = new WebAssembly.Module(bytes);
const imports = WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name}`);
if (imports.length > 0) throw new Error(`core imports ${imports.join(", ")}`);
const { decide, refused_cases, suites } = new WebAssembly.Instance(module).exports;
// 2026-12-01T10:00:00Z. Five and five fit into ten a second; six and six do not until the first six are a second old;
// eleven never do.
const now = 1796119200000n;
const said = [decide(5, now), decide(6, now), decide(11, now)];
const want = [0n, now + 1000n, -1n];
if (String(said) !== String(want)) throw new Error(`decided ${said}, want ${want}`);
if (suites() === 0 || refused_cases() !== suites()) throw new Error(`${refused_cases()} of ${suites()} suites answered`);
console.log(`no_std: 0 imports, ${bytes.length} bytes, decisions right`);
'
