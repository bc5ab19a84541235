//! The XML answers of a store that we read or amend, cutting in place so that whatever we do not know stays as it came.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;

use crate::Error;

/// An object in a listing, with the places of what may be amended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListedObject {
    pub(crate) key: String,
    /// The version, where versions are listed.
    pub(crate) version: Option<String>,
    pub(crate) etag: String,
    pub(crate) stored_len: u64,
    etag_at: Range<usize>,
    size_at: Range<usize>,
}

/// What a listing may be.
const ROOTS: [&str; 2] = ["ListBucketResult", "ListVersionsResult"];

/// The entries in it that have a size.
const ENTRIES: [[&str; 2]; 2] = [["ListBucketResult", "Contents"], ["ListVersionsResult", "Version"]];

/// A listing as the store gave it.
pub(crate) struct Listing<'a> {
    xml: &'a str,
    pub(crate) objects: Vec<ListedObject>,
}

impl<'a> Listing<'a> {
    /// Reads a `ListBucketResult` of either kind, or a `ListVersionsResult`, whose delete markers are no objects.
    pub(crate) fn parse(xml: &'a [u8]) -> Result<Self, Error> {
        let xml = text(xml)?;
        let leaves = leaves(xml)?;
        let encoded = leaves.iter().any(|leaf| leaf.is_in(ROOTS, "EncodingType") && leaf.raw(xml) == "url");
        let mut objects = Vec::new();
        let mut rest = leaves.as_slice();
        while let Some(first) = rest.iter().position(|leaf| ENTRIES.iter().any(|entry| leaf.is_below(entry))) {
            let node = rest[first].parent().map_or(0, |parent| parent.start);
            let end = first + rest[first..].iter().take_while(|leaf| leaf.grand(node)).count();
            objects.push(ListedObject::read(xml, &rest[first..end.max(first + 1)], encoded)?);
            rest = &rest[end.max(first + 1)..];
        }
        Ok(Self { xml, objects })
    }

    /// The listing with each object's size and ETag replaced by what `amended` gives, in order.
    pub(crate) fn amend(&self, amended: impl IntoIterator<Item = (u64, String)>) -> String {
        let mut cuts = Vec::with_capacity(self.objects.len() * 2);
        for (object, (size, etag)) in self.objects.iter().zip(amended) {
            cuts.push((object.size_at.clone(), size.to_string()));
            cuts.push((object.etag_at.clone(), escape(&etag).into_owned()));
        }
        splice(self.xml, cuts)
    }
}

impl ListedObject {
    fn read(xml: &str, leaves: &[Leaf<'_>], encoded: bool) -> Result<Self, Error> {
        let maybe = |name: &str| leaves.iter().find(|leaf| leaf.name() == name);
        let find = |name: &str| maybe(name).ok_or_else(|| Error::BadAnswer(format!("a listed object without {name}")));
        let (key, etag, size) = (find("Key")?, find("ETag")?, find("Size")?);
        let stored_len =
            size.raw(xml).trim().parse().map_err(|_| Error::BadAnswer("a listed size that is no number".into()))?;
        let mut name = key.value(xml)?;
        if encoded {
            name = percent_encoding::percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned();
        }
        let version = maybe("VersionId").map(|version| version.value(xml)).transpose()?;
        let (etag_at, size_at) = (etag.at.clone(), size.at.clone());
        Ok(Self { key: name, version, etag: etag.value(xml)?, stored_len, etag_at, size_at })
    }
}

/// A `ListAllMyBucketsResult` without the buckets that `keep` refuses.
///
/// # Errors
/// [`Error::BadAnswer`] when it cannot be read.
pub fn buckets_where(xml: &[u8], keep: impl Fn(&str) -> bool) -> Result<String, Error> {
    let xml = text(xml)?;
    let mut cuts = Vec::new();
    for leaf in leaves(xml)? {
        if leaf.is(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"]) && !keep(&leaf.value(xml)?) {
            cuts.push((leaf.parent_at(xml)?, String::new()));
        }
    }
    Ok(splice(xml, cuts))
}

/// A document without the elements right around those leaves at one of `paths` that `drop` names, and how many they were.
pub(crate) fn without_elements(
    xml: &[u8],
    paths: &[&[&str]],
    drop: impl Fn(&str) -> bool,
) -> Result<(String, usize), Error> {
    let xml = text(xml)?;
    let mut cuts = Vec::new();
    for leaf in leaves(xml)?.iter().filter(|leaf| paths.iter().any(|path| leaf.is(path))) {
        if drop(&leaf.value(xml)?) {
            cuts.push((leaf.parent_at(xml)?, String::new()));
        }
    }
    // One element, although two leaves in it were named.
    cuts.dedup();
    let count = cuts.len();
    Ok((splice(xml, cuts), count))
}

/// A document in which the content of every element at `path` is replaced by what `amend` gives, if it gives anything.
///
/// # Errors
/// [`Error::BadAnswer`] when it cannot be read.
pub fn rewrite_elements(
    xml: &[u8],
    path: &[&str],
    mut amend: impl FnMut(&str) -> Option<String>,
) -> Result<String, Error> {
    let xml = text(xml)?;
    let mut cuts = Vec::new();
    for leaf in leaves(xml)?.iter().filter(|leaf| leaf.is(path)) {
        if let Some(amended) = amend(&leaf.value(xml)?) {
            cuts.push((leaf.at.clone(), escape(&amended).into_owned()));
        }
    }
    Ok(splice(xml, cuts))
}

/// Code and message of an S3 error answer.
#[must_use]
pub fn error_code(xml: &[u8]) -> Option<(String, String)> {
    let xml = text(xml).ok()?;
    let leaves = leaves(xml).ok()?;
    let find = |name| leaves.iter().find(|leaf| leaf.is(&["Error", name])).and_then(|leaf| leaf.value(xml).ok());
    Some((find("Code")?, find("Message").unwrap_or_default()))
}

/// An element that has begun.
#[derive(Clone, Copy)]
struct Open<'a> {
    /// Its local name.
    name: &'a str,
    /// Where its start tag begins.
    start: usize,
    /// Where its content begins.
    inside: usize,
}

/// An element without child elements.
struct Leaf<'a> {
    /// The elements around it and itself, outermost first. Names are the document's own: a page has thousands of leaves.
    path: Vec<Open<'a>>,
    /// The content, between the tags.
    at: Range<usize>,
}

impl Leaf<'_> {
    fn is(&self, path: &[&str]) -> bool {
        self.path.iter().map(|open| open.name).eq(path.iter().copied())
    }

    /// Whether it is called `name` and stands directly in one of `roots`.
    fn is_in(&self, roots: [&str; 2], name: &str) -> bool {
        roots.iter().any(|root| self.is(&[root, name]))
    }

    fn is_below(&self, path: &[&str]) -> bool {
        self.path.len() > path.len() && self.path.iter().zip(path).all(|(have, want)| have.name == *want)
    }

    /// Whether the element that begins at `node` is around this one.
    fn grand(&self, node: usize) -> bool {
        self.path.iter().any(|open| open.start == node)
    }

    fn name(&self) -> &str {
        self.path.last().map_or("", |open| open.name)
    }

    /// The element right around it.
    fn parent(&self) -> Option<Open<'_>> {
        self.path.iter().rev().nth(1).copied()
    }

    fn raw<'a>(&self, xml: &'a str) -> &'a str {
        &xml[self.at.clone()]
    }

    fn value(&self, xml: &str) -> Result<String, Error> {
        unescape(self.raw(xml)).map(std::borrow::Cow::into_owned).map_err(|error| Error::BadAnswer(error.to_string()))
    }

    /// The parent element with its tags, found by its name: parents amended here do not nest in themselves.
    fn parent_at(&self, xml: &str) -> Result<Range<usize>, Error> {
        let (name, start) = self.parent().map_or(("", 0), |open| (open.name, open.start));
        let close = format!("</{name}>");
        let end = xml[self.at.end..].find(&close).ok_or_else(|| Error::BadAnswer(format!("no {close}")))?;
        Ok(start..self.at.end + end + close.len())
    }
}

fn text(xml: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(xml).map_err(|_| Error::BadAnswer("XML that is not UTF-8".into()))
}

/// All elements without children, in document order.
fn leaves(xml: &str) -> Result<Vec<Leaf<'_>>, Error> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut leaves = Vec::new();
    let mut last_was_start = false;
    loop {
        let start = position(&reader);
        match reader.read_event().map_err(|error| Error::BadAnswer(error.to_string()))? {
            Event::Start(tag) => {
                let name_end = start + 1 + tag.name().as_ref().len();
                let name = xml.get(name_end - tag.local_name().as_ref().len()..name_end).unwrap_or_default();
                open.push(Open { name, start, inside: position(&reader) });
                last_was_start = true;
            }
            Event::End(_) => {
                if last_was_start && let Some(leaf) = open.last() {
                    leaves.push(Leaf { path: open.clone(), at: leaf.inside..start });
                }
                open.pop();
                last_was_start = false;
            }
            Event::Empty(_) => last_was_start = false,
            Event::Eof => return Ok(leaves),
            _ => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// `xml` with each range replaced; ranges do not overlap.
fn splice(xml: &str, mut cuts: Vec<(Range<usize>, String)>) -> String {
    cuts.sort_by_key(|(at, _)| at.start);
    let mut amended = String::with_capacity(xml.len());
    let mut done = 0;
    for (at, replacement) in cuts {
        amended.push_str(&xml[done..at.start]);
        amended.push_str(&replacement);
        done = at.end;
    }
    amended.push_str(&xml[done..]);
    amended
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Name>b</Name><EncodingType>url</EncodingType>\
        <Contents><Key>a+b%2Fc</Key><New attr=\"1\">kept</New><ETag>&quot;abc&quot;</ETag><Size>272</Size>\
        <Owner><ID>me</ID></Owner></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>\
        <Contents><Key>z</Key><ETag>\"d-1\"</ETag><Size>0</Size></Contents></ListBucketResult>";

    #[test]
    fn a_page_is_read_and_only_sizes_and_etags_change() {
        let listing = Listing::parse(PAGE.as_bytes()).unwrap();
        let seen: Vec<_> = listing
            .objects
            .iter()
            .map(|object| (object.key.as_str(), object.etag.as_str(), object.stored_len))
            .collect();
        assert_eq!(seen, [("a b/c", "\"abc\"", 272), ("z", "\"d-1\"", 0)]);
        let amended = listing.amend([(16, "\"abc-0\"".into()), (7, "\"d-1\"".into())]);
        let wanted = PAGE
            .replace("&quot;abc&quot;", "&quot;abc-0&quot;")
            .replace("272", "16")
            .replace("<Size>0<", "<Size>7<")
            .replace("\"d-1\"", "&quot;d-1&quot;");
        assert_eq!(amended, wanted);
    }

    #[test]
    fn versions_are_entries_and_delete_markers_are_not() {
        let page = "<ListVersionsResult><DeleteMarker><Key>a</Key><VersionId>2</VersionId></DeleteMarker>\
            <Version><Key>a</Key><VersionId>1</VersionId><ETag>e</ETag><Size>272</Size></Version></ListVersionsResult>";
        let listing = Listing::parse(page.as_bytes()).unwrap();
        let seen: Vec<_> =
            listing.objects.iter().map(|object| (object.key.as_str(), object.version.as_deref())).collect();
        assert_eq!(seen, [("a", Some("1"))]);
        let amended = listing.amend([(16, "e-0".into())]);
        assert_eq!(amended, page.replace("<ETag>e<", "<ETag>e-0<").replace("272", "16"));
    }

    #[test]
    fn an_entry_without_a_size_is_refused() {
        let page = "<ListBucketResult><Contents><Key>a</Key><ETag>x</ETag></Contents></ListBucketResult>";
        assert!(matches!(Listing::parse(page.as_bytes()), Err(Error::BadAnswer(message)) if message.contains("Size")));
        assert!(Listing::parse(b"\xff").is_err());
        assert!(Listing::parse(b"<a></b>").is_err());
    }

    #[test]
    fn buckets_can_be_left_out() {
        let page = "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>a</Name><CreationDate>t</CreationDate></Bucket>\
            <Bucket><CreationDate>t</CreationDate><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>";
        let kept = buckets_where(page.as_bytes(), |name| name == "b").unwrap();
        assert!(!kept.contains("<Name>a</Name>") && kept.contains("<Name>b</Name>"));
        assert_eq!(buckets_where(kept.as_bytes(), |_| true).unwrap(), kept);
    }

    #[test]
    fn an_error_gives_its_code() {
        let error = error_code(b"<Error><Code>NoSuchKey</Code><Message>gone &amp; lost</Message></Error>");
        assert_eq!(error, Some(("NoSuchKey".into(), "gone & lost".into())));
        assert_eq!(error_code(b"not xml"), None);
    }
}
