//! The program as a command that ends: its arguments, what it says, and the status it leaves with.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A command in the making.
pub struct Run(Command);

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit status; -1 when a signal ended it.
    pub status: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Run {
    /// The program with these arguments, at home in `folder`, in an environment of its own.
    #[must_use]
    pub fn new(program: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOME", folder).env("PATH", "/usr/bin:/bin").current_dir(folder);
        command.stdin(Stdio::null());
        Self(command)
    }

    /// The same, with a variable in its environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &Path) -> Self {
        self.0.env(name, value);
        self
    }

    /// The same, with standard input from a file.
    #[must_use]
    pub fn reading(mut self, file: &Path) -> Self {
        self.0.stdin(std::fs::File::open(file).unwrap());
        self
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(mut self) -> Ended {
        self.0.output().unwrap().into()
    }

    /// Starts it and leaves it running; what it says can be read from the pipes.
    #[must_use]
    pub fn start(mut self) -> Child {
        self.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The same, with what it says on standard output as bytes.
    #[must_use]
    pub fn bytes(mut self) -> (i32, Vec<u8>) {
        let output = self.0.output().unwrap();
        (output.status.code().unwrap_or(-1), output.stdout)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status.code().unwrap_or(-1);
        Self { status, out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ended {
    /// Checks the status.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The same, for those who want nothing else of it.
    #[track_caller]
    pub fn check(self, status: i32) {
        let _ = self.expect(status);
    }

    /// The JSON objects it said, one for each line.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only JSON object it said.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// The last words of long work.
    #[must_use]
    pub fn summary(&self) -> Value {
        let last = self.lines().pop().unwrap();
        assert_eq!(last["event"], "summary", "{self:?}");
        last
    }

    /// What became of one object, in long work.
    #[must_use]
    pub fn outcome(&self, key: &str) -> Value {
        let lines = self.lines();
        let found = lines.iter().find(|line| line["event"] == "object" && line["key"] == key);
        found.unwrap_or_else(|| panic!("nothing about {key} in {self:?}")).clone()
    }
}
