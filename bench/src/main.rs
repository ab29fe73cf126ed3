//! `sendgate-bench`: Sendgate and its rivals, measured in the same run.
//!
//! Every figure stands beside the rival's, taken in turns with it, because two runs on a busy machine cannot be
//! compared. What is measured, how to read it and what is not fair about it is said in `page.md`, which becomes
//! `docs/benchmarks.md` with the figures of the last complete run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that did not do what it says must stop the run, not end in a figure"
)]

mod account;
mod catalogue;
mod direct;
mod greedy;
mod harness;
mod heap;
mod keyed;
mod machine;
mod ours;
mod provider;
mod random;
mod report;
mod rivals;
mod settings;
mod suppression;

use catalogue::GROUPS;
use harness::Bench;
use report::Row;
use settings::{HELP, Order, Settings};
use std::{error::Error, fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match Order::parse(&arguments) {
        Ok(Order::Help) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Order::List) => {
            GROUPS.iter().flat_map(|group| group.names).for_each(|name| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        Ok(Order::Run(settings)) => run(&settings),
        Err(error) => {
            eprintln!("sendgate-bench: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sendgate-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        eprintln!("built without optimisation: these figures say nothing; use `make bench`");
    }
    let mut bench = Bench::new(settings);
    for group in GROUPS.iter().filter(|group| group.names.iter().any(|name| settings.wants(name))) {
        (group.run)(&mut bench);
    }
    let rows = bench.into_rows();
    if rows.is_empty() {
        return Err("no measurement has that in its name; --list shows all names".into());
    }
    println!("{}", report::table(&rows));
    if let Some(path) = settings.json_path() {
        write(&path, &report::json(&rows))?;
    }
    if let Some(path) = settings.page_path() {
        write(&path, &report::page(&rows, &machine::describe()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    eprintln!("written: {}", path.display());
    Ok(())
}

/// The rows of a run, whatever made them.
type Rows = Vec<Row>;
