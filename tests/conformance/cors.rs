//! Pages of other origins: browsers ask first, and then read only what the answer lets them.

use sealgate_tests::request::Request;
use sealgate_tests::sign::encode_path;
use sealgate_tests::stack::Room;
use sealgate_tests::wire::Prepared;

crate::cases![
    a_preflight_of_a_known_page_is_answered,
    a_preflight_of_a_stranger_is_forbidden,
    a_preflight_without_an_origin_is_a_bad_request,
    an_answer_may_be_read_by_a_known_page,
    a_refusal_may_be_read_by_a_known_page,
    a_stranger_may_read_nothing,
];

const PAGE: &str = "https://app.sealgate.test";
const STRANGER: &str = "https://app.elsewhere.test";

/// Browsers send it without credentials.
fn preflight(room: &Room<'_>, headers: &[(&str, &str)]) -> Prepared {
    let socket = room.stack.address.socket.to_string();
    let own = [("host", socket.as_str()), ("connection", "close")];
    let headers = own.iter().chain(headers);
    Prepared {
        address: room.stack.address.clone(),
        method: "OPTIONS".into(),
        target: format!("/{}/{}", room.bucket, encode_path(&room.prefix)),
        headers: headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: Vec::new(),
        waits: false,
    }
}

fn asking<'a>(origin: &'a str, method: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "content-type,x-amz-date"),
    ]
}

fn from(request: Request, origin: &str) -> Request {
    request.unsigned_header("origin", origin)
}

fn a_preflight_of_a_known_page_is_answered(room: &Room<'_>) {
    let answer = preflight(room, &asking(PAGE, "PUT")).send().expect(200);
    assert_eq!(answer.must("access-control-allow-origin"), PAGE);
    assert!(answer.must("access-control-allow-methods").split(", ").any(|method| method == "PUT"));
    assert_eq!(answer.must("access-control-allow-headers"), "content-type, x-amz-date");
    assert_eq!(answer.must("access-control-max-age"), "3600");
    assert!(answer.must("vary").contains("Origin"));
}

fn a_preflight_of_a_stranger_is_forbidden(room: &Room<'_>) {
    preflight(room, &asking(STRANGER, "PUT")).send().refused(403, "AccessForbidden");
    preflight(room, &asking(PAGE, "DELETE")).send().refused(403, "AccessForbidden");
}

fn a_preflight_without_an_origin_is_a_bad_request(room: &Room<'_>) {
    preflight(room, &[]).send().refused(400, "BadRequest");
}

fn an_answer_may_be_read_by_a_known_page(room: &Room<'_>) {
    let answer = from(room.put("a", b"x"), PAGE).send().expect(200);
    assert_eq!(answer.must("access-control-allow-origin"), PAGE);
    assert_eq!(answer.must("access-control-expose-headers"), "ETag");
    let answer = from(room.get("a"), PAGE).send().expect(200);
    assert_eq!((answer.must("access-control-allow-origin"), answer.body.as_slice()), (PAGE, &b"x"[..]));
}

fn a_refusal_may_be_read_by_a_known_page(room: &Room<'_>) {
    let answer = from(room.get("missing"), PAGE).send().expect(404);
    assert_eq!(answer.must("access-control-allow-origin"), PAGE);
}

fn a_stranger_may_read_nothing(room: &Room<'_>) {
    room.store("a", b"x");
    let answer = from(room.get("a"), STRANGER).send().expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(room.get("a").send().expect(200).header("access-control-allow-origin"), None);
}
