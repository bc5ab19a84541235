//! Where a stack legitimately answers differently, and why. Everything that is not here must be the same everywhere.

use sealgate_tests::stack::Kind;

use crate::Case;

/// `(which stack, which case, why)`; a name that ends in `*` means every case that begins so.
const DIFFERENCES: &[(Kind, &str, &str)] = &[
    // The embedded store alone has no front: the daemon checks what clients send before it ever comes here.
    (Kind::Bare, "checksums::*", "digests of plaintext are the daemon's to check and to keep"),
    (Kind::Bare, "payload_forms::*", "the forms of clients are undone by the daemon"),
    (Kind::Bare, "presigned::*", "clients never reach it"),
    (Kind::Bare, "refusals::*", "clients never reach it"),
    (Kind::Bare, "sub_resources::*", "the daemon sends it only what it knows"),
    (Kind::Bare, "delete_objects::the_checksum_of_the_request_is_checked", "as checksums"),
    (Kind::Bare, "metadata::only_the_content_encoding_of_the_object_is_kept", "aws-chunked never gets there"),
    (Kind::Bare, "metadata::metadata_over_the_limit_is_too_large", "the daemon counts before it sends"),
    (Kind::Bare, "ranges::malformed_ranges_are_ignored", "the daemon sends only ranges that are none of these"),
    (Kind::Bare, "ranges::several_ranges_are_ignored", "the daemon sends only ranges that are none of these"),
    (Kind::Bare, "put_object::the_answer_has_a_request_id", "the daemon numbers requests"),
];

/// Whether this case says nothing about this kind of stack.
pub(crate) fn differs(kind: Kind, case: &Case) -> bool {
    let full = format!("{}::{}", case.topic.rsplit("::").next().unwrap(), case.name);
    let means = |name: &str| match name.strip_suffix('*') {
        Some(stem) => full.starts_with(stem),
        None => full == name,
    };
    DIFFERENCES.iter().any(|(of, name, _)| *of == kind && means(name))
}
