//! What every service is spared and every outage leaves, counted before a real one.

use std::time::Duration;

use envelope::s3ec::Context;
use envelope::{BindingMode, WrapAlgorithm};
use keyring::{Error, KmsKey, WrappingKey};
use keyservices::{Patience, Reuse, ServiceKey};

use super::front::Front;
use crate::draw;
use crate::promises::{binding, data_key, here, id, is_the_data_key, refuses, wrap};

/// Attempts that follow each other at once: how long pauses are is tested elsewhere.
pub(crate) const PATIENCE: Patience =
    Patience { attempts: 2, attempt_timeout: Duration::from_secs(5), pause: Duration::from_millis(1) };

/// A key of a service behind a [`Front`].
pub(crate) struct Fronted {
    pub(crate) front: Front,
    pub(crate) algorithm: WrapAlgorithm,
    /// Asked with [`PATIENCE`].
    pub(crate) key: KmsKey,
}

impl Fronted {
    fn key(&self, reuse: Reuse, context: &[(&str, &str)]) -> ServiceKey {
        let context: Context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ServiceKey::new(id("a"), self.algorithm, self.key.clone(), context, draw(), reuse).unwrap()
    }

    fn usual(&self) -> ServiceKey {
        self.key(Reuse::default(), &[])
    }

    /// Has it logged in, so that what is counted is what keys ask.
    async fn warm(&self) {
        self.usual().check().await.unwrap();
        self.front.take();
    }
}

/// Passes time, in a test whose service has its own.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

pub(crate) async fn many_objects_are_one_question(fronted: &Fronted) {
    fronted.warm().await;
    let writer = fronted.key(Reuse { objects: 10, ..Reuse::default() }, &[]);
    let mut wrapped = Vec::new();
    for number in 0..10 {
        let there = binding(BindingMode::Object, "b", &format!("k{number}"));
        let edk = wrap(&writer, &there).await;
        assert!(is_the_data_key(&edk, &writer.unwrap(&edk, &there).await.unwrap()));
        wrapped.push((edk, there));
    }
    assert_eq!(fronted.front.take(), 1, "ten objects, written and read");
    wrap(&writer, &here()).await;
    assert_eq!(fronted.front.take(), 1, "a key serves no more objects than it may");
    let reader = fronted.usual();
    for (edk, there) in &wrapped {
        reader.unwrap(edk, there).await.unwrap();
    }
    assert_eq!(fronted.front.take(), 1, "who has not written them asks once, too");
    pass(Reuse::default().age).await;
    reader.unwrap(&wrapped[0].0, &wrapped[0].1).await.unwrap();
    wrap(&writer, &here()).await;
    assert_eq!(fronted.front.take(), 2, "a key serves no longer than it may");
    let never = fronted.key(Reuse { age: Duration::ZERO, objects: 1 }, &[]);
    for _ in 0..3 {
        let edk = wrap(&never, &here()).await;
        never.unwrap(&edk, &here()).await.unwrap();
    }
    assert_eq!(fronted.front.take(), 6, "nothing is kept where nothing may be");
}

pub(crate) async fn many_at_a_time_ask_once(fronted: &Fronted) {
    fronted.warm().await;
    let (writer, reader, place) = (fronted.usual(), fronted.usual(), here());
    let wrapped = futures::future::join_all((0..20).map(|_| wrap(&writer, &place))).await;
    assert_eq!(fronted.front.take(), 1);
    let read = futures::future::join_all(wrapped.iter().map(|edk| reader.unwrap(edk, &place))).await;
    assert!(read.iter().all(Result::is_ok));
    assert_eq!(fronted.front.take(), 1);
}

pub(crate) async fn the_context_is_pinned(fronted: &Fronted) {
    let edk = wrap(&fronted.key(Reuse::default(), &[("site", "east")]), &here()).await;
    let again = fronted.key(Reuse::default(), &[("site", "east")]);
    assert!(is_the_data_key(&edk, &again.unwrap(&edk, &here()).await.unwrap()));
    for other in [&[("site", "west")][..], &[("place", "east")], &[("site", "east"), ("more", "1")], &[]] {
        refuses(&fronted.key(Reuse::default(), other), &edk, &here()).await;
    }
}

pub(crate) async fn an_outage_is_survived_and_ends(fronted: &Fronted) {
    fronted.warm().await;
    let (kept, fresh) = (fronted.usual(), fronted.usual());
    let edk = wrap(&kept, &here()).await;
    fronted.front.take();
    fronted.front.shut();
    assert!(kept.unwrap(&edk, &here()).await.is_ok(), "what is kept serves on");
    wrap(&kept, &here()).await;
    assert_eq!(fronted.front.turned_away(), 0);

    let unavailable = async || match fresh.wrap(&data_key(), &here()).await {
        Err(Error::Unavailable { key_id, why }) => {
            assert_eq!(key_id, id("a"));
            why
        }
        other => panic!("{other:?}"),
    };
    let mut tries = 0;
    while !unavailable().await.contains("requests in a row got no answer") {
        tries += 1;
        assert!(tries < 20, "it is asked on and on");
    }
    assert!(fronted.front.turned_away() >= tries, "each try was an attempt at least");
    fronted.front.open();
    unavailable().await;
    assert!(matches!(fresh.unwrap(&edk, &here()).await, Err(Error::Unavailable { .. })));
    assert_eq!((fronted.front.take(), fronted.front.turned_away()), (0, 0), "it rests");
    pass(Duration::from_secs(11)).await;
    assert!(is_the_data_key(&edk, &fresh.unwrap(&edk, &here()).await.unwrap()));
    wrap(&fresh, &here()).await;
}
