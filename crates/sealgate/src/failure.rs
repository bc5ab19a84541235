//! How the program fails: what it says and the code it leaves with.

use std::fmt;
use std::process::ExitCode;

use crate::settings::Problems;

/// The code for wrong settings and wrong arguments (`EX_USAGE` of sysexits.h).
pub(crate) const USAGE: u8 = 64;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Settings that cannot be used: repaired by whoever wrote them.
    Settings(anyhow::Error),
    /// Anything else.
    Other(anyhow::Error),
}

impl Failure {
    /// What went wrong, without the program's name.
    pub(crate) fn said(&self) -> String {
        let (Self::Settings(error) | Self::Other(error)) = self;
        format!("{error:#}")
    }

    /// The code to leave with.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Self::Settings(_) => ExitCode::from(USAGE),
            Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Settings(problems.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, line) in self.said().lines().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "sealgate: {line}")?;
        }
        Ok(())
    }
}
