//! The promises of every wrapping key, kept with real services: AWS KMS as moto plays it, and `OpenBao`.
//!
//! `SEALGATE_TEST_KMS_ENDPOINT` names the one, `SEALGATE_TEST_VAULT_ADDRESS` and `SEALGATE_TEST_VAULT_TOKEN` the other.
//! What is not named is shown as ignored; with `--include-ignored`, as in `.ci/run`, it fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support {
    pub(crate) mod aws;
    pub(crate) mod front;
    pub(crate) mod kubernetes;
    pub(crate) mod sparing;
    pub(crate) mod vault;
}

#[path = "../../../tests/support/token_review.rs"]
pub mod token_review;

#[path = "../../keyring/tests/support/promises.rs"]
mod promises;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyservices::Draw;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = support::aws::trials();
    trials.extend(support::vault::trials());
    trials.extend(support::kubernetes::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A trial that needs these variables; ignored when one is missing, and then a failure when it is run all the same.
fn trial<F>(name: &str, variables: &'static [&'static str], test: F) -> Trial
where
    F: AsyncFnOnce() + Send + 'static,
{
    let missing = variables.iter().find(|name| std::env::var_os(name).is_none());
    Trial::test(name, move || {
        if let Some(name) = missing {
            return Err(Failed::from(format!("{name} is not set")));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test());
        Ok(())
    })
    .with_ignored_flag(missing.is_some())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// A name nobody else has.
fn unique(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{what}-{}-{now}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Different bytes each time; what they are guarding here is a test.
fn draw() -> Draw {
    use std::hash::{BuildHasher, RandomState};
    Arc::new(|bytes| {
        for byte in bytes {
            *byte = RandomState::new().hash_one(0_u8).to_be_bytes()[7];
        }
        Ok(())
    })
}
