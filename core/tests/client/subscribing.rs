//! Subscriptions ([RFC 6665 §4.1](https://www.rfc-editor.org/rfc/rfc6665#section-4.1)).

mod ending;

use std::time::Duration;

use offhook_core::message::{Message, Text, parse};
use offhook_core::{
    Channel, Config, Credentials, Event, Limits, Opener, RequestError, RequestFailure,
    SubscriptionEnd, SubscriptionEvent, SubscriptionId, SubscriptionOptions, SubscriptionState,
    Transport,
};

use crate::support::{Answer, Bench, Sent, TCP, UDP, UDP_NEXT, request};

fn options() -> SubscriptionOptions {
    let mut options = SubscriptionOptions::new(request([UDP]), Text::from_static("presence"));
    options.expires = 600;
    options
}

fn subscribe(bench: &mut Bench, options: SubscriptionOptions) -> (SubscriptionId, Sent) {
    let id = bench.act(|core, now| core.subscribe(now, options)).unwrap();
    (id, bench.one("SUBSCRIBE"))
}

fn ok(expires: u32) -> Answer {
    Answer::new("200 OK").header(&format!("Expires: {expires}"))
}

/// A NOTIFY about what this SUBSCRIBE asked for, from the notifier with this tag.
fn notify(subscribe: &Sent, tag: &str, cseq: u32, lines: &str) -> Message {
    let (from, to) = (subscribe.header("From"), subscribe.header("To"));
    let to = to.split(";tag=").next().unwrap_or_default();
    let text = format!(
        "NOTIFY sip:alice@192.0.2.1:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5062;branch=z9hG4bK-{tag}{cseq}\r\n\
         Max-Forwards: 70\r\n\
         From: {to};tag={tag}\r\n\
         To: {from}\r\n\
         Call-ID: {}\r\n\
         CSeq: {cseq} NOTIFY\r\n\
         Contact: <sip:{tag}@192.0.2.2:5062>\r\n\
         {lines}\r\n\
         Content-Length: 0\r\n\r\n",
        subscribe.header("Call-ID"),
    );
    parse(text.into()).unwrap()
}

/// The status that a NOTIFY gets, and what else is sent because of it.
fn status(bench: &mut Bench, notify: Message) -> (u16, Vec<Sent>) {
    bench.receive(UDP, notify);
    let mut sent = bench.sent();
    assert!(!sent.is_empty(), "every NOTIFY is answered");
    match sent.remove(0).message {
        Message::Response(response) => (response.status().as_u16(), sent),
        Message::Request(_) => panic!("a request instead of the answer"),
    }
}

fn state(subscription_state: &str) -> String {
    format!("Event: presence\r\nSubscription-State: {subscription_state}")
}

/// bob's next NOTIFY, which is answered 200 and causes nothing more.
fn notified(bench: &mut Bench, subscribe: &Sent, cseq: u32, subscription_state: &str) {
    let notify = notify(subscribe, "bob", cseq, &state(subscription_state));
    let (status, sent) = status(bench, notify);
    assert_eq!((status, sent.len()), (200, 0));
}

fn event(bench: &mut Bench) -> SubscriptionEvent {
    match bench.event() {
        Event::Subscription { event, .. } => event,
        other => panic!("{other:?} is no event of a subscription"),
    }
}

fn accepted(bench: &mut Bench) -> Duration {
    match event(bench) {
        SubscriptionEvent::Accepted { expires, .. } => expires,
        other => panic!("{other:?} instead of Accepted"),
    }
}

fn told(bench: &mut Bench) -> SubscriptionState {
    match event(bench) {
        SubscriptionEvent::Notified { state, .. } => state,
        other => panic!("{other:?} instead of Notified"),
    }
}

fn lost(bench: &mut Bench) -> (SubscriptionEnd, Duration) {
    match event(bench) {
        SubscriptionEvent::Lost { cause, retry_in } => (cause, retry_in),
        other => panic!("{other:?} instead of Lost"),
    }
}

fn terminated(bench: &mut Bench) -> SubscriptionEnd {
    match event(bench) {
        SubscriptionEvent::Terminated { cause } => {
            assert_eq!(bench.core.counts().subscriptions, 0);
            cause
        }
        other => panic!("{other:?} instead of Terminated"),
    }
}

/// A subscription for 600 s to bob, with its SUBSCRIBE.
fn subscribed(bench: &mut Bench) -> (SubscriptionId, Sent) {
    let (id, sent) = subscribe(bench, options());
    bench.answer(&sent, &ok(600));
    assert_eq!(accepted(bench), Duration::from_mins(10));
    notified(bench, &sent, 1, "active;expires=600");
    assert_eq!(told(bench), SubscriptionState::Active);
    (id, sent)
}

#[test]
fn a_subscribe_has_all_that_it_needs() {
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    assert_eq!(sent.request().uri_bytes(), b"sip:bob@example.org");
    assert_eq!(sent.header("Event"), "presence");
    assert_eq!(sent.header("Expires"), "600");
    assert_eq!(sent.header("Contact"), "<sip:alice@192.0.2.1:5060>");
    assert_eq!(sent.header("CSeq"), "1 SUBSCRIBE");
    assert_eq!(sent.header("To"), "<sip:bob@example.org>");

    let mut nowhere = options();
    nowhere.request.flows.clear();
    let refused = bench.act(|core, now| core.subscribe(now, nowhere));
    assert_eq!(refused.unwrap_err(), RequestError::NoFlow);
}

#[test]
fn it_is_refreshed_inside_the_dialog_of_its_notify() {
    let mut bench = Bench::new();
    let (_, first) = subscribed(&mut bench);
    let refresh = bench.due(600, 50, 90);
    assert_eq!(refresh.request().uri_bytes(), b"sip:bob@192.0.2.2:5062");
    assert_eq!(refresh.header("To"), "<sip:bob@example.org>;tag=bob");
    assert_eq!(refresh.header("From"), first.header("From"));
    assert_eq!(refresh.header("Call-ID"), first.header("Call-ID"));
    assert_eq!(refresh.header("CSeq"), "2 SUBSCRIBE");
    assert_eq!(refresh.header("Event"), "presence");
    assert_eq!(refresh.header("Expires"), "600");
    assert_eq!(refresh.transmit.flow.remote.port(), 5062);
    bench.answer(&refresh, &ok(300));
    assert_eq!(accepted(&mut bench), Duration::from_mins(5));
    notified(&mut bench, &first, 2, "active;expires=300");
    told(&mut bench);
    bench.due(300, 50, 90);
}

/// RFC 6665 §4.1.2.1: the notifier knows us by the Contact of the first SUBSCRIBE.
#[test]
fn its_contact_stays_what_the_first_subscribe_said() {
    let mut bench = Bench::new();
    let mut options = options();
    options.request.contact_user = Some(Text::from_static("line 1"));
    let (_, first) = subscribe(&mut bench, options);
    bench.answer(&first, &ok(600));
    accepted(&mut bench);
    notified(&mut bench, &first, 1, "active;expires=600");
    told(&mut bench);
    let refresh = bench.due(600, 50, 90);
    assert_eq!(refresh.header("Contact"), "<sip:line%201@192.0.2.1:5060>");
    assert_eq!(refresh.header("Contact"), first.header("Contact"));
}

#[test]
fn a_notify_may_be_faster_than_the_2xx() {
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    notified(&mut bench, &sent, 1, "pending;expires=100");
    assert_eq!(told(&mut bench), SubscriptionState::Pending);
    bench.answer(&sent, &ok(600));
    accepted(&mut bench);
    notified(&mut bench, &sent, 2, "active");
    assert_eq!(told(&mut bench), SubscriptionState::Active);
    let refresh = bench.due(100, 50, 90);
    assert_eq!(refresh.header("To"), "<sip:bob@example.org>;tag=bob");
}

#[test]
fn a_notify_says_more_than_a_refusal() {
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    notified(&mut bench, &sent, 1, "active;expires=100");
    told(&mut bench);
    bench.answer(&sent, &Answer::new("408 Request Timeout"));
    bench.no_event();
    bench.due(100, 50, 90);
}

/// A notifier that never stops leaves room for the others.
#[test]
fn one_subscription_does_not_fill_the_table() {
    let limits = Limits {
        transactions: 20,
        ..Limits::default()
    };
    let mut bench = Bench::with(Config {
        limits,
        ..Config::default()
    });
    let (_, sent) = subscribe(&mut bench, options());
    bench.answer(&sent, &ok(600));
    let (_, other) = subscribe(&mut bench, options());
    bench.answer(&other, &ok(600));
    let active = state("active;expires=600");
    // Half of the table, and the one that each may have all the same.
    for cseq in 1..=11 {
        notified(&mut bench, &sent, cseq, "active;expires=600");
    }
    for cseq in 12..=500 {
        let notify = notify(&sent, "bob", cseq, &active);
        assert_eq!(status(&mut bench, notify).0, 503, "{cseq}");
    }
    let notify = notify(&other, "carol", 1, &active);
    assert_eq!(status(&mut bench, notify).0, 200);
    bench.pass(32_000);
    notified(&mut bench, &sent, 12, "active;expires=600");
}

#[test]
fn a_notify_shortens_the_life() {
    let mut bench = Bench::new();
    let (_, sent) = subscribed(&mut bench);
    notified(&mut bench, &sent, 2, "active;expires=60");
    told(&mut bench);
    bench.due(60, 50, 90);
}

#[test]
fn notifys_that_shorten_the_life_leave_no_timers_behind() {
    let mut bench = Bench::new();
    let (_, sent) = subscribed(&mut bench);
    for cseq in 2..50 {
        let state = format!("active;expires={}", 600 - 2 * cseq);
        notified(&mut bench, &sent, cseq, &state);
        told(&mut bench);
    }
    // The transactions are forgotten by then.
    bench.pass(40_000);
    assert_eq!(bench.core.counts().timers, 1);
    let refresh = bench.due(502, 42, 90);
    assert_eq!(refresh.header("CSeq"), "2 SUBSCRIBE");
}

#[test]
fn other_notifys_belong_nowhere() {
    let mut bench = Bench::new();
    let (_, sent) = subscribed(&mut bench);
    let active = state("active");
    for (tag, lines) in [
        ("bob", "Event: dialog\r\nSubscription-State: active"),
        ("bob", "Event: presence;id=1\r\nSubscription-State: active"),
        ("bob", "Subscription-State: active"),
        ("carol", active.as_str()),
    ] {
        let (status, _) = status(&mut bench, notify(&sent, tag, 9, lines));
        assert_eq!(status, 481, "{tag}: {lines}");
    }
    let headless = notify(&sent, "bob", 10, "Event: presence");
    assert_eq!(status(&mut bench, headless).0, 400);
    let late = notify(&sent, "bob", 1, &active);
    bench.receive(UDP, late);
    assert_eq!(bench.sent().len(), 1, "a repetition is answered again");
    let mut old = state("active");
    old.push_str("\r\nX: y");
    let old = notify(&sent, "bob", 0, &old);
    assert_eq!(status(&mut bench, old).0, 500);
    bench.no_event();
}

#[test]
fn further_notifiers_are_taken_as_far_as_they_are_wanted() {
    let mut bench = Bench::new();
    let mut options = options();
    options.notifiers = 2;
    let (root, sent) = subscribe(&mut bench, options);
    bench.answer(&sent, &ok(600));
    accepted(&mut bench);
    notified(&mut bench, &sent, 1, "active;expires=600");
    told(&mut bench);
    let carol = notify(&sent, "carol", 7, &state("active;expires=300"));
    assert_eq!(status(&mut bench, carol).0, 200);
    let SubscriptionEvent::Forked { subscription: fork } = event(&mut bench) else {
        panic!("forked");
    };
    let Event::Subscription {
        subscription,
        event: SubscriptionEvent::Notified { .. },
    } = bench.event()
    else {
        panic!("notified");
    };
    assert_eq!(subscription, fork);
    let dave = notify(&sent, "dave", 7, &state("active"));
    assert_eq!(status(&mut bench, dave).0, 481, "two are enough");

    // The application takes the first.
    bench.act(|core, now| core.subscribe_client(now, fork).unwrap().unsubscribe());
    let end = bench.one("SUBSCRIBE");
    assert_eq!(end.header("To"), "<sip:bob@example.org>;tag=carol");
    assert_eq!(end.header("Expires"), "0");
    bench.answer(&end, &ok(0));
    let carol = notify(&sent, "carol", 8, &state("terminated;reason=timeout"));
    assert_eq!(status(&mut bench, carol).0, 200);
    assert_eq!(told(&mut bench), SubscriptionState::Terminated);
    let SubscriptionEvent::Terminated { cause } = event(&mut bench) else {
        panic!("terminated");
    };
    assert!(matches!(cause, SubscriptionEnd::Unsubscribed));
    assert_eq!(bench.core.counts().subscriptions, 1);
    assert!(bench.act(|core, now| core.subscribe_client(now, root).is_some()));
    let refresh = bench.due(600, 50, 90);
    assert_eq!(refresh.header("To"), "<sip:bob@example.org>;tag=bob");
}

#[test]
fn no_further_notifier_is_taken_by_who_has_unsubscribed() {
    let mut bench = Bench::new();
    let mut options = options();
    options.notifiers = 2;
    let (id, sent) = subscribe(&mut bench, options);
    bench.answer(&sent, &ok(600));
    notified(&mut bench, &sent, 1, "active;expires=600");
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    bench.one("SUBSCRIBE");
    let carol = notify(&sent, "carol", 7, &state("active"));
    assert_eq!(status(&mut bench, carol).0, 481);
}

#[test]
fn a_notifier_that_comes_too_late_is_not_taken() {
    let mut bench = Bench::new();
    let mut options = options();
    options.notifiers = 2;
    let (_, sent) = subscribe(&mut bench, options);
    bench.answer(&sent, &ok(600));
    notified(&mut bench, &sent, 1, "active;expires=600");
    bench.pass(32_001);
    let carol = notify(&sent, "carol", 7, &state("active"));
    assert_eq!(status(&mut bench, carol).0, 481);
}

#[test]
fn without_a_notify_there_is_no_subscription() {
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    bench.answer(&sent, &ok(600));
    accepted(&mut bench);
    bench.pass(31_999);
    bench.no_event();
    bench.pass(32_000);
    let (cause, retry_in) = lost(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::NotNotified), "{cause:?}");
    assert_eq!(retry_in, Duration::ZERO);
    let again = bench.one("SUBSCRIBE");
    assert_ne!(again.header("From"), sent.header("From"));
    assert_eq!(again.header("To"), "<sip:bob@example.org>");
    // What belongs to the first is nobody's.
    let late = notify(&sent, "bob", 1, &state("active"));
    assert_eq!(status(&mut bench, late).0, 481);
    bench.answer(&again, &ok(600));
    accepted(&mut bench);
    bench.pass(64_000);
    let (_, retry_in) = lost(&mut bench);
    assert!(retry_in >= Duration::from_secs(30), "{retry_in:?}");
}

/// RFC 5839 §5 has 204 inside a dialog alone.
#[test]
fn a_first_subscribe_that_is_to_have_no_notify_makes_no_subscription() {
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    bench.answer(
        &sent,
        &Answer::new("204 No Notification").header("Expires: 600"),
    );
    accepted(&mut bench);
    bench.pass(32_000);
    let (cause, _) = lost(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::NotNotified), "{cause:?}");
}

#[test]
fn the_notify_after_a_refresh_must_come_too() {
    let mut bench = Bench::new();
    subscribed(&mut bench);
    let refresh = bench.due(600, 50, 90);
    bench.answer(&refresh, &ok(600));
    accepted(&mut bench);
    let now = bench.ms();
    bench.pass(now + 32_000);
    let (cause, _) = lost(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::NotNotified), "{cause:?}");
}
