//! How a test vector is written down.
//!
//! `FORMAT.md` describes the fields for readers in other languages. Knows nothing of any particular vector.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One object, and what a reader must make of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) schema: String,
    pub(crate) rule: String,
    /// The wrapping key, in hex.
    pub(crate) key: String,
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) envelope: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed_metadata: Option<String>,
    pub(crate) stored: Vec<Piece>,
    pub(crate) stored_len: u64,
    pub(crate) stored_sha256: String,
    pub(crate) expect: Expect,
}

/// Bytes of a stored object; the pieces are joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Piece {
    /// These bytes.
    Base64(String),
    /// Bytes `from` up to `to` of the stored object of another vector.
    Of { vector: String, from: usize, to: usize },
    /// The pattern `0, 1, ... 250, 0, 1, ...` of this length.
    Pattern(usize),
    /// The chunks of a pattern of this length, sealed with the object's own segment key.
    SealedPattern(usize),
    /// The chunks of bytes `from` up to `to` of the pattern, sealed as a part with this salt.
    SealedPart { salt: String, from: usize, to: usize },
}

/// What a reader must make of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Expect {
    /// The object opens, and this is in it.
    Opened(Box<Opened>),
    /// The object is refused, by this check.
    Refused(String),
}

/// What is in an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opened {
    pub(crate) data_key: String,
    pub(crate) plain_len: u64,
    pub(crate) plain_sha256: String,
    /// The content itself, in hex, when it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) md5: Option<String>,
    pub(crate) checksums: BTreeMap<String, String>,
    /// Whether the checksums were computed over those of the parts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) composite: bool,
    /// Number and length of each part of a multipart upload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<(u16, u64)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks this way")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Where the vectors lie.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/sealed")
}

/// The file of a vector.
pub(crate) fn render(vector: &Vector) -> String {
    serde_json::to_string_pretty(vector).unwrap() + "\n"
}

/// The pattern `0, 1, ... 250, 0, 1, ...`.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let mut bytes = (0..=250).collect::<Vec<u8>>().repeat(len / 251 + 1);
    bytes.truncate(len);
    bytes
}
