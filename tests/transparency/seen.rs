//! An answer without what no two answers share.

use std::collections::BTreeMap;

use sealgate_tests::answer::Answer;

/// Headers that say nothing about the request.
const OF_CONNECTIONS: [&str; 6] = ["connection", "date", "keep-alive", "server", "transfer-encoding", "vary"];
/// Headers whose presence is compared, not their value.
const OF_ONE_ANSWER: [&str; 5] =
    ["etag", "last-modified", "x-amz-copy-source-version-id", "x-amz-version-id", "x-amz-request-id"];
/// Elements whose presence is compared, not their text.
const TEXTS: [&str; 12] = [
    "CreationDate",
    "ETag",
    "HostId",
    "ID",
    "DisplayName",
    "LastModified",
    "RequestId",
    "Resource",
    "UploadId",
    "VersionId",
    "Message",
    "NextContinuationToken",
];

/// What is compared.
pub(crate) struct Seen {
    status: u16,
    complete: bool,
    headers: BTreeMap<String, String>,
    code: String,
    body: String,
}

impl Seen {
    pub(crate) fn new(answer: &Answer, is_head: bool, bucket: &str) -> Self {
        let failed = answer.status >= 300;
        let wanted = |name: &str| {
            !OF_CONNECTIONS.contains(&name)
                && name != "x-amz-id-2"
                && !(name == "content-length" && (failed || is_xml(answer)))
        };
        let header = |(name, value): &(String, String)| {
            let value = if OF_ONE_ANSWER.contains(&name.as_str()) { "…" } else { value };
            (name.clone(), value.replace(bucket, "{bucket}"))
        };
        let headers = answer.headers.iter().filter(|(name, _)| wanted(name)).map(header).collect();
        let body = if is_head { String::new() } else { masked(&answer.xml()).replace(bucket, "{bucket}") };
        Self { status: answer.status, complete: answer.complete, headers, code: answer.code(), body }
    }

    /// What is not the same, a line each: `status`, `code`, `header NAME` or `body`, and how it differs.
    pub(crate) fn differences(&self, through: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut differ = |what: &str, direct: &str, through: &str| {
            if direct != through {
                found.push(format!("{what}: {direct} / {through}"));
            }
        };
        differ("status", &self.status.to_string(), &through.status.to_string());
        differ("complete", &self.complete.to_string(), &through.complete.to_string());
        differ("code", &self.code, &through.code);
        let names = self.headers.keys().chain(through.headers.keys()).collect::<std::collections::BTreeSet<_>>();
        for name in names {
            let value = |seen: &Self| seen.headers.get(name).cloned().unwrap_or("(none)".into());
            differ(&format!("header {name}"), &value(self), &value(through));
        }
        // What the daemon refuses itself it says in its own document.
        if !through.headers.contains_key("x-sealgate-error") {
            differ("body", &self.body, &through.body);
        }
        found
    }
}

fn is_xml(answer: &Answer) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.contains("xml")) || answer.body.starts_with(b"<")
}

/// The document without the texts of some elements, and without what documents may be written with or without.
fn masked(xml: &str) -> String {
    let mut text = xml.trim().to_owned();
    if !text.starts_with('<') {
        return text;
    }
    for name in TEXTS {
        text = mask(&text, name);
    }
    text
}

fn mask(xml: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut out = String::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once(&open) {
        out.push_str(before);
        out.push_str(&open);
        rest = after.find(&close).map_or(after, |end| &after[end..]);
    }
    out + rest
}
