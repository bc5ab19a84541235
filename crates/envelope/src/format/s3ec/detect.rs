//! Decides what an object is from its metadata, once, for everything that follows.
//!
//! The strict intersection of what the official clients accept: any doubt is an error, never a guess, because whoever
//! can write the bucket chooses what stands here. Whether an instruction file may be fetched is not asked here.
//! FORMAT.md, 18.2.

use super::envelope::{Commitment, Envelope};
use super::fields::{
    CONTENT_ALGORITHM, Fields, IV, TAG_LEN, V1_KEY, V1_V2, V2_KEY, V3, V3_COMMITMENT, V3_CONTEXT, V3_DESCRIPTION,
    V3_KEY, V3_MESSAGE_ID, V3_SUITE, V3_WRAP, WRAP_ALGORITHM,
};
use super::{Error, envelope};

/// What metadata tells about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detection {
    /// No field of an envelope: not an object of these formats, unless an instruction file completes it to V1 or V2.
    /// Whether there may be one is for the caller to know.
    NoEnvelope(Partial),
    /// Format V3 whose data key is in an instruction file, without which it cannot be read.
    NeedsInstructionFile(Partial),
    /// The whole envelope.
    Complete(Box<Envelope>),
}

/// What the object itself says of an envelope whose other part is in an instruction file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    commitment: Option<Commitment>,
    length_hint: Option<u64>,
}

/// Looks at the user metadata of an object, as pairs of a name without its prefix and a value.
///
/// `missing` is the number of entries the store says it left out (`x-amz-missing-meta`), 0 when it says nothing. Bytes
/// beyond ASCII in a value come as the characters U+0080 to U+00FF.
///
/// # Errors
/// Whatever is wrong with an envelope of which any field is there; [`Error::MissingMetadata`] when fields may have been
/// left out.
pub fn detect<'a>(metadata: impl IntoIterator<Item = (&'a str, &'a str)>, missing: u64) -> Result<Detection, Error> {
    let fields = Fields::of_metadata(metadata)?;
    let found = detect_fields(&fields);
    match found {
        Ok(Detection::Complete(_)) | Err(Error::MixedFormats) => found,
        _ if missing > 0 => Err(Error::MissingMetadata),
        _ => found,
    }
}

fn detect_fields(fields: &Fields) -> Result<Detection, Error> {
    let length_hint = fields.length_hint();
    if fields.has_any(&V3) {
        if fields.has_any(&V1_V2) {
            return Err(Error::MixedFormats);
        }
        let commitment = Commitment::read(fields)?;
        if !fields.has_any(&[V3_KEY, V3_WRAP, V3_DESCRIPTION, V3_CONTEXT]) {
            return Ok(Detection::NeedsInstructionFile(Partial { commitment: Some(commitment), length_hint }));
        }
        return complete(envelope::read_v3(fields, commitment, length_hint)?);
    }
    if fields.has_any(&V1_V2) {
        return complete(v1_or_v2(fields)?);
    }
    Ok(Detection::NoEnvelope(Partial { commitment: None, length_hint }))
}

#[expect(clippy::unnecessary_wraps, reason = "the end of functions that can fail")]
fn complete(envelope: Envelope) -> Result<Detection, Error> {
    Ok(Detection::Complete(Box::new(envelope)))
}

fn v1_or_v2(fields: &Fields) -> Result<Envelope, Error> {
    match (fields.has(V1_KEY), fields.has(V2_KEY)) {
        (true, true) => Err(Error::MixedFormats),
        (true, false) if fields.has_any(&[CONTENT_ALGORITHM, WRAP_ALGORITHM, TAG_LEN]) => Err(Error::MixedFormats),
        (true, false) => envelope::read_v1(fields),
        (false, true) => envelope::read_v2(fields),
        (false, false) if fields.has(IV) => Err(Error::Incomplete { field: V2_KEY }),
        (false, false) => Err(Error::Incomplete { field: IV }),
    }
}

impl Partial {
    /// What the object itself commits to.
    pub(super) fn commitment(&self) -> Option<&Commitment> {
        self.commitment.as_ref()
    }

    /// Completes the envelope with the body of the object's instruction file.
    ///
    /// # Errors
    /// [`Error::InstructionFile`] when the body is none, or holds what belongs into the metadata of the object, and
    /// whatever is wrong with the envelope that results.
    pub fn with_instruction_file(&self, body: &[u8]) -> Result<Envelope, Error> {
        let fields = Fields::of_instruction_file(body)?;
        if fields.has_any(&[V3_SUITE, V3_COMMITMENT, V3_MESSAGE_ID]) {
            // Who could put the commitment here could replace it together with the key.
            return Err(Error::InstructionFile { problem: "the key commitment belongs into the object's metadata" });
        }
        let envelope = match &self.commitment {
            Some(_) if fields.has_any(&V1_V2) => Err(Error::MixedFormats),
            Some(commitment) => envelope::read_v3(&fields, commitment.clone(), self.length_hint),
            None if fields.has_any(&V3) => Err(Error::MixedFormats),
            None => v1_or_v2(&fields),
        }?;
        Ok(envelope.found_in_instruction_file(self.length_hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MID: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ==";
    const GCM: &str = "AES/GCM/NoPadding";

    fn error(metadata: &[(&str, &str)]) -> Error {
        detect(metadata.iter().copied(), 0).unwrap_err()
    }

    fn committed() -> Vec<(&'static str, &'static str)> {
        vec![("x-amz-c", "115"), ("x-amz-d", MID), ("x-amz-i", MID)]
    }

    #[test]
    fn information_alone_is_no_envelope() {
        let metadata =
            [("x-amz-unencrypted-content-length", "5"), ("x-amz-crypto-instr-file", "x"), ("note", "x-amz-3")];
        assert!(matches!(detect(metadata, 0).unwrap(), Detection::NoEnvelope(_)));
        assert_eq!(detect(metadata, 1).unwrap_err(), Error::MissingMetadata);
    }

    #[test]
    fn a_commitment_alone_asks_for_the_instruction_file() {
        assert!(matches!(detect(committed(), 0).unwrap(), Detection::NeedsInstructionFile(_)));
        assert_eq!(detect(committed(), 1).unwrap_err(), Error::MissingMetadata);
        for (gone, field) in ["x-amz-c", "x-amz-d", "x-amz-i"].into_iter().enumerate() {
            let mut metadata = committed();
            metadata.remove(gone);
            assert_eq!(error(&metadata), Error::Incomplete { field });
        }
        for alone in [("x-amz-m", "{}"), ("x-amz-t", "{}")] {
            let metadata = [committed(), vec![alone]].concat();
            assert_eq!(error(&metadata), Error::Incomplete { field: "x-amz-3" });
        }
        let metadata = [committed(), vec![("x-amz-3", "AAAA")]].concat();
        assert_eq!(error(&metadata), Error::Incomplete { field: "x-amz-w" });
    }

    #[test]
    fn every_mix_of_formats_is_refused() {
        for field in ["x-amz-key", "x-amz-key-v2", "x-amz-iv", "x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-matdesc"] {
            assert_eq!(error(&[committed(), vec![(field, "a")]].concat()), Error::MixedFormats, "{field}");
        }
        assert_eq!(error(&[("x-amz-key", "a"), ("x-amz-key-v2", "a"), ("x-amz-iv", "a")]), Error::MixedFormats);
        for field in ["x-amz-cek-alg", "x-amz-wrap-alg", "x-amz-tag-len"] {
            assert_eq!(error(&[("x-amz-key", "a"), ("x-amz-iv", "a"), (field, "a")]), Error::MixedFormats, "{field}");
        }
        let spoofed = [("x-amz-key-v2", "AAAA"), ("x-amz-iv", "AAAA"), ("X-Amz-C", "115"), ("X-Amz-W", "12")];
        assert_eq!(error(&spoofed), Error::MixedFormats);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(error(&[("x-amz-iv", "a")]), Error::Incomplete { field: "x-amz-key-v2" });
        assert_eq!(error(&[("x-amz-matdesc", "{}")]), Error::Incomplete { field: "x-amz-iv" });
        assert_eq!(error(&[("x-amz-key", "AAAA")]), Error::Incomplete { field: "x-amz-iv" });
        let v2 = [("x-amz-key-v2", "AAAA"), ("x-amz-iv", "AAAA")];
        assert_eq!(error(&v2), Error::Incomplete { field: "x-amz-cek-alg" });
        let v2 = [("x-amz-key-v2", "AAAA"), ("x-amz-iv", "AAAA"), ("x-amz-cek-alg", GCM)];
        assert_eq!(error(&v2), Error::Incomplete { field: "x-amz-wrap-alg" });
    }

    #[test]
    fn an_instruction_file_may_not_carry_what_belongs_elsewhere() {
        let Detection::NeedsInstructionFile(v3) = detect(committed(), 0).unwrap() else { panic!() };
        let Detection::NoEnvelope(none) = detect([], 0).unwrap() else { panic!() };
        let read = |partial: &Partial, body: &str| partial.with_instruction_file(body.as_bytes());
        assert!(matches!(read(&v3, r#"{"x-amz-3":"AAAA","x-amz-w":"02"}"#), Ok(Envelope { .. })));
        for body in [r#"{"x-amz-c":"115"}"#, r#"{"x-amz-3":"AAAA","x-amz-w":"02","x-amz-d":"AAAA"}"#] {
            for partial in [&v3, &none] {
                assert!(matches!(read(partial, body), Err(Error::InstructionFile { .. })), "{body}");
            }
        }
        assert_eq!(read(&v3, r#"{"x-amz-key-v2":"AAAA"}"#), Err(Error::MixedFormats));
        assert_eq!(read(&none, r#"{"x-amz-3":"AAAA","x-amz-w":"02"}"#), Err(Error::MixedFormats));
        assert_eq!(read(&none, "{}"), Err(Error::Incomplete { field: "x-amz-iv" }));
        assert_eq!(read(&v3, "{}"), Err(Error::Incomplete { field: "x-amz-3" }));
    }
}
