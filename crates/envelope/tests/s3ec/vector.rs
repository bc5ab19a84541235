//! How a test vector of Amazon's formats is written down, and one way to open it through the public interface.
//!
//! The files came from other tools; `tests/vectors/s3ec/README.md` describes them. Knows nothing of any particular one.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use envelope::s3ec::{
    Admitted, AesMasterKey, CommitmentPolicy, Content, Context, Detection, Envelope, Extent, InstructionFiles, KeyKind,
    MasterKey, Measure, Partial, ReadPolicy, RsaMasterKey, detect,
};
use envelope::{Error, Transform};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One object, the key that opens it, and what it holds.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) format: String,
    pub(crate) master_key: Master,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) instruction_file: Option<InstructionFile>,
    pub(crate) plaintext: Option<Bytes>,
    pub(crate) ciphertext: Bytes,
    pub(crate) expect: String,
    pub(crate) check: Option<Check>,
    #[serde(default)]
    pub(crate) ranges: Vec<Wanted>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Master {
    Aes { hex: String },
    Rsa { private_pem: String },
    Kms { encryption_context: Context, encrypted_data_key_base64: String, data_key_hex: String },
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InstructionFile {
    pub(crate) body: String,
}

/// Given, or to be made by a rule.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Bytes {
    pub(crate) length: usize,
    sha256: String,
    base64: Option<String>,
    seed: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Check {
    #[serde(rename = "content_algorithm")]
    pub(crate) algorithm: String,
    data_key_hex: String,
    #[serde(rename = "content_key_hex")]
    key: String,
    #[serde(rename = "content_iv_hex")]
    iv: String,
    #[serde(rename = "content_aad_hex")]
    aad: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Wanted {
    range: String,
    plaintext_base64: String,
}

/// Everything allowed.
pub(crate) fn generous() -> ReadPolicy {
    ReadPolicy {
        commitment: CommitmentPolicy::ForbidEncryptAllowDecrypt,
        instruction_files: InstructionFiles::Any,
        legacy_wraps: true,
        legacy_content: true,
        unverified_ranges: true,
        early_release: false,
    }
}

pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/s3ec")
}

/// All vectors of whole objects, sorted by name.
pub(crate) fn all() -> Vec<Vector> {
    let files = fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<_> = files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.retain(|name| ["v1-", "v2-", "v3-", "neg-"].iter().any(|start| name.starts_with(start)));
    names.sort();
    names.iter().map(|name| serde_json::from_slice(&fs::read(directory().join(name)).unwrap()).unwrap()).collect()
}

pub(crate) fn named(id: &str) -> Vector {
    all().into_iter().find(|vector| vector.id == id).unwrap()
}

impl Vector {
    /// The plaintext, made by its rule if it is long.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let said = self.plaintext.as_ref().unwrap();
        let plain = match (&said.base64, &said.seed) {
            (Some(text), _) => STANDARD.decode(text).unwrap(),
            (None, Some(seed)) => chain(seed, said.length),
            (None, None) => panic!("{} has no plaintext", self.id),
        };
        assert_eq!(
            (plain.len(), hex::encode(Sha256::digest(&plain))),
            (said.length, said.sha256.clone()),
            "{}",
            self.id
        );
        plain
    }

    /// The stored bytes, encrypted again by another implementation if they are long.
    pub(crate) fn stored(&self) -> Vec<u8> {
        let stored = match &self.ciphertext.base64 {
            Some(text) => STANDARD.decode(text).unwrap(),
            None => self.check.as_ref().unwrap().encrypt(&self.plain()),
        };
        let said = (self.ciphertext.length, self.ciphertext.sha256.clone());
        assert_eq!((stored.len(), hex::encode(Sha256::digest(&stored))), said, "{}", self.id);
        stored
    }

    pub(crate) fn data_key(&self) -> [u8; 32] {
        let key = hex::decode(&self.check.as_ref().unwrap().data_key_hex).unwrap();
        key.try_into().unwrap()
    }

    pub(crate) fn is_gcm(&self) -> bool {
        self.check.as_ref().unwrap().algorithm == "gcm"
    }

    pub(crate) fn ranges(&self) -> Vec<(Range<u64>, Vec<u8>)> {
        let read = |wanted: &Wanted| {
            let (first, last) = wanted.range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let range = first.parse().unwrap()..last.parse::<u64>().unwrap() + 1;
            (range, STANDARD.decode(&wanted.plaintext_base64).unwrap())
        };
        self.ranges.iter().map(read).collect()
    }

    /// The envelope, with the instruction file where it is asked for or where there is one.
    pub(crate) fn envelope(&self) -> Result<Envelope, Error> {
        let metadata = self.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let with_file = |partial: Partial| match &self.instruction_file {
            Some(file) => partial.with_instruction_file(file.body.as_bytes()),
            None => panic!("{} has no envelope", self.id),
        };
        match detect(metadata, 0)? {
            Detection::Complete(envelope) => Ok(*envelope),
            Detection::NoEnvelope(partial) | Detection::NeedsInstructionFile(partial) => Ok(with_file(partial)?),
        }
    }

    pub(crate) fn unlock(&self, policy: &ReadPolicy) -> Result<Content, Error> {
        let admitted = self.envelope()?.admit(policy)?;
        match (&self.master_key, admitted.envelope().key_kind()) {
            (Master::Kms { .. }, KeyKind::Kms) => self.ask_kms(&admitted),
            (Master::Aes { .. }, KeyKind::Aes) | (Master::Rsa { .. }, KeyKind::Rsa) => {
                Ok(admitted.unlock(&self.local_key())?)
            }
            (master, kind) => panic!("{}: {kind:?} for {master:?}", self.id),
        }
    }

    /// The wrapping key of a vector that has one in hand.
    pub(crate) fn local_key(&self) -> MasterKey {
        match &self.master_key {
            Master::Aes { hex } => MasterKey::Aes(AesMasterKey::from_bytes(&hex::decode(hex).unwrap()).unwrap()),
            Master::Rsa { private_pem } => MasterKey::Rsa(rsa(private_pem)),
            Master::Kms { .. } => panic!("{} has its key in KMS", self.id),
        }
    }

    /// KMS is a table of one row, that refuses every other blob and context.
    fn ask_kms(&self, admitted: &Admitted) -> Result<Content, Error> {
        let Master::Kms { encryption_context, encrypted_data_key_base64, data_key_hex } = &self.master_key else {
            panic!("{} has no key in KMS", self.id)
        };
        let ask = admitted.kms(&Context::new())?;
        let known = ask.blob() == STANDARD.decode(encrypted_data_key_base64).unwrap();
        if known && ask.context() == encryption_context {
            return Ok(ask.unlock(&hex::decode(data_key_hex).unwrap())?);
        }
        Err(Error::Unwrap)
    }

    /// Opens everything in pieces of `piece` bytes.
    pub(crate) fn open(&self, stored: &[u8], policy: &ReadPolicy, piece: usize) -> Result<Vec<u8>, Error> {
        let content = self.unlock(policy)?;
        open(&content, stored, None, piece)
    }
}

/// The private key of a PEM file.
pub(crate) fn rsa(pem: &str) -> RsaMasterKey {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaMasterKey::from_pkcs8_der(&STANDARD.decode(text).unwrap()).unwrap()
}

/// The lengths of an object whose stored bytes are at hand.
pub(crate) fn extent(content: &Content, stored: &[u8]) -> Result<Extent, Error> {
    Ok(match content.measure(stored.len() as u64)? {
        Measure::Known(extent) => extent,
        Measure::NeedsTail(tail) => content.extent_from_tail(stored.len() as u64, slice(stored, &tail))?,
    })
}

/// Opens a range or everything, pushing pieces of `piece` bytes.
pub(crate) fn open(content: &Content, stored: &[u8], want: Option<Range<u64>>, piece: usize) -> Result<Vec<u8>, Error> {
    let plan = content.open(extent(content, stored)?, want)?;
    let (mut opener, mut out) = (plan.opener, BytesMut::new());
    for piece in slice(stored, &plan.fetch).chunks(piece) {
        opener.push(piece, &mut out)?;
    }
    opener.finish(&mut out)?;
    Ok(out.to_vec())
}

pub(crate) fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

fn chain(seed: &str, len: usize) -> Vec<u8> {
    let blocks = (0..len.div_ceil(32)).flat_map(|index| Sha256::digest(format!("{seed}:{index}")));
    blocks.take(len).collect()
}

impl Check {
    fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let [key, iv, aad] = [&self.key, &self.iv, &self.aad].map(|text| hex::decode(text).unwrap());
        match self.algorithm.as_str() {
            "gcm" => gcm(&key, &iv, &aad, plain),
            "cbc" => cbc(&key, &iv, plain),
            other => panic!("no content algorithm is called {other}"),
        }
    }
}

/// AES-256-GCM by the one-shot interface, which the crate does not use for this.
pub(crate) fn gcm(key: &[u8], iv: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut stored = plain.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(iv).unwrap();
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut stored).unwrap();
    stored
}

/// AES-CBC with PKCS #7 padding.
pub(crate) fn cbc(key: &[u8], iv: &[u8], plain: &[u8]) -> Vec<u8> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key).unwrap()).unwrap();
    let (mut stored, iv) = (plain.to_vec(), FixedLength::from(<[u8; 16]>::try_from(iv).unwrap()));
    key.less_safe_encrypt(&mut stored, EncryptionContext::Iv128(iv)).unwrap();
    stored
}
