//! `sendgate-dev run`: Sendgate on this machine.

use sendgate_dev::{Reach, Settings, Workerd, checkout};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let order = match Order::parse(&arguments) {
        Ok(order) => order,
        Err(error) => {
            eprintln!("sendgate-dev: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match order {
        Order::Help => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Order::Run { port, state } => match run(port, state) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("sendgate-dev: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(port: u16, state: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let mut settings = Settings::development(&state, port);
    settings.reach = Reach::Loopback;
    let mut workerd = Workerd::start(settings)?;
    println!("ready: {}", workerd.base_url());
    workerd.wait()?;
    Ok(())
}

enum Order {
    Help,
    Run { port: u16, state: PathBuf },
}

impl Order {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut arguments = arguments.iter().map(String::as_str);
        match arguments.next() {
            Some("run") => {}
            None | Some("--help" | "-h" | "help") => return Ok(Self::Help),
            Some(other) => return Err(format!("there is no command '{other}'")),
        }
        let (mut port, mut state) = (DEFAULT_PORT, checkout().join(".sendgate"));
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{option} wants a value"));
            match option {
                "--port" => port = parse_port(value()?)?,
                "--state" => state = PathBuf::from(value()?),
                "--help" | "-h" => return Ok(Self::Help),
                other => return Err(format!("there is no option '{other}'")),
            }
        }
        Ok(Self::Run { port, state })
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(format!("--port must be a number from 1 to 65535, got '{text}'")),
    }
}

const DEFAULT_PORT: u16 = 8787;

const HELP: &str = "\
Starts Sendgate on this machine: the Worker in workerd, a development account and the email provider simulator.

Usage: sendgate-dev run [--port PORT] [--state DIR]

  --port PORT   the port on 127.0.0.1 (8787)
  --state DIR   where messages and the log are kept (.sendgate in the checkout)";
