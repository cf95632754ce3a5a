//! What a PRACK may be besides the right one: RFC 3262 §3, §5, §7.2.

use offhook_core::message::{Provisional, Success};
use offhook_core::{ResponseOptions, VerbError};
use offhook_sim::{Draft, OFFER, PEER, Policy, Simulation, seconds};

fn supported() -> Draft {
    Draft::invite().set("Supported", "100rel")
}

/// §3: a final response may overtake the PRACK, which is served all the same.
#[test]
fn one_that_comes_after_the_2xx_gets_200() {
    let mut call = Simulation::new(Policy::new().ring_reliably().wait(seconds(0)).answer());
    let invite = supported();
    call.send(&invite);
    let ok = call.receive("200 OK");
    let ringing = {
        let mut packets = call.trace().packets();
        let ringing = packets.rfind(|packet| packet.status() == Some(180));
        ringing.expect("it rings").clone()
    };
    call.send(&invite.in_dialog("ACK", &ok));
    call.send(&invite.prack(&ringing));
    let answer = call.receive("200 OK");
    assert_eq!(answer.header("CSeq"), Some("2 PRACK"));
    call.send(&invite.in_dialog("BYE", &ok).cseq(3));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.0   PRACK         ------->
        0.0                 * Confirmed
        0.0   <------------ 200 OK
        0.0                 * Prack
        0.0   BYE           ------->
        0.0   <------------ 200 OK
        0.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// RFC 3261 §15: behind our BYE nothing is agreed on any more. One without an offer does no harm.
#[test]
fn an_offer_behind_our_bye_gets_481() {
    let mut call = Simulation::new(Policy::new().ring_reliably().answer().hang_up());
    let invite = supported();
    call.send(&invite);
    call.receive("200 OK");
    let ringing = {
        let mut packets = call.trace().packets();
        let ringing = packets.find(|packet| packet.status() == Some(180));
        ringing.expect("it rings").clone()
    };
    call.send(&invite.in_dialog("ACK", &ringing));
    let bye = call.receive("BYE");
    call.send(&invite.prack(&ringing).body("application/sdp", OFFER));
    call.receive("481 Call/Transaction Does Not Exist");
    let prack = invite.prack(&ringing).cseq(3).branch("z9hG4bK-without");
    call.send(&prack);
    call.receive("200 OK");
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        ...
        0.0   ACK           ------->
        0.0                 * Confirmed
        0.0                 * Terminating LocalBye
        0.0   <------------ BYE
        0.0   PRACK         ------->
        0.0   <-- 481 Call/Transaction Does Not Exist
        0.0   PRACK         ------->
        0.0   <------------ 200 OK
        0.0                 * Prack
        0.0   200 OK        ------->
        0.0                 * Ended LocalBye
        ",
    );
    call.finish();
}

/// §4: the caller may discard a provisional response that comes after the 2xx. Its PRACK never comes,
/// and the session can be changed all the same.
#[test]
fn one_that_never_comes_leaves_the_session_free() {
    let mut call = Simulation::new(Policy::new().ring_reliably().answer());
    let invite = supported();
    let ok = call.establish(&invite);
    call.run_until(seconds(1));
    let session = call.session();
    let sent = call.core(|core, now| core.session(now, session).unwrap().update(None));
    assert_eq!(sent, Ok(()));
    let update = call.receive("UPDATE");
    call.send_from(PEER, update.response("200 OK"));
    call.send(&invite.in_dialog("BYE", &ok));
    call.finish_here();
}

/// RFC 3261 §17.2.2: a repetition gets the same answer, though its response is acknowledged.
#[test]
fn a_repeated_one_gets_the_same_answer() {
    let mut call = Simulation::new(Policy::new().ring_reliably());
    let invite = supported();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    let prack = invite.prack(&ringing);
    call.send(&prack);
    let first = call.receive("200 OK");
    call.run_until(seconds(1));
    call.send(&prack);
    assert_eq!(call.receive("200 OK").bytes, first.bytes);
    call.give_up(&invite);
    call.finish_here();
}

/// §5: our offer must be answered.
#[test]
fn one_without_the_answer_to_our_offer_gets_400() {
    let mut call = Simulation::new(Policy::new().early_answer_reliably());
    let invite = Draft::new("INVITE").set("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.receive("400 The answer to the offer of the provisional response is missing");
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3264 §4: an offer on top of one that is not answered.
#[test]
fn one_with_a_second_offer_gets_400() {
    let mut call = Simulation::new(Policy::new().ring_reliably());
    let invite = supported();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    let offering = invite.prack(&ringing).body("application/sdp", OFFER);
    call.send(&offering);
    call.receive("400 An offer is open already");
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3261 §12.2.2: without a To tag it names no dialog.
#[test]
fn one_outside_of_a_dialog_gets_481() {
    let mut call = Simulation::new(Policy::new());
    call.send(&Draft::new("PRACK").set("RAck", "1 1 INVITE"));
    call.receive("481 Call/Transaction Does Not Exist");
    call.finish_here();
}

/// RFC 3261 §7.3.3, §20.37: the extension is named in the compact form, and in any case.
#[test]
fn support_is_seen_in_every_form() {
    for (name, value) in [("k", "100rel"), ("Supported", "timer, 100REL")] {
        let mut call = Simulation::new(Policy::new().ring_reliably());
        let invite = Draft::invite().set(name, value);
        call.send(&invite);
        let ringing = call.receive("180 Ringing");
        assert!(ringing.header("RSeq").is_some(), "{name}: {value}");
        call.give_up(&invite);
        call.finish_here();
    }
}

/// §3: the first `RSeq` of each call is drawn anew, from 1 to 2³¹ - 1.
#[test]
fn the_first_rseq_is_in_the_lower_half() {
    let mut call = Simulation::new(Policy::new().ring_reliably());
    let mut drawn = Vec::new();
    for number in 0..50 {
        let invite = supported().set("Call-ID", &format!("call-{number}"));
        let invite = invite.branch(&format!("z9hG4bK-{number}"));
        call.send(&invite);
        let ringing = call.receive("180 Ringing");
        let rseq = ringing.header("RSeq").and_then(|rseq| rseq.parse().ok());
        let rseq: u32 = rseq.expect("a number");
        assert!((1..1 << 31).contains(&rseq), "{rseq}");
        drawn.push(rseq);
        call.give_up(&invite);
    }
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 50, "they differ");
    call.finish_here();
}

/// §3: responses wait for a PRACK, but not without a bound, and the verb that is too much changes
/// nothing.
#[test]
fn not_everything_may_wait() {
    let mut call = Simulation::new(Policy::new());
    let invite = supported();
    call.send(&invite);
    call.run_until(seconds(0));
    let id = call.invite();
    let results: Vec<_> = (0..10)
        .map(|_| {
            call.core(|core, now| {
                let mut server = core.invite_server(now, id).expect("the call is there");
                let ringing = ResponseOptions::new(Provisional::RINGING).reliably();
                server.progress(ringing).map(drop)
            })
        })
        .collect();
    assert!(
        results[..9].iter().all(Result::is_ok),
        "one is out, eight wait"
    );
    assert_eq!(results[9], Err(VerbError::TooManyWaiting));
    let packets = call.trace().packets();
    let ringing = packets.filter(|packet| packet.status() == Some(180));
    assert_eq!(ringing.count(), 1, "one at a time");
    call.give_up(&invite);
    call.finish_here();
}

/// RFC 3261 §13.2.1: what the reliable 183 answered, the 2xx says no second time.
#[test]
fn an_answer_that_arrived_is_not_sent_again() {
    let policy = Policy::new()
        .early_answer_reliably()
        .wait(seconds(1))
        .accept(Success::OK);
    let mut call = Simulation::new(policy);
    let invite = supported();
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.run_until(seconds(1));
    let ok = call.receive("200 OK");
    assert_eq!(ok.body(), "");
    assert_eq!(ok.to_tag(), progress.to_tag(), "RFC 3261 §8.2.6.2");
    call.send(&invite.in_dialog("ACK", &ok));
    call.hang_up(&invite, &ok);
    call.finish_here();
}
