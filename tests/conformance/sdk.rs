//! The same through the vendor's own SDK, with its defaults: the one client here that shares nothing with the rest of this suite.

use std::fs;
use std::sync::LazyLock;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use sealgate_tests::bytes::noise;
use sealgate_tests::stack::{Room, Stack};
use tokio::runtime::Runtime;

crate::cases![objects_go_round, a_listing_is_parsed, a_presigned_request_reads, errors_are_typed];

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub(crate) fn client(stack: &Stack) -> Client {
    let secret = Credentials::new(&stack.credential.access_key, &stack.credential.secret_key, None, None, "test");
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(secret)
        .endpoint_url(stack.url())
        .force_path_style(true)
        .region(Region::new(stack.credential.region.clone()));
    if let Some(ca_file) = &stack.ca_file {
        let trust = TrustStore::empty().with_pem_certificate(fs::read(ca_file).unwrap());
        let context = TlsContext::builder().with_trust_store(trust).build().unwrap();
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let http = aws_smithy_http_client::Builder::new().tls_provider(provider).tls_context(context);
        config = config.http_client(http.build_https());
    }
    Client::from_conf(config.build())
}

fn objects_go_round(room: &Room<'_>) {
    let (client, key, body) = (client(room.stack), format!("{}sdk", room.prefix), noise(1, 300_000));
    RUNTIME.block_on(async {
        let put = client.put_object().bucket(room.bucket).key(&key).metadata("colour", "red");
        let put = put.body(ByteStream::from(body.clone())).send().await.unwrap();
        let get = client.get_object().bucket(room.bucket).key(&key).send().await.unwrap();
        assert_eq!((get.e_tag(), get.content_length()), (put.e_tag(), Some(300_000)));
        assert_eq!(get.metadata().unwrap().get("colour").unwrap(), "red");
        // The SDK checks the checksum that came with the object.
        assert!(get.body.collect().await.unwrap().into_bytes() == body);
        let range = client.get_object().bucket(room.bucket).key(&key).range("bytes=65530-65549");
        let bytes = range.send().await.unwrap().body.collect().await.unwrap().into_bytes();
        assert!(bytes == body[65_530..65_550]);
        client.delete_object().bucket(room.bucket).key(&key).send().await.unwrap();
    });
    room.lacks("sdk");
}

fn a_listing_is_parsed(room: &Room<'_>) {
    for name in ["a", "b c", "d/e"] {
        room.store(name, b"x");
    }
    let client = client(room.stack);
    let list = client.list_objects_v2().bucket(room.bucket).prefix(&room.prefix).max_keys(2);
    let pages = RUNTIME.block_on(list.into_paginator().send().try_collect()).unwrap();
    let objects: Vec<_> =
        pages.iter().flat_map(aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output::contents).collect();
    assert_eq!((pages.len(), objects.len()), (2, 3));
    assert!(objects.iter().all(|object| object.size() == Some(1) && object.last_modified().is_some()));
}

fn a_presigned_request_reads(room: &Room<'_>) {
    room.store("a", b"x");
    let (client, key) = (client(room.stack), format!("{}a", room.prefix));
    let config = PresigningConfig::expires_in(std::time::Duration::from_mins(1)).unwrap();
    let get = client.get_object().bucket(room.bucket).key(key).presigned(config);
    let url = RUNTIME.block_on(get).unwrap().uri().to_owned();
    let target = &url[url.find(room.bucket).unwrap() - 1..];
    let mut prepared = room.stack.request("GET", "/").proof(sealgate_tests::request::Proof::Nothing).prepare();
    target.clone_into(&mut prepared.target);
    assert_eq!(prepared.send().expect(200).body, b"x");
}

fn errors_are_typed(room: &Room<'_>) {
    let client = client(room.stack);
    let key = format!("{}nothing", room.prefix);
    let error = RUNTIME.block_on(client.get_object().bucket(room.bucket).key(&key).send()).unwrap_err();
    assert!(error.into_service_error().is_no_such_key());
    let error = RUNTIME.block_on(client.head_object().bucket(room.bucket).key(&key).send()).unwrap_err();
    assert!(error.into_service_error().is_not_found());
}
