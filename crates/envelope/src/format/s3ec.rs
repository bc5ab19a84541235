//! The formats V1, V2 and V3 of the Amazon S3 Encryption Clients, read only.
//!
//! Reading goes one way, and every step is a type that only the step before it makes: [`detect`] finds the
//! [`Envelope`], perhaps with an instruction file; [`Envelope::admit`] asks the [`ReadPolicy`] before any key is
//! touched; [`Admitted`] unwraps the data key and checks the key commitment; [`Content`] says which stored bytes it
//! needs and opens them. What is stored where, and which spellings are refused, follows the published formats; names
//! of metadata are those without the `x-amz-meta-` prefix.
//!
//! Nothing here is written, and nobody is called: the caller fetches instruction files and asks KMS.

mod admitted;
mod algorithms;
mod blocks;
pub(super) mod cbc;
mod content;
mod detect;
mod double_encoding;
mod envelope;
mod error;
mod fields;
mod gcm;
mod json;
pub(super) mod keys;
mod opener;
mod policy;
pub(super) mod range;
mod tool;
mod wrap;

pub use admitted::{Admitted, KmsDecrypt};
pub use algorithms::{Format, KeyKind, Suite, Wrap};
pub use content::{Content, Extent, Measure, OpenPlan};
pub use detect::{Detection, Partial, detect};
pub use envelope::{Envelope, PlainLen};
pub use error::{Error, Rule};
pub use fields::is_envelope_name;
pub use gcm::{GcmOpener, GcmVerifier};
pub use keys::{AesMasterKey, MasterKey, RsaMasterKey};
pub use opener::Opener;
pub use policy::{CommitmentPolicy, InstructionFiles, ReadPolicy, Release};
pub use range::UnverifiedOpener;
pub use tool::Tool;

use std::collections::BTreeMap;

/// Pairs that name a wrapping key (a materials description) or that KMS authenticates (an encryption context).
pub type Context = BTreeMap<String, String>;

/// The longest instruction file and the longest JSON field that is read, in bytes.
pub const MAX_JSON_LEN: usize = 65_536;

/// Bytes of an AES block.
const BLOCK: usize = 16;
