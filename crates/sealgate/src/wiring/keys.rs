//! The one list of keys, twice: for the keyrings of the sealed format, one a rule, and as the keys of formats that are not
//! ours.

mod kept;
mod services;

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use keyring::{
    AesKey, KeyCheck, KeyId, Keyring, MasterKey, MasterKeys, MasterSecret, PassphraseParameters, PublicKey, WrappingKey,
};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use self::kept::Served;
pub(super) use self::kept::Services;
use crate::firstrun::{self, FirstRun};
use crate::settings::{Half, KeyKind, KeySettings, RuleSettings, SecretReference, Settings};

/// Every key, for who may ask for it.
pub(super) struct Keys {
    /// What wraps and unwraps the data keys of sealed objects.
    sealing: Vec<Arc<dyn WrappingKey>>,
    /// What wraps where a rule names no key of its own.
    primary: Option<String>,
    /// What keeps the keys of uploads under way where a primary key cannot.
    uploads: Option<Arc<dyn WrappingKey>>,
    /// What the formats of other tools are read and written with.
    pub(super) masters: MasterKeys,
    recognised: Vec<Recognised>,
}

/// By what a key can be recognised.
#[derive(Clone)]
pub(super) struct Recognised {
    pub(super) id: String,
    pub(super) kind: &'static str,
    /// Where the key is here.
    pub(super) check: Option<KeyCheck>,
    /// Where a service keeps it.
    pub(super) service: Option<Arc<dyn WrappingKey>>,
    /// Whether anything is written with it.
    pub(super) writes: bool,
}

/// One key, read. Not every kind seals, and not every kind is known to other formats.
struct Loaded {
    sealing: Option<Arc<dyn WrappingKey>>,
    master: Option<MasterSecret>,
}

/// Reads every key there is. Services that are known already go on with what they remember.
pub(super) async fn keys(settings: &Settings, local: &FirstRun, services: &Services) -> anyhow::Result<Keys> {
    let configured = !settings.keys.is_empty();
    let keys = if configured { &settings.keys } else { &local.keys };
    let primary = if configured { settings.primary.as_deref() } else { local.primary() };
    let (mut sealing, mut masters, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        let loaded = recognised(key, services).await.with_context(|| format!("key {}", key.id))?;
        known.extend(loaded.recognised_as(key, settings));
        if let Some(secret) = loaded.master {
            let (materials, context) = (key.materials.clone(), key.context.clone());
            masters.push(MasterKey { id: key_id(key)?, materials, context, secret });
        }
        sealing.extend(loaded.sealing);
    }
    let (primary, masters) = (primary.map(str::to_owned), MasterKeys::new(masters)?);
    let mut keys = Keys { sealing, primary, uploads: None, masters, recognised: known };
    if let Some(primary) = &keys.primary {
        keys.sealing(primary)?;
    }
    if settings.writes_only() {
        keys.uploads = keys.for_uploads(settings)?;
    }
    Ok(keys)
}

impl Keys {
    /// The keyring of a rule: its own primary key or that of all, and those that read there.
    pub(super) fn of_rule(&self, rule: &RuleSettings) -> anyhow::Result<Keyring> {
        let primary = rule.primary.as_ref().or(self.primary.as_ref());
        let reads = |key: &Arc<dyn WrappingKey>| Some(key.id().as_str()) != primary.map(String::as_str);
        let readers: Vec<_> = match &rule.readers {
            None => self.sealing.clone(),
            Some(ids) => ids.iter().map(|id| self.sealing(id)).collect::<anyhow::Result<_>>()?,
        };
        let mut readers: Vec<_> = readers.into_iter().filter(reads).collect();
        readers.sort_by(|a, b| a.id().as_str().cmp(b.id().as_str()));
        readers.dedup_by(|a, b| a.id() == b.id());
        let named = |key: &Arc<dyn WrappingKey>| !reads(key) || readers.iter().any(|reader| reader.id() == key.id());
        let withheld: Vec<_> = self.sealing.iter().filter(|key| !named(key)).map(|key| key.id().clone()).collect();
        let keyring = match primary {
            Some(id) => Keyring::new(self.sealing(id)?, readers)?,
            None => Keyring::reading(readers)?,
        };
        let keyring = keyring.withholding(withheld);
        Ok(match &self.uploads {
            Some(uploads) if !keyring.reads_what_it_writes() => keyring.with_upload_key(Arc::clone(uploads))?,
            _ => keyring,
        })
    }

    /// By what those keys that may write can be recognised.
    pub(super) fn recognised(&self) -> &[Recognised] {
        &self.recognised
    }

    fn sealing(&self, id: &str) -> anyhow::Result<Arc<dyn WrappingKey>> {
        let found = self.sealing.iter().find(|key| key.id().as_str() == id);
        found.cloned().ok_or_else(|| anyhow!("key {id}: {TOO_SHORT}"))
    }

    /// A host that cannot unwrap what it wraps keeps the keys of uploads under way with another key: one that is named,
    /// or one of its own in the data directory.
    fn for_uploads(&self, settings: &Settings) -> anyhow::Result<Option<Arc<dyn WrappingKey>>> {
        let key = match &settings.upload_key {
            Some(id) => Some(self.sealing(id)?),
            None => firstrun::upload_key(&settings.data)?,
        };
        if key.is_none() {
            tracing::warn!(
                "a primary key is a public one, so uploads in parts want a data directory, or keyring.uploads"
            );
        }
        Ok(key)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sealing.iter().map(|key| key.id().as_str())).finish()
    }
}

/// The only way in which a key of a kind that seals does not.
const TOO_SHORT: &str = "it has not the 32 bytes of AES-256: it reads what other tools wrote and seals nothing; name \
                         another key in keyring.primary, or in the rule";

fn key_id(key: &KeySettings) -> anyhow::Result<KeyId> {
    key.id.parse().map_err(|error| anyhow!("the id is not usable: {error}"))
}

/// A key that is the one that the settings mean.
async fn recognised(key: &KeySettings, services: &Services) -> anyhow::Result<Loaded> {
    let loaded = load(key, services).await?;
    match (key.check, loaded.check_value()) {
        (Some(wanted), Some(found)) if wanted != found => bail!(
            "`check` says {wanted}, and the key that is there has {found}: it is another one. Put the right key back; if the change is \
             meant, give the new key an id of its own, or, when nothing was ever written with the old one, set check = \"{found}\""
        ),
        _ => Ok(loaded),
    }
}

impl Loaded {
    /// `None` for keys that only read what other tools wrote.
    fn recognised_as(&self, key: &KeySettings, settings: &Settings) -> Option<Recognised> {
        let (id, kind, check) = (key.id.clone(), key.kind.name(), self.check_value());
        let service = self.sealing.clone().filter(|_| check.is_none());
        let writes = settings.writes_with(&id);
        (check.is_some() || service.is_some()).then_some(Recognised { id, kind, check, service, writes })
    }

    fn check_value(&self) -> Option<KeyCheck> {
        let sealing = self.sealing.as_ref().and_then(|key| key.check_value());
        sealing.or_else(|| self.master.as_ref().and_then(MasterSecret::check_value))
    }
}

/// What can be said of a key, or why nothing can be.
pub(crate) struct KeyFacts {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) check: anyhow::Result<Option<KeyCheck>>,
}

/// Reads every key there is, each for itself; and by what those that can be read are recognised.
pub(super) async fn facts(settings: &Settings, local: &FirstRun) -> (Vec<KeyFacts>, Vec<Recognised>) {
    let (mut facts, mut known) = (Vec::new(), Vec::new());
    for key in if settings.keys.is_empty() { &local.keys } else { &settings.keys } {
        let loaded = recognised(key, &Services::default()).await;
        known.extend(loaded.as_ref().ok().and_then(|loaded| loaded.recognised_as(key, settings)));
        let check = loaded.map(|loaded| loaded.check_value());
        facts.push(KeyFacts { id: key.id.clone(), kind: key.kind.name(), check });
    }
    (facts, known)
}

async fn load(key: &KeySettings, services: &Services) -> anyhow::Result<Loaded> {
    Ok(match &key.kind {
        KeyKind::Aes { secret } => aes(key, secret).await?,
        KeyKind::Passphrase { secret, parameters } => passphrase(key, secret, parameters).await?,
        KeyKind::Rsa(half) => rsa(key, half).await?,
        KeyKind::X25519(half) => {
            let sealing = public(half, |contents| Ok(PublicKey::x25519(key_id(key)?, contents)?)).await?;
            Loaded { sealing: Some(Arc::new(sealing)), master: None }
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
        KeyKind::AwsKms(_) => {
            let Served { sealing, key } = services.served(key).await?;
            Loaded { sealing: Some(sealing), master: Some(MasterSecret::Kms(key)) }
        }
        KeyKind::VaultTransit(_) => Loaded { sealing: Some(services.served(key).await?.sealing), master: None },
    })
}

async fn aes(key: &KeySettings, secret: &SecretReference) -> anyhow::Result<Loaded> {
    let contents = secret.read().await?;
    let master = MasterSecret::aes(&contents).with_context(|| secret.to_string())?;
    let id = key_id(key)?;
    // It is a key, so all that can be wrong with it is its length.
    let sealing = AesKey::from_key_file_contents(id, &contents).ok().map(|key| Arc::new(key) as Arc<dyn WrappingKey>);
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
    Ok(Loaded { sealing: Some(Arc::new(sealing.await??)), master: None })
}

async fn rsa(key: &KeySettings, half: &Half) -> anyhow::Result<Loaded> {
    let sealing = public(half, |contents| Ok(PublicKey::rsa(key_id(key)?, contents)?)).await?;
    let (Half::Private(reference) | Half::Public(reference)) = half;
    let contents = reference.read().await?;
    let master = match half {
        Half::Private(_) => MasterSecret::rsa(&contents),
        Half::Public(_) => MasterSecret::rsa_public(&contents),
    };
    let master = Some(master.with_context(|| reference.to_string())?);
    Ok(Loaded { sealing: Some(Arc::new(sealing)), master })
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
