//! Objects that other programs encrypted, read through a running daemon as a plain client sees them, and objects written as those do.
//!
//! Every object of `tests/vectors/s3ec` and `tests/vectors/legacy` lies in the store as its tool left it, under rules that let it be read and under rules
//! that do not. What the formats are is not known here: plaintext, ranges and refusals are what the vectors say.

#![expect(clippy::unwrap_used, reason = "a case reports a failure by panicking")]

mod cases;
mod copies;
mod negative;
mod positive;
mod scene;
mod tools;
mod writing;

use std::process::ExitCode;
use std::sync::{Arc, LazyLock, Mutex};

use libtest_mimic::{Arguments, Trial};
use sealgate_tests::foreign::vector::{self, Vector};

use crate::scene::Scene;

/// One scene for all: objects are put there when they are wanted.
static SCENE: LazyLock<Mutex<Option<Arc<Scene>>>> = LazyLock::new(Mutex::default);

fn scene() -> Arc<Scene> {
    let mut scene = SCENE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Arc::clone(scene.get_or_insert_with(|| Arc::new(Scene::start())))
}

/// One behaviour.
pub(crate) struct Case {
    topic: &'static str,
    name: &'static str,
    run: fn(&Scene),
}

/// Lists the behaviours of a file.
#[macro_export]
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[$crate::Case] =
            &[$($crate::Case { topic: module_path!(), name: stringify!($name), run: $name }),*];
    };
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for vector in vector::all() {
        let vector = Arc::new(vector);
        if vector.expect == "fail" {
            trials.push(of_vector("fails", &vector, negative::fails));
            continue;
        }
        trials.push(of_vector("reads", &vector, positive::reads));
        trials.push(of_vector("refused", &vector, negative::refused));
        trials.push(of_vector("copied", &vector, copies::copied));
    }
    let older = vector::all_legacy().into_iter().map(Arc::new);
    trials.extend(older.map(|vector| of_vector("tools", &vector, tools::reads)));
    trials.extend(negative::rows().into_iter().map(|(name, vector)| {
        let vector = Arc::new(vector);
        Trial::test(format!("envelopes::{name}"), move || {
            negative::fails(&scene(), &vector);
            Ok(())
        })
    }));
    for case in [cases::CASES, copies::CASES, tools::CASES, writing::CASES].into_iter().flatten() {
        let topic = case.topic.rsplit("::").next().unwrap();
        trials.push(Trial::test(format!("{topic}::{}", case.name), || {
            (case.run)(&scene());
            Ok(())
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(SCENE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
    conclusion.exit_code()
}

fn of_vector(topic: &str, vector: &Arc<Vector>, run: fn(&Scene, &Vector)) -> Trial {
    let (vector, name) = (Arc::clone(vector), format!("{topic}::{}", vector.id));
    Trial::test(name, move || {
        run(&scene(), &vector);
        Ok(())
    })
}
