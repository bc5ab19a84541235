//! The keys of older tools, and their stored bytes.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use crypto_secretbox::aead::AeadInPlace as _;
use crypto_secretbox::{KeyInit as _, Nonce, XSalsa20Poly1305};

use super::vector::{Vector, legacy};

/// A key that those rules name.
pub struct ToolKey {
    /// Its id.
    pub id: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// What its secret is.
    pub secret: Option<String>,
    /// Further settings; `SECRET` stands for the reference to the second secret.
    pub more: &'static str,
    /// What that one is.
    pub second: Option<String>,
}

/// The keys of all vectors of older tools.
#[must_use]
pub fn keys() -> Vec<ToolKey> {
    let key = |id, kind, of: &str, field: &str| ToolKey {
        id,
        kind,
        secret: legacy(of).master_key[field].as_str().map(str::to_owned),
        more: "",
        second: None,
    };
    let with = |key: ToolKey, more, of: &str, field: &str| ToolKey {
        more,
        second: legacy(of).master_key[field].as_str().map(str::to_owned),
        ..key
    };
    let fileson = key("fileson", "pbkdf2", "fileson-short", "password");
    let two = key("rclone-two", "rclone-crypt", "rclone-crypt-short", "obscured_password");
    let words = ToolKey { secret: None, ..key("gpg-words", "openpgp", "gpg-symmetric-short", "passphrase") };
    let rsa = key("gpg-rsa", "openpgp", "gpg-rsa-short", "secret_key");
    vec![
        ToolKey { more: "salt = \"salt\"\niterations = 100000\n", ..fileson },
        key("fileson-raw", "aes", "fileson-rawkey", "hex"),
        key("rclone", "rclone-crypt", "rclone-crypt-byte", "password"),
        with(two, "obscured = true\npassword2 = \"SECRET\"\n", "rclone-crypt-short", "obscured_password2"),
        with(words, "passphrase = \"SECRET\"\n", "gpg-symmetric-short", "passphrase"),
        with(rsa, "passphrase = \"SECRET\"\n", "gpg-rsa-short", "passphrase"),
        key("gpg-ecc", "openpgp", "gpg-ecc-short", "secret_key"),
        key("gpg-nist", "openpgp", "gpg-nistp256-short", "secret_key"),
    ]
}

/// Those whose objects one rule reads: the name that suites give to that rule's bucket.
#[must_use]
pub fn family(vector: &Vector) -> &'static str {
    match vector.id.as_str() {
        "fileson-rawkey" => "fileson-raw",
        id if id.starts_with("fileson-") => "fileson",
        id if id.starts_with("rumney-") => "kms-cbc",
        id if id.starts_with("gpg-") => "gpg",
        _ if vector.master_key["password2"].is_string() => "rclone-two",
        _ => "rclone",
    }
}

/// Stored bytes of a vector, encrypted again if they are long.
#[must_use]
pub fn stored(vector: &Vector) -> Vec<u8> {
    if let Some(stored) = vector.short() {
        return stored;
    }
    let (first, plain) = (vector.first(), vector.plain());
    let key = |name: &str| hex::decode(vector.master_key[name].as_str().unwrap()).unwrap();
    let stored = match family(vector) {
        "fileson" => {
            let key = UnboundCipherKey::new(&AES_256, &key("derived_key_hex")).unwrap();
            encrypt(&EncryptingKey::ctr(key).unwrap(), &first[..16], plain)
        }
        "kms-cbc" => {
            let key = UnboundCipherKey::new(&AES_256, &key("data_key_hex")).unwrap();
            encrypt(&EncryptingKey::cbc(key).unwrap(), &first[..16], [plain, b"/0".repeat(16)].concat())
        }
        _ => blocks(&vector.content_key(), &first, &plain),
    };
    assert!(vector.is_stored(&stored), "{}", vector.id);
    stored
}

fn encrypt(key: &EncryptingKey, iv: &[u8], mut content: Vec<u8>) -> Vec<u8> {
    let start = EncryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(iv).unwrap()));
    key.less_safe_encrypt(&mut content, start).unwrap();
    [iv, &content].concat()
}

/// rclone's blocks behind their header.
fn blocks(key: &[u8], header: &[u8], plain: &[u8]) -> Vec<u8> {
    let (cipher, mut stored) = (XSalsa20Poly1305::new_from_slice(key).unwrap(), header.to_vec());
    let mut nonce: [u8; 24] = header[8..].try_into().unwrap();
    for block in plain.chunks(65_536) {
        let mut block = block.to_vec();
        stored.extend(cipher.encrypt_in_place_detached(&Nonce::from(nonce), b"", &mut block).unwrap());
        stored.extend(block);
        nonce[0] = nonce[0].wrapping_add(1);
        assert!(nonce[0] != 0, "no carry in these vectors");
    }
    stored
}
