//! The INVITE comes again: RFC 3261 §17.2.1, RFC 6026 §7.1.

use offhook_core::message::Rejection;
use offhook_sim::{Draft, Fault, Faults, Plan, Policy, Simulation, milliseconds, seconds};

/// Proceeding: the last provisional response.
#[test]
fn while_ringing_it_gets_the_last_1xx() {
    let policy = Policy::new().trying().wait(seconds(1)).ring();
    let mut call = Simulation::new(policy);
    let invite = Draft::invite();
    call.send(&invite);
    call.run_until(milliseconds(500));
    call.send(&invite);
    call.run_until(milliseconds(1500));
    call.send(&invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <-------- 100 Trying
        0.5   INVITE        ------->
        0.5   <-------- 100 Trying
        1.0   <------- 180 Ringing
        1.5   INVITE        ------->
        1.5   <------- 180 Ringing
        ",
    );
    call.give_up(&invite);
    call.finish_here();
}

/// Timer A: the caller's INVITE is repeated until it hears anything.
#[test]
fn a_lost_invite_is_repeated_by_the_caller() {
    let faults = Faults::Schedule(vec![(0, Fault::Lose), (1, Fault::Lose), (3, Fault::Lose)]);
    let mut call = Simulation::new(Policy::new().ring().wait(seconds(3)).answer()).faults(faults);
    call.call(Plan::new().hang_up_after(seconds(1)));
    call.expect(
        "
        0.0   INVITE        ------x
        0.5   INVITE        ------x
        1.5   INVITE        ------->
        1.5                 * Invite
        1.5   x------- 180 Ringing
        3.5   INVITE        ------->
        3.5   <------- 180 Ringing
        4.5   <------------ 200 OK
        4.5   ACK           ------->
        4.5                 * Confirmed
        5.5   BYE           ------->
        5.5   <------------ 200 OK
        5.5                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// Accepted: the 2xx is the user agent's to repeat, so the transaction absorbs.
#[test]
fn after_the_200_it_is_absorbed() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite();
    call.send(&invite);
    let ok = call.receive("200 OK");
    call.run_until(milliseconds(100));
    call.send(&invite);
    call.send(&invite.in_dialog("ACK", &ok));
    call.run_until(seconds(10));
    call.send(&invite);
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <------------ 200 OK
         0.1   INVITE        ------->
         0.1   ACK           ------->
         0.1                 * Confirmed
        10.0   INVITE        ------->
        10.0   BYE           ------->
        10.0   <------------ 200 OK
        10.0                 * Ended RemoteBye
        ",
    );
    call.run_until(seconds(20));
    call.send(&invite);
    call.expect("20.0   INVITE   -->");
    call.finish();
}

/// Completed: the final response, and timer G goes on as it was.
#[test]
fn after_a_refusal_it_gets_the_same_refusal() {
    let mut call = Simulation::new(Policy::new().reject(Rejection::BUSY_HERE));
    let invite = Draft::invite();
    call.send(&invite);
    let busy = call.receive("486 Busy Here");
    call.run_until(milliseconds(300));
    call.send(&invite);
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <----- 486 Busy Here
        0.3   INVITE        ------->
        0.3   <----- 486 Busy Here
        0.5   <----- 486 Busy Here
        ",
    );
    call.send(&invite.ack(&busy));
    call.expect("0.5   ACK -->");
    call.finish();
}
