//! Reading a part of an object by its number.

use std::ops::Range;

use http::{Method, StatusCode};

use super::answer::{pin, plain_object};
use super::found::{Found, Kind};
use super::{OpenRequest, Opened, OpenedObject};
use crate::policy::{Contents, Rule};
use crate::{Error, SealedObjects};

impl SealedObjects {
    /// Reads a part by its number.
    pub(super) async fn open_numbered(&self, request: &OpenRequest, rule: &Rule, number: u32) -> Result<Opened, Error> {
        let query = format!("partNumber={number}");
        if rule.contents == Contents::Plain {
            return plain_object(self.ask(Method::GET, request.at.uri_with(&query)?, request.headers.clone()).await?);
        }
        let head = self.ask(Method::HEAD, request.at.uri()?, request.headers.clone()).await?;
        if head.status() != StatusCode::OK {
            return self.said_in_full(request, head).await;
        }
        let found = match self.find(&request.at, rule, head.headers()).await? {
            Kind::Sealed(found) => found,
            Kind::Plain => {
                let response = self.ask(Method::GET, request.at.uri_with(&query)?, pin(head.headers())?).await?;
                return plain_object(response);
            }
            Kind::Foreign(locked) => {
                return self.open_foreign_part(request, rule, &locked, head.into_parts().0.headers).await;
            }
        };
        let parts_count = found.map.as_ref().map(|map| map.parts().len());
        let opened = if let Some(range) = Self::numbered(&found, number)? {
            self.open_found(request, head.headers(), Some(found), range).await?
        } else {
            let whole = OpenRequest { part: None, headers: pin(head.headers())?, ..request.clone() };
            let response = self.fetch(&whole, None).await?;
            self.open_whole(&whole, rule, response).await?
        };
        Ok(match opened {
            Opened::Object(object) => Opened::Object(OpenedObject { parts_count, ..object }),
            other => other,
        })
    }

    /// The plaintext range of a part; `None` for all of an empty object.
    pub(super) fn numbered(found: &Found, number: u32) -> Result<Option<Range<u64>>, Error> {
        let outside = Error::NoSuchPartNumber { number };
        let range = match &found.map {
            None if number == 1 => 0..found.plain_len,
            None => return Err(outside),
            Some(map) => {
                let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                index.and_then(|index| map.part_range(index)).ok_or(outside)?
            }
        };
        Ok((!range.is_empty()).then_some(range))
    }
}
