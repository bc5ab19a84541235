//! A key of a service as a wrapping key of the sealed format.
//!
//! The service wraps intermediate keys and those wrap data keys, so that not every object costs a question. The binding
//! to the object's name is in the second wrap, the bucket also in the first. FORMAT.md, section 3.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use envelope::s3ec::Context;
use envelope::wrap::{RESERVED_CONTEXT, ServiceWrap, wrap_under_service};
use envelope::{Binding, DataKey, EncryptedDataKey, KeyId, WrapAlgorithm, WrappingSecret};
use keyring::{Canary, Error, KeyCheck, KmsKey, WrappingKey};
use zeroize::Zeroizing;

use crate::Reuse;
use crate::reuse::{Intermediate, Serving};

/// Fills bytes from a cryptographically secure source, or says why it cannot.
pub type Draw = Arc<dyn Fn(&mut [u8]) -> Result<(), String> + Send + Sync>;

/// A wrapping key that stays with its service.
pub struct ServiceKey {
    id: KeyId,
    algorithm: WrapAlgorithm,
    key: KmsKey,
    context: Context,
    draw: Draw,
    serving: Serving,
}

impl ServiceKey {
    /// Names a key of a service. `context` is sent beside the pairs of the format.
    ///
    /// # Errors
    /// [`Error::InvalidSecret`] when a name in `context` begins with `sealgate:`.
    pub fn new(
        id: KeyId,
        algorithm: WrapAlgorithm,
        key: KmsKey,
        context: Context,
        draw: Draw,
        reuse: Reuse,
    ) -> Result<Self, Error> {
        if context.keys().any(|name| name.starts_with(RESERVED_CONTEXT)) {
            return Err(Error::InvalidSecret { problem: "names in `context` must not begin with sealgate:" });
        }
        Ok(Self { id, algorithm, key, context, draw, serving: Serving::new(reuse) })
    }

    /// What is sent with something that opens no object.
    fn check_context(&self, word: &str) -> Context {
        let mut context = self.context.clone();
        context.insert(format!("{RESERVED_CONTEXT}check"), word.to_owned());
        context
    }

    fn context_for(&self, binding: &Binding) -> Context {
        let mut context = binding.service_context();
        context.extend(self.context.clone());
        context
    }

    /// The intermediate key for new objects.
    async fn current(&self, context: &Context) -> Result<Arc<Intermediate>, Error> {
        let slot = self.serving.slot(context);
        let mut current = slot.lock().await;
        if let Some((key, uses)) = current.as_mut()
            && self.serving.may_serve(key, *uses)
        {
            *uses += 1;
            return Ok(Arc::clone(key));
        }
        let fresh = Arc::new(self.fresh(context).await?);
        self.serving.keep(context, &fresh);
        *current = Some((Arc::clone(&fresh), 1));
        Ok(fresh)
    }

    async fn fresh(&self, context: &Context) -> Result<Intermediate, Error> {
        let mut secret = Zeroizing::new([0; 32]);
        let no_randomness = |why| Error::Unavailable { key_id: self.id.clone(), why };
        (self.draw)(secret.as_mut_slice()).map_err(no_randomness)?;
        let blob = self.key.encrypt(secret.as_slice(), context).await.map_err(|error| self.said(error))?;
        Ok(Intermediate::new(WrappingSecret::from_bytes(*secret), blob))
    }

    async fn open(&self, context: &Context, blob: &[u8]) -> Result<Arc<Intermediate>, Error> {
        let secret = self.key.decrypt(blob, context).await.map_err(|error| self.said(error))?;
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map(Zeroizing::new).map_err(|_| self.refused())?;
        Ok(Arc::new(Intermediate::new(WrappingSecret::from_bytes(*secret), blob.to_vec())))
    }

    fn said(&self, error: keyring::KmsError) -> Error {
        Error::of_service(&self.id, error)
    }

    fn refused(&self) -> Error {
        Error::Refused { key_id: self.id.clone() }
    }
}

#[async_trait]
impl WrappingKey for ServiceKey {
    fn id(&self) -> &KeyId {
        &self.id
    }

    fn accepts(&self, edk: &EncryptedDataKey) -> bool {
        edk.key_id == self.id && edk.algorithm == self.algorithm
    }

    async fn wrap(&self, key: &DataKey, binding: &Binding) -> Result<EncryptedDataKey, Error> {
        let intermediate = self.current(&self.context_for(binding)).await?;
        let wrapped = wrap_under_service(&intermediate.secret, &intermediate.blob, key, binding)
            .map_err(|source| Error::Wrap { key_id: self.id.clone(), source })?;
        Ok(EncryptedDataKey { key_id: self.id.clone(), algorithm: self.algorithm, wrapped })
    }

    async fn unwrap(&self, edk: &EncryptedDataKey, binding: &Binding) -> Result<DataKey, Error> {
        if !self.accepts(edk) {
            return Err(self.refused());
        }
        let wrapped = ServiceWrap::parse(&edk.wrapped).map_err(|_| self.refused())?;
        let context = self.context_for(binding);
        let intermediate = self.serving.opened(&context, wrapped.blob(), self.open(&context, wrapped.blob())).await?;
        wrapped.unwrap(&intermediate.secret, binding).map_err(|_| self.refused())
    }

    async fn canary(&self) -> Result<Option<Canary>, Error> {
        let mut secret = Zeroizing::new([0; 32]);
        let no_randomness = |why| Error::Unavailable { key_id: self.id.clone(), why };
        (self.draw)(secret.as_mut_slice()).map_err(no_randomness)?;
        let wrapped = self.key.encrypt(secret.as_slice(), &self.check_context("canary")).await;
        let wrapped = wrapped.map_err(|error| self.said(error))?;
        Ok(Some(Canary { wrapped, check: KeyCheck::of(secret.as_slice()) }))
    }

    async fn knows(&self, canary: &Canary) -> Result<bool, Error> {
        match self.key.decrypt(&canary.wrapped, &self.check_context("canary")).await {
            Ok(secret) => Ok(KeyCheck::of(&secret) == canary.check),
            Err(keyring::KmsError::Refused) => Ok(false),
            Err(error) => Err(self.said(error)),
        }
    }

    /// Asks the service to wrap and unwrap, and that it insists on the context.
    async fn check(&self) -> Result<(), Error> {
        let sent = [0x5e; 32];
        let blob = self.key.encrypt(&sent, &self.check_context("this")).await.map_err(|error| self.said(error))?;
        let opened = self.key.decrypt(&blob, &self.check_context("this")).await.map_err(|error| self.said(error))?;
        if opened.as_slice() != sent {
            return Err(self.refused());
        }
        match self.key.decrypt(&blob, &self.check_context("that")).await {
            Ok(_) => Err(Error::Denied {
                key_id: self.id.clone(),
                why: "the service does not insist on the context: a transit key has to be made with derived=true"
                    .to_owned(),
            }),
            Err(keyring::KmsError::Refused) => Ok(()),
            Err(error) => Err(self.said(error)),
        }
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceKey").field("id", &self.id.as_str()).field("key", &self.key).finish_non_exhaustive()
    }
}
