//! The one list of keys, twice: as the keyring of the sealed format, and as the keys of formats that are not ours.

mod services;

use anyhow::{Context, anyhow, bail};
use keyring::{
    AesKey, KeyId, Keyring, MasterKey, MasterKeys, MasterSecret, PassphraseParameters, PublicKey, WrapAlgorithm,
    WrappingKey,
};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::firstrun::{self, FirstRun};
use crate::settings::{Half, KeyKind, KeySettings, SecretReference, Settings};

/// Every key, for who may ask for it.
pub(super) struct Keys {
    /// What wraps and unwraps the data keys of sealed objects.
    pub(super) sealing: Keyring,
    /// What the formats of other tools are read and written with.
    pub(super) masters: MasterKeys,
}

/// One key, read. Not every kind seals, and not every kind is known to other formats.
struct Loaded {
    sealing: Option<Box<dyn WrappingKey>>,
    master: Option<MasterSecret>,
}

/// Reads every key there is.
pub(super) async fn keys(settings: &Settings, local: &FirstRun) -> anyhow::Result<Keys> {
    let configured = !settings.keys.is_empty();
    let keys = if configured { &settings.keys } else { &local.keys };
    let named = if configured { settings.primary.as_deref() } else { local.primary() };
    let (mut primary, mut retired, mut masters, mut uploads) = (None, Vec::new(), Vec::new(), None);
    for key in keys {
        let Loaded { sealing, master } = load(key).await.with_context(|| format!("key {}", key.id))?;
        if let Some(secret) = master {
            let (materials, context) = (key.materials.clone(), key.context.clone());
            masters.push(MasterKey { id: key_id(key)?, materials, context, secret });
        }
        let is_primary = named == Some(key.id.as_str());
        match sealing {
            Some(sealing) if is_primary => primary = Some(sealing),
            Some(sealing) if settings.upload_key.as_deref() == Some(key.id.as_str()) => uploads = Some(sealing),
            Some(sealing) => retired.push(sealing),
            None if is_primary => bail!("key {}: {TOO_SHORT}", key.id),
            None => {}
        }
    }
    let primary = primary.context("there is no key that wraps new objects")?;
    let sealing = for_uploads(Keyring::new(primary, retired)?, uploads, settings)?;
    Ok(Keys { sealing, masters: MasterKeys::new(masters)? })
}

/// A host that cannot unwrap what it wraps keeps the keys of uploads under way with another key: one that is named, or
/// one of its own in the data directory.
fn for_uploads(sealing: Keyring, named: Option<Box<dyn WrappingKey>>, settings: &Settings) -> anyhow::Result<Keyring> {
    if sealing.reads_what_it_writes() {
        return Ok(sealing);
    }
    let key = match named {
        Some(key) => Some(key),
        None => firstrun::upload_key(&settings.data)?,
    };
    let Some(key) = key else {
        tracing::warn!(
            "the primary key is a public one, so uploads in parts want a data directory, or keyring.uploads"
        );
        return Ok(sealing);
    };
    Ok(sealing.with_upload_key(key)?)
}

/// The only way in which a key of a kind that seals does not.
const TOO_SHORT: &str = "it has not the 32 bytes of AES-256: it reads what other tools wrote and seals nothing; name \
                         another key in keyring.primary";

fn key_id(key: &KeySettings) -> anyhow::Result<KeyId> {
    key.id.parse().map_err(|error| anyhow!("the id is not usable: {error}"))
}

async fn load(key: &KeySettings) -> anyhow::Result<Loaded> {
    Ok(match &key.kind {
        KeyKind::Aes { secret } => aes(key, secret).await?,
        KeyKind::Passphrase { secret, parameters } => passphrase(key, secret, parameters).await?,
        KeyKind::Rsa(half) => rsa(key, half).await?,
        KeyKind::X25519(half) => {
            let sealing = public(half, |contents| Ok(PublicKey::x25519(key_id(key)?, contents)?)).await?;
            Loaded { sealing: Some(Box::new(sealing)), master: None }
        }
        KeyKind::Pbkdf2 { password, salt, iterations } => {
            let (password, salt, iterations) = (password.read_text().await?, salt.clone(), *iterations);
            derived(move || MasterSecret::pbkdf2(&password, &salt, iterations)).await?
        }
        KeyKind::OpenPgp { key, passphrase } => {
            let key = match key {
                Some(key) => Some(key.read().await?),
                None => None,
            };
            let passphrase = optional_text(passphrase.as_ref()).await?;
            derived(move || MasterSecret::openpgp(key.as_ref().map(|key| key.as_slice()), text(passphrase.as_ref())))
                .await?
        }
        KeyKind::RcloneCrypt { password, password2, obscured } => {
            let (password, password2) = (password.read_text().await?, optional_text(password2.as_ref()).await?);
            let obscured = *obscured;
            derived(move || MasterSecret::rclone_crypt(&password, text(password2.as_ref()), obscured)).await?
        }
        KeyKind::AwsKms(settings) => {
            let service = services::aws_kms(settings).await?;
            let sealing = services::sealing(key, WrapAlgorithm::AwsKms, service.clone(), settings.reuse)?;
            Loaded { sealing: Some(Box::new(sealing)), master: Some(MasterSecret::Kms(service)) }
        }
        KeyKind::VaultTransit(settings) => {
            let service = services::vault_transit(settings)?;
            let sealing = services::sealing(key, WrapAlgorithm::VaultTransit, service, settings.reuse)?;
            Loaded { sealing: Some(Box::new(sealing)), master: None }
        }
    })
}

async fn aes(key: &KeySettings, secret: &SecretReference) -> anyhow::Result<Loaded> {
    let contents = secret.read().await?;
    let master = MasterSecret::aes(&contents).with_context(|| secret.to_string())?;
    let id = key_id(key)?;
    // It is a key, so all that can be wrong with it is its length.
    let sealing = AesKey::from_key_file_contents(id, &contents).ok().map(|key| Box::new(key) as Box<dyn WrappingKey>);
    Ok(Loaded { sealing, master: Some(master) })
}

async fn passphrase(
    key: &KeySettings,
    secret: &SecretReference,
    parameters: &PassphraseParameters,
) -> anyhow::Result<Loaded> {
    let (words, id, parameters) = (secret.read_text().await?, key_id(key)?, parameters.clone());
    // This takes a while, and the threads that serve are not to wait.
    let sealing = spawn_blocking(move || AesKey::from_passphrase(id, &words, &parameters));
    Ok(Loaded { sealing: Some(Box::new(sealing.await??)), master: None })
}

async fn rsa(key: &KeySettings, half: &Half) -> anyhow::Result<Loaded> {
    let sealing = public(half, |contents| Ok(PublicKey::rsa(key_id(key)?, contents)?)).await?;
    let master = match half {
        Half::Private(secret) => Some(MasterSecret::rsa(&secret.read().await?).with_context(|| secret.to_string())?),
        Half::Public(_) => None,
    };
    Ok(Loaded { sealing: Some(Box::new(sealing)), master })
}

/// Reads the half that is said to be there, and no other.
async fn public(half: &Half, read: impl FnOnce(&[u8]) -> anyhow::Result<PublicKey>) -> anyhow::Result<PublicKey> {
    let (Half::Private(reference) | Half::Public(reference)) = half;
    let key = read(&reference.read().await?).with_context(|| reference.to_string())?;
    match half {
        Half::Private(_) if !key.has_private_half() => bail!("{reference}: a public key; `public` names those"),
        Half::Public(_) if key.has_private_half() => {
            bail!("{reference}: a private key; take it away from a host that only writes, or name it with `secret`")
        }
        _ => Ok(key),
    }
}

/// A key that is made of words, which takes its time.
async fn derived(
    make: impl FnOnce() -> Result<MasterSecret, keyring::Error> + Send + 'static,
) -> anyhow::Result<Loaded> {
    Ok(Loaded { sealing: None, master: Some(spawn_blocking(make).await.context("the key was not made")??) })
}

/// One line of text, as people type passwords, if any is named.
async fn optional_text(reference: Option<&SecretReference>) -> anyhow::Result<Option<Zeroizing<String>>> {
    match reference {
        Some(reference) => reference.read_text().await.map(Some),
        None => Ok(None),
    }
}

fn text(words: Option<&Zeroizing<String>>) -> Option<&str> {
    words.map(|words| words.as_str())
}
