//! Checksums and digests of content, by the names and in the byte order S3 uses.
//!
//! Knows how to compute them, not what they are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use crate::Error;

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumName {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Which digests to compute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DigestSet {
    /// The MD5 of `Content-MD5` and plain `ETag`s.
    pub md5: bool,
    /// The checksums.
    pub checksums: BTreeSet<ChecksumName>,
}

/// The digests of a stream, as far as it has come.
#[derive(Clone)]
pub struct Digests {
    md5: Option<Md5>,
    checksums: Vec<(ChecksumName, Running)>,
}

/// The digests of a whole stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Computed {
    /// The MD5, when it was asked for.
    pub md5: Option<[u8; 16]>,
    /// The checksums: raw, big-endian, as S3 encodes them in base64.
    pub checksums: BTreeMap<ChecksumName, Vec<u8>>,
}

impl ChecksumName {
    /// Every algorithm this program computes.
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The name in S3's headers and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries a value.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Bytes of a raw value.
    pub const fn raw_len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl FromStr for ChecksumName {
    type Err = Error;

    /// Reads a name as clients write it: letter case does not matter.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name)).ok_or(Error::UnknownChecksum)
    }
}

impl fmt::Display for ChecksumName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Digests {
    /// Starts the digests of a stream.
    pub fn new(set: &DigestSet) -> Self {
        let checksums = set.checksums.iter().map(|&name| (name, Running::new(name))).collect();
        Self { md5: set.md5.then(Md5::new), checksums }
    }

    /// Takes the next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        for (_, running) in &mut self.checksums {
            running.update(bytes);
        }
    }

    /// Ends the stream.
    pub fn finish(self) -> Computed {
        let checksums = self.checksums.into_iter().map(|(name, running)| (name, running.finish())).collect();
        Computed { md5: self.md5.map(|md5| md5.finalize().into()), checksums }
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checksums.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Digests").field("md5", &self.md5.is_some()).field("checksums", &names).finish()
    }
}

/// One checksum on its way.
#[derive(Clone)]
enum Running {
    Crc32(crc_fast::Digest),
    Crc64(crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Running {
    fn new(name: ChecksumName) -> Self {
        match name {
            ChecksumName::Crc32 => Self::Crc32(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc)),
            ChecksumName::Crc32c => Self::Crc32(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi)),
            ChecksumName::Crc64Nvme => Self::Crc64(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme)),
            ChecksumName::Sha1 => Self::Sha1(Sha1::new()),
            ChecksumName::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(crc) | Self::Crc64(crc) => crc.update(bytes),
            Self::Sha1(sha) => sha.update(bytes),
            Self::Sha256(sha) => sha.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            // A CRC of 32 bits comes in the low half of 64.
            Self::Crc32(crc) => crc.finalize().to_be_bytes().into_iter().skip(4).collect(),
            Self::Crc64(crc) => crc.finalize().to_be_bytes().to_vec(),
            Self::Sha1(sha) => sha.finalize().to_vec(),
            Self::Sha256(sha) => sha.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> DigestSet {
        DigestSet { md5: true, checksums: ChecksumName::ALL.into() }
    }

    #[test]
    fn the_published_check_values_come_out() {
        let mut digests = Digests::new(&all());
        digests.update(b"1234");
        digests.update(b"56789");
        let computed = digests.finish();
        let known = [
            "cbf43926",
            "e3069283",
            "ae8b14860a799888",
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
        ];
        let found: Vec<_> = computed.checksums.values().map(hex::encode).collect();
        assert_eq!(found, known);
        assert_eq!(hex::encode(computed.md5.unwrap()), "25f9e794323b453885f5181f1b624d0b");
    }

    #[test]
    fn every_value_has_its_announced_length() {
        for (name, value) in Digests::new(&all()).finish().checksums {
            assert_eq!(value.len(), name.raw_len(), "{name}");
        }
    }

    #[test]
    fn only_what_was_asked_for_is_computed() {
        assert_eq!(Digests::new(&DigestSet::default()).finish(), Computed::default());
    }

    #[test]
    fn names_read_in_any_case() {
        assert_eq!("crc64nvme".parse(), Ok(ChecksumName::Crc64Nvme));
        assert_eq!("md5".parse::<ChecksumName>(), Err(Error::UnknownChecksum));
    }
}
