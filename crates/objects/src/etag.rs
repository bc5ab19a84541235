//! The ETag rule: what clients are shown in place of the store's ETag, and how it is given back in conditions.
//!
//! A store's ETag of 32 hex digits is the MD5 of the ciphertext. Clients compare such ETags with the MD5 of what they sent,
//! and some delete the object when they differ. Under `opaque`, `-0` is appended: no S3 service issues a part count of zero,
//! so dropping it gives the store's own ETag back and conditions stay atomic at the store. Under `md5`, clients are shown the
//! MD5 of the plaintext, which the object's summary keeps; a condition with it costs a look at the object.

mod conditions;

use std::fmt::Write as _;

use crate::facts::Gist;
use crate::policy::{Contents, Rule};

const SUFFIX: &str = "-0";

impl Rule {
    /// The ETag clients see for the store's, of an object of which `gist` is known.
    ///
    /// What is not known, or was sealed without an MD5, gets the altered ETag of the store.
    pub(crate) fn shown_etag(&self, store_etag: &str, gist: Option<&Gist>) -> String {
        match gist {
            _ if self.contents == Contents::Plain => store_etag.to_owned(),
            Some(gist) if self.shows_md5() && !gist.sealed => store_etag.to_owned(),
            Some(Gist { md5: Some(md5), parts, .. }) if self.shows_md5() => of_md5(md5, *parts),
            _ => hide_md5(store_etag),
        }
    }
}

/// The ETag of content with this MD5; `parts` of an upload in parts, whose MD5 is that of its parts' MD5s.
pub(crate) fn of_md5(md5: &[u8; 16], parts: Option<u32>) -> String {
    let mut etag = format!("\"{:032x}", u128::from_be_bytes(*md5));
    if let Some(parts) = parts {
        // Writing to a string cannot fail.
        let _ = write!(etag, "-{parts}");
    }
    etag + "\""
}

/// The ETag a client sees for the store's `etag` (quotes and a weak prefix are kept).
pub(crate) fn hide_md5(etag: &str) -> String {
    let (open, tag, close) = unquote(etag);
    if tag.contains('-') || tag.is_empty() { etag.to_owned() } else { format!("{open}{tag}{SUFFIX}{close}") }
}

/// The store's ETag for a client's `etag`, when it is one that [`hide_md5`] made.
fn show_md5(etag: &str) -> String {
    let (open, tag, close) = unquote(etag.trim());
    format!("{open}{}{close}", tag.strip_suffix(SUFFIX).unwrap_or(tag))
}

/// Whether two ETags name the same; quotes and weakness do not matter.
pub(crate) fn same(one: &str, other: &str) -> bool {
    unquote(one.trim()).1 == unquote(other.trim()).1
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
    use crate::policy::EtagMode;

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
        assert_eq!(show_md5("*"), "*");
        assert_eq!(show_md5("\""), "\"");
    }

    fn rule(contents: Contents, etag: EtagMode) -> Rule {
        Rule { contents, etag, ..Rule::sealed("*", std::sync::Arc::default()) }
    }

    #[test]
    fn the_rule_says_what_is_shown() {
        const STORE: &str = "\"9b2cf535f27731c974343645a3985328\"";
        let sealed = Gist { plain_len: 3, sealed: true, complete: true, md5: Some([0xab; 16]), parts: None };
        let parts = Gist { parts: Some(2), ..sealed };
        let without = Gist { md5: None, ..sealed };
        let plain = Gist::plain(3);
        let shown = |contents, mode, gist: Option<Gist>| rule(contents, mode).shown_etag(STORE, gist.as_ref());
        let hidden = "\"9b2cf535f27731c974343645a3985328-0\"";
        for gist in [None, Some(sealed), Some(parts), Some(without), Some(plain)] {
            assert_eq!(shown(Contents::Mixed, EtagMode::Opaque, gist), hidden);
            assert_eq!(shown(Contents::Plain, EtagMode::Md5, gist), STORE);
        }
        let md5 = "abababababababababababababababab";
        assert_eq!(shown(Contents::Sealed, EtagMode::Md5, Some(sealed)), format!("\"{md5}\""));
        assert_eq!(shown(Contents::Sealed, EtagMode::Md5, Some(parts)), format!("\"{md5}-2\""));
        assert_eq!(shown(Contents::Sealed, EtagMode::Md5, Some(without)), hidden, "sealed before the rule said so");
        assert_eq!(shown(Contents::Sealed, EtagMode::Md5, None), hidden);
        assert_eq!(shown(Contents::Mixed, EtagMode::Md5, Some(plain)), STORE, "it is the store's own business");
    }
}
