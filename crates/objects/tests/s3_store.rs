//! The S3 store against real servers on loopback: what it sends, what it repeats, and what it never repeats.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "s3_store/digests.rs"]
mod digests;
#[path = "s3_store/secure.rs"]
mod secure;
#[path = "s3_store/wire.rs"]
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use bytes::Bytes;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::stream::iter;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use objects::store::s3::{S3Store, S3StoreSettings};
use objects::store::{self, LengthMismatch, Phase};
use objects::{Body, BoxError, Store as _, StoreError};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use self::secure::{ACCESS_KEY, SECRET_KEY};
use self::wire::{Server, Wire};

// What is sent

#[tokio::test]
async fn odd_keys_and_queries_carry_signatures_that_others_accept() {
    let store = store_at(&secure::start_mirror().await);
    for uri in [
        "/bucket/plain.txt",
        "/bucket/a%2Bb%25c%20d",
        "/bucket//double//slash/",
        "/bucket/../up/./here",
        "/bucket/%C3%A9%E2%82%AC%F0%9F%98%80",
        "/bucket/~a_b-c.d%21%28%29%2A%27%3A%40%26%3D%24%2C%3B%3F%23",
        "/bucket?list-type=2&prefix=a%2Fb%20c%2B&delimiter=%2F",
        "/bucket/key?uploads",
        "/bucket/key?versionId=a.b_c-%2B%2F%3D&partNumber=2",
        "/bucket",
        "/",
    ] {
        let response = store.send(get(uri)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
        assert_eq!(response.headers()["x-seen-uri"], uri);
    }
}

#[tokio::test]
async fn a_key_spelled_unlike_s3_is_respelled_not_renamed() {
    let store = store_at(&secure::start_mirror().await);
    let response = store.send(get("/bucket/a!b(c)+d%c3%a9?prefix=a+b")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-seen-uri"], "/bucket/a%21b%28c%29%2Bd%C3%A9?prefix=a%20b");
}

#[tokio::test]
async fn a_body_goes_out_with_its_length_unsigned_and_unchunked() {
    let store = store_at(&secure::start_mirror().await);
    let request = Request::put("/bucket/key")
        .header("content-length", "11")
        .header("content-type", "text/plain")
        .header("content-md5", "XrY7u+Ae7tCTyyK7j1rNww==")
        .header("x-amz-meta-note", "two  spaces")
        .header("connection", "x-private")
        .header("x-private", "for one hop")
        .header("expect", "100-continue")
        .header("authorization", "somebody else's");
    let response = store.send(request.body(pieces(&["hello", " ", "world"])).expect("request")).await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let seen = response.headers().clone();
    assert_eq!(seen["x-seen-content-length"], "11");
    assert_eq!(seen["x-seen-x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    for name in ["transfer-encoding", "x-private", "connection", "expect"] {
        assert!(!seen.contains_key(format!("x-seen-{name}")), "{name}");
    }
    let signed = seen["x-seen-authorization"].to_str().expect("text");
    let expected = "SignedHeaders=content-md5;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-note";
    assert!(signed.contains(expected), "{signed}");
    assert_eq!(text(response).await, "hello world");
}

#[tokio::test]
async fn a_session_token_is_sent_and_signed() {
    let url = secure::start_mirror().await;
    let token = Credentials::new(ACCESS_KEY, SECRET_KEY, Some("token/+=".to_owned()), None, "test");
    let store = S3Store::new(settings(&url), SharedCredentialsProvider::new(token)).expect("a store");
    let response = store.send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-seen-x-amz-security-token"], "token/+=");
    let signed = response.headers()["x-seen-authorization"].to_str().expect("text");
    assert!(signed.contains("x-amz-security-token"), "{signed}");
}

#[tokio::test]
async fn the_wrong_secret_is_refused_by_the_store() {
    let url = secure::start_mirror().await;
    let wrong = Credentials::new(ACCESS_KEY, "wrong", None, None, "test");
    let store = S3Store::new(settings(&url), SharedCredentialsProvider::new(wrong)).expect("a store");
    let response = store.send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(text(response).await.contains("SignatureDoesNotMatch"));
}

#[tokio::test]
async fn no_credentials_are_an_error_of_their_own() {
    let store = S3Store::new(settings("http://127.0.0.1:1"), SharedCredentialsProvider::new(Rota::of(vec![])));
    let error = refusal(store.expect("a store").send(get("/bucket/key")).await);
    assert!(matches!(error, StoreError::Credentials(_)), "{error:?}");
}

// What is sent again

#[tokio::test]
async fn a_503_before_the_body_is_repeated_from_the_first_byte() {
    let bodies = Bodies::default();
    let seen = bodies.clone();
    let server = Server::start(move |number, mut wire| {
        let seen = seen.clone();
        async move {
            if number == 0 {
                wire.head().await.expect("a request");
                wire.answer(503, &["connection: close"], "").await;
                wire.drain().await;
            } else {
                seen.serve(wire).await;
            }
        }
    })
    .await;
    let body = noise(1 << 20);
    let response = store_at(&server.url).send(put_in_pieces(&body, 10_000)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(bodies.all() == [body]);
}

#[tokio::test]
async fn a_store_that_asks_for_time_is_left_alone_for_it() {
    for (asked, expected) in [(1, StatusCode::OK), (3600, StatusCode::SERVICE_UNAVAILABLE)] {
        let server = Server::start(move |number, mut wire| async move {
            wire.request().await.expect("a request");
            let after = format!("retry-after: {asked}");
            let (status, headers) = if number == 0 { (503, vec![after.as_str()]) } else { (200, vec![]) };
            wire.answer(status, &[headers, vec!["connection: close"]].concat(), "").await;
        })
        .await;
        let store = store_with(S3StoreSettings { backoff_cap: Duration::from_secs(2), ..settings(&server.url) });
        let start = std::time::Instant::now();
        let response = store.send(put(pieces(&["body"]), 4)).await.expect("an answer");
        assert_eq!(response.status(), expected);
        if expected == StatusCode::OK {
            assert!(start.elapsed() >= Duration::from_secs(asked));
        } else {
            assert_eq!(response.headers()["retry-after"], "3600");
        }
    }
}

#[tokio::test]
async fn a_503_after_the_body_is_repeated_byte_for_byte() {
    let bodies = Bodies::answering(vec![503, 503, 200]);
    let seen = bodies.clone();
    let server = Server::start(move |_, wire| seen.clone().serve(wire)).await;
    let body = noise(300_000);
    let response = store_at(&server.url).send(put_in_pieces(&body, 7_001)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(bodies.all() == [body.clone(), body.clone(), body]);
}

#[tokio::test]
async fn the_last_answer_is_handed_on_when_attempts_run_out() {
    let bodies = Bodies::answering(vec![500, 502, 429]);
    let seen = bodies.clone();
    let server = Server::start(move |_, wire| seen.clone().serve(wire)).await;
    let response = store_at(&server.url).send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(bodies.all().len(), 3);
}

#[tokio::test]
async fn a_body_above_the_window_is_sent_only_once() {
    let bodies = Bodies::answering(vec![503, 200]);
    let seen = bodies.clone();
    let server = Server::start(move |_, wire| seen.clone().serve(wire)).await;
    let store = store_with(S3StoreSettings { replay_window: 20_000, ..settings(&server.url) });
    let response = store.send(put_in_pieces(&noise(20_001), 1_000)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bodies.all().len(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_replaced() {
    let bodies = Bodies::default();
    let seen = bodies.clone();
    let server = Server::start(move |number, mut wire| {
        let seen = seen.clone();
        async move {
            match number {
                0 => drop(wire.head().await),
                1 => drop(wire.request().await),
                _ => seen.serve(wire).await,
            }
        }
    })
    .await;
    let body = noise(50_000);
    let response = store_at(&server.url).send(put_in_pieces(&body, 999)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(bodies.all() == [body]);
}

#[tokio::test]
async fn a_kept_connection_that_the_store_closed_costs_nothing() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        wire.answer(200, &[], "ok").await;
    })
    .await;
    let store = store_at(&server.url);
    for _ in 0..5 {
        let response = store.send(get("/bucket/key")).await.expect("an answer");
        assert_eq!(text(response).await, "ok");
    }
}

#[tokio::test]
async fn a_request_timeout_of_the_store_is_repeated_and_other_refusals_are_not() {
    for (code, expected) in [("RequestTimeout", 2), ("EntityTooLarge", 1)] {
        let server = Server::start(move |number, mut wire| async move {
            wire.request().await.expect("a request");
            if number == 0 {
                let document = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
                wire.answer(400, &["connection: close"], &document).await;
            } else {
                wire.answer(200, &["connection: close"], "").await;
            }
        })
        .await;
        let response = store_at(&server.url).send(put(pieces(&["body"]), 4)).await.expect("an answer");
        assert_eq!(server.connections(), expected, "{code}");
        if expected == 1 {
            assert_eq!(text(response).await, format!("<Error><Code>{code}</Code><Message>m</Message></Error>"));
        }
    }
}

// What is never sent again

#[tokio::test]
async fn a_conditional_write_without_an_answer_is_not_repeated() {
    for (condition, expected) in [(Some("if-none-match"), 1), (Some("if-match"), 1), (None, 3)] {
        let server = Server::start(|_, mut wire| async move { drop(wire.request().await) }).await;
        let mut request = put(pieces(&["body"]), 4);
        if let Some(condition) = condition {
            request.headers_mut().insert(condition, http::HeaderValue::from_static("*"));
        }
        let error = refusal(store_at(&server.url).send(request).await);
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        assert_eq!(server.connections(), expected, "{condition:?}");
    }
}

#[tokio::test]
async fn a_conditional_write_is_repeated_after_the_stores_own_503_but_not_after_a_gateways_504() {
    for (status, expected) in [(503, 2), (504, 1)] {
        let bodies = Bodies::answering(vec![status, 200]);
        let seen = bodies.clone();
        let server = Server::start(move |_, wire| seen.clone().serve(wire)).await;
        let mut request = put(pieces(&["body"]), 4);
        request.headers_mut().insert("if-none-match", http::HeaderValue::from_static("*"));
        store_at(&server.url).send(request).await.expect("an answer");
        assert_eq!(bodies.all().len(), expected, "{status}");
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the client went away")]
struct Gone;

#[tokio::test]
async fn a_failed_body_is_never_completed_or_repeated_and_keeps_its_error() {
    let (report, reports) = tokio::sync::oneshot::channel();
    let report = Arc::new(Mutex::new(Some(report)));
    let server = Server::start(move |_, mut wire| {
        let report = report.lock().expect("lock").take().expect("one connection");
        async move {
            let head = wire.head().await.expect("a request");
            report.send((head.len(), wire.drain().await)).expect("listening");
        }
    })
    .await;
    let body = [Ok(Bytes::from_static(b"half ")), Err(BoxError::from(Gone))];
    let error = refusal(store_at(&server.url).send(put(store::stream(iter(body)), 10)).await);
    let StoreError::RequestBody(error) = error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref(), Some(&Gone));
    let (declared, got) = reports.await.expect("a report");
    assert_eq!(declared, 10);
    assert!(got < declared, "the store saw {got} bytes");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_of_the_wrong_length_never_reaches_the_store_whole() {
    let short = LengthMismatch::Short { declared: 5, got: 4 };
    let long = LengthMismatch::Long { declared: 3 };
    for (declared, expected) in [(5, short), (3, long)] {
        let (seen, mut sizes) = unbounded();
        let server = Server::start(move |_, mut wire| {
            let seen = seen.clone();
            async move {
                wire.head().await.expect("a request");
                seen.unbounded_send(wire.drain().await).expect("listening");
            }
        })
        .await;
        let error = refusal(store_at(&server.url).send(put(pieces(&["ab", "cd"]), declared)).await);
        let StoreError::RequestBody(error) = error else { panic!("{error:?}") };
        assert_eq!(error.downcast_ref(), Some(&expected));
        let got = futures::StreamExt::next(&mut sizes).await.expect("a size");
        assert!((got as u64) < declared, "{got} of {declared}");
    }
}

#[tokio::test]
async fn a_body_that_fails_after_a_failed_attempt_is_not_sent_further() {
    let (feed, body) = feed();
    let server = Server::start(|number, mut wire| async move {
        wire.head().await.expect("a request");
        if number == 0 {
            wire.bytes(2).await;
            wire.answer(503, &["connection: close"], "").await;
        }
        wire.drain().await;
    })
    .await;
    feed.unbounded_send(Ok(Bytes::from_static(b"ab"))).expect("open");
    let store = store_at(&server.url);
    let sending = tokio::spawn(async move { store.send(put(body, 4)).await });
    while server.connections() < 2 {
        tokio::task::yield_now().await;
    }
    feed.unbounded_send(Err(Gone.into())).expect("open");
    let StoreError::RequestBody(error) = refusal(sending.await.expect("no panic")) else { panic!("another error") };
    assert_eq!(error.downcast_ref(), Some(&Gone));
    assert_eq!(server.connections(), 2);
}

// Answers

#[tokio::test]
async fn an_answer_may_come_while_the_body_is_still_going_out() {
    let (feed, body) = feed();
    let server = Server::start(|_, mut wire| async move {
        wire.head().await.expect("a request");
        wire.bytes(2).await;
        wire.answer(403, &[], "<Error><Code>AccessDenied</Code></Error>").await;
        wire.drain().await;
    })
    .await;
    feed.unbounded_send(Ok(Bytes::from_static(b"ab"))).expect("open");
    let response = store_at(&server.url).send(put(body, 1000)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(text(response).await.contains("AccessDenied"));
    drop(feed);
    assert_eq!(server.connections(), 1);
}

/// S3 refuses a failed condition as soon as it has the head, and some servers then close on the body.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_connection_breaks_counts() {
    const DOCUMENT: &str = "<Error><Code>PreconditionFailed</Code></Error>";
    let server = Server::start(|_, mut wire| async move {
        wire.head().await.expect("a request");
        wire.answer(412, &["connection: close"], DOCUMENT).await;
        // What was not read makes this a reset.
    })
    .await;
    let store = store_at(&server.url);
    let body = noise(16 << 20);
    for round in 0..50 {
        let mut request = put_in_pieces(&body, 65_536);
        request.headers_mut().insert("if-none-match", http::HeaderValue::from_static("*"));
        let response = store.send(request).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(text(response).await, DOCUMENT);
    }
}

#[tokio::test]
async fn a_success_before_the_whole_body_is_not_believed() {
    let (feed, body) = feed();
    let server = Server::start(|_, mut wire| async move {
        wire.head().await.expect("a request");
        wire.answer(200, &[], "").await;
        wire.drain().await;
    })
    .await;
    let error = refusal(store_at(&server.url).send(put(body, 1000)).await);
    assert!(matches!(error, StoreError::Protocol { .. }), "{error:?}");
    drop(feed);
}

#[tokio::test]
async fn four_hundred_headers_are_not_too_many() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        let headers: Vec<_> = (0..400).map(|n| format!("x-amz-meta-n{n}: {n}")).collect();
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        wire.answer(200, &headers, "").await;
    })
    .await;
    let response = store_at(&server.url).send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.headers()["x-amz-meta-n399"], "399");
}

#[tokio::test]
async fn an_answer_that_stops_short_is_an_error_not_an_end() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    })
    .await;
    let response = store_at(&server.url).send(get("/bucket/key")).await.expect("an answer");
    let error = response.into_body().collect().await.expect_err("cut");
    assert!(matches!(error.downcast_ref(), Some(StoreError::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        wire.write("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
    })
    .await;
    let error = refusal(store_at(&server.url).send(get("/bucket/key")).await);
    assert!(matches!(error, StoreError::Protocol { .. }), "{error:?}");
}

// Corrections

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_from_the_stores_answer() {
    let ahead = time::Duration::hours(2);
    let (seen, dates) = unbounded();
    let server = Server::start(move |_, mut wire| {
        let seen = seen.clone();
        async move {
            while let Some((head, _)) = wire.request().await {
                let theirs = OffsetDateTime::now_utc() + ahead;
                let off = (theirs - amz_date(&head)).abs();
                seen.unbounded_send(off).expect("listening");
                let date = format!("date: {}", theirs.format(HTTP_DATE).expect("a date"));
                if off > time::Duration::minutes(15) {
                    wire.answer(403, &[&date], "<Error><Code>RequestTimeTooSkewed</Code></Error>").await;
                } else {
                    wire.answer(200, &[&date], "").await;
                }
            }
        }
    })
    .await;
    let store = store_at(&server.url);
    for _ in 0..2 {
        let response = store.send(put(pieces(&["body"]), 4)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
    }
    drop((store, server));
    let seen: Vec<_> = dates.take_now();
    assert_eq!(seen.len(), 3, "one refusal only: {seen:?}");
    assert!(seen[1..].iter().all(|off| *off < time::Duration::minutes(1)), "{seen:?}");
}

#[tokio::test]
async fn a_store_that_always_finds_the_clock_wrong_is_asked_twice() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        let headers = ["date: Sun, 06 Nov 1994 08:49:37 GMT", "connection: close"];
        wire.answer(403, &headers, "<Error><Code>RequestTimeTooSkewed</Code></Error>").await;
    })
    .await;
    let response = store_at(&server.url).send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(server.connections(), 1, "a date decades away is not taken over at all");
}

#[tokio::test]
async fn a_bucket_in_another_region_is_found_and_remembered() {
    let (seen, regions) = unbounded();
    let server = Server::start(move |_, mut wire| {
        let seen = seen.clone();
        async move {
            while let Some((head, body)) = wire.request().await {
                let scope = head.header("authorization").expect("signed").split('/').nth(2).expect("a region");
                seen.unbounded_send((scope.to_owned(), body)).expect("listening");
                if scope == "eu-north-1" {
                    wire.answer(200, &[], "").await;
                } else {
                    let document =
                        "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-north-1</Region></Error>";
                    wire.answer(400, &[], document).await;
                }
            }
        }
    })
    .await;
    let store = store_at(&server.url);
    for _ in 0..2 {
        let response = store.send(put(pieces(&["bo", "dy"]), 4)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
    }
    drop(store);
    let seen = regions.take_now();
    let expected = ["us-east-1", "eu-north-1", "eu-north-1"].map(|region| (region.to_owned(), b"body".to_vec()));
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_redirect_is_handed_on_where_regions_have_no_endpoints() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        wire.answer(301, &["x-amz-bucket-region: eu-north-1", "connection: close"], "moved").await;
    })
    .await;
    let response = store_at(&server.url).send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_expired_token_is_replaced_once() {
    let server = Server::start(|_, mut wire| async move {
        while let Some((head, _)) = wire.request().await {
            if head.header("x-amz-security-token") == Some("new") {
                wire.answer(200, &[], "").await;
            } else {
                wire.answer(400, &[], "<Error><Code>ExpiredToken</Code></Error>").await;
            }
        }
    })
    .await;
    let with = |token: &str| Credentials::new(ACCESS_KEY, SECRET_KEY, Some(token.to_owned()), None, "test");
    let provider = SharedCredentialsProvider::new(Rota::of(vec![with("old"), with("new")]));
    let store = S3Store::new(settings(&server.url), provider).expect("a store");
    let response = store.send(get("/bucket/key")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
}

// Connections

#[tokio::test]
async fn a_private_authority_is_trusted_when_named() {
    let (url, ca) = secure::start_secure_mirror().await;
    let store = store_with(S3StoreSettings { ca: Some(ca.into_bytes()), ..settings(&url) });
    let response = store.send(put(pieces(&["secret"]), 6)).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-seen-x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    assert_eq!(text(response).await, "secret");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let (url, _) = secure::start_secure_mirror().await;
    let other = secure::authority().pem();
    let store = store_with(S3StoreSettings { ca: Some(other.into_bytes()), ..settings(&url) });
    let error = refusal(store.send(get("/bucket/key")).await);
    assert!(matches!(error, StoreError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn a_store_that_is_down_is_unreachable_and_stays_unnamed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let error = refusal(store_at(&format!("http://{address}")).send(get("/bucket/key")).await);
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_connect_timeout() {
    let server = Server::start(|_, mut wire| async move {
        wire.drain().await;
    })
    .await;
    let url = server.url.replace("http:", "https:");
    let ca = Some(secure::authority().pem().into_bytes());
    let store = store_with(S3StoreSettings { ca, connect_timeout: MOMENT, attempts: 2, ..settings(&url) });
    let error = refusal(store.send(get("/bucket/key")).await);
    assert!(matches!(error, StoreError::Timeout { phase: Phase::Connect }), "{error:?}");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_store_that_never_answers_is_not_asked_again() {
    let server = Server::start(|_, mut wire| async move {
        wire.drain().await;
    })
    .await;
    let store = store_with(S3StoreSettings { response_timeout: MOMENT, ..settings(&server.url) });
    let error = refusal(store.send(put(pieces(&["body"]), 4)).await);
    assert!(matches!(error, StoreError::Timeout { phase: Phase::Answer }), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_slow_sender_is_not_the_stores_fault() {
    let bodies = Bodies::default();
    let seen = bodies.clone();
    let server = Server::start(move |_, wire| seen.clone().serve(wire)).await;
    let store = store_with(S3StoreSettings { response_timeout: MOMENT, ..settings(&server.url) });
    let (feed, body) = feed();
    let sending = tokio::spawn(async move { store.send(put(body, 4)).await });
    feed.unbounded_send(Ok(Bytes::from_static(b"ab"))).expect("open");
    tokio::time::sleep(5 * MOMENT).await;
    feed.unbounded_send(Ok(Bytes::from_static(b"cd"))).expect("open");
    drop(feed);
    let response = sending.await.expect("no panic").expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(bodies.all(), [b"abcd"]);
}

#[tokio::test]
async fn a_slow_reader_is_not_the_stores_fault() {
    let body = noise(8 << 20);
    let text = String::from_utf8(body.iter().map(|byte| b'a' + byte % 26).collect()).expect("text");
    let sent = text.clone();
    let server = Server::start(move |_, mut wire| {
        let sent = sent.clone();
        async move {
            wire.request().await.expect("a request");
            wire.answer(200, &[], &sent).await;
        }
    })
    .await;
    let store = store_with(S3StoreSettings { body_timeout: MOMENT, ..settings(&server.url) });
    let mut answer = store.send(get("/bucket/key")).await.expect("an answer").into_body();
    let first = answer.frame().await.expect("a piece").expect("no error").into_data().expect("data");
    tokio::time::sleep(5 * MOMENT).await;
    let rest = answer.collect().await.expect("the rest").to_bytes();
    assert!([first, rest].concat() == text.as_bytes());
}

#[tokio::test]
async fn an_answer_that_falls_silent_is_a_timeout() {
    let server = Server::start(|_, mut wire| async move {
        wire.request().await.expect("a request");
        wire.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        wire.drain().await;
    })
    .await;
    let store = store_with(S3StoreSettings { body_timeout: MOMENT, ..settings(&server.url) });
    let response = store.send(get("/bucket/key")).await.expect("an answer");
    let error = response.into_body().collect().await.expect_err("silent");
    let timeout = matches!(error.downcast_ref(), Some(StoreError::Timeout { phase: Phase::Body }));
    assert!(timeout, "{error:?}");
}

#[tokio::test]
async fn an_abandoned_request_leaves_no_complete_object() {
    let (seen, mut sizes) = unbounded();
    let server = Server::start(move |_, mut wire| {
        let seen = seen.clone();
        async move {
            wire.head().await.expect("a request");
            wire.bytes(2).await;
            seen.unbounded_send(2).expect("listening");
            seen.unbounded_send(2 + wire.drain().await).expect("listening");
        }
    })
    .await;
    let (feed, body) = feed();
    let store = store_at(&server.url);
    let sending = tokio::spawn(async move { store.send(put(body, 4)).await });
    feed.unbounded_send(Ok(Bytes::from_static(b"ab"))).expect("open");
    assert_eq!(futures::StreamExt::next(&mut sizes).await, Some(2));
    sending.abort();
    assert!(sending.await.expect_err("aborted").is_cancelled());
    assert_eq!(futures::StreamExt::next(&mut sizes).await, Some(2));
}

// Helpers

/// Long enough for loopback, short enough for a test.
const MOMENT: Duration = Duration::from_millis(100);

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const AMZ_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

fn settings(url: &str) -> S3StoreSettings {
    let mut settings = S3StoreSettings::new(url.parse().expect("a URL"), "us-east-1");
    settings.backoff_base = Duration::from_micros(1);
    settings.backoff_cap = Duration::from_micros(1);
    settings
}

fn store_with(settings: S3StoreSettings) -> S3Store {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
    S3Store::new(settings, SharedCredentialsProvider::new(credentials)).expect("a store")
}

fn store_at(url: &str) -> S3Store {
    store_with(settings(url))
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(store::empty()).expect("a request")
}

fn put(body: Body, len: u64) -> Request<Body> {
    Request::put("/bucket/key").header("content-length", len).body(body).expect("a request")
}

fn pieces(all: &[&'static str]) -> Body {
    let all: Vec<_> = all.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
    store::stream(iter(all))
}

fn put_in_pieces(body: &[u8], piece_len: usize) -> Request<Body> {
    let pieces: Vec<_> = body.chunks(piece_len).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    put(store::stream(iter(pieces)), body.len() as u64)
}

fn feed() -> (UnboundedSender<Result<Bytes, BoxError>>, Body) {
    let (feed, pieces) = unbounded();
    (feed, store::stream(pieces))
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(step).collect()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn refusal(result: Result<Response<Body>, StoreError>) -> StoreError {
    match result {
        Ok(response) => panic!("an answer: {}", response.status()),
        Err(error) => error,
    }
}

fn amz_date(head: &wire::Head) -> OffsetDateTime {
    let date = head.header("x-amz-date").expect("a date");
    PrimitiveDateTime::parse(date, AMZ_DATE).expect("a date").assume_utc()
}

/// Keeps the bodies of requests, and answers them with one status after the other, then 200.
#[derive(Clone, Default)]
struct Bodies {
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    statuses: Arc<Mutex<Vec<u16>>>,
}

impl Bodies {
    fn answering(mut statuses: Vec<u16>) -> Self {
        statuses.reverse();
        Self { statuses: Arc::new(Mutex::new(statuses)), ..Self::default() }
    }

    fn all(&self) -> Vec<Vec<u8>> {
        self.seen.lock().expect("lock").clone()
    }

    async fn serve(self, mut wire: Wire) {
        while let Some((head, body)) = wire.request().await {
            assert!(head.header("transfer-encoding").is_none(), "{}", head.line);
            self.seen.lock().expect("lock").push(body);
            let status = self.statuses.lock().expect("lock").pop().unwrap_or(200);
            wire.answer(status, &[], "").await;
        }
    }
}

/// Hands out one credential after the other.
#[derive(Debug)]
struct Rota(Mutex<Vec<Credentials>>);

impl Rota {
    fn of(mut all: Vec<Credentials>) -> Self {
        all.reverse();
        Self(Mutex::new(all))
    }
}

impl ProvideCredentials for Rota {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let next = self.0.lock().expect("lock").pop();
        future::ProvideCredentials::ready(next.ok_or(CredentialsError::not_loaded("nothing left")))
    }
}

/// What a channel holds right now.
trait TakeNow<T> {
    fn take_now(self) -> Vec<T>;
}

impl<T> TakeNow<T> for futures::channel::mpsc::UnboundedReceiver<T> {
    fn take_now(mut self) -> Vec<T> {
        std::iter::from_fn(|| self.try_recv().ok()).collect()
    }
}
