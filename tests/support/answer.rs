//! What came back: status, headers, body, and whether all of it came.

use std::fmt;

/// A response, or what there was of one.
#[derive(Clone)]
pub struct Answer {
    /// The status; 0 when the connection ended before one.
    pub status: u16,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// The bytes that came.
    pub body: Vec<u8>,
    /// Whether the body reached its declared end.
    pub complete: bool,
    /// Whether `100 Continue` came first.
    pub continued: bool,
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The header of this name, which must be there.
    #[must_use]
    #[track_caller]
    pub fn must(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// The `ETag` with its quotes.
    #[must_use]
    #[track_caller]
    pub fn etag(&self) -> &str {
        self.must("etag")
    }

    /// Passes the answer on when it is whole and has this status.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status && self.complete, "expected {status}, got {self:?}");
        self
    }

    /// Checks the status only.
    #[track_caller]
    pub fn check(&self, status: u16) {
        assert!(self.status == status && self.complete, "expected {status}, got {self:?}");
    }

    /// Checks that the answer is this error of S3.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        assert!(self.status == status && self.complete, "expected {status} {code}, got {self:?}");
        assert_eq!(self.code(), code, "in {self:?}");
    }

    /// The `Code` of an error answer, or nothing.
    #[must_use]
    pub fn code(&self) -> String {
        self.text("Code").unwrap_or_default()
    }

    /// The text of the first element of this name.
    #[must_use]
    pub fn text(&self, element: &str) -> Option<String> {
        text(&self.xml(), element)
    }

    /// The inner XML of every element of this name.
    #[must_use]
    pub fn all(&self, element: &str) -> Vec<String> {
        all(&self.xml(), element)
    }

    /// The body as text.
    #[must_use]
    pub fn xml(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.body[..self.body.len().min(600)];
        let (len, end) = (self.body.len(), if self.complete { "whole" } else { "BROKEN OFF" });
        write!(f, "{} {:?} {len} bytes, {end}: {}", self.status, self.headers, String::from_utf8_lossy(shown))
    }
}

/// The inner XML of every element of this name in `xml`. Elements do not nest in themselves in S3's answers.
#[must_use]
pub fn all(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}"), format!("</{element}>"));
    let mut rest = xml;
    let mut found = Vec::new();
    while let Some(start) = rest.find(&open) {
        rest = &rest[start + open.len()..];
        let Some(end) = rest.find('>') else { break };
        let head = &rest[..end];
        let another = !head.is_empty() && !head.starts_with([' ', '/']);
        rest = &rest[end + 1..];
        if another {
            continue;
        }
        if head.ends_with('/') {
            found.push(String::new());
        } else if let Some(end) = rest.find(&close) {
            found.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
    found
}

/// The text of the first element of this name in `xml`, unescaped.
#[must_use]
pub fn text(xml: &str, element: &str) -> Option<String> {
    all(xml, element).first().map(|inner| unescape(inner))
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        let end = rest[start..].find(';').map_or(rest.len(), |end| start + end);
        out.push(entity(&rest[start + 1..end]));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out + rest
}

fn entity(name: &str) -> char {
    let number =
        |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
    match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
            (Some(hex), _) => number(hex, 16),
            (None, Some(decimal)) => number(decimal, 10),
            (None, None) => '\u{fffd}',
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_entities_are_read() {
        let xml = "<A x='1'><Key>a&amp;b&#x20;&#38;</Key><KeyCount>2</KeyCount><Key/></A>";
        assert_eq!(all(xml, "Key"), ["a&amp;b&#x20;&#38;", ""]);
        assert_eq!(text(xml, "Key").unwrap(), "a&b &");
        assert_eq!(text(xml, "Missing"), None);
    }
}
