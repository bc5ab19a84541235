//! Any content, cut anywhere into parts that are sealed in any order, is what one machine seals at once, and opens again.
//!
//! The input is the content; its first bytes choose the format, the cuts and the size of pushes.
#![no_main]

use bytes::BytesMut;
use envelope::Transform;
use envelope::s3ec::{
    CommitmentPolicy, ContentKeys, Context, Detection, Draft, Measure, PartHash, ReadPolicy, WriteFormat, detect,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[format, piece, first, second], plain)) = input.split_first_chunk::<4>() else { return };
    let format = if format & 1 == 0 { WriteFormat::V3 } else { WriteFormat::V2 };
    let draft = Draft::new(format, [5; 32], [6; 28]).expect("nothing is zero");
    let keys = draft.content_keys().expect("keys derive");
    let piece = usize::from(piece) + 1;

    let (mut sealer, mut whole) = (keys.sealer(Some(plain.len() as u64)).expect("it is short"), BytesMut::new());
    plain.chunks(piece).for_each(|piece| sealer.push(piece, &mut whole).expect("it fits"));
    sealer.finish(&mut whole).expect("it is whole");

    let mut cuts = [usize::from(first), usize::from(second)].map(|cut| cut.min(plain.len()));
    cuts.sort_unstable();
    let ranges = [0..cuts[0], cuts[0]..cuts[1], cuts[1]..plain.len()];
    let parts: Vec<_> = ranges.into_iter().rev().map(|range| part(&keys, range.start, &plain[range])).collect();
    let tag = keys.tag(parts.iter().rev().map(|(_, hash)| hash)).expect("they follow each other");
    let joined: Vec<u8> = parts.iter().rev().flat_map(|(sealed, _)| sealed.to_vec()).chain(tag).collect();
    assert_eq!(joined, whole);
    assert_eq!(opened(&draft, &whole), plain);
});

fn part(keys: &ContentKeys, offset: usize, plain: &[u8]) -> (BytesMut, PartHash) {
    let (mut sealer, mut out) =
        (keys.part_sealer(offset as u64, plain.len() as u64).expect("it is short"), BytesMut::new());
    plain.chunks(7).for_each(|piece| sealer.push(piece, &mut out).expect("it fits"));
    let hash = sealer.finish(&mut out).expect("it is whole");
    (out, PartHash::from_bytes(&hash.to_bytes()).expect("it is one"))
}

fn opened(draft: &Draft, stored: &[u8]) -> Vec<u8> {
    let written = draft.kms(&Context::new()).and_then(|ask| ask.wrapped(b"blob")).expect("KMS answered");
    let metadata = written.into_metadata();
    let found = detect(metadata.iter().map(|(name, value)| (*name, value.as_str())), 0);
    let Ok(Detection::Complete(envelope)) = found else { panic!("{found:?}") };
    let policy = ReadPolicy { commitment: CommitmentPolicy::ForbidEncryptAllowDecrypt, ..ReadPolicy::default() };
    let admitted = envelope.admit(&policy).expect("it is modern");
    let content = admitted.kms(&Context::new()).and_then(|ask| ask.unlock(&[5; 32])).expect("the key is right");
    let Ok(Measure::Known(extent)) = content.measure(stored.len() as u64) else { panic!("GCM tells its length") };
    let (plan, mut out) = (content.open(extent, None).expect("whole"), BytesMut::new());
    let mut opener = plan.opener;
    opener.push(stored, &mut out).expect("it is authentic");
    opener.finish(&mut out).expect("it is authentic");
    out.to_vec()
}
