//! The rows: every operation of S3, most specific first, with what becomes of it.
//!
//! A line reads: method, level, name, `[query parameters that select it]`, `{header that selects it}`, `(parameters it
//! understands besides)`, what a client needs for it, and the verdict.

use super::Verdict::{Passed, Refused, Served};
use super::{Row, Verdict};
use crate::identity::Need;
use crate::target::Level;

macro_rules! operations {
    ($($method:ident $level:ident $name:ident $([$($selector:literal),*])? $({$header:literal})? ($($param:literal),* $(,)?) $need:ident $verdict:expr;)*) => {
        /// Every operation that has a row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the S3 API")]
        pub enum Operation { $($name,)* }

        /// The table, most specific first.
        pub const ROWS: &[Row] = &[$(Row {
            operation: Operation::$name,
            name: stringify!($name),
            method: stringify!($method),
            level: Level::$level,
            selectors: &[$($($selector),*)?],
            header: concat!($($header)?),
            params: &[$($param),*],
            need: Need::$need,
            verdict: $verdict,
        },)*];
    };
}

const CIPHERTEXT: Verdict = Refused("the store only holds ciphertext, so it cannot look into objects");
const ANNOTATIONS: Verdict = Refused("annotations would be stored unsealed");
const DIRECTORY: Verdict =
    Refused("directory buckets need sessions with the store's own credentials, which clients do not have");

operations! {
    GET Service ListDirectoryBuckets ["max-directory-buckets"] ("continuation-token") Look DIRECTORY;
    GET Service ListBuckets ("max-buckets", "continuation-token", "prefix", "bucket-region") Look Served;

    GET Bucket CreateSession ["session"] () Administer DIRECTORY;
    GET Bucket GetBucketAnalyticsConfiguration ["analytics", "id"] () Look Passed;
    GET Bucket ListBucketAnalyticsConfigurations ["analytics"] ("continuation-token") Look Passed;
    GET Bucket GetBucketIntelligentTieringConfiguration ["intelligent-tiering", "id"] () Look Passed;
    GET Bucket ListBucketIntelligentTieringConfigurations ["intelligent-tiering"] ("continuation-token") Look Passed;
    GET Bucket GetBucketInventoryConfiguration ["inventory", "id"] () Look Passed;
    GET Bucket ListBucketInventoryConfigurations ["inventory"] ("continuation-token") Look Passed;
    GET Bucket GetBucketMetricsConfiguration ["metrics", "id"] () Look Passed;
    GET Bucket ListBucketMetricsConfigurations ["metrics"] ("continuation-token") Look Passed;
    GET Bucket GetBucketAbac ["abac"] () Look Passed;
    GET Bucket GetBucketAccelerateConfiguration ["accelerate"] () Look Passed;
    GET Bucket GetBucketAcl ["acl"] () Look Passed;
    GET Bucket GetBucketCors ["cors"] () Look Passed;
    GET Bucket GetBucketEncryption ["encryption"] () Look Passed;
    GET Bucket GetBucketLifecycleConfiguration ["lifecycle"] () Look Passed;
    GET Bucket GetBucketLocation ["location"] () Look Passed;
    GET Bucket GetBucketLogging ["logging"] () Look Passed;
    GET Bucket GetBucketMetadataConfiguration ["metadataConfiguration"] () Look Passed;
    GET Bucket GetBucketMetadataTableConfiguration ["metadataTable"] () Look Passed;
    GET Bucket GetBucketNotificationConfiguration ["notification"] () Look Passed;
    GET Bucket GetBucketOwnershipControls ["ownershipControls"] () Look Passed;
    GET Bucket GetBucketPolicy ["policy"] () Look Passed;
    GET Bucket GetBucketPolicyStatus ["policyStatus"] () Look Passed;
    GET Bucket GetBucketReplication ["replication"] () Look Passed;
    GET Bucket GetBucketRequestPayment ["requestPayment"] () Look Passed;
    GET Bucket GetBucketTagging ["tagging"] () Look Passed;
    GET Bucket GetBucketVersioning ["versioning"] () Look Passed;
    GET Bucket GetBucketWebsite ["website"] () Look Passed;
    GET Bucket GetObjectLockConfiguration ["object-lock"] () Look Passed;
    GET Bucket GetPublicAccessBlock ["publicAccessBlock"] () Look Passed;
    GET Bucket ListMultipartUploads ["uploads"] ("prefix", "delimiter", "encoding-type", "max-uploads", "key-marker", "upload-id-marker") Look Served;
    GET Bucket ListObjectVersions ["versions"] ("prefix", "delimiter", "encoding-type", "max-keys", "key-marker", "version-id-marker") Look Served;
    GET Bucket ListObjectsV2 ["list-type"] ("prefix", "delimiter", "encoding-type", "max-keys", "continuation-token", "start-after", "fetch-owner") Look Served;
    GET Bucket ListObjects ("prefix", "delimiter", "encoding-type", "max-keys", "marker") Look Served;

    HEAD Bucket HeadBucket () Look Passed;

    PUT Bucket PutBucketAnalyticsConfiguration ["analytics"] ("id") Administer Passed;
    PUT Bucket PutBucketIntelligentTieringConfiguration ["intelligent-tiering"] ("id") Administer Passed;
    PUT Bucket PutBucketInventoryConfiguration ["inventory"] ("id") Administer Passed;
    PUT Bucket PutBucketMetricsConfiguration ["metrics"] ("id") Administer Passed;
    PUT Bucket PutBucketAbac ["abac"] () Administer Passed;
    PUT Bucket PutBucketAccelerateConfiguration ["accelerate"] () Administer Passed;
    PUT Bucket PutBucketAcl ["acl"] () Administer Passed;
    PUT Bucket PutBucketCors ["cors"] () Administer Passed;
    PUT Bucket PutBucketEncryption ["encryption"] () Administer Passed;
    PUT Bucket PutBucketLifecycleConfiguration ["lifecycle"] () Administer Passed;
    PUT Bucket PutBucketLogging ["logging"] () Administer Passed;
    PUT Bucket PutBucketNotificationConfiguration ["notification"] () Administer Passed;
    PUT Bucket PutBucketOwnershipControls ["ownershipControls"] () Administer Passed;
    PUT Bucket PutBucketPolicy ["policy"] () Administer Passed;
    PUT Bucket PutBucketReplication ["replication"] () Administer Passed;
    PUT Bucket PutBucketRequestPayment ["requestPayment"] () Administer Passed;
    PUT Bucket PutBucketTagging ["tagging"] () Administer Passed;
    PUT Bucket PutBucketVersioning ["versioning"] () Administer Passed;
    PUT Bucket PutBucketWebsite ["website"] () Administer Passed;
    PUT Bucket PutObjectLockConfiguration ["object-lock"] () Administer Passed;
    PUT Bucket PutPublicAccessBlock ["publicAccessBlock"] () Administer Passed;
    PUT Bucket UpdateBucketMetadataAnnotationTableConfiguration ["metadataAnnotationTable"] () Administer Passed;
    PUT Bucket UpdateBucketMetadataInventoryTableConfiguration ["metadataInventoryTable"] () Administer Passed;
    PUT Bucket UpdateBucketMetadataJournalTableConfiguration ["metadataJournalTable"] () Administer Passed;
    PUT Bucket CreateBucket () Write Passed;

    DELETE Bucket DeleteBucketAnalyticsConfiguration ["analytics"] ("id") Administer Passed;
    DELETE Bucket DeleteBucketIntelligentTieringConfiguration ["intelligent-tiering"] ("id") Administer Passed;
    DELETE Bucket DeleteBucketInventoryConfiguration ["inventory"] ("id") Administer Passed;
    DELETE Bucket DeleteBucketMetricsConfiguration ["metrics"] ("id") Administer Passed;
    DELETE Bucket DeleteBucketCors ["cors"] () Administer Passed;
    DELETE Bucket DeleteBucketEncryption ["encryption"] () Administer Passed;
    DELETE Bucket DeleteBucketLifecycle ["lifecycle"] () Administer Passed;
    DELETE Bucket DeleteBucketMetadataConfiguration ["metadataConfiguration"] () Administer Passed;
    DELETE Bucket DeleteBucketMetadataTableConfiguration ["metadataTable"] () Administer Passed;
    DELETE Bucket DeleteBucketOwnershipControls ["ownershipControls"] () Administer Passed;
    DELETE Bucket DeleteBucketPolicy ["policy"] () Administer Passed;
    DELETE Bucket DeleteBucketReplication ["replication"] () Administer Passed;
    DELETE Bucket DeleteBucketTagging ["tagging"] () Administer Passed;
    DELETE Bucket DeleteBucketWebsite ["website"] () Administer Passed;
    DELETE Bucket DeletePublicAccessBlock ["publicAccessBlock"] () Administer Passed;
    DELETE Bucket DeleteBucket () Write Served;

    POST Bucket CreateBucketMetadataConfiguration ["metadataConfiguration"] () Administer Passed;
    POST Bucket CreateBucketMetadataTableConfiguration ["metadataTable"] () Administer Passed;
    POST Bucket DeleteObjects ["delete"] () Write Served;
    POST Bucket WriteGetObjectResponse {"x-amz-request-route"} () Write CIPHERTEXT;
    POST Bucket PostObject () Write Served;

    GET Object GetObjectAnnotation ["annotation", "annotationName"] ("versionId") Read ANNOTATIONS;
    GET Object ListObjectAnnotations ["annotation"] ("versionId", "annotation-prefix", "continuation-token", "max-annotation-results") Look ANNOTATIONS;
    GET Object GetObjectAttributes ["attributes"] ("versionId") Look Served;
    GET Object GetObjectAcl ["acl"] ("versionId") Look Passed;
    GET Object GetObjectLegalHold ["legal-hold"] ("versionId") Look Passed;
    GET Object GetObjectRetention ["retention"] ("versionId") Look Passed;
    GET Object GetObjectTagging ["tagging"] ("versionId") Look Passed;
    GET Object GetObjectTorrent ["torrent"] () Read CIPHERTEXT;
    GET Object ListParts ["uploadId"] ("max-parts", "part-number-marker") Look Served;
    GET Object GetObject ("versionId", "partNumber", "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires") Read Served;

    HEAD Object HeadObject ("versionId", "partNumber", "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type", "response-expires") Look Served;

    PUT Object PutObjectAnnotation ["annotation"] ("annotationName", "versionId") Write ANNOTATIONS;
    PUT Object RenameObject ["renameObject"] () Write Refused("an object's key is wrapped for its name; copy it and delete the old one");
    PUT Object PutObjectAcl ["acl"] ("versionId") Administer Passed;
    PUT Object PutObjectLegalHold ["legal-hold"] ("versionId") Write Passed;
    PUT Object PutObjectRetention ["retention"] ("versionId") Write Passed;
    PUT Object PutObjectTagging ["tagging"] ("versionId") Write Passed;
    PUT Object UpdateObjectEncryption ["encryption"] ("versionId") Write Passed;
    PUT Object UploadPartCopy ["uploadId"] {"x-amz-copy-source"} ("partNumber") Write Served;
    PUT Object UploadPart ["uploadId"] ("partNumber") Write Served;
    PUT Object CopyObject {"x-amz-copy-source"} () Write Served;
    PUT Object PutObject () Write Served;

    DELETE Object DeleteObjectAnnotation ["annotation"] ("annotationName", "versionId") Write ANNOTATIONS;
    DELETE Object DeleteObjectTagging ["tagging"] ("versionId") Write Passed;
    DELETE Object AbortMultipartUpload ["uploadId"] () Write Served;
    DELETE Object DeleteObject ("versionId") Write Served;

    POST Object SelectObjectContent ["select"] ("select-type") Read CIPHERTEXT;
    POST Object CreateMultipartUpload ["uploads"] () Write Served;
    POST Object RestoreObject ["restore"] ("versionId") Write Passed;
    POST Object CompleteMultipartUpload ["uploadId"] () Write Served;
}
