//! The ETag rule: the store's ETag, altered reversibly so that nobody takes it for the MD5 of the plaintext.
//!
//! A store's ETag of 32 hex digits is the MD5 of the ciphertext. Clients compare such ETags with the MD5 of what they sent,
//! and some delete the object when they differ. `-0` is appended: no S3 service issues a part count of zero, so dropping it
//! gives the store's own ETag back and conditions stay atomic at the store.

const SUFFIX: &str = "-0";

/// The ETag a client sees for the store's `etag` (quotes and a weak prefix are kept).
#[must_use]
pub fn hide_md5(etag: &str) -> String {
    let (open, tag, close) = unquote(etag);
    if tag.contains('-') || tag.is_empty() { etag.to_owned() } else { format!("{open}{tag}{SUFFIX}{close}") }
}

/// The store's ETags for a client's list of `etags` as it stands in `If-Match` and its relatives.
///
/// Missing quotes are tolerated, `*` stays.
#[must_use]
pub fn show_md5(etags: &str) -> String {
    let one = |etag: &str| {
        let (open, tag, close) = unquote(etag.trim());
        format!("{open}{}{close}", tag.strip_suffix(SUFFIX).unwrap_or(tag))
    };
    etags.split(',').map(one).collect::<Vec<_>>().join(", ")
}

/// Splits `W/"abc"` into its opening, `abc`, and its closing.
fn unquote(etag: &str) -> (&str, &str, &str) {
    let start = if etag.starts_with("W/\"") { 3 } else { usize::from(etag.starts_with('"')) };
    let end = if etag.len() > start && etag.ends_with('"') { etag.len() - 1 } else { etag.len() };
    (&etag[..start], &etag[start..end], &etag[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_md5_gets_the_suffix_and_comes_back() {
        for etag in ["\"9b2cf535f27731c974343645a3985328\"", "W/\"9b2cf535f27731c974343645a3985328\"", "9b2cf535"] {
            let shown = hide_md5(etag);
            assert!(shown.contains("-0"));
            assert_eq!(show_md5(&shown), etag);
        }
    }

    #[test]
    fn an_etag_with_a_dash_passes_unchanged() {
        assert_eq!(hide_md5("\"abc-3\""), "\"abc-3\"");
        assert_eq!(show_md5("\"abc-3\""), "\"abc-3\"");
    }

    #[test]
    fn lists_and_stars_are_understood() {
        assert_eq!(show_md5("*"), "*");
        assert_eq!(show_md5("\"a-0\",  \"b-0\""), "\"a\", \"b\"");
        assert_eq!(show_md5(""), "");
        assert_eq!(show_md5("\""), "\"");
    }
}
