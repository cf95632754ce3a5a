//! A BYE that a later request of its sender has overtaken: RFC 3261 §12.2.2 wants 500 for it, but
//! its sender has no session any more (§15.1.1).

use offhook_sim::{Draft, OFFER, PEER, Packet, Policy, Simulation, seconds};

/// An OPTIONS, and behind it the BYE that was sent before it.
fn hang_up_too_late(call: &mut Simulation, invite: &Draft, response: &Packet) {
    call.send(&invite.in_dialog("OPTIONS", response).cseq(3));
    call.send(&invite.in_dialog("BYE", response).cseq(2));
}

/// §15.1.1: a UAC that has no session any more says 481, or 200 if it says it before the 500 comes.
#[test]
fn it_is_refused_and_the_session_ends_all_the_same() {
    for answer in ["481 Call/Transaction Does Not Exist", "200 OK"] {
        let mut call = Simulation::new(Policy::new().answer());
        let invite = Draft::invite();
        let ok = call.establish(&invite);
        call.run_until(seconds(1));
        hang_up_too_late(&mut call, &invite, &ok);
        let bye = call.receive("BYE");
        assert_eq!(bye.header("CSeq"), Some("1 BYE"), "the first of ours");
        call.send_from(PEER, bye.response(answer));
        call.expect(&format!(
            "
            0.0   INVITE        ------->
            0.0                 * Invite
            0.0   <------------ 200 OK
            0.0   ACK           ------->
            0.0                 * Confirmed
            1.0   OPTIONS       ------->
            1.0   BYE           ------->
            1.0   <------------ 200 OK
            1.0   <------------ 500 Server Internal Error
            1.0                 * Terminating RemoteBye
            1.0   <------------ BYE
            1.0   {answer}      ------->
            1.0                 * Ended RemoteBye
            ",
        ));
        call.finish();
    }
}

/// §15: before the ACK the callee may send no BYE, so ours waits for it.
#[test]
fn before_the_ack_our_bye_waits() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    hang_up_too_late(&mut call, &invite, &ok);
    call.run_until(seconds(1));
    call.send(&invite.in_dialog("ACK", &ok));
    let bye = call.receive("BYE");
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   OPTIONS       ------->
        0.0   BYE           ------->
        0.0   <------------ 200 OK
        0.0   <------------ 500 Server Internal Error
        0.5   <------------ 200 OK
        1.0   ACK           ------->
        1.0                 * Confirmed
        1.0                 * Terminating RemoteBye
        1.0   <------------ BYE
        1.0   200 OK        ------->
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// An early dialog ends with its INVITE, and without a BYE of ours.
#[test]
fn on_an_early_dialog_the_invite_gets_487() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    hang_up_too_late(&mut call, &invite, &ringing);
    let terminated = call.receive("487 Request Terminated");
    call.send(&invite.ack(&terminated));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   OPTIONS       ------->
        0.0   BYE           ------->
        0.0   <------------ 200 OK
        0.0   <------------ 500 Server Internal Error
        0.0   <-- 487 Request Terminated
        0.0                 * InviteEnded Bye
        0.0   ACK           ------->
        ",
    );
    call.finish();
}

/// Nobody answers a change of a session that is over: it gets 487, as with a BYE in time (§15.1.2).
#[test]
fn an_open_change_gets_487() {
    let mut call = Simulation::new(Policy::new().answer().leave_offers());
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    let update = invite.in_dialog("UPDATE", &ok).cseq(3);
    call.send(&update.body("application/sdp", OFFER));
    call.send(&invite.in_dialog("BYE", &ok).cseq(2));
    let bye = call.receive("BYE");
    call.send_from(PEER, bye.response("200 OK"));
    call.expect(
        "
        ...
        0.0   UPDATE        ------->
        0.0   BYE           ------->
        0.0                 * Confirmed
        0.0                 * Offer
        0.0   <------------ 500 Server Internal Error
        0.0   <-- 487 Request Terminated
        0.0                 * Terminating RemoteBye
        0.0   <------------ BYE
        0.0   200 OK        ------->
        0.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// One BYE of ours is enough, whosever wish it was first.
#[test]
fn behind_a_bye_of_ours_it_changes_nothing() {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.run_until(seconds(1));
    let bye = call.receive("BYE");
    hang_up_too_late(&mut call, &invite, &ok);
    call.receive("500 Server Internal Error");
    call.send_from(PEER, bye.response("481 Call/Transaction Does Not Exist"));
    call.expect(
        "
        ...
        1.0                 * Terminating LocalBye
        1.0   <------------ BYE
        1.0   OPTIONS       ------->
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0   <------------ 500 Server Internal Error
        1.0   481 Call/Transaction Does Not Exist ------->
        1.0                 * Ended LocalBye
        ",
    );
    call.finish();
}
