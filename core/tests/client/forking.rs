//! Several answers to one INVITE
//! ([RFC 3261 §13.2.2.4](https://www.rfc-editor.org/rfc/rfc3261#section-13.2.2.4)).

use offhook_core::{Event, SessionEnd};

use crate::support::{Answer, Bench};

#[test]
fn each_to_tag_is_an_early_session_of_its_own() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing"));
    let bob = bench.progressed();
    bench.answer(
        &invite,
        &Answer::new("183 Session Progress")
            .tag("carol")
            .sdp("early"),
    );
    let carol = bench.progressed();
    assert_ne!(bob, carol);
    bench.answer(&invite, &Answer::new("181 Call Is Being Forwarded"));
    assert_eq!(bench.progressed(), bob);
    assert_eq!(bench.core.counts().sessions, 2);
}

#[test]
fn the_first_success_wins_and_each_other_is_acknowledged_and_ended() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    bench.answer(&invite, &Answer::new("180 Ringing"));
    let bob = bench.progressed().unwrap();
    bench.answer(&invite, &Answer::new("180 Ringing").tag("carol"));
    let carol = bench.progressed().unwrap();
    let from_carol = Answer::new("200 OK").tag("carol").sdp("answer");
    bench.answer(&invite, &from_carol);
    let Event::Ended { session, cause, .. } = bench.event() else {
        panic!("bob's early session ends");
    };
    assert_eq!((session, cause), (bob, SessionEnd::NotAccepted));
    assert_eq!(bench.accepted(), carol);
    let ack = bench.one("ACK");

    let mut byes = Vec::new();
    for tag in ["bob", "dave"] {
        let ok = Answer::new("200 OK").tag(tag).sdp("answer");
        bench.answer(&invite, &ok);
        let mut sent = bench.sent();
        assert_eq!([sent[0].method(), sent[1].method()], ["ACK", "BYE"]);
        for sent in &sent {
            assert_eq!(
                sent.header("To"),
                format!("<sip:bob@example.org>;tag={tag}")
            );
        }
        bench.answer(&invite, &ok);
        assert_eq!(bench.one("ACK").text(), sent[0].text());
        byes.push(sent.remove(1));
    }
    bench.answer(&invite, &from_carol);
    assert_eq!(bench.one("ACK").text(), ack.text());
    bench.no_event();
    for bye in &byes {
        bench.answer(bye, &Answer::bare("200 OK"));
        assert!(matches!(
            bench.event(),
            Event::Ended {
                cause: SessionEnd::NotAccepted,
                ..
            }
        ));
    }
    assert_eq!(bench.core.counts().sessions, 1);
}

#[test]
fn the_number_of_answers_is_bounded() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    for number in 0..20 {
        let tag: &'static str = format!("bob{number}").leak();
        bench.answer(&invite, &Answer::new("180 Ringing").tag(tag));
        assert_eq!(bench.progressed().is_some(), number < 16, "{number}");
    }
    assert_eq!(bench.core.counts().sessions, 16);
}

/// RFC 3261 §13.2.2.4: whoever accepts first is called, though it was one too many to ring.
#[test]
fn one_that_accepts_takes_the_place_of_one_that_rings() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call();
    let tags: Vec<&'static str> = (0..17)
        .map(|number| &*format!("bob{number}").leak())
        .collect();
    for tag in &tags {
        bench.answer(&invite, &Answer::new("180 Ringing").tag(tag));
    }
    let rings: Vec<_> = tags.iter().filter_map(|_| bench.progressed()).collect();
    assert_eq!(rings.len(), 16);
    let ok = Answer::new("200 OK").tag(tags[16]).sdp("answer");
    bench.answer(&invite, &ok);
    for expected in rings {
        let Event::Ended { session, cause, .. } = bench.event() else {
            panic!("all that rang are over");
        };
        assert_eq!((session, cause), (expected, SessionEnd::NotAccepted));
    }
    bench.accepted();
    bench.one("ACK");
    assert_eq!(bench.core.counts().sessions, 1);
}
