//! One call flow on one transport, and one run of it.

use std::fmt;

use offhook_core::Transport;
use offhook_message::Method;

use super::flow::CallFlow;
use super::schedule::Schedule;
use super::timeline::Timeline;
use super::{agreement, repetition, rules};
use crate::check::NOT_EMPTY;
use crate::clock::milliseconds;
use crate::faults::Fault;
use crate::mutant::Mutant;
use crate::packet::{Direction, Packet};
use crate::simulation::{Simulation, Verdict};
use crate::trace::Trace;

/// One call flow on one transport: a row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The flow.
    pub flow: CallFlow,
    /// The transport.
    pub transport: Transport,
}

/// How a run went.
#[derive(Debug)]
pub struct Run {
    /// What does not hold, for people.
    pub violations: Vec<String>,
    /// What happened.
    pub trace: Trace,
}

impl Case {
    /// Every flow, on datagrams and on a stream.
    pub fn all() -> Vec<Self> {
        let cases = CallFlow::ALL.into_iter().flat_map(|flow| {
            [Transport::Udp, Transport::Tcp].map(|transport| Self { flow, transport })
        });
        cases.collect()
    }

    /// Runs the call twice under a schedule, and checks everything that must hold after it.
    pub fn run(self, schedule: &Schedule) -> Run {
        let verdict = self.simulate(schedule, None);
        let is_replayed = verdict.trace == self.simulate(schedule, None).trace;
        let mut run = self.check(schedule, verdict);
        if !is_replayed {
            run.violations.push("a second run is another".to_owned());
        }
        run
    }

    /// The same with a server that is broken, and once.
    pub fn run_broken(self, schedule: &Schedule, mutant: Box<dyn Mutant>) -> Run {
        let verdict = self.simulate(schedule, Some(mutant));
        self.check(schedule, verdict)
    }

    /// The least that still goes wrong of a schedule that does: faults are left out as long as a
    /// rule is violated without them.
    pub fn shrink(self, schedule: &Schedule) -> Schedule {
        let run = self.run(schedule);
        let packets = run.trace.packets();
        let faults = packets.filter_map(|packet| Some((packet.number, packet.fault?)));
        let mut faults: Vec<_> = faults.collect();
        if !self.fails(&faults) {
            return schedule.clone();
        }
        let mut index = 0;
        while index < faults.len() {
            let mut fewer = faults.clone();
            fewer.remove(index);
            if self.fails(&fewer) {
                (faults, index) = (fewer, 0);
            } else {
                index += 1;
            }
        }
        Schedule::Exact(faults)
    }

    fn fails(self, faults: &[(usize, Fault)]) -> bool {
        let schedule = Schedule::Exact(faults.to_vec());
        !self.run(&schedule).violations.is_empty()
    }

    fn simulate(self, schedule: &Schedule, mutant: Option<Box<dyn Mutant>>) -> Verdict {
        let mut call = Simulation::new(self.flow.policy())
            .over(self.transport)
            .latency(milliseconds(20))
            .faults(schedule.faults());
        if let Some(mutant) = mutant {
            call = call.broken(mutant);
        }
        call.call(self.flow.plan());
        call.verdict()
    }

    fn check(self, schedule: &Schedule, verdict: Verdict) -> Run {
        let Verdict {
            mut violations,
            caller,
            trace,
        } = verdict;
        let timeline = Timeline::new(&trace, self.transport.is_reliable());
        if is_abandoned(&timeline, &trace) {
            // Without session timers (RFC 4028) nothing ends a session whose peer is gone.
            violations.retain(|violation| !violation.starts_with(NOT_EMPTY));
        } else {
            violations.extend(agreement::check(&timeline, &trace, caller));
        }
        violations.extend(repetition::check(&timeline));
        violations.extend(rules::check(&timeline, &trace));
        let ends = self.flow.ends();
        let is_expected = caller.is_some_and(|caller| ends.contains(&caller));
        if schedule.is_harmless() && !is_expected {
            violations.push(format!("the call ends {caller:?}, expected {ends:?}"));
        }
        Run { violations, trace }
    }
}

/// Whether the caller hung up and nothing of that reached the server: every BYE was lost.
fn is_abandoned(timeline: &Timeline<'_>, trace: &Trace) -> bool {
    let is_bye =
        |packet: &Packet| packet.direction == Direction::ToServer && packet.label() == "BYE";
    let mut received = timeline.received.iter();
    trace.packets().any(is_bye) && !received.any(|received| received.key.method == Method::Bye)
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flow, self.transport)
    }
}
