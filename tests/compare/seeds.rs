//! Objects that are read must be there first, and at a store that goes on living nothing may stay.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::job::Scrutiny;
use crate::load::{Bounds, Load};
use crate::scene::Scene;
use crate::workload::Workload;

/// How many are written at a time.
const CONNECTIONS: usize = 4;

/// Writes what `workloads` read: into the plain bucket directly, into the sealed one through Sealgate.
pub(crate) async fn plant(scene: &Scene, workloads: &[Workload]) -> anyhow::Result<()> {
    for seeds in distinct(workloads.iter().filter_map(Workload::seeds)) {
        for target in scene.writers() {
            let jobs = seeds.jobs(target)?;
            let load = Load::open(target.address, CONNECTIONS.min(jobs.len()), &Workload::first(target)?).await?;
            let time = Duration::from_mins(5);
            load.run(&jobs, Bounds { time, requests: jobs.len() as u64, scrutiny: Scrutiny::Bytes }).await?;
        }
    }
    Ok(())
}

/// Deletes all that may be there, and the buckets. The embedded store's folder goes with it.
pub(crate) fn clear(scene: &Scene, workloads: &[Workload]) {
    if !scene.is_store_shared {
        return;
    }
    for target in scene.writers() {
        for workload in distinct(workloads.iter().copied()) {
            for i in 0..workload.objects {
                target.request("DELETE", &workload.key(i)).send().check(204);
            }
        }
        target.request("DELETE", "").send().check(204);
    }
}

fn distinct(workloads: impl Iterator<Item = Workload>) -> Vec<Workload> {
    workloads.map(|workload| (workload.key(0), workload)).collect::<BTreeMap<_, _>>().into_values().collect()
}
