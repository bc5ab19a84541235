//! The keys that were here before, so that another one under an old id is noticed before anything is written with it.
//!
//! A small file in the data directory says by what each key is recognised: its check value, or what the key of a service
//! once wrapped. `serve` keeps it; commands compare and write nothing. Nothing in it is secret, and nothing in it is needed
//! to read objects.

mod record;

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use futures::future::join_all;

use self::record::{Known, Mark, Record};
use super::keys::Recognised;
use crate::failure::Failure;
use crate::files;
use crate::firstrun;
use crate::settings::Settings;

/// What it is called in the data directory.
const FILE: &str = "known-keys.toml";

/// Keys that were compared with what is known of them, and perhaps are to be remembered.
pub(super) struct Compared {
    record: Record,
    path: Option<PathBuf>,
    /// Those of which nothing is known.
    strangers: Vec<Recognised>,
}

/// Compares every key with what is known of it, and asks services about those of theirs that write.
///
/// # Errors
/// [`Failure::Settings`] when one is another key than before, or when what is known cannot be read.
pub(super) async fn compare(settings: &Settings, keys: &[Recognised]) -> Result<Compared, Failure> {
    let path = firstrun::data_directory(&settings.data).ok().map(|data| data.join(FILE));
    let record = match &path {
        Some(path) => Record::read(path).map_err(Failure::Settings)?,
        None => Record::default(),
    };
    let mut strangers = Vec::new();
    let compared = keys.iter().map(|key| async {
        match record.get(&key.id) {
            Some(known) => compare_one(key, known).await.map(|()| None),
            None => Ok(Some(key.clone())),
        }
    });
    for compared in join_all(compared).await {
        let place = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        strangers.extend(compared.map_err(|changed| Failure::Settings(changed.said(&place)))?);
    }
    Ok(Compared { record, path, strangers })
}

/// Another key under an id that is known.
struct Changed {
    id: String,
    was: String,
    is: String,
}

impl Changed {
    fn said(&self, file: &str) -> anyhow::Error {
        let Self { id, was, is } = self;
        anyhow!(
            "key {id} is not the key that was used under this id before: {file} knows {was}, and {is}. Nothing was written with it. Put the \
             old key back; or, if the change is meant, give the new key an id of its own and keep the old one to read with; or, only if \
             nothing was ever written with the old one, delete [keys.\"{id}\"] in that file"
        )
    }
}

async fn compare_one(key: &Recognised, known: &Known) -> Result<(), Changed> {
    let changed = |is: String| Changed { id: key.id.clone(), was: known.to_string(), is };
    if key.kind != known.kind {
        return Err(changed(format!("the one that is there is of kind \"{}\"", key.kind)));
    }
    match (&known.mark, key.check, &key.service) {
        (Mark::Check(was), Some(is), _) if *was != is => Err(changed(format!("the one that is there has {is}"))),
        (Mark::Canary(canary), _, Some(service)) if key.writes => match service.knows(canary).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(changed("the service does not unwrap that with the key it has now".to_owned())),
            Err(error) => {
                tracing::warn!(key_id = key.id, %error, "it cannot be told whether this is the key that it was");
                Ok(())
            }
        },
        _ => Ok(()),
    }
}

impl Compared {
    /// Remembers the keys that are new. Where that is not possible, it is said and nothing else: `check` does the same there.
    pub(super) async fn remember(mut self) {
        let marks = join_all(self.strangers.iter().map(mark)).await;
        let known: Vec<_> = self.strangers.iter().zip(marks).filter_map(|(key, mark)| Some((key, mark?))).collect();
        if known.is_empty() {
            return;
        }
        for (key, mark) in known {
            self.record.insert(key.id.clone(), Known { kind: key.kind.to_owned(), mark });
        }
        if let Err(error) = self.write() {
            let why = format!("{error:#}");
            tracing::warn!(
                why,
                "keys cannot be remembered, so another key under the same id would not be noticed; `check` in [[keys]] does the same"
            );
        }
    }

    fn write(&self) -> anyhow::Result<()> {
        let Some(path) = &self.path else { bail!("there is no data directory") };
        if let Some(data) = path.parent() {
            files::create_directory(data)?;
        }
        files::replace(path, self.record.text().as_bytes())
    }
}

/// By what a key will be recognised; `None` where that cannot be had now, or is not worth asking for.
async fn mark(key: &Recognised) -> Option<Mark> {
    if let Some(check) = key.check {
        return Some(Mark::Check(check));
    }
    let service = key.service.as_ref().filter(|_| key.writes)?;
    match service.canary().await {
        Ok(canary) => canary.map(Mark::Canary),
        Err(error) => {
            tracing::warn!(key_id = key.id, %error, "the key cannot be remembered for now");
            None
        }
    }
}
