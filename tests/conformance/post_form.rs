//! Uploads from HTML forms: what the signed policy allows is stored like any other object, and nothing else is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::sign::{SigningKey, amz_date};
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
    a_form_outside_its_policy_is_refused,
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

fn refused(room: &Room<'_>, answer: &Answer, status: u16, code: &str) {
    answer.refused(status, code);
    room.lacks("a");
}

fn a_form_outside_its_policy_is_refused(room: &Room<'_>) {
    refused(room, &Form::new(room, "a").extra("x-amz-meta-colour", "red").send(b"x"), 403, "AccessDenied");
    let answer = Form::new(room, "a").condition("[\"starts-with\",\"$key\",\"elsewhere/\"]").send(b"x");
    refused(room, &answer, 400, "InvalidPolicyDocument");
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
