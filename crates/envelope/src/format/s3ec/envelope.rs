//! What an envelope says once it is whole: the format, the algorithms, the wrapped key and the content's parameters.
//!
//! Only combinations that a client writes come into being. Nothing here needs a key.

use std::ops::RangeInclusive;

use super::fields::{
    CONTENT_ALGORITHM, DESCRIPTION, Fields, IV, TAG_LEN, V1_KEY, V2_KEY, V3_COMMITMENT, V3_CONTEXT, V3_DESCRIPTION,
    V3_KEY, V3_MESSAGE_ID, V3_SUITE, V3_WRAP, WRAP_ALGORITHM,
};
use super::{Admitted, Context, Error, Format, KeyKind, ReadPolicy, Rule, Suite, Tool, Wrap, policy};

/// Bytes of a GCM tag.
pub(super) const TAG: u64 = 16;

/// The most one GCM message may hold.
pub(super) const MAX_GCM_PLAIN: u64 = (1 << 36) - 32;

/// What the stored length tells about the plaintext's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainLen {
    /// This many bytes.
    Exact(u64),
    /// Some number of bytes that the padding tells, which only the key opens.
    Between(RangeInclusive<u64>),
}

/// The whole envelope of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub(super) format: Format,
    pub(super) wrap: Wrap,
    pub(super) wrapped_key: Vec<u8>,
    pub(super) context: Context,
    pub(super) parameters: Parameters,
    /// As it was noted, in bits or, by one tool, in bytes.
    pub(super) tag_len: Option<u8>,
    length_hint: Option<u64>,
    in_instruction_file: bool,
}

/// What the content cipher needs besides the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parameters {
    Cbc { iv: [u8; 16] },
    Gcm { iv: [u8; 12] },
    Committing(Commitment),
}

/// The part of a V3 envelope that is never outside the object's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commitment {
    pub(super) message_id: [u8; 28],
    pub(super) commitment: [u8; 28],
}

impl Commitment {
    pub(super) fn read(fields: &Fields) -> Result<Self, Error> {
        if fields.need(V3_SUITE)? != Suite::CommittingGcm.bound_name() {
            return Err(Error::UnknownAlgorithm { field: V3_SUITE });
        }
        let (commitment, message_id) = (fields.exactly(V3_COMMITMENT)?, fields.exactly(V3_MESSAGE_ID)?);
        if message_id == [0; 28] {
            return Err(Error::InvalidField { field: V3_MESSAGE_ID, problem: "is all zero bytes" });
        }
        Ok(Self { message_id, commitment })
    }
}

pub(super) fn read_v1(fields: &Fields) -> Result<Envelope, Error> {
    Ok(Envelope {
        format: Format::V1,
        wrap: Wrap::Unnamed,
        wrapped_key: fields.wrapped_key(V1_KEY)?,
        context: fields.context(DESCRIPTION)?,
        parameters: Parameters::Cbc { iv: fields.exactly(IV)? },
        tag_len: None,
        length_hint: fields.length_hint(),
        in_instruction_file: false,
    })
}

pub(super) fn read_v2(fields: &Fields) -> Result<Envelope, Error> {
    fields.need(IV)?;
    let unknown = |field| Error::UnknownAlgorithm { field };
    let suite = Suite::of_name(fields.need(CONTENT_ALGORITHM)?).ok_or(unknown(CONTENT_ALGORITHM))?;
    let wrap = Wrap::of_name(fields.need(WRAP_ALGORITHM)?).ok_or(unknown(WRAP_ALGORITHM))?;
    if !wrap.fits(suite) {
        return Err(Error::ForbiddenPair);
    }
    Ok(Envelope {
        format: Format::V2,
        wrap,
        wrapped_key: fields.wrapped_key(V2_KEY)?,
        context: fields.context(DESCRIPTION)?,
        parameters: match suite {
            Suite::Cbc => Parameters::Cbc { iv: fields.exactly(IV)? },
            _ => Parameters::Gcm { iv: fields.exactly(IV)? },
        },
        tag_len: tag_len(fields, wrap, suite)?,
        length_hint: fields.length_hint(),
        in_instruction_file: false,
    })
}

/// `fields` holds the rest, from wherever it came.
pub(super) fn read_v3(fields: &Fields, commitment: Commitment, length_hint: Option<u64>) -> Result<Envelope, Error> {
    let wrapped_key = fields.wrapped_key(V3_KEY)?;
    // Of the two maps only the one that belongs to the wrap counts.
    let (wrap, context) = match fields.need(V3_WRAP)? {
        "02" => (Wrap::AesGcm, V3_DESCRIPTION),
        "12" => (Wrap::KmsContext, V3_CONTEXT),
        "22" => (Wrap::RsaOaepSha1, V3_DESCRIPTION),
        _ => return Err(Error::UnknownAlgorithm { field: V3_WRAP }),
    };
    Ok(Envelope {
        format: Format::V3,
        wrap,
        wrapped_key,
        context: fields.context(context)?,
        parameters: Parameters::Committing(commitment),
        tag_len: None,
        length_hint,
        in_instruction_file: false,
    })
}

/// In bits. A fork of s3-encryption, which only wraps with `AESWrap`, writes bytes.
fn tag_len(fields: &Fields, wrap: Wrap, suite: Suite) -> Result<Option<u8>, Error> {
    match (suite, fields.get(TAG_LEN)) {
        (_, None) => Ok(None),
        (Suite::Gcm, Some("128")) => Ok(Some(128)),
        (Suite::Cbc, Some("0")) => Ok(Some(0)),
        (Suite::Gcm, Some("16")) if wrap == Wrap::AesWrap => Ok(Some(16)),
        _ => Err(Error::InvalidField { field: TAG_LEN, problem: "is not the one tag length there is" }),
    }
}

impl Envelope {
    /// Asks the policy whether this object may be read. Nothing can be unwrapped before.
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule that forbids it.
    pub fn admit(self, policy: &ReadPolicy) -> Result<Admitted, Error> {
        policy::check(&self, policy)?;
        Ok(Admitted::new(self, policy))
    }

    /// Asks whether `tool` writes such objects. Naming it admits the legacy wraps and content that it writes, and nothing
    /// else; what a range of them takes is still the policy's to say.
    ///
    /// # Errors
    /// [`Error::Refused`] with [`Rule::OtherTool`](super::Rule::OtherTool).
    pub fn admit_as(self, tool: Tool, policy: &ReadPolicy) -> Result<Admitted, Error> {
        if !tool.writes(&self) {
            return Err(Error::Refused(Rule::OtherTool));
        }
        Ok(Admitted::new(self, policy))
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How the content is encrypted.
    pub fn suite(&self) -> Suite {
        match &self.parameters {
            Parameters::Cbc { .. } => Suite::Cbc,
            Parameters::Gcm { .. } => Suite::Gcm,
            Parameters::Committing(_) => Suite::CommittingGcm,
        }
    }

    /// How the data key is wrapped.
    pub fn wrap(&self) -> Wrap {
        self.wrap
    }

    /// What kind of key unwraps it.
    pub fn key_kind(&self) -> KeyKind {
        match self.wrap {
            Wrap::Kms | Wrap::KmsContext => KeyKind::Kms,
            Wrap::RsaOaepSha256 | Wrap::RsaOaepSha1 => KeyKind::Rsa,
            // Format V1 tells by the length alone; the longest AES-ECB wrap has 48 bytes.
            Wrap::Unnamed if self.wrapped_key.len() > 48 => KeyKind::Rsa,
            Wrap::Unnamed | Wrap::AesWrap | Wrap::AesGcm => KeyKind::Aes,
        }
    }

    /// The pairs stored beside the wrapped key: for AES and RSA keys the materials description, which may select among
    /// configured keys and nothing else, for KMS the whole encryption context. Anybody may have written them.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Whether the wrapped key came from an instruction file.
    pub fn is_in_instruction_file(&self) -> bool {
        self.in_instruction_file
    }

    /// The plaintext length somebody noted. Anybody may have written it: good for a guess, never for a promise.
    pub fn length_hint(&self) -> Option<u64> {
        self.length_hint
    }

    /// What `stored_len` bytes of content hold.
    ///
    /// # Errors
    /// [`Error::Content`] when no object of this suite has that length.
    pub fn plain_len(&self, stored_len: u64) -> Result<PlainLen, Error> {
        match self.suite() {
            Suite::Cbc => cbc_len(stored_len).map(PlainLen::Between),
            Suite::Gcm | Suite::CommittingGcm => gcm_len(stored_len).map(PlainLen::Exact),
        }
    }

    pub(super) fn found_in_instruction_file(mut self, length_hint: Option<u64>) -> Self {
        self.in_instruction_file = true;
        self.length_hint = self.length_hint.or(length_hint);
        self
    }
}

fn cbc_len(stored_len: u64) -> Result<RangeInclusive<u64>, Error> {
    match (stored_len.checked_sub(16), stored_len.checked_sub(1)) {
        (Some(least), Some(most)) if stored_len.is_multiple_of(16) => Ok(least..=most),
        _ => Err(Error::Content),
    }
}

fn gcm_len(stored_len: u64) -> Result<u64, Error> {
    stored_len.checked_sub(TAG).filter(|len| *len <= MAX_GCM_PLAIN).ok_or(Error::Content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IV_GCM: &str = "AAAAAAAAAAAAAAAA";
    const IV_CBC: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

    fn v2(suite: &str, wrap: &str, tag_len: Option<&str>) -> Result<Envelope, Error> {
        let iv = if suite.contains("GCM") { IV_GCM } else { IV_CBC };
        let base = [(V2_KEY, "AAAA"), (IV, iv), (CONTENT_ALGORITHM, suite), (WRAP_ALGORITHM, wrap)];
        read_v2(&Fields::of_metadata(base.into_iter().chain(tag_len.map(|value| (TAG_LEN, value)))).unwrap())
    }

    #[test]
    fn only_pairs_that_clients_write_are_read() {
        const OAEP_256: &str = "RSA/ECB/OAEPWithSHA-256AndMGF1Padding";
        for wrap in ["AESWrap", OAEP_256, "kms", "AES/GCM", "kms+context", "RSA-OAEP-SHA1"] {
            assert!(v2("AES/GCM/NoPadding", wrap, None).is_ok(), "{wrap}");
            let cbc = v2("AES/CBC/PKCS5Padding", wrap, None);
            assert_eq!(cbc.is_ok(), ["AESWrap", "kms"].contains(&wrap), "{wrap}: {cbc:?}");
        }
        for wrap in ["aeswrap", "kms ", "12", "RSA-OAEP-SHA256"] {
            let error = v2("AES/GCM/NoPadding", wrap, None).unwrap_err();
            assert_eq!(error, Error::UnknownAlgorithm { field: WRAP_ALGORITHM }, "{wrap}");
        }
        for suite in ["AES/CTR/NoPadding", "AES/CBC/PKCS7Padding", "aes/gcm/nopadding", "115"] {
            let error = v2(suite, "kms", None).unwrap_err();
            assert_eq!(error, Error::UnknownAlgorithm { field: CONTENT_ALGORITHM }, "{suite}");
        }
    }

    #[test]
    fn tag_lengths_are_the_one_there_is() {
        for (suite, wrap, tag_len, ok) in [
            ("AES/GCM/NoPadding", "kms", "128", true),
            ("AES/GCM/NoPadding", "AESWrap", "16", true),
            ("AES/GCM/NoPadding", "kms", "16", false),
            ("AES/GCM/NoPadding", "kms", "96", false),
            ("AES/GCM/NoPadding", "kms", "0", false),
            ("AES/CBC/PKCS5Padding", "kms", "0", true),
            ("AES/CBC/PKCS5Padding", "kms", "128", false),
        ] {
            assert_eq!(v2(suite, wrap, Some(tag_len)).is_ok(), ok, "{suite} {wrap} {tag_len}");
        }
    }

    #[test]
    fn lengths_follow_the_suite() {
        let gcm = v2("AES/GCM/NoPadding", "kms", None).unwrap();
        assert_eq!(gcm.plain_len(16), Ok(PlainLen::Exact(0)));
        assert_eq!(gcm.plain_len(15), Err(Error::Content));
        assert_eq!(gcm.plain_len((1 << 36) - 16), Ok(PlainLen::Exact((1 << 36) - 32)));
        assert_eq!(gcm.plain_len((1 << 36) - 15), Err(Error::Content));
        let cbc = v2("AES/CBC/PKCS5Padding", "kms", None).unwrap();
        assert_eq!(cbc.plain_len(32), Ok(PlainLen::Between(16..=31)));
        for stored_len in [0, 15, 17, u64::MAX] {
            assert_eq!(cbc.plain_len(stored_len), Err(Error::Content));
        }
    }

    #[test]
    fn the_message_id_is_not_all_zero() {
        let (zero, one) = ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ==");
        let read = |suite, commitment, message_id| {
            let fields = [(V3_SUITE, suite), (V3_COMMITMENT, commitment), (V3_MESSAGE_ID, message_id)];
            Commitment::read(&Fields::of_metadata(fields).unwrap())
        };
        assert!(read("115", zero, one).is_ok());
        assert!(matches!(read("115", one, zero), Err(Error::InvalidField { field: V3_MESSAGE_ID, .. })));
        assert!(matches!(read("115", "AAAA", one), Err(Error::InvalidField { field: V3_COMMITMENT, .. })));
        assert_eq!(read("114", one, one), Err(Error::UnknownAlgorithm { field: V3_SUITE }));
    }
}
