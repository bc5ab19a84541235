//! The `ETag` of this store: a random number per write that nobody can mistake for an MD5.

use std::fmt;

use s3s::dto::{ETag, ETagCondition};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one write of one object. Equal tags mean the same bytes, because no two writes share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Tag {
    write: Uuid,
    parts: u16,
}

impl Tag {
    /// For what arrived in one piece.
    pub(crate) fn random() -> Self {
        Self::for_parts(1)
    }

    /// For an object put together from parts; their number is the one thing a client may read out of a tag.
    pub(crate) fn for_parts(parts: u16) -> Self {
        Self { write: Uuid::new_v4(), parts }
    }

    pub(crate) fn to_dto(self) -> ETag {
        ETag::Strong(self.to_string())
    }

    /// Whether an `If-Match` names this write. A weak tag never does (RFC 9110, 13.1.1).
    pub(crate) fn satisfies_match(self, condition: &ETagCondition) -> bool {
        match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(ETag::Strong(value)) => self.is_among(value),
            ETagCondition::ETag(ETag::Weak(_)) => false,
        }
    }

    /// Whether an `If-None-Match` names this write; weak tags count (RFC 9110, 13.1.2).
    pub(crate) fn is_named_by(self, condition: &ETagCondition) -> bool {
        match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(tag) => self.is_among(tag.value()),
        }
    }

    /// A list of tags arrives as one value with the inner quotes left in; a tag of ours contains none.
    fn is_among(self, value: &str) -> bool {
        let own = self.to_string();
        value.split('"').any(|part| part == own)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.write.simple(), self.parts)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.to_string()
    }
}

impl TryFrom<String> for Tag {
    type Error = &'static str;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        let (digits, parts) = value.split_once('-').ok_or("an ETag without its suffix")?;
        let write = Uuid::try_parse(digits).map_err(|_| "an ETag that is no number")?;
        let parts = parts.parse().map_err(|_| "an ETag of no number of parts")?;
        Ok(Self { write, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_32_digits_and_a_dash() {
        let tag = Tag::random().to_string();
        assert_eq!(tag.len(), 34);
        assert!(tag.ends_with("-1"));
        assert!(tag[..32].bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        assert_ne!(tag, Tag::random().to_string());
    }

    #[test]
    fn a_tag_survives_being_written_down() {
        for tag in [Tag::random(), Tag::for_parts(10_000)] {
            assert_eq!(Tag::try_from(String::from(tag)), Ok(tag));
        }
        for wrong in ["0123", "0123-1", "-1", "00000000000000000000000000000000-x"] {
            assert!(Tag::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_number_of_parts_is_told() {
        assert!(Tag::for_parts(17).to_string().ends_with("-17"));
    }

    #[test]
    fn a_list_of_tags_names_each_of_them() {
        let tag = Tag::random();
        let list = ETagCondition::parse_http_header(format!("\"other\", \"{tag}\"").as_bytes()).unwrap();
        assert!(tag.satisfies_match(&list));
        assert!(tag.is_named_by(&list));
        assert!(!Tag::random().is_named_by(&list));
    }

    #[test]
    fn a_weak_tag_is_enough_for_caching_but_not_for_writing() {
        let tag = Tag::random();
        let weak = ETagCondition::ETag(ETag::Weak(tag.to_string()));
        assert!(tag.is_named_by(&weak));
        assert!(!tag.satisfies_match(&weak));
    }
}
