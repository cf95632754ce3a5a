//! The caller hangs up: RFC 3261 §15.1.2, §17.2.2 with timer J.

use offhook_core::Transport;
use offhook_sim::{
    Acknowledge, Draft, Fault, Faults, Plan, Policy, Simulation, milliseconds, seconds,
};

/// Timer J: a BYE that comes again gets the same 200.
#[test]
fn a_lost_200_is_sent_again_for_the_bye_that_comes_again() {
    let faults = Faults::Schedule(vec![(4, Fault::Lose), (6, Fault::Lose)]);
    let mut call = Simulation::new(Policy::new().answer()).faults(faults);
    call.call(Plan::new().hang_up_after(seconds(1)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.0                 * Confirmed
        1.0   BYE           ------->
        1.0   x------------ 200 OK
        1.0                 * Ended RemoteBye
        1.5   BYE           ------->
        1.5   x------------ 200 OK
        2.5   BYE           ------->
        2.5   <------------ 200 OK
        ",
    );
    call.finish();
}

/// Timer J is 64·T1 on datagrams and 0 on a stream.
#[test]
fn the_transaction_of_a_bye_lives_as_long_as_repetitions_may_come() {
    for (transport, lives) in [(Transport::Udp, true), (Transport::Tcp, false)] {
        let mut call = Simulation::new(Policy::new().answer()).over(transport);
        call.call(Plan::new().hang_up_after(seconds(1)));
        call.run_until(milliseconds(32_999));
        assert_eq!(call.counts().server_transactions == 1, lives);
        call.run_until(seconds(33));
        assert_eq!(call.counts().server_transactions, 0);
        call.finish_here();
    }
}

/// §15: a caller that may hang up before its ACK is here ends the repetitions of the 200.
#[test]
fn a_bye_before_the_ack_ends_the_session() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.send(&invite.in_dialog("BYE", &ok));
    call.send(&invite.in_dialog("ACK", &ok));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   BYE           ------->
        0.0   ACK           ------->
        0.0   <------------ 200 OK
        0.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// The ACK is lost for good, the BYE comes: nothing is repeated after it.
#[test]
fn a_caller_that_never_acknowledges_may_hang_up() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.run_until(seconds(1));
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.5   <------------ 200 OK
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// An ACK with the INVITE's branch and a BYE right behind it.
#[test]
fn the_caller_hangs_up_at_once() {
    let mut call = Simulation::new(Policy::new().answer());
    let plan = Plan::new().acknowledge(Acknowledge::WithInviteBranch);
    call.call(plan.hang_up_after(seconds(0)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------->
        0.0                 * Confirmed
        0.0   BYE           ------->
        0.0   <------------ 200 OK
        0.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}
