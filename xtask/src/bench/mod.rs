//! `cargo xtask bench`: what calls cost. `bench/README.md` says how it measures, and has the figures.

mod calls;
mod core;
mod growth;
mod memory;
mod offhook_load;
mod subject;
mod sustained;

use std::{path::PathBuf, process::Command};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use offhook_interop::{Offhook, Scratch, is_installed};

use crate::{
    command::{release_binary, release_offhook},
    peer,
};

/// What calls cost, beside a floor and SIPp's own server. See bench/README.md.
#[derive(Args)]
pub(crate) struct Bench {
    /// What is measured; without any, all of it, which takes about forty minutes.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Calls per second for the CPU of a call; several rates with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "1000,3000")]
    rates: Vec<u32>,
    /// How often each is measured. The tables show the median.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load in a round.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Messages and calls without a network: time, instructions, pieces of memory.
    Core,
    /// Server CPU for a call: the floor, SIPp's server and ours.
    Calls,
    /// Resident memory of the server for a held call.
    Memory,
    /// Server CPU for a call while 100 to 100,000 others are held.
    Growth,
    /// The most calls a second by `offhook load` without a loss, with one shard and with two.
    Sustained,
}

impl Bench {
    pub(crate) fn run(&self) -> Result<()> {
        peer::ensure_installed()?;
        ensure!(
            is_installed("taskset"),
            "taskset is not installed; on Debian it is in util-linux"
        );
        let all = Part::value_variants();
        let parts = if self.parts.is_empty() {
            all
        } else {
            &self.parts
        };
        for part in parts {
            match part {
                Part::Core => core::measure()?,
                Part::Calls => calls::measure(self, &Programs::build()?)?,
                Part::Memory => memory::measure(&Programs::build()?)?,
                Part::Growth => growth::measure(self, &Programs::build()?)?,
                Part::Sustained => sustained::measure(self, &Programs::build()?)?,
            }
        }
        Ok(())
    }
}

/// What is measured, and with which settings.
struct Programs {
    floor: PathBuf,
    offhook: Offhook,
    scratch: Scratch,
}

impl Programs {
    fn build() -> Result<Self> {
        let scratch = Scratch::new("bench")?;
        scratch.write(CONFIGURATION, UNBOUNDED)?;
        Ok(Self {
            floor: release_binary("offhook-bench", "floor")?,
            offhook: Offhook::new(release_offhook()?),
            scratch,
        })
    }
}

/// A command that runs what is added to it on these cores.
fn pinned(cores: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", cores]);
    command
}

/// The median by `key`, with the least and the greatest.
fn median<T: Clone>(rounds: &[T], key: impl Fn(&T) -> f64) -> [T; 3] {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(|a, b| key(a).total_cmp(&key(b)));
    [rounds.len() / 2, 0, rounds.len() - 1].map(|index| rounds[index].clone())
}

/// Says what comes next, for it may take minutes. The tables go to standard output alone.
fn progress(what: &str) {
    eprintln!("... {what}");
}

const SERVER_CORE: &str = "0";
const CALLER_CORE: &str = "1";
const BOTH_CORES: &str = "0,1";
const CONFIGURATION: &str = "offhook.toml";
/// No bound is in the way of a measurement.
const UNBOUNDED: &str = "max_calls = 1000000\nmax_transactions = 10000000\n";
