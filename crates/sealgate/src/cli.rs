//! The command line: what can be asked for, and the help for it.

mod offline;
mod operate;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::offline::{Decrypt, Encrypt};
pub(crate) use self::operate::{
    Completions, Depth, Doctor, Get, Inspect, KeyFlags, Migrate, Rewrap, StoreFlags, Verify,
};
use crate::settings::Overrides;

/// A local S3 endpoint that seals everything passing through it.
///
/// Clients talk plain S3 to Sealgate; the store behind it only ever holds ciphertext.
#[derive(Debug, Parser)]
#[command(name = "sealgate", version, arg_required_else_help = true, after_long_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  Start with nothing configured, on this machine only, and follow what it prints:
    sealgate serve

  See which settings are in force and where each is from:
    sealgate config check --config /etc/sealgate/sealgate.toml

  Make a wrapping key for November 2026:
    sealgate keygen --id 2026-11 --out /etc/sealgate/keys/2026-11.key";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve S3, sealing what clients store and opening what they read.
    ///
    /// With nothing configured it listens on 127.0.0.1:8333, stores sealed objects under the data
    /// directory, and makes a key and a credential on the first run.
    #[command(after_long_help = SERVE_EXAMPLES)]
    Serve(SettingsFlags),
    /// Make a wrapping key: a file that only its owner can read.
    ///
    /// Prints the lines to add to the configuration. Never replaces a file.
    #[command(after_long_help = KEYGEN_EXAMPLES)]
    Keygen(Keygen),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Say what an object is: format, key, binding, lengths, parts, checks. Its content is not read.
    #[command(after_long_help = operate::INSPECT_EXAMPLES)]
    Inspect(Inspect),
    /// Read an object from the store without a server: into a file, or to standard output.
    #[command(after_long_help = operate::GET_EXAMPLES)]
    Get(Get),
    /// Prove that what is stored is what was sealed: envelopes and footers, or every byte.
    #[command(after_long_help = operate::VERIFY_EXAMPLES)]
    Verify(Verify),
    /// Wrap the keys of stored objects with the primary key, without moving their content. Says what it would do; does it with --apply.
    #[command(after_long_help = operate::REWRAP_EXAMPLES)]
    Rewrap(Rewrap),
    /// Write stored objects as their rule says: seal plaintext, or move elsewhere, or out again. Says what it would do; does it with --apply.
    #[command(after_long_help = operate::MIGRATE_EXAMPLES)]
    Migrate(Migrate),
    /// Seal a file as an upload would, without a server and without a store.
    #[command(after_long_help = offline::ENCRYPT_EXAMPLES)]
    Encrypt(Encrypt),
    /// Open the stored bytes of an object, without a server and without a store.
    #[command(after_long_help = offline::DECRYPT_EXAMPLES)]
    Decrypt(Decrypt),
    /// Look at the way to the store step by step, and say what to set.
    #[command(after_long_help = operate::DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Print a shell's completions.
    #[command(after_long_help = operate::COMPLETIONS_EXAMPLES)]
    Completions(Completions),
    /// Print the manual, for `man -l -` or a file `sealgate.1`.
    Man,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  On this machine, ciphertext under the data directory:
    sealgate serve

  Ciphertext on another disk, on two addresses:
    sealgate serve --store /mnt/backup --listen 127.0.0.1:8333 --listen 192.0.2.7:8333

  In front of a real S3 store, everything else from a file:
    SEALGATE_STORE__ENDPOINT=https://s3.eu-central-1.amazonaws.com \\
      sealgate serve --config sealgate.toml

Signals: SIGTERM and SIGINT let requests in flight finish (limits.drain); a second one ends at
once. SIGHUP reads the settings again; when it comes because the terminal was closed, it ends.
Exit status: 0 after an orderly end, 64 for wrong settings, 1 for anything else.";

const KEYGEN_EXAMPLES: &str = "\
Examples:
  sealgate keygen
  sealgate keygen --id 2026-11 --out /etc/sealgate/keys/2026-11.key
  sealgate keygen --kind x25519 --id backup   (backup.pem stays home, backup.pub is for the host)
  sealgate keygen --kind rsa --bits 4096 --id partner
  sealgate keygen --kind vault-transit --id bao-2026 >> /etc/sealgate/sealgate.toml

On a terminal a key that fits on paper is shown once. Of a key of two halves keep the file itself.
Objects cannot be read without the key that wrapped theirs: keep a copy of it elsewhere.";

const CHECK_EXAMPLES: &str = "\
Examples:
  sealgate config check
  sealgate config check --config sealgate.toml --listen 127.0.0.1:9000
  sealgate config check --keys --json

Secrets are not followed: the listing shows where they are, never what they are.
With --keys they are, and each key's check value is shown, by which it is recognised.
Exit status: 0 when the settings can be used, 64 when not.";

/// Flags that override settings.
#[derive(Debug, Args)]
pub(crate) struct SettingsFlags {
    /// A configuration file, read after /etc/sealgate/sealgate.toml (also: `SEALGATE_CONFIG`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where created files go: keys, credentials and, when no other store is named, sealed objects.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Store sealed objects in this directory.
    #[arg(long, value_name = "DIR")]
    store: Option<String>,
    /// Listen here, as IP:PORT; may be repeated.
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Answer health checks here, as IP:PORT, or "off".
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
}

impl From<SettingsFlags> for Overrides {
    fn from(flags: SettingsFlags) -> Self {
        let SettingsFlags { config, data, store, listen, admin } = flags;
        Self { config, data, store, listen, admin }
    }
}

/// `keygen`
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// What to make. For a key that stays with a service it is only said how that makes one.
    #[arg(long, value_name = "KIND", value_enum, default_value = "aes")]
    pub(crate) kind: NewKey,
    /// The length of an RSA key. Default: 3072.
    #[arg(long, value_name = "BITS", value_enum)]
    pub(crate) bits: Option<Bits>,
    /// The file to write; default: the id with `.key` behind it (`.pass`, `.pem`), in the working directory. The public
    /// half goes beside it, with `.pub` for the ending.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The key's id, stored with each object it wraps; default: today's date.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// As one JSON object: the id, the kind, where the files are, and the lines for the configuration. Never the secret.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NewKey {
    /// 32 random bytes.
    Aes,
    /// Words that a person can copy, and the parameters that make a key of them.
    Passphrase,
    /// An RSA key, with a public half for hosts that only write. Amazon's clients know it, too.
    Rsa,
    /// An X25519 key, with a public half for hosts that only write.
    #[value(name = "x25519")]
    X25519,
    /// A key in AWS KMS: prints the command that makes it there.
    AwsKms,
    /// A key in Vault or OpenBao: prints the command that makes it there.
    VaultTransit,
    #[value(hide = true)]
    Pbkdf2,
    #[value(hide = true)]
    Openpgp,
    #[value(hide = true)]
    RcloneCrypt,
}

/// Lengths of RSA keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bits {
    #[value(name = "2048")]
    Bits2048,
    #[value(name = "3072")]
    Bits3072,
    #[value(name = "4096")]
    Bits4096,
}

/// `config check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Read every key too, print its check value, and fail if one cannot be read or is another one.
    #[arg(long)]
    pub(crate) keys: bool,
    /// One JSON object for each setting and each key.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsFlags,
}

/// `config`
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print every setting in force and where it is from; fail if they cannot be used.
    #[command(after_long_help = CHECK_EXAMPLES)]
    Check(Check),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Terminals break longer lines wherever they end.
    #[test]
    fn texts_below_the_flags_fit_the_help() {
        fn look_at(command: &clap::Command) {
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= 98, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(look_at);
        }
        look_at(&Cli::command());
    }

    #[test]
    fn listen_may_be_repeated() {
        let cli = Cli::try_parse_from(["sealgate", "serve", "--listen", "a:1", "--listen", "b:2"]).unwrap();
        let Command::Serve(flags) = cli.command else { panic!("another command") };
        assert_eq!(Overrides::from(flags).listen, ["a:1", "b:2"]);
    }
}
