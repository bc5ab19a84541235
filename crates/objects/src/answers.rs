//! The XML answers of a store that we read or amend, cutting in place so that whatever we do not know stays as it came.

mod document;

use std::ops::Range;

use quick_xml::escape::escape;

use crate::Error;

use self::document::Document;

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
        let document = Document::parse(xml)?;
        let says_url = |root: &&str| document.leaves(&[root, "EncodingType"]).any(|at| document.raw(at) == "url");
        let encoded = ROOTS.iter().any(says_url);
        let entries = ENTRIES.iter().flat_map(|entry| document.at(entry));
        let objects = entries.map(|entry| ListedObject::read(&document, entry, encoded)).collect::<Result<_, _>>()?;
        Ok(Self { xml: document.xml(), objects })
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
    fn read(document: &Document<'_>, entry: usize, encoded: bool) -> Result<Self, Error> {
        let [mut key, mut version, mut etag, mut size] = [None; 4];
        for leaf in document.leaves_in(entry) {
            match document.name(leaf) {
                "Key" => key = key.or(Some(leaf)),
                "VersionId" => version = version.or(Some(leaf)),
                "ETag" => etag = etag.or(Some(leaf)),
                "Size" => size = size.or(Some(leaf)),
                _ => {}
            }
        }
        let there =
            |leaf: Option<usize>, name| leaf.ok_or_else(|| Error::BadAnswer(format!("a listed object without {name}")));
        let (key, etag, size) = (there(key, "Key")?, there(etag, "ETag")?, there(size, "Size")?);
        let number = document.raw(size).trim().parse();
        let stored_len = number.map_err(|_| Error::BadAnswer("a listed size that is no number".into()))?;
        let mut name = document.value(key)?.into_owned();
        if encoded {
            name = percent_encoding::percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned();
        }
        let version = version.map(|version| document.value(version)).transpose()?.map(Into::into);
        let (etag_at, size_at) = (document.place(etag), document.place(size));
        Ok(Self { key: name, version, etag: document.value(etag)?.into_owned(), stored_len, etag_at, size_at })
    }
}

/// A `ListAllMyBucketsResult` without the buckets that `keep` refuses.
///
/// # Errors
/// [`Error::BadAnswer`] when it cannot be read.
pub fn buckets_where(xml: &[u8], keep: impl Fn(&str) -> bool) -> Result<String, Error> {
    let document = Document::parse(xml)?;
    let mut cuts = Vec::new();
    for name in document.leaves(&["ListAllMyBucketsResult", "Buckets", "Bucket", "Name"]) {
        if !keep(&document.value(name)?) {
            cuts.push((document.place_around(name), String::new()));
        }
    }
    Ok(splice(document.xml(), cuts))
}

/// A document without the elements right around those leaves at one of `paths` that `drop` names, and how many they were.
pub(crate) fn without_elements(
    xml: &[u8],
    paths: &[&[&str]],
    drop: impl Fn(&str) -> bool,
) -> Result<(String, usize), Error> {
    let document = Document::parse(xml)?;
    let mut cuts = Vec::new();
    for leaf in paths.iter().flat_map(|path| document.leaves(path)) {
        if drop(&document.value(leaf)?) {
            cuts.push((document.place_around(leaf), String::new()));
        }
    }
    // One element, although two leaves in it were named.
    cuts.sort_by_key(|(at, _)| at.start);
    cuts.dedup();
    let count = cuts.len();
    Ok((splice(document.xml(), cuts), count))
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
    let document = Document::parse(xml)?;
    let mut cuts = Vec::new();
    for leaf in document.leaves(path) {
        if let Some(amended) = amend(&document.value(leaf)?) {
            cuts.push((document.place(leaf), escape(&amended).into_owned()));
        }
    }
    Ok(splice(document.xml(), cuts))
}

/// Code and message of an S3 error answer.
#[must_use]
pub fn error_code(xml: &[u8]) -> Option<(String, String)> {
    let document = Document::parse(xml).ok()?;
    let find = |name| {
        let leaf = document.leaves(&["Error", name]).next()?;
        Some(document.value(leaf).ok()?.into_owned())
    };
    Some((find("Code")?, find("Message").unwrap_or_default()))
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
