//! The `offhook` program: `offhook serve` answers calls, `offhook call` places one, `offhook load` places
//! many, `offhook register` registers an address, `offhook config` prints the default configuration.

mod accounts;
mod answering;
mod arguments;
mod call;
mod caller;
mod calling;
mod certificates;
mod configuration;
mod credentials;
mod load;
mod logging;
mod names;
mod negotiation;
mod open_files;
mod outcome;
mod over;
mod record;
mod registering;
mod ringing;
mod serve;
mod signals;
mod stdout;
#[cfg(test)]
mod stopping;
mod talk;
mod wave;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use mimalloc::MiMalloc;
use tokio::runtime::Runtime;

use self::{
    arguments::{Arguments, Command},
    configuration::Configuration,
};

/// A call takes and gives back a few dozen pieces of memory; this allocator does that at half the cost.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    open_files::allow_all();
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => run(serve::serve(arguments)),
        Command::Call(arguments) => run(calling::call(arguments)),
        Command::Load(arguments) => load::load(arguments),
        Command::Register(arguments) => run(registering::register(arguments)),
        Command::Config => {
            stdout::print(Configuration::DEFAULT.trim_end());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        // Nobody may be reading, and that is no other outcome.
        let _ = writeln!(io::stderr(), "offhook: {}", account(&error));
        ExitCode::from(NOT_STARTED)
    })
}

/// Runs a command. What is left when it returns is not waited for.
fn run(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::new().context("no runtime")?;
    let exit = runtime.block_on(command);
    runtime.shutdown_background();
    exit
}

/// What went wrong and why, each said once: some errors tell what caused them, and have it as their source too.
fn account(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// What clap exits with, too, when the arguments are wrong.
const NOT_STARTED: u8 = 2;
