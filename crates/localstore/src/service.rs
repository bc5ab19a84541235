//! The store as an HTTP service: what s3s makes of its answers, and the two things that s3s cannot say.
//!
//! It knows how an answer is written, not what is in it.

use std::ops::Range;

use http::StatusCode;
use s3s::service::S3Service;
use s3s::{Body, HttpError, HttpRequest, HttpResponse};

/// Answers with a part of an object's head, which s3s would give the status of a whole one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartOfHead;

/// Of each entry of a list of versions, whether it is a delete marker. S3 lists both in one order, which clients rely on
/// that group what they read by key; s3s writes all of one kind and then all of the other.
#[derive(Debug, Clone)]
pub(crate) struct Order(pub(crate) Vec<bool>);

/// An HTTP service around a [`DirectoryStore`](crate::DirectoryStore).
#[derive(Debug, Clone)]
pub struct Service {
    inner: S3Service,
}

impl Service {
    /// Completes a service that was built around the store, such as one with credentials.
    #[must_use]
    pub fn new(inner: S3Service) -> Self {
        Self { inner }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When no answer could be made. What S3 calls an error is an answer.
    pub async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut answer = self.inner.call(request).await?;
        if answer.extensions_mut().remove::<PartOfHead>().is_some() {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        if let Some(Order(markers)) = answer.extensions_mut().remove()
            && let Some(page) = answer.body().bytes()
            && let Some(page) = std::str::from_utf8(&page).ok().and_then(|page| arrange(page, &markers))
        {
            *answer.body_mut() = Body::from(page);
        }
        Ok(answer)
    }
}

/// A list of versions with its entries in their order. Nothing if these are not the entries that are listed.
fn arrange(page: &str, markers: &[bool]) -> Option<String> {
    let (marked, kept) = (entries(page, "DeleteMarker"), entries(page, "Version"));
    let first = marked.first()?.start.min(kept.first()?.start);
    if marked.len() + kept.len() != markers.len() {
        return None;
    }
    let mut arranged = String::with_capacity(page.len());
    arranged.push_str(&page[..first]);
    let (mut next_marked, mut next_kept) = (marked.iter(), kept.iter());
    for marker in markers {
        let entry = if *marker { next_marked.next() } else { next_kept.next() };
        arranged.push_str(&page[entry?.clone()]);
    }
    let mut rest = first;
    let mut all: Vec<_> = marked.iter().chain(&kept).collect();
    all.sort_by_key(|entry| entry.start);
    for entry in all {
        arranged.push_str(&page[rest..entry.start]);
        rest = entry.end;
    }
    arranged.push_str(&page[rest..]);
    Some(arranged)
}

/// Where the elements of a name lie. Texts are escaped, so that none of them looks like one.
fn entries(page: &str, name: &str) -> Vec<Range<usize>> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let ends = page.match_indices(&end).map(|(at, end)| at + end.len());
    page.match_indices(&start).map(|(at, _)| at).zip(ends).map(|(start, end)| start..end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<R><P>p</P><DeleteMarker>1</DeleteMarker><DeleteMarker>2</DeleteMarker><K>1</K>\
                        <Version>a</Version><Version>b</Version><VersionIdMarker></VersionIdMarker></R>";

    #[test]
    fn versions_and_markers_come_in_one_order() {
        let arranged = arrange(PAGE, &[false, true, true, false]).unwrap();
        let expected = "<R><P>p</P><Version>a</Version><DeleteMarker>1</DeleteMarker><DeleteMarker>2</DeleteMarker>\
                        <Version>b</Version><K>1</K><VersionIdMarker></VersionIdMarker></R>";
        assert_eq!(arranged, expected);
    }

    #[test]
    fn a_page_of_one_kind_or_of_other_entries_stays_as_it_is() {
        assert_eq!(arrange(PAGE, &[true]), None);
        assert_eq!(arrange(PAGE, &[true, true, true, false]), None);
        assert_eq!(arrange("<R><Version>a</Version></R>", &[false]), None);
    }
}
