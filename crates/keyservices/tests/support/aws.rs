//! AWS KMS.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::config::{BehaviorVersion, Region};
use envelope::WrapAlgorithm;
use envelope::s3ec::Context;
use keyring::{Error, Kms, KmsError, KmsKey, WrappingKey};
use keyservices::{AwsKms, AwsKmsSettings, Patience, Reuse, ServiceKey, Steady};
use libtest_mimic::Trial;

use super::front::Front;
use super::sparing::{self, Fronted};
use crate::promises::{data_key, every_promise, here, id, wrap};
use crate::{draw, trial, unique, variable};

const ENDPOINT: &str = "SEALGATE_TEST_KMS_ENDPOINT";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("aws_kms::a_key_keeps_every_promise", &[ENDPOINT], keeps_every_promise),
        trial("aws_kms::the_key_is_pinned", &[ENDPOINT], the_key_is_pinned),
        trial("aws_kms::another_key_under_the_same_id_is_recognised", &[ENDPOINT], exchanged),
        trial("aws_kms::a_key_that_is_not_there_is_named", &[ENDPOINT], unknown_key),
        trial("aws_kms::a_key_that_was_rotated_reads_on", &[ENDPOINT], rotated),
        trial("aws_kms::many_objects_are_one_question", &[ENDPOINT], async || {
            sparing::many_objects_are_one_question(&fronted().await).await;
        }),
        trial("aws_kms::many_at_a_time_ask_once", &[ENDPOINT], async || {
            sparing::many_at_a_time_ask_once(&fronted().await).await;
        }),
        trial("aws_kms::the_context_is_pinned", &[ENDPOINT], async || {
            sparing::the_context_is_pinned(&fronted().await).await;
        }),
        trial("aws_kms::an_outage_is_survived_and_ends", &[ENDPOINT], async || {
            sparing::an_outage_is_survived_and_ends(&fronted().await).await;
        }),
        trial("aws_kms::nobody_there_is_unavailable", &[ENDPOINT], nobody_there),
    ]
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"))
}

fn kms_at(endpoint: String) -> Steady<AwsKms> {
    patiently(endpoint, Patience::default())
}

fn patiently(endpoint: String, patience: Patience) -> Steady<AwsKms> {
    let settings =
        AwsKmsSettings { region: "eu-central-1".to_owned(), endpoint: Some(endpoint), credentials: credentials() };
    Steady::new(AwsKms::new(settings), patience)
}

/// A new key, asked for through something that counts.
async fn fronted() -> Fronted {
    let front = Front::before(&variable(ENDPOINT));
    let kms = patiently(front.url(), sparing::PATIENCE);
    let key = KmsKey::new(Arc::new(kms), new_key().await);
    Fronted { front, algorithm: WrapAlgorithm::AwsKms, key }
}

fn kms() -> Steady<AwsKms> {
    kms_at(variable(ENDPOINT))
}

/// For what only an operator does.
fn operator() -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(variable(ENDPOINT))
        .credentials_provider(credentials());
    aws_sdk_kms::Client::from_conf(config.build())
}

async fn new_key() -> String {
    operator().create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap()
}

fn service_key(name: &str, arn: &str) -> ServiceKey {
    let key = KmsKey::new(Arc::new(kms()), arn.to_owned());
    ServiceKey::new(id(name), WrapAlgorithm::AwsKms, key, Context::new(), draw(), Reuse::default()).unwrap()
}

async fn keeps_every_promise() {
    let arns = [new_key().await, new_key().await];
    every_promise(&|id, variant| Box::new(service_key(id, &arns[usize::from(variant) - 1]))).await;
}

async fn the_key_is_pinned() {
    let (kms, one, other) = (kms(), new_key().await, new_key().await);
    let blob = kms.encrypt(&one, b"plain", &Context::new()).await.unwrap();
    assert_eq!(kms.decrypt(None, &blob, &Context::new()).await.unwrap().as_slice(), b"plain");
    assert_eq!(kms.decrypt(Some(&other), &blob, &Context::new()).await.unwrap_err(), KmsError::Refused);
    let alias = format!("alias/{}", unique("pinned"));
    operator().create_alias().alias_name(&alias).target_key_id(&one).send().await.unwrap();
    assert_eq!(kms.decrypt(Some(&alias), &blob, &Context::new()).await.unwrap().as_slice(), b"plain");
}

async fn unknown_key() {
    let gone = service_key("gone", "alias/not-there");
    for error in [gone.check().await.unwrap_err(), gone.wrap(&data_key(), &here()).await.unwrap_err()] {
        assert!(matches!(&error, Error::Denied { why, .. } if why.contains("NotFoundException")), "{error}");
        assert!(error.to_string().contains("\"gone\""), "{error}");
    }
}

async fn exchanged() {
    let (one, other) = (new_key().await, new_key().await);
    let canary = service_key("main", &one).canary().await.unwrap().unwrap();
    operator().enable_key_rotation().key_id(&one).send().await.unwrap();
    operator().rotate_key_on_demand().key_id(&one).send().await.unwrap();
    assert!(service_key("main", &one).knows(&canary).await.unwrap(), "a key that was rotated is still that key");
    assert!(!service_key("main", &other).knows(&canary).await.unwrap());
}

async fn rotated() {
    let arn = new_key().await;
    let edk = wrap(&service_key("main", &arn), &here()).await;
    operator().enable_key_rotation().key_id(&arn).send().await.unwrap();
    operator().rotate_key_on_demand().key_id(&arn).send().await.unwrap();
    let fresh = service_key("main", &arn);
    fresh.unwrap(&edk, &here()).await.unwrap();
    wrap(&fresh, &here()).await;
}

async fn nobody_there() {
    let kms = kms_at("http://127.0.0.1:9".to_owned());
    let error = kms.encrypt("alias/main", b"plain", &Context::new()).await.unwrap_err();
    assert!(matches!(&error, KmsError::Unavailable(why) if why.contains("refused")), "{error}");
}
