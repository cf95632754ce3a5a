use std::time::Duration;

use anyhow::Result;

use super::{
    Bench, CALLER_CORE, Programs, SERVER_CORE,
    calls::{self, HEADING},
    offhook_load::{OffhookLoad, Plan},
    progress,
    subject::Subject,
};
use crate::instructions::{Counter, NO_VALGRIND};

/// What a call costs while others are held: in virtual time, and through the program.
pub(super) fn measure(bench: &Bench, programs: &Programs) -> Result<()> {
    in_virtual_time()?;
    let mut rows = Vec::new();
    for held in HELD {
        progress(&format!("{held} calls are held"));
        let server = Subject::Offhook.start(programs, SERVER_CORE)?;
        let plan = Plan {
            rate: RAMP,
            count: held,
            hold: LONGER,
        };
        let load = OffhookLoad::start(programs, CALLER_CORE, server.address(), plan)?;
        load.wait_until_up(held)?;
        server.wait_until_forgotten()?;
        let mut rounds = Vec::new();
        for number in 1..=bench.rounds {
            progress(&format!("{held} calls are held, round {number}"));
            rounds.push(calls::round(&server, RATE, bench.seconds)?);
        }
        rows.push((held, rounds));
    }
    println!("\n{HEADING}");
    for (held, rounds) in rows {
        calls::print(&format!("{held} held"), RATE, &rounds);
    }
    Ok(())
}

fn in_virtual_time() -> Result<()> {
    let Some(counter) = Counter::build()? else {
        println!("SKIPPED in virtual time: {NO_VALGRIND}");
        return Ok(());
    };
    println!("\ninstructions for a call in virtual time");
    for held in HELD {
        progress(&format!("{held} calls are held in virtual time"));
        let taken = counter.count(&format!("take-with-held:{held}"), TIMES)?;
        println!("{held:>13} held {taken:>8}");
    }
    for shards in SHARDS {
        let taken = counter.count(&format!("take-with-shards:{shards}"), MORE_TIMES)?;
        println!("{shards:>11} shards {taken:>8}");
    }
    Ok(())
}

const HELD: [u32; 4] = [100, 1_000, 10_000, 100_000];
const SHARDS: [u32; 3] = [1, 2, 16];
const TIMES: u64 = 1_000;
/// Each of sixteen shards grows its tables.
const MORE_TIMES: u64 = 8_000;
/// Calls per second while they are measured, and until they are held.
const RATE: u32 = 3_000;
const RAMP: u32 = 2_000;
/// Longer than the measurement takes.
const LONGER: Duration = Duration::from_hours(1);
