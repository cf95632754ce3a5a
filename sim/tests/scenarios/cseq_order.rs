//! The order of requests inside a dialog: RFC 3261 §12.2.2.

use offhook_sim::{Draft, Policy, Simulation, seconds};

#[test]
fn a_lower_number_gets_500_and_a_gap_is_fine() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite().cseq(100);
    let ok = call.establish(&invite);
    let options = invite.in_dialog("OPTIONS", &ok);
    call.send(&options.clone().cseq(5000).branch("z9hG4bK-gap"));
    call.receive("200 OK");
    call.send(&options.clone().cseq(200).branch("z9hG4bK-lower"));
    let refused = call.receive("500 Server Internal Error");
    let after: u32 = refused
        .header("Retry-After")
        .and_then(|after| after.parse().ok())
        .expect("§21.5.1: Retry-After in seconds");
    assert!(after <= 10);
    call.send(&options.cseq(200).branch("z9hG4bK-lower"));
    let again = call.receive("500 Server Internal Error");
    assert_eq!(refused.bytes, again.bytes, "a repetition gets the same");
    call.hang_up(&invite, &ok);
    call.finish_here();
}

/// §14.2: an INVITE inside the dialog while the one before it is not answered.
#[test]
fn an_overlapping_invite_gets_500_with_retry_after() {
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(1)).answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ringing = call.receive("180 Ringing");
    let again = invite.in_dialog("INVITE", &ringing);
    call.send(&again);
    let refused = call.receive("500 Server Internal Error");
    assert!(refused.header("Retry-After").is_some());
    call.send(&again.ack(&refused));
    call.run_until(seconds(1));
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("ACK", &ok));
    call.hang_up(&invite, &ok);
    call.finish_here();
}
