//! How far a walk has come when its steps end in any order: the key up to which everything is done.
//!
//! Knows sequence numbers and keys, and nothing of what is done with them.

use std::collections::BTreeMap;

/// Steps that are under way, and those that ended before one that began earlier.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    next: u64,
    /// Every step from the first unfinished one on, by its number: its key, and whether it has ended.
    open: BTreeMap<u64, (String, bool)>,
    /// The key of the last step that ended with all before it. Steps behind it may have the same key.
    reached: Option<String>,
    /// The last key before that one: everything up to it is done.
    after: Option<String>,
}

impl Frontier {
    /// A frontier that everything up to `after` has passed.
    pub(crate) fn new(after: Option<String>) -> Self {
        Self { after, ..Self::default() }
    }

    /// A step begins, behind all that have begun. Its number.
    pub(crate) fn begin(&mut self, key: &str) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, (key.to_owned(), false));
        number
    }

    /// A step has ended.
    pub(crate) fn end(&mut self, number: u64) {
        if let Some((_, ended)) = self.open.get_mut(&number) {
            *ended = true;
        }
        while let Some(first) = self.open.first_entry().filter(|first| first.get().1) {
            let (key, _) = first.remove();
            if self.reached.as_ref() != Some(&key) {
                self.after = self.reached.replace(key).or(self.after.take());
            }
        }
    }

    /// Where to begin when everything has to be begun again: all keys up to this one are done.
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_passed_when_all_before_it_and_its_own_versions_are_done() {
        let mut frontier = Frontier::new(Some("0".into()));
        let steps: Vec<u64> = ["a", "b", "b", "c", "d"].iter().map(|key| frontier.begin(key)).collect();
        frontier.end(steps[1]);
        assert_eq!(frontier.after(), Some("0"));
        frontier.end(steps[0]);
        assert_eq!(frontier.after(), Some("a"), "one b is still under way");
        frontier.end(steps[3]);
        assert_eq!(frontier.after(), Some("a"));
        frontier.end(steps[2]);
        assert_eq!(frontier.after(), Some("b"), "there may be more of c");
        frontier.end(steps[4]);
        assert_eq!(frontier.after(), Some("c"));
    }

    #[test]
    fn what_has_not_ended_is_not_passed() {
        let mut frontier = Frontier::new(None);
        let first = frontier.begin("a");
        for key in ["b", "c"] {
            let step = frontier.begin(key);
            frontier.end(step);
        }
        assert_eq!(frontier.after(), None);
        frontier.end(first);
        assert_eq!(frontier.after(), Some("b"));
    }
}
