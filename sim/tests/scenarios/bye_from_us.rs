//! The server hangs up: RFC 3261 §15, §15.1.1, §17.1.2 with timers E, F and K.

use offhook_core::{Transport, message::Header};
use offhook_sim::{
    Acknowledge, CallState, Draft, Fault, Faults, Plan, Policy, Simulation, milliseconds, seconds,
};

#[test]
fn the_server_hangs_up() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let policy = Policy::new().answer().wait(seconds(2)).hang_up();
        let mut call = Simulation::new(policy).over(transport);
        call.call(Plan::new());
        call.expect(
            "
            0.0   INVITE        ------->
            0.0                 * Invite
            0.0   <------------ 200 OK
            0.0   ACK           ------->
            0.0                 * Confirmed
            2.0                 * Terminating LocalBye
            2.0   <------------ BYE
            2.0   200 OK        ------->
            2.0                 * Ended LocalBye
            ",
        );
        assert_eq!(call.caller(), CallState::Ended);
        call.finish();
    }
}

/// §15: the callee must not send BYE before the ACK of its 2xx is here.
#[test]
fn a_bye_waits_for_the_ack() {
    let faults = Faults::Schedule(vec![(2, Fault::Lose)]);
    let mut call = Simulation::new(Policy::new().answer().hang_up()).faults(faults);
    call.call(Plan::new());
    call.expect(
        "
        0.0   INVITE        ------->
        0.0                 * Invite
        0.0   <------------ 200 OK
        0.0   ACK           ------x
        0.5   <------------ 200 OK
        0.5   ACK           ------->
        0.5                 * Confirmed
        0.5                 * Terminating LocalBye
        0.5   <------------ BYE
        0.5   200 OK        ------->
        0.5                 * Ended LocalBye
        ",
    );
    call.finish();
}

/// §15, §13.3.1.4: or for the end of the wait for it. Who asks twice gets one BYE.
#[test]
fn a_bye_that_waits_goes_out_without_the_ack_in_the_end() {
    let mut call = Simulation::new(Policy::new().answer().hang_up().wait(seconds(5)).hang_up());
    call.call(Plan::new().acknowledge(Acknowledge::Never));
    call.expect(
        "
        ...
        31.5   <------------ 200 OK
        32.0                 * Terminating NotAcknowledged
        32.0   <------------ BYE
        32.0   200 OK        ------->
        32.0                 * Ended NotAcknowledged
        ",
    );
    call.finish();
}

/// Timer E: T1, doubling to T2, until the response comes.
#[test]
fn a_lost_bye_is_repeated() {
    let lost = [3, 4, 5, 6, 7].map(|number| (number, Fault::Lose));
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up())
        .faults(Faults::Schedule(lost.to_vec()));
    call.call(Plan::new());
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <------------ 200 OK
         0.0   ACK           ------->
         0.0                 * Confirmed
         1.0                 * Terminating LocalBye
         1.0   x------------ BYE
         1.5   x------------ BYE
         2.5   x------------ BYE
         4.5   x------------ BYE
         8.5   x------------ BYE
        12.5   <------------ BYE
        12.5   200 OK        ------->
        12.5                 * Ended LocalBye
        ",
    );
    call.finish();
}

/// Timer F: 64·T1 without a response, and the session is over (§15.1.1).
#[test]
fn an_unanswered_bye_ends_the_session_too() {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    let invite = Draft::invite();
    call.establish(&invite);
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <------------ 200 OK
         0.0   ACK           ------->
         0.0                 * Confirmed
         1.0                 * Terminating LocalBye
         1.0   <------------ BYE
         1.5   <------------ BYE
         2.5   <------------ BYE
         4.5   <------------ BYE
         8.5   <------------ BYE
        12.5   <------------ BYE
        16.5   <------------ BYE
        20.5   <------------ BYE
        24.5   <------------ BYE
        28.5   <------------ BYE
        32.5   <------------ BYE
        33.0                 * Ended ByeUnanswered
        ",
    );
    call.finish();
}

/// On a stream nothing is repeated; timer F runs all the same.
#[test]
fn an_unanswered_bye_on_a_stream_is_sent_once() {
    let policy = Policy::new().answer().wait(seconds(1)).hang_up();
    let mut call = Simulation::new(policy).over(Transport::Tcp);
    let invite = Draft::invite();
    call.establish(&invite);
    call.expect(
        "
         0.0   INVITE        ------->
         0.0                 * Invite
         0.0   <------------ 200 OK
         0.0   ACK           ------->
         0.0                 * Confirmed
         1.0                 * Terminating LocalBye
         1.0   <------------ BYE
        33.0                 * Ended ByeUnanswered
        ",
    );
    call.finish();
}

/// §17.1.2.2: a provisional response slows the repetitions down to T2.
#[test]
fn a_provisional_response_slows_the_repetitions_down() {
    let mut call = Simulation::new(Policy::new().answer().wait(seconds(1)).hang_up());
    let invite = Draft::invite();
    call.establish(&invite);
    call.run_until(milliseconds(1100));
    let bye = call.receive("BYE");
    call.send_from(offhook_sim::PEER, bye.response("100 Trying"));
    call.expect("...");
    call.expect(
        "
        1.5   <------------ BYE
        5.5   <------------ BYE
        9.5   <------------ BYE
        ",
    );
    call.send_from(
        offhook_sim::PEER,
        bye.response("481 Call/Transaction Does Not Exist"),
    );
    call.expect(
        "
        9.5   481 Call/Transaction Does Not Exist -->
        9.5                 * Ended LocalBye
        ",
    );
    call.finish();
}

/// Timer K: for T4 the transaction absorbs repetitions of the response, which mean nothing.
#[test]
fn a_repeated_response_is_absorbed() {
    let faults = Faults::Schedule(vec![(4, Fault::Duplicate)]);
    let policy = Policy::new().answer().wait(seconds(1)).hang_up();
    let mut call = Simulation::new(policy).faults(faults);
    call.call(Plan::new());
    call.expect(
        "
        ...
        1.0                 * Terminating LocalBye
        1.0   <------------ BYE
        1.0   200 OK        ======>
        1.0                 * Ended LocalBye
        ",
    );
    assert_eq!(call.counts().totals.dropped, 0);
    call.run_until(milliseconds(5999));
    assert_eq!(call.counts().client_transactions, 1);
    call.run_until(seconds(6));
    assert_eq!(call.counts().client_transactions, 0);
    call.finish();
}

/// §12.2.1.1: what a request inside the dialog says.
#[test]
fn the_bye_is_a_request_inside_the_dialog() {
    let mut call = Simulation::new(Policy::new().answer());
    call.call(Plan::new());
    let ok = call.receive("200 OK");
    call.run_until(seconds(1));
    let session = call.session();
    let reason = Header::new("Reason", "SIP;cause=200;text=\"Enough\"").expect("a header");
    call.core(|core, now| core.session(now, session).map(|it| it.bye(vec![reason])));
    let bye = call.receive("BYE");
    let line = bye.text().lines().next().map(str::to_owned);
    assert_eq!(
        line.as_deref(),
        Some("BYE sip:alice@192.0.2.1:5060 SIP/2.0")
    );
    assert_eq!(bye.header("From"), ok.header("To"));
    assert_eq!(bye.header("To"), ok.header("From"));
    assert_eq!(bye.header("Call-ID"), ok.header("Call-ID"));
    assert_eq!(bye.header("CSeq"), Some("1 BYE"));
    assert_eq!(bye.header("Max-Forwards"), Some("70"));
    assert_eq!(bye.header("Reason"), Some("SIP;cause=200;text=\"Enough\""));
    assert_eq!(bye.header("Route"), None);
    let via = bye.header("Via").unwrap_or_default();
    assert!(
        via.starts_with("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK"),
        "{via}"
    );
    assert!(via.ends_with(";rport"), "{via}");
    call.finish_here();
}
