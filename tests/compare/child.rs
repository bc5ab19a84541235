//! This program as a child of itself: the store and the floor run in processes of their own, so that their cost is theirs.
//!
//! A child says its address on its first line of output, answers each further line of input with a number, and ends with its input. So it
//! never outlives its parent, however that ends.

use std::env;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, anyhow};

/// A running child.
pub(crate) struct Role {
    child: Child,
    pub(crate) address: SocketAddr,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Role {
    /// Starts it and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().context("no standard input")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{arguments:?} did not start"))?;
        Ok(Self { child, address, talk: Mutex::new((stdin, stdout)) })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How many requests it has had.
    pub(crate) fn requests(&self) -> anyhow::Result<u64> {
        let mut talk = self.talk.lock().map_err(|_| anyhow!("an earlier question failed"))?;
        let (stdin, stdout) = &mut *talk;
        stdin.write_all(b"requests\n")?;
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        line.trim().parse().context("a child ended early")
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's side: says where it listens, then how many requests came, whenever it is asked.
pub(crate) fn answer(address: SocketAddr, requests: impl Fn() -> u64) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{address}")?;
    for line in io::stdin().lines() {
        line?;
        writeln!(stdout, "{}", requests())?;
    }
    Ok(())
}
