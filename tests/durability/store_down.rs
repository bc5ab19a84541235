//! A store that is not there: an honest answer, and everything back when it is.

use sealgate_tests::bare::Bare;
use sealgate_tests::bytes::noise;
use sealgate_tests::daemon::{Store, credential};
use tempfile::TempDir;

use crate::scene::Scene;

#[test]
fn a_store_that_goes_away_is_503_and_not_ready() {
    let folder = TempDir::new().unwrap();
    let bare = Bare::start(folder.path());
    let endpoint = format!("http://{}", bare.socket);
    let scene = Scene::over(Store::S3 { endpoint, credential: credential(), ca_file: None });
    scene.store("a", &noise(1, 100_000));
    assert_eq!(scene.daemon.admin_status("/-/ready"), 200);
    drop(bare);
    let get = scene.object("GET", "a").send();
    get.refused(503, "ServiceUnavailable");
    assert!(get.header("retry-after").is_some(), "{get:?}");
    scene.object("PUT", "b").body(&noise(2, 100_000)).send().refused(503, "ServiceUnavailable");
    while scene.daemon.admin_status("/-/ready") == 200 {
        std::thread::yield_now();
    }
    assert_eq!(scene.daemon.admin_status("/-/healthy"), 200);
}
