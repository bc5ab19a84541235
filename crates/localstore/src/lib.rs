//! The embedded store: S3 over one directory, so that a first run needs nothing but a disk.
//!
//! To this crate every object is opaque bytes with headers. It knows nothing of sealing, wrapping keys, settings or the
//! network; it is reached through the [`s3s::S3`] trait only, in process or behind somebody else's listener.
//!
//! # On disk
//!
//! ```text
//! <root>/                       0700
//!   format                      "directory-store 1"
//!   lock                        held exclusively (flock) while a store is open
//!   staging/                    what is being written; emptied on open
//!   buckets/<bucket>/
//!     bucket.json               when the bucket was created
//!     objects/<ab>/<cdef…>      one file per object, named by the SHA-256 of its key: 2 + 62 hex digits
//! ```
//!
//! An object's file is its content, followed by a record (JSON: key, length, `ETag`, time, headers, user metadata), the
//! record's length (u32, little-endian) and eight bytes of magic. One file, so that one rename commits content and
//! metadata together; the record last, so that it is written when everything in it is known and a torn file is
//! recognised; content first, so that it is aligned and can be recovered with `head -c`.
//!
//! # Why hashed names and an index in memory
//!
//! Keys are up to 1,024 bytes, contain `..`, `//` and control characters, and `a` lives beside `a/b`; file systems allow
//! 255 bytes and none of that. An escaped directory tree would have to be sorted, merged and opened for every LIST. A
//! hash gives every key one short legal path, and an ordered index of the keys, rebuilt from the records on open,
//! gives LIST in UTF-8 byte order without touching the disk. The price is memory (about 150 bytes plus the key per
//! object: 200 MB for a million) and one small read per object on open. Whoever needs more has outgrown a directory.
//!
//! # Durability
//!
//! Content goes to `staging/`, is synced, renamed over the old file, and the directory is synced before the answer is
//! sent. A crash at any point leaves the old object or the new one. Readers hold the file they opened, so an
//! overwritten or deleted object is read to its end.
//!
//! # What an `ETag` is here
//!
//! A fresh random number per write, 32 hexadecimal digits and `-1`. An MD5 would bound throughput, and the dash tells
//! every client that this is none. `Content-MD5` is verified where it is sent; `x-amz-checksum-*` headers are neither
//! verified nor returned.

mod assembly;
mod bucket;
mod commit;
mod conditions;
mod download;
mod error;
mod headers;
mod index;
mod listing;
mod multipart;
mod multiparts;
mod ops;
mod path;
mod range;
mod record;
mod root;
mod s3;
mod store;
mod tag;
mod tagging;
mod upload;

pub use error::Error;
pub use store::DirectoryStore;
