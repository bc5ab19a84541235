//! One part: sealed under a fresh salt at every attempt, so that sending it again with other bytes repeats no nonce.

use bytes::BytesMut;
use envelope::{Computed, DigestSet, ObjectKeys, SegmentSealer};
use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderValue, Method, Request, Response};

use super::record::PartRecord;
use super::{OpenUpload, PART_LIMIT};
use crate::checking::{Checker, ComputedSlot, PassMachine, Verdict, drive};
use crate::random::draw;
use crate::store::{Body, BoxError};
use crate::stream::Machine;
use crate::uploads::{Attempt, UploadName, now_micros};
use crate::{Error, ObjectRef, SealedObjects, encode_value, etag};

/// A part to upload.
pub struct PartRequest {
    /// The object it will be part of.
    pub at: ObjectRef,
    /// The client's upload id.
    pub upload_id: String,
    /// Its number, from 1.
    pub number: u16,
    /// How many bytes `body` will yield.
    pub plain_len: u64,
    /// Which digests of the plaintext are wanted, besides what the upload needs.
    pub digests: DigestSet,
    /// Whether the body may be believed.
    pub verdict: Verdict,
    /// The plaintext.
    pub body: Body,
}

/// How a part ended.
pub enum PartOutcome {
    /// It was received: the ETag that the client will name, and the digests of the plaintext.
    Received {
        /// The ETag for the client.
        etag: String,
        /// The digests.
        computed: Computed,
    },
    /// The store answered otherwise.
    Answer(Response<Body>),
}

impl SealedObjects {
    /// Seals and sends one part, verifying while it streams. A part that can only be the last one is held back, sealed, until the
    /// upload is completed.
    ///
    /// # Errors
    /// [`Error::NoSuchUpload`], [`Error::Body`], or why the part cannot be sent.
    pub async fn upload_part(&self, mut request: PartRequest) -> Result<PartOutcome, Error> {
        if !(1..=PART_LIMIT).contains(&request.number) {
            return Err(Error::BadPart(format!("part numbers are from 1 to {PART_LIMIT}")));
        }
        let Some(upload) = self.open_upload(&request.at, &request.upload_id).await? else {
            return self.pass_part(request).await;
        };
        if self.uploads()?.find(&upload.name).await?.is_none() {
            return Err(Error::NoSuchUpload);
        }
        let chosen = upload.token.checksum.map_or(envelope::ChecksumName::Crc64Nvme, |checksum| checksum.name);
        request.digests.checksums.insert(chosen);
        if upload.amazon.is_some() {
            return self.receive_stretch(request, &upload).await;
        }
        let md5 = self.rule(&request.at.bucket, &request.at.key)?.shows_md5();
        request.digests.md5 |= md5;
        let salt = draw(self.random.as_ref())?;
        let computed = ComputedSlot::default();
        let checker = Checker::new(&request.digests, request.verdict, &computed);
        let machine = PartMachine::new(&upload.keys, salt, request.plain_len, checker)?;
        let attempt = Attempt::begin(request.number, now_micros(), draw(self.random.as_ref())?);
        let store_etag = if self.holds(&upload.name, request.number, request.plain_len) {
            self.hold(&upload, &attempt, request.body, machine).await?;
            None
        } else {
            let place = Place { at: request.at, number: request.number };
            match self.send(&upload, &place, request.body, machine).await? {
                Ok(etag) => Some(etag),
                Err(answer) => return Ok(PartOutcome::Answer(answer)),
            }
        };
        let computed = computed.take().ok_or_else(|| Error::Internal("a part ended without its digests".into()))?;
        let etag = match computed.md5.filter(|_| md5) {
            Some(md5) => etag::of_md5(&md5, None),
            None => shown_etag(store_etag.as_deref(), draw(self.random.as_ref())?),
        };
        let record = PartRecord {
            attempt: attempt.end(now_micros()),
            plain_len: request.plain_len,
            salt,
            store_etag,
            etag: etag.clone(),
            computed: computed.clone(),
            stretch: None,
        };
        self.record(&upload, &record).await?;
        Ok(PartOutcome::Received { etag, computed })
    }

    /// Whether a part waits here for the upload's end.
    fn holds(&self, name: &UploadName, number: u16, plain_len: u64) -> bool {
        self.announcements.hold(name, number, plain_len, self.equal_parts)
    }

    /// Remembers a part that is all there.
    pub(super) async fn record(&self, upload: &OpenUpload, record: &PartRecord) -> Result<(), Error> {
        let sealed = record.seal(&upload.keys, &upload.name, draw(self.random.as_ref())?)?;
        let kept = self.uploads()?.keep(&upload.name, &record.attempt, sealed).await?;
        // The upload may have ended while the part came.
        if kept { Ok(()) } else { Err(Error::NoSuchUpload) }
    }

    /// Seals a part on its way to where it is held.
    async fn hold(
        &self,
        upload: &OpenUpload,
        attempt: &Attempt,
        body: Body,
        machine: PartMachine,
    ) -> Result<(), Error> {
        let sealed_len = machine.sealer.sealed_len();
        let ((body, body_len), failures) = drive(body, machine, sealed_len).await?;
        let held = self.uploads()?.hold(&upload.name, attempt, body, body_len).await;
        match failures.take() {
            Some(error) => Err(Error::Body(error)),
            None => Ok(held?),
        }
    }

    /// Seals a part on its way to the store.
    async fn send(
        &self,
        upload: &OpenUpload,
        place: &Place,
        body: Body,
        machine: PartMachine,
    ) -> Result<Result<String, Response<Body>>, Error> {
        let sealed_len = machine.sealer.sealed_len();
        let ((body, body_len), failures) = drive(body, machine, sealed_len).await?;
        let answer = self.put_part(place, &upload.token.store_id, body, body_len).await;
        match failures.take() {
            Some(error) => Err(Error::Body(error)),
            None => answer,
        }
    }

    /// Sends bytes to the store as a part; the store's ETag, or its other answer.
    pub(super) async fn put_part(
        &self,
        place: &Place,
        store_id: &str,
        body: Body,
        body_len: u64,
    ) -> Result<Result<String, Response<Body>>, Error> {
        let query = format!("partNumber={}&uploadId={}", place.number, encode_value(store_id));
        let request = Request::builder().method(Method::PUT).uri(place.at.uri_with(&query)?);
        let request = request.header(CONTENT_LENGTH, HeaderValue::from(body_len)).body(body)?;
        let response = self.store.send(request).await?;
        if !response.status().is_success() {
            return Ok(Err(response));
        }
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
        Ok(Ok(etag.ok_or_else(|| Error::BadAnswer("a part without an ETag".into()))?.to_owned()))
    }

    /// A part of an upload that nothing seals: it passes, judged all the same.
    async fn pass_part(&self, request: PartRequest) -> Result<PartOutcome, Error> {
        let computed = ComputedSlot::default();
        let checker = Checker::new(&request.digests, request.verdict, &computed);
        let machine = PassMachine::new(checker, request.plain_len);
        let ((body, body_len), failures) = drive(request.body, machine, request.plain_len).await?;
        let place = Place { at: request.at, number: request.number };
        let answer = self.put_part(&place, &request.upload_id, body, body_len).await;
        if let Some(error) = failures.take() {
            return Err(Error::Body(error));
        }
        Ok(match answer? {
            Ok(etag) => PartOutcome::Received { etag, computed: computed.take().unwrap_or_default() },
            Err(answer) => PartOutcome::Answer(answer),
        })
    }
}

/// Which part of which object.
pub(super) struct Place {
    pub(super) at: ObjectRef,
    pub(super) number: u16,
}

/// The client's ETag: the store's, or for a held part a fresh one of the same look.
fn shown_etag(store_etag: Option<&str>, random: [u8; 16]) -> String {
    match store_etag {
        Some(etag) => etag::hide_md5(etag),
        None => etag::hide_md5(&format!("\"{:032x}\"", u128::from_be_bytes(random))),
    }
}

/// Seals a segment while it checks; its last chunk waits for the verdict.
pub(super) struct PartMachine {
    sealer: SegmentSealer,
    checker: Checker,
}

impl PartMachine {
    pub(super) fn new(keys: &ObjectKeys, salt: [u8; 24], plain_len: u64, checker: Checker) -> Result<Self, Error> {
        let sealer = SegmentSealer::new(keys, salt, plain_len).map_err(|_| Error::TooLarge { plain_len })?;
        Ok(Self { sealer, checker })
    }

    pub(super) fn sealed_len(&self) -> u64 {
        self.sealer.sealed_len()
    }
}

impl Machine for PartMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.checker.update(input);
        self.sealer.push(input, out).map_err(Into::into)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.checker.finish()?;
        self.sealer.finish(out).map_err(Into::into)
    }
}
