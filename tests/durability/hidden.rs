//! State in the bucket is nobody's business: clients neither see nor touch it.

use sealgate_tests::bytes::noise;
use sealgate_tests::request::Request;

use crate::parts::{FIVE, IN_BUCKET, Pair, Upload};
use crate::scene::BUCKET;

/// A pair with an upload under way, an object on either side of its state, and the name of a state object.
fn unfinished() -> (Pair, Upload, String) {
    let pair = Pair::new(IN_BUCKET);
    let mut upload = Upload::begin(&pair.fronts[0], "b");
    upload.part(&pair.fronts[0], 1, &noise(1, FIVE));
    upload.part(&pair.fronts[0], 2, b"held");
    for key in ["!before", "after"] {
        pair.fronts[0].object("PUT", BUCKET, key).body(b"x").send().check(200);
    }
    let state = pair.stored().into_iter().find(|key| key.starts_with(".sealgate/")).unwrap();
    (pair, upload, state)
}

#[test]
fn names_and_records_tell_the_store_nothing_but_numbers() {
    let (pair, upload, _) = unfinished();
    let state: Vec<_> = pair.stored().into_iter().filter(|key| key.starts_with(".sealgate/")).collect();
    assert_eq!(state.len(), 4, "an upload, two records and what is held: {state:?}");
    for key in &state {
        let legal = |byte: u8| byte.is_ascii_hexdigit() || b"-/".contains(&byte);
        let rest = key.strip_prefix(".sealgate/uploads/").unwrap();
        let rest = ["/begun", "/part-", "/held-"].iter().fold(rest.to_owned(), |rest, word| rest.replace(word, "/"));
        assert!(rest.bytes().all(legal), "{key}");
        let stored = pair.behind.object("GET", BUCKET, key).send().expect(200);
        let text = String::from_utf8_lossy(&stored.body).into_owned();
        for (_, etag) in &upload.done {
            assert!(!text.contains(etag.trim_matches('"')), "{key} names the ETag of a part");
        }
        assert!(!text.contains("plain_len"), "{key}");
    }
}

#[test]
fn listings_do_not_show_it() {
    let (pair, _upload, _) = unfinished();
    for front in &pair.fronts {
        let bucket = || front.request("GET", &format!("/{BUCKET}"));
        let v2 = bucket().query("list-type", "2").send().expect(200);
        assert_eq!(
            (v2.all("Key"), v2.text("KeyCount").unwrap().as_str()),
            (vec!["!before".into(), "after".into()], "2")
        );
        assert_eq!(bucket().send().expect(200).all("Key"), ["!before", "after"]);
        let rolled = bucket().query("list-type", "2").query("delimiter", "/").send().expect(200);
        assert!(rolled.all("CommonPrefixes").is_empty(), "{rolled:?}");
        assert_eq!(rolled.text("KeyCount").unwrap(), "2");
        for prefix in [".sealgate/", ".sealgate/uploads/", ".seal"] {
            let inside = bucket().query("list-type", "2").query("prefix", prefix).query("encoding-type", "url");
            let inside = inside.send().expect(200);
            assert_eq!((inside.all("Key"), inside.text("KeyCount").unwrap().as_str()), (Vec::new(), "0"));
        }
        // Tokens are the store's, so pages may be shorter, but nothing is lost.
        let (mut token, mut seen) = (None::<String>, Vec::new());
        loop {
            let page = bucket().query("list-type", "2").query("max-keys", "1");
            let page =
                token.iter().fold(page, |page, token| page.query("continuation-token", token)).send().expect(200);
            seen.extend(page.all("Key"));
            token = page.text("NextContinuationToken");
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["!before", "after"]);
    }
}

#[test]
fn requests_do_not_reach_it() {
    let (pair, upload, state) = unfinished();
    let front = &pair.fronts[1];
    let at = |method: &str| front.object(method, BUCKET, &state);
    let before = pair.stored();
    let reads =
        [at("GET"), at("GET").query("tagging", ""), at("GET").query("acl", ""), at("GET").query("attributes", "")];
    for read in reads {
        read.header("x-amz-object-attributes", "ETag").send().refused(404, "NoSuchKey");
    }
    at("HEAD").send().check(404);
    let copy = |request: Request, from: &str| request.header("x-amz-copy-source", &format!("/{BUCKET}/{from}"));
    let delete = format!("<Delete><Object><Key>after</Key></Object><Object><Key>{state}</Key></Object></Delete>");
    let writes = [
        at("PUT").body(b"x"),
        at("DELETE"),
        at("PUT").query("tagging", "").body(b"<Tagging><TagSet></TagSet></Tagging>"),
        at("POST").query("uploads", ""),
        copy(at("PUT"), "after"),
        copy(front.object("PUT", BUCKET, "copy"), &state),
        copy(upload.put(front, 3, b""), &state),
        front.request("POST", &format!("/{BUCKET}")).query("delete", "").body(delete.as_bytes()),
        front.object("PUT", BUCKET, ".sealgate/mine").body(b"x"),
    ];
    for write in writes {
        write.send().refused(403, "AccessDenied");
    }
    assert_eq!(pair.stored(), before);
    upload.complete(front);
    assert_eq!(pair.stored(), ["!before", "after", "b"]);
}

#[test]
fn a_name_that_only_looks_like_it_is_free() {
    let pair = Pair::new(IN_BUCKET);
    for key in [".sealgate", ".sealgates/x", "a/.sealgate/x"] {
        pair.fronts[0].object("PUT", BUCKET, key).body(b"x").send().check(200);
        pair.fronts[1].object("GET", BUCKET, key).send().check(200);
    }
    // Where uploads are remembered locally no name is ours.
    let local = Pair::new("");
    local.fronts[0].object("PUT", BUCKET, ".sealgate/x").body(b"x").send().check(200);
    let list = local.fronts[0].request("GET", &format!("/{BUCKET}")).query("list-type", "2").send().expect(200);
    assert_eq!(list.all("Key"), [".sealgate/x"]);
}

#[test]
fn uploads_of_others_are_shown_by_the_stores_id_and_can_be_given_up() {
    for extra in ["", IN_BUCKET] {
        let pair = Pair::new(extra);
        let front = &pair.fronts[0];
        let foreign = Upload::begin(&pair.behind, "foreign");
        let ours = Upload::begin(front, "ours");
        let list = || front.request("GET", &format!("/{BUCKET}")).query("uploads", "");
        assert_eq!(list().send().expect(200).all("UploadId"), [foreign.id.clone(), ours.id.clone()]);
        // An id that was shown is a marker, too.
        let behind = list().query("key-marker", "ours").query("upload-id-marker", &ours.id).send().expect(200);
        assert!(behind.all("UploadId").is_empty(), "{behind:?}");
        for request in [foreign.put(front, 1, b"x"), foreign.list(front), foreign.completion(front, &[(1, "e".into())])]
        {
            request.send().refused(404, "NoSuchUpload");
        }
        foreign.abort(front).check(204);
        assert_eq!(list().send().expect(200).all("UploadId"), [ours.id]);
    }
}

#[test]
fn a_bucket_with_versions_keeps_none_of_it() {
    let pair = Pair::new(IN_BUCKET);
    let bucket = |method: &str| pair.behind.request(method, &format!("/{BUCKET}"));
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket("PUT").query("versioning", "").body(enabled.as_bytes()).send().check(200);
    for (number, front) in [(1, &pair.fronts[0]), (2, &pair.fronts[1])] {
        let mut upload = Upload::begin(front, "a");
        for attempt in 0..2 {
            upload.part(&pair.fronts[attempt], number, &noise(1, 1_000));
        }
        let shown = front.request("GET", &format!("/{BUCKET}")).query("versions", "").send().expect(200);
        assert_eq!(shown.all("Key").len(), usize::from(number - 1), "only what was completed: {shown:?}");
        upload.complete(front);
    }
    let given_up = Upload::begin(&pair.fronts[0], "b");
    given_up.abort(&pair.fronts[1]).check(204);
    let versions = bucket("GET").query("versions", "").send().expect(200);
    assert_eq!(versions.all("Key"), ["a", "a"], "no older versions and no delete markers of state");
}

#[test]
fn a_bucket_that_is_empty_to_clients_can_be_deleted() {
    let pair = Pair::new(IN_BUCKET);
    let front = &pair.fronts[0];
    let mut upload = Upload::begin(front, "a");
    upload.part(front, 1, b"held");
    front.object("PUT", BUCKET, "b").body(b"x").send().check(200);
    let delete = || front.request("DELETE", &format!("/{BUCKET}")).send();
    delete().refused(409, "BucketNotEmpty");
    assert_eq!(upload.list(front).send().expect(200).all("PartNumber"), ["1"], "it goes on");
    front.object("DELETE", BUCKET, "b").send().check(204);
    delete().check(204);
    front.request("HEAD", &format!("/{BUCKET}")).send().check(404);
}
