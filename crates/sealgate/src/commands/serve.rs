//! `serve`: from settings to a running server, and to its end.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use hyper::service::service_fn;

use crate::admin::Health;
use crate::failure::Failure;
use crate::firstrun::{Endpoint, FirstRun, write_client_files};
use crate::reload::{self, Reload, Stamps, State};
use crate::server::tls::Certificate;
use crate::server::{Acceptors, Ending, Hangups, Listeners, Server, Signals};
use crate::settings::{self, Overrides, Settings};
use crate::supervisor;
use crate::wiring::{self, Current, Wired};

pub(super) fn run(overrides: Overrides) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let ending = runtime.block_on(serve(overrides))?;
    // Whatever still waits has been cut off already.
    runtime.shutdown_background();
    Ok(if ending == Ending::Orderly { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that settings can get wrong comes first, then files, then ports; and before it all the signals.
async fn serve(overrides: Overrides) -> Result<Ending, Failure> {
    let (hangups, mut signals) = (Hangups::new()?, Signals::new()?);
    let stamps = Stamps::of(settings::sources(&overrides));
    let settings = settings::load(&overrides)?.settings;
    crate::telemetry::install(&settings.log)?;
    let stamps = stamps.and(Stamps::of(reload::files(&settings)));
    let certificate = match &settings.tls {
        Some(tls) => Some(Certificate::read(tls).await.map_err(Failure::Settings)?),
        None => None,
    };
    let local = FirstRun::prepare(&settings, &expected_endpoint(&settings))?;
    let Wired { serving, probe } = wiring::wire(&settings, &local, certificate).await?;
    let listeners = Listeners::bind(&settings).await?;
    introduce(&settings, &local, &listeners)?;
    // What the start has made has changed nothing.
    let stamps = stamps.and(Stamps::of(reload::files(&settings)));
    let limits = settings.limits;
    let (reload, current) = Reload::new(overrides, State::new(settings, local, serving), stamps);
    let (health, server, admin) = (Health::new(probe), Server::new(limits), Server::new(limits));
    accept(listeners, &current, &server, (&admin, &health));
    tokio::spawn(crate::sweep::daily(current));
    tokio::spawn(reload.forever(hangups));
    supervisor::ready();
    signals.next().await;
    tracing::info!("draining; a second signal ends at once");
    supervisor::stopping();
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

/// Answers on every address with what is in force when a connection or a request begins.
fn accept(listeners: Listeners, current: &Current, server: &Server, (admin, health): (&Server, &Health)) {
    let now = current.clone();
    let service = service_fn(move |request| {
        let gateway = now.borrow().gateway.clone();
        async move { gateway.call(request).await }
    });
    for listener in listeners.plain {
        server.accept(listener, None, service.clone());
    }
    let now = current.clone();
    let acceptors: Acceptors = Arc::new(move || now.borrow().certificate.as_ref().map(Certificate::acceptor));
    for listener in listeners.tls {
        server.accept(listener, Some(Arc::clone(&acceptors)), service.clone());
    }
    if let Some(listener) = listeners.admin {
        let health = health.clone();
        admin.accept(listener, None, service_fn(move |request| health.clone().answer(request)));
    }
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
