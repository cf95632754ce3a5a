use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use hdrhistogram::Histogram;
use serde_json::json;

use crate::stdout::{Line, rounded, seconds};

/// What has become of the calls so far.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Calls that were begun.
    pub(crate) offered: u32,
    /// Calls that are established and not ended yet.
    pub(crate) up: u32,
    /// Calls that were established and ended as they should.
    pub(crate) done: u32,
    /// The other calls that are over, by their status, or by what went wrong.
    pub(crate) failed: BTreeMap<String, u32>,
    /// Repetitions of requests that had no response in time.
    pub(crate) retransmissions: u64,
    /// The longest time by which a call began late because we were slow.
    pub(crate) behind: Duration,
    /// How many calls began later than [`TOLERANCE`] because we were slow.
    pub(crate) late: u32,
    /// By how much the calls begin later than planned because of `--limit`.
    pub(crate) slid: Duration,
    /// When the last call began.
    last: Duration,
    /// From the INVITE to the 2xx, in µs.
    setup: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            offered: 0,
            up: 0,
            done: 0,
            failed: BTreeMap::new(),
            retransmissions: 0,
            behind: Duration::ZERO,
            late: 0,
            slid: Duration::ZERO,
            last: Duration::ZERO,
            setup: Histogram::new_with_bounds(1, LONGEST_SETUP, 3).context("no histogram")?,
        })
    }

    /// A call begins at `now`, this much late.
    pub(crate) fn offer(&mut self, now: Duration, late: Duration) {
        self.offered += 1;
        self.last = now;
        self.behind = self.behind.max(late);
        self.late += u32::from(late > TOLERANCE);
    }

    /// A call was answered this long after its INVITE.
    pub(crate) fn established(&mut self, setup: Duration) {
        self.up += 1;
        let micros = u64::try_from(setup.as_micros()).unwrap_or(LONGEST_SETUP);
        self.setup.saturating_record(micros);
    }

    /// An established call ended with our BYE.
    pub(crate) fn done(&mut self) {
        self.up -= 1;
        self.done += 1;
    }

    /// An established call ended otherwise.
    pub(crate) fn broke_off(&mut self, why: impl Into<String>) {
        self.up -= 1;
        self.failed(why);
    }

    /// A call was not established.
    pub(crate) fn failed(&mut self, why: impl Into<String>) {
        *self.failed.entry(why.into()).or_default() += 1;
    }

    pub(crate) fn all_failed(&self) -> u32 {
        self.failed.values().sum()
    }

    /// How many calls are not over.
    pub(crate) fn in_progress(&self) -> u32 {
        self.offered - self.done - self.all_failed()
    }

    /// Whether so many calls began late that the figures speak of us and not of the peer: one in a
    /// hundred.
    pub(crate) fn is_bottleneck(&self) -> bool {
        self.late > self.offered / 100
    }

    /// Calls begun in a second, up to the last.
    fn rate(&self) -> f64 {
        let seconds = self.last.as_secs_f64();
        if seconds > 0.0 {
            f64::from(self.offered.saturating_sub(1)) / seconds
        } else {
            f64::from(self.offered)
        }
    }

    /// What stands in a progress line, and in the summary.
    pub(crate) fn line(&self, event: &str, elapsed: Duration) -> Line {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| self.setup.value_at_quantile(part));
        let [p50, p99, p999, max] = [p50, p99, p999, self.setup.max()].map(milliseconds);
        let Self {
            offered,
            up,
            done,
            retransmissions,
            ..
        } = self;
        let (rate, failed) = (self.rate(), self.all_failed());
        let words = format_args!(
            "{:5.0} s  {rate:.0}/s  offered {offered}  up {up}  done {done}  failed {failed}  \
             retransmissions {retransmissions}  setup p50 {p50:.1} p99 {p99:.1} p99.9 {p999:.1} ms",
            elapsed.as_secs_f64()
        );
        let setup = json!({ "p50": p50, "p99": p99, "p99.9": p999, "max": max });
        Line::new(event, words)
            .with("seconds", seconds(elapsed))
            .with("rate", rounded(rate))
            .with("offered", *offered)
            .with("up", *up)
            .with("done", *done)
            .with("failed", failed)
            .with("failures", json!(self.failed))
            .with("retransmissions", *retransmissions)
            .with("setup_ms", setup)
            .with("late", self.late)
            .with("behind_ms", whole_milliseconds(self.behind))
            .with("slid_ms", whole_milliseconds(self.slid))
            .with("is_bottleneck", self.is_bottleneck())
    }
}

fn milliseconds(micros: u64) -> f64 {
    rounded(Duration::from_micros(micros).as_secs_f64() * 1000.0)
}

fn whole_milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One minute, in µs.
const LONGEST_SETUP: u64 = 60_000_000;
/// What the system may be late to wake us.
const TOLERANCE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stdout::tests::both;

    fn tally() -> Tally {
        let mut tally = Tally::new().unwrap();
        for call in 1..=1002 {
            tally.offer(Duration::from_millis(call), Duration::ZERO);
        }
        for call in 1..=1000 {
            tally.established(Duration::from_millis(call));
            tally.done();
        }
        tally.failed("486");
        tally
    }

    #[test]
    fn the_calls_add_up() {
        let mut tally = tally();
        assert_eq!(tally.in_progress(), 1);
        tally.failed("486");
        assert_eq!(tally.failed["486"], 2);
        assert_eq!(tally.in_progress(), 0);
        assert!(!tally.is_bottleneck());
        for _ in 0..11 {
            assert!(!tally.is_bottleneck());
            tally.offer(Duration::from_secs(2), Duration::from_millis(60));
        }
        assert!(tally.is_bottleneck());
    }

    #[test]
    fn setup_times_are_told_within_a_thousandth() {
        let object = both(&tally().line("summary", Duration::from_secs(1))).1;
        for (part, expected) in [("p50", 500.0), ("p99", 990.0), ("max", 1000.0)] {
            let found = object["setup_ms"][part].as_f64().unwrap();
            assert!((found - expected).abs() <= expected / 1000.0, "{found}");
        }
        assert_eq!(object["failures"], json!({ "486": 1 }));
    }
}
