//! Keys that are made by others: those of services, which never leave them, and those of other tools.
//!
//! Nothing is made and nobody is asked here: it is only said what to do.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::cli::NewKey;
use crate::failure::Failure;

/// How a key of a service comes to be.
pub(super) struct Advice {
    kind: &'static str,
    /// Who keeps it.
    service: &'static str,
    /// What makes it there.
    command: String,
    /// What else is to be done, line by line.
    then: Vec<String>,
    /// What to write into the configuration, with places to fill in.
    settings: String,
}

impl Advice {
    /// What to do for a key of a service; `None` for other kinds.
    pub(super) fn of(kind: NewKey, id: &str) -> Option<Self> {
        match kind {
            NewKey::AwsKms => Some(aws_kms(id)),
            NewKey::VaultTransit => Some(vault_transit(id)),
            _ => None,
        }
    }

    /// For people, and at the end of a configuration as it is.
    pub(super) fn text(&self) -> String {
        let then = self.then.join("\n# ");
        format!(
            "# No file was written: the key is made by {} and stays there. This makes it:\n#\n#   {}\n#\n# {then}\n{}",
            self.service, self.command, self.settings
        )
    }

    /// For programs.
    pub(super) fn json(&self, id: &str) -> Value {
        json!({ "id": id, "kind": self.kind, "command": self.command, "settings": self.settings })
    }
}

fn aws_kms(id: &str) -> Advice {
    Advice {
        kind: "aws-kms",
        service: "AWS KMS",
        command: format!(
            "aws kms create-key --key-spec SYMMETRIC_DEFAULT --key-usage ENCRYPT_DECRYPT --description \"Sealgate {id}\" \
             --query KeyMetadata.Arn --output text"
        ),
        then: vec![
            "Put the ARN that it prints in the place of the one below, and allow Sealgate kms:Encrypt and kms:Decrypt on it."
                .to_owned(),
        ],
        settings: format!(
            "[[keys]]\nid = \"{id}\"\nkind = \"aws-kms\"\nkey = \"arn:aws:kms:REGION:ACCOUNT:key/ID\"\n"
        ),
    }
}

fn vault_transit(id: &str) -> Advice {
    Advice {
        kind: "vault-transit",
        service: "OpenBao or Vault",
        command: format!("bao write transit/keys/sealgate-{id} type=aes256-gcm96 derived=true"),
        then: vec![
            "(or `vault` in place of `bao`). Fill in where it is and how to log in (token, role_id with secret_id, or role),"
                .to_owned(),
            format!(
                "and allow \"update\" on transit/encrypt/sealgate-{id} and transit/decrypt/sealgate-{id}."
            ),
        ],
        settings: format!(
            "[[keys]]\nid = \"{id}\"\nkind = \"vault-transit\"\nendpoint = \"https://vault.example.com:8200\"\n\
             key = \"sealgate-{id}\"\ntoken = \"file:/etc/sealgate/vault.token\"\n"
        ),
    }
}

/// Why a kind of key that other tools make is not made here.
pub(super) fn refusal(kind: NewKey) -> Option<Failure> {
    let why = match kind {
        NewKey::Pbkdf2 => {
            "a key of kind \"pbkdf2\" is a password that fileson has already: write it into a file that only you can read, and name that \
             with `secret` (see config/examples/fileson.toml)"
        }
        NewKey::Openpgp => {
            "a key of kind \"openpgp\" is made by gpg: `gpg --armor --export-secret-keys NAME > FILE`, and `secret` names the file (see \
             config/examples/gpg.toml)"
        }
        NewKey::RcloneCrypt => {
            "a key of kind \"rclone-crypt\" is made by rclone: `secret` and `password2` name files with the passwords of its settings (see \
             config/examples/rclone-crypt.toml)"
        }
        _ => return None,
    };
    Some(Failure::Settings(anyhow!(
        "{why}; such keys only read what that tool wrote, and new objects are sealed with another kind"
    )))
}
