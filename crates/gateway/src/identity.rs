//! Who may talk to us, and which buckets they may touch how.

use std::collections::HashMap;

use objects::glob_matches;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3ErrorCode, S3Result};

use crate::error::Fault;

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read content, and see names and sizes.
    Read,
    /// Write and delete, and see names and sizes, but not content.
    Write,
    /// Both.
    ReadWrite,
}

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Names, sizes and other facts.
    Look,
    /// Content.
    Read,
    /// Changes of objects, and buckets made and deleted.
    Write,
    /// Changes of what a store does with a bucket, and of who may see it there.
    Administer,
}

impl Permission {
    fn covers(self, need: Need) -> bool {
        match need {
            Need::Look => true,
            Need::Read => matches!(self, Self::Read | Self::ReadWrite),
            Need::Write => matches!(self, Self::Write | Self::ReadWrite),
            Need::Administer => self == Self::ReadWrite,
        }
    }
}

/// A client with its credential and its scope.
#[derive(Debug, Clone)]
pub struct Client {
    /// The access key it signs with.
    pub access_key: String,
    /// The secret it signs with; its `Debug` shows nothing.
    pub secret: SecretKey,
    /// Patterns of the buckets it may touch; `*` stands for any run of characters.
    pub buckets: Vec<String>,
    /// What it may do there.
    pub permission: Permission,
}

impl Client {
    /// Whether the client may touch `bucket` at all.
    pub(crate) fn sees(&self, bucket: &str) -> bool {
        self.buckets.iter().any(|pattern| glob_matches(pattern, bucket))
    }

    /// Refuses what the client's scope does not cover.
    pub(crate) fn check(&self, bucket: Option<&str>, need: Need) -> Result<(), Fault> {
        if !self.permission.covers(need) {
            return Err(Fault::new(
                S3ErrorCode::AccessDenied,
                format!(
                    "this client's permission does not cover the operation; see [[clients]] permission for `{}`",
                    self.access_key
                ),
            ));
        }
        match bucket {
            Some(bucket) if !self.sees(bucket) => Err(Fault::new(
                S3ErrorCode::AccessDenied,
                format!("this client may not touch this bucket; see [[clients]] buckets for `{}`", self.access_key),
            )),
            _ => Ok(()),
        }
    }
}

/// All clients by access key.
#[derive(Clone)]
pub(crate) struct Clients(HashMap<String, Client>);

impl Clients {
    pub(crate) fn new(clients: Vec<Client>) -> Self {
        Self(clients.into_iter().map(|client| (client.access_key.clone(), client)).collect())
    }

    pub(crate) fn find(&self, access_key: &str) -> Option<&Client> {
        self.0.get(access_key)
    }
}

#[async_trait::async_trait]
impl S3Auth for Clients {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        match self.0.get(access_key) {
            Some(client) => Ok(client.secret.clone()),
            None => Err(s3s::s3_error!(InvalidAccessKeyId, "The access key is not one of [[clients]].")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(permission: Permission) -> Client {
        Client {
            access_key: "a".into(),
            secret: SecretKey::from("s"),
            buckets: vec!["logs-*".into(), "one".into()],
            permission,
        }
    }

    #[test]
    fn a_scope_covers_its_buckets_only() {
        let client = client(Permission::ReadWrite);
        assert!(client.check(Some("logs-1"), Need::Write).is_ok());
        assert!(client.check(Some("one"), Need::Read).is_ok());
        assert!(client.check(Some("ones"), Need::Look).is_err());
        assert!(client.check(None, Need::Look).is_ok());
    }

    #[test]
    fn a_writer_sees_sizes_but_not_content() {
        let writer = client(Permission::Write);
        assert!(writer.check(Some("one"), Need::Look).is_ok());
        assert!(writer.check(Some("one"), Need::Write).is_ok());
        assert!(writer.check(Some("one"), Need::Read).is_err());
        assert!(writer.check(Some("one"), Need::Administer).is_err());
        assert!(client(Permission::Read).check(Some("one"), Need::Write).is_err());
        assert!(client(Permission::ReadWrite).check(Some("one"), Need::Administer).is_ok());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let shown = format!("{:?}", Client { secret: SecretKey::from("hush"), ..client(Permission::Read) });
        assert!(!shown.contains("hush"));
    }
}
