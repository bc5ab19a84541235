//! The client's own user metadata, sealed into one header value.
//!
//! Limits of S3 on metadata are the caller's to check; here any map of texts is sealed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::BytesMut;
use minicbor::{Decoder, Encoder};

use crate::cipher::{Gcm, NONCE};
use crate::{Error, cbor};

const AAD: &[u8] = b"sealgate/1 metadata";

pub(crate) fn seal(key: &Gcm, nonce: [u8; NONCE], metadata: &BTreeMap<String, String>) -> Result<String, Error> {
    let plain = encode(metadata)?;
    let mut sealed = BytesMut::from(nonce.as_slice());
    key.encrypt(nonce, AAD, &plain, &mut sealed).map_err(|_| Error::Internal)?;
    Ok(URL_SAFE_NO_PAD.encode(&sealed))
}

pub(crate) fn open(key: &Gcm, value: &str) -> Result<BTreeMap<String, String>, Error> {
    let sealed = URL_SAFE_NO_PAD.decode(value).map_err(|_| Error::Metadata)?;
    let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Metadata)?;
    let mut plain = BytesMut::new();
    key.decrypt(*nonce, AAD, body, &mut plain).map_err(|_| Error::Metadata)?;
    decode(&plain)
}

fn encode(metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, Error> {
    let mut out = Encoder::new(Vec::new());
    cbor::text_map(&mut out, metadata, |out, value| out.str(value)?.ok()).map_err(|_| Error::Internal)?;
    Ok(out.into_writer())
}

fn decode(plain: &[u8]) -> Result<BTreeMap<String, String>, Error> {
    let metadata = cbor::read_text_map(&mut Decoder::new(plain), |input| input.str().map(str::to_owned))
        .map_err(|_| Error::MalformedMetadata)?;
    // The one spelling, and nothing behind it.
    if encode(&metadata)? != plain {
        return Err(Error::MalformedMetadata);
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_plain(plain: &[u8]) -> Result<BTreeMap<String, String>, Error> {
        let key = Gcm::new(&[1; 32]);
        let mut sealed = BytesMut::from([9; NONCE].as_slice());
        key.encrypt([9; NONCE], AAD, plain, &mut sealed).unwrap();
        open(&key, &URL_SAFE_NO_PAD.encode(&sealed))
    }

    #[test]
    fn sealed_metadata_opens() {
        let map = BTreeMap::from([("name".to_owned(), "välue".to_owned()), ("a".to_owned(), String::new())]);
        let key = Gcm::new(&[1; 32]);
        assert_eq!(open(&key, &seal(&key, [2; NONCE], &map).unwrap()), Ok(map));
    }

    #[test]
    fn only_the_deterministic_spelling_is_read() {
        assert!(open_plain(b"\xa2\x61a\x611\x61b\x612").is_ok());
        let bad: [&[u8]; 7] = [
            b"\xa2\x61b\x612\x61a\x611", // unsorted
            b"\xa2\x61a\x611\x61a\x611", // repeated
            b"\xbf\x61a\x611\xff",       // indefinite map
            b"\xa1\x78\x01a\x611",       // long length
            b"\xa1\x61a\x611\x00",       // something behind
            b"\xa1\x61a\x41\x31",        // bytes for text
            b"",
        ];
        for plain in bad {
            assert_eq!(open_plain(plain), Err(Error::MalformedMetadata), "{plain:x?}");
        }
    }

    #[test]
    fn metadata_of_another_object_is_refused() {
        let value = seal(&Gcm::new(&[1; 32]), [2; NONCE], &BTreeMap::new()).unwrap();
        assert_eq!(open(&Gcm::new(&[2; 32]), &value), Err(Error::Metadata));
        for value in ["", "AAAA", "not base64!", &(value + "=")] {
            assert_eq!(open(&Gcm::new(&[1; 32]), value), Err(Error::Metadata), "{value}");
        }
    }
}
