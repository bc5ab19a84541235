//! How fast content is sealed and opened, by size of the push.
//!
//! Compare on one quiet machine; elsewhere this only shows that the benches still run.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

use bytes::BytesMut;
use divan::Bencher;
use divan::counter::BytesCount;
use envelope::{Computed, DataKey, ObjectKeys, Opener, RangeOpener, Sealer, layout};

const KIB: usize = 1024;

/// 64 KiB in one piece, 1 MiB in one piece.
const SIZES: [usize; 2] = [64 * KIB, KIB * KIB];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn seal(bencher: Bencher<'_, '_>, plain_len: usize) {
    let plain = vec![7; plain_len];
    bencher.counter(BytesCount::new(plain_len)).bench_local(|| sealed(&plain));
}

#[divan::bench(args = SIZES)]
fn open(bencher: Bencher<'_, '_>, plain_len: usize) {
    let stored = sealed(&vec![7; plain_len]);
    bencher.counter(BytesCount::new(plain_len)).bench_local(|| opened(&stored, stored.len()));
}

/// As bytes come from a socket: in pieces that do not end where chunks end.
#[divan::bench(args = SIZES)]
fn open_in_pieces(bencher: Bencher<'_, '_>, plain_len: usize) {
    let stored = sealed(&vec![7; plain_len]);
    bencher.counter(BytesCount::new(plain_len)).bench_local(|| opened(&stored, 16_000));
}

#[divan::bench(args = SIZES)]
fn open_range(bencher: Bencher<'_, '_>, plain_len: usize) {
    let stored = sealed(&vec![7; plain_len]);
    let span = layout::span(plain_len as u64, 0..plain_len as u64).unwrap();
    let fetched = &stored[..stored.len() - 256];
    bencher.counter(BytesCount::new(plain_len)).bench_local(|| {
        let mut out = BytesMut::with_capacity(plain_len);
        let mut opener = RangeOpener::new(keys(), plain_len as u64, &span);
        opener.push(fetched, &mut out).unwrap();
        opener.finish(&mut out).unwrap();
        out
    });
}

fn keys() -> ObjectKeys {
    ObjectKeys::derive(&DataKey::from_bytes([42; 32]))
}

fn sealed(plain: &[u8]) -> BytesMut {
    let mut sealer = Sealer::new(keys(), plain.len() as u64).unwrap();
    let mut out = BytesMut::with_capacity(plain.len() + 4 * KIB);
    sealer.push(plain, &mut out).unwrap();
    sealer.finish(Computed::default(), [7; 12], &mut |table| table.fill(0), &mut out).unwrap();
    out
}

fn opened(stored: &[u8], piece: usize) -> BytesMut {
    let mut opener = Opener::new(keys(), stored.len() as u64).unwrap();
    let mut out = BytesMut::with_capacity(stored.len());
    for piece in stored.chunks(piece) {
        opener.push(piece, &mut out).unwrap();
    }
    opener.finish(&mut out).unwrap();
    out
}
