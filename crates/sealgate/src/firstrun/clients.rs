//! The first run's client credential, and files that make the aws CLI and rclone work with it.
//!
//! `credentials` is where the credential is kept; both files are written anew when an address changes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, anyhow};
use zeroize::Zeroizing;

use crate::files;

/// Where clients reach us, as they write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `http://127.0.0.1:8333`
    pub(crate) url: String,
    /// What they sign for.
    pub(crate) region: String,
}

impl Endpoint {
    /// From an address we listen on. Clients cannot connect to "any address": they get this machine's.
    pub(crate) fn new(address: SocketAddr, tls: bool, region: &str) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let scheme = if tls { "https" } else { "http" };
        Self { url: format!("{scheme}://{}", SocketAddr::new(ip, address.port())), region: region.to_owned() }
    }
}

/// Where the credential is kept, in the data directory.
pub(super) const FILE: &str = "credentials";

/// The credential that the first run makes.
pub(crate) struct Credential {
    pub(crate) access_key: String,
    pub(crate) secret: Zeroizing<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

/// Letters and digits: survives every file format, shell and URL.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

impl Credential {
    /// The one in the data directory; a new one if there is none.
    pub(crate) fn find_or_make(data: &Path, endpoint: &Endpoint) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        let new = Self { access_key: random_word(20)?.to_string(), secret: random_word(40)? };
        files::create(&path, aws_file(&new, endpoint).as_bytes())?;
        Self::find(data)
    }

    /// The one in the data directory.
    pub(crate) fn find(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        let text = std::fs::read_to_string(&path).map(Zeroizing::new);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).ok_or_else(|| {
            anyhow!("{}: no [sealgate] profile with its two keys; put it back or delete the file", path.display())
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut ours = false;
        let (mut access_key, mut secret) = (None, None);
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                ours = line == "[sealgate]";
            }
            let Some((name, value)) = line.split_once('=').filter(|_| ours) else { continue };
            match name.trim() {
                "aws_access_key_id" => access_key = Some(value.trim().to_owned()),
                "aws_secret_access_key" => secret = Some(Zeroizing::new(value.trim().to_owned())),
                _ => {}
            }
        }
        let complete = |access_key: &String, secret: &Zeroizing<String>| !access_key.is_empty() && !secret.is_empty();
        let credential = access_key.zip(secret).filter(|(access_key, secret)| complete(access_key, secret));
        credential.map(|(access_key, secret)| Self { access_key, secret })
    }
}

fn random_word(characters: usize) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(vec![0_u8; characters]);
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    // 32 characters: the low five bits choose without bias.
    let word = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    Ok(Zeroizing::new(word))
}

/// Writes `credentials` and `rclone.conf` for where we really listen.
pub(crate) fn write_client_files(data: &Path, credential: &Credential, endpoint: &Endpoint) -> anyhow::Result<()> {
    files::replace(&data.join(FILE), aws_file(credential, endpoint).as_bytes())?;
    files::replace(&data.join("rclone.conf"), rclone_file(credential, endpoint).as_bytes())
}

/// The form that every AWS program reads.
fn aws_file(credential: &Credential, endpoint: &Endpoint) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "# Kept by `sealgate serve`: the credential is reused, the rest is written anew at every start.\n\
         [sealgate]\n\
         aws_access_key_id = {}\n\
         aws_secret_access_key = {}\n\
         region = {}\n\
         endpoint_url = {}\n\
         s3 =\n    addressing_style = path\n",
        credential.access_key,
        credential.secret.as_str(),
        endpoint.region,
        endpoint.url,
    ))
}

fn rclone_file(credential: &Credential, endpoint: &Endpoint) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "# Written by `sealgate serve` at every start.\n\
         [sealgate]\n\
         type = s3\n\
         provider = Other\n\
         access_key_id = {}\n\
         secret_access_key = {}\n\
         region = {}\n\
         endpoint = {}\n\
         force_path_style = true\n",
        credential.access_key,
        credential.secret.as_str(),
        endpoint.region,
        endpoint.url,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(port: u16) -> Endpoint {
        Endpoint::new(SocketAddr::from(([0, 0, 0, 0], port)), false, "us-east-1")
    }

    #[test]
    fn a_credential_is_found_again_and_survives_a_new_address() {
        let data = tempfile::tempdir().unwrap();
        let first = Credential::find_or_make(data.path(), &endpoint(1)).unwrap();
        write_client_files(data.path(), &first, &endpoint(2)).unwrap();
        let second = Credential::find_or_make(data.path(), &endpoint(3)).unwrap();
        assert_eq!(first.access_key, second.access_key);
        assert_eq!(first.secret, second.secret);
        let rclone = std::fs::read_to_string(data.path().join("rclone.conf")).unwrap();
        assert!(rclone.contains("endpoint = http://127.0.0.1:2\n"), "{rclone}");
    }

    #[test]
    fn a_damaged_credential_is_an_error_not_a_new_one() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(
            data.path().join("credentials"),
            "[default]\naws_access_key_id = a\naws_secret_access_key = b\n",
        )
        .unwrap();
        assert!(Credential::find_or_make(data.path(), &endpoint(1)).is_err());
    }

    #[test]
    fn credentials_differ_and_are_hard_to_guess() {
        let (one, other) = (random_word(40).unwrap(), random_word(40).unwrap());
        assert_eq!(one.len(), 40);
        assert_ne!(one, other);
    }

    #[test]
    fn an_endpoint_is_something_clients_can_connect_to() {
        let any6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8443));
        assert_eq!(Endpoint::new(any6, true, "r").url, "https://[::1]:8443");
    }
}
