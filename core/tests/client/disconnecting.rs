//! A WebSocket that is gone takes its calls with it
//! ([RFC 7118 §5](https://www.rfc-editor.org/rfc/rfc7118#section-5)).

use offhook_core::message::{Body, Message, Provisional, parse};
use offhook_core::{
    Channel, Event, Flow, InviteEnd, InviteId, Opener, OutgoingInviteEvent, RequestFailure,
    SessionEnd, SessionId, Transport,
};

use crate::support::{Answer, Bench, Sent, TCP, UDP_NEXT, request};

const WS: Flow = Flow {
    transport: Transport::Ws,
    ..TCP
};

const OTHER: Flow = Flow {
    channel: Channel(8),
    ..WS
};

fn from_browser(method: &str, call_id: &str, to_tag: &str) -> Message {
    from_browser_again(method, call_id, to_tag, 1)
}

fn from_browser_again(method: &str, call_id: &str, to_tag: &str, cseq: u32) -> Message {
    let text = format!(
        "{method} sip:alice@192.0.2.1;transport=ws SIP/2.0\r\n\
         Via: SIP/2.0/WS cq7ip7861a5a.invalid;branch=z9hG4bK-{method}-{call_id}-{cseq}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:bob@example.org>;tag=bob\r\n\
         To: <sip:alice@example.com>{to_tag}\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:p7kbcqak@cq7ip7861a5a.invalid;transport=ws>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    parse(text.into()).unwrap()
}

fn rings(bench: &mut Bench, flow: Flow, call_id: &str) -> InviteId {
    bench.receive(flow, from_browser("INVITE", call_id, ""));
    let Event::Invite(invite) = bench.event() else {
        panic!("a call");
    };
    bench.act(|core, now| {
        let mut server = core.invite_server(now, invite).unwrap();
        server.progress(Provisional::RINGING).unwrap();
    });
    invite
}

fn accepted(bench: &mut Bench, flow: Flow, call_id: &str) -> SessionId {
    let invite = rings(bench, flow, call_id);
    let accepted = bench.act(|core, now| {
        let server = core.invite_server(now, invite).unwrap();
        server.accept(Body::sdp("offer")).unwrap()
    });
    accepted.session
}

fn confirmed(bench: &mut Bench, flow: Flow, call_id: &str) -> SessionId {
    confirmed_with_tag(bench, flow, call_id).0
}

/// The session, and the tag that the browser writes in To.
fn confirmed_with_tag(bench: &mut Bench, flow: Flow, call_id: &str) -> (SessionId, String) {
    let session = accepted(bench, flow, call_id);
    let ok = bench.sent().pop().unwrap();
    let (_, tag) = ok.header("To").split_once(';').unwrap();
    let to_tag = format!(";{tag}");
    bench.receive(flow, from_browser("ACK", call_id, &to_tag));
    assert!(matches!(bench.event(), Event::Confirmed { .. }));
    (session, to_tag)
}

#[test]
fn sessions_end_without_a_bye_and_calls_that_ring_are_over() {
    let mut bench = Bench::new();
    let confirmed = confirmed(&mut bench, WS, "confirmed");
    let accepted = accepted(&mut bench, WS, "accepted");
    let ringing = rings(&mut bench, WS, "ringing");
    bench.sent();
    bench.disconnect(WS.channel, Opener::Peer);
    let Event::InviteEnded { invite, cause } = bench.event() else {
        panic!("the call that rings is over");
    };
    assert_eq!((invite, cause), (ringing, InviteEnd::Disconnected));
    for expected in [confirmed, accepted] {
        let Event::Ended { session, cause, .. } = bench.event() else {
            panic!("the session is over");
        };
        assert_eq!((session, cause), (expected, SessionEnd::Disconnected));
    }
    bench.no_event();
    let sent = bench.sent();
    assert!(sent.iter().all(|sent| !sent.text().starts_with("BYE")));
    bench.pass(64_000);
    while let Some(event) = bench.try_event() {
        assert!(matches!(event, Event::NotAcknowledged { .. }), "{event:?}");
    }
    assert!(bench.is_idle());
    assert_eq!(bench.core.counts().invites, 0);
}

#[test]
fn those_of_other_connections_and_transports_stay() {
    let mut bench = Bench::new();
    confirmed(&mut bench, OTHER, "other");
    confirmed(&mut bench, TCP, "tcp");
    rings(&mut bench, TCP, "ringing");
    bench.disconnect(WS.channel, Opener::Peer);
    bench.no_event();
    assert_eq!(bench.core.counts().sessions, 3);
}

/// A session that has moved to another WebSocket, as that of a page does which has lost its network.
fn moved(method: &str) -> (Bench, SessionId) {
    let mut bench = Bench::new();
    let (session, to_tag) = confirmed_with_tag(&mut bench, WS, "call");
    bench.receive(OTHER, from_browser_again(method, "call", &to_tag, 2));
    while bench.try_event().is_some() {}
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        if session.offer().is_some() {
            session.answer(&Body::sdp("answer")).unwrap();
        }
    });
    (bench, session)
}

/// RFC 3261 §12.2: where the peer is now, there alone it can be lost.
#[test]
fn a_session_that_has_moved_ends_with_its_last_connection() {
    for method in ["UPDATE", "INVITE"] {
        let (mut bench, moved) = moved(method);
        bench.disconnect(WS.channel, Opener::Peer);
        bench.no_event();
        assert_eq!(bench.core.counts().sessions, 1, "{method}");
        bench.disconnect(OTHER.channel, Opener::Peer);
        let Event::Ended { session, cause, .. } = bench.event() else {
            panic!("the session is over");
        };
        assert_eq!((session, cause), (moved, SessionEnd::Disconnected));
    }
}

#[test]
fn a_session_that_has_moved_and_ended_is_nothing_to_its_first_connection() {
    let (mut bench, _) = moved("UPDATE");
    bench.disconnect(OTHER.channel, Opener::Peer);
    assert!(matches!(bench.event(), Event::Ended { .. }));
    bench.disconnect(WS.channel, Opener::Peer);
    bench.no_event();
    assert_eq!(bench.core.counts().sessions, 0);
}

/// Nobody is left to have the call, and its INVITE is answered where it came from.
#[test]
fn an_early_session_that_has_moved_ends_its_invite() {
    let mut bench = Bench::new();
    let ringing = rings(&mut bench, WS, "call");
    let response = bench.sent().pop().unwrap();
    let (_, tag) = response.header("To").split_once(';').unwrap();
    let update = from_browser_again("UPDATE", "call", &format!(";{tag}"), 2);
    bench.receive(OTHER, update);
    bench.sent();
    bench.disconnect(OTHER.channel, Opener::Peer);
    let Event::InviteEnded { invite, cause } = bench.event() else {
        panic!("the call that rings is over");
    };
    assert_eq!((invite, cause), (ringing, InviteEnd::Disconnected));
    bench.no_event();
    let refused = bench.sent().pop().unwrap();
    assert!(refused.text().starts_with("SIP/2.0 480 "), "{refused:?}");
    let counts = bench.core.counts();
    assert_eq!((counts.invites, counts.sessions), (0, 0));
}

#[test]
fn a_session_that_we_ended_is_over_at_once() {
    let mut bench = Bench::new();
    let session = confirmed(&mut bench, WS, "call");
    bench.act(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    bench.one("BYE");
    bench.disconnect(WS.channel, Opener::Peer);
    let Event::Ended { cause, .. } = bench.event() else {
        panic!("the session is over");
    };
    assert_eq!(cause, SessionEnd::ByeUnanswered);
}

#[test]
fn a_change_that_is_only_on_its_way_is_forgotten_with_its_session() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([WS]).with_body(Body::sdp("offer")));
    bench.answer(&invite, &Answer::new("200 OK").sdp("answer"));
    let session = bench.accepted();
    bench.one("ACK");
    bench.act(|core, now| {
        let mut session = core.session(now, session).unwrap();
        session.invite(&Body::sdp("hold")).unwrap();
    });
    let change = bench.one("INVITE");
    bench.answer(&change, &Answer::bare("100 Trying"));
    bench.disconnect(WS.channel, Opener::Peer);
    assert!(matches!(bench.event(), Event::Ended { .. }));
    bench.pass(100_000);
    assert!(bench.is_idle());
}

/// RFC 3261 §15: who can be reached by another WebSocket gets a BYE.
#[test]
fn a_session_gets_its_bye_by_the_next_websocket_of_ours() {
    for is_delivered in [true, false] {
        let mut bench = Bench::new();
        let (_, invite) = bench.call_with(request([WS]));
        bench.answer(&invite, &Answer::new("200 OK").sdp("offer"));
        let expected = bench.accepted();
        // The ACK waits for our answer.
        bench.disconnect(WS.channel, Opener::Us);
        bench.no_event();
        let sent = bench.sent();
        let methods: Vec<_> = sent.iter().map(Sent::method).collect();
        assert_eq!(methods, ["ACK", "BYE"]);
        let [_, bye] = &sent[..] else {
            unreachable!("there are two");
        };
        assert_eq!(bye.transmit.flow.channel, WS.channel);
        if is_delivered {
            bench.answer(bye, &Answer::new("200 OK"));
        } else {
            bench.undelivered(bye);
        }
        let Event::Ended { session, cause, .. } = bench.event() else {
            panic!("the session is over");
        };
        assert_eq!((session, cause), (expected, SessionEnd::Disconnected));
    }
}

/// RFC 3261 §9.1: who rings by a WebSocket that can be opened again is told to stop.
#[test]
fn a_call_that_rings_is_cancelled_by_the_next_websocket_of_ours() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([WS, UDP_NEXT]));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.progressed();
    bench.disconnect(WS.channel, Opener::Us);
    let sent = bench.sent();
    let methods: Vec<_> = sent.iter().map(Sent::method).collect();
    assert_eq!(methods, ["CANCEL", "INVITE"]);
    assert_eq!(sent[0].branch(), invite.branch());
}

#[test]
fn a_call_of_ours_is_tried_elsewhere_or_has_failed() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call_with(request([WS, UDP_NEXT]));
    bench.answer(&invite, &Answer::new("180 Ringing"));
    bench.progressed();
    bench.disconnect(WS.channel, Opener::Peer);
    assert!(matches!(bench.event(), Event::Ended { .. }));
    assert_eq!(bench.one("INVITE").transmit.flow, UDP_NEXT);

    let mut bench = Bench::new();
    bench.call_with(request([WS]));
    bench.disconnect(WS.channel, Opener::Peer);
    assert!(matches!(
        bench.invite_event(),
        OutgoingInviteEvent::Failed {
            cause: RequestFailure::Undelivered
        }
    ));
    assert!(bench.is_idle());
}
