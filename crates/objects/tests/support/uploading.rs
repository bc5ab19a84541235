//! Uploads in parts as a client makes them, for every suite that looks at what becomes of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use objects::{
    CompleteRequest, Completed, Computed, CreateRequest, DigestSet, Error, NamedPart, ObjectRef, PartOutcome,
    PartRequest, Random, RandomError, SealedObjects, UploadOutcome, store,
};

/// Never the same twice.
pub(crate) struct Counter(pub(crate) AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, count) in bytes.iter_mut().rev().zip(count.iter().rev().chain(std::iter::repeat(&1))) {
            *byte = *count;
        }
        Ok(())
    }
}

pub(crate) fn at() -> ObjectRef {
    ObjectRef { bucket: "bucket".into(), key: "key".into(), version: None }
}

pub(crate) fn content(len: usize, seed: u8) -> Bytes {
    (0..len).map(|index| u8::try_from(index % 251).unwrap() ^ seed).collect()
}

pub(crate) async fn begin(objects: &SealedObjects) -> Result<String, Error> {
    let request = CreateRequest { at: at(), headers: HeaderMap::new(), checksum: None };
    match objects.create_upload(request).await? {
        UploadOutcome::Done(created) => Ok(created.upload_id),
        UploadOutcome::Answer(answer) => panic!("answered {}", answer.status()),
    }
}

pub(crate) async fn part(
    objects: &SealedObjects,
    upload_id: &str,
    number: u16,
    body: Bytes,
) -> Result<NamedPart, Error> {
    let request = PartRequest {
        at: at(),
        upload_id: upload_id.to_owned(),
        number,
        plain_len: body.len() as u64,
        digests: DigestSet::default(),
        verdict: Box::new(|_: &Computed| Ok(())),
        body: store::full(body),
    };
    match objects.upload_part(request).await? {
        PartOutcome::Received { etag, .. } => Ok(NamedPart { number, etag, checksums: BTreeMap::new() }),
        PartOutcome::Answer(_) => Err(Error::NoSuchUpload),
    }
}

pub(crate) async fn complete(
    objects: &SealedObjects,
    upload_id: &str,
    parts: &[NamedPart],
) -> Result<Completed, Error> {
    let request = CompleteRequest {
        at: at(),
        upload_id: upload_id.to_owned(),
        parts: parts.to_vec(),
        headers: HeaderMap::new(),
        checksums: BTreeMap::new(),
        plain_len: None,
    };
    match objects.complete_upload(request).await?.unwrap() {
        UploadOutcome::Done(completed) => Ok(completed),
        UploadOutcome::Answer(_) => Err(Error::NoSuchUpload),
    }
}
