//! Multipart uploads and the objects they make: parts in any order and at any attempt, right sizes, right bytes, named failures.

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::checksum::Checksum;
use sealgate_tests::request::Request;
use sealgate_tests::stack::Room;

crate::cases![
    parts_make_one_object,
    parts_come_in_any_order_and_again,
    a_last_part_of_any_size_will_do,
    irregular_parts_have_right_sizes,
    gaps_between_numbers_are_kept,
    ranges_cross_the_borders_of_parts,
    parts_can_be_read_by_number,
    a_plain_object_has_one_part,
    attributes_tell_size_and_parts,
    parts_are_listed_with_their_sizes,
    pages_of_parts_follow_each_other,
    unfinished_uploads_are_listed,
    small_parts_in_the_middle_are_refused,
    a_wrong_list_is_refused,
    a_wrong_part_is_not_taken,
    an_aborted_upload_is_gone,
    an_upload_belongs_to_its_object,
    metadata_and_headers_come_along,
    composite_checksums_are_verified_and_returned,
    full_checksums_are_verified_and_returned,
    completing_can_be_conditional,
    customer_keys_are_refused_by_name,
];

const MIB: usize = 1024 * 1024;
const FIVE: usize = 5 * MIB;

/// An upload in progress.
struct Upload<'a> {
    room: &'a Room<'a>,
    name: &'static str,
    id: String,
    done: Vec<(u16, String)>,
}

impl<'a> Upload<'a> {
    fn begin(room: &'a Room<'a>, name: &'static str, headers: &[(&str, &str)]) -> Self {
        let create = headers
            .iter()
            .fold(room.object("POST", name).query("uploads", ""), |create, (name, value)| create.header(name, value));
        let id = create.send().expect(200).text("UploadId").unwrap();
        Self { room, name, id, done: Vec::new() }
    }

    fn request(&self, number: u16, body: &[u8]) -> Request {
        let put = self.room.put(self.name, body).query("partNumber", &number.to_string());
        put.query("uploadId", &self.id)
    }

    fn part(&mut self, number: u16, body: &[u8]) -> Answer {
        let answer = self.request(number, body).send().expect(200);
        self.done.retain(|(done, _)| *done != number);
        self.done.push((number, answer.etag().to_owned()));
        self.done.sort_unstable();
        answer
    }

    fn list(&self) -> Request {
        self.room.get(self.name).query("uploadId", &self.id)
    }

    fn completion(&self, parts: &[(u16, String)], extra: &str) -> Request {
        let part = |(number, etag): &(u16, String)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{extra}</Part>")
        };
        let parts: String = parts.iter().map(part).collect();
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        self.room.object("POST", self.name).query("uploadId", &self.id).body(document.as_bytes())
    }

    fn complete(&self) -> Answer {
        let answer = self.completion(&self.done, "").send().expect(200);
        assert!(answer.text("ETag").is_some(), "{answer:?}");
        answer
    }
}

/// Uploads parts of these lengths and says what the object is.
fn uploaded(room: &Room<'_>, name: &'static str, lens: &[usize]) -> Vec<u8> {
    let mut upload = Upload::begin(room, name, &[]);
    let mut whole = Vec::new();
    for (index, len) in lens.iter().enumerate() {
        let body = noise(index as u64, *len);
        upload.part(u16::try_from(index + 1).unwrap(), &body);
        whole.extend_from_slice(&body);
    }
    upload.complete();
    whole
}

fn agrees(room: &Room<'_>, name: &str, whole: &[u8]) {
    room.holds(name, whole);
    let head = room.head(name).send().expect(200);
    assert_eq!(head.must("content-length"), whole.len().to_string());
    let list = room.list().send().expect(200);
    assert_eq!(list.text("Size").unwrap(), whole.len().to_string());
    assert_eq!(list.text("ETag").unwrap(), head.etag());
}

fn shown_etags(list: &Answer) -> Vec<String> {
    list.all("ETag").iter().map(|etag| etag.replace("&quot;", "\"")).collect()
}

fn parts_make_one_object(room: &Room<'_>) {
    let whole = uploaded(room, "a", &[FIVE, FIVE, 100]);
    agrees(room, "a", &whole);
}

fn parts_come_in_any_order_and_again(room: &Room<'_>) {
    let (one, two, three) = (noise(1, FIVE), noise(2, FIVE + 65_536), noise(3, 7));
    let mut upload = Upload::begin(room, "a", &[]);
    upload.part(3, &noise(9, 4_000));
    upload.part(1, &noise(8, FIVE));
    upload.part(3, &three);
    upload.part(2, &two);
    upload.part(1, &one);
    upload.complete();
    agrees(room, "a", &[one, two, three].concat());
}

fn a_last_part_of_any_size_will_do(room: &Room<'_>) {
    for len in [0, 1, 65_536, FIVE - 1, FIVE, FIVE + 1] {
        let whole = uploaded(room, "a", &[FIVE, len]);
        agrees(room, "a", &whole);
    }
    let whole = uploaded(room, "a", &[3]);
    agrees(room, "a", &whole);
}

fn irregular_parts_have_right_sizes(room: &Room<'_>) {
    let whole = uploaded(room, "a", &[FIVE + 1, FIVE + 70_000, FIVE + 3, 11]);
    agrees(room, "a", &whole);
    let answer = room.get("a").header("range", "bytes=5242870-5242890").send().expect(206);
    assert!(answer.body == whole[5_242_870..=5_242_890]);
}

fn gaps_between_numbers_are_kept(room: &Room<'_>) {
    let (first, second) = (noise(1, FIVE), noise(2, 10));
    let mut upload = Upload::begin(room, "a", &[]);
    upload.part(7, &first);
    upload.part(9_000, &second);
    upload.complete();
    agrees(room, "a", &[first, second].concat());
}

fn ranges_cross_the_borders_of_parts(room: &Room<'_>) {
    let whole = uploaded(room, "a", &[FIVE, FIVE, 70_000]);
    let last = whole.len() - 1;
    for (from, to) in
        [(0, 0), (FIVE - 1, FIVE), (FIVE, FIVE), (FIVE - 70_000, 2 * FIVE + 10), (2 * FIVE - 1, last), (last, last)]
    {
        let answer = room.get("a").header("range", &format!("bytes={from}-{to}")).send().expect(206);
        assert!(answer.body == whole[from..=to], "{from}-{to}");
        assert_eq!(answer.must("content-range"), format!("bytes {from}-{to}/{}", whole.len()));
    }
    let answer = room.get("a").header("range", "bytes=-70001").send().expect(206);
    assert!(answer.body == whole[whole.len() - 70_001..]);
    room.get("a").header("range", &format!("bytes={}-", whole.len())).send().refused(416, "InvalidRange");
}

fn parts_can_be_read_by_number(room: &Room<'_>) {
    let whole = uploaded(room, "a", &[FIVE, FIVE, 99]);
    for (number, range) in [("1", 0..FIVE), ("2", FIVE..2 * FIVE), ("3", 2 * FIVE..2 * FIVE + 99)] {
        let answer = room.get("a").query("partNumber", number).send().expect(206);
        assert!(answer.body == whole[range.clone()], "{number}");
        assert_eq!(answer.must("x-amz-mp-parts-count"), "3");
        let head = room.head("a").query("partNumber", number).send().expect(206);
        assert_eq!(head.must("content-length"), range.len().to_string());
        assert_eq!(head.must("x-amz-mp-parts-count"), "3");
    }
    room.get("a").query("partNumber", "4").send().refused(416, "InvalidPartNumber");
}

fn a_plain_object_has_one_part(room: &Room<'_>) {
    room.store("a", b"whole");
    let answer = room.get("a").query("partNumber", "1").send().expect(206);
    assert_eq!((answer.body.as_slice(), answer.must("content-range")), (&b"whole"[..], "bytes 0-4/5"));
    room.get("a").query("partNumber", "2").send().refused(416, "InvalidPartNumber");
}

fn attributes_tell_size_and_parts(room: &Room<'_>) {
    uploaded(room, "a", &[FIVE, 5]);
    let ask = room.get("a").query("attributes", "").header("x-amz-object-attributes", "ETag,ObjectSize,ObjectParts");
    let answer = ask.send().expect(200);
    assert_eq!(answer.text("ObjectSize").unwrap(), (FIVE + 5).to_string());
    assert_eq!(answer.text("PartsCount").unwrap(), "2");
    assert_eq!(answer.all("Size"), [FIVE.to_string(), "5".into()]);
    let page = |name: &str, value: &str| {
        let ask = room.get("a").query("attributes", "").header("x-amz-object-attributes", "ObjectParts");
        ask.header(name, value).send().expect(200)
    };
    let (first, second) = (page("x-amz-max-parts", "1"), page("x-amz-part-number-marker", "1"));
    assert_eq!((first.all("PartNumber"), first.text("IsTruncated").unwrap()), (vec!["1".into()], "true".into()));
    assert_eq!((second.all("PartNumber"), second.text("IsTruncated").unwrap()), (vec!["2".into()], "false".into()));
    let etag = room.head("a").send().expect(200).etag().trim_matches('"').to_owned();
    assert_eq!(answer.text("ETag").unwrap(), etag);
}

fn parts_are_listed_with_their_sizes(room: &Room<'_>) {
    let mut upload = Upload::begin(room, "a", &[]);
    let empty = upload.list().send().expect(200);
    assert_eq!((empty.text("IsTruncated").unwrap().as_str(), empty.all("PartNumber").len()), ("false", 0));
    for (number, len) in [(2, 33), (1, FIVE), (10_000, 0)] {
        upload.part(number, &noise(1, len));
    }
    let list = upload.list().send().expect(200);
    assert_eq!(list.all("PartNumber"), ["1", "2", "10000"]);
    assert_eq!(list.all("Size"), [FIVE.to_string(), "33".into(), "0".into()]);
    let etags: Vec<String> = upload.done.iter().map(|(_, etag)| etag.clone()).collect();
    assert_eq!(shown_etags(&list), etags);
}

fn pages_of_parts_follow_each_other(room: &Room<'_>) {
    let mut upload = Upload::begin(room, "a", &[]);
    for number in 1..=5 {
        upload.part(number, b"x");
    }
    let (mut marker, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let page = upload.list().query("max-parts", "2").query("part-number-marker", &marker).send().expect(200);
        seen.extend(page.all("PartNumber"));
        if page.text("IsTruncated").unwrap() == "false" {
            break;
        }
        marker = page.text("NextPartNumberMarker").unwrap();
    }
    assert_eq!(seen, ["1", "2", "3", "4", "5"]);
}

fn unfinished_uploads_are_listed(room: &Room<'_>) {
    let upload = Upload::begin(room, "a", &[]);
    let ids =
        || room.bucket("GET").query("uploads", "").query("prefix", &room.prefix).send().expect(200).all("UploadId");
    assert_eq!(ids(), std::slice::from_ref(&upload.id));
    room.delete("a").query("uploadId", &upload.id).send().check(204);
    assert!(ids().is_empty());
}

fn small_parts_in_the_middle_are_refused(room: &Room<'_>) {
    let mut upload = Upload::begin(room, "a", &[]);
    upload.part(1, &noise(1, FIVE - 1));
    upload.part(2, b"x");
    upload.completion(&upload.done, "").send().refused(400, "EntityTooSmall");
    room.lacks("a");
    upload.part(1, &noise(1, FIVE));
    upload.complete();
    room.holds("a", &[noise(1, FIVE), b"x".to_vec()].concat());
}

fn a_wrong_list_is_refused(room: &Room<'_>) {
    let mut upload = Upload::begin(room, "a", &[]);
    upload.part(1, &noise(1, FIVE));
    upload.part(2, b"x");
    let (one, two) = (upload.done[0].clone(), upload.done[1].clone());
    upload.completion(&[two.clone(), one.clone()], "").send().refused(400, "InvalidPartOrder");
    upload.completion(&[one.clone(), one.clone()], "").send().refused(400, "InvalidPartOrder");
    upload.completion(&[one.clone(), (3, two.1.clone())], "").send().refused(400, "InvalidPart");
    upload.completion(&[(1, two.1.clone())], "").send().refused(400, "InvalidPart");
    upload.completion(&[], "").send().refused(400, "MalformedXML");
    room.lacks("a");
    upload.complete();
}

fn a_wrong_part_is_not_taken(room: &Room<'_>) {
    let mut upload = Upload::begin(room, "a", &[]);
    for len in [100, FIVE + 100] {
        let (right, wrong) = (noise(1, len), noise(2, len));
        upload.part(1, &right);
        let crc = Checksum::Crc32.of(&right);
        upload.request(1, &wrong).header("x-amz-checksum-crc32", &crc).send().refused(400, "BadDigest");
        let list = upload.list().send().expect(200);
        assert_eq!(shown_etags(&list), [upload.done[0].1.clone()]);
    }
    upload.request(0, b"x").send().refused(400, "InvalidArgument");
    upload.request(10_001, b"x").send().refused(400, "InvalidArgument");
    upload.complete();
    room.holds("a", &noise(1, FIVE + 100));
}

fn an_aborted_upload_is_gone(room: &Room<'_>) {
    let mut upload = Upload::begin(room, "a", &[]);
    upload.part(1, &noise(1, FIVE));
    room.delete("a").query("uploadId", &upload.id).send().check(204);
    upload.list().send().refused(404, "NoSuchUpload");
    upload.request(2, b"x").send().refused(404, "NoSuchUpload");
    upload.completion(&upload.done, "").send().refused(404, "NoSuchUpload");
    room.lacks("a");
}

fn an_upload_belongs_to_its_object(room: &Room<'_>) {
    let upload = Upload::begin(room, "a", &[]);
    let other = room.put("b", b"x").query("partNumber", "1").query("uploadId", &upload.id);
    other.send().refused(404, "NoSuchUpload");
    let mut forged = upload.id.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for id in [forged.as_str(), "nonsense", ""] {
        let part = room.put("a", b"x").query("partNumber", "1").query("uploadId", id);
        part.send().refused(404, "NoSuchUpload");
    }
}

fn metadata_and_headers_come_along(room: &Room<'_>) {
    let headers = [("content-type", "text/x-test"), ("cache-control", "max-age=5"), ("x-amz-meta-colour", "red")];
    let mut upload = Upload::begin(room, "a", &headers);
    upload.part(1, b"content");
    upload.complete();
    let head = room.head("a").send().expect(200);
    for (name, value) in headers {
        assert_eq!(head.must(name), value);
    }
}

fn composite_checksums_are_verified_and_returned(room: &Room<'_>) {
    let sum = Checksum::Sha256;
    let mut upload = Upload::begin(room, "a", &[("x-amz-checksum-algorithm", "SHA256")]);
    let part = upload.request(1, b"content").header(sum.header(), &sum.of(b"content")).send().expect(200);
    upload.done.push((1, part.etag().to_owned()));
    let wrong = format!("<ChecksumSHA256>{}</ChecksumSHA256>", sum.of(b"other"));
    upload.completion(&upload.done, &wrong).send().refused(400, "InvalidPart");
    let right = format!("<ChecksumSHA256>{}</ChecksumSHA256>", sum.of(b"content"));
    let done = upload.completion(&upload.done, &right).send().expect(200);
    let value = done.text("ChecksumSHA256").unwrap();
    assert!(value.ends_with("-1"), "{value}");
    assert_eq!(done.text("ChecksumType").unwrap(), "COMPOSITE");
    let head = room.head("a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
    assert_eq!((head.must(sum.header()), head.must("x-amz-checksum-type")), (value.as_str(), "COMPOSITE"));
}

fn full_checksums_are_verified_and_returned(room: &Room<'_>) {
    let sum = Checksum::Crc32;
    let (one, two) = (noise(1, FIVE), noise(2, 1_000));
    let value = sum.of(&[one.clone(), two.clone()].concat());
    let headers = [("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let mut upload = Upload::begin(room, "a", &headers);
    upload.part(1, &one);
    upload.part(2, &two);
    let wrong = upload.completion(&upload.done, "").header(sum.header(), &sum.of(b"other"));
    wrong.send().refused(400, "BadDigest");
    let done = upload.completion(&upload.done, "").header(sum.header(), &value).send().expect(200);
    assert_eq!(done.text("ChecksumCRC32").unwrap(), value);
    let head = room.head("a").header("x-amz-checksum-mode", "ENABLED").send().expect(200);
    assert_eq!((head.must(sum.header()), head.must("x-amz-checksum-type")), (value.as_str(), "FULL_OBJECT"));
}

fn completing_can_be_conditional(room: &Room<'_>) {
    room.store("a", b"old");
    let mut upload = Upload::begin(room, "a", &[]);
    upload.part(1, b"new");
    let blocked = upload.completion(&upload.done, "").header("if-none-match", "*");
    blocked.send().refused(412, "PreconditionFailed");
    room.holds("a", b"old");
    let etag = room.head("a").send().expect(200).etag().to_owned();
    upload.completion(&upload.done, "").header("if-match", &etag).send().check(200);
    room.holds("a", b"new");
}

fn customer_keys_are_refused_by_name(room: &Room<'_>) {
    let create = room.object("POST", "a").query("uploads", "");
    let answer = create.header("x-amz-server-side-encryption-customer-algorithm", "AES256").send();
    answer.refused(501, "NotImplemented");
    assert!(answer.text("Message").unwrap().contains("SSE-C"), "{answer:?}");
}
