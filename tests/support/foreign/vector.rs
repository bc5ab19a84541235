//! How a test vector is written down: `tests/vectors/s3ec/README.md` describes the fields.
//!
//! Knows nothing of how an object is opened; long ciphertext is made again by a library the daemon does not use for this.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// One object, the key that opens it, and what it holds.
#[derive(Clone)]
pub struct Vector {
    /// Its name, that of its file.
    pub id: String,
    /// `v1`, `v2`, `v3`, or that of an older tool.
    pub format: String,
    /// `aes`, `rsa` or `kms`.
    pub key_type: String,
    /// The master key as it is written down.
    pub master_key: Value,
    /// User metadata without the prefix.
    pub metadata: BTreeMap<String, String>,
    /// The body of the second object.
    pub instruction_file: Option<String>,
    /// `ok` or `fail`.
    pub expect: String,
    /// Inclusive, with the bytes they hold.
    pub ranges: Vec<(usize, usize, Vec<u8>)>,
    said: Value,
}

/// Where those of Amazon's formats are.
#[must_use]
pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/s3ec")
}

/// All vectors of whole objects, sorted by name.
#[must_use]
pub fn all() -> Vec<Vector> {
    let files = fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<_> = files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.retain(|name| ["v1-", "v2-", "v3-", "neg-"].iter().any(|start| name.starts_with(start)));
    names.sort();
    names.iter().map(|name| Vector::read(&fs::read(directory().join(name)).unwrap())).collect()
}

/// A vector of Amazon's formats.
#[must_use]
pub fn named(id: &str) -> Vector {
    Vector::read(&fs::read(directory().join(format!("{id}.json"))).unwrap())
}

/// All vectors of older tools, sorted by name.
#[must_use]
pub fn all_legacy() -> Vec<Vector> {
    let files = fs::read_dir(directory().join("../legacy")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    files.sort();
    files.iter().map(|path| Vector::read(&fs::read(path).unwrap())).collect()
}

/// A vector of an older tool.
#[must_use]
pub fn legacy(id: &str) -> Vector {
    named(&format!("../legacy/{id}"))
}

impl Vector {
    /// What KMS must know to open it: the row of its key, or of the key beside it.
    pub fn kms_row(&self) -> Option<Value> {
        let beside = &self.said["sidecar"]["kms"];
        let row = if self.key_type == "kms" { &self.master_key } else { beside };
        row.is_object().then(|| row.clone())
    }

    /// The wrapped key beside the object, as its tool wrote it.
    pub fn sidecar(&self) -> String {
        self.said["sidecar"]["body"].as_str().unwrap().to_owned()
    }

    /// The same as KMS gave it.
    pub fn raw_sidecar(&self) -> Vec<u8> {
        STANDARD.decode(self.sidecar()).unwrap()
    }

    /// The stored bytes, where they are written down.
    pub fn short(&self) -> Option<Vec<u8>> {
        self.said["ciphertext"]["base64"].as_str().map(|text| STANDARD.decode(text).unwrap())
    }

    /// Their first 32, where they are not.
    pub fn first(&self) -> Vec<u8> {
        hex::decode(self.said["ciphertext"]["first32_hex"].as_str().unwrap()).unwrap()
    }

    /// What the content is encrypted with.
    pub fn content_key(&self) -> Vec<u8> {
        hex::decode(self.said["check"]["content_key_hex"].as_str().unwrap()).unwrap()
    }

    /// Whether these are the stored bytes.
    pub fn is_stored(&self, stored: &[u8]) -> bool {
        hex::encode(Sha256::digest(stored)) == self.said["ciphertext"]["sha256"].as_str().unwrap()
    }

    fn read(file: &[u8]) -> Self {
        let said: Value = serde_json::from_slice(file).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let metadata = said["metadata"].as_object().unwrap();
        let range = |range: &Value| {
            let (first, last) =
                range["range"].as_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            (
                first.parse().unwrap(),
                last.parse().unwrap(),
                STANDARD.decode(range["plaintext_base64"].as_str().unwrap()).unwrap(),
            )
        };
        Self {
            id: text(&said["id"]),
            format: text(&said["format"]),
            key_type: text(&said["master_key"]["type"]),
            master_key: said["master_key"].clone(),
            metadata: metadata.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            instruction_file: said["instruction_file"]["body"].as_str().map(str::to_owned),
            expect: text(&said["expect"]),
            ranges: said["ranges"].as_array().into_iter().flatten().map(range).collect(),
            said,
        }
    }

    /// The plaintext, made by its rule if it is long.
    pub fn plain(&self) -> Vec<u8> {
        let said = &self.said["plaintext"];
        let len = usize::try_from(said["length"].as_u64().unwrap()).unwrap();
        if let Some(line) = said["line"].as_str() {
            return line.repeat(len / line.len()).into_bytes();
        }
        let plain = match (said["base64"].as_str(), said["seed"].as_str()) {
            (Some(text), _) => STANDARD.decode(text).unwrap(),
            (None, Some(seed)) => {
                (0..len.div_ceil(32)).flat_map(|at| Sha256::digest(format!("{seed}:{at}"))).take(len).collect()
            }
            (None, None) => panic!("{} has no plaintext", self.id),
        };
        assert_eq!(hex::encode(Sha256::digest(&plain)), said["sha256"].as_str().unwrap(), "{}", self.id);
        plain
    }

    /// The stored bytes.
    pub fn stored(&self) -> Vec<u8> {
        let said = &self.said["ciphertext"];
        let stored = match said["base64"].as_str() {
            Some(text) => STANDARD.decode(text).unwrap(),
            None => self.encrypt(&self.plain()),
        };
        assert_eq!(hex::encode(Sha256::digest(&stored)), said["sha256"].as_str().unwrap(), "{}", self.id);
        stored
    }

    /// Other content under this vector's envelope.
    pub fn encrypt(&self, plain: &[u8]) -> Vec<u8> {
        let check = &self.said["check"];
        let field = |name: &str| hex::decode(check[name].as_str().unwrap()).unwrap();
        let (key, iv, aad) = (field("content_key_hex"), field("content_iv_hex"), field("content_aad_hex"));
        let mut stored = plain.to_vec();
        if self.is_gcm() {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
            let nonce = Nonce::try_assume_unique_for_key(&iv).unwrap();
            key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut stored).unwrap();
            return stored;
        }
        let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, &key).unwrap()).unwrap();
        let iv = FixedLength::from(<[u8; 16]>::try_from(iv).unwrap());
        key.less_safe_encrypt(&mut stored, EncryptionContext::Iv128(iv)).unwrap();
        stored
    }

    /// Whether its content is in GCM.
    pub fn is_gcm(&self) -> bool {
        self.said["check"]["content_algorithm"] == "gcm"
    }

    /// Whether the envelope says so anywhere.
    pub fn says(&self, text: &str) -> bool {
        let file = self.instruction_file.as_deref().unwrap_or_default();
        self.metadata.values().any(|value| value == text) || file.contains(&format!("\"{text}\""))
    }

    /// The settings that a rule must have for it, by the vector's own description and not by what the daemon makes of it.
    pub fn needs(&self) -> Vec<&'static str> {
        let legacy_wrap = self.format == "v1"
            || ["AESWrap", "kms", "RSA/ECB/OAEPWithSHA-256AndMGF1Padding"].iter().any(|wrap| self.says(wrap));
        let mut needs = Vec::new();
        needs.extend((self.format != "v3").then_some("commitment"));
        needs.extend(self.instruction_file.is_some().then_some("instruction_files"));
        needs.extend(legacy_wrap.then_some("legacy_wraps"));
        needs.extend((!self.is_gcm()).then_some("legacy_content"));
        needs
    }
}
