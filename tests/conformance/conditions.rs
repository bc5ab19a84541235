//! Conditional requests: on reads they save a transfer, on writes they are the only lock S3 has.

use std::sync::Barrier;
use std::thread;

use sealgate_tests::answer::Answer;
use sealgate_tests::bytes::noise;
use sealgate_tests::stack::Room;

crate::cases![
    reads_honour_if_match,
    reads_honour_if_none_match,
    reads_honour_dates,
    an_etag_outranks_a_date,
    not_modified_names_the_etag_and_has_no_body,
    quotes_around_an_etag_may_be_missing,
    heads_honour_conditions,
    a_write_with_if_none_match_star_never_overwrites,
    a_write_with_if_match_replaces_only_what_was_seen,
    a_write_with_if_match_needs_an_object,
    of_racing_creators_one_wins,
    of_racing_successors_one_wins,
];

const OTHER: &str = "\"00000000000000000000000000000000\"";
const PAST: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const FUTURE: &str = "Fri, 06 Nov 2054 08:49:37 GMT";

fn reads_honour_if_match(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    room.get("a").header("if-match", &etag).send().check(200);
    room.get("a").header("if-match", "*").send().check(200);
    room.get("a").header("if-match", OTHER).send().refused(412, "PreconditionFailed");
}

fn reads_honour_if_none_match(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    room.get("a").header("if-none-match", &etag).send().check(304);
    room.get("a").header("if-none-match", OTHER).send().check(200);
}

fn reads_honour_dates(room: &Room<'_>) {
    room.store("a", b"x");
    let get = |name: &str, value: &str| room.get("a").header(name, value).send();
    get("if-modified-since", PAST).check(200);
    get("if-unmodified-since", FUTURE).check(200);
    get("if-unmodified-since", PAST).refused(412, "PreconditionFailed");
    let modified = room.head("a").send().must("last-modified").to_owned();
    get("if-modified-since", &modified).check(304);
    get("if-unmodified-since", &modified).check(200);
}

fn an_etag_outranks_a_date(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    let get = |first: (&str, &str), second: (&str, &str)| {
        room.get("a").header(first.0, first.1).header(second.0, second.1).send()
    };
    get(("if-match", &etag), ("if-unmodified-since", PAST)).check(200);
    get(("if-none-match", &etag), ("if-modified-since", PAST)).check(304);
    get(("if-none-match", OTHER), ("if-modified-since", FUTURE)).check(200);
}

fn not_modified_names_the_etag_and_has_no_body(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    let answer = room.get("a").header("if-none-match", &etag).send().expect(304);
    assert_eq!(answer.etag(), etag);
    assert!(answer.body.is_empty());
}

fn quotes_around_an_etag_may_be_missing(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().trim_matches('"').to_owned();
    room.get("a").header("if-match", &etag).send().check(200);
    room.get("a").header("if-none-match", &etag).send().check(304);
}

fn heads_honour_conditions(room: &Room<'_>) {
    let etag = room.store("a", b"x").etag().to_owned();
    room.head("a").header("if-match", &etag).send().check(200);
    room.head("a").header("if-match", OTHER).send().check(412);
    room.head("a").header("if-none-match", &etag).send().check(304);
    room.head("a").header("if-unmodified-since", PAST).send().check(412);
}

fn a_write_with_if_none_match_star_never_overwrites(room: &Room<'_>) {
    let put = |body: &[u8]| room.put("a", body).header("if-none-match", "*").send();
    put(b"first").check(200);
    put(b"second").refused(412, "PreconditionFailed");
    room.holds("a", b"first");
    room.delete("a").send().check(204);
    put(b"third").check(200);
    room.holds("a", b"third");
}

fn a_write_with_if_match_replaces_only_what_was_seen(room: &Room<'_>) {
    let put = |etag: &str, body: &[u8]| room.put("a", body).header("if-match", etag).send();
    let first = room.store("a", b"first").etag().to_owned();
    let second = put(&first, b"second").expect(200).etag().to_owned();
    put(&first, b"stale").refused(412, "PreconditionFailed");
    room.holds("a", b"second");
    put(&second, b"third").check(200);
    room.holds("a", b"third");
}

fn a_write_with_if_match_needs_an_object(room: &Room<'_>) {
    let answer = room.put("a", b"x").header("if-match", OTHER).send();
    answer.refused(404, "NoSuchKey");
    room.lacks("a");
}

/// Sends one conditional write from each of several threads at once; checks that one was taken, and that it is what is there.
fn one_wins(room: &Room<'_>, name: &str, condition: (&str, &str)) {
    const WRITERS: u64 = 6;
    let bodies: Vec<Vec<u8>> = (0..WRITERS).map(|writer| noise(writer, 100_000)).collect();
    let start = Barrier::new(bodies.len());
    let answers: Vec<Answer> = thread::scope(|scope| {
        let send = |body: &Vec<u8>| {
            let request = room.put(name, body).header(condition.0, condition.1);
            start.wait();
            request.send()
        };
        let threads: Vec<_> = bodies.iter().map(|body| scope.spawn(move || send(body))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won: Vec<usize> = (0..answers.len()).filter(|writer| answers[*writer].status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!(lost.status, 409 | 412), "{lost:?}");
    }
    room.holds(name, &bodies[won[0]]);
}

fn of_racing_creators_one_wins(room: &Room<'_>) {
    for round in 0..4 {
        one_wins(room, &round.to_string(), ("if-none-match", "*"));
    }
}

fn of_racing_successors_one_wins(room: &Room<'_>) {
    for round in 0..4 {
        let etag = room.store(&round.to_string(), b"first").etag().to_owned();
        one_wins(room, &round.to_string(), ("if-match", &etag));
    }
}
