//! `keygen`: a new wrapping key in a file of its own, and what to write into the configuration.
//!
//! The secret goes into its file, and once to a terminal where a person can copy it; never to standard output.

mod elsewhere;
mod make;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use keyring::{KeyCheck, RsaLen};
use serde_json::json;

use self::elsewhere::Advice;
use self::make::{Kind, Made, make};
use crate::cli::{Bits, Keygen, NewKey};
use crate::failure::Failure;
use crate::files::{self, Created};
use crate::firstrun::today;
use crate::settings::is_key_id;

/// A key with its place.
struct Placed {
    id: String,
    kind: Kind,
    made: Made,
    check: KeyCheck,
    secret: PathBuf,
    /// Where the public half goes, of a key that has one.
    public: Option<PathBuf>,
}

pub(super) fn run(keygen: Keygen) -> Result<ExitCode, Failure> {
    let Keygen { kind, bits, out, id, json } = keygen;
    let id = id.unwrap_or_else(today);
    if !is_key_id(&id) {
        return Err(refused("--id wants 1 to 64 letters, digits, \".\", \"_\" or \"-\""));
    }
    if bits.is_some() && kind != NewKey::Rsa {
        return Err(refused("--bits has a meaning with --kind rsa only: keys of other kinds have one length"));
    }
    if let Some(failure) = elsewhere::refusal(kind) {
        return Err(failure);
    }
    if let Some(advice) = Advice::of(kind, &id) {
        if out.is_some() {
            return Err(refused("--out has no meaning here: keys of a service are made there, and no file is written"));
        }
        super::say(&if json { format!("{}\n", advice.json(&id)) } else { advice.text() });
        return Ok(ExitCode::SUCCESS);
    }
    let kind = match kind {
        NewKey::Passphrase => Kind::Passphrase,
        NewKey::Rsa => Kind::Rsa(bits.map_or_else(RsaLen::default, RsaLen::from)),
        NewKey::X25519 => Kind::X25519,
        _ => Kind::Aes,
    };
    let placed = Placed::new(id, kind, out)?;
    placed.write()?;
    let settings = placed.settings()?;
    super::say(&if json { format!("{}\n", placed.json(&settings)?) } else { settings });
    placed.tell();
    Ok(ExitCode::SUCCESS)
}

impl Placed {
    /// Makes a key for a place that is free.
    fn new(id: String, kind: Kind, out: Option<PathBuf>) -> Result<Self, Failure> {
        let (_, ending) = kind.names();
        let secret = out.unwrap_or_else(|| PathBuf::from(format!("{id}.{ending}")));
        let public = matches!(kind, Kind::Rsa(_) | Kind::X25519).then(|| secret.with_extension("pub"));
        if public.as_ref() == Some(&secret) {
            return Err(refused("--out names the private half; the public one goes beside it, with the ending .pub"));
        }
        check_parent(&secret)?;
        for path in [Some(&secret), public.as_ref()].into_iter().flatten() {
            if path.symlink_metadata().is_ok() {
                return Err(exists(path).into());
            }
        }
        let made = make(kind)?;
        let check = made.check(kind, &id)?;
        Ok(Self { id, kind, made, check, secret, public })
    }

    fn write(&self) -> anyhow::Result<()> {
        write(&self.secret, self.made.secret.as_bytes())?;
        match (&self.public, &self.made.public) {
            (Some(path), Some(public)) => write(path, public.as_bytes()),
            _ => Ok(()),
        }
    }

    /// What to write into the configuration.
    fn settings(&self) -> anyhow::Result<String> {
        let (id, (kind, _)) = (&self.id, self.kind.names());
        let secret = reference("secret", &self.secret)?;
        let argon2 = self.made.argon2.as_ref().map(|argon2| format!("argon2 = \"{argon2}\"\n")).unwrap_or_default();
        let public = match &self.public {
            Some(public) => format!(
                "# In place of `secret`, on a host that writes and cannot read:\n# {}",
                reference("public", public)?
            ),
            None => String::new(),
        };
        Ok(format!(
            "[[keys]]\nid = \"{id}\"\nkind = \"{kind}\"\n{secret}{argon2}check = \"{}\"\n{public}\
             # Beside other keys, [keyring] primary = \"{id}\" makes it the one that wraps new objects.\n",
            self.check
        ))
    }

    /// The same for programs.
    fn json(&self, settings: &str) -> anyhow::Result<serde_json::Value> {
        let mut facts = json!({ "id": self.id, "kind": self.kind.names().0, "settings": settings });
        facts["secret"] = absolute(&self.secret)?.display().to_string().into();
        if let Some(public) = &self.public {
            facts["public"] = absolute(public)?.display().to_string().into();
        }
        if let Some(argon2) = &self.made.argon2 {
            facts["argon2"] = argon2.to_string().into();
        }
        facts["check"] = self.check.to_string().into();
        Ok(facts)
    }

    /// Says what to keep; to a terminal, and only there, also what a person can write down.
    fn tell(&self) {
        let file = self.secret.display();
        if let Some(public) = &self.public {
            eprintln!("wrote {file} and, of it, the public half {}", public.display());
            eprintln!(
                "Keep copies of the file {file} itself, away from the objects and from hosts that only write: it is too long for paper, and \
                 without it the objects that it wraps cannot be read."
            );
            return;
        }
        eprintln!("wrote {file}; keep a copy elsewhere: without it the objects it wraps cannot be read");
        if std::io::stderr().is_terminal() {
            eprintln!("\nA recovery copy, shown this once. All of it is needed:\n\n{}", self.on_paper().as_str());
        }
    }

    /// What a person writes down of a short key.
    fn on_paper(&self) -> zeroize::Zeroizing<String> {
        let key = self.made.secret.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        let argon2 = self.made.argon2.as_ref().map(|argon2| format!("  argon2  {argon2}\n"));
        let (kind, _) = self.kind.names();
        let argon2 = argon2.unwrap_or_default();
        zeroize::Zeroizing::new(format!(
            "  id      {}\n  kind    {kind}\n  secret  {key}\n{argon2}  check   {}\n",
            self.id, self.check
        ))
    }
}

impl From<Bits> for RsaLen {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::Bits2048 => Self::Bits2048,
            Bits::Bits3072 => Self::Bits3072,
            Bits::Bits4096 => Self::Bits4096,
        }
    }
}

fn refused(why: &'static str) -> Failure {
    Failure::Settings(anyhow!(why))
}

fn exists(path: &Path) -> anyhow::Error {
    anyhow!("{} exists and was left alone; a key that is lost takes its objects with it", path.display())
}

fn check_parent(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match parent {
        Some(parent) if !parent.is_dir() => Err(Failure::Settings(anyhow!(
            "there is no directory {0}; make one that only its owner can enter: mkdir -p -m 700 {0}",
            parent.display()
        ))),
        _ => Ok(()),
    }
}

fn write(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    match files::create(path, contents)? {
        Created::Now => Ok(()),
        Created::Before => Err(exists(path)),
    }
}

/// A line of the configuration that names a file.
fn reference(name: &str, path: &Path) -> anyhow::Result<String> {
    Ok(format!("{name} = {}\n", toml_string(&format!("file:{}", absolute(path)?.display()))))
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).context("there is no working directory")
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
