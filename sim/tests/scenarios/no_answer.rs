//! A call that nobody answers has its end: RFC 3261 §13.3.1, §13.3.1.1.

use offhook_sim::{Draft, Plan, Policy, Simulation, seconds};

#[test]
fn a_call_that_rings_for_three_minutes_gets_480() {
    let mut call = Simulation::new(Policy::new().trying().wait(seconds(1)).ring());
    call.call(Plan::new());
    call.expect(
        "
          0.0   INVITE        ------->
          0.0                 * Invite
          0.0   <-------- 100 Trying
          1.0   <------- 180 Ringing
         61.0   <------- 180 Ringing
        121.0   <------- 180 Ringing
        180.0   <-- 480 Temporarily Unavailable
        180.0                 * InviteEnded NoAnswer
        180.0   ACK           ------->
        ",
    );
    call.finish();
}

#[test]
fn a_call_that_is_left_alone_gets_480_too() {
    let mut call = Simulation::new(Policy::new());
    call.call(Plan::new());
    call.expect(
        "
          0.0   INVITE        ------->
          0.0                 * Invite
          0.2   <-------- 100 Trying
        180.0   <-- 480 Temporarily Unavailable
        180.0                 * InviteEnded NoAnswer
        180.0   ACK           ------->
        ",
    );
    call.finish();
}

/// §13.3.1: the time in Expires is over.
#[test]
fn an_expired_invitation_gets_487() {
    for (expires, waiting) in [("20", "20.0"), ("0", "0.0")] {
        let mut call = Simulation::new(Policy::new().ring());
        let invite = Draft::invite().set("Expires", expires);
        call.send(&invite);
        call.expect(&format!(
            "
            0.0        INVITE        ------->
            0.0                      * Invite
            0.0        <------- 180 Ringing
            {waiting}  <-- 487 Request Terminated
            {waiting}                * InviteEnded Expired
            "
        ));
        let terminated = call.receive("487 Request Terminated");
        call.send(&invite.ack(&terminated));
        call.expect(&format!("{waiting}   ACK -->"));
        call.finish();
    }
}

/// An answer in time makes Expires mean nothing.
#[test]
fn an_answered_invitation_does_not_expire() {
    let mut call = Simulation::new(Policy::new().answer());
    let invite = Draft::invite().set("Expires", "5");
    let ok = call.establish(&invite);
    call.expect("...");
    call.run_until(seconds(300));
    call.send(&invite.in_dialog("BYE", &ok));
    call.expect(
        "
        300.0   BYE           ------->
        300.0   <------------ 200 OK
        300.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// Calls that are over leave no timer behind, whatever their Expires, and however long other calls ring.
#[test]
fn a_call_that_is_over_leaves_no_timer() {
    let mut call = Simulation::new(Policy::new());
    call.send(&Draft::invite().add("Expires", "170"));
    for number in 0..50 {
        let id = format!("other{number}");
        let other = Draft::invite().add("Expires", EXPIRES[number % EXPIRES.len()]);
        let other = other.set("Call-ID", &id).branch(&format!("z9hG4bK-{id}"));
        call.send(&other);
        call.send(&other.cancel());
    }
    call.run_until(seconds(100));
    assert_eq!(call.counts().invites, 1);
    assert_eq!(call.counts().timers, 1, "its own");
    call.run_out();
    call.finish_here();
}

/// A short one, one right before our own end, and one that never comes to pass.
const EXPIRES: [&str; 3] = ["100", "179", "4294967295"];
