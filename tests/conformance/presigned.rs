//! Presigned URLs: what they allow, for how long, and nothing else.

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Proof;
use sealgate_tests::stack::Room;
use time::{Duration, OffsetDateTime};

crate::cases![
    a_version_4_url_reads,
    a_version_4_url_writes,
    a_version_4_url_honours_ranges_and_overrides,
    a_checksum_made_before_the_body_is_ignored,
    a_version_2_url_reads_and_writes,
    an_expired_version_4_url_is_denied,
    an_expired_version_2_url_is_denied,
    a_url_is_good_for_its_method_only,
    a_url_is_good_for_its_key_only,
    a_url_is_good_for_its_query_only,
    a_url_is_good_for_its_host_and_headers_only,
    a_url_for_longer_than_a_week_is_refused,
    a_url_from_the_future_is_denied,
];

const HOUR: Duration = Duration::HOUR;

fn a_version_4_url_reads(room: &Room<'_>) {
    let body = noise(1, 70_000);
    room.store("a b+c", &body);
    let answer = room.get("a b+c").proof(Proof::Query(HOUR)).send().expect(200);
    assert!(answer.body == body);
    room.head("a b+c").proof(Proof::Query(HOUR)).send().check(200);
}

fn a_version_4_url_writes(room: &Room<'_>) {
    let body = noise(1, 70_000);
    room.put("a", &body).proof(Proof::Query(HOUR)).send().check(200);
    room.holds("a", &body);
    room.delete("a").proof(Proof::Query(HOUR)).send().check(204);
    room.lacks("a");
}

/// What the presigner of the AWS SDK for JavaScript writes into its URLs: the CRC32 of nothing.
fn a_checksum_made_before_the_body_is_ignored(room: &Room<'_>) {
    let put = room.put("a", b"body").query("x-amz-checksum-crc32", "AAAAAA==");
    put.query("x-amz-sdk-checksum-algorithm", "CRC32").proof(Proof::Query(HOUR)).send().check(200);
    room.holds("a", b"body");
    let wrong = room.put("a", b"lost").header("x-amz-checksum-crc32", "AAAAAA==").proof(Proof::Query(HOUR));
    wrong.send().refused(400, "BadDigest");
    room.holds("a", b"body");
}

fn a_version_4_url_honours_ranges_and_overrides(room: &Room<'_>) {
    let body = noise(1, 70_000);
    room.store("a", &body);
    let get = room.get("a").query("response-content-type", "text/x").unsigned_header("range", "bytes=65530-65540");
    let answer = get.proof(Proof::Query(HOUR)).send().expect(206);
    assert!(answer.body == body[65_530..=65_540]);
    assert_eq!(answer.must("content-type"), "text/x");
}

fn a_version_2_url_reads_and_writes(room: &Room<'_>) {
    let body = noise(1, 70_000);
    room.put("a b", &body).header("content-type", "text/x").proof(Proof::Query2(HOUR)).send().check(200);
    let answer = room.get("a b").proof(Proof::Query2(HOUR)).send().expect(200);
    assert!(answer.body == body);
    assert_eq!(answer.must("content-type"), "text/x");
}

fn an_expired_version_4_url_is_denied(room: &Room<'_>) {
    room.store("a", b"x");
    let proof = || Proof::Query(Duration::MINUTE);
    let past = OffsetDateTime::now_utc() - Duration::minutes(2);
    room.get("a").proof(proof()).at(past).send().refused(403, "AccessDenied");
    room.put("a", b"y").proof(proof()).at(past).send().refused(403, "AccessDenied");
    room.holds("a", b"x");
}

fn an_expired_version_2_url_is_denied(room: &Room<'_>) {
    room.store("a", b"x");
    let proof = || Proof::Query2(-Duration::MINUTE);
    room.get("a").proof(proof()).send().refused(403, "AccessDenied");
    room.put("a", b"y").proof(proof()).send().refused(403, "AccessDenied");
    room.holds("a", b"x");
}

fn a_url_is_good_for_its_method_only(room: &Room<'_>) {
    room.store("a", b"x");
    for proof in [Proof::Query(HOUR), Proof::Query2(HOUR)] {
        let mut prepared = room.get("a").proof(proof).prepare();
        prepared.method = "DELETE".into();
        prepared.send().refused(403, "SignatureDoesNotMatch");
    }
    room.holds("a", b"x");
}

fn a_url_is_good_for_its_key_only(room: &Room<'_>) {
    room.store("a", b"x");
    room.store("b", b"y");
    for proof in [Proof::Query(HOUR), Proof::Query2(HOUR)] {
        let mut prepared = room.get("a").proof(proof).prepare();
        prepared.target = prepared.target.replacen("/a?", "/b?", 1);
        prepared.send().refused(403, "SignatureDoesNotMatch");
    }
}

fn a_url_is_good_for_its_query_only(room: &Room<'_>) {
    room.store("a", b"x");
    let mut prepared = room.get("a").proof(Proof::Query(HOUR)).prepare();
    prepared.target.push_str("&response-content-type=text%2Fhtml");
    prepared.send().refused(403, "SignatureDoesNotMatch");
}

fn a_url_is_good_for_its_host_and_headers_only(room: &Room<'_>) {
    room.store("a", b"x");
    let mut moved = room.get("a").proof(Proof::Query(HOUR)).prepare();
    moved.set("host", "elsewhere.sealgate.test");
    moved.send().refused(403, "SignatureDoesNotMatch");
    let put = || room.put("a", b"y").header("x-amz-meta-colour", "red").proof(Proof::Query(HOUR)).prepare();
    let mut changed = put();
    changed.set("x-amz-meta-colour", "blue");
    changed.send().refused(403, "SignatureDoesNotMatch");
    let mut without = put();
    without.headers.retain(|(name, _)| name != "x-amz-meta-colour");
    let answer = without.send();
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    room.holds("a", b"x");
}

fn a_url_for_longer_than_a_week_is_refused(room: &Room<'_>) {
    room.store("a", b"x");
    let answer = room.get("a").proof(Proof::Query(Duration::days(8))).send();
    answer.refused(400, "AuthorizationQueryParametersError");
}

fn a_url_from_the_future_is_denied(room: &Room<'_>) {
    room.store("a", b"x");
    let later = OffsetDateTime::now_utc() + Duration::hours(2);
    let answer = room.get("a").proof(Proof::Query(HOUR)).at(later).send();
    assert!(answer.status == 403, "{answer:?}");
    assert!(["AccessDenied", "RequestTimeTooSkewed"].contains(&answer.code().as_str()), "{answer:?}");
}
