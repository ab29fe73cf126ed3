//! One `workerd` process that serves one state directory on one port.

use crate::{capnp, checkout};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What to serve, and where.
#[derive(Clone)]
pub struct Settings {
    /// The directory with `worker.js` and `sendgate.wasm`.
    pub build: PathBuf,
    /// Where the objects and the log are kept. A second start on the same directory finds them again.
    pub state: PathBuf,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// Text bindings: name and value.
    pub bindings: Vec<(String, String)>,
    /// Which hosts the Worker can reach.
    pub reach: Reach,
    /// Certificates in PEM that a server on this machine may show.
    pub roots: Vec<String>,
    /// Bindings that stand for a service of the platform: name, and the module whose default export is called.
    pub services: Vec<(String, String)>,
    /// The module that everything goes to that the Worker fetches, whatever its URL; the hosts of `reach` are its
    /// `env.internet`. `None`: those hosts themselves.
    pub outbound: Option<String>,
    /// Workers beside this one that call what only the platform calls: a port on 127.0.0.1, and the module that serves it;
    /// this Worker is its `env.sendgate`.
    pub callers: Vec<(u16, String)>,
}

impl Settings {
    /// The development build on `port`, kept under `state`, with no bindings and no way out.
    #[must_use]
    pub fn development(state: &Path, port: u16) -> Self {
        Self {
            build: checkout().join("wasm/build-dev"),
            state: state.to_owned(),
            port,
            bindings: Vec::new(),
            reach: Reach::Loopback,
            roots: Vec::new(),
            services: Vec::new(),
            outbound: None,
            callers: Vec::new(),
        }
    }

    /// The same with one more text binding.
    #[must_use]
    pub fn bind(mut self, name: &str, value: &str) -> Self {
        self.bindings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Which hosts the Worker can reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// This machine only.
    Loopback,
    /// Every host, with TLS.
    Internet,
}

/// A running `workerd`. Dropped, it is killed.
pub struct Workerd {
    settings: Settings,
    child: Child,
}

impl Workerd {
    /// Starts it and waits until `GET /healthz` answers 200.
    ///
    /// # Errors
    /// A file is missing, the process ended, or it did not answer in time. The text shows the end of its log.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        // Whoever holds the port would answer for us.
        TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))
            .map_err(|error| StartError::Port { port: settings.port, error })?;
        let child = spawn(&settings)?;
        let mut running = Self { settings, child };
        running.wait_until_healthy()?;
        Ok(running)
    }

    /// `http://127.0.0.1:<port>`, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.settings.port)
    }

    /// What it has written to its log since it was first started on its state directory.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = fs::read(log_path(&self.settings)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends it at once, wherever it stands: `SIGKILL`.
    pub fn kill(&mut self) {
        // An error says that it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Kills it and starts it again on the same state and port.
    ///
    /// # Errors
    /// As [`Workerd::start`].
    pub fn restart(&mut self) -> Result<(), StartError> {
        self.kill();
        self.child = spawn(&self.settings)?;
        self.wait_until_healthy()
    }

    /// The id of its process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended by itself.
    ///
    /// # Errors
    /// The system could not tell.
    pub fn is_running(&mut self) -> io::Result<bool> {
        self.child.try_wait().map(|ended| ended.is_none())
    }

    fn wait_until_healthy(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + START_TIME;
        loop {
            match healthz(self.settings.port) {
                Ok(200) => return Ok(()),
                Ok(_) | Err(_) if Instant::now() < deadline => sleep(POLL),
                Ok(status) => return Err(self.failed(format!("GET /healthz answers {status}"))),
                Err(error) => return Err(self.failed(format!("GET /healthz does not answer: {error}"))),
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(format!("workerd ended with {status}")));
            }
        }
    }

    fn failed(&self, what: String) -> StartError {
        let log = self.log();
        let start = log.char_indices().rev().nth(LOG_TAIL).map_or(0, |(at, _)| at);
        StartError::NotHealthy { what, log: log.get(start..).unwrap_or_default().to_owned() }
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Why `workerd` does not serve.
#[derive(Debug)]
pub enum StartError {
    /// A file that has to be there is not.
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What makes it.
        remedy: &'static str,
    },
    /// The port cannot be listened on.
    Port {
        /// Which.
        port: u16,
        /// Why.
        error: io::Error,
    },
    /// The system refused.
    Io(io::Error),
    /// It started and did not answer.
    NotHealthy {
        /// What was seen.
        what: String,
        /// The end of its log.
        log: String,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path, remedy } => write!(f, "{} is missing; {remedy}", path.display()),
            Self::Port { port, error } => write!(f, "port {port} on 127.0.0.1 cannot be used: {error}"),
            Self::Io(error) => write!(f, "{error}"),
            Self::NotHealthy { what, log } => write!(f, "{what}\n{log}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A port of this machine that nobody listens on now.
///
/// # Errors
/// The system has none left.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn spawn(settings: &Settings) -> Result<Child, StartError> {
    let objects = settings.state.join("objects");
    fs::create_dir_all(&objects)?;
    for module in ["worker.js", "sendgate.wasm"] {
        let path = settings.build.join(module);
        if !path.is_file() {
            return Err(StartError::Missing { path, remedy: "scripts/build-worker.sh --dev builds it" });
        }
        fs::copy(&path, settings.state.join(module))?;
    }
    let config = settings.state.join("workerd.capnp");
    write_private(&config, &capnp::config(settings, &objects))?;
    let log = File::options().create(true).append(true).open(log_path(settings))?;
    let mut command = Command::new(binary()?);
    command.arg("serve").arg(&config);
    if !settings.callers.is_empty() {
        // What a caller calls is behind a flag that workerd calls experimental.
        command.arg("--experimental");
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command.spawn()?)
}

/// The configuration holds secrets: only its owner may read it.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn binary() -> Result<PathBuf, StartError> {
    let modules = checkout().join("node_modules");
    let found = PLACES.iter().map(|place| modules.join(place)).find(|path| path.is_file());
    found.ok_or_else(|| StartError::Missing { path: modules.join("workerd"), remedy: "npm ci installs it" })
}

fn healthz(port: u16) -> io::Result<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    let status = start.get(9..).and_then(|digits| std::str::from_utf8(digits).ok());
    status.and_then(|digits| digits.parse().ok()).ok_or_else(|| io::Error::other("not an HTTP answer"))
}

fn log_path(settings: &Settings) -> PathBuf {
    settings.state.join("workerd.log")
}

/// Where npm puts the program: by its platform, or in the package that picks one.
const PLACES: [&str; 5] = [
    "@cloudflare/workerd-linux-64/bin/workerd",
    "@cloudflare/workerd-linux-arm64/bin/workerd",
    "@cloudflare/workerd-darwin-arm64/bin/workerd",
    "@cloudflare/workerd-darwin-64/bin/workerd",
    "workerd/bin/workerd",
];

/// It answers within 0.1 s on an idle machine; this is for one that is not.
const START_TIME: Duration = Duration::from_secs(20);
const ANSWER_TIME: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Characters of the log that an error shows.
const LOG_TAIL: usize = 2_000;
