//! Keys of other tools that start from words or from a file of their own: kept as they are written, wiped when dropped.
//!
//! What a format makes of them is the format's business; nothing is derived here.

use std::fmt;

use zeroize::Zeroizing;

use crate::Error;

/// The most rounds that are waited for when keys are read: some seconds.
const MAX_ITERATIONS: u32 = 10_000_000;

/// Words from which PBKDF2 makes a key.
pub struct Pbkdf2Password {
    password: Zeroizing<Vec<u8>>,
    salt: Vec<u8>,
    iterations: u32,
}

/// What opens `OpenPGP` messages: a secret key, which may be locked with a passphrase, or a passphrase alone.
pub struct OpenPgpSecret {
    key: Option<Zeroizing<Vec<u8>>>,
    passphrase: Option<Zeroizing<Vec<u8>>>,
}

/// The passwords of an rclone crypt remote, as a person types them (`rclone reveal`, not as rclone.conf has them).
pub struct RcloneCryptPasswords {
    password: Zeroizing<Vec<u8>>,
    password2: Option<Zeroizing<Vec<u8>>>,
}

impl Pbkdf2Password {
    /// Joins what a tool was set up with.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] for an empty password and for rounds outside of 1 to 10,000,000.
    pub fn new(password: Zeroizing<Vec<u8>>, salt: Vec<u8>, iterations: u32) -> Result<Self, Error> {
        if password.is_empty() {
            return Err(Error::InvalidSecret { problem: "an empty password protects nothing" });
        }
        if !(1..=MAX_ITERATIONS).contains(&iterations) {
            return Err(Error::InvalidSecret { problem: "PBKDF2 has 1 to 10,000,000 iterations" });
        }
        Ok(Self { password, salt, iterations })
    }

    /// The password's bytes.
    pub fn password(&self) -> &[u8] {
        &self.password
    }

    /// The salt's bytes.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// How many rounds.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }
}

impl OpenPgpSecret {
    /// Takes a secret key (armored or binary), a passphrase, or both.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] when there is neither.
    pub fn new(key: Option<Zeroizing<Vec<u8>>>, passphrase: Option<Zeroizing<Vec<u8>>>) -> Result<Self, Error> {
        let empty = |secret: &Option<Zeroizing<Vec<u8>>>| secret.as_ref().is_none_or(|secret| secret.is_empty());
        if empty(&key) && empty(&passphrase) {
            return Err(Error::InvalidSecret { problem: "OpenPGP needs a secret key or a passphrase" });
        }
        Ok(Self { key, passphrase })
    }

    /// The secret key as it is in its file.
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_ref().map(|key| key.as_slice())
    }

    /// The passphrase: of the secret key, or of messages when there is no key.
    pub fn passphrase(&self) -> Option<&[u8]> {
        self.passphrase.as_ref().map(|passphrase| passphrase.as_slice())
    }
}

impl RcloneCryptPasswords {
    /// Takes the password and, where the remote has one, the second password that serves as salt.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] for an empty password: rclone then uses a key of zero bytes.
    pub fn new(password: Zeroizing<Vec<u8>>, password2: Option<Zeroizing<Vec<u8>>>) -> Result<Self, Error> {
        if password.is_empty() {
            return Err(Error::InvalidSecret { problem: "an empty password protects nothing" });
        }
        Ok(Self { password, password2 })
    }

    /// The password's bytes.
    pub fn password(&self) -> &[u8] {
        &self.password
    }

    /// The second password's bytes; rclone has a fixed salt without one.
    pub fn password2(&self) -> Option<&[u8]> {
        self.password2.as_ref().map(|password| password.as_slice())
    }
}

impl fmt::Debug for Pbkdf2Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pbkdf2Password").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenPgpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenPgpSecret")
    }
}

impl fmt::Debug for RcloneCryptPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RcloneCryptPasswords")
    }
}
