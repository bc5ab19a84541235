//! What is said about objects in headers and sub-resources, and how requests for them fail.

use sealgate_tests::bytes::noise;

use crate::pair::{Step, same};

fn make() -> Step {
    Step::new("PUT", "")
}

fn put(headers: &[(&'static str, &str)]) -> Step {
    let put = Step::new("PUT", "a").body(b"content");
    // Some servers guess what is not said.
    let put = if headers.iter().any(|(name, _)| *name == "content-type") {
        put
    } else {
        put.header("content-type", "text/x")
    };
    headers.iter().fold(put, |put, (name, value)| put.header(name, value))
}

fn read() -> [Step; 2] {
    [Step::new("HEAD", "a"), Step::new("GET", "a")]
}

fn on(name: &'static str, method: &'static str) -> Step {
    Step::new(method, "a").query(name, "")
}

fn versioned() -> Vec<Step> {
    let document = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    vec![make(), Step::new("PUT", "").query("versioning", "").body(document)]
}

#[test]
fn headers_of_an_upload_come_back_alike() {
    let cases: &[&[(&'static str, &str)]] = &[
        &[("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-cache"), ("content-language", "de")],
        &[("content-disposition", "attachment; filename=\"a.txt\""), ("content-encoding", "gzip")],
        &[("expires", "Thu, 01 Dec 2033 16:00:00 GMT"), ("x-amz-meta-colour", "red")],
        &[("x-amz-acl", "private")],
        &[("x-amz-acl", "nonsense")],
        &[("x-amz-storage-class", "STANDARD")],
        &[("x-amz-storage-class", "STANDARD_IA")],
        &[("x-amz-storage-class", "NONSENSE")],
        &[("x-amz-tagging", "a=1&b=2")],
        &[("x-amz-tagging", "a=1&a=2")],
        &[("x-amz-website-redirect-location", "/elsewhere")],
        &[("x-amz-request-payer", "requester")],
        &[("x-amz-expected-bucket-owner", "111122223333")],
        &[("x-amz-server-side-encryption", "AES256")],
        &[("x-amz-server-side-encryption", "aws:kms")],
        &[("x-amz-server-side-encryption", "nonsense")],
        &[("x-amz-object-lock-legal-hold", "ON")],
        &[("x-amz-object-lock-mode", "GOVERNANCE")],
    ];
    let script = |headers: &&[(&'static str, &str)]| [vec![make(), put(headers)], read().to_vec()].concat();
    same(&cases.iter().map(script).collect::<Vec<_>>());
}

#[test]
fn sub_resources_of_an_object_are_the_stores_own() {
    let tags = b"<Tagging><TagSet><Tag><Key>colour</Key><Value>red</Value></Tag></TagSet></Tagging>";
    let retention =
        b"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2033-01-01T00:00:00Z</RetainUntilDate></Retention>";
    let restore = b"<RestoreRequest><Days>1</Days></RestoreRequest>";
    let with = |steps: Vec<Step>| [vec![make(), put(&[])], steps].concat();
    same(&[
        with(vec![on("tagging", "GET"), on("tagging", "PUT").body(tags), on("tagging", "GET"), read()[0].clone()]),
        with(vec![on("tagging", "PUT").body(tags), on("tagging", "DELETE"), on("tagging", "GET")]),
        with(vec![on("tagging", "PUT").body(b"<Tagging><TagSet><Tag>"), on("tagging", "GET")]),
        with(vec![on("acl", "GET"), on("acl", "PUT").header("x-amz-acl", "private"), on("acl", "GET")]),
        with(vec![
            on("legal-hold", "GET"),
            on("legal-hold", "PUT").body(b"<LegalHold><Status>ON</Status></LegalHold>"),
        ]),
        with(vec![on("retention", "GET"), on("retention", "PUT").body(retention)]),
        with(vec![on("restore", "POST").body(restore)]),
        vec![make(), on("tagging", "GET"), on("acl", "GET"), on("retention", "GET"), on("legal-hold", "GET")],
    ]);
}

#[test]
fn versions_have_sub_resources_of_their_own() {
    let tags = b"<Tagging><TagSet><Tag><Key>n</Key><Value>2</Value></Tag></TagSet></Tagging>";
    let of = |step: Step| step.query("versionId", "{version}");
    let steps = vec![
        put(&[("x-amz-tagging", "n=1")]),
        of(on("tagging", "GET")),
        of(on("tagging", "PUT").body(tags)),
        of(on("tagging", "GET")),
        of(on("acl", "GET")),
        of(Step::new("HEAD", "a")),
        of(Step::new("GET", "a")),
        of(on("tagging", "DELETE")),
        of(on("tagging", "GET")),
        Step::new("DELETE", "a"),
        Step::new("HEAD", "a"),
        Step::new("GET", "a"),
        of(Step::new("HEAD", "a")),
        of(Step::new("GET", "a")),
        of(on("tagging", "GET")),
        of(Step::new("DELETE", "a")),
        Step::new("HEAD", "a").query("versionId", "nonsense"),
        Step::new("GET", "a").query("versionId", "nonsense"),
    ];
    same(&[[versioned(), steps].concat()]);
}

#[test]
fn locks_hold_alike() {
    let retention =
        b"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2033-01-01T00:00:00Z</RetainUntilDate></Retention>";
    let of = |step: Step| step.query("versionId", "{version}");
    let hold = |on_off: &str| {
        on("legal-hold", "PUT").body(format!("<LegalHold><Status>{on_off}</Status></LegalHold>").as_bytes())
    };
    let steps = vec![
        make().header("x-amz-bucket-object-lock-enabled", "true"),
        put(&[]),
        of(on("retention", "GET")),
        of(on("legal-hold", "GET")),
        of(hold("ON")),
        of(on("legal-hold", "GET")),
        Step::new("HEAD", "a"),
        of(Step::new("DELETE", "a")),
        of(hold("OFF")),
        of(on("retention", "PUT").body(retention)),
        of(on("retention", "GET")),
        Step::new("HEAD", "a"),
        of(Step::new("DELETE", "a")),
        of(Step::new("DELETE", "a").header("x-amz-bypass-governance-retention", "true")),
        put(&[("x-amz-object-lock-legal-hold", "ON")]),
        Step::new("HEAD", "a"),
        of(Step::new("DELETE", "a")),
        of(hold("OFF")),
        of(Step::new("DELETE", "a")),
        put(&[
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-object-lock-retain-until-date", "2033-01-01T00:00:00Z"),
        ]),
        Step::new("HEAD", "a"),
        of(Step::new("DELETE", "a")),
        of(Step::new("DELETE", "a").header("x-amz-bypass-governance-retention", "true")),
    ];
    same(&[steps]);
}

#[test]
fn customer_keys_reach_the_store() {
    let with = |step: Step| {
        let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        step.header("x-amz-server-side-encryption-customer-algorithm", "AES256")
            .header("x-amz-server-side-encryption-customer-key", key)
            .header("x-amz-server-side-encryption-customer-key-md5", "tOv2vyXC5n/CTGcejCkvQw==")
    };
    let mut steps = vec![make(), with(put(&[]))];
    steps.extend(read().map(with));
    steps.extend(read());
    steps.push(with(Step::new("GET", "a").header("range", "bytes=2-4")));
    same(&[steps]);
}

#[test]
fn what_is_not_there_is_missing_in_the_same_words() {
    let object = |method| Step::new(method, "a");
    let missing = vec![object("HEAD"), object("GET"), object("DELETE"), object("GET").header("range", "bytes=0-1")];
    let conditions = vec![
        put(&[]),
        object("GET").header("if-match", "\"0\""),
        object("HEAD").header("if-match", "\"0\""),
        object("GET").header("if-none-match", "*"),
        object("HEAD").header("if-none-match", "*"),
        object("GET").header("if-modified-since", "Fri, 06 Nov 2054 08:49:37 GMT"),
        object("GET").header("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        put(&[("if-none-match", "*")]),
        put(&[("if-match", "\"00000000000000000000000000000000\"")]),
        object("GET").header("range", "bytes=100-"),
        object("GET").header("range", "bytes=-3"),
        object("GET").query("partNumber", "1"),
        object("GET").query("response-content-type", "text/x"),
    ];
    let copies = vec![
        put(&[("x-amz-meta-colour", "red")]),
        Step::new("PUT", "b").header("x-amz-copy-source", "/{bucket}/a"),
        Step::new("HEAD", "b"),
        Step::new("PUT", "b").header("x-amz-copy-source", "/{bucket}/missing"),
        Step::new("PUT", "b").header("x-amz-copy-source", "/{bucket}-missing/a"),
        Step::new("PUT", "a").header("x-amz-copy-source", "/{bucket}/a"),
    ];
    let made = |steps: Vec<Step>| [vec![make()], steps].concat();
    same(&[missing.clone(), made(missing), made(conditions), made(copies)]);
}

#[test]
fn listings_are_the_stores_own_with_lengths_of_content() {
    let large = Step::new("PUT", "dir/large").body(&noise(1, 200_000));
    let list = |query: &[(&'static str, &str)]| {
        query.iter().fold(Step::new("GET", ""), |step, (name, value)| step.query(name, value))
    };
    let queries: &[&[(&'static str, &str)]] = &[
        &[],
        &[("list-type", "2")],
        &[("list-type", "2"), ("delimiter", "/")],
        &[("list-type", "2"), ("prefix", "dir/"), ("encoding-type", "url")],
        &[("list-type", "2"), ("fetch-owner", "true")],
        &[("list-type", "2"), ("max-keys", "1")],
        &[("list-type", "2"), ("start-after", "a")],
        &[("delimiter", "/"), ("max-keys", "1")],
        &[("marker", "a")],
        &[("versions", "")],
        &[("versions", ""), ("delimiter", "/")],
        &[("max-keys", "x")],
    ];
    let steps = vec![make(), put(&[]), Step::new("PUT", "empty").body(b""), large];
    same(&[[steps, queries.iter().map(|query| list(query)).collect()].concat()]);
}
