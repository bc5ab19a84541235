//! The unfinished uploads of one bucket: in memory in the order of listings, on disk one directory each.
//!
//! Their number is small beside that of objects, so a listing walks over all of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use s3s::{S3Result, s3_error};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::commit::{create_directory, sync_directory, write_small};
use crate::index::Query;
use crate::multipart::{Intent, Multipart};
use crate::path;

/// Digits of an upload's name. The first twelve are the time, so that the order of names is that of initiation.
const ID_LEN: usize = 32;

/// Name of the key, then of the upload: the order S3 lists uploads in.
type Name = (String, String);

/// Every unfinished upload of a bucket.
#[derive(Debug)]
pub(crate) struct Multiparts {
    directory: PathBuf,
    uploads: RwLock<BTreeMap<Name, Arc<Multipart>>>,
}

/// Where a listing of uploads begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    First,
    /// Behind all uploads of a key.
    AfterKey(String),
    /// Behind one upload of a key.
    AfterUpload(String, String),
    /// Behind everything that begins with a common prefix already listed.
    AfterPrefix(String),
}

/// An upload, or all uploads below a common prefix.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Upload(Arc<Multipart>),
    Prefix(String),
}

impl Multiparts {
    pub(crate) fn new(bucket: &Path) -> Self {
        Self { directory: path::uploads(bucket), uploads: RwLock::default() }
    }

    /// Reads the uploads of a bucket that has just been opened. `finished` tells whether the object of an upload was
    /// already committed when the process ended; only its parts are then left to be removed.
    pub(crate) fn load(&self, finished: impl Fn(&Multipart) -> bool) -> io::Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let directory = entry?.path();
            let Some(id) = upload_id(&directory) else {
                tracing::warn!(path = %directory.display(), "this is no upload and is left alone");
                continue;
            };
            match Multipart::load(id, directory.clone()) {
                Ok(multipart) if finished(&multipart) => fs::remove_dir_all(&directory)?,
                Ok(multipart) => self.insert(multipart),
                Err(error) => {
                    tracing::error!(path = %directory.display(), %error, "an upload is damaged and left out");
                }
            }
        }
        Ok(())
    }

    /// Begins an upload: first aside, then in one rename.
    pub(crate) fn begin(&self, intent: Intent, staged: &Path, record: PathBuf) -> io::Result<Arc<Multipart>> {
        let id = new_id();
        let directory = self.directory.join(&id);
        create_directory(staged)?;
        write_small(record, &path::upload_record(staged), &serde_json::to_vec(&intent)?)?;
        if !self.directory.exists() {
            create_directory(&self.directory)?;
            self.directory.parent().map_or(Ok(()), sync_directory)?;
        }
        fs::rename(staged, &directory)?;
        sync_directory(&self.directory)?;
        Ok(self.insert_shared(Multipart::new(id, intent, directory)))
    }

    /// The upload of this name for this key.
    pub(crate) fn find(&self, key: &str, id: &str) -> S3Result<Arc<Multipart>> {
        let name = (key.to_owned(), id.to_owned());
        self.read().get(&name).cloned().ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Forgets an upload that has ended.
    pub(crate) fn forget(&self, multipart: &Multipart) {
        self.write().remove(&name(multipart));
    }

    /// One page in the order of keys and then of initiation, and whether more follow. The query's position is not looked
    /// at: that of uploads is finer.
    pub(crate) fn page(&self, query: &Query<'_>, from: &Start) -> (Vec<Item>, bool) {
        let mut items: Vec<Item> = Vec::new();
        if query.limit == 0 {
            return (items, false);
        }
        for ((key, _), multipart) in self.read().range(from.bounds()) {
            if !key.starts_with(query.prefix) || from.covers(key) {
                continue;
            }
            let item = query.common_prefix(key).map(str::to_owned);
            if let (Some(Item::Prefix(last)), Some(prefix)) = (items.last(), &item)
                && last == prefix
            {
                continue;
            }
            if items.len() == query.limit {
                return (items, true);
            }
            items.push(item.map_or_else(|| Item::Upload(Arc::clone(multipart)), Item::Prefix));
        }
        (items, false)
    }

    fn insert(&self, multipart: Multipart) {
        self.insert_shared(multipart);
    }

    fn insert_shared(&self, multipart: Multipart) -> Arc<Multipart> {
        let multipart = Arc::new(multipart);
        self.write().insert(name(&multipart), Arc::clone(&multipart));
        multipart
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Name, Arc<Multipart>>> {
        self.uploads.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Name, Arc<Multipart>>> {
        self.uploads.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Start {
    fn bounds(&self) -> (Bound<Name>, Bound<Name>) {
        let start = match self {
            Self::First => Bound::Unbounded,
            Self::AfterKey(key) | Self::AfterPrefix(key) => Bound::Included((key.clone(), String::new())),
            Self::AfterUpload(key, id) => Bound::Excluded((key.clone(), id.clone())),
        };
        (start, Bound::Unbounded)
    }

    /// Whether a key within the bounds was nevertheless listed before.
    fn covers(&self, key: &str) -> bool {
        match self {
            Self::First | Self::AfterUpload(..) => false,
            Self::AfterKey(listed) => key == listed,
            Self::AfterPrefix(prefix) => key.starts_with(prefix.as_str()),
        }
    }
}

fn name(multipart: &Multipart) -> Name {
    (multipart.intent.key.clone(), multipart.id.clone())
}

fn new_id() -> String {
    let milliseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    let mut id = format!("{milliseconds:012x}{}", Uuid::new_v4().simple());
    id.truncate(ID_LEN);
    id
}

fn upload_id(directory: &Path) -> Option<String> {
    let name = directory.file_name()?.to_str()?;
    let valid = name.len() == ID_LEN && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    (valid && directory.is_dir()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Position;
    use crate::record::Moment;

    fn uploads(keys: &[&str]) -> Multiparts {
        let multiparts = Multiparts::new(Path::new("bucket"));
        for (number, key) in keys.iter().enumerate() {
            let intent = Intent {
                key: (*key).to_owned(),
                initiated: Moment::now(),
                headers: BTreeMap::new(),
                metadata: BTreeMap::new(),
                tags: BTreeMap::new(),
                checksum_algorithm: None,
                checksum_type: None,
            };
            multiparts.insert(Multipart::new(format!("{number:02}"), intent, PathBuf::new()));
        }
        multiparts
    }

    fn names(multiparts: &Multiparts, delimiter: Option<&str>, from: &Start, limit: usize) -> (String, bool) {
        let query = Query { prefix: "", delimiter, from: &Position::Start, limit };
        let (items, truncated) = multiparts.page(&query, from);
        let name = |item: &Item| match item {
            Item::Upload(multipart) => format!("{}:{}", multipart.intent.key, multipart.id),
            Item::Prefix(prefix) => prefix.clone(),
        };
        (items.iter().map(name).collect::<Vec<_>>().join(" "), truncated)
    }

    #[test]
    fn uploads_of_one_key_are_listed_in_order_and_page_by_page() {
        let multiparts = uploads(&["b", "a", "b", "c"]);
        assert_eq!(names(&multiparts, None, &Start::First, 9), ("a:01 b:00 b:02 c:03".to_owned(), false));
        assert_eq!(names(&multiparts, None, &Start::First, 2), ("a:01 b:00".to_owned(), true));
        let behind_one = Start::AfterUpload("b".to_owned(), "00".to_owned());
        assert_eq!(names(&multiparts, None, &behind_one, 2), ("b:02 c:03".to_owned(), false));
        assert_eq!(names(&multiparts, None, &Start::AfterKey("b".to_owned()), 2), ("c:03".to_owned(), false));
        assert_eq!(names(&multiparts, None, &Start::First, 0), (String::new(), false));
    }

    #[test]
    fn uploads_below_a_common_prefix_are_one_item() {
        let multiparts = uploads(&["a/1", "a/2", "b", "c/1"]);
        assert_eq!(names(&multiparts, Some("/"), &Start::First, 9), ("a/ b:02 c/".to_owned(), false));
        assert_eq!(names(&multiparts, Some("/"), &Start::First, 1), ("a/".to_owned(), true));
        let behind = Start::AfterPrefix("a/".to_owned());
        assert_eq!(names(&multiparts, Some("/"), &behind, 1), ("b:02".to_owned(), true));
    }

    #[test]
    fn names_of_uploads_can_be_told_from_anything_else() {
        let (directory, id) = (tempfile::tempdir().unwrap(), new_id());
        fs::create_dir(directory.path().join(&id)).unwrap();
        assert_eq!(upload_id(&directory.path().join(&id)), Some(id));
        assert_eq!(upload_id(directory.path()), None);
    }
}
