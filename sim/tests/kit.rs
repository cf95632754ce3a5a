//! The kit itself: what it must notice, it notices.

use offhook_core::Transport;
use offhook_core::message::Rejection;
use offhook_sim::{
    Acknowledge, Draft, Fault, Faults, PEER, Plan, Policy, Simulation, milliseconds, seconds,
};

fn refused() -> Simulation {
    let mut call = Simulation::new(Policy::new().reject(Rejection::BUSY_HERE));
    call.call(Plan::new());
    call
}

#[test]
#[should_panic(expected = "this is in no figure")]
fn a_packet_that_is_in_no_figure() {
    refused().finish();
}

#[test]
#[should_panic(expected = "but it was     0.000   <-")]
fn another_packet_than_expected() {
    refused().expect("0.0 INVITE -->\n 0.0 * Invite\n 0.0 <-- 603 Decline");
}

#[test]
#[should_panic(expected = "but it was nothing")]
fn a_packet_that_does_not_come() {
    refused().expect("...\n 0.5 <-- 486 Busy Here");
}

#[test]
#[should_panic(expected = "but it was     0.500   <-")]
fn a_packet_at_another_time() {
    let mut call = Simulation::new(Policy::new().reject(Rejection::BUSY_HERE));
    call.call(Plan::new().acknowledge(Acknowledge::Never));
    call.expect("...\n 0.0 <-- 486 Busy Here\n 0.501 <-- 486 Busy Here");
}

#[test]
#[should_panic(expected = "the tables are not empty")]
fn a_session_that_nobody_ends() {
    let mut call = Simulation::new(Policy::new().answer());
    call.call(Plan::new());
    call.expect("...");
    call.run_out();
    call.finish_here();
}

#[test]
#[should_panic(expected = "a scenario ends with `finish`")]
fn a_scenario_that_is_not_finished() {
    drop(Simulation::new(Policy::new()));
}

#[test]
#[should_panic(expected = "expected 180 Ringing, but the server's last is 486 Busy Here")]
fn another_response_than_the_one_wanted() {
    refused().receive("180 Ringing");
}

/// What is sent twice arrives twice, what is overtaken arrives behind the next, and the ladder
/// shows it.
#[test]
fn faults_are_drawn() {
    let faults = vec![
        (1, Fault::Lose),
        (2, Fault::Overtake),
        (4, Fault::Duplicate),
    ];
    let mut call = Simulation::new(Policy::new()).faults(Faults::Schedule(faults));
    for number in 0..3 {
        let request = Draft::new("OPTIONS").branch(&format!("z9hG4bK-{number}"));
        call.send(&request);
        call.run_until(milliseconds(100 * (number + 1)));
    }
    call.expect(
        "
        0.0   OPTIONS       ------->
        0.0   x------------ 200 OK
        0.1   OPTIONS       ~~~~~~~>
        0.2   OPTIONS       ------->
        0.2   <============ 200 OK
        0.2   <------------ 200 OK
        ",
    );
    let branches = call
        .trace()
        .packets()
        .filter(|packet| packet.status().is_some());
    let branches: Vec<_> = branches.filter_map(|packet| packet.header("Via")).collect();
    assert!(
        branches[1].contains("z9hG4bK-2"),
        "the third request is first"
    );
    assert!(branches[2].contains("z9hG4bK-1"), "the second is behind it");
    let ladder = call.trace().to_string();
    assert!(ladder.contains("    0.100   OPTIONS ~~~"), "{ladder}");
    assert!(
        ladder.contains("<=============================="),
        "{ladder}"
    );
    call.finish();
}

/// A packet that nothing overtakes arrives alone in the end.
#[test]
fn a_packet_waits_four_seconds_at_most() {
    let faults = Faults::Schedule(vec![(0, Fault::Overtake)]);
    let mut call = Simulation::new(Policy::new()).faults(faults);
    call.send(&Draft::new("OPTIONS"));
    call.run_until(seconds(4));
    call.expect(
        "
        0.0   OPTIONS       ~~~~~~~>
        4.0   <------------ 200 OK
        ",
    );
    call.finish();
}

/// What is sent on a stream behind a message that stalls does not arrive before it.
#[test]
fn a_stream_stalls() {
    let faults = Faults::Schedule(vec![(0, Fault::Stall), (3, Fault::Freeze)]);
    let mut call = Simulation::new(Policy::new())
        .over(Transport::Tcp)
        .faults(faults);
    for number in 0..2 {
        let branch = format!("z9hG4bK-{number}");
        call.send(&Draft::new("OPTIONS").via(Transport::Tcp, PEER, &branch));
        call.run_until(milliseconds(500));
    }
    call.expect(
        "
        0.0   OPTIONS       .......>
        0.5   OPTIONS       ------->
        1.2   <------------ 200 OK
        1.2   <:::::::::::: 200 OK
        ",
    );
    call.finish();
}

/// What a transport does not know, it does not do.
#[test]
fn a_stream_loses_nothing() {
    let faults = Faults::Schedule(vec![(0, Fault::Lose), (1, Fault::Duplicate)]);
    let mut call = Simulation::new(Policy::new())
        .over(Transport::Tcp)
        .faults(faults);
    call.send(&Draft::new("OPTIONS").via(Transport::Tcp, PEER, "z9hG4bK-1"));
    call.expect("0.0 OPTIONS -->\n 0.0 <-- 200 OK");
    call.finish();
}

/// A ladder as it is printed can stand in a figure.
#[test]
fn a_ladder_is_a_figure() {
    let mut call = refused();
    call.run_out();
    let ladder = call.trace().to_string();
    let (_, lines) = ladder.split_once('\n').expect("a headline");
    call.expect(lines);
    call.finish();
}
