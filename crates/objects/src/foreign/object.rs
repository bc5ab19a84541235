//! An unlocked foreign object: how long it is, which stored bytes a reading needs, and the machine that opens them.
//!
//! One shape for all formats; whoever reads does not ask which one it is.

use std::ops::Range;
use std::sync::Arc;

use envelope::legacy::{OpenPlan, fileson, kms_cbc, rclone_crypt};
use envelope::s3ec::{self, Extent, Measure, Release};

use super::machines::Opener;
use super::message::Message;

/// The content of a foreign object with its key.
#[derive(Debug)]
pub(crate) enum ForeignObject {
    /// One of Amazon's formats.
    S3Ec(s3ec::Content),
    /// One of the recipe of KMS and CBC.
    KmsCbc(kms_cbc::Content),
    /// A file of fileson's.
    Fileson(Arc<fileson::Key>),
    /// One of rclone's.
    RcloneCrypt(Arc<rclone_crypt::Key>),
    /// An OpenPGP message, which is opened at once.
    Gpg(Message),
}

/// What to fetch, and what to make of it.
pub(crate) struct Plan {
    /// Stored bytes to fetch and push before all others.
    pub(super) head: Option<Range<u64>>,
    /// The stored bytes to fetch and push.
    pub(super) fetch: Range<u64>,
    /// When what comes out may be believed.
    pub(super) release: Release,
    /// The machine to push them into.
    pub(super) opener: Box<dyn Opener>,
}

impl ForeignObject {
    /// What is known of the length of an object of `stored_len` bytes.
    pub(super) fn measure(&self, stored_len: u64) -> Result<Measure, envelope::Error> {
        match self {
            Self::S3Ec(content) => Ok(content.measure(stored_len)?),
            Self::KmsCbc(content) => Ok(content.measure(stored_len)?),
            Self::Fileson(key) => Ok(Measure::Known(key.measure(stored_len)?)),
            Self::RcloneCrypt(key) => Ok(Measure::Known(key.measure(stored_len)?)),
            Self::Gpg(_) => Err(envelope::Error::Internal),
        }
    }

    /// Its length, out of the bytes that [`Self::measure`] asked for.
    pub(super) fn extent_from_tail(&self, stored_len: u64, tail: &[u8]) -> Result<Extent, envelope::Error> {
        match self {
            Self::S3Ec(content) => Ok(content.extent_from_tail(stored_len, tail)?),
            Self::KmsCbc(content) => Ok(content.extent_from_tail(stored_len, tail)?),
            Self::Fileson(_) | Self::RcloneCrypt(_) | Self::Gpg(_) => Err(envelope::Error::Internal),
        }
    }

    /// Plans to open the whole object, or the range `want` of its plaintext.
    pub(super) fn open(&self, extent: Extent, want: Range<u64>) -> Result<Plan, envelope::Error> {
        let want = (want != (0..extent.plain_len())).then_some(want);
        match self {
            Self::S3Ec(content) => {
                let plan = content.open(extent, want)?;
                Ok(Plan { head: None, fetch: plan.fetch, release: plan.release, opener: Box::new(plan.opener) })
            }
            Self::KmsCbc(content) => Ok(content.open(extent, want)?.into()),
            Self::Fileson(key) => Ok(key.open(extent, want)?.into()),
            Self::RcloneCrypt(key) => Ok(key.open(extent, want)?.into()),
            Self::Gpg(_) => Err(envelope::Error::Internal),
        }
    }

    /// A machine that verifies the whole object and gives out nothing; `None` for content that nothing verifies.
    pub(super) fn verifier(&self, extent: Extent) -> Result<Option<Box<dyn Opener>>, envelope::Error> {
        match self {
            Self::S3Ec(content) => Ok(content.verifier(extent)?.map(|verifier| Box::new(verifier) as Box<dyn Opener>)),
            Self::KmsCbc(_) | Self::Fileson(_) | Self::RcloneCrypt(_) | Self::Gpg(_) => Ok(None),
        }
    }
}

impl From<OpenPlan> for Plan {
    fn from(plan: OpenPlan) -> Self {
        Self { head: plan.head, fetch: plan.fetch, release: plan.release, opener: Box::new(plan.opener) }
    }
}
