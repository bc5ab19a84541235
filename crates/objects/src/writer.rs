//! Writing one object: the data key, the envelope, and a body that ends only when everything that came was believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use envelope::{
    Binding, Computed, DataKey, DigestSet, ENVELOPE_NAME, Envelope, METADATA_NAME, ObjectKeys, Sealer, Upload,
};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use crate::checking::{Checker, ComputedSlot, PassMachine, Verdict, drive};
use crate::facts::{Gist, GistKey};
use crate::foreign::{self, AmazonMachine};
use crate::policy::{MetadataMode, Rule, WriteFormat};
use crate::random::draw;
use crate::reader::store_etag;
use crate::store::{Body, BoxError};
use crate::stream::{FailureSlot, Machine};
use crate::{Error, Facts, ObjectRef, Random, SealedObjects, USER_METADATA_PREFIX, metadata};

/// An object to write.
pub struct SealRequest {
    /// Where it goes.
    pub at: ObjectRef,
    /// How many bytes `body` will yield; any other number is refused.
    pub plain_len: u64,
    /// The client's headers that the store is to see (types, conditions, storage class) and the client's metadata.
    pub headers: HeaderMap,
    /// Which digests of the plaintext are wanted.
    pub digests: DigestSet,
    /// Whether the body may be believed.
    pub verdict: Verdict,
    /// The plaintext.
    pub body: Body,
}

/// How a write ended.
pub struct SealOutcome {
    /// The store's answer, whether it stored the object or not.
    pub response: Response<Body>,
    /// The digests of the plaintext, when all of it was read.
    pub computed: Option<Computed>,
    /// The ETag that clients are shown, when the object was stored.
    pub etag: Option<String>,
}

/// A data key of our own format, fresh.
pub(crate) struct Fresh {
    pub(crate) keys: ObjectKeys,
    /// What is stored with the object.
    pub(crate) envelope: Envelope,
    /// What opens an upload in parts while it is under way, where the other one does not open here.
    pub(crate) own: Option<Envelope>,
}

impl SealedObjects {
    /// Writes an object as its rule says, verifying while it streams. Nothing is stored unless `verdict` agrees.
    ///
    /// # Errors
    /// [`Error::Body`] with the body's or the verdict's own error; otherwise why the object cannot be written.
    pub async fn seal(&self, mut request: SealRequest) -> Result<SealOutcome, Error> {
        let rule = self.rule(&request.at.bucket, &request.at.key)?;
        rule.check_write()?;
        let client_metadata = metadata::from_client(&request.headers, rule)?;
        let computed = ComputedSlot::default();
        request.digests.md5 |= rule.seals() && rule.shows_md5();
        let checker = Checker::new(&request.digests, request.verdict, &computed);
        let mut instruction_file = None;
        let (body, failures) = match rule.format {
            WriteFormat::Sealed => {
                drop_plaintext_facts(&mut request.headers);
                let Fresh { keys, envelope, .. } = self.fresh_keys(rule, &request.at, Upload::Put).await?;
                self.write_envelope(rule, &keys, &envelope, &client_metadata, &mut request.headers)?;
                metadata::check_size(&request.headers)?;
                let machine = SealMachine::new(keys, request.plain_len, checker, self.random.as_ref())?;
                let sealed_len = machine.sealer.sealed_len();
                drive(request.body, machine, sealed_len).await?
            }
            WriteFormat::S3Ec(format) => {
                let stored_len = foreign::stored_len(request.plain_len)?;
                drop_plaintext_facts(&mut request.headers);
                metadata::into_headers(&client_metadata, &mut request.headers)?;
                let fresh = self.fresh_amazon_keys(&request.at, rule, format, &mut request.headers).await?;
                metadata::check_size(&request.headers)?;
                instruction_file = fresh.instruction_file;
                let machine = AmazonMachine::new(&fresh.keys, request.plain_len, checker)?;
                drive(request.body, machine, stored_len).await?
            }
            WriteFormat::Plain | WriteFormat::Refused => {
                metadata::check_size(&request.headers)?;
                let machine = PassMachine::new(checker, request.plain_len);
                drive(request.body, machine, request.plain_len).await?
            }
        };
        let fields = request.headers.clone();
        let response = self.store_body(&request.at, request.headers, body, &failures).await?;
        if let (true, Some(file)) = (response.status().is_success(), instruction_file) {
            self.put_instruction_file(&request.at, rule, &fields, file).await?;
        }
        let computed = computed.take();
        let mut etag = None;
        if let (true, Some(stored)) = (response.status().is_success(), store_etag(response.headers())) {
            let facts = computed.clone().filter(|_| rule.seals());
            let facts = facts.map(|computed| Arc::new(Facts::new(request.plain_len, computed)));
            etag = Some(self.stored(&request.at, rule, stored, request.plain_len, facts));
        }
        Ok(SealOutcome { response, computed, etag })
    }

    /// Draws and wraps a data key of our own format.
    pub(crate) async fn fresh_keys(&self, rule: &Rule, at: &ObjectRef, upload: Upload) -> Result<Fresh, Error> {
        let key = DataKey::from_bytes(draw(self.random.as_ref())?);
        let internal = |error: envelope::Error| Error::Internal(error.to_string());
        let binding = Binding::new(rule.binding, rule.identity_of(&at.bucket), &at.key).map_err(internal)?;
        let wrapped = rule.keyring.wrap(&key, &binding).await.map_err(|error| rule.blame(error))?;
        let keys = ObjectKeys::derive(&key);
        let envelope = Envelope::new(upload, rule.binding, wrapped, &keys);
        let mut own = None;
        if upload == Upload::Multipart {
            let wrapped = rule.keyring.wrap_for_upload(&key, &binding).await?;
            own = wrapped.map(|wrapped| Envelope::new(upload, rule.binding, wrapped, &keys));
        }
        Ok(Fresh { keys, envelope, own })
    }

    /// Writes the envelope and the client's metadata into `headers`.
    pub(crate) fn write_envelope(
        &self,
        rule: &Rule,
        keys: &ObjectKeys,
        envelope: &Envelope,
        client_metadata: &BTreeMap<String, String>,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        insert(headers, ENVELOPE_NAME, &envelope.to_string())?;
        match rule.metadata {
            MetadataMode::Clear => metadata::into_headers(client_metadata, headers)?,
            MetadataMode::Sealed if client_metadata.is_empty() => {}
            MetadataMode::Sealed => {
                let sealed = keys.seal_metadata(draw(self.random.as_ref())?, client_metadata);
                let sealed = sealed.map_err(|error| Error::Internal(error.to_string()))?;
                insert(headers, METADATA_NAME, &sealed)?;
            }
        }
        Ok(())
    }

    async fn store_body(
        &self,
        at: &ObjectRef,
        headers: HeaderMap,
        (body, body_len): (Body, u64),
        failures: &FailureSlot,
    ) -> Result<Response<Body>, Error> {
        let mut request = Request::builder().method(Method::PUT).uri(at.uri()?).body(body)?;
        *request.headers_mut() = headers;
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body_len));
        let answer = self.store.send(request).await;
        // A body that failed is the cause of whatever the store or the connection said about it.
        match failures.take() {
            Some(error) => Err(Error::Body(error)),
            None => Ok(answer?),
        }
    }

    /// Remembers what was just stored, sealed if there are `facts`; the ETag that clients are shown for it.
    pub(crate) fn stored(
        &self,
        at: &ObjectRef,
        rule: &Rule,
        etag: &str,
        plain_len: u64,
        facts: Option<Arc<Facts>>,
    ) -> String {
        let gist = match facts.as_deref() {
            Some(facts) => Gist::from(facts),
            None if rule.encrypts() => Gist::foreign(plain_len),
            None => Gist::plain(plain_len),
        };
        if rule.listings_ask() {
            self.facts.keep(GistKey::new(&at.bucket, &at.key, etag, &rule.reading()), gist);
        }
        if let Some(facts) = facts {
            self.facts.remember(at, etag, facts);
        }
        rule.shown_etag(etag, Some(&gist))
    }
}

/// Takes away whatever tells the store about the plaintext: digests, checksums and the client's metadata.
pub(crate) fn drop_plaintext_facts(headers: &mut HeaderMap) {
    const PREFIXES: [&str; 4] = [USER_METADATA_PREFIX, "x-amz-checksum-", "x-amz-sdk-", "content-md5"];
    let tells = |name: &HeaderName| PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
    let names: Vec<HeaderName> = headers.keys().filter(|name| tells(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let bad = |error: &dyn std::fmt::Display| Error::Internal(format!("the envelope cannot be written: {error}"));
    let name = HeaderName::try_from(format!("{USER_METADATA_PREFIX}{name}")).map_err(|error| bad(&error))?;
    headers.insert(name, HeaderValue::from_str(value).map_err(|error| bad(&error))?);
    Ok(())
}

/// Seals while it checks; the last chunk and the footer wait for the verdict.
struct SealMachine {
    sealer: Sealer,
    checker: Checker,
    summary_nonce: [u8; 12],
    /// Random bytes for the place of the table, drawn before anything is sent so that nothing can fail later.
    table_fill: Vec<u8>,
}

impl SealMachine {
    fn new(keys: ObjectKeys, plain_len: u64, checker: Checker, random: &dyn Random) -> Result<Self, Error> {
        let sealer = Sealer::new(keys, plain_len).map_err(|_| Error::TooLarge { plain_len })?;
        let table_len =
            usize::try_from(envelope::layout::table_len(plain_len)).map_err(|_| Error::TooLarge { plain_len })?;
        let mut table_fill = vec![0; table_len];
        random.fill(&mut table_fill)?;
        Ok(Self { sealer, checker, summary_nonce: draw(random)?, table_fill })
    }
}

impl Machine for SealMachine {
    fn push(&mut self, input: &[u8], out: &mut BytesMut) -> Result<(), BoxError> {
        self.checker.update(input);
        self.sealer.push(input, out).map_err(Into::into)
    }

    fn finish(self, out: &mut BytesMut) -> Result<(), BoxError> {
        let computed = self.checker.finish()?;
        let mut fill = |bytes: &mut [u8]| {
            let len = bytes.len().min(self.table_fill.len());
            bytes[..len].copy_from_slice(&self.table_fill[..len]);
        };
        self.sealer.finish(computed, self.summary_nonce, &mut fill, out).map_err(Into::into)
    }
}
