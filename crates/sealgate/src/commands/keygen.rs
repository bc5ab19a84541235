//! `keygen`: a new wrapping key in a file of its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use crate::cli::Keygen;
use crate::failure::Failure;
use crate::files::{self, Created};
use crate::firstrun::{new_key_file, today};
use crate::settings::is_key_id;

pub(super) fn run(keygen: Keygen) -> Result<ExitCode, Failure> {
    let id = keygen.id.unwrap_or_else(today);
    if !is_key_id(&id) {
        let why = "--id wants 1 to 64 letters, digits, \".\", \"_\" or \"-\"";
        return Err(Failure::Settings(anyhow!(why)));
    }
    let out = keygen.out.unwrap_or_else(|| PathBuf::from(format!("{id}.key")));
    let contents = new_key_file()?;
    if files::create(&out, contents.as_bytes())? == Created::Before {
        let why = anyhow!("{} exists and was left alone; a key that is lost takes its objects with it", out.display());
        return Err(Failure::Other(why));
    }
    super::say(&snippet(&id, &out)?);
    eprintln!("wrote {}; keep a copy elsewhere: without it the objects it wraps cannot be read", out.display());
    Ok(ExitCode::SUCCESS)
}

/// What to add to the configuration.
fn snippet(id: &str, out: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(out).context("there is no working directory")?;
    let reference = format!("file:{}", path.display());
    Ok(format!("[[keys]]\nid = \"{id}\"\nkind = \"aes\"\nsecret = {}\n", toml_string(&reference)))
}

/// A TOML basic string.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_paths_are_quoted() {
        assert_eq!(toml_string("a\"b\\c\n"), r#""a\"b\\c\u000A""#);
    }
}
