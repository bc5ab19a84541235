//! Sealgate, the program: settings, wiring, server, telemetry and commands.
//!
//! Knows every other room and decides nothing about bytes: how objects are sealed, what S3 says and
//! where ciphertext lies is settled elsewhere; here they are put together and kept running.

mod admin;
mod cli;
mod commands;
mod doctor;
mod failure;
mod files;
mod firstrun;
mod offline;
mod operate;
mod reload;
mod server;
mod settings;
mod supervisor;
mod sweep;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use failure::USAGE;

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and version are answers, not failures. A closed terminal is nobody's loss.
            let _ = answer.print();
            return if answer.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code()
        }
    }
}
