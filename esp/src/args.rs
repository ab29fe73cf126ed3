//! The command line.

use std::path::PathBuf;

/// What the program is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Print [`HELP`].
    Help,
    /// Serve.
    Serve(Options),
}

/// How the program is to serve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The HTTP port; 0 for any free one.
    pub port: u16,
    /// The SMTP port with STARTTLS; 0 for any free one.
    pub smtp_port: u16,
    /// The SMTP port with TLS from the first byte; 0 for any free one.
    pub smtps_port: u16,
    /// The SQLite file; `None` for memory.
    pub state: Option<PathBuf>,
    /// The dialect that is also answered outside `/sandbox`.
    pub root: Option<String>,
    /// What ids and keys are made from.
    pub seed: u64,
    /// Where webhooks go that no setting sends elsewhere.
    pub webhook_url: Option<String>,
    /// Where the SMTP certificate is written.
    pub certificate_out: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 8025,
            smtp_port: 2525,
            smtps_port: 2465,
            state: None,
            root: None,
            seed: 0,
            webhook_url: None,
            certificate_out: None,
        }
    }
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// A sentence that names the argument which is wrong.
pub fn parse(arguments: &[String]) -> Result<Order, String> {
    let mut options = Options::default();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{option} wants a value"));
        match option {
            "--help" | "-h" => return Ok(Order::Help),
            "--port" => options.port = port(option, value()?)?,
            "--smtp-port" => options.smtp_port = port(option, value()?)?,
            "--smtps-port" => options.smtps_port = port(option, value()?)?,
            "--state" => options.state = Some(value()?).filter(|state| *state != ":memory:").map(PathBuf::from),
            "--root" => options.root = Some(value()?.to_string()),
            "--seed" => {
                let text = value()?;
                options.seed = text.parse().map_err(|_| format!("--seed wants a whole number, got '{text}'"))?;
            }
            "--webhook-url" => options.webhook_url = Some(value()?.to_string()),
            "--certificate-out" => options.certificate_out = Some(PathBuf::from(value()?)),
            other => return Err(format!("there is no option '{other}'")),
        }
    }
    Ok(Order::Serve(options))
}

fn port(option: &str, text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{option} wants a port from 0 to 65535, got '{text}'"))
}

/// What `--help` prints.
pub const HELP: &str = "\
sendgate-simulator: email service providers on this machine, for testing whatever sends

usage: sendgate-simulator [options]

  --port N               HTTP, for every provider's API and the inbox (8025; 0 for any free port)
  --smtp-port N          SMTP with STARTTLS (2525; 0 for any free port)
  --smtps-port N         SMTP with TLS from the first byte (2465; 0 for any free port)
  --state FILE           keeps everything in this SQLite file (:memory:)
  --root DIALECT         answers that dialect at / as well, for SDKs that take a host and no path
  --seed N               ids, keys and secrets are made from it (0)
  --webhook-url URL      where webhooks go; {dialect} in it becomes sendgrid, mailgun and so on
  --certificate-out FILE writes the SMTP certificate there, for clients to trust
  --help                 this text

It listens on 127.0.0.1 only, prints a line `ready: URL` for each listener, and ends with Ctrl+C.
simulator/README.md tells what it answers, and how to point SDKs at it.";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Order, String> {
        parse(&line.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn every_option_is_read() {
        let line = "--port 0 --smtp-port 1 --smtps-port 2 --state a.sqlite --root postmark --seed 7 --webhook-url http://x --certificate-out c";
        let options = Options {
            port: 0,
            smtp_port: 1,
            smtps_port: 2,
            state: Some("a.sqlite".into()),
            root: Some("postmark".into()),
            seed: 7,
            webhook_url: Some("http://x".into()),
            certificate_out: Some("c".into()),
        };
        assert_eq!(read(line), Ok(Order::Serve(options)));
        assert_eq!(read(""), Ok(Order::Serve(Options::default())));
        assert_eq!(read("--state :memory:"), Ok(Order::Serve(Options::default())));
        assert_eq!(read("--port 1 --help"), Ok(Order::Help));
    }

    #[test]
    fn a_wrong_argument_is_named() {
        assert_eq!(read("--port 65536").unwrap_err(), "--port wants a port from 0 to 65535, got '65536'");
        assert_eq!(read("--seed").unwrap_err(), "--seed wants a value");
        assert_eq!(read("--prot 1").unwrap_err(), "there is no option '--prot'");
    }

    #[test]
    fn the_help_names_every_option_with_its_default() {
        let default = Options::default();
        for (option, value) in [
            ("--port", default.port.to_string()),
            ("--smtp-port", default.smtp_port.to_string()),
            ("--smtps-port", default.smtps_port.to_string()),
            ("--seed", default.seed.to_string()),
        ] {
            let line = HELP.lines().find(|line| line.trim_start().starts_with(option)).unwrap();
            assert!(line.contains(&format!("({value}")), "{line}");
        }
    }
}
