//! Prints `sendgate.h`, generated from the source of the C boundary.
//!
//! `cargo run -p sendgate-ffi --features header --bin sendgate-header`; `scripts/header.sh` puts it in its place.

use std::{io::stdout, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = match cbindgen::Config::from_file(room.join("cbindgen.toml")) {
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    let builder = cbindgen::Builder::new().with_config(config);
    match builder.with_src(room.join("src/c/mod.rs")).generate() {
        Ok(header) => {
            header.write(stdout());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
