//! Why a Mailroom could not do what it was asked for.

use crate::{CarrierError, DatabaseError};
use core::fmt;
use sendgate_core::{account::AccountError, config::ConfigError, sql::SqlError};

/// Why a Mailroom could not do what it was asked for. Nothing was accepted and nothing was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailroomError {
    /// The configuration is wrong: which field, and its bound.
    Config(String),
    /// The secret of this name is not there.
    MissingCredential(String),
    /// The file cannot serve.
    Database(DatabaseError),
    /// A statement failed, or a row has another shape.
    Store(String),
    /// No carrier could be made.
    Carrier(CarrierError),
    /// The process was forked after the Mailroom was opened: the child has to open its own.
    Forked,
}

impl MailroomError {
    /// A stable word for the error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "mailroom_config",
            Self::MissingCredential(_) => "missing_credential",
            Self::Database(error) => error.code(),
            Self::Store(_) => "store_failed",
            Self::Carrier(error) => error.code(),
            Self::Forked => "mailroom_forked",
        }
    }
}

impl fmt::Display for MailroomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(detail) => write!(f, "the configuration is wrong: {detail}"),
            Self::MissingCredential(name) => write!(f, "there is no secret called {name}"),
            Self::Database(error) => error.fmt(f),
            Self::Store(detail) => f.write_str(detail),
            Self::Carrier(error) => error.fmt(f),
            Self::Forked => f.write_str("this process was forked from the one that opened the Mailroom: open it here"),
        }
    }
}

impl std::error::Error for MailroomError {}

impl From<DatabaseError> for MailroomError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<ConfigError> for MailroomError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error.to_string())
    }
}

impl From<SqlError> for MailroomError {
    fn from(error: SqlError) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<CarrierError> for MailroomError {
    fn from(error: CarrierError) -> Self {
        Self::Carrier(error)
    }
}

impl From<AccountError> for MailroomError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Config(detail) => Self::Config(detail),
            AccountError::Missing => Self::Config("there is no such account".into()),
            AccountError::MissingCredential(name) => Self::MissingCredential(name),
            AccountError::Store(error) => error.into(),
        }
    }
}
