//! Sealed objects on any store: how they are written, read, sized and listed.
//!
//! The room knows the sealed format through `envelope`, the keys through `keyring`, and a store only as the
//! [`Store`] seam. It refuses to know how clients speak to us (signatures, S3 error codes, permissions), where
//! configuration comes from, and what a directory is.

mod answers;
mod carried;
mod checking;
mod copy;
mod error;
mod etag;
mod facts;
mod foreign;
mod headers;
mod inspect;
mod listing;
mod location;
mod metadata;
mod migrate;
mod multipart;
mod policy;
mod random;
mod range;
mod reader;
mod reserved;
mod rewrap;
mod sealed_objects;
pub mod store;
mod stream;
mod uploads;
mod verify;
mod walk;
mod writer;

pub use answers::{buckets_where, error_code, rewrite_elements};
pub use checking::{Verdict, WrongLength};
pub use copy::{COPY_LIMIT, Copied, CopiedObject, CopyRequest, PartCopied, PartCopyRequest};
pub use envelope::legacy::kms_cbc::Padding;
pub use envelope::s3ec::{CommitmentPolicy, Context, InstructionFiles, ReadPolicy, WriteFormat as S3EcWriteFormat};
pub use envelope::{BindingMode, ChecksumName, ChecksumType, Computed, DigestSet, Facts};
pub use error::Error;
pub use facts::FactsFile;
pub use foreign::{Beside, ForeignFormat, ForeignPolicy};
pub use headers::is_store_only;
pub use inspect::{Check, Format, Inspection, Wrap};
pub use listing::ListRequest;
pub use location::{ObjectRef, bucket_uri, encode_key, encode_value, service_uri};
pub use metadata::{RESERVED_METADATA_PREFIX, USER_METADATA_PREFIX};
pub use migrate::{MigrateRequest, Migrated};
pub use multipart::{
    CompleteRequest, Completed, CreateRequest, Created, ListedPart, NamedPart, PartOutcome, PartRequest, Swept,
    UploadOutcome, store_upload_id,
};
pub use policy::{Contents, EtagMode, MetadataMode, PolicyTable, Rule, WriteFormat, glob_matches};
pub use random::{Random, RandomError};
pub use range::RangeSpec;
pub use reader::{Attributes, OpenRequest, Opened, OpenedObject};
pub use rewrap::{RewrapRequest, Rewrapped};
pub use sealed_objects::SealedObjects;
pub use store::{Body, BoxError, Store, StoreError};
pub use stream::{TooLong, collect};
pub use uploads::{
    Attempt, BegunUpload, BucketUploads, Leftover, LocalUploads, PlacingUploads, StateError, UploadName, UploadState,
};
pub use verify::{Depth, Verified};
pub use walk::{Cursor, Walk, WalkPage, Walked};
pub use writer::{SealOutcome, SealRequest};
