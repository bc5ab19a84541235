//! Any bytes are an object of an older tool or are refused, and a range of what opens is the slice.
//!
//! The first byte chooses the tool, the next two the range.
#![no_main]

use std::ops::Range;
use std::sync::LazyLock;

use bytes::BytesMut;
use envelope::Transform;
use envelope::legacy::kms_cbc::{self, Padding};
use envelope::legacy::{Error, OpenPlan, fileson, key_sidecar, rclone_crypt};
use envelope::s3ec::{Extent, Measure};
use libfuzzer_sys::fuzz_target;

static FILESON: LazyLock<fileson::Key> = LazyLock::new(|| fileson::Key::from_bytes(&[7; 32]).expect("a key"));
static RCLONE: LazyLock<rclone_crypt::Key> =
    LazyLock::new(|| rclone_crypt::Key::from_passwords("word", None).expect("a key"));

fuzz_target!(|input: &[u8]| {
    let [tool, from, to, stored @ ..] = input else { return };
    let stored_len = stored.len() as u64;
    match tool % 4 {
        0 => {
            let Ok(extent) = FILESON.measure(stored_len) else { return };
            check(extent, stored, (*from, *to), |want| FILESON.open(extent, want));
        }
        1 => {
            let envelope = kms_cbc::detect([("encryption-key", "AQID")]).expect("it is one").expect("it is there");
            let padding = if tool & 4 == 0 { Padding::Auto } else { Padding::Raw };
            let content = envelope.unlock(&[7; 32], padding).expect("a key");
            let extent = content.measure(stored_len).and_then(|measure| match measure {
                Measure::Known(extent) => Ok(extent),
                Measure::NeedsTail(tail) => content.extent_from_tail(stored_len, slice(stored, &tail)),
            });
            let Ok(extent) = extent else { return };
            check(extent, stored, (*from, *to), |want| content.open(extent, want));
        }
        2 => {
            // Blocks authenticate, so whole objects of one are all that a fuzzer can be shown.
            let Ok(extent) = RCLONE.measure(stored_len) else { return };
            let plan = RCLONE.open(extent, None).expect("the whole is there");
            let (mut opener, mut out) = (plan.opener, BytesMut::new());
            let (first, second) = stored.split_at(usize::from(*from).min(stored.len()));
            let pushed = opener.push(first, &mut out).and_then(|()| opener.push(second, &mut out));
            assert!(pushed.is_ok() && opener.finish(&mut out).is_ok() || out.is_empty());
        }
        _ => {
            let _ = key_sidecar::blob(stored);
            let Ok(text) = std::str::from_utf8(stored) else { return };
            let _ = kms_cbc::detect([("encryption-key", text)]);
            let _ = fileson::Key::from_key_file(text);
            let _ = rclone_crypt::reveal(text);
        }
    }
});

fn check(extent: Extent, stored: &[u8], ends: (u8, u8), open: impl Fn(Option<Range<u64>>) -> Result<OpenPlan, Error>) {
    let whole = drive(open(None).expect("the whole is there"), stored);
    assert_eq!(whole.len() as u64, extent.plain_len());
    let (from, to) = (u64::from(ends.0), u64::from(ends.1));
    match open(Some(from..to)) {
        Ok(plan) => assert_eq!(drive(plan, stored), slice(&whole, &(from..to))),
        Err(error) => assert!(error == Error::InvalidRange && (from >= to || to > extent.plain_len())),
    }
}

fn drive(plan: OpenPlan, stored: &[u8]) -> Vec<u8> {
    let (mut opener, mut out) = (plan.opener, BytesMut::new());
    for range in plan.head.into_iter().chain([plan.fetch]) {
        opener.push(slice(stored, &range), &mut out).expect("the bytes it asked for");
    }
    opener.finish(&mut out).expect("it had them all");
    out.to_vec()
}

fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    &bytes[usize::try_from(range.start).expect("short")..usize::try_from(range.end).expect("short")]
}
