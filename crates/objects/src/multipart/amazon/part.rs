//! Receiving a part: held, believed, written down; and by the way up to two parts are sent whose places are certain.

use bytes::BytesMut;
use http::Response;
use sha2::{Digest as _, Sha256};

use super::super::part::PartMachine;
use super::super::record::{PartRecord, Stretch};
use super::super::{OpenUpload, PartOutcome, PartRequest};
use super::settled;
use super::stretch::Slot;
use super::window::{Claim, open};
use crate::checking::{Checker, ComputedSlot, drive};
use crate::random::draw;
use crate::store::{Body, BoxError};
use crate::stream::Machine;
use crate::uploads::{Attempt, now_micros};
use crate::{Error, ObjectRef, SealedObjects, etag, foreign};

/// So many parts each request sends, besides bringing one: more than come, so that what waits becomes less, and few enough that no
/// client gives up waiting.
const SENT_BY_THE_WAY: usize = 2;

impl SealedObjects {
    /// Receives one part of an upload in one of Amazon's formats.
    pub(in super::super) async fn receive_stretch(
        &self,
        request: PartRequest,
        upload: &OpenUpload,
    ) -> Result<PartOutcome, Error> {
        foreign::stored_len(request.plain_len)?;
        let (at, plain_len) = (request.at.clone(), request.plain_len);
        let (record, computed) = self.hold_stretch(request, upload, plain_len).await?;
        let etag = {
            let _decides = self.windows.lock(&upload.name).await;
            let etag = self.settle(upload, record).await?;
            self.give_places(upload).await?;
            etag
        };
        match self.send_by_the_way(upload, &at).await? {
            Some(answer) => Ok(PartOutcome::Answer(answer)),
            None => Ok(PartOutcome::Received { etag, computed }),
        }
    }

    /// Seals a part on its way to where it is held, and believes it.
    async fn hold_stretch(
        &self,
        request: PartRequest,
        upload: &OpenUpload,
        plain_len: u64,
    ) -> Result<(PartRecord, envelope::Computed), Error> {
        let (salt, computed, digest) = (draw(self.random.as_ref())?, ComputedSlot::default(), Slot::default());
        let checker = Checker::new(&request.digests, request.verdict, &computed);
        let part = PartMachine::new(&upload.keys, salt, plain_len, checker)?;
        let sealed_len = part.sealed_len();
        if !self.comes_next(upload, request.number).await? {
            self.placing()?.check_room_to_wait(sealed_len)?;
        }
        let machine = HoldMachine { part, hash: Sha256::new(), digest: digest.clone() };
        let attempt = Attempt::begin(request.number, now_micros(), draw(self.random.as_ref())?);
        let ((body, body_len), failures) = drive(request.body, machine, sealed_len).await?;
        let held = self.uploads()?.hold(&upload.name, &attempt, body, body_len).await;
        if let Some(error) = failures.take() {
            return Err(Error::Body(error));
        }
        held?;
        let ended = || Error::Internal("a part ended without its digests".into());
        let (computed, digest) = (computed.take().ok_or_else(ended)?, digest.take().ok_or_else(ended)?);
        let record = PartRecord {
            attempt: attempt.end(now_micros()),
            plain_len,
            salt,
            store_etag: None,
            etag: shown_etag(upload, request.number, &digest),
            computed: computed.clone(),
            stretch: Some(Stretch { digest, offset: None, hash: None }),
        };
        Ok((record, computed))
    }

    /// Decides what becomes of a part that is held now: it takes the place of an earlier attempt, unless that one has its place for
    /// good. The ETag for the client.
    async fn settle(&self, upload: &OpenUpload, record: PartRecord) -> Result<String, Error> {
        let number = record.number();
        let earlier = settled(self.part_records(upload, number - 1, 1).await?);
        let placed = earlier.into_iter().find(|part| part.number() == number && part.offset().is_some());
        let Some(placed) = placed else {
            self.record(upload, &record).await?;
            open(&self.window(upload).await?).arrived(number);
            return Ok(record.etag);
        };
        self.placing()?.release(&upload.name, &record.attempt).await?;
        let digest = |part: &PartRecord| part.stretch.as_ref().map(|stretch| stretch.digest);
        if digest(&placed) == digest(&record) && placed.plain_len == record.plain_len {
            return Ok(placed.etag);
        }
        Err(Error::BadPart(format!(
            "part {number} was encrypted with other content, and in this format no place is encrypted twice: send the same content again, \
             or abort the upload and begin another"
        )))
    }

    /// Sends a few parts whose places are certain; the store's answer if it refuses one.
    async fn send_by_the_way(&self, upload: &OpenUpload, at: &ObjectRef) -> Result<Option<Response<Body>>, Error> {
        let window = {
            let _decides = self.windows.lock(&upload.name).await;
            self.window(upload).await?
        };
        for _ in 0..SENT_BY_THE_WAY {
            let Some(claim) = Claim::next(&window) else { break };
            let records = settled(self.part_records(upload, claim.number - 1, 1).await?);
            let Some(part) = records.into_iter().find(|part| part.number() == claim.number) else { break };
            if let Err(answer) = self.send_stretch(upload, at, part).await? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }
}

/// The same content of the same part has the same ETag, so that a client that sends it again may name either answer.
fn shown_etag(upload: &OpenUpload, number: u16, digest: &[u8; 32]) -> String {
    let mac = upload.keys.upload_mac(&[b"etag of a part".as_slice(), &number.to_be_bytes(), digest].concat());
    let short = mac.first_chunk::<16>().copied().unwrap_or_default();
    etag::hide_md5(&format!("\"{:032x}\"", u128::from_be_bytes(short)))
}

/// Seals a part for the time that it is held, and digests it for good.
struct HoldMachine {
    part: PartMachine,
    hash: Sha256,
    digest: Slot<[u8; 32]>,
}

impl Machine for HoldMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.hash.update(input);
        self.part.push(input, out)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        self.part.finish(out)?;
        self.digest.leave(self.hash.finalize().into());
        Ok(())
    }
}
