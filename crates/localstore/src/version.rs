//! The versions of an object: their order, their names, and which one a request means.
//!
//! It knows numbers and names, not where versions lie or who makes them.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What S3 calls the version that has no name of its own.
const NULL: &str = "null";
/// The digits of a version's number.
const DIGITS: usize = 16;

/// What a bucket does with the object a write replaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// Never asked to keep versions: the object is replaced.
    #[default]
    Unset,
    /// Every write is a version of its own.
    Enabled,
    /// Writes replace the `null` version; versions with names stay.
    Suspended,
}

impl Versioning {
    /// What a version is called in answers; nothing in a bucket that was never asked to keep versions.
    pub(crate) fn told(self, version: Version) -> Option<String> {
        (self != Self::Unset).then(|| version.id())
    }
}

/// One version of a key, as a number: twice the nanoseconds of its write, and one more if it has a name of its own, which
/// is then the number. Versions order as they were written, because a bucket never gives out a smaller number than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u64);

impl Version {
    /// What was written before the bucket was asked to keep versions: `null`, and older than everything else.
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn is_null(self) -> bool {
        self.0.is_multiple_of(2)
    }

    /// The name clients know it by.
    pub(crate) fn id(self) -> String {
        if self.is_null() { NULL.to_owned() } else { self.to_string() }
    }

    /// What the answer to a write calls it: S3 tells only names.
    pub(crate) fn name(self) -> Option<String> {
        (!self.is_null()).then(|| self.id())
    }

    /// A number as [`Version`]s are written, whether it names a version or only a place among them.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let valid = digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        valid.then(|| u64::from_str_radix(digits, 16).ok().map(Self)).flatten()
    }

    /// The version in a file's name; nothing if what is there is no version.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        match file.extension() {
            None => Some(Self::FIRST),
            Some(digits) => digits.to_str().and_then(Self::parse).filter(|version| *version != Self::FIRST),
        }
    }
}

/// All digits, also of what clients know as `null`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Gives out the numbers of a bucket's versions.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// A version that is newer than all before it, whatever the system's clock says.
    pub(crate) fn next(&self, named: bool) -> Version {
        let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos()).unwrap_or(0).saturating_mul(2);
        let after = |last: u64| now.max(last.saturating_add(2)) & !1 | u64::from(named);
        let mut next = 0;
        // The closure always has an answer, so that the update cannot fail.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            next = after(last);
            Some(next)
        });
        Version(next)
    }

    /// Takes note of a version found on disk.
    pub(crate) fn seen(&self, version: Version) {
        self.0.fetch_max(version.0, Ordering::Relaxed);
    }
}

/// Which version a request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The newest, whatever it is.
    Latest,
    /// The one without a name.
    Null,
    /// One with a name.
    Named(Version),
}

impl Wanted {
    /// Reads a `versionId`.
    pub(crate) fn parse(id: Option<&str>) -> S3Result<Self> {
        match id {
            None => Ok(Self::Latest),
            Some("") => Err(s3_error!(InvalidArgument, "Version id cannot be the empty string")),
            Some(NULL) => Ok(Self::Null),
            Some(id) => match Version::parse(id) {
                Some(version) if !version.is_null() => Ok(Self::Named(version)),
                _ => Err(s3_error!(InvalidArgument, "Invalid version id specified")),
            },
        }
    }

    /// The name that was asked for.
    pub(crate) fn id(self) -> Option<String> {
        match self {
            Self::Latest => None,
            Self::Null => Some(NULL.to_owned()),
            Self::Named(version) => Some(version.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_only_grow_even_if_the_clock_does_not() {
        let clock = Clock::default();
        let first = clock.next(true);
        let future = Version(first.0 + 1_000_000_000_000_000_000);
        clock.seen(future);
        clock.seen(first);
        let (null, named) = (clock.next(false), clock.next(true));
        assert!(first < future && future < null && null < named);
        assert!(null.is_null() && !named.is_null());
        assert!(Version::FIRST.is_null() && Version::FIRST < first);
    }

    #[test]
    fn a_name_leads_back_to_its_version() {
        let clock = Clock::default();
        let (null, named) = (clock.next(false), clock.next(true));
        assert_eq!(Wanted::parse(Some(&named.id())).unwrap(), Wanted::Named(named));
        assert_eq!((null.id().as_str(), Wanted::parse(Some("null")).unwrap()), ("null", Wanted::Null));
        assert_eq!(Wanted::parse(None).unwrap(), Wanted::Latest);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let even = Clock::default().next(false).to_string();
        for wrong in ["", "NULL", "1234", "0123456789ABCDEF", "+123456789abcdef", &"0".repeat(32), &even] {
            assert_eq!(Wanted::parse(Some(wrong)).unwrap_err().code().as_str(), "InvalidArgument", "{wrong:?}");
        }
    }

    #[test]
    fn a_files_name_ends_in_its_version() {
        let version = Clock::default().next(true);
        assert_eq!(Version::of_file(Path::new("ab/cdef")), Some(Version::FIRST));
        assert_eq!(Version::of_file(Path::new(&format!("ab/cdef.{version}"))), Some(version));
        for other in ["cdef.tags", "cdef.0000000000000000", "cdef.12"] {
            assert_eq!(Version::of_file(Path::new(other)), None, "{other}");
        }
    }
}
