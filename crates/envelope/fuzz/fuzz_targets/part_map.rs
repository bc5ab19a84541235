//! Whatever stands in authentic footers, a map of parts is made only when everything fits, and then it is sound.
//!
//! The input is the length of the object, the length of what lengthens the table, facts with their length in front,
//! and entries.
#![no_main]

use envelope::{DataKey, ObjectKeys, PartMap, SegmentsOpener, Summary, layout};
use libfuzzer_sys::fuzz_target;

mod forge;

fuzz_target!(|input: &[u8]| {
    let Some((head, rest)) = input.split_first_chunk::<12>() else { return };
    let [said @ .., high, middle, low, facts_len] = *head;
    let filler = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap();
    let Some((facts, entries)) = rest.split_at_checked(usize::from(facts_len)) else { return };
    let mut table = forge::table(entries);
    table.resize(table.len() + filler % 70_000, 0);
    open(&padded(facts), &table, u64::from_be_bytes(said));
});

fn padded(facts: &[u8]) -> Vec<u8> {
    let mut padded = facts.to_vec();
    padded.resize(212, 0);
    padded
}

fn open(facts: &[u8], table: &[u8], said: u64) {
    let keys = ObjectKeys::derive(&DataKey::from_bytes([1; 32]));
    let Ok(summary) = Summary::open(&keys, &forge::summary(facts, table.len() as u64)) else { return };
    // A small number is how many chunks there are beyond the least, so that the fuzzer finds lengths that fit.
    let tags = summary.facts.plain_len.div_ceil(65_536).wrapping_add(said).wrapping_mul(16);
    let fitting = summary.facts.plain_len.wrapping_add(tags).wrapping_add(table.len() as u64 + 256);
    let sealed_len = if said < 256 { fitting } else { said };
    let Ok(map) = PartMap::open(&keys, &summary, table, sealed_len) else { return };
    assert!(summary.check_sealed_len(sealed_len).is_ok());
    assert!(layout::plain_len(sealed_len).is_none_or(|plain_len| plain_len == map.plain_len()));
    assert!(table.len() as u64 <= layout::MAX_TABLE_LEN);
    assert!(map.parts().is_sorted_by(|one, next| one.part < next.part));
    let (mut plain, mut sealed) = (0, 0);
    for index in 0..map.parts().len() {
        let range = map.part_range(index).unwrap();
        assert_eq!(range.start, plain);
        if let Some(span) = map.span(range.clone()) {
            assert_eq!(span.start, sealed);
            sealed = span.end;
        }
        plain = range.end;
    }
    assert_eq!((plain, sealed + table.len() as u64 + 256), (map.plain_len(), sealed_len));
    assert!(SegmentsOpener::new(&keys, &map, 0..plain).is_ok());
}
