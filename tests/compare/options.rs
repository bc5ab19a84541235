//! The command line. It knows names and defaults, not what they do.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

/// How to call it.
pub(crate) const USAGE: &str = "\
sealgate-compare [--smoke] [--sealgate PATH] [--dir DIR] [--rounds N] [--seconds N] [--large] [--long] [--only TEXT]
                 [--log FILTER] [--json FILE]
    --smoke           everything once, correctness only
    --sealgate PATH   the daemon; default: `sealgate` beside this program
    --dir DIR         where the store keeps its objects; default: a new folder, in memory where /dev/shm is
    --rounds N        interleaved rounds, default 5
    --seconds N       per workload, number of connections, target and round; default 1
    --large           also bodies of 1 GiB
    --long            also a listing of 10,000 keys
    --only TEXT       only workloads whose name contains TEXT, such as 'GET 4 KiB'
    --log FILTER      the daemons' log filter, default info
    --json FILE       also write the numbers there
With SEALGATE_TEST_S3_ENDPOINT, _ACCESS_KEY and _SECRET_KEY: that store (http, on this machine) in place of the embedded one.

sealgate-compare store --dir DIR               serve the embedded store until standard input ends
sealgate-compare floor --to ADDR [--listen A]  forward everything to ADDR until standard input ends
";

/// What this process is.
pub(crate) enum Role {
    Help,
    Floor { listen: SocketAddr, to: SocketAddr },
    Store { folder: PathBuf },
    Compare(Options),
}

/// How to compare.
pub(crate) struct Options {
    pub(crate) sealgate: PathBuf,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) large: bool,
    pub(crate) long: bool,
    pub(crate) only: String,
    pub(crate) log: String,
    pub(crate) json: Option<PathBuf>,
    pub(crate) smoke: bool,
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> anyhow::Result<Role> {
    let mut arguments = arguments.peekable();
    match arguments.peek().map(String::as_str) {
        Some("floor") => floor(arguments.skip(1)),
        Some("store") => store(arguments.skip(1)),
        _ => compare(arguments),
    }
}

fn floor(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Role> {
    let (mut listen, mut to) = (SocketAddr::from(([127, 0, 0, 1], 0)), None);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--listen" => listen = value(&name, &mut arguments)?.parse()?,
            "--to" => to = Some(value(&name, &mut arguments)?.parse()?),
            _ => bail!("floor does not know {name}"),
        }
    }
    Ok(Role::Floor { listen, to: to.context("floor needs --to")? })
}

fn store(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Role> {
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--dir"), Some(folder)) => Ok(Role::Store { folder: folder.into() }),
        _ => bail!("store needs --dir"),
    }
}

fn compare(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Role> {
    let mut options = Options {
        sealgate: env::current_exe()?.with_file_name("sealgate"),
        folder: None,
        rounds: 5,
        time: Duration::from_secs(1),
        large: false,
        long: false,
        only: String::new(),
        log: "info".into(),
        json: None,
        smoke: false,
    };
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--smoke" => options.smoke = true,
            "--large" => options.large = true,
            "--long" => options.long = true,
            "--sealgate" => options.sealgate = value(&name, &mut arguments)?.into(),
            "--dir" => options.folder = Some(value(&name, &mut arguments)?.into()),
            "--rounds" => options.rounds = value(&name, &mut arguments)?.parse()?,
            "--seconds" => options.time = seconds(&value(&name, &mut arguments)?)?,
            "--only" => options.only = value(&name, &mut arguments)?,
            "--log" => options.log = value(&name, &mut arguments)?,
            "--json" => options.json = Some(value(&name, &mut arguments)?.into()),
            "--help" | "-h" => return Ok(Role::Help),
            _ => bail!("there is no {name}; --help tells what there is"),
        }
    }
    Ok(Role::Compare(options))
}

fn value(name: &str, arguments: &mut impl Iterator<Item = String>) -> anyhow::Result<String> {
    arguments.next().ok_or_else(|| anyhow!("{name} needs a value"))
}

fn seconds(text: &str) -> anyhow::Result<Duration> {
    let time = Duration::try_from_secs_f64(text.parse()?)?;
    anyhow::ensure!(time <= Duration::from_mins(1), "a round takes a minute at most");
    Ok(time)
}
