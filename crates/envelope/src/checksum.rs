//! Checksums of an object out of the checksums of its parts, as S3 makes them.
//!
//! Knows nothing of content: only of values that were computed from it.

use crc_fast::{CrcAlgorithm, checksum_combine};
use md5::{Digest as _, Md5};

use crate::{ChecksumName, DigestSet, Digests};

/// What the checksum of a multipart upload was computed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumType {
    /// The checksums of the parts, joined.
    Composite,
    /// The content.
    FullObject,
}

impl ChecksumType {
    /// The name in S3's headers and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Composite => "COMPOSITE",
            Self::FullObject => "FULL_OBJECT",
        }
    }
}

/// The checksum of two pieces of content behind each other, given theirs and the length of the second. CRCs only; a
/// value of the wrong length gives `None` too.
pub fn combine(name: ChecksumName, first: &[u8], second: &[u8], second_len: u64) -> Option<Vec<u8>> {
    let algorithm = match name {
        ChecksumName::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        ChecksumName::Crc32c => CrcAlgorithm::Crc32Iscsi,
        ChecksumName::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        ChecksumName::Sha1 | ChecksumName::Sha256 => return None,
    };
    let len = name.raw_len();
    let combined = checksum_combine(algorithm, number(first, len)?, number(second, len)?, second_len);
    Some(combined.to_be_bytes().into_iter().skip(size_of::<u64>().saturating_sub(len)).collect())
}

/// The checksum of the parts' checksums.
pub fn composite(name: ChecksumName, parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut digests = Digests::new(&DigestSet { md5: false, checksums: [name].into() });
    parts.into_iter().for_each(|part| digests.update(part.as_ref()));
    digests.finish().checksums.remove(&name).unwrap_or_default()
}

/// The MD5 of the parts' MD5s, which S3 shows with `-n` behind it.
pub fn md5_of_md5s(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> [u8; 16] {
    let mut md5 = Md5::new();
    parts.into_iter().for_each(|part| md5.update(part.as_ref()));
    md5.finalize().into()
}

fn number(raw: &[u8], len: usize) -> Option<u64> {
    (raw.len() == len).then(|| raw.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: ChecksumName, content: &[u8]) -> Vec<u8> {
        composite(name, [content])
    }

    #[test]
    fn combined_crcs_are_those_of_the_joined_content() {
        let content: Vec<u8> = (0..=250).cycle().take(100_000).collect();
        for name in [ChecksumName::Crc32, ChecksumName::Crc32c, ChecksumName::Crc64Nvme] {
            for at in [0, 1, 15, 65_536, 99_999, 100_000] {
                let (first, second) = content.split_at(at);
                let combined = combine(name, &of(name, first), &of(name, second), second.len() as u64);
                assert_eq!(combined, Some(of(name, &content)), "{name} at {at}");
            }
        }
    }

    #[test]
    fn digests_that_are_no_crc_do_not_combine() {
        assert_eq!(combine(ChecksumName::Sha1, &[0; 20], &[0; 20], 1), None);
        assert_eq!(combine(ChecksumName::Sha256, &[0; 32], &[0; 32], 1), None);
        assert_eq!(combine(ChecksumName::Crc32, &[0; 8], &[0; 4], 1), None);
    }

    #[test]
    fn a_composite_is_the_checksum_of_checksums() {
        let parts = [of(ChecksumName::Sha256, b"one"), of(ChecksumName::Sha256, b"two")];
        assert_eq!(composite(ChecksumName::Sha256, &parts), of(ChecksumName::Sha256, &parts.concat()));
        assert_eq!(hex::encode(md5_of_md5s([b"123", b"456", b"789"])), "25f9e794323b453885f5181f1b624d0b");
    }
}
