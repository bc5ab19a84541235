//! The fields of an envelope as they stand in metadata or in an instruction file, before anybody asks what they mean.
//!
//! Names are folded to lower case, empty values count as absent, and only names of the formats are kept. FORMAT.md,
//! 18.1.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Context, Error, MAX_JSON_LEN, double_encoding, json};

pub(super) const V1_KEY: &str = "x-amz-key";
pub(super) const V2_KEY: &str = "x-amz-key-v2";
pub(super) const IV: &str = "x-amz-iv";
pub(super) const CONTENT_ALGORITHM: &str = "x-amz-cek-alg";
pub(super) const WRAP_ALGORITHM: &str = "x-amz-wrap-alg";
pub(super) const TAG_LEN: &str = "x-amz-tag-len";
pub(super) const DESCRIPTION: &str = "x-amz-matdesc";
pub(super) const V3_KEY: &str = "x-amz-3";
pub(super) const V3_SUITE: &str = "x-amz-c";
pub(super) const V3_COMMITMENT: &str = "x-amz-d";
pub(super) const V3_MESSAGE_ID: &str = "x-amz-i";
pub(super) const V3_WRAP: &str = "x-amz-w";
pub(super) const V3_DESCRIPTION: &str = "x-amz-m";
pub(super) const V3_CONTEXT: &str = "x-amz-t";
pub(super) const PLAIN_LEN: &str = "x-amz-unencrypted-content-length";
const PLAIN_MD5: &str = "x-amz-unencrypted-content-md5";
const INSTRUCTION_MARK: &str = "x-amz-crypto-instr-file";

/// What format V1 and V2 are made of.
pub(super) const V1_V2: [&str; 7] = [V1_KEY, V2_KEY, IV, CONTENT_ALGORITHM, WRAP_ALGORITHM, TAG_LEN, DESCRIPTION];

/// What format V3 is made of.
pub(super) const V3: [&str; 7] = [V3_KEY, V3_SUITE, V3_COMMITMENT, V3_MESSAGE_ID, V3_WRAP, V3_DESCRIPTION, V3_CONTEXT];

/// What accompanies an envelope and decides nothing.
const INFORMATION: [&str; 3] = [PLAIN_LEN, PLAIN_MD5, INSTRUCTION_MARK];

/// The longest wrapped key, in bytes: RSA of 8192 bits, and KMS stays below.
pub(super) const MAX_WRAPPED: usize = 1024;

/// Whether a user metadata name, without its prefix, belongs to the envelope: such a name is neither taken from a
/// client nor shown to one. Case is ignored.
pub fn is_envelope_name(name: &str) -> bool {
    known(name).is_some()
}

/// Whether such a name goes when the data key is wrapped anew. The noted length of the content stays true.
pub fn is_replaced_with_wrap(name: &str) -> bool {
    known(name).is_some_and(|known| known != PLAIN_LEN)
}

/// Asks whether these bytes are an instruction file: one JSON object of envelope fields, a wrapped key among them.
///
/// # Errors
/// [`Error::InstructionFile`] or another malformed field when they are not.
pub fn check_instruction_file(body: &[u8]) -> Result<(), Error> {
    if Fields::of_instruction_file(body)?.has_any(&[V1_KEY, V2_KEY, V3_KEY]) {
        return Ok(());
    }
    Err(Error::InstructionFile { problem: "it holds no wrapped key" })
}

fn known(name: &str) -> Option<&'static str> {
    let names = V1_V2.iter().chain(&V3).chain(&INFORMATION);
    names.copied().find(|known| known.eq_ignore_ascii_case(name))
}

/// The fields of one envelope.
#[derive(Debug, Default)]
pub(super) struct Fields {
    values: BTreeMap<&'static str, String>,
    /// Values came through headers, which S3 encodes when they are not ASCII.
    from_headers: bool,
}

impl Fields {
    /// Takes from user metadata what belongs to the envelope.
    pub(super) fn of_metadata<'a>(metadata: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        for (name, value) in metadata {
            let Some(field) = known(name) else { continue };
            if value.len() > MAX_JSON_LEN {
                return Err(Error::InvalidField { field, problem: "is too long" });
            }
            if values.insert(field, value.to_owned()).is_some() {
                return Err(Error::Repeated { field });
            }
        }
        values.retain(|_, value| !value.is_empty());
        Ok(Self { values, from_headers: true })
    }

    /// Reads the body of an instruction file, in which only names of the formats may stand.
    pub(super) fn of_instruction_file(body: &[u8]) -> Result<Self, Error> {
        let broken = |problem| Error::InstructionFile { problem };
        if body.len() > MAX_JSON_LEN {
            return Err(broken("it is longer than 64 KiB"));
        }
        let mut values = BTreeMap::new();
        for (name, value) in json::values(body).ok_or(broken("it is not one JSON object of distinct strings"))? {
            let known = known(&name).filter(|known| *known == name && *known != INSTRUCTION_MARK);
            let field = known.ok_or(broken("it holds a name that is not of an envelope"))?;
            let text = match value {
                json::Value::Text(text) => text,
                // Old PHP clients.
                json::Value::Number(number) if [TAG_LEN, PLAIN_LEN].contains(&field) => number.to_string(),
                json::Value::Number(_) => return Err(broken("it holds a number where text belongs")),
            };
            values.insert(field, text);
        }
        values.retain(|_, value| !value.is_empty());
        Ok(Self { values, from_headers: false })
    }

    pub(super) fn get(&self, field: &str) -> Option<&str> {
        self.values.get(field).map(String::as_str)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.values.contains_key(field)
    }

    pub(super) fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.has(field))
    }

    /// The value of a field, or the complaint that it is missing.
    pub(super) fn need(&self, field: &'static str) -> Result<&str, Error> {
        self.get(field).ok_or(Error::Incomplete { field })
    }

    /// A wrapped key.
    pub(super) fn wrapped_key(&self, field: &'static str) -> Result<Vec<u8>, Error> {
        let bytes = self.base64(field)?;
        if bytes.is_empty() || bytes.len() > MAX_WRAPPED {
            return Err(Error::InvalidField { field, problem: "is not 1 to 1024 bytes" });
        }
        Ok(bytes)
    }

    /// A field of exactly `N` bytes.
    pub(super) fn exactly<const N: usize>(&self, field: &'static str) -> Result<[u8; N], Error> {
        let problem = "does not have the length its format demands";
        self.base64(field)?.try_into().map_err(|_| Error::InvalidField { field, problem })
    }

    /// A JSON map, empty when the field is absent.
    pub(super) fn context(&self, field: &'static str) -> Result<Context, Error> {
        let Some(value) = self.get(field) else { return Ok(Context::new()) };
        let broken = |problem| Error::InvalidField { field, problem };
        let text = if self.from_headers { double_encoding::decode(value) } else { Some(value.to_owned()) };
        let text = text.ok_or(broken("is not text as S3 encodes it"))?;
        json::texts(&text).ok_or(broken("is not one JSON object of distinct strings"))
    }

    /// The plaintext length as somebody noted it, who may have been anybody.
    pub(super) fn length_hint(&self) -> Option<u64> {
        self.get(PLAIN_LEN)?.parse().ok()
    }

    fn base64(&self, field: &'static str) -> Result<Vec<u8>, Error> {
        let text = self.need(field)?.trim_ascii();
        STANDARD.decode(text).map_err(|_| Error::InvalidField { field, problem: "is not base64" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case_and_others_are_not() {
        for name in ["x-amz-key", "X-Amz-Key-V2", "X-AMZ-3", "x-amz-unencrypted-content-md5"] {
            assert!(is_envelope_name(name), "{name}");
        }
        for name in ["", "x-amz", "x-amz-key-v3", "x-amz-meta-x-amz-key", "user"] {
            assert!(!is_envelope_name(name), "{name}");
        }
    }

    #[test]
    fn empty_values_are_absent_and_repeated_names_refused() {
        let fields = Fields::of_metadata([("X-Amz-M", ""), ("X-Amz-Iv", " AAAA\t"), ("user", "note")]).unwrap();
        assert!(!fields.has(V3_DESCRIPTION) && fields.has(IV) && fields.values.len() == 1);
        assert_eq!(fields.exactly::<3>(IV).unwrap(), [0; 3]);
        let twice = Fields::of_metadata([("x-amz-iv", "AAAA"), ("X-Amz-Iv", "")]);
        assert_eq!(twice.unwrap_err(), Error::Repeated { field: IV });
    }

    #[test]
    fn base64_is_strict_and_bounded() {
        let problem = |value: &str| match Fields::of_metadata([(V3_KEY, value)]).unwrap().wrapped_key(V3_KEY) {
            Err(Error::InvalidField { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
        for value in ["AAA", "AA\nAA", "AA-_", "AAB=", "AAAA=", "=", "\u{e9}AAA"] {
            assert_eq!(problem(value), "is not base64", "{value}");
        }
        assert_eq!(problem(&STANDARD.encode([0; 1025])), "is not 1 to 1024 bytes");
        assert_eq!(problem(" "), "is not 1 to 1024 bytes");
        let most = Fields::of_metadata([(V3_KEY, &*STANDARD.encode([0; 1024]))]).unwrap();
        assert_eq!(most.wrapped_key(V3_KEY).unwrap().len(), 1024);
    }

    #[test]
    fn instruction_files_hold_envelope_names_once_and_nothing_else() {
        let problem = |body: &str| Fields::of_instruction_file(body.as_bytes()).unwrap_err();
        for body in [
            "",
            "[]",
            "{",
            r#"{"x-amz-iv":"a","x-amz-iv":"a"}"#,
            r#"{"other":"a"}"#,
            r#"{"X-Amz-Iv":"a"}"#,
            r#"{"x-amz-crypto-instr-file":"a"}"#,
            r#"{"x-amz-iv":1}"#,
        ] {
            assert!(matches!(problem(body), Error::InstructionFile { .. }), "{body}");
        }
        let read = Fields::of_instruction_file(br#"{"x-amz-tag-len":128,"x-amz-m":""}"#).unwrap();
        assert_eq!((read.get(TAG_LEN), read.has(V3_DESCRIPTION)), (Some("128"), false));
        assert!(check_instruction_file(br#"{"x-amz-3":"AAAA","x-amz-w":"02"}"#).is_ok());
        for body in [&br#"{"x-amz-w":"02"}"#[..], b"{}", b"plaintext"] {
            assert!(matches!(check_instruction_file(body), Err(Error::InstructionFile { .. })));
        }
        let long = format!("{{}}{}", " ".repeat(MAX_JSON_LEN));
        assert!(problem(&long).to_string().contains("64 KiB"));
    }

    #[test]
    fn only_headers_are_decoded_twice() {
        let value = r#"{"a":"Ã©"}"#;
        let said = |fields: Fields| fields.context(DESCRIPTION).unwrap()["a"].clone();
        assert_eq!(said(Fields::of_metadata([(DESCRIPTION, value)]).unwrap()), "é");
        let body = r#"{"x-amz-matdesc":"{\"a\":\"Ã©\"}"}"#;
        assert_eq!(said(Fields::of_instruction_file(body.as_bytes()).unwrap()), "Ã©");
    }
}
