//! Sending a part whose place is certain. Sent again it is the same bytes, so that nobody has to know whether it arrived.

use http::Response;

use super::super::OpenUpload;
use super::super::part::Place;
use super::super::record::PartRecord;
use super::settled;
use super::window::open;
use crate::store::Body;
use crate::{Error, ObjectRef, SealedObjects};

impl SealedObjects {
    /// Sends a part as it is, without a tag: its record as it is then, or the store's other answer.
    pub(super) async fn send_stretch(
        &self,
        upload: &OpenUpload,
        at: &ObjectRef,
        mut part: PartRecord,
    ) -> Result<Result<PartRecord, Response<Body>>, Error> {
        if part.store_etag.is_some() {
            return Ok(Ok(part));
        }
        let number = part.number();
        let Some(sending) = self.stretch(upload, &part, 0..part.plain_len, None).await? else {
            return self.sent_meanwhile(upload, number).await.map(Ok);
        };
        let place = Place { at: at.clone(), number };
        let answer = self.put_part(&place, &upload.token.store_id, sending.body, sending.len).await;
        if let Some(error) = sending.failures.take() {
            return Err(Error::Internal(format!("held part {number} cannot be read: {error}")));
        }
        let etag = match answer? {
            Ok(etag) => etag,
            Err(answer) => return Ok(Err(answer)),
        };
        let hash = sending.hash.take().ok_or_else(|| Error::BadAnswer("a part was taken before it was sent".into()))?;
        part.store_etag = Some(etag);
        if let Some(stretch) = &mut part.stretch {
            stretch.hash = Some(hash);
        }
        let _decides = self.windows.lock(&upload.name).await;
        self.record(upload, &part).await?;
        open(&self.window(upload).await?).sent(number);
        self.placing()?.release(&upload.name, &part.attempt).await?;
        Ok(Ok(part))
    }

    /// The record of a part that is no longer held, because somebody else has sent it.
    async fn sent_meanwhile(&self, upload: &OpenUpload, number: u16) -> Result<PartRecord, Error> {
        let records = settled(self.part_records(upload, number - 1, 1).await?);
        let sent = records.into_iter().find(|part| part.number() == number && part.store_etag.is_some());
        // Neither held nor sent: what was held is lost, and with it the upload.
        sent.ok_or(Error::NoSuchUpload)
    }
}
