//! Changes of a session: RFC 3261 §14.2, RFC 3311.

use offhook_core::InsideError;
use offhook_core::message::Body;
use offhook_sim::{ANSWER, Draft, OFFER, PEER, Packet, Policy, Simulation, milliseconds, seconds};

use crate::begin;

fn reinvite(invite: &Draft, ok: &Packet) -> Draft {
    invite
        .in_dialog("INVITE", ok)
        .body("application/sdp", OFFER)
}

#[test]
fn an_offer_in_a_reinvite_is_answered_in_its_200() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    let change = reinvite(&invite, &ok);
    call.run_until(seconds(1));
    call.send(&change);
    let changed = call.receive("200 OK");
    assert_eq!(changed.body(), ANSWER);
    assert_eq!(changed.header("Contact"), ok.header("Contact"));
    call.send(&change.in_dialog("ACK", &changed));
    call.send(&change.in_dialog("BYE", &changed));
    call.expect(
        "
        1.0   INVITE        ------->
        1.0                 * Offer
        1.0   <------------ 200 OK
        1.0   ACK           ------->
        1.0   BYE           ------->
        1.0                 * Reconfirmed
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// §14.2: the 2xx is repeated as that of the first INVITE, and without an ACK the session ends.
#[test]
fn without_an_ack_the_session_ends() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.send(&reinvite(&invite, &ok));
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Offer
         0.0   <------------ 200 OK
         0.5   <------------ 200 OK
         1.5   <------------ 200 OK
         3.5   <------------ 200 OK
         7.5   <------------ 200 OK
        11.5   <------------ 200 OK
        15.5   <------------ 200 OK
        19.5   <------------ 200 OK
        23.5   <------------ 200 OK
        27.5   <------------ 200 OK
        31.5   <------------ 200 OK
        32.0                 * Terminating NotAcknowledged
        32.0   <------------ BYE
        ",
    );
    let bye = call.receive("BYE");
    call.send_from(offhook_sim::PEER, bye.response("200 OK"));
    call.expect(
        "
        32.0   200 OK        ------->
        32.0                 * Ended NotAcknowledged
        ",
    );
    call.finish();
}

/// Nobody answers the offer: 100 after 200 ms, 488 after 32·T1, and the session goes on.
#[test]
fn an_offer_that_nobody_answers_gets_488() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let (invite, ok) = begin(&mut call);
    let change = reinvite(&invite, &ok);
    call.send(&change);
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Offer
         0.2   <-------- 100 Trying
        16.0   <-- 488 Not Acceptable Here
        ",
    );
    let refused = call.receive("488 Not Acceptable Here");
    call.send(&change.ack(&refused));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// §14.2: one change at a time.
#[test]
fn an_overlapping_change_gets_500_with_retry_after() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let (invite, ok) = begin(&mut call);
    let first = reinvite(&invite, &ok);
    let second = first.clone().cseq(3).branch("z9hG4bK-second");
    call.send(&first);
    call.send(&second);
    let refused = call.receive("500 Server Internal Error");
    assert!(refused.header("Retry-After").is_some());
    call.send(&second.ack(&refused));
    call.give_up(&first);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   INVITE        ------->
        0.0                 * Offer
        0.0   <-- 500 Server Internal Error
        0.0   ACK           ------->
        0.0   CANCEL        ------->
        0.0   <------------ 200 OK
        0.0   <-- 487 Request Terminated
        0.0                 * OfferWithdrawn
        0.0   ACK           ------->
        ",
    );
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// §15.1.2: a request that is pending when the BYE comes is answered all the same.
#[test]
fn a_bye_ends_a_change_that_is_pending() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let (invite, ok) = begin(&mut call);
    let change = reinvite(&invite, &ok);
    call.send(&change);
    call.run_until(milliseconds(100));
    call.send(&invite.in_dialog("BYE", &ok).cseq(3));
    let terminated = call.receive("487 Request Terminated");
    call.send(&change.ack(&terminated));
    call.finish_here();
}

/// RFC 3311 §5.2, RFC 3261 §12.2: UPDATE refreshes the target of our requests.
#[test]
fn an_update_refreshes_the_target() {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    let (invite, ok) = begin(&mut call);
    let update = invite
        .in_dialog("UPDATE", &ok)
        .set("Contact", "<sip:alice@203.0.113.77:5077>");
    call.send(&update);
    call.receive("200 OK");
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    assert!(
        bye.text()
            .starts_with("BYE sip:alice@203.0.113.77:5077 SIP/2.0\r\n")
    );
    assert_eq!(bye.peer.to_string(), "203.0.113.77:5077");
    call.send_from("203.0.113.77:5077", bye.response("200 OK"));
    call.finish_here();
}

/// RFC 6141 §4.7: a change that is refused does not move the target.
#[test]
fn a_refused_reinvite_does_not_refresh_the_target() {
    let policy = Policy::new().answer().wait(seconds(20)).hang_up();
    let mut call = Simulation::new(policy.leave_offers());
    let (invite, ok) = begin(&mut call);
    let change = reinvite(&invite, &ok).set("Contact", "<sip:alice@203.0.113.77:5077>");
    call.send(&change);
    call.run_until(seconds(16));
    let refused = call.receive("488 Not Acceptable Here");
    call.send(&change.ack(&refused));
    call.run_until(seconds(20));
    let bye = call.receive("BYE");
    assert_eq!(bye.peer.to_string(), offhook_sim::PEER);
    call.send_from(offhook_sim::PEER, bye.response("200 OK"));
    call.finish_here();
}

/// RFC 3311 §5.2: an UPDATE with an offer does not take the place of a re-INVITE that asks for ours.
#[test]
fn an_update_during_a_reinvite_without_offer_gets_500() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let (invite, ok) = begin(&mut call);
    let change = invite.in_dialog("INVITE", &ok).without_body();
    call.send(&change);
    let update = invite.in_dialog("UPDATE", &ok).cseq(3);
    call.send(&update.body("application/sdp", OFFER));
    let refused = call.receive("500 Server Internal Error");
    assert!(refused.header("Retry-After").is_some());
    call.give_up(&change);
    call.send(&invite.in_dialog("BYE", &ok).cseq(4));
    call.finish_here();
}

/// RFC 3311 §5.2: one UPDATE at a time, with an offer or without.
#[test]
fn an_update_during_an_update_gets_500() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let (invite, ok) = begin(&mut call);
    let update = invite.in_dialog("UPDATE", &ok);
    call.send(&update.clone().body("application/sdp", OFFER));
    call.send(&update.cseq(3).branch("z9hG4bK-second").without_body());
    call.receive("500 Server Internal Error");
    call.send(&invite.in_dialog("BYE", &ok).cseq(4));
    call.finish_here();
}

/// §15.1.1: a session that is being ended gets no second BYE when the ACK of a re-INVITE is missing too.
#[test]
fn one_bye_ends_the_session_whatever_else_is_missing() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.send(&reinvite(&invite, &ok));
    call.run_until(seconds(20));
    let session = call.session();
    call.core(|core, now| core.session(now, session).map(|it| it.bye(Vec::new())));
    call.run_until(seconds(60));
    let byes = call.trace().packets().filter(|it| it.label() == "BYE");
    let numbers: std::collections::BTreeSet<_> = byes.filter_map(|it| it.header("CSeq")).collect();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
    call.finish_here();
}

/// A peer that acknowledges nothing does not make us repeat more and more.
#[test]
fn without_acks_no_further_reinvite_is_accepted() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    for number in 2..12 {
        let change = reinvite(&invite, &ok).cseq(number);
        call.send(&change.branch(&format!("z9hG4bK-{number}")));
    }
    call.run_until(milliseconds(100));
    let accepted = call.trace().packets().filter(|it| it.label() == "200 OK");
    assert_eq!(accepted.count(), 1 + 2);
    call.send(&invite.in_dialog("BYE", &ok).cseq(12));
    call.run_out();
    call.finish_here();
}

/// §13.2.2.4: an ACK without the answer that our 2xx asked for leaves no offer open for ever.
#[test]
fn after_an_ack_without_answer_the_session_can_still_be_changed() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite().without_body();
    let ok = call.establish(&invite);
    call.run_until(seconds(1));
    let change = reinvite(&invite, &ok);
    call.send(&change);
    let changed = call.receive("200 OK");
    assert_eq!(changed.header("CSeq"), Some("2 INVITE"));
    call.send(&change.in_dialog("ACK", &changed));
    call.send(&change.in_dialog("BYE", &changed));
    call.finish_here();
}

/// §13.2.2.4: an ACK is for the INVITE of its number. That of the first one says nothing of the offer
/// that a 2xx to a later one makes.
#[test]
fn a_late_ack_leaves_the_offer_of_a_later_2xx_open() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    let asking = invite.in_dialog("INVITE", &ok);
    call.send(&asking);
    assert_eq!(call.receive("200 OK").header("CSeq"), Some("2 INVITE"));
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(0));
    let session = call.session();
    let change = |call: &mut Simulation| {
        call.core(|core, now| {
            let mut session = core.session(now, session).unwrap();
            session.invite(&Body::sdp("v=0\r\n"))
        })
    };
    assert_eq!(change(&mut call), Err(InsideError::OfferPending));
    call.send(&asking.in_dialog("ACK", &ok).body("application/sdp", OFFER));
    call.run_until(seconds(0));
    assert_eq!(change(&mut call), Ok(()));
    let ours = call.receive("INVITE");
    call.send_from(PEER, ours.response("488 Not Acceptable Here"));
    call.send(&invite.in_dialog("BYE", &ok).cseq(3));
    call.finish_here();
}
