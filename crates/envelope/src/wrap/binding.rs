//! What a wrap authenticates besides the key: where the object lives.
//!
//! A data key that is bound to a name does not unwrap under another one, so the storage side cannot swap objects.

use crate::Error;

/// Which parts of an object's name its wrapped key is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindingMode {
    /// Bucket identity and object key.
    Object,
    /// Object key only: the object may move between buckets.
    Key,
    /// Nothing: the object may be stored anywhere.
    None,
}

/// The name a data key is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    mode: BindingMode,
    bucket: String,
    key: String,
    bucket_len: u16,
    key_len: u16,
}

impl BindingMode {
    /// The letter in the envelope.
    pub fn letter(self) -> char {
        match self {
            Self::Object => 'o',
            Self::Key => 'k',
            Self::None => 'n',
        }
    }

    /// The mode of a letter in an envelope.
    pub(crate) fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "o" => Some(Self::Object),
            "k" => Some(Self::Key),
            "n" => Some(Self::None),
            _ => None,
        }
    }
}

impl Binding {
    /// Binds to the bucket identity and object key as far as `mode` says.
    ///
    /// # Errors
    /// [`Error::NameTooLong`] when a name that is bound has more than 65,535 bytes.
    pub fn new(mode: BindingMode, bucket: &str, key: &str) -> Result<Self, Error> {
        let (bucket, key) = match mode {
            BindingMode::Object => (bucket, key),
            BindingMode::Key => ("", key),
            BindingMode::None => ("", ""),
        };
        let len = |name: &str| u16::try_from(name.len()).map_err(|_| Error::NameTooLong);
        Ok(Self { mode, bucket: bucket.to_owned(), key: key.to_owned(), bucket_len: len(bucket)?, key_len: len(key)? })
    }

    /// How much of the name is bound.
    pub fn mode(&self) -> BindingMode {
        self.mode
    }

    /// The bucket identity, empty where it is not bound.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The letter of the mode, and the context behind it: what wraps are bound to.
    pub(crate) fn bound(&self) -> Result<Vec<u8>, Error> {
        let letter = u8::try_from(self.mode.letter()).map_err(|_| Error::Internal)?;
        let mut bound = vec![letter];
        bound.append(&mut self.context());
        Ok(bound)
    }

    /// `u16be(len b) || b || u16be(len k) || k`, the bytes every wrap authenticates.
    pub fn context(&self) -> Vec<u8> {
        let mut context = Vec::new();
        for (len, name) in [(self.bucket_len, &self.bucket), (self.key_len, &self.key)] {
            context.extend_from_slice(&len.to_be_bytes());
            context.extend_from_slice(name.as_bytes());
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(mode: BindingMode) -> Vec<u8> {
        Binding::new(mode, "bu", "k/y").unwrap().context()
    }

    #[test]
    fn the_context_holds_what_the_mode_says() {
        assert_eq!(context(BindingMode::Object), b"\0\x02bu\0\x03k/y");
        assert_eq!(context(BindingMode::Key), b"\0\0\0\x03k/y");
        assert_eq!(context(BindingMode::None), b"\0\0\0\0");
    }

    #[test]
    fn a_name_too_long_is_refused_only_where_it_is_bound() {
        let long = "k".repeat(65_536);
        assert_eq!(Binding::new(BindingMode::Key, "b", &long), Err(Error::NameTooLong));
        assert!(Binding::new(BindingMode::None, "b", &long).is_ok());
    }
}
