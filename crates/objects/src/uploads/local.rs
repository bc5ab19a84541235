//! Upload state in one local file: transactional, so that it survives a kill at any point.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use redb::{Database, ReadableDatabase as _, TableDefinition};

use super::{BegunUpload, StateError, UploadName, UploadState};

/// Uploads by name, as JSON.
const UPLOADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("uploads 1");
/// Sealed records by `name/part`.
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records 1");
/// Sealed bytes of held parts by `name/part`.
const HELD: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("held 1");

/// Upload state in a local file.
#[derive(Clone)]
pub struct LocalUploads(Arc<Database>);

impl LocalUploads {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be opened, is no such file, or is in use by another process.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let database = Database::create(path).map_err(failed)?;
        let this = Self(Arc::new(database));
        this.write(|_| Ok(()))?;
        Ok(this)
    }

    fn write(&self, change: impl FnOnce(&mut Tables<'_>) -> Result<(), redb::Error>) -> Result<(), StateError> {
        let transaction = self.0.begin_write().map_err(failed)?;
        {
            let mut tables = Tables {
                uploads: transaction.open_table(UPLOADS).map_err(failed)?,
                records: transaction.open_table(RECORDS).map_err(failed)?,
                held: transaction.open_table(HELD).map_err(failed)?,
            };
            change(&mut tables).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Runs what waits for the disk where waiting hurts nobody.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this)).await.map_err(failed)?
    }

    fn value(&self, table: TableDefinition<'static, &str, &[u8]>, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let table = self.0.begin_read().map_err(failed)?.open_table(table).map_err(failed)?;
        let value = table.get(key).map_err(failed)?;
        Ok(value.map(|value| value.value().to_vec()))
    }
}

/// The tables of a write.
struct Tables<'a> {
    uploads: redb::Table<'a, &'static str, &'static [u8]>,
    records: redb::Table<'a, &'static str, &'static [u8]>,
    held: redb::Table<'a, &'static str, &'static [u8]>,
}

#[async_trait]
impl UploadState for LocalUploads {
    async fn begin(&self, name: &UploadName, upload: &BegunUpload) -> Result<(), StateError> {
        let (name, value) = (name.clone(), serde_json::to_vec(upload).map_err(failed)?);
        self.blocking(move |this| {
            this.write(|tables| {
                tables.uploads.insert(name.as_str(), value.as_slice())?;
                Ok(())
            })
        })
        .await
    }

    async fn find(&self, name: &UploadName) -> Result<Option<BegunUpload>, StateError> {
        let name = name.clone();
        let value = self.blocking(move |this| this.value(UPLOADS, name.as_str())).await?;
        value.map(|value| serde_json::from_slice(&value).map_err(failed)).transpose()
    }

    async fn keep(&self, name: &UploadName, part: u16, record: Vec<u8>, held: Option<Bytes>) -> Result<(), StateError> {
        let place = place(name, part);
        self.blocking(move |this| {
            this.write(|tables| {
                tables.records.insert(place.as_str(), record.as_slice())?;
                match held {
                    Some(held) => tables.held.insert(place.as_str(), held.as_ref())?,
                    None => tables.held.remove(place.as_str())?,
                };
                Ok(())
            })
        })
        .await
    }

    async fn records(&self, name: &UploadName) -> Result<Vec<(u16, Vec<u8>)>, StateError> {
        let (first, last) = (place(name, 0), place(name, u16::MAX));
        self.blocking(move |this| {
            let table = this.0.begin_read().map_err(failed)?.open_table(RECORDS).map_err(failed)?;
            let mut records = Vec::new();
            for entry in table.range(first.as_str()..=last.as_str()).map_err(failed)? {
                let (place, record) = entry.map_err(failed)?;
                let part = place.value().rsplit('/').next().and_then(|part| part.parse().ok());
                records.push((part.ok_or_else(|| failed("a record without a part number"))?, record.value().to_vec()));
            }
            Ok(records)
        })
        .await
    }

    async fn held(&self, name: &UploadName, part: u16) -> Result<Option<Bytes>, StateError> {
        let place = place(name, part);
        Ok(self.blocking(move |this| this.value(HELD, &place)).await?.map(Bytes::from))
    }

    async fn forget(&self, name: &UploadName) -> Result<(), StateError> {
        let name = name.clone();
        self.blocking(move |this| {
            let (first, last) = (place(&name, 0), place(&name, u16::MAX));
            this.write(|tables| {
                tables.uploads.remove(name.as_str())?;
                tables.records.retain_in(first.as_str()..=last.as_str(), |_, _| false)?;
                tables.held.retain_in(first.as_str()..=last.as_str(), |_, _| false)?;
                Ok(())
            })
        })
        .await
    }
}

/// Sorts by part number within an upload.
fn place(name: &UploadName, part: u16) -> String {
    format!("{}/{part:05}", name.as_str())
}

fn failed(error: impl std::fmt::Display) -> StateError {
    StateError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectRef;

    fn name(key: &str) -> UploadName {
        UploadName::new(&ObjectRef { bucket: "b".into(), key: key.into(), version: None }, "id")
    }

    #[tokio::test]
    async fn what_is_kept_survives_reopening_and_is_forgotten_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("uploads");
        let upload = BegunUpload { bucket: "b".into(), key: "a".into(), store_id: "id".into(), token: "t".into() };
        {
            let state = LocalUploads::open(&path).unwrap();
            state.begin(&name("a"), &upload).await.unwrap();
            state.keep(&name("a"), 2, b"two".to_vec(), Some(Bytes::from_static(b"held"))).await.unwrap();
            state.keep(&name("a"), 10_000, b"last".to_vec(), None).await.unwrap();
            state.keep(&name("a"), 1, b"one".to_vec(), None).await.unwrap();
            state.keep(&name("other"), 1, b"other".to_vec(), None).await.unwrap();
        }
        let state = LocalUploads::open(&path).unwrap();
        assert_eq!(state.find(&name("a")).await.unwrap(), Some(upload));
        let records = state.records(&name("a")).await.unwrap();
        assert_eq!(records, [(1, b"one".to_vec()), (2, b"two".to_vec()), (10_000, b"last".to_vec())]);
        assert_eq!(state.held(&name("a"), 2).await.unwrap().unwrap(), "held");
        state.keep(&name("a"), 2, b"again".to_vec(), None).await.unwrap();
        assert_eq!(state.held(&name("a"), 2).await.unwrap(), None, "the new attempt is not held");
        state.forget(&name("a")).await.unwrap();
        assert!(state.records(&name("a")).await.unwrap().is_empty());
        assert_eq!(state.find(&name("a")).await.unwrap(), None);
        assert_eq!(state.records(&name("other")).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("uploads");
        std::fs::write(&path, "not a database at all").unwrap();
        assert!(LocalUploads::open(&path).is_err());
    }
}
