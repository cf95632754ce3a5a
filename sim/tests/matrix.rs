//! The matrix in a size for every day. The whole of it is the example `matrix`.

use std::time::Duration;

use offhook_core::Transport;
use offhook_sim::Direction;
use offhook_sim::matrix::{CallFlow, Case, Schedule, Survey};

#[test]
fn two_faults_in_short_calls_violate_no_rule() {
    let (short, _) = cases();
    assert_good(short, 2, 10_000);
}

#[test]
fn one_fault_and_some_chance_violate_no_rule() {
    let (_, long) = cases();
    assert_good(long, 1, 2_000);
}

/// The calls of a few datagrams, and all others.
fn cases() -> (Vec<Case>, Vec<Case>) {
    let none = Schedule::Exact(Vec::new());
    Case::all().into_iter().partition(|case| {
        let is_short = || case.run(&none).trace.packet_count() <= 8;
        case.transport == Transport::Udp && is_short()
    })
}

#[track_caller]
fn assert_good(cases: Vec<Case>, most_faults: usize, least: usize) {
    let survey = Survey {
        random: cases.len() * 8,
        cases,
        most_faults,
        seed: 1,
        threads: 2,
    };
    let table = survey.run(|_| {});
    println!("{table}");
    let (runs, violations) = table.totals();
    assert_eq!(violations, 0, "{table}\n{:#?}", table.failures());
    assert!(runs > least, "{runs} runs are too few");
}

/// A repetition may come when its transaction is gone: sent just before timer B, F or L, and late.
/// It is a new request then ([RFC 3261 §17.2.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.3)), and no rule is violated.
#[test]
fn what_comes_after_the_life_of_its_transaction_is_new() {
    let scripted = |flow| Case::scripted(flow, Transport::Udp);
    let between_cores = |flow| Case::between_cores(flow, Transport::Udp);
    for (case, schedule, status) in [
        (scripted(CallFlow::Merged), "1x,4x,5x,9x,12x,13x,14~", 180),
        (
            scripted(CallFlow::Reinvite),
            "0x,5x,7x,9x,11~,12~,13x,14x,20~",
            481,
        ),
        (
            between_cores(CallFlow::ByeCrossing),
            "1x,5x,9x,10x,11x,13x,15x,16x,17x,18x,20x,21~",
            481,
        ),
        (
            between_cores(CallFlow::ReinviteByCallee),
            "1x,3x,5x,9x,10x,11x,12=,15=,16x,17x,18x,19x,20=,22~",
            481,
        ),
    ] {
        let schedule: Schedule = schedule.parse().expect("a schedule");
        let run = case.run(&schedule);
        assert_eq!(run.violations, [""; 0], "{}", run.trace);
        let mut packets = run.trace.packets();
        let late = packets.find(|packet| packet.status() == Some(status) && packet.at > LIFE);
        assert!(late.is_some(), "{}", run.trace);
    }
}

/// What goes wrong is boiled down to what it needs.
#[test]
fn a_schedule_that_is_harmless_is_left_as_it_is() {
    let schedule: Schedule = "seed:17@30".parse().expect("a schedule");
    let case = Case::scripted(CallFlow::Answer, Transport::Udp);
    assert_eq!(case.run(&schedule).violations, [""; 0]);
    assert_eq!(case.shrink(&schedule), schedule);
}

/// Without a fault each flow is what its name says.
#[test]
fn every_flow_is_what_it_is_called() {
    for (flow, responses) in [
        (CallFlow::Answer, "200 200"),
        (CallFlow::SlowAnswer, "100 200 200"),
        (CallFlow::Ring, "180 200 200"),
        (CallFlow::ReliableRing, "180 200 200 200"),
        (CallFlow::EarlyAnswer, "183 200 200"),
        (CallFlow::ReliableEarlyAnswer, "183 200 200 200"),
        (CallFlow::HeldAnswer, "183 200 200 200"),
        (CallFlow::OfferInPrack, "183 200 200 200"),
        (CallFlow::Reject, "486"),
        (CallFlow::Redirect, "302"),
        (CallFlow::Cancel, "180 200 487"),
        (CallFlow::Crossing, "180 200 200 200"),
        (CallFlow::HangUpAtOnce, "200 200"),
        (CallFlow::CalleeHangsUp, "200"),
        (CallFlow::NoOffer, "200 200"),
        (CallFlow::NoOfferReliable, "183 200 200 200"),
        (CallFlow::Merged, "180 482 200 200"),
        (CallFlow::Reinvite, "200 200 200"),
        (CallFlow::ReinviteRefused, "200 488 200"),
        (CallFlow::Glare, "200 491 200 200"),
        (CallFlow::UpdateEarly, "183 200 200 200 200"),
        (CallFlow::Transfer, "200 202 200"),
    ] {
        let run = Case::scripted(flow, Transport::Udp).run(&Schedule::Exact(Vec::new()));
        let packets = run.trace.packets();
        let statuses = packets.filter(|packet| packet.direction == Direction::FromServer);
        let statuses = statuses.filter_map(|packet| Some(packet.status()?.to_string()));
        let statuses: Vec<_> = statuses.collect();
        assert_eq!(statuses.join(" "), responses, "{flow}\n{}", run.trace);
    }
}

/// Without a fault the server asks for what the name says.
#[test]
fn every_flow_asks_for_what_it_is_called() {
    for (flow, by_script, by_core) in [
        (CallFlow::ReinviteByCallee, "INVITE ACK", "INVITE ACK"),
        (CallFlow::AskByCallee, "INVITE ACK", "INVITE ACK"),
        (CallFlow::UpdateByCallee, "UPDATE", "UPDATE"),
        (
            CallFlow::Glare,
            "INVITE ACK INVITE ACK",
            "INVITE ACK INVITE ACK",
        ),
        (
            CallFlow::HoldByCallee,
            "INVITE ACK INVITE ACK",
            "INVITE ACK INVITE ACK",
        ),
        (
            CallFlow::RefreshByCallee,
            "INVITE ACK INVITE ACK",
            "UPDATE UPDATE",
        ),
        (
            CallFlow::Transfer,
            "NOTIFY NOTIFY NOTIFY",
            "NOTIFY NOTIFY NOTIFY",
        ),
        (CallFlow::MixedGlare, "UPDATE UPDATE", "UPDATE UPDATE"),
        (CallFlow::TransferByCallee, "REFER", "REFER"),
        (CallFlow::ByeBeforeNotify, "REFER", "REFER"),
        (CallFlow::ByeCrossing, "BYE", "BYE"),
        (CallFlow::ByeCrossesReinvite, "INVITE ACK", "INVITE ACK"),
        (CallFlow::ReinviteCrossesBye, "BYE", "BYE"),
    ] {
        for (case, methods) in [
            (Case::scripted(flow, Transport::Udp), by_script),
            (Case::between_cores(flow, Transport::Udp), by_core),
        ] {
            let run = case.run(&Schedule::Exact(Vec::new()));
            let packets = run.trace.packets();
            let requests =
                packets.filter(|it| it.direction == Direction::FromServer && it.status().is_none());
            let requests: Vec<_> = requests.map(offhook_sim::Packet::label).collect();
            assert_eq!(requests.join(" "), methods, "{case}\n{}", run.trace);
        }
    }
}

/// Without a fault both early UPDATEs are refused once. The callee sends its own again, and that of the caller gives way.
#[test]
fn early_updates_that_meet_get_491_each() {
    let case = Case::between_cores(CallFlow::EarlyGlare, Transport::Udp);
    let run = case.run(&Schedule::Exact(Vec::new()));
    for (direction, updated) in [(Direction::FromServer, 2), (Direction::ToServer, 1)] {
        let packets = run.trace.packets();
        let sent: Vec<_> = packets.filter(|it| it.direction == direction).collect();
        let updates = sent.iter().filter(|packet| packet.label() == "UPDATE");
        assert_eq!(updates.count(), updated, "{case}\n{}", run.trace);
        let pending = sent.iter().filter(|packet| packet.status() == Some(491));
        assert_eq!(pending.count(), 1, "{case}\n{}", run.trace);
    }
}

/// 64·T1.
const LIFE: Duration = Duration::from_secs(32);
