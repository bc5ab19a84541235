//! Which parts are held back, sealed, until the upload is completed, in place of being sent to the store at once.
//!
//! Held is what can be the last part only, because the footer goes behind it. For a store that demands parts of equal size that is
//! any part shorter than another, and whether a part is one must be known when its request begins: by what other requests announced.
//! In doubt a part is held, for at completion a held part can still be sent in full, but a sent one can never be taken back.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;

use super::{PART_LIMIT, PART_MIN};
use crate::uploads::UploadName;

/// Uploads whose announcements are remembered. One that is forgotten holds back one part more than it needs to.
const CAPACITY: usize = 4_096;

/// What was announced of the uploads that are under way here.
pub(crate) struct Announcements(Cache<UploadName, Arc<Mutex<Announced>>>);

/// What was announced of one upload.
#[derive(Default)]
struct Announced {
    /// The greatest length of a part, and up to two parts that have it.
    longest: u64,
    parts: (u16, u16),
    /// The highest number of a part.
    highest: u16,
}

impl Announcements {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// Whether a part that begins now is to be held back.
    pub(super) fn hold(&self, name: &UploadName, number: u16, plain_len: u64, equal_parts: bool) -> bool {
        // Behind part 10,000 there is no number left for the footer.
        let last_only = plain_len < PART_MIN || number == PART_LIMIT;
        if !equal_parts {
            return last_only;
        }
        let fresh = || Ok::<_, Infallible>(Arc::default());
        let Ok(announced) = self.0.get_or_insert_with(name, fresh);
        let mut announced = announced.lock().unwrap_or_else(PoisonError::into_inner);
        announced.note(number, plain_len) || last_only
    }
}

impl Announced {
    /// Takes note of a part, and tells whether by what others announced it may be the last one and unlike them.
    fn note(&mut self, number: u16, plain_len: u64) -> bool {
        let others = [self.parts.0, self.parts.1].iter().any(|part| *part != 0 && *part != number);
        let (longest, highest) = (self.longest, self.highest);
        self.highest = highest.max(number);
        if plain_len > longest {
            (self.longest, self.parts) = (plain_len, (number, 0));
        } else if plain_len == longest && self.parts.1 == 0 && self.parts.0 != number {
            self.parts.1 = number;
        }
        if others && plain_len <= longest {
            return plain_len < longest;
        }
        // Nobody is as long: one of many, or the last one come first.
        number != 1 && number >= highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectRef;

    const MIB: u64 = 1024 * 1024;

    /// Which of these parts are held, of lengths in MiB.
    fn held(parts: &[(u16, u64)], equal_parts: bool) -> Vec<u16> {
        let announcements = Announcements::new();
        let name = UploadName::new(&ObjectRef { bucket: "b".into(), key: "k".into(), version: None }, "id");
        let held = |(number, mib): &&(u16, u64)| announcements.hold(&name, *number, mib * MIB, equal_parts);
        parts.iter().filter(held).map(|(number, _)| *number).collect()
    }

    #[test]
    fn a_part_below_five_mib_is_held_and_so_is_the_last_number() {
        let parts = [(1, 5), (2, 4), (3, 0), (4, 6), (10_000, 8)];
        assert_eq!(held(&parts, false), [2, 3, 10_000]);
    }

    #[test]
    fn parts_of_one_size_are_sent_and_a_shorter_one_is_held() {
        assert_eq!(held(&[(1, 8), (2, 8), (3, 8), (4, 6)], true), [4]);
        assert_eq!(held(&[(1, 8), (4, 6), (2, 8), (3, 8)], true), [4], "it overtakes");
        assert_eq!(held(&[(1, 8), (2, 8), (3, 8)], true), [0_u16; 0]);
        assert_eq!(held(&[(1, 8)], true), [0_u16; 0]);
    }

    #[test]
    fn in_doubt_a_part_is_held() {
        assert_eq!(held(&[(4, 6), (1, 8), (2, 8), (3, 8)], true), [4], "the last one comes first");
        assert_eq!(held(&[(3, 8), (2, 8), (1, 8)], true), [3], "it could have been short");
        assert_eq!(held(&[(1, 6), (2, 8)], true), [2], "the last one is longer");
    }

    #[test]
    fn an_attempt_at_the_same_part_says_nothing_about_others() {
        assert_eq!(held(&[(2, 8), (2, 8), (1, 8), (2, 8), (2, 6)], true), [2, 2, 2]);
        assert_eq!(held(&[(1, 8), (1, 8), (1, 6), (1, 6)], true), [0_u16; 0]);
    }
}
