//! INVITE with Replaces: RFC 3891 §3.

use offhook_core::message::{Rejection, Success};
use offhook_sim::{Draft, PEER, Packet, Policy, Simulation, seconds};

use crate::begin;

/// An INVITE of somebody else's.
fn other_invite() -> Draft {
    Draft::invite()
        .set("Call-ID", "another-call")
        .set("From", "Carol <sip:carol@example.com>;tag=carol")
        .branch("z9hG4bK-another")
}

/// The same, in the place of alice.
fn replacing(ok: &Packet, more: &str) -> Draft {
    let value = format!("a84b4c76e66710;to-tag={};from-tag=alice{more}", tag(ok));
    other_invite().set("Replaces", &value)
}

fn tag(response: &Packet) -> &str {
    response.to_tag().expect("it made a dialog")
}

/// The INVITE is refused, and the session goes on.
fn refused(mut call: Simulation, session: (&Draft, &Packet), draft: &Draft, label: &str) {
    call.send(draft);
    let answer = call.receive(label);
    call.send(&draft.ack(&answer));
    call.send(&session.0.in_dialog("OPTIONS", session.1).cseq(50));
    call.receive("200 OK");
    call.send(&session.0.in_dialog("BYE", session.1).cseq(51));
    call.receive("200 OK");
    call.finish_here();
}

#[test]
fn the_one_that_is_replaced_gets_bye() {
    let mut call = Simulation::new(Policy::new().answer());
    let (_, ok) = begin(&mut call);
    call.run_until(seconds(1));
    let invite = replacing(&ok, ";x=y").set("Require", "replaces");
    call.send(&invite);
    let bye = call.receive("BYE");
    assert_eq!(bye.header("Call-ID"), Some("a84b4c76e66710"));
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        1.0   INVITE        ------->
        1.0                 * Invite
        1.0   <------------ 200 OK
        1.0                 * Terminating LocalBye
        1.0   <------------ BYE
        1.0   200 OK        ------->
        1.0                 * Ended LocalBye
        ",
    );
    let sent: Vec<_> = call.trace().packets().cloned().collect();
    let accepted = sent
        .iter()
        .rev()
        .find(|packet| {
            packet.label() == "200 OK" && packet.header("Call-ID") == Some("another-call")
        })
        .unwrap();
    call.send(&invite.in_dialog("ACK", accepted));
    call.send(&invite.in_dialog("BYE", accepted));
    call.finish_here();
}

/// The tags are compared as in a request inside the dialog: `to-tag` is ours.
#[test]
fn what_matches_no_dialog_gets_481() {
    for value in [
        "a84b4c76e66710;to-tag=alice;from-tag=TAG",
        "a84b4c76e66710;to-tag=TAG;from-tag=alic",
        "a84b4c76e66710;to-tag=TAG;from-tag=ALICE",
        "a84b4c76e66710;to-tag=TAG;from-tag=0",
        "a84b4c76e66710;to-tag=0;from-tag=alice",
        "b84b4c76e66710;to-tag=TAG;from-tag=alice",
    ] {
        let mut call = Simulation::new(Policy::new().answer());
        let (invite, ok) = begin(&mut call);
        let value = value.replace("TAG", tag(&ok));
        let draft = other_invite().set("Replaces", &value);
        refused(
            call,
            (&invite, &ok),
            &draft,
            "481 Call/Transaction Does Not Exist",
        );
    }
}

/// §6.1: a tag of zero stands for the tag that a peer of RFC 2543 did not send.
#[test]
fn zero_stands_for_no_tag() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite().set("From", "<sip:alice@example.com>");
    let ok = call.establish(&invite);
    let value = format!("a84b4c76e66710;to-tag={};from-tag=0", tag(&ok));
    call.send(&other_invite().set("Replaces", &value));
    let bye = call.receive("BYE");
    assert_eq!(bye.header("Call-ID"), Some("a84b4c76e66710"));
    call.send_from(PEER, bye.response("200 OK"));
    call.run_out();
    call.finish_here();
}

#[test]
fn early_only_spares_a_confirmed_dialog() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    let draft = replacing(&ok, ";early-only");
    refused(call, (&invite, &ok), &draft, "486 Busy Here");
}

/// An early dialog that we did not begin is left unchanged.
#[test]
fn an_early_dialog_of_the_callers_gets_481() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    let draft = replacing(&ringing, "");
    call.send(&draft);
    let refused = call.receive("481 Call/Transaction Does Not Exist");
    call.send(&draft.ack(&refused));
    call.give_up(&invite);
    call.finish_here();
}

/// A call that is over must not make anything ring.
#[test]
fn a_dialog_that_is_over_or_ending_gets_603() {
    let mut call = Simulation::new(Policy::new().answer());
    let (invite, ok) = begin(&mut call);
    call.hang_up(&invite, &ok);
    let draft = replacing(&ok, "");
    call.send(&draft);
    let refused = call.receive("603 Decline");
    call.send(&draft.ack(&refused));
    call.finish_here();

    let mut call = Simulation::new(Policy::new().answer());
    let (_, ok) = begin(&mut call);
    let session = call.session();
    call.core(|core, now| core.session(now, session).unwrap().bye(Vec::new()));
    let bye = call.receive("BYE");
    call.send(&draft_of(&ok));
    let refused = call.receive("603 Decline");
    call.send(&draft_of(&ok).ack(&refused));
    call.send_from(PEER, bye.response("200 OK"));
    call.finish_here();
}

fn draft_of(ok: &Packet) -> Draft {
    replacing(ok, "")
}

#[test]
fn what_contradicts_itself_gets_400() {
    for (name, value) in [
        ("Replaces", "a;to-tag=1;from-tag=2"),
        ("Join", "a;to-tag=1;from-tag=2"),
    ] {
        let mut call = Simulation::new(Policy::new().answer());
        let (invite, ok) = begin(&mut call);
        let draft = replacing(&ok, "").add(name, value);
        call.send(&draft);
        call.run_until(seconds(0));
        let last = call.trace().packets().last().unwrap().clone();
        assert_eq!(last.status(), Some(400), "{name}");
        call.send(&draft.ack(&last));
        call.hang_up(&invite, &ok);
        call.finish_here();
    }
}

/// A replacement that fails leaves what it would have replaced unchanged.
#[test]
fn a_replacement_that_is_refused_changes_nothing() {
    let policy = Policy::new()
        .wait(seconds(1))
        .reject(Rejection::NOT_ACCEPTABLE_HERE);
    let mut call = Simulation::new(policy.clone());
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(seconds(0));
    let id = call.invite();
    call.core(|core, now| {
        let server = core.invite_server(now, id).unwrap();
        server
            .accept(offhook_core::message::Body::sdp(offhook_sim::ANSWER))
            .unwrap();
    });
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(2));
    call.send(&replacing(&ok, ""));
    call.run_until(seconds(3));
    let refused = call.receive("488 Not Acceptable Here");
    call.send(&replacing(&ok, "").ack(&refused));
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// A 2xx that waits for a PRACK replaces nothing before it is out, and may never be.
#[test]
fn a_replacement_whose_2xx_waits_changes_nothing_yet() {
    let policy = Policy::new().early_answer_reliably().accept(Success::OK);
    for is_cancelled in [true, false] {
        let mut call = Simulation::new(policy.clone());
        let invite = Draft::invite();
        let first = invite.clone().set("Supported", "100rel");
        call.send(&first);
        let progress = call.receive("183 Session Progress");
        call.send(&first.prack(&progress));
        let ok = call.receive("200 OK");
        call.send(&first.in_dialog("ACK", &ok));
        call.run_until(seconds(1));
        let replacing = replacing(&ok, "").set("Supported", "100rel");
        call.send(&replacing);
        let progress = call.receive("183 Session Progress");
        call.expect("...");
        if is_cancelled {
            call.give_up(&replacing);
            call.hang_up(&first, &ok);
            call.finish_here();
            continue;
        }
        call.send(&replacing.prack(&progress));
        let bye = call.receive("BYE");
        assert_eq!(bye.header("Call-ID"), Some("a84b4c76e66710"));
        call.send_from(PEER, bye.response("200 OK"));
        call.expect(
            "
            1.0   PRACK         ------->
            1.0   <------------ 200 OK
            1.0                 * Prack
            1.0   <------------ 200 OK
            1.0                 * Accepted
            1.0                 * Terminating LocalBye
            1.0   <------------ BYE
            1.0   200 OK        ------->
            1.0                 * Ended LocalBye
            ",
        );
        let sent: Vec<_> = call.trace().packets().cloned().collect();
        let of_invite = |packet: &&Packet| {
            packet.label() == "200 OK"
                && packet.header("Call-ID") == Some("another-call")
                && packet.header("CSeq") == Some("1 INVITE")
        };
        let accepted = sent.iter().find(of_invite).unwrap();
        call.send(&replacing.in_dialog("ACK", accepted));
        call.hang_up(&replacing, accepted);
        call.finish_here();
    }
}
