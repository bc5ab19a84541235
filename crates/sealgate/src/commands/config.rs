//! `config check`: the settings in force and where each is from.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::settings::{self, Overrides};

pub(super) fn check(overrides: &Overrides) -> Result<ExitCode, Failure> {
    let loaded = settings::load(overrides)?;
    super::say(&loaded.report);
    Ok(ExitCode::SUCCESS)
}
