//! Which transaction a request belongs to: RFC 3261 §17.2.3.

use offhook_core::Transport;
use offhook_core::message::Rejection;
use offhook_sim::{Draft, PEER, Policy, Simulation};

/// The branch alone does not name a transaction: sent-by does too.
#[test]
fn the_same_branch_of_another_sender_is_another_transaction() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite().branch("z9hG4bK-same");
    let other = invite
        .clone()
        .via(Transport::Udp, "203.0.113.1:5070", "z9hG4bK-same")
        .set("Call-ID", "another");
    call.send(&invite);
    call.send(&other);
    call.receive("180 Ringing");
    assert_eq!(call.counts().invites, 2);
    call.give_up(&invite);
    assert_eq!(call.counts().invites, 1, "the CANCEL ends the one it names");
    call.give_up(&other);
    call.finish_here();
}

/// Nor does another method belong to it, but for ACK and CANCEL.
#[test]
fn another_method_with_the_same_branch_is_another_transaction() {
    let mut call = Simulation::new(Policy::new().ring());
    let invite = Draft::invite().branch("z9hG4bK-same");
    call.send(&invite);
    call.receive("180 Ringing");
    call.send(&Draft::new("OPTIONS").branch("z9hG4bK-same"));
    let options = call.receive("200 OK");
    assert_eq!(options.header("CSeq"), Some("1 OPTIONS"));
    call.give_up(&invite);
    call.finish_here();
}

/// sent-by has no case, and of two Via values in one line the first counts.
#[test]
fn the_topmost_via_names_the_transaction() {
    let mut call = Simulation::new(Policy::new().ring());
    let via = |host: &str, second: &str| {
        let first = format!("SIP/2.0/UDP {host};rport;branch=z9hG4bK-first");
        Draft::invite().set("Via", &format!("{first}, SIP/2.0/UDP b;branch={second}"))
    };
    call.send(&via("Alice.example.com", "z9hG4bK-second"));
    call.receive("180 Ringing");
    let again = via("alice.EXAMPLE.com", "z9hG4bK-third");
    call.send(&again);
    call.receive("180 Ringing");
    assert_eq!(call.counts().totals.repeated_requests, 1, "from {PEER}");
    call.give_up(&again);
    call.finish_here();
}

/// The response to a long request is long. Nobody has it sent again for a few octets, and by a Via that leads to another.
#[test]
fn a_short_request_with_the_branch_of_a_long_one_gets_nothing() {
    let mut call = Simulation::new(Policy::new().reject(Rejection::BUSY_HERE));
    let proxy = format!("SIP/2.0/UDP b;branch={}", "x".repeat(50_000));
    let invite = Draft::invite().add("Via", &proxy);
    call.send(&invite);
    let busy = call.receive("486 Busy Here");
    assert!(busy.bytes.len() > 50_000);
    call.send(&Draft::invite());
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <----- 486 Busy Here
        0.0   INVITE        ------->
        ",
    );
    assert_eq!(call.counts().totals.dropped, 1);
    call.send(&invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0   <----- 486 Busy Here
        ",
    );
    call.send(&invite.ack(&busy));
    call.finish_here();
}
