//! The digests S3 clients send, as they stand in headers and trailers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Digest as _;

/// A checksum algorithm of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// ISO 3309
    Crc32,
    /// Castagnoli
    Crc32c,
    /// NVM Express
    Crc64Nvme,
    /// FIPS 180
    Sha1,
    /// FIPS 180
    Sha256,
}

impl Checksum {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The header or trailer that carries it.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The value for `body`, in base64.
    #[must_use]
    pub fn of(self, body: &[u8]) -> String {
        let crc = |algorithm| crc_fast::checksum(algorithm, body).to_be_bytes();
        match self {
            Self::Crc32 => STANDARD.encode(&crc(CrcAlgorithm::Crc32IsoHdlc)[4..]),
            Self::Crc32c => STANDARD.encode(&crc(CrcAlgorithm::Crc32Iscsi)[4..]),
            Self::Crc64Nvme => STANDARD.encode(crc(CrcAlgorithm::Crc64Nvme)),
            Self::Sha1 => STANDARD.encode(sha1::Sha1::digest(body)),
            Self::Sha256 => STANDARD.encode(sha2::Sha256::digest(body)),
        }
    }
}

/// The value of Content-MD5 for `body`.
#[must_use]
pub fn content_md5(body: &[u8]) -> String {
    STANDARD.encode(md5::Md5::digest(body))
}

/// The MD5 of `body` in hex, as a plain ETag would be.
#[must_use]
pub fn md5_hex(body: &[u8]) -> String {
    hex::encode(md5::Md5::digest(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_catalogues_come_out() {
        let raw = |checksum: Checksum| STANDARD.decode(checksum.of(b"123456789")).unwrap();
        assert_eq!(raw(Checksum::Crc32), 0xcbf4_3926_u32.to_be_bytes());
        assert_eq!(raw(Checksum::Crc32c), 0xe306_9283_u32.to_be_bytes());
        assert_eq!(raw(Checksum::Crc64Nvme), 0xae8b_1486_0a79_9888_u64.to_be_bytes());
    }
}
