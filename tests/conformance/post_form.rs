//! Uploads from HTML forms: what the signed policy allows is stored like any other object, and nothing else is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::checksum::{Checksum, content_md5};
use sealgate_tests::sign::{SigningKey, amz_date, version_2};
use sealgate_tests::stack::Room;
use sealgate_tests::wire::Prepared;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

crate::cases![
    a_form_stores_its_file,
    a_form_of_several_mebibytes_is_stored,
    the_answer_is_the_one_asked_for,
    a_key_may_take_the_name_of_the_file,
    metadata_and_headers_come_as_fields,
    every_field_is_honoured,
    tags_come_as_a_document,
    a_form_that_breaks_its_own_checksum_is_refused,
    a_field_that_means_something_else_is_refused,
    a_value_cannot_add_a_header,
    a_form_outside_its_policy_is_refused,
    a_policy_that_is_none_is_refused,
    a_form_signed_in_an_old_way_is_refused,
    an_expired_policy_is_refused,
    a_file_of_another_length_is_refused,
    a_changed_policy_is_refused,
    a_form_without_a_signature_is_refused,
    a_form_that_breaks_off_stores_nothing,
];

const BOUNDARY: &str = "----sealgate-form";

/// A form and the policy that goes with it.
struct Form<'a> {
    room: &'a Room<'a>,
    fields: Vec<(String, String)>,
    conditions: Vec<String>,
    expires: OffsetDateTime,
    signed: bool,
}

impl<'a> Form<'a> {
    fn new(room: &'a Room<'a>, key: &str) -> Self {
        let expires = OffsetDateTime::now_utc() + Duration::HOUR;
        let form = Self { room, fields: Vec::new(), conditions: Vec::new(), expires, signed: true };
        form.field("key", &format!("{}{key}", room.prefix)).condition(&format!("{{\"bucket\":\"{}\"}}", room.bucket))
    }

    /// A field that the policy allows.
    fn field(self, name: &str, value: &str) -> Self {
        let condition = format!("[\"eq\",\"${name}\",\"{value}\"]");
        self.extra(name, value).condition(&condition)
    }

    /// A field that the policy does not know.
    fn extra(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn condition(mut self, condition: &str) -> Self {
        self.conditions.push(condition.to_owned());
        self
    }

    fn signed(mut self) -> Self {
        let (credential, now) = (&self.room.stack.credential, OffsetDateTime::now_utc());
        let key = SigningKey::new(credential, now);
        let who = format!("{}/{}", credential.access_key, key.scope());
        self = self.field("x-amz-algorithm", "AWS4-HMAC-SHA256").field("x-amz-credential", &who);
        self = self.field("x-amz-date", &amz_date(now));
        let expires = self.expires.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap();
        let policy = format!("{{\"expiration\":\"{expires}\",\"conditions\":[{}]}}", self.conditions.join(","));
        let policy = STANDARD.encode(policy);
        let signature = key.policy(&policy);
        self.extra("policy", &policy).extra("x-amz-signature", &signature)
    }

    fn prepare(mut self, file: &[u8]) -> Prepared {
        if self.signed {
            self = self.signed();
        }
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = "Content-Disposition: form-data; name=\"file\"; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg";
        body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let headers = [
            ("host", self.room.stack.address.socket.to_string()),
            ("content-type", format!("multipart/form-data; boundary={BOUNDARY}")),
            ("content-length", body.len().to_string()),
            ("connection", "close".to_owned()),
        ];
        Prepared {
            address: self.room.stack.address.clone(),
            method: "POST".into(),
            target: format!("/{}", self.room.bucket),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body,
            waits: false,
        }
    }

    fn send(self, file: &[u8]) -> Answer {
        self.prepare(file).send()
    }
}

fn a_form_stores_its_file(room: &Room<'_>) {
    for len in [0, 1, 65_536, 100_000] {
        let file = noise(1, len);
        let answer = Form::new(room, "a").send(&file).expect(204);
        room.holds("a", &file);
        assert_eq!(answer.etag(), room.head("a").send().expect(200).etag());
    }
}

fn a_form_of_several_mebibytes_is_stored(room: &Room<'_>) {
    let file = noise(2, 20 * 1024 * 1024);
    Form::new(room, "a").send(&file).check(204);
    room.holds("a", &file);
}

fn the_answer_is_the_one_asked_for(room: &Room<'_>) {
    let answer = Form::new(room, "a").field("success_action_status", "201").send(b"x").expect(201);
    assert_eq!(answer.text("Key"), Some(format!("{}a", room.prefix)));
    assert_eq!(answer.text("Bucket").as_deref(), Some(room.bucket));
    Form::new(room, "b").field("success_action_status", "200").send(b"x").check(200);
    let target = "https://app.sealgate.test/done";
    let answer = Form::new(room, "c").field("success_action_redirect", target).send(b"x").expect(303);
    assert!(answer.must("location").starts_with(&format!("{target}?bucket={}", room.bucket)), "{answer:?}");
    Form::new(room, "d").field("success_action_redirect", "nowhere").send(b"x").refused(400, "InvalidArgument");
    room.lacks("d");
}

fn a_key_may_take_the_name_of_the_file(room: &Room<'_>) {
    let form = Form::new(room, "x");
    let prefix = format!("[\"starts-with\",\"$key\",\"{}\"]", room.prefix);
    let form = Form { fields: Vec::new(), conditions: vec![form.conditions[1].clone(), prefix], ..form };
    form.extra("key", &format!("{}${{filename}}", room.prefix)).send(b"x").check(204);
    room.holds("photo.jpg", b"x");
}

fn metadata_and_headers_come_as_fields(room: &Room<'_>) {
    let form = Form::new(room, "a").field("Content-Type", "text/plain").field("x-amz-meta-colour", "red");
    form.field("Cache-Control", "no-store").send(b"x").check(204);
    let head = room.head("a").send().expect(200);
    let found = ["content-type", "x-amz-meta-colour", "cache-control"].map(|name| head.header(name));
    assert_eq!(found, [Some("text/plain"), Some("red"), Some("no-store")]);
}

fn every_field_is_honoured(room: &Room<'_>) {
    let file = b"content of a file";
    let fields = [
        ("cache-control", "no-store"),
        ("content-disposition", "inline"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-type", "text/x"),
        ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
        ("x-amz-meta-colour", "red"),
    ];
    let form = fields.iter().fold(Form::new(room, "a"), |form, (name, value)| form.field(name, value));
    let form = form.field("acl", "private").field("x-amz-storage-class", "STANDARD").field("submit", "Send");
    let form = form.field("x-amz-tagging", "size=small").field("content-md5", &content_md5(file));
    let form = form.field("x-amz-checksum-crc32", &Checksum::Crc32.of(file));
    form.send(file).check(204);
    room.holds("a", file);
    let head = room.head("a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
    for (name, value) in fields {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    assert_eq!(head.must("x-amz-checksum-crc32"), Checksum::Crc32.of(file));
    assert_eq!(room.get("a").query("tagging", "").send().expect(200).all("Value"), ["small"]);
}

fn tags_come_as_a_document(room: &Room<'_>) {
    let form = || Form::new(room, "a").condition("[\"starts-with\",\"$tagging\",\"\"]");
    let document = "<Tagging><TagSet><Tag><Key>colour</Key><Value>a b+c</Value></Tag></TagSet></Tagging>";
    form().extra("tagging", document).send(b"x").check(204);
    assert_eq!(room.get("a").query("tagging", "").send().expect(200).text("Value").as_deref(), Some("a b+c"));
    room.delete("a").send().check(204);
    refused(room, &form().extra("tagging", "colour=red").send(b"x"), 400, "MalformedXML");
}

fn a_form_that_breaks_its_own_checksum_is_refused(room: &Room<'_>) {
    for (name, value) in
        [("content-md5", content_md5(b"other")), ("x-amz-checksum-sha256", Checksum::Sha256.of(b"other"))]
    {
        refused(room, &Form::new(room, "a").field(name, &value).send(b"x"), 400, "BadDigest");
    }
}

/// The headers of that name would make another operation of it.
fn a_field_that_means_something_else_is_refused(room: &Room<'_>) {
    room.store("other", b"x");
    let source = format!("/{}/{}other", room.bucket, room.prefix);
    refused(room, &Form::new(room, "a").field("x-amz-copy-source", &source).send(b"x"), 501, "NotImplemented");
    refused(room, &Form::new(room, "a").field("x-amz-write-offset-bytes", "1").send(b"x"), 501, "NotImplemented");
    refused(room, &Form::new(room, "a").field("x-amz-security-token", "t").send(b"x"), 400, "InvalidToken");
    let answer = Form::new(room, "a").field("x-amz-something-new", "1").send(b"x");
    refused(room, &answer, 501, "NotImplemented");
    assert!(answer.text("Message").unwrap().contains("x-amz-something-new"), "{answer:?}");
}

fn a_value_cannot_add_a_header(room: &Room<'_>) {
    let form = Form::new(room, "a").condition("[\"starts-with\",\"$x-amz-meta-a\",\"\"]");
    let answer = form.extra("x-amz-meta-a", "1\r\nx-amz-meta-b: 2").send(b"x");
    refused(room, &answer, 400, "InvalidArgument");
}

#[track_caller]
fn refused(room: &Room<'_>, answer: &Answer, status: u16, code: &str) {
    answer.refused(status, code);
    room.lacks("a");
}

fn a_form_outside_its_policy_is_refused(room: &Room<'_>) {
    refused(room, &Form::new(room, "a").extra("x-amz-meta-colour", "red").send(b"x"), 403, "AccessDenied");
    let answer = Form::new(room, "a").condition("[\"starts-with\",\"$key\",\"elsewhere/\"]").send(b"x");
    refused(room, &answer, 403, "AccessDenied");
    assert!(answer.text("Message").unwrap().starts_with("Invalid according to Policy: "), "{answer:?}");
    let answer = Form::new(room, "a").condition("[\"eq\",\"$acl\",\"private\"]").send(b"x");
    refused(room, &answer, 403, "AccessDenied");
    let answer = Form::new(room, "a").condition("{\"bucket\":\"another\"}").send(b"x");
    refused(room, &answer, 403, "AccessDenied");
}

fn a_policy_that_is_none_is_refused(room: &Room<'_>) {
    refused(room, &Form::new(room, "a").condition("[\"nonsense\"").send(b"x"), 400, "InvalidPolicyDocument");
}

/// Whoever signs with version 2 signs neither a date nor a region.
fn a_form_signed_in_an_old_way_is_refused(room: &Room<'_>) {
    let expires = (OffsetDateTime::now_utc() + Duration::HOUR).replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap();
    let form = Form { signed: false, ..Form::new(room, "a") };
    let policy = format!("{{\"expiration\":\"{expires}\",\"conditions\":[{}]}}", form.conditions.join(","));
    let policy = STANDARD.encode(policy);
    let credential = &room.stack.credential;
    let form = form.extra("AWSAccessKeyId", &credential.access_key).extra("policy", &policy);
    let answer = form.extra("signature", &version_2(credential, &policy)).send(b"x");
    refused(room, &answer, 403, "AccessDenied");
    assert!(answer.text("Message").unwrap().contains("Signature Version 4"), "{answer:?}");
}

fn an_expired_policy_is_refused(room: &Room<'_>) {
    let form = Form { expires: OffsetDateTime::now_utc() - Duration::MINUTE, ..Form::new(room, "a") };
    refused(room, &form.send(b"x"), 403, "AccessDenied");
}

fn a_file_of_another_length_is_refused(room: &Room<'_>) {
    let form = || Form::new(room, "a").condition("[\"content-length-range\",2,10]");
    refused(room, &form().send(b"x"), 400, "EntityTooSmall");
    refused(room, &form().send(&[b'x'; 11]), 400, "EntityTooLarge");
    form().send(&[b'x'; 10]).check(204);
}

fn a_changed_policy_is_refused(room: &Room<'_>) {
    let mut prepared = Form::new(room, "a").prepare(b"x");
    let at = sealgate_tests::bytes::find(&prepared.body, b"name=\"x-amz-signature\"\r\n\r\n").unwrap() + 26;
    prepared.body[at] = if prepared.body[at] == b'0' { b'1' } else { b'0' };
    refused(room, &prepared.send(), 403, "SignatureDoesNotMatch");
}

fn a_form_without_a_signature_is_refused(room: &Room<'_>) {
    let form = Form { signed: false, ..Form::new(room, "a") };
    refused(room, &form.send(b"x"), 403, "AccessDenied");
}

fn a_form_that_breaks_off_stores_nothing(room: &Room<'_>) {
    let prepared = Form::new(room, "a").prepare(&noise(1, 200_000));
    let answer = prepared.send_short(prepared.body.len() - 10);
    assert!(matches!(answer.status, 0 | 400), "{answer:?}");
    room.lacks("a");
}
