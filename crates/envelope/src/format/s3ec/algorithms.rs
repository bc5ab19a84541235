//! The names in an envelope: formats, content algorithms, key wraps, and what belongs together.
//!
//! Spellings are compared exactly; what no client was seen to write is unknown.

/// Which generation of clients wrote the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// `x-amz-key`: the algorithms are not named.
    V1,
    /// `x-amz-key-v2`: the algorithms are named.
    V2,
    /// `x-amz-3`: the object commits to its key.
    V3,
}

/// How the content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-CBC with PKCS #7 padding: legacy, not authenticated.
    Cbc,
    /// AES-GCM over the whole object.
    Gcm,
    /// AES-256-GCM over the whole object under a key the object commits to.
    CommittingGcm,
}

/// How the data key is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrap {
    /// Format V1 names none: AES-ECB under an AES key, RSAES-PKCS1-v1_5 under an RSA key. Legacy.
    Unnamed,
    /// `AESWrap`: AES key wrap (RFC 3394). Legacy.
    AesWrap,
    /// `RSA/ECB/OAEPWithSHA-256AndMGF1Padding`. Legacy. The mask hash is SHA-1 where the JDK's own provider wrote it, and
    /// SHA-256 where Bouncy Castle did.
    RsaOaepSha256,
    /// `kms`: by KMS, without binding the content algorithm. Legacy.
    Kms,
    /// `AES/GCM`: AES-GCM that binds the content algorithm.
    AesGcm,
    /// `kms+context`: by KMS, binding the content algorithm.
    KmsContext,
    /// `RSA-OAEP-SHA1` of the key and the name of the content algorithm.
    RsaOaepSha1,
}

/// What kind of key unwraps the data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// An AES key.
    Aes,
    /// An RSA private key.
    Rsa,
    /// A key in KMS.
    Kms,
}

impl Suite {
    /// The number in the register of algorithm suites.
    pub fn id(self) -> u16 {
        match self {
            Self::Cbc => 0x0070,
            Self::Gcm => 0x0072,
            Self::CommittingGcm => 0x0073,
        }
    }

    /// The suite of an `x-amz-cek-alg` in format V2.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "AES/GCM/NoPadding" => Some(Self::Gcm),
            "AES/CBC/PKCS5Padding" => Some(Self::Cbc),
            _ => None,
        }
    }

    /// The name that the modern wraps bind.
    pub(super) fn bound_name(self) -> &'static str {
        match self {
            Self::Cbc => "AES/CBC/PKCS5Padding",
            Self::Gcm => "AES/GCM/NoPadding",
            Self::CommittingGcm => "115",
        }
    }
}

impl Wrap {
    /// The wrap of an `x-amz-wrap-alg` in format V2.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let named = [Self::AesWrap, Self::RsaOaepSha256, Self::Kms, Self::AesGcm, Self::KmsContext, Self::RsaOaepSha1];
        named.into_iter().find(|wrap| wrap.name() == name)
    }

    /// Its name in format V2; V1 has none, and V3 has codes for the modern ones.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unnamed => "unnamed",
            Self::AesWrap => "AESWrap",
            Self::RsaOaepSha256 => "RSA/ECB/OAEPWithSHA-256AndMGF1Padding",
            Self::Kms => "kms",
            Self::AesGcm => "AES/GCM",
            Self::KmsContext => "kms+context",
            Self::RsaOaepSha1 => "RSA-OAEP-SHA1",
        }
    }

    /// Whether clients of format V2 join them. The modern wraps bind GCM, so with CBC beside them somebody changed the
    /// algorithm.
    pub(super) fn fits(self, suite: Suite) -> bool {
        suite != Suite::Cbc || matches!(self, Self::Kms | Self::AesWrap)
    }

    /// Whether only [`ReadPolicy::legacy_wraps`](super::ReadPolicy::legacy_wraps) admits it.
    pub fn is_legacy(self) -> bool {
        match self {
            Self::Unnamed | Self::AesWrap | Self::RsaOaepSha256 | Self::Kms => true,
            Self::AesGcm | Self::KmsContext | Self::RsaOaepSha1 => false,
        }
    }
}
