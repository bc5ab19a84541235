//! The formats of older tools, read only: each is a file of its own that knows nothing of the others.
//!
//! None of them is found by looking at content: somebody has to name the format. Reading goes as with [`s3ec`]: the
//! stored length gives the length of the content, or says which stored bytes tell it; a plan says what to fetch, and a
//! machine opens that. The objects of tools that write Amazon's formats are read by [`s3ec`] itself, which knows them as
//! [`Tool`](s3ec::Tool); only the side-car some of them need is here. FORMAT.md, 19.
//!
//! Nothing here is written, and nobody is called: the caller fetches bytes and asks KMS.

mod error;
pub mod fileson;
pub mod key_sidecar;
pub mod kms_cbc;
pub mod openpgp;
mod plan;
pub mod rclone_crypt;

pub use error::Error;
pub use plan::{OpenPlan, Opener};

#[cfg(doc)]
use super::s3ec;

/// Bytes of an AES block.
const BLOCK: usize = 16;

/// Bytes of an AES block, as lengths are counted.
const BLOCK_LEN: u64 = 16;
