//! A secret that a program prints: run without a shell, for a bounded time, for a bounded length.
//!
//! What it prints is the secret, or part of one, and never repeated. What it says on standard error is for people: it is
//! logged as it comes (somebody may have to touch a token), and its last line explains a failure. Knows nothing of keys.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::{MAX_LEN, room};

/// How long a command may take; people may have to type a passphrase or touch a token.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How much of standard error is passed on. The rest is read and forgotten.
const HEARD: usize = 4 * 1024;

/// How much of its last line is part of an error.
const REASON: usize = 300;

/// How long to wait for the last words of a program that has ended: another one that it left behind may go on talking.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the program prints, if it ends well in time.
pub(super) async fn output(words: &[String], patience: Duration) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (program, arguments) = words.split_first().context("no program")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let unknown = || format!("cannot run {program}; is it installed, and in the PATH that sealgate was started with?");
    let mut child = command.spawn().with_context(unknown)?;
    let stderr = child.stderr.take().context("no standard error")?;
    let said = tokio::spawn(listen(program.clone(), stderr));
    let ended = tokio::time::timeout(patience, finish(program, &mut child)).await;
    match ended {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(error)) => {
            let said = tokio::time::timeout(LAST_WORDS, said).await;
            match said.ok().and_then(Result::ok).as_deref().and_then(reason) {
                Some(reason) => bail!("{error:#}: {reason}"),
                None => Err(error),
            }
        }
        Err(_elapsed) => bail!("{program} took longer than {patience:?}"),
    }
}

async fn finish(program: &str, child: &mut Child) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut output = room();
    let stdout = child.stdout.take().context("no standard output")?;
    stdout.take(MAX_LEN + 1).read_to_end(&mut output).await.with_context(|| format!("cannot read from {program}"))?;
    ensure!(output.len() as u64 <= MAX_LEN, "{program} printed more than 64 KiB");
    let status = child.wait().await.with_context(|| format!("cannot wait for {program}"))?;
    ensure!(status.success(), "{program} failed ({status})");
    ensure!(!output.is_empty(), "{program} printed nothing");
    Ok(output)
}

/// Passes on what is said on standard error, and reads on to its end: a program must not die of talking.
async fn listen(program: String, mut stderr: impl AsyncRead + Unpin) -> String {
    let (mut heard, mut buffer) = (String::new(), [0; 1024]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        let more = String::from_utf8_lossy(&buffer[..read.min(HEARD.saturating_sub(heard.len()))]).into_owned();
        for line in more.lines().map(printable).filter(|line| !line.is_empty()) {
            tracing::warn!(program, said = line, "a program that was asked for a secret");
        }
        heard.push_str(&more);
    }
    heard
}

/// The last line, where the reason is.
fn reason(said: &str) -> Option<String> {
    let line = said.lines().rev().map(printable).find(|line| !line.is_empty())?;
    Some(line.chars().take(REASON).collect())
}

/// A line without what would move a cursor or change a colour.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str) -> Result<String, String> {
        let words = ["sh", "-c", script].map(String::from);
        let output = output(&words, PATIENCE).await.map_err(|error| format!("{error:#}"))?;
        Ok(String::from_utf8(output.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_it_prints_is_the_secret_and_what_it_says_is_not() {
        assert_eq!(sh("echo touch the token >&2; echo secret").await, Ok("secret\n".to_owned()));
    }

    #[tokio::test]
    async fn a_failure_has_its_status_and_its_reason_and_nothing_that_was_printed() {
        let error =
            sh("echo half a secret; printf 'first\\n\\033[31mno such entry\\n\\n' >&2; exit 3").await.unwrap_err();
        assert_eq!(error, "sh failed (exit status: 3): [31mno such entry");
        assert_eq!(sh("echo secret; kill -9 $$").await.unwrap_err(), "sh failed (signal: 9 (SIGKILL))");
        assert_eq!(sh("true").await.unwrap_err(), "sh printed nothing");
        let endless = sh("trap '' PIPE; while :; do echo secret; done 2>/dev/null").await.unwrap_err();
        assert_eq!(endless, "sh printed more than 64 KiB");
    }

    #[tokio::test]
    async fn a_program_may_talk_for_long_and_little_of_it_is_heard() {
        assert_eq!(sh("head -c 300000 /dev/zero >&2; echo secret").await, Ok("secret\n".to_owned()));
        let error = sh("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1").await.unwrap_err();
        assert!(error.starts_with("sh failed (exit status: 1): xxx") && error.len() < 400, "{error}");
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_patience_lasts() {
        let error = output(&["sleep", "600"].map(String::from), Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.to_string(), "sleep took longer than 50ms");
    }

    #[tokio::test]
    async fn who_talks_on_after_its_end_is_not_waited_for() {
        let error = sh("sleep 20 >/dev/null & exit 4").await.unwrap_err();
        assert_eq!(error, "sh failed (exit status: 4)");
    }
}
