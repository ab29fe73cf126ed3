//! `sendgate-simulator`: see `--help`.

use sendgate_esp::args::{self, HELP, Order};
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match args::parse(&arguments) {
        Err(error) => {
            eprintln!("sendgate-simulator: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
        Ok(Order::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Order::Serve(options)) => match sendgate_esp::serve(&options, ready) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("sendgate-simulator: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

/// One line for whoever waits for it, at once.
fn ready(url: &str) {
    println!("ready: {url}");
    // Nobody reads: the program serves all the same.
    let _ = std::io::stdout().flush();
}
