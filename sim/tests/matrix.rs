//! The matrix in a size for every day. The whole of it is the example `matrix`.

use std::time::Duration;

use offhook_core::Transport;
use offhook_sim::Direction;
use offhook_sim::matrix::{CallFlow, Case, Schedule, Survey};

#[test]
fn two_faults_and_some_chance_violate_no_rule() {
    let survey = Survey {
        cases: Case::all(),
        most_faults: 2,
        random: 440,
        seed: 1,
        threads: 2,
    };
    let table = survey.run(|_| {});
    println!("{table}");
    let (runs, violations) = table.totals();
    assert_eq!(violations, 0, "{table}\n{:#?}", table.failures());
    assert!(runs > 10_000, "{runs} runs are too few");
}

/// A repetition may come when its transaction is gone: sent just before timer B, F or L, and late.
/// It is a new request then ([RFC 3261 §17.2.3](https://www.rfc-editor.org/rfc/rfc3261#section-17.2.3)), and no rule is violated.
#[test]
fn what_comes_after_the_life_of_its_transaction_is_new() {
    for (flow, schedule, status) in [
        (CallFlow::Merged, "1x,4x,5x,9x,12x,13x,14~", 180),
        (CallFlow::Reinvite, "0x,5x,7x,9x,11~,12~,13x,14x,20~", 481),
    ] {
        let schedule: Schedule = schedule.parse().expect("a schedule");
        let run = Case::scripted(flow, Transport::Udp).run(&schedule);
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
    ] {
        let run = Case::scripted(flow, Transport::Udp).run(&Schedule::Exact(Vec::new()));
        let packets = run.trace.packets();
        let statuses = packets.filter(|packet| packet.direction == Direction::FromServer);
        let statuses = statuses.filter_map(|packet| Some(packet.status()?.to_string()));
        let statuses: Vec<_> = statuses.collect();
        assert_eq!(statuses.join(" "), responses, "{flow}\n{}", run.trace);
    }
}

/// 64·T1.
const LIFE: Duration = Duration::from_secs(32);
