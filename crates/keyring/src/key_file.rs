//! How an AES key is written in a file.
//!
//! We write one form and read the three that other tools commonly leave. The file itself is somebody else's to read.
//! Keys of 16 and 24 bytes are read too: the formats of other tools have them, the sealed format wants 32.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Error;

type Key = Zeroizing<Vec<u8>>;

const LABEL: &str = "sealgate-key-1";

/// The contents of a key file, with a line of warning.
pub fn encode_key_file(key: &[u8; 32]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(key));
    let warning = "# A sealgate wrapping key. Whoever has it can read the objects; without it nobody can.";
    Zeroizing::new(format!("{warning}\n{LABEL} {}\n", encoded.as_str()))
}

/// Reads the 32 bytes of an AES-256 key.
pub(crate) fn decode_256(contents: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let key = decode(contents)?;
    let key = key.as_slice().try_into().map_err(|_| invalid("the sealed format wants a key of 32 bytes"))?;
    Ok(Zeroizing::new(key))
}

/// Reads 16, 24 or 32 raw bytes, or one line of text among comments: ours, hex digits, or base64 of as many.
pub(crate) fn decode(contents: &[u8]) -> Result<Key, Error> {
    // Bytes that look like base64 or hex digits of a shorter key are that key; no random key looks so.
    let text = contents.ends_with(b"==") || contents.iter().all(u8::is_ascii_hexdigit);
    let raw = is_key_len(contents.len()) && !text;
    let key = if raw { Zeroizing::new(contents.to_vec()) } else { decode_text(contents)? };
    if key.iter().all(|byte| *byte == 0) {
        return Err(invalid("an all-zero key protects nothing"));
    }
    Ok(key)
}

fn is_key_len(len: usize) -> bool {
    matches!(len, 16 | 24 | 32)
}

fn decode_text(contents: &[u8]) -> Result<Key, Error> {
    let text = std::str::from_utf8(contents).map_err(|_| invalid("neither 16, 24 or 32 bytes nor text"))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().ok_or(invalid("there is no key in it"))?;
    if lines.next().is_some() {
        return Err(invalid("there is more than one line in it"));
    }
    match line.split_once(' ') {
        Some((LABEL, encoded)) => decode_base64(encoded.trim_start()),
        Some(_) => Err(invalid("the line does not begin with sealgate-key-1")),
        None => decode_hex(line).map_or_else(|| decode_base64(line), Ok),
    }
}

fn decode_base64(text: &str) -> Result<Key, Error> {
    let bytes = STANDARD.decode(text).map(Zeroizing::new).map_err(|_| invalid("the key is not base64"))?;
    if is_key_len(bytes.len()) { Ok(bytes) } else { Err(invalid("the key has not 16, 24 or 32 bytes")) }
}

/// `None` when these are not the hex digits of a key. Base64 of a key is never as long as hex digits of one, but for 24
/// bytes, and nobody draws 32 characters of base64 that all are hex digits.
fn decode_hex(text: &str) -> Option<Key> {
    let mut key = Zeroizing::new(vec![0; text.len() / 2]);
    if !text.len().is_multiple_of(2) || !is_key_len(key.len()) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok())?;
            *byte = (*byte << 4) | value;
        }
    }
    Some(key)
}

fn invalid(problem: &'static str) -> Error {
    Error::InvalidKeyFile { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = *b"\xff\x01ABCDEFGHIJKLMNOPQRSTUVWXYZ0123";
    const BASE64: &str = "/wFBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWjAxMjM=";
    const HEX: &str = "FF014142434445464748494a4b4c4d4e4f505152535455565758595a30313233";

    fn read(contents: &str) -> Result<[u8; 32], Error> {
        decode_256(contents.as_bytes()).map(|key| *key)
    }

    #[test]
    fn a_written_file_reads_back() {
        let contents = encode_key_file(&KEY);
        assert!(contents.ends_with(&format!("sealgate-key-1 {BASE64}\n")));
        assert_eq!(read(&contents), Ok(KEY));
    }

    #[test]
    fn every_accepted_form_gives_the_same_key() {
        assert_eq!(decode(&KEY).unwrap().as_slice(), KEY);
        for contents in [
            BASE64,
            HEX,
            &format!("{HEX}\r\n"),
            &format!("\n# why\n  {BASE64} \n"),
            &format!("sealgate-key-1   {BASE64}"),
        ] {
            assert_eq!(read(contents), Ok(KEY), "{contents}");
        }
    }

    #[test]
    fn keys_of_16_and_24_bytes_are_for_other_formats() {
        for len in [16, 24] {
            let key = &KEY[..len];
            let base64 = STANDARD.encode(key);
            let hex = &HEX[..2 * len];
            for contents in [format!("{base64}\n"), format!("{hex}\n"), format!("{LABEL} {base64}")] {
                assert_eq!(decode(contents.as_bytes()).unwrap().as_slice(), key, "{contents}");
                assert!(decode_256(contents.as_bytes()).is_err(), "{contents}");
            }
            assert_eq!(decode(key).unwrap().as_slice(), key);
        }
        for contents in [STANDARD.encode(&KEY[..16]), HEX[..32].to_owned()] {
            assert_eq!(decode(contents.as_bytes()).unwrap().as_slice(), &KEY[..16], "{contents} without a line end");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let twice = format!("{BASE64}\n{BASE64}\n");
        let labelled = format!("other-key-1 {BASE64}");
        let newer = format!("sealgate-key-2 {BASE64}");
        let hexish = "x".repeat(64);
        for contents in [
            "",
            "# nothing\n",
            "AAAA",
            &twice,
            &labelled,
            &newer,
            &HEX[..62],
            &hexish,
            "sealgate-key-1",
            "sealgate-key-1 ",
        ] {
            assert!(matches!(read(contents), Err(Error::InvalidKeyFile { .. })), "{contents}");
        }
        assert!(decode(&[0xff; 31]).is_err());
        assert!(decode(&[0xff; 33]).is_err());
    }

    #[test]
    fn an_all_zero_key_is_refused_in_every_form() {
        assert!(decode(&[0; 32]).is_err());
        for contents in ["0".repeat(64), STANDARD.encode([0; 32]), encode_key_file(&[0; 32]).to_string()] {
            assert!(read(&contents).is_err(), "{contents}");
        }
    }
}
