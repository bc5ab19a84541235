//! The CRCs of a whole object that was uploaded in parts, computed anew while it is read.
//!
//! CRCs cost nothing next to the cipher. Other digests are not computed again.

use std::collections::BTreeMap;

use crate::checksum::{ChecksumType, composite};
use crate::{ChecksumName, Computed, DigestSet, Digests, Error, Facts};

/// The CRCs a summary speaks of, as far as the content has come.
pub(super) struct Crcs {
    set: DigestSet,
    running: Digests,
    /// The values of the segments that ended, joined; only for composite checksums.
    ended: Option<BTreeMap<ChecksumName, Vec<u8>>>,
}

impl Crcs {
    /// Begins the CRCs these facts have values of.
    pub(super) fn of(facts: &Facts) -> Self {
        let crcs = [ChecksumName::Crc32, ChecksumName::Crc32c, ChecksumName::Crc64Nvme];
        let checksums = crcs.into_iter().filter(|name| facts.checksums.contains_key(name)).collect();
        let set = DigestSet { md5: false, checksums };
        let is_composite = facts.checksum_type == Some(ChecksumType::Composite);
        Self { running: Digests::new(&set), set, ended: is_composite.then(BTreeMap::new) }
    }

    /// Takes the next bytes of content.
    pub(super) fn update(&mut self, content: &[u8]) {
        self.running.update(content);
    }

    /// Ends a segment; empty ones count as well.
    pub(super) fn end_segment(&mut self) {
        let Some(ended) = &mut self.ended else { return };
        let running = std::mem::replace(&mut self.running, Digests::new(&self.set));
        for (name, value) in running.finish().checksums {
            ended.entry(name).or_default().extend(value);
        }
    }

    /// Compares with what the summary says.
    pub(super) fn agree_with(self, facts: &Facts) -> Result<(), Error> {
        let found = match self.ended {
            None => self.running.finish().checksums,
            Some(ended) => ended.into_iter().map(|(name, joined)| (name, composite(name, [joined]))).collect(),
        };
        facts.check_values(&Computed { md5: None, checksums: found })
    }
}
