//! `sealgate-compare`: what Sealgate costs, against the same store without it and against a proxy that does nothing.
//!
//! One run measures four ways to one store on one machine, in interleaved rounds: direct, through a minimal proxy (the floor), through
//! Sealgate with `format = "none"`, and through Sealgate sealing. Shared machines drift; ratios within one run do not. Everything is on
//! 127.0.0.1, and every count and time is bounded. This file chooses what to run and knows nothing of how.

mod child;
mod content;
mod floor;
mod job;
mod load;
mod measure;
mod options;
mod process;
mod report;
mod scene;
mod seeds;
mod smoke;
mod store;
mod tally;
mod workload;

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::options::{Options, Role};
use crate::scene::Scene;

fn main() -> ExitCode {
    match options::parse(env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sealgate-compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role) -> anyhow::Result<()> {
    match role {
        Role::Help => say(options::USAGE),
        Role::Floor { listen, to } => floor::serve(listen, to),
        Role::Store { folder } => store::serve(&folder),
        Role::Compare(options) => compare(&options),
    }
}

fn compare(options: &Options) -> anyhow::Result<()> {
    let scene = Scene::start(options)?;
    let runtime = tokio::runtime::Runtime::new()?;
    if options.smoke {
        runtime.block_on(smoke::run(&scene))?;
        let counted = if scene.store_requests()?.is_some() { ", at one store request each" } else { "" };
        return say(&format!("sealgate-compare: every answer was right{counted}\n"));
    }
    let rows = runtime.block_on(measure::run(&scene, options))?;
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_vec_pretty(&report::json(&rows))?)?;
    }
    say(&report::markdown(&rows))
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
