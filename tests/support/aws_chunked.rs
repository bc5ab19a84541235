//! The `aws-chunked` coding, written by hand so that each byte of it can be wrong on purpose.

use crate::checksum::Checksum;
use crate::sign::SigningKey;

/// How a body is cut and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Coding {
    /// Each chunk carries a signature.
    pub signed: bool,
    /// The checksum that follows as a trailer.
    pub trailer: Option<Checksum>,
    /// Bytes in each chunk but the last.
    pub chunk_len: usize,
}

impl Coding {
    /// The value of `x-amz-content-sha256`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.signed, self.trailer) {
            (true, None) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            (true, Some(_)) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            (false, _) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
    }

    /// Writes `body`, continuing from the signature of the request.
    #[must_use]
    pub fn encode(self, body: &[u8], key: &SigningKey, seed: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + body.len() / 50 + 512);
        let mut previous = seed.to_owned();
        for chunk in body.chunks(self.chunk_len).chain([&b""[..]]) {
            out.extend_from_slice(format!("{:x}", chunk.len()).as_bytes());
            if self.signed {
                previous = key.chunk(&previous, chunk);
                out.extend_from_slice(format!(";chunk-signature={previous}").as_bytes());
            }
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(chunk);
            if !chunk.is_empty() {
                out.extend_from_slice(b"\r\n");
            }
        }
        if let Some(checksum) = self.trailer {
            let (name, value) = (checksum.header(), checksum.of(body));
            out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
            if self.signed {
                let signature = key.trailer(&previous, &format!("{name}:{value}\n"));
                out.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}
