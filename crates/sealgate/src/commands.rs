//! The commands, one file each. They are thin: the work is done in other rooms.

mod completions;
mod config;
mod decrypt;
mod doctor;
mod encrypt;
mod get;
mod inspect;
mod keygen;
mod man;
mod migrate;
mod rewrap;
mod serve;
mod verify;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use objects::{ObjectRef, SealedObjects, Store};

use crate::cli::{Cli, Command, Config, KeyFlags, StoreFlags};
use crate::failure::Failure;
use crate::operate::Address;
use crate::settings::{Overrides, Settings};
use crate::{settings, wiring};

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Serve(flags) => serve::run(flags.into()),
        Command::Keygen(keygen) => keygen::run(keygen),
        Command::Config(Config::Check(asked)) => config::check(asked),
        Command::Inspect(asked) => inspect::run(asked),
        Command::Get(asked) => get::run(asked),
        Command::Verify(asked) => verify::run(asked),
        Command::Rewrap(asked) => rewrap::run(asked),
        Command::Migrate(asked) => migrate::run(asked),
        Command::Encrypt(asked) => encrypt::run(asked),
        Command::Decrypt(asked) => decrypt::run(asked),
        Command::Doctor(asked) => doctor::run(asked),
        Command::Completions(asked) => completions::run(&asked),
        Command::Man => man::run(),
    }
}

/// What `serve` logs unless it is told otherwise; a command has its own words for the same, and only warnings are logged.
const QUIET_ABOVE: &str = "info";

/// Does something with objects, with the settings that `serve` would have, and with nothing made that is not there.
fn with_objects<F>(flags: StoreFlags, work: impl FnOnce(SealedObjects) -> F) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    with_objects_and(flags, None, work)
}

/// The same, with a directory for what uploads in parts have to remember.
fn with_objects_and<F>(
    flags: StoreFlags,
    scratch: Option<&Path>,
    work: impl FnOnce(SealedObjects) -> F,
) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    with_settings(&flags.into(), async |settings: Settings| {
        work(wiring::objects_alone(&settings, scratch).await?).await
    })
}

/// The same, with another store than the one of the settings.
fn with_objects_in<F>(
    flags: KeyFlags,
    store: Arc<dyn Store>,
    work: impl FnOnce(SealedObjects) -> F,
) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    with_settings(&flags.into(), async |settings: Settings| work(wiring::objects_in(&settings, store).await?).await)
}

fn with_settings<F>(overrides: &Overrides, work: impl FnOnce(Settings) -> F) -> Result<ExitCode, Failure>
where
    F: Future<Output = Result<ExitCode, Failure>>,
{
    let mut settings = settings::load(overrides)?.settings;
    if settings.log.filter == QUIET_ABOVE {
        "warn".clone_into(&mut settings.log.filter);
    }
    crate::telemetry::install(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let ended = runtime.block_on(work(settings));
    // Whatever still runs is of no use to anybody.
    runtime.shutdown_background();
    ended
}

/// The object that an address names.
fn object_at(address: &Address, version: Option<String>) -> Result<ObjectRef, Failure> {
    let object = address.object(version);
    object.ok_or_else(|| Failure::Settings(anyhow!("{address} names a bucket; an object is wanted: s3://BUCKET/KEY")))
}

/// Says something on standard output, for people and pipes.
#[expect(clippy::print_stdout, reason = "the one place that answers on standard output")]
fn say(text: &str) {
    print!("{text}");
}
