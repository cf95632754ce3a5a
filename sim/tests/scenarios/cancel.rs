//! The caller gives up: RFC 3261 §9.

use offhook_core::message::Text;
use offhook_core::{ResponseOptions, Tag, Transport, message::Provisional};
use offhook_sim::{CallState, Draft, Plan, Policy, Simulation, milliseconds, seconds};

#[test]
fn a_ringing_call_is_cancelled() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut call = Simulation::new(Policy::new().ring()).over(transport);
        call.call(Plan::new().give_up_after(seconds(2)));
        call.expect(
            "
            0.0   INVITE        ------->
            0.0                 * Invite
            0.0   <------- 180 Ringing
            2.0   CANCEL        ------->
            2.0   <------------ 200 OK
            2.0   <-- 487 Request Terminated
            2.0                 * Cancelled
            2.0   ACK           ------->
            ",
        );
        assert_eq!(call.caller(), CallState::Refused(487));
        call.finish();
    }
}

/// §9.1: without a provisional response the caller waits for one; the 100 of 200 ms is enough.
#[test]
fn a_call_that_does_not_ring_is_cancelled_after_the_100() {
    let mut call = Simulation::new(Policy::new());
    call.call(Plan::new().give_up_after(milliseconds(100)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.2   <-------- 100 Trying
        0.2   CANCEL        ------->
        0.2   <------------ 200 OK
        0.2   <-- 487 Request Terminated
        0.2                 * Cancelled
        0.2   ACK           ------->
        ",
    );
    call.finish();
}

/// §9.2: the 200 bears the To tag of the INVITE's responses, the application's own one too.
#[test]
fn the_200_has_the_tag_of_the_invite() {
    let own = ResponseOptions {
        to_tag: Tag::new("node7-4711"),
        reason_phrase: Some(Text::from_static("Ding")),
        ..ResponseOptions::new(Provisional::RINGING)
    };
    for (policy, ringing) in [
        (Policy::new().ring(), "180 Ringing"),
        (Policy::new().progress(own), "180 Ding"),
    ] {
        let mut call = Simulation::new(policy);
        let invite = Draft::invite();
        call.send(&invite);
        let tag = call.receive(ringing).to_tag().map(str::to_owned);
        call.give_up(&invite);
        call.run_until(seconds(1));
        let answers: Vec<_> = call
            .trace()
            .packets()
            .filter_map(|p| Some((p.status()?, p.to_tag())))
            .collect();
        let tag = tag.as_deref();
        assert_eq!(answers, [(180, tag), (200, tag), (487, tag)]);
        call.finish_here();
    }
}

/// §9.2: after a final response CANCEL is answered, and that is all.
#[test]
fn a_cancel_after_the_200_changes_nothing() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.send(&invite.cancel());
    call.send(&invite.in_dialog("ACK", &ok));
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   CANCEL        ------->
        0.0   ACK           ------->
        0.0   BYE           ------->
        0.0   <------------ 200 OK
        0.0                 * Confirmed
        0.0   <------------ 200 OK
        0.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

#[test]
fn a_cancel_after_a_refusal_changes_nothing() {
    let mut call = Simulation::new(Policy::new().reject(offhook_core::message::Rejection::DECLINE));
    let invite = Draft::invite();
    call.send(&invite);
    let decline = call.receive("603 Decline");
    call.send(&invite.cancel());
    call.send(&invite.ack(&decline));
    call.send(&invite.cancel());
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 603 Decline
        0.0   CANCEL        ------->
        0.0   ACK           ------->
        0.0   CANCEL        ------->
        0.0   <------------ 200 OK
        0.0   <------------ 200 OK
        ",
    );
    call.finish();
}

/// §9.2, §17.2.2: a CANCEL has a transaction of its own.
#[test]
fn a_repeated_cancel_gets_the_same_200() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.give_up(&invite);
    call.run_until(seconds(1));
    call.send(&invite.cancel());
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   CANCEL        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <------------ 200 OK
        0.0   <-- 487 Request Terminated
        0.0                 * Cancelled
        0.0   ACK           ------->
        1.0   CANCEL        ------->
        1.0   <------------ 200 OK
        ",
    );
    call.finish();
}

/// §9.2: nothing to cancel.
#[test]
fn a_cancel_without_its_invite_gets_481() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite.cancel().branch("z9hG4bK-early"));
    call.expect(
        "
        0.0   CANCEL        ------->
        0.0   <-- 481 Call/Transaction Does Not Exist
        ",
    );
    call.send(&invite);
    call.send(&invite.cancel().branch("z9hG4bK-another"));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   CANCEL        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <-- 481 Call/Transaction Does Not Exist
        ",
    );
    call.send(
        &invite
            .cancel()
            .set("Via", "SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK-INVITE"),
    );
    let stranger = call.receive("481 Call/Transaction Does Not Exist");
    assert_eq!(stranger.peer.to_string(), "203.0.113.1:5060");
    call.give_up(&invite);
    call.finish_here();
}

/// §15: where the CANCEL is first, there is no answer; where the 200 is, the caller acknowledges
/// it and hangs up.
#[test]
fn the_answer_crosses_the_cancel() {
    let policy = Policy::new().ring().wait(milliseconds(2050)).answer();
    let mut call = Simulation::new(policy).latency(milliseconds(100));
    call.call(Plan::new().give_up_after(seconds(2)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.1                 * Invite
        0.1   <------- 180 Ringing
        2.0   CANCEL        ------->
        2.1   <------------ 200 OK
        2.1   <-- 487 Request Terminated
        2.1                 * Cancelled
        2.2   ACK           ------->
        ",
    );
    call.finish();
    let policy = Policy::new().ring().wait(milliseconds(1950)).answer();
    let mut call = Simulation::new(policy).latency(milliseconds(100));
    call.call(Plan::new().give_up_after(seconds(2)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.1                 * Invite
        0.1   <------- 180 Ringing
        2.0   CANCEL        ------->
        2.05  <------------ 200 OK
        2.1   <------------ 200 OK
        2.15  ACK           ------->
        2.15  BYE           ------->
        2.25                * Confirmed
        2.25  <------------ 200 OK
        2.25                * Ended RemoteBye
        ",
    );
    call.run_until(seconds(3));
    assert_eq!(call.caller(), CallState::Ended);
    call.finish();
}
