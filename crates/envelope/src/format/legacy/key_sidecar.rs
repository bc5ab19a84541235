//! The key object beside each object, as the README of s3-encryption proposes: a key that KMS wrapped, whose plaintext
//! wraps the data key of the object.
//!
//! Only the wrapped key is read here. What KMS answers is an [`AesMasterKey`](super::super::s3ec::AesMasterKey) for the
//! object, whose envelope is admitted as one of [`Tool::KeySidecar`](super::super::s3ec::Tool::KeySidecar). FORMAT.md,
//! 19.4.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Error;

/// What the name of the key object adds to that of its object, unless the user chose otherwise.
pub const DEFAULT_SUFFIX: &str = ".key";

/// The longest key object that is read, in bytes: the longest blob of KMS in base64, with room for line breaks.
pub const MAX_LEN: usize = 16_384;

/// The longest blob KMS takes.
const MAX_BLOB: usize = 6_144;

/// The blob to ask KMS about.
///
/// The README leaves the encoding to its reader. A body of base64 with any white space is taken for that: KMS's own blobs
/// begin with bytes that are no text, so none is taken for the other, and KMS is asked once.
///
/// # Errors
/// [`Error::KeyObject`] when the body is empty or longer than a key can be.
pub fn blob(body: &[u8]) -> Result<Vec<u8>, Error> {
    if body.len() > MAX_LEN {
        return Err(Error::KeyObject { problem: "it is longer than a wrapped key can be" });
    }
    let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let blob = STANDARD.decode(text).unwrap_or_else(|_| body.to_vec());
    match blob.len() {
        0 => Err(Error::KeyObject { problem: "it is empty" }),
        1..=MAX_BLOB => Ok(blob),
        _ => Err(Error::KeyObject { problem: "it is longer than a wrapped key can be" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_read_raw_and_in_base64() {
        let raw: Vec<u8> = (0..=255).cycle().skip(1).take(184).collect();
        let text = STANDARD.encode(&raw);
        let lines = text.as_bytes().chunks(64).collect::<Vec<_>>().join(&b"\r\n"[..]);
        for body in [raw.clone(), text.clone().into_bytes(), format!(" {text}\n").into_bytes(), lines] {
            assert_eq!(blob(&body).unwrap(), raw);
        }
    }

    #[test]
    fn what_cannot_be_a_wrapped_key_is_refused() {
        for body in [vec![], b" \n".to_vec(), vec![1; MAX_BLOB + 1], vec![b'A'; MAX_LEN], vec![b'A'; MAX_LEN + 1]] {
            assert!(matches!(blob(&body), Err(Error::KeyObject { .. })), "{}", body.len());
        }
        assert_eq!(blob(&[1; MAX_BLOB]).unwrap().len(), MAX_BLOB);
    }
}
