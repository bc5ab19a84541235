//! Keys that others keep: AWS KMS, and the transit engine of Vault and `OpenBao`.
//!
//! Both are a [`keyring::Kms`]; [`ServiceKey`] makes a wrapping key of the sealed format out of either. Services are far
//! away, slow and charge for every question, so they are asked sparingly ([`Reuse`]) and with patience ([`Steady`]).
//! Nothing here reads files or the environment, draws random bytes, or knows what an object is.

mod aws;
mod http;
mod reuse;
mod service_key;
mod session;
mod steady;
mod vault;

pub use aws::{AwsKms, AwsKmsSettings};
pub use http::SettingsError;
pub use reuse::Reuse;
pub use service_key::{Draw, ServiceKey};
pub use session::{Login, Secret};
pub use steady::{Patience, Steady};
pub use vault::{VaultSettings, VaultTransit};
