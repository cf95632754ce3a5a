//! 100 Trying goes out by itself after 200 ms: RFC 3261 §17.2.1, §8.2.6.1.

use offhook_core::Transport;
use offhook_sim::{Draft, Policy, Simulation, milliseconds, seconds};

#[test]
fn an_invite_that_gets_nothing_else_gets_100_after_200_ms() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut call =
            Simulation::new(Policy::new().wait(milliseconds(201)).ring()).over(transport);
        let invite = Draft::invite().add("Timestamp", "54.21");
        call.send(&invite);
        call.expect(
            "
            0.0     INVITE        ------->
            0.0                   * Invite
            0.200   <-------- 100 Trying
            ",
        );
        let trying = call.receive("100 Trying");
        assert_eq!(trying.to_tag(), None);
        assert_eq!(trying.header("Timestamp"), Some("54.21"), "§8.2.6.1");
        assert_eq!(trying.header("Contact"), None, "it makes no dialog");
        assert_eq!(call.counts().sessions, 0);
        call.expect("0.201   <------- 180 Ringing");
        let ringing = call.receive("180 Ringing");
        assert_eq!(ringing.header("Timestamp"), None);
        call.give_up(&invite);
        call.finish_here();
    }
}

#[test]
fn an_invite_that_got_something_else_gets_none() {
    for policy in [Policy::new().ring(), Policy::new().trying()] {
        let mut call = Simulation::new(policy);
        let invite = Draft::invite();
        call.send(&invite);
        call.expect("...");
        call.run_until(seconds(30));
        call.give_up(&invite);
        call.expect(
            "
            30.0   CANCEL        ------->
            30.0   <------------ 200 OK
            30.0   <-- 487 Request Terminated
            30.0                 * Cancelled
            30.0   ACK           ------->
            ",
        );
        call.finish();
    }
}

/// The answer at 200 ms exactly: the server's timer is first.
#[test]
fn a_call_answered_at_once_gets_no_100() {
    let mut call = Simulation::new(Policy::new().wait(milliseconds(199)).answer());
    call.call(offhook_sim::Plan::new().hang_up_after(seconds(1)));
    call.expect(
        "
        0.0     INVITE        ------->
        0.0                   * Invite
        0.199   <------------ 200 OK
        0.199   ACK           ------->
        0.199                 * Confirmed
        1.199   BYE           ------->
        1.199   <------------ 200 OK
        1.199                 * Ended RemoteBye
        ",
    );
    call.finish();
}
