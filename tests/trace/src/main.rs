//! `sendgate-trace operations SEED OPS FILE` writes a trace; `sendgate-trace run TRACE LOG STATES` performs it.

use sendgate_trace::{Fault, Surface, operations};
use std::{error::Error, fs, io::Write, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["operations", seed, count, file] => write(seed, count, file),
        ["run", trace, log, states] => run(trace, log, states),
        _ => Err("usage: sendgate-trace operations SEED OPS FILE | run TRACE LOG STATES".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sendgate-trace: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(seed: &str, count: &str, file: &str) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(file, operations(seed.parse()?, count.parse()?))?)
}

fn run(trace: &str, log: &str, states: &str) -> Result<(), Box<dyn Error>> {
    let trace = fs::read_to_string(trace)?;
    let mut out = std::io::BufWriter::new(fs::File::create(log)?);
    let (mut surface, mut line) = (Surface::default(), String::new());
    for operation in trace.lines() {
        surface.perform(operation, &mut line).map_err(|fault: Fault| fault.to_string())?;
        out.write_all(line.as_bytes())?;
        line.clear();
    }
    out.flush()?;
    Ok(fs::write(states, surface.states())?)
}
