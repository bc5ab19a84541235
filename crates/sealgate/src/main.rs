//! The `sealgate` program: hands over to the library, so that tests can build the same program.

use std::process::ExitCode;

fn main() -> ExitCode {
    sealgate::main()
}
