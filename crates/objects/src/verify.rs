//! Proving that a stored object is what it was when it was sealed: its envelope and end, or every byte of it.
//!
//! Nothing is handed out; what does not verify is an error that says what.

use std::sync::Arc;

use envelope::{Computed, DigestSet, Digests};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::reader::{OpenRequest, Opened, OpenedObject, blame};
use crate::store::Body;
use crate::{Error, ObjectRef, SealedObjects, metadata};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The envelope, the key, the sealed metadata and the footer: a few hundred bytes of each object.
    Quick,
    /// Every byte, and every digest that the footer keeps.
    Full,
}

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// A sealed object of so many bytes of content.
    Sealed {
        /// The length of the content.
        plain_len: u64,
    },
    /// An object that is not sealed, where the rule lets such be read. There is nothing in it to verify.
    Unsealed {
        /// Its length.
        plain_len: u64,
    },
    /// An object that another program encrypted: read whole at full depth, and verified as far as its format can be.
    Foreign {
        /// The length of the content.
        plain_len: u64,
    },
    /// What belongs to another object, beside which it lies: an instruction file, or a wrapped key.
    Beside,
    /// There is no such object any more.
    Gone,
}

impl SealedObjects {
    /// Verifies an object.
    ///
    /// # Errors
    /// [`Error::Integrity`] and [`Error::KeyRefused`] when it does not verify, [`Error::NotSealed`] when the rule says that it should
    /// be sealed, or why it could not be read.
    pub async fn verify(&self, at: &ObjectRef, depth: Depth) -> Result<Verified, Error> {
        if let Some((beside, _)) = self.beside_another(at).await? {
            return self.check_beside(at, beside).await.map(|()| Verified::Beside);
        }
        match depth {
            Depth::Quick => self.verify_ends(at).await,
            Depth::Full => self.verify_content(at).await,
        }
    }

    /// The envelope, the metadata and the footer.
    async fn verify_ends(&self, at: &ObjectRef) -> Result<Verified, Error> {
        let request =
            OpenRequest { at: at.clone(), want: None, part: None, headers: HeaderMap::new(), checksums: true };
        let OpenedObject { headers, plain_len, sealed, facts, .. } = match self.head(request).await? {
            Opened::Object(object) => object,
            Opened::Answer(answer) => return gone(&answer),
            Opened::Unsatisfiable { .. } => return Err(Error::BadAnswer("a range nobody asked for".into())),
        };
        if !sealed {
            return Ok(Verified::Unsealed { plain_len });
        }
        if metadata::envelope(&headers)?.is_none() {
            return Ok(Verified::Foreign { plain_len });
        }
        self.parts_of(at, &headers).await?;
        if facts.is_none() {
            // A store that gave no end in place of the head has to be asked for it.
            self.facts_of(at, self.rule(&at.bucket, &at.key)?, &headers).await?;
        }
        Ok(Verified::Sealed { plain_len })
    }

    /// Every byte, and what the footer says about them.
    async fn verify_content(&self, at: &ObjectRef) -> Result<Verified, Error> {
        let request =
            OpenRequest { at: at.clone(), want: None, part: None, headers: HeaderMap::new(), checksums: false };
        let object = match self.open(request).await? {
            Opened::Object(object) => object,
            Opened::Answer(answer) => return gone(&answer),
            Opened::Unsatisfiable { .. } => return Err(Error::BadAnswer("a range nobody asked for".into())),
        };
        let plain_len = object.plain_len;
        if !object.sealed {
            return Ok(Verified::Unsealed { plain_len });
        }
        if metadata::envelope(&object.headers)?.is_none() {
            let (read_len, _) = digest(object.body, &DigestSet::default()).await?;
            return check_len(read_len, plain_len).map(|()| Verified::Foreign { plain_len });
        }
        let facts = match &object.facts {
            Some(facts) => Arc::clone(facts),
            None => self.facts_of(at, self.rule(&at.bucket, &at.key)?, &object.headers).await?,
        };
        let wanted = DigestSet { md5: facts.md5.is_some(), checksums: facts.checksums.keys().copied().collect() };
        let (read_len, computed) = digest(object.body, &wanted).await?;
        check_len(read_len, plain_len)?;
        facts.check(&computed).map_err(|error| Error::Integrity(error.to_string()))?;
        Ok(Verified::Sealed { plain_len })
    }
}

fn check_len(read_len: u64, plain_len: u64) -> Result<(), Error> {
    if read_len == plain_len {
        return Ok(());
    }
    Err(Error::Integrity(format!("{read_len} bytes of content where {plain_len} were announced")))
}

/// Reads a body of plaintext to its end: its length and its digests.
///
/// # Errors
/// [`Error::Integrity`] when what is stored does not verify, or why it could not be read.
pub(crate) async fn digest(mut body: Body, wanted: &DigestSet) -> Result<(u64, Computed), Error> {
    let (mut digests, mut read_len) = (Digests::new(wanted), 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(blame)?.into_data() {
            digests.update(&data);
            read_len += data.len() as u64;
        }
    }
    Ok((read_len, digests.finish()))
}

/// An answer in place of an object: there is none, or it is refused.
fn gone(answer: &Response<Body>) -> Result<Verified, Error> {
    match answer.status() {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(Verified::Gone),
        status => Err(Error::Refused { code: status.to_string(), message: "to a read".into() }),
    }
}
