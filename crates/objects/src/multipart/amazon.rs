//! Uploads in parts that become one message of Amazon's formats: a tag over all parts in their order, at the end of the last.
//!
//! A part cannot be encrypted before the lengths of all parts before it are certain, and then only once: two contents at one place
//! would tell the store what they differ in. So every part is first held here, sealed under the upload's own keys. When those before
//! it are all there and one behind it is, its place is certain for good; from then on the same part is that content, and it is sent.
//! The highest part may be the last one and waits for the end. What is decided is written down before anything is sent by it, so a
//! process that dies goes on where it was.

mod finish;
mod part;
mod send;
mod stretch;
mod window;

use envelope::ObjectKeys;
use envelope::s3ec::ContentKeys;
use serde::{Deserialize, Serialize};

pub(crate) use self::window::Windows;

use super::OpenUpload;
use super::record::PartRecord;
use crate::foreign::Fresh;
use crate::random::draw;
use crate::uploads::{PlacingUploads, UploadName};
use crate::{Error, SealedObjects};

/// What is noted of an upload as a whole.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    /// The body of the object's instruction file, if it is to have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    instruction_file: Option<String>,
    /// The parts it was put together of: there is one tag, so there is one list.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<u16>>,
    /// Whether the tag is behind the last part, which was sent before it was known to be the last.
    #[serde(default)]
    tag_behind: bool,
}

/// Opens the keys of the content that a token carries.
pub(super) fn content_keys(keys: &ObjectKeys, name: &UploadName, kept: &[u8]) -> Result<ContentKeys, Error> {
    ContentKeys::kept(keys, &place(name, "content keys"), kept).map_err(|_| Error::NoSuchUpload)
}

fn place(name: &UploadName, what: &str) -> Vec<u8> {
    format!("{}/{what}", name.as_str()).into_bytes()
}

/// One record for each part: the one whose place is certain, or else the last.
fn settled(records: Vec<PartRecord>) -> Vec<PartRecord> {
    let mut parts: Vec<PartRecord> = Vec::with_capacity(records.len());
    for record in records {
        match parts.last_mut().filter(|earlier| earlier.number() == record.number()) {
            Some(earlier) if earlier.offset().is_some() => {}
            Some(earlier) => *earlier = record,
            None => parts.push(record),
        }
    }
    parts
}

impl SealedObjects {
    /// Seals the keys of the content for the upload's token.
    pub(super) fn keep_amazon(&self, keys: &ObjectKeys, name: &UploadName, fresh: &Fresh) -> Result<Vec<u8>, Error> {
        let kept = fresh.keys.keep(keys, draw(self.random.as_ref())?, &place(name, "content keys"));
        kept.map_err(|error| Error::Internal(error.to_string()))
    }

    /// Notes the instruction file that the object will have.
    pub(super) async fn note_instruction_file(
        &self,
        keys: &ObjectKeys,
        name: &UploadName,
        file: String,
    ) -> Result<(), Error> {
        self.write_note(keys, name, &Note { instruction_file: Some(file), ..Note::default() }).await
    }

    /// The state of uploads, if it can give parts their places.
    pub(super) fn placing(&self) -> Result<&dyn PlacingUploads, Error> {
        self.uploads()?.placing().ok_or(Error::SharedUploads)
    }

    async fn read_note(&self, upload: &OpenUpload) -> Result<Note, Error> {
        let Some(sealed) = self.placing()?.note(&upload.name).await? else { return Ok(Note::default()) };
        let wrong = || Error::Integrity("the state of an upload is not authentic".into());
        let note = upload.keys.open_record(&place(&upload.name, "note"), &sealed).map_err(|_| wrong())?;
        serde_json::from_slice(&note).map_err(|_| wrong())
    }

    async fn write_note(&self, keys: &ObjectKeys, name: &UploadName, note: &Note) -> Result<(), Error> {
        let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let note = serde_json::to_vec(note).map_err(|error| internal(&error))?;
        let sealed = keys.seal_record(draw(self.random.as_ref())?, &place(name, "note"), &note);
        let sealed = sealed.map_err(|error| internal(&error))?;
        if self.placing()?.keep_note(name, sealed).await? { Ok(()) } else { Err(Error::NoSuchUpload) }
    }
}
