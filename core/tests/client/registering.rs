//! Registration ([RFC 3261 §10.2](https://www.rfc-editor.org/rfc/rfc3261#section-10.2)).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook_core::message::Text;
use offhook_core::{
    Channel, Credentials, Event, Flow, Opener, RegistrationEvent, RegistrationId,
    RegistrationOptions, RequestError, RequestFailure,
};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, request};

fn options() -> RegistrationOptions {
    let mut register = request([UDP]);
    register.request_uri = "sip:example.com".parse().unwrap();
    register.to = register.from.clone();
    RegistrationOptions::new(register)
}

fn register(bench: &mut Bench, options: RegistrationOptions) -> (RegistrationId, Sent) {
    let id = bench.act(|core, now| core.register(now, options)).unwrap();
    (id, bench.one("REGISTER"))
}

fn ok() -> Answer {
    Answer::bare("200 OK").tag("registrar")
}

const CONTACT: &str = "Contact: <sip:alice@192.0.2.1:5060>";

fn event(bench: &mut Bench) -> RegistrationEvent {
    match bench.event() {
        Event::Registration { event, .. } => event,
        other => panic!("{other:?} is no event of a registration"),
    }
}

fn registered(bench: &mut Bench) -> Duration {
    match event(bench) {
        RegistrationEvent::Registered { expires, .. } => expires,
        other => panic!("{other:?} instead of Registered"),
    }
}

/// The next REGISTER, which is due within this part of `seconds` from now on.
fn next(bench: &mut Bench, seconds: u64, least: u64, most: u64) -> Sent {
    let before = bench.ms();
    bench.pass(before + seconds * 10 * least - 1);
    assert!(bench.sent().is_empty(), "before {least} % of {seconds} s");
    bench.pass(before + seconds * 10 * most);
    let mut sent = bench.sent();
    assert!(!sent.is_empty(), "after {most} % of {seconds} s");
    sent.remove(0)
}

#[test]
fn a_register_has_all_that_it_needs() {
    let mut bench = Bench::new();
    let (_, sent) = register(&mut bench, options());
    assert_eq!(sent.request().uri_bytes(), b"sip:example.com");
    assert_eq!(sent.header("To"), "<sip:alice@example.com>");
    assert!(
        sent.header("From")
            .starts_with("<sip:alice@example.com>;tag=")
    );
    assert_eq!(sent.header("CSeq"), "1 REGISTER");
    assert_eq!(
        sent.header("Contact"),
        "<sip:alice@192.0.2.1:5060>;expires=600"
    );
    assert_eq!(sent.header("Expires"), "600");
    assert_eq!(sent.header("Supported"), "path");

    let mut outbound = options();
    outbound.instance = "urn:uuid:0".parse().ok();
    outbound.reg_id = Some(1);
    let (_, sent) = register(&mut bench, outbound);
    let contact = "<sip:alice@192.0.2.1:5060>;+sip.instance=\"<urn:uuid:0>\";reg-id=1;expires=600";
    assert_eq!(sent.header("Contact"), contact);
    assert_eq!(sent.header("Supported"), "path, outbound");

    let mut nowhere = options();
    nowhere.request.flows.clear();
    let refused = bench.act(|core, now| core.register(now, nowhere));
    assert_eq!(refused.unwrap_err(), RequestError::NoFlow);
}

#[test]
fn what_the_registrar_says_is_told() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    let ok = ok()
        .header("Contact: <sip:other@192.0.2.9>;expires=7, <sip:alice@192.0.2.1:5060>;expires=300")
        .header("Service-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>");
    bench.answer(&sent, &ok);
    let Event::Registration {
        registration,
        event:
            RegistrationEvent::Registered {
                expires,
                bindings,
                service_route,
                ..
            },
    } = bench.event()
    else {
        panic!("registered");
    };
    assert_eq!((registration, expires), (id, Duration::from_mins(5)));
    let uris: Vec<_> = bindings
        .iter()
        .map(|binding| binding.uri.to_string())
        .collect();
    assert_eq!(uris, ["sip:other@192.0.2.9", "sip:alice@192.0.2.1:5060"]);
    assert_eq!(bindings[0].expires, Some(Duration::from_secs(7)));
    let routes: Vec<_> = service_route.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["sip:p1.example.com;lr", "sip:p2.example.com;lr"]);
}

#[test]
fn it_is_refreshed_between_50_and_90_per_cent() {
    for (answer, seconds) in [
        (ok().header(&format!("{CONTACT};expires=300")), 300),
        (ok().header(CONTACT).header("Expires: 200"), 200),
        (
            ok().header(&format!("{CONTACT};expires=300"))
                .header("Expires: 200"),
            300,
        ),
        (
            ok().header("Contact: <sip:rewritten@nat>")
                .header("Expires: 100"),
            100,
        ),
        (ok().header("Contact: <sip:rewritten@nat>;expires=100"), 100),
        (
            ok().header("Contact: <sip:a@b>;expires=7, <sip:c@d>;expires=8"),
            600,
        ),
        (ok(), 600),
        (ok().header(CONTACT), 600),
    ] {
        let mut bench = Bench::new();
        let (_, first) = register(&mut bench, options());
        bench.answer(&first, &answer);
        assert_eq!(registered(&mut bench), Duration::from_secs(seconds));
        let second = next(&mut bench, seconds, 50, 90);
        assert_eq!(second.header("CSeq"), "2 REGISTER");
        for name in ["Call-ID", "From", "Contact"] {
            assert_eq!(second.header(name), first.header(name));
        }
    }
}

#[test]
fn refreshes_of_many_do_not_fall_together() {
    let mut bench = Bench::new();
    for _ in 0..8 {
        let (_, sent) = register(&mut bench, options());
        let granted = ok().header(&format!("{CONTACT};expires=1000"));
        bench.answer(&sent, &granted);
        registered(&mut bench);
    }
    bench.pass(900_000);
    let mut first_of_each = BTreeMap::new();
    for sent in bench.sent() {
        let call_id = sent.header("Call-ID").to_owned();
        first_of_each.entry(call_id).or_insert(sent.at / 1000);
    }
    let seconds: BTreeSet<_> = first_of_each.values().collect();
    assert_eq!(seconds.len(), 8, "{seconds:?}");
}

#[test]
fn a_registrar_that_grants_next_to_nothing_is_not_flooded() {
    let mut bench = Bench::new();
    let (_, sent) = register(&mut bench, options());
    bench.answer(&sent, &ok().header(&format!("{CONTACT};expires=1")));
    registered(&mut bench);
    bench.pass(999);
    assert!(bench.sent().is_empty());
    bench.pass(1000);
    let sent = bench.one("REGISTER");
    bench.answer(&sent, &ok().header(&format!("{CONTACT};expires=0")));
    let RegistrationEvent::Refused {
        retry_in: Some(retry_in),
        ..
    } = event(&mut bench)
    else {
        panic!("a binding that is taken away at once is none");
    };
    assert!(retry_in >= Duration::from_secs(30), "{retry_in:?}");
}

#[test]
fn it_answers_challenges_and_counts_on() {
    let mut bench = Bench::new();
    let mut options = options();
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    options.request = options.request.with_credentials(alice);
    let (_, first) = register(&mut bench, options);
    let challenge = |nonce: &str| {
        let line = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
        Answer::bare("401 Unauthorized")
            .tag("registrar")
            .header(&line)
    };
    bench.answer(&first, &challenge("n1"));
    let second = bench.one("REGISTER");
    assert_eq!(second.header("CSeq"), "2 REGISTER");
    assert!(second.header("Authorization").contains("nc=00000001"));
    bench.answer(&second, &ok().header(&format!("{CONTACT};expires=100")));
    registered(&mut bench);
    let third = next(&mut bench, 100, 50, 90);
    assert!(
        third.header("Authorization").contains("nc=00000002"),
        "before it is asked"
    );
    // The nonce is too old by now, and the registrar does not say so.
    bench.answer(&third, &challenge("n2"));
    let fourth = bench.sent().pop().unwrap();
    assert_eq!(fourth.header("CSeq"), "4 REGISTER");
    assert!(fourth.header("Authorization").contains("nonce=\"n2\""));
    bench.answer(&fourth, &challenge("n3"));
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Refused { retry_in: None, .. }
    ));
    assert_eq!(bench.core.counts().registrations, 0);
}

#[test]
fn a_longer_time_is_taken_where_the_registrar_wants_it() {
    let mut bench = Bench::new();
    let (_, mut sent) = register(&mut bench, options());
    let brief =
        |least| Answer::bare("423 Interval Too Brief").header(&format!("Min-Expires: {least}"));
    for (number, least) in [(2, 700), (3, 800), (4, 900)] {
        bench.answer(&sent, &brief(least));
        sent = bench.one("REGISTER");
        assert_eq!(sent.header("CSeq"), format!("{number} REGISTER"));
        assert_eq!(sent.header("Expires"), least.to_string());
    }
    bench.answer(&sent, &brief(1000));
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Refused { retry_in: None, .. }
    ));
    for wrong in ["Min-Expires: 600", "Min-Expires: x", "X: y"] {
        let (_, sent) = register(&mut bench, options());
        bench.answer(&sent, &Answer::bare("423 Interval Too Brief").header(wrong));
        assert!(matches!(
            event(&mut bench),
            RegistrationEvent::Refused { retry_in: None, .. }
        ));
        assert!(bench.sent().is_empty());
    }
}

#[test]
fn a_refusal_is_the_end_unless_it_says_when() {
    for (answer, wait) in [
        (Answer::bare("403 Forbidden"), None),
        (Answer::bare("404 Not Found"), None),
        (Answer::bare("302 Moved Temporarily"), None),
        (Answer::bare("603 Decline"), None),
        (
            Answer::bare("403 Forbidden").header("Retry-After: 120"),
            Some(120),
        ),
        (
            Answer::bare("503 Service Unavailable").header("Retry-After: 0"),
            Some(1),
        ),
    ] {
        let mut bench = Bench::new();
        let (_, sent) = register(&mut bench, options());
        bench.answer(&sent, &answer);
        let RegistrationEvent::Refused { retry_in, .. } = event(&mut bench) else {
            panic!("refused");
        };
        assert_eq!(retry_in, wait.map(Duration::from_secs));
        if let Some(wait) = wait {
            next(&mut bench, wait, 100, 100);
        } else {
            bench.pass(10_000_000);
            assert!(bench.is_idle());
            assert!(bench.sent().is_empty());
        }
    }
}

#[test]
fn the_registrar_that_is_gone_is_tried_ever_more_seldom() {
    let mut bench = Bench::new();
    let (_, mut sent) = register(&mut bench, options());
    for most in [60, 120, 240, 480, 960, 1800, 1800] {
        bench.answer(&sent, &Answer::bare("500 Server Internal Error"));
        let RegistrationEvent::Refused {
            retry_in: Some(retry_in),
            ..
        } = event(&mut bench)
        else {
            panic!("it is tried again");
        };
        let (least, most) = (Duration::from_secs(most / 2), Duration::from_secs(most));
        assert!((least..=most).contains(&retry_in), "{retry_in:?}");
        let wait = u64::try_from(retry_in.as_millis()).unwrap();
        let before = bench.ms();
        bench.pass(before + wait - 1);
        assert!(bench.sent().is_empty());
        bench.pass(before + wait);
        sent = bench.one("REGISTER");
    }
    bench.answer(&sent, &ok().header(&format!("{CONTACT};expires=100")));
    registered(&mut bench);
    let sent = next(&mut bench, 100, 50, 90);
    bench.answer(&sent, &Answer::bare("500 Server Internal Error"));
    let RegistrationEvent::Refused {
        retry_in: Some(retry_in),
        ..
    } = event(&mut bench)
    else {
        panic!("it is tried again");
    };
    assert!(
        retry_in <= Duration::from_mins(1),
        "a success makes all good"
    );
}

#[test]
fn silence_and_broken_connections_lead_to_the_next_flow_and_then_to_patience() {
    let mut bench = Bench::new();
    let mut options = options();
    options.request.flows.push(UDP_NEXT);
    let (_, first) = register(&mut bench, options);
    bench.undelivered(&first);
    let second = bench.one("REGISTER");
    assert_eq!(second.transmit.flow, UDP_NEXT);
    assert_eq!(second.header("CSeq"), "1 REGISTER");
    bench.pass(32_000);
    let RegistrationEvent::Failed { cause, retry_in } = event(&mut bench) else {
        panic!("failed");
    };
    assert_eq!(cause, RequestFailure::Timeout);
    bench.sent();
    bench.pass(32_000 + u64::try_from(retry_in.as_millis()).unwrap());
    assert_eq!(
        bench.one("REGISTER").transmit.flow,
        UDP,
        "the best flow has another chance"
    );
}

/// RFC 3263 §4: a name is looked up for each request. It is one registration all the same (RFC 3261 §10.2.4).
#[test]
fn a_registrar_that_has_moved_is_asked_where_it_is_now() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    let relocate = |bench: &mut Bench, flows: &[Flow]| {
        let flows = flows.to_vec();
        bench.act(|core, now| core.register_client(now, id).unwrap().relocate(flows));
    };
    relocate(&mut bench, &[UDP_NEXT]);
    bench.pass(32_000);
    let RegistrationEvent::Failed { retry_in, .. } = event(&mut bench) else {
        panic!("the request that was out went its way, and there was no other");
    };
    bench.sent();
    relocate(&mut bench, &[]);
    relocate(&mut bench, &[UDP_NEXT]);
    bench.pass(32_000 + u64::try_from(retry_in.as_millis()).unwrap());
    let again = bench.one("REGISTER");
    assert_eq!(again.transmit.flow, UDP_NEXT);
    assert_eq!(again.header("Call-ID"), sent.header("Call-ID"));
    assert_eq!(again.header("CSeq"), "2 REGISTER");
}

fn unregister(bench: &mut Bench, id: RegistrationId) {
    bench.act(|core, now| core.register_client(now, id).unwrap().unregister());
}

#[test]
fn unregistering_takes_our_binding_away() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    bench.answer(&sent, &ok().header(&format!("{CONTACT};expires=100")));
    registered(&mut bench);
    unregister(&mut bench, id);
    let sent = bench.one("REGISTER");
    assert_eq!(
        sent.header("Contact"),
        "<sip:alice@192.0.2.1:5060>;expires=0"
    );
    assert_eq!(sent.header("Expires"), "0");
    assert_eq!(sent.header("CSeq"), "2 REGISTER");
    unregister(&mut bench, id);
    bench.act(|core, now| core.register_client(now, id).unwrap().refresh());
    assert!(bench.sent().is_empty());
    bench.answer(&sent, &ok());
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Unregistered { message: Some(_) }
    ));
    bench.pass(1_000_000);
    assert!(bench.sent().is_empty());
    assert!(bench.is_idle());
}

#[test]
fn unregistering_all_takes_every_binding_away() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    bench.answer(&sent, &ok());
    registered(&mut bench);
    bench.act(|core, now| core.register_client(now, id).unwrap().unregister_all());
    let sent = bench.one("REGISTER");
    assert_eq!((sent.header("Contact"), sent.header("Expires")), ("*", "0"));
    bench.pass(32_000);
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Unregistered { message: None }
    ));
    assert_eq!(bench.core.counts().registrations, 0);
}

/// Whoever drops the handle of a registration afterwards, or before.
#[test]
fn the_end_of_every_binding_is_not_taken_back() {
    let unregister_all = |bench: &mut Bench, id| {
        bench.act(|core, now| core.register_client(now, id).unwrap().unregister_all());
    };
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    unregister_all(&mut bench, id);
    unregister(&mut bench, id);
    bench.answer(&sent, &ok());
    registered(&mut bench);
    assert_eq!(bench.one("REGISTER").header("Contact"), "*");

    let (id, sent) = register(&mut bench, options());
    bench.answer(&sent, &ok());
    registered(&mut bench);
    unregister(&mut bench, id);
    let own = bench.one("REGISTER");
    unregister_all(&mut bench, id);
    bench.answer(&own, &ok());
    bench.no_event();
    let all = bench.one("REGISTER");
    assert_eq!(all.header("Contact"), "*");
    bench.answer(&all, &ok());
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Unregistered { message: Some(_) }
    ));
}

#[test]
fn one_request_at_a_time() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    unregister(&mut bench, id);
    assert!(bench.sent().is_empty());
    bench.answer(&sent, &ok());
    registered(&mut bench);
    assert_eq!(bench.one("REGISTER").header("Expires"), "0");
}

#[test]
fn where_there_is_no_binding_there_is_nothing_to_take_away() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    bench.answer(&sent, &Answer::bare("500 Server Internal Error"));
    event(&mut bench);
    unregister(&mut bench, id);
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Unregistered { message: None }
    ));
    assert!(bench.sent().is_empty());
}

/// What was lost may be the answers.
#[test]
fn a_binding_that_nobody_has_confirmed_is_taken_away() {
    let mut bench = Bench::new();
    let (id, _) = register(&mut bench, options());
    bench.pass(32_000);
    assert!(matches!(
        event(&mut bench),
        RegistrationEvent::Failed { .. }
    ));
    bench.sent();
    unregister(&mut bench, id);
    assert_eq!(bench.one("REGISTER").header("Expires"), "0");
}

#[test]
fn a_refresh_may_be_wanted_now() {
    let mut bench = Bench::new();
    let (id, sent) = register(&mut bench, options());
    bench.answer(&sent, &ok().header(&format!("{CONTACT};expires=100")));
    registered(&mut bench);
    bench.act(|core, now| core.register_client(now, id).unwrap().refresh());
    let sent = bench.one("REGISTER");
    bench.answer(&sent, &ok().header(&format!("{CONTACT};expires=1000")));
    registered(&mut bench);
    bench.pass(400_000);
    assert!(
        bench.sent().is_empty(),
        "the timer of the first one is void"
    );
}

/// Registered over a connection that has held for a while.
fn registered_by_stream() -> (Bench, RegistrationId) {
    let mut bench = Bench::new();
    let mut options = options();
    options.request.flows = vec![TCP];
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    options.request = options.request.with_credentials(alice);
    let (id, sent) = register(&mut bench, options);
    bench.answer(&sent, &ok().header("Expires: 600"));
    registered(&mut bench);
    bench.pass(32_000);
    (bench, id)
}

/// RFC 5626 §4.5: at once, and after a while where the next one does not hold.
#[test]
fn a_connection_that_is_gone_is_replaced() {
    let (mut bench, _) = registered_by_stream();
    bench.disconnect(Channel(8), Opener::Us);
    assert!(bench.sent().is_empty());
    for _ in 0..3 {
        bench.disconnect(TCP.channel, Opener::Us);
        let again = bench.one("REGISTER");
        assert_eq!(again.header("Expires"), "600");
        bench.answer(&again, &ok().header("Expires: 600"));
        registered(&mut bench);
        bench.disconnect(TCP.channel, Opener::Us);
        let again = next(&mut bench, 60, 50, 100);
        bench.answer(&again, &ok().header("Expires: 600"));
        registered(&mut bench);
        let now = bench.ms();
        bench.pass(now + 32_000);
    }
}

/// A refresh is what finds out that the peer is gone: it need not wait for Timer F.
#[test]
fn a_refresh_that_is_lost_with_its_connection_goes_out_again() {
    let (mut bench, id) = registered_by_stream();
    bench.act(|core, now| core.register_client(now, id).unwrap().refresh());
    let refresh = bench.one("REGISTER");
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"";
    bench.answer(
        &refresh,
        &Answer::bare("401 Unauthorized").header(challenge),
    );
    bench.one("REGISTER");
    bench.disconnect(TCP.channel, Opener::Us);
    let again = bench.one("REGISTER");
    bench.answer(&again, &ok().header("Expires: 600"));
    registered(&mut bench);
    bench.pass(32_000 * 2 + 1000);
    bench.no_event();

    bench.act(|core, now| core.register_client(now, id).unwrap().unregister());
    bench.one("REGISTER");
    bench.disconnect(TCP.channel, Opener::Us);
    assert_eq!(bench.one("REGISTER").header("Expires"), "0");
}

/// A registrar that has said when to ask again is not asked before.
#[test]
fn a_connection_that_is_gone_changes_no_time_that_is_named() {
    let (mut bench, id) = registered_by_stream();
    bench.act(|core, now| core.register_client(now, id).unwrap().refresh());
    let refresh = bench.one("REGISTER");
    let busy = Answer::bare("503 Service Unavailable").header("Retry-After: 300");
    bench.answer(&refresh, &busy);
    event(&mut bench);
    bench.disconnect(TCP.channel, Opener::Us);
    next(&mut bench, 300, 100, 100);
}

#[test]
fn nothing_is_registered_while_we_leave() {
    let mut bench = Bench::new();
    bench.act(|core, _| core.refuse_new_calls(30));
    let refused = bench.act(|core, now| core.register(now, options()));
    assert_eq!(refused.unwrap_err(), RequestError::Leaving);
    assert!(bench.sent().is_empty());
}
