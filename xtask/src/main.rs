//! The project's checks and measurements: `cargo xtask ci` runs every check, the other commands run one kind alone.
#![forbid(unsafe_code)]

mod bench;
mod check;
mod command;

mod documents;
mod fuzz;
mod house;
mod instructions;
mod npm;
mod peer;
mod process_usage;
mod repeat;
mod step;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::{bench::Bench, fuzz::Fuzz, peer::PeersMissing, repeat::Repeat};

/// The project's checks and measurements.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Every check, in the order of their cost. Installs missing peers from Debian.
    Ci,
    /// Formatting, clippy, rustdoc, the rules of the house, what documents name, licences.
    Lint,
    /// All tests that need no peer.
    Test,
    /// The runs against real peers, with the release build.
    Interop {
        /// A file in interop/tests without its ending, or a part of a test's name.
        filter: Option<String>,
    },
    /// Instructions of messages and calls, compared with their bounds. A part of `test`.
    Instructions,
    /// What calls cost, beside a floor and SIPp's own server. See bench/README.md.
    Bench(Bench),
    /// A fuzz target under libFuzzer.
    Fuzz(Fuzz),
    /// The tests again and again on a busy machine.
    Repeat(Repeat),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Ci => {
            step::run_all(&[check::PEERS, check::LINT, check::TEST, check::INTEROP].concat())
        }
        Task::Lint => step::run_all(check::LINT),
        Task::Test => step::run_all(check::TEST),
        Task::Interop { filter: None } => step::run_all(&[check::PEERS, check::INTEROP].concat()),
        Task::Interop {
            filter: Some(filter),
        } => check::interop(&filter),
        Task::Instructions => step::run_all(&[check::INSTRUCTIONS]),
        Task::Bench(bench) => bench.run(),
        Task::Fuzz(fuzz) => fuzz.run(),
        Task::Repeat(repeat) => repeat.run(),
    };
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    eprintln!("\n{error:#}");
    if error.is::<PeersMissing>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}
