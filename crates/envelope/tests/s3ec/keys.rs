//! Keys that do not fit, what KMS is asked and what it may answer, and that no key shows.

use envelope::s3ec::{Admitted, AesMasterKey, Content, Context, Error, GcmVerifier, KmsDecrypt, MasterKey, Opener};

use crate::vector as support;
use crate::vector::{Master, generous, named};

fn aes(byte: u8) -> MasterKey {
    MasterKey::Aes(AesMasterKey::from_bytes(&[byte; 32]).unwrap())
}

#[test]
fn another_key_or_another_kind_of_key_is_refused() {
    for (id, expected) in [
        ("v3-aes-java-short", Error::Unwrap),
        ("v2-aes-java-short", Error::Unwrap),
        ("v2-aeswrap-java-short", Error::Unwrap),
        ("v3-rsa-java-short", Error::WrongKeyKind),
        ("v2-rsaoaep256-java-short", Error::WrongKeyKind),
        ("v3-kms-python-short", Error::WrongKeyKind),
        ("v1-kms-ruby-short", Error::WrongKeyKind),
        ("v1-rsa-java-short", Error::Unwrap),
    ] {
        let admitted = named(id).envelope().unwrap().admit(&generous()).unwrap();
        assert_eq!(admitted.unlock(&aes(9)).unwrap_err(), expected, "{id}");
    }
    let Master::Rsa { private_pem } = named("v3-rsa-java-short").master_key else { panic!() };
    let rsa = || MasterKey::Rsa(support::rsa(&private_pem));
    for id in ["v3-aes-java-short", "v2-aeswrap-java-short", "v3-kms-python-short"] {
        let admitted = named(id).envelope().unwrap().admit(&generous()).unwrap();
        assert_eq!(admitted.unlock(&rsa()).unwrap_err(), Error::WrongKeyKind, "{id}");
    }
    let v1 = named("v1-aes-java-short").envelope().unwrap().admit(&generous()).unwrap();
    assert_eq!(v1.unlock(&rsa()).unwrap_err(), Error::Unwrap);
    let v3 = named("v3-aes-java-short").envelope().unwrap().admit(&generous()).unwrap();
    assert_eq!(v3.kms(&Context::new()).unwrap_err(), Error::WrongKeyKind);
}

fn context(pairs: &[(&str, &str)]) -> Context {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn kms_is_asked_only_with_the_expected_context() {
    let ask = |id: &str, stored: Option<&str>, expected: &[(&str, &str)]| {
        let mut vector = named(id);
        if let Some(stored) = stored {
            let field = if id.starts_with("v3") { "x-amz-t" } else { "x-amz-matdesc" };
            vector.metadata.insert(field.to_owned(), stored.to_owned());
        }
        let admitted = vector.envelope().unwrap().admit(&generous()).unwrap();
        admitted.kms(&context(expected)).map(|ask| (ask.context().clone(), ask.noted_key().map(str::to_owned)))
    };
    let (v3, kms) = ("v3-kms-python-short", "v1-kms-ruby-short");
    assert_eq!(ask(v3, None, &[]).unwrap().0, context(&[("aws:x-amz-cek-alg", "115")]));
    let bound = r#"{"aws:x-amz-cek-alg":"115","team":"a"}"#;
    assert!(ask(v3, Some(bound), &[("team", "a")]).is_ok());
    let noted = r#"{"aws:x-amz-cek-alg":"115","kms_cmk_id":"k"}"#;
    assert_eq!(ask(v3, Some(noted), &[]).unwrap().1.as_deref(), Some("k"));
    for (stored, expected) in [
        (bound, &[][..]),
        (bound, &[("team", "b")]),
        (bound, &[("team", "a"), ("more", "b")]),
        ("{}", &[]),
        (r#"{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}"#, &[]),
    ] {
        assert!(matches!(ask(v3, Some(stored), expected), Err(Error::StoredContext { .. })), "{stored} {expected:?}");
    }
    let reserved = ask(v3, None, &[("aws:x-amz-cek-alg", "115")]);
    assert!(matches!(reserved, Err(Error::ExpectedContext { .. })));
    assert!(ask(kms, None, &[]).unwrap().1.unwrap().starts_with("arn:aws:kms:"));
    assert!(matches!(ask(kms, None, &[("team", "a")]), Err(Error::ExpectedContext { .. })));
    let downgraded = r#"{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}"#;
    assert!(matches!(ask(kms, Some(downgraded), &[]), Err(Error::StoredContext { .. })));
}

#[test]
fn what_kms_answers_is_checked() {
    let admitted = named("v3-kms-python-short").envelope().unwrap().admit(&generous()).unwrap();
    for (len, expected) in [(0, Error::Unwrap), (16, Error::Unwrap), (31, Error::Unwrap), (32, Error::Commitment)] {
        let ask = admitted.kms(&Context::new()).unwrap();
        assert_eq!(ask.unlock(&vec![1; len]).unwrap_err(), expected, "{len}");
    }
}

#[test]
fn errors_and_debug_output_tell_no_secrets() {
    let vector = named("v3-kms-python-short");
    let admitted = vector.envelope().unwrap().admit(&generous()).unwrap();
    assert_eq!(format!("{:?}", aes(7)), "Aes(AesMasterKey)");
    let Master::Kms { data_key_hex, .. } = &vector.master_key else { panic!() };
    let key = hex::decode(data_key_hex).unwrap();
    let content: Content = admitted.kms(&Context::new()).unwrap().unlock(&key).unwrap();
    assert_eq!(format!("{content:?}"), "Content");
    let stored = vector.stored();
    let plan = content.open(support::extent(&content, &stored).unwrap(), Some(1..2)).unwrap();
    assert_eq!(format!("{:?}", plan.opener), "Unverified(UnverifiedOpener { missing: 2, take: 1, .. })");
}

#[test]
fn what_a_server_holds_may_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<MasterKey>();
    check::<Admitted>();
    check::<KmsDecrypt<'_>>();
    check::<Content>();
    check::<Opener>();
    check::<GcmVerifier>();
}
