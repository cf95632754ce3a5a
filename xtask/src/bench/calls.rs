use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use offhook_interop::{Report, Sipp, Transport};

use super::{
    Bench, CALLER_CORE, Programs, SERVER_CORE, median, pinned, progress,
    subject::{Running, Subject},
};
use crate::process_usage::{Usage, used_by, used_by_ended_children};

/// One round with one server.
#[derive(Clone)]
pub(super) struct Round {
    calls: u32,
    /// Of the server, up to the end of the load.
    load: Usage,
    /// Of the server, until it has forgotten the calls.
    settled: Usage,
    /// Calls per second that SIPp reached.
    rate: f64,
    /// Of one core, by SIPp as the caller.
    caller_load: f64,
    failed: u64,
    retransmissions: u64,
}

/// Server CPU for a call: each server in turns, on a core of its own.
pub(super) fn measure(bench: &Bench, programs: &Programs) -> Result<()> {
    for &rate in &bench.rates {
        let mut rounds = SUBJECTS.map(|_| Vec::new());
        for number in 1..=bench.rounds {
            for (subject, rounds) in SUBJECTS.iter().zip(&mut rounds) {
                let name = subject.name();
                progress(&format!("{name}, {rate} calls/s, round {number}"));
                let server = subject.start(programs, SERVER_CORE)?;
                load(&server, rate, rate)?;
                rounds.push(round(&server, rate, bench.seconds)?);
            }
        }
        println!("\n{HEADING}");
        let [floor, sipp, ours] =
            [0, 1, 2].map(|index| print(SUBJECTS[index].name(), rate, &rounds[index]));
        for (name, other) in [("floor", floor), ("sipp", sipp)] {
            let [load, settled] = [Round::micros, Round::settled_micros];
            println!(
                "ours to {name:<5} {:>8.2} {:>24.2}",
                load(&ours) / load(&other),
                settled(&ours) / settled(&other),
            );
        }
    }
    Ok(())
}

impl Round {
    /// µs of server CPU for a call, up to the end of the load.
    pub(super) fn micros(&self) -> f64 {
        self.per_call(self.load.total())
    }

    /// As [`Round::micros`], until the calls are forgotten.
    pub(super) fn settled_micros(&self) -> f64 {
        self.per_call(self.settled.total())
    }

    fn per_call(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / f64::from(self.calls)
    }
}

/// Loads a server for so many seconds.
pub(super) fn round(server: &Running, rate: u32, seconds: u32) -> Result<Round> {
    let calls = rate * seconds;
    let before = used_by(server.id())?;
    let caller_before = used_by_ended_children()?;
    let start = Instant::now();
    let report = load(server, rate, calls)?;
    let took = start.elapsed();
    let load = used_by(server.id())? - before;
    let caller = used_by_ended_children()? - caller_before;
    server.wait_until_forgotten()?;
    let settled = match server {
        // It burns time when it is idle, and has nothing to forget.
        Running::Other(..) => load,
        Running::Offhook(_) => used_by(server.id())? - before,
    };
    let statistics = &report.statistics;
    Ok(Round {
        calls,
        load,
        settled,
        rate: statistics.call_rate()?,
        caller_load: caller.total().as_secs_f64() / took.as_secs_f64(),
        failed: statistics.failed()?,
        retransmissions: statistics.retransmissions()?,
    })
}

/// Places `calls` calls to the route `bare` by SIPp's `uac` scenario.
fn load(server: &Running, rate: u32, calls: u32) -> Result<Report> {
    let mut command = pinned(CALLER_CORE);
    command.arg("sipp");
    let sipp = Sipp::by(command, "bare", server.address(), Transport::Udp)?
        .calls(calls)
        .rate(rate)
        .limit(LONGEST);
    // Without this bound SIPp stops calling when a few answers are late.
    sipp.option("-l", &rate.to_string())
        .run()
        .context("SIPp as the caller")
}

/// Prints the row for a server and returns its median.
pub(super) fn print(name: &str, rate: u32, rounds: &[Round]) -> Round {
    let [middle, least, greatest] = median(rounds, Round::micros);
    let settled = median(rounds, Round::settled_micros)[0].settled_micros();
    let failed: u64 = rounds.iter().map(|round| round.failed).sum();
    let retransmissions: u64 = rounds.iter().map(|round| round.retransmissions).sum();
    println!(
        "{name:>13} {:>8.1} {:>6.1} {:>6.1} {:>6.1} {:>6.1} {settled:>8.1} {rate:>7} {:>7.0} {:>9.0} % {failed:>6} {retransmissions:>7}",
        middle.micros(),
        middle.per_call(middle.load.user),
        middle.per_call(middle.load.system),
        least.micros(),
        greatest.micros(),
        middle.rate,
        middle.caller_load * 100.0,
    );
    if middle.rate < 0.95 * f64::from(rate) || middle.caller_load > 0.9 {
        println!(
            "{:>13} SIPp is the bottleneck here: its rate and its core say nothing about the server",
            ""
        );
    }
    middle
}

pub(super) const HEADING: &str = "       server  µs/call   user system    min    max  settled calls/s reached caller core failed retrans";
const SUBJECTS: [Subject; 3] = [Subject::Floor, Subject::Sipp, Subject::Offhook];
const LONGEST: Duration = Duration::from_mins(5);
