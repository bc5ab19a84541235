//! The commands, one file each. They are thin: the work is done in other rooms.

mod config;
mod keygen;
mod serve;

use std::process::ExitCode;

use crate::cli::{Cli, Command, Config};
use crate::failure::Failure;

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Serve(flags) => serve::run(&flags.into()),
        Command::Keygen(keygen) => keygen::run(keygen),
        Command::Config(Config::Check(flags)) => config::check(&flags.into()),
    }
}

/// Says something on standard output, for people and pipes.
#[expect(clippy::print_stdout, reason = "the one place that answers on standard output")]
fn say(text: &str) {
    print!("{text}");
}
