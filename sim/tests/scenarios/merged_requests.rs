//! The same request by two ways: RFC 3261 §8.2.2.2.

use offhook_sim::{Draft, Policy, Simulation, seconds};

#[test]
fn the_second_copy_gets_482() {
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(1)).answer());
    let invite = Draft::invite();
    let copy = invite.clone().branch("z9hG4bK-other-way");
    call.send(&invite);
    call.send(&copy);
    let detected = call.receive("482 Loop Detected");
    call.send(&copy.ack(&detected));
    call.run_until(seconds(1));
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------- 180 Ringing
        0.0   <-- 482 Loop Detected
        0.0   ACK           ------->
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

/// As long as the transaction of the first lives, the final response given or not.
#[test]
fn a_late_copy_gets_482_too() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    let ok = call.establish(&invite);
    call.run_until(seconds(10));
    call.send(&invite.clone().branch("z9hG4bK-other-way"));
    call.receive("482 Loop Detected");
    call.send(&invite.in_dialog("BYE", &ok));
    call.finish_here();
}

/// What differs in tag, Call-ID, number or method is another request; what has the same branch is
/// the same one.
#[test]
fn another_request_is_not_merged() {
    let invite = Draft::invite();
    for other in [
        invite
            .clone()
            .set("From", "<sip:alice@example.com>;tag=another"),
        invite.clone().set("Call-ID", "another"),
        invite.clone().cseq(2),
    ] {
        let mut call = Simulation::new(Policy::new().ring());
        let other = other.branch("z9hG4bK-other");
        call.send(&invite);
        call.send(&other);
        call.receive("180 Ringing");
        assert_eq!(call.counts().invites, 2);
        for invite in [&invite, &other] {
            call.give_up(invite);
        }
        call.finish_here();
    }
}

/// The number of an INVITE says nothing of a request with another method, and an ACK is not asked.
#[test]
fn another_method_is_not_merged() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite();
    call.send(&invite);
    call.receive("180 Ringing");
    call.send(&Draft::new("OPTIONS"));
    call.receive("200 OK");
    let before = call.trace().packet_count();
    call.send(&Draft::new("ACK").branch("z9hG4bK-other-ack"));
    call.run_until(seconds(1));
    assert_eq!(
        call.trace().packet_count(),
        before + 1,
        "an ACK is not answered"
    );
    call.give_up(&invite);
    call.finish_here();
}
