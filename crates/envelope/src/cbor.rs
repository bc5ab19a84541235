//! Deterministic CBOR (RFC 8949 4.2.1): each value has exactly one spelling, and only that one is read.
//!
//! A reader decodes leniently, encodes what it understood, and demands the same bytes back. That refuses unsorted and
//! repeated keys, indefinite lengths and long integers without a rule for each.

use std::collections::BTreeMap;
use std::convert::Infallible;

use minicbor::{Decoder, Encoder};

/// Appends to a byte vector, which cannot fail; the error type is the encoder's.
pub(crate) type Encoded = Result<(), minicbor::encode::Error<Infallible>>;

/// Encodes a map with text keys in deterministic order.
pub(crate) fn text_map<V>(
    out: &mut Encoder<Vec<u8>>,
    map: &BTreeMap<String, V>,
    value: impl Fn(&mut Encoder<Vec<u8>>, &V) -> Encoded,
) -> Encoded {
    let mut entries: Vec<_> = map.iter().collect();
    // Bytewise order of the encoded keys: their heads, and so their lengths, come first.
    entries.sort_by_key(|(name, _)| (name.len(), name.as_str()));
    out.map(u64::try_from(entries.len()).unwrap_or(u64::MAX))?;
    for (name, content) in entries {
        out.str(name)?;
        value(out, content)?;
    }
    Ok(())
}

/// Decodes a map with text keys. Repeated keys collapse here and show when the result is encoded again.
pub(crate) fn read_text_map<'b, V>(
    input: &mut Decoder<'b>,
    value: impl Fn(&mut Decoder<'b>) -> Result<V, minicbor::decode::Error>,
) -> Result<BTreeMap<String, V>, minicbor::decode::Error> {
    let len = input.map()?.ok_or_else(|| minicbor::decode::Error::message("indefinite length"))?;
    let mut map = BTreeMap::new();
    // The announced length is a stranger's word, so nothing is reserved for it; the input's end stops the loop.
    for _ in 0..len {
        map.insert(input.str()?.to_owned(), value(input)?);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_keys_come_first() {
        let map = BTreeMap::from([("aa".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let mut out = Encoder::new(Vec::new());
        text_map(&mut out, &map, |out, value| out.str(value)?.ok()).unwrap();
        assert_eq!(out.into_writer(), b"\xa2\x61b\x612\x62aa\x611");
    }

    #[test]
    fn an_announced_length_without_entries_is_refused() {
        let bytes = [0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(read_text_map(&mut Decoder::new(&bytes), |input| input.str().map(str::to_owned)).is_err());
    }
}
