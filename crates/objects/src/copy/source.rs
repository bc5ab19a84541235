//! The source of a copy: looked at once as the client's conditions allow, before anything is copied.

use envelope::Envelope;
use http::header::RANGE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::{Copied, PartCopied, headers};
use crate::foreign::Locked;
use crate::policy::Contents;
use crate::reader::{check_plain, sealed_envelope};
use crate::rewrap::Place;
use crate::store::Body;
use crate::{Error, ObjectRef, SealedObjects};

/// What a look at the source found.
pub(super) enum Look {
    Found(HeaderMap),
    Ended(Refused),
    /// It was not there and then it was.
    Changed,
}

/// Why a source cannot be copied.
pub(super) enum Refused {
    Answer(Response<Body>),
    Condition,
    DeleteMarker,
}

impl From<Refused> for Copied {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Answer(response) => Self::Answer(response),
            Refused::Condition => Self::ConditionFailed,
            Refused::DeleteMarker => Self::DeleteMarker,
        }
    }
}

impl From<Refused> for PartCopied {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Answer(response) => Self::Answer(response),
            Refused::Condition => Self::ConditionFailed,
            Refused::DeleteMarker => Self::DeleteMarker,
        }
    }
}

impl SealedObjects {
    /// Looks at the source as the client's conditions allow.
    pub(super) async fn look(&self, from: &ObjectRef, client: &HeaderMap) -> Result<Look, Error> {
        let conditions = headers::of_source(client);
        let response = self.ask(Method::HEAD, from.uri()?, conditions.clone()).await?;
        Ok(match response.status() {
            StatusCode::OK => Look::Found(response.into_parts().0.headers),
            StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED => Look::Ended(Refused::Condition),
            StatusCode::METHOD_NOT_ALLOWED => Look::Ended(Refused::DeleteMarker),
            _ => self.refusal(from, conditions).await?,
        })
    }

    /// An answer to HEAD does not say why, so the same is asked again as a read.
    async fn refusal(&self, from: &ObjectRef, mut headers: HeaderMap) -> Result<Look, Error> {
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        let response = self.ask(Method::GET, from.uri()?, headers).await?;
        let found = response.status().is_success() || response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
        Ok(if found { Look::Changed } else { Look::Ended(Refused::Answer(response)) })
    }
}

/// What the source of a copy is.
pub(super) enum Source {
    Sealed(Envelope),
    Foreign(Locked),
    Plain,
}

impl SealedObjects {
    /// What the source is, if its rule lets it be read.
    pub(super) async fn source(&self, from: &Place<'_>, headers: &HeaderMap) -> Result<Source, Error> {
        if from.rule.contents == Contents::Plain {
            return Ok(Source::Plain);
        }
        if let Some(envelope) = sealed_envelope(from.rule, headers)? {
            return Ok(Source::Sealed(envelope));
        }
        match self.recognise(from.at, from.rule, headers).await? {
            Some(locked) => Ok(Source::Foreign(locked)),
            None => check_plain(from.at, from.rule, headers).map(|()| Source::Plain),
        }
    }
}
