//! What the parts of an upload add up to: length, MD5 and checksum of the object, and whether the client says the same.

use std::collections::{BTreeMap, BTreeSet};

use envelope::{ChecksumName, ChecksumType, Facts, checksum};

use super::complete::CompleteRequest;
use super::record::PartRecord;
use super::token::Checksum;
use crate::Error;

/// What the parts add up to.
pub(super) struct Sums {
    pub(super) plain_len: u64,
    pub(super) md5: Option<[u8; 16]>,
    pub(super) checksums: BTreeMap<ChecksumName, Vec<u8>>,
    pub(super) kind: ChecksumType,
}

impl Sums {
    pub(super) fn of(parts: &[PartRecord], chosen: Option<Checksum>) -> Result<Self, Error> {
        let chosen = chosen.unwrap_or(Checksum { name: ChecksumName::Crc64Nvme, kind: ChecksumType::FullObject });
        let too_large = || Error::TooLarge { plain_len: u64::MAX };
        let plain_len =
            parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.plain_len)).ok_or_else(too_large)?;
        let values: Option<Vec<&[u8]>> =
            parts.iter().map(|part| part.computed.checksums.get(&chosen.name).map(Vec::as_slice)).collect();
        let value = values.and_then(|values| match chosen.kind {
            ChecksumType::Composite => Some(checksum::composite(chosen.name, values)),
            ChecksumType::FullObject => whole(chosen.name, parts, &values),
        });
        let md5s: Option<Vec<[u8; 16]>> = parts.iter().map(|part| part.computed.md5).collect();
        let md5 = md5s.map(|md5s| checksum::md5_of_md5s(md5s.iter().map(<[u8; 16]>::as_slice)));
        let checksums = value.map(|value| BTreeMap::from([(chosen.name, value)])).unwrap_or_default();
        Ok(Self { plain_len, md5, checksums, kind: chosen.kind })
    }

    /// Compares with what the client says of the whole object.
    pub(super) fn check(&self, request: &CompleteRequest) -> Result<(), Error> {
        if request.plain_len.is_some_and(|said| said != self.plain_len) {
            return Err(Error::BadPart(format!(
                "x-amz-mp-object-size does not match the parts, which have {} bytes",
                self.plain_len
            )));
        }
        let known: BTreeSet<_> = self.checksums.keys().collect();
        for (name, said) in request.checksums.iter().filter(|(name, _)| known.contains(name)) {
            if self.checksums.get(name) != Some(said) {
                return Err(Error::ChecksumDisagrees { name: *name });
            }
        }
        Ok(())
    }

    pub(super) fn facts(&self, parts: &[PartRecord]) -> Facts {
        let mut facts =
            Facts::new(self.plain_len, envelope::Computed { md5: self.md5, checksums: self.checksums.clone() });
        facts.checksum_type = Some(self.kind);
        facts.last_segment = parts.last().map(PartRecord::segment);
        facts.segments_in_table = u32::try_from(parts.len().saturating_sub(1)).ok().filter(|count| *count > 0);
        facts
    }
}

/// The checksum of all content from those of its parts, for algorithms that allow it.
fn whole(name: ChecksumName, parts: &[PartRecord], values: &[&[u8]]) -> Option<Vec<u8>> {
    let mut pairs = parts.iter().zip(values);
    let first = pairs.next()?.1.to_vec();
    pairs.try_fold(first, |sum, (part, value)| checksum::combine(name, &sum, value, part.plain_len))
}
