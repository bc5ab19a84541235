//! Writers that race for one key.

use std::sync::Barrier;
use std::thread;

use sealgate_tests::answer::Answer;
use sealgate_tests::bare::Bare;
use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::{Store, credential};
use tempfile::TempDir;

use crate::scene::Scene;

const WRITERS: u64 = 8;

/// Sends `WRITERS` conditional uploads of different bodies at once.
fn race(scene: &Scene, key: &str, condition: (&str, &str)) -> Vec<(u64, Answer)> {
    let start = Barrier::new(usize::try_from(WRITERS).unwrap());
    let write = |number: u64| {
        let put = scene.object("PUT", key).header(condition.0, condition.1).body(&noise(number, 100_000)).prepare();
        start.wait();
        (number, put.send())
    };
    let write = &write;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || write(number))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

fn one_wins(scene: &Scene, key: &str, answers: &[(u64, Answer)]) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.status == 200);
    assert_eq!(won.len(), 1, "{answers:?}");
    for (_, answer) in lost {
        let codes = ["PreconditionFailed", "ConditionalRequestConflict"];
        assert!(codes.contains(&answer.code().as_str()), "{answer:?}");
    }
    assert!(scene.read(key) == noise(won[0].0, 100_000), "another body than the winner's");
}

fn races(scene: &Scene) {
    for round in 0..5 {
        let key = format!("new-{round}");
        one_wins(scene, &key, &race(scene, &key, ("if-none-match", "*")));
        let etag = scene.object("HEAD", &key).send().etag().to_owned();
        one_wins(scene, &key, &race(scene, &key, ("if-match", &etag)));
    }
}

#[test]
fn exactly_one_writer_wins_on_the_embedded_store() {
    races(&Scene::new());
}

#[test]
fn exactly_one_writer_wins_over_http() {
    let folder = TempDir::new().unwrap();
    let bare = Bare::start(folder.path());
    let endpoint = format!("http://{}", bare.socket);
    races(&Scene::over(Store::S3 { endpoint, credential: credential(), ca_file: None }));
}

#[test]
fn writers_without_conditions_leave_one_whole_object() {
    let scene = Scene::new();
    let answers = race(&scene, "a", ("x-amz-meta-none", "1"));
    assert!(answers.iter().all(|(_, answer)| answer.status == 200), "{answers:?}");
    let left = scene.read("a");
    assert!((0..WRITERS).any(|number| left == noise(number, 100_000)), "a mixture");
}
