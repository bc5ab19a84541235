//! Every workload once on every way, every byte looked at, and the store's requests counted. No clock decides anything here.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::job::Scrutiny;
use crate::load::{Bounds, Load};
use crate::scene::{Scene, Target};
use crate::seeds;
use crate::workload::{KIB, MIB, Operation, PAGE_LEN, Workload};

/// Few objects, all kinds of requests.
const WORKLOADS: [Workload; 10] = [
    workload(Operation::Put, 4 * KIB, 8),
    workload(Operation::Get, 4 * KIB, 8),
    workload(Operation::Head, 4 * KIB, 8),
    workload(Operation::Put, MIB, 4),
    workload(Operation::Get, MIB, 4),
    workload(Operation::Range, MIB, 4),
    workload(Operation::Put, 64 * MIB, 1),
    workload(Operation::Get, 64 * MIB, 1),
    workload(Operation::Range, 64 * MIB, 1),
    workload(Operation::List, 100, PAGE_LEN),
];

const fn workload(operation: Operation, plain_len: u64, objects: usize) -> Workload {
    Workload { operation, plain_len, objects }
}

/// Asks for everything, and says what was wrong first.
pub(crate) async fn run(scene: &Scene) -> anyhow::Result<()> {
    seeds::plant(scene, &WORKLOADS).await?;
    for workload in &WORKLOADS {
        for target in &scene.targets {
            let checked = once(scene, target, workload).await;
            checked.with_context(|| format!("{workload}, {}", target.name))?;
        }
    }
    seals(scene).await?;
    seeds::clear(scene, &WORKLOADS);
    Ok(())
}

/// What is compared must be what it is called: the store has no plaintext of what went through sealing.
async fn seals(scene: &Scene) -> anyhow::Result<()> {
    let behind = scene.behind();
    let jobs = WORKLOADS[1].jobs(&behind)?;
    let load = Load::open(behind.address, 1, &Workload::first(&behind)?).await?;
    let bounds = Bounds { time: Duration::from_mins(1), requests: 1, scrutiny: Scrutiny::Bytes };
    let found = load.run(&jobs, bounds).await.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(found.contains("the answer differs"), "the store has the plaintext, or cannot say: {found}");
    Ok(())
}

async fn once(scene: &Scene, target: &Target, workload: &Workload) -> anyhow::Result<()> {
    let jobs = workload.jobs(target)?;
    let requests = jobs.len().min(16) as u64;
    for connections in [1, 4] {
        let load = Load::open(target.address, connections, &Workload::first(target)?).await?;
        let before = scene.store_requests()?;
        let time = Duration::from_mins(1);
        let done = load.run(&jobs, Bounds { time, requests, scrutiny: Scrutiny::Bytes }).await?;
        ensure!(done.latencies.len() as u64 == requests, "{} answers to {requests} requests", done.latencies.len());
        let asked = scene.store_requests()?.zip(before).map(|(after, before)| after - before);
        ensure!(asked.is_none_or(|asked| asked == requests), "the store had {asked:?} requests for {requests}");
    }
    Ok(())
}
