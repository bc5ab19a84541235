//! `config check`: the settings in force and where each is from, and, when asked, whether the keys are those that are meant.

use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::json;

use crate::cli::Check;
use crate::failure::Failure;
use crate::settings::{self, Settings};
use crate::wiring;

pub(super) fn check(asked: Check) -> Result<ExitCode, Failure> {
    let Check { keys, json, settings } = asked;
    let overrides = settings.into();
    let report = settings::load(&overrides)?.report;
    if json {
        for line in report.lines() {
            let line = json!({ "event": "setting", "name": line.name, "value": line.value, "source": line.source });
            super::say(&format!("{line}\n"));
        }
    } else {
        super::say(&report.to_string());
    }
    if !keys {
        return Ok(ExitCode::SUCCESS);
    }
    super::with_settings(&overrides, async |settings: Settings| read_keys(&settings, json).await)
}

/// Says of each key by what it is recognised, and fails when one cannot be read or is another one.
async fn read_keys(settings: &Settings, as_json: bool) -> Result<ExitCode, Failure> {
    let mut wrong = 0;
    for key in wiring::key_facts(settings).await? {
        let (check, problem) = match &key.check {
            Ok(check) => (check.map(|check| check.to_string()), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        wrong += u32::from(problem.is_some());
        let (id, kind) = (&key.id, key.kind);
        if as_json {
            let line = json!({ "event": "key", "id": id, "kind": kind, "check": check, "problem": problem });
            super::say(&format!("{line}\n"));
            continue;
        }
        super::say(&match (check, problem) {
            (_, Some(problem)) => format!("key {id} ({kind}): {problem}\n"),
            (Some(check), None) => format!("key {id} ({kind}): check = \"{check}\"\n"),
            (None, None) => format!("key {id} ({kind}): can be read, and has no check value\n"),
        });
    }
    match wrong {
        0 => Ok(ExitCode::SUCCESS),
        wrong => Err(Failure::Settings(anyhow!("{wrong} of the keys cannot be used as they are"))),
    }
}
