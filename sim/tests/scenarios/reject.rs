//! The call is refused: RFC 3261 §13.3.1.3, §17.2.1 with timers G, H and I.

use offhook_core::Transport;
use offhook_core::message::{HeaderName, Rejection};
use offhook_sim::{Acknowledge, CallState, Draft, Plan, Policy, Simulation, milliseconds};

fn busy() -> Policy {
    Policy::new().reject(Rejection::BUSY_HERE)
}

#[test]
fn the_caller_acknowledges() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut call = Simulation::new(busy()).over(transport);
        call.call(Plan::new());
        call.expect(
            "
            0.0   INVITE        ------->
            0.0                 * Invite
            0.0   <----- 486 Busy Here
            0.0   ACK           ------->
            ",
        );
        assert_eq!(call.caller(), CallState::Refused(486));
        call.finish();
    }
}

/// Timer G: T1, doubling to T2; timer H: 64·T1.
#[test]
fn without_an_ack_the_response_is_repeated_until_timer_h() {
    let mut call = Simulation::new(busy());
    call.call(Plan::new().acknowledge(Acknowledge::Never));
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <----- 486 Busy Here
         0.5   <----- 486 Busy Here
         1.5   <----- 486 Busy Here
         3.5   <----- 486 Busy Here
         7.5   <----- 486 Busy Here
        11.5   <----- 486 Busy Here
        15.5   <----- 486 Busy Here
        19.5   <----- 486 Busy Here
        23.5   <----- 486 Busy Here
        27.5   <----- 486 Busy Here
        31.5   <----- 486 Busy Here
        32.0                 * NotAcknowledged
        ",
    );
    call.finish();
}

/// §26.3.2.4: an INVITE that somebody else has sent draws one 401, not eleven.
#[test]
fn a_challenge_is_repeated_with_the_invite_alone() {
    let mut call = Simulation::new(Policy::new().reject(Rejection::UNAUTHORIZED));
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(milliseconds(500));
    call.send(&invite);
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <-- 401 Unauthorized
         0.5   INVITE        ------->
         0.5   <-- 401 Unauthorized
        32.0                 * NotAcknowledged
        ",
    );
    call.finish();
}

/// Behind a provisional response no INVITE comes again that could have it.
#[test]
fn a_challenge_behind_a_100_is_repeated_by_itself() {
    let policy = Policy::new().trying().reject(Rejection::UNAUTHORIZED);
    let mut call = Simulation::new(policy);
    let invite = Draft::invite();
    call.send(&invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-------- 100 Trying
        0.0   <-- 401 Unauthorized
        0.5   <-- 401 Unauthorized
        ",
    );
    let unauthorized = call.receive("401 Unauthorized");
    call.send(&invite.ack(&unauthorized));
    call.finish_here();
}

/// §17.2.1: a stream repeats nothing, but the wait for the ACK has its end all the same.
#[test]
fn on_a_stream_the_response_is_not_repeated() {
    let mut call = Simulation::new(busy()).over(Transport::Tcp);
    call.call(Plan::new().acknowledge(Acknowledge::Never));
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <----- 486 Busy Here
        32.0                 * NotAcknowledged
        ",
    );
    call.finish();
}

/// Timer I: for T4 the transaction absorbs what comes late.
#[test]
fn timer_i_absorbs_further_acks() {
    let mut call = Simulation::new(busy());
    let invite = Draft::invite();
    call.send(&invite);
    let response = call.receive("486 Busy Here");
    let ack = invite.ack(&response);
    for _ in 0..3 {
        call.send(&ack);
    }
    call.send(&invite);
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <----- 486 Busy Here
         0.0   ACK           ------->
         0.0   ACK           ------->
         0.0   ACK           ------->
         0.0   INVITE        ------->
        ",
    );
    assert_eq!(call.counts().server_transactions, 1);
    assert_eq!(call.counts().totals.dropped, 0);
    call.run_until(milliseconds(4_999));
    assert_eq!(call.counts().server_transactions, 1);
    call.run_until(offhook_sim::seconds(5));
    assert_eq!(call.counts().server_transactions, 0);
    call.finish();
}

/// §20.10 and §13.3.1.3: a refusal makes no dialog, so it names no contact.
#[test]
fn a_refusal_has_no_contact() {
    let mut call = Simulation::new(Policy::new().ring().reject(Rejection::DECLINE));
    call.call(Plan::new());
    let decline = call.receive("603 Decline");
    assert_eq!(decline.header("Contact"), None);
    assert!(decline.to_tag().is_some());
    assert_eq!(call.counts().sessions, 0, "the early dialog ends at once");
    assert!(!decline.text().contains(HeaderName::Contact.as_str()));
    call.finish_here();
}
