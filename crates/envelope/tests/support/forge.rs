//! Makes objects for test vectors, well-formed ones with this crate and broken ones by hand.
//!
//! The hand-made parts repeat the derivations instead of calling the crate, so that a mistake shows on one side.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::BytesMut;
use envelope::{
    Binding, BindingMode, ChecksumName, Computed, DataKey, DigestSet, Digests, EncryptedDataKey, Envelope, ObjectKeys,
    Sealer, Upload, WrapAlgorithm, WrappingSecret, wrap,
};
use sha2::{Digest, Sha256, Sha512};

use crate::vector::{Expect, Opened, Piece, Vector, pattern};

/// An object on its way to becoming a vector.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) data_key: [u8; 32],
    pub(crate) key: [u8; 32],
    /// A private key in DER in place of `key`.
    pub(crate) private: Option<Vec<u8>>,
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) envelope: String,
    pub(crate) sealed_metadata: Option<String>,
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) stored: Vec<u8>,
    pub(crate) pieces: Option<Vec<Piece>>,
    pub(crate) plain: Vec<u8>,
    pub(crate) computed: Computed,
    pub(crate) composite: bool,
    pub(crate) parts: Vec<(u16, u64)>,
}

/// The wrapping key of almost every vector: 00, 01, ... 1f.
pub(crate) fn wrapping_key() -> [u8; 32] {
    std::array::from_fn(|at| u8::try_from(at).unwrap())
}

/// Bytes that look random and are the same each time.
pub(crate) fn draw<const N: usize>(label: &str) -> [u8; N] {
    Sha256::digest(label)[..N].try_into().unwrap()
}

pub(crate) fn hkdf(ikm: &[u8; 32], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut okm = [0; 32];
    hkdf::Hkdf::<Sha512>::new(Some(salt), ikm).expand(info, &mut okm).unwrap();
    okm
}

pub(crate) fn gcm(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut sealed = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).unwrap();
    sealed
}

/// Seals the chunks of a segment.
pub(crate) fn segment(data_key: &[u8; 32], salt: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = hkdf(data_key, salt, b"sealgate/1 segment");
    let chunks = plain.chunks(65_536);
    let count = chunks.len();
    let seal = |(index, chunk): (usize, &[u8])| {
        let nonce = [&u32::from(index + 1 == count).to_be_bytes()[..], &(index as u64).to_be_bytes()].concat();
        gcm(&key, nonce.try_into().unwrap(), b"", chunk)
    };
    chunks.enumerate().flat_map(seal).collect()
}

/// Every digest a summary can hold.
pub(crate) fn every_digest() -> DigestSet {
    DigestSet { md5: true, checksums: ChecksumName::ALL.into() }
}

impl Object {
    /// A well-formed object with MD5 and CRC64NVME, as a client of today leaves it.
    pub(crate) fn new(label: &str, plain: Vec<u8>) -> Self {
        let usual = DigestSet { md5: true, checksums: [ChecksumName::Crc64Nvme].into() };
        Self::bound(label, plain, &usual, BindingMode::Object)
    }

    pub(crate) fn bound(label: &str, plain: Vec<u8>, set: &DigestSet, mode: BindingMode) -> Self {
        let mut digests = Digests::new(set);
        digests.update(&plain);
        let mut object = Self {
            data_key: draw(&format!("{label}: data key")),
            key: wrapping_key(),
            private: None,
            bucket: "photos".to_owned(),
            name: "2026/été.jpg".to_owned(),
            envelope: String::new(),
            sealed_metadata: None,
            metadata: None,
            stored: Vec::new(),
            pieces: None,
            plain,
            computed: digests.finish(),
            composite: false,
            parts: Vec::new(),
        };
        object.envelope = object.envelope_as(mode);
        object.stored = object.sealed(draw(&format!("{label}: summary nonce")));
        object
    }

    /// The small object most rules are shown on.
    pub(crate) fn hello() -> Self {
        Self::new("hello", b"Hello, sealed world.\n".to_vec())
    }

    /// Three chunks: two whole ones and one byte.
    pub(crate) fn three_chunks() -> Self {
        let mut object = Self::new("three chunks", pattern(131_073));
        object.describe(131_073, 0);
        object
    }

    /// The keys of the object.
    pub(crate) fn keys(&self) -> ObjectKeys {
        ObjectKeys::derive(&DataKey::from_bytes(self.data_key))
    }

    fn envelope_as(&self, mode: BindingMode) -> String {
        let binding = Binding::new(mode, &self.bucket, &self.name).unwrap();
        let (secret, key) = (WrappingSecret::from_bytes(self.key), DataKey::from_bytes(self.data_key));
        let edk = EncryptedDataKey {
            key_id: "main".parse().unwrap(),
            algorithm: WrapAlgorithm::A256Kw,
            wrapped: wrap::wrap_a256kw(&secret, &key, &binding).unwrap(),
        };
        Envelope::new(Upload::Put, mode, edk, &self.keys()).to_string()
    }

    /// The same, wrapped under an intermediate key (which then is `key`) that a service wrapped as `blob`.
    pub(crate) fn under_service(mut self, algorithm: WrapAlgorithm, blob: &[u8], mode: BindingMode) -> Self {
        self.key = draw("intermediate key");
        let binding = Binding::new(mode, &self.bucket, &self.name).unwrap();
        let (secret, key) = (WrappingSecret::from_bytes(self.key), DataKey::from_bytes(self.data_key));
        let wrapped = wrap::wrap_under_service(&secret, blob, &key, &binding).unwrap();
        let edk = EncryptedDataKey { key_id: "main".parse().unwrap(), algorithm, wrapped };
        self.envelope = Envelope::new(Upload::Put, mode, edk, &self.keys()).to_string();
        self
    }

    /// The same, wrapped for a key of two halves, whose wraps are never twice the same and so are written down.
    pub(crate) fn for_private_key(mut self, algorithm: WrapAlgorithm, pem: &str, wrapped: &str) -> Self {
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        self.private = Some(STANDARD.decode(der).unwrap());
        let wrapped = URL_SAFE_NO_PAD.decode(wrapped).unwrap();
        let edk = EncryptedDataKey { key_id: "main".parse().unwrap(), algorithm, wrapped };
        self.envelope = Envelope::new(Upload::Put, BindingMode::Object, edk, &self.keys()).to_string();
        self
    }

    fn sealed(&self, nonce: [u8; 12]) -> Vec<u8> {
        let mut out = BytesMut::new();
        let mut sealer = Sealer::new(self.keys(), u64::try_from(self.plain.len()).unwrap()).unwrap();
        sealer.push(&self.plain, &mut out).unwrap();
        let mut fill = |table: &mut [u8]| table.copy_from_slice(&pattern(table.len()));
        sealer.finish(self.computed.clone(), nonce, &mut fill, &mut out).unwrap();
        out.to_vec()
    }

    /// Describes the body by its pattern, since it is too long to be written down.
    pub(crate) fn describe(&mut self, plain_len: usize, table_len: usize) {
        let summary = STANDARD.encode(&self.stored[self.stored.len() - 256..]);
        let body = Piece::SealedPattern(plain_len);
        let table = (table_len > 0).then_some(Piece::Pattern(table_len));
        self.pieces = Some([Some(body), table, Some(Piece::Base64(summary))].into_iter().flatten().collect());
    }

    /// Gives the object user metadata.
    pub(crate) fn with_metadata(mut self, metadata: &[(&str, &str)]) -> Self {
        let metadata: BTreeMap<_, _> = metadata.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.sealed_metadata = Some(self.keys().seal_metadata(draw("metadata nonce"), &metadata).unwrap());
        self.metadata = Some(metadata);
        self
    }

    /// Gives the object hand-made user metadata.
    pub(crate) fn with_raw_metadata(mut self, plain: &[u8]) -> Self {
        let nonce: [u8; 12] = draw("metadata nonce");
        let key = hkdf(&self.data_key, b"", b"sealgate/1 metadata");
        let sealed = [&nonce[..], &gcm(&key, nonce, b"sealgate/1 metadata", plain)].concat();
        self.sealed_metadata = Some(URL_SAFE_NO_PAD.encode(sealed));
        self
    }

    /// Replaces the summary by one with hand-made facts.
    pub(crate) fn with_facts(self, facts: &[u8]) -> Self {
        let mut padded = facts.to_vec();
        padded.resize(212, 0);
        self.with_summary(&padded, 0)
    }

    /// Replaces the summary by one with hand-made padded facts and table length.
    pub(crate) fn with_summary(mut self, padded: &[u8], table_len: u64) -> Self {
        let nonce: [u8; 12] = draw("forged summary nonce");
        let key = hkdf(&self.data_key, b"", b"sealgate/1 footer");
        let sealed = gcm(&key, nonce, b"sealgate/1 summary", padded);
        self.stored.truncate(self.stored.len() - 256);
        let table_len = table_len.to_be_bytes();
        for part in [&nonce[..], &sealed, &table_len, b"SEALGATE"] {
            self.stored.extend_from_slice(part);
        }
        self
    }

    /// Replaces the body by hand-made chunks of 65,536 bytes under these (flag, index) nonces.
    pub(crate) fn with_chunks(mut self, nonces: &[(u32, u64)]) -> Self {
        let key = hkdf(&self.data_key, &[0; 24], b"sealgate/1 segment");
        let summary = self.stored.split_off(self.stored.len() - 256);
        self.stored.clear();
        for (chunk, (flag, index)) in self.plain.chunks(65_536).zip(nonces) {
            let nonce = [&flag.to_be_bytes()[..], &index.to_be_bytes()].concat();
            self.stored.extend(gcm(&key, nonce.try_into().unwrap(), b"", chunk));
        }
        self.stored.extend(summary);
        self
    }

    /// Changes the envelope's text.
    pub(crate) fn edit(mut self, from: &str, to: &str) -> Self {
        assert!(self.envelope.contains(from), "{from}");
        self.envelope = self.envelope.replacen(from, to, 1);
        self
    }

    /// Flips a bit of the stored bytes.
    pub(crate) fn flip(mut self, at: usize) -> Self {
        self.stored[at] ^= 1;
        self
    }

    /// Joins slices of the three-chunk object anew.
    pub(crate) fn rearranged(slices: &[(usize, usize)]) -> Self {
        let whole = Self::three_chunks();
        let stored = slices.iter().flat_map(|(from, to)| whole.stored[*from..*to].to_vec()).collect();
        let pieces = slices.iter().map(|(from, to)| Piece::Of { vector: "three-chunks".into(), from: *from, to: *to });
        Self { stored, pieces: Some(pieces.collect()), ..whole }
    }

    /// The vector of an object that opens.
    pub(crate) fn opens(&self, rule: &str) -> Vector {
        let checksums = self.computed.checksums.iter();
        let opened = Opened {
            data_key: hex::encode(self.data_key),
            plain_len: u64::try_from(self.plain.len()).unwrap(),
            plain_sha256: hex::encode(Sha256::digest(&self.plain)),
            plain: (self.plain.len() < 100).then(|| hex::encode(&self.plain)),
            metadata: self.metadata.clone(),
            md5: self.computed.md5.map(hex::encode),
            checksums: checksums.map(|(name, value)| (name.to_string(), hex::encode(value))).collect(),
            composite: self.composite,
            parts: self.parts.clone(),
        };
        self.vector(rule, Expect::Opened(Box::new(opened)))
    }

    /// The vector of an object that is refused by this check.
    pub(crate) fn refused(&self, check: &str, rule: &str) -> Vector {
        self.vector(rule, Expect::Refused(check.to_owned()))
    }

    fn vector(&self, rule: &str, expect: Expect) -> Vector {
        let bytes = || vec![Piece::Base64(STANDARD.encode(&self.stored))];
        Vector {
            schema: "sealgate-vector/1".to_owned(),
            rule: rule.to_owned(),
            key: self.private.as_ref().map_or_else(|| hex::encode(self.key), hex::encode),
            bucket: self.bucket.clone(),
            name: self.name.clone(),
            envelope: self.envelope.clone(),
            sealed_metadata: self.sealed_metadata.clone(),
            stored: self.pieces.clone().unwrap_or_else(bytes),
            stored_len: u64::try_from(self.stored.len()).unwrap(),
            stored_sha256: hex::encode(Sha256::digest(&self.stored)),
            expect,
        }
    }
}
