//! How a test vector of an older tool is written down, and one way to drive a plan.
//!
//! The files came from the tools themselves; `tests/vectors/legacy/README.md` describes them.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use envelope::legacy::OpenPlan;
use envelope::{Error, Transform};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One object, the key that opens it, and what it holds.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) master_key: Master,
    pub(crate) metadata: BTreeMap<String, String>,
    plaintext: Bytes,
    pub(crate) ciphertext: Bytes,
    /// What a bounded reader returns where the tool itself cannot return the plaintext.
    pub(crate) recipe_decrypt_output: Option<Bytes>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Master {
    FilesonPbkdf2 {
        password: String,
        salt: String,
        iterations: NonZeroU32,
        derived_key_hex: String,
    },
    FilesonRawkey {
        hex: String,
    },
    #[serde(rename_all = "snake_case")]
    RcloneCrypt {
        password: String,
        obscured_password: String,
        password2: Option<String>,
        obscured_password2: Option<String>,
    },
    Passphrase {
        passphrase: String,
    },
    #[serde(rename_all = "snake_case")]
    Openpgp {
        secret_key: String,
        passphrase: Option<String>,
    },
    Kms {
        encryption_context: BTreeMap<String, String>,
        encrypted_data_key_base64: String,
        data_key_hex: String,
    },
}

/// Given, or to be made by a rule.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Bytes {
    pub(crate) length: usize,
    pub(crate) sha256: String,
    base64: Option<String>,
    seed: Option<String>,
    line: Option<String>,
    first32_hex: Option<String>,
}

/// The vectors whose names begin so, sorted by name.
pub(crate) fn all(start: &str) -> Vec<Vector> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/legacy");
    let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start)).collect();
    files.sort();
    files.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

impl Vector {
    /// The plaintext, made by its rule if it is long.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let said = &self.plaintext;
        let plain = match (&said.base64, &said.seed, &said.line) {
            (Some(text), _, _) => STANDARD.decode(text).unwrap(),
            (None, Some(seed), _) => chain(seed, said.length),
            (None, None, Some(line)) => line.repeat(said.length / line.len()).into_bytes(),
            (None, None, None) => panic!("{} has no plaintext", self.id),
        };
        assert!(self.plaintext.is(&plain), "{}", self.id);
        plain
    }

    /// The stored bytes; long ones are encrypted again by `encrypt`, from their first 32 bytes and the plaintext.
    pub(crate) fn stored(&self, encrypt: impl FnOnce(&[u8], &[u8]) -> Vec<u8>) -> Vec<u8> {
        let stored = match (&self.ciphertext.base64, &self.ciphertext.first32_hex) {
            (Some(text), _) => STANDARD.decode(text).unwrap(),
            (None, Some(first)) => encrypt(&hex::decode(first).unwrap(), &self.plain()),
            (None, None) => panic!("{} has no ciphertext", self.id),
        };
        assert!(self.ciphertext.is(&stored), "{}", self.id);
        stored
    }
}

impl Bytes {
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        (bytes.len(), hex::encode(Sha256::digest(bytes))) == (self.length, self.sha256.clone())
    }
}

/// Opens what a plan says, pushing pieces of `piece` bytes.
pub(crate) fn drive(plan: OpenPlan, stored: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
    let (mut opener, mut out) = (plan.opener, BytesMut::new());
    let head = plan.head.map_or(&[][..], |head| slice(stored, &head));
    for piece in head.chunks(piece).chain(slice(stored, &plan.fetch).chunks(piece)) {
        opener.push(piece, &mut out)?;
    }
    opener.finish(&mut out)?;
    Ok(out.to_vec())
}

pub(crate) fn slice<'a>(bytes: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

/// Ranges of `len` bytes around the boundaries of blocks of `block`.
pub(crate) fn ranges(len: usize, block: usize) -> Vec<Range<u64>> {
    let at = [0, 1, block - 1, block, block + 1, 2 * block, len / 2, len.saturating_sub(1), len];
    let pairs = at.iter().flat_map(|start| at.iter().map(move |end| *start..*end));
    pairs
        .filter(|range| range.start < range.end && range.end <= len)
        .map(|range| range.start as u64..range.end as u64)
        .collect()
}

fn chain(seed: &str, len: usize) -> Vec<u8> {
    let blocks = (0..len.div_ceil(32)).flat_map(|index| Sha256::digest(format!("{seed}:{index}")));
    blocks.take(len).collect()
}
