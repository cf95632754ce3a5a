//! Published states ([RFC 3903 §4](https://www.rfc-editor.org/rfc/rfc3903#section-4)).

use std::time::Duration;

use offhook_core::message::{Body, Text};
use offhook_core::{
    Credentials, Event, PublicationEvent, PublicationId, PublicationOptions, RequestError,
    RequestFailure,
};

use crate::support::{Answer, Bench, Sent, UDP, UDP_NEXT, request};

fn body(content: &'static str) -> Body {
    Body::new("application/pidf+xml", content).unwrap()
}

fn options() -> PublicationOptions {
    let request = request([UDP]).with_body(body("open"));
    let mut options = PublicationOptions::new(request, Text::from_static("presence"));
    options.expires = 600;
    options
}

fn publish(bench: &mut Bench, options: PublicationOptions) -> (PublicationId, Sent) {
    let id = bench.act(|core, now| core.publish(now, options)).unwrap();
    (id, bench.one("PUBLISH"))
}

fn ok(entity_tag: &str, expires: u32) -> Answer {
    let answer = Answer::bare("200 OK").tag("compositor");
    answer
        .header(&format!("SIP-ETag: {entity_tag}"))
        .header(&format!("Expires: {expires}"))
}

fn refusal(start_line: &str) -> Answer {
    Answer::bare(start_line).tag("compositor")
}

fn event(bench: &mut Bench) -> PublicationEvent {
    match bench.event() {
        Event::Publication { event, .. } => event,
        other => panic!("{other:?} is no event of a published state"),
    }
}

fn published(bench: &mut Bench) -> Duration {
    match event(bench) {
        PublicationEvent::Published { expires, .. } => expires,
        other => panic!("{other:?} instead of Published"),
    }
}

fn unpublished(bench: &mut Bench) -> Option<u16> {
    match event(bench) {
        PublicationEvent::Unpublished { message } => {
            assert_eq!(bench.core.counts().publications, 0);
            message.map(|message| message.status().as_u16())
        }
        other => panic!("{other:?} instead of Unpublished"),
    }
}

/// A state that is there for 600 s as `one`.
fn there(bench: &mut Bench) -> PublicationId {
    let (id, sent) = publish(bench, options());
    bench.answer(&sent, &ok("one", 600));
    assert_eq!(published(bench), Duration::from_mins(10));
    id
}

#[test]
fn the_first_publish_bears_the_state() {
    let mut bench = Bench::new();
    let (_, sent) = publish(&mut bench, options());
    assert_eq!(sent.request().uri_bytes(), b"sip:bob@example.org");
    assert_eq!(sent.header("Event"), "presence");
    assert_eq!(sent.header("Expires"), "600");
    assert_eq!(sent.header("Content-Type"), "application/pidf+xml");
    assert_eq!(sent.body(), "open");
    assert!(!sent.has("SIP-If-Match"));
    assert!(!sent.has("Contact"));

    let mut nowhere = options();
    nowhere.request.flows.clear();
    let refused = bench.act(|core, now| core.publish(now, nowhere));
    assert_eq!(refused.unwrap_err(), RequestError::NoFlow);
}

#[test]
fn a_refresh_names_the_state_and_does_not_repeat_it() {
    let mut bench = Bench::new();
    there(&mut bench);
    let refresh = bench.due(600, 50, 90);
    assert_eq!(refresh.header("SIP-If-Match"), "one");
    assert_eq!(refresh.header("Expires"), "600");
    assert_eq!(refresh.header("Event"), "presence");
    assert_eq!(refresh.header("CSeq"), "2 PUBLISH");
    assert_eq!(refresh.body(), "");
    assert!(!refresh.has("Content-Type"));
    bench.answer(&refresh, &ok("two", 100));
    assert_eq!(published(&mut bench), Duration::from_secs(100));
    let refresh = bench.due(100, 50, 90);
    assert_eq!(refresh.header("SIP-If-Match"), "two");
}

#[test]
fn a_change_bears_both() {
    let mut bench = Bench::new();
    let id = there(&mut bench);
    let change = |bench: &mut Bench, content| {
        bench.act(|core, now| core.publish_client(now, id).unwrap().publish(body(content)));
    };
    change(&mut bench, "busy");
    let sent = bench.one("PUBLISH");
    assert_eq!((sent.header("SIP-If-Match"), sent.body()), ("one", "busy"));
    // One request at a time; the last state counts.
    change(&mut bench, "away");
    change(&mut bench, "closed");
    assert!(bench.sent().is_empty());
    bench.answer(&sent, &ok("two", 600));
    published(&mut bench);
    let sent = bench.one("PUBLISH");
    assert_eq!(
        (sent.header("SIP-If-Match"), sent.body()),
        ("two", "closed")
    );
    bench.answer(&sent, &ok("three", 600));
    published(&mut bench);
    assert!(bench.sent().is_empty());
}

#[test]
fn a_state_that_the_compositor_has_lost_is_published_anew() {
    let mut bench = Bench::new();
    there(&mut bench);
    let refresh = bench.due(600, 50, 90);
    bench.answer(&refresh, &refusal("412 Conditional Request Failed"));
    bench.no_event();
    let again = bench.one("PUBLISH");
    assert!(!again.has("SIP-If-Match"));
    assert_eq!(again.body(), "open");
    // It cannot be lost before it is there.
    bench.answer(&again, &refusal("412 Conditional Request Failed"));
    let last = event(&mut bench);
    assert!(matches!(
        last,
        PublicationEvent::Refused { retry_in: None, .. }
    ));
    assert_eq!(bench.core.counts().publications, 0);
}

#[test]
fn without_an_entity_tag_the_state_is_repeated() {
    let mut bench = Bench::new();
    let (_, sent) = publish(&mut bench, options());
    bench.answer(&sent, &refusal("200 OK").header("Expires: 100"));
    published(&mut bench);
    let refresh = bench.due(100, 50, 90);
    assert!(!refresh.has("SIP-If-Match"));
    assert_eq!(refresh.body(), "open");
}

#[test]
fn removing_names_the_state() {
    for (start_line, status) in [
        ("200 OK", 200),
        ("412 Conditional Request Failed", 412),
        ("500 Trouble", 500),
    ] {
        let mut bench = Bench::new();
        let id = there(&mut bench);
        bench.act(|core, now| core.publish_client(now, id).unwrap().unpublish());
        let sent = bench.one("PUBLISH");
        assert_eq!(sent.header("SIP-If-Match"), "one");
        assert_eq!((sent.header("Expires"), sent.body()), ("0", ""));
        bench.answer(&sent, &refusal(start_line));
        assert_eq!(unpublished(&mut bench), Some(status));
        bench.pass(3_600_000);
        assert!(bench.is_idle());
    }
    let mut bench = Bench::new();
    let id = there(&mut bench);
    bench.act(|core, now| core.publish_client(now, id).unwrap().unpublish());
    bench.pass(32_000);
    assert_eq!(unpublished(&mut bench), None);
}

#[test]
fn removing_waits_for_what_is_out() {
    let mut bench = Bench::new();
    let (id, sent) = publish(&mut bench, options());
    bench.act(|core, now| core.publish_client(now, id).unwrap().unpublish());
    assert!(bench.sent().is_empty());
    bench.answer(&sent, &ok("one", 600));
    published(&mut bench);
    let end = bench.one("PUBLISH");
    assert_eq!(end.header("Expires"), "0");

    let mut bench = Bench::new();
    let (id, sent) = publish(&mut bench, options());
    bench.act(|core, now| core.publish_client(now, id).unwrap().unpublish());
    bench.answer(&sent, &refusal("500 Trouble"));
    assert!(matches!(
        event(&mut bench),
        PublicationEvent::Refused { .. }
    ));
    assert_eq!(unpublished(&mut bench), None, "nothing is there");
}

#[test]
fn a_longer_time_is_taken_where_the_compositor_wants_it() {
    let mut bench = Bench::new();
    let (_, sent) = publish(&mut bench, options());
    let brief = refusal("423 Interval Too Brief").header("Min-Expires: 1800");
    bench.answer(&sent, &brief);
    let again = bench.one("PUBLISH");
    assert_eq!((again.header("Expires"), again.body()), ("1800", "open"));
    let longer = refusal("423 Interval Too Brief").header("Min-Expires: 1800");
    bench.answer(&again, &longer);
    let last = event(&mut bench);
    assert!(matches!(
        last,
        PublicationEvent::Refused { retry_in: None, .. }
    ));
}

#[test]
fn a_refusal_is_the_end_unless_it_says_when() {
    for start_line in [
        "489 Bad Event",
        "403 Forbidden",
        "415 Unsupported Media Type",
    ] {
        let mut bench = Bench::new();
        let (_, sent) = publish(&mut bench, options());
        bench.answer(&sent, &refusal(start_line));
        let last = event(&mut bench);
        assert!(matches!(
            last,
            PublicationEvent::Refused { retry_in: None, .. }
        ));
        bench.pass(3_600_000);
        assert!(bench.is_idle());
    }
    let mut bench = Bench::new();
    there(&mut bench);
    let refresh = bench.due(600, 50, 90);
    let later = refusal("503 Full").header("Retry-After: 5");
    bench.answer(&refresh, &later);
    let PublicationEvent::Refused { retry_in, .. } = event(&mut bench) else {
        panic!("refused");
    };
    assert_eq!(retry_in, Some(Duration::from_secs(5)));
    let now = bench.ms();
    bench.pass(now + 5_000);
    let again = bench.one("PUBLISH");
    assert_eq!(again.header("SIP-If-Match"), "one");
}

#[test]
fn a_compositor_that_keeps_nothing_is_not_flooded() {
    let mut bench = Bench::new();
    let (_, sent) = publish(&mut bench, options());
    bench.answer(&sent, &ok("one", 0));
    let PublicationEvent::Refused { retry_in, .. } = event(&mut bench) else {
        panic!("refused");
    };
    assert!(retry_in.is_some_and(|it| it >= Duration::from_secs(30)));
}

#[test]
fn challenges_are_answered_with_the_state() {
    let mut bench = Bench::new();
    let mut options = options();
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    options.request = options.request.with_credentials(alice);
    let (_, sent) = publish(&mut bench, options);
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    bench.answer(&sent, &refusal("401 Unauthorized").header(challenge));
    let again = bench.one("PUBLISH");
    assert!(again.has("Authorization"));
    assert_eq!(again.body(), "open");
    bench.answer(&again, &ok("one", 100));
    published(&mut bench);
    let refresh = bench.due(100, 50, 90);
    assert!(refresh.header("Authorization").contains("nc=00000002"));
}

#[test]
fn silence_leads_to_the_next_flow_and_then_to_patience() {
    let mut bench = Bench::new();
    let mut options = options();
    options.request.flows = vec![UDP, UDP_NEXT];
    let (_, sent) = publish(&mut bench, options);
    bench.undelivered(&sent);
    let sent = bench.one("PUBLISH");
    assert_eq!(sent.transmit.flow, UDP_NEXT);
    bench.pass(32_000);
    let PublicationEvent::Failed { cause, retry_in } = event(&mut bench) else {
        panic!("failed");
    };
    assert_eq!(cause, RequestFailure::Timeout);
    bench.sent();
    let until = bench.ms() + u64::try_from(retry_in.as_millis()).unwrap();
    bench.pass(until);
    let again = bench.one("PUBLISH");
    assert_eq!((again.transmit.flow, again.body()), (UDP, "open"));
}
