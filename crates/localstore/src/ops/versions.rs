//! Versions of a whole bucket: whether they are kept, and the list of all of them.

use s3s::dto::{
    BucketVersioningStatus, CommonPrefix, DeleteMarkerEntry, GetBucketVersioningOutput, ListObjectVersionsInput,
    ListObjectVersionsOutput, MFADelete, ObjectVersion, PutBucketVersioningInput,
};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::bucket::Bucket;
use crate::history::Entry;
use crate::index::{Query, VersionItem, VersionPage};
use crate::listing::{View, marker_position, owner, page_limit, to_usize};
use crate::service::Order;
use crate::store::{DirectoryStore, blocking};
use crate::version::{Version, Versioning, Wanted};

impl DirectoryStore {
    pub(crate) async fn decide_versioning(&self, input: PutBucketVersioningInput) -> S3Result<()> {
        self.bucket(&input.bucket)?;
        let asked = input.versioning_configuration;
        if asked.mfa_delete.is_some_and(|mfa| mfa.as_str() != MFADelete::DISABLED) {
            return Err(s3_error!(NotImplemented, "The directory store has no MFA delete."));
        }
        let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            Some(_) => return Err(s3_error!(MalformedXML)),
            None => return Err(no_status()),
        };
        let store = self.clone();
        blocking(move || store.set_versioning(&input.bucket, versioning)).await
    }
}

fn no_status() -> S3Error {
    let code = S3ErrorCode::Custom("IllegalVersioningConfigurationException".into());
    let mut error = S3Error::with_message(code, "The Versioning element must be specified");
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

/// Answers `GetBucketVersioning`.
pub(crate) fn tell_versioning(bucket: &Bucket) -> GetBucketVersioningOutput {
    let status = match bucket.versioning() {
        Versioning::Unset => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    GetBucketVersioningOutput { status: status.map(BucketVersioningStatus::from_static), ..Default::default() }
}

/// Answers `ListObjectVersions`, and tells in which order versions and marks of deletion belong.
pub(crate) fn list_versions(
    bucket: &Bucket,
    input: ListObjectVersionsInput,
) -> S3Result<(ListObjectVersionsOutput, Order)> {
    let view = View::new(input.encoding_type.as_ref(), true)?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let limit = page_limit("max-keys", input.max_keys)?;
    let key_marker = input.key_marker.unwrap_or_default();
    let id_marker = input.version_id_marker.filter(|id| !id.is_empty());
    let behind = id_marker.as_deref().map(|id| place(bucket, &key_marker, id)).transpose()?.flatten();
    let from = marker_position(&key_marker, &prefix, delimiter.as_deref());
    let query = Query { prefix: &prefix, delimiter: delimiter.as_deref(), from: &from, limit: to_usize(limit) };
    let page = bucket.versions(&query, behind);
    let (next_key, next_id) = match page.items.last().filter(|_| page.truncated) {
        Some(VersionItem::Version { key, entry, .. }) => (Some(view.show(key)), Some(entry.version.to_string())),
        Some(VersionItem::Prefix(prefix)) => (Some(view.show(prefix)), None),
        None => (None, None),
    };
    let output = ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(view.show(&prefix)),
        delimiter: delimiter.as_ref().map(|delimiter| view.show(delimiter)),
        key_marker: Some(view.show(&key_marker)),
        version_id_marker: Some(id_marker.unwrap_or_default()),
        next_key_marker: next_key,
        next_version_id_marker: next_id,
        max_keys: Some(limit),
        is_truncated: Some(page.truncated),
        encoding_type: view.encoding_type(),
        ..Default::default()
    };
    let order = page.items.iter().filter_map(|item| match item {
        VersionItem::Version { entry, .. } => Some(entry.marker),
        VersionItem::Prefix(_) => None,
    });
    let order = Order(order.collect());
    Ok((show(&view, page, output), order))
}

/// Where a page begins among the versions of a key: behind a version, by its name or by the number a truncated page ended
/// with. The number of what is called `null` may be another by now, or it may be gone; then its key is done with.
fn place(bucket: &Bucket, key: &str, id: &str) -> S3Result<Option<Version>> {
    if key.is_empty() {
        return Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."));
    }
    match Version::parse(id) {
        Some(version) => Ok(Some(version)),
        None if Wanted::parse(Some(id))? == Wanted::Null => Ok(bucket.null_version(key)),
        None => Ok(None),
    }
}

fn show(view: &View, page: VersionPage, output: ListObjectVersionsOutput) -> ListObjectVersionsOutput {
    let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    for item in page.items {
        match item {
            VersionItem::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(view.show(&prefix)) }),
            VersionItem::Version { key, entry, latest } if entry.marker => markers.push(DeleteMarkerEntry {
                key: Some(view.show(&key)),
                version_id: Some(entry.version.id()),
                is_latest: Some(latest),
                last_modified: Some(entry.modified.to_dto()),
                owner: Some(owner()),
            }),
            VersionItem::Version { key, entry, latest } => versions.push(show_version(view.show(&key), &entry, latest)),
        }
    }
    ListObjectVersionsOutput {
        versions: Some(versions),
        delete_markers: Some(markers),
        common_prefixes: Some(prefixes),
        ..output
    }
}

fn show_version(key: String, entry: &Entry, latest: bool) -> ObjectVersion {
    ObjectVersion {
        key: Some(key),
        version_id: Some(entry.version.id()),
        is_latest: Some(latest),
        last_modified: Some(entry.modified.to_dto()),
        e_tag: Some(entry.etag.to_dto()),
        size: i64::try_from(entry.content_len).ok(),
        storage_class: Some(entry.storage_class.as_deref().unwrap_or("STANDARD").to_owned().into()),
        owner: Some(owner()),
        ..Default::default()
    }
}
