//! Addresses: all of them are bound before anything is served.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::settings::Settings;

/// Bound, not yet accepting.
pub(crate) struct Listeners {
    pub(crate) plain: Vec<TcpListener>,
    pub(crate) tls: Vec<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds every address, or none.
    pub(crate) async fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let plain = bind_all(&settings.listen).await?;
        let tls = match &settings.tls {
            Some(tls) => bind_all(&tls.listen).await?,
            None => Vec::new(),
        };
        let admin = match settings.admin {
            Some(address) => bind_admin(address, settings.admin_is_default).await?,
            None => None,
        };
        Ok(Self { plain, tls, admin })
    }

    /// The first address for clients, and whether it speaks TLS.
    pub(crate) fn first(&self) -> anyhow::Result<(SocketAddr, bool)> {
        let first = self.plain.first().map(|listener| (listener, false));
        let (listener, tls) = first.or(self.tls.first().map(|listener| (listener, true))).context("no listener")?;
        Ok((listener.local_addr().context("no local address")?, tls))
    }

    /// Says where we listen, and where anybody may listen in.
    pub(crate) fn announce(&self) {
        for listener in &self.plain {
            let Ok(address) = listener.local_addr() else { continue };
            tracing::info!(%address, "listening");
            if !address.ip().is_loopback() {
                tracing::warn!(%address, "plain HTTP on a network: who can see its traffic can read the objects; [tls] protects it");
            }
        }
        for address in self.tls.iter().filter_map(|listener| listener.local_addr().ok()) {
            tracing::info!(%address, "listening with TLS");
        }
        for address in self.admin.iter().filter_map(|listener| listener.local_addr().ok()) {
            tracing::info!(%address, "answering health checks");
        }
    }
}

async fn bind_all(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(bind(*address).await?);
    }
    Ok(listeners)
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Nobody asked for the default address, so that it is taken is no reason to fail.
async fn bind_admin(address: SocketAddr, is_default: bool) -> anyhow::Result<Option<TcpListener>> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if is_default => {
            tracing::warn!(%address, %error, "no health checks: the default address is not free; set `admin` to another, or to \"off\"");
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot answer health checks on {address} (admin)")),
    }
}
