//! Where clients and supervisors reach the program: addresses and TLS.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::Resolver;
use crate::settings::place::Path;
use crate::settings::raw::{OneOrMany, RawTls};
use crate::settings::{SecretReference, Settings, TlsSettings};

impl Resolver<'_> {
    pub(super) fn address(&mut self, path: &Path, text: &str) -> Option<SocketAddr> {
        let text = text.trim();
        let localhost = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let parsed = localhost.as_deref().unwrap_or(text).parse().ok();
        self.check(path, parsed, || match text {
            _ if text.starts_with("unix:") => "Unix sockets are not supported in this version; use IP:PORT".to_owned(),
            _ => format!("\"{text}\" is not an address; write IP:PORT, such as 127.0.0.1:8333 or [::1]:8333"),
        })
    }

    pub(super) fn addresses(&mut self, path: &Path, many: &OneOrMany) -> Option<Vec<SocketAddr>> {
        let parsed: Vec<_> = many.0.iter().map(|text| self.address(path, text)).collect();
        parsed.into_iter().collect()
    }

    pub(super) fn no_address_twice(&mut self, settings: &Settings) {
        let plain = settings.listen.iter().map(|address| (Path::of("listen"), *address));
        let tls =
            settings.tls.iter().flat_map(|tls| tls.listen.iter().map(|address| (Path::of("tls.listen"), *address)));
        let admin = settings.admin.iter().map(|address| (Path::of("admin"), *address));
        let mut seen = BTreeSet::new();
        for (path, address) in plain.chain(tls).chain(admin) {
            if address.port() != 0 && !seen.insert(address) {
                self.problem(&path, format!("{address} is used twice"));
            }
        }
        if settings.listen.is_empty() && settings.tls.is_none() {
            self.problem(&Path::of("listen"), "no address to listen on, and none under [tls]");
        }
    }

    /// The outer `None` is a problem, the inner one no TLS.
    #[expect(clippy::option_option, reason = "a problem and an absence differ, and both are `?`-able")]
    pub(super) fn tls(&mut self, raw: RawTls) -> Option<Option<TlsSettings>> {
        let (listen, cert, key) = match (raw.listen, raw.cert, raw.key) {
            (None, None, None) => return Some(None),
            (Some(listen), Some(cert), Some(key)) => (listen, cert, key),
            _ => return self.check(&Path::of("tls"), None, || "wants listen, cert and key together".to_owned()),
        };
        let listen = self.addresses(&Path::of("tls.listen"), &listen);
        let key_at = Path::of("tls.key");
        let text = key.text().unwrap_or_default();
        let key = match SecretReference::parse(text) {
            Ok(reference) => Some(reference),
            Err(_) if text.starts_with(['/', '.']) => Some(SecretReference::File(PathBuf::from(text))),
            Err(how) => {
                self.check(&key_at, None, || format!("wants a path that begins with / or ./, or a reference: {how}"))
            }
        };
        let cert = PathBuf::from(cert.strip_prefix("file:").unwrap_or(&cert));
        Some(Some(TlsSettings { listen: listen?, cert, key: key? }))
    }
}
