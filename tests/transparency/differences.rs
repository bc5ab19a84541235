//! Where the daemon legitimately answers differently from the store, and why.

use crate::pair::Step;

/// `(which pair or *, what the step's line contains, how the difference begins, why)`
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    ("*", "", "header x-sealgate-error: (none) / ", "says whose refusal it is"),
    ("embedded", "", "header x-amz-request-id: (none) / ", "the embedded store numbers nothing; its front does"),
    ("server", "", "header accept-ranges: bytes / (none)", "SeaweedFS says so everywhere; S3 where there is an object"),
    ("server", "", "header seaweed-x-amz-etag: ", "SeaweedFS: a digest of what it holds"),
    ("server", "", "header seaweed-x-amz-version-id: ", "SeaweedFS: the version id again"),
    ("embedded", "bytes=100-", "header content-type: (none) / ", "the embedded store writes an error without one"),
    ("*", "copy-source: /{bucket}/a", "body: ", "a result has S3's name space, and the checksum of the content"),
    ("server", "copy-source: /{bucket}/a", "header etag: … / (none)", "S3 has it in the document only"),
    ("server", "missing", "body: ", "it is the source that is missing, and its name is told, as at S3"),
    ("*", "PUT /", "header x-amz-checksum-crc64nvme: (none) / ", "as at S3, an object is never without a checksum"),
    ("*", "PUT /", "header x-amz-checksum-type: (none) / ", "as above"),
    (
        "server",
        "GET /a?partNumber=1",
        "header x-amz-mp-parts-count: 1 / (none)",
        "S3 says it of multipart objects only",
    ),
];

/// Whether somebody wrote down why.
pub(crate) fn explains(pair: &str, step: &Step, difference: &str) -> bool {
    let line = step.line();
    DIFFERENCES
        .iter()
        .any(|(of, about, how, _)| (*of == "*" || *of == pair) && line.contains(about) && difference.starts_with(how))
}
