//! A file that is not open while the process forks.
//!
//! SQLite notes in the process which locks it holds on a file. A child that begins with its parent's notes and opens the
//! same file believes them, and is told that the file is locked for ever, or that it holds what it does not. So the file
//! is closed before a fork, whoever wants it waits at the door, and the first one after the fork opens it again. Calls on
//! their way to a provider go on meanwhile: their answers wait at the door, too.

use super::{Mailroom, MailroomError, Shared, desk::Desk};
use crate::{Database, DatabaseError};
use std::{
    path::PathBuf,
    sync::{MutexGuard, PoisonError},
};

/// The file, open or not.
pub(super) struct File {
    path: Option<PathBuf>,
    open: Option<Database>,
    /// Whether a fork is under way.
    is_barred: bool,
}

impl File {
    pub(super) fn of(database: Database) -> Self {
        Self { path: database.path(), open: Some(database), is_barred: false }
    }

    /// The file, opened now if it is not.
    pub(super) fn database(&mut self) -> Result<&mut Database, DatabaseError> {
        let open = match (self.open.take(), &self.path) {
            (Some(open), _) => open,
            (None, Some(path)) => Database::open(path)?,
            (None, None) => Database::in_memory()?,
        };
        Ok(self.open.insert(open))
    }

    fn bar(&mut self) {
        self.is_barred = true;
        // What is in memory alone has no locks, and would be lost.
        if self.path.is_some() {
            self.open = None;
        }
    }
}

impl Mailroom {
    /// Closes the file, and lets nobody use it until [`Mailroom::after_fork`]: for the moment before the process forks.
    /// Waits for the verb under way, and for no call.
    pub fn before_fork(&self) {
        if let Ok(mut desk) = self.shared.desk() {
            desk.file().bar();
        }
    }

    /// Lets everybody go on, in the process that forked. In the child it does nothing: that one opens a Mailroom of its
    /// own.
    pub fn after_fork(&self) {
        if self.shared.is_own_process().is_err() {
            return;
        }
        self.shared.desk.lock().unwrap_or_else(PoisonError::into_inner).file().is_barred = false;
        self.shared.door.notify_all();
        // Another connection counts other processes' writes anew.
        self.shared.bell.ring();
    }
}

impl Shared {
    /// The desk, when no fork is under way. A lock left by a thread that panicked is taken over: the account was taken out
    /// of the desk before. In a forked process nothing is touched: another thread may have held the lock at the fork.
    pub(super) fn desk(&self) -> Result<MutexGuard<'_, Desk>, MailroomError> {
        self.is_own_process()?;
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.door.wait_while(desk, |desk| desk.file().is_barred);
        Ok(free.unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_own_process(&self) -> Result<(), MailroomError> {
        if self.process == std::process::id() { Ok(()) } else { Err(MailroomError::Forked) }
    }
}
