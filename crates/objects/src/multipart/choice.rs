//! Which attempts at its parts a client means when it completes an upload.
//!
//! There are several only where attempts raced. Then the one whose ETag the client names counts; and when the store kept another one
//! with the same content, as it may when a client gave up waiting and sent a part again, that one, because it is the same part.

use std::collections::BTreeMap;

use envelope::ChecksumName;

use super::PART_MIN;
use super::complete::NamedPart;
use super::record::PartRecord;
use crate::{Error, etag};

/// The store's ETags of the parts that it has, by number.
pub(super) type StoreEtags = BTreeMap<u16, String>;

/// The records of the parts that the client lists, in its order, which must be ascending.
pub(super) fn choose(
    named: &[NamedPart],
    records: Vec<PartRecord>,
    at_store: Option<&StoreEtags>,
) -> Result<Vec<PartRecord>, Error> {
    if named.is_empty() {
        return Err(Error::BadPart("an upload needs at least one part".into()));
    }
    if named.windows(2).any(|pair| matches!(pair, [first, second] if first.number >= second.number)) {
        return Err(Error::PartOrder);
    }
    let mut attempts: BTreeMap<u16, Vec<PartRecord>> = BTreeMap::new();
    for record in records {
        attempts.entry(record.number()).or_default().push(record);
    }
    let mut chosen = Vec::with_capacity(named.len());
    for part in named {
        let attempts = attempts.remove(&part.number).unwrap_or_default();
        let record = attempt(part, attempts, at_store.and_then(|at_store| at_store.get(&part.number)));
        chosen.push(record.ok_or(Error::NoSuchPart { number: part.number })?);
    }
    let small = chosen.iter().take(chosen.len() - 1).find(|part| part.plain_len < PART_MIN);
    match small {
        Some(part) => Err(Error::PartTooSmall { number: part.number(), plain_len: part.plain_len }),
        None => Ok(chosen),
    }
}

/// The attempt that the client means, or the one with the same content that the store has.
fn attempt(named: &NamedPart, mut attempts: Vec<PartRecord>, at_store: Option<&String>) -> Option<PartRecord> {
    let meant = attempts.iter().rposition(|record| is_meant(record, named))?;
    let stored = attempts.iter().position(|record| {
        let kept = record.store_etag.as_ref().zip(at_store).is_some_and(|(have, stored)| etag::same(have, stored));
        kept && same_content(record, &attempts[meant])
    });
    Some(attempts.swap_remove(stored.filter(|_| attempts[meant].store_etag.is_some()).unwrap_or(meant)))
}

fn is_meant(record: &PartRecord, named: &NamedPart) -> bool {
    let agrees =
        |(name, value): (&ChecksumName, &Vec<u8>)| record.computed.checksums.get(name).is_none_or(|have| have == value);
    etag::same(&record.etag, &named.etag) && named.checksums.iter().all(agrees)
}

/// Whether every digest that was computed of both agrees. There is always one.
fn same_content(one: &PartRecord, other: &PartRecord) -> bool {
    let agrees = |(name, value): (&ChecksumName, &Vec<u8>)| {
        other.computed.checksums.get(name).is_none_or(|other| other == value)
    };
    let in_common = one.computed.checksums.keys().any(|name| other.computed.checksums.contains_key(name));
    let md5s = one.computed.md5.zip(other.computed.md5).is_none_or(|(one, other)| one == other);
    one.plain_len == other.plain_len && in_common && md5s && one.computed.checksums.iter().all(agrees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uploads::Attempt;

    fn record(id: u8, store_etag: Option<&str>, content: u8) -> PartRecord {
        let checksums = BTreeMap::from([(ChecksumName::Crc64Nvme, vec![content; 8])]);
        PartRecord {
            attempt: Attempt::begin(1, 1, [id; 16]),
            plain_len: 7,
            salt: [id; 24],
            store_etag: store_etag.map(str::to_owned),
            etag: format!("\"shown {id}\""),
            computed: envelope::Computed { md5: None, checksums },
            stretch: None,
        }
    }

    fn chosen(etag: &str, attempts: &[PartRecord], at_store: Option<&str>) -> Option<u8> {
        let named = NamedPart { number: 1, etag: etag.into(), checksums: BTreeMap::new() };
        let at_store = at_store.map(|etag| StoreEtags::from([(1, etag.to_owned())]));
        let chosen = choose(&[named], attempts.to_vec(), at_store.as_ref()).ok()?;
        Some(chosen[0].salt[0])
    }

    #[test]
    fn the_attempt_that_is_named_counts() {
        let attempts = [record(1, Some("a"), 5), record(2, Some("b"), 6), record(3, None, 7)];
        assert_eq!(chosen("shown 1", &attempts, None), Some(1));
        assert_eq!(chosen("\"shown 3\"", &attempts, None), Some(3));
        assert_eq!(chosen("shown 4", &attempts, None), None);
        assert_eq!(chosen("shown 1", &attempts, Some("b")), Some(1), "another content is another part");
    }

    #[test]
    fn the_same_content_is_the_same_part() {
        let attempts = [record(1, Some("a"), 5), record(2, Some("b"), 5), record(3, None, 5)];
        assert_eq!(chosen("shown 2", &attempts, Some("a")), Some(1));
        assert_eq!(chosen("shown 2", &attempts, Some("b")), Some(2));
        assert_eq!(chosen("shown 2", &attempts, Some("c")), Some(2));
        assert_eq!(chosen("shown 3", &attempts, Some("a")), Some(3), "what is held needs no store");
    }
}
