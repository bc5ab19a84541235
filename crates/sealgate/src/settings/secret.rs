//! References to secrets, and following them.
//!
//! A reference says where a secret is; it is not one, and may be shown. What it leads to is zeroed
//! when dropped and never shown.

mod command;

use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

/// More than any key or password, less than a mistake such as a whole disk image.
const MAX_LEN: u64 = 64 * 1024;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretReference {
    /// The contents of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// What a program prints.
    Command(Vec<String>),
}

impl SecretReference {
    /// Reads a reference. An error says how to write one, without repeating what was written.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once(':').ok_or(HOW)?;
        match scheme {
            "file" if !rest.is_empty() => Ok(Self::File(PathBuf::from(rest))),
            "env" if is_variable(rest) => Ok(Self::Env(rest.to_owned())),
            "env" => Err("`env:` wants the name of an environment variable"),
            "credential" if is_file_name(rest) => Ok(Self::Credential(rest.to_owned())),
            "credential" => Err("`credential:` wants the name of one systemd credential, without a path"),
            "command" => match split_words(rest) {
                Some(words) if !words.is_empty() => Ok(Self::Command(words)),
                _ => Err("`command:` wants a program and its arguments, with quotes closed"),
            },
            _ => Err(HOW),
        }
    }

    /// Follows the reference.
    pub(crate) async fn read(&self) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let secret = match self {
            Self::File(path) => {
                warn_if_open(path);
                read_file(path)
            }
            Self::Env(name) => match std::env::var_os(name) {
                Some(value) => Ok(Zeroizing::new(std::os::unix::ffi::OsStringExt::into_vec(value))),
                None => bail!("the environment variable {name} is not set"),
            },
            Self::Credential(name) => read_credential(name).with_context(|| self.to_string()),
            Self::Command(words) => command::output(words, command::PATIENCE).await,
        }?;
        ensure!(!secret.is_empty(), "{self} is empty");
        Ok(secret)
    }

    /// The file it leads to, if it leads to one.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Credential(name) => {
                std::env::var_os("CREDENTIALS_DIRECTORY").map(|directory| Path::new(&directory).join(name))
            }
            Self::Env(_) | Self::Command(_) => None,
        }
    }

    /// Follows the reference to one line of text, without the line's end.
    pub(crate) async fn read_text(&self) -> anyhow::Result<Zeroizing<String>> {
        let bytes = self.read().await?;
        let text = std::str::from_utf8(&bytes).ok().map(str::trim);
        match text {
            Some(text) if !text.is_empty() && !text.contains(['\n', '\r']) => Ok(Zeroizing::new(text.to_owned())),
            _ => bail!("{self} does not hold one line of text"),
        }
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "credential:{name}"),
            // Arguments may say more than they should: the program is enough to find the line.
            Self::Command(words) => write!(f, "command:{}", words.first().map_or("", String::as_str)),
        }
    }
}

const HOW: &str = "secrets are not written here; write where the secret is: \"file:PATH\", \"env:NAME\", \
                   \"credential:NAME\" (systemd) or \"command:PROGRAM ARGUMENTS\"";

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains('/')
}

/// Words between blanks; quotes of either kind hold words together. `None` when one stays open.
fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Says so when others may read the file. A group that a file of another owner gives us is how we read it.
fn warn_if_open(path: &Path) {
    let Ok(metadata) = std::fs::metadata(path) else { return };
    let ours = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == metadata.uid());
    let closed_to = if ours { 0o077 } else { 0o007 };
    if metadata.mode() & closed_to != 0 {
        tracing::warn!(path = %path.display(), "the file of a secret is open to other users; chmod 600 closes it");
    }
}

fn read_file(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let metadata = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!metadata.is_dir(), "{} is a directory", path.display());
    let mut contents = room();
    file.take(MAX_LEN + 1).read_to_end(&mut contents).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(contents.len() as u64 <= MAX_LEN, "{} is larger than 64 KiB", path.display());
    Ok(contents)
}

fn read_credential(name: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(directory) => {
            let path = Path::new(&directory).join(name);
            read_file(&path).with_context(|| format!("the unit has to have LoadCredential={name}:FILE"))
        }
        None => bail!(
            "CREDENTIALS_DIRECTORY is not set: systemd sets it for a service whose unit has LoadCredential={name}:FILE"
        ),
    }
}

/// Room for any secret, so that none is copied in memory while it is read.
fn room() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_LEN).unwrap_or(0) + 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_refused_without_repeating_it() {
        for literal in ["hunter2", "x:hunter2", "", "sealgate-key-1 aGVsbG8=", "file:"] {
            let error = SecretReference::parse(literal).unwrap_err();
            assert!(error.contains("file:PATH") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_credential_cannot_leave_its_directory() {
        assert!(SecretReference::parse("credential:../shadow").is_err());
        assert!(SecretReference::parse("credential:..").is_err());
    }

    #[test]
    fn quotes_hold_words_together() {
        let words = |text| split_words(text).map(|words| words.join("|"));
        assert_eq!(words("pass show  a/b"), Some("pass|show|a/b".to_owned()));
        assert_eq!(
            words(r#"sops -d --extract '["a"]["b"]' "x y""#),
            Some(r#"sops|-d|--extract|["a"]["b"]|x y"#.to_owned())
        );
        assert_eq!(words("a ''"), Some("a|".to_owned()));
        assert_eq!(words("a 'b"), None);
    }

    #[test]
    fn arguments_of_a_command_are_not_shown() {
        let reference = SecretReference::parse("command:vault read -token=s.12345").unwrap();
        assert_eq!(reference.to_string(), "command:vault");
    }

    #[tokio::test]
    async fn a_command_gives_what_it_prints_and_no_shell_is_involved() {
        let reference = SecretReference::parse("command:echo $HOME 'a  b'").unwrap();
        assert_eq!(reference.read_text().await.unwrap().as_str(), "$HOME a  b");
    }

    #[tokio::test]
    async fn a_command_that_fails_or_prints_too_much_is_refused() {
        for command in ["command:false", "command:/does/not/exist", "command:head -c 70000 /dev/zero", "command:true"] {
            assert!(SecretReference::parse(command).unwrap().read().await.is_err(), "{command}");
        }
    }

    #[tokio::test]
    async fn a_file_that_never_ends_is_refused() {
        assert!(SecretReference::File(PathBuf::from("/dev/zero")).read().await.is_err());
    }
}
