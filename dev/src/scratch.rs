//! A directory that is gone when its owner is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, io, process};

/// A fresh directory, in memory where the machine offers that: every accepted message waits for the disk otherwise.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// The directory could not be made.
    pub fn new() -> io::Result<Self> {
        let name = format!("sendgate-{}-{}", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let memory = Path::new(MEMORY).join(&name);
        let path = match fs::create_dir(&memory) {
            Ok(()) => memory,
            Err(_) => {
                let disk = env::temp_dir().join(&name);
                fs::create_dir(&disk)?;
                disk
            }
        };
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = fs::remove_dir_all(&self.path);
    }
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Linux keeps this in memory.
const MEMORY: &str = "/dev/shm";
