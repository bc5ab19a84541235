//! The keys of formats that are not ours: which there are, and which one an object asks for.
//!
//! The sealed format names its key; others describe it, or say nothing. What a description says only ever chooses among
//! the keys that were configured. How a data key is unwrapped with one is the format's business.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use envelope::legacy::{self, fileson, openpgp, rclone_crypt};
use envelope::s3ec::{self, AesMasterKey, Context, KeyKind};
use envelope::{KeyCheck, KeyId};
use zeroize::Zeroizing;

use crate::{Error, KmsKey, key_file, rsa_file};

/// A key of another format than ours.
#[derive(Debug)]
pub struct MasterKey {
    /// What the settings call it.
    pub id: KeyId,
    /// The materials description that objects name it by (exactly), and that is written with it.
    pub materials: Context,
    /// Pairs of encryption context that the key's objects carry, beside those of a rule.
    pub context: Context,
    /// What it is.
    pub secret: MasterSecret,
}

/// What a [`MasterKey`] is.
#[derive(Debug)]
#[non_exhaustive]
pub enum MasterSecret {
    /// An AES or RSA key at hand.
    Local(s3ec::MasterKey),
    /// The public half of an RSA key: it wraps and does not unwrap.
    RsaPublic(s3ec::RsaPublicKey),
    /// A key that stays with a key management service.
    Kms(KmsKey),
    /// What PBKDF2 made of a password: fileson's key.
    Pbkdf2(Arc<fileson::Key>),
    /// A secret key or passphrase of OpenPGP.
    OpenPgp(Arc<openpgp::Key>),
    /// What scrypt made of the passwords of an rclone crypt remote.
    RcloneCrypt(Arc<rclone_crypt::Key>),
}

/// The most rounds that are waited for when keys are read: some seconds.
const MAX_ITERATIONS: u32 = 10_000_000;

/// What the formats say of words that are no key. Nothing else can be wrong with them.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn invalid(error: legacy::Error) -> Error {
    match error {
        legacy::Error::InvalidKey { problem } => Error::InvalidSecret { problem },
        _ => Error::InvalidSecret { problem: "no key can be made of it" },
    }
}

/// Several, in the order in which they are tried or preferred.
#[derive(Clone, Default)]
pub struct MasterKeys(Vec<Arc<MasterKey>>);

impl MasterSecret {
    /// Reads an AES key of 16, 24 or 32 bytes from the contents of a key file.
    ///
    /// # Errors
    /// [`Error::InvalidKeyFile`] when they hold no key, or an all-zero one.
    pub fn aes(contents: &[u8]) -> Result<Self, Error> {
        let invalid = |_| Error::InvalidKeyFile { problem: "an AES key has 16, 24 or 32 bytes" };
        let key = AesMasterKey::from_bytes(&key_file::decode(contents)?).map_err(invalid)?;
        Ok(Self::Local(s3ec::MasterKey::Aes(key)))
    }

    /// Reads an RSA private key in PEM, PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// [`Error::InvalidKeyFile`] when there is none, or one locked with a passphrase.
    pub fn rsa(contents: &[u8]) -> Result<Self, Error> {
        Ok(Self::Local(s3ec::MasterKey::Rsa(rsa_file::decode(contents)?)))
    }

    /// Reads an RSA public key in PEM (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// [`Error::InvalidKeyFile`] when there is none.
    pub fn rsa_public(contents: &[u8]) -> Result<Self, Error> {
        Ok(Self::RsaPublic(rsa_file::decode_public(contents)?))
    }

    /// Derives fileson's key, which takes as long as there are `iterations`.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] for an empty password and for rounds outside of 1 to 10,000,000.
    pub fn pbkdf2(password: &str, salt: &str, iterations: u32) -> Result<Self, Error> {
        let rounds = NonZeroU32::new(iterations).filter(|rounds| rounds.get() <= MAX_ITERATIONS);
        let rounds = rounds.ok_or(Error::InvalidSecret { problem: "PBKDF2 has 1 to 10,000,000 iterations" })?;
        fileson::Key::from_password(password, salt, rounds).map(|key| Self::Pbkdf2(Arc::new(key))).map_err(invalid)
    }

    /// Unlocks a secret key of OpenPGP, armored or binary, or takes the passphrase of messages where there is no key.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] when there is neither, when the passphrase does not unlock the key, and when the key
    /// decrypts with no algorithm that is known.
    pub fn openpgp(key: Option<&[u8]>, passphrase: Option<&str>) -> Result<Self, Error> {
        let key = match (key, passphrase) {
            (Some(key), passphrase) => openpgp::Key::from_secret_key(key, passphrase),
            (None, passphrase) => openpgp::Key::from_passphrase(passphrase.unwrap_or_default()),
        };
        key.map(|key| Self::OpenPgp(Arc::new(key))).map_err(invalid)
    }

    /// Derives the key of an rclone crypt remote from its password and, where it has one, the second password that
    /// serves as salt. `obscured` ones are as rclone's settings have them.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] for an empty password, and for text that `rclone obscure` cannot have written.
    pub fn rclone_crypt(password: &str, password2: Option<&str>, obscured: bool) -> Result<Self, Error> {
        let plain = |word: &str| {
            if obscured { rclone_crypt::reveal(word) } else { Ok(Zeroizing::new(word.to_owned())) }
        };
        let password = plain(password).map_err(invalid)?;
        let password2 = password2.map(plain).transpose().map_err(invalid)?;
        let key = rclone_crypt::Key::from_passwords(&password, password2.as_ref().map(|word| word.as_str()));
        key.map(|key| Self::RcloneCrypt(Arc::new(key))).map_err(invalid)
    }

    /// By what an AES key is recognised, which may be too short to be a wrapping key of ours.
    pub fn check_value(&self) -> Option<KeyCheck> {
        match self {
            Self::Local(s3ec::MasterKey::Aes(key)) => Some(key.check_value()),
            _ => None,
        }
    }

    /// Which kind of key of Amazon's formats it is, if any.
    pub fn kind(&self) -> Option<KeyKind> {
        match self {
            Self::Local(s3ec::MasterKey::Aes(_)) => Some(KeyKind::Aes),
            Self::Local(s3ec::MasterKey::Rsa(_)) | Self::RsaPublic(_) => Some(KeyKind::Rsa),
            Self::Kms(_) => Some(KeyKind::Kms),
            Self::Pbkdf2(_) | Self::OpenPgp(_) | Self::RcloneCrypt(_) => None,
        }
    }

    /// Whether it opens what was written with it: half a key does not.
    pub fn unwraps(&self) -> bool {
        !matches!(self, Self::RsaPublic(_))
    }
}

impl MasterKey {
    /// Has the service decrypt `blob` with this key and no other. `context` is sent as it is.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Denied`] and [`Error::Unavailable`], all by this key's id; [`Error::WrongKind`] when
    /// it is no key of a service.
    pub async fn decrypt(&self, blob: &[u8], context: &Context) -> Result<Zeroizing<Vec<u8>>, Error> {
        let plaintext = self.kms()?.decrypt(blob, context).await;
        plaintext.map_err(|error| Error::of_service(&self.id, error))
    }

    /// Has the service encrypt `plaintext` under this key. `context` is sent as it is.
    ///
    /// # Errors
    /// As for [`Self::decrypt`].
    pub async fn encrypt(&self, plaintext: &[u8], context: &Context) -> Result<Vec<u8>, Error> {
        let blob = self.kms()?.encrypt(plaintext, context).await;
        blob.map_err(|error| Error::of_service(&self.id, error))
    }

    fn kms(&self) -> Result<&KmsKey, Error> {
        match &self.secret {
            MasterSecret::Kms(key) => Ok(key),
            _ => Err(Error::WrongKind { key_id: self.id.clone() }),
        }
    }
}

impl MasterKeys {
    /// Keys in order.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] when two have one name.
    pub fn new(keys: Vec<MasterKey>) -> Result<Self, Error> {
        let mut seen = BTreeSet::new();
        match keys.iter().find(|key| !seen.insert(&key.id)) {
            Some(twin) => Err(Error::DuplicateKey { key_id: twin.id.clone() }),
            None => Ok(Self(keys.into_iter().map(Arc::new).collect())),
        }
    }

    /// The keys with these names, in this order: those of one rule.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] when there is none of a name, [`Error::DuplicateKey`] when one is named twice.
    pub fn named(&self, ids: &[KeyId]) -> Result<Self, Error> {
        let mut keys: Vec<Arc<MasterKey>> = Vec::with_capacity(ids.len());
        for id in ids {
            let key = self.0.iter().find(|key| key.id == *id);
            let key = key.ok_or_else(|| Error::UnknownKey { key_id: id.clone() })?;
            if keys.iter().any(|earlier| earlier.id == *id) {
                return Err(Error::DuplicateKey { key_id: id.clone() });
            }
            keys.push(Arc::clone(key));
        }
        Ok(Self(keys))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        self.0.iter().map(Arc::as_ref)
    }

    /// The first key of a kind: the one that reads what describes no key.
    pub fn first(&self, kind: KeyKind) -> Option<&MasterKey> {
        self.preferred(kind, |_| true)
    }

    /// The key of this kind whose description equals `materials`, else the first of the kind. Of several that would do,
    /// one that unwraps.
    ///
    /// Nothing vouches for a description: it chooses among these keys and proves nothing.
    pub fn described(&self, kind: KeyKind, materials: &Context) -> Option<&MasterKey> {
        self.preferred(kind, |key| key.materials == *materials).or_else(|| self.first(kind))
    }

    fn preferred(&self, kind: KeyKind, fits: impl Fn(&MasterKey) -> bool) -> Option<&MasterKey> {
        let fitting = || self.iter().filter(|key| key.secret.kind() == Some(kind) && fits(key));
        fitting().find(|key| key.secret.unwraps()).or_else(|| fitting().next())
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|key| key.id.as_str())).finish()
    }
}
