//! `If-Range` (RFC 9110 section 13.1.5) said by the conditions that every store knows.

use http::header::{IF_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderValue};

use crate::etag::same;

/// Adds to `headers` the condition under which the range may be answered; `false` where it may not be in any case.
pub(super) fn as_condition(if_range: &HeaderValue, headers: &mut HeaderMap) -> bool {
    let Ok(text) = if_range.to_str() else { return false };
    // Only strong ETags compare here.
    if text.trim_start().starts_with("W/") {
        return false;
    }
    let name = if text.contains('"') || !text.contains(',') { IF_MATCH } else { IF_UNMODIFIED_SINCE };
    match headers.get(&name).map(|value| value.to_str().unwrap_or_default()) {
        None => {
            headers.insert(name, if_range.clone());
            true
        }
        // The client has a condition of this kind already, which is about failing. Where both say the same it serves both.
        Some(other) => same(other, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(if_range: &'static str, headers: &[(http::HeaderName, &'static str)]) -> Option<HeaderMap> {
        let mut headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        as_condition(&HeaderValue::from_static(if_range), &mut headers).then_some(headers)
    }

    #[test]
    fn etags_and_dates_become_conditions() {
        for (if_range, name) in
            [("\"a\"", IF_MATCH), ("a", IF_MATCH), ("Sun, 06 Nov 1994 08:49:37 GMT", IF_UNMODIFIED_SINCE)]
        {
            assert_eq!(condition(if_range, &[]).unwrap()[name], if_range);
        }
        assert!(condition("W/\"a\"", &[]).is_none());
    }

    #[test]
    fn a_condition_of_the_client_is_kept() {
        assert_eq!(condition("\"a\"", &[(IF_MATCH, "\"a\"")]).unwrap()[IF_MATCH], "\"a\"");
        assert!(condition("\"a\"", &[(IF_MATCH, "\"b\"")]).is_none());
    }
}
