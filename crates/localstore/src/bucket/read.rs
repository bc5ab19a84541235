//! Versions of objects, opened to be read.

use std::fs::File;
use std::io;
use std::sync::MutexGuard;

use http::header::{ALLOW, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Error, S3Result, s3_error};

use super::{Bucket, Shard};
use crate::conditions::http_date;
use crate::error::disk;
use crate::history::Entry;
use crate::path::Address;
use crate::record::Record;
use crate::version::{Version, Wanted};

/// The file of a version and its record, which stay together whatever happens to the key afterwards.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) file: File,
    pub(crate) record: Record,
    /// What the version is called, in a bucket that was ever asked to keep versions.
    pub(crate) version_id: Option<String>,
}

impl Bucket {
    /// Opens the object of a key, or one version of it.
    pub(crate) fn open(&self, key: &str, wanted: Wanted) -> S3Result<Object> {
        let address = Address::of(key);
        if let Some(object) = self.try_open((key, &address), wanted)? {
            return Ok(object);
        }
        // The index names a file that is gone. It was replaced or removed just now, or is about to leave the index.
        let shard = self.lock(&address);
        self.open_held((key, &address), wanted, &shard)
    }

    /// As [`Bucket::open`], for those who hold the key's lock, under which files and index agree.
    pub(super) fn open_held(
        &self,
        at: (&str, &Address),
        wanted: Wanted,
        _: &MutexGuard<'_, Shard>,
    ) -> S3Result<Object> {
        self.try_open(at, wanted)?.ok_or_else(|| absent(wanted))
    }

    /// Nothing if the file that the index names is not there.
    fn try_open(&self, (key, address): (&str, &Address), wanted: Wanted) -> S3Result<Option<Object>> {
        let known = self.index().find(key, wanted).cloned();
        // What the index does not know may still be there, damaged: that must not look as if it had never been.
        let version = match (&known, wanted) {
            (Some(entry), _) => entry.version,
            (None, Wanted::Named(version)) => version,
            (None, Wanted::Latest | Wanted::Null) => Version::FIRST,
        };
        if wanted == Wanted::Latest {
            self.refuse_outdated(address, version)?;
        }
        if let Some(marker) = known.as_ref().filter(|entry| entry.marker) {
            return Err(if wanted == Wanted::Latest { deleted(marker) } else { not_allowed(marker) });
        }
        let file = match File::open(address.file(&self.directory, version)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && known.is_some() => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(absent(wanted)),
            Err(error) => return Err(disk("open an object")(error)),
        };
        let mut record = Record::read(&file).map_err(disk("read an object's record"))?;
        self.add_later_tags(address, version, &mut record).map_err(disk("read an object's tags"))?;
        Ok(Some(Object { file, record, version_id: self.versioning().told(version) }))
    }

    /// The version of a key that is called `null`.
    pub(crate) fn null_version(&self, key: &str) -> Option<Version> {
        self.index().find(key, Wanted::Null).map(|entry| entry.version)
    }

    /// Refuses to show a version as the latest when a later one is there but damaged.
    pub(super) fn refuse_outdated(&self, address: &Address, latest: Version) -> S3Result<()> {
        let damaged = self.damaged();
        if damaged.iter().any(|(at, version)| at == address && *version > latest) {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the latest version is damaged");
            return Err(disk("open an object")(error));
        }
        Ok(())
    }
}

pub(super) fn absent(wanted: Wanted) -> S3Error {
    match wanted {
        Wanted::Latest => s3_error!(NoSuchKey),
        Wanted::Null | Wanted::Named(_) => s3_error!(NoSuchVersion, "The specified version does not exist."),
    }
}

/// The answer to those who ask for a key that was deleted.
fn deleted(marker: &Entry) -> S3Error {
    let mut error = s3_error!(NoSuchKey);
    error.set_headers(marker_headers(marker));
    error
}

/// The answer to those who take the mark of a deletion for an object.
pub(super) fn not_allowed(marker: &Entry) -> S3Error {
    let mut headers = marker_headers(marker);
    headers.insert(ALLOW, HeaderValue::from_static("DELETE"));
    headers.extend(HeaderValue::try_from(http_date(&marker.modified.to_dto())).map(|date| (LAST_MODIFIED, date)));
    let mut error = s3_error!(MethodNotAllowed, "The specified method is not allowed against this resource.");
    error.set_headers(headers);
    error
}

fn marker_headers(marker: &Entry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-amz-delete-marker"), HeaderValue::from_static("true"));
    let id = HeaderValue::try_from(marker.version.id());
    headers.extend(id.map(|id| (HeaderName::from_static("x-amz-version-id"), id)));
    headers
}
