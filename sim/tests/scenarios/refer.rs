//! REFER from the caller: RFC 3515 §2.4.2 to §2.4.7, RFC 4488, RFC 5057 §4.2, RFC 6665 §4.2.

use offhook_core::message::{Method, Rejection, StatusCode};
use offhook_core::{Config, ReferralId, VerbError};
use offhook_sim::{Draft, PEER, Packet, Policy, Simulation, seconds};

use crate::begin;

/// A server whose application answers REFER.
fn simulation() -> Simulation {
    let config = Config {
        methods: vec![Method::Refer],
        ..Config::default()
    };
    Simulation::with_config(Policy::new().answer(), config)
}

fn refer(invite: &Draft, ok: &Packet) -> Draft {
    let refer = invite.in_dialog("REFER", ok);
    refer.set("Refer-To", "<sip:carol@example.net>")
}

fn accept(call: &mut Simulation) -> Result<Option<ReferralId>, VerbError> {
    let request = call.referred();
    call.core(|core, now| core.refer_server(now, request).unwrap().accept())
}

/// A call in which a REFER was sent and taken.
fn subscribed() -> (Simulation, Draft, Packet, ReferralId) {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    call.send(&refer(&invite, &ok));
    call.run_until(seconds(0));
    let referral = accept(&mut call).unwrap().expect("a subscription");
    (call, invite, ok, referral)
}

fn notify(call: &mut Simulation, referral: ReferralId, status: u16) -> bool {
    let status = StatusCode::new(status).unwrap();
    call.core(|core, now| core.notify(now, referral, status))
}

/// Answers a request of the server's.
fn answer(call: &mut Simulation, request: &Packet, status: &str) {
    call.send_from(PEER, request.response(status));
    let now = call.trace().packets().last().map(|last| last.at);
    call.run_until(now.unwrap_or_default());
}

#[test]
fn the_caller_is_told_what_becomes_of_its_refer() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    call.send(&refer(&invite, &ok));
    call.run_until(seconds(1));
    let referral = accept(&mut call).unwrap().expect("a subscription");
    let first = call.receive("NOTIFY");
    assert_eq!(first.header("Event"), Some("refer"));
    assert_eq!(
        first.header("Subscription-State"),
        Some("active;expires=244")
    );
    assert_eq!(
        first.header("Content-Type"),
        Some("message/sipfrag;version=2.0")
    );
    assert!(first.header("Contact").is_some());
    assert_eq!(first.body(), "SIP/2.0 100 Trying\r\n");
    answer(&mut call, &first, "200 OK");
    call.run_until(seconds(2));
    assert!(notify(&mut call, referral, 180));
    let second = call.receive("NOTIFY");
    assert_eq!(
        second.header("Subscription-State"),
        Some("active;expires=243")
    );
    assert_eq!(second.body(), "SIP/2.0 180 Ringing\r\n");
    answer(&mut call, &second, "200 OK");
    assert!(notify(&mut call, referral, 180), "and nothing new");
    call.run_until(seconds(3));
    assert!(notify(&mut call, referral, 200));
    assert!(!notify(&mut call, referral, 200), "it is over");
    let last = call.receive("NOTIFY");
    assert_eq!(
        last.header("Subscription-State"),
        Some("terminated;reason=noresource")
    );
    assert_eq!(last.body(), "SIP/2.0 200 OK\r\n");
    answer(&mut call, &last, "200 OK");
    call.expect(
        "
        0.0   REFER         ------->
        0.0                 * Referred
        1.0   <------ 202 Accepted
        1.0   <------------ NOTIFY
        1.0   200 OK        ------->
        2.0   <------------ NOTIFY
        2.0   200 OK        ------->
        3.0   <------------ NOTIFY
        3.0   200 OK        ------->
        ",
    );
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// One NOTIFY at a time, so that none overtakes another; and none says what is no news any more.
#[test]
fn a_notify_waits_for_the_one_before_it() {
    let (mut call, invite, ok, referral) = subscribed();
    for status in [180, 183, 486] {
        assert!(notify(&mut call, referral, status));
    }
    let trying = call.receive("NOTIFY");
    assert_eq!(trying.body(), "SIP/2.0 100 Trying\r\n");
    answer(&mut call, &trying, "200 OK");
    let last = call.receive("NOTIFY");
    assert_eq!(last.body(), "SIP/2.0 486 Busy Here\r\n");
    answer(&mut call, &last, "200 OK");
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// A BYE that a NOTIFY overtakes may get 500 (RFC 3261 §12.2.2), so the NOTIFY waits for its response.
#[test]
fn a_notify_waits_for_the_bye() {
    let (mut call, .., referral) = subscribed();
    let trying = call.receive("NOTIFY");
    answer(&mut call, &trying, "200 OK");
    let session = call.session();
    call.core(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = call.receive("BYE");
    assert!(notify(&mut call, referral, 200));
    call.receive("BYE");
    answer(&mut call, &bye, "200 OK");
    let last = call.receive("NOTIFY");
    assert_eq!(last.body(), "SIP/2.0 200 OK\r\n");
    answer(&mut call, &last, "200 OK");
    call.finish_here();
}

/// §2.4.2: exactly one Refer-To, of a scheme that can be called.
#[test]
fn a_refer_to_nowhere_is_refused() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    let bare = invite.in_dialog("REFER", &ok);
    let to = |value: &str| bare.clone().set("Refer-To", value);
    for (number, (draft, label)) in [
        (bare.clone(), "400 The Refer-To header is missing"),
        (
            to("<sip:a@b.c>").add("Refer-To", "<sip:d@e.f>"),
            "400 there is more than one Refer-To header",
        ),
        (
            to("<sip:a@b.c>, <sip:d@e.f>"),
            "400 the Refer-To header is malformed: there is something behind the value",
        ),
        (to("http://www.ietf.org"), "416 Unsupported URI Scheme"),
        (
            to("<sip:a@b.c?Replaces=x>"),
            "400 the Replaces header is malformed: it has not one to-tag",
        ),
        (
            to("<sip:a@b.c>").set("Refer-Sub", "maybe"),
            "400 the Refer-Sub header is malformed: it is neither true nor false",
        ),
        (
            to("<sip:a@b.c>").set("Replaces", "a;to-tag=b;from-tag=c"),
            "400 Only an INVITE can have Replaces",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).unwrap() + 2;
        call.send(&draft.cseq(number).branch(&format!("z9hG4bK-{number}")));
        let status = &label[..3];
        call.run_until(seconds(0));
        let refused = call.trace().packets().last().unwrap().label();
        assert!(refused.starts_with(status), "{refused}, not {label}");
    }
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 3261 §8.2.1: without an application that takes it, it gets 405; `methods.rs` has the same
/// outside of a dialog.
#[test]
fn who_does_not_serve_refer_says_so() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.send(&refer(&invite, &ok));
    call.receive("405 Method Not Allowed");
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

#[test]
fn a_refer_may_be_declined_or_forgotten() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    call.send(&refer(&invite, &ok));
    call.run_until(seconds(1));
    let request = call.referred();
    call.core(|core, now| {
        assert!(core.request_server(now, request).is_none());
        core.refer_server(now, request)
            .unwrap()
            .reject(Rejection::FORBIDDEN);
    });
    call.receive("403 Forbidden");
    call.send(&refer(&invite, &ok).cseq(3).branch("z9hG4bK-second"));
    call.expect("...");
    call.expect(
        "
        17.0  <-------- 603 Decline
        ",
    );
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 4488 §4
#[test]
fn without_a_subscription_there_is_no_notify() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    let refer = refer(&invite, &ok).set("Refer-Sub", "false");
    call.send(&refer.set("Require", "norefersub"));
    call.run_until(seconds(1));
    assert_eq!(accept(&mut call), Ok(None));
    let accepted = call.receive("200 OK");
    assert_eq!(accepted.header("Refer-Sub"), Some("false"));
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// §2.4.6: NOTIFYs of the second REFER bear its number.
#[test]
fn the_second_refer_of_a_dialog_has_an_id() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    for (cseq, event) in [(7, "refer"), (8, "refer;id=8")] {
        let refer = refer(&invite, &ok).cseq(cseq);
        call.send(&refer.branch(&format!("z9hG4bK-{cseq}")));
        call.run_until(seconds(0));
        let referral = accept(&mut call).unwrap().unwrap();
        let trying = call.receive("NOTIFY");
        assert_eq!(trying.header("Event"), Some(event));
        answer(&mut call, &trying, "200 OK");
        notify(&mut call, referral, 200);
        let last = call.receive("NOTIFY");
        assert_eq!(last.header("Event"), Some(event));
        answer(&mut call, &last, "200 OK");
    }
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// Whatever became of the first, and whichever is accepted before the other.
#[test]
fn the_refer_that_came_first_is_the_one_without_an_id() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    let mut requests = Vec::new();
    for cseq in 2..5 {
        let refer = refer(&invite, &ok).cseq(cseq);
        call.send(&refer.branch(&format!("z9hG4bK-{cseq}")));
        call.run_until(seconds(0));
        requests.push(call.referred());
    }
    for (place, event) in [(1, "refer;id=3"), (0, "refer"), (2, "refer;id=4")] {
        let request = requests[place];
        let accepted = call.core(|core, now| core.refer_server(now, request).unwrap().accept());
        accepted.unwrap().expect("a subscription");
        let trying = call.receive("NOTIFY");
        assert_eq!(trying.header("Event"), Some(event));
        answer(&mut call, &trying, "481 Subscription does not exist");
    }
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();

    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    call.send(&refer(&invite, &ok).set("Refer-To", "http://www.ietf.org"));
    call.receive("416 Unsupported URI Scheme");
    call.send(&refer(&invite, &ok).cseq(3).branch("z9hG4bK-second"));
    call.run_until(seconds(0));
    accept(&mut call).unwrap().expect("a subscription");
    let trying = call.receive("NOTIFY");
    assert_eq!(trying.header("Event"), Some("refer;id=3"));
    answer(&mut call, &trying, "481 Subscription does not exist");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

#[test]
fn a_dialog_has_a_bound_of_subscriptions() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    for cseq in 2..11 {
        let refer = refer(&invite, &ok).cseq(cseq);
        call.send(&refer.branch(&format!("z9hG4bK-{cseq}")));
        call.run_until(seconds(0));
        if cseq < 10 {
            accept(&mut call).unwrap().unwrap();
        }
    }
    let refused = call.receive("500 Server Internal Error");
    assert!(refused.header("Retry-After").is_some());
    call.expect("...");
    call.send(&invite.in_dialog("BYE", &ok).cseq(99));
    call.run_out();
    call.finish_here();
}

/// However many REFERs came before the first was accepted.
#[test]
fn a_dialog_has_a_bound_of_subscriptions_that_are_accepted_late() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    let mut requests = Vec::new();
    for cseq in 2..11 {
        let refer = refer(&invite, &ok).cseq(cseq);
        call.send(&refer.branch(&format!("z9hG4bK-{cseq}")));
        call.run_until(seconds(0));
        requests.push(call.referred());
    }
    let accepted = requests
        .into_iter()
        .map(|request| call.core(|core, now| core.refer_server(now, request).unwrap().accept()));
    let accepted: Vec<_> = accepted.collect();
    assert!(accepted[..8].iter().all(Result::is_ok), "{accepted:?}");
    assert_eq!(accepted[8], Err(VerbError::Full));
    let refused = call.receive("500 Server Internal Error");
    assert_eq!(refused.header("CSeq"), Some("10 REFER"));
    call.hang_up(&invite, &ok);
    call.run_out();
    call.finish_here();
}

/// RFC 6665 §4.2.2: a subscriber that does not know the subscription, or is gone, has none. The
/// session goes on (RFC 5057 §5.1).
#[test]
fn a_notify_that_is_refused_ends_the_subscription() {
    for status in ["481 Subscription does not exist", "489 Bad Event"] {
        let (mut call, invite, ok, referral) = subscribed();
        let trying = call.receive("NOTIFY");
        answer(&mut call, &trying, status);
        assert!(!notify(&mut call, referral, 200));
        call.expect("...");
        call.hang_up(&invite, &ok);
        call.finish_here();
    }
}

#[test]
fn a_notify_without_an_answer_ends_the_subscription() {
    let (mut call, invite, ok, referral) = subscribed();
    call.run_until(seconds(33));
    assert!(!notify(&mut call, referral, 200));
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// §2.4.7, §3.4: an application that never tells the outcome does not keep the referrer waiting
/// for ever.
#[test]
fn a_subscription_ends_with_its_time() {
    let (mut call, invite, ok, referral) = subscribed();
    let trying = call.receive("NOTIFY");
    answer(&mut call, &trying, "200 OK");
    call.run_until(seconds(244));
    let last = call.receive("NOTIFY");
    assert_eq!(
        last.header("Subscription-State"),
        Some("terminated;reason=timeout")
    );
    assert_eq!(last.body(), "SIP/2.0 100 Trying\r\n");
    answer(&mut call, &last, "200 OK");
    assert!(!notify(&mut call, referral, 200));
    call.expect("...");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 5057 §4.2: BYE ends the session and not the subscription.
#[test]
fn the_outcome_is_told_after_a_bye() {
    let (mut call, invite, ok, referral) = subscribed();
    let trying = call.receive("NOTIFY");
    answer(&mut call, &trying, "200 OK");
    call.hang_up(&invite, &ok);
    call.send(&invite.in_dialog("INVITE", &ok).cseq(10_000));
    let refused = call.receive("481 Call/Transaction Does Not Exist");
    call.send(&invite.in_dialog("INVITE", &ok).cseq(10_000).ack(&refused));
    call.run_until(seconds(1));
    assert!(notify(&mut call, referral, 200));
    let last = call.receive("NOTIFY");
    answer(&mut call, &last, "200 OK");
    call.send(&invite.in_dialog("OPTIONS", &ok).cseq(10_001));
    call.receive("481 Call/Transaction Does Not Exist");
    call.finish_here();
}

/// The peer hung up before the application made up its mind: there is nobody to call for.
#[test]
fn a_refer_of_a_session_that_ended_gets_481() {
    let mut call = simulation();
    let (invite, ok) = begin(&mut call);
    call.send(&refer(&invite, &ok));
    call.hang_up(&invite, &ok);
    assert_eq!(accept(&mut call), Err(VerbError::Over));
    call.receive("481 Call/Transaction Does Not Exist");
    call.finish_here();
}

/// §2: outside of a dialog a REFER makes one, which lives as long as its subscription.
#[test]
fn a_refer_outside_of_a_dialog_makes_one() {
    let mut call = simulation();
    let draft = Draft::new("REFER").set("Refer-To", "<sip:carol@example.net>");
    call.send(&draft.clone().without("Contact"));
    call.receive("400 The Contact header is missing");
    let draft = draft
        .branch("z9hG4bK-good")
        .set("Record-Route", "<sip:192.0.2.77;lr>");
    call.send(&draft);
    call.run_until(seconds(1));
    let referral = accept(&mut call).unwrap().unwrap();
    let notified = call.receive("NOTIFY");
    let sent: Vec<_> = call.trace().packets().collect();
    let accepted = sent
        .iter()
        .find(|packet| packet.label() == "202 Accepted")
        .unwrap();
    assert_eq!(notified.header("From"), accepted.header("To"));
    assert_eq!(notified.header("Route"), Some("<sip:192.0.2.77;lr>"));
    assert_eq!(accepted.header("Record-Route"), Some("<sip:192.0.2.77;lr>"));
    let accepted = (*accepted).clone();
    answer(&mut call, &notified, "200 OK");
    call.send(&draft.in_dialog("BYE", &accepted));
    call.receive("481 Call/Transaction Does Not Exist");
    assert!(notify(&mut call, referral, 603));
    let last = call.receive("NOTIFY");
    assert_eq!(last.body(), "SIP/2.0 603 Decline\r\n");
    answer(&mut call, &last, "200 OK");
    assert_eq!(call.counts().sessions, 0);
    call.finish_here();
}

/// RFC 6665 §4.1.3
#[test]
fn a_notify_outside_of_a_dialog_gets_481() {
    let mut call = simulation();
    call.send(&Draft::new("NOTIFY").set("Event", "refer"));
    call.receive("481 Call/Transaction Does Not Exist");
    call.finish_here();
}
