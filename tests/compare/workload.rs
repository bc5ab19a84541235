//! What is asked: kinds of requests, how large, over how many objects; and the requests themselves.

use std::fmt;
use std::sync::Arc;

use sealgate_tests::request::Request;

use crate::content::Content;
use crate::job::{Expected, Job};
use crate::options::Options;
use crate::scene::Target;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// The most keys one page of a listing has.
pub(crate) const PAGE_LEN: usize = 1000;
/// Objects that are only there to be listed.
const LISTED_LEN: u64 = 100;
/// A ranged read.
const RANGE_LEN: u64 = 64 * KIB;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    Head,
    List,
    Put,
    Range,
}

/// A kind of request over objects of one length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub(crate) operation: Operation,
    pub(crate) plain_len: u64,
    /// How many different objects are asked for in turn.
    pub(crate) objects: usize,
}

/// What is measured.
pub(crate) fn all(options: &Options) -> Vec<Workload> {
    let sizes = [(4 * KIB, 64), (MIB, 64), (64 * MIB, 8), (GIB, 2)];
    let sizes = &sizes[..if options.large { 4 } else { 3 }];
    let over = |operation| sizes.iter().map(move |&(plain_len, objects)| Workload { operation, plain_len, objects });
    let mut workloads: Vec<_> = over(Operation::Get).chain(over(Operation::Put)).collect();
    workloads.push(Workload { operation: Operation::Range, plain_len: 64 * MIB, objects: 8 });
    workloads.push(Workload { operation: Operation::List, plain_len: LISTED_LEN, objects: PAGE_LEN });
    if options.long {
        workloads.push(Workload { operation: Operation::List, plain_len: LISTED_LEN, objects: 10 * PAGE_LEN });
    }
    workloads.retain(|workload| workload.to_string().contains(&options.only));
    workloads
}

impl Workload {
    /// How many connections are tried. Bodies of 1 GiB over 64 of them would take the evening.
    pub(crate) fn connections(&self) -> &'static [usize] {
        if self.plain_len >= GIB { &[1, 8] } else { &[1, 8, 64] }
    }

    /// Whether bytes are what takes the time, rather than requests.
    pub(crate) fn is_bulk(&self) -> bool {
        matches!(self.operation, Operation::Get | Operation::Put) && self.plain_len >= MIB
    }

    /// The objects that must be there first.
    pub(crate) fn seeds(&self) -> Option<Self> {
        (self.operation != Operation::Put).then_some(Self { operation: Operation::Put, ..*self })
    }

    /// The requests, signed now.
    pub(crate) fn jobs(&self, target: &Target) -> anyhow::Result<Arc<Vec<Job>>> {
        let jobs: anyhow::Result<Vec<Job>> = match self.operation {
            Operation::Get => self.each(|i| self.get(target, i)),
            Operation::Head => self.each(|i| self.head(target, i)),
            Operation::List => (0..self.objects.div_ceil(PAGE_LEN)).map(|page| self.page(target, page)).collect(),
            Operation::Put => self.each(|i| self.put(target, i)),
            Operation::Range => (0..256).map(|i| self.range(target, i)).collect(),
        };
        Ok(Arc::new(jobs?))
    }

    /// A small request that a fresh connection begins with.
    pub(crate) fn first(target: &Target) -> anyhow::Result<Arc<Job>> {
        Ok(Arc::new(Job::new(target.request("HEAD", ""), Content::of(0), Expected::Nothing)?))
    }

    fn each(&self, job: impl Fn(usize) -> anyhow::Result<Job>) -> anyhow::Result<Vec<Job>> {
        (0..self.objects).map(job).collect()
    }

    fn get(&self, target: &Target, i: usize) -> anyhow::Result<Job> {
        let expected = Expected::Content(Content::of(self.plain_len));
        Job::new(self.request(target, "GET", i), Content::of(0), expected)
    }

    fn head(&self, target: &Target, i: usize) -> anyhow::Result<Job> {
        Job::new(self.request(target, "HEAD", i), Content::of(0), Expected::Length(self.plain_len))
    }

    fn put(&self, target: &Target, i: usize) -> anyhow::Result<Job> {
        Job::new(self.request(target, "PUT", i), Content::of(self.plain_len), Expected::Nothing)
    }

    fn range(&self, target: &Target, i: usize) -> anyhow::Result<Job> {
        // Scattered without a source of randomness, so that every target is asked for the same.
        let start = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % (self.plain_len - RANGE_LEN + 1);
        let request = self.request(target, "GET", i % self.objects);
        let request = request.header("range", &format!("bytes={start}-{}", start + RANGE_LEN - 1));
        Job::new(request, Content::of(0), Expected::Content(Content::part(start..start + RANGE_LEN)))
    }

    fn page(&self, target: &Target, page: usize) -> anyhow::Result<Job> {
        let mut request = target.request("GET", "").query("list-type", "2").query("prefix", &self.prefix());
        if let Some(last) = (page * PAGE_LEN).checked_sub(1) {
            request = request.query("start-after", &self.key(last));
        }
        let keys = PAGE_LEN.min(self.objects - page * PAGE_LEN);
        Job::new(request, Content::of(0), Expected::Listing { keys, plain_len: self.plain_len })
    }

    fn request(&self, target: &Target, method: &str, i: usize) -> Request {
        target.request(method, &self.key(i))
    }

    /// Of object `i`. Objects of a size are the same whoever reads or writes them.
    pub(crate) fn key(&self, i: usize) -> String {
        format!("{}{i:05}", self.prefix())
    }

    fn prefix(&self) -> String {
        format!("{}-of-{}/", self.objects, self.plain_len)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Operation::Get => write!(f, "GET {}", size(self.plain_len)),
            Operation::Head => write!(f, "HEAD {}", size(self.plain_len)),
            Operation::List => write!(f, "LIST {} keys", self.objects),
            Operation::Put => write!(f, "PUT {}", size(self.plain_len)),
            Operation::Range => write!(f, "GET {} of {}", size(RANGE_LEN), size(self.plain_len)),
        }
    }
}

fn size(len: u64) -> String {
    match len {
        0..KIB => format!("{len} B"),
        KIB..MIB => format!("{} KiB", len / KIB),
        MIB..GIB => format!("{} MiB", len / MIB),
        GIB.. => format!("{} GiB", len / GIB),
    }
}
