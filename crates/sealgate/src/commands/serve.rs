//! `serve`: from settings to a running server, and to its end.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use hyper::service::service_fn;

use crate::admin::Health;
use crate::failure::Failure;
use crate::firstrun::{Endpoint, FirstRun, write_client_files};
use crate::server::{Ending, Listeners, Server, Signals, tls};
use crate::settings::{self, Overrides, Settings};
use crate::wiring::{self, Wired};

pub(super) fn run(overrides: &Overrides) -> Result<ExitCode, Failure> {
    let settings = settings::load(overrides)?.settings;
    crate::telemetry::install(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let ending = runtime.block_on(serve(&settings))?;
    // Whatever still waits has been cut off already.
    runtime.shutdown_background();
    Ok(if ending == Ending::Orderly { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that settings can get wrong comes first, then files, then ports.
async fn serve(settings: &Settings) -> Result<Ending, Failure> {
    let mut signals = Signals::new()?;
    let acceptor = match &settings.tls {
        Some(tls) => Some(tls::acceptor(tls).await.map_err(Failure::Settings)?),
        None => None,
    };
    let local = FirstRun::prepare(settings, &expected_endpoint(settings))?;
    let Wired { gateway, probe, objects } = wiring::wire(settings, &local).await?;
    let listeners = Listeners::bind(settings).await?;
    introduce(settings, &local, &listeners)?;
    let health = Health::new(probe);
    let (server, admin) = (Server::new(settings.limits), Server::new(settings.limits));
    let Listeners { plain, tls, admin: admin_listener } = listeners;
    let service = service_fn(move |request| {
        let gateway = gateway.clone();
        async move { gateway.call(request).await }
    });
    for listener in plain {
        server.accept(listener, None, service.clone());
    }
    for listener in tls {
        server.accept(listener, acceptor.clone(), service.clone());
    }
    if let Some(listener) = admin_listener {
        let health = health.clone();
        admin.accept(listener, None, service_fn(move |request| health.clone().answer(request)));
    }
    tokio::spawn(crate::sweep::daily(objects));
    signals.next().await;
    tracing::info!("draining; a second signal ends at once");
    health.drain();
    let ending = server.drain(signals.next()).await;
    // Health checks were answered to the last.
    admin.drain(std::future::ready(())).await;
    match ending {
        Ending::Orderly => tracing::info!("ended"),
        Ending::CutOff => tracing::warn!("ended with requests unanswered"),
    }
    Ok(ending)
}

/// Where clients will connect, as far as settings tell: a port of 0 is only known once bound.
fn expected_endpoint(settings: &Settings) -> Endpoint {
    let plain = settings.listen.first().map(|address| (*address, false));
    let tls = || settings.tls.as_ref().and_then(|tls| tls.listen.first()).map(|address| (*address, true));
    let (address, tls) = plain.or_else(tls).unwrap_or((SocketAddr::from(([127, 0, 0, 1], 0)), false));
    Endpoint::new(address, tls, &settings.region)
}

/// Tells whoever started us how to connect; with clients configured they know, and only the log is told.
fn introduce(settings: &Settings, local: &FirstRun, listeners: &Listeners) -> anyhow::Result<()> {
    listeners.announce();
    let (address, tls) = listeners.first()?;
    let endpoint = Endpoint::new(address, tls, &settings.region);
    if let (Some(credential), Some(data)) = (&local.credential, &local.data) {
        write_client_files(data, credential, &endpoint)?;
        super::say(&local.introduction(&endpoint));
    }
    Ok(())
}
