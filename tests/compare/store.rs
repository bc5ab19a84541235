//! The store as a child: the embedded store behind a listener, which counts what it is asked.

use std::path::Path;
use std::sync::atomic::Ordering;

use sealgate_tests::bare::Bare;

use crate::child;

/// Serves `folder` until standard input ends.
pub(crate) fn serve(folder: &Path) -> anyhow::Result<()> {
    let bare = Bare::start(folder);
    child::answer(bare.socket, || bare.requests.load(Ordering::Relaxed))
}
