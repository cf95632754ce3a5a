//! UPDATE with an offer, before the answer of the INVITE and after: RFC 3311 §5.2.

use offhook_core::message::{Body, Provisional, Rejection, Success, Text};
use offhook_core::{InsideError, ResponseOptions};
use offhook_sim::{ANSWER, Draft, OFFER, PEER, Packet, Policy, Simulation, seconds};

/// The PRACK for a response, with an offer of its own.
fn offering(invite: &Draft, response: &Packet, cseq: u32) -> Draft {
    let prack = invite.prack(response).cseq(cseq);
    let prack = prack.branch(&format!("z9hG4bK-offering-{cseq}"));
    prack.body("application/sdp", OFFER)
}

fn update(invite: &Draft, response: &Packet, cseq: u32) -> Draft {
    let update = invite.in_dialog("UPDATE", response).cseq(cseq);
    let update = update.branch(&format!("z9hG4bK-update-{cseq}"));
    update.body("application/sdp", OFFER)
}

/// Once offer and answer are exchanged in 183 and PRACK, the early session may be changed.
#[test]
fn an_early_session_is_changed() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    // §4: this tells the caller that it may.
    let allow = progress.header("Allow");
    assert!(
        allow.is_some_and(|allow| allow.contains("UPDATE")),
        "{allow:?}"
    );
    call.send(&invite.prack(&progress));
    call.receive("200 OK");
    call.send(&update(&invite, &progress, 3));
    let updated = call.receive("200 OK");
    assert_eq!(updated.header("CSeq"), Some("3 UPDATE"));
    assert_eq!(updated.body(), ANSWER);
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3311 §5.2: the answer to an early offer is not that of the INVITE, which waits for it.
#[test]
fn the_2xx_waits_for_the_answer_to_an_early_offer() {
    let policy = Policy::new().early_answer_reliably().wait(seconds(1));
    let mut call = Simulation::new(policy.accept(Success::OK).leave_offers());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.receive("200 OK");
    call.send(&update(&invite, &progress, 3));
    call.run_until(seconds(2));
    let session = call.session();
    let late = Body::sdp("v=0\r\n");
    let answered = call.core(|core, now| core.session(now, session).unwrap().answer(&late));
    assert_eq!(answered, Ok(()));
    let ok = call.receive("200 OK");
    assert_eq!((ok.header("CSeq"), ok.body()), (Some("1 INVITE"), ""));
    let is_answer = |it: &&Packet| it.header("CSeq") == Some("3 UPDATE") && it.status().is_some();
    let updated = call.trace().packets().find(is_answer).map(Packet::body);
    assert_eq!(updated, Some("v=0\r\n"));
    call.send(&invite.in_dialog("ACK", &ok));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 3311 §5.1: so may we, and no earlier.
#[test]
fn we_change_an_early_session() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    let session = call.session();
    let offer = Body::sdp(OFFER);
    let update = |call: &mut Simulation| {
        call.core(|core, now| core.session(now, session).unwrap().update(Some(&offer)))
    };
    let reinvite = |call: &mut Simulation| {
        call.core(|core, now| core.session(now, session).unwrap().invite(&offer))
    };
    call.send(&invite.prack(&progress));
    call.receive("200 OK");
    assert_eq!(update(&mut call), Ok(()));
    assert_eq!(reinvite(&mut call), Err(InsideError::NotConfirmed));
    let sent = call.receive("UPDATE");
    assert_eq!(sent.body(), OFFER);
    assert_eq!(update(&mut call), Err(InsideError::OfferPending));
    call.send_from(PEER, sent.response("200 OK"));
    call.run_until(seconds(1));
    assert_eq!(update(&mut call), Ok(()));
    let sent = call.receive("UPDATE");
    call.send_from(PEER, sent.response("488 Not Acceptable Here"));
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3262 §5: the PRACK of a response without an offer has no answer, whatever our UPDATE offers.
#[test]
fn our_early_offer_is_not_for_a_prack_to_answer() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.receive("200 OK");
    let (id, session) = (call.invite(), call.session());
    let offer = Body::sdp(OFFER);
    let sent = call.core(|core, now| core.session(now, session).unwrap().update(Some(&offer)));
    assert_eq!(sent, Ok(()));
    let update = call.receive("UPDATE");
    let rung = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        let ringing = ResponseOptions::new(Provisional::RINGING).reliably();
        server.progress(ringing).map(drop)
    });
    assert_eq!(rung, Ok(()));
    let ringing = call.receive("180 Ringing");
    let acknowledge = invite.prack(&ringing).cseq(3);
    call.send(&acknowledge.branch("z9hG4bK-again"));
    let acknowledged = call.receive("200 OK");
    assert_eq!(acknowledged.header("CSeq"), Some("3 PRACK"));
    call.send_from(PEER, update.response("488 Not Acceptable Here"));
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3261 §15.1.2: with the call ends what it has not answered, and at once.
#[test]
fn an_early_offer_gets_487_with_the_end_of_the_call() {
    let policy = Policy::new().early_answer_reliably().leave_offers();
    let mut call = Simulation::new(policy);
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.send(&update(&invite, &progress, 3));
    call.send(&invite.cancel());
    call.run_until(seconds(0));
    let packets = call.trace().packets();
    let terminated = packets.filter(|packet| packet.status() == Some(487));
    let terminated: Vec<_> = terminated.filter_map(|it| it.header("CSeq")).collect();
    assert_eq!(terminated, ["1 INVITE", "3 UPDATE"]);
    let terminated = call.trace().packets().find(|it| it.status() == Some(487));
    let acknowledge = invite.ack(terminated.expect("it is refused"));
    call.send(&acknowledge);
    call.finish_here();
}

/// RFC 3262 §3: whatever becomes of its offer, a PRACK acknowledges its response, which comes no more.
#[test]
fn a_prack_counts_where_its_offer_is_refused() {
    let policy = Policy::new().early_answer_reliably().refuse_offers();
    let mut call = Simulation::new(policy);
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&offering(&invite, &progress, 2));
    let refused = call.receive("488 Not Acceptable Here");
    assert_eq!(refused.header("CSeq"), Some("2 PRACK"));
    call.run_until(seconds(40));
    assert_eq!(count(&call, "183 Session Progress"), 1);
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3262 §3, §5: a PRACK is not to be refused, so its offer waits for the outcome of ours, whatever that is, and
/// its 200 has the answer.
#[test]
fn the_offer_of_a_prack_that_meets_ours_is_answered_behind_it() {
    for outcome in ["200 OK", "488 Not Acceptable Here", "491 Request Pending"] {
        let (mut call, invite, ringing, update) = met();
        call.send(&offering(&invite, &ringing, 3));
        // It is acknowledged: it is not sent again.
        call.run_until(seconds(5));
        call.send_from(PEER, update.response(outcome));
        let answered = call.receive("200 OK");
        assert_eq!(answered.header("CSeq"), Some("3 PRACK"), "{outcome}");
        assert_eq!(answered.body(), ANSWER, "{outcome}");
        assert_eq!(count(&call, "180 Ringing"), 1, "{outcome}");
        call.give_up(&invite);
        call.finish_here();
    }
}

/// The 200 of the INVITE waits for both.
#[test]
fn the_2xx_waits_for_the_offer_of_a_prack_that_waits() {
    let (mut call, invite, ringing, update) = met();
    call.send(&offering(&invite, &ringing, 3));
    call.run_until(seconds(1));
    let id = call.invite();
    let accepted = call.core(|core, now| {
        let server = core.invite_server(now, id).expect("the call is there");
        server.accept(Success::OK).map(drop)
    });
    assert_eq!(accepted, Ok(()));
    call.run_until(seconds(2));
    assert_eq!(count(&call, "200 OK"), 1, "that of the first PRACK");
    call.send_from(PEER, update.response("491 Request Pending"));
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("CSeq"), Some("1 INVITE"));
    assert_eq!(count(&call, "200 OK"), 3);
    call.send(&invite.in_dialog("ACK", &ok));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 3264 §4: one offer waits, and no second.
#[test]
fn the_second_offer_of_a_prack_that_meets_ours_gets_400() {
    let (mut call, invite, ringing, update) = met();
    call.send(&offering(&invite, &ringing, 3));
    call.run_until(seconds(1));
    let id = call.invite();
    let rung = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        let ringing = ResponseOptions::new(Provisional::RINGING);
        server.progress(ringing.reliably()).map(drop)
    });
    assert_eq!(rung, Ok(()));
    let again = call.receive("180 Ringing");
    assert_ne!(again.header("RSeq"), ringing.header("RSeq"));
    call.send(&offering(&invite, &again, 4));
    call.receive("400 An offer is open already");
    call.send_from(PEER, update.response("200 OK"));
    let answered = call.receive("200 OK");
    assert_eq!(answered.header("CSeq"), Some("3 PRACK"));
    call.give_up(&invite);
    call.finish_here();
}

/// An UPDATE that nobody answers keeps no PRACK without an answer.
#[test]
fn the_offer_of_a_prack_does_not_wait_for_ever() {
    let (mut call, invite, ringing, _) = met();
    call.send(&offering(&invite, &ringing, 3));
    call.run_until(seconds(20));
    let terminated = last(&call, "487 Request Terminated");
    assert_eq!(terminated.header("CSeq"), Some("3 PRACK"));
    call.give_up(&invite);
    call.run_until(seconds(40));
    call.finish_here();
}

/// However long it has waited, the application has 16 s from when it is told.
#[test]
fn the_offer_of_a_prack_has_its_time_from_when_it_is_told() {
    let (mut call, invite, ringing, update) = met_with(Policy::new().leave_offers());
    call.send(&offering(&invite, &ringing, 3));
    call.run_until(seconds(16));
    call.send_from(PEER, update.response("200 OK"));
    call.run_until(seconds(31));
    assert_eq!(count(&call, "488 Not Acceptable Here"), 0);
    call.run_until(seconds(32));
    let refused = last(&call, "488 Not Acceptable Here");
    assert_eq!(refused.header("CSeq"), Some("3 PRACK"));
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3261 §15.1.2: nor does it wait when the call ends, whoever ends it.
#[test]
fn the_offer_of_a_prack_that_waits_gets_487_with_the_end_of_the_call() {
    let cancel = |call: &mut Simulation, invite: &Draft, _: &Packet| call.send(&invite.cancel());
    let bye = |call: &mut Simulation, invite: &Draft, ringing: &Packet| {
        call.send(&invite.in_dialog("BYE", ringing).cseq(4));
    };
    let reject = |call: &mut Simulation, _: &Draft, _: &Packet| {
        let id = call.invite();
        let rejected = call.core(|core, now| {
            let server = core.invite_server(now, id).expect("the call is there");
            server.reject(Rejection::REQUEST_TERMINATED).map(drop)
        });
        assert_eq!(rejected, Ok(()));
    };
    let ends: [fn(&mut Simulation, &Draft, &Packet); 3] = [cancel, bye, reject];
    for end in ends {
        let (mut call, invite, ringing, update) = met();
        call.send(&offering(&invite, &ringing, 3));
        call.run_until(seconds(1));
        end(&mut call, &invite, &ringing);
        call.run_until(seconds(1));
        let packets = call.trace().packets();
        let terminated = packets.filter(|packet| packet.status() == Some(487));
        let (invites, others): (Vec<_>, Vec<_>) =
            terminated.partition(|it| it.header("CSeq") == Some("1 INVITE"));
        let others: Vec<_> = others.iter().map(|it| it.header("CSeq")).collect();
        assert_eq!(others, [Some("3 PRACK")]);
        let acknowledge = invite.ack(invites[0]);
        call.send(&acknowledge);
        call.send_from(PEER, update.response("481 Gone"));
        call.finish_here();
    }
}

/// RFC 3264 §4: while a re-INVITE asks for our offer there is none of the peer's, and its 200 has the answer to no other.
#[test]
fn a_late_prack_makes_no_offer_while_a_reinvite_asks_for_ours() {
    let (mut call, invite, ringing, ok) = accepted(Policy::new().leave_offers());
    let asking = invite.in_dialog("INVITE", &ok).without_body().cseq(2);
    call.send(&asking.clone().branch("z9hG4bK-asking"));
    call.send(&offering(&invite, &ringing, 3));
    call.receive("400 An offer is open already");
    let session = call.session();
    let offer = Body::sdp(ANSWER);
    let answered = call.core(|core, now| core.session(now, session).unwrap().answer(&offer));
    assert_eq!(answered, Ok(()));
    let asked = call.receive("200 OK");
    assert_eq!(asked.header("CSeq"), Some("2 INVITE"));
    assert_eq!(asked.body(), ANSWER);
    let acknowledge = invite.in_dialog("ACK", &ok).cseq(2);
    call.send(&acknowledge.body("application/sdp", OFFER));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 3264 §4: nor while our offer waits for its answer in the ACK.
#[test]
fn a_late_prack_makes_no_offer_behind_that_of_our_2xx() {
    let (mut call, invite, ringing, ok) = accepted(Policy::new());
    let asking = invite.in_dialog("INVITE", &ok).without_body().cseq(2);
    call.send(&asking.clone().branch("z9hG4bK-asking"));
    call.run_until(seconds(0));
    call.send(&offering(&invite, &ringing, 3));
    call.receive("400 An offer is open already");
    let acknowledge = invite.in_dialog("ACK", &ok).cseq(2);
    call.send(&acknowledge.body("application/sdp", OFFER));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// A call that is accepted behind a reliable 180 whose PRACK is not sent.
fn accepted(policy: Policy) -> (Simulation, Draft, Packet, Packet) {
    let mut call = Simulation::new(policy.ring_reliably().accept(Body::sdp(ANSWER)));
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let ok = call.receive("200 OK");
    let ringing = last(&call, "180 Ringing");
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(0));
    (call, invite, ringing, ok)
}

/// An early session with an UPDATE of ours out, and behind it a reliable 180, whose PRACK may make an offer.
fn met() -> (Simulation, Draft, Packet, Packet) {
    met_with(Policy::new())
}

fn met_with(policy: Policy) -> (Simulation, Draft, Packet, Packet) {
    let policy = policy.early_answer_reliably().wait(seconds(1));
    let mut call = Simulation::new(policy.update().ring_reliably());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.run_until(seconds(1));
    let (ringing, update) = (last(&call, "180 Ringing"), last(&call, "UPDATE"));
    (call, invite, ringing, update)
}

/// The last message of this label from the server.
fn last(call: &Simulation, label: &str) -> Packet {
    let mut packets = call.trace().packets();
    let last = packets.rfind(|packet| packet.label() == label);
    last.unwrap_or_else(|| panic!("no {label}\n{}", call.trace()))
        .clone()
}

/// How often a message of this label came from the server.
fn count(call: &Simulation, label: &str) -> usize {
    let packets = call.trace().packets();
    packets.filter(|packet| packet.label() == label).count()
}

/// As long as the offer of the INVITE is not answered there is nothing to change.
#[test]
fn we_change_no_early_session_whose_offer_is_open() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("180 Ringing");
    let session = call.session();
    let offer = Body::sdp(OFFER);
    let update = call.core(|core, now| core.session(now, session).unwrap().update(Some(&offer)));
    assert_eq!(update, Err(InsideError::OfferPending));
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3311 §5.1: an answer in a reliable response counts when its PRACK is here.
#[test]
fn we_change_no_early_session_before_the_prack() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    call.receive("183 Session Progress");
    let session = call.session();
    let offer = Body::sdp(OFFER);
    let update = call.core(|core, now| core.session(now, session).unwrap().update(Some(&offer)));
    assert_eq!(update, Err(InsideError::OfferPending));
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3261 §15: a callee ends no early dialog by BYE, whatever its UPDATE gets.
#[test]
fn an_early_update_that_gets_481_sends_no_bye() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::invite().set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.receive("200 OK");
    let session = call.session();
    let offer = Body::sdp(OFFER);
    let sent = call.core(|core, now| core.session(now, session).unwrap().update(Some(&offer)));
    assert_eq!(sent, Ok(()));
    let update = call.receive("UPDATE");
    call.send_from(PEER, update.response("481 Gone"));
    call.receive("UPDATE");
    call.give_up(&invite);
    call.finish_here();
}

/// Our offer is out: 491.
#[test]
fn while_our_offer_is_open_it_gets_491() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::new("INVITE").set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&update(&invite, &progress, 2));
    call.receive("491 Request Pending");
    call.give_up(&invite);
    call.finish_here();
}

/// Their offer is not answered yet: 500 with a Retry-After between 0 and 10 seconds.
#[test]
fn while_their_offer_is_open_it_gets_500() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.send(&update(&invite, &ringing, 2));
    let refused = call.receive("500 Server Internal Error");
    let seconds: u32 = refused
        .header("Retry-After")
        .and_then(|seconds| seconds.parse().ok())
        .expect("a number of seconds");
    assert!(seconds <= 10, "{seconds}");
    call.give_up(&invite);
    call.finish_here();
}

/// A confirmed session is changed, or the change is refused and what was agreed before holds.
#[test]
fn a_confirmed_session_is_changed_or_not() {
    let accept = || Policy::new().accept(Body::sdp(ANSWER));
    for (policy, label) in [
        (accept(), "200 OK"),
        (accept().refuse_offers(), "488 Not Acceptable Here"),
    ] {
        let mut call = Simulation::new(policy);
        let invite = Draft::invite();
        let ok = call.establish(&invite);
        call.send(&update(&invite, &ok, 2));
        call.receive(label);
        call.hang_up(&invite, &ok);
        call.finish_here();
    }
}

/// RFC 3261 §21.4.26: a 488 may say why in its body, and whatever else the application has it say.
#[test]
fn a_refusal_of_a_change_says_what_it_is_to_say() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.send(&update(&invite, &ok, 2));
    call.run_until(seconds(0));
    let session = call.session();
    let mut refusal = ResponseOptions::new(Rejection::NOT_ACCEPTABLE_HERE);
    refusal.user_agent = Text::new("Bob/2").ok();
    refusal.supported = Text::new("timer").ok();
    let refusal = refusal.with_body(Body::sdp(ANSWER));
    let refused = call.core(|core, now| core.session(now, session).unwrap().refuse_offer(refusal));
    assert_eq!(refused, Ok(()));
    let refused = call.receive("488 Not Acceptable Here");
    assert_eq!(refused.body(), ANSWER);
    assert_eq!(refused.header("User-Agent"), Some("Bob/2"));
    assert_eq!(refused.header("Supported"), Some("timer"));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// RFC 3261 §14.2: an INVITE inside the early dialog comes too soon.
#[test]
fn an_invite_in_an_early_dialog_gets_500() {
    let mut call = Simulation::new(
        Policy::new()
            .early_answer()
            .wait(seconds(9))
            .accept(Success::OK),
    );
    let invite = Draft::invite();
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    let second = invite.in_dialog("INVITE", &progress);
    call.send(&second);
    let refused = call.receive("500 Server Internal Error");
    assert!(refused.header("Retry-After").is_some());
    call.send(&second.ack(&refused));
    call.give_up(&invite);
    call.finish_here();
}
