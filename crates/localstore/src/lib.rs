//! The embedded store: S3 over one directory, so that a first run needs nothing but a disk.
//!
//! To this crate every object is opaque bytes with headers. It knows nothing of sealing, wrapping keys, settings or the
//! network; it is reached through the [`s3s::S3`] trait only, in process or behind somebody else's listener.
//!
//! # On disk
//!
//! ```text
//! <root>/                       0700
//!   format                      "directory-store 1"; 2 once a bucket was asked to keep versions
//!   lock                        held exclusively (flock) while a store is open
//!   staging/                    what is being written; emptied on open
//!   buckets/<bucket>/
//!     bucket.json               when the bucket was created, and whether it keeps versions
//!     objects/<ab>/<cdef…>      one file per object, named by the SHA-256 of its key: 2 + 62 hex digits
//!     objects/<ab>/<cdef….0123> one file per version made since the bucket keeps them: 16 digits
//!     objects/<ab>/<cdef….tags> the tags of the object or version before the last dot, if they were set later
//!     uploads/<upload id>/      one directory per unfinished multipart upload
//!       upload.json             key, headers, user metadata and tags of the object to come
//!       <00001 … 10000>         one file per part, with a record like an object's
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
//! object, 64 for each further version: 200 MB for a million objects) and one small read per object on open. Whoever needs more has outgrown a directory.
//!
//! # Durability
//!
//! Content goes to `staging/`, is synced, renamed over the old file, and the directory is synced before the answer is
//! sent. A crash at any point leaves the old object or the new one. Readers hold the file they opened, so an
//! overwritten or deleted object is read to its end.
//!
//! # Multipart uploads
//!
//! A part is written like an object: staged, synced, renamed, its directory synced; sent again, it replaces the earlier
//! one. Completing copies the parts into one file inside the kernel, which is then committed like any other: one rename,
//! conditions checked under the same lock. Only then are the parts removed. The object's record names the upload it came
//! from, so that a completion asked for again gets the same answer, and a start after a crash between the two knows that
//! the parts are leftovers. A completion of more than a few seconds answers 200 at once, sends spaces and ends with the
//! result or the error, as S3 does. Uploads and their finished parts survive a restart, and stay until they are completed
//! or aborted, or their bucket is removed: like the general buckets of S3, a bucket is empty when it holds no object.
//!
//! The numbers of an object's parts, for those who read one by number, count from 1 whatever numbers they were uploaded
//! with. Only the parts' lengths are kept.
//!
//! # Versions
//!
//! A bucket that was never asked to keep versions has one file per object, which a write replaces. From the moment it is
//! asked, every write is a file of its own, and so is the mark of a deletion: a record without content that says so. One
//! rename therefore still commits everything a write does, and which version is the latest needs no pointer that could be
//! torn from the content: it is the one with the highest number. A number is the time of the write, never less than a
//! number given out before, and odd if the version has a name of its own; the name is the number in hexadecimal digits.
//! What clients call `null` has an even one, or none if it is from before.
//!
//! Removing a version by name removes its file. A `null` version that replaces another is renamed into place and durable
//! before the other's file goes; if a crash comes between, the next start finds both and removes the older.
//!
//! # What is not here
//!
//! MFA delete, object lock, and an end to objects, versions or uploads that nobody asked for: what would turn them on is
//! answered `NotImplemented`.
//!
//! # What an `ETag` is here
//!
//! A fresh random number per write, 32 hexadecimal digits, a dash and the number of parts. An MD5 would bound throughput,
//! and the dash tells every client that this is none. `Content-MD5` is verified where it is sent; `x-amz-checksum-*`
//! headers are neither verified nor returned, and of a multipart upload only the names of checksum algorithm and type are
//! repeated.

mod assembly;
mod bucket;
mod commit;
mod conditions;
mod download;
mod error;
mod headers;
mod history;
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
mod service;
mod store;
mod tag;
mod tagging;
mod upload;
mod version;

pub use error::Error;
pub use service::Service;
pub use store::DirectoryStore;
