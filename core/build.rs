//! Takes the blanks out of `data/openapi.json` (the one in `docs`), which a third of it are, before it is built in.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    let source = Path::new("data/openapi.json");
    println!("cargo::rerun-if-changed={}", source.display());
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("openapi.json"), without_blanks(&fs::read_to_string(source)?))
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
