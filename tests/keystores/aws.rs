//! A daemon whose key is one of AWS KMS.

use http::Method;
use libtest_mimic::Trial;
use sealgate_tests::bytes::noise;
use sealgate_tests::command::Run;
use serde_json::json;
use tempfile::TempDir;

use crate::scene::{operator, program, reference, refused, start};
use crate::trial;

const ENDPOINT: &[&str] = &["SEALGATE_TEST_KMS_ENDPOINT"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("aws_kms::a_key_seals_and_opens_and_does_so_again", ENDPOINT, seals_and_opens),
        trial("aws_kms::an_object_under_another_key_names_the_key_that_refuses", ENDPOINT, another_key),
        trial("aws_kms::a_key_that_is_not_there_ends_the_start", ENDPOINT, unknown_key),
    ]
}

fn endpoint() -> String {
    std::env::var(ENDPOINT[0]).unwrap()
}

fn new_key() -> String {
    let headers = [
        ("x-amz-target", "TrentService.CreateKey"),
        ("content-type", "application/x-amz-json-1.1"),
        // Who asks is not verified here; the region is read from it.
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=any/20260101/eu-central-1/kms/aws4_request, SignedHeaders=host, Signature=0",
        ),
    ];
    let answer = operator(Method::POST, &endpoint(), &headers, &json!({}));
    answer["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn settings(folder: &TempDir, key: &str) -> String {
    let secret = reference(folder.path(), "kms.secret", "any");
    format!(
        "kind = \"aws-kms\"\nkey = \"{key}\"\nregion = \"eu-central-1\"\nendpoint = \"{}\"\naccess_key = \"any\"\n\
         secret = \"{secret}\"\ncontext = {{ site = \"east\" }}\n",
        endpoint()
    )
}

fn seals_and_opens() {
    let (folder, arn) = (TempDir::new().unwrap(), new_key());
    let (mut daemon, front) = start(folder.path(), &settings(&folder, &arn));
    front.request("PUT", "/first").send().check(200);
    for number in 0..20 {
        front.object("PUT", "first", &number.to_string()).body(&noise(number, 1000)).send().check(200);
    }
    daemon.terminate();
    assert!(daemon.wait().success(), "{}", daemon.log());
    let (_daemon, front) = start(folder.path(), &settings(&folder, &arn));
    for number in 0..20 {
        assert!(front.object("GET", "first", &number.to_string()).send().expect(200).body == noise(number, 1000));
    }
}

fn another_key() {
    let (folder, arn) = (TempDir::new().unwrap(), new_key());
    let (daemon, front) = start(folder.path(), &settings(&folder, &arn));
    front.request("PUT", "/first").send().check(200);
    front.object("PUT", "first", "k").body(b"content").send().check(200);
    drop(daemon);
    let right = std::fs::read_to_string(folder.path().join("sealgate.toml")).unwrap();
    let get = ["get", "s3://first/k", "got", "--config", "other.toml"];
    for other in [right.replace(&arn, &new_key()), right.replace("east", "west")] {
        std::fs::write(folder.path().join("other.toml"), &other).unwrap();
        let error = Run::new(program(), folder.path(), &get).run().expect(64).err;
        assert!(error.contains("key service is not the key that was used under this id before"), "{error}");
        // A machine that has never seen the key finds out from the object.
        std::fs::write(folder.path().join("other.toml"), other.replace("/data\"", "/elsewhere\"")).unwrap();
        let error = Run::new(program(), folder.path(), &get).run().expect(1).err;
        assert!(error.contains("key `service` does not unwrap this object"), "{error}");
        assert!(!folder.path().join("got").exists());
    }
    let get = ["get", "s3://first/k", "got", "--config", "sealgate.toml"];
    Run::new(program(), folder.path(), &get).run().check(0);
    assert_eq!(std::fs::read(folder.path().join("got")).unwrap(), b"content");
}

fn unknown_key() {
    let folder = TempDir::new().unwrap();
    let error = refused(folder.path(), &settings(&folder, "alias/not-there")).err;
    for part in ["\"service\" may not be used", "NotFoundException"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
