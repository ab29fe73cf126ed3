//! For the runner of the shared vectors only: the feature `vectors` puts it into a test build of the library, and no
//! released one has it.

use sendgate_core::vectors;
use std::fmt;

/// A case that could not be run.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Error)]
pub enum VectorError {
    /// No such suite, or not a case of it.
    NotRun {
        /// The stable word.
        code: String,
        /// The error in a sentence.
        detail: String,
    },
}

/// What the core answers to one of Sendgate's own test vectors, as JSON.
///
/// # Errors
/// [`VectorError::NotRun`].
#[uniffi::export]
pub fn evaluate_vector(suite: &str, case_json: &str) -> Result<String, VectorError> {
    vectors::evaluate(suite, case_json)
        .map_err(|error| VectorError::NotRun { code: error.code().into(), detail: error.to_string() })
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun { code, detail } => write!(f, "{code}: {detail}"),
        }
    }
}

impl std::error::Error for VectorError {}
