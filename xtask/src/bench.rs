use std::{
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use offhook_interop::{
    Offhook, Process, Report, Sipp, Transport, free_port, is_installed, wait_for_udp_port,
};

use crate::{command::release_offhook, cpu, peer};

/// Server CPU per call on route `bare`, in turns with SIPp's own `uas` scenario. See bench/README.md.
#[derive(Args)]
pub(crate) struct Bench {
    /// Calls per second; several rates with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "1000,3000")]
    rates: Vec<u32>,
    /// How often each server is measured at each rate. The table shows the median.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load in a round.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// One round with one server.
#[derive(Clone, Copy)]
struct Round {
    /// µs of server CPU for a call.
    cpu: f64,
    /// Calls per second that SIPp reached.
    rate: f64,
    /// Of one core, by SIPp as the caller.
    caller_load: f64,
    failed: u64,
    retransmissions: u64,
}

impl Bench {
    pub(crate) fn run(&self) -> Result<()> {
        peer::ensure_installed()?;
        ensure!(
            is_installed("taskset"),
            "taskset is not installed; on Debian it is in util-linux"
        );
        let offhook = Offhook::new(release_offhook()?);
        println!("{HEADING}");
        for &rate in &self.rates {
            let mut ours = Vec::new();
            let mut theirs = Vec::new();
            for _ in 0..self.rounds {
                ours.push(self.measure_offhook(&offhook, rate)?);
                theirs.push(self.measure_sipp(rate)?);
            }
            let (ours, theirs) = (
                print("offhook", rate, &ours),
                print("sipp uas", rate, &theirs),
            );
            println!("{:>8} {rate:>7} {:>10.2}", "ratio", ours / theirs);
        }
        Ok(())
    }

    fn measure_offhook(&self, offhook: &Offhook, rate: u32) -> Result<Round> {
        let mut command = pinned(SERVER_CORE);
        command.arg(offhook.binary());
        let server = offhook.serve_by(command, &["--log", "warn"])?;
        // Transactions stay for 32 s after a call; what it costs to forget them belongs to the call.
        let settle = || server.wait_until_idle(FORGOTTEN).map(drop);
        self.measure(
            server.process(),
            server.address(Transport::Udp),
            rate,
            settle,
        )
    }

    fn measure_sipp(&self, rate: u32) -> Result<Round> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = pinned(SERVER_CORE);
        command.args([
            "sipp",
            "-sn",
            "uas",
            "-nostdin",
            "-i",
            "127.0.0.1",
            "-p",
            &address.port().to_string(),
        ]);
        let server = Process::start("sipp as the server", &mut command)?;
        wait_for_udp_port(address.port(), Duration::from_secs(10))?;
        self.measure(&server, address, rate, || Ok(()))
    }

    fn measure(
        &self,
        server: &Process,
        address: SocketAddr,
        rate: u32,
        settle: impl Fn() -> Result<()>,
    ) -> Result<Round> {
        load(address, rate, rate)?;
        let before = cpu::used_by(server.id())?;
        let caller_before = cpu::used_by_ended_children()?;
        let start = Instant::now();
        let calls = rate * self.seconds;
        let report = load(address, rate, calls)?;
        let took = start.elapsed();
        let caller = cpu::used_by_ended_children()?.saturating_sub(caller_before);
        settle()?;
        let used = cpu::used_by(server.id())?.saturating_sub(before);
        let statistics = &report.statistics;
        Ok(Round {
            cpu: used.as_secs_f64() * 1e6 / f64::from(calls),
            rate: statistics.call_rate()?,
            caller_load: caller.as_secs_f64() / took.as_secs_f64(),
            failed: statistics.failed()?,
            retransmissions: statistics.retransmissions()?,
        })
    }
}

/// Places `calls` calls to the route `bare` by SIPp's `uac` scenario.
fn load(address: SocketAddr, rate: u32, calls: u32) -> Result<Report> {
    let mut command = pinned(CALLER_CORE);
    command.arg("sipp");
    let sipp = Sipp::by(command, "bare", address, Transport::Udp)?
        .calls(calls)
        .rate(rate);
    // Without this bound SIPp stops calling when a few answers are late.
    sipp.option("-l", &rate.to_string())
        .run()
        .context("SIPp as the caller")
}

/// A command that runs what is added to it on one core.
fn pinned(core: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]);
    command
}

/// Prints the row for `server` and returns its median of µs per call.
fn print(server: &str, rate: u32, rounds: &[Round]) -> f64 {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let median = rounds[rounds.len() / 2];
    let failed: u64 = rounds.iter().map(|round| round.failed).sum();
    let retransmissions: u64 = rounds.iter().map(|round| round.retransmissions).sum();
    println!(
        "{server:>8} {rate:>7} {:>10.1} {:>6.1} {:>6.1} {:>9.0} {:>10.0} % {failed:>7} {retransmissions:>8}",
        median.cpu,
        rounds[0].cpu,
        rounds[rounds.len() - 1].cpu,
        median.rate,
        median.caller_load * 100.0,
    );
    if median.rate < 0.95 * f64::from(rate) || median.caller_load > 0.9 {
        println!(
            "         SIPp as the caller is the bottleneck here: its rate and its core say nothing about the server"
        );
    }
    median.cpu
}

const HEADING: &str =
    "  server calls/s    µs/call    min    max   reached  caller core  failed  retrans";
const SERVER_CORE: &str = "0";
const CALLER_CORE: &str = "1";
const FORGOTTEN: Duration = Duration::from_secs(45);
