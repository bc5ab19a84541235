//! `completions`: what a shell needs to complete our commands.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, Completions};
use crate::failure::Failure;

#[expect(clippy::unnecessary_wraps, reason = "the shape of every command")]
pub(super) fn run(asked: &Completions) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "sealgate", &mut script);
    super::say(&String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}
