//! What a client sees: S3 on the front, sealed objects behind.
//!
//! The room knows S3's requests, conditions, errors and permissions. It refuses to know keys, formats, stores and
//! settings: those arrive finished in [`objects::SealedObjects`] and a list of [`Client`]s.
//!
//! A request passes the guard, then s3s (which verifies the signature and decodes aws-chunked bodies), then the table of
//! operations, then one file in `ops`.

mod checksums;
mod cors;
mod error;
mod form;
mod guard;
mod headers;
mod hosts;
mod identity;
mod operations;
mod ops;
mod route;
mod service;
mod small_body;
mod target;
mod telemetry;

pub use cors::CorsRule;
pub use identity::{Client, Need, Permission};
pub use operations::{Operation, ROWS, Row, Verdict};
pub use service::{Gateway, GatewayOptions};
pub use target::Level;
