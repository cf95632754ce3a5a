//! One call flow on one transport, and one run of it.

use std::fmt;

use offhook_core::{Config, Transport};
use offhook_message::{Header, HeaderName, Method, Text};

use super::flow::{CallFlow, Peer};
use super::schedule::Schedule;
use super::timeline::Timeline;
use super::{agreement, dialog, refresh, repetition, rules};
use crate::caller::CallState;
use crate::check::NOT_EMPTY;
use crate::clock::milliseconds;
use crate::draft::OFFER;
use crate::faults::Fault;
use crate::mutant::Mutant;
use crate::packet::End;
use crate::simulation::{Simulation, Verdict};
use crate::trace::Trace;

/// One call flow on one transport: a row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The flow.
    pub flow: CallFlow,
    /// The transport.
    pub transport: Transport,
    /// Who calls.
    pub caller: Peer,
}

/// How a run went.
#[derive(Debug)]
pub struct Run {
    /// What does not hold, for people.
    pub violations: Vec<String>,
    /// How it ended for the caller.
    pub caller: Option<CallState>,
    /// What happened.
    pub trace: Trace,
}

impl Case {
    /// Every flow with everybody who may call, on datagrams and on a stream.
    pub fn all() -> Vec<Self> {
        let flows = CallFlow::ALL.iter().copied();
        let callers = flows.flat_map(|flow| flow.callers().iter().map(move |it| (flow, *it)));
        let cases = callers.flat_map(|(flow, caller)| {
            [Transport::Udp, Transport::Tcp].map(|transport| Self {
                flow,
                transport,
                caller,
            })
        });
        cases.collect()
    }

    /// A flow with a caller that is no core.
    pub const fn scripted(flow: CallFlow, transport: Transport) -> Self {
        Self {
            flow,
            transport,
            caller: Peer::Script,
        }
    }

    /// A flow with a core for a caller.
    pub const fn between_cores(flow: CallFlow, transport: Transport) -> Self {
        Self {
            flow,
            transport,
            caller: Peer::Core,
        }
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

    /// The same once, with this end broken. A client that is broken is a core.
    pub fn run_broken(self, schedule: &Schedule, end: End, mutant: Box<dyn Mutant>) -> Run {
        let verdict = self.simulate(schedule, Some((end, mutant)));
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

    fn simulate(self, schedule: &Schedule, mutant: Option<(End, Box<dyn Mutant>)>) -> Verdict {
        let config = Config {
            methods: vec![Method::Refer],
            ..Config::default()
        };
        let mut call = Simulation::with_config(self.flow.policy(), config.clone())
            .over(self.transport)
            .latency(milliseconds(20))
            .faults(schedule.faults());
        match self.caller {
            Peer::Script => call.call(self.flow.plan()),
            Peer::Core => {
                let offer = self.flow.is_offering().then_some(OFFER);
                let expires = self.flow.session_expires().map(Text::from_static);
                let expires = expires.map(|it| Header::known(HeaderName::SessionExpires, it));
                let headers = expires.into_iter().collect();
                call.call_by_core(self.flow.client_policy(), config, offer, headers);
            }
        }
        if let Some((end, mutant)) = mutant {
            call.break_end(end, mutant);
        }
        call.verdict()
    }

    fn check(self, schedule: &Schedule, verdict: Verdict) -> Run {
        let Verdict {
            mut violations,
            caller,
            descriptions,
            trace,
        } = verdict;
        let is_stream = self.transport.is_reliable();
        let server = Timeline::new(&trace, is_stream, End::Server);
        let client = Timeline::new(&trace, is_stream, End::Client);
        if is_abandoned(&server, &client) || is_abandoned(&client, &server) {
            // Without session timers (RFC 4028) nothing ends a session whose peer is gone.
            violations.retain(|violation| !violation.starts_with(NOT_EMPTY));
        } else {
            violations.extend(agreement::check(&server, &trace, caller));
        }
        violations.extend(agreement::check_descriptions(descriptions));
        let ends = match self.caller {
            Peer::Script => &[server][..],
            Peer::Core => &[server, client][..],
        };
        for timeline in ends {
            violations.extend(repetition::check(timeline));
            violations.extend(rules::check(timeline, &trace));
            violations.extend(dialog::check(timeline));
            violations.extend(refresh::check(timeline));
        }
        let ends = self.flow.ends();
        let is_expected = caller.is_some_and(|caller| ends.contains(&caller));
        if schedule.is_harmless() && !is_expected {
            violations.push(format!("the call ends {caller:?}, expected {ends:?}"));
        }
        Run {
            violations,
            caller,
            trace,
        }
    }
}

/// Whether an end hung up and nothing of that reached the other: every BYE was lost.
fn is_abandoned(end: &Timeline<'_>, other: &Timeline<'_>) -> bool {
    let mut sent = end.sent.iter();
    let mut received = other.received.iter();
    sent.any(|sent| sent.is_request(&Method::Bye))
        && !received.any(|it| it.status.is_none() && it.key.method == Method::Bye)
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let caller = self.caller.as_str();
        write!(f, "{} {} by {caller}", self.flow, self.transport)
    }
}
