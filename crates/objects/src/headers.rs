//! Which of a store's answer headers speak of the ciphertext or the connection and therefore stay here.

use http::HeaderName;

/// Headers that belong to one connection (RFC 9110 section 7.6.1) or that describe the stored bytes.
const STORE_ONLY: [&str; 14] = [
    "accept-ranges",
    "connection",
    "content-length",
    "content-md5",
    "content-range",
    "date",
    "keep-alive",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-amz-id-2",
    "x-amz-request-id",
];

/// Whether an answer header of the store must not reach a client as it is.
///
/// Checksums of a sealed object cover its ciphertext, so they stay here as well.
#[must_use]
pub fn is_store_only(name: &HeaderName, sealed: bool) -> bool {
    let name = name.as_str();
    STORE_ONLY.contains(&name)
        || name.starts_with(crate::RESERVED_METADATA_PREFIX)
        || (sealed && (name.starts_with("x-amz-checksum-") || name == "x-amz-mp-parts-count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_ciphertext_stay_here() {
        let checksum = HeaderName::from_static("x-amz-checksum-crc32");
        assert!(is_store_only(&checksum, true));
        assert!(!is_store_only(&checksum, false));
        assert!(is_store_only(&HeaderName::from_static("x-amz-meta-sealgate-m"), false));
        assert!(!is_store_only(&HeaderName::from_static("last-modified"), true));
    }
}
