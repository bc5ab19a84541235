//! Random requests against the daemon and against a plain map: after each of them both must agree.
//!
//! The map is what S3 is without everything that makes it hard. A failure names its seed; the same seed makes the same requests.

#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use sealgate_tests::answer::{Answer, text};
use sealgate_tests::bytes::noise;
use sealgate_tests::world::World;

const BUCKET: &str = "first";
const STEPS: usize = 400;
/// Few, so that they meet; related, so that prefixes and delimiters have work.
const KEYS: [&str; 12] = ["a", "a/", "a/b", "a/b/c", "a b", "a+b", "b", "b//c", "c/1", "c/2", "c/2/x", "é"];
/// Around the borders of chunks.
const LENGTHS: [usize; 9] = [0, 1, 100, 65_535, 65_536, 65_537, 131_072, 131_073, 200_000];

/// Numbers that depend on the seed only.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

/// What should be there: the content and its tag.
type Model = BTreeMap<String, (Vec<u8>, String)>;

struct Run {
    world: World,
    model: Model,
    dice: Dice,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self {
            world: World::new(Path::new(env!("CARGO_BIN_EXE_sealgate-under-test")), ""),
            model: Model::new(),
            dice: Dice(seed),
        }
    }

    fn step(&mut self) {
        let key = self.dice.pick(&KEYS);
        match self.dice.roll(10) {
            0..3 => self.put(key),
            3 => self.put_if_absent(key),
            4 => self.put_if_same(key),
            5 => self.delete(key),
            6 => self.get(key),
            7 => self.get_range(key),
            8 => self.head(key),
            _ => self.list(),
        }
    }

    fn body(&mut self) -> Vec<u8> {
        let len = self.dice.pick(&LENGTHS);
        noise(self.dice.roll(1_000_000) as u64, len)
    }

    fn put(&mut self, key: &str) {
        let body = self.body();
        let answer = self.world.front.object("PUT", BUCKET, key).body(&body).send();
        self.keep(key, body, &answer.expect(200));
    }

    fn put_if_absent(&mut self, key: &str) {
        let body = self.body();
        let answer = self.world.front.object("PUT", BUCKET, key).header("if-none-match", "*").body(&body).send();
        if self.model.contains_key(key) {
            answer.refused(412, "PreconditionFailed");
        } else {
            self.keep(key, body, &answer.expect(200));
        }
    }

    /// With the tag of some key, which may be this one.
    fn put_if_same(&mut self, key: &str) {
        let (body, other) = (self.body(), self.dice.pick(&KEYS));
        let Some((_, etag)) = self.model.get(other).cloned() else { return };
        let answer = self.world.front.object("PUT", BUCKET, key).header("if-match", &etag).body(&body).send();
        match self.model.get(key) {
            None => answer.refused(404, "NoSuchKey"),
            Some((_, current)) if *current != etag => answer.refused(412, "PreconditionFailed"),
            Some(_) => self.keep(key, body, &answer.expect(200)),
        }
    }

    fn keep(&mut self, key: &str, body: Vec<u8>, answer: &Answer) {
        self.model.insert(key.to_owned(), (body, answer.etag().to_owned()));
    }

    fn delete(&mut self, key: &str) {
        self.world.front.object("DELETE", BUCKET, key).send().check(204);
        self.model.remove(key);
    }

    fn get(&mut self, key: &str) {
        let answer = self.world.get(BUCKET, key).send();
        match self.model.get(key) {
            None => answer.refused(404, "NoSuchKey"),
            Some((body, etag)) => {
                answer.check(200);
                assert!(answer.body == *body && answer.etag() == etag, "{key}: {answer:?}");
            }
        }
    }

    fn get_range(&mut self, key: &str) {
        let first = self.dice.pick(&LENGTHS);
        let last = first + self.dice.roll(70_000);
        let answer = self.world.get(BUCKET, key).header("range", &format!("bytes={first}-{last}")).send();
        match self.model.get(key) {
            None => answer.refused(404, "NoSuchKey"),
            Some((body, _)) if first >= body.len() => answer.refused(416, "InvalidRange"),
            Some((body, _)) => {
                let end = body.len().min(last + 1);
                answer.check(206);
                assert!(answer.body == body[first..end], "{key} {first}-{last}: {answer:?}");
            }
        }
    }

    fn head(&mut self, key: &str) {
        let answer = self.world.front.object("HEAD", BUCKET, key).send();
        match self.model.get(key) {
            None => answer.check(404),
            Some((body, etag)) => {
                let found = (answer.status, answer.must("content-length"), answer.etag());
                assert_eq!(found, (200, body.len().to_string().as_str(), etag.as_str()), "{key}");
            }
        }
    }

    /// In pages of a random length, below a random prefix.
    fn list(&mut self) {
        let (prefix, size) = (self.dice.pick(&["", "a", "a/", "c/2", "z"]), self.dice.roll(5) + 1);
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let list = self.world.front.request("GET", &format!("/{BUCKET}")).query("list-type", "2");
            let list = list.query("prefix", prefix).query("max-keys", &size.to_string());
            let list = token.iter().fold(list, |list, token| list.query("continuation-token", token));
            let answer = list.send().expect(200);
            found.extend(
                answer
                    .all("Contents")
                    .iter()
                    .map(|entry| ["Key", "Size", "ETag"].map(|name| text(entry, name).unwrap())),
            );
            token = answer.text("NextContinuationToken");
            if token.is_none() {
                break;
            }
        }
        let below = self.model.iter().filter(|(key, _)| key.starts_with(prefix));
        let expected: Vec<_> =
            below.map(|(key, (body, etag))| [key.clone(), body.len().to_string(), etag.clone()]).collect();
        assert_eq!(found, expected, "below {prefix:?} in pages of {size}");
    }
}

fn agrees(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..STEPS {
        run.step();
    }
    for key in KEYS {
        run.get(key);
    }
    run.list();
}

#[test]
fn the_daemon_and_a_map_agree_on_seed_1() {
    agrees(0x5ea1_0001);
}

#[test]
fn the_daemon_and_a_map_agree_on_seed_2() {
    agrees(0x5ea1_0002);
}
