//! Which flow serves what a server keeps for us, after the first request
//! ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).

use std::time::Duration;

use offhook_core::message::{Body, Text};
use offhook_core::{
    Credentials, Event, Flow, Opener, PublicationEvent, PublicationOptions, RegistrationEvent,
    RegistrationId, RegistrationOptions,
};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, request};

fn register(bench: &mut Bench, flows: [Flow; 2]) -> (RegistrationId, Sent) {
    let options = RegistrationOptions::new(request(flows));
    let id = bench.act(|core, now| core.register(now, options)).unwrap();
    (id, bench.one("REGISTER"))
}

fn ok() -> Answer {
    Answer::bare("200 OK")
        .tag("registrar")
        .header("Expires: 60")
}

fn error() -> Answer {
    Answer::bare("500 Server Internal Error").tag("registrar")
}

fn event(bench: &mut Bench) -> RegistrationEvent {
    match bench.event() {
        Event::Registration { event, .. } => event,
        other => panic!("{other:?} is no event of a registration"),
    }
}

/// The registrar accepts it.
fn accept(bench: &mut Bench, register: &Sent) {
    bench.answer(register, &ok());
    let event = event(bench);
    assert!(
        matches!(event, RegistrationEvent::Registered { .. }),
        "{event:?}"
    );
}

/// Registered by the second of two flows, for nobody was there by the first.
fn registered_by_the_next() -> (Bench, RegistrationId) {
    let mut bench = Bench::new();
    let (id, first) = register(&mut bench, [UDP, UDP_NEXT]);
    bench.undelivered(&first);
    let second = bench.one("REGISTER");
    assert_eq!(second.transmit.flow, UDP_NEXT);
    accept(&mut bench, &second);
    (bench, id)
}

fn refresh(bench: &mut Bench, id: RegistrationId) -> Sent {
    bench.act(|core, now| core.register_client(now, id).unwrap().refresh());
    bench.one("REGISTER")
}

fn unregister(bench: &mut Bench, id: RegistrationId) -> Sent {
    bench.act(|core, now| core.register_client(now, id).unwrap().unregister());
    let sent = bench.one("REGISTER");
    assert_eq!(sent.header("Expires"), "0");
    sent
}

/// The next try after this time.
fn try_after(bench: &mut Bench, wait: Duration) -> Sent {
    let due = bench.ms() + u64::try_from(wait.as_millis()).unwrap();
    bench.pass(due);
    bench.one("REGISTER")
}

/// Each transport has a Contact of its own. A server that is silent takes 32 s, which is longer than a binding for a
/// minute may wait.
#[test]
fn a_binding_is_refreshed_and_taken_away_where_it_was_accepted() {
    let mut bench = Bench::new();
    let (id, _) = register(&mut bench, [UDP, TCP]);
    bench.pass(32_000);
    let second = bench.sent().pop().unwrap();
    assert_eq!(second.transmit.flow, TCP);
    // RFC 3261 §10.2: the first may have been taken, and only its answers lost.
    assert_eq!(second.header("CSeq"), "2 REGISTER");
    accept(&mut bench, &second);
    let contact = "<sip:alice@192.0.2.1:5060;transport=tcp>";
    for _ in 0..2 {
        let refresh = bench.due(60, 50, 90);
        assert_eq!(refresh.transmit.flow, TCP);
        assert_eq!(refresh.header("Contact"), format!("{contact};expires=600"));
        accept(&mut bench, &refresh);
    }
    let end = unregister(&mut bench, id);
    assert_eq!(end.transmit.flow, TCP);
    assert_eq!(end.header("Contact"), format!("{contact};expires=0"));
}

#[test]
fn a_refresh_tries_each_flow_and_after_a_failure_the_best_one_first() {
    let (mut bench, id) = registered_by_the_next();
    let again = refresh(&mut bench, id);
    assert_eq!(again.transmit.flow, UDP_NEXT);
    bench.undelivered(&again);
    let by_the_best = bench.one("REGISTER");
    assert_eq!(by_the_best.transmit.flow, UDP);
    assert_eq!(by_the_best.header("CSeq"), again.header("CSeq"));
    bench.undelivered(&by_the_best);
    let RegistrationEvent::Failed { retry_in, .. } = event(&mut bench) else {
        panic!("no flow is left");
    };
    let by_the_best = try_after(&mut bench, retry_in);
    assert_eq!(by_the_best.transmit.flow, UDP);

    let (mut bench, id) = registered_by_the_next();
    let again = refresh(&mut bench, id);
    bench.answer(&again, &error());
    let RegistrationEvent::Refused {
        retry_in: Some(retry_in),
        ..
    } = event(&mut bench)
    else {
        panic!("it is tried again");
    };
    let by_the_best = try_after(&mut bench, retry_in);
    assert_eq!(by_the_best.transmit.flow, UDP);
    bench.answer(&by_the_best, &error());
    event(&mut bench);
    let end = unregister(&mut bench, id);
    assert_eq!(
        end.transmit.flow, UDP_NEXT,
        "the binding is where it was accepted"
    );
}

#[test]
fn a_registrar_that_has_moved_is_asked_by_the_best_flow() {
    let relocate = |bench: &mut Bench, id| {
        let flows = vec![UDP, UDP_NEXT];
        bench.act(|core, now| core.register_client(now, id).unwrap().relocate(flows));
    };
    let (mut bench, id) = registered_by_the_next();
    relocate(&mut bench, id);
    assert_eq!(refresh(&mut bench, id).transmit.flow, UDP);

    let (mut bench, id) = registered_by_the_next();
    relocate(&mut bench, id);
    assert_eq!(unregister(&mut bench, id).transmit.flow, UDP_NEXT);
}

/// RFC 3261 §22.2: the next server has not refused what another one has.
#[test]
fn each_server_of_a_realm_may_ask_for_credentials() {
    let mut bench = Bench::new();
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    let request = request([UDP, UDP_NEXT]).with_credentials(alice);
    let options = RegistrationOptions::new(request);
    bench.act(|core, now| core.register(now, options)).unwrap();
    let first = bench.one("REGISTER");
    let challenge = |nonce| {
        let line = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\"");
        Answer::bare("401 Unauthorized").header(&line)
    };
    bench.answer(&first, &challenge("n1"));
    let first = bench.one("REGISTER");
    let busy = Answer::bare("503 Service Unavailable");
    bench.answer(&first, &busy);
    let second = bench.one("REGISTER");
    assert_eq!(second.transmit.flow, UDP_NEXT);
    assert_eq!(second.header("CSeq"), first.header("CSeq"));
    bench.answer(&second, &challenge("n2"));
    let second = bench.one("REGISTER");
    assert!(second.header("Authorization").contains("nonce=\"n2\""));
    accept(&mut bench, &second);
}

#[test]
fn who_wants_a_longer_time_gets_it() {
    let mut bench = Bench::new();
    let (_, first) = register(&mut bench, [UDP, UDP_NEXT]);
    bench.undelivered(&first);
    let second = bench.one("REGISTER");
    let brief = Answer::bare("423 Interval Too Brief").header("Min-Expires: 900");
    bench.answer(&second, &brief);
    let longer = bench.one("REGISTER");
    assert_eq!(longer.header("Expires"), "900");
    assert_eq!(longer.transmit.flow, UDP_NEXT);
}

/// A registrar that is asked by another flow already answers that, whatever becomes of its old connection.
#[test]
fn the_end_of_the_old_connection_takes_no_request_back_that_is_out_elsewhere() {
    let mut bench = Bench::new();
    let (id, first) = register(&mut bench, [TCP, UDP_NEXT]);
    accept(&mut bench, &first);
    bench.pass(32_000);
    let again = refresh(&mut bench, id);
    let busy = Answer::bare("503 Service Unavailable").tag("registrar");
    bench.answer(&again, &busy);
    let elsewhere = bench.one("REGISTER");
    assert_eq!(elsewhere.transmit.flow, UDP_NEXT);
    bench.disconnect(TCP.channel, Opener::Us);
    assert!(bench.sent().is_empty());
    accept(&mut bench, &elsewhere);
    bench.due(60, 50, 90);
}

/// It is taken away at once, and not when another connection would be due.
#[test]
fn a_removal_that_is_lost_with_its_connection_goes_out_again() {
    let mut bench = Bench::new();
    let (id, first) = register(&mut bench, [TCP, UDP_NEXT]);
    accept(&mut bench, &first);
    unregister(&mut bench, id);
    bench.disconnect(TCP.channel, Opener::Us);
    let end = bench.one("REGISTER");
    assert_eq!((end.transmit.flow, end.header("Expires")), (TCP, "0"));
    bench.disconnect(TCP.channel, Opener::Us);
    assert!(bench.sent().is_empty(), "once");
}

#[test]
fn a_published_state_is_refreshed_and_removed_where_it_was_accepted() {
    let mut bench = Bench::new();
    let open = Body::new("application/pidf+xml", "open").unwrap();
    let request = request([UDP, UDP_NEXT]).with_body(open);
    let options = PublicationOptions::new(request, Text::from_static("presence"));
    let id = bench.act(|core, now| core.publish(now, options)).unwrap();
    let first = bench.one("PUBLISH");
    bench.undelivered(&first);
    let mut sent = bench.one("PUBLISH");
    for _ in 0..2 {
        assert_eq!(sent.transmit.flow, UDP_NEXT);
        bench.answer(&sent, &ok().header("SIP-ETag: one"));
        let Event::Publication {
            event: PublicationEvent::Published { .. },
            ..
        } = bench.event()
        else {
            panic!("published");
        };
        sent = bench.due(60, 50, 90);
    }
    bench.answer(&sent, &ok().header("SIP-ETag: one"));
    bench.act(|core, now| core.publish_client(now, id).unwrap().unpublish());
    let end = bench.one("PUBLISH");
    assert_eq!(end.header("Expires"), "0");
    assert_eq!(end.transmit.flow, UDP_NEXT);
}
