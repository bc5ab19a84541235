//! Other tools that write Amazon's formats: which of all the combinations each of them leaves.
//!
//! Whoever names a tool wants its objects and no others, so nothing here looks at switches. FORMAT.md, 19.1.

use super::algorithms::{Format, KeyKind, Suite, Wrap};
use super::envelope::Envelope;

/// Bytes of a data key of 16 after AES-ECB with padding.
const WRAPPED_16: usize = 32;

/// Bytes of a data key of 32 after AES-ECB with padding.
const WRAPPED_32: usize = 48;

/// A tool that writes Amazon's formats and is not a client of Amazon's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tool {
    /// aioboto3's client-side encryption: V1 under AES and RSA keys, with data keys of 32 bytes; V2 with `kms` and GCM or
    /// CBC.
    Aioboto3,
    /// s3-encryption 0.1: V1 under AES keys, with data keys of 16 bytes.
    S3Encryption,
    /// The fork of s3-encryption: V2 with `AESWrap` and GCM or CBC, its tag length noted in bytes.
    S3EncryptionFork,
    /// s3-encryption or its fork under a key that KMS wrapped and that lies beside the object: see
    /// [`legacy::key_sidecar`](crate::legacy::key_sidecar).
    KeySidecar,
}

impl Tool {
    /// Whether the tool leaves such an envelope. None of them writes instruction files.
    pub(super) fn writes(self, envelope: &Envelope) -> bool {
        if envelope.is_in_instruction_file() {
            return false;
        }
        let (wrap, suite, tag_len) = (envelope.wrap(), envelope.suite(), envelope.tag_len);
        match (self, envelope.format()) {
            (Self::Aioboto3, Format::V1) => {
                envelope.key_kind() == KeyKind::Rsa || envelope.wrapped_key.len() == WRAPPED_32
            }
            (Self::Aioboto3, Format::V2) => {
                wrap == Wrap::Kms && matches!((suite, tag_len), (Suite::Gcm, Some(128)) | (Suite::Cbc, None))
            }
            (Self::S3Encryption | Self::KeySidecar, Format::V1) => {
                envelope.key_kind() == KeyKind::Aes && envelope.wrapped_key.len() == WRAPPED_16
            }
            (Self::S3EncryptionFork | Self::KeySidecar, Format::V2) => {
                wrap == Wrap::AesWrap && matches!((suite, tag_len), (Suite::Gcm, Some(16)) | (Suite::Cbc, Some(0)))
            }
            _ => false,
        }
    }
}
