//! Where a stack legitimately answers differently, and why. Everything that is not here must be the same everywhere.

use sealgate_tests::stack::Kind;

use crate::Case;

/// `(which stack, which case, why)`; a name that ends in `*` means every case that begins so.
const DIFFERENCES: &[(Kind, &str, &str)] = &[
    // The embedded store alone has no front: the daemon checks what clients send before it ever comes here.
    (Kind::Bare, "checksums::*", "digests of plaintext are the daemon's to check and to keep"),
    (Kind::Bare, "payload_forms::*", "the forms of clients are undone by the daemon"),
    (Kind::Bare, "multipart::*", "the daemon keeps digests, sizes and ids of parts"),
    (Kind::Bare, "protocol::*", "it has no listener of its own"),
    (Kind::Bare, "presigned::*", "clients never reach it"),
    (Kind::Bare, "sdk_uploads::*", "as checksums and multipart"),
    (Kind::Bare, "cors::*", "browsers never reach it"),
    (Kind::Bare, "hosts::*", "the daemon speaks path style to it"),
    (Kind::Bare, "post_form::*", "forms become plain uploads"),
    (Kind::Bare, "tagging::a_changed_document_is_refused", "as checksums"),
    (Kind::Bare, "versions::a_locked_version_stays", "it has no object lock, and says so"),
    (Kind::Sealgate, "versions::a_locked_version_stays", "the embedded store has no object lock, and says so"),
    (Kind::Bare, "refusals::*", "clients never reach it"),
    (Kind::Bare, "sub_resources::*", "the daemon sends it only what it knows"),
    (Kind::Bare, "copy_object::checksums_come_along", "as checksums"),
    (Kind::Bare, "copy_object::what_is_no_source_is_refused", "the daemon sends it only names of objects"),
    (Kind::Bare, "delete_objects::the_checksum_of_the_request_is_checked", "as checksums"),
    (Kind::Bare, "metadata::only_the_content_encoding_of_the_object_is_kept", "aws-chunked never gets there"),
    (Kind::Bare, "metadata::metadata_over_the_limit_is_too_large", "the daemon counts before it sends"),
    (Kind::Bare, "etags::a_range_is_conditional_on_the_shown_etag", "the daemon undoes If-Range"),
    (Kind::Bare, "ranges::malformed_ranges_are_ignored", "the daemon sends only ranges that are none of these"),
    (Kind::Bare, "ranges::several_ranges_are_ignored", "the daemon sends only ranges that are none of these"),
    (Kind::Bare, "ranges::a_range_past_the_end_is_clipped", "the daemon sends no range past 2^63"),
    (Kind::Bare, "head_object::a_range_is_answered_as_the_read_would", "the daemon asks for whole heads"),
    (Kind::Bare, "put_object::the_answer_has_a_request_id", "the daemon numbers requests"),
    // The real server here is SeaweedFS, which keeps keys as paths of a file system and is lenient.
    (Kind::SealgateOnServer, "conditions::a_write_with_if_match_needs_an_object", "SeaweedFS: 412 where S3 has 404"),
    (Kind::SealgateOnServer, "keys::a_key_of_1024_bytes_is_the_longest", "SeaweedFS: 255 bytes between two slashes"),
    (Kind::SealgateOnServer, "keys::backslashes_are_no_slashes", "SeaweedFS takes them for slashes"),
    (Kind::SealgateOnServer, "keys::slashes_are_kept_as_they_are", "SeaweedFS: `a` and `a/` exclude each other"),
    (Kind::SealgateOnServer, "list_objects::an_unknown_encoding_is_refused", "SeaweedFS ignores it"),
    (Kind::SealgateOnServer, "list_objects::keys_come_in_byte_order", "SeaweedFS lists in the order of its tree"),
    (Kind::SealgateOnServer, "metadata::the_default_content_type_is_the_one_of_s3", "SeaweedFS guesses by the name"),
    (
        Kind::SealgateOnServer,
        "versions::what_cannot_be_a_version_is_refused",
        "SeaweedFS: any text may be a version, which is then 404; deleting it succeeds",
    ),
    (Kind::SealgateOnServer, "versions_copied::a_copy_names_the_version_it_was_made_of", "SeaweedFS does not say it"),
    (
        Kind::SealgateOnServer,
        "versions_copied::a_marker_named_as_source_is_refused_as_such",
        "SeaweedFS: 404, as if there were no such version",
    ),
    (Kind::SealgateOnServer, "versions_deleted::a_marker_is_named_in_refusals", "SeaweedFS: 404 as for any other key"),
    (
        Kind::SealgateOnServer,
        "versions_deleted::many_deletions_name_what_went",
        "SeaweedFS leaves out markers' versions",
    ),
    (
        Kind::SealgateOnServer,
        "versions_deleted::a_bucket_of_*",
        "SeaweedFS counts neither versions nor markers, and deletes them with the bucket",
    ),
    (
        Kind::SealgateOnServer,
        "versions_listed::names_of_versions_are_encoded",
        "SeaweedFS ignores it where versions are",
    ),
    (
        Kind::SealgateOnServer,
        "versions_suspended::a_null_marker_goes_as_others_do",
        "SeaweedFS does not find the version before it again",
    ),
    (
        Kind::SealgateOnServer,
        "versions_suspended::a_null_version_is_listed_in_its_place",
        "SeaweedFS lists it behind versions with names, whatever their age",
    ),
    (Kind::SealgateOnServer, "put_object::an_upload_to_a_directory_name_is_just_another_key", "as `a` and `a/` above"),
];

/// `(which case, why)` where objects are written in one of Amazon's formats.
const IN_AMAZONS_FORMATS: &[(&str, &str)] = &[
    ("checksums::a_sent_checksum_is_returned_when_asked_for", "the formats have no place for checksums"),
    ("copy_object::checksums_come_along", "as checksums"),
    ("multipart::attributes_tell_size_and_parts", "the formats do not say where parts begin"),
    ("multipart::composite_checksums_are_verified_and_returned", "as checksums"),
    ("multipart::full_checksums_are_verified_and_returned", "as checksums"),
    (
        "multipart::parts_come_in_any_order_and_again",
        "a part with its place is not replaced; tests/foreign has the order",
    ),
    ("payload_forms::a_trailer_is_echoed_and_kept", "as checksums"),
    ("post_form::every_field_is_honoured", "as checksums"),
    ("sdk_uploads::every_checksum_comes_back", "as checksums"),
    ("sdk_uploads::parts_sent_at_once_make_one_object", "as checksums; objects::amazon has the content"),
    ("versions_copied::attributes_are_those_of_the_version", "as parts"),
];

/// Whether this case says nothing about this stack.
pub(crate) fn differs(stack: &str, kind: Kind, case: &Case) -> bool {
    let full = format!("{}::{}", case.topic.rsplit("::").next().unwrap(), case.name);
    let means = |name: &str| match name.strip_suffix('*') {
        Some(stem) => full.starts_with(stem),
        None => full == name,
    };
    let amazon = stack.contains("amazon") && IN_AMAZONS_FORMATS.iter().any(|(name, _)| means(name));
    amazon || DIFFERENCES.iter().any(|(of, name, _)| *of == kind && means(name))
}
