use std::time::Duration;

use anyhow::Result;

use super::{
    BOTH_CORES, Bench, CALLER_CORE, Programs, SERVER_CORE,
    offhook_load::{OffhookLoad, Outcome, Plan},
    progress,
    subject::Subject,
};
use crate::process_usage::{Usage, used_by};

/// The highest rate of `offhook load` at which no call fails and nothing is sent twice. A server on one core has one shard,
/// and on two cores two.
pub(super) fn measure(bench: &Bench, programs: &Programs) -> Result<()> {
    let mut rows = Vec::new();
    for (shards, server, caller) in [(1, SERVER_CORE, CALLER_CORE), (2, BOTH_CORES, BOTH_CORES)] {
        let run = |rate, seconds| run(programs, server, caller, rate, seconds);
        let mut rate = highest(&|rate| Ok(run(rate, bench.seconds)?.0.is_clean_at(rate)))?;
        // Transactions live for 32 s: only then is as much forgotten as begun.
        let (outcome, usage, calls) = loop {
            let (outcome, usage) = run(rate, LONG)?;
            if outcome.is_clean_at(rate) || rate <= STEP {
                break (outcome, usage, rate * LONG);
            }
            rate -= rate / 20;
        };
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(calls);
        rows.push(format!(
            "{shards:>6} {server:>6} {caller:>6} {rate:>7} {:>10.1} {:>6.1} {:>6.1}  {}",
            micros(usage.total()),
            micros(usage.user),
            micros(usage.system),
            outcome.account(),
        ));
    }
    println!("\n{HEADING}\n{}", rows.join("\n"));
    Ok(())
}

/// Doubles the rate until it is too much, and then halves the distance.
fn highest(is_clean: &dyn Fn(u32) -> Result<bool>) -> Result<u32> {
    let (mut good, mut bad) = (0, STEP * 2);
    while is_clean(bad)? {
        (good, bad) = (bad, bad * 2);
    }
    while bad - good > STEP {
        let middle = good.midpoint(bad);
        if is_clean(middle)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Ok(good.max(STEP))
}

/// A run with a server of its own, and what that server used.
fn run(
    programs: &Programs,
    server: &str,
    caller: &str,
    rate: u32,
    seconds: u32,
) -> Result<(Outcome, Usage)> {
    let server = Subject::Offhook.start(programs, server)?;
    let before = used_by(server.id())?;
    let plan = Plan {
        rate,
        count: rate * seconds,
        hold: Duration::ZERO,
    };
    let load = OffhookLoad::start(programs, caller, server.address(), plan)?;
    let outcome = load.finish()?;
    let usage = used_by(server.id())? - before;
    progress(&format!(
        "{rate} calls/s for {seconds} s: {}",
        outcome.account()
    ));
    Ok((outcome, usage))
}

const HEADING: &str = "shards server caller calls/s server µs/call   user system  ";
/// Calls per second.
const STEP: u32 = 500;
/// In seconds.
const LONG: u32 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rate_is_found_to_a_step() {
        for most in [600, 7_900, 20_000] {
            let found = highest(&|rate| Ok(rate <= most)).unwrap();
            assert!(found <= most && most - found < STEP, "{found} of {most}");
        }
        assert_eq!(highest(&|_| Ok(false)).unwrap(), STEP);
    }
}
