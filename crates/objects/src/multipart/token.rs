//! The upload id a client gets: the envelope, the store's id and the chosen checksum, under a MAC that only the data key makes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envelope::{ChecksumName, ChecksumType, Envelope, ObjectKeys};

use crate::{Error, ObjectRef};

/// What every token begins with; no store's id does.
const PREFIX: &str = "sealgate1.";

/// Longer ids are nobody's: S3-compatible stores issue some hundred characters.
const TOKEN_LIMIT: usize = 4_096;

/// The checksum chosen for an object when its upload began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) name: ChecksumName,
    pub(crate) kind: ChecksumType,
}

/// An upload id, read but not yet believed.
pub(crate) struct Token {
    pub(crate) envelope: Envelope,
    pub(crate) store_id: String,
    pub(crate) checksum: Option<Checksum>,
    /// The keys of the object's content in one of Amazon's formats, sealed under those of the upload.
    pub(crate) amazon: Option<Vec<u8>>,
}

impl Token {
    pub(crate) fn is_token(upload_id: &str) -> bool {
        upload_id.starts_with(PREFIX)
    }

    /// The id for the client: `sealgate1.<fields>.<mac>`, in `[A-Za-z0-9._-]`.
    pub(crate) fn write(&self, keys: &ObjectKeys, at: &ObjectRef) -> String {
        let checksum = self.checksum.map(|checksum| format!("{}/{}", checksum.name.as_str(), kind_name(checksum.kind)));
        let fields = [self.envelope.to_string(), self.store_id.clone(), checksum.unwrap_or_default()];
        let mut fields = fields.map(|field| URL_SAFE_NO_PAD.encode(field)).join(".");
        if let Some(amazon) = &self.amazon {
            fields = format!("{fields}.{}", URL_SAFE_NO_PAD.encode(amazon));
        }
        let mac = URL_SAFE_NO_PAD.encode(keys.upload_mac(&context(at, &fields)));
        format!("{PREFIX}{fields}.{mac}")
    }

    /// Takes an id apart. Nothing in it is believed before [`Self::verify`].
    pub(crate) fn read(upload_id: &str) -> Result<Self, Error> {
        Self::parse(upload_id).ok_or(Error::NoSuchUpload)
    }

    fn parse(upload_id: &str) -> Option<Self> {
        let body = upload_id.strip_prefix(PREFIX).filter(|_| upload_id.len() <= TOKEN_LIMIT)?;
        let text = |field: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(field).ok()?).ok();
        let mut fields = body.split('.');
        let (envelope, store_id, checksum) = (text(fields.next()?)?, text(fields.next()?)?, text(fields.next()?)?);
        let rest: Vec<&str> = fields.collect();
        let amazon = match rest.as_slice() {
            [_mac] => None,
            [amazon, _mac] => Some(URL_SAFE_NO_PAD.decode(amazon).ok()?),
            _ => return None,
        };
        let checksum = match checksum.split_once('/') {
            None if checksum.is_empty() => None,
            None => return None,
            Some((name, kind)) => Some(Checksum { name: name.parse().ok()?, kind: kind_named(kind)? }),
        };
        Some(Self { envelope: Envelope::parse(&envelope).ok()?, store_id, checksum, amazon })
    }

    /// Believes the id it was read from, if it was made with these keys for this object.
    pub(crate) fn verify(keys: &ObjectKeys, at: &ObjectRef, upload_id: &str) -> Result<(), Error> {
        let body = upload_id.strip_prefix(PREFIX).unwrap_or_default();
        let (fields, mac) = body.rsplit_once('.').ok_or(Error::NoSuchUpload)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| Error::NoSuchUpload)?;
        keys.verify_upload_mac(&context(at, fields), &mac).map_err(|_| Error::NoSuchUpload)
    }
}

/// S3's name for a checksum's type.
pub(crate) fn kind_name(kind: ChecksumType) -> &'static str {
    match kind {
        ChecksumType::Composite => "COMPOSITE",
        ChecksumType::FullObject => "FULL_OBJECT",
    }
}

fn kind_named(name: &str) -> Option<ChecksumType> {
    [ChecksumType::Composite, ChecksumType::FullObject].into_iter().find(|kind| kind_name(*kind) == name)
}

/// What the MAC covers: the object's name, whose lengths keep its parts apart, and the fields.
fn context(at: &ObjectRef, fields: &str) -> Vec<u8> {
    let mut context = Vec::new();
    for part in [at.bucket.as_str(), at.key.as_str(), fields] {
        context.extend_from_slice(&(part.len() as u64).to_be_bytes());
        context.extend_from_slice(part.as_bytes());
    }
    context
}
