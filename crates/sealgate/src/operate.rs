//! Long work over many objects: walked in order, done with bounded concurrency and rate, interrupted in order, taken up again.
//!
//! Knows nothing of what is done with an object: a step is somebody else's. What is said about it is `report`'s.

mod address;
mod checkpoint;
mod frontier;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use objects::{ObjectRef, SealedObjects, Walk};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use address::Address;
pub(crate) use report::{Done, Step};

use self::checkpoint::{Checkpoint, MAX_FAILED, Position};
use self::frontier::Frontier;
use self::report::{Report, counted};
use crate::failure::Failure;
use crate::server::Signals;

/// The code of what was interrupted and can be taken up again (128 and the number of SIGINT, as shells have it).
const INTERRUPTED: u8 = 130;

/// How work is done.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// Steps at the same time.
    pub(crate) concurrency: usize,
    /// Steps begun in a second; as many as possible when `None`.
    pub(crate) rate: Option<u32>,
    /// Where it is kept how far the work has come.
    pub(crate) checkpoint: Option<PathBuf>,
    /// Whether results are said as JSON to a terminal, too.
    pub(crate) json: bool,
}

/// Work on everything under a prefix.
pub(crate) struct Task<'a> {
    /// In the words of the command line: what a checkpoint is of.
    pub(crate) name: &'a str,
    /// Where.
    pub(crate) address: &'a Address,
    /// Whether every version is a step of its own.
    pub(crate) versions: bool,
    /// What to tell people at the end.
    pub(crate) note: Option<&'a str>,
}

/// What the walk comes to next.
type Found = Result<ObjectRef, objects::Error>;

/// Does `step` with everything that `task` names, and says how it went.
///
/// Interrupted once it lets what has begun end; interrupted twice it ends at once. What was done stays done either way.
pub(crate) async fn walk<F, S>(
    objects: &SealedObjects,
    task: &Task<'_>,
    manner: &Manner,
    step: S,
) -> Result<ExitCode, Failure>
where
    S: Fn(SealedObjects, ObjectRef) -> F,
    F: Future<Output = Step> + Send + 'static,
{
    let mut signals = Signals::new()?;
    let (checkpoint, position) = Checkpoint::open(manner.checkpoint.as_deref(), task.name)?;
    let walk = task.walk(&position);
    let report = Report::new(manner.json);
    let counting = report.bar().map(|bar| tokio::spawn(count(objects.clone(), walk.clone(), bar)));
    let retried = position.failed.iter().map(|(key, version)| task.object(key, version.as_ref())).collect();
    let mut found = search(objects.clone(), walk, retried, manner);
    let mut work = Work::new(report, checkpoint, position);
    let ended = tokio::select! {
        ended = work.run(objects, &mut found, manner.concurrency, &step) => ended,
        () = signals.next() => {
            found.close();
            tokio::select! {
                ended = work.settle() => ended.map(|()| Ended::Early),
                () = signals.next() => Ok(Ended::Early),
            }
        }
    };
    if let Some(counting) = counting {
        counting.abort();
    }
    work.close(task, ended?)
}

/// How a walk ended.
enum Ended {
    /// Everything was looked at.
    Complete,
    /// Somebody did not want to wait.
    Early,
    /// The listing failed, or there were too many failures.
    Broken(anyhow::Error),
}

impl Task<'_> {
    fn walk(&self, position: &Position) -> Walk {
        let Address { bucket, key } = self.address.clone();
        Walk { bucket, prefix: key, versions: self.versions, after: position.after.clone() }
    }

    fn object(&self, key: &str, version: Option<&String>) -> ObjectRef {
        ObjectRef { bucket: self.address.bucket.clone(), key: key.to_owned(), version: version.cloned() }
    }
}

/// Steps under way, and what is known of those that ended.
struct Work {
    steps: JoinSet<(Option<u64>, ObjectRef, Step)>,
    frontier: Frontier,
    report: Report,
    checkpoint: Checkpoint,
    /// As it will be written: what failed before is in it until it is done again.
    position: Position,
}

impl Work {
    fn new(report: Report, checkpoint: Checkpoint, position: Position) -> Self {
        let frontier = Frontier::new(position.after.clone());
        Self { steps: JoinSet::new(), frontier, report, checkpoint, position }
    }

    async fn run<F, S>(
        &mut self,
        objects: &SealedObjects,
        found: &mut mpsc::Receiver<Found>,
        concurrency: usize,
        step: &S,
    ) -> anyhow::Result<Ended>
    where
        S: Fn(SealedObjects, ObjectRef) -> F,
        F: Future<Output = Step> + Send + 'static,
    {
        loop {
            tokio::select! {
                Some(ended) = self.steps.join_next() => self.ended(ended)?,
                next = found.recv(), if self.steps.len() < concurrency => match next {
                    Some(Ok(at)) => self.begin(at, |at| step(objects.clone(), at)),
                    Some(Err(error)) => {
                        self.settle().await?;
                        return Ok(Ended::Broken(anyhow!(error).context("the listing broke off")));
                    }
                    None => break,
                },
            }
            if self.position.failed.len() >= MAX_FAILED {
                self.settle().await?;
                return Ok(Ended::Broken(anyhow!("{MAX_FAILED} objects failed; that is no accident any more")));
            }
        }
        self.settle().await?;
        Ok(Ended::Complete)
    }

    fn begin<F>(&mut self, at: ObjectRef, step: impl FnOnce(ObjectRef) -> F)
    where
        F: Future<Output = Step> + Send + 'static,
    {
        // What failed before lies behind the frontier.
        let again = self.position.failed.iter().any(|(key, version)| *key == at.key && *version == at.version);
        let number = (!again).then(|| self.frontier.begin(&at.key));
        let doing = step(at.clone());
        self.steps.spawn(async move { (number, at, doing.await) });
    }

    /// Waits for what has begun.
    async fn settle(&mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.steps.join_next().await {
            self.ended(ended)?;
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<(Option<u64>, ObjectRef, Step), tokio::task::JoinError>) -> anyhow::Result<()> {
        let (number, at, step) = ended.context("a step ended in a panic")?;
        let name = (at.key.clone(), at.version.clone());
        match (&step, number) {
            (Ok(_), None) => self.position.failed.retain(|failed| *failed != name),
            (Err(_), Some(_)) => self.position.failed.push(name),
            _ => {}
        }
        if let Some(number) = number {
            self.frontier.end(number);
        }
        self.report.step(&at, &step).context("standard output is closed")?;
        let (position, frontier) = (&mut self.position, &self.frontier);
        self.checkpoint.refresh(|| {
            position.after = frontier.after().map(str::to_owned);
            position.clone()
        })
    }

    /// Writes or removes the checkpoint, and says the last words.
    fn close(mut self, task: &Task<'_>, ended: Ended) -> Result<ExitCode, Failure> {
        self.position.after = self.frontier.after().map(str::to_owned);
        let complete = matches!(ended, Ended::Complete);
        let failed = self.report.failed();
        if complete && failed == 0 {
            self.checkpoint.finish()?;
        } else {
            self.checkpoint.write(&self.position)?;
        }
        self.report.end(task.name, complete, task.note).context("standard output is closed")?;
        match ended {
            Ended::Broken(why) => Err(Failure::Other(why)),
            Ended::Early => Ok(ExitCode::from(INTERRUPTED)),
            Ended::Complete if failed > 0 => Ok(ExitCode::FAILURE),
            Ended::Complete => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Walks the listing ahead of the work: first what is to be done again, then what follows.
fn search(objects: SealedObjects, walk: Walk, again: Vec<ObjectRef>, manner: &Manner) -> mpsc::Receiver<Found> {
    let (sender, receiver) = mpsc::channel(manner.concurrency);
    let pause = manner.rate.map(|rate| Duration::from_secs(1) / rate.max(1));
    tokio::spawn(async move {
        let mut rhythm = pause.map(tokio::time::interval);
        for at in again {
            tick(&mut rhythm).await;
            if sender.send(Ok(at)).await.is_err() {
                return;
            }
        }
        let mut cursor = None;
        loop {
            let page = match objects.walk(&walk, cursor.as_ref()).await {
                Ok(page) => page,
                Err(error) => return drop(sender.send(Err(error)).await),
            };
            for found in page.objects {
                tick(&mut rhythm).await;
                if sender.send(Ok(found.at)).await.is_err() {
                    return;
                }
            }
            let Some(next) = page.next else { return };
            cursor = Some(next);
        }
    });
    receiver
}

async fn tick(rhythm: &mut Option<tokio::time::Interval>) {
    if let Some(rhythm) = rhythm {
        rhythm.tick().await;
    }
}

/// Counts ahead of the work, so that a bar knows where it will end. What cannot be counted is nobody's loss.
async fn count(objects: SealedObjects, walk: Walk, bar: indicatif::ProgressBar) {
    let (mut cursor, mut sum) = (None, 0);
    while let Ok(page) = objects.walk(&walk, cursor.as_ref()).await {
        sum += page.objects.len() as u64;
        match page.next {
            Some(next) => cursor = Some(next),
            None => return counted(&bar, sum),
        }
    }
}
