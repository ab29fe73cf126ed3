//! The machine a run was made on, in its own words.

use sendgate_core::time::UnixMillis;
use std::{
    fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

/// Processor, cores, system, compiler and date, a line each.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let lines = [
        ("processor", field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.into())),
        ("cores", cores.to_string()),
        ("caches", caches()),
        ("system", system()),
        ("compiler", said("rustc", "--version")),
        ("profile", "release: opt-level 3, fat LTO, one codegen unit".into()),
        ("date", now()),
    ];
    lines.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("- {name}: {value}\n")).collect()
}

fn system() -> String {
    let name = field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.into());
    [name.trim_matches('"'), &said("uname", "-sr")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Sizes of the first core's caches, as Linux tells them.
fn caches() -> String {
    let read = |index: usize, what: &str| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{what}");
        fs::read_to_string(path).map(|text| text.trim().to_owned()).ok()
    };
    let data = (0..8).filter(|index| read(*index, "type").is_some_and(|kind| kind != "Instruction"));
    data.filter_map(|index| Some(format!("L{} {}", read(index, "level")?, read(index, "size")?)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first value of a name in a file of names and values.
fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let pair = text.lines().filter_map(|line| line.split_once(separator)).find(|(key, _)| key.trim() == name)?;
    Some(pair.1.trim().to_owned())
}

/// What a program says when it is asked, or nothing.
fn said(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).to_string()
}
