//! One attempt at a part: its number, its time, and an id that nobody else has. The names of its record and its held bytes.

use std::fmt;

/// An attempt to upload a part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    part: u16,
    /// When its request came, and when all of it was there; in microseconds since 1970, so that attempts one after the other never
    /// have the same time.
    begun: u64,
    ended: u64,
    id: String,
}

impl Attempt {
    /// An attempt that begins at `now`, with a random `id`.
    pub(crate) fn begin(part: u16, now: u64, id: [u8; 16]) -> Self {
        Self { part, begun: now, ended: now, id: format!("{:032x}", u128::from_be_bytes(id)) }
    }

    /// The same attempt when all of it is there.
    pub(crate) fn end(mut self, now: u64) -> Self {
        // A clock that was set back must not make an attempt end before it began.
        self.ended = now.max(self.begun);
        self
    }

    /// The part's number.
    pub(crate) fn part(&self) -> u16 {
        self.part
    }

    /// When it was there, in seconds since 1970.
    pub(crate) fn ended_seconds(&self) -> u64 {
        self.ended / 1_000_000
    }

    /// Names its held bytes, before it has ended.
    pub(crate) fn held_name(&self) -> String {
        format!("{:05}-{}", self.part, self.id)
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut fields = name.split('-');
        let (part, begun, ended) = (fields.next()?, fields.next()?, fields.next()?);
        let id = fields.next().filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let time = |text: &str| u64::from_str_radix(text, 16).ok();
        let attempt = Self { part: part.parse().ok()?, begun: time(begun)?, ended: time(ended)?, id: id.to_owned() };
        // One spelling only: names are compared.
        (attempt.to_string() == name).then_some(attempt)
    }
}

/// Names its record. The order of names is that of part numbers.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05}-{:014x}-{:014x}-{}", self.part, self.begun, self.ended, self.id)
    }
}

/// The attempts that still count, by part and then by their end: for each part the latest and those that it raced with.
///
/// S3 lets the last attempt win, and among attempts at the same time any may be the last: the store decides.
pub(super) fn live(mut attempts: Vec<Attempt>) -> Vec<Attempt> {
    attempts.sort_by(|a, b| (a.part, a.ended, a.begun, &a.id).cmp(&(b.part, b.ended, b.begun, &b.id)));
    let counts = |attempt: &Attempt| {
        let of_part = attempts.partition_point(|other| other.part <= attempt.part);
        let latest = attempts.get(of_part.saturating_sub(1));
        latest.is_none_or(|latest| attempt.ended > latest.begun || attempt == latest)
    };
    let counts: Vec<bool> = attempts.iter().map(counts).collect();
    attempts.into_iter().zip(counts).filter(|(_, counts)| *counts).map(|(attempt, _)| attempt).collect()
}

/// The attempts at the first `parts` parts of a list in order.
pub(super) fn first_parts(mut attempts: Vec<Attempt>, parts: usize) -> Vec<Attempt> {
    let (mut seen, mut last) = (0, None);
    let end = attempts.iter().position(|attempt| {
        if last != Some(attempt.part) {
            (seen, last) = (seen + 1, Some(attempt.part));
        }
        seen > parts
    });
    attempts.truncate(end.unwrap_or(attempts.len()));
    attempts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(part: u16, begun: u64, ended: u64, id: u8) -> Attempt {
        Attempt::begin(part, begun, [id; 16]).end(ended)
    }

    #[test]
    fn a_name_is_read_back_and_has_one_spelling() {
        let attempt = attempt(10_000, 1_795_000_000_000_000, 1_795_000_000_999_999, 7);
        let name = attempt.to_string();
        assert_eq!(Attempt::parse(&name), Some(attempt));
        for wrong in ["", "upload", &name[1..], &name.to_uppercase(), &format!("{name}-"), &format!("0{name}")] {
            assert_eq!(Attempt::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_attempt_counts_and_those_that_raced_with_it() {
        let (first, second, third) = (attempt(1, 10, 20, 1), attempt(1, 30, 90, 2), attempt(1, 40, 50, 3));
        let other = attempt(2, 1, 2, 4);
        let all = vec![second.clone(), other.clone(), third.clone(), first];
        assert_eq!(live(all), [third, second, other]);
        let (before, at_once) = (attempt(1, 10, 20, 9), attempt(1, 20, 20, 1));
        assert_eq!(live(vec![at_once.clone(), before]), [at_once], "one after the other, however fast");
    }

    #[test]
    fn a_page_ends_between_parts() {
        let attempts: Vec<Attempt> = [1, 1, 2, 5, 5].map(|part| attempt(part, 1, 1, 1)).to_vec();
        let numbers = |parts| first_parts(attempts.clone(), parts).iter().map(Attempt::part).collect::<Vec<_>>();
        assert_eq!((numbers(0), numbers(2), numbers(3)), (vec![], vec![1, 1, 2], vec![1, 1, 2, 5, 5]));
    }

    #[test]
    fn a_clock_that_is_set_back_turns_no_attempt_around() {
        assert_eq!(Attempt::begin(1, 5_000_000, [1; 16]).end(4_000_000).ended_seconds(), 5);
    }
}
