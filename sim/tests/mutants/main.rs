//! The checker is checked: servers that are broken, each in one way, and the rule of the matrix
//! that finds it out.
//!
//! What breaks them stands between the core and the network ([`Mutant`]), so the core has no code
//! for it.

mod aliases;
mod broken;
mod inside;
mod misbehaving;
mod repeaters;

use offhook_core::Transport;
use offhook_sim::matrix::{CallFlow, Case, Run, Schedule};
use offhook_sim::{End, Fault, Mutant, every_schedule};

use aliases::Alias;
use broken::{Broken, Phantom};
use repeaters::Repeater;

/// Runs a flow under every schedule of one fault, with a mutant of its own each time. A run must
/// violate the rule that these words belong to.
#[track_caller]
fn assert_caught<M: Mutant + 'static>(flow: CallFlow, rule: &str, mutant: impl Fn() -> M) {
    let case = Case::scripted(flow, Transport::Udp);
    assert_violation(rule, |schedule| {
        case.run_broken(schedule, End::Server, Box::new(mutant()))
    });
}

/// The same for a caller that is a core.
#[track_caller]
fn assert_client_caught<M: Mutant + 'static>(flow: CallFlow, rule: &str, mutant: impl Fn() -> M) {
    let case = Case::between_cores(flow, Transport::Udp);
    assert_violation(rule, |schedule| {
        case.run_broken(schedule, End::Client, Box::new(mutant()))
    });
}

#[track_caller]
fn assert_violation(rule: &str, run: impl Fn(&Schedule) -> Run) {
    let mut caught = 0;
    let mut other = Vec::new();
    let runs = every_schedule(&mut Vec::new(), 1, &Fault::DATAGRAM, &mut |schedule| {
        let schedule = Schedule::Exact(schedule.to_vec());
        let Run {
            violations, trace, ..
        } = run(&schedule);
        caught += usize::from(violations.iter().any(|violation| violation.contains(rule)));
        other.extend(violations);
        trace.packet_count()
    });
    assert!(
        caught > 0,
        "no violation of {rule:?} in {runs} runs, but {other:#?}"
    );
}

/// RFC 3261 §13.3.1.4.
#[test]
fn no_2xx_retransmission() {
    assert_caught(CallFlow::Answer, "§13.3.1.4 wants", || {
        Broken::repetitions_of("SIP/2.0 200", "INVITE")
    });
}

/// RFC 3261 §13.3.1.4.
#[test]
fn a_2xx_retransmitted_for_ever() {
    let case = Case::scripted(CallFlow::Answer, Transport::Udp);
    let schedule = Schedule::Exact(Vec::new());
    let run = case.run_broken(&schedule, End::Server, Box::new(Repeater::for_ever()));
    for rule in ["there is no end to this", "§13.3.1.4 wants []"] {
        let mut violations = run.violations.iter();
        assert!(
            violations.any(|violation| violation.contains(rule)),
            "{rule}"
        );
    }
}

/// RFC 3261 §13.3.1.4.
#[test]
fn an_ack_ignored() {
    assert_caught(CallFlow::Answer, "§13.3.1.4 wants []", Broken::deaf_to_ack);
}

/// RFC 3261 §9.2, §17.2.1.
#[test]
fn a_487_after_the_200() {
    let rule = "another response follows a final one";
    assert_caught(
        CallFlow::Crossing,
        rule,
        Broken::terminating_what_is_answered,
    );
}

/// RFC 3261 §12.3.
#[test]
fn a_dialog_never_removed() {
    assert_caught(CallFlow::Answer, "the tables are not empty", || Phantom);
}

/// RFC 3261 §8.2.6.2.
#[test]
fn a_wrong_to_tag_in_a_later_response() {
    let rule = "the To tag is not that of the response before";
    assert_caught(CallFlow::Ring, rule, Broken::with_another_tag_in_the_200);
}

/// RFC 3261 §9.2.
#[test]
fn the_200_to_cancel_missing() {
    assert_caught(CallFlow::Cancel, "the CANCEL that came at", || {
        Broken::without("SIP/2.0 200", "CANCEL")
    });
}

/// RFC 3261 §17.2.1.
#[test]
fn timer_g_at_constant_t1() {
    assert_caught(
        CallFlow::RejectNoAck,
        "§17.2.1 wants",
        Repeater::constant_timer_g,
    );
}

/// RFC 3261 §13.3.1.4.
#[test]
fn a_bye_not_sent_after_64_t1() {
    assert_caught(CallFlow::NoAck, "and BYE comes at None", || {
        Broken::without("BYE ", "BYE")
    });
}

/// RFC 3261 §17.2.1.
#[test]
fn an_invite_repetition_answered_afresh() {
    let rule = "the To tag is not that of the response before";
    assert_caught(CallFlow::Ring, rule, || Alias::of_repeated("INVITE"));
}

/// RFC 3261 §17.1.1.3.
#[test]
fn a_response_to_an_ack() {
    assert_caught(
        CallFlow::Reject,
        "an ACK is answered",
        Broken::answering_ack,
    );
}

/// RFC 3262 §3.
#[test]
fn a_reliable_1xx_never_repeated() {
    assert_caught(CallFlow::ReliableRing, "RFC 3262 §3 wants", || {
        Broken::repetitions_of("SIP/2.0 180", "INVITE")
    });
}

/// RFC 3262 §3.
#[test]
fn no_504_without_a_prack() {
    assert_caught(CallFlow::NoPrack, "no 504 comes then", || {
        Broken::without("SIP/2.0 504", "INVITE")
    });
}

/// RFC 3261 §13.2.1.
#[test]
fn a_2xx_without_a_session_description() {
    let rule = "the session is not described";
    assert_caught(CallFlow::Answer, rule, Broken::without_bodies);
}

/// RFC 3262 §3.
#[test]
fn a_2xx_not_held_for_the_prack() {
    let rule = "does not wait for the PRACK";
    assert_caught(CallFlow::HeldAnswer, rule, Broken::acknowledging_itself);
}

/// RFC 3261 §8.2.2.2.
#[test]
fn a_merged_request_accepted_twice() {
    assert_caught(CallFlow::Merged, "a copy that must get 482", || {
        Alias::of_second_branch("INVITE")
    });
}

/// RFC 3261 §8.2.7.
#[test]
fn a_repeated_copy_without_an_answer() {
    assert_caught(CallFlow::Merged, "§8.2.7 wants", || {
        Broken::repetitions_of("SIP/2.0 482", "INVITE")
    });
}

/// RFC 3261 §17.2.2.
#[test]
fn a_bye_answered_twice_differently() {
    let rule = "another response follows a final one";
    assert_caught(CallFlow::Answer, rule, || Alias::of_repeated("BYE"));
}

/// RFC 3261 §17.2.1.
#[test]
fn no_1xx_for_a_repeated_invite() {
    assert_caught(CallFlow::Ring, "§13.3.1.1, §17.2.1 wants", || {
        Broken::repetitions_of("SIP/2.0 180", "INVITE")
    });
}

/// RFC 3261 §17.1.2.2: timer E.
#[test]
fn a_bye_never_repeated() {
    assert_caught(CallFlow::CalleeHangsUp, "§17.1.2.2 wants", || {
        Broken::repetitions_of("BYE ", "BYE")
    });
}

/// RFC 3261 §17.2.2.
#[test]
fn a_repeated_bye_without_an_answer() {
    assert_caught(CallFlow::Answer, "§17.2.2 wants", || {
        Broken::repetitions_of("SIP/2.0 200", "BYE")
    });
}

/// RFC 3261 §15.
#[test]
fn a_bye_before_the_ack() {
    let rule = "comes before the ACK";
    assert_caught(CallFlow::Answer, rule, Broken::hanging_up_too_soon);
}

/// RFC 3262 §3.
#[test]
fn an_rseq_out_of_range() {
    let rule = "is not the next in order";
    assert_caught(CallFlow::ReliableRing, rule, Broken::with_rseq_0);
}

/// RFC 3261 §17.2.1: timer H.
#[test]
fn a_missing_ack_that_nobody_hears_of() {
    let rule = "the application is not told";
    assert_caught(CallFlow::RejectNoAck, rule, Broken::without_events);
}

/// RFC 3261 §15: both ends know that the session is over.
#[test]
fn a_session_that_ends_in_silence() {
    assert_caught(
        CallFlow::Answer,
        "accepted, 0 ended",
        Broken::without_events,
    );
}
