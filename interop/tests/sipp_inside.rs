//! SIPp changes, refreshes and disturbs calls that are established, and is held, refreshed and refused by the server.

use std::{ops::RangeInclusive, thread, time::Duration};

use anyhow::{Result, anyhow, ensure};
use offhook_interop::{Offhook, Server, Sipp, Transport};

/// A scenario, played against a route.
struct Case {
    scenario: &'static str,
    user: &'static str,
    /// Bounds, in milliseconds, for what the scenario measures.
    response_time: Option<RangeInclusive<u128>>,
}

const CASES: &[Case] = &[
    case("requests_inside", "echo"),
    case("requests_outside", "echo"),
    case("overlapping_invite", "ring"),
    case("overlapping_offers", "echo"),
    case("session_interval", "echo"),
    case("held", "hold"),
    case("glare", "hold"),
    case("refreshed_by_caller", "timer"),
    // Half of 90 s.
    timed("refreshed_by_server", "echo", 44_950..=55_000),
    timed("refreshed_by_invite", "echo", 44_950..=55_000),
    // 90 s without the last third.
    timed("not_refreshed", "timer", 59_950..=70_000),
];

#[test]
fn over_udp() -> Result<()> {
    play_all(Transport::Udp)
}

#[test]
fn over_tcp() -> Result<()> {
    play_all(Transport::Tcp)
}

/// All of them at the same time, since most of the time is waiting; and then nothing is left.
fn play_all(transport: Transport) -> Result<()> {
    let Some(offhook) = Offhook::find(&["sipp"])? else {
        return Ok(());
    };
    let server = &offhook.serve()?;
    let wrong: Vec<String> = thread::scope(|scope| {
        let runs: Vec<_> = CASES
            .iter()
            .map(|case| scope.spawn(move || play(server, transport, case)))
            .collect();
        let outcomes = runs.into_iter().zip(CASES).filter_map(|(run, case)| {
            let outcome = run
                .join()
                .map_err(|_| anyhow!("the run panicked"))
                .flatten();
            let error = outcome.err()?;
            Some(format!("{}: {error:#}", case.scenario))
        });
        outcomes.collect()
    });
    let tail = || server.process().tail();
    ensure!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), tail());
    server.wait_until_idle(FORGOTTEN).map(drop)
}

fn play(server: &Server, transport: Transport, case: &Case) -> Result<()> {
    let sipp = Sipp::calling(case.user, server.address(transport), transport)?
        .scenario(case.scenario)
        .calls(3)
        .limit(Duration::from_secs(110));
    match &case.response_time {
        Some(bounds) => sipp.run_timed(bounds),
        None => sipp.run_clean(),
    }
    .map(drop)
}

const fn case(scenario: &'static str, user: &'static str) -> Case {
    Case {
        scenario,
        user,
        response_time: None,
    }
}

const fn timed(
    scenario: &'static str,
    user: &'static str,
    response_time: RangeInclusive<u128>,
) -> Case {
    Case {
        scenario,
        user,
        response_time: Some(response_time),
    }
}

/// 64·T1 is 32 s: the longest that a transaction waits for anything (RFC 3261 §17).
const FORGOTTEN: Duration = Duration::from_secs(42);
