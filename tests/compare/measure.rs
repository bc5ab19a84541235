//! Rounds: every target in turn, again and again, so that whatever else the machine does happens to all of them.

use std::time::Duration;

use crate::job::Scrutiny;
use crate::load::{Bounds, Done, Load};
use crate::options::Options;
use crate::process;
use crate::scene::{Scene, Target};
use crate::seeds;
use crate::tally::{Cost, Tally};
use crate::workload::{self, GIB, Workload};

/// Bodies of both ways that one target moves in one round at most, beyond one request on each connection.
const MOST_BYTES: u64 = 8 * GIB;
/// Requests of one target in one round at most.
const MOST_REQUESTS: u64 = 200_000;

/// One workload over so many connections, on all targets.
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) connections: usize,
    /// In the order of [`Scene::targets`].
    pub(crate) tallies: [Tally; 4],
}

/// Measures everything.
pub(crate) async fn run(scene: &Scene, options: &Options) -> anyhow::Result<Vec<Row>> {
    let workloads = workload::all(options);
    seeds::plant(scene, &workloads).await?;
    let mut rows = Vec::new();
    for workload in &workloads {
        for &connections in workload.connections() {
            rows.push(row(scene, options, *workload, connections).await?);
            eprintln!("measured {workload} over {connections}");
        }
    }
    seeds::clear(scene, &workloads);
    Ok(rows)
}

async fn row(scene: &Scene, options: &Options, workload: Workload, connections: usize) -> anyhow::Result<Row> {
    let mut tallies: [Tally; 4] = Default::default();
    for number in 0..options.rounds {
        for place in 0..tallies.len() {
            // Nobody is always the first, or always behind the same one.
            let turn = (place + number) % tallies.len();
            let (done, cost) = round(scene, &scene.targets[turn], &workload, connections, options.time).await?;
            tallies[turn].add(done, &cost, workload.is_bulk());
        }
    }
    Ok(Row { workload, connections, tallies })
}

async fn round(
    scene: &Scene,
    target: &Target,
    workload: &Workload,
    connections: usize,
    time: Duration,
) -> anyhow::Result<(Done, Cost)> {
    let jobs = workload.jobs(target)?;
    let load = Load::open(target.address, connections, &Workload::first(target)?).await?;
    let requests = MOST_REQUESTS.min(MOST_BYTES / workload.plain_len).max(connections as u64);
    target.pid.inspect(|pid| process::forget_peak(*pid));
    let cpu = || target.pid.map_or(Ok(f64::NAN), process::cpu_seconds);
    let (store_before, cpu_before) = (scene.store_requests()?, cpu()?);
    let done = load.run(&jobs, Bounds { time, requests, scrutiny: Scrutiny::Length }).await?;
    let cpu_seconds = cpu()? - cpu_before;
    let store_requests = scene.store_requests()?.zip(store_before).map(|(after, before)| after - before);
    let peak_rss = target.pid.map_or(Ok(0), process::peak_rss)?;
    Ok((done, Cost { cpu_seconds, peak_rss, store_requests }))
}
