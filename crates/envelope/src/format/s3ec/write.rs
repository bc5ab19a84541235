//! A new object's envelope: a fresh data key, wrapped as the current clients wrap it, and the fields that tell readers.
//!
//! Written are V3 and, for clients that do not know it, V2 with GCM; never anything that is legacy. Keys and nonces
//! come in as values; KMS is asked by the caller. FORMAT.md, 18.6.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::admitted::BOUND_ALGORITHM;
use super::content_keys::ContentKeys;
use super::envelope::{Envelope, Parameters};
use super::fields::{
    CONTENT_ALGORITHM, DESCRIPTION, IV, MAX_WRAPPED, TAG_LEN, V2_KEY, V3_COMMITMENT, V3_CONTEXT, V3_DESCRIPTION,
    V3_KEY, V3_MESSAGE_ID, V3_SUITE, V3_WRAP, WRAP_ALGORITHM,
};
use super::keys::{self, AesKey, AesMasterKey, RsaPublicKey};
use super::{Context, Error, Suite, Wrap, json, wrap};

/// What may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WriteFormat {
    /// Objects that commit to their key.
    #[default]
    V3,
    /// What clients before V3 read: AES-GCM without commitment.
    V2,
}

/// A data key that was drawn for one new object, and not wrapped yet.
pub struct Draft {
    format: WriteFormat,
    key: AesKey,
    nonce: [u8; 28],
}

/// What to ask KMS to encrypt.
#[derive(Debug)]
pub struct KmsEncrypt<'a> {
    draft: &'a Draft,
    context: Context,
}

/// User metadata: names without the `x-amz-meta-` prefix, and values.
pub type Metadata = Vec<(&'static str, String)>;

/// The fields of a new envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What stands in the object's own metadata in any case.
    bound: BTreeMap<&'static str, String>,
    /// What may stand in an instruction file.
    loose: BTreeMap<&'static str, String>,
}

impl WriteFormat {
    pub(super) fn suite(self) -> Suite {
        match self {
            Self::V3 => Suite::CommittingGcm,
            Self::V2 => Suite::Gcm,
        }
    }
}

impl Draft {
    /// A data key and a nonce for one object, both fresh from a random source: V3 takes all of the nonce for the message
    /// id, V2 its first 12 bytes for the initialisation vector.
    ///
    /// # Errors
    /// [`Error::InvalidKey`] when either is zero bytes only, as a source leaves them that does not work.
    pub fn new(format: WriteFormat, data_key: [u8; 32], nonce: [u8; 28]) -> Result<Self, Error> {
        let data_key = Zeroizing::new(data_key);
        if *data_key == [0; 32] || nonce.first_chunk::<12>() == Some(&[0; 12]) {
            return Err(Error::InvalidKey { problem: "an all-zero key or nonce is not random" });
        }
        Ok(Self { format, key: AesKey::new(data_key.as_slice()).ok_or(Error::Internal)?, nonce })
    }

    /// The data key of an object that is there already: what is wrapped and written with it opens the same content.
    pub(super) fn of(envelope: &Envelope, key: AesKey) -> Result<Self, Error> {
        let (format, nonce) = match &envelope.parameters {
            Parameters::Committing(commitment) => {
                keys::committed(&key, commitment)?;
                (WriteFormat::V3, commitment.message_id)
            }
            Parameters::Gcm { iv } => {
                let mut nonce = [0; 28];
                let (used, _) = nonce.split_first_chunk_mut().ok_or(Error::Internal)?;
                *used = *iv;
                (WriteFormat::V2, nonce)
            }
            Parameters::Cbc { .. } => return Err(Error::NoCurrentWrap),
        };
        if key.bytes().len() == 32 { Ok(Self { format, key, nonce }) } else { Err(Error::NoCurrentWrap) }
    }

    /// The keys that seal the object's content.
    ///
    /// # Errors
    /// [`Error::Internal`] when a primitive fails.
    pub fn content_keys(&self) -> Result<ContentKeys, Error> {
        ContentKeys::derive(self.format, &self.key, self.nonce)
    }

    /// Wraps the data key under an AES key, with a fresh `nonce`. The description tells readers which key it was.
    ///
    /// # Errors
    /// [`Error::Description`] when the description is too long to be written.
    pub fn wrap_aes(&self, key: &AesMasterKey, nonce: [u8; 12], description: &Context) -> Result<Written, Error> {
        let wrapped = wrap::gcm_wrapped(key.key(), nonce, &self.key, self.bound_name().as_bytes())?;
        self.written(Wrap::AesGcm, &wrapped, description)
    }

    /// Wraps the data key under an RSA key. The description tells readers which key it was.
    ///
    /// # Errors
    /// [`Error::Description`] when the description is too long to be written.
    pub fn wrap_rsa(&self, key: &RsaPublicKey, description: &Context) -> Result<Written, Error> {
        let wrapped = wrap::oaep_sha1_wrapped(key, &self.key, self.bound_name().as_bytes())?;
        self.written(Wrap::RsaOaepSha1, &wrapped, description)
    }

    /// Says what to ask KMS, with the pairs that readers will be asked for.
    ///
    /// # Errors
    /// [`Error::ExpectedContext`] when they hold the name that is reserved for the content algorithm.
    pub fn kms(&self, pairs: &Context) -> Result<KmsEncrypt<'_>, Error> {
        if pairs.contains_key(BOUND_ALGORITHM) {
            return Err(Error::ExpectedContext { problem: "holds the reserved name aws:x-amz-cek-alg" });
        }
        let mut context = pairs.clone();
        context.insert(BOUND_ALGORITHM.to_owned(), self.bound_name().to_owned());
        Ok(KmsEncrypt { draft: self, context })
    }

    fn bound_name(&self) -> &'static str {
        self.format.suite().bound_name()
    }

    fn written(&self, how: Wrap, wrapped: &[u8], map: &Context) -> Result<Written, Error> {
        let json = json::write(map).ok_or(Error::Description)?;
        let key = STANDARD.encode(wrapped);
        Ok(match self.format {
            WriteFormat::V3 => self.v3(how, key, json, map.is_empty())?,
            WriteFormat::V2 => self.v2(how, key, json)?,
        })
    }

    fn v3(&self, how: Wrap, key: String, json: String, is_empty: bool) -> Result<Written, Error> {
        let commitment = self.content_keys()?.commitment().ok_or(Error::Internal)?;
        let (code, map) = how.v3_code().ok_or(Error::Internal)?;
        let bound = BTreeMap::from([
            (V3_SUITE, self.bound_name().to_owned()),
            (V3_COMMITMENT, STANDARD.encode(commitment)),
            (V3_MESSAGE_ID, STANDARD.encode(self.nonce)),
        ]);
        let mut loose = BTreeMap::from([(V3_KEY, key), (V3_WRAP, code.to_owned())]);
        if !is_empty || map == V3_CONTEXT {
            loose.insert(map, json);
        }
        Ok(Written { bound, loose })
    }

    fn v2(&self, how: Wrap, key: String, json: String) -> Result<Written, Error> {
        let iv = self.nonce.first_chunk::<12>().ok_or(Error::Internal)?;
        let loose = BTreeMap::from([
            (V2_KEY, key),
            (IV, STANDARD.encode(iv)),
            (CONTENT_ALGORITHM, self.bound_name().to_owned()),
            (TAG_LEN, "128".to_owned()),
            (WRAP_ALGORITHM, how.name().to_owned()),
            (DESCRIPTION, json),
        ]);
        Ok(Written { bound: BTreeMap::new(), loose })
    }
}

impl Wrap {
    /// The code in `x-amz-w`, and the field of the map beside it.
    fn v3_code(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::AesGcm => Some(("02", V3_DESCRIPTION)),
            Self::KmsContext => Some(("12", V3_CONTEXT)),
            Self::RsaOaepSha1 => Some(("22", V3_DESCRIPTION)),
            _ => None,
        }
    }
}

impl KmsEncrypt<'_> {
    /// The data key, for KMS and nobody else.
    pub fn plaintext(&self) -> &[u8] {
        self.draft.key.bytes()
    }

    /// The encryption context to send, which is also what is stored.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Takes KMS's `CiphertextBlob`.
    ///
    /// # Errors
    /// [`Error::Description`] when the context is too long to be written; [`Error::Internal`] when the blob is longer
    /// than any that KMS gives.
    pub fn wrapped(self, blob: &[u8]) -> Result<Written, Error> {
        if blob.is_empty() || blob.len() > MAX_WRAPPED {
            return Err(Error::Internal);
        }
        self.draft.written(Wrap::KmsContext, blob, &self.context)
    }
}

impl Written {
    /// The whole envelope as user metadata.
    pub fn into_metadata(self) -> Metadata {
        self.bound.into_iter().chain(self.loose).collect()
    }

    /// What has to be user metadata of the object, and the body of an instruction file with the rest.
    ///
    /// # Errors
    /// [`Error::Description`] when the file would be too long.
    pub fn into_instruction_file(self) -> Result<(Metadata, String), Error> {
        let body = self.loose.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok((self.bound.into_iter().collect(), json::write(&body).ok_or(Error::Description)?))
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({:?})", self.format)
    }
}
