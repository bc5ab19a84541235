//! What an upload under way needs of its keys: proof that an upload id is ours, and sealed notes on its parts.
//!
//! Knows neither what an id names nor what a record says.

use aws_lc_rs::hmac;
use bytes::BytesMut;

use crate::cipher::{Gcm, NONCE};
use crate::{Error, ObjectKeys};

const ID: &[u8] = b"sealgate/1 upload id";
const STATE: &[u8] = b"sealgate/1 upload state";

impl ObjectKeys {
    /// The MAC that makes an upload id unforgeable. `context` says what the id stands for.
    pub fn upload_mac(&self, context: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.mac_key(), context).as_ref());
        mac
    }

    /// Checks an upload id in constant time.
    ///
    /// # Errors
    /// [`Error::UploadId`] when it was not made for this upload.
    pub fn verify_upload_mac(&self, context: &[u8], mac: &[u8]) -> Result<(), Error> {
        hmac::verify(&self.mac_key(), context, mac).map_err(|_| Error::UploadId)
    }

    /// Seals a note on the upload: nonce, ciphertext and tag. `nonce` must be random, and `aad` says where it belongs.
    ///
    /// # Errors
    /// [`Error::Internal`] when a primitive fails.
    pub fn seal_record(&self, nonce: [u8; NONCE], aad: &[u8], record: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = BytesMut::from(nonce.as_slice());
        self.record_key().encrypt(nonce, aad, record, &mut sealed).map_err(|_| Error::Internal)?;
        Ok(sealed.into())
    }

    /// Opens a note on the upload.
    ///
    /// # Errors
    /// [`Error::Record`] when it was not sealed for this upload and this place.
    pub fn open_record(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Record)?;
        let mut record = BytesMut::with_capacity(body.len());
        self.record_key().decrypt(*nonce, aad, body, &mut record).map_err(|_| Error::Record)?;
        Ok(record.into())
    }

    fn mac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derived(ID).as_slice())
    }

    fn record_key(&self) -> Gcm {
        Gcm::new(&self.derived(STATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataKey;

    fn keys(byte: u8) -> ObjectKeys {
        ObjectKeys::derive(&DataKey::from_bytes([byte; 32]))
    }

    #[test]
    fn an_upload_id_is_of_one_upload_and_one_context() {
        let mac = keys(1).upload_mac(b"photos/a");
        assert_eq!(keys(1).verify_upload_mac(b"photos/a", &mac), Ok(()));
        assert_eq!(keys(1).verify_upload_mac(b"photos/b", &mac), Err(Error::UploadId));
        assert_eq!(keys(2).verify_upload_mac(b"photos/a", &mac), Err(Error::UploadId));
        assert_eq!(keys(1).verify_upload_mac(b"photos/a", &mac[..31]), Err(Error::UploadId));
    }

    #[test]
    fn a_record_opens_where_it_belongs() {
        let sealed = keys(1).seal_record([7; NONCE], b"part 1", b"record").unwrap();
        assert_eq!(keys(1).open_record(b"part 1", &sealed), Ok(b"record".to_vec()));
        assert_eq!(keys(1).open_record(b"part 2", &sealed), Err(Error::Record));
        assert_eq!(keys(2).open_record(b"part 1", &sealed), Err(Error::Record));
        assert_eq!(keys(1).open_record(b"part 1", &sealed[..20]), Err(Error::Record));
        assert_eq!(keys(1).open_record(b"part 1", b""), Err(Error::Record));
    }
}
