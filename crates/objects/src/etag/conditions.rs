//! Conditions: clients name the ETags they were shown, the store is asked about its own.
//!
//! The store decides, so that a condition stays as atomic as the store makes it. Between our look at an object and the store's
//! decision it may be replaced; then the ETag that was looked up no longer holds at the store, which is the right answer.

use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{same, show_md5};
use crate::policy::Rule;
use crate::reader::{OpenRequest, Opened};
use crate::{Error, ObjectRef, SealedObjects};

/// Conditions on the object that a request is about.
const OWN: [HeaderName; 4] = [IF_MATCH, IF_NONE_MATCH, IF_RANGE, HeaderName::from_static("x-amz-if-match")];

/// Conditions on the source of a copy.
const SOURCE: [HeaderName; 2] =
    [HeaderName::from_static("x-amz-copy-source-if-match"), HeaderName::from_static("x-amz-copy-source-if-none-match")];

/// An object's ETag at the store, and the one clients see.
struct Current {
    store: String,
    shown: String,
}

impl SealedObjects {
    /// A client's `headers` about `at` with the store's ETags in their conditions.
    ///
    /// # Errors
    /// [`Error::NoRule`], or [`Error::Store`] when the object had to be looked at and there was no answer.
    pub async fn with_store_etags(&self, at: &ObjectRef, headers: HeaderMap) -> Result<HeaderMap, Error> {
        self.restore(at, headers, &OWN).await
    }

    /// The same for conditions on the source of a copy.
    ///
    /// # Errors
    /// As [`Self::with_store_etags`].
    pub async fn with_source_etags(&self, from: &ObjectRef, headers: HeaderMap) -> Result<HeaderMap, Error> {
        self.restore(from, headers, &SOURCE).await
    }

    /// The store's ETag for the `etag` that a client was shown of `at`.
    ///
    /// # Errors
    /// As [`Self::with_store_etags`].
    pub async fn store_etag(&self, at: &ObjectRef, etag: &str) -> Result<String, Error> {
        let rule = self.rule(&at.bucket, &at.key)?;
        let current = if rule.shows_md5() && etag != "*" { self.current(at, rule).await? } else { None };
        Ok(one(etag, current.as_ref()))
    }

    async fn restore(&self, at: &ObjectRef, mut headers: HeaderMap, names: &[HeaderName]) -> Result<HeaderMap, Error> {
        let etags: Vec<(&HeaderName, String)> = names
            .iter()
            .filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?.to_owned())))
            .filter(|(_, etags)| etags.trim() != "*")
            .collect();
        if etags.is_empty() {
            return Ok(headers);
        }
        let rule = self.rule(&at.bucket, &at.key)?;
        let current = if rule.shows_md5() { self.current(at, rule).await? } else { None };
        for (name, etags) in etags {
            let weakly = name.as_str().ends_with("if-none-match");
            let restored = etags.split(',').map(|etag| compared(etag.trim(), weakly, current.as_ref()));
            let restored = restored.collect::<Vec<_>>().join(", ");
            if let Ok(value) = HeaderValue::try_from(restored) {
                headers.insert(name.clone(), value);
            }
        }
        Ok(headers)
    }

    /// Looks at an object; `None` where there is none to be seen, which the store will then say itself.
    async fn current(&self, at: &ObjectRef, rule: &Rule) -> Result<Option<Current>, Error> {
        let request =
            OpenRequest { at: at.clone(), want: None, part: None, headers: HeaderMap::new(), checksums: true };
        let object = match self.read_head(&request).await {
            Ok(Opened::Object(object)) => object,
            Ok(_)
            | Err(
                Error::Integrity(_)
                | Error::NotSealed { .. }
                | Error::NotRead { .. }
                | Error::Forbidden { .. }
                | Error::KeyRefused { .. }
                | Error::UnknownKey { .. }
                | Error::KeyWithheld { .. },
            ) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(store) = object.headers.get(ETAG).and_then(|etag| etag.to_str().ok()) else { return Ok(None) };
        let shown = rule.shown_etag(store, Some(&object.gist()));
        Ok(Some(Current { store: store.to_owned(), shown }))
    }
}

/// The store's ETag for one of a client's, which may be weak where weak ETags compare (RFC 9110 section 13.1); not every
/// store knows that.
fn compared(etag: &str, weakly: bool, current: Option<&Current>) -> String {
    match etag.strip_prefix("W/") {
        Some(strong) if weakly => one(strong, current),
        Some(_) => etag.to_owned(),
        None => one(etag, current),
    }
}

/// The store's ETag for one of a client's.
fn one(etag: &str, current: Option<&Current>) -> String {
    match current {
        Some(current) if same(etag, &current.shown) => current.store.clone(),
        _ => show_md5(etag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_is_given_back() {
        let current = Current { store: "\"store\"".into(), shown: "\"md5\"".into() };
        for (etag, weakly, store) in [
            ("\"md5\"", false, "\"store\""),
            ("md5", false, "\"store\""),
            ("W/\"md5\"", true, "\"store\""),
            ("W/\"md5\"", false, "W/\"md5\""),
            ("\"other\"", false, "\"other\""),
            ("\"other-0\"", true, "\"other\""),
            ("*", true, "*"),
        ] {
            assert_eq!(compared(etag, weakly, Some(&current)), store, "{etag}");
        }
        assert_eq!(compared("W/\"a-0\"", true, None), "\"a\"");
    }
}
