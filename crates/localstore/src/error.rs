//! What can go wrong, and the one place where a failing disk becomes an S3 error.
//!
//! It refuses to put keys or content into a message.

use std::io;
use std::path::{Path, PathBuf};

use s3s::{S3Error, S3ErrorCode, StdError, s3_error};

/// Why a directory could not be opened as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the directory open: stop it or choose another directory.
    #[error("the directory {} is in use by another process, which must end first", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds something else, which a store must not touch: choose an empty one.
    #[error("the directory {} is not empty and holds no object store", path.display())]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The directory was written in a format this version does not know: use the version that wrote it.
    #[error("the directory {} holds a store of an unknown format: {found:?}", path.display())]
    UnknownFormat {
        /// The directory.
        path: PathBuf,
        /// What its `format` file says.
        found: String,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the file system answered.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names the attempt and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// For `map_err`: a failing disk as an S3 error. The cause is logged here and not shown to the client.
pub(crate) fn disk(action: &'static str) -> impl FnOnce(io::Error) -> S3Error {
    move |error| {
        tracing::error!(action, %error, "the directory store failed");
        if error.kind() == io::ErrorKind::StorageFull {
            let mut full = s3_error!(InternalError, "The store's disk is full.");
            full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
            return full;
        }
        S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))
    }
}

/// A request body that broke off, as the S3 error its cause deserves.
pub(crate) fn broken_body(error: StdError) -> S3Error {
    use s3s::stream::aws_chunked_stream::AwsChunkedStreamError;
    use s3s::stream::upload_stream::UploadStreamError;

    let code = if let Some(cause) = error.downcast_ref::<AwsChunkedStreamError>() {
        cause.to_s3_error_code()
    } else if let Some(cause) = error.downcast_ref::<UploadStreamError>() {
        cause.to_s3_error_code()
    } else if error.is::<s3s::BodySizeLimitExceeded>() {
        S3ErrorCode::EntityTooLarge
    } else {
        S3ErrorCode::IncompleteBody
    };
    // The sender is at fault even where the stream below cannot tell.
    let code = if code == S3ErrorCode::InternalError { S3ErrorCode::IncompleteBody } else { code };
    S3Error::with_source(code, error)
}
