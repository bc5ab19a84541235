//! Rules as the settings have them, in the terms of `objects`, each with its keys.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use keyring::MasterKeys;
use objects::{BindingMode, EtagMode, ForeignPolicy, MetadataMode, Rule, WriteFormat};

use super::keys::Keys;
use crate::settings::{Binding, Contents, ForeignSettings, RuleSettings};

/// Every rule with its keys.
pub(super) fn rules(settings: &[RuleSettings], keys: &Keys) -> anyhow::Result<Vec<Rule>> {
    settings.iter().map(|settings| rule(settings, keys)).collect()
}

fn rule(settings: &RuleSettings, keys: &Keys) -> anyhow::Result<Rule> {
    let foreign = settings.foreign.as_ref().map(|foreign| foreign_policy(foreign, &keys.masters));
    let foreign = foreign.transpose()?.map(Arc::new);
    let can_write = foreign.as_ref().is_some_and(|policy| policy.keys.iter().any(|key| key.secret.kind().is_some()));
    if matches!(settings.format, WriteFormat::S3Ec(_)) && !can_write {
        return Err(anyhow!(
            "the rule for \"{}\" writes one of Amazon's formats and has no key for it: add one of kind \"aes\", \"rsa\" or \"aws-kms\" \
             under [[keys]]",
            settings.bucket
        ));
    }
    let keyring = keys.of_rule(settings).with_context(|| format!("the rule for \"{}\"", settings.bucket))?;
    Ok(Rule {
        buckets: settings.bucket.clone(),
        prefix: settings.prefix.clone(),
        format: settings.format,
        contents: match settings.contents {
            Contents::Sealed => objects::Contents::Sealed,
            Contents::Mixed => objects::Contents::Mixed,
            Contents::Plain => objects::Contents::Plain,
            Contents::Foreign(format) => objects::Contents::Foreign(format),
        },
        reads_plaintext: settings.reads_plaintext,
        etag: if settings.md5_etags { EtagMode::Md5 } else { EtagMode::Opaque },
        binding: match settings.binding {
            Binding::Object => BindingMode::Object,
            Binding::Key => BindingMode::Key,
            Binding::None => BindingMode::None,
        },
        metadata: if settings.clear_metadata { MetadataMode::Clear } else { MetadataMode::Sealed },
        bucket_identity: settings.bucket_identity.clone(),
        foreign,
        writes_instruction_files: settings.writes_instruction_files,
        keyring: Arc::new(keyring),
    })
}

fn foreign_policy(settings: &ForeignSettings, keys: &MasterKeys) -> anyhow::Result<ForeignPolicy> {
    let keys = match &settings.keys {
        None => keys.clone(),
        Some(ids) => {
            let ids: Result<Vec<_>, _> = ids.iter().map(|id| id.parse()).collect();
            keys.named(&ids.map_err(|error| anyhow!("a key's id is not usable: {error}"))?)?
        }
    };
    Ok(ForeignPolicy {
        reads: settings.reads.clone(),
        s3ec: settings.s3ec.clone(),
        keys,
        context: settings.context.clone(),
        instruction_suffix: settings.instruction_suffix.clone(),
        padding: settings.padding,
        md5_metadata: settings.md5_metadata.clone(),
        sidecar_suffix: settings.sidecar_suffix.clone(),
    })
}
