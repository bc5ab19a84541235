//! Flags and help of the commands that work on files, without a server and without a store.

use std::path::PathBuf;

use clap::Args;

use super::KeyFlags;
use crate::operate::Address;

/// `encrypt`
#[derive(Debug, Args)]
pub(crate) struct Encrypt {
    /// The object it will be, as `s3://BUCKET/KEY`: its rule holds, and it opens under this name only.
    #[arg(value_name = "OBJECT")]
    pub(crate) address: Address,
    /// What is sealed; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Where the stored bytes go.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Where the user metadata goes that belongs to them, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: PathBuf,
    /// Where the instruction file goes, if the rule writes one.
    #[arg(long, value_name = "FILE")]
    pub(crate) instruction_file: Option<PathBuf>,
    /// How many bytes come on standard input. Without it they must fit 64 MiB of memory.
    #[arg(long, value_name = "BYTES")]
    pub(crate) length: Option<u64>,
    #[command(flatten)]
    pub(crate) keys: KeyFlags,
}

pub(super) const ENCRYPT_EXAMPLES: &str = "\
Examples:
  sealgate encrypt s3://backups/db.tar db.tar --out db.sealed --metadata db.json
  aws s3api put-object --bucket backups --key db.tar --body db.sealed --metadata file://db.json

The files are new: nothing is replaced. Under a rule that writes one of Amazon's formats they are
what Amazon's clients read.";

/// `decrypt`
#[derive(Debug, Args)]
pub(crate) struct Decrypt {
    /// The object it is, as `s3://BUCKET/KEY`: it opens under its own name only.
    #[arg(value_name = "OBJECT")]
    pub(crate) address: Address,
    /// The stored bytes; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Its user metadata: a JSON map, or what `aws s3api head-object` prints.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// The value of the metadata `sealgate`, in place of a file.
    #[arg(long, value_name = "TEXT", conflicts_with = "metadata")]
    pub(crate) envelope: Option<String>,
    /// The value of the metadata `sealgate-m`, if there is one.
    #[arg(long, value_name = "TEXT", requires = "envelope")]
    pub(crate) sealed_metadata: Option<String>,
    /// The object beside it that has its key, in formats that write one: an instruction file, or a side-car.
    #[arg(long, value_name = "FILE")]
    pub(crate) instruction_file: Option<PathBuf>,
    /// Where the content goes. A file appears whole or not at all. Default: standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyFlags,
}

pub(super) const DECRYPT_EXAMPLES: &str = "\
Examples:
  aws s3api get-object --bucket backups --key db.tar db.sealed > db.json
  sealgate decrypt s3://backups/db.tar db.sealed --metadata db.json --out db.tar

What other programs encrypted is opened too, where the rule of that name says which formats are
read. Every byte is verified before it is written. On standard output an object that turns out to
be damaged ends early: mind the exit status, 1.";
