//! Runs the matrix and prints it. `--help` lists the options; the crate documentation of
//! `offhook-sim` says how to read it.

use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use clap::Parser;
use offhook_core::Transport;
use offhook_sim::matrix::{CallFlow, Case, Peer, Progress, Schedule, Survey};

/// Runs every call flow on every transport under every schedule of a few faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only this call flow; may be given more than once.
    #[arg(long)]
    flow: Vec<CallFlow>,
    /// Only this transport: udp or tcp.
    #[arg(long, value_parser = transport)]
    transport: Option<Transport>,
    /// Only this caller: script or core.
    #[arg(long)]
    caller: Option<Peer>,
    /// How many faults a schedule has at most.
    #[arg(long, default_value_t = 4)]
    faults: usize,
    /// How many schedules are drawn by chance for each loss.
    #[arg(long, default_value_t = 100_000)]
    random: usize,
    /// The seed of the first of them.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many threads work; by default one for each core.
    #[arg(long)]
    threads: Option<usize>,
    /// Runs one schedule on each of these, and draws it: 1x,4=,5~ or seed:17@30 or none.
    #[arg(long)]
    replay: Option<Schedule>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let cases = cases(&arguments);
    let is_good = match &arguments.replay {
        Some(schedule) => cases.iter().all(|case| replay(*case, schedule)),
        None => survey(&arguments, cases),
    };
    ExitCode::from(u8::from(!is_good))
}

fn transport(text: &str) -> Result<Transport, String> {
    let transport = Transport::parse(text.as_bytes());
    transport.ok_or_else(|| format!("{text} is no transport; write udp or tcp"))
}

fn cases(arguments: &Arguments) -> Vec<Case> {
    let mut cases = Case::all();
    cases.retain(|case| {
        let has_flow = arguments.flow.is_empty() || arguments.flow.contains(&case.flow);
        let has_caller = arguments.caller.is_none_or(|caller| caller == case.caller);
        has_flow
            && has_caller
            && arguments
                .transport
                .is_none_or(|transport| transport == case.transport)
    });
    cases
}

/// Draws one run. True where every rule holds.
fn replay(case: Case, schedule: &Schedule) -> bool {
    let run = case.run(schedule);
    println!("{case}, {schedule}\n\n{}", run.trace);
    for violation in &run.violations {
        println!("violation: {violation}");
    }
    if run.violations.is_empty() {
        println!("every rule holds");
    }
    run.violations.is_empty()
}

/// Runs what was asked for. True where every rule holds.
fn survey(arguments: &Arguments, cases: Vec<Case>) -> bool {
    let threads = available_parallelism().map_or(1, usize::from);
    let survey = Survey {
        cases,
        most_faults: arguments.faults,
        random: arguments.random,
        seed: arguments.seed,
        threads: arguments.threads.unwrap_or(threads),
    };
    let began = Instant::now();
    let (mut said, mut first) = (Duration::ZERO, None);
    let table = survey.run(|progress| {
        let elapsed = began.elapsed();
        if elapsed >= said + Duration::from_secs(5) {
            said = elapsed;
            first = first.or_else(resident_memory);
            print_progress(elapsed, progress);
        }
    });
    let elapsed = began.elapsed();
    println!("{table}");
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let speed = table.totals().0 as f64 / elapsed.as_secs_f64();
    println!(
        "{:.0} s, {speed:.0} runs a second on {} threads, each run made twice",
        elapsed.as_secs_f64(),
        survey.threads
    );
    if let Some((first, last)) = first.zip(resident_memory()) {
        println!("resident memory: {first} KiB after the first seconds, {last} KiB at the end");
    }
    for failure in table.failures() {
        let (case, schedule) = (failure.case, failure.schedule.clone());
        let schedule = case.shrink(&schedule);
        println!("\n{}", "=".repeat(70));
        replay(case, &schedule);
        println!(
            "\ncargo run --release -p offhook-sim --example matrix -- --flow {} --caller {} \
             --transport {} --replay {schedule}",
            case.flow,
            case.caller.as_str(),
            case.transport
        );
    }
    table.failures().is_empty()
}

fn print_progress(elapsed: Duration, progress: Progress) {
    let Progress {
        runs,
        violations,
        percent,
    } = progress;
    eprintln!(
        "{:>5.0} s  {percent:>3} %  {runs} runs, {violations} violations",
        elapsed.as_secs_f64(),
    );
}

/// The memory of this process that is in use, in KiB; `None` where the system does not say.
fn resident_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
