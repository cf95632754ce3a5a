//! Trouble, and the end.

use super::*;

#[test]
fn the_reason_of_the_end_says_how_it_goes_on() {
    let at_once = Some(0..=0);
    for (reason, expected) in [
        (";reason=deactivated", at_once.clone()),
        (";reason=timeout;retry-after=9", at_once),
        (";reason=probation;retry-after=7", Some(7_000..=7_000)),
        (";reason=giveup;retry-after=0", Some(1_000..=1_000)),
        (";reason=giveup", Some(30_000..=60_000)),
        (";reason=unheard-of", Some(30_000..=60_000)),
        ("", Some(30_000..=60_000)),
        (";reason=rejected;retry-after=1", None),
        (";reason=noresource", None),
        (";reason=invariant", None),
    ] {
        let mut bench = Bench::new();
        let (_, sent) = subscribed(&mut bench);
        let over = notify(&sent, "bob", 2, &state(&format!("terminated{reason}")));
        assert_eq!(status(&mut bench, over).0, 200);
        assert_eq!(told(&mut bench), SubscriptionState::Terminated);
        let Some(expected) = expected else {
            let cause = terminated(&mut bench);
            assert!(matches!(cause, SubscriptionEnd::Notified), "{reason}");
            bench.pass(3_600_000);
            assert!(bench.sent().is_empty());
            continue;
        };
        let (cause, retry_in) = lost(&mut bench);
        assert!(matches!(cause, SubscriptionEnd::Notified), "{reason}");
        let ms = u64::try_from(retry_in.as_millis()).unwrap();
        assert!(expected.contains(&ms), "{reason}: {retry_in:?}");
        bench.pass(ms);
        let again = bench.one("SUBSCRIBE");
        assert_ne!(again.header("From"), sent.header("From"));
        assert_eq!(again.header("Expires"), "600");
    }
}

/// RFC 6665 §4.1.3: `retry-after` is the least time to wait.
#[test]
fn a_notifier_that_ends_it_again_and_again_is_not_flooded() {
    for (reason, first) in [("deactivated", 0), ("giveup;retry-after=0", 1)] {
        let waits = waits(reason);
        assert_eq!(waits[0], Duration::from_secs(first), "{reason}");
        assert!(waits[1] >= Duration::from_mins(1), "{reason}: {waits:?}");
        assert!(waits[2] >= Duration::from_mins(2), "{reason}: {waits:?}");
    }
    assert_eq!(waits("probation;retry-after=7200")[2].as_secs(), 7200);
}

/// How long we wait each time that a notifier ends a subscription for this reason.
fn waits(reason: &str) -> Vec<Duration> {
    let mut bench = Bench::new();
    let (_, mut sent) = subscribed(&mut bench);
    let mut waits = Vec::new();
    for cseq in 2..5 {
        let over = notify(
            &sent,
            "bob",
            cseq,
            &state(&format!("terminated;reason={reason}")),
        );
        assert_eq!(status(&mut bench, over).0, 200);
        while bench.try_event().is_some_and(|event| {
            if let Event::Subscription {
                event: SubscriptionEvent::Lost { retry_in, .. },
                ..
            } = &event
            {
                waits.push(*retry_in);
            }
            true
        }) {}
        let now = bench.ms();
        bench.pass(now + u64::try_from(waits.last().unwrap().as_millis()).unwrap());
        sent = bench.one("SUBSCRIBE");
        bench.answer(&sent, &ok(600));
    }
    waits
}

#[test]
fn unsubscribing_waits_for_the_last_notify() {
    let mut bench = Bench::new();
    let (id, sent) = subscribed(&mut bench);
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    let end = bench.one("SUBSCRIBE");
    assert_eq!(end.header("Expires"), "0");
    bench.answer(&end, &ok(0));
    bench.no_event();
    notified(&mut bench, &sent, 2, "active");
    told(&mut bench);
    notified(&mut bench, &sent, 3, "terminated;reason=timeout");
    assert_eq!(told(&mut bench), SubscriptionState::Terminated);
    let cause = terminated(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Unsubscribed));
    bench.pass(120_000);
    assert!(bench.is_idle());
}

/// RFC 6665 §4.1.2.3: who has unsubscribed asks for no more time, and waits no longer than Timer N.
#[test]
fn unsubscribing_ends_without_the_last_notify() {
    let mut bench = Bench::new();
    let (id, sent) = subscribed(&mut bench);
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    let end = bench.one("SUBSCRIBE");
    bench.answer(&end, &ok(0));
    notified(&mut bench, &sent, 2, "active;expires=20");
    told(&mut bench);
    bench.pass(31_999);
    assert!(bench.sent().is_empty());
    bench.pass(32_000);
    let cause = terminated(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Unsubscribed), "{cause:?}");
    bench.pass(120_000);
    assert!(bench.is_idle());
}

#[test]
fn unsubscribing_ends_whatever_the_notifier_says() {
    for answer in [
        "481 Gone",
        "500 Trouble",
        "403 Forbidden",
        "204 No Notification",
    ] {
        let mut bench = Bench::new();
        let (id, _) = subscribed(&mut bench);
        bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
        let end = bench.one("SUBSCRIBE");
        bench.answer(&end, &Answer::new(answer));
        let cause = terminated(&mut bench);
        assert!(matches!(cause, SubscriptionEnd::Unsubscribed), "{answer}");
    }
    let mut bench = Bench::new();
    let (id, _) = subscribed(&mut bench);
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    bench.pass(32_000);
    let cause = terminated(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Unsubscribed));
}

#[test]
fn who_gives_up_early_ends_what_comes_of_it() {
    let mut bench = Bench::new();
    let (id, sent) = subscribe(&mut bench, options());
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    assert!(bench.sent().is_empty(), "there is no dialog yet");
    bench.answer(&sent, &ok(600));
    accepted(&mut bench);
    let first = notify(&sent, "bob", 1, &state("active"));
    let (status, further) = status(&mut bench, first);
    assert_eq!((status, further.len()), (200, 1));
    assert_eq!(further[0].header("Expires"), "0");
    assert_eq!(further[0].header("To"), "<sip:bob@example.org>;tag=bob");

    let mut bench = Bench::new();
    let (id, sent) = subscribe(&mut bench, options());
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    bench.answer(&sent, &ok(600));
    accepted(&mut bench);
    bench.pass(32_000);
    let cause = terminated(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::NotNotified));
}

#[test]
fn a_state_may_be_asked_for_once() {
    let mut bench = Bench::new();
    let mut once = options();
    once.expires = 0;
    let (_, sent) = subscribe(&mut bench, once);
    assert_eq!(sent.header("Expires"), "0");
    bench.answer(&sent, &ok(0));
    accepted(&mut bench);
    notified(&mut bench, &sent, 1, "terminated;reason=timeout");
    assert_eq!(told(&mut bench), SubscriptionState::Terminated);
    let cause = terminated(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Unsubscribed));
    bench.pass(120_000);
    assert!(bench.sent().is_empty());
}

#[test]
fn a_longer_time_is_taken_where_the_notifier_wants_it() {
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    let brief = Answer::new("423 Interval Too Brief").header("Min-Expires: 1800");
    bench.answer(&sent, &brief);
    let again = bench.one("SUBSCRIBE");
    assert_eq!(again.header("Expires"), "1800");
    assert_eq!(again.header("From"), sent.header("From"));
    assert_eq!(again.header("CSeq"), "2 SUBSCRIBE");
}

#[test]
fn a_refusal_is_the_end_unless_it_says_when() {
    for answer in ["489 Bad Event", "403 Forbidden", "404 Not Found"] {
        let mut bench = Bench::new();
        let (_, sent) = subscribe(&mut bench, options());
        bench.answer(&sent, &Answer::new(answer));
        let SubscriptionEnd::Refused { message } = terminated(&mut bench) else {
            panic!("refused");
        };
        assert!(answer.starts_with(&message.status().to_string()));
        bench.pass(3_600_000);
        assert!(bench.is_idle());
    }
    let mut bench = Bench::new();
    let (_, sent) = subscribe(&mut bench, options());
    let later = Answer::new("480 Later").header("Retry-After: 5");
    bench.answer(&sent, &later);
    let (cause, retry_in) = lost(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Refused { .. }));
    assert_eq!(retry_in, Duration::from_secs(5));
    bench.pass(5_000);
    bench.one("SUBSCRIBE");
}

#[test]
fn a_notifier_that_knows_it_no_more_is_asked_anew() {
    let mut bench = Bench::new();
    let (_, first) = subscribed(&mut bench);
    let refresh = bench.due(600, 50, 90);
    bench.answer(&refresh, &Answer::new("481 Gone"));
    let (cause, retry_in) = lost(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Refused { .. }));
    assert_eq!(retry_in, Duration::ZERO);
    let now = bench.ms();
    bench.pass(now);
    let again = bench.one("SUBSCRIBE");
    assert_eq!(again.header("To"), "<sip:bob@example.org>");
    assert_ne!(again.header("From"), first.header("From"));
    let late = notify(&first, "bob", 2, &state("active"));
    assert_eq!(status(&mut bench, late).0, 481);
}

#[test]
fn trouble_with_a_refresh_leaves_the_subscription_until_its_end() {
    let mut bench = Bench::new();
    let (_, first) = subscribed(&mut bench);
    let begin = bench.ms();
    let refresh = bench.due(600, 50, 90);
    bench.answer(&refresh, &Answer::new("500 Trouble"));
    bench.no_event();
    notified(&mut bench, &first, 2, "active");
    told(&mut bench);
    while bench.ms() < begin + 599_750 {
        let now = bench.ms();
        bench.pass(now + 250);
        for again in bench.sent() {
            bench.answer(&again, &Answer::new("500 Trouble"));
        }
        bench.no_event();
    }
    bench.pass(begin + 600_000);
    let (cause, _) = lost(&mut bench);
    assert!(matches!(cause, SubscriptionEnd::Expired), "{cause:?}");
}

#[test]
fn challenges_are_answered_at_first_and_later() {
    let mut bench = Bench::new();
    let mut options = options();
    let alice = Credentials::password(Text::from_static("alice"), "secret");
    options.request = options.request.with_credentials(alice);
    let (_, sent) = subscribe(&mut bench, options);
    let challenge = |nonce| {
        let header =
            format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"");
        Answer::new("401 Unauthorized").header(&header)
    };
    bench.answer(&sent, &challenge("one"));
    let again = bench.one("SUBSCRIBE");
    assert!(again.header("Authorization").contains("nonce=\"one\""));
    assert_eq!(again.header("CSeq"), "2 SUBSCRIBE");
    assert_eq!(again.header("From"), sent.header("From"));
    bench.answer(&again, &ok(600));
    accepted(&mut bench);
    notified(&mut bench, &again, 1, "active");
    told(&mut bench);
    let refresh = bench.due(600, 50, 90);
    assert_eq!(refresh.header("CSeq"), "3 SUBSCRIBE");
    assert!(refresh.header("Authorization").contains("nc=00000002"));
    bench.answer(&refresh, &challenge("two"));
    let again = bench.one("SUBSCRIBE");
    assert_eq!(again.header("CSeq"), "4 SUBSCRIBE");
    assert!(again.header("Authorization").contains("nonce=\"two\""));
    assert_eq!(again.header("Expires"), "600");
    bench.answer(&again, &challenge("two"));
    bench.no_event();
}

#[test]
fn silence_and_broken_connections_lead_to_the_next_flow_and_then_to_patience() {
    let mut bench = Bench::new();
    let mut options = options();
    options.request = request([UDP, UDP_NEXT]);
    let (_, sent) = subscribe(&mut bench, options);
    bench.undelivered(&sent);
    let next = bench.one("SUBSCRIBE");
    assert_eq!(next.transmit.flow, UDP_NEXT);
    bench.pass(32_000);
    let (cause, retry_in) = lost(&mut bench);
    let SubscriptionEnd::Failed { cause } = cause else {
        panic!("{cause:?} instead of Failed");
    };
    assert_eq!(cause, RequestFailure::Timeout);
    assert!(retry_in >= Duration::from_secs(30), "{retry_in:?}");
    bench.no_event();
    bench.sent();
    let until = bench.ms() + u64::try_from(retry_in.as_millis()).unwrap();
    bench.pass(until);
    let again = bench.one("SUBSCRIBE");
    assert_eq!(again.transmit.flow, UDP);
}

#[test]
fn a_refresh_may_be_wanted_now() {
    let mut bench = Bench::new();
    let (id, _) = subscribed(&mut bench);
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().refresh());
    let refresh = bench.one("SUBSCRIBE");
    assert_eq!(refresh.header("To"), "<sip:bob@example.org>;tag=bob");
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().refresh());
    assert!(bench.sent().is_empty(), "one request at a time");
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().unsubscribe());
    assert!(bench.sent().is_empty());
    bench.answer(&refresh, &ok(600));
    let end = bench.one("SUBSCRIBE");
    assert_eq!(end.header("Expires"), "0");
}

#[test]
fn the_way_of_a_notify_is_the_way_back() {
    let mut bench = Bench::new();
    let (id, sent) = subscribe(&mut bench, options());
    bench.answer(&sent, &ok(600));
    let mut lines = state("active");
    lines.push_str("\r\nRecord-Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>");
    assert_eq!(status(&mut bench, notify(&sent, "bob", 1, &lines)).0, 200);
    bench.act(|core, now| core.subscribe_client(now, id).unwrap().refresh());
    let refresh = bench.one("SUBSCRIBE");
    let routes = "<sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>";
    assert_eq!(refresh.header("Route"), routes);
    assert_eq!(refresh.transmit.flow.remote.to_string(), "192.0.2.7:5060");
}

/// RFC 5626 §4.5: a notifier that has no other way to us gets a new one.
#[test]
fn a_connection_that_is_gone_is_replaced_by_a_refresh() {
    let mut bench = Bench::new();
    let mut options = options();
    options.request.flows = vec![TCP];
    let (_, sent) = subscribe(&mut bench, options);
    bench.answer(&sent, &ok(600));
    accepted(&mut bench);
    bench.receive(TCP, notify(&sent, "bob", 1, &state("active")));
    told(&mut bench);
    bench.pass(32_000);
    bench.sent();
    bench.disconnect(Channel(8), Opener::Us);
    assert!(bench.sent().is_empty());

    bench.disconnect(TCP.channel, Opener::Us);
    let refresh = bench.one("SUBSCRIBE");
    assert_eq!(refresh.transmit.flow.transport, Transport::Tcp);
    bench.answer(&refresh, &ok(600));
    accepted(&mut bench);
    bench.receive(TCP, notify(&sent, "bob", 2, &state("active")));
    told(&mut bench);
    bench.sent();
    bench.disconnect(TCP.channel, Opener::Us);
    let refresh = bench.due(60, 50, 100);

    bench.answer(&refresh, &ok(600));
    accepted(&mut bench);
    bench.receive(TCP, notify(&sent, "bob", 3, &state("active")));
    told(&mut bench);
    bench.sent();
    let refresh = bench.due(600, 50, 90);
    bench.disconnect(TCP.channel, Opener::Us);
    let again = bench.one("SUBSCRIBE");
    assert_ne!(again.header("CSeq"), refresh.header("CSeq"));
    bench.answer(&again, &ok(600));
    accepted(&mut bench);
    bench.receive(TCP, notify(&sent, "bob", 4, &state("active")));
    told(&mut bench);
    let now = bench.ms();
    bench.pass(now + 64_000);
    bench.no_event();
}

#[test]
fn each_of_several_notifiers_is_asked_again_by_the_next_connection() {
    let mut bench = Bench::new();
    let mut options = options();
    options.request.flows = vec![TCP];
    options.notifiers = 2;
    let (_, sent) = subscribe(&mut bench, options);
    bench.answer(&sent, &ok(600));
    for tag in ["bob", "carol"] {
        bench.receive(TCP, notify(&sent, tag, 1, &state("active;expires=600")));
    }
    bench.pass(32_000);
    bench.sent();
    bench.disconnect(TCP.channel, Opener::Us);
    let asked = bench.sent();
    let asked: Vec<_> = asked.iter().map(|sent| sent.header("To")).collect();
    let expected = ["bob", "carol"].map(|tag| format!("<sip:bob@example.org>;tag={tag}"));
    assert_eq!(asked, expected);
}
