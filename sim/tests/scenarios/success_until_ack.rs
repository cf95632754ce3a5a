//! A 2xx is repeated until its ACK: RFC 3261 §13.3.1.4.

use offhook_core::Transport;
use offhook_sim::{Acknowledge, CallState, Fault, Faults, Plan, Policy, Simulation, seconds};

/// T1, doubling to T2, for 64·T1; then the session is ended. A hop behind the next one may be UDP,
/// so a stream makes no difference.
#[test]
fn without_an_ack_it_is_repeated_for_32_seconds_and_then_comes_bye() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut call = Simulation::new(Policy::new().answer()).over(transport);
        call.call(Plan::new().acknowledge(Acknowledge::Never));
        call.expect(
            "
             0.0   INVITE        ------->
             0.0                 * Invite
             0.0   <------------ 200 OK
             0.5   <------------ 200 OK
             1.5   <------------ 200 OK
             3.5   <------------ 200 OK
             7.5   <------------ 200 OK
            11.5   <------------ 200 OK
            15.5   <------------ 200 OK
            19.5   <------------ 200 OK
            23.5   <------------ 200 OK
            27.5   <------------ 200 OK
            31.5   <------------ 200 OK
            32.0                 * Terminating NotAcknowledged
            32.0   <------------ BYE
            32.0   200 OK        ------->
            32.0                 * Ended NotAcknowledged
            ",
        );
        assert_eq!(call.caller(), CallState::Ended);
        call.finish();
    }
}

/// §13.2.2.4: each 2xx that comes again is acknowledged again.
#[test]
fn an_ack_that_gets_lost_is_sent_again() {
    let faults = Faults::Schedule(vec![(2, Fault::Lose), (4, Fault::Lose)]);
    let mut call = Simulation::new(Policy::new().answer()).faults(faults);
    call.call(Plan::new().hang_up_after(seconds(5)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------x
        0.5   <------------ 200 OK
        0.5   ACK           ------x
        1.5   <------------ 200 OK
        1.5   ACK           ------->
        1.5                 * Confirmed
        5.0   BYE           ------->
        5.0   <------------ 200 OK
        5.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}

/// One ACK confirms; those that follow it say nothing new.
#[test]
fn a_second_ack_is_absorbed() {
    let faults = Faults::Schedule(vec![(2, Fault::Duplicate)]);
    let mut call = Simulation::new(Policy::new().answer()).faults(faults);
    call.call(Plan::new().hang_up_after(seconds(1)));
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ======>
        0.0                 * Confirmed
        1.0   BYE           ------->
        1.0   <------------ 200 OK
        1.0                 * Ended RemoteBye
        ",
    );
    call.finish();
}
