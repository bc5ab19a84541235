//! HTTP/1.1 by hand, over TCP or TLS: a request goes out byte for byte as the test wrote it.
//!
//! One connection per exchange. No redirects, no retries, no opinions.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::answer::Answer;

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where to connect.
#[derive(Clone)]
pub struct Address {
    /// The listener.
    pub socket: SocketAddr,
    /// Trust, when the listener speaks TLS.
    pub tls: Option<Arc<ClientConfig>>,
}

/// A request as it goes over the wire.
#[derive(Clone)]
pub struct Prepared {
    /// Where it goes.
    pub address: Address,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Everything after the request line.
    pub headers: Vec<(String, String)>,
    /// The body with all its framing.
    pub body: Vec<u8>,
    /// Wait for `100 Continue` before the body.
    pub waits: bool,
}

impl Prepared {
    /// The request line and the headers.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head = head + name + ": " + value + "\r\n";
        }
        (head + "\r\n").into_bytes()
    }

    /// Replaces a header, or adds it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The header of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// Sends all of it and reads the answer. A server may answer early and close: then what it said counts.
    #[must_use]
    pub fn send(&self) -> Answer {
        let mut wire = Wire::open(&self.address).unwrap();
        let mut continued = false;
        if wire.write_all(&self.head()).is_ok() && self.waits {
            match wire.read_head(&self.method) {
                Some(answer) if answer.status == 100 => continued = true,
                Some(answer) => return wire.read_body(answer, &self.method),
                None => return nothing(),
            }
        }
        // A write that fails is the server's way of not wanting the rest.
        let _ = wire.write_all(&self.body).and_then(|()| wire.flush());
        Answer { continued, ..wire.answer(&self.method) }
    }

    /// Sends only the first `len` bytes of the body, then closes the sending side.
    #[must_use]
    pub fn send_short(&self, len: usize) -> Answer {
        let mut wire = Wire::open(&self.address).unwrap();
        wire.write_all(&self.head()).unwrap();
        let _ = wire.write_all(&self.body[..len]).and_then(|()| wire.flush());
        wire.finish_sending();
        wire.answer(&self.method)
    }
}

/// One open connection.
pub enum Wire {
    /// Plain.
    Tcp(TcpStream),
    /// Inside TLS.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(address: &Address) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address.socket, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let Some(tls) = &address.tls else { return Ok(Self::Tcp(stream)) };
        let name = ServerName::IpAddress(address.socket.ip().into());
        let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Says that no more bytes will come, and goes on listening.
    pub fn finish_sending(&mut self) {
        if let Self::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// Reads a whole answer, passing over interim ones.
    #[must_use]
    pub fn answer(&mut self, method: &str) -> Answer {
        loop {
            match self.read_head(method) {
                Some(answer) if answer.status < 200 => {}
                Some(answer) => return self.read_body(answer, method),
                None => return nothing(),
            }
        }
    }

    /// Reads up to the empty line. The connection may end before it: nothing.
    pub fn read_head(&mut self, _method: &str) -> Option<Answer> {
        let mut head = Vec::new();
        let mut byte = [0_u8; 1];
        while !head.ends_with(b"\r\n\r\n") {
            match self.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return None,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let headers = lines.filter_map(header).collect();
        Some(Answer { status, headers, body: Vec::new(), complete: true, continued: false })
    }

    /// Reads the body that belongs to `answer`.
    #[must_use]
    pub fn read_body(&mut self, mut answer: Answer, method: &str) -> Answer {
        if method == "HEAD" || matches!(answer.status, 204 | 304) {
            return answer;
        }
        let declared: Option<usize> = answer.header("content-length").map(|len| len.parse().unwrap());
        if answer.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            let mut raw = Vec::new();
            let _ = self.read_to_end(&mut raw);
            (answer.body, answer.complete) = unchunk(&raw);
        } else if let Some(len) = declared {
            answer.body = vec![0; len];
            let got = self.fill(&mut answer.body);
            answer.body.truncate(got);
            answer.complete = got == len;
        } else {
            answer.complete = self.read_to_end(&mut answer.body).is_ok();
        }
        answer
    }

    /// Reads until `buffer` is full or the connection ends, and says how many bytes came.
    pub fn fill(&mut self, buffer: &mut [u8]) -> usize {
        let mut got = 0;
        while got < buffer.len() {
            match self.read(&mut buffer[got..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => got += count,
            }
        }
        got
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

fn nothing() -> Answer {
    Answer { status: 0, headers: Vec::new(), body: Vec::new(), complete: false, continued: false }
}

/// Undoes the transfer coding; false when the last chunk never came. Connections are closed after each exchange, so `raw` is all.
fn unchunk(raw: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let mut rest = raw;
    while let Some(end) = crate::bytes::find(rest, b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = usize::from_str_radix(size.split(';').next().unwrap().trim(), 16).unwrap();
        let data = &rest[end + 2..];
        if size == 0 {
            return (body, true);
        }
        body.extend_from_slice(&data[..size.min(data.len())]);
        rest = data.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}
