//! The daemon as the suites run it: the real `sealgate`, which also ends when the suite that started it is gone.
//!
//! A suite that is killed cannot stop its children. So the daemon is handed a pipe as standard input and leaves when the other end of
//! it closes, which the operating system does for the dead. Nothing else differs from the shipped binary.

use std::io::{self, Read};
use std::process::{self, ExitCode};
use std::thread;

/// Set by `sealgate_tests::daemon` when standard input is such a pipe.
const TETHERED: &str = "TETHERED_TO_STDIN";

fn main() -> ExitCode {
    if std::env::var_os(TETHERED).is_some() {
        thread::spawn(|| {
            // Nobody writes to the pipe: reading ends when the suite has ended.
            let _ = io::stdin().read_to_end(&mut Vec::new());
            process::exit(1);
        });
    }
    sealgate::main()
}
