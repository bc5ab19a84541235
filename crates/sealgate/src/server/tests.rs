//! The server against real sockets, with a service that waits to be told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::*;

fn limits() -> Limits {
    Limits {
        connections: 8,
        header_timeout: Duration::from_secs(5),
        handshake_timeout: Duration::from_secs(5),
        drain: Duration::from_secs(5),
        held_parts: 0,
    }
}

/// A service that says when a request has come and answers when it is let go.
#[derive(Clone, Default)]
struct Gate {
    come: Arc<Notify>,
    go: Arc<Notify>,
}

impl Gate {
    async fn start(&self, server: &Server) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gate = self.clone();
        let service = service_fn(move |request| gate.clone().answer(request));
        server.accept(listener, None, service);
        address
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<AdminBody>, BoxError> {
        self.come.notify_one();
        if request.uri().path() == "/break" {
            return Err("broken".into());
        }
        if request.uri().path() == "/wait" {
            self.go.notified().await;
        }
        let body = Full::from("answer").map_err(|never: Infallible| match never {});
        Ok(Response::new(body.boxed_unsync()))
    }
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap_or_default();
    text
}

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_end() {
    let (server, gate) = (Server::new(limits()), Gate::default());
    let address = gate.start(&server).await;
    let stream = ask(address, "/wait").await;
    gate.come.notified().await;
    let draining = tokio::spawn({
        let server = server.clone();
        async move { server.drain(std::future::pending()).await }
    });
    server.stop.cancelled().await;
    gate.go.notify_one();
    assert!(rest(stream).await.ends_with("answer"));
    assert_eq!(draining.await.unwrap(), Ending::Orderly);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let (server, gate) = (Server::new(limits()), Gate::default());
    let address = gate.start(&server).await;
    let silent = TcpStream::connect(address).await.unwrap();
    let mut idle = ask(address, "/").await;
    let mut answer = [0; 1];
    idle.read_exact(&mut answer).await.unwrap();
    assert_eq!(server.drain(std::future::pending()).await, Ending::Orderly);
    drop((silent, idle));
}

#[tokio::test]
async fn a_second_signal_cuts_requests_off() {
    let (server, gate) = (Server::new(limits()), Gate::default());
    let address = gate.start(&server).await;
    let stream = ask(address, "/wait").await;
    gate.come.notified().await;
    assert_eq!(server.drain(std::future::ready(())).await, Ending::CutOff);
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn the_deadline_cuts_requests_off() {
    let limits = Limits { drain: Duration::from_millis(1), ..limits() };
    let (server, gate) = (Server::new(limits), Gate::default());
    let address = gate.start(&server).await;
    let stream = ask(address, "/wait").await;
    gate.come.notified().await;
    assert_eq!(server.drain(std::future::pending()).await, Ending::CutOff);
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn an_error_of_the_service_breaks_the_connection_without_an_answer() {
    let (server, gate) = (Server::new(limits()), Gate::default());
    let address = gate.start(&server).await;
    assert_eq!(rest(ask(address, "/break").await).await, "");
}

#[tokio::test]
async fn a_client_that_never_sends_its_headers_is_let_go() {
    let limits = Limits { header_timeout: Duration::from_millis(10), ..limits() };
    let (server, gate) = (Server::new(limits), Gate::default());
    let address = gate.start(&server).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    assert!(!rest(stream).await.contains("200"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_room() {
    let limits = Limits { connections: 1, ..limits() };
    let (server, gate) = (Server::new(limits), Gate::default());
    let address = gate.start(&server).await;
    let first = ask(address, "/wait").await;
    gate.come.notified().await;
    let second = tokio::spawn(rest_of_closing(address));
    gate.go.notify_one();
    drop(first);
    assert!(second.await.unwrap().ends_with("answer"));
}

async fn rest_of_closing(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    rest(stream).await
}

#[tokio::test]
async fn hundreds_of_headers_are_welcome_and_thousands_are_not() {
    let (server, gate) = (Server::new(limits()), Gate::default());
    let address = gate.start(&server).await;
    for (headers, expected) in [(400, "HTTP/1.1 200"), (600, "HTTP/1.1 431")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let lines = (0..headers).map(|number| format!("x-{number}: y\r\n")).collect::<Vec<_>>().concat();
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(rest(stream).await.starts_with(expected));
    }
}
