//! REFER of ours, and what the peer tells of it
//! ([RFC 3515 §2.4](https://www.rfc-editor.org/rfc/rfc3515#section-2.4)).

use std::fmt::Write;

use offhook_core::message::{Body, Message, Method, ReferTo, StatusCode, Text, parse};
use offhook_core::{
    Credentials, Event, InsideError, ReferEnd, ReferEvent, ReferOptions, SessionEnd, SessionId,
};

use crate::support::{Answer, Bench, Sent, UDP, from_bob, request};

/// A session in which bob was referred to carol.
struct Referred {
    bench: Bench,
    id: SessionId,
    ack: Sent,
    refer: Sent,
    cseq: u32,
}

impl Referred {
    fn new() -> Self {
        Self::with(carol().into())
    }

    fn with(options: ReferOptions) -> Self {
        let mut bench = Bench::new();
        let (id, ack) = bench.session();
        let cseq = refer(&mut bench, id, options).unwrap();
        let refer = bench.one("REFER");
        Self {
            bench,
            id,
            ack,
            refer,
            cseq,
        }
    }

    /// Bob takes the REFER.
    fn accepted() -> Self {
        let mut referred = Self::new();
        let refer = &referred.refer;
        referred.bench.answer(refer, &Answer::new("202 Accepted"));
        match referred.event() {
            ReferEvent::Accepted { is_subscribed, .. } => assert!(is_subscribed),
            other => panic!("{other:?}"),
        }
        referred
    }

    fn event(&mut self) -> ReferEvent {
        match self.bench.event() {
            Event::Refer {
                session,
                cseq,
                event,
            } => {
                assert_eq!((session, cseq), (self.id, self.cseq));
                event
            }
            other => panic!("{other:?} is no event of a REFER"),
        }
    }

    fn progress(&mut self) -> u16 {
        match self.event() {
            ReferEvent::Progress { status, .. } => status.as_u16(),
            other => panic!("{other:?} is no progress"),
        }
    }

    fn terminated(&mut self) -> (Option<u16>, ReferEnd) {
        match self.event() {
            ReferEvent::Terminated { status, cause } => (status.map(StatusCode::as_u16), cause),
            other => panic!("{other:?} is no end"),
        }
    }

    /// Bob sends a NOTIFY. Gives the response.
    fn notify(&mut self, cseq: u32, lines: &[&str], body: &str) -> Sent {
        let bare = from_bob(&Method::Notify, &self.ack, cseq);
        let bare = std::str::from_utf8(bare.as_bytes()).unwrap();
        let (head, _) = bare.split_once("Content-Length").unwrap();
        let mut text = head.to_owned();
        for line in lines {
            write!(text, "{line}\r\n").unwrap();
        }
        write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.bench.receive(UDP, parse(text.into()).unwrap());
        let mut sent = self.bench.sent();
        assert_eq!(sent.len(), 1, "{sent:#?}");
        sent.remove(0)
    }

    /// A good NOTIFY.
    fn notify_of(&mut self, cseq: u32, state: &str, body: &str) -> u16 {
        let state = format!("Subscription-State: {state}");
        status(&self.notify(cseq, &["Event: refer", &state, SIPFRAG], body))
    }
}

fn carol() -> ReferTo {
    "sip:carol@example.net".parse().unwrap()
}

fn refer(bench: &mut Bench, id: SessionId, options: ReferOptions) -> Result<u32, InsideError> {
    bench.act(|core, now| core.session(now, id).unwrap().refer(options))
}

fn status(sent: &Sent) -> u16 {
    match &sent.message {
        Message::Response(response) => response.status().as_u16(),
        Message::Request(_) => panic!("a request instead of a response"),
    }
}

/// RFC 3515 §2.4.1, RFC 3892 §3
#[test]
fn a_refer_says_where_to_and_who_refers() {
    let referred = Referred::new();
    let refer = &referred.refer;
    assert_eq!(refer.header("Refer-To"), "<sip:carol@example.net>");
    assert_eq!(refer.header("Referred-By"), "<sip:alice@example.com>");
    assert_eq!(refer.header("CSeq"), format!("{} REFER", referred.cseq));
    assert_eq!(refer.header("Call-ID"), referred.ack.header("Call-ID"));
    assert!(refer.has("Contact") && !refer.has("Refer-Sub"));
    let by = ReferOptions::from(carol()).with_referred_by("sip:a@example.org".parse().unwrap());
    let refer = Referred::with(by).refer;
    assert_eq!(refer.header("Referred-By"), "<sip:a@example.org>");
}

/// RFC 3515 §2.4.5, §2.4.7
#[test]
fn the_peer_tells_what_becomes_of_it() {
    let mut referred = Referred::accepted();
    assert_eq!(
        referred.notify_of(1, "active;expires=60", "SIP/2.0 100 Trying"),
        200
    );
    assert_eq!(referred.progress(), 100);
    assert_eq!(
        referred.notify_of(2, "active;expires=55", "SIP/2.0 180 Ringing\r\n"),
        200
    );
    assert_eq!(referred.progress(), 180);
    let last = "terminated;reason=noresource";
    assert_eq!(referred.notify_of(3, last, "SIP/2.0 200 OK\r\n"), 200);
    assert_eq!(referred.progress(), 200);
    assert_eq!(referred.terminated(), (Some(200), ReferEnd::Notified));
    assert_eq!(referred.notify_of(4, last, "SIP/2.0 200 OK\r\n"), 481);
    referred.bench.no_event();
}

/// RFC 3515 §2.4.4: "MUST be prepared to receive a NOTIFY before the REFER transaction completes".
#[test]
fn a_notify_may_overtake_the_response() {
    let mut referred = Referred::new();
    assert_eq!(
        referred.notify_of(1, "active;expires=60", "SIP/2.0 100 Trying"),
        200
    );
    assert_eq!(referred.progress(), 100);
    referred
        .bench
        .answer(&referred.refer, &Answer::new("202 Accepted"));
    assert!(matches!(
        referred.event(),
        ReferEvent::Accepted {
            is_subscribed: true,
            ..
        }
    ));

    let mut referred = Referred::new();
    let last = "terminated;reason=noresource";
    assert_eq!(referred.notify_of(1, last, "SIP/2.0 486 Busy Here"), 200);
    assert_eq!(referred.progress(), 486);
    assert_eq!(referred.terminated(), (Some(486), ReferEnd::Notified));
    assert_eq!(referred.notify_of(2, last, "SIP/2.0 486 Busy Here"), 481);
    referred
        .bench
        .answer(&referred.refer, &Answer::new("202 Accepted"));
    referred.bench.no_event();
}

/// RFC 6665 §8.2.1, RFC 3515 §2.4.5
#[test]
fn a_notify_that_says_nothing_good_is_refused() {
    let mut referred = Referred::accepted();
    let active = "Subscription-State: active";
    for (index, (lines, body, expected)) in [
        (&["Event: presence", active][..], "", 489),
        (&[active], "", 489),
        (&["Event: refer", SIPFRAG], "SIP/2.0 180 Ringing", 400),
        (
            &["Event: refer;id=7", active, SIPFRAG],
            "SIP/2.0 180 Ringing",
            481,
        ),
        (
            &["Event: refer;id=x", active, SIPFRAG],
            "SIP/2.0 180 Ringing",
            481,
        ),
        (
            &["Event: refer", active, "Content-Type: text/plain"],
            "SIP/2.0 180 Ringing",
            415,
        ),
        (
            &["Event: refer", active, SIPFRAG],
            "INVITE sip:a@b.c SIP/2.0",
            400,
        ),
        (
            &["Event: refer", "Event: refer", active, SIPFRAG],
            "SIP/2.0 180 Ringing",
            400,
        ),
        (
            &["Event: refer", active, "Replaces: a;to-tag=b;from-tag=c"],
            "",
            400,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let cseq = u32::try_from(index).unwrap() + 1;
        let answer = referred.notify(cseq, lines, body);
        assert_eq!(status(&answer), expected, "{lines:?}");
        match expected {
            489 => assert_eq!(answer.header("Allow-Events"), "refer"),
            415 => assert_eq!(answer.header("Accept"), "message/sipfrag"),
            _ => {}
        }
    }
    referred.bench.no_event();
}

/// RFC 6665 §4.1.3: a NOTIFY that belongs to no subscription.
#[test]
fn without_a_refer_a_notify_gets_481() {
    let mut referred = Referred::new();
    referred
        .bench
        .answer(&referred.refer, &Answer::new("603 Decline"));
    match referred.event() {
        ReferEvent::Refused { message } => assert_eq!(message.status().as_u16(), 603),
        other => panic!("{other:?}"),
    }
    assert_eq!(referred.notify_of(1, "active", "SIP/2.0 100 Trying"), 481);
    referred.bench.no_event();
}

/// RFC 3515 §2.4.6
#[test]
fn several_refers_are_told_apart_by_their_numbers() {
    let mut referred = Referred::accepted();
    let first = referred.cseq;
    let second = refer(&mut referred.bench, referred.id, carol().into()).unwrap();
    let sent = referred.bench.one("REFER");
    referred.bench.answer(&sent, &Answer::new("202 Accepted"));
    referred.cseq = second;
    assert!(matches!(referred.event(), ReferEvent::Accepted { .. }));
    let event = format!("Event: refer;id={second}");
    let lines = [event.as_str(), "Subscription-State: active", SIPFRAG];
    referred.notify(1, &lines, "SIP/2.0 180 Ringing");
    assert_eq!(referred.progress(), 180);
    referred.cseq = first;
    referred.notify_of(2, "terminated;reason=noresource", "SIP/2.0 200 OK");
    assert_eq!(referred.progress(), 200);
    assert_eq!(referred.terminated(), (Some(200), ReferEnd::Notified));
}

#[test]
fn there_is_a_bound() {
    let mut referred = Referred::accepted();
    for _ in 0..7 {
        refer(&mut referred.bench, referred.id, carol().into()).unwrap();
    }
    let further = refer(&mut referred.bench, referred.id, carol().into());
    assert_eq!(further, Err(InsideError::TooManyRefers));
}

/// RFC 4488 §4
#[test]
fn a_subscription_may_be_left_out() {
    let without = || Referred::with(ReferOptions::from(carol()).without_subscription());
    let mut referred = without();
    assert_eq!(referred.refer.header("Refer-Sub"), "false");
    assert_eq!(referred.refer.header("Supported"), "norefersub");
    let answer = Answer::new("200 OK").header("Refer-Sub: false");
    referred.bench.answer(&referred.refer, &answer);
    assert!(matches!(
        referred.event(),
        ReferEvent::Accepted {
            is_subscribed: false,
            ..
        }
    ));
    assert_eq!(referred.notify_of(1, "active", "SIP/2.0 100 Trying"), 481);
    // The peer does not know of it.
    let mut referred = without();
    referred
        .bench
        .answer(&referred.refer, &Answer::new("202 Accepted"));
    assert!(matches!(
        referred.event(),
        ReferEvent::Accepted {
            is_subscribed: true,
            ..
        }
    ));
    assert_eq!(referred.notify_of(1, "active", "SIP/2.0 100 Trying"), 200);
}

/// RFC 6665 §4.1.2.4: Timer N, and the expires of a NOTIFY.
#[test]
fn a_subscription_that_nobody_serves_is_given_up() {
    let mut referred = Referred::accepted();
    referred.bench.pass(31_900);
    referred.bench.no_event();
    referred.bench.pass(32_000);
    assert_eq!(referred.terminated(), (None, ReferEnd::Expired));

    let mut referred = Referred::accepted();
    referred.notify_of(1, "active;expires=60", "SIP/2.0 100 Trying");
    assert_eq!(referred.progress(), 100);
    referred.bench.pass(50_000);
    referred.notify_of(2, "active;expires=20", "SIP/2.0 180 Ringing");
    assert_eq!(referred.progress(), 180);
    referred.bench.pass(69_900);
    referred.bench.no_event();
    referred.bench.pass(70_000);
    assert_eq!(referred.terminated(), (None, ReferEnd::Expired));
    assert_eq!(referred.notify_of(3, "active", "SIP/2.0 200 OK"), 481);
}

#[test]
fn notifications_leave_no_timers_behind() {
    let mut referred = Referred::accepted();
    for cseq in 1..50 {
        referred.notify_of(cseq, "active;expires=600", "SIP/2.0 100 Trying");
        assert_eq!(referred.progress(), 100);
    }
    // The transactions are forgotten by then.
    referred.bench.pass(40_000);
    assert_eq!(referred.bench.core.counts().timers, 1);
    referred.bench.pass(599_900);
    referred.bench.no_event();
    referred.bench.pass(600_000);
    assert_eq!(referred.terminated(), (None, ReferEnd::Expired));
}

/// RFC 5057 §4.2: the subscription is a usage of its own. A transferor may hang up at once, and
/// still is told.
#[test]
fn a_subscription_outlives_the_session() {
    let mut referred = Referred::accepted();
    let (id, ack) = (referred.id, &referred.ack);
    let bye = from_bob(&Method::Bye, ack, 1);
    referred.bench.receive(UDP, bye);
    assert_eq!(status(&referred.bench.sent().remove(0)), 200);
    let ended = referred.bench.event();
    assert!(
        matches!(
            ended,
            Event::Ended {
                cause: SessionEnd::RemoteBye,
                ..
            }
        ),
        "{ended:?}"
    );
    assert!(
        referred
            .bench
            .act(|core, now| core.session(now, id).is_none())
    );
    let info = from_bob(&Method::Options, &referred.ack, 2);
    referred.bench.receive(UDP, info);
    assert_eq!(status(&referred.bench.sent().remove(0)), 481);
    assert_eq!(referred.notify_of(3, "active", "SIP/2.0 180 Ringing"), 200);
    assert_eq!(referred.progress(), 180);
    referred.notify_of(4, "terminated;reason=noresource", "SIP/2.0 200 OK");
    assert_eq!(referred.progress(), 200);
    assert_eq!(referred.terminated(), (Some(200), ReferEnd::Notified));
    assert_eq!(referred.notify_of(5, "active", "SIP/2.0 200 OK"), 481);
    referred.bench.pass(100_000);
    referred.bench.no_event();
    assert!(referred.bench.is_idle());
}

#[test]
fn a_subscription_ends_with_its_time_after_the_session() {
    let mut referred = Referred::accepted();
    let id = referred.id;
    referred
        .bench
        .act(|core, now| core.session(now, id).unwrap().bye(Vec::new()));
    let bye = referred.bench.one("BYE");
    referred.bench.answer(&bye, &Answer::new("200 OK"));
    assert!(matches!(referred.bench.event(), Event::Ended { .. }));
    referred.bench.pass(32_000);
    assert_eq!(referred.terminated(), (None, ReferEnd::Expired));
    referred.bench.pass(100_000);
    referred.bench.no_event();
    assert!(referred.bench.is_idle());
}

/// A peer that is gone tells nothing any more.
#[test]
fn a_subscription_ends_with_a_dialog_that_the_peer_does_not_know() {
    let mut referred = Referred::accepted();
    let id = referred.id;
    referred.bench.act(|core, now| {
        let mut session = core.session(now, id).unwrap();
        session.request(Method::Info, &[], None).unwrap();
    });
    let info = referred.bench.one("INFO");
    referred.bench.answer(&info, &Answer::new("481 Gone"));
    assert!(matches!(referred.bench.event(), Event::Answered { .. }));
    let bye = referred.bench.one("BYE");
    referred.bench.answer(&bye, &Answer::new("481 Gone"));
    assert_eq!(referred.terminated(), (None, ReferEnd::Gone));
    assert!(matches!(
        referred.bench.event(),
        Event::Ended {
            cause: SessionEnd::Gone,
            ..
        }
    ));
}

/// RFC 5057 §5.1
#[test]
fn a_refer_without_an_answer_ends_the_session() {
    let mut referred = Referred::new();
    referred.bench.pass(32_000);
    assert_eq!(referred.terminated(), (None, ReferEnd::Unanswered));
    assert_eq!(
        referred.bench.methods().last().map(String::as_str),
        Some("BYE")
    );
}

#[test]
fn a_refer_is_sent_again_with_credentials() {
    let mut bench = Bench::new();
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    let invite = request([UDP]).with_body(Body::sdp("offer"));
    let (_, invite) = bench.call_with(invite.with_credentials(alice));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let id = bench.accepted();
    let ack = bench.one("ACK");
    let cseq = refer(&mut bench, id, carol().into()).unwrap();
    let first = bench.one("REFER");
    let challenge = "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"1\", algorithm=MD5";
    bench.answer(&first, &Answer::bare("401 Unauthorized").header(challenge));
    let refer = bench.one("REFER");
    assert!(refer.has("Authorization"));
    assert_eq!(refer.header("Refer-To"), "<sip:carol@example.net>");
    let mut referred = Referred {
        bench,
        id,
        ack,
        refer,
        cseq,
    };
    referred
        .bench
        .answer(&referred.refer, &Answer::new("202 Accepted"));
    assert!(matches!(referred.event(), ReferEvent::Accepted { .. }));
    let event = format!("Event: refer;id={}", cseq + 1);
    let lines = [event.as_str(), "Subscription-State: active", SIPFRAG];
    assert_eq!(
        status(&referred.notify(1, &lines, "SIP/2.0 180 Ringing")),
        200
    );
    assert_eq!(referred.progress(), 180);
}

/// RFC 3891 §4: the tags are named as the receiver of the INVITE sees them.
#[test]
fn a_session_says_how_it_is_replaced() {
    let mut bench = Bench::new();
    let (id, ack) = bench.session();
    let (replaces, refer_to) = bench.act(|core, now| {
        let session = core.session(now, id).unwrap();
        (session.replaces().unwrap(), session.refer_to().unwrap())
    });
    let from_tag = ack.header("From").split_once("tag=").unwrap().1;
    assert_eq!(replaces.call_id.as_str(), ack.header("Call-ID"));
    assert_eq!(
        (replaces.to_tag.as_str(), replaces.from_tag.as_str()),
        ("bob", from_tag)
    );
    assert_eq!(refer_to.target().to_string(), "sip:bob@192.0.2.2:5062");
    assert_eq!(refer_to.replaces(), Ok(Some(replaces)));
}

const SIPFRAG: &str = "Content-Type: message/sipfrag;version=2.0";

/// The end is told once: NOTIFY was faster than a response that never comes, or is a refusal.
#[test]
fn nothing_follows_the_end_that_a_notify_tells() {
    for refusal in [None, Some("603 Decline")] {
        let mut referred = Referred::new();
        let state = "terminated;reason=noresource";
        assert_eq!(referred.notify_of(7, state, "SIP/2.0 200 OK\r\n"), 200);
        assert_eq!(referred.progress(), 200);
        assert_eq!(referred.terminated(), (Some(200), ReferEnd::Notified));
        if let Some(refusal) = refusal {
            referred
                .bench
                .answer(&referred.refer, &Answer::new(refusal));
            referred.bench.no_event();
        }
        referred.bench.pass(64_000);
        while let Some(event) = referred.bench.try_event() {
            assert!(matches!(event, Event::Ended { .. }), "{event:?}");
        }
    }
}
