//! The command line of the commands that work on stored objects.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::operate::{Address, Manner};
use crate::settings::Overrides;

/// Flags that say where settings are.
#[derive(Debug, Args)]
pub(crate) struct StoreFlags {
    /// The configuration file of the server, read after /etc/sealgate/sealgate.toml (also: `SEALGATE_CONFIG`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory of the server.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The directory with the sealed objects. Only one process can use it: end the server first.
    #[arg(long, value_name = "DIR")]
    store: Option<String>,
}

impl From<StoreFlags> for Overrides {
    fn from(flags: StoreFlags) -> Self {
        let StoreFlags { config, data, store } = flags;
        Self { config, data, store, ..Self::default() }
    }
}

/// Flags that say where keys and rules are, where no store is asked.
#[derive(Debug, Args)]
pub(crate) struct KeyFlags {
    /// The configuration file with keys and rules, read after /etc/sealgate/sealgate.toml (also: `SEALGATE_CONFIG`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory with the keys of a first run.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

impl From<KeyFlags> for Overrides {
    fn from(flags: KeyFlags) -> Self {
        let KeyFlags { config, data } = flags;
        Self { config, data, ..Self::default() }
    }
}

/// Flags of long work.
#[derive(Debug, Args)]
pub(crate) struct WalkFlags {
    /// How many objects at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// How many objects a second are begun at most. Default: as many as the store takes.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// Remember in this file how far the work has come, and go on from there. It is removed when all is done.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// One JSON object a line, on a terminal too.
    #[arg(long)]
    json: bool,
}

impl From<WalkFlags> for Manner {
    fn from(flags: WalkFlags) -> Self {
        let WalkFlags { concurrency, rate, checkpoint, json } = flags;
        Self { concurrency: concurrency.into(), rate, checkpoint, json }
    }
}

/// Which object.
#[derive(Debug, Args)]
pub(crate) struct ObjectFlags {
    /// The object, as `s3://BUCKET/KEY`. The key is taken as it is: nothing in it is decoded.
    #[arg(value_name = "OBJECT")]
    pub(crate) address: Address,
    /// One of its versions. Default: the latest.
    #[arg(long, value_name = "ID")]
    pub(crate) version_id: Option<String>,
}

/// `inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) object: ObjectFlags,
    /// As one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

pub(super) const INSPECT_EXAMPLES: &str = "\
Examples:
  sealgate inspect s3://backups/2026/db.tar
  sealgate inspect --json s3://backups/2026/db.tar | jq .key_id

Exit status: 0 when everything that was checked holds, 1 when not or when there is no such
object, 64 for wrong arguments or settings.";

/// `get`
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) object: ObjectFlags,
    /// Where it goes. A file appears whole or not at all, and replaces none. Default: standard output.
    #[arg(value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

pub(super) const GET_EXAMPLES: &str = "\
Examples:
  sealgate get s3://backups/2026/db.tar db.tar
  sealgate get s3://backups/2026/db.tar | tar x

Every byte is verified before it is written. On standard output an object that turns out to be
damaged ends early: mind the exit status, 1.";

/// `verify`
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Everything there, as `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[arg(value_name = "PREFIX")]
    pub(crate) address: Address,
    /// What is verified.
    #[arg(long, value_enum, default_value_t = Depth::Quick)]
    pub(crate) depth: Depth,
    /// Every version, not only the latest of each object.
    #[arg(long)]
    pub(crate) versions: bool,
    #[command(flatten)]
    pub(crate) walk: WalkFlags,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// How deep `verify` looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Depth {
    /// Envelopes, keys, metadata and footers: a request or two of a few hundred bytes for each object.
    Quick,
    /// Every byte of every object, and every digest that was kept of it.
    Full,
}

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  sealgate verify s3://backups
  sealgate verify --depth full --rate 50 --checkpoint verify.json s3://backups/2026/

Ctrl-C lets what has begun end; a second one ends at once. Nothing is ever changed.
Exit status: 0 when all of it verified, 1 when some objects did not (they are listed), 130 when
interrupted, 64 for wrong arguments or settings.";

/// `rewrap`
#[derive(Debug, Args)]
pub(crate) struct Rewrap {
    /// Everything there, as `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[arg(value_name = "PREFIX")]
    pub(crate) address: Address,
    /// Write. Without it, it is only said what would be written.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Look at old versions too. They cannot be changed where they lie: those under other keys are listed.
    #[arg(long)]
    pub(crate) versions: bool,
    /// In buckets that keep versions, delete the version that was replaced. The new one has the same content.
    #[arg(long)]
    pub(crate) delete_replaced: bool,
    /// Stored objects larger than this are copied in parts. S3 copies 5 GiB in one request.
    #[arg(long, value_name = "BYTES", default_value_t = objects::COPY_LIMIT, value_parser = clap::value_parser!(u64).range(5_242_880..=objects::COPY_LIMIT))]
    pub(crate) copy_limit: u64,
    #[command(flatten)]
    pub(crate) walk: WalkFlags,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

pub(super) const REWRAP_EXAMPLES: &str = "\
Examples:
  What is there to do, after a new key was made primary:
    sealgate rewrap s3://backups

  Do it, slowly, and go on after an interruption:
    sealgate rewrap --apply --rate 100 --checkpoint rewrap.json s3://backups

The store copies each object onto itself with its data key wrapped anew, if it is still the
object that was looked at: content does not move, and what clients write in the meantime stays.
ETags and modification times change.
Exit status: 0 when all of it is under the new key, 1 when some objects failed (they are
listed), 130 when interrupted, 64 for wrong arguments or settings.";

/// `migrate`
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Everything there, as `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[arg(value_name = "FROM")]
    pub(crate) from: Address,
    /// Where it goes: the rest of each key behind this. Default: in place.
    #[arg(value_name = "TO")]
    pub(crate) to: Option<Address>,
    /// Write. Without it, it is only said what would be written.
    #[arg(long)]
    pub(crate) apply: bool,
    /// Store what is sealed as plaintext, where the rule of the target says format = "none".
    #[arg(long)]
    pub(crate) unseal: bool,
    /// Content above this is uploaded in parts.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30, value_parser = clap::value_parser!(u64).range(5_242_880..=objects::COPY_LIMIT))]
    pub(crate) part_above: u64,
    #[command(flatten)]
    pub(crate) walk: WalkFlags,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

pub(super) const MIGRATE_EXAMPLES: &str = "\
Examples:
  Seal what lies in a bucket as plaintext, whose rule has contents = \"mixed\" and
  reads = [\"plaintext\"]:
    sealgate migrate s3://backups
    sealgate migrate --apply --checkpoint migrate.json s3://backups

  Seal into another bucket, and leave the first one as it is:
    sealgate migrate --apply s3://plain/2026/ s3://sealed/2026/

  Out again, to a bucket whose rule says format = \"none\":
    sealgate migrate --apply --unseal s3://sealed s3://plain

  What other programs encrypted, where its rule names the format in reads:
    sealgate migrate --apply s3://archive

Metadata, tags, content headers, storage class and locks are kept; old versions and ACLs are not
looked at. In place an object is only replaced if it is still the one that was read; elsewhere
nothing that is there is replaced. What was written is read again and compared.
Exit status: 0 when all of it is as it should be, 1 when some objects failed (they are listed),
130 when interrupted, 64 for wrong arguments or settings.";

/// `doctor`
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Where to look at permissions and at what the store can do, as `s3://BUCKET` or `s3://BUCKET/PREFIX`.
    #[arg(value_name = "PREFIX")]
    pub(crate) address: Option<Address>,
    /// Write there under a new name, 10 MiB in all, and remove it again: what a store can do shows only so.
    #[arg(long)]
    pub(crate) write: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  sealgate doctor
  sealgate doctor --write s3://backups

Looks at settings, keys, name, port, certificate, credentials and clock; in a bucket at
permissions, ETags, conditions, copies, parts and checksums.
Exit status: 0 when nothing failed (there may be warnings), 1 when something did, 64 for wrong
arguments or settings.";

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  sealgate completions bash > /etc/bash_completion.d/sealgate
  sealgate completions zsh > ~/.zfunc/_sealgate";
