//! Connections that send jobs one after the other, and the time each took.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::content::Content;
use crate::job::{Job, Scrutiny};

/// No round takes this long unless something hangs.
const PATIENCE: Duration = Duration::from_mins(5);

/// When to stop, and how closely to look.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// No request starts later; each connection sends one in any case.
    pub(crate) time: Duration,
    /// No more requests than this, all connections together.
    pub(crate) requests: u64,
    pub(crate) scrutiny: Scrutiny,
}

/// What was done in one round.
pub(crate) struct Done {
    pub(crate) elapsed: Duration,
    pub(crate) latencies: Vec<Duration>,
    /// Of bodies, both ways.
    pub(crate) bytes: u64,
}

/// Open connections.
pub(crate) struct Load(Vec<SendRequest<Content>>);

impl Load {
    /// Connects, and sends `first` on every connection so that all that is behind it is connected too.
    pub(crate) async fn open(address: SocketAddr, connections: usize, first: &Arc<Job>) -> anyhow::Result<Self> {
        let mut opening = JoinSet::new();
        for _ in 0..connections {
            let first = Arc::clone(first);
            opening.spawn(async move {
                let mut sender = connect(address).await?;
                first.check(sender.send_request(first.request()).await?, Scrutiny::Bytes).await?;
                anyhow::Ok(sender)
            });
        }
        let opened = timeout(PATIENCE, opening.join_all()).await.context("connecting hangs")?;
        Ok(Self(opened.into_iter().collect::<Result<_, _>>()?))
    }

    /// Sends `jobs` in turn until `bounds` are met.
    pub(crate) async fn run(self, jobs: &Arc<Vec<Job>>, bounds: Bounds) -> anyhow::Result<Done> {
        let tickets = Arc::new(AtomicU64::new(0));
        let start = Instant::now();
        let mut working = JoinSet::new();
        for sender in self.0 {
            working.spawn(work(sender, Arc::clone(jobs), Arc::clone(&tickets), bounds));
        }
        let parts = timeout(PATIENCE, working.join_all()).await.context("a round hangs")?;
        let elapsed = start.elapsed();
        let parts = parts.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let bytes = parts.iter().map(|(_, bytes)| bytes).sum();
        Ok(Done { elapsed, latencies: parts.into_iter().flat_map(|(latencies, _)| latencies).collect(), bytes })
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Content>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn work(
    mut sender: SendRequest<Content>,
    jobs: Arc<Vec<Job>>,
    tickets: Arc<AtomicU64>,
    bounds: Bounds,
) -> anyhow::Result<(Vec<Duration>, u64)> {
    let begun = Instant::now();
    let (mut latencies, mut bytes) = (Vec::new(), 0);
    while latencies.is_empty() || begun.elapsed() < bounds.time {
        let ticket = tickets.fetch_add(1, Ordering::Relaxed);
        if ticket >= bounds.requests {
            break;
        }
        let job = &jobs[usize::try_from(ticket)? % jobs.len()];
        let start = Instant::now();
        sender.ready().await?;
        bytes += job.check(sender.send_request(job.request()).await?, bounds.scrutiny).await?;
        latencies.push(start.elapsed());
    }
    Ok((latencies, bytes))
}
