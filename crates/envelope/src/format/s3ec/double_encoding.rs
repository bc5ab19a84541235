//! What S3 makes of text beyond ASCII in a metadata value, undone.
//!
//! S3 takes the UTF-8 bytes of such a header for ISO 8859-1 and hands the characters back as RFC 2047 encoded words.
//! Knows nothing of what the text means. FORMAT.md, 18.1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// The text that was written, or `None` when the value is no encoding of any.
pub(super) fn decode(value: &str) -> Option<String> {
    let text = if value.starts_with("=?") { words(value)? } else { value.to_owned() };
    if text.chars().any(is_latin) { latin_as_utf8(&text) } else { Some(text) }
}

fn is_latin(char: char) -> bool {
    ('\u{80}'..='\u{ff}').contains(&char)
}

/// Joins the bytes of all encoded words, so that a character may be cut between two of them.
fn words(value: &str) -> Option<String> {
    let (mut rest, mut bytes) = (value.trim_end_matches(BLANKS), Vec::new());
    while !rest.is_empty() {
        let (charset, after) = rest.strip_prefix("=?")?.split_once('?')?;
        let (encoding, after) = after.split_once('?')?;
        let (text, after) = after.split_once("?=")?;
        if !charset.eq_ignore_ascii_case("utf-8") {
            return None;
        }
        match encoding {
            "B" | "b" => bytes.extend(STANDARD.decode(text).ok()?),
            "Q" | "q" => quoted(text.as_bytes(), &mut bytes)?,
            _ => return None,
        }
        rest = after.trim_start_matches(BLANKS);
    }
    String::from_utf8(bytes).ok()
}

fn quoted(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'_' => out.push(b' '),
            b'=' => {
                let (digits, after) = rest.split_first_chunk::<2>()?;
                out.push(hex_byte(*digits)?);
                rest = after;
            }
            b' '..=b'~' => out.push(first),
            _ => return None,
        }
    }
    Some(())
}

fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [high, low] = digits;
    u8::try_from(digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?).ok()
}

/// Reads every run of characters U+0080 to U+00FF as the bytes of the same numbers.
fn latin_as_utf8(text: &str) -> Option<String> {
    let (mut out, mut run) = (String::with_capacity(text.len()), Vec::new());
    for char in text.chars() {
        if is_latin(char) {
            run.push(u8::try_from(u32::from(char)).ok()?);
            continue;
        }
        out.push_str(str::from_utf8(&run).ok()?);
        run.clear();
        out.push(char);
    }
    out.push_str(str::from_utf8(&run).ok()?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays() {
        for text in ["", "{}", "a=?b?=", "\u{6211}"] {
            assert_eq!(decode(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_character_may_be_cut_between_words() {
        for value in ["=?UTF-8?Q?a=C3=83?= =?utf-8?b?wqk=?=", "=?UTF-8?Q?a=c3?=\r\n\t=?UTF-8?B?g8Kp?= "] {
            assert_eq!(decode(value).as_deref(), Some("a\u{e9}"), "{value}");
        }
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        for value in [
            "=?",
            "=?UTF-8?Q?a",
            "=?UTF-8?Q?a?= b",
            "=?UTF-8?Q?=4?=",
            "=?UTF-8?Q?=+1?=",
            "=?UTF-8?Q?=xx?=",
            "=?UTF-8?B?a?=",
            "=?UTF-8?X?a?=",
            "=?ISO-8859-1?Q?a?=",
            "=?UTF-8?Q?=FF?=",
            "\u{c3}",
            "\u{c3}x\u{a9}",
        ] {
            assert_eq!(decode(value), None, "{value}");
        }
    }
}
