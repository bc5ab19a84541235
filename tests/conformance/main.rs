//! What a client of S3 relies on, as functions over an endpoint, run on every stack that is at hand.
//!
//! The same function runs on the embedded store, on the daemon over it (http and https), and, where the environment names a real S3
//! server, on that server alone and on the daemon over it. All must give the same answers; the few places where one legitimately does
//! not are listed, with the reason, in `differences.rs`. Nothing here knows that objects are sealed.

#![expect(clippy::unwrap_used, reason = "a case reports a failure by panicking")]

mod buckets;
mod checksums;
mod conditions;
mod copy_object;
mod cors;
mod delete_object;
mod delete_objects;
mod differences;
mod etags;
mod get_object;
mod head_object;
mod hosts;
mod keys;
mod list_objects;
mod metadata;
mod multipart;
mod payload_forms;
mod post_form;
mod presigned;
mod protocol;
mod put_object;
mod ranges;
mod refusals;
mod sdk;
mod sdk_uploads;
mod sizes;
mod stacks;
mod sub_resources;
mod tagging;
mod upload_part_copy;
mod versions;
mod versions_copied;
mod versions_deleted;
mod versions_listed;
mod versions_suspended;

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use libtest_mimic::{Arguments, Trial};
use sealgate_tests::stack::Room;

use crate::stacks::{Lazy, Started};

/// One behaviour.
struct Case {
    topic: &'static str,
    name: &'static str,
    run: fn(&Room<'_>),
}

/// Lists the behaviours of a file.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[$crate::Case] =
            &[$($crate::Case { topic: module_path!(), name: stringify!($name), run: $name }),*];
    };
}

const TOPICS: &[&[Case]] = &[
    buckets::CASES,
    checksums::CASES,
    conditions::CASES,
    copy_object::CASES,
    cors::CASES,
    delete_object::CASES,
    delete_objects::CASES,
    etags::CASES,
    get_object::CASES,
    head_object::CASES,
    hosts::CASES,
    keys::CASES,
    list_objects::CASES,
    metadata::CASES,
    multipart::CASES,
    payload_forms::CASES,
    post_form::CASES,
    presigned::CASES,
    protocol::CASES,
    put_object::CASES,
    ranges::CASES,
    refusals::CASES,
    sdk::CASES,
    sdk_uploads::CASES,
    sizes::CASES,
    sub_resources::CASES,
    tagging::CASES,
    upload_part_copy::CASES,
    versions::CASES,
    versions_copied::CASES,
    versions_deleted::CASES,
    versions_listed::CASES,
    versions_suspended::CASES,
];

/// Shows what the daemon has to say when a case fails.
struct Complaints<'a>(&'a Started);

impl Drop for Complaints<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the last complaints of {}:\n{}", self.0.stack.name, self.0.complaints());
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let stacks: Vec<Arc<Lazy>> = stacks::at_hand().into_iter().map(Arc::new).collect();
    let trials = stacks.iter().flat_map(trials).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    for stack in &stacks {
        stack.end();
    }
    conclusion.exit_code()
}

fn trials(stack: &Arc<Lazy>) -> Vec<Trial> {
    let cases = TOPICS.iter().flat_map(|cases| cases.iter());
    cases.filter(|case| !differences::differs(stack.name, stack.kind, case)).map(|case| trial(stack, case)).collect()
}

fn trial(stack: &Arc<Lazy>, case: &'static Case) -> Trial {
    let topic = case.topic.rsplit("::").next().unwrap();
    let stack = Arc::clone(stack);
    Trial::test(format!("{}::{topic}::{}", stack.name, case.name), move || {
        let started = stack.started();
        let _complaints = Complaints(&started);
        (case.run)(&Room::new(&started.stack, &started.bucket, case.name));
        Ok(())
    })
}
