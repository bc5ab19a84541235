//! An HTTP server that does exactly what a test tells it, connection by connection, faults included.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The head of a request.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) line: String,
    headers: BTreeMap<String, String>,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn len(&self) -> usize {
        self.header("content-length").map_or(0, |len| len.parse().expect("a length"))
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    /// The next request's head; `None` at the end of the connection.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.fill().await?;
        };
        let text = String::from_utf8(self.unread.drain(..end + 4).collect()).expect("a UTF-8 head");
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        let line = lines.next().expect("a request line").to_owned();
        let mut headers = BTreeMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            assert!(headers.insert(name.to_lowercase(), value.to_owned()).is_none(), "{name} came twice");
        }
        Some(Head { line, headers })
    }

    /// The next `len` bytes, or as many as there are before the end of the connection.
    pub(crate) async fn bytes(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len && self.fill().await.is_some() {}
        self.unread.drain(..len.min(self.unread.len())).collect()
    }

    /// A whole request.
    pub(crate) async fn request(&mut self) -> Option<(Head, Vec<u8>)> {
        let head = self.head().await?;
        let body = self.bytes(head.len()).await;
        Some((head, body))
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("written");
    }

    /// Answers with the length of `body`. `headers` are whole lines.
    pub(crate) async fn answer(&mut self, status: u16, headers: &[&str], body: &str) {
        let mut text = format!("HTTP/1.1 {status} Because\r\ncontent-length: {}\r\n", body.len());
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        self.write(&format!("{text}\r\n{body}")).await;
    }

    /// Reads until the other side is done.
    pub(crate) async fn drain(&mut self) -> usize {
        while self.fill().await.is_some() {}
        self.unread.len()
    }

    async fn fill(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.unread).await.unwrap_or(0);
        (read > 0).then_some(())
    }
}

/// A server on loopback.
pub(crate) struct Server {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Runs `script` on every connection, numbered from 0.
    pub(crate) async fn start<F>(script: impl Fn(usize, Wire) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(number, Wire { stream, unread: Vec::new() }));
            }
        });
        Self { url, connections }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}
