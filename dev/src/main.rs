//! `sendgate-dev run`: Sendgate on this machine.

use sendgate_core::provider::ProviderKind;
use sendgate_dev::{Development, Settings, Workerd, checkout, simulated};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::thread::sleep;
use std::time::Duration;

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
        Order::Key { account, id } => match key(&account, &id) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("sendgate-dev: {error}");
                ExitCode::FAILURE
            }
        },
        Order::Run { port, state, provider, account } => match run(port, &state, provider, account.as_deref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("sendgate-dev: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(
    port: u16,
    state: &Path,
    provider: ProviderKind,
    account: Option<&Path>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut development = Development::open(state, provider)?;
    if let Some(account) = account {
        development.change(&std::fs::read_to_string(account)?)?;
    }
    let mut settings = Settings::development(state, port);
    settings.bindings.extend(development.bindings(port));
    // Who is asked about names, when it is not to be the internet.
    settings.bindings.extend(std::env::var(RESOLVER).ok().map(|resolver| (RESOLVER.into(), resolver)));
    let mut workerd = Workerd::start(settings)?;
    let base_url = workerd.base_url();
    println!("ready: {base_url}");
    println!("key: {}", development.key);
    println!("admin token: {}", development.admin_token());
    println!("inbox: {base_url}/sandbox/inbox");
    println!("\nSend a first message:\n\n{}\n", development.curl(&base_url));
    println!("Then read it in the inbox. Ctrl+C ends Sendgate; what it holds is kept in {}.", state.display());
    wait(&mut workerd)?;
    Ok(())
}

/// Waits for a signal to end, or for `workerd` to end by itself. Either way nothing is left running.
fn wait(workerd: &mut Workerd) -> Result<(), Box<dyn std::error::Error>> {
    let ending = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ending);
    ctrlc::set_handler(move || told.store(true, Ordering::SeqCst))?;
    while !ending.load(Ordering::SeqCst) && workerd.is_running()? {
        sleep(GLANCE);
    }
    workerd.kill();
    Ok(())
}

/// Makes an API key, and what a configuration says of it.
fn key(account: &str, id: &str) -> Result<(), Box<dyn std::error::Error>> {
    let secret =
        std::env::var(KEY_SECRET).map_err(|_| format!("{KEY_SECRET} must hold the deployment's key secret"))?;
    let mut entropy = [0; 16];
    getrandom::fill(&mut entropy).map_err(|error| error.to_string())?;
    let key = sendgate_core::key::issue(&secret, account, id, entropy)?;
    println!("key: {key}");
    println!("hash: {}", sendgate_core::key::hash(&key));
    Ok(())
}

enum Order {
    Help,
    Key { account: String, id: String },
    Run { port: u16, state: PathBuf, provider: ProviderKind, account: Option<PathBuf> },
}

impl Order {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut arguments = arguments.iter().map(String::as_str);
        match arguments.next() {
            Some("run") => {}
            Some("key") => {
                return match (arguments.next(), arguments.next(), arguments.next()) {
                    (Some(account), Some(id), None) => Ok(Self::Key { account: account.into(), id: id.into() }),
                    _ => Err("key wants an account and an id".into()),
                };
            }
            None | Some("--help" | "-h" | "help") => return Ok(Self::Help),
            Some(other) => return Err(format!("there is no command '{other}'")),
        }
        let (mut port, mut state) = (DEFAULT_PORT, checkout().join(".sendgate"));
        let (mut provider, mut account) = (ProviderKind::Sandbox, None);
        while let Some(option) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{option} wants a value"));
            match option {
                "--port" => port = parse_port(value()?)?,
                "--state" => state = PathBuf::from(value()?),
                "--provider" => provider = parse_provider(value()?)?,
                "--account" => account = Some(PathBuf::from(value()?)),
                "--help" | "-h" => return Ok(Self::Help),
                other => return Err(format!("there is no option '{other}'")),
            }
        }
        Ok(Self::Run { port, state, provider, account })
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        Ok(_) | Err(_) => Err(format!("--port must be a number from 1 to 65535, got '{text}'")),
    }
}

fn parse_provider(text: &str) -> Result<ProviderKind, String> {
    let mut spoken = ProviderKind::ALL.into_iter().filter(|kind| simulated(*kind).is_some());
    spoken.clone().find(|kind| kind.as_str() == text).ok_or_else(|| {
        let names: Vec<&str> = spoken.by_ref().map(ProviderKind::as_str).collect();
        format!("--provider must be one of {}, got '{text}'", names.join(", "))
    })
}

/// How often a running server is glanced at; a signal is heeded within this time.
const GLANCE: Duration = Duration::from_millis(100);

const RESOLVER: &str = "SENDGATE_RESOLVER";

const KEY_SECRET: &str = "SENDGATE_KEY_SECRET";

const DEFAULT_PORT: u16 = 8787;

const HELP: &str = "\
Starts Sendgate on this machine: the Worker in workerd, a development account and the email provider simulator.

Usage: sendgate-dev run [--port PORT] [--provider NAME] [--account FILE] [--state DIR]
       sendgate-dev key ACCOUNT ID

  --port PORT      the port on 127.0.0.1 (8787)
  --provider NAME  the dialect in which mail leaves to the simulator: sandbox, resend or postmark (sandbox)
  --account FILE   fields of the development account's configuration, as JSON, in place of its own
  --state DIR      where messages and the log are kept (.sendgate in the checkout)

key makes an API key with the secret in SENDGATE_KEY_SECRET and prints it with the hash that a configuration names.";
