//! `keygen`: a new wrapping key in a file of its own, and what to write into the configuration.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use keyring::PassphraseParameters;
use zeroize::Zeroizing;

use crate::cli::{Keygen, NewKey};
use crate::failure::Failure;
use crate::files::{self, Created};
use crate::firstrun::{new_key_file, today};
use crate::settings::is_key_id;

/// What was made: contents of a file, and for a key of two halves those of another one.
struct Made {
    secret: Zeroizing<String>,
    public: Option<String>,
    /// Beside `id`, `kind` and `secret`.
    settings: String,
}

pub(super) fn run(keygen: Keygen) -> Result<ExitCode, Failure> {
    let Keygen { kind, out, id } = keygen;
    let id = id.unwrap_or_else(today);
    if !is_key_id(&id) {
        let why = "--id wants 1 to 64 letters, digits, \".\", \"_\" or \"-\"";
        return Err(Failure::Settings(anyhow!(why)));
    }
    let (name, ending) = match kind {
        NewKey::Aes => ("aes", "key"),
        NewKey::Passphrase => ("passphrase", "pass"),
        NewKey::X25519 => ("x25519", "pem"),
    };
    let out = out.unwrap_or_else(|| PathBuf::from(format!("{id}.{ending}")));
    let made = make(kind)?;
    write(&out, made.secret.as_bytes())?;
    let mut text =
        format!("[[keys]]\nid = \"{id}\"\nkind = \"{name}\"\n{}", reference("secret", &out)?) + &made.settings;
    if let Some(public) = made.public {
        let beside = out.with_extension("pub");
        write(&beside, public.as_bytes())?;
        text.push_str("\n# In place of `secret`, on a host that writes and cannot read:\n# ");
        text.push_str(&reference("public", &beside)?);
    }
    super::say(&text);
    eprintln!("wrote {}; keep a copy elsewhere: without it the objects it wraps cannot be read", out.display());
    if std::io::stderr().is_terminal() {
        eprintln!("\nFor a copy on paper, shown this once:\n\n{}", made.secret.as_str());
    }
    Ok(ExitCode::SUCCESS)
}

fn make(kind: NewKey) -> anyhow::Result<Made> {
    let plain = |secret| Made { secret, public: None, settings: String::new() };
    Ok(match kind {
        NewKey::Aes => plain(new_key_file()?),
        NewKey::Passphrase => {
            let parameters = PassphraseParameters::recommended(draw()?);
            Made { settings: format!("argon2 = \"{parameters}\"\n"), ..plain(words()?) }
        }
        NewKey::X25519 => {
            let files = keyring::x25519_key_files(&Zeroizing::new(draw()?))?;
            Made { public: Some(files.public), ..plain(files.private) }
        }
    })
}

/// 128 random bits as people can copy them: letters and digits that are not taken for each other.
fn words() -> anyhow::Result<Zeroizing<String>> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = Zeroizing::new(draw::<26>()?);
    let mut words = Zeroizing::new(String::with_capacity(32));
    for (at, byte) in random.iter().enumerate() {
        if at > 0 && at % 5 == 0 {
            words.push('-');
        }
        words.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    words.push('\n');
    Ok(words)
}

fn draw<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    Ok(bytes)
}

fn write(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    match files::create(path, contents)? {
        Created::Now => Ok(()),
        Created::Before => {
            Err(anyhow!("{} exists and was left alone; a key that is lost takes its objects with it", path.display()))
        }
    }
}

/// A line of the configuration that names a file.
fn reference(name: &str, path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path).context("there is no working directory")?;
    Ok(format!("{name} = {}\n", toml_string(&format!("file:{}", path.display()))))
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

    #[test]
    fn what_is_made_can_be_read() {
        let id = || "main".parse().unwrap();
        let x25519 = make(NewKey::X25519).unwrap();
        assert!(keyring::PublicKey::x25519(id(), x25519.secret.as_bytes()).unwrap().has_private_half());
        let public = x25519.public.unwrap();
        assert!(!keyring::PublicKey::x25519(id(), public.as_bytes()).unwrap().has_private_half());
        let passphrase = make(NewKey::Passphrase).unwrap();
        assert_eq!(passphrase.secret.trim().split('-').map(str::len).sum::<usize>(), 26);
        let parameters = passphrase.settings.strip_prefix("argon2 = \"").and_then(|text| text.strip_suffix("\"\n"));
        assert!(parameters.unwrap().parse::<PassphraseParameters>().is_ok());
        assert!(keyring::AesKey::from_key_file_contents(id(), make(NewKey::Aes).unwrap().secret.as_bytes()).is_ok());
    }
}
