//! Daemons whose key stays with a service, before real ones: AWS KMS as moto plays it, and `OpenBao`.
//!
//! `SEALGATE_TEST_KMS_ENDPOINT` names the one, `SEALGATE_TEST_VAULT_ADDRESS` and `SEALGATE_TEST_VAULT_TOKEN` the other.
//! What is not named is shown as ignored; with `--include-ignored`, as in `.ci/run`, it fails.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

mod aws;
mod kubernetes;
mod scene;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = aws::trials();
    trials.extend(kubernetes::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A trial that needs these variables; ignored when one is missing, and then a failure when it is run all the same.
fn trial(name: &str, variables: &'static [&'static str], test: fn()) -> Trial {
    let missing = variables.iter().find(|name| std::env::var_os(name).is_none());
    Trial::test(name, move || {
        if let Some(name) = missing {
            return Err(Failed::from(format!("{name} is not set")));
        }
        test();
        Ok(())
    })
    .with_ignored_flag(missing.is_some())
}
