//! How an RSA key of Amazon's formats is written in a file: PEM, as PKCS #8 or PKCS #1, or its public half.
//!
//! PEM is read by rustls-pki-types, which is in every build already for certificates.

use envelope::s3ec::{RsaMasterKey, RsaPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use zeroize::Zeroize;

use crate::Error;

/// Reads the first private key in the text.
pub(crate) fn decode(contents: &[u8]) -> Result<RsaMasterKey, Error> {
    check_unlocked(contents)?;
    // What the parser met is not repeated: it may be part of the key.
    let mut key = PrivateKeyDer::from_pem_slice(contents).map_err(|_| invalid("no private key in PEM form"))?;
    let read = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaMasterKey::from_pkcs8_der(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaMasterKey::from_pkcs1_der(der.secret_pkcs1_der()),
        _ => return Err(invalid("the private key is not one of RSA")),
    };
    key.zeroize();
    read.map_err(|_| invalid("the private key is not one of RSA with 2048 to 8192 bits"))
}

/// Reads the first public key in the text.
pub(crate) fn decode_public(contents: &[u8]) -> Result<RsaPublicKey, Error> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(contents).map_err(|_| invalid("no public key in PEM form"))?;
    RsaPublicKey::from_spki_der(&der).map_err(|_| invalid("the public key is not one of RSA with 2048 to 8192 bits"))
}

const LOCKED: &[u8] = b"ENCRYPTED";

/// A key under a passphrase of its own is not read.
pub(crate) fn check_unlocked(contents: &[u8]) -> Result<(), Error> {
    if contents.windows(LOCKED.len()).any(|window| window == LOCKED) {
        return Err(invalid("the key is locked with a passphrase; `openssl pkey` writes it without"));
    }
    Ok(())
}

pub(crate) fn invalid(problem: &'static str) -> Error {
    Error::InvalidKeyFile { problem }
}
