//! The formats V1, V2 and V3 of the Amazon S3 Encryption Clients: all are read, V3 and V2 are written.
//!
//! Reading goes one way, and every step is a type that only the step before it makes: [`detect`] finds the
//! [`Envelope`], perhaps with an instruction file; [`Envelope::admit`] asks the [`ReadPolicy`] before any key is
//! touched; [`Admitted`] unwraps the data key and checks the key commitment; [`Content`] says which stored bytes it
//! needs and opens them. What is stored where, and which spellings are refused, follows the published formats; names
//! of metadata are those without the `x-amz-meta-` prefix.
//!
//! Writing: a [`Draft`] holds a fresh data key and wraps it, which makes the envelope ([`Written`]); its [`ContentKeys`]
//! seal the content, whole or in parts.
//!
//! Nobody is called: the caller fetches and stores instruction files and asks KMS.

mod admitted;
mod algorithms;
mod blocks;
pub(super) mod cbc;
mod content;
mod content_keys;
mod detect;
mod double_encoding;
mod envelope;
mod error;
mod fields;
mod gcm;
mod json;
pub(super) mod keys;
mod keystream;
mod opener;
mod part_hash;
mod parts;
mod policy;
pub(super) mod range;
mod sealer;
mod tool;
mod wrap;
mod write;

pub use admitted::{Admitted, KmsDecrypt, Unwrapped};
pub use algorithms::{Format, KeyKind, Suite, Wrap};
pub use content::{Content, Extent, Measure, OpenPlan};
pub use content_keys::ContentKeys;
pub use detect::{Detection, Partial, detect};
pub use envelope::{Envelope, PlainLen};
pub use error::{Error, Rule};
pub use fields::{check_instruction_file, is_envelope_name, is_replaced_with_wrap};
pub use gcm::{GcmOpener, GcmVerifier};
pub use keys::{AesMasterKey, MasterKey, RsaMasterKey, RsaPublicKey};
pub use opener::Opener;
pub use part_hash::PartHash;
pub use parts::PartSealer;
pub use policy::{CommitmentPolicy, InstructionFiles, ReadPolicy, Release};
pub use range::UnverifiedOpener;
pub use sealer::GcmSealer;
pub use tool::Tool;
pub use write::{Draft, KmsEncrypt, Metadata, WriteFormat, Written};

use std::collections::BTreeMap;

/// Pairs that name a wrapping key (a materials description) or that KMS authenticates (an encryption context).
pub type Context = BTreeMap<String, String>;

/// The longest instruction file and the longest JSON field that is read, in bytes.
pub const MAX_JSON_LEN: usize = 65_536;

/// Bytes of an AES block.
const BLOCK: usize = 16;
