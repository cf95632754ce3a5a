//! Calls over a bad network: every schedule of a few faults, and schedules by chance.

use offhook_core::message::Rejection;
use offhook_sim::{
    CallState, Fault, Faults, Plan, Policy, Simulation, Verdict, every_schedule, milliseconds,
    seconds,
};

/// A policy and a plan, and how such a call may end for its caller.
fn calls() -> Vec<(&'static str, Policy, Plan)> {
    let ring = Policy::new().ring().wait(seconds(2));
    let hang_up = Plan::new().hang_up_after(seconds(3));
    vec![
        ("answer", Policy::new().answer(), hang_up.clone()),
        ("ring", ring.clone().answer(), hang_up.clone()),
        (
            "early",
            Policy::new().early_answer().wait(seconds(2)).answer(),
            hang_up.clone(),
        ),
        (
            "reject",
            Policy::new().reject(Rejection::BUSY_HERE),
            Plan::new(),
        ),
        (
            "redirect",
            Policy::new().redirect(&[("sip:a@b", 1000)]),
            Plan::new(),
        ),
        (
            "cancel",
            ring.clone(),
            Plan::new().give_up_after(seconds(1)),
        ),
        (
            "crossing",
            ring.answer(),
            Plan::new().give_up_after(seconds(2)),
        ),
        (
            "at once",
            Policy::new().answer(),
            Plan::new().hang_up_after(seconds(0)),
        ),
        (
            "callee",
            Policy::new().answer().wait(seconds(2)).hang_up(),
            Plan::new(),
        ),
        ("no offer", Policy::new().answer(), hang_up.without_offer()),
    ]
}

fn run(policy: &Policy, plan: &Plan, faults: Faults) -> Verdict {
    let call = Simulation::new(policy.clone());
    let mut call = call.latency(milliseconds(20)).faults(faults);
    call.call(plan.clone());
    call.verdict()
}

#[track_caller]
fn assert_good(name: &str, verdict: &Verdict) {
    let Verdict {
        violations,
        caller,
        trace,
        ..
    } = verdict;
    assert!(violations.is_empty(), "{name}: {violations:?}\n{trace}");
    let is_over = matches!(
        caller,
        Some(CallState::Ended | CallState::Refused(_) | CallState::TimedOut)
    );
    assert!(is_over, "{name}: the caller is left {caller:?}\n{trace}");
}

#[test]
fn every_schedule_of_two_faults() {
    for (name, policy, plan) in calls() {
        let runs = every_schedule(2, &Fault::DATAGRAM, |schedule| {
            let verdict = run(&policy, &plan, Faults::Schedule(schedule.to_vec()));
            assert_good(name, &verdict);
            verdict.trace.packet_count()
        });
        assert!(runs > 50, "{name}: {runs} runs are too few");
    }
}

#[test]
fn a_third_of_all_packets_gets_lost() {
    for (name, policy, plan) in calls() {
        for seed in 0..50 {
            assert_good(name, &run(&policy, &plan, Faults::random(seed, 33, 10, 10)));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_octets() {
    let octets = |seed| {
        let policy = Policy::new().ring().wait(seconds(2)).answer();
        let plan = Plan::new().hang_up_after(seconds(3));
        let verdict = run(&policy, &plan, Faults::random(seed, 33, 10, 10));
        let packets = verdict.trace.packets().map(|packet| packet.bytes.clone());
        (verdict.trace.to_string(), packets.collect::<Vec<_>>())
    };
    assert_eq!(octets(1), octets(1));
    assert_ne!(octets(1), octets(2));
}
