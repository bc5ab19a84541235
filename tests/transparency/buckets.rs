//! What a store does with a bucket: every sub-resource put, read and deleted, well and badly.

use crate::pair::{Step, same};

const VERSIONING: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const LOCK: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";

/// A sub-resource and a document it takes.
const SETTINGS: &[(&str, &str)] = &[
    (
        "policy",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/open/*"}]}"#,
    ),
    (
        "cors",
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://a.test</AllowedOrigin></CORSRule></CORSConfiguration>",
    ),
    (
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>old</ID><Filter><Prefix>tmp/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>",
    ),
    ("tagging", "<Tagging><TagSet><Tag><Key>team</Key><Value>a b</Value></Tag></TagSet></Tagging>"),
    (
        "encryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
    ),
    (
        "publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
    ),
    (
        "ownershipControls",
        "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>",
    ),
    (
        "website",
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>",
    ),
    (
        "replication",
        "<ReplicationConfiguration><Role>arn:aws:iam::1:role/r</Role><Rule><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::x</Bucket></Destination></Rule></ReplicationConfiguration>",
    ),
    ("versioning", VERSIONING),
    ("object-lock", LOCK),
    ("notification", "<NotificationConfiguration/>"),
    ("logging", "<BucketLoggingStatus/>"),
    ("accelerate", "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>"),
    ("requestPayment", "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"),
];

fn make() -> Step {
    Step::new("PUT", "")
}

#[test]
fn every_setting_of_a_bucket_is_the_stores_own() {
    let script = |(name, document): &(&'static str, &'static str)| {
        let ask = |method| Step::new(method, "").query(name, "");
        let script = vec![
            make(),
            ask("GET"),
            ask("PUT").body(document.as_bytes()),
            ask("GET"),
            ask("PUT").body(b"<Neither"),
            ask("PUT").body(b""),
            ask("GET"),
        ];
        // These have no row, because S3 has no such operation.
        let kept = ["versioning", "object-lock", "notification", "logging", "accelerate", "requestPayment"];
        if kept.contains(name) { script } else { [script, vec![ask("DELETE"), ask("GET")]].concat() }
    };
    same(&SETTINGS.iter().map(script).collect::<Vec<_>>());
}

#[test]
fn what_is_only_read_is_the_stores_own() {
    let names =
        ["acl", "location", "policyStatus", "analytics", "inventory", "metrics", "intelligent-tiering", "uploads"];
    let script = |name: &'static str| vec![make(), Step::new("GET", "").query(name, "")];
    same(&names.map(script));
}

#[test]
fn buckets_are_made_and_removed_alike() {
    let locked = make().header("x-amz-bucket-object-lock-enabled", "true");
    let lock = |method| Step::new(method, "").query("object-lock", "");
    let rule = "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>";
    same(&[
        vec![Step::new("HEAD", ""), Step::new("GET", ""), Step::new("DELETE", ""), Step::new("GET", "").query("policy", "")],
        vec![make(), make(), Step::new("HEAD", ""), Step::new("DELETE", ""), Step::new("HEAD", "")],
        vec![make().header("x-amz-acl", "private"), Step::new("GET", "").query("acl", "")],
        vec![make().body(b"<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint></CreateBucketConfiguration>")],
        vec![make().body(b"<CreateBucketConfiguration><Loc")],
        vec![make(), Step::new("PUT", "a").body(b"x"), Step::new("DELETE", ""), Step::new("DELETE", "a"), Step::new("DELETE", "")],
        vec![
            locked,
            lock("GET"),
            Step::new("GET", "").query("versioning", ""),
            lock("PUT").body(LOCK.replace("</ObjectLockC", &format!("{rule}</ObjectLockC")).as_bytes()),
            lock("GET"),
        ],
    ]);
}
