//! Takes the blanks out of `docs/openapi.json`, which a third of it are, before it is built in.

use std::{env, fs, path::Path};

fn main() {
    let source = Path::new("../docs/openapi.json");
    println!("cargo::rerun-if-changed={}", source.display());
    let text = fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    let out = env::var("OUT_DIR").unwrap_or_else(|error| panic!("OUT_DIR: {error}"));
    if let Err(error) = fs::write(Path::new(&out).join("openapi.json"), without_blanks(&text)) {
        panic!("{out}: {error}");
    }
}

/// JSON means the same without the blanks that stand outside its strings.
fn without_blanks(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keeps = |character: &char| {
        let is_blank = character.is_ascii_whitespace() && !in_string;
        in_string ^= *character == '"' && !escaped;
        escaped = in_string && *character == '\\' && !escaped;
        !is_blank
    };
    json.chars().filter(keeps).collect()
}
