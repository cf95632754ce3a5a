use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, ensure};
use offhook_interop::Process;
use serde_json::Value;

use super::{Programs, pinned};

/// A run of `offhook load`, killed on drop.
pub(super) struct OffhookLoad {
    process: Process,
}

/// The calls of a run.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Calls per second.
    pub(super) rate: u32,
    /// Calls in all.
    pub(super) count: u32,
    /// How long each lasts.
    pub(super) hold: Duration,
}

impl OffhookLoad {
    /// Calls the route `bare` of `server` from these cores.
    pub(super) fn start(
        programs: &Programs,
        cores: &str,
        server: SocketAddr,
        plan: Plan,
    ) -> Result<Self> {
        let mut command = pinned(cores);
        command.arg(programs.offhook.binary());
        command.args(["load", &format!("sip:bare@{server}"), "--json"]);
        command.args(["--rate", &plan.rate.to_string()]);
        command.args(["--calls", &plan.count.to_string()]);
        command.args(["--hold", &plan.hold.as_secs().to_string()]);
        let in_progress = plan.count.max(FEW).to_string();
        command.args(["--limit", &in_progress, "--log", "warn"]);
        let process = Process::start("offhook load", &mut command)?;
        Ok(Self { process })
    }

    /// Waits until so many calls are established at once.
    pub(super) fn wait_until_up(&self, calls: u32) -> Result<()> {
        let is_up = |line: &str| {
            let progress = serde_json::from_str::<Value>(line);
            progress.is_ok_and(|it| it["up"].as_u64() == Some(calls.into()))
        };
        self.process.wait_for_line(LONGEST, is_up).map(drop)
    }

    /// Waits until all calls are over, and gives what the run says of them.
    pub(super) fn finish(mut self) -> Result<Outcome> {
        self.process.wait(LONGEST)?;
        let is_summary = |line: &str| line.contains(SUMMARY);
        let line = self.process.wait_for_line(Duration::ZERO, is_summary)?;
        let summary: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
        let number = |name: &str| {
            let value = summary[name].as_f64();
            value.with_context(|| format!("no {name} in {line}"))
        };
        let setup = &summary["setup_ms"];
        let [median, tail] = ["p50", "p99.9"].map(|part| setup[part].as_f64().unwrap_or(f64::NAN));
        Ok(Outcome {
            rate: number("rate")?,
            failed: number("failed")?,
            retransmissions: number("retransmissions")?,
            slid: number("slid_ms")?,
            is_late: summary["is_bottleneck"] == true,
            median,
            tail,
            failures: summary["failures"].to_string(),
        })
    }
}

/// What became of the calls of a run.
pub(super) struct Outcome {
    /// Calls begun in a second.
    rate: f64,
    failed: f64,
    retransmissions: f64,
    /// By how much the last call began late, in ms.
    slid: f64,
    /// Whether more than one call in a hundred began 20 ms late or later.
    is_late: bool,
    /// How long a call took to be answered, in ms: half of them, and all but one in a thousand.
    median: f64,
    tail: f64,
    failures: String,
}

impl Outcome {
    /// Whether the calls came at this rate, every one was answered and ended, and nothing was sent twice.
    pub(super) fn is_clean_at(&self, rate: u32) -> bool {
        self.failed + self.retransmissions + self.slid == 0.0 && self.rate > 0.99 * f64::from(rate)
    }

    pub(super) fn ensure_none_failed(&self) -> Result<()> {
        ensure!(self.failed == 0.0, "calls failed: {}", self.failures);
        Ok(())
    }

    /// In a few words.
    pub(super) fn account(&self) -> String {
        let late = if self.is_late {
            ", calls began late"
        } else {
            ""
        };
        format!(
            "{} failed, {} retransmissions, setup {:.1} ms, p99.9 {:.1} ms{late}",
            self.failed, self.retransmissions, self.median, self.tail
        )
    }
}

const SUMMARY: &str = "\"event\":\"summary\"";
/// So many calls may be in progress at least.
const FEW: u32 = 20_000;
const LONGEST: Duration = Duration::from_mins(10);
