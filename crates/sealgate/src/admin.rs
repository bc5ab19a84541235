//! Health, for supervisors and load balancers, on an address of its own.
//!
//! `/-/healthy` says that the process lives; `/-/ready` that requests would be answered: not while
//! draining, and only while the store answers. The store is asked when somebody asks us, and not more
//! often than every few seconds.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::sync::Mutex;

use crate::server::{AdminBody, BoxError};

/// How long an answer of the store is good for.
const FRESH: Duration = Duration::from_secs(5);

/// How long the store may take; orchestrators' own probes seldom wait longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Something cheap to ask the store.
#[async_trait]
pub(crate) trait Probe: Send + Sync + 'static {
    /// Whether it answers; if not, why.
    async fn ask(&self) -> Result<(), String>;
}

/// How we are.
#[derive(Clone)]
pub(crate) struct Health(Arc<State>);

struct State {
    draining: AtomicBool,
    probe: Box<dyn Probe>,
    /// Held while asking, so that many questions are one.
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Health {
    /// Not draining, and nothing known of the store.
    pub(crate) fn new(probe: Box<dyn Probe>) -> Self {
        Self(Arc::new(State { draining: AtomicBool::new(false), probe, last: Mutex::new(None) }))
    }

    /// From now on we are not ready.
    pub(crate) fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether requests would be answered; if not, why.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        if self.0.draining.load(Ordering::Relaxed) {
            return Err("draining".to_owned());
        }
        let mut last = self.0.last.lock().await;
        if let Some((when, answer)) = &*last
            && when.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = match tokio::time::timeout(PATIENCE, self.0.probe.ask()).await {
            Ok(answer) => answer,
            Err(_) => Err("the store took too long to answer".to_owned()),
        };
        let before = last.replace((Instant::now(), answer.clone()));
        log_change(before.map(|(_, answer)| answer).as_ref(), &answer);
        answer
    }

    /// Answers one request of the admin side.
    pub(crate) async fn answer<B>(self, request: Request<B>) -> Result<Response<AdminBody>, BoxError> {
        let (status, text) = match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/-/healthy") => (StatusCode::OK, "healthy\n".to_owned()),
            (&Method::GET | &Method::HEAD, "/-/ready") => match self.ready().await {
                Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
            },
            (_, "/-/healthy" | "/-/ready") => (StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, "there are /-/healthy and /-/ready\n".to_owned()),
        };
        let body = Full::from(text).map_err(|never: Infallible| match never {}).boxed_unsync();
        Ok(Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .header(header::CACHE_CONTROL, "no-store")
            .body(body)?)
    }
}

/// Once when it breaks and once when it mends, not at every question.
fn log_change(before: Option<&Result<(), String>>, now: &Result<(), String>) {
    match (before, now) {
        (Some(Err(_)), Ok(())) => tracing::info!("the store answers again"),
        (None | Some(Ok(())), Err(why)) => tracing::warn!(%why, "not ready: the store does not answer"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Scripted {
        asked: Arc<AtomicUsize>,
        answer: Result<(), String>,
    }

    #[async_trait]
    impl Probe for Scripted {
        async fn ask(&self) -> Result<(), String> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.answer.clone()
        }
    }

    fn health(answer: Result<(), String>) -> (Health, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        (Health::new(Box::new(Scripted { asked: Arc::clone(&asked), answer })), asked)
    }

    async fn get(health: &Health, path: &str) -> (u16, String) {
        let answer = health.clone().answer(Request::get(path).body(()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_store_that_answers_makes_us_ready_and_is_asked_once() {
        let (health, asked) = health(Ok(()));
        for _ in 0..3 {
            assert_eq!(get(&health, "/-/ready").await.0, 200);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_store_that_is_down_makes_us_unready_but_not_unhealthy() {
        let (health, _) = health(Err("the store cannot be reached".to_owned()));
        assert_eq!(get(&health, "/-/ready").await, (503, "not ready: the store cannot be reached\n".to_owned()));
        assert_eq!(get(&health, "/-/healthy").await.0, 200);
    }

    #[tokio::test]
    async fn draining_makes_us_unready() {
        let (health, asked) = health(Ok(()));
        health.drain();
        assert_eq!(get(&health, "/-/ready").await, (503, "not ready: draining\n".to_owned()));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn nothing_else_is_there() {
        let (health, _) = health(Ok(()));
        assert_eq!(get(&health, "/bucket/key").await.0, 404);
    }
}
