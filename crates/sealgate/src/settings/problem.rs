//! What is wrong with the settings: every problem found, each with its place.
//!
//! Problems never repeat a value that could be a secret.

use std::fmt;

use super::place::Path;

/// One thing to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Which setting; empty for a whole file.
    pub(crate) path: Path,
    /// Where it was set: file and line, variable or flag.
    pub(crate) place: Option<String>,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.0.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// One that belongs to no setting.
    pub(crate) fn whole(message: String) -> Self {
        Self(vec![Problem { path: Path::default(), place: None, message }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
