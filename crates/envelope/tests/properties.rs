//! What must hold for every object, however long it is and however its stream is cut.
//!
//! Sizes lie around the chunk boundary, where mistakes live; objects big enough for a table are left to the vectors.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::Range;

use bytes::BytesMut;
use envelope::{
    ChecksumName, DataKey, DigestSet, Digests, Error, Facts, ObjectKeys, Opener, RangeOpener, Sealer, Transform, layout,
};
use proptest::prelude::*;

const CHUNK: usize = 65_536;

/// Lengths of content around the ends of chunks.
fn plain_lens() -> impl Strategy<Value = usize> {
    (0_usize..4, 0_usize..20).prop_map(|(chunks, more)| (chunks * CHUNK + more).saturating_sub(10))
}

/// Places to cut a stream at, as fractions of its length.
fn cuts() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..1.0, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_split_seals_to_the_same_bytes(plain_len in plain_lens(), cuts in cuts()) {
        let plain = content(plain_len);
        prop_assert!(seal_in(&split(&plain, &cuts), plain_len) == seal(&plain));
    }

    #[test]
    fn any_split_opens_to_the_same_bytes(plain_len in plain_lens(), cuts in cuts()) {
        let plain = content(plain_len);
        let sealed = seal(&plain);
        let (opened, facts) = open_in(&split(&sealed, &cuts), sealed.len());
        prop_assert_eq!(facts.unwrap().plain_len, plain_len as u64);
        prop_assert!(opened == plain);
    }

    #[test]
    fn every_range_is_the_slice(plain_len in 1_usize..3 * CHUNK, ends in (0.0..1.0, 0.0..1.0), cuts in cuts()) {
        let plain = content(plain_len);
        let want = range(plain_len, ends);
        let opened = open_range(&seal(&plain), plain_len, &want, &cuts).unwrap();
        prop_assert!(opened == plain[want]);
    }

    #[test]
    fn a_flipped_bit_in_a_range_is_refused(plain_len in 1_usize..3 * CHUNK, ends in (0.0..1.0, 0.0..1.0), at in 0.0..1.0, bit in 0..8) {
        let want = range(plain_len, ends);
        let mut sealed = seal(&content(plain_len));
        let fetch = layout::span(plain_len as u64, as_u64(&want)).unwrap().fetch;
        let fetched = usize::try_from(fetch.start).unwrap()..usize::try_from(fetch.end).unwrap();
        let at = fetched.start + index(fetched.len(), at);
        sealed[at] ^= 1_u8 << bit;
        let chunk_refused = matches!(open_range(&sealed, plain_len, &want, &[]), Err(Error::Chunk { .. }));
        prop_assert!(chunk_refused);
    }

    #[test]
    fn a_flipped_bit_is_refused_and_the_last_chunk_stays(plain_len in plain_lens(), at in 0.0..1.0, bit in 0..8) {
        let plain = content(plain_len);
        let mut sealed = seal(&plain);
        let at = index(sealed.len(), at);
        sealed[at] ^= 1_u8 << bit;
        refused_without_last_chunk(&sealed, &plain)?;
    }

    #[test]
    fn a_cut_object_is_refused_and_the_last_chunk_stays(plain_len in plain_lens(), at in 0.0..1.0) {
        let plain = content(plain_len);
        let sealed = seal(&plain);
        refused_without_last_chunk(&sealed[..index(sealed.len(), at)], &plain)?;
    }

    #[test]
    fn an_object_that_ends_early_is_refused(plain_len in plain_lens(), at in 0.0..1.0) {
        let plain = content(plain_len);
        let sealed = seal(&plain);
        // The storage side announced the true length and then stopped.
        let (opened, verdict) = open_in(&[&sealed[..index(sealed.len(), at)]], sealed.len());
        let truncated = matches!(verdict, Err(Error::Truncated { .. }));
        prop_assert!(truncated);
        prop_assert!(opened.len() <= released_before_the_last_chunk(plain_len));
    }

    #[test]
    fn appended_bytes_are_refused(plain_len in plain_lens(), more in 1_usize..400) {
        let plain = content(plain_len);
        let mut sealed = seal(&plain);
        let announced = sealed.len();
        sealed.resize(announced + more, 0);
        let (_, verdict) = open_in(&[&sealed], announced);
        prop_assert_eq!(verdict, Err(Error::TrailingBytes));
        prop_assert!(open_in(&[&sealed], sealed.len()).1.is_err());
    }

    #[test]
    fn lengths_invert(plain_len in 0_u64..1 << 52) {
        prop_assert_eq!(layout::plain_len(layout::sealed_len(plain_len).unwrap()), Some(plain_len));
    }

    #[test]
    fn longer_content_is_longer_when_sealed(plain_len in 0_u64..1 << 52) {
        prop_assert!(layout::sealed_len(plain_len) < layout::sealed_len(plain_len + 1));
    }

    #[test]
    fn a_length_with_a_solution_is_the_length_of_it(sealed_len in any::<u64>(), scale in 0..64) {
        let sealed_len = sealed_len >> scale;
        if let Some(plain_len) = layout::plain_len(sealed_len) {
            prop_assert_eq!(layout::sealed_len(plain_len), Some(sealed_len));
        }
    }

    #[test]
    fn a_length_without_a_solution_lies_between_two(sealed_len in 0_u64..1 << 40) {
        // S is strictly increasing, so a length is one of its values or skipped by two neighbours.
        let (mut low, mut high) = (0, sealed_len + 1);
        while low < high {
            let middle = low.midpoint(high);
            if layout::sealed_len(middle).unwrap() < sealed_len { low = middle + 1 } else { high = middle }
        }
        let solution = (layout::sealed_len(low) == Some(sealed_len)).then_some(low);
        prop_assert_eq!(layout::plain_len(sealed_len), solution);
    }

    #[test]
    fn a_span_fetches_whole_chunks_around_the_range(plain_len in 1_u64..1 << 50, ends in (0.0..1.0, 0.0..1.0)) {
        let want = as_u64(&range(usize::try_from(plain_len).unwrap(), ends));
        let span = layout::span(plain_len, want.clone()).unwrap();
        prop_assert_eq!(span.fetch.start, span.first_chunk * 65_552);
        prop_assert_eq!(span.first_chunk * 65_536 + span.skip, want.start);
        prop_assert_eq!(span.take, want.end - want.start);
        let body_len = layout::body_len(plain_len).unwrap();
        prop_assert!(span.fetch.end == body_len || span.fetch.end.is_multiple_of(65_552));
        prop_assert!(span.fetch.end <= body_len && span.fetch.end > span.fetch.start);
    }
}

#[test]
fn every_flipped_bit_of_a_small_object_is_refused() {
    let plain = content(21);
    let sealed = seal(&plain);
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1_u8 << bit;
            refused_without_last_chunk(&changed, &plain).unwrap();
        }
    }
}

#[test]
fn one_byte_at_a_time_gives_the_same_bytes() {
    let plain = content(CHUNK + 3);
    let pieces: Vec<_> = plain.chunks(1).collect();
    let sealed = seal_in(&pieces, plain.len());
    assert!(sealed == seal(&plain));
    let pieces: Vec<_> = sealed.chunks(1).collect();
    assert!(open_in(&pieces, sealed.len()).0 == plain);
}

#[test]
fn a_machine_that_refused_keeps_refusing() {
    let plain = content(3 * CHUNK);
    let mut sealed = seal(&plain);
    sealed[0] ^= 1;
    let (mut opener, mut out) = (Opener::new(keys(), sealed.len() as u64).unwrap(), BytesMut::new());
    let refused = Err(Error::Chunk { index: 0 });
    assert_eq!(opener.push(&sealed[..65_552], &mut out), refused);
    assert_eq!(opener.push(&sealed[65_552..], &mut out), refused);
    assert_eq!(opener.finish(&mut out).map(|_| ()), refused);
    assert!(out.is_empty());
}

#[test]
fn the_bytes_in_front_of_the_buffer_stay() {
    let plain = content(2 * CHUNK + 1);
    let sealed = seal(&plain);
    let (mut opener, mut out) = (Opener::new(keys(), sealed.len() as u64).unwrap(), BytesMut::from("before"));
    opener.push(&sealed, &mut out).unwrap();
    opener.finish(&mut out).unwrap();
    assert!(out[..6] == b"before"[..] && out[6..] == plain[..]);
}

fn refused_without_last_chunk(sealed: &[u8], plain: &[u8]) -> Result<(), TestCaseError> {
    let Ok(opener) = Opener::new(keys(), sealed.len() as u64) else { return Ok(()) };
    let (released, verdict) = run(opener, &[sealed]);
    prop_assert!(verdict.is_err());
    prop_assert!(released.len() <= released_before_the_last_chunk(plain.len()));
    prop_assert!(plain.starts_with(&released));
    Ok(())
}

fn released_before_the_last_chunk(plain_len: usize) -> usize {
    plain_len.saturating_sub(1) / CHUNK * CHUNK
}

fn keys() -> ObjectKeys {
    ObjectKeys::derive(&DataKey::from_bytes([42; 32]))
}

fn content(plain_len: usize) -> Vec<u8> {
    (0..=250).cycle().take(plain_len).collect()
}

fn seal(plain: &[u8]) -> Vec<u8> {
    seal_in(&[plain], plain.len())
}

fn seal_in(pieces: &[&[u8]], plain_len: usize) -> Vec<u8> {
    let set = DigestSet { md5: true, checksums: [ChecksumName::Crc64Nvme].into() };
    let (mut digests, mut out) = (Digests::new(&set), BytesMut::new());
    let mut sealer = Sealer::new(keys(), plain_len as u64).unwrap();
    for piece in pieces {
        digests.update(piece);
        sealer.push(piece, &mut out).unwrap();
    }
    sealer.finish(digests.finish(), [7; 12], &mut |table| table.fill(0), &mut out).unwrap();
    out.to_vec()
}

fn open_in(pieces: &[&[u8]], sealed_len: usize) -> (Vec<u8>, Result<Facts, Error>) {
    match Opener::new(keys(), sealed_len as u64) {
        Ok(opener) => run(opener, pieces),
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn open_range(sealed: &[u8], plain_len: usize, want: &Range<usize>, cuts: &[f64]) -> Result<Vec<u8>, Error> {
    let span = layout::span(plain_len as u64, as_u64(want)).unwrap();
    let fetch = usize::try_from(span.fetch.start).unwrap()..usize::try_from(span.fetch.end).unwrap();
    let opener = RangeOpener::new(keys(), plain_len as u64, &span);
    let (content, verdict) = run(opener, &split(&sealed[fetch], cuts));
    verdict.map(|()| content)
}

/// Drives any machine, and gives what it released whatever its verdict.
fn run<T: Transform>(mut machine: T, pieces: &[&[u8]]) -> (Vec<u8>, Result<T::Summary, Error>) {
    let mut out = BytesMut::new();
    let pushed = pieces.iter().try_for_each(|piece| machine.push(piece, &mut out));
    let verdict = pushed.and_then(|()| machine.finish(&mut out));
    (out.to_vec(), verdict)
}

fn split<'a>(bytes: &'a [u8], cuts: &[f64]) -> Vec<&'a [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| index(bytes.len(), *cut)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

/// A non-empty range of content.
fn range(plain_len: usize, (one, other): (f64, f64)) -> Range<usize> {
    let (one, other) = (index(plain_len, one), index(plain_len, other));
    one.min(other)..one.max(other) + 1
}

fn as_u64(range: &Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "any place within the bytes will do"
)]
fn index(len: usize, fraction: f64) -> usize {
    ((len as f64 * fraction) as usize).min(len.saturating_sub(1))
}
