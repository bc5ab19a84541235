//! AES-GCM over a whole object, in pieces of any size: one machine that decrypts and one that only verifies.
//! The one that encrypts is in `sealer.rs`.
//!
//! The last block and the tag are held back until the tag has been checked. What comes before is not authentic until
//! then, so whoever drives the machine keeps it, or has verified the same bytes before. FORMAT.md, 18.4.

use std::fmt;

use bytes::{BufMut, BytesMut};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::blocks::Blocks;
use super::envelope::TAG;
use super::keys::AesKey;
use super::keystream::Keystream;
use super::{BLOCK, Error};
use crate::Transform;

/// One GCM message.
pub(super) struct Gcm {
    keystream: Keystream,
    hash: GHash,
    aad_len: u64,
    sealed_len: u64,
}

impl Gcm {
    pub(super) fn new(key: &AesKey, iv: [u8; 12], aad: &[u8]) -> Result<Self, Error> {
        let keystream = Keystream::new(key, iv)?;
        let mut hash = GHash::new((&*keystream.hash_key()?).into());
        hash.update_padded(aad);
        Ok(Self { keystream, hash, aad_len: bits(aad)?, sealed_len: 0 })
    }

    /// Opens a short message at once.
    pub(super) fn open(mut self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (body, tag) = sealed.split_last_chunk::<BLOCK>().ok_or(Error::Content)?;
        self.update(body)?;
        let keystream = self.check(tag)?;
        let mut plain = Zeroizing::new(body.to_vec());
        keystream.crypt(0, &mut plain)?;
        Ok(plain)
    }

    /// Seals a short message at once.
    pub(super) fn seal(mut self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = plain.to_vec();
        self.encrypt(0, &mut sealed)?;
        sealed.extend_from_slice(&self.tag()?.0);
        Ok(sealed)
    }

    /// Encrypts in place what begins at block `first`: whole blocks, unless it is the last.
    pub(super) fn encrypt(&mut self, first: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.keystream.crypt(first, bytes)?;
        self.update(bytes)
    }

    /// Hashes ciphertext: whole blocks, unless it is the last.
    fn update(&mut self, sealed: &[u8]) -> Result<(), Error> {
        self.hash.update_padded(sealed);
        self.sealed_len = self.sealed_len.checked_add(bits(sealed)?).ok_or(Error::Internal)?;
        Ok(())
    }

    fn check(self, tag: &[u8; BLOCK]) -> Result<Keystream, Error> {
        let (found, keystream) = self.tag()?;
        if bool::from(found.ct_eq(tag)) { Ok(keystream) } else { Err(Error::Content) }
    }

    /// The tag of all that went through.
    pub(super) fn tag(mut self) -> Result<([u8; BLOCK], Keystream), Error> {
        self.hash.update_padded(&lengths(self.aad_len, self.sealed_len));
        let mut tag: [u8; BLOCK] = self.hash.finalize().into();
        self.keystream.mask(&mut tag)?;
        Ok((tag, self.keystream))
    }
}

/// The last block that is hashed: both lengths in bits.
pub(super) fn lengths(aad: u64, sealed: u64) -> [u8; BLOCK] {
    let mut lengths = [0; BLOCK];
    let (first, second) = lengths.split_at_mut(8);
    first.copy_from_slice(&aad.to_be_bytes());
    second.copy_from_slice(&sealed.to_be_bytes());
    lengths
}

pub(super) fn bits(bytes: &[u8]) -> Result<u64, Error> {
    u64::try_from(bytes.len()).ok().and_then(|len| len.checked_mul(8)).ok_or(Error::Internal)
}

/// The stored bytes of one object on their way: all blocks but the last, then the last and the tag.
struct Stream {
    gcm: Gcm,
    blocks: Blocks,
    missing: u64,
    body_missing: u64,
    done: u64,
    tail: Vec<u8>,
    broken: Option<Error>,
}

impl Stream {
    fn new(gcm: Gcm, plain_len: u64) -> Result<Self, Error> {
        let body = plain_len.saturating_sub(1) / 16;
        Ok(Self {
            gcm,
            blocks: Blocks::default(),
            missing: plain_len.checked_add(TAG).ok_or(Error::Internal)?,
            body_missing: body.checked_mul(16).ok_or(Error::Internal)?,
            done: 0,
            tail: Vec::with_capacity(2 * BLOCK),
            broken: None,
        })
    }

    fn push(&mut self, input: &[u8], out: Option<&mut BytesMut>) -> Result<(), Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        self.take(input, out).inspect_err(|error| self.broken = Some(error.clone()))
    }

    fn take(&mut self, input: &[u8], mut out: Option<&mut BytesMut>) -> Result<(), Error> {
        let came = u64::try_from(input.len()).map_err(|_| Error::TrailingBytes)?;
        self.missing = self.missing.checked_sub(came).ok_or(Error::TrailingBytes)?;
        let body = came.min(self.body_missing);
        self.body_missing = self.body_missing.saturating_sub(body);
        let body = usize::try_from(body).map_err(|_| Error::Internal)?;
        let (body, tail) = input.split_at_checked(body).ok_or(Error::Internal)?;
        let (gcm, done) = (&mut self.gcm, &mut self.done);
        self.blocks.push(body, |run| {
            gcm.update(run)?;
            if let Some(out) = out.as_deref_mut() {
                append(&gcm.keystream, *done, run, out)?;
            }
            *done = done.saturating_add(u64::try_from(run.len() / BLOCK).map_err(|_| Error::Internal)?);
            Ok(())
        })?;
        self.tail.extend_from_slice(tail);
        Ok(())
    }

    /// Checks the tag and appends the last block.
    fn finish(mut self, out: Option<&mut BytesMut>) -> Result<(), Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.missing != 0 {
            return Err(Error::Truncated { missing: self.missing });
        }
        let (last, tag) = self.tail.split_last_chunk::<BLOCK>().ok_or(Error::Internal)?;
        self.gcm.update(last)?;
        let keystream = self.gcm.check(tag)?;
        out.map_or(Ok(()), |out| append(&keystream, self.done, last, out))
    }
}

fn append(keystream: &Keystream, first: u64, sealed: &[u8], out: &mut BytesMut) -> Result<(), Error> {
    let start = out.len();
    out.put_slice(sealed);
    keystream.crypt(first, out.get_mut(start..).ok_or(Error::Internal)?)
}

/// Decrypts a whole object. Nothing of it is authentic before [`finish`](Transform::finish) has succeeded.
pub struct GcmOpener(Stream);

/// Verifies a whole object without decrypting it, so that a second reading of the same bytes may be released.
pub struct GcmVerifier(Stream);

impl GcmOpener {
    pub(super) fn new(key: &AesKey, iv: [u8; 12], aad: &[u8], plain_len: u64) -> Result<Self, Error> {
        Stream::new(Gcm::new(key, iv, aad)?, plain_len).map(Self)
    }
}

impl GcmVerifier {
    pub(super) fn new(key: &AesKey, iv: [u8; 12], aad: &[u8], plain_len: u64) -> Result<Self, Error> {
        Stream::new(Gcm::new(key, iv, aad)?, plain_len).map(Self)
    }
}

impl Transform for GcmOpener {
    type Summary = ();

    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), crate::Error> {
        Ok(self.0.push(input, Some(out))?)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), crate::Error> {
        Ok(self.0.finish(Some(out))?)
    }
}

impl Transform for GcmVerifier {
    type Summary = ();

    fn push(&mut self, input: &[u8], _: &mut BytesMut) -> Result<(), crate::Error> {
        Ok(self.0.push(input, None)?)
    }

    fn finish(self, _: &mut BytesMut) -> Result<(), crate::Error> {
        Ok(self.0.finish(None)?)
    }
}

impl fmt::Debug for GcmOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcmOpener").field("missing", &self.0.missing).finish_non_exhaustive()
    }
}

impl fmt::Debug for GcmVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcmVerifier").field("missing", &self.0.missing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const GCM: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/s3ec/kat-aes-gcm.json"));
    fn rows(file: &str) -> Vec<Value> {
        let file: Value = serde_json::from_str(file).unwrap();
        file["rows"].as_array().unwrap().clone()
    }

    fn bytes(row: &Value, field: &str) -> Vec<u8> {
        hex::decode(row[field].as_str().unwrap()).unwrap()
    }

    #[test]
    fn the_published_answers_of_gcm_hold() {
        let rows = rows(GCM);
        assert_eq!(rows.len(), 6);
        for row in &rows {
            let key = AesKey::new(&bytes(row, "key")).unwrap();
            let gcm = || Gcm::new(&key, bytes(row, "iv").try_into().unwrap(), &bytes(row, "aad")).unwrap();
            let mut sealed = [bytes(row, "ct"), bytes(row, "tag")].concat();
            assert_eq!(*gcm().open(&sealed).unwrap(), bytes(row, "pt"));
            *sealed.last_mut().unwrap() ^= 1;
            assert_eq!(gcm().open(&sealed).unwrap_err(), Error::Content);
            assert_eq!(gcm().open(&sealed[..15]).unwrap_err(), Error::Content);
        }
    }
}
