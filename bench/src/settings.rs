//! What the command line says.

use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "\
Usage: sendgate-bench [--filter NAME] [--quick] [--json PATH] [--page PATH] [--list] [--help]

Measures Sendgate and its rivals in turns and prints one table. A complete run takes some minutes and writes
target/bench.json and docs/benchmarks.md; a filtered one writes nothing, a quick one no page, unless told where.

  --filter NAME  only measurements with NAME in their name; may be given several times
  --quick        a tenth of the time: to see that everything runs, not for quoting
  --json PATH    writes the figures there
  --page PATH    writes the page there
  --list         prints the names of all measurements
  --help         prints this";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Help,
    List,
    Run(Settings),
}

/// How to measure, and where the figures go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) quick: bool,
    filters: Vec<String>,
    json: Option<PathBuf>,
    page: Option<PathBuf>,
}

impl Order {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut settings = Settings::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--list" => return Ok(Self::List),
                "--quick" => settings.quick = true,
                "--filter" => settings.filters.push(value()?),
                "--json" => settings.json = Some(value()?.into()),
                "--page" => settings.page = Some(value()?.into()),
                unknown => return Err(format!("unknown argument: {unknown}")),
            }
        }
        Ok(Self::Run(settings))
    }
}

impl Settings {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }

    pub(crate) fn json_path(&self) -> Option<PathBuf> {
        let default = || self.filters.is_empty().then(|| checkout().join("target/bench.json"));
        self.json.clone().or_else(default)
    }

    pub(crate) fn page_path(&self) -> Option<PathBuf> {
        let complete = self.filters.is_empty() && !self.quick && !cfg!(debug_assertions);
        self.page.clone().or_else(|| complete.then(|| checkout().join("docs/benchmarks.md")))
    }
}

/// The checkout that this was built from: the folder above this crate's.
fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Order, String> {
        Order::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn settings(line: &str) -> Settings {
        match parse(line) {
            Ok(Order::Run(settings)) => settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_filtered_run_writes_only_where_it_is_told() {
        let filtered = settings("--filter deny");
        assert!(filtered.wants("limiter.five_windows.deny") && !filtered.wants("limiter.sustained"));
        assert_eq!((filtered.json_path(), filtered.page_path()), (None, None));
        let told = settings("--filter deny --json there.json --page there.md");
        assert_eq!((told.json_path(), told.page_path()), (Some("there.json".into()), Some("there.md".into())));
    }

    #[test]
    fn a_quick_run_leaves_the_page_alone() {
        let quick = settings("--quick");
        assert!(quick.json_path().unwrap().ends_with("target/bench.json"));
        assert_eq!(quick.page_path(), None);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(parse("--fast").unwrap_err(), "unknown argument: --fast");
        assert_eq!(parse("--json").unwrap_err(), "--json needs a value");
    }
}
