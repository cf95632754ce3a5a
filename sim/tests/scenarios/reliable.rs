//! Reliable provisional responses: RFC 3262.

use offhook_core::message::{Header, Provisional, Success};
use offhook_core::{Config, Reliability, ResponseOptions, Session, Transport, VerbError};
use offhook_sim::{ANSWER, Draft, OFFER, Packet, Policy, Simulation, milliseconds, seconds};

fn supported() -> Draft {
    Draft::invite().set("Supported", "100rel")
}

/// The PRACK for a response, with this number.
fn prack(invite: &Draft, response: &Packet, cseq: u32) -> Draft {
    let prack = invite.prack(response).cseq(cseq);
    prack.branch(&format!("z9hG4bK-PRACK-{cseq}"))
}

/// Acknowledges the 200 that the server sent last, and hangs up.
fn hang_up(call: &mut Simulation, invite: &Draft) {
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.send(&invite.in_dialog("BYE", &ok).cseq(10));
}

/// §3: 180 with Require and `RSeq`; the PRACK gets 200.
#[test]
fn ring_reliably_then_answer() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let policy = Policy::new().ring_reliably().wait(seconds(1)).answer();
        let mut call = Simulation::new(policy).over(transport);
        let invite = supported();
        call.send(&invite);
        let ringing = call.receive("180 Ringing");
        assert_eq!(ringing.header("Require"), Some("100rel"));
        let rseq: u32 = ringing
            .header("RSeq")
            .expect("RSeq")
            .parse()
            .expect("a number");
        assert!((1..1 << 31).contains(&rseq), "{rseq}");
        call.send(&prack(&invite, &ringing, 2));
        call.run_until(seconds(1));
        hang_up(&mut call, &invite);
        call.expect(
            "
            0.0   INVITE        ------->
            0.0                 * Invite
            0.0   <------- 180 Ringing
            0.0   PRACK         ------->
            0.0   <------------ 200 OK
            0.0                 * Prack
            1.0   <------------ 200 OK
            1.0   ACK           ------->
            1.0   BYE           ------->
            1.0                 * Confirmed
            1.0   <------------ 200 OK
            1.0                 * Ended RemoteBye
            ",
        );
        call.finish();
    }
}

/// §3: repeated at T1, doubling without a bound; 504 after 64·T1 without a PRACK.
#[test]
fn without_a_prack_it_is_repeated_and_then_comes_504() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut call = Simulation::new(Policy::new().ring_reliably()).over(transport);
        let invite = supported();
        call.send(&invite);
        call.expect(
            "
             0.0   INVITE        ------->
             0.0                 * Invite
             0.0   <------- 180 Ringing
             0.5   <------- 180 Ringing
             1.5   <------- 180 Ringing
             3.5   <------- 180 Ringing
             7.5   <------- 180 Ringing
            15.5   <------- 180 Ringing
            31.5   <------- 180 Ringing
            32.0   <-- 504 Server Time-out
            32.0                 * InviteEnded NoPrack
            ",
        );
        let timeout = call.receive("504 Server Time-out");
        call.send(&invite.ack(&timeout));
        call.expect("32.0   ACK -->");
        call.finish();
    }
}

/// §3: one at a time; the next one waits for the PRACK.
#[test]
fn one_waits_for_the_prack_of_the_other() {
    let policy = Policy::new().ring_reliably().early_answer_reliably();
    let mut call = Simulation::new(policy.wait(seconds(2)).answer());
    let invite = supported();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    call.run_until(milliseconds(100));
    call.send(&prack(&invite, &ringing, 2));
    let progress = call.receive("183 Session Progress");
    let rseq = |packet: &Packet| {
        packet
            .header("RSeq")
            .and_then(|rseq| rseq.parse::<u32>().ok())
    };
    assert_eq!(rseq(&progress), rseq(&ringing).map(|rseq| rseq + 1));
    call.send(&prack(&invite, &progress, 3));
    call.run_until(seconds(2));
    hang_up(&mut call, &invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.1   PRACK         ------->
        0.1   <------------ 200 OK
        0.1   <-- 183 Session Progress
        0.1                 * Prack
        0.1   PRACK         ------->
        0.1   <------------ 200 OK
        0.1                 * Prack
        2.0   <------------ 200 OK
        2.0   ACK           ------->
        2.0   BYE           ------->
        2.0                 * Confirmed
        2.0   <------------ 200 OK
        2.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// §3: a 2xx waits for the PRACK of a response with a session description.
#[test]
fn the_2xx_waits_for_the_prack() {
    let policy = Policy::new().early_answer_reliably().accept(Success::OK);
    let mut call = Simulation::new(policy);
    let invite = supported();
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    assert_eq!(progress.body(), ANSWER);
    call.run_until(milliseconds(600));
    call.send(&prack(&invite, &progress, 2));
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("CSeq"), Some("1 INVITE"));
    assert_eq!(ok.body(), "", "the answer arrived for certain");
    hang_up(&mut call, &invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-- 183 Session Progress
        0.5   <-- 183 Session Progress
        0.6   PRACK         ------->
        0.6   <------------ 200 OK
        0.6                 * Prack
        0.6   <------------ 200 OK
        0.6                 * Accepted
        0.6   ACK           ------->
        0.6   BYE           ------->
        0.6                 * Confirmed
        0.6   <------------ 200 OK
        0.6                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// §3, §7.2: `RAck` names response and request, or the PRACK gets 481.
#[test]
fn a_prack_for_something_else_gets_481() {
    let mut call = Simulation::new(Policy::new().ring_reliably());
    let invite = supported();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    let rseq = ringing.header("RSeq").expect("RSeq");
    let good = prack(&invite, &ringing, 2);
    for (number, rack) in [
        "1 1 INVITE",
        &format!("{rseq} 2 INVITE"),
        &format!("{rseq} 1 BYE"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = u32::try_from(number).expect("three of them");
        let wrong = prack(&invite, &ringing, 2 + number).set("RAck", rack);
        call.send(&wrong);
        call.receive("481 Call/Transaction Does Not Exist");
    }
    call.send(&good.cseq(5).branch("z9hG4bK-good"));
    call.receive("200 OK");
    call.send(&prack(&invite, &ringing, 6));
    call.receive("481 Call/Transaction Does Not Exist");
    call.send(&prack(&invite, &ringing, 7).without("RAck"));
    call.receive("400 the RAck header is missing");
    call.give_up(&invite);
    call.finish_here();
}

/// §5: an INVITE without an offer: we offer in the 183, the PRACK answers.
#[test]
fn our_offer_in_the_183_is_answered_by_the_prack() {
    let policy = Policy::new().early_answer_reliably().wait(seconds(1));
    let mut call = Simulation::new(policy.accept(Success::OK));
    let invite = Draft::new("INVITE").set("Require", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&prack(&invite, &progress, 2).body("application/sdp", OFFER));
    call.receive("200 OK");
    call.run_until(seconds(1));
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("CSeq"), Some("1 INVITE"));
    assert_eq!(ok.body(), "");
    hang_up(&mut call, &invite);
    call.finish_here();
}

/// §5, RFC 3261 §13.2.1: the first reliable response has the offer where the INVITE has none. One
/// without it is not reliable, or is none where it had to be.
#[test]
fn a_response_without_the_offer_that_is_ours_to_make_is_not_reliable() {
    let mut call = Simulation::new(Policy::new().ring_reliably());
    let invite = Draft::new("INVITE").set("Supported", "100rel");
    call.send(&invite);
    assert_eq!(call.receive("180 Ringing").header("RSeq"), None);
    call.give_up(&invite);
    call.finish_here();

    let mut call = Simulation::new(Policy::new());
    let invite = Draft::new("INVITE").set("Require", "100rel");
    call.send(&invite);
    call.run_until(seconds(0));
    let id = call.invite();
    let rung = call.core(|core, now| {
        let mut server = core.invite_server(now, id).expect("the call is there");
        server.progress(Provisional::RINGING).map(drop)
    });
    assert_eq!(rung, Err(VerbError::NoBody));
    call.give_up(&invite);
    call.finish_here();
}

/// §5: an offer in the PRACK is answered in its 200, and the 2xx waits for that.
#[test]
fn an_offer_in_the_prack_is_answered_in_its_200() {
    let policy = Policy::new().early_answer_reliably().wait(seconds(1));
    let mut call = Simulation::new(policy.accept(Success::OK));
    let invite = supported();
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&prack(&invite, &progress, 2).body("application/sdp", OFFER));
    let ok = call.receive("200 OK");
    assert_eq!(ok.header("CSeq"), Some("2 PRACK"));
    assert_eq!(ok.body(), ANSWER);
    call.run_until(seconds(1));
    hang_up(&mut call, &invite);
    call.finish_here();
}

/// §4 and RFC 3261 §8.2.2.3, §21.4.15: what each side requires.
#[test]
fn the_policy_decides() {
    let with = |reliability| Config {
        reliability,
        ..Config::default()
    };
    let ring = || Policy::new().ring();
    let required = Draft::invite().set("Require", "100rel");
    let mut off = Simulation::with_config(ring(), with(Reliability::Off));
    off.send(&required);
    let bad_extension = off.receive("420 Bad Extension");
    assert_eq!(bad_extension.header("Unsupported"), Some("100rel"));
    off.expect("...");
    off.finish();

    let mut needed = Simulation::with_config(ring(), with(Reliability::Required));
    needed.send(&Draft::invite());
    let extension_required = needed.receive("421 Extension Required");
    assert_eq!(extension_required.header("Require"), Some("100rel"));
    needed.expect("...");
    needed.finish();

    for (config, invite, is_reliable) in [
        (with(Reliability::Off), supported(), false),
        (with(Reliability::Supported), supported(), false),
        (
            with(Reliability::Supported),
            required.clone().set("Supported", "100rel"),
            true,
        ),
        (with(Reliability::Required), supported(), true),
    ] {
        let mut call = Simulation::with_config(ring(), config);
        call.send(&invite);
        let ringing = call.receive("180 Ringing");
        assert_eq!(ringing.header("RSeq").is_some(), is_reliable);
        call.give_up(&invite);
        call.finish_here();
    }
}

/// RFC 3261 §9.2: CANCEL while the 2xx waits for the PRACK; it is never sent.
#[test]
fn a_cancel_overtakes_the_2xx_that_waits() {
    let policy = Policy::new().early_answer_reliably().accept(Success::OK);
    let mut call = Simulation::new(policy);
    let invite = supported();
    call.send(&invite);
    call.receive("183 Session Progress");
    call.give_up(&invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-- 183 Session Progress
        0.0   CANCEL        ------->
        0.0   <------------ 200 OK
        0.0   <-- 487 Request Terminated
        0.0                 * Ended Cancelled
        0.0   ACK           ------->
        ",
    );
    call.finish();
}

/// RFC 3261 §15: a callee sends no BYE before its 2xx. One that hangs up while that waits refuses the INVITE.
#[test]
fn a_callee_that_hangs_up_while_the_2xx_waits_refuses_the_call() {
    let policy = Policy::new().early_answer_reliably().accept(Success::OK);
    let mut call = Simulation::new(policy);
    let invite = supported();
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    let session = call.session();
    let reason = Header::new("Reason", "SIP;cause=200;text=\"Enough\"").expect("a header");
    call.core(|core, now| core.session(now, session).map(|it| it.bye(vec![reason])));
    let refused = call.receive("480 Temporarily Unavailable");
    assert_eq!(
        refused.header("Reason"),
        Some("SIP;cause=200;text=\"Enough\"")
    );
    call.send(&invite.ack(&refused));
    call.send(&prack(&invite, &progress, 2));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-- 183 Session Progress
        0.0   <-- 480 Temporarily Unavailable
        0.0                 * Ended LocalBye
        0.0   ACK           ------->
        0.0   PRACK         ------->
        0.0   <-- 481 Call/Transaction Does Not Exist
        ",
    );
    call.finish();
}

/// A call that is given up without a word while its 2xx waits can go on nowhere: its INVITE does not stay for ever.
#[test]
fn a_call_that_is_forgotten_while_the_2xx_waits_is_refused() {
    let policy = Policy::new().early_answer_reliably().accept(Success::OK);
    let mut call = Simulation::new(policy);
    let invite = supported();
    call.send(&invite);
    call.receive("183 Session Progress");
    let session = call.session();
    call.core(|core, now| core.session(now, session).map(Session::forget));
    let refused = call.receive("480 Temporarily Unavailable");
    call.send(&invite.ack(&refused));
    assert_eq!(call.counts().invites, 0);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-- 183 Session Progress
        0.0   <-- 480 Temporarily Unavailable
        0.0   ACK           ------->
        ",
    );
    call.finish();
}

/// RFC 3262 §3: what a PRACK has acknowledged is not repeated, not even each minute as an unreliable 180 before it is.
#[test]
fn what_is_acknowledged_is_not_repeated_after_a_minute() {
    let reliably = ResponseOptions::new(Provisional::SESSION_PROGRESS).reliably();
    let mut call = Simulation::new(Policy::new().ring().progress(reliably));
    let invite = Draft::invite().add("Supported", "100rel");
    call.send(&invite);
    let progress = call.receive("183 Session Progress");
    call.send(&invite.prack(&progress));
    call.run_until(seconds(130));
    let sent = call.trace().packets();
    assert_eq!(
        sent.filter(|it| it.label() == "183 Session Progress")
            .count(),
        1
    );
    call.run_out();
    call.finish_here();
}
