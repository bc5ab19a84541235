//! What a sealed object is: its keys, its envelope, its chunks and its summary.
//!
//! Everything here is arithmetic on bytes that were handed in. The crate knows nothing of files, networks, clocks,
//! environments or random sources: nonces and keys come in as arguments, bytes leave through a buffer.
//!
//! Writing: [`ObjectKeys::derive`], [`Envelope::new`], [`Sealer`]. Reading: [`Envelope::parse`],
//! [`Envelope::unlock`], then [`Opener`] for a whole object or [`layout::span`] and [`RangeOpener`] for a range.
//! In parts: a [`SegmentSealer`] for each, [`seal_footer`] behind them; [`PartMap`] and [`SegmentsOpener`] to read.
//! Objects of the Amazon S3 Encryption Clients are read and written by [`s3ec`], those of older tools read by [`legacy`].
//! The bytes are described in `FORMAT.md` at the root of the repository.

// Lengths and bytes come from strangers: nothing here may panic on them.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic, clippy::unreachable)
)]

mod cbor;
mod cipher;
mod digest;
mod envelope;
mod error;
mod footer;
mod format;
mod key_check;
mod key_id;
mod keys;
mod metadata;
mod part_map;
mod secret;
mod segment;
mod table;
mod transform;
mod upload;

pub mod checksum;
pub mod layout;
pub mod wrap;

pub use checksum::ChecksumType;
pub use digest::{ChecksumName, Computed, DigestSet, Digests};
pub use envelope::{Envelope, Upload};
pub use error::Error;
pub use footer::{Facts, Summary};
pub use format::sealed::{Opener, RangeOpener, Sealer, SegmentSealer, SegmentsOpener};
pub use format::{legacy, s3ec};
pub use key_check::KeyCheck;
pub use key_id::KeyId;
pub use keys::ObjectKeys;
pub use layout::{CHUNK_LEN, SUMMARY_LEN, TAG_LEN};
pub use part_map::PartMap;
pub use secret::{DataKey, WrappingSecret};
pub use segment::Segment;
pub use table::seal_footer;
pub use transform::Transform;
pub use wrap::{Binding, BindingMode, EncryptedDataKey, WrapAlgorithm};

/// The user metadata name of the envelope, without the `x-amz-meta-` prefix.
pub const ENVELOPE_NAME: &str = "sealgate";

/// The user metadata name of the client's own metadata when it is sealed, without the `x-amz-meta-` prefix.
pub const METADATA_NAME: &str = "sealgate-m";
